//! Arrays: what NumPy, joblib and msgpack read in files that they write, and in damaged ones, has to
//! be what davy finds in them.

use super::lines;
use crate::Outcome;
use crate::args::Args;
use davy_artifact::{Fact, Probe, Quirk, Reading, Route};
use davy_bytes::{Bytes, Span, to_u64};
use davy_formats::FORMATS;
use davy_formats::msgpack::walk::{Event, Walk};
use davy_testkit::robust;
use serde_json::Value as Json;
use std::error::Error;

/// Compressors that joblib has.
const PACKED: [&str; 6] = ["bzip2", "gzip", "lz4", "lzma", "xz", "zlib"];

/// Bytes of a value that are compared.
const SHOWN: usize = 32;

/// `oracle numpy`.
pub fn numpy(args: &mut Args) -> Outcome {
    lines::made(args, "numpy_files", |bytes, _| {
        let size = to_u64(bytes.len());
        let outcome = read("npy", &bytes)?;
        let mut lines = arrays(&outcome.reading);
        if lines.last().is_some_and(|line| line == "refused") {
            return Ok(lines);
        }
        let rest = outcome.reading.deviations.iter().find(|it| it.quirk == Quirk::BytesAfterEnd);
        match rest {
            _ if outcome.halt.is_some() => lines.push("refused".to_owned()),
            Some(rest) if rest.span.end() == size => {
                lines.push(format!("rest {}", rest.span.start));
            }
            _ => {}
        }
        Ok(lines)
    })
}

/// The arrays of a reading, as the Python side tells them.
fn arrays(reading: &Reading) -> Vec<String> {
    let mut lines = Vec::new();
    let fortran = |name: &str| {
        reading.facts.iter().any(|fact| {
            matches!(fact, Fact::Attribute { owner, name: key, value, .. }
                if owner == name && key == "fortran_order" && value.to_string() == "True")
        })
    };
    for fact in &reading.facts {
        let Fact::Tensor { tensor, site } = fact else { continue };
        let broken =
            |quirk| matches!(quirk, Quirk::HugeIndex | Quirk::Truncated | Quirk::WrongType);
        let mine = Route::Tensor(tensor.storage.clone());
        if reading.deviations.iter().any(|it| it.route == mine && broken(it.quirk)) {
            lines.push("refused".to_owned());
            return lines;
        }
        let (place, shape) = (site.span.end(), &tensor.size);
        let suffix = tensor.storage.strip_prefix("array").unwrap_or_default();
        let child = |what: &str| {
            let name = format!("@{what}{suffix}");
            reading.children.iter().find(|child| child.name == name)
        };
        if child("pickle").is_some() {
            lines.push(format!("objects {shape:?} at {place}"));
            continue;
        }
        let len = child("elements").map_or(0, |child| child.bytes.len());
        let order = if fortran(&tensor.storage) { "True" } else { "False" };
        lines.push(format!("array {shape:?} {order} {len} at {place}"));
    }
    lines
}

/// `oracle joblib`.
pub fn joblib(args: &mut Args) -> Outcome {
    lines::made(args, "joblib_files", |bytes, answer| {
        let bytes = if answer["packed"] == true { unpack(&bytes)? } else { bytes };
        let outcome = read("pickle", &bytes)?;
        if let Some(halt) = outcome.halt {
            return Err(halt.to_string().into());
        }
        let told = |fact: &Fact| match fact {
            Fact::Tensor { tensor, site } => {
                let dtype = match tensor.dtype.trim_start_matches(['<', '>', '=', '|']) {
                    dtype if dtype.starts_with('O') => "|O",
                    _ => tensor.dtype.as_str(),
                };
                Some(format!("array at {} {:?} {dtype}", site.span.start, tensor.size))
            }
            _ => None,
        };
        Ok(outcome.reading.facts.iter().filter_map(told).collect())
    })
}

/// What a compressed file holds, as the reader of its compressor unpacks it.
fn unpack(bytes: &[u8]) -> Result<Vec<u8>, Box<dyn Error>> {
    for id in PACKED {
        let format = FORMATS.iter().find(|format| format.id() == id).ok_or("no such format")?;
        if robust::probe(*format, "x", bytes) == Probe::No {
            continue;
        }
        let outcome = robust::read(*format, "x", bytes)?;
        if let (None, Some(child)) = (outcome.halt, outcome.reading.children.first()) {
            let len = child.bytes.len();
            return Ok(child.bytes.copy(Span::new(0, len), davy_bytes::to_usize(len))?);
        }
    }
    Err("no reader unpacks it".into())
}

/// `oracle msgpack`.
pub fn msgpack(args: &mut Args) -> Outcome {
    lines::made(args, "msgpack_files", |bytes, _: &Json| {
        let bytes = Bytes::from_memory(bytes);
        let mut walk = Walk::new(bytes.clone());
        let mut lines = Vec::new();
        while let Some(event) = walk.step()? {
            lines.extend(told(&bytes, event)?);
        }
        if walk.position() != bytes.len() {
            return Err("something is left".into());
        }
        Ok(lines)
    })
}

fn told(bytes: &Bytes, event: Event) -> Result<Option<String>, Box<dyn Error>> {
    let shown = |span: Span| -> Result<String, Box<dyn Error>> {
        let head = bytes.copy(span, SHOWN)?;
        let digits: String = head.iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(format!("{digits} {}", span.len))
    };
    Ok(Some(match event {
        Event::Open { is_map: true, count, .. } => format!("map {count}"),
        Event::Open { count, .. } => format!("list {count}"),
        Event::Close { .. } => return Ok(None),
        Event::Text { span, .. } => format!("text {}", shown(span)?),
        Event::Binary { span, .. } => format!("bytes {}", shown(span)?),
        Event::Extension { kind, span } => format!("extension {kind} {}", shown(span)?),
        Event::Int { value, .. } => format!("int {value}"),
        Event::Plain { kind: "f32", bits, .. } => {
            let single = f32::from_bits(u32::try_from(bits)?);
            format!("float {:016x}", f64::from(single).to_bits())
        }
        Event::Plain { kind: "f64", bits, .. } => format!("float {bits:016x}"),
        Event::Plain { kind: "bool", bits, .. } => format!("bool {bits}"),
        Event::Plain { .. } => "nil".to_owned(),
    }))
}

fn read(id: &str, bytes: &[u8]) -> Result<robust::Outcome, Box<dyn Error>> {
    let format = FORMATS.iter().find(|format| format.id() == id).ok_or("no such format")?;
    Ok(robust::read(*format, "x", bytes)?)
}
