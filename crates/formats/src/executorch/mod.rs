//! Programs of ExecuTorch (`.pte`): a `FlatBuffer` of plans, and segments of data behind it.
//!
//! Source: ExecuTorch 1.0, `schema/program.fbs`, `runtime/executor/program.cpp`,
//! `schema/extended_header.cpp`.
//!
//! The runtime is built for small devices and checks little: shapes whose product overflows,
//! segments behind the end and indices that lead nowhere have been ways into it (CVE-2025-30404,
//! CVE-2025-30405, CVE-2025-54950 to 54952), and each is a deviation here.

mod plan;

use crate::flatbuffers::{Flat, Table};
use crate::tally::Tally;
use crate::tflite::{explain, keep};
use davy_artifact::{Format, Input, Probe, Quirk, Reading, Role, Route};
use davy_bytes::{Budget, Bytes, Halt, Span};

/// What the header starts with, behind root offset and identifier.
const HEADER: &[u8; 4] = b"eh00";

/// Segments and buffers of at least this many bytes are read for what else they could be.
const WORTH_READING: u64 = 64;
/// So many of them.
const READ: usize = 1024;

/// The reader of programs.
#[derive(Debug)]
pub struct ExecuTorch;

impl Format for ExecuTorch {
    fn id(&self) -> &'static str {
        "executorch"
    }

    fn summary(&self) -> &'static str {
        "programs of ExecuTorch (.pte): plans, operators, tensors, delegates, segments"
    }

    fn probe(&self, head: &[u8], _: &Input<'_>) -> Probe {
        // Each change that is not compatible gets the next number.
        let known = matches!(head.get(4..8), Some([b'E', b'T', b'0'..=b'9', b'0'..=b'9']));
        if known { Probe::Certain } else { Probe::No }
    }

    fn read(
        &self,
        input: &Input<'_>,
        reading: &mut Reading,
        budget: &mut Budget,
    ) -> Result<(), Halt> {
        let header = header(input.bytes, reading)?;
        let part = input.bytes.slice(Span::new(0, header.program));
        let mut flat = Flat::new(&part, budget);
        let root = flat.root()?;
        let (tally, buffers) = (Tally::default(), Vec::new());
        let mut program =
            Program { bytes: input.bytes, header, flat, reading, tally, buffers, read: 0 };
        let read = program.read(root);
        let Program { flat, reading, tally, .. } = program;
        tally.push(reading);
        read?;
        explain(&flat, false, reading)
    }
}

/// Where the parts of a file are.
#[derive(Clone, Copy, Debug)]
struct Header {
    /// Length of the `FlatBuffer` in bytes.
    program: u64,
    /// Where the segments start; zero where there are none.
    segments: u64,
}

/// Reads the header that stands in the padding of the `FlatBuffer`, where there is one.
fn header(bytes: &Bytes, reading: &mut Reading) -> Result<Header, Halt> {
    let len = bytes.len();
    let head = bytes.copy(Span::new(8, 32), 32)?;
    if !head.starts_with(HEADER) {
        return Ok(Header { program: len, segments: 0 });
    }
    let long = |at: usize| {
        let eight = head.get(at..).and_then(|rest| rest.first_chunk::<8>());
        eight.map_or(0, |it| u64::from_le_bytes(*it))
    };
    let (program, segments) = (long(8), long(16));
    if program > len || program < 8 || segments > len || (segments > 0 && segments < program) {
        let what = format!(
            "a program of {program} bytes and segments at {segments}, where the file has {len}"
        );
        let place = Span::between(8.min(len), 32.min(len));
        reading.deviation(Quirk::OutOfRange, place, Route::None, &what);
        return Ok(Header {
            program: program.clamp(8, len.max(8)).min(len),
            segments: segments.min(len),
        });
    }
    Ok(Header { program, segments })
}

/// A program that is being read.
struct Program<'a> {
    bytes: &'a Bytes,
    header: Header,
    flat: Flat<'a>,
    reading: &'a mut Reading,
    tally: Tally,
    /// Bytes of each constant, as far as the file has them; nothing where it has not.
    buffers: Vec<Option<Span>>,
    /// Artifacts that were made.
    read: usize,
}

impl Program<'_> {
    fn read(&mut self, root: Table) -> Result<(), Halt> {
        let segments = self.segments(root)?;
        self.constants(root, &segments)?;
        let inline = self.flat.vector(root, 3, 4, "delegates");
        let inline = keep(inline, self.reading, || Route::None)?.flatten().unwrap_or_default();
        for index in 0..inline.count {
            let data = self.flat.element(inline, index, "delegate");
            let data = data.and_then(|it| self.flat.vector(it, 0, 1, "data of a delegate"));
            if let Some(data) = keep(data, self.reading, || Route::None)?.flatten() {
                self.child(&format!("delegate {index}"), data.span);
            }
        }
        let plans = self.flat.vector(root, 1, 4, "plans");
        let plans = keep(plans, self.reading, || Route::None)?.flatten().unwrap_or_default();
        for index in 0..plans.count {
            let plan = self.flat.element(plans, index, "plan");
            let plan = plan.and_then(|plan| self.plan(plan));
            keep(plan, self.reading, || Route::None)?;
        }
        self.behind(&segments)
    }

    /// The segments, within the file.
    fn segments(&mut self, root: Table) -> Result<Vec<Span>, Halt> {
        let list = self.flat.vector(root, 4, 4, "segments");
        let list = keep(list, self.reading, || Route::None)?.flatten().unwrap_or_default();
        let mut segments = Vec::new();
        for index in 0..list.count {
            let route = || Route::Object(format!("segment {index}"));
            let read = self.segment(list, index);
            let span = keep(read, self.reading, route)?.unwrap_or_default();
            if span.end() > self.bytes.len() {
                let what = format!(
                    "{} bytes at {:#x}, where the file has {}",
                    span.len,
                    span.start,
                    self.bytes.len()
                );
                let place = Span::new(list.span.start, 4);
                self.reading.deviation(Quirk::OutOfRange, place, route(), &what);
            }
            let len = self.bytes.len();
            let span = Span::between(span.start.min(len), span.end().min(len));
            self.child(&format!("segment {index}"), span);
            segments.push(span);
        }
        Ok(segments)
    }

    fn segment(&mut self, list: crate::flatbuffers::Vector, index: u64) -> Result<Span, Halt> {
        let table = self.flat.element(list, index, "segment")?;
        let (start, len) = (self.flat.u64(table, 0, 0)?, self.flat.u64(table, 1, 0)?);
        Ok(Span::new(self.header.segments.saturating_add(start), len))
    }

    /// Where the constants are: in the program, or in a segment.
    fn constants(&mut self, root: Table, segments: &[Span]) -> Result<(), Halt> {
        let list = self.flat.vector(root, 2, 4, "constants");
        let list = keep(list, self.reading, || Route::None)?.flatten().unwrap_or_default();
        for index in 0..list.count {
            let read = self.flat.element(list, index, "constant");
            let read = read.and_then(|it| self.flat.vector(it, 0, 1, "bytes of a constant"));
            let span = keep(read, self.reading, || Route::None)?.flatten().map(|it| it.span);
            self.child(&format!("constant {index}"), span.unwrap_or_default());
            self.buffers.push(span);
        }
        let table = self.flat.child(root, 5, "constant segment");
        let Some(table) = keep(table, self.reading, || Route::None)?.flatten() else {
            return Ok(());
        };
        let read = self.offsets(table, segments);
        keep(read, self.reading, || Route::Object("constant segment".to_owned()))?;
        Ok(())
    }

    fn offsets(&mut self, table: Table, segments: &[Span]) -> Result<(), Halt> {
        let index = self.flat.u32(table, 0, 0)?;
        let list = self.flat.vector(table, 1, 8, "offsets of constants")?.unwrap_or_default();
        let segment = usize::try_from(index).ok().and_then(|index| segments.get(index));
        let Some(segment) = segment.copied() else {
            if list.count == 0 {
                return Ok(());
            }
            let what = format!("constants in segment {index}, which is not there");
            return Err(Halt::malformed(table.at, what));
        };
        for index in 0..list.count {
            let offset = self.flat.i64_element(list, index)?;
            let start = u64::try_from(offset).ok().filter(|start| *start <= segment.len);
            let span = start
                .map(|start| Span::between(segment.start.saturating_add(start), segment.end()));
            if span.is_none() {
                let what =
                    format!("constant {index} at {offset} of a segment of {} bytes", segment.len);
                let place = Span::new(table.at, 4);
                self.reading.deviation(Quirk::OutOfRange, place, Route::None, &what);
            }
            self.buffers.push(span);
        }
        Ok(())
    }

    /// What stands behind program and segments.
    fn behind(&mut self, segments: &[Span]) -> Result<(), Halt> {
        let mut parts: Vec<Span> = segments.to_vec();
        parts.push(Span::new(0, self.header.program));
        parts.sort_unstable();
        parts.push(Span::new(self.bytes.len(), 0));
        let mut end = 0;
        for part in parts {
            let span = Span::between(end, part.start);
            if span.len >= WORTH_READING && !crate::zip::is_blank(self.bytes, span)? {
                let what = format!("{} bytes that are in no segment", span.len);
                self.reading.deviation(Quirk::BytesBetween, span, Route::None, &what);
                let name = format!("@between@{:#x}", span.start);
                self.reading.child(name, self.bytes.slice(span), Role::Leftover);
            }
            end = end.max(part.end());
        }
        Ok(())
    }

    fn child(&mut self, name: &str, span: Span) {
        if span.len >= WORTH_READING && self.read < READ {
            self.read = self.read.saturating_add(1);
            self.reading.child(name, self.bytes.slice(span), Role::Storage);
        }
    }
}
