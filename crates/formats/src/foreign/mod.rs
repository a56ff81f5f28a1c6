//! Archives and compressed files that davy knows by name but does not read: told from bytes that
//! nobody knows, so that people see what to unpack first.

use davy_artifact::{Format, Input, Probe, Reading, Role};
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

/// Where the first volume descriptor of an ISO 9660 image has its mark (ECMA-119, section 8.1).
const VOLUME_AT: u64 = 32_769;
const VOLUME: &[u8] = b"CD001";

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

    fn probe(&self, head: &[u8], input: &Input<'_>) -> Probe {
        // Two bytes are not enough to be certain; the reader says the same.
        match kind(head) {
            Some((magic, _)) if magic.len() > 3 => Probe::Certain,
            Some(_) => Probe::Possible,
            None if is_volume(input).unwrap_or(false) => Probe::Certain,
            None if is_brotli(head, input) => Probe::Possible,
            None => Probe::No,
        }
    }

    fn read(&self, input: &Input<'_>, _: &mut Reading, _: &mut Budget) -> Result<(), Halt> {
        let head = input.bytes.copy(Span::new(0, 512), HEAD)?;
        let name = match kind(&head) {
            Some((_, name)) => name,
            None if is_volume(input)? => "an ISO 9660 image",
            None if is_brotli(&head, input) => "a Brotli stream, by its name",
            None => return Err(Halt::malformed(0, "no archive")),
        };
        Err(Halt::unsupported(0, format!("{name}, which is not read")))
    }
}

/// Whether an image of a disc stands here; its first 32 KiB are free for anything.
fn is_volume(input: &Input<'_>) -> Result<bool, Halt> {
    let mark = Span::new(VOLUME_AT, 5);
    let there = input.role != Role::Storage && mark.end() < input.bytes.len();
    Ok(there && input.bytes.copy(mark, VOLUME.len())? == VOLUME)
}

/// Whether the name says that these bytes are a Brotli stream, which has no magic (RFC 7932), and they
/// are neither text nor a pickle.
fn is_brotli(head: &[u8], input: &Input<'_>) -> bool {
    let text = std::str::from_utf8(head).is_ok_and(|text| !text.contains('\0'));
    input.name.ends_with(".br") && !text && !head.starts_with(b"\x80")
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

    #[test]
    fn what_has_no_magic_at_its_start_is_named_too() {
        let told = |name: &str, bytes: &[u8]| {
            robust::read(&Foreign, name, bytes).unwrap().halt.unwrap().what().to_owned()
        };
        let mut disc = vec![0; 40_000];
        assert_eq!(robust::probe(&Foreign, "x.iso", &disc), Probe::No);
        disc[32_769..32_774].copy_from_slice(b"CD001");
        assert_eq!(robust::probe(&Foreign, "x.iso", &disc), Probe::Certain);
        assert_eq!(told("x.iso", &disc), "an ISO 9660 image, which is not read");
        let packed = b"\x8b\x03\x80davy\x03\xff";
        assert_eq!(robust::probe(&Foreign, "x.json.br", packed), Probe::Possible);
        assert!(told("x.json.br", packed).starts_with("a Brotli stream"));
        assert_eq!(robust::probe(&Foreign, "x.json", packed), Probe::No);
        assert_eq!(robust::probe(&Foreign, "x.br", b"{\"a\": 1}"), Probe::No);
    }
}
