//! NetCDF in its classic forms (CDF-1, CDF-2, CDF-5): a header with dimensions, attributes and
//! variables, then the values. NetCDF-4 is HDF5.
//!
//! Source: Unidata, "NetCDF Classic and 64-bit Offset Format Specification"; for CDF-5 the
//! specification of PnetCDF.

use davy_artifact::{
    Excerpt, Fact, Format, Input, Probe, Quirk, Reading, Role, Route, Site, Tensor, Value,
};
use davy_bytes::{Budget, Cursor, Halt, Span};

/// What a file starts with; the version follows.
const MAGIC: &[u8] = b"CDF";

/// Tags of lists.
const DIMENSIONS: u32 = 10;
const VARIABLES: u32 = 11;
const ATTRIBUTES: u32 = 12;

/// Bytes of a name and of a text that are kept.
const NAME: usize = 256;
const TEXT: usize = 1024;

/// Types by number from 1: name and bytes of a value.
const TYPES: [(&str, u64); 11] = [
    ("int8", 1),
    ("char", 1),
    ("int16", 2),
    ("int32", 4),
    ("float32", 4),
    ("float64", 8),
    ("uint8", 1),
    ("uint16", 2),
    ("uint32", 4),
    ("int64", 8),
    ("uint64", 8),
];

/// The reader of classic netCDF.
#[derive(Debug)]
pub struct NetCdf;

impl Format for NetCdf {
    fn id(&self) -> &'static str {
        "netcdf"
    }

    fn summary(&self) -> &'static str {
        "classic netCDF (CDF-1, 2 and 5): dimensions, attributes, variables"
    }

    fn probe(&self, head: &[u8], _: &Input<'_>) -> Probe {
        match head.strip_prefix(MAGIC) {
            Some([1 | 2 | 5, _, ..]) => Probe::Certain,
            _ => Probe::No,
        }
    }

    fn read(
        &self,
        input: &Input<'_>,
        reading: &mut Reading,
        budget: &mut Budget,
    ) -> Result<(), Halt> {
        let mut cursor = Cursor::new(input.bytes.clone());
        cursor.take(MAGIC.len(), "magic")?;
        let version = cursor.u8("version")?;
        let sides = Vec::new();
        let mut file = File { cursor, version, reading, budget, sides, records: 0, last: 0 };
        let result = file.read();
        let (end, size) = (file.last.max(file.cursor.position()), input.bytes.len());
        match &result {
            Ok(()) => reading.seamless = true,
            Err(halt) => {
                let rest = Span::between(halt.at().min(size), size);
                reading.deviation(Quirk::Truncated, rest, Route::None, halt.what());
                if rest.len > 0 {
                    let name = format!("@{:#x}", rest.start);
                    reading.child(name, input.bytes.slice(rest), Role::Leftover);
                }
            }
        }
        // Values are padded to four bytes; more than a record's worth belongs to nothing.
        let rest = Span::between(end.saturating_add(4), size);
        if result.is_ok() && rest.len > 0 {
            let rest = Span::between(end, size);
            let what = "bytes behind the last variable";
            reading.seamless = false;
            reading.deviation(Quirk::BytesAfterEnd, rest, Route::None, what);
            let name = format!("@{end:#x}");
            reading.child(name, input.bytes.slice(rest), Role::Leftover);
        }
        result
    }
}

struct File<'a> {
    cursor: Cursor,
    version: u8,
    reading: &'a mut Reading,
    budget: &'a mut Budget,
    /// Lengths of the dimensions; zero is that of records.
    sides: Vec<u64>,
    records: u64,
    /// Where the last variable ends.
    last: u64,
}

/// A variable that has a value for each record, as the header describes it.
struct Recorded {
    size: u64,
    begin: u64,
}

impl File<'_> {
    fn read(&mut self) -> Result<(), Halt> {
        let records = self.count()?;
        // A writer that streams leaves the number of records open.
        let open = if self.version == 5 { u64::MAX } else { u64::from(u32::MAX) };
        self.records = if records == open { 0 } else { records };
        let count = self.list(DIMENSIONS, 8)?;
        for _ in 0..count {
            self.name()?;
            let side = self.count()?;
            self.sides.push(side);
        }
        self.attributes("")?;
        let count = self.list(VARIABLES, 28)?;
        let mut recorded = Vec::new();
        for _ in 0..count {
            recorded.extend(self.variable()?);
        }
        self.records(&recorded);
        Ok(())
    }

    fn word(&mut self) -> Result<u32, Halt> {
        self.budget.spend_steps(1, self.cursor.position())?;
        Ok(u32::from_be_bytes(self.cursor.array("number")?))
    }

    /// A number that is wide in CDF-5.
    fn count(&mut self) -> Result<u64, Halt> {
        if self.version == 5 {
            return Ok(u64::from_be_bytes(self.cursor.array("number")?));
        }
        Ok(u64::from(self.word()?))
    }

    /// The head of a list whose entries take `least` bytes each.
    fn list(&mut self, tag: u32, least: u64) -> Result<u64, Halt> {
        let at = self.cursor.position();
        let found = self.word()?;
        let count = self.count()?;
        let left = self.cursor.remaining();
        match found {
            0 if count == 0 => Ok(0),
            found if found == tag && count.checked_mul(least).is_some_and(|len| len <= left) => {
                Ok(count)
            }
            found if found == tag => {
                let what = format!("a list of {count} entries, where {left} bytes are left");
                Err(Halt::malformed(at, what))
            }
            found => Err(Halt::malformed(at, format!("a list of tag {found}, not {tag}"))),
        }
    }

    /// Bytes that are padded to a multiple of four.
    fn padded(&mut self, len: u64, what: &'static str) -> Result<Span, Halt> {
        let span = self.cursor.skip(len, what)?;
        let padding = len.div_ceil(4).saturating_mul(4).saturating_sub(len);
        self.cursor.skip(padding.min(self.cursor.remaining()), "padding")?;
        Ok(span)
    }

    fn name(&mut self) -> Result<String, Halt> {
        let len = self.count()?;
        let span = self.padded(len, "name")?;
        let name = self.cursor.bytes().copy(span, NAME)?;
        Ok(String::from_utf8_lossy(&name).into_owned())
    }

    fn kind(&mut self) -> Result<(&'static str, u64), Halt> {
        let at = self.cursor.position();
        let kind = self.word()?;
        let known = usize::try_from(kind).ok().and_then(|kind| TYPES.get(kind.checked_sub(1)?));
        known.copied().ok_or_else(|| Halt::malformed(at, format!("a type {kind}")))
    }

    fn attributes(&mut self, owner: &str) -> Result<(), Halt> {
        let count = self.list(ATTRIBUTES, 12)?;
        for _ in 0..count {
            let start = self.cursor.position();
            let name = self.name()?;
            let (kind, width) = self.kind()?;
            let count = self.count()?;
            let size = count.saturating_mul(width);
            let span = self.padded(size, "values of an attribute")?;
            let value = if kind == "char" {
                let head = self.cursor.bytes().copy(span, TEXT)?;
                Value::Text(Excerpt { head, len: span.len })
            } else {
                Value::Unknown("numbers")
            };
            let span = Span::between(start, self.cursor.position());
            let site = Site { span, route: Route::Object(owner.to_owned()) };
            let owner = owner.to_owned();
            self.reading.fact(Fact::Attribute { owner, name, value, site });
        }
        Ok(())
    }

    fn variable(&mut self) -> Result<Option<Recorded>, Halt> {
        let start = self.cursor.position();
        let name = self.name()?;
        let dimensions = self.count()?;
        let width = if self.version == 5 { 8 } else { 4 };
        let left = self.cursor.remaining();
        if dimensions.checked_mul(width).is_none_or(|len| len > left) {
            return Err(Halt::malformed(start, format!("a variable of {dimensions} dimensions")));
        }
        let mut sides = Vec::new();
        for _ in 0..dimensions {
            let at = self.cursor.position();
            let index = usize::try_from(self.count()?).unwrap_or(usize::MAX);
            let side = self.sides.get(index).copied();
            sides.push(side.ok_or_else(|| Halt::malformed(at, "a dimension that is none"))?);
        }
        self.attributes(&name)?;
        let (kind, item) = self.kind()?;
        self.count()?;
        let begin = match self.version {
            1 => u64::from(self.word()?),
            _ => u64::from_be_bytes(self.cursor.array("place of values")?),
        };
        let is_recorded = sides.first() == Some(&0);
        let one = sides.iter().skip(usize::from(is_recorded));
        let elements = one.clone().try_fold(1_u64, |count, side| count.checked_mul(*side));
        let size = elements.and_then(|count| count.checked_mul(item)).unwrap_or(u64::MAX);
        let span = Span::between(start, self.cursor.position());
        self.tell(&name, kind, &sides, elements, span);
        if is_recorded {
            return Ok(Some(Recorded { size, begin }));
        }
        self.place(&name, begin, size, span);
        Ok(None)
    }

    fn tell(&mut self, name: &str, kind: &str, sides: &[u64], one: Option<u64>, span: Span) {
        let times = if sides.first() == Some(&0) { self.records } else { 1 };
        let signed = |side: &u64| i64::try_from(*side).unwrap_or(i64::MAX);
        let tensor = Tensor {
            storage: name.to_owned(),
            dtype: kind.to_owned(),
            elements: one.and_then(|count| count.checked_mul(times)).unwrap_or(u64::MAX),
            offset: 0,
            size: sides.iter().map(signed).collect(),
            stride: vec![],
        };
        let site = Site { span, route: Route::Tensor(name.to_owned()) };
        self.reading.fact(Fact::Tensor { tensor, site });
    }

    /// Values that have to be in the file.
    fn place(&mut self, name: &str, begin: u64, size: u64, span: Span) {
        let whole = self.cursor.bytes().len();
        let end = begin.checked_add(size);
        match end.filter(|end| *end <= whole) {
            Some(end) => self.last = self.last.max(end),
            None => {
                let what = format!("{size} bytes of values at {begin:#x} are not all in the file");
                let route = Route::Tensor(name.to_owned());
                self.reading.deviation(Quirk::OutOfRange, span, route, &what);
                self.last = whole;
            }
        }
    }

    /// Records stand one behind the other, each with a value of every such variable.
    fn records(&mut self, recorded: &[Recorded]) {
        let padded = |size: u64| size.div_ceil(4).saturating_mul(4);
        let record = match recorded {
            [only] => only.size,
            all => all.iter().fold(0, |sum: u64, one| sum.saturating_add(padded(one.size))),
        };
        let Some(begin) = recorded.iter().map(|one| one.begin).min() else { return };
        let whole = self.cursor.bytes().len();
        let end = record.checked_mul(self.records).and_then(|size| size.checked_add(begin));
        match end.filter(|end| *end <= whole) {
            Some(end) => self.last = self.last.max(end),
            None => {
                let what = format!("{} records of {record} bytes are not all there", self.records);
                let span = Span::new(begin.min(whole), 0);
                self.reading.deviation(Quirk::Truncated, span, Route::None, &what);
                self.last = whole;
            }
        }
        // A file whose number of records is open has them to its end.
        if self.records == 0 {
            self.last = whole;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use davy_testkit::robust::{self, Order};

    fn word(number: u32) -> [u8; 4] {
        number.to_be_bytes()
    }

    /// A variable of `side` numbers whose values start at `begin`.
    fn file(side: u32, begin: u32) -> Vec<u8> {
        let parts: Vec<Vec<u8>> = vec![
            b"CDF\x01".to_vec(),
            word(0).to_vec(),
            [word(10), word(1), word(1)].concat(),
            b"x\0\0\0".to_vec(),
            word(side).to_vec(),
            [word(12), word(1), word(4)].concat(),
            b"note".to_vec(),
            [word(2), word(2)].concat(),
            b"hi\0\0".to_vec(),
            [word(11), word(1), word(1)].concat(),
            b"v\0\0\0".to_vec(),
            [word(1), word(0), word(0), word(0), word(4), word(8), word(begin)].concat(),
            vec![0; 8],
        ];
        parts.concat()
    }

    fn quirks(bytes: &[u8]) -> Vec<Quirk> {
        let outcome = robust::read(&NetCdf, "x.nc", bytes).unwrap();
        outcome.reading.deviations.iter().map(|it| it.quirk).collect()
    }

    #[test]
    fn variables_are_found_where_the_header_says() {
        let whole = file(2, 100);
        let outcome = robust::read(&NetCdf, "x.nc", &whole).unwrap();
        assert!(outcome.reading.seamless && outcome.halt.is_none(), "{outcome:?}");
        assert_eq!((whole.len(), outcome.reading.facts.len()), (108, 2));
        assert_eq!(quirks(&whole), []);
        assert_eq!(quirks(&file(2, 1000)), [Quirk::OutOfRange]);
        assert_eq!(quirks(&[whole.clone(), b"and more".to_vec()].concat()), [Quirk::BytesAfterEnd]);
        assert_eq!(quirks(&whole[..60]), [Quirk::Truncated]);
    }

    #[test]
    fn damage_breaks_no_promise() {
        robust::truncations(&NetCdf, &file(2, 100), Order::Indexed).unwrap();
        robust::flips(&NetCdf, &file(2, 100)).unwrap();
    }
}
