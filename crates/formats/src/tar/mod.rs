//! Tar archives: Version 7, ustar, GNU and pax, as `torch.load` takes them in its oldest form and
//! NeMo packs its models.

mod header;

use crate::zip::names::{Labels, escapes, fold};
use davy_artifact::{Fact, Format, Input, Probe, Quirk, Reading, Role, Route, Site, Why};
use davy_bytes::{Blame, Budget, Bytes, Halt, Span, escape_bytes, to_u64};
use header::{BLOCK, Header, Pax, apply_pax, parse, text};
use std::collections::HashMap;

/// The longest name or list of pax records that is read: no file system takes longer names.
const NAME_LIMIT: usize = 1 << 20;

/// The tar reader.
#[derive(Debug)]
pub struct Tar;

impl Format for Tar {
    fn id(&self) -> &'static str {
        "tar"
    }

    fn summary(&self) -> &'static str {
        "tar archives: Version 7, ustar, GNU and pax"
    }

    fn probe(&self, head: &[u8], _: &Input<'_>) -> Probe {
        match parse(head) {
            Some(header) if header.proven && header.size.is_some() => Probe::Certain,
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
        let mut walk = Walk {
            bytes: input.bytes,
            labels: Labels::default(),
            folds: HashMap::new(),
            next: Pax::default(),
            all: Pax::default(),
            behind_fault: false,
            forked: false,
        };
        walk.run(reading, budget)
    }
}

/// The state of going from header to header.
struct Walk<'a> {
    bytes: &'a Bytes,
    labels: Labels,
    /// Names as forgiving file systems fold them, and as they were spelled first.
    folds: HashMap<String, Vec<u8>>,
    /// What extension headers say about the next member.
    next: Pax,
    /// What a global pax header says about all members behind it.
    all: Pax,
    /// Whether a broken header lies before: most readers do not get here.
    behind_fault: bool,
    /// Whether the other chain of headers, which a lying size leads to, is a child already.
    forked: bool,
}

impl Walk<'_> {
    fn run(&mut self, reading: &mut Reading, budget: &mut Budget) -> Result<(), Halt> {
        let len = self.bytes.len();
        let mut at = 0_u64;
        while at < len {
            budget.spend_steps(1, at)?;
            let block = self.bytes.copy(Span::new(at, to_u64(BLOCK)), BLOCK)?;
            if block.iter().all(|byte| *byte == 0) {
                return self.finish(at, reading);
            }
            match parse(&block) {
                Some(header) if header.proven => {
                    at = self.member(at, &header, reading, budget)?;
                }
                _ => match self.skip_fault(at, reading, budget)? {
                    Some(next) => at = next,
                    None => return Ok(()),
                },
            }
        }
        reading.seamless = !self.behind_fault;
        Ok(())
    }

    /// What stands behind the end of the archive.
    fn finish(&mut self, at: u64, reading: &mut Reading) -> Result<(), Halt> {
        let rest = Span::between(at, self.bytes.len());
        if !crate::zip::is_blank(self.bytes, rest)? {
            let what = format!("{} bytes behind the end of the archive, not all zero", rest.len);
            reading.deviation(Quirk::BytesAfterEnd, rest, Route::None, &what);
            let start = first_set(self.bytes, rest)?;
            let label = self.labels.label(&format!("@suffix@{start:#x}"));
            let rest = Span::between(start, rest.end());
            reading.child(label, self.bytes.slice(rest), Role::Leftover);
            return Ok(());
        }
        reading.seamless = !self.behind_fault;
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
            budget.spend_steps(to_u64(BLOCK), next)?;
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
        let what = "the checksum of a header does not fit: Python's tarfile silently ends here, \
                    GNU tar goes on behind it";
        let fault = Span::between(at, at.saturating_add(step).min(self.bytes.len()));
        reading.deviation(Quirk::WrongChecksum, fault, Route::None, what);
        self.behind_fault = true;
        let skipped = Span::between(at, next.min(self.bytes.len()));
        reading.child(
            self.labels.label(&format!("@between@{at:#x}")),
            self.bytes.slice(skipped),
            Role::Leftover,
        );
        Ok(found)
    }

    /// Takes one header with its data, and returns where the next one stands.
    fn member(
        &mut self,
        at: u64,
        header: &Header,
        reading: &mut Reading,
        budget: &mut Budget,
    ) -> Result<u64, Halt> {
        let Some(stated) = header.size else {
            return Err(Halt::malformed(at.saturating_add(124), "the size is no number"));
        };
        let mut data_at = at.saturating_add(to_u64(BLOCK));
        if header.kind == b'S' {
            data_at = self.behind_map(at, data_at, budget)?;
        }
        let special = matches!(header.kind, b'L' | b'K' | b'x' | b'X' | b'g');
        let pax = if special { None } else { self.next.size.or(self.all.size) };
        let size = data_size(header, pax.unwrap_or(stated));
        let data = Span::between(data_at, data_at.saturating_add(size).min(self.bytes.len()));
        if special {
            self.extend(header.kind, data)?;
            return Ok(padded(data_at, size));
        }
        let (next, all) = (std::mem::take(&mut self.next), self.all.clone());
        let name = next.path.or(all.path).unwrap_or_else(|| header.name.clone());
        let label = self.labels.label(&String::from_utf8_lossy(&name));
        let member = Member {
            kind: header.kind,
            target: next.target.or(all.target).unwrap_or_else(|| header.target.clone()),
            sparse: next.sparse || header.kind == b'S',
            header: Span::new(at, to_u64(BLOCK)),
            name,
            label,
            data,
            size,
        };
        self.check_name(&member, reading);
        if self.behind_fault {
            let what = "it stands behind a broken header: Python's tarfile does not see it";
            reading.deviation(Quirk::Unlisted, member.header, member.route(), what);
        }
        if pax.is_some_and(|pax| pax != stated && stated != 0) {
            self.fork(&member, padded(data_at, data_size(header, stated)), stated, reading)?;
        }
        member.push(self.bytes, self.behind_fault, reading);
        self.check_padding(&member, reading)?;
        Ok(padded(data_at, size))
    }

    /// Where the data of an old GNU sparse member starts: behind the blocks of its map.
    fn behind_map(&self, at: u64, mut data_at: u64, budget: &mut Budget) -> Result<u64, Halt> {
        let byte = |at: u64| -> Result<bool, Halt> {
            Ok(self.bytes.copy(Span::new(at, 1), 1)?.first().is_some_and(|byte| *byte != 0))
        };
        let mut more = byte(at.saturating_add(482))?;
        while more {
            budget.spend_steps(1, data_at)?;
            more = byte(data_at.saturating_add(504))?;
            data_at = data_at.saturating_add(to_u64(BLOCK));
        }
        Ok(data_at.min(self.bytes.len()))
    }

    /// Takes what an extension header says about members behind it.
    fn extend(&mut self, kind: u8, data: Span) -> Result<(), Halt> {
        let records = self.bytes.copy(data, NAME_LIMIT)?;
        match kind {
            b'L' => self.next.path = Some(text(&records)),
            b'K' => self.next.target = Some(text(&records)),
            b'g' => apply_pax(&records, &mut self.all),
            _ => apply_pax(&records, &mut self.next),
        }
        Ok(())
    }

    fn check_name(&mut self, member: &Member, reading: &mut Reading) {
        let shown = String::from_utf8_lossy(&member.name);
        if let Some(why) = escapes(&member.name) {
            let what =
                format!("the name `{shown}` {why}, and leads out of the folder it is unpacked in");
            reading.deviation(Quirk::EscapingName, member.header, member.route(), &what);
        }
        let folder = member.kind == b'5' || member.name.ends_with(b"/");
        let before = self.folds.insert(fold(&member.name), member.name.clone());
        let Some(before) = before.filter(|_| !folder) else { return };
        if before == member.name {
            let what = format!("`{shown}` stands in the archive twice: unpacked, the last remains");
            reading.deviation(Quirk::DuplicateName, member.header, member.route(), &what);
        } else {
            let what =
                format!("`{}` and `{shown}` are one name to some loaders", escape_bytes(&before));
            reading.deviation(Quirk::CollidingName, member.header, member.route(), &what);
        }
    }

    /// A pax size that differs from the header's leads readers that know pax and readers that do
    /// not along different chains of headers. The other chain becomes a child, once.
    fn fork(
        &mut self,
        member: &Member,
        other: u64,
        stated: u64,
        reading: &mut Reading,
    ) -> Result<(), Halt> {
        let what = format!(
            "a pax record gives it {} bytes, its header {stated}: readers find other members \
             behind it",
            member.size
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

    /// Records bytes between the end of data and the next header that are not zero.
    fn check_padding(&self, member: &Member, reading: &mut Reading) -> Result<(), Halt> {
        let end = padded(member.data.start, member.size).min(self.bytes.len());
        let padding = Span::between(member.data.end(), end);
        if member.data.len == member.size && !crate::zip::is_blank(self.bytes, padding)? {
            let what = "its padding is not zero";
            reading.deviation(Quirk::BytesBetween, padding, member.route(), what);
        }
        Ok(())
    }
}

/// One member, with everything that extension headers say about it.
struct Member {
    name: Vec<u8>,
    label: String,
    target: Vec<u8>,
    kind: u8,
    sparse: bool,
    header: Span,
    data: Span,
    /// Length of the data as it is declared.
    size: u64,
}

impl Member {
    fn route(&self) -> Route {
        Route::Member(self.label.clone())
    }

    /// Records the member, and makes its data a child.
    fn push(&self, bytes: &Bytes, hidden: bool, reading: &mut Reading) {
        let site = Site { span: self.data, route: self.route() };
        let fact = Fact::Member { name: self.label.clone(), size: self.size, site: site.clone() };
        reading.fact(fact);
        match self.kind {
            b'1' | b'2' => {
                let target = String::from_utf8_lossy(&self.target).into_owned();
                let what = format!("a link to `{target}`");
                reading.deviation(Quirk::LinkMember, self.header, self.route(), &what);
                reading.fact(Fact::Reference { target, purpose: "link target", site });
            }
            b'3' | b'4' | b'6' => {
                let what = "a device or pipe, where a file should be";
                reading.deviation(Quirk::LinkMember, self.header, self.route(), what);
            }
            b'5' => {}
            _ => self.push_data(bytes, hidden, reading),
        }
    }

    fn push_data(&self, bytes: &Bytes, hidden: bool, reading: &mut Reading) {
        if self.data.len < self.size {
            let what = format!("{} of {} bytes are there", self.data.len, self.size);
            reading.deviation(Quirk::Truncated, self.data, self.route(), &what);
        }
        if self.sparse {
            let what = format!("member `{}` is sparse: its holes are not filled in", self.label);
            reading.gap(self.data, Why::Halted(Blame::Unsupported), &what);
        }
        if self.name.ends_with(b"/") && self.size == 0 {
            return;
        }
        let role = if hidden { Role::Variant } else { Role::Present };
        reading.child(self.label.clone(), bytes.slice(self.data), role);
    }
}

/// Bytes of data that follow a header: links, devices and folders have none, whatever they say, and
/// a Version 7 folder is a file with a slash (`CPython`'s `tarfile` does so for the same).
fn data_size(header: &Header, size: u64) -> u64 {
    let folder = header.kind == 0 && header.name.ends_with(b"/");
    if folder || matches!(header.kind, b'1'..=b'6') { 0 } else { size }
}

/// Offset of the first block behind `size` bytes of data at `at`.
fn padded(at: u64, size: u64) -> u64 {
    let block = to_u64(BLOCK);
    at.saturating_add(size.checked_next_multiple_of(block).unwrap_or(u64::MAX))
}

/// Offset of the first block of `span` that is not all zero, so that an archive behind the end of
/// an archive is recognised.
fn first_set(bytes: &Bytes, span: Span) -> Result<u64, Halt> {
    let mut at = span.start;
    while at < span.end() {
        let block = bytes.copy(Span::new(at, to_u64(BLOCK)), BLOCK)?;
        if block.iter().any(|byte| *byte != 0) {
            break;
        }
        at = at.saturating_add(to_u64(BLOCK));
    }
    Ok(at.min(span.end()))
}

#[cfg(test)]
mod tests;
