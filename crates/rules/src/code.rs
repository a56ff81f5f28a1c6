//! Judges code that travels in a file: a function as its byte code was followed, and the parts of
//! pickled functions and classes, which name what their code can reach.

mod body;
mod names;
mod parts;
mod words;

#[cfg(test)]
pub(crate) use body::testing;
pub(crate) use body::{Body, Deed, is_foreign, look};
pub(crate) use parts::{Examiner, Seen};
pub(crate) use words::{is_of_r, listing, several, when, who};
