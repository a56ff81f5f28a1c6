//! Plain text: UTF-8 without control characters, which no loader runs unless its name says so.

use davy_artifact::{Format, Input, Probe, Reading, Why};
use davy_bytes::{Blame, Budget, Halt, Span, to_u64, to_usize};

/// Bytes that are looked at at a time.
const PIECE: u64 = 64 * 1024;

/// What Git LFS leaves in place of a large file (Git LFS specification, "The Pointer").
const LFS_POINTER: &[u8] = b"version https://git-lfs.github.com/spec/";

/// All of an artifact that is text of at most `longest` bytes; `what` says what is too long.
///
/// # Errors
/// [`Halt::exhausted`] where it is longer, [`Halt::malformed`] at the first byte that is no UTF-8.
pub(crate) fn whole(
    input: &Input<'_>,
    longest: u64,
    what: &'static str,
    budget: &mut Budget,
) -> Result<String, Halt> {
    let len = input.bytes.len();
    if len > longest {
        return Err(Halt::exhausted(longest, what));
    }
    budget.spend_steps(len, 0)?;
    String::from_utf8(input.bytes.copy(Span::new(0, len), to_usize(len))?).map_err(|error| {
        let at = to_u64(error.utf8_error().valid_up_to());
        Halt::malformed(at, "no text from here on")
    })
}

/// The text reader: it says nothing, but vouches for every byte.
#[derive(Debug)]
pub struct Text;

impl Format for Text {
    fn id(&self) -> &'static str {
        "text"
    }

    fn summary(&self) -> &'static str {
        "plain text in UTF-8"
    }

    fn probe(&self, head: &[u8], _: &Input<'_>) -> Probe {
        match fault(head) {
            // The end of the head may cut a character in two.
            Fault::None | Fault::Cut(_) if !head.is_empty() => Probe::Possible,
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
        let head = input.bytes.copy(Span::new(0, len), LFS_POINTER.len())?;
        if head == LFS_POINTER {
            let why = Why::Halted(Blame::Unsupported);
            reading.gap(
                Span::new(0, len),
                why,
                "a pointer of Git LFS; the file itself is not here",
            );
        }
        let mut buffer = vec![0; to_usize(len.min(PIECE))];
        let mut at = 0_u64;
        while at < len {
            let read = input.bytes.read_at(at, &mut buffer)?;
            budget.spend_steps(to_u64(read), at)?;
            let piece = buffer.get(..read).unwrap_or_default();
            let last = at.saturating_add(to_u64(read)) >= len;
            let good = match fault(piece) {
                Fault::None => read,
                Fault::Cut(good) if !last && good > 0 => good,
                Fault::Cut(good) | Fault::At(good) => {
                    let at = at.saturating_add(to_u64(good));
                    return Err(Halt::malformed(at, "no text from here on"));
                }
            };
            at = at.saturating_add(to_u64(good));
        }
        reading.seamless = true;
        Ok(())
    }
}

/// Whether `head`, the start of something, is UTF-8 without control characters; its last character
/// may be cut.
pub fn is_text(head: &[u8]) -> bool {
    matches!(fault(head), Fault::None | Fault::Cut(_))
}

/// How many bytes at the start of `piece` are text, and whether text may go on behind them.
pub(crate) fn good(piece: &[u8]) -> (usize, bool) {
    match fault(piece) {
        Fault::None => (piece.len(), true),
        Fault::Cut(good) => (good, true),
        Fault::At(good) => (good, false),
    }
}

/// Where bytes stop being text.
enum Fault {
    None,
    /// A character starts at this index and does not end.
    Cut(usize),
    /// Something else stands at this index.
    At(usize),
}

fn fault(bytes: &[u8]) -> Fault {
    let control = bytes.iter().position(|byte| is_control(*byte));
    match std::str::from_utf8(bytes) {
        Ok(_) => control.map_or(Fault::None, Fault::At),
        Err(error) => {
            let good = error.valid_up_to();
            match control.filter(|control| *control < good) {
                Some(control) => Fault::At(control),
                None if error.error_len().is_none() => Fault::Cut(good),
                None => Fault::At(good),
            }
        }
    }
}

/// Control characters except tab, line feed, form feed and carriage return.
pub(crate) fn is_control(byte: u8) -> bool {
    byte == 0x7f || (byte < 0x20 && !matches!(byte, b'\t' | b'\n' | 0x0c | b'\r'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use davy_artifact::Role;
    use davy_bytes::Bytes;
    use davy_testkit::robust::{self, Order};

    fn end(bytes: &[u8]) -> Result<(), u64> {
        let bytes = Bytes::from_memory(bytes);
        let input = Input { bytes: &bytes, name: "x", role: Role::Present };
        let mut reading = Reading::default();
        let result = Text.read(&input, &mut reading, &mut Budget::default());
        assert!(reading.is_empty());
        result.map_err(|halt| halt.at())
    }

    #[test]
    fn text_is_read_to_its_end_across_pieces() {
        let long = format!("x{}", "模型\r\n\t".repeat(30_000));
        assert_eq!(end(long.as_bytes()), Ok(()));
        assert_eq!(end(format!("{long}\0").as_bytes()), Err(to_u64(long.len())));
        assert_eq!(end(&long.as_bytes()[..long.len() - 4]), Err(to_u64(long.len()) - 6));
        assert_eq!(end(b"abc\xff"), Err(3));
    }

    #[test]
    fn only_text_is_taken_for_text() {
        let cut = "a".repeat(4095) + "模型";
        for text in ["hello\n".as_bytes(), "naïve".as_bytes(), cut.as_bytes(), b"\xef\xbb\xbfbom"]
        {
            assert_eq!(robust::probe(&Text, "x", text), Probe::Possible);
        }
        for other in [b"".as_slice(), b"\x80\x04N.", b"a\0b", b"\x1b[31m", b"caf\xe9 au lait"] {
            assert_eq!(robust::probe(&Text, "x", other), Probe::No);
        }
    }

    #[test]
    fn damage_breaks_no_promise() {
        let text = "naïve 模型\n".repeat(20);
        robust::truncations(&Text, text.as_bytes(), Order::Streamed).unwrap();
        robust::flips(&Text, text.as_bytes()).unwrap();
    }
}
