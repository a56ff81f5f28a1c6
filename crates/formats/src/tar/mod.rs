//! Tar archives: Version 7, ustar, star, GNU, pax and Solaris, as `torch.load` takes them in its
//! oldest form and NeMo packs its models.
//!
//! Members are those that Python's `tarfile` sees, in its way; where GNU tar and libarchive go on from
//! another place or use another name, that is told, and what they find there is read as well.

mod header;
mod member;
mod pax;
mod sparse;

use crate::zip::names::Labels;
use davy_artifact::{Format, Input, Probe, Quirk, Reading, Role, Route};
use davy_bytes::{Budget, Bytes, Halt, Mark, Span, to_u64, to_usize};
use header::{BLOCK, Header, parse};
use member::Member;
use pax::{Pax, int};
use std::cell::RefCell;
use std::collections::HashMap;

/// The longest name or list of records that is read: no file system takes longer names, and maps of
/// sparse files are short.
const EXTENSION_LIMIT: u64 = 16 << 20;

/// Extension headers that may stand before one member; honest writers put two or three.
const EXTENSIONS: usize = 64;

/// The tar reader.
#[derive(Debug)]
pub struct Tar;

impl Format for Tar {
    fn id(&self) -> &'static str {
        "tar"
    }

    fn summary(&self) -> &'static str {
        "tar archives: Version 7, ustar, star, GNU, pax and Solaris, sparse members among them"
    }

    fn version(&self) -> u32 {
        2
    }

    fn probe(&self, head: &[u8], _: &Input<'_>) -> Probe {
        match parse(head) {
            Some(header) if header.proven && header.size.bytes().is_some() => Probe::Certain,
            Some(header) if header.marked => Probe::Possible,
            _ => Probe::No,
        }
    }

    fn read(
        &self,
        input: &Input<'_>,
        reading: &mut Reading,
        budget: &mut Budget,
    ) -> Result<(), Halt> {
        if let Some((kept, result)) = taken(input.bytes) {
            *reading = kept;
            return result;
        }
        let mut walk = Walk {
            bytes: input.bytes,
            labels: Labels::default(),
            folds: HashMap::new(),
            pending: Vec::new(),
            open: false,
            all: Pax::default(),
            behind_fault: false,
            forked: false,
            room: budget.left().artifacts,
        };
        let result = walk.run(reading, budget);
        note(input.bytes, reading);
        result
    }
}

/// Members that formats which are tar archives are told by.
const TELLING: [&str; 2] = ["model_config.yaml", "pickle"];

/// The archive that was read last on this thread.
struct Last {
    mark: Mark,
    /// Which of the telling members it has.
    has: [bool; 2],
    /// What was read of it, where nobody has taken that over.
    kept: Option<(Reading, Result<(), Halt>)>,
}

thread_local! {
    static LAST: RefCell<Option<Last>> = const { RefCell::new(None) };
}

/// A member's name without `./`, and without the number that tells it from others of its name.
pub(crate) fn plain(name: &str) -> &str {
    let name = name.trim_start_matches("./");
    name.split('#').next().unwrap_or(name)
}

fn note(bytes: &Bytes, reading: &Reading) {
    let names = || reading.children.iter().map(|child| plain(&child.name));
    let has = TELLING.map(|telling| names().any(|name| name == telling));
    LAST.set(Some(Last { mark: bytes.mark(), has, kept: None }));
}

/// Leaves what was read of an archive to the reader of archives, which need not go over it again.
pub(crate) fn keep(bytes: &Bytes, reading: Reading, result: Result<(), Halt>) {
    LAST.with_borrow_mut(|last| {
        if let Some(last) = last.as_mut().filter(|last| bytes.is(&last.mark)) {
            last.kept = Some((reading, result));
        }
    });
}

/// What was left of these bytes.
fn taken(bytes: &Bytes) -> Option<(Reading, Result<(), Halt>)> {
    LAST.with_borrow_mut(|last| last.as_mut().filter(|last| bytes.is(&last.mark))?.kept.take())
}

/// Whether these bytes were read before as an archive that has no member of this name, so that the
/// other formats need not go over all of its headers again.
pub(crate) fn lacks(bytes: &Bytes, name: &str) -> bool {
    LAST.with_borrow(|last| {
        let Some(last) = last.as_ref().filter(|last| bytes.is(&last.mark)) else { return false };
        TELLING.iter().zip(last.has).any(|(telling, has)| *telling == name && !has)
    })
}

/// Drops what is known of the last archive.
pub fn forget() {
    LAST.set(None);
}

/// What an extension header says about the member behind it.
#[derive(Debug)]
enum Extension {
    /// GNU's long name.
    Name(Vec<u8>),
    /// GNU's long target of a link.
    Target(Vec<u8>),
    /// Records of pax: those of the global headers before it and its own, and its own alone.
    Records(Box<(Pax, Pax)>),
}

/// The state of going from header to header.
struct Walk<'a> {
    bytes: &'a Bytes,
    labels: Labels,
    /// Names as forgiving file systems fold them, and as they were spelled first.
    folds: HashMap<String, Vec<u8>>,
    /// What extension headers say about the next member, first one first.
    pending: Vec<Extension>,
    /// Whether the last header extends one that has to follow.
    open: bool,
    /// What global pax headers say about all members behind them.
    all: Pax,
    /// Whether a broken header lies before: most readers do not get here.
    behind_fault: bool,
    /// Whether the other chain of headers, which readers that differ follow, is a child already.
    forked: bool,
    /// Members that may still be taken.
    room: u64,
}

impl Walk<'_> {
    fn run(&mut self, reading: &mut Reading, budget: &mut Budget) -> Result<(), Halt> {
        let len = self.bytes.len();
        let mut at = 0_u64;
        while at < len {
            budget.spend_steps(1, at)?;
            let block = self.bytes.copy(Span::new(at, to_u64(BLOCK)), BLOCK)?;
            if block.iter().all(|byte| *byte == 0) {
                return self.finish(at, reading, budget);
            }
            match parse(&block) {
                Some(header) if header.proven && header.size.bytes().is_some() => {
                    at = self.header(at, &header, reading, budget)?;
                }
                _ => match self.skip_fault(at, reading, budget)? {
                    Some(next) => at = next,
                    None => return Ok(()),
                },
            }
        }
        self.lonely(len, reading);
        reading.seamless = !self.behind_fault;
        Ok(())
    }

    /// Records that what extension headers say is about no member.
    fn lonely(&mut self, at: u64, reading: &mut Reading) {
        if self.open {
            let what = "an extension header without a member behind it: Python's tarfile refuses the \
                        archive there";
            reading.deviation(Quirk::Truncated, Span::new(at, 0), Route::None, what);
            self.pending.clear();
            self.open = false;
        }
    }

    /// What stands behind the end of the archive.
    fn finish(&mut self, at: u64, reading: &mut Reading, budget: &mut Budget) -> Result<(), Halt> {
        self.lonely(at, reading);
        let end = self.bytes.len();
        let Some(start) = first_set(self.bytes, Span::between(at, end), budget)? else {
            reading.seamless = !self.behind_fault;
            return Ok(());
        };
        let rest = Span::between(start, end);
        let what = format!("{} bytes behind the end of the archive", rest.len);
        reading.deviation(Quirk::BytesAfterEnd, rest, Route::None, &what);
        let label = self.labels.label(&format!("@suffix@{start:#x}"));
        reading.child(label, self.bytes.slice(rest), Role::Leftover);
        Ok(())
    }

    /// Records a header that is none and looks for the next that is one, as GNU tar does. `None`
    /// where there is none.
    fn skip_fault(
        &mut self,
        at: u64,
        reading: &mut Reading,
        budget: &mut Budget,
    ) -> Result<Option<u64>, Halt> {
        let step = to_u64(BLOCK);
        let mut next = at.saturating_add(step);
        while next < self.bytes.len() {
            budget.spend_steps(step, next)?;
            let block = self.bytes.copy(Span::new(next, step), BLOCK)?;
            if parse(&block).is_some_and(|header| header.proven) {
                break;
            }
            next = next.saturating_add(step);
        }
        let found = Some(next).filter(|next| *next < self.bytes.len());
        if at == 0 && found.is_none() {
            return Err(Halt::malformed(0, "no header whose checksum fits"));
        }
        let what = "a header whose checksum or size is wrong: Python's tarfile silently ends here, \
                    GNU tar goes on behind it";
        let fault = Span::between(at, at.saturating_add(step).min(self.bytes.len()));
        reading.deviation(Quirk::WrongChecksum, fault, Route::None, what);
        self.behind_fault = true;
        self.pending.clear();
        self.open = false;
        let skipped = Span::between(at, next.min(self.bytes.len()));
        let label = self.labels.label(&format!("@between@{at:#x}"));
        reading.child(label, self.bytes.slice(skipped), Role::Leftover);
        Ok(found)
    }

    /// Takes one header with its data, and returns where the next one stands.
    fn header(
        &mut self,
        at: u64,
        header: &Header,
        reading: &mut Reading,
        budget: &mut Budget,
    ) -> Result<u64, Halt> {
        if !header.sound && !self.behind_fault {
            let what = "a number of its header is none: Python's tarfile silently ends here, others \
                        go on";
            let span = Span::new(at, to_u64(BLOCK));
            reading.deviation(Quirk::LoadersDisagree, span, Route::None, what);
        }
        let data_at = at.saturating_add(to_u64(BLOCK));
        let size = header.size.bytes().unwrap_or(0);
        self.open = matches!(header.kind, b'L' | b'K' | b'x' | b'X' | b'g');
        if self.open {
            self.extend(header.kind, data_at, size, reading, budget)?;
            return Ok(padded(data_at, size));
        }
        let full = || Halt::exhausted(at, "the limit on artifacts");
        self.room = self.room.checked_sub(1).ok_or_else(full)?;
        let extensions = std::mem::take(&mut self.pending);
        let member = Member::resolve(self.bytes, at, header, (&extensions, &self.all), budget)?;
        self.member(header, &extensions, member, reading, budget)
    }

    /// Takes what an extension header says about members behind it.
    fn extend(
        &mut self,
        kind: u8,
        at: u64,
        size: u64,
        reading: &mut Reading,
        budget: &mut Budget,
    ) -> Result<(), Halt> {
        // Python reads whole blocks, and a name goes on in the padding.
        let span = Span::between(at, padded(at, size).min(self.bytes.len()));
        budget.spend_steps(span.len, at)?;
        if span.len > EXTENSION_LIMIT {
            return Err(Halt::exhausted(at, "an extension header of more than 16 MiB"));
        }
        let data = self.bytes.copy(span, to_usize(EXTENSION_LIMIT))?;
        let extension = match kind {
            b'L' => Extension::Name(header::text(&data)),
            b'K' => Extension::Target(header::text(&data)),
            _ => {
                let own = Pax::read(&data);
                if own.malformed {
                    let what = "the length of a pax record does not fit it: readers go on with \
                                different records";
                    reading.deviation(Quirk::LoadersDisagree, span, Route::None, what);
                }
                let both = own.behind(&self.all);
                if kind == b'g' {
                    self.all = both;
                    return Ok(());
                }
                Extension::Records(Box::new((both, own)))
            }
        };
        if self.pending.len() >= EXTENSIONS {
            let what = "a member with more extension headers than are followed";
            return Err(Halt::exhausted(at, what));
        }
        self.pending.push(extension);
        Ok(())
    }

    /// Records a member, and returns where the next header stands.
    fn member(
        &mut self,
        header: &Header,
        extensions: &[Extension],
        mut member: Member,
        reading: &mut Reading,
        budget: &mut Budget,
    ) -> Result<u64, Halt> {
        member.label = self.labels.label(&String::from_utf8_lossy(&member.name));
        member.check_name(&mut self.folds, reading);
        member.check_names(header, extensions, reading);
        member.check_mode(header, reading);
        if self.behind_fault {
            let what = "it stands behind a broken header: Python's tarfile does not see it";
            reading.deviation(Quirk::Unlisted, member.header, member.route(), what);
        }
        if header.size == header::Size::Negative {
            let what = "its size is less than nothing: old versions of Python's tarfile read it \
                        without end";
            reading.deviation(Quirk::OutOfRange, member.header, member.route(), what);
        }
        let next = member.next;
        for other in member.others(header, extensions, &self.all) {
            self.fork(&member, other, reading)?;
        }
        member.push(self.bytes, self.behind_fault, reading, budget);
        member.check_padding(self.bytes, reading)?;
        Ok(next)
    }

    /// Records that some reader looks for the next header at `other`. What it finds there becomes a
    /// child, once.
    fn fork(&mut self, member: &Member, other: u64, reading: &mut Reading) -> Result<(), Halt> {
        let what = format!(
            "readers disagree about how many bytes of data it has: some look for the next member at \
             {:#x}, others at {other:#x}",
            member.next
        );
        reading.deviation(Quirk::HeadersDisagree, member.header, member.route(), &what);
        let block = self.bytes.copy(Span::new(other, to_u64(BLOCK)), BLOCK)?;
        if !self.forked && parse(&block).is_some_and(|header| header.proven) {
            self.forked = true;
            let rest = self.bytes.slice(Span::between(other, self.bytes.len()));
            let label = self.labels.label(&format!("@other@{other:#x}"));
            reading.child(label, rest, Role::Variant);
        }
        Ok(())
    }
}

/// The size that records give, as Python takes it: what is no number is 0.
fn stated(pax: &Pax) -> Option<u64> {
    let value = pax.get(b"size")?;
    let number = int(value).unwrap_or(0).max(0);
    Some(u64::try_from(number).unwrap_or(u64::MAX))
}

/// Offset of the first block behind `size` bytes of data at `at`.
fn padded(at: u64, size: u64) -> u64 {
    let block = to_u64(BLOCK);
    at.saturating_add(size.checked_next_multiple_of(block).unwrap_or(u64::MAX))
}

/// Offset of the first block of `span` that is not all zero, so that an archive behind the end of an
/// archive is recognised; nothing where all are.
fn first_set(bytes: &Bytes, span: Span, budget: &mut Budget) -> Result<Option<u64>, Halt> {
    let mut buffer = vec![0; 128 * BLOCK];
    let mut at = span.start;
    while at < span.end() {
        let read = bytes.read_at(at, &mut buffer)?;
        if read == 0 {
            break;
        }
        budget.spend_steps(to_u64(read) / 64, at)?;
        let piece = buffer.get(..read).unwrap_or_default();
        if let Some(found) = piece.iter().position(|byte| *byte != 0) {
            let block = to_u64(found).checked_div(to_u64(BLOCK)).unwrap_or(0);
            return Ok(Some(at.saturating_add(block.saturating_mul(to_u64(BLOCK)))));
        }
        at = at.saturating_add(to_u64(read));
    }
    Ok(None)
}

#[cfg(test)]
mod tests;
