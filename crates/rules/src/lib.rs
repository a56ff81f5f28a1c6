//! What davy claims about artifacts, and what it knows about callables.
//!
//! A [`Rule`] is the claim, a [`Detector`] the code that checks it against the facts and deviations
//! of an artifact, a [`Finding`] one instance. Rules never see bytes: this crate has no dependency
//! on the readers. [`CATALOG`] is the one list of all of them.

mod advisories;
mod archives;
mod behaviour;
mod beside;
mod calls;
mod catalog;
mod code;
mod facts;
mod finding;
mod graphs;
mod hub;
mod judge;
pub mod knowledge;
mod programs;
mod quirks;
mod references;
mod rule;
mod sources;
mod streams;
mod templates;
mod tensors;

pub use advisories::{Advice, Advisory, Subject, Version, advise, advisories};
pub use behaviour::{Indicates, Indicator, Tag, Tagged};
pub use beside::Beside;
pub use catalog::CATALOG;
pub use finding::{Finding, Reporter};
pub use rule::{Confidence, Detector, Rule, Severity, Threat};
