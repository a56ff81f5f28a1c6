//! Arrays of NumPy: `.npy` files, formats 1.0 to 3.0, and the `.npz` archives of them.
//!
//! A file is a magic, a header that is a Python literal, and the elements. `numpy.load` on an open
//! file reads one array after another. Where elements are Python objects they are a pickle, which
//! runs when the array is loaded with `allow_pickle`.
//!
//! Source: NEP 1; NumPy, `lib/format.py` (1.x and 2.x, `_lib/_format_impl.py`).

mod archive;
pub(crate) mod dtype;
mod header;
pub(crate) mod literal;
#[cfg(test)]
mod tests;

pub use archive::Npz;

use davy_artifact::{
    Excerpt, Fact, Format, Input, Probe, Quirk, Reading, Role, Route, Site, Tensor, Value,
};
use davy_bytes::{Budget, Bytes, Halt, Span, to_u64, to_usize};
use header::{Header, Text};

/// What every array starts with.
pub(crate) const MAGIC: &[u8] = b"\x93NUMPY";

/// Longest header that is read. NumPy itself refuses more than 10,000 bytes unless pickles are
/// allowed.
const LONGEST: u64 = 1 << 20;

/// Dimensions beyond which NumPy 2 refuses an array; 1.x does beyond 32, and up to 1.20 crashed
/// (CVE-2021-33430).
const DIMENSIONS: usize = 64;

/// The reader of `.npy` files.
#[derive(Debug)]
pub struct Npy;

impl Format for Npy {
    fn id(&self) -> &'static str {
        "npy"
    }

    fn summary(&self) -> &'static str {
        "NumPy arrays (.npy), formats 1.0 to 3.0: header, elements, and pickles of objects"
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
        let mut file = File { bytes: input.bytes, reading, budget, at: 0, number: 0 };
        while file.array()? {}
        file.finish()
    }
}

/// A file of arrays that is being read.
struct File<'a> {
    bytes: &'a Bytes,
    reading: &'a mut Reading,
    budget: &'a mut Budget,
    /// Where the next array starts.
    at: u64,
    /// How many arrays came before.
    number: u64,
}

impl File<'_> {
    /// The name of the array that is being read: several in a file are numbered.
    fn name(&self) -> String {
        match self.number {
            0 => "array".to_owned(),
            number => format!("array#{}", number.saturating_add(1)),
        }
    }

    fn route(&self) -> Route {
        Route::Tensor(self.name())
    }

    fn deviate(&mut self, quirk: Quirk, span: Span, what: &str) {
        let route = self.route();
        self.reading.deviation(quirk, span, route, what);
    }

    /// Whether an array starts here.
    fn starts(&self) -> Result<bool, Halt> {
        let rest = Span::between(self.at, self.bytes.len());
        Ok(self.bytes.copy(rest, MAGIC.len())? == MAGIC)
    }

    /// Reads an array, if one starts here; tells whether another may follow.
    fn array(&mut self) -> Result<bool, Halt> {
        if !self.starts()? {
            return Ok(false);
        }
        self.budget.spend_steps(64, self.at)?;
        let start = self.at;
        let text = match header::locate(self.bytes, start) {
            Ok(text) => text,
            Err(halt) => return Err(self.unread(halt, start)),
        };
        if text.span.len > LONGEST {
            let what = format!("a header of {} bytes", text.span.len);
            self.deviate(Quirk::HugeIndex, text.span, &what);
            let halt = Halt::exhausted(text.span.start, "a header of more than a megabyte");
            return Err(self.unread(halt, start));
        }
        self.budget.spend_steps(text.span.len, start)?;
        let content = self.bytes.copy(text.span, to_usize(LONGEST))?;
        let header = match self.header(&text, &content) {
            Ok(header) => header,
            Err(halt) => return Err(self.broken(halt, &text, &content)),
        };
        let data = Span::between(text.span.end(), self.bytes.len());
        self.check_line(&header, &content, data)?;
        let go_on = self.elements(start, &header, data);
        self.number = self.number.saturating_add(1);
        Ok(go_on)
    }

    /// What the header says, with whatever is odd about it recorded.
    fn header(&mut self, text: &Text, content: &[u8]) -> Result<Header, Halt> {
        let (header, oddities) = header::parse(text, content)?;
        for oddity in oddities {
            let span = Span::new(text.span.start.saturating_add(to_u64(oddity.at)), oddity.len);
            self.deviate(oddity.quirk, span, &oddity.what);
        }
        if header.shape.len() > DIMENSIONS {
            let what = format!(
                "{} dimensions: NumPy takes up to 64, and up to 1.20 wrote beyond its memory",
                header.shape.len()
            );
            self.deviate(Quirk::HugeIndex, text.span, &what);
        }
        Ok(header)
    }

    /// Records a header that no reader gets anything out of, and what could be in it.
    fn broken(&mut self, halt: Halt, text: &Text, content: &[u8]) -> Halt {
        let span = Span::between(halt.at().min(text.span.end()), text.span.end());
        let what = format!("the header is none that NumPy takes: {}", halt.what());
        self.deviate(Quirk::WrongType, span, &what);
        if content.contains(&0) {
            // MLX up to 0.29.3 cuts the text at a NUL and looks at its 35th character.
            let what =
                "a NUL in the header, behind which some readers do not look, or look too far";
            self.deviate(Quirk::OutOfRange, span, what);
        }
        // Readers made in a hurry pass the header to `eval`.
        let calls = |pair: &[u8]| matches!(pair, [b'a'..=b'z' | b'A'..=b'Z' | b'_', b'(']);
        let code = content.windows(2).any(calls);
        let name = if code { "@header.py" } else { "@header" };
        self.reading.child(name, self.bytes.slice(text.span), Role::Leftover);
        self.unread(halt, text.span.end())
    }

    /// What is left of the file when nothing says what it is.
    fn unread(&mut self, halt: Halt, from: u64) -> Halt {
        let rest = Span::between(from, self.bytes.len());
        if from > 0 && rest.len > 0 {
            let what = "bytes that no header explains";
            self.deviate(Quirk::BytesAfterEnd, rest, what);
            self.reading.child(format!("@{from:#x}"), self.bytes.slice(rest), Role::Leftover);
        }
        halt
    }

    /// Readers that take the header for a line go on behind its newline, wherever the length ends.
    fn check_line(&mut self, header: &Header, content: &[u8], data: Span) -> Result<(), Halt> {
        if content.contains(&b'\n') {
            return Ok(());
        }
        let head = self.bytes.copy(data, 256)?;
        let blanks = head.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        if head.get(blanks) != Some(&b'\n') {
            return Ok(());
        }
        let at = data.start.saturating_add(to_u64(blanks)).saturating_add(1);
        let what = "the header's line ends behind its length: NumPy takes the rest for elements, \
                    readers that read a line do not";
        self.deviate(Quirk::LoadersDisagree, Span::between(data.start, at), what);
        if header.dtype.objects {
            let rest = Span::between(at, self.bytes.len());
            self.reading.child(self.child("line"), self.bytes.slice(rest), Role::Loaded);
        }
        Ok(())
    }

    /// The elements behind a header; tells whether another array may follow.
    fn elements(&mut self, start: u64, header: &Header, data: Span) -> bool {
        let count = header.count();
        self.tell(start, header, count.unwrap_or(u64::MAX), data);
        if header.dtype.objects {
            self.reading.child(self.child("pickle"), self.bytes.slice(data), Role::Loaded);
            self.at = self.bytes.len();
            return false;
        }
        let size = count.and_then(|count| count.checked_mul(header.dtype.item));
        let there = match size {
            None => {
                let what = format!(
                    "shape {} with elements of {} bytes is no array: NumPy refuses it, a reader \
                     that multiplies unchecked allocates too little",
                    header.shown, header.dtype.item
                );
                self.deviate(Quirk::HugeIndex, Span::between(start, data.start), &what);
                data
            }
            Some(size) if size > data.len => {
                let what = format!("{} of {size} bytes of the array are there", data.len);
                self.deviate(Quirk::Truncated, data, &what);
                data
            }
            Some(size) => Span::new(data.start, size),
        };
        if there.len > 0 {
            self.reading.child(self.child("elements"), self.bytes.slice(there), Role::Storage);
        }
        self.at = there.end();
        self.at < self.bytes.len()
    }

    fn child(&self, what: &str) -> String {
        match self.number {
            0 => format!("@{what}"),
            number => format!("@{what}#{}", number.saturating_add(1)),
        }
    }

    /// The facts about an array.
    fn tell(&mut self, start: u64, header: &Header, elements: u64, data: Span) {
        let (name, route) = (self.name(), self.route());
        let site = || Site { span: Span::between(start, data.start), route: route.clone() };
        let version = Value::Text(Excerpt::whole(header.version.as_str()));
        let pairs = [("version", version), ("fortran_order", Value::Bool(header.fortran))];
        for (key, value) in pairs {
            let (owner, name) = (name.clone(), key.to_owned());
            self.reading.fact(Fact::Attribute { owner, name, value, site: site() });
        }
        let size = header.shape.iter().map(|side| clamp(*side)).collect();
        let tensor = Tensor {
            storage: name,
            dtype: header.descr.clone(),
            elements,
            offset: 0,
            size,
            stride: vec![],
        };
        self.reading.fact(Fact::Tensor { tensor, site: site() });
    }

    /// What is left behind the last array.
    fn finish(self) -> Result<(), Halt> {
        let rest = Span::between(self.at, self.bytes.len());
        self.reading.seamless = rest.len == 0;
        if rest.len > 0 {
            let what = "bytes behind the end of the array";
            self.reading.deviation(Quirk::BytesAfterEnd, rest, Route::None, what);
            let name = format!("@{:#x}", rest.start);
            self.reading.child(name, self.bytes.slice(rest), Role::Leftover);
        }
        Ok(())
    }
}

/// A side of a shape as facts have it.
fn clamp(side: Option<i128>) -> i64 {
    side.and_then(|side| i64::try_from(side).ok()).unwrap_or(i64::MAX)
}
