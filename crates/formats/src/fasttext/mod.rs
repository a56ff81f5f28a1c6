//! Models of fastText (`.bin`): parameters, a dictionary, and two matrices, quantised or not.
//!
//! Source: fastText, `src/fasttext.cc` (`loadModel`), `src/args.cc`, `src/dictionary.cc`,
//! `src/densematrix.cc`, `src/quantmatrix.cc`, `src/productquantizer.cc`, format versions 11 and 12.

use davy_artifact::{Fact, Format, Input, Probe, Quirk, Reading, Role, Route, Site, Tensor, Value};
use davy_bytes::{Budget, Cursor, Halt, Span};

/// `FASTTEXT_FILEFORMAT_MAGIC_INT32`.
const MAGIC: [u8; 4] = [0xba, 0x16, 0x4f, 0x2f];

/// The newest version that there is.
const VERSION: i32 = 12;

/// Centroids of a quantiser for each dimension (`ProductQuantizer::ksub_`).
const CENTROIDS: u64 = 256;

/// Longest word that is passed over; fastText itself cuts lines at 1024 words, not words.
const WORD: usize = 256;

/// The parameters, in the order in which they stand.
const PARAMETERS: [&str; 12] = [
    "dim",
    "ws",
    "epoch",
    "minCount",
    "neg",
    "wordNgrams",
    "loss",
    "model",
    "bucket",
    "minn",
    "maxn",
    "lrUpdateRate",
];

/// The reader of fastText's models.
#[derive(Debug)]
pub struct FastText;

impl Format for FastText {
    fn id(&self) -> &'static str {
        "fasttext"
    }

    fn summary(&self) -> &'static str {
        "fastText models (.bin): dictionary and matrices"
    }

    fn probe(&self, head: &[u8], _: &Input<'_>) -> Probe {
        let version = head.get(4..8).and_then(|bytes| bytes.try_into().ok());
        let known = version.is_some_and(|bytes| (0..=VERSION).contains(&i32::from_le_bytes(bytes)));
        if head.starts_with(&MAGIC) && known { Probe::Certain } else { Probe::No }
    }

    fn read(
        &self,
        input: &Input<'_>,
        reading: &mut Reading,
        budget: &mut Budget,
    ) -> Result<(), Halt> {
        let cursor = Cursor::new(input.bytes.clone());
        let mut model = Model { cursor, reading, budget };
        let result = model.read();
        let end = model.cursor.position();
        let size = input.bytes.len();
        let from = result.as_ref().err().map_or(end, Halt::at).min(size);
        let rest = Span::between(from, size);
        let (quirk, what) = match &result {
            Ok(()) => (Quirk::BytesAfterEnd, "bytes behind the model"),
            Err(halt) => (Quirk::Truncated, halt.what()),
        };
        reading.seamless = rest.len == 0 && result.is_ok();
        if rest.len > 0 || result.is_err() {
            reading.deviation(quirk, rest, Route::None, what);
        }
        if rest.len > 0 {
            reading.child(format!("@{from:#x}"), input.bytes.slice(rest), Role::Leftover);
        }
        result
    }
}

struct Model<'a> {
    cursor: Cursor,
    reading: &'a mut Reading,
    budget: &'a mut Budget,
}

impl Model<'_> {
    fn read(&mut self) -> Result<(), Halt> {
        self.cursor.take(4, "magic")?;
        let version = self.int("version")?;
        self.attribute("version", i64::from(version));
        let mut dim = 0;
        for name in PARAMETERS {
            let value = self.int(name)?;
            self.attribute(name, i64::from(value));
            dim = if name == "dim" { value } else { dim };
        }
        self.cursor.array::<8>("t")?;
        let pruned = self.dictionary()?;
        let quantised = self.flag("quant_input")?;
        if pruned && !quantised {
            let what = "a dictionary that is pruned beside a matrix that is not quantised: fastText \
                        refuses it";
            let span = Span::new(self.cursor.position(), 0);
            self.reading.deviation(Quirk::HeadersDisagree, span, Route::None, what);
        }
        self.matrix("input", quantised, dim)?;
        let output = self.flag("qout")?;
        self.matrix("output", quantised && output, dim)
    }

    fn int(&mut self, what: &'static str) -> Result<i32, Halt> {
        Ok(i32::from_le_bytes(self.cursor.array(what)?))
    }

    fn long(&mut self, what: &'static str) -> Result<i64, Halt> {
        Ok(i64::from_le_bytes(self.cursor.array(what)?))
    }

    fn flag(&mut self, what: &'static str) -> Result<bool, Halt> {
        Ok(self.cursor.u8(what)? != 0)
    }

    fn attribute(&mut self, name: &str, value: i64) {
        let span = Span::new(self.cursor.position().saturating_sub(4), 4);
        let site = Site { span, route: Route::None };
        let (owner, name) = (String::new(), name.to_owned());
        self.reading.fact(Fact::Attribute { owner, name, value: Value::Int(value), site });
    }

    /// A count that is not negative, of what takes `item` bytes each at least.
    fn count(&self, value: i64, item: u64, what: &str) -> Result<u64, Halt> {
        let left = self.cursor.remaining();
        let count = u64::try_from(value).ok();
        count.filter(|count| count.checked_mul(item).is_some_and(|size| size <= left)).ok_or_else(
            || {
                let what = format!("{value} {what} of {item} bytes, where {left} are left");
                Halt::malformed(self.cursor.position(), what)
            },
        )
    }

    /// The words and labels; tells whether the dictionary is pruned.
    fn dictionary(&mut self) -> Result<bool, Halt> {
        let size = self.int("number of entries")?;
        let words = self.int("number of words")?;
        let labels = self.int("number of labels")?;
        self.attribute("nwords", i64::from(words));
        self.attribute("nlabels", i64::from(labels));
        self.long("number of tokens")?;
        let pruned = self.long("size of the pruned index")?;
        if words.checked_add(labels) != Some(size) {
            let what = format!("{size} entries, where {words} are words and {labels} labels");
            let span = Span::new(self.cursor.position(), 0);
            self.reading.deviation(Quirk::HeadersDisagree, span, Route::None, &what);
        }
        let entries = self.count(i64::from(size), 10, "entries")?;
        for _ in 0..entries {
            self.word()?;
            self.cursor.take(9, "entry")?;
        }
        if pruned > 0 {
            let pairs = self.count(pruned, 8, "pairs")?;
            self.cursor.skip(pairs.saturating_mul(8), "pruned index")?;
        }
        Ok(pruned >= 0)
    }

    /// Passes over a word and the NUL behind it.
    fn word(&mut self) -> Result<(), Halt> {
        loop {
            self.budget.spend_steps(16, self.cursor.position())?;
            let piece = self.cursor.peek_slice(WORD)?;
            let end = piece.iter().position(|byte| *byte == 0);
            let (len, whole) = (piece.len(), end.is_some());
            let len = end.map_or(len, |end| end.saturating_add(1));
            if len == 0 {
                return Err(Halt::malformed(self.cursor.position(), "a word without its end"));
            }
            self.cursor.take(len, "word")?;
            if whole {
                return Ok(());
            }
        }
    }

    fn matrix(&mut self, name: &'static str, quantised: bool, dim: i32) -> Result<(), Halt> {
        if quantised {
            return self.quantised(name);
        }
        let start = self.cursor.position();
        let rows = self.long("rows of a matrix")?;
        let columns = self.long("columns of a matrix")?;
        self.tensor(name, "float32", rows, columns, start);
        if columns != i64::from(dim) {
            let what = format!("{columns} columns, where vectors have {dim} numbers");
            let route = Route::Tensor(name.to_owned());
            let span = Span::between(start, self.cursor.position());
            self.reading.deviation(Quirk::SizeMismatch, span, route, &what);
        }
        let elements = rows.checked_mul(columns).unwrap_or(-1);
        let count = self.count(elements, 4, "numbers")?;
        let span = self.cursor.skip(count.saturating_mul(4), "matrix")?;
        let bytes = self.cursor.bytes().slice(span);
        self.reading.child(format!("@{name}"), bytes, Role::Storage);
        Ok(())
    }

    fn quantised(&mut self, name: &'static str) -> Result<(), Halt> {
        let start = self.cursor.position();
        let normed = self.flag("qnorm")?;
        let rows = self.long("rows of a matrix")?;
        let columns = self.long("columns of a matrix")?;
        let codes = self.int("number of codes")?;
        self.tensor(name, "uint8", i64::from(codes), 1, start);
        self.attribute("quantised columns", columns);
        self.bytes(i64::from(codes), "codes")?;
        self.quantiser()?;
        if normed {
            self.bytes(rows, "codes of norms")?;
            self.quantiser()?;
        }
        let span = Span::between(start, self.cursor.position());
        let bytes = self.cursor.bytes().slice(span);
        self.reading.child(format!("@{name}"), bytes, Role::Storage);
        Ok(())
    }

    fn bytes(&mut self, count: i64, what: &'static str) -> Result<(), Halt> {
        let count = self.count(count, 1, what)?;
        self.cursor.skip(count, what)?;
        Ok(())
    }

    fn quantiser(&mut self) -> Result<(), Halt> {
        let dim = self.int("dimensions of a quantiser")?;
        self.cursor.take(12, "parameters of a quantiser")?;
        let dims = self.count(i64::from(dim), CENTROIDS.saturating_mul(4), "dimensions")?;
        self.cursor.skip(dims.saturating_mul(CENTROIDS).saturating_mul(4), "centroids")?;
        Ok(())
    }

    fn tensor(&mut self, name: &str, dtype: &str, rows: i64, columns: i64, start: u64) {
        let elements = rows.checked_mul(columns).and_then(|count| u64::try_from(count).ok());
        let tensor = Tensor {
            storage: name.to_owned(),
            dtype: dtype.to_owned(),
            elements: elements.unwrap_or(u64::MAX),
            offset: 0,
            size: vec![rows, columns],
            stride: vec![],
        };
        let span = Span::between(start, self.cursor.position());
        let site = Site { span, route: Route::Tensor(name.to_owned()) };
        self.reading.fact(Fact::Tensor { tensor, site });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use davy_testkit::robust::{self, Order};

    /// A model of one word, with matrices of `rows` by two.
    fn model(rows: i64) -> Vec<u8> {
        let mut file = MAGIC.to_vec();
        file.extend(12_i32.to_le_bytes());
        file.extend(2_i32.to_le_bytes());
        file.extend([0; 52]);
        for number in [1_i32, 1, 0] {
            file.extend(number.to_le_bytes());
        }
        file.extend(7_i64.to_le_bytes());
        file.extend((-1_i64).to_le_bytes());
        file.extend(b"word\0\x07\0\0\0\0\0\0\0\0");
        for _ in 0..2 {
            file.push(0);
            file.extend(rows.to_le_bytes());
            file.extend(2_i64.to_le_bytes());
            file.extend([0; 8]);
        }
        file
    }

    fn quirks(file: &[u8]) -> Vec<Quirk> {
        let outcome = robust::read(&FastText, "x.bin", file).unwrap();
        outcome.reading.deviations.iter().map(|it| it.quirk).collect()
    }

    #[test]
    fn models_are_read_to_their_end() {
        let outcome = robust::read(&FastText, "x", &model(1)).unwrap();
        assert!(outcome.reading.seamless && outcome.halt.is_none(), "{outcome:?}");
        assert_eq!(quirks(&model(1)), []);
        assert_eq!(quirks(&[model(1), b"x".to_vec()].concat()), [Quirk::BytesAfterEnd]);
    }

    #[test]
    fn claims_are_held_against_the_bytes() {
        assert_eq!(quirks(&model(1 << 40)), [Quirk::Truncated]);
        assert_eq!(quirks(&model(-1)), [Quirk::Truncated]);
        assert_eq!(quirks(&model(1)[..90]), [Quirk::Truncated]);
    }

    #[test]
    fn damage_breaks_no_promise() {
        robust::truncations(&FastText, &model(1), Order::Indexed).unwrap();
        robust::flips(&FastText, &model(1)).unwrap();
    }
}
