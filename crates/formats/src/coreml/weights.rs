//! The weights of a package (`weights/weight.bin`): a header, and for each tensor a record and its bytes.

use crate::stored::{Area, Stored};
use davy_artifact::{Fact, Format, Input, Probe, Quirk, Reading, Role, Route, Site, Tensor};
use davy_bytes::{Budget, Bytes, Halt, Span};

/// Everything starts at a multiple of this.
const ALIGNMENT: u64 = 64;

/// What a record starts with.
const SENTINEL: u32 = 0xdead_beef;

/// The version of the format.
const VERSION: u32 = 2;

/// Types of elements by number, with the bits of one (`BlobDataType`).
const TYPES: &[(u32, &str, u64)] = &[
    (1, "float16", 16),
    (2, "float32", 32),
    (3, "uint8", 8),
    (4, "int8", 8),
    (5, "bfloat16", 16),
    (6, "int16", 16),
    (7, "uint16", 16),
    (8, "int4", 4),
    (9, "uint1", 1),
    (10, "uint2", 2),
    (11, "uint4", 4),
    (12, "uint3", 3),
    (13, "uint6", 6),
    (14, "int32", 32),
    (15, "uint32", 32),
    (16, "float8e4m3fn", 8),
    (17, "float8e5m2", 8),
];

/// The reader of weights.
#[derive(Debug)]
pub struct Weights;

impl Format for Weights {
    fn id(&self) -> &'static str {
        "coreml-weights"
    }

    fn summary(&self) -> &'static str {
        "weights of Core ML packages (weight.bin): tensors one behind the other"
    }

    fn probe(&self, head: &[u8], _: &Input<'_>) -> Probe {
        let known = number(head, 4) == Some(VERSION) && number(head, 64) == Some(SENTINEL);
        if known { Probe::Certain } else { Probe::No }
    }

    fn read(
        &self,
        input: &Input<'_>,
        reading: &mut Reading,
        budget: &mut Budget,
    ) -> Result<(), Halt> {
        let mut stored = Vec::new();
        let result = records(input.bytes, &mut stored, reading, budget);
        let tensors: Vec<Stored> =
            stored.iter().filter(|it| !it.name.is_empty()).cloned().collect();
        crate::stored::children(input.bytes, &tensors, reading);
        match result {
            Ok(()) => {
                let start = stored.first().map_or(ALIGNMENT, |it| it.span.start);
                let area = Area { start, alignment: ALIGNMENT, what: "the weights" };
                let mut told = Reading::default();
                reading.seamless = area.account(input.bytes, &stored, &mut told, budget)?;
                reading.deviations.append(&mut told.deviations);
                let rest = told.children.into_iter().filter(|it| it.role == Role::Leftover);
                reading.children.extend(rest);
                Ok(())
            }
            Err(halt) => {
                let len = input.bytes.len();
                let rest = Span::between(halt.at().min(len), len);
                reading.deviation(Quirk::Truncated, rest, Route::None, halt.what());
                let name = format!("@{:#x}", rest.start);
                reading.child(name, input.bytes.slice(rest), Role::Leftover);
                Err(halt)
            }
        }
    }
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk::<4>().map(|it| u32::from_le_bytes(*it))
}

fn long(bytes: &[u8], at: usize) -> u64 {
    let eight = bytes.get(at..).and_then(|rest| rest.first_chunk::<8>());
    eight.map_or(0, |it| u64::from_le_bytes(*it))
}

/// The records, which have no name, and the tensors that they are about.
fn records(
    bytes: &Bytes,
    stored: &mut Vec<Stored>,
    reading: &mut Reading,
    budget: &mut Budget,
) -> Result<(), Halt> {
    let count = number(&bytes.copy(Span::new(0, 4), 4)?, 0).unwrap_or_default();
    let mut at = ALIGNMENT;
    for index in 0..count {
        budget.spend_steps(4, at.min(bytes.len()))?;
        let place = Span::new(at, ALIGNMENT);
        let record = bytes.copy(Span::new(at.min(bytes.len()), ALIGNMENT), 64)?;
        if number(&record, 0) != Some(SENTINEL) || record.len() < 64 {
            let what = format!("{count} tensors, of which the record of number {index} is missing");
            return Err(Halt::malformed(at.min(bytes.len()), what));
        }
        let kind = number(&record, 4).unwrap_or_default();
        let span = Span::new(long(&record, 16), long(&record, 8));
        stored.push(Stored { name: String::new(), span: place, is_bytes: false });
        let name = format!("{at:#x}");
        if span.end() > bytes.len() {
            let what =
                format!("{} bytes at {}, where the file has {}", span.len, span.start, bytes.len());
            return Err(Halt::malformed(at, what));
        }
        tell(&name, kind, span, place, reading);
        at = span.end().max(place.end()).next_multiple_of(ALIGNMENT);
        stored.push(Stored { name, span, is_bytes: matches!(kind, 3 | 4) });
    }
    Ok(())
}

fn tell(name: &str, kind: u32, span: Span, place: Span, reading: &mut Reading) {
    let route = Route::Tensor(name.to_owned());
    let known = TYPES.iter().find(|(number, ..)| *number == kind);
    if known.is_none() {
        let what = format!("element type {kind}");
        reading.deviation(Quirk::OutOfRange, place, route.clone(), &what);
    }
    let (dtype, bits) = known.map_or(("unknown", 8), |(_, name, bits)| (*name, *bits));
    let elements = span.len.saturating_mul(8).checked_div(bits).unwrap_or_default();
    let size = vec![i64::try_from(elements).unwrap_or(i64::MAX)];
    let (storage, dtype) = (name.to_owned(), dtype.to_owned());
    let tensor = Tensor { storage, dtype, elements, offset: 0, size, stride: vec![] };
    reading.fact(Fact::Tensor { tensor, site: Site { span, route } });
}
