//! From findings and gaps to a verdict, under the user's terms.
//!
//! [`judge`] takes what a scan found and what it could not read, and answers for each input and for
//! all of them. A pass has to be earned: it means that everything was read and that nothing at or
//! above the threshold was found. Whatever was not read makes the answer incomplete, never a pass.

mod assume;
mod judge;
mod verdict;

pub use assume::{Assumption, assume};
pub use judge::{Judged, Judgement, Policy, judge};
pub use verdict::{Reason, Verdict};
