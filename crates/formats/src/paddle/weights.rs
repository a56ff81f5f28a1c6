//! Tensors one behind the other: levels of detail, a description, and elements.

use crate::protobuf::{Entry, Kind, Message, Table, Wire};
use crate::stored::{Stored, children};
use davy_artifact::{Fact, Format, Input, Probe, Quirk, Reading, Role, Route, Site, Tensor};
use davy_bytes::{Budget, Bytes, Cursor, Halt, Span};

/// Tensors of one file that are read.
const TENSORS: u64 = 1 << 19;

/// Bytes of a description at most: a type and a shape.
const DESCRIPTION: u32 = 1024;

/// Element types by number, with the bytes of one (`VarType.Type`).
const TYPES: &[(i64, &str, u64)] = &[
    (0, "bool", 1),
    (1, "int16", 2),
    (2, "int32", 4),
    (3, "int64", 8),
    (4, "float16", 2),
    (5, "float32", 4),
    (6, "float64", 8),
    (20, "uint8", 1),
    (21, "int8", 1),
    (22, "bfloat16", 2),
    (23, "complex64", 8),
    (24, "complex128", 16),
    (32, "float8_e4m3fn", 1),
    (33, "float8_e5m2", 1),
];

static TENSOR: Table = Table {
    name: "TensorDesc",
    fields: &[Entry::one(1, "data_type", Kind::Int), Entry::many(2, "dims", Kind::Int)],
};

/// The reader of weights.
#[derive(Debug)]
pub struct Weights;

impl Format for Weights {
    fn id(&self) -> &'static str {
        "paddle-weights"
    }

    fn summary(&self) -> &'static str {
        "weights of Paddle (.pdiparams): tensors one behind the other"
    }

    fn probe(&self, head: &[u8], input: &Input<'_>) -> Probe {
        // Version, no levels, version, and a description that starts with its type.
        let plain = matches!(head, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2..=255, ..]);
        let described = plain && head.get(17..21).is_some_and(|it| matches!(it, [0..=3, 0, 0, 8]));
        if !described {
            return Probe::No;
        }
        let (mut reading, mut budget) = (Reading::default(), Budget::default());
        let mut list = List::new(input.bytes, &mut reading, &mut budget);
        if list.tensor(0).is_ok() { Probe::Certain } else { Probe::Possible }
    }

    fn read(
        &self,
        input: &Input<'_>,
        reading: &mut Reading,
        budget: &mut Budget,
    ) -> Result<(), Halt> {
        let mut list = List::new(input.bytes, reading, budget);
        let mut result = Ok(());
        let mut index = 0_u64;
        while result.is_ok() && list.cursor.remaining() > 0 {
            let start = list.cursor.position();
            result = list.tensor(index).map_err(|halt| {
                // What is no tensor at all stands behind the last one.
                if halt.at() < start { halt.moved_to(start) } else { halt }
            });
            index = index.saturating_add(1);
        }
        let List { stored, reading, .. } = list;
        children(input.bytes, &stored, reading);
        reading.seamless = result.is_ok();
        if let Err(halt) = &result {
            let start = stored.last().map_or(0, |it| it.span.end());
            let rest = Span::between(start, input.bytes.len());
            reading.deviation(Quirk::Truncated, rest, Route::None, halt.what());
            let name = format!("@{:#x}", rest.start);
            reading.child(name, input.bytes.slice(rest), Role::Leftover);
        }
        result
    }
}

/// A file that is being read.
struct List<'a> {
    bytes: &'a Bytes,
    cursor: Cursor,
    stored: Vec<Stored>,
    reading: &'a mut Reading,
    budget: &'a mut Budget,
}

impl<'a> List<'a> {
    fn new(bytes: &'a Bytes, reading: &'a mut Reading, budget: &'a mut Budget) -> Self {
        let cursor = Cursor::new(bytes.clone());
        Self { bytes, cursor, stored: Vec::new(), reading, budget }
    }

    fn tensor(&mut self, index: u64) -> Result<(), Halt> {
        let start = self.cursor.position();
        self.budget.spend_steps(16, start)?;
        if index >= TENSORS {
            return Err(Halt::exhausted(start, "more tensors than are read"));
        }
        self.version()?;
        let levels = self.cursor.u64_le("levels")?;
        if levels > self.cursor.remaining() / 8 {
            return Err(Halt::malformed(start, format!("{levels} levels of detail")));
        }
        for _ in 0..levels {
            self.budget.spend_steps(1, start)?;
            let size = self.cursor.u64_le("level")?;
            self.cursor.skip(size, "level")?;
        }
        self.version()?;
        let place = self.cursor.position();
        let size = self.cursor.u32_le("description")?;
        if size > DESCRIPTION {
            return Err(Halt::malformed(place, format!("a description of {size} bytes")));
        }
        let span = self.cursor.skip(u64::from(size), "description")?;
        let (kind, dims) = self.describe(span)?;
        let known = TYPES.iter().find(|(number, ..)| *number == kind);
        let Some((_, dtype, width)) = known else {
            return Err(Halt::malformed(span.start, format!("element type {kind}")));
        };
        let elements = crate::tflite::elements(&dims);
        let left = self.cursor.remaining();
        let len = elements.and_then(|count| count.checked_mul(*width)).filter(|len| *len <= left);
        let Some(len) = len else {
            let what = format!("dimensions {dims:?} of {dtype}, where {left} bytes are left");
            return Err(Halt::malformed(span.start, what));
        };
        let span = self.cursor.skip(len, "elements")?;
        self.tell((index, dtype, *width), dims, span);
        Ok(())
    }

    fn tell(&mut self, (index, dtype, width): (u64, &str, u64), size: Vec<i64>, span: Span) {
        let name = index.to_string();
        let elements = span.len.checked_div(width).unwrap_or_default();
        let (storage, dtype) = (name.clone(), dtype.to_owned());
        let tensor = Tensor { storage, dtype, elements, offset: 0, size, stride: vec![] };
        let site = Site { span, route: Route::Tensor(name.clone()) };
        self.reading.fact(Fact::Tensor { tensor, site });
        self.stored.push(Stored { name, span, is_bytes: width == 1 });
    }

    fn version(&mut self) -> Result<(), Halt> {
        let at = self.cursor.position();
        match self.cursor.u32_le("version")? {
            0 => Ok(()),
            version => Err(Halt::malformed(at, format!("a tensor of version {version}"))),
        }
    }

    /// Type and shape.
    fn describe(&mut self, span: Span) -> Result<(i64, Vec<i64>), Halt> {
        let part = self.bytes.slice(span);
        let mut wire = Wire::new(&part);
        let mut message = Message::whole(&part, &TENSOR);
        let (mut kind, mut dims) = (-1, Vec::new());
        let shift = |halt: Halt| halt.shifted(span.start);
        while let Some(field) = wire.next(&mut message, self.budget).map_err(shift)? {
            match field.number {
                1 => kind = field.int(),
                2 => wire
                    .numbers(&field, self.budget, &mut |dim| dims.push(dim.cast_signed()))
                    .map_err(shift)?,
                _ => {}
            }
        }
        Ok((kind, dims))
    }
}
