//! The table of tensors, and where it says that their bytes are.

use super::fields::Fields;
use super::types::{Blocks, TensorType, is_gone, tensor_type};
use super::{End, only_zeros};
use crate::stored::Stored;
use davy_artifact::{Fact, Quirk, Reading, Route, Site, Tensor, Why};
use davy_bytes::{Blame, Budget, Halt, Span};
use std::collections::HashSet;

/// Tensors of one file that are kept; no model has a tenth of that.
const TENSORS: u64 = 1 << 20;

/// Tensors that are told one by one; more are counted.
const TOLD: usize = 50_000;

/// Dimensions that ggml knows (`GGML_MAX_DIMS`).
const DIMENSIONS: u32 = 4;

/// Dimensions that are read for what they say, where there are more.
const READ: u32 = 64;

/// Bytes of a name that are kept.
const NAME: usize = 1024;

/// Builds of ggml differ in how long a name may be (`GGML_MAX_NAME`): 64 bytes as it is, and up to
/// this in programs for pictures.
const LONGEST_NAME: u64 = 160;

/// One tensor.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) name: String,
    pub(super) dims: Vec<u64>,
    pub(super) kind: TensorType,
    /// Where it says that its bytes start, from the start of the tensors.
    pub(super) offset: u64,
    /// Its bytes by type and dimensions; nothing where they cannot be told.
    pub(super) size: Option<u64>,
    /// Where the table says so.
    pub(super) span: Span,
}

/// The whole table.
#[derive(Debug, Default)]
pub(super) struct Table {
    pub(super) rows: Vec<Row>,
}

impl Table {
    pub(super) fn read(
        &mut self,
        fields: &mut Fields,
        count: u64,
        reading: &mut Reading,
        budget: &mut Budget,
    ) -> Result<End, Halt> {
        let mut names = HashSet::new();
        for index in 0..count {
            let at = fields.position();
            if index >= TENSORS {
                return Err(Halt::exhausted(at, "more tensors than are read"));
            }
            budget.spend_steps(1, at)?;
            let named = fields.text_head("name of a tensor", NAME, || Route::None, reading)?;
            if named.1.is_empty() && only_zeros(fields, at, reading, budget)? {
                return Ok(End::Zeros);
            }
            let row = row(fields, at, named, reading)?;
            if !names.insert(row.name.clone()) {
                let what = "the same name twice: loaders take the first, the last, or refuse the \
                            file";
                let route = Route::Tensor(row.name.clone());
                reading.deviation(Quirk::LoadersDisagree, row.span, route, what);
            }
            self.rows.push(row);
        }
        Ok(End::Whole)
    }

    /// Where the bytes of each tensor are, of a file of `len` bytes whose tensors start at `start`.
    pub(super) fn place(
        &self,
        start: u64,
        alignment: u64,
        len: u64,
        reading: &mut Reading,
    ) -> Vec<Stored> {
        let mut ends: Vec<u64> =
            self.rows.iter().map(|row| start.saturating_add(row.offset)).collect();
        ends.push(len);
        ends.sort_unstable();
        let mut stored = Vec::with_capacity(self.rows.len());
        let mut told = 0_usize;
        for row in &self.rows {
            let at = start.saturating_add(row.offset);
            let behind = ends.partition_point(|end| *end <= at);
            let room = ends.get(behind).map_or(0, |next| next.saturating_sub(at));
            let size = self.size(row, room, reading);
            let is_bytes = matches!(row.kind, TensorType::Known(Blocks { name: "I8", .. }));
            let span = Span::new(at, size);
            if row.size.is_some() || size > 0 {
                stored.push(Stored { name: row.name.clone(), span, is_bytes });
            }
            self.check_offset(row, alignment, reading);
            if told < TOLD {
                told = told.saturating_add(1);
                let span = Span::between(at.min(len), span.end().min(len));
                let site = Site { span, route: Route::Tensor(row.name.clone()) };
                reading.fact(Fact::Tensor { tensor: fact(row), site });
            }
        }
        self.check_sum(alignment, reading);
        stored
    }

    /// Bytes of a tensor, or what is there up to the next where its type is not known.
    fn size(&self, row: &Row, room: u64, reading: &mut Reading) -> u64 {
        match (row.size, row.kind) {
            // `Q8_1` has blocks of 36 bytes in ggml since 2024, and of 40 before and in `gguf-py`.
            (Some(size), TensorType::Known(Blocks { name: "Q8_1", .. })) if size > room => {
                (size / 40).saturating_mul(36)
            }
            (Some(size), _) => size,
            (None, TensorType::Newer) => {
                let why = Why::Halted(Blame::Unsupported);
                let what = format!("tensor `{}` is of a type that is not known", row.name);
                reading.gap(row.span, why, &what);
                room
            }
            (None, _) => 0,
        }
    }

    fn check_offset(&self, row: &Row, alignment: u64, reading: &mut Reading) {
        if !row.offset.is_multiple_of(alignment) {
            let what = format!(
                "its bytes start at {}, which is no multiple of {alignment}: loaders read numbers \
                 where none start",
                row.offset
            );
            let route = Route::Tensor(row.name.clone());
            reading.deviation(Quirk::OutOfRange, row.span, route, &what);
        }
    }

    /// The sizes of all tensors, each filled up, are what llama.cpp allocates.
    fn check_sum(&self, alignment: u64, reading: &mut Reading) {
        let mut sum = Some(0_u64);
        for row in &self.rows {
            let padded = row.size.unwrap_or(0).checked_next_multiple_of(alignment);
            sum = sum.zip(padded).and_then(|(sum, padded)| sum.checked_add(padded));
            if sum.is_none() {
                let what = "the sizes of the tensors overflow when they are added up";
                let route = Route::Tensor(row.name.clone());
                return reading.deviation(Quirk::OutOfRange, row.span, route, what);
            }
        }
    }
}

fn row(
    fields: &mut Fields,
    at: u64,
    (place, head): (Span, Vec<u8>),
    reading: &mut Reading,
) -> Result<Row, Halt> {
    let name = String::from_utf8_lossy(&head).into_owned();
    let dims = dims(fields, &name, reading)?;
    let number = fields.u32("type of a tensor")?;
    let offset = fields.u64("offset of a tensor")?;
    let span = Span::between(at, fields.position());
    let mut row = Row { name, dims, kind: tensor_type(number), offset, size: None, span };
    check_name(&row, place, &head, reading);
    let mut wrong = |quirk, what: &str| {
        reading.deviation(quirk, span, Route::Tensor(row.name.clone()), what);
    };
    if let (TensorType::Known(blocks), true) = (row.kind, is_gone(number)) {
        let name = blocks.name;
        let what = format!("its type is {name}, which was gone before there was GGUF");
        wrong(Quirk::Handmade, &what);
    }
    match row.kind {
        TensorType::Known(blocks) => match size(&row.dims, blocks) {
            Ok(size) => row.size = Some(size),
            Err((quirk, what)) => wrong(quirk, &what),
        },
        TensorType::Impossible => {
            let number = number.cast_signed();
            let what = format!("its type is {number}, far behind the end of the table of types");
            wrong(Quirk::OutOfRange, &what);
        }
        TensorType::Newer => {}
    }
    Ok(row)
}

fn dims(fields: &mut Fields, name: &str, reading: &mut Reading) -> Result<Vec<u64>, Halt> {
    let at = fields.position();
    let count = fields.u32("number of dimensions")?;
    if count > DIMENSIONS {
        let what = format!("it has {count} dimensions, where ggml has room for {DIMENSIONS}");
        let route = Route::Tensor(name.to_owned());
        reading.deviation(Quirk::OutOfRange, Span::new(at, 4), route, &what);
    }
    if count > READ {
        return Err(Halt::malformed(at, "more dimensions than are read"));
    }
    (0..count).map(|_| fields.count("dimension")).collect()
}

fn check_name(row: &Row, place: Span, head: &[u8], reading: &mut Reading) {
    let route = || Route::Tensor(row.name.clone());
    if place.len > LONGEST_NAME || head.contains(&0) {
        let what = "its name is longer than ggml keeps names, or has a zero byte in it: loaders cut \
                    it at different places";
        reading.deviation(Quirk::LoadersDisagree, place, route(), what);
    } else if row.name.chars().any(davy_bytes::acts) || row.name.is_empty() {
        let what = "its name is empty, or not fit to be shown";
        reading.deviation(Quirk::Handmade, place, route(), what);
    }
}

/// Bytes of a tensor.
fn size(dims: &[u64], blocks: Blocks) -> Result<u64, (Quirk, String)> {
    let most = u64::MAX >> 1;
    if dims.contains(&0) {
        let what = format!("a dimension of {dims:?} is zero, by which older loaders divide");
        return Err((Quirk::Handmade, what));
    }
    let product = |product: u64, dim: &u64| product.checked_mul(*dim).filter(|it| *it < most);
    let Some(elements) = dims.iter().try_fold(1_u64, product) else {
        let what = format!("the dimensions {dims:?} overflow when they are multiplied");
        return Err((Quirk::OutOfRange, what));
    };
    let row = dims.first().copied().unwrap_or(1);
    if !row.is_multiple_of(blocks.elements) {
        let what = format!(
            "its rows have {row} elements, which is no multiple of the {} of a block of {}",
            blocks.elements, blocks.name
        );
        return Err((Quirk::SizeMismatch, what));
    }
    let size = elements.checked_div(blocks.elements).and_then(|it| it.checked_mul(blocks.bytes));
    size.ok_or_else(|| {
        let what = format!("the size of {}{dims:?} overflows", blocks.name);
        (Quirk::OutOfRange, what)
    })
}

fn fact(row: &Row) -> Tensor {
    let elements = row.dims.iter().try_fold(1_u64, |product, dim| product.checked_mul(*dim));
    let size = row.dims.iter().map(|dim| i64::try_from(*dim).unwrap_or(i64::MAX));
    let dtype = match row.kind {
        TensorType::Known(blocks) => blocks.name,
        TensorType::Newer | TensorType::Impossible => "unknown",
    };
    Tensor {
        storage: row.name.clone(),
        dtype: dtype.to_owned(),
        elements: elements.unwrap_or(u64::MAX),
        offset: 0,
        size: size.collect(),
        stride: Vec::new(),
    }
}
