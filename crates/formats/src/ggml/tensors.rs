//! Tensors of old files of ggml: one behind another up to the end of the file, each with its name,
//! type and dimensions in front of its data.

use super::{Model, claim};
use crate::gguf::types::{Blocks, TensorType, tensor_type};
use crate::stored::{Area, Stored, children};
use davy_artifact::{Fact, Quirk, Reading, Route, Site, Tensor};
use davy_bytes::{Budget, Halt, Span, to_usize};

/// Dimensions that ggml knows.
const DIMENSIONS: u32 = 4;

/// The longest name of a tensor.
const NAME: u32 = 1024;

/// Tensors of one file that are kept.
const TENSORS: usize = 1 << 20;

/// What stands in front of the data of a tensor.
struct Header {
    name: String,
    dims: Vec<u64>,
    kind: TensorType,
    span: Span,
}

/// Reads all tensors.
pub(super) fn read(
    model: &mut Model,
    reading: &mut Reading,
    budget: &mut Budget,
) -> Result<(), Halt> {
    let mut stored = Vec::new();
    let mut whole = true;
    while model.cursor.remaining() > 0 {
        let at = model.cursor.position();
        budget.spend_steps(1, at)?;
        if stored.len() >= TENSORS {
            return Err(Halt::exhausted(at, "more tensors than are read"));
        }
        if !peek(model)? {
            whole = behind(model, at, &stored, reading, budget)?;
            break;
        }
        let header = header(model)?;
        match tensor(model, &header, reading)? {
            Some(place) => stored.push(place),
            None => {
                whole = false;
                break;
            }
        }
    }
    model.about(stored.len(), reading);
    children(&model.cursor.bytes().clone(), &stored, reading);
    reading.seamless = whole;
    Ok(())
}

/// Bytes that no tensor starts with: what stands behind the model, unless its first tensor is broken.
fn behind(
    model: &Model,
    at: u64,
    stored: &[Stored],
    reading: &mut Reading,
    budget: &mut Budget,
) -> Result<bool, Halt> {
    let area = Area { start: at, alignment: 1, what: "the model" };
    let whole = area.account(model.cursor.bytes(), &[], reading, budget)?;
    if stored.is_empty() {
        return Err(Halt::malformed(at, "no tensor, where the first one should be"));
    }
    Ok(whole)
}

/// Whether the header of a tensor comes next. The position stays.
pub(super) fn peek(model: &mut Model) -> Result<bool, Halt> {
    let at = model.cursor.position();
    let found = header(model);
    model.cursor.seek(at);
    match found {
        Ok(header) => Ok(!matches!(header.kind, TensorType::Impossible)),
        Err(halt) if halt.blame() == davy_bytes::Blame::Malformed => Ok(false),
        Err(halt) => Err(halt),
    }
}

fn header(model: &mut Model) -> Result<Header, Halt> {
    let cursor = &mut model.cursor;
    let at = cursor.position();
    let count = cursor.u32_le("number of dimensions")?;
    let length = cursor.u32_le("length of a name")?;
    let kind = tensor_type(cursor.u32_le("type of a tensor")?);
    if count > DIMENSIONS || length > NAME || length == 0 {
        return Err(Halt::malformed(at, "no header of a tensor"));
    }
    let mut dims = Vec::new();
    for _ in 0..count {
        dims.push(u64::from(cursor.u32_le("dimension")?));
    }
    let name = cursor.take(to_usize(u64::from(length)), "name of a tensor")?;
    let Ok(name) = String::from_utf8(name.to_vec()) else {
        return Err(Halt::malformed(at, "a name that is no text"));
    };
    let span = Span::between(at, cursor.position());
    Ok(Header { name, dims, kind, span })
}

/// Passes over the data of a tensor; nothing where it cannot be told how much that is, or where it
/// is not all there.
fn tensor(
    model: &mut Model,
    header: &Header,
    reading: &mut Reading,
) -> Result<Option<Stored>, Halt> {
    let route = || Route::Tensor(header.name.clone());
    if header.name.chars().any(davy_bytes::acts) {
        let what = "its name is not fit to be shown";
        reading.deviation(Quirk::Handmade, header.span, route(), what);
    }
    let TensorType::Known(blocks) = header.kind else {
        let what = format!("tensor `{}` is of a type that is not known", header.name);
        return Err(Halt::unsupported(header.span.start, what));
    };
    let at = model.cursor.position();
    let data = at.checked_next_multiple_of(model.layout.alignment).unwrap_or(at);
    let elements = header.dims.iter().try_fold(1_u64, |all, dim| all.checked_mul(*dim));
    let blocks = packed(blocks, model.packing);
    let size = elements
        .and_then(|it| it.checked_div(blocks.elements))
        .and_then(|it| it.checked_mul(blocks.bytes));
    let end = model.cursor.bytes().len();
    let left = end.saturating_sub(data);
    let span = Span::new(data.min(end), size.unwrap_or(u64::MAX).min(left));
    fact(header, blocks, elements, span, reading);
    let Some(size) = size.filter(|size| *size <= left) else {
        let claimed = size.unwrap_or(u64::MAX);
        let what = format!("{claimed} bytes of data are claimed, where {left} are left");
        let cut = claim(claimed) == Quirk::Truncated && left >= claimed / 2;
        let quirk = if cut { Quirk::Truncated } else { Quirk::OutOfRange };
        reading.deviation(quirk, header.span, route(), &what);
        return Ok(None);
    };
    let rows = header.dims.first().copied().unwrap_or(1);
    if !rows.is_multiple_of(blocks.elements) {
        let what = format!("its rows of {rows} elements are no whole blocks of {}", blocks.name);
        reading.deviation(Quirk::SizeMismatch, header.span, route(), &what);
    }
    model.cursor.seek(data.saturating_add(size));
    let is_bytes = blocks.name == "I8";
    Ok(Some(Stored { name: header.name.clone(), span, is_bytes }))
}

/// Blocks as they were before scales had 16 bits (ggjt version 3, quantisation version 2).
fn packed(blocks: Blocks, packing: u32) -> Blocks {
    let bytes = match (packing, blocks.name) {
        (0 | 1, "Q4_0") => 20,
        (0 | 1, "Q4_1") => 24,
        (0 | 1, "Q8_0") => 36,
        _ => blocks.bytes,
    };
    Blocks { bytes, ..blocks }
}

fn fact(header: &Header, blocks: Blocks, elements: Option<u64>, span: Span, reading: &mut Reading) {
    let tensor = Tensor {
        storage: header.name.clone(),
        dtype: blocks.name.to_owned(),
        elements: elements.unwrap_or(u64::MAX),
        offset: 0,
        size: header.dims.iter().map(|dim| i64::try_from(*dim).unwrap_or(i64::MAX)).collect(),
        stride: Vec::new(),
    };
    let site = Site { span, route: Route::Tensor(header.name.clone()) };
    reading.fact(Fact::Tensor { tensor, site });
}
