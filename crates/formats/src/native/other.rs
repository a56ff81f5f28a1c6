//! Programs that something else than a processor runs, and shortcuts: told by their first bytes, and
//! not read further.

use davy_artifact::{Excerpt, Fact, Format, Input, Probe, Reading, Route, Site, Value, Why};
use davy_bytes::{Blame, Budget, Halt, Span};

/// The reader of programs that are only named.
#[derive(Debug)]
pub struct Program;

impl Format for Program {
    fn id(&self) -> &'static str {
        "program"
    }

    fn summary(&self) -> &'static str {
        "Java classes, Android and WebAssembly modules, LLVM bit code and Windows shortcuts: named, \
         not read"
    }

    fn probe(&self, head: &[u8], _: &Input<'_>) -> Probe {
        if kind(head).is_some() { Probe::Certain } else { Probe::No }
    }

    fn read(&self, input: &Input<'_>, reading: &mut Reading, _: &mut Budget) -> Result<(), Halt> {
        let head = input.bytes.copy(Span::new(0, 64), 64)?;
        let Some(kind) = kind(&head) else { return Err(Halt::malformed(0, "no program")) };
        let whole = Span::new(0, input.bytes.len());
        reading.seamless = true;
        reading.fact(Fact::Attribute {
            owner: String::new(),
            name: "program".to_owned(),
            value: Value::Text(Excerpt::whole(kind)),
            site: Site { span: whole, route: Route::None },
        });
        let what = format!("{kind}, which is not followed");
        reading.gap(whole, Why::Halted(Blame::Unsupported), &what);
        Ok(())
    }
}

/// What starts with `head`.
fn kind(head: &[u8]) -> Option<&'static str> {
    match head {
        // JVM specification, section 4.1: versions from 45 on.
        [0xca, 0xfe, 0xba, 0xbe, _, _, 0, major, ..] if (45..=99).contains(major) => {
            Some("Java class")
        }
        [0, b'a', b's', b'm', 1 | 2 | 0xd, 0, 0 | 1, 0, ..] => Some("WebAssembly module"),
        [b'd', b'e', b'x', b'\n', b'0', _, _, 0, ..] => Some("Dalvik executable"),
        [b'B', b'C', 0xc0, 0xde, ..] => Some("LLVM bit code"),
        // [MS-SHLLINK], section 2.1: size and class of the header.
        [0x4c, 0, 0, 0, 1, 0x14, 2, 0, 0, 0, 0, 0, 0xc0, 0, 0, 0, 0, 0, 0, 0x46, ..] => {
            Some("Windows shortcut")
        }
        _ => None,
    }
}
