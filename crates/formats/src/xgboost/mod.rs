//! Models of XGBoost: the binary form of up to 1.x, UBJSON since 1.6, and JSON.
//!
//! All three hold trees as nodes that point at each other by number; a loader that follows a number
//! beyond the nodes reads beyond its memory, so the numbers are held against the counts.
//!
//! Source: XGBoost, `src/learner.cc`, `src/gbm/gbtree_model.h`, `src/gbm/gblinear_model.h`,
//! `src/tree/tree_model.cc`, `doc/model.schema`; UBJSON draft 12.

mod binary;
mod json;
mod matrix;
#[cfg(test)]
mod tests;
pub mod ubjson;

pub use matrix::DMatrix;

use davy_artifact::{Excerpt, Fact, Format, Input, Probe, Reading, Route, Site, Tensor, Value};
use davy_bytes::{Budget, Halt, Span};
use memchr::memmem;

/// Bytes at the start of which one has to name the parts of a model.
const HEAD: usize = 2048;

/// The reader of XGBoost's models.
#[derive(Debug)]
pub struct XgBoost;

impl Format for XgBoost {
    fn id(&self) -> &'static str {
        "xgboost"
    }

    fn summary(&self) -> &'static str {
        "XGBoost models: binary, UBJSON and JSON; trees, weights and attributes"
    }

    fn probe(&self, head: &[u8], _: &Input<'_>) -> Probe {
        let start = head.get(..head.len().min(HEAD)).unwrap_or_default();
        if ubjson::starts_object(head) {
            let known = [b"learner".as_slice(), b"Model", b"Config"];
            let named = known.iter().any(|key| memmem::find(start, key).is_some());
            // The length of eight bytes that XGBoost writes is not found in text.
            let wide = head.get(1) == Some(&b'L');
            return if named && wide { Probe::Certain } else { Probe::Possible };
        }
        if crate::json::starts_container(head) {
            let named = memmem::find(start, b"\"learner\"").is_some()
                && memmem::find(head, b"\"gradient_booster\"").is_some();
            return if named { Probe::Possible } else { Probe::No };
        }
        if binary::starts(head) { Probe::Certain } else { Probe::No }
    }

    fn read(
        &self,
        input: &Input<'_>,
        reading: &mut Reading,
        budget: &mut Budget,
    ) -> Result<(), Halt> {
        let head = input.bytes.copy(Span::new(0, 4096), 4096)?;
        if ubjson::starts_object(&head) {
            ubjson::read(input.bytes, reading, budget)
        } else if crate::json::starts_container(&head) {
            json::read(input.bytes, reading, budget)
        } else {
            binary::read(input.bytes, reading, budget)
        }
    }
}

/// Records a value that describes the model or a part of it.
fn attribute(reading: &mut Reading, owner: &str, name: &str, value: Value, span: Span) {
    let site = Site { span, route: Route::Key(owner.to_owned()) };
    let (owner, name) = (owner.to_owned(), name.to_owned());
    reading.fact(Fact::Attribute { owner, name, value, site });
}

/// A text as facts have it.
fn text(text: &str) -> Value {
    Value::Text(Excerpt::whole(text.chars().take(1024).collect::<String>()))
}

/// Records a list of numbers.
fn numbers(reading: &mut Reading, name: &str, dtype: &str, count: u64, span: Span) {
    let tensor = Tensor {
        storage: name.to_owned(),
        dtype: dtype.to_owned(),
        elements: count,
        offset: 0,
        size: vec![i64::try_from(count).unwrap_or(i64::MAX)],
        stride: vec![],
    };
    let site = Site { span, route: Route::Tensor(name.to_owned()) };
    reading.fact(Fact::Tensor { tensor, site });
}
