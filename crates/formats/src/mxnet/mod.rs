//! Arrays of Apache MXNet (`.params`, `.nd`): one behind the other, dense or sparse, and their names.
//!
//! Source: MXNet 1.9, `src/ndarray/ndarray.cc` (`NDArray::Load`, `NDArray::LegacyLoad`),
//! `include/mxnet/tuple.h`. The graphs beside them are JSON.

use crate::stored::{Stored, children};
use davy_artifact::{Fact, Format, Input, Probe, Quirk, Reading, Role, Route, Site, Tensor};
use davy_bytes::{Budget, Cursor, Halt, Span, to_usize};

/// `kMXAPINDArrayListMagic`, and the zero behind it.
const MAGIC: [u8; 16] = [0x12, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

/// What arrays start with: shapes of long numbers, sparse ones as well, and shapes as NumPy has them. Older
/// arrays start with the number of their dimensions.
const V1: u32 = 0xf993_fac8;
const V2: u32 = 0xf993_fac9;
const V3: u32 = 0xf993_faca;

/// Arrays of one file that are read.
const ARRAYS: u64 = 1 << 19;

/// Dimensions of an array at most.
const DIMENSIONS: i32 = 64;

/// Bytes of a name.
const NAME: usize = 1024;

/// Element types by number, with the bytes of one (`mshadow/base.h`).
const TYPES: &[(&str, u64)] = &[
    ("float32", 4),
    ("float64", 8),
    ("float16", 2),
    ("uint8", 1),
    ("int32", 4),
    ("int8", 1),
    ("int64", 8),
    ("bool", 1),
    ("int16", 2),
    ("uint16", 2),
    ("uint32", 4),
    ("uint64", 8),
    ("bfloat16", 2),
];

/// The reader of such files.
#[derive(Debug)]
pub struct MxNet;

impl Format for MxNet {
    fn id(&self) -> &'static str {
        "mxnet"
    }

    fn summary(&self) -> &'static str {
        "arrays of Apache MXNet (.params), dense and sparse"
    }

    fn probe(&self, head: &[u8], _: &Input<'_>) -> Probe {
        if head.starts_with(&MAGIC) { Probe::Certain } else { Probe::No }
    }

    fn read(
        &self,
        input: &Input<'_>,
        reading: &mut Reading,
        budget: &mut Budget,
    ) -> Result<(), Halt> {
        let cursor = Cursor::new(input.bytes.clone());
        let mut list = List { cursor, arrays: Vec::new(), reading, budget };
        let result = list.read();
        let end = list.cursor.position();
        let List { arrays, reading, .. } = list;
        for array in &arrays {
            array.tell(reading);
        }
        let stored: Vec<Stored> = arrays.iter().map(Array::stored).collect();
        children(input.bytes, &stored, reading);
        let size = input.bytes.len();
        let rest = Span::between(result.as_ref().err().map_or(end, Halt::at).min(size), size);
        let (quirk, what) = match &result {
            Ok(()) => (Quirk::BytesAfterEnd, "bytes behind the names of the arrays"),
            Err(halt) => (Quirk::Truncated, halt.what()),
        };
        reading.seamless = rest.len == 0 && result.is_ok();
        if !reading.seamless {
            reading.deviation(quirk, rest, Route::None, what);
            let name = format!("@{:#x}", rest.start);
            reading.child(name, input.bytes.slice(rest), Role::Leftover);
        }
        result
    }
}

/// An array.
struct Array {
    name: String,
    dtype: &'static str,
    width: u64,
    size: Vec<i64>,
    /// All of its bytes, those of indices as well.
    span: Span,
}

impl Array {
    fn stored(&self) -> Stored {
        Stored { name: self.name.clone(), span: self.span, is_bytes: self.width == 1 }
    }

    fn tell(&self, reading: &mut Reading) {
        let elements = crate::tflite::elements(&self.size).unwrap_or(u64::MAX);
        let tensor = Tensor {
            storage: self.name.clone(),
            dtype: self.dtype.to_owned(),
            elements,
            offset: 0,
            size: self.size.clone(),
            stride: vec![],
        };
        let site = Site { span: self.span, route: Route::Tensor(self.name.clone()) };
        reading.fact(Fact::Tensor { tensor, site });
    }
}

/// A file that is being read.
struct List<'a> {
    cursor: Cursor,
    arrays: Vec<Array>,
    reading: &'a mut Reading,
    budget: &'a mut Budget,
}

impl List<'_> {
    fn read(&mut self) -> Result<(), Halt> {
        self.cursor.take(16, "magic")?;
        let count = self.count("arrays", 4)?;
        for index in 0..count {
            self.budget.spend_steps(16, self.cursor.position())?;
            if index >= ARRAYS {
                let at = self.cursor.position();
                return Err(Halt::exhausted(at, "more arrays than are read"));
            }
            let array = self.array(index)?;
            self.arrays.push(array);
        }
        let at = self.cursor.position();
        let names = self.count("names", 8)?;
        if names != count && names != 0 {
            let what = format!("{names} names for {count} arrays");
            self.reading.deviation(Quirk::HeadersDisagree, Span::new(at, 8), Route::None, &what);
        }
        for index in 0..names {
            self.budget.spend_steps(1, self.cursor.position())?;
            let len = self.count("bytes of a name", 1)?;
            let span = self.cursor.skip(len, "name")?;
            let name = self.cursor.bytes().copy(span, NAME.min(to_usize(len)))?;
            if let Some(array) = self.arrays.get_mut(to_usize(index)) {
                array.name = String::from_utf8_lossy(&name).into_owned();
            }
        }
        Ok(())
    }

    /// A count of what takes `least` bytes each.
    fn count(&mut self, what: &str, least: u64) -> Result<u64, Halt> {
        let at = self.cursor.position();
        let count = self.cursor.u64_le("count")?;
        let left = self.cursor.remaining();
        if count.checked_mul(least).is_none_or(|bytes| bytes > left) {
            return Err(Halt::malformed(
                at,
                format!("{count} {what}, where {left} bytes are left"),
            ));
        }
        Ok(count)
    }

    fn int(&mut self, what: &'static str) -> Result<i32, Halt> {
        Ok(i32::from_le_bytes(self.cursor.array(what)?))
    }

    fn array(&mut self, index: u64) -> Result<Array, Halt> {
        let start = self.cursor.position();
        let magic = self.cursor.u32_le("array")?;
        let mut array = Array {
            name: index.to_string(),
            dtype: "",
            width: 1,
            size: Vec::new(),
            span: Span::new(start, 0),
        };
        let kind = if matches!(magic, V2 | V3) { self.int("storage")? } else { 0 };
        // Sparse arrays by rows have one array of indices, compressed ones two.
        let beside = match kind {
            -1 | 0 => 0,
            1 => 1,
            2 => 2,
            kind => {
                return Err(Halt::malformed(start, format!("an array of the unknown kind {kind}")));
            }
        };
        let kept = if beside > 0 { self.shape()? } else { Vec::new() };
        array.size = match magic {
            V1 | V2 | V3 => self.shape()?,
            dims => self.old_shape(dims)?,
        };
        let empty = if magic == V3 { array.size.contains(&-1) } else { array.size.is_empty() };
        if empty || (magic == V3 && kind == -1) {
            return Ok(array);
        }
        self.cursor.take(8, "device")?;
        (array.dtype, array.width) = self.kind()?;
        let mut indices = 0_u64;
        for _ in 0..beside {
            let (_, width) = self.kind()?;
            let shape = self.shape()?;
            indices = indices.saturating_add(self.bytes(&shape, width)?);
        }
        let shape = if beside > 0 { kept } else { array.size.clone() };
        let len = self.bytes(&shape, array.width)?.saturating_add(indices);
        array.span = self.cursor.skip(len, "elements")?;
        Ok(array)
    }

    fn kind(&mut self) -> Result<(&'static str, u64), Halt> {
        let at = self.cursor.position();
        let kind = self.int("type")?;
        let known = usize::try_from(kind).ok().and_then(|kind| TYPES.get(kind));
        known.copied().ok_or_else(|| Halt::malformed(at, format!("element type {kind}")))
    }

    fn shape(&mut self) -> Result<Vec<i64>, Halt> {
        let at = self.cursor.position();
        let dims = self.int("dimensions")?;
        if !(-1..=DIMENSIONS).contains(&dims) {
            return Err(Halt::malformed(at, format!("{dims} dimensions")));
        }
        let mut size = Vec::new();
        if dims == -1 {
            size.push(-1);
        }
        for _ in 0..dims {
            size.push(i64::from_le_bytes(self.cursor.array("dimension")?));
        }
        Ok(size)
    }

    /// A shape of short numbers.
    fn old_shape(&mut self, dims: u32) -> Result<Vec<i64>, Halt> {
        if i32::try_from(dims).is_ok_and(|dims| dims <= DIMENSIONS) {
            let mut size = Vec::new();
            for _ in 0..dims {
                size.push(i64::from(self.cursor.u32_le("dimension")?));
            }
            return Ok(size);
        }
        let at = self.cursor.position().saturating_sub(4);
        Err(Halt::malformed(at, format!("{dims} dimensions")))
    }

    /// Bytes of an array of this shape, which have to be there.
    fn bytes(&self, size: &[i64], width: u64) -> Result<u64, Halt> {
        let bytes = crate::tflite::elements(size).and_then(|count| count.checked_mul(width));
        let left = self.cursor.remaining();
        bytes.filter(|bytes| *bytes <= left).ok_or_else(|| {
            let what = format!("dimensions {size:?}, where {left} bytes are left");
            Halt::malformed(self.cursor.position(), what)
        })
    }
}
