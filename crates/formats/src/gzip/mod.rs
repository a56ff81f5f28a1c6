//! gzip files and raw zlib streams.

mod inflate;

pub use inflate::{Framing, Inflated, inflate, keep};
