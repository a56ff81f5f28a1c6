//! The words that readers and rules share.
//!
//! A reader ([`Format`]) turns the bytes of an artifact into a [`Reading`]: facts (what it says),
//! deviations (how it breaks its own form), gaps (what nobody read) and children (artifacts inside
//! it). Rules see [`Artifact`]s made of such readings, and never bytes.
#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::as_conversions)]

mod artifact;
mod code;
mod deviation;
mod fact;
mod format;
mod gap;
mod interpret;
mod reading;
mod route;
mod value;

pub use artifact::{Artifact, Identity};
pub use code::{Code, When};
pub use deviation::{Deviation, Quirk};
pub use fact::{Fact, Name, Operator, Override, Site, Tensor};
pub use format::{Format, Input, Probe};
pub use gap::{Gap, Why};
pub use interpret::{Interpret, Language, Uninterpreted};
pub use reading::{Checksum, Child, Reading, Role};
pub use route::Route;
pub use value::{Call, Excerpt, Manner, Value};
