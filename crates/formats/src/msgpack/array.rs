//! Arrays in a document: the extensions of Flax, and the maps of msgpack-numpy.

use super::walk::{Event, Walk};
use crate::numpy::dtype;
use davy_bytes::{Bytes, Halt, Span};

/// Dimensions that are kept.
const DIMENSIONS: usize = 64;

/// An array as it describes itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Array {
    /// The type of its elements.
    pub(super) dtype: String,
    pub(super) shape: Vec<i64>,
    /// The elements, within the document.
    pub(super) data: Span,
}

impl Array {
    /// Number of elements, where no side is negative and 64 bits hold it.
    pub(super) fn count(&self) -> Option<u64> {
        if self.shape.contains(&0) {
            return Some(0);
        }
        let side = |count: u64, side: &i64| count.checked_mul(u64::try_from(*side).ok()?);
        self.shape.iter().try_fold(1, side)
    }

    /// Bytes that the elements take, where type and shape are known.
    pub(super) fn size(&self) -> Option<u64> {
        let item = match self.dtype.as_str() {
            "bfloat16" => 2,
            other => dtype::named(other)?.item,
        };
        self.count()?.checked_mul(item)
    }
}

/// What a Flax extension of an array or scalar holds (`_ndarray_to_bytes`): a list of shape, type and
/// elements. `base` is where the extension's content starts in the document.
pub(super) fn of_extension(content: &Bytes, base: u64) -> Result<Option<Array>, Halt> {
    let mut walk = Walk::new(content.clone());
    let mut array = Array::default();
    let mut step = || match walk.step() {
        Err(halt) if halt.blame() == davy_bytes::Blame::Malformed => Ok(None),
        other => other,
    };
    let Some(Event::Open { is_map: false, count: 3, .. }) = step()? else { return Ok(None) };
    let Some(Event::Open { is_map: false, count, .. }) = step()? else { return Ok(None) };
    for _ in 0..count {
        let Some(Event::Int { value, .. }) = step()? else { return Ok(None) };
        if array.shape.len() >= DIMENSIONS {
            return Ok(None);
        }
        array.shape.push(i64::try_from(value).unwrap_or(i64::MAX));
    }
    let Some(Event::Close { .. }) = step()? else { return Ok(None) };
    let Some(Event::Text { span, .. }) = step()? else { return Ok(None) };
    let name = content.copy(span, 64)?;
    array.dtype = String::from_utf8_lossy(&name).into_owned();
    let Some(Event::Binary { span, .. }) = step()? else { return Ok(None) };
    array.data = Span::new(base.saturating_add(span.start), span.len);
    Ok(Some(array))
}
