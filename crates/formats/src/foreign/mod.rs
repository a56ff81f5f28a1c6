//! Archives and compressed files that davy knows by name but does not read: told from bytes that
//! nobody knows, so that people see what to unpack first.

use davy_artifact::{Format, Input, Probe, Reading};
use davy_bytes::{Budget, Halt, Span};

/// Bytes that are enough to tell them.
const HEAD: usize = 512;

/// What they start with, and what they are called.
const KINDS: &[(&[u8], &str)] = &[
    (b"ISc(", "an InstallShield cabinet"),
    (b"LZIP\x01", "an lzip file"),
    (b"MSCF\0\0\0\0", "a Microsoft cabinet"),
    (b"Rar!\x1a\x07", "a RAR archive"),
    (b"\x1f\x8b", "a gzip file with a method other than deflate"),
    (b"\x1f\xa0", "a file of SCO compress"),
    (b"\x60\xea", "an ARJ archive"),
    (b"\x89LZO\0\r\n\x1a\n", "an lzop file"),
    (b"\xed\xab\xee\xdb", "an RPM package"),
    (b"hsqs", "a SquashFS image"),
    // [MS-CFB], section 2.2.
    (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        "a compound file: an installer or an old Office document",
    ),
    (b"xar!\0\x1c", "a xar archive"),
    (b"zPQ", "a ZPAQ archive"),
    (b"**ACE**", "an ACE archive"),
];

/// The reader of archives that are only named.
#[derive(Debug)]
pub struct Foreign;

impl Format for Foreign {
    fn id(&self) -> &'static str {
        "archive"
    }

    fn summary(&self) -> &'static str {
        "other archives and compressed files, which are named but not read"
    }

    fn probe(&self, head: &[u8], _: &Input<'_>) -> Probe {
        // Two bytes are not enough to be certain; the reader says the same.
        match kind(head) {
            Some((magic, _)) if magic.len() > 3 => Probe::Certain,
            Some(_) => Probe::Possible,
            None => Probe::No,
        }
    }

    fn read(&self, input: &Input<'_>, _: &mut Reading, _: &mut Budget) -> Result<(), Halt> {
        let head = input.bytes.copy(Span::new(0, 512), HEAD)?;
        match kind(&head) {
            Some((_, name)) => Err(Halt::unsupported(0, format!("{name}, which is not read"))),
            None => Err(Halt::malformed(0, "no archive")),
        }
    }
}

/// What starts with `head`. Short magics need a header that makes sense behind them.
fn kind(head: &[u8]) -> Option<(&'static [u8], &'static str)> {
    let (magic, name) = KINDS.iter().find(|(magic, _)| head.starts_with(magic))?;
    let byte = |at: usize| head.get(at).copied().unwrap_or(0);
    let plausible = match *magic {
        // The reader of gzip takes those with deflate.
        b"\x1f\x8b" => byte(2) != 8 && byte(2) < 8,
        b"\x1f\xa0" => byte(2) != 0,
        // A basic header of 30 to 2,600 bytes (ARJ technical note, "structure of archive").
        b"\x60\xea" => {
            let size = u16::from_le_bytes([byte(2), byte(3)]);
            (30..=2600).contains(&size) && byte(4) >= 30
        }
        _ => true,
    };
    plausible.then_some((*magic, *name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use davy_testkit::robust;

    #[test]
    fn archives_are_named_where_they_are_not_read() {
        let rar = robust::read(&Foreign, "x", b"Rar!\x1a\x07\x01\0rest").unwrap();
        let halt = rar.halt.unwrap();
        assert_eq!(
            (halt.blame().as_str(), halt.what()),
            ("unsupported", "a RAR archive, which is not read")
        );
        assert_eq!(robust::probe(&Foreign, "x", b"MSCF\0\0\0\0"), Probe::Certain);
        assert_eq!(robust::probe(&Foreign, "x", b"\x1f\xa0\x90"), Probe::Possible);
        for other in [&b"\x1f\xa0\0"[..], b"\x1f\x8b\x08", b"\x60\xea\0\0\0", b"Rar?"] {
            assert_eq!(robust::probe(&Foreign, "x", other), Probe::No, "{other:?}");
        }
    }
}
