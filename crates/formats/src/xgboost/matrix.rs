//! Data of XGBoost as `DMatrix.save_binary` writes it: what is known about the rows, field by field,
//! and the sparse matrix of their values.
//!
//! Source: XGBoost, `src/data/data.cc` (`MetaInfo::SaveBinary`, `SaveVectorField`),
//! `src/data/simple_dmatrix.cc` (`SaveToLocalFile`), versions 1.0 to 3.2.

use super::{attribute, numbers, text};
use davy_artifact::{Format, Input, Probe, Quirk, Reading, Role, Route, Value};
use davy_bytes::{Budget, Cursor, Halt, Span};

/// `SimpleDMatrix::kMagic`, and what stands behind it.
const MAGIC: &[u8] = b"\x01\xab\xff\xffversion:";

/// Longest name of a field.
const NAME: u64 = 256;

/// The field that is called one of texts and is a document.
const CATEGORIES: &str = "cats";

/// Types of values (`DataType`): name and width.
const TYPES: [(&str, u64); 5] =
    [("float32", 4), ("float64", 8), ("uint32", 4), ("uint64", 8), ("text", 0)];

/// The reader of XGBoost's data.
#[derive(Debug)]
pub struct DMatrix;

impl Format for DMatrix {
    fn id(&self) -> &'static str {
        "xgboost-data"
    }

    fn summary(&self) -> &'static str {
        "XGBoost data (DMatrix.save_binary): fields and sparse matrix"
    }

    fn probe(&self, head: &[u8], _: &Input<'_>) -> Probe {
        if head.starts_with(MAGIC) { Probe::Certain } else { Probe::No }
    }

    fn read(
        &self,
        input: &Input<'_>,
        reading: &mut Reading,
        budget: &mut Budget,
    ) -> Result<(), Halt> {
        let cursor = Cursor::new(input.bytes.clone());
        let mut data = Data { cursor, reading, budget };
        let result = data.read();
        let size = input.bytes.len();
        let from = match &result {
            Ok(()) => data.cursor.position(),
            Err(halt) => halt.at().min(size),
        };
        let rest = Span::between(from, size);
        match &result {
            Ok(()) if rest.len == 0 => reading.seamless = true,
            Ok(()) => {
                let what = "bytes behind the data";
                reading.deviation(Quirk::BytesAfterEnd, rest, Route::None, what);
            }
            Err(halt) => reading.deviation(Quirk::Truncated, rest, Route::None, halt.what()),
        }
        if rest.len > 0 {
            reading.child(format!("@{from:#x}"), input.bytes.slice(rest), Role::Leftover);
        }
        result
    }
}

struct Data<'a> {
    cursor: Cursor,
    reading: &'a mut Reading,
    budget: &'a mut Budget,
}

impl Data<'_> {
    fn read(&mut self) -> Result<(), Halt> {
        self.cursor.take(MAGIC.len(), "magic")?;
        let at = self.cursor.position();
        let mut version = Vec::new();
        for _ in 0..3 {
            version.push(i32::from_le_bytes(self.cursor.array("version")?).to_string());
        }
        attribute(self.reading, "", "xgboost_version", text(&version.join(".")), Span::new(at, 12));
        let fields = self.cursor.u64_le("number of fields")?;
        self.size(fields, 10)?;
        for _ in 0..fields {
            self.budget.spend_steps(16, self.cursor.position())?;
            self.field()?;
        }
        self.list("offsets of rows", "uint64", 8)?;
        self.list("values", "entry", 8)
    }

    /// The length of a list whose elements all have to be there.
    fn size(&self, count: u64, item: u64) -> Result<u64, Halt> {
        let left = self.cursor.remaining();
        count.checked_mul(item).filter(|size| *size <= left).ok_or_else(|| {
            let what = format!("{count} values of {item} bytes, where {left} are left");
            Halt::malformed(self.cursor.position(), what)
        })
    }

    fn list(&mut self, name: &str, dtype: &str, item: u64) -> Result<(), Halt> {
        let count = self.cursor.u64_le("length of a list")?;
        let size = self.size(count, item)?;
        let span = self.cursor.skip(size, "list")?;
        numbers(self.reading, name, dtype, count, span);
        Ok(())
    }

    fn field(&mut self) -> Result<(), Halt> {
        let at = self.cursor.position();
        let len = self.cursor.u64_le("length of a name")?;
        if len > NAME {
            return Err(Halt::malformed(at, format!("a name of {len} bytes")));
        }
        let span = self.cursor.skip(len, "name")?;
        let name = self.cursor.bytes().copy(span, 256)?;
        let name = String::from_utf8_lossy(&name).into_owned();
        let kind = self.cursor.u8("type")?;
        let is_scalar = self.cursor.u8("mark of a scalar")?;
        let known = kind.checked_sub(1).and_then(|index| TYPES.get(usize::from(index)));
        let Some((dtype, width)) = known else {
            return Err(Halt::malformed(at, format!("a field of type {kind}")));
        };
        if is_scalar != 0 {
            return self.scalar(&name, *width);
        }
        self.cursor.take(16, "shape")?;
        if *width > 0 {
            return self.list(&name, dtype, *width);
        }
        if name == CATEGORIES {
            return self.categories();
        }
        let count = self.cursor.u64_le("number of texts")?;
        self.size(count, 8)?;
        for _ in 0..count {
            self.budget.spend_steps(8, self.cursor.position())?;
            let len = self.cursor.u64_le("length of a text")?;
            self.cursor.skip(len, "text")?;
        }
        Ok(())
    }

    /// Categories are a document of UBJSON in a field of texts (since 3.1).
    fn categories(&mut self) -> Result<(), Halt> {
        let len = self.cursor.u64_le("length of the categories")?;
        let span = self.cursor.skip(len, "categories")?;
        if span.len > 0 {
            let bytes = self.cursor.bytes().slice(span);
            self.reading.child(CATEGORIES, bytes, Role::Present);
        }
        Ok(())
    }

    fn scalar(&mut self, name: &str, width: u64) -> Result<(), Halt> {
        let span = self.cursor.skip(width, "scalar")?;
        let bytes = self.cursor.bytes().copy(span, 8)?;
        let number = bytes.iter().rev().fold(0_u64, |sum, byte| (sum << 8) | u64::from(*byte));
        let value = Value::Int(i64::try_from(number).unwrap_or(i64::MAX));
        attribute(self.reading, "", name, value, span);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use davy_testkit::robust::{self, Order};

    fn data() -> Vec<u8> {
        let mut file = MAGIC.to_vec();
        file.extend([2, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
        file.extend(2_u64.to_le_bytes());
        file.extend(7_u64.to_le_bytes());
        file.extend(b"num_row\x04\x01");
        file.extend(9_u64.to_le_bytes());
        file.extend(6_u64.to_le_bytes());
        file.extend(b"labels\x01\0");
        file.extend([0; 16]);
        file.extend(1_u64.to_le_bytes());
        file.extend([0; 4]);
        file.extend(1_u64.to_le_bytes());
        file.extend([0; 8]);
        file.extend(0_u64.to_le_bytes());
        file
    }

    #[test]
    fn data_is_read_to_its_end() {
        let outcome = robust::read(&DMatrix, "x", &data()).unwrap();
        assert!(outcome.reading.seamless && outcome.halt.is_none(), "{outcome:?}");
        let mut claims = data();
        let len = claims.len();
        claims[len - 1] = 0x7f;
        let outcome = robust::read(&DMatrix, "x", &claims).unwrap();
        assert_eq!(outcome.reading.deviations[0].quirk, Quirk::Truncated);
    }

    #[test]
    fn damage_breaks_no_promise() {
        robust::truncations(&DMatrix, &data(), Order::Indexed).unwrap();
        robust::flips(&DMatrix, &data()).unwrap();
    }
}
