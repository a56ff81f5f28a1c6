//! joblib's own compressed files, as it wrote them up to 0.9: whole pickles, and the arrays beside
//! them (`.z`). What joblib writes since then are pickles, compressed by usual means or not at all.
//!
//! A file starts with `ZF` and the length of its content in hexadecimal text, 19 characters wide; a
//! zlib stream follows (joblib, `numpy_pickle_compat.read_zfile`).

use crate::gzip::{Framing, inflate, note_expansion};
use crate::pickle::Pickle;
use davy_artifact::{Format, Input, Probe, Quirk, Reading, Role, Route};
use davy_bytes::{Blame, Budget, Bytes, Cursor, Halt, Span};

/// What a file starts with.
const MAGIC: &[u8] = b"ZF";

/// Characters of the length: as many as 2 to the power of 64 has.
const WIDTH: usize = 19;

/// A claim from which on joblib allocates more than machines have to spare: it passes the length to
/// zlib as the size of its first buffer.
const CLAIM: u64 = 1 << 32;

/// The reader of joblib's old compressed files.
#[derive(Debug)]
pub struct ZFile;

impl Format for ZFile {
    fn id(&self) -> &'static str {
        "zfile"
    }

    fn summary(&self) -> &'static str {
        "compressed pickles and arrays as joblib wrote them up to 0.9"
    }

    fn probe(&self, head: &[u8], _: &Input<'_>) -> Probe {
        let length = head.strip_prefix(MAGIC).and_then(|rest| rest.get(..WIDTH));
        if length.is_some_and(|text| length_of(text).is_some()) {
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
        let size = input.bytes.len();
        let mut cursor = Cursor::new(input.bytes.clone());
        cursor.take(MAGIC.len(), "magic")?;
        let text = cursor.take(WIDTH, "length")?;
        let Some(length) = length_of(text) else {
            return Err(Halt::malformed(2, "a length that is no hexadecimal number"));
        };
        // Python 2 wrote one character more.
        if cursor.peek()? == Some(b' ') {
            cursor.u8("blank")?;
        }
        let start = cursor.position();
        let out = inflate(input.bytes, Span::between(start, size), Framing::Zlib, budget)?;
        let produced = out.end.produced;
        check_length(length, produced, out.end.fault.is_none(), reading);
        let role = role(&out.bytes)?;
        if produced > 0 {
            reading.child("data", out.bytes, role);
        }
        if let Some(fault) = out.end.fault {
            if fault.blame() == Blame::Malformed {
                let span = Span::between(fault.at().min(size), size);
                let what = "the compressed data breaks off";
                reading.deviation(Quirk::Truncated, span, Route::None, what);
            }
            let result = Err(fault);
            note_expansion(&result, size, produced, reading);
            return result;
        }
        let rest = Span::between(start.saturating_add(out.end.consumed), size);
        if rest.len > 0 {
            let what = "bytes behind the compressed data, which joblib does not look at";
            reading.deviation(Quirk::BytesAfterEnd, rest, Route::None, what);
            let name = format!("@{:#x}", rest.start);
            reading.child(name, input.bytes.slice(rest), Role::Leftover);
        }
        reading.seamless = rest.len == 0;
        Ok(())
    }
}

/// The length that the text gives, as `int(text, 16)` takes it.
fn length_of(text: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(text).ok()?.trim();
    // The numbers of Python 2 end in `L`.
    let digits = text.strip_suffix('L').unwrap_or(text);
    let digits = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")).unwrap_or(digits);
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    // 18 digits at most: what does not fit 64 bits is as good as the largest number.
    plain.then(|| u64::from_str_radix(digits, 16).unwrap_or(u64::MAX))
}

fn check_length(length: u64, produced: u64, whole: bool, reading: &mut Reading) {
    let span = Span::new(2, 19);
    if length >= CLAIM && length > produced {
        let what = format!(
            "a length of {length}, for which joblib takes memory at once, where \
                            {produced} come out"
        );
        reading.deviation(Quirk::Expansion, span, Route::None, &what);
    } else if whole && length != produced {
        let what = format!("a length of {length}, where {produced} come out: joblib refuses that");
        reading.deviation(Quirk::SizeMismatch, span, Route::None, &what);
    }
}

/// A pickle is loaded; the elements of an array are data.
fn role(content: &Bytes) -> Result<Role, Halt> {
    let head = content.copy(Span::new(0, 4096), 4096)?;
    let input = Input { bytes: content, name: "data", role: Role::Loaded };
    let pickle = !head.is_empty() && Pickle.probe(&head, &input) != Probe::No;
    Ok(if pickle { Role::Loaded } else { Role::Storage })
}

#[cfg(test)]
mod tests {
    use super::*;
    use davy_testkit::robust::{self, Order};
    use flate2::Compression;
    use flate2::write::ZlibEncoder;
    use std::io::Write;

    fn zfile(length: &str, content: &[u8]) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(content).unwrap();
        let mut file = format!("ZF{length:<19}").into_bytes();
        file.extend(encoder.finish().unwrap());
        file
    }

    fn quirks(file: &[u8]) -> Vec<Quirk> {
        let outcome = robust::read(&ZFile, "x.pkl", file).unwrap();
        outcome.reading.deviations.iter().map(|it| it.quirk).collect()
    }

    #[test]
    fn pickles_are_loaded_and_arrays_are_data() {
        for (content, role) in [(&b"\x80\x02K\x01."[..], Role::Loaded), (&[0xff; 5], Role::Storage)]
        {
            for length in ["0x5", "0x5L", "5", "0x5                "] {
                let outcome = robust::read(&ZFile, "x", &zfile(length, content)).unwrap();
                assert!(outcome.reading.seamless && outcome.halt.is_none());
                assert_eq!(outcome.reading.children[0].role, role, "{length}");
            }
        }
    }

    #[test]
    fn lengths_that_lie_are_told() {
        assert_eq!(quirks(&zfile("0x5", b"12345")), []);
        assert_eq!(quirks(&zfile("0x6", b"12345")), [Quirk::SizeMismatch]);
        assert_eq!(quirks(&zfile("0xffffffffffffffff", b"12345")), [Quirk::Expansion]);
        let more = [zfile("0x5", b"12345"), b"more".to_vec()].concat();
        assert_eq!(quirks(&more), [Quirk::BytesAfterEnd]);
        let whole = zfile("0x5", b"12345");
        assert_eq!(quirks(&whole[..whole.len() - 3]), [Quirk::Truncated]);
        assert_eq!(robust::probe(&ZFile, "x", b"ZFnothing of the kind "), Probe::No);
    }

    #[test]
    fn damage_breaks_no_promise() {
        let file = zfile("0x14", b"twenty bytes of data");
        robust::truncations(&ZFile, &file, Order::Indexed).unwrap();
        robust::flips(&ZFile, &file).unwrap();
    }
}
