//! Compiled modules: a magic number, what the module was made of, and its code, marshalled.

use super::{starts_with_code, tell};
use crate::bytecode::{Decoded, Hints, Magic, decode, whole};
use davy_artifact::{
    Excerpt, Fact, Format, Input, Probe, Quirk, Reading, Route, Site, Value, When,
};
use davy_bytes::{Budget, Halt, Span, to_u64};

/// The first magic number whose header has flags (PEP 552, in 3.7).
const WITH_FLAGS: u16 = 3392;

/// The first magic number whose header has the size of the source (3.3).
const WITH_SIZE: u16 = 3210;

/// Compiled Python modules.
#[derive(Debug)]
pub struct Pyc;

impl Format for Pyc {
    fn id(&self) -> &'static str {
        "pyc"
    }

    fn summary(&self) -> &'static str {
        "compiled Python modules (.pyc) of CPython 2.7 and 3.5 to 3.14"
    }

    fn probe(&self, head: &[u8], input: &Input<'_>) -> Probe {
        let known = magic(head).filter(|magic| Magic::of(*magic).is_some());
        let starts = known.and_then(|magic| head.get(header(magic)));
        if starts.is_some_and(|kind| kind & 0x7f == b'c') || has_code(head, input.bytes.len()) {
            Probe::Certain
        } else {
            Probe::No
        }
    }

    fn read(
        &self,
        input: &Input<'_>,
        reading: &mut Reading,
        budget: &mut Budget,
    ) -> Result<(), Halt> {
        let content = whole(input.bytes)?;
        let Some(number) = magic(&content) else {
            return Err(Halt::malformed(0, "no magic number of Python"));
        };
        let known = Magic::of(number);
        let (base, mut decoded) = match known {
            Some(known) => {
                let hints = Hints { version: Some(known.version), certain: known.released };
                let base = header(number).min(content.len());
                (base, decode_from(&content, base, hints, budget)?)
            }
            None => foreign(&content, number, budget)?,
        };
        if known.is_none_or(|known| !known.released) {
            let doubt = format!("the magic number {number} is of no release that davy knows");
            decoded.doubts.push(doubt);
        }
        if base == 16 {
            flags(&content, reading);
        }
        tell(decoded, to_u64(base), When::Loaded, input.bytes, reading, budget)
    }
}

/// Whether `bytes` are a compiled module.
pub(crate) fn is_compiled(bytes: &[u8]) -> bool {
    has_code(bytes, to_u64(bytes.len()))
}

/// Whether `head` starts like a magic number, with code behind it where some version has it.
fn has_code(head: &[u8], size: u64) -> bool {
    let at = |header: usize| {
        let size = size.saturating_sub(to_u64(header));
        head.get(header..).is_some_and(|body| starts_with_code(body, size))
    };
    magic(head).is_some() && [8, 12, 16].into_iter().any(at)
}

fn magic(head: &[u8]) -> Option<u16> {
    match head {
        [low, high, b'\r', b'\n', ..] => Some(u16::from_le_bytes([*low, *high])),
        _ => None,
    }
}

/// Bytes before the code.
fn header(magic: u16) -> usize {
    match magic {
        WITH_FLAGS..20_000 => 16,
        WITH_SIZE..WITH_FLAGS => 12,
        _ => 8,
    }
}

fn decode_from(
    content: &[u8],
    base: usize,
    hints: Hints,
    budget: &mut Budget,
) -> Result<Decoded, Halt> {
    let body = content.get(base..).unwrap_or_default();
    decode(body, hints, budget).map_err(|halt| halt.shifted(to_u64(base)))
}

/// Code behind a magic number that nobody knows: read as the version that fits it best, if one does.
fn foreign(content: &[u8], number: u16, budget: &mut Budget) -> Result<(usize, Decoded), Halt> {
    for base in [16, 12, 8] {
        let body = content.get(base..).unwrap_or_default();
        if starts_with_code(body, to_u64(body.len())) {
            let decoded = decode_from(content, base, Hints::default(), budget)?;
            if decoded.halt.is_none() {
                return Ok((base, decoded));
            }
        }
    }
    Err(Halt::unsupported(0, format!("the magic number {number} is of no Python that davy reads")))
}

/// Records how loaders decide whether the file is up to date: by a time, or by a hash that they check
/// or take on trust.
fn flags(content: &[u8], reading: &mut Reading) {
    let Some(flags) = content.get(4..8).and_then(|flags| flags.try_into().ok()) else { return };
    let flags = u32::from_le_bytes(flags);
    let span = Span::new(4, 4);
    if flags > 3 {
        let what = format!("flags {flags:#x}, with which no loader takes the file");
        reading.deviation(Quirk::OutOfRange, span, Route::None, &what);
    }
    let said = match flags & 3 {
        1 => "hash that is not checked",
        3 => "hash",
        _ => "time",
    };
    reading.fact(Fact::Attribute {
        owner: String::new(),
        name: "valid by".to_owned(),
        value: Value::Text(Excerpt::whole(said)),
        site: Site { span, route: Route::None },
    });
}
