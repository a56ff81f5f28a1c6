//! gzip files (RFC 1952), as one stream behind the other, and raw zlib streams (RFC 1950), as
//! joblib writes them.

mod inflate;
mod output;

pub use inflate::{End, Framing, Inflated, Inflater, inflate, keep};
pub use output::{Output, PIECE};

use davy_artifact::{Fact, Format, Input, Probe, Quirk, Reading, Role, Route, Site, Value};
use davy_bytes::{Blame, Budget, Cursor, Halt, Span};

/// The longest name of a file in a header that is kept.
const NAME_LIMIT: usize = 4096;

/// Steps that a stream costs besides its bytes: what it takes to start a decoder, so that a million
/// empty streams end.
pub(crate) const STREAM: u64 = 8192;

/// The gzip reader.
#[derive(Debug)]
pub struct Gzip;

/// The reader of raw zlib streams.
#[derive(Debug)]
pub struct Zlib;

impl Format for Gzip {
    fn id(&self) -> &'static str {
        "gzip"
    }

    fn summary(&self) -> &'static str {
        "gzip files"
    }

    fn probe(&self, head: &[u8], _: &Input<'_>) -> Probe {
        if head.starts_with(b"\x1f\x8b\x08") { Probe::Certain } else { Probe::No }
    }

    fn read(
        &self,
        input: &Input<'_>,
        reading: &mut Reading,
        budget: &mut Budget,
    ) -> Result<(), Halt> {
        let mut cursor = Cursor::new(input.bytes.clone());
        let mut output = Output::default();
        let mut inflater = Inflater::new(Framing::Raw);
        let mut name = None;
        let mut streams = 0_u64;
        let result = loop {
            match stream(&mut cursor, (&mut inflater, &mut output), reading, budget) {
                Ok(found) => name = name.or(found),
                Err(halt) => break Err(halt),
            }
            streams = streams.saturating_add(1);
            match rest(&mut cursor, reading) {
                Ok(true) => {}
                Ok(false) => break Ok(()),
                Err(halt) => break Err(halt),
            }
        };
        if streams > 0 || !output.is_empty() {
            note_expansion(&result, input.bytes.len(), output.len(), reading);
            note_streams(streams, cursor.position(), reading);
            let name = name.unwrap_or_else(|| "data".to_owned());
            reading.child(name, output.finish(), input.role.unpacked());
        }
        result
    }
}

/// Records how many streams there are, where it is not one: programs that pack side by side write many,
/// and all of them are one to readers (RFC 1952, section 2.2).
pub(crate) fn note_streams(streams: u64, end: u64, reading: &mut Reading) {
    if streams > 1 {
        let (owner, name) = (String::new(), "streams".to_owned());
        let value = Value::Int(i64::try_from(streams).unwrap_or(i64::MAX));
        let site = Site { span: Span::new(0, end), route: Route::None };
        reading.fact(Fact::Attribute { owner, name, value, site });
    }
}

/// Reads one stream, header to trailer; returns the file name that its header has.
fn stream(
    cursor: &mut Cursor,
    (inflater, output): (&mut Inflater, &mut Output),
    reading: &mut Reading,
    budget: &mut Budget,
) -> Result<Option<String>, Halt> {
    budget.spend_steps(STREAM, cursor.position())?;
    let Header { name, extra, comment } = header(cursor)?;
    margins(cursor, extra, comment, reading)?;
    let bytes = cursor.bytes().clone();
    let packed = Span::between(cursor.position(), bytes.len());
    let end = inflater.onto(output, &bytes, packed, budget)?;
    if let Some(fault) = end.fault {
        return Err(fault);
    }
    let packed = cursor.skip(end.consumed, "deflate stream")?;
    let crc32 = cursor.u32_le("checksum")?;
    let size = cursor.u32_le("size")?;
    if crc32 != end.crc32 {
        let what = format!("its checksum is {:#010x}, where {crc32:#010x} is declared", end.crc32);
        reading.deviation(Quirk::WrongChecksum, packed, Route::None, &what);
    }
    if u64::from(size) != end.produced & u64::from(u32::MAX) {
        let what = format!("{} bytes come out, where {size} are declared", end.produced);
        reading.deviation(Quirk::SizeMismatch, packed, Route::None, &what);
    }
    Ok(name)
}

/// Makes children of what stands in fields that hold no name: anything can be put there. The field
/// of block gzip (SAM specification, section 4.1) is the length of a block.
fn margins(
    cursor: &mut Cursor,
    extra: Span,
    comment: Span,
    reading: &mut Reading,
) -> Result<(), Halt> {
    let bytes = cursor.bytes().clone();
    let block = bytes.copy(extra, 4)? == b"BC\x02\0" && extra.len == 6;
    for (name, span) in [("@extra", extra), ("@comment", comment)] {
        if span.len > 0 && !block {
            reading.child(format!("{name}@{:#x}", span.start), bytes.slice(span), Role::Storage);
        }
    }
    Ok(())
}

/// What a header has besides numbers.
pub(crate) struct Header {
    name: Option<String>,
    extra: Span,
    comment: Span,
}

/// Reads a header (RFC 1952, section 2.3).
pub(crate) fn header(cursor: &mut Cursor) -> Result<Header, Halt> {
    let at = cursor.position();
    let [_, _, method, flags, ..] = cursor.array::<10>("gzip header")?;
    if method != 8 {
        return Err(Halt::unsupported(at, format!("gzip method {method}")));
    }
    let mut extra = Span::default();
    if flags & 4 != 0 {
        let length = cursor.u16_le("length of the extra field")?;
        extra = cursor.skip(u64::from(length), "extra field")?;
    }
    let name = if flags & 8 != 0 { Some(zero_ended(cursor, "file name")?) } else { None };
    let start = cursor.position();
    let mut comment = Span::default();
    if flags & 16 != 0 {
        zero_ended(cursor, "comment")?;
        comment = Span::between(start, cursor.position().saturating_sub(1));
    }
    if flags & 2 != 0 {
        cursor.u16_le("checksum of the header")?;
    }
    let name = name.filter(|name| !name.is_empty());
    Ok(Header { name, extra, comment })
}

/// Text up to a NUL, of which the start is kept.
fn zero_ended(cursor: &mut Cursor, what: &'static str) -> Result<String, Halt> {
    let mut text = Vec::new();
    loop {
        match cursor.u8(what)? {
            0 => return Ok(String::from_utf8_lossy(&text).into_owned()),
            byte if text.len() < NAME_LIMIT => text.push(byte),
            _ => {}
        }
    }
}

/// Looks behind a stream: whether another follows. Zeros are padding, anything else is recorded.
fn rest(cursor: &mut Cursor, reading: &mut Reading) -> Result<bool, Halt> {
    while cursor.peek()? == Some(0) {
        cursor.u8("padding")?;
    }
    if cursor.peek_slice(2)? == b"\x1f\x8b" {
        return Ok(true);
    }
    let rest = Span::between(cursor.position(), cursor.bytes().len());
    if rest.len > 0 {
        let what = format!("{} bytes behind the stream", rest.len);
        reading.deviation(Quirk::BytesAfterEnd, rest, Route::None, &what);
        let name = format!("@suffix@{:#x}", rest.start);
        reading.child(name, cursor.bytes().slice(rest), Role::Leftover);
    }
    reading.seamless = rest.len == 0;
    Ok(false)
}

/// Bytes that honest streams stand for at most, each of theirs, where they ask for more than the budget
/// allows.
pub(crate) const HONEST: u64 = 8;

/// Records a bomb: output that the budget did not allow, of an input far smaller.
pub(crate) fn note_expansion(
    result: &Result<(), Halt>,
    packed: u64,
    produced: u64,
    reading: &mut Reading,
) {
    let exhausted = result.as_ref().is_err_and(|halt| halt.blame() == Blame::Exhausted);
    if exhausted && produced / HONEST >= packed {
        let what = format!("{packed} packed bytes stand for more than {produced}");
        reading.deviation(Quirk::Expansion, Span::new(0, packed), Route::None, &what);
    }
}

impl Format for Zlib {
    fn id(&self) -> &'static str {
        "zlib"
    }

    fn summary(&self) -> &'static str {
        "raw zlib streams"
    }

    fn probe(&self, head: &[u8], _: &Input<'_>) -> Probe {
        // RFC 1950, section 2.2: deflate, a window that exists, no preset dictionary.
        match head.first_chunk() {
            Some([method, flags]) if method & 15 == 8 && *method < 0x80 && flags & 0x20 == 0 => {
                match u16::from_be_bytes([*method, *flags]) % 31 {
                    0 => Probe::Possible,
                    _ => Probe::No,
                }
            }
            _ => Probe::No,
        }
    }

    fn read(
        &self,
        input: &Input<'_>,
        reading: &mut Reading,
        budget: &mut Budget,
    ) -> Result<(), Halt> {
        let len = input.bytes.len();
        let out = inflate(input.bytes, Span::new(0, len), Framing::Zlib, budget)?;
        let end = out.end;
        if let Some(fault) = end.fault {
            // Two bytes of chance look like a header, so only a stream that nearly reaches the end
            // of the bytes counts as one that is broken.
            let near = fault.at().saturating_add(8) >= len || fault.blame() == Blame::Exhausted;
            if !near || end.produced == 0 {
                return Err(fault);
            }
            reading.child("data", out.bytes, input.role.unpacked());
            let result = Err(fault);
            note_expansion(&result, len, end.produced, reading);
            return result;
        }
        reading.child("data", out.bytes, input.role.unpacked());
        let rest = Span::between(end.consumed, len);
        if rest.len > 0 {
            let what = format!("{} bytes behind the stream", rest.len);
            reading.deviation(Quirk::BytesAfterEnd, rest, Route::None, &what);
            let name = format!("@suffix@{:#x}", rest.start);
            reading.child(name, input.bytes.slice(rest), Role::Leftover);
        }
        reading.seamless = rest.len == 0;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use davy_artifact::Why;
    use davy_bytes::{Bytes, Limits};
    use davy_testkit::robust::{self, Order};
    use flate2::{Compression, GzBuilder, write::ZlibEncoder};
    use std::io::Write;

    fn gzip(name: &str, data: &[u8]) -> Vec<u8> {
        let builder =
            if name.is_empty() { GzBuilder::new() } else { GzBuilder::new().filename(name) };
        let mut encoder = builder.write(Vec::new(), Compression::default());
        encoder.write_all(data).unwrap();
        encoder.finish().unwrap()
    }

    fn zlib(data: &[u8]) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(data).unwrap();
        encoder.finish().unwrap()
    }

    fn read_with(format: &dyn Format, bytes: &[u8], budget: &mut Budget) -> Reading {
        let bytes = Bytes::from_memory(bytes);
        let mut reading = Reading::default();
        let input = Input { bytes: &bytes, name: "x", role: Role::Present };
        if let Err(halt) = format.read(&input, &mut reading, budget) {
            reading.halted(&halt, bytes.len());
        }
        reading
    }

    fn read(format: &dyn Format, bytes: &[u8]) -> Reading {
        read_with(format, bytes, &mut Budget::default())
    }

    fn quirks(reading: &Reading) -> Vec<Quirk> {
        reading.deviations.iter().map(|it| it.quirk).collect()
    }

    fn children(reading: &Reading) -> Vec<(&str, Vec<u8>)> {
        let whole = Span::new(0, u64::MAX);
        let content = |bytes: &Bytes| bytes.copy(whole, usize::MAX).unwrap();
        reading.children.iter().map(|it| (it.name.as_str(), content(&it.bytes))).collect()
    }

    #[test]
    fn a_stream_becomes_a_child_under_its_own_name() {
        let reading = read(&Gzip, &gzip("model.pkl", b"cos\n"));
        assert_eq!((quirks(&reading), reading.gaps.len()), (vec![], 0));
        assert_eq!(children(&reading), [("model.pkl", b"cos\n".to_vec())]);
        let padded = [gzip("", b""), vec![0; 20]].concat();
        let reading = read(&Gzip, &padded);
        assert_eq!(children(&reading), [("data", vec![])]);
        assert!(reading.seamless);
        assert_eq!(quirks(&reading), []);
    }

    #[test]
    fn several_streams_are_one_and_what_follows_is_read_too() {
        let both = [gzip("a", b"one"), gzip("b", b"two"), b"tail".to_vec()].concat();
        let reading = read(&Gzip, &both);
        assert_eq!(quirks(&reading), [Quirk::BytesAfterEnd]);
        assert_eq!(children(&reading)[1], ("a", b"onetwo".to_vec()));
        assert_eq!(children(&reading)[0].1, b"tail");
        assert_eq!((reading.children[0].role, reading.seamless), (Role::Leftover, false));
    }

    #[test]
    fn what_stands_in_fields_of_the_header_is_read_too() {
        let with = |builder: GzBuilder| {
            let mut encoder = builder.write(Vec::new(), Compression::default());
            encoder.write_all(b"one").unwrap();
            encoder.finish().unwrap()
        };
        let margins = with(GzBuilder::new().extra(*b"xx\x02\0hi").comment("note"));
        let reading = read(&Gzip, &margins);
        let names: Vec<&str> = reading.children.iter().map(|it| it.name.as_str()).collect();
        assert_eq!(names, ["@extra@0xc", "@comment@0x12", "data"]);
        assert_eq!((reading.children[0].role, reading.seamless), (Role::Storage, true));
        let block = read(&Gzip, &with(GzBuilder::new().extra(*b"BC\x02\0\x1f\0")));
        assert_eq!(children(&block), [("data", b"one".to_vec())]);
    }

    #[test]
    fn trailers_that_lie_are_told() {
        let mut wrong = gzip("a", b"one");
        let len = wrong.len();
        wrong[len - 8] ^= 1;
        wrong[len - 4] ^= 1;
        let reading = read(&Gzip, &wrong);
        assert_eq!(quirks(&reading), [Quirk::WrongChecksum, Quirk::SizeMismatch]);
        assert_eq!(children(&reading), [("a", b"one".to_vec())]);
    }

    #[test]
    fn a_cut_stream_is_a_gap_and_keeps_its_start() {
        let data: Vec<u8> = (0..9000_u32).flat_map(|n| (n * n).to_le_bytes()).collect();
        for (format, packed) in [(&Gzip as &dyn Format, gzip("a", &data)), (&Zlib, zlib(&data))] {
            let reading = read(format, &packed[..packed.len() / 2]);
            assert_eq!(reading.gaps.len(), 1);
            let kept = &children(&reading)[0].1;
            assert!(kept.len() > 1000 && data.starts_with(kept));
        }
    }

    #[test]
    fn bombs_end_at_the_budget() {
        let bomb = vec![0; 8 << 20];
        for (format, packed) in [(&Gzip as &dyn Format, gzip("a", &bomb)), (&Zlib, zlib(&bomb))] {
            let mut budget = Budget::new(Limits { expansion: 1 << 20, ..Limits::default() });
            let reading = read_with(format, &packed, &mut budget);
            assert_eq!(quirks(&reading), [Quirk::Expansion]);
            assert_eq!(reading.gaps[0].why, Why::Halted(Blame::Exhausted));
            assert!(reading.children[0].bytes.len() <= (1 << 20) + (1 << 16));
        }
    }

    #[test]
    fn zlib_streams_are_told_from_bytes_that_start_like_one() {
        let reading = read(&Zlib, &[zlib(b"cos\n"), b"x".to_vec()].concat());
        assert_eq!(quirks(&reading), [Quirk::BytesAfterEnd]);
        assert_eq!(children(&reading)[0], ("data", b"cos\n".to_vec()));
        assert!(!reading.seamless && read(&Zlib, &zlib(b"cos\n")).seamless);
        let chance = [b"\x78\x9c".as_slice(), &[0xff; 100]].concat();
        assert_eq!(robust::probe(&Zlib, "x", &chance), Probe::Possible);
        assert!(read(&Zlib, &chance).is_empty());
        assert_eq!(robust::probe(&Zlib, "x", b"xyz"), Probe::No);
        assert_eq!(robust::probe(&Gzip, "x", &gzip("a", b"")), Probe::Certain);
    }

    #[test]
    fn damage_breaks_no_promise() {
        let both = [gzip("a", &[b'y'; 90]), gzip("", b"two")].concat();
        for (format, bytes) in [(&Gzip as &dyn Format, both), (&Zlib, zlib(&[b'y'; 90]))] {
            robust::truncations(format, &bytes, Order::Indexed).unwrap();
            robust::flips(format, &bytes).unwrap();
            robust::splices(format, &bytes, &gzip("b", b"c")).unwrap();
        }
    }
}
