//! Parts of models of ML.NET: a header of 256 bytes, the part's own bytes, texts, and the name of the
//! assembly that its loader is in.
//!
//! The loader is found by its signature among those that the program knows; older versions load the
//! assembly that the header names first. The part's own bytes are for its loader alone.
//!
//! Source: ML.NET, `src/Microsoft.ML.Core/Data/ModelHeader.cs`, and for tables of data
//! `src/Microsoft.ML.Data/DataLoadSave/Binary/Header.cs`.

use davy_artifact::{
    Excerpt, Fact, Format, Input, Probe, Quirk, Reading, Role, Route, Site, Value,
};
use davy_bytes::{Budget, Halt, Span, to_u64};

/// What a part and a table start with, and what they end with.
const PART: &[u8] = b"ML\0MODEL";
const PART_END: &[u8] = b"LEDOM\0LM";
const TABLE: &[u8] = b"CML\0DVB\0";
const TABLE_END: &[u8] = b"\0BVD\0LMC";

/// Length of either header.
const HEADER: usize = 256;

/// Longest name of an assembly that is kept, in bytes of UTF-16.
const NAME: usize = 1024;

/// The reader of ML.NET's parts.
#[derive(Debug)]
pub struct MlNet;

impl Format for MlNet {
    fn id(&self) -> &'static str {
        "ml.net"
    }

    fn summary(&self) -> &'static str {
        "parts of ML.NET models: header, loader, assembly; tables of data"
    }

    fn probe(&self, head: &[u8], _: &Input<'_>) -> Probe {
        let starts = head.starts_with(PART) || head.starts_with(TABLE);
        if starts && head.len() >= HEADER { Probe::Certain } else { Probe::No }
    }

    fn read(
        &self,
        input: &Input<'_>,
        reading: &mut Reading,
        budget: &mut Budget,
    ) -> Result<(), Halt> {
        let size = input.bytes.len();
        budget.spend_steps(64, 0)?;
        let head = input.bytes.copy(Span::new(0, size), HEADER)?;
        if head.len() < HEADER {
            return Err(Halt::malformed(0, "truncated header"));
        }
        let mut part = Part { input, head, reading, known: vec![Span::new(0, to_u64(HEADER))] };
        if part.head.starts_with(PART) {
            part.model()?
        } else {
            part.table()?
        }
        part.finish()
    }
}

struct Part<'a> {
    input: &'a Input<'a>,
    head: Vec<u8>,
    reading: &'a mut Reading,
    /// What the header explains, in the order in which it is told.
    known: Vec<Span>,
}

impl Part<'_> {
    /// The number at an offset of the header.
    fn number(&self, at: usize) -> u64 {
        let bytes = self.head.get(at..at.saturating_add(8)).and_then(|it| it.try_into().ok());
        u64::from_le_bytes(bytes.unwrap_or_default())
    }

    /// The text at an offset of the header, up to a NUL.
    fn name(&self, at: usize, len: usize) -> String {
        let bytes = self.head.get(at..at.saturating_add(len)).unwrap_or_default();
        let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
        String::from_utf8_lossy(bytes.get(..end).unwrap_or_default()).into_owned()
    }

    fn attribute(&mut self, name: &str, text: String, span: Span) {
        if text.is_empty() {
            return;
        }
        let site = Site { span, route: Route::None };
        let (owner, name, value) =
            (String::new(), name.to_owned(), Value::Text(Excerpt::whole(text)));
        self.reading.fact(Fact::Attribute { owner, name, value, site });
    }

    /// A block that the header places; one that does not fit is recorded.
    fn block(&mut self, what: &str, start: u64, len: u64) -> Option<Span> {
        if len == 0 {
            return None;
        }
        let size = self.input.bytes.len();
        let end = start.checked_add(len).filter(|end| *end <= size);
        if end.is_none() || start < to_u64(HEADER) {
            let what = format!("the {what} of {len} bytes at {start:#x} is not in the file");
            let span = Span::new(0, to_u64(HEADER));
            self.reading.deviation(Quirk::OutOfRange, span, Route::None, &what);
            return None;
        }
        let span = Span::new(start, len);
        self.known.push(span);
        Some(span)
    }

    fn model(&mut self) -> Result<(), Halt> {
        for (name, at, len) in [
            ("model signature", 0x40, 8),
            ("loader signature", 0x50, 24),
            ("other loader signature", 0x68, 24),
        ] {
            self.attribute(name, self.name(at, len), Span::new(to_u64(at), to_u64(len)));
        }
        let (start, len) = (self.number(0x10), self.number(0x18));
        if let Some(span) = self.block("model", start, len) {
            self.reading.child("@model", self.input.bytes.slice(span), Role::Storage);
        }
        self.block("table of texts", self.number(0x20), self.number(0x28));
        if let Some(span) = self.block("texts", self.number(0x30), self.number(0x38)) {
            self.reading.child("@texts", self.input.bytes.slice(span), Role::Storage);
        }
        let len = self.number(0x98) & 0xffff_ffff;
        if let Some(span) = self.block("assembly", self.number(0x90), len) {
            let text = self.input.bytes.copy(span, NAME)?;
            let units = text.as_chunks::<2>().0.iter().map(|pair| u16::from_le_bytes(*pair));
            let name: String = char::decode_utf16(units).map(|c| c.unwrap_or('\u{fffd}')).collect();
            self.attribute("assembly", name, span);
        }
        self.tail(self.number(0x80), PART_END)
    }

    fn table(&mut self) -> Result<(), Halt> {
        let columns = self.number(0x30) & 0xffff_ffff;
        let site = Site { span: Span::new(0x28, 12), route: Route::None };
        for (name, value) in [("rows", self.number(0x28)), ("columns", columns)] {
            let value = Value::Int(i64::try_from(value).unwrap_or(i64::MAX));
            let (owner, name, site) = (String::new(), name.to_owned(), site.clone());
            self.reading.fact(Fact::Attribute { owner, name, value, site });
        }
        let (contents, tail) = (self.number(0x18), self.number(0x20));
        // Blocks of rows stand before the table of contents, which tells them apart.
        let blocks = Span::between(to_u64(HEADER), contents);
        if let Some(span) = self.block("rows", blocks.start, blocks.len) {
            self.reading.child("@rows", self.input.bytes.slice(span), Role::Storage);
        }
        if let Some(span) = self.block("table of contents", contents, tail.saturating_sub(contents))
        {
            self.reading.child("@contents", self.input.bytes.slice(span), Role::Storage);
        }
        self.tail(tail, TABLE_END)
    }

    /// The signature at the end.
    fn tail(&mut self, at: u64, signature: &[u8]) -> Result<(), Halt> {
        let len = to_u64(signature.len());
        let found = self.input.bytes.copy(Span::new(at, len), signature.len())?;
        if found == signature {
            self.known.push(Span::new(at, len));
        } else {
            let what = "no signature where the header says that the file ends";
            let span = Span::new(at.min(self.input.bytes.len()), 0);
            self.reading.deviation(Quirk::Truncated, span, Route::None, what);
        }
        Ok(())
    }

    /// What the header does not explain.
    fn finish(mut self) -> Result<(), Halt> {
        let size = self.input.bytes.len();
        self.known.sort_unstable();
        let mut at = 0;
        let mut whole = true;
        let known = std::mem::take(&mut self.known);
        for span in known.into_iter().chain([Span::new(size, 0)]) {
            if span.start > at {
                whole = false;
                self.left_over(Span::between(at, span.start), size);
            }
            at = at.max(span.end());
        }
        self.reading.seamless = whole;
        Ok(())
    }

    fn left_over(&mut self, span: Span, size: u64) {
        let quirk = if span.end() == size { Quirk::BytesAfterEnd } else { Quirk::BytesBetween };
        let what = "bytes that the header does not place";
        self.reading.deviation(quirk, span, Route::None, what);
        let name = format!("@{:#x}", span.start);
        self.reading.child(name, self.input.bytes.slice(span), Role::Leftover);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use davy_testkit::robust::{self, Order};

    /// A part with four bytes of its own and the name of an assembly.
    fn part(model: u64) -> Vec<u8> {
        let mut file = PART.to_vec();
        file.resize(HEADER, 0);
        let mut put = |at: usize, number: u64| {
            file[at..at + 8].copy_from_slice(&number.to_le_bytes());
        };
        put(0x10, model);
        put(0x18, 4);
        put(0x80, 268);
        put(0x88, 276);
        put(0x90, 260);
        put(0x98, 8);
        file[0x50..0x54].copy_from_slice(b"Load");
        file.extend(b"dataA\0b\0.\0c\0");
        file.extend(PART_END);
        file
    }

    fn quirks(file: &[u8]) -> Vec<Quirk> {
        let outcome = robust::read(&MlNet, "Model.key", file).unwrap();
        outcome.reading.deviations.iter().map(|it| it.quirk).collect()
    }

    #[test]
    fn parts_are_explained_whole() {
        let outcome = robust::read(&MlNet, "Model.key", &part(256)).unwrap();
        assert!(outcome.reading.seamless && outcome.reading.deviations.is_empty(), "{outcome:?}");
        let said: Vec<_> = outcome.reading.facts.iter().map(|fact| format!("{fact:?}")).collect();
        assert!(said.iter().any(|fact| fact.contains("assembly")), "{said:?}");
        let more = [part(256), b"more".to_vec()].concat();
        assert_eq!(quirks(&more), [Quirk::BytesAfterEnd]);
    }

    #[test]
    fn blocks_that_are_not_there_are_told() {
        assert_eq!(quirks(&part(9999)), [Quirk::OutOfRange, Quirk::BytesBetween]);
        assert_eq!(quirks(&part(256)[..270]), [Quirk::Truncated, Quirk::BytesAfterEnd]);
    }

    #[test]
    fn damage_breaks_no_promise() {
        robust::truncations(&MlNet, &part(256), Order::Indexed).unwrap();
        robust::flips(&MlNet, &part(256)).unwrap();
    }
}
