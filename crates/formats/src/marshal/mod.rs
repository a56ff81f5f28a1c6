//! Python's marshal, and the compiled modules (`.pyc`) that are made of it.
//!
//! Marshal is how code travels: a pickle, a Keras layer or a module hands such bytes to
//! `marshal.loads`, and has a function to call. It does not say which version of Python wrote it.

mod pyc;
mod reader;

pub use pyc::Pyc;
pub(crate) use pyc::is_compiled;
pub(crate) use reader::{Marshalled, read};

use crate::bytecode::{Constant, Decoded, Hints, Version, decode, describe, whole};
use crate::pickle::payload;
use davy_artifact::{Fact, Format, Input, Probe, Quirk, Reading, Role, Route, Site, When};
use davy_bytes::{Budget, Bytes, Halt, Span, to_u64, to_usize};

/// Data without code in front is tried only up to this size: nobody marshals tensors.
const TRIED: u64 = 1 << 20;

/// Payloads in constants that become children; stops code made of nothing else.
const PAYLOADS: usize = 64;

/// Bare marshal data that holds code.
#[derive(Debug)]
pub struct Marshal;

impl Format for Marshal {
    fn id(&self) -> &'static str {
        "marshal"
    }

    fn summary(&self) -> &'static str {
        "Python marshal data that holds code, of CPython 2.7 and 3.5 to 3.14"
    }

    fn probe(&self, head: &[u8], input: &Input<'_>) -> Probe {
        if starts_with_code(head, input.bytes.len()) {
            return Probe::Certain;
        }
        let container = head.first().is_some_and(|first| b"([{<>)".contains(&(first & 0x7f)));
        let asked = input.role == Role::Loaded && input.name.ends_with(".marshal");
        if !(container || asked) || input.bytes.len() > TRIED || !reads_on(head, input.bytes) {
            return Probe::No;
        }
        match holds_code(input.bytes) {
            Some(true) => Probe::Certain,
            Some(false) if asked => Probe::Possible,
            _ => Probe::No,
        }
    }

    fn read(
        &self,
        input: &Input<'_>,
        reading: &mut Reading,
        budget: &mut Budget,
    ) -> Result<(), Halt> {
        let content = whole(input.bytes)?;
        let decoded = decode(&content, Hints::default(), budget)?;
        tell(decoded, 0, When::Unknown, input.bytes, reading, budget)
    }
}

/// Whether `head` starts as a marshalled code object does, in any layout, in an artifact of `size`
/// bytes: plausible counts, and code of a length that fits.
pub(crate) fn starts_with_code(head: &[u8], size: u64) -> bool {
    let Some((first, rest)) = head.split_first() else { return false };
    if first & 0x7f != b'c' {
        return false;
    }
    // The code comes behind four numbers in Python 2, five in 3.0 to 3.7 and from 3.11 on, and six
    // in between. The last of them are the flags, which use 30 bits.
    [4, 5, 6].into_iter().any(|count| {
        let (numbers, _) = rest.as_chunks::<4>();
        let Some([counts @ .., flags]) = numbers.get(..count) else { return false };
        let start = count.saturating_mul(4);
        let Some([kind, length @ ..]) = rest.get(start..start.saturating_add(5)) else {
            return false;
        };
        let number = |bytes: &[u8]| bytes.try_into().map_or(u32::MAX, u32::from_le_bytes);
        let length = u64::from(number(length));
        counts.iter().all(|count| number(count) <= 1 << 20)
            && number(flags) < 1 << 30
            && kind & 0x7f == b's'
            && length > 0
            && length < size
            && goes_on(rest, start.saturating_add(5), length)
    })
}

/// Whether behind the code comes a tuple, as far as that can be seen.
fn goes_on(rest: &[u8], start: usize, length: u64) -> bool {
    let behind = start.saturating_add(to_usize(length));
    rest.get(behind).is_none_or(|kind| matches!(kind & 0x7f, b'(' | b')' | b'r'))
}

/// Whether `head`, the start of `bytes`, is marshal data that is whole or goes on behind.
fn reads_on(head: &[u8], bytes: &Bytes) -> bool {
    let cut = to_u64(head.len()) < bytes.len();
    let mut budget = Budget::default();
    [Version::V3_14, Version::V2_7].into_iter().any(|version| {
        let read = read(head, version, &mut budget);
        // What is longer than the head is cut off in it; nothing else may stop the reading.
        read.value.is_ok() || cut && read.cut
    })
}

/// Whether `bytes` read as marshal data to their end, and hold code.
fn holds_code(bytes: &Bytes) -> Option<bool> {
    let content = whole(bytes).ok()?;
    let mut budget = Budget::default();
    let decoded = decode(&content, Hints::default(), &mut budget).ok()?;
    let sound = decoded.halt.is_none() && decoded.end == bytes.len();
    sound.then_some(!decoded.tree.objects.is_empty())
}

/// Records what was decoded from `base` on in `bytes`.
fn tell(
    decoded: Decoded,
    base: u64,
    when: When,
    bytes: &Bytes,
    reading: &mut Reading,
    budget: &mut Budget,
) -> Result<(), Halt> {
    for (quirk, span, what) in &decoded.deviations {
        let span = Span::new(span.start.saturating_add(base), span.len);
        reading.deviation(*quirk, span, Route::None, what);
    }
    let end = decoded.end.saturating_add(base);
    if !decoded.tree.objects.is_empty() {
        let code = Box::new(describe(&decoded, when, budget).map_err(|halt| halt.shifted(base))?);
        let span = decoded.spans.first().copied().unwrap_or_default();
        let span = Span::new(span.start.saturating_add(base), span.len);
        reading.fact(Fact::Code { code, site: Site { span, route: Route::None } });
        keep_payloads(&decoded, reading, budget);
    }
    if let Some(halt) = decoded.halt {
        return Err(halt.shifted(base));
    }
    let rest = Span::between(end, bytes.len());
    if rest.len > 0 {
        let what = format!("{} bytes behind the marshalled object, which loaders ignore", rest.len);
        reading.deviation(Quirk::BytesAfterEnd, rest, Route::None, &what);
        reading.child(format!("@suffix@{end:#x}"), bytes.slice(rest), Role::Leftover);
    }
    reading.seamless = rest.len == 0;
    Ok(())
}

/// Makes children of constants that hold pickles, archives or more code: what unpacks and runs them
/// is in the code.
fn keep_payloads(decoded: &Decoded, reading: &mut Reading, budget: &mut Budget) {
    let mut kept = 0_usize;
    for (index, constant) in decoded.tree.constants.iter().enumerate() {
        let (Constant::Bytes(content) | Constant::Text(content)) = constant else { continue };
        let Some((unpacked, suffix)) = payload(content) else { continue };
        let spent = to_u64(unpacked.len());
        if kept >= PAYLOADS || budget.spend_expansion(spent, 0).is_err() {
            return;
        }
        kept = kept.saturating_add(1);
        let name = format!("constant@{index}{suffix}");
        reading.child(name, Bytes::from_memory(unpacked), Role::Quoted);
    }
}
