//! Zip archives (PKWARE APPNOTE 6.3.10), read so that every member that any real reader sees is
//! seen: what different readers would make of one archive is read in each version.

mod directory;
mod entry;
mod extra;
mod headers;
mod layout;
mod lookup;
mod member;
pub(crate) mod names;
mod shared;
mod sweep;
mod window;

pub use directory::{Directory, End, Listing};
pub use entry::{Entry, Local};
pub(crate) use layout::is_blank;
pub use lookup::{Named, Sorted};
pub use member::{Unpacked, unpack};
pub use shared::{directory, forget};

use davy_artifact::{Fact, Format, Input, Probe, Quirk, Reading, Role, Route, Site, Why};
use davy_bytes::{Blame, Budget, Bytes, Halt, Span, to_u64};
use names::Labels;
use std::collections::HashSet;

/// The longest link target that is looked at.
const LINK_LIMIT: usize = 4096;

/// What the first part of a split archive starts with (APPNOTE 8.5.3).
const SPANNED: &[u8] = b"PK\x07\x08";

/// The zip reader.
#[derive(Debug)]
pub struct Zip;

impl Format for Zip {
    fn id(&self) -> &'static str {
        "zip"
    }

    fn summary(&self) -> &'static str {
        "zip archives: each version of each member that any reader sees"
    }

    fn probe(&self, head: &[u8], input: &Input<'_>) -> Probe {
        if input.bytes.len() < directory::END_LEN {
            return Probe::No;
        }
        if head.starts_with(b"PK\x03\x04") || head.starts_with(directory::END_SIGNATURE) {
            return Probe::Certain;
        }
        // What a tensor's bytes end with is looked at only where an archive without comment ends:
        // a checkpoint has thousands of tensors.
        let tail = if input.role == Role::Storage { directory::END_LEN } else { directory::TAIL };
        let ends = || directory::has_directory(input.bytes, tail).unwrap_or(false);
        if shared::ended(input.bytes, ends) {
            return Probe::Certain;
        }
        let hidden = memchr::memmem::find(head, b"PK\x03\x04").is_some();
        if hidden { Probe::Possible } else { Probe::No }
    }

    fn read(
        &self,
        input: &Input<'_>,
        reading: &mut Reading,
        budget: &mut Budget,
    ) -> Result<(), Halt> {
        let directory = shared::recorded(input.bytes, reading, budget)?;
        push_members(input.bytes, &directory, reading, budget)
    }
}

/// Reads everything about an archive but the data of its members, and records how it breaks its
/// form.
///
/// # Errors
/// When the medium fails or the budget is used up; what was recorded stays.
pub fn read_directory(
    bytes: &Bytes,
    reading: &mut Reading,
    budget: &mut Budget,
) -> Result<Directory, Halt> {
    let mut directory = directory::directories(bytes, budget)?;
    let mut labels = Labels::default();
    for listing in &mut directory.listings {
        names::check(&mut listing.entries, &mut labels, reading);
        for entry in &listing.entries {
            headers::compare(entry, bytes.len(), reading);
        }
    }
    check_ends(bytes, &directory, reading);
    layout::overlaps(&mut directory, reading);
    if let Some(at) = directory.cut {
        // What stands elsewhere cannot be told from members that were not read.
        let rest = Span::between(at, bytes.len());
        let what = "members behind the limit on artifacts";
        reading.gap(rest, Why::Halted(Blame::Exhausted), what);
    } else if directory.listings.is_empty() {
        carve(bytes, &mut directory, &mut labels, reading, budget)?;
    } else {
        read_strays(bytes, &mut directory, &mut labels, reading, budget)?;
    }
    Ok(directory)
}

/// Records what is wrong with end records and lists as such.
fn check_ends(bytes: &Bytes, directory: &Directory, reading: &mut Reading) {
    for end in directory.ends.iter().skip(1) {
        let what = "an end record before the last, from which Python's zipfile and miniz \
                    (torch.load) start: other readers may start from this one";
        reading.deviation(Quirk::Repeated, record(end), Route::None, what);
    }
    if directory.more_ends > 0 {
        let what = format!("{} more end records", directory.more_ends);
        reading.gap(Span::new(0, bytes.len()), Why::Halted(Blame::Exhausted), &what);
    }
    for end in directory.ends.iter().filter(|end| end.contradicted) {
        let what = "the end record and its zip64 record give different numbers";
        reading.deviation(Quirk::HeadersDisagree, record(end), Route::None, what);
    }
    for listing in directory.listings.iter().skip(1) {
        let what = "a second directory, which readers find that locate it in another way";
        reading.deviation(Quirk::Repeated, listing.span, Route::None, what);
    }
    let cut = directory.cut.is_some();
    directory.listings.iter().for_each(|listing| check_listing(listing, cut, reading));
    let zipfile = directory.listings.iter().position(|listing| listing.zipfile);
    let miniz = directory.listings.iter().position(|listing| listing.miniz);
    // What miniz alone refuses is nothing that anybody loads unseen.
    if miniz.is_some() && zipfile != miniz {
        let span = directory.ends.first().map(record).unwrap_or_default();
        let what = match zipfile {
            None => "miniz (torch.load) opens it, Python's zipfile does not",
            Some(_) => "Python's zipfile and miniz (torch.load) find different directories",
        };
        reading.deviation(Quirk::LoadersDisagree, span, Route::None, what);
    }
}

fn record(end: &End) -> Span {
    Span::between(end.at, end.comment.start)
}

fn check_listing(listing: &Listing, cut: bool, reading: &mut Reading) {
    if cut {
        return;
    }
    let listed = to_u64(listing.entries.len());
    let record = record(&listing.end);
    // The count of an end record without zip64 has 16 bits: some writers let it wrap.
    let wrapped =
        listing.end.wide.is_none() && listed > 0xffff && listed & 0xffff == listing.claimed;
    if listing.claimed != listed && !wrapped {
        let what = format!(
            "the end record claims {} members, the directory lists {listed}: Python's zipfile \
             does not count, miniz (torch.load) does",
            listing.claimed
        );
        let beyond = listing.claimed > listed.saturating_mul(2).saturating_add(1024);
        let quirk = if beyond { Quirk::HugeIndex } else { Quirk::LoadersDisagree };
        reading.deviation(quirk, record, Route::None, &what);
    }
    if listing.by_size < listing.entries.len() {
        let what = format!(
            "the directory goes on behind its size: Python's zipfile sees {} of {listed} members",
            listing.by_size
        );
        reading.deviation(Quirk::LoadersDisagree, record, Route::None, &what);
    }
}

/// Looks into the bytes that nothing explains: members that no list has, and what else there is.
fn read_strays(
    bytes: &Bytes,
    directory: &mut Directory,
    labels: &mut Labels,
    reading: &mut Reading,
    budget: &mut Budget,
) -> Result<(), Halt> {
    for stretch in layout::strays(bytes, directory)? {
        record_stray(stretch, directory, reading);
        let known = sweep_over(bytes, stretch, &mut directory.unlisted, reading, budget)?;
        push_strays(bytes, stretch, known, &mut directory.strays)?;
    }
    for entry in &mut directory.unlisted {
        entry.label = labels.label(&entry.name());
        record_unlisted(entry, reading);
    }
    Ok(())
}

/// Goes from member to member where there is no directory: the end is missing, or other bytes have
/// pieces of an archive in them.
fn carve(
    bytes: &Bytes,
    directory: &mut Directory,
    labels: &mut Labels,
    reading: &mut Reading,
    budget: &mut Budget,
) -> Result<(), Halt> {
    let whole = Span::new(0, bytes.len());
    let known = sweep_over(bytes, whole, &mut directory.unlisted, reading, budget)?;
    let Some(first) = directory.unlisted.first().map(|entry| entry.header_at) else {
        return Err(Halt::malformed(
            0,
            "no end record leads to a directory, and no member stands here",
        ));
    };
    // A download that stopped or the first part of a split archive hides nothing: its end is missing.
    let cut = directory.ends.is_empty();
    if first == 0 {
        let behind = Span::new(bytes.len(), 0);
        let what = "no end record leads to a directory: only readers that go from member to member \
                    see any";
        reading.deviation(Quirk::Truncated, behind, Route::None, what);
        if cut {
            let what = "the archive breaks off before its end record: what followed is not here";
            reading.gap(behind, Why::Halted(Blame::Malformed), what);
        }
        push_strays(bytes, whole, known, &mut directory.strays)?;
    }
    if first == to_u64(SPANNED.len()) && bytes.copy(Span::new(0, first), 4)? == SPANNED {
        let what = "the other parts of a split archive, which are files of their own";
        reading.gap(Span::new(bytes.len(), 0), Why::Halted(Blame::Unsupported), what);
    }
    for entry in &mut directory.unlisted {
        entry.label = labels.label(&entry.name());
        // Bytes that start as something else may hold members for an honest reason: a model in a
        // pickle. They are read, and no reader of archives would be surprised by them.
        match (first, cut) {
            (0, true) => record_break(entry, reading),
            (0, false) => record_unlisted(entry, reading),
            _ => {}
        }
    }
    Ok(())
}

/// Sweeps a stretch; where the budget ends that, the rest is a gap and the stretch is explained.
fn sweep_over(
    bytes: &Bytes,
    stretch: Span,
    unlisted: &mut Vec<Entry>,
    reading: &mut Reading,
    budget: &mut Budget,
) -> Result<Vec<Span>, Halt> {
    match sweep::sweep(bytes, stretch, unlisted, budget) {
        Err(halt) if halt.blame() != Blame::Io => {
            let rest = Span::between(halt.at(), stretch.end());
            reading.gap(rest, Why::Halted(halt.blame()), halt.what());
            Ok(vec![stretch])
        }
        other => other,
    }
}

fn record_unlisted(entry: &Entry, reading: &mut Reading) {
    let span = Span::between(entry.header_at, entry.data.start);
    let route = Route::Member(entry.label.clone());
    let what = "no directory lists it: only readers that go from member to member see it";
    reading.deviation(Quirk::Unlisted, span, route, what);
    record_break(entry, reading);
}

/// Records that a member's data break off.
fn record_break(entry: &Entry, reading: &mut Reading) {
    let route = Route::Member(entry.label.clone());
    if entry.is_open_ended() {
        let what = "neither its header nor a descriptor says where it ends";
        reading.deviation(Quirk::Truncated, entry.data, route, what);
    } else if entry.data.len < entry.compressed {
        let what = format!("{} of {} bytes are there", entry.data.len, entry.compressed);
        reading.deviation(Quirk::Truncated, entry.data, route, &what);
    }
}

/// Adds the parts of a stretch that no swept member explains, and that are not all zero.
fn push_strays(
    bytes: &Bytes,
    stretch: Span,
    known: Vec<Span>,
    strays: &mut Vec<Span>,
) -> Result<(), Halt> {
    for part in layout::complement(stretch, known) {
        if !is_blank(bytes, part)? {
            strays.push(part);
        }
    }
    Ok(())
}

/// Records a stretch that nothing explains.
fn record_stray(stretch: Span, directory: &Directory, reading: &mut Reading) {
    let behind = directory.ends.first().is_some_and(|end| stretch.start >= end.at);
    let (quirk, what) = if stretch.start == 0 {
        let what = "bytes before the archive: Python's zipfile opens it all the same";
        (Quirk::BytesBeforeStart, what)
    } else if behind {
        (Quirk::BytesAfterEnd, "bytes behind the archive")
    } else {
        (Quirk::BytesBetween, "bytes between the parts of the archive")
    };
    let what = format!("{} {what}", stretch.len);
    reading.deviation(quirk, stretch, Route::None, &what);
}

/// Turns every version of every member into a child, and everything else that is not padding.
///
/// # Errors
/// When the medium fails; what the budget does not allow becomes a gap.
pub fn push_members(
    bytes: &Bytes,
    directory: &Directory,
    reading: &mut Reading,
    budget: &mut Budget,
) -> Result<(), Halt> {
    let listed = || directory.listings.iter().flat_map(|listing| &listing.entries);
    let alone = directory.listings.len() == 1 && directory.unlisted.is_empty();
    let alone = alone && !listed().any(|entry| entry.cut);
    let seen = if alone { None } else { Some(HashSet::new()) };
    let layout = crate::torch::Layout::of(directory);
    let mut members = Members { bytes, layout, directory, seen, labels: None };
    for (rank, listing) in directory.listings.iter().enumerate() {
        let role = if rank == 0 { Role::Present } else { Role::Variant };
        for entry in &listing.entries {
            members.push(entry, role, reading, budget)?;
        }
    }
    for entry in &directory.unlisted {
        members.push(entry, Role::Variant, reading, budget)?;
    }
    for entry in listed() {
        if let Some(mut version) = headers::local_version(entry, bytes.len()) {
            version.label = members.label(&version.name());
            members.push(&version, Role::Variant, reading, budget)?;
        }
    }
    members.push_rest(reading);
    Ok(())
}

/// What makes a version of a member another one: name, data, method, flags, size and checksum.
type Version = (Vec<u8>, Span, u16, u16, u64, u32);

fn version(entry: &Entry) -> Version {
    let Entry { data, method, flags, size, crc32, .. } = entry;
    (entry.raw_name.clone(), *data, *method, *flags, *size, *crc32)
}

/// The members of one archive on their way to become children.
struct Members<'a> {
    bytes: &'a Bytes,
    /// What PyTorch's loaders do with which member.
    layout: crate::torch::Layout,
    directory: &'a Directory,
    /// What is a child already, where several lists may have the same.
    seen: Option<HashSet<Version>>,
    /// The labels in use; found when a new one is needed.
    labels: Option<Labels>,
}

impl Members<'_> {
    fn push(
        &mut self,
        entry: &Entry,
        role: Role,
        reading: &mut Reading,
        budget: &mut Budget,
    ) -> Result<(), Halt> {
        if self.seen.as_mut().is_some_and(|seen| !seen.insert(version(entry))) {
            return Ok(());
        }
        if !has_room(entry, reading, budget) {
            return Ok(());
        }
        let site = Site { span: entry.data, route: Route::Member(entry.label.clone()) };
        reading.fact(Fact::Member { name: entry.label.clone(), size: entry.size, site });
        if entry.is_folder() {
            return Ok(());
        }
        let unpacked = match unpack(self.bytes, entry, budget) {
            Ok(unpacked) => unpacked,
            Err(halt) if halt.blame() == Blame::Io => return Err(halt),
            Err(halt) => {
                let span = if entry.data.len > 0 { entry.data } else { entry.central };
                reading.gap(span, Why::Halted(halt.blame()), halt.what());
                return Ok(());
            }
        };
        member::check(entry, &unpacked, reading);
        if entry.is_link() {
            push_link(entry, &unpacked, reading)?;
        }
        let role = match role {
            Role::Present => self.layout.role(entry).unwrap_or(role),
            other => other,
        };
        reading.child(entry.label.clone(), unpacked.bytes, role);
        if let Some(whole) = unpacked.whole.filter(|_| has_room(entry, reading, budget)) {
            reading.child(self.label(&entry.name()), whole, Role::Variant);
        }
        Ok(())
    }

    /// A label that no other child has.
    fn label(&mut self, name: &str) -> String {
        let directory = self.directory;
        let labels = self.labels.get_or_insert_with(|| {
            let mut labels = Labels::default();
            let listed = directory.listings.iter().flat_map(|listing| &listing.entries);
            for entry in listed.chain(&directory.unlisted) {
                labels.label(&entry.label);
            }
            labels
        });
        labels.label(name)
    }

    /// Comments and unexplained stretches: a polyglot's other face may be in any of them.
    fn push_rest(&mut self, reading: &mut Reading) {
        let directory = self.directory;
        let last = directory.ends.first().map(|end| end.at);
        for end in directory.ends.iter().filter(|end| end.comment.len > 0) {
            let label = self.label("@comment");
            reading.child(label, self.bytes.slice(end.comment), Role::Present);
        }
        for stray in &directory.strays {
            let name = if stray.start == 0 {
                "@prefix".to_owned()
            } else if last.is_some_and(|at| stray.start >= at) {
                format!("@suffix@{:#x}", stray.start)
            } else {
                format!("@between@{:#x}", stray.start)
            };
            let label = self.label(&name);
            reading.child(label, self.bytes.slice(*stray), Role::Leftover);
        }
        let Directory { listings, unlisted, strays, .. } = directory;
        reading.seamless = !listings.is_empty() && unlisted.is_empty() && strays.is_empty();
    }
}

/// Whether one more child may be added; where none may, that is a gap.
fn has_room(entry: &Entry, reading: &mut Reading, budget: &Budget) -> bool {
    let room = to_u64(reading.children.len()) < budget.left().artifacts;
    if !room {
        let what = format!("member `{}`: the limit on artifacts", entry.label);
        reading.gap(entry.data, Why::Halted(Blame::Exhausted), &what);
    }
    room
}

fn push_link(entry: &Entry, unpacked: &Unpacked, reading: &mut Reading) -> Result<(), Halt> {
    let whole = Span::new(0, unpacked.bytes.len());
    let target = unpacked.bytes.copy(whole, LINK_LIMIT)?;
    let target = String::from_utf8_lossy(&target).into_owned();
    let route = Route::Member(entry.label.clone());
    let what = format!("a symbolic link to `{target}`");
    reading.deviation(Quirk::LinkMember, entry.central, route.clone(), &what);
    let site = Site { span: entry.data, route };
    reading.fact(Fact::Reference { target, purpose: "link target", site });
    Ok(())
}

#[cfg(test)]
mod tests;
