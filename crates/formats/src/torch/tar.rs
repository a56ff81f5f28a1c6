//! The oldest layout of `torch.save` (0.1): a tar archive with the members `pickle`, `storages` and
//! `tensors`, each of which starts with pickles that `torch.load` still loads.

use crate::pickle::Machine;
use davy_artifact::{Fact, Format, Input, Probe, Quirk, Reading, Role, Route, Site};
use davy_bytes::{Budget, Bytes, Halt, Span, to_usize};

/// Length of a header, and what data is padded to (POSIX.1-1988, ustar).
const BLOCK: u64 = 512;

/// Members that are read.
const MEMBERS: u64 = 100_000;

/// Pickles of one member that are followed.
const STREAMS: u32 = 100_000;

/// The tar checkpoint of PyTorch 0.1.
#[derive(Debug)]
pub struct Tar;

/// Longest extended header that is read.
const EXTENDED: u64 = 64 * 1024;

/// Extended headers of one member that are read; each writer makes two at most.
const EXTENSIONS: u32 = 64;

/// A member.
#[derive(Debug)]
struct Member {
    name: String,
    data: Span,
    /// The type flag: `5` a folder, `L` a long name of GNU tar, `x` an extended header of POSIX.
    kind: u8,
}

/// The members of an archive one behind the other, under the names that extended headers give them.
struct Members<'a> {
    bytes: &'a Bytes,
    at: u64,
    name: Option<String>,
}

impl Members<'_> {
    fn next(&mut self) -> Result<Option<Member>, Halt> {
        for _ in 0..EXTENSIONS {
            let Some(mut member) = header(self.bytes, self.at)? else { return Ok(None) };
            self.at = next(&member);
            match member.kind {
                b'L' => {
                    let name = self.bytes.copy(member.data, to_usize(EXTENDED))?;
                    let name = name.split(|byte| *byte == 0).next().unwrap_or_default();
                    self.name = Some(String::from_utf8_lossy(name).into_owned());
                }
                b'x' => {
                    let records = self.bytes.copy(member.data, to_usize(EXTENDED))?;
                    self.name = pax_path(&records).or(self.name.take());
                }
                b'g' | b'K' => {}
                _ => {
                    member.name = self.name.take().unwrap_or(member.name);
                    return Ok(Some(member));
                }
            }
        }
        Err(Halt::malformed(self.at, "extended headers without end"))
    }
}

/// The path in the records of an extended header: `27 path=...` and a newline each.
fn pax_path(records: &[u8]) -> Option<String> {
    let lines = records.split(|byte| *byte == b'\n');
    let mut values = lines.filter_map(|line| {
        let space = line.iter().position(|byte| *byte == b' ')?;
        line.get(space.saturating_add(1)..)?.strip_prefix(b"path=")
    });
    values.next_back().map(|path| String::from_utf8_lossy(path).into_owned())
}

impl Format for Tar {
    fn id(&self) -> &'static str {
        "pytorch-tar"
    }

    fn summary(&self) -> &'static str {
        "PyTorch checkpoint in a tar archive (0.1), which torch.load still opens"
    }

    fn probe(&self, head: &[u8], input: &Input<'_>) -> Probe {
        if head.get(257..262) != Some(b"ustar") {
            return Probe::No;
        }
        let mut names = Vec::new();
        let mut members = Members { bytes: input.bytes, at: 0, name: None };
        while names.len() < 16 {
            let Ok(Some(member)) = members.next() else { break };
            names.push(member.name);
        }
        let has = |wanted: &str| names.iter().any(|name| plain(name) == wanted);
        match has("pickle") && (has("storages") || has("tensors")) {
            true => Probe::Certain,
            false => Probe::No,
        }
    }

    fn read(
        &self,
        input: &Input<'_>,
        reading: &mut Reading,
        budget: &mut Budget,
    ) -> Result<(), Halt> {
        let mut members = Members { bytes: input.bytes, at: 0, name: None };
        for _ in 0..MEMBERS {
            budget.spend_steps(1, members.at)?;
            let Some(member) = members.next()? else { break };
            if member.data.end() > input.bytes.len() {
                let what = "a member goes on behind the end of the archive";
                let route = Route::Member(member.name.clone());
                reading.deviation(Quirk::Truncated, member.data, route, what);
            }
            push(input.bytes, &member, reading, budget)?;
        }
        check_rest(input.bytes, members.at, reading)
    }
}

fn plain(name: &str) -> &str {
    name.trim_start_matches("./").trim_end_matches('/')
}

fn next(member: &Member) -> u64 {
    member.data.end().checked_next_multiple_of(BLOCK).unwrap_or(u64::MAX)
}

/// The member whose header stands at `at`.
fn header(bytes: &Bytes, at: u64) -> Result<Option<Member>, Halt> {
    let block = bytes.copy(Span::new(at, BLOCK), to_usize(BLOCK))?;
    let field =
        |start: usize, len: usize| block.get(start..start.saturating_add(len)).unwrap_or_default();
    if field(257, 5) != b"ustar" || field(0, 1) == [0] {
        return Ok(None);
    }
    let name = field(0, 100).split(|byte| *byte == 0).next().unwrap_or_default();
    let size = String::from_utf8_lossy(field(124, 12)).into_owned();
    let size = u64::from_str_radix(size.trim_matches(|c: char| c == '\0' || c == ' '), 8);
    let kind = field(156, 1).first().copied().unwrap_or(0);
    let start = at.saturating_add(BLOCK);
    let size = size.map_err(|_| Halt::malformed(at, "the size of a member is no octal number"))?;
    let data = Span::new(start, if kind == b'5' { 0 } else { size });
    Ok(Some(Member { name: String::from_utf8_lossy(name).into_owned(), data, kind }))
}

fn push(
    bytes: &Bytes,
    member: &Member,
    reading: &mut Reading,
    budget: &mut Budget,
) -> Result<(), Halt> {
    let site = Site { span: member.data, route: Route::Member(member.name.clone()) };
    reading.fact(Fact::Member { name: member.name.clone(), size: member.data.len, site });
    let view = bytes.slice(member.data);
    match plain(&member.name) {
        _ if member.kind == b'5' || view.is_empty() => {}
        name @ ("storages" | "tensors") => split(name, &view, reading, budget)?,
        _ => reading.child(member.name.clone(), view, Role::Loaded),
    }
    Ok(())
}

/// `storages` and `tensors` are pickles with raw numbers between them: the pickles become artifacts,
/// and what is between them.
fn split(name: &str, view: &Bytes, reading: &mut Reading, budget: &mut Budget) -> Result<(), Halt> {
    let mut at = 0;
    for stream in 0..STREAMS {
        let mut scratch = Reading::default();
        let end = match Machine::new(view, &mut scratch, budget).run(at, stream) {
            Ok(end) => end.at,
            Err(halt) if halt.blame() == davy_bytes::Blame::Malformed => view.len(),
            Err(halt) => return Err(halt),
        };
        reading.child(format!("{name}@{at:#x}"), view.slice(Span::between(at, end)), Role::Loaded);
        let raw = end;
        at = next_pickle(view, end)?;
        if at > raw {
            let between = view.slice(Span::between(raw, at));
            reading.child(format!("{name}@{raw:#x}"), between, Role::Storage);
        }
        if at >= view.len() {
            return Ok(());
        }
    }
    Err(Halt::exhausted(at, "more pickles in one member than are followed"))
}

/// Where the next pickle of protocol 2, which the writer used, starts from `at` on.
fn next_pickle(view: &Bytes, at: u64) -> Result<u64, Halt> {
    const WINDOW: u64 = 64 * 1024;
    let mut start = at;
    while start < view.len() {
        let window = view.copy(Span::new(start, WINDOW), to_usize(WINDOW))?;
        let found = window.windows(3).position(|bytes| {
            matches!(
                bytes,
                [0x80, 0..=5, b'(' | b'K' | b'M' | b'J' | b'c' | b'X' | b'U' | b']' | b'}']
            )
        });
        if let Some(found) = found {
            return Ok(start.saturating_add(davy_bytes::to_u64(found)));
        }
        start = start.saturating_add(WINDOW.saturating_sub(2));
    }
    Ok(view.len())
}

/// Behind the last member a tar archive has zeros only.
fn check_rest(bytes: &Bytes, at: u64, reading: &mut Reading) -> Result<(), Halt> {
    let rest = Span::between(at, bytes.len());
    let head = bytes.copy(rest, 64 * 1024)?;
    if head.iter().any(|byte| *byte != 0) {
        let what = format!("{} bytes behind the last member", rest.len);
        reading.deviation(Quirk::BytesAfterEnd, rest, Route::None, &what);
        reading.child(format!("@suffix@{at:#x}"), bytes.slice(rest), Role::Present);
    }
    Ok(())
}
