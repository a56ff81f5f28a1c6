//! Stand-ins for formats, rules and files, for the tests of the engine.

use davy_artifact::{
    Artifact, Checksum, Fact, Format, Input, Name, Probe, Quirk, Reading, Role, Route, Site,
};
use davy_bytes::{Budget, Bytes, Halt, Limits, Source, Span};
use davy_rules::{Confidence, Detector, Reporter, Rule, Severity, Threat};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

type Read = fn(&Input<'_>, &mut Reading, &mut Budget) -> Result<(), Halt>;

/// A format made of two functions.
pub(crate) struct Double {
    pub(crate) id: &'static str,
    pub(crate) probe: fn(&[u8]) -> Probe,
    pub(crate) read: Read,
}

impl Format for Double {
    fn id(&self) -> &'static str {
        self.id
    }

    fn summary(&self) -> &'static str {
        "a test double"
    }

    fn probe(&self, head: &[u8], _: &Input<'_>) -> Probe {
        (self.probe)(head)
    }

    fn read(
        &self,
        input: &Input<'_>,
        reading: &mut Reading,
        left: &mut Budget,
    ) -> Result<(), Halt> {
        (self.read)(input, reading, left)
    }
}

/// How a member of a box is kept, and what the box says about it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kept {
    /// As it is.
    Stored,
    /// As it is, with a checksum that fits.
    Summed,
    /// As it is, with a checksum that does not fit.
    Missummed,
    /// Such that it has to be unpacked.
    Packed,
}

/// One member of a box.
pub(crate) fn member(name: &str, role: Role, kept: Kept, content: &[u8]) -> Vec<u8> {
    let role = match role {
        Role::Leftover => b'o',
        Role::Storage => b's',
        Role::Present => b'p',
        Role::Quoted => b'q',
        Role::Variant => b'v',
        Role::Loaded => b'l',
    };
    let kept = match kept {
        Kept::Stored => b's',
        Kept::Summed => b'c',
        Kept::Missummed => b'w',
        Kept::Packed => b'u',
    };
    let mut bytes = vec![u8::try_from(name.len()).unwrap(), role, kept];
    bytes.extend(name.as_bytes());
    bytes.extend(u32::try_from(content.len()).unwrap().to_le_bytes());
    bytes.extend(content);
    bytes
}

/// A box, the simplest container.
pub(crate) fn boxed(members: &[Vec<u8>]) -> Vec<u8> {
    [b"BOX".as_slice(), &members.concat()].concat()
}

fn open_box(input: &Input<'_>, reading: &mut Reading, left: &mut Budget) -> Result<(), Halt> {
    let mut cursor = davy_bytes::Cursor::starting_at(input.bytes.clone(), 3);
    while cursor.remaining() > 0 {
        left.spend_steps(1, cursor.position())?;
        let [len, role, kept] = cursor.array("member")?;
        let name = String::from_utf8_lossy(cursor.take(usize::from(len), "name")?).into_owned();
        let len = u64::from(cursor.u32_le("length")?);
        let span = cursor.skip(len, "content")?;
        let role = match role {
            b'o' => Role::Leftover,
            b's' => Role::Storage,
            b'p' => Role::Present,
            b'q' => Role::Quoted,
            b'v' => Role::Variant,
            _ => Role::Loaded,
        };
        let mut bytes = input.bytes.slice(span);
        let content = bytes.copy(Span::new(0, len), usize::MAX)?;
        let sum = crc32fast::hash(&content);
        match kept {
            b'c' => reading.checksums.push(Checksum { span, crc32: sum, name: name.clone() }),
            b'w' => reading.checksums.push(Checksum { span, crc32: !sum, name: name.clone() }),
            b'u' => {
                left.spend_expansion(len, span.start)?;
                bytes = Bytes::from_memory(content);
            }
            _ => {}
        }
        reading.child(name, bytes, role);
    }
    Ok(())
}

fn starts(head: &[u8], with: &[u8], then: Probe) -> Probe {
    if head.starts_with(with) { then } else { Probe::No }
}

/// Reads boxes.
pub(crate) const BOX: Double =
    Double { id: "box", probe: |head| starts(head, b"BOX", Probe::Certain), read: open_box };

/// Reads boxes as well, and takes every member for something that is loaded.
pub(crate) const CRATE: Double = Double {
    id: "crate",
    probe: |head| starts(head, b"BOX", Probe::Certain),
    read: |input, reading, budget| {
        open_box(input, reading, budget)?;
        reading.checksums.clear();
        reading.children.iter_mut().for_each(|child| child.role = Role::Loaded);
        Ok(())
    },
};

/// Reads what may be a script: a letter for each thing that a reader can do.
pub(crate) const SCRIPT: Double = Double {
    id: "script",
    probe: |head| {
        let could = head.first().is_some_and(u8::is_ascii_lowercase);
        if could { Probe::Possible } else { Probe::No }
    },
    read: |input, reading, budget| {
        let mut cursor = davy_bytes::Cursor::new(input.bytes.clone());
        while let Some(letter) = cursor.next_byte()? {
            let at = cursor.position() - 1;
            let site = Site { span: Span::new(at, 1), route: Route::None };
            match letter {
                b'i' => {
                    let name = Name::new("os", "system");
                    reading.fact(Fact::Import { name, spelled: None, by: "i", site });
                }
                b'd' => reading.deviation(Quirk::Missing, site.span, site.route, "d"),
                b'n' => {}
                b'p' => panic!("p at {at}"),
                b's' => budget.spend_steps(1000, at)?,
                b'x' => budget.spend_expansion(1000, at)?,
                _ => return Err(Halt::malformed(at, "no such letter")),
            }
        }
        reading.seamless = true;
        Ok(())
    },
};

/// The formats of most tests.
pub(crate) const FORMATS: &[&dyn Format] = &[&BOX, &SCRIPT];

/// The rule of most tests.
pub(crate) static RULE: Rule = Rule {
    id: "import-found",
    severity: Severity::Critical,
    confidence: Confidence::High,
    threat: Threat::UnsafeModule,
    summary: "",
    remediation: "",
    cwe: &[],
    atlas: &[],
    since: "0.1.0",
    aliases: &[],
    source: "",
};

/// Finds imports, and crashes in an artifact whose name is `crash`.
pub(crate) struct Imports;

impl Detector for Imports {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn artifact(&self, artifact: &Artifact, reporter: &mut Reporter<'_>) {
        for fact in artifact.identities.iter().flat_map(|identity| &identity.reading.facts) {
            reporter.report(artifact, fact.site(), "an import", "os.system");
        }
        assert_ne!(artifact.name(), "crash", "this is what was to happen");
    }

    fn bundle(&self, artifacts: &[Artifact], reporter: &mut Reporter<'_>) {
        let last = artifacts.last().filter(|last| last.name() == "last");
        if let Some(last) = last {
            reporter.report(last, &Site::default(), "the last one", "");
        }
    }
}

/// A source that says that it is longer than it is.
#[derive(Debug)]
pub(crate) struct Shrunk {
    pub(crate) content: Vec<u8>,
    pub(crate) len: u64,
}

impl Source for Shrunk {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let rest = self.content.get(davy_bytes::to_usize(offset)..).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }
}

/// Limits of which each can be reached quickly.
pub(crate) fn small_limits() -> Limits {
    Limits {
        artifacts: 50,
        depth: 3,
        expansion: 100_000,
        growth: 0,
        held: 1 << 20,
        memory: 1 << 20,
        steps: 100_000,
    }
}

/// A folder that is removed when it goes out of scope.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("davy-scan-{}-{number}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// The path of `name` in it.
    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Writes a file, and the folders that it is in.
    pub(crate) fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.at(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
