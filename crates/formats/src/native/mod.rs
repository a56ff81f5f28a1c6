//! Native programs and libraries: ELF, PE, Mach-O and the portable programs of Cosmopolitan (which
//! llamafiles are), with what they link and import; and programs for virtual machines, by name.
//!
//! What machine code does is not followed: each of them leaves a gap, whatever else is known.

mod elf;
mod fields;
mod links;
mod macho;
mod other;
mod pe;

pub use other::Program;

use davy_artifact::{
    Excerpt, Fact, Format, Input, Probe, Quirk, Reading, Role, Route, Site, Value, Why,
};
use davy_bytes::{Blame, Budget, Bytes, Halt, Span, to_u64};

/// Larger programs are not searched for what they link: their tables are held in memory for that.
const SEARCHED: usize = 64 << 20;

/// The outline of a program: what it is, and how many bytes belong to it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Shape {
    /// Length in bytes as its headers give it, which may be more than there are.
    pub(crate) len: u64,
    /// What it is, in words.
    pub(crate) kind: String,
    /// The programs that it is made of, where it has one for each of several machines.
    pub(crate) parts: Vec<(&'static str, Span)>,
}

/// Finds the outline of a program at an offset.
type Outline = fn(&Bytes, u64) -> Result<Option<Shape>, Halt>;

/// A format of native programs.
pub struct Native {
    id: &'static str,
    summary: &'static str,
    outline: Outline,
}

impl std::fmt::Debug for Native {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Native({})", self.id)
    }
}

/// The reader of ELF files.
pub const ELF: Native = Native {
    id: "elf",
    summary: "ELF programs and libraries: what they link and import",
    outline: elf::shape,
};

/// The reader of Mach-O files, thin and fat.
pub const MACHO: Native = Native {
    id: "macho",
    summary: "Mach-O programs and libraries, alone or for several machines",
    outline: macho::shape,
};

/// The reader of PE files.
pub const PE: Native = Native {
    id: "pe",
    summary: "PE programs and libraries of Windows, .NET among them, and portable programs such as \
              llamafiles",
    outline: portable_or_pe,
};

/// The outline of what Windows runs, or of a portable program.
fn portable_or_pe(bytes: &Bytes, at: u64) -> Result<Option<Shape>, Halt> {
    let portable = pe::is_portable(&bytes.copy(Span::new(at, 8), 8)?);
    let shape = pe::shape(bytes, at)?;
    if !portable {
        return Ok(shape);
    }
    // What follows is an archive that belongs to it, or a program for another system.
    let len = bytes.len().saturating_sub(at);
    let kind =
        "portable program of Cosmopolitan (PE, ELF, Mach-O and shell script at once)".to_owned();
    Ok(Some(Shape { len, kind, parts: Vec::new() }))
}

/// The outline of the native program at `at`, whatever its format, with the format's name.
///
/// # Errors
/// Only when the medium fails.
pub(crate) fn shape_at(bytes: &Bytes, at: u64) -> Result<Option<(&'static str, Shape)>, Halt> {
    for format in [&ELF, &PE, &MACHO] {
        if let Some(shape) = (format.outline)(bytes, at)? {
            return Ok(Some((format.id, shape)));
        }
    }
    Ok(None)
}

impl Format for Native {
    fn id(&self) -> &'static str {
        self.id
    }

    fn summary(&self) -> &'static str {
        self.summary
    }

    fn probe(&self, head: &[u8], input: &Input<'_>) -> Probe {
        let starts = match head {
            [0x7f, b'E', b'L', b'F', ..] => self.id == "elf",
            [b'M', b'Z', ..] => self.id == "pe",
            [0xca, 0xfe, 0xba, 0xbe | 0xbf, ..] => self.id == "macho",
            [0xce | 0xcf, 0xfa, 0xed, 0xfe, ..] => self.id == "macho",
            [0xfe, 0xed, 0xfa, 0xce | 0xcf, ..] => self.id == "macho",
            _ => self.id == "pe" && pe::is_portable(head),
        };
        if starts && matches!((self.outline)(input.bytes, 0), Ok(Some(_))) {
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
        let Some(shape) = (self.outline)(input.bytes, 0)? else {
            return Err(Halt::malformed(0, format!("no {} header", self.id)));
        };
        let len = input.bytes.len();
        let whole = Span::new(0, shape.len.min(len));
        reading.fact(Fact::Attribute {
            owner: String::new(),
            name: "program".to_owned(),
            value: Value::Text(Excerpt::whole(shape.kind.as_str())),
            site: Site { span: whole, route: Route::None },
        });
        if shape.len > len {
            let what = format!("it says that it has {} bytes, of which {len} are there", shape.len);
            reading.deviation(Quirk::Truncated, whole, Route::None, &what);
        }
        let code = "machine code, which is not followed";
        reading.gap(whole, Why::Halted(Blame::Unsupported), code);
        for (machine, span) in &shape.parts {
            reading.child(*machine, input.bytes.slice(*span), Role::Present);
        }
        rest(shape.len, input.bytes, reading);
        if to_u64(SEARCHED) < len {
            return Ok(());
        }
        let data = input.bytes.copy(Span::new(0, len), SEARCHED)?;
        budget.spend_steps(to_u64(data.len()), 0)?;
        record(&links::links(&data), reading);
        Ok(())
    }
}

/// Records what stands behind a program.
fn rest(end: u64, bytes: &Bytes, reading: &mut Reading) {
    let rest = Span::between(end, bytes.len());
    reading.seamless = rest.len == 0;
    if rest.len > 0 {
        let what = format!("{} bytes behind the program", rest.len);
        reading.deviation(Quirk::BytesAfterEnd, rest, Route::None, &what);
        reading.child(format!("@suffix@{end:#x}"), bytes.slice(rest), Role::Leftover);
    }
}

/// Records libraries and symbols.
fn record(links: &links::Links, reading: &mut Reading) {
    for target in &links.libraries {
        reading.fact(Fact::Reference {
            target: target.clone(),
            purpose: "shared library",
            site: Site::default(),
        });
    }
    for (path, library) in &links.symbols {
        reading.fact(Fact::Object {
            path: path.clone(),
            kind: "imported symbol",
            detail: library.clone().unwrap_or_default(),
            site: Site::default(),
        });
    }
    if links.cut {
        reading.fact(Fact::Object {
            path: "…".to_owned(),
            kind: "imported symbol",
            detail: "and more, which are not listed".to_owned(),
            site: Site::default(),
        });
    }
}

#[cfg(test)]
mod tests;
