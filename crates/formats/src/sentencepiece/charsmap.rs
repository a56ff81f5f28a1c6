//! The compiled table by which SentencePiece brings characters into one form: the size of a double
//! array, the array itself, and the texts that it leads to (`src/normalizer.cc`,
//! `DecodePrecompiledCharsMap`; Darts-clone, `DoubleArrayImpl`).
//!
//! The library follows the array without asking whether a step stays in it, so each step is checked.

use davy_artifact::{Quirk, Reading, Route};
use davy_bytes::{Budget, Bytes, Halt, Span, to_usize};

/// The largest array that is checked; those in use have a hundredth of that.
const LARGEST: u64 = 16 << 20;

/// The set bit of a unit that holds a value, not a step.
const LEAF: u32 = 1 << 31;

/// The bit of a unit that is the end of a key, whose value stands one step further.
const HAS_LEAF: u32 = 1 << 8;

/// Checks the table in `place`, which the route names.
///
/// # Errors
/// When the medium fails, and when the budget ends.
pub(super) fn check(
    bytes: &Bytes,
    (place, key): (Span, &str),
    reading: &mut Reading,
    budget: &mut Budget,
) -> Result<(), Halt> {
    if place.len == 0 {
        return Ok(());
    }
    let route = || Route::Key(key.to_owned());
    let size = bytes.copy(place, 4)?;
    let size = size.first_chunk::<4>().map(|size| u64::from(u32::from_le_bytes(*size)));
    let texts = size.and_then(|size| place.len.checked_sub(4)?.checked_sub(size));
    let (Some(size), Some(texts)) = (size, texts) else {
        let what = "the table of characters says that it is larger than it is";
        reading.deviation(Quirk::OutOfRange, place, route(), what);
        return Ok(());
    };
    if size < 1024 || !size.is_multiple_of(1024) {
        let what = format!("an array of {size} bytes in the table of characters, no whole blocks");
        reading.deviation(Quirk::SizeMismatch, place, route(), &what);
    }
    let array = bytes.slice(Span::new(place.start.saturating_add(4), size));
    let Some((index, what)) = fault(&array, texts, budget)? else { return Ok(()) };
    let at = place.start.saturating_add(4).saturating_add(index.saturating_mul(4));
    let what = format!("unit {index} of the table of characters {what}");
    reading.deviation(Quirk::OutOfRange, Span::new(at, 4), route(), &what);
    Ok(())
}

/// The first unit of `array` that leads out of it, or out of `texts` bytes, and how.
fn fault(
    array: &Bytes,
    texts: u64,
    budget: &mut Budget,
) -> Result<Option<(u64, &'static str)>, Halt> {
    if array.len() > LARGEST {
        return Err(Halt::exhausted(0, "a table of characters larger than any in use"));
    }
    budget.spend_steps(array.len() / 4, 0)?;
    let array = array.copy(Span::new(0, LARGEST), to_usize(LARGEST))?;
    let (units, _) = array.as_chunks::<4>();
    for (unit, index) in units.iter().zip(0_u64..) {
        let unit = u32::from_le_bytes(*unit);
        if unit & LEAF != 0 {
            continue;
        }
        let Some(next) = units.get(to_usize(index ^ step(unit))) else {
            return Ok(Some((index, "leads behind its end")));
        };
        let value = u64::from(u32::from_le_bytes(*next) & !LEAF);
        if unit & HAS_LEAF != 0 && value >= texts {
            return Ok(Some((index, "leads to a text behind the last one")));
        }
    }
    Ok(None)
}

/// How far a unit leads, as Darts-clone packs it: 21 bits, eight times as far where bit 9 is set.
fn step(unit: u32) -> u64 {
    let near = u64::from(unit >> 10);
    if unit & 0x200 == 0 { near } else { near.wrapping_shl(8) }
}
