//! GGUF, the files of llama.cpp and everything built on ggml, versions 1 to 3 in both byte orders
//! (ggml, `docs/gguf.md`; llama.cpp, `ggml/src/gguf.cpp`).
//!
//! Loaders have believed most of the counts, lengths and offsets in it at some time, so each is
//! compared with the bytes that are there before anything is done with it, and what does not fit is
//! recorded in the words that the advisories about it look for. Chat templates and whatever else in
//! the metadata is more than text become artifacts.

mod fields;
mod metadata;
mod model;
mod table;
pub(crate) mod types;

use crate::stored::{Area, first_set};
use davy_artifact::{Excerpt, Fact, Format, Input, Probe, Quirk, Reading, Route, Site, Value, Why};
use davy_bytes::{Blame, Budget, Halt, Span};
use fields::{Fields, claim};
use metadata::Metadata;
use table::Table;
use types::Kind;

/// What a file starts with.
const MAGIC: &[u8] = b"GGUF";

/// Alignment of tensors where the file does not say.
const ALIGNMENT: u64 = 32;

/// The largest alignment that is believed.
const LARGEST_ALIGNMENT: u64 = 1 << 20;

/// The newest version.
const VERSION: u32 = 3;

/// The GGUF reader.
#[derive(Debug)]
pub struct Gguf;

impl Format for Gguf {
    fn id(&self) -> &'static str {
        "gguf"
    }

    fn summary(&self) -> &'static str {
        "GGUF models: metadata, vocabulary, templates and tensors of llama.cpp and its kin"
    }

    fn probe(&self, head: &[u8], _: &Input<'_>) -> Probe {
        match head.strip_prefix(MAGIC).and_then(<[u8]>::first_chunk::<4>) {
            Some(version) if order(*version).0 <= 16 => Probe::Certain,
            Some(_) => Probe::Possible,
            None => Probe::No,
        }
    }

    fn read(
        &self,
        input: &Input<'_>,
        reading: &mut Reading,
        budget: &mut Budget,
    ) -> Result<(), Halt> {
        let mut fields = Fields::new(input.bytes.clone());
        let counts = header(&mut fields, reading)?;
        let mut metadata = Metadata::default();
        let read = metadata.read(&mut fields, counts.pairs, reading, budget);
        model::check(&metadata, input, reading, budget)?;
        if read? == End::Zeros {
            reading.seamless = true;
            return Ok(());
        }
        let alignment = alignment(&metadata, reading);
        let mut table = Table::default();
        let read = table.read(&mut fields, counts.tensors, reading, budget);
        model::check_tensors(&metadata, &table, input, reading)?;
        if read? == End::Zeros {
            reading.seamless = true;
            return Ok(());
        }
        let end = fields.position();
        let start = end.checked_next_multiple_of(alignment).unwrap_or(u64::MAX);
        let mut stored = table.place(start, alignment, input.bytes.len(), reading);
        let area = Area { start: end, alignment, what: "the model" };
        area.limit(input.bytes, &mut stored, reading);
        let whole = area.account(input.bytes, &stored, reading, budget)?;
        about(&fields, &counts, end, reading);
        reading.seamless = whole;
        Ok(())
    }
}

/// How a list in the file ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum End {
    /// With its last element.
    Whole,
    /// With nothing but zeros up to the end of the file, as one that is still being fetched does.
    Zeros,
}

/// Whether nothing but zeros stands from `at` to the end of the file; records it.
fn only_zeros(
    fields: &Fields,
    at: u64,
    reading: &mut Reading,
    budget: &mut Budget,
) -> Result<bool, Halt> {
    let rest = Span::between(at, fields.len());
    if first_set(fields.bytes(), rest, budget)?.is_some() {
        return Ok(false);
    }
    let what = "nothing but zeros up to the end of the file, where the metadata goes on";
    reading.deviation(Quirk::Truncated, rest, Route::None, what);
    Ok(true)
}

/// What the header counts.
#[derive(Clone, Copy, Debug)]
struct Counts {
    tensors: u64,
    pairs: u64,
}

/// The version, and whether numbers stand with their most significant byte first. Version 3 of the
/// other order looks like 0x03000000, which is how llama.cpp tells it.
fn order(version: [u8; 4]) -> (u32, bool) {
    let little = u32::from_le_bytes(version);
    if little & 0xffff == 0 && little != 0 {
        (u32::from_be_bytes(version), true)
    } else {
        (little, false)
    }
}

fn header(fields: &mut Fields, reading: &mut Reading) -> Result<Counts, Halt> {
    fields.skip(4, "magic")?;
    let (version, big) = order(fields.array("version")?);
    fields.set(version, big);
    check_version(fields, big, reading);
    let start = fields.position();
    let tensors = fields.count("number of tensors")?;
    let pairs = fields.count("number of key-value pairs")?;
    let least = [
        (pairs, fields.least_pair(), "key-value pairs"),
        (tensors, fields.least_tensor(), "tensors"),
    ];
    let left = fields.remaining();
    for (count, size, what) in least {
        if count.saturating_mul(size) > left {
            let span = Span::between(start, fields.position());
            let what = format!("the header counts {count} {what}, where {left} bytes are left");
            reading.deviation(claim(count), span, Route::None, &what);
        }
    }
    Ok(Counts { tensors, pairs })
}

fn check_version(fields: &Fields, big: bool, reading: &mut Reading) {
    let (version, span) = (fields.version(), Span::new(4, 4));
    attribute("gguf.version", Value::Int(i64::from(version)), span, reading);
    if big {
        let order = Value::Text(Excerpt::whole("big"));
        attribute("gguf.byte_order", order, span, reading);
    }
    if version > VERSION {
        let why = Why::Halted(Blame::Unsupported);
        let what = format!("version {version} is newer than any that is known");
        reading.gap(Span::new(0, fields.len()), why, &what);
    } else if version == 0 {
        let what = "version 0, which there is not: loaders refuse it or do not ask";
        reading.deviation(Quirk::LoadersDisagree, span, Route::None, what);
    }
}

/// To how many bytes tensors are aligned.
fn alignment(metadata: &Metadata, reading: &mut Reading) -> u64 {
    let Some(entry) = metadata.get("general.alignment") else { return ALIGNMENT };
    let route = Route::Key(entry.key.clone());
    if entry.kind != Kind::Unsigned(4) {
        let what = "the alignment is no number of 32 bits without sign: not every loader takes it";
        reading.deviation(Quirk::LoadersDisagree, entry.span, route.clone(), what);
    }
    let Some(said) = entry.value.int().and_then(|said| u64::try_from(said).ok()) else {
        return ALIGNMENT;
    };
    if said.is_power_of_two() && said <= LARGEST_ALIGNMENT {
        return said;
    }
    let what = format!("an alignment of {said} bytes, which is no usable power of two");
    reading.deviation(Quirk::OutOfRange, entry.span, route, &what);
    ALIGNMENT
}

fn attribute(name: &str, value: Value, span: Span, reading: &mut Reading) {
    let site = Site { span, route: Route::None };
    reading.fact(Fact::Attribute { owner: String::new(), name: name.to_owned(), value, site });
}

/// Says in a line what the file is.
fn about(fields: &Fields, counts: &Counts, end: u64, reading: &mut Reading) {
    let detail = format!(
        "version {}, {} keys, {} tensors, {} bytes of metadata",
        fields.version(),
        counts.pairs,
        counts.tensors,
        end
    );
    let site = Site { span: Span::new(0, end), route: Route::None };
    reading.fact(Fact::Object { path: "gguf".to_owned(), kind: "content", detail, site });
}

#[cfg(test)]
mod tests;
