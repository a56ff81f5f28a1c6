//! Builders that forge good and bad files, and the checks that every reader has to pass.
//!
//! [`pickle`] assembles pickles opcode by opcode; [`payload`] has files to hide in others, and
//! [`places`] puts them where formats have room; [`zip`] writes archives in which every field can
//! lie; [`recipe`] turns reviewable text into bytes; [`snapshot`] shows a reading as text and
//! compares it with what a corpus says; [`robust`] damages files in every way that is cheap to
//! enumerate. Nothing here knows a particular reader.

pub mod payload;
pub mod pickle;
pub mod places;
pub mod recipe;
pub mod robust;
pub mod snapshot;
pub mod zip;
