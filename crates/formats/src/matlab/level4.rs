//! Level 4: one matrix behind the other, each with five numbers and its name before it.

use super::{Order, variable};
use davy_artifact::{Quirk, Reading, Role, Route};
use davy_bytes::{Budget, Bytes, Cursor, Halt, Span, to_usize};

/// Length of the five numbers.
const HEADER: usize = 20;

/// Longest name.
const NAME: u32 = 256;

/// Bytes of a number, by the digit that tells its type.
const WIDTHS: [u64; 6] = [8, 4, 4, 2, 2, 1];

/// Types, by the same digit.
const KINDS: [&str; 6] = ["float64", "float32", "int32", "int16", "uint16", "uint8"];

/// A matrix as its header describes it.
#[derive(Debug)]
struct Matrix {
    kind: &'static str,
    rows: u32,
    columns: u32,
    /// Bytes of its name, with the NUL behind it.
    name: u32,
    /// Bytes of its numbers.
    size: u64,
}

/// The matrix that `head` describes, if one does.
fn matrix(head: &[u8]) -> Option<Matrix> {
    let (words, _) = head.get(..HEADER)?.as_chunks::<4>();
    let mut read = [0_u32; 5];
    let little = u32::from_le_bytes(*words.first()?);
    let order = if little < 10_000 { Order::Little } else { Order::Big };
    for (number, word) in read.iter_mut().zip(words) {
        *number = order.word(*word);
    }
    let [kind, rows, columns, imaginary, name] = read;
    // Thousands tell the order, hundreds are zero, tens the type, ones numbers, text or sparse.
    let (machine, reserved, precision, form) =
        (kind / 1000, kind / 100 % 10, to_usize(u64::from(kind / 10 % 10)), kind % 10);
    let expected = if order == Order::Little { 0 } else { 1 };
    let fits = machine == expected && reserved == 0 && form <= 2 && imaginary <= 1;
    if !fits || !(2..=NAME).contains(&name) {
        return None;
    }
    let parts = u64::from(imaginary).saturating_add(1);
    let elements = u64::from(rows).checked_mul(u64::from(columns))?;
    let size = elements.checked_mul(*WIDTHS.get(precision)?)?.checked_mul(parts)?;
    let kind = match form {
        1 => "char",
        2 => "sparse",
        _ => *KINDS.get(precision)?,
    };
    Some(Matrix { kind, rows, columns, name, size })
}

/// Whether a matrix starts here, with a name that is one and numbers that are there.
pub(super) fn starts(head: &[u8], len: u64) -> bool {
    let Some(matrix) = matrix(head) else { return false };
    let end = HEADER.saturating_add(to_usize(u64::from(matrix.name)));
    let name = head.get(HEADER..end).unwrap_or_default();
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    let named = name.split_last().is_some_and(|(nul, name)| *nul == 0 && name.iter().all(plain));
    let whole = u64::from(matrix.name).saturating_add(20).checked_add(matrix.size);
    named && whole.is_some_and(|whole| whole <= len)
}

/// Reads matrices until the end.
pub(super) fn read(bytes: &Bytes, reading: &mut Reading, budget: &mut Budget) -> Result<(), Halt> {
    let mut cursor = Cursor::new(bytes.clone());
    while cursor.remaining() > 0 {
        let at = cursor.position();
        budget.spend_steps(32, at)?;
        match one(&mut cursor, reading) {
            Ok(()) => {}
            Err(halt) if at == 0 => return Err(halt),
            Err(halt) => {
                let rest = Span::between(at, bytes.len());
                reading.deviation(Quirk::BytesAfterEnd, rest, Route::None, halt.what());
                reading.child(format!("@{at:#x}"), bytes.slice(rest), Role::Leftover);
                return Ok(());
            }
        }
    }
    reading.seamless = true;
    Ok(())
}

fn one(cursor: &mut Cursor, reading: &mut Reading) -> Result<(), Halt> {
    let at = cursor.position();
    let head = cursor.take(HEADER, "header of a matrix")?.to_vec();
    let matrix = matrix(&head).ok_or_else(|| Halt::malformed(at, "no matrix"))?;
    let name = cursor.take(to_usize(u64::from(matrix.name)), "name of a matrix")?;
    let name = String::from_utf8_lossy(name).trim_end_matches('\0').to_owned();
    let data = cursor.skip(matrix.size, "numbers of a matrix")?;
    let sides = [i64::from(matrix.rows), i64::from(matrix.columns)];
    let span = Span::between(at, data.end());
    variable(reading, &name, matrix.kind, &sides, span);
    if data.len >= 64 && matrix.kind == "uint8" {
        reading.child(name, cursor.bytes().slice(data), Role::Storage);
    }
    Ok(())
}
