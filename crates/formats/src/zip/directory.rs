//! Where the lists of members stand, and what they list: each end record and each way in which a
//! reader in use goes from it to a directory is followed, because an archive may show each reader
//! another list.

use super::entry::{CENTRAL_SIGNATURE, Entry, attach, central};
use super::layout::complement;
use super::lookup::{Named, Sorted};
use super::window::{Window, u16_at, u32_at, u64_at};
use davy_bytes::{Budget, Bytes, Halt, Span, to_u64};

/// Length of an end record before its comment (APPNOTE 4.3.16).
pub(super) const END_LEN: u64 = 22;
/// Length of a zip64 end record without extensible data (APPNOTE 4.3.14).
const END64_LEN: u64 = 56;
/// Length of a zip64 locator (APPNOTE 4.3.15).
const LOCATOR_LEN: u64 = 20;
/// `PK\x05\x06`.
pub(super) const END_SIGNATURE: &[u8; 4] = b"PK\x05\x06";
/// How far from the end readers look for the end record: a full comment and the record itself, and
/// in miniz one block of 4 KiB more.
pub(super) const TAIL: u64 = 65_536 + END_LEN + 4096;
/// End records that are followed; a file full of them is made to waste time.
const ENDS: usize = 8;
/// Memory that an entry takes, roughly, besides its name.
const ENTRY_COST: u64 = 256;
/// Flag bit 13: the local header is masked.
const MASKED: u16 = 1 << 13;

/// An end record.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct End {
    /// Offset of the record.
    pub at: u64,
    /// The archive comment, clamped to the file.
    pub comment: Span,
    /// Whether the numbers of disks say that the archive is split.
    pub split: bool,
    /// The zip64 end record and its locator, where there are any.
    pub wide: Option<Span>,
    /// Whether the zip64 end record contradicts numbers of this one that need no 64 bits.
    pub contradicted: bool,
    numbers: Numbers,
}

/// Where a directory is, in the words of an end record.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Numbers {
    count: u64,
    size: u64,
    offset: u64,
}

/// Where some reader looks for a directory.
#[derive(Clone, Copy, Debug)]
struct Place {
    numbers: Numbers,
    start: u64,
    /// What is added to offsets of local headers.
    bias: i128,
    zipfile: bool,
    miniz: bool,
}

/// One directory: a list of members that some reader sees.
#[derive(Clone, Debug)]
pub struct Listing {
    /// Its members, in its order, and all of them: as far as central headers follow each other.
    pub entries: Vec<Entry>,
    /// The central headers.
    pub span: Span,
    /// The end record that leads here.
    pub end: End,
    /// Number of members that the end record claims.
    pub claimed: u64,
    /// How many members a reader sees that trusts the size that the end record gives.
    pub by_size: usize,
    /// How many members a reader sees that trusts the number that the end record gives.
    pub by_count: usize,
    /// What is added to the offsets in it, because something stands before the archive.
    pub bias: i128,
    /// Whether Python's `zipfile` reads this list.
    pub zipfile: bool,
    /// Whether miniz, which `torch.load` uses, reads this list.
    pub miniz: bool,
}

impl Listing {
    /// Whether it has the central header at `at`, read with the same bias.
    fn has(&self, at: u64, bias: i128) -> bool {
        let found = self.entries.binary_search_by_key(&at, |entry| entry.central.start);
        self.bias == bias && found.is_ok()
    }
}

/// Everything that directories say about an archive.
#[derive(Clone, Debug, Default)]
pub struct Directory {
    /// The lists that different readers see; the first is the one that most of them do.
    pub listings: Vec<Listing>,
    /// The end records that are no part of a member, last to first.
    pub ends: Vec<End>,
    /// How many more end records there are than were followed.
    pub more_ends: usize,
    /// Members that stand in the file and in no list.
    pub unlisted: Vec<Entry>,
    /// Bytes that no record and no member explains, and that are not all zero.
    pub strays: Vec<Span>,
    /// Where a list goes on that is longer than the budget allows.
    pub cut: Option<u64>,
}

impl Directory {
    /// The members that most readers see, in order; none where there is no directory.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        self.listings.first().map(|listing| listing.entries.as_slice()).unwrap_or_default()
    }

    /// The members as Python's `zipfile` finds them by name, if it opens the archive at all.
    #[must_use]
    pub fn zipfile(&self) -> Option<Named<'_>> {
        let listing = self.listings.iter().find(|listing| listing.zipfile)?;
        Some(Named::new(listing.entries.get(..listing.by_size)?))
    }

    /// As [`Directory::zipfile`], for one name: without an index of all of them.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Entry> {
        let listing = self.listings.iter().find(|listing| listing.zipfile)?;
        super::lookup::last(listing.entries.get(..listing.by_size)?, name)
    }

    /// The members as miniz 3.0.2 finds them by name, which `torch.load` and `torch.jit.load` use,
    /// if it opens the archive at all.
    #[must_use]
    pub fn miniz(&self) -> Option<Sorted<'_>> {
        let listing = self.listings.iter().find(|listing| listing.miniz)?;
        Some(Sorted::new(listing.entries.get(..listing.by_count)?))
    }
}

/// Whether the last `tail` bytes hold an end record that leads to a directory, or to an archive
/// without members.
///
/// # Errors
/// Only when the medium fails.
pub(super) fn has_directory(bytes: &Bytes, tail: u64) -> Result<bool, Halt> {
    let mut window = Window::new(bytes, 256);
    for mut end in ends(bytes, tail)?.into_iter().rev().take(ENDS) {
        for place in places(&mut window, &mut end)? {
            let head = window.peek(place.start, 4)?;
            if place.numbers.is_empty() || u32_at(head, 0) == Some(CENTRAL_SIGNATURE) {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// Reads every directory that some reader would find. What an earlier list has already is left out
/// of the later ones.
///
/// # Errors
/// When the medium fails or the budget is used up.
pub(super) fn directories(bytes: &Bytes, budget: &mut Budget) -> Result<Directory, Halt> {
    let mut directory = Directory::default();
    let mut walk = Walk {
        records: Window::new(bytes, 64 * 1024),
        headers: Window::new(bytes, 4096),
        memory: budget.left().memory,
        room: budget.left().artifacts,
        cut: None,
    };
    // What the members of the first list leave uncovered.
    let mut holes = None;
    for (rank, mut end) in ends(bytes, TAIL)?.into_iter().rev().enumerate() {
        if is_inside(&holes, end.at) {
            // An archive stored in the archive: it is read as a member.
            continue;
        }
        if directory.ends.len() >= ENDS {
            directory.more_ends = directory.more_ends.saturating_add(1);
            continue;
        }
        for mut place in places(&mut walk.records, &mut end)? {
            place.zipfile &= rank == 0;
            place.miniz &= rank == 0 && !end.split;
            let alone = rank == 0 && directory.listings.is_empty();
            let listing = walk.listing(end, place, &directory.listings, budget)?;
            directory.listings.extend(listing.filter(|new| alone || !new.entries.is_empty()));
        }
        if holes.is_none() && !directory.listings.is_empty() {
            let data = directory.entries().iter().map(|entry| entry.data).collect();
            holes = Some(complement(Span::new(0, bytes.len()), data));
        }
        directory.ends.push(end);
    }
    directory.cut = walk.cut;
    Ok(directory)
}

/// Whether `at` lies in none of the `holes`, which are in order.
fn is_inside(holes: &Option<Vec<Span>>, at: u64) -> bool {
    let Some(holes) = holes else { return false };
    let after = holes.partition_point(|hole| hole.start <= at);
    after.checked_sub(1).and_then(|last| holes.get(last)).is_none_or(|hole| at >= hole.end())
}

/// Every end record that is complete in the last `tail` bytes, first to last.
fn ends(bytes: &Bytes, tail: u64) -> Result<Vec<End>, Halt> {
    let base = bytes.len().saturating_sub(tail);
    let tail = bytes.copy(Span::between(base, bytes.len()), usize::MAX)?;
    let mut ends = Vec::new();
    for at in memchr::memmem::find_iter(&tail, END_SIGNATURE) {
        let record = tail.get(at..).unwrap_or_default();
        ends.extend(parse_end(record, base.saturating_add(to_u64(at)), bytes.len()));
    }
    Ok(ends)
}

fn parse_end(record: &[u8], at: u64, len: u64) -> Option<End> {
    let (disk, directory_disk) = (u16_at(record, 4)?, u16_at(record, 6)?);
    let (here, count) = (u16_at(record, 8)?, u16_at(record, 10)?);
    let numbers = Numbers {
        count: u64::from(count),
        size: u64::from(u32_at(record, 12)?),
        offset: u64::from(u32_at(record, 16)?),
    };
    let comment = u64::from(u16_at(record, 20)?);
    let start = at.saturating_add(END_LEN);
    let single = |disk: u16| disk == 0 || disk == u16::MAX;
    Some(End {
        at,
        comment: Span::between(start, start.saturating_add(comment).min(len)),
        split: !single(disk) || !single(directory_disk) || here != count,
        wide: None,
        contradicted: false,
        numbers,
    })
}

impl Numbers {
    fn is_empty(self) -> bool {
        self.count == 0 && self.size == 0
    }

    /// The numbers of the zip64 end record at `at`.
    fn wide(window: &mut Window, at: u64) -> Result<Option<Self>, Halt> {
        let record = window.peek(at, 56)?;
        if u32_at(record, 0) != Some(0x0606_4b50) {
            return Ok(None);
        }
        let fields = (u64_at(record, 32), u64_at(record, 40), u64_at(record, 48));
        let (Some(count), Some(size), Some(offset)) = fields else { return Ok(None) };
        Ok(Some(Self { count, size, offset }))
    }

    /// Whether `wide` says otherwise where these fit their 16 and 32 bits.
    fn contradicted_by(self, wide: Self) -> bool {
        let differ = |narrow: u64, most: u64, wide: u64| narrow != most && narrow != wide;
        differ(self.count, u64::from(u16::MAX), wide.count)
            || differ(self.size, u64::from(u32::MAX), wide.size)
            || differ(self.offset, u64::from(u32::MAX), wide.offset)
    }

    /// The place right before `behind`, which the size leads to; what is missing from the offset
    /// stands before the archive.
    fn backwards(self, behind: u64) -> Option<Place> {
        let start = behind.checked_sub(self.size)?;
        let bias = i128::from(start).saturating_sub(i128::from(self.offset));
        Some(Place { numbers: self, start, bias, zipfile: false, miniz: false })
    }

    /// The place that the offset names.
    fn absolute(self) -> Place {
        Place { numbers: self, start: self.offset, bias: 0, zipfile: false, miniz: false }
    }
}

/// The places where readers look for the directory of `end`, the usual ones first, each once.
///
/// `zipfile` (`CPython` 3.11) takes a zip64 record only from right before its locator, and counts
/// back from there; miniz 3.0.2 follows the locator, and takes the offset as it is. Others apply
/// the zip64 record only to numbers that are all ones.
fn places(window: &mut Window, end: &mut End) -> Result<Vec<Place>, Halt> {
    let narrow = end.numbers;
    let mut candidates = Vec::new();
    let locator_at = end.at.saturating_sub(LOCATOR_LEN);
    let locator = window.peek(locator_at, 20)?;
    let located = match (u32_at(locator, 0), u64_at(locator, 8)) {
        (Some(0x0706_4b50), Some(at)) if end.at >= LOCATOR_LEN => Some(at),
        _ => None,
    };
    let (mut beside, mut followed) = (None, None);
    if let Some(at) = located {
        let before = locator_at.saturating_sub(END64_LEN);
        beside = Numbers::wide(window, before)?;
        followed = Numbers::wide(window, at)?;
        let record = if beside.is_some() { before } else { at.min(locator_at) };
        end.wide = Some(Span::between(record, end.at));
        end.contradicted =
            [beside, followed].into_iter().flatten().any(|wide| narrow.contradicted_by(wide));
    }
    let behind = if beside.is_some() { locator_at.saturating_sub(END64_LEN) } else { end.at };
    let zipfile = beside.unwrap_or(narrow).backwards(behind);
    candidates.extend(zipfile.map(|place| Place { zipfile: true, ..place }));
    candidates.push(Place { miniz: true, ..followed.unwrap_or(narrow).absolute() });
    if let (Some(at), Some(wide)) = (located, followed) {
        candidates.extend(wide.backwards(at));
    }
    if located.is_some() && end.contradicted {
        candidates.push(narrow.absolute());
    }
    Ok(merged(candidates))
}

/// Each place once, with what was true of any of its occurrences.
fn merged(candidates: Vec<Place>) -> Vec<Place> {
    let mut places: Vec<Place> = Vec::new();
    for new in candidates {
        match places.iter_mut().find(|old| old.start == new.start && old.bias == new.bias) {
            Some(old) => {
                old.zipfile |= new.zipfile;
                old.miniz |= new.miniz;
            }
            None => places.push(new),
        }
    }
    places
}

/// The state of reading lists one after the other.
struct Walk {
    records: Window,
    headers: Window,
    memory: u64,
    /// Entries that may still be taken.
    room: u64,
    cut: Option<u64>,
}

impl Walk {
    /// Reads the list at `place`: as far as central headers follow each other, whatever number or
    /// size was claimed. `None` where no header stands there although some should.
    fn listing(
        &mut self,
        end: End,
        place: Place,
        before: &[Listing],
        budget: &mut Budget,
    ) -> Result<Option<Listing>, Halt> {
        let mut entries: Vec<Entry> = Vec::new();
        let limit = place.start.saturating_add(place.numbers.size);
        let mut at = place.start;
        // Where the part ends that the list explains: what a header claims beyond the list's own
        // end is a stray, lest a forged length hides it.
        let mut explained = at;
        let mut by_size = 0_usize;
        let mut fits = true;
        while let Some(found) = central(&mut self.records, at, limit, place.bias)? {
            budget.spend_steps(1, at)?;
            if before.iter().any(|listing| listing.has(at, place.bias)) {
                break;
            }
            let Some(room) = self.room.checked_sub(1) else {
                self.cut = self.cut.or(Some(at));
                explained = limit;
                break;
            };
            self.room = room;
            if at < limit {
                by_size = by_size.saturating_add(1);
            }
            fits &= found.cut.is_none();
            at = found.end();
            explained = if fits { at } else { limit };
            for entry in found.versions() {
                self.pay(&entry)?;
                entries.push(self.attached(entry, place.bias)?);
            }
        }
        if entries.is_empty() && !place.numbers.is_empty() {
            return Ok(None);
        }
        let span = Span::between(place.start, explained.min(self.records.len()));
        let by_count = usize::try_from(place.numbers.count).unwrap_or(usize::MAX);
        let len = self.records.len();
        let seen = entries.get(..by_count);
        let filled = span.len >= place.numbers.size;
        Ok(Some(Listing {
            miniz: place.miniz
                && filled
                && fits
                && seen.is_some_and(|seen| miniz_accepts(seen, len)),
            zipfile: place.zipfile && filled,
            by_count: by_count.min(entries.len()),
            claimed: place.numbers.count,
            bias: place.bias,
            by_size,
            end,
            span,
            entries,
        }))
    }

    /// Takes the memory of an entry from what the budget allows.
    fn pay(&mut self, entry: &Entry) -> Result<(), Halt> {
        let cost = ENTRY_COST.saturating_add(entry.central.len);
        let halt = || Halt::exhausted(entry.central.start, "the limit on memory");
        self.memory = self.memory.checked_sub(cost).ok_or_else(halt)?;
        Ok(())
    }

    /// The entry with its local header; where the bias leads to none, the plain offset may: some
    /// writers count from the start of the file although the end record does not.
    fn attached(&mut self, mut entry: Entry, bias: i128) -> Result<Entry, Halt> {
        attach(&mut self.headers, &mut entry)?;
        if entry.local.is_none() && bias != 0 {
            let biased = entry.header_at;
            let plain = i128::from(biased).saturating_sub(bias);
            entry.header_at = u64::try_from(plain).unwrap_or(biased);
            attach(&mut self.headers, &mut entry)?;
            if entry.local.is_none() {
                entry.header_at = biased;
            }
        }
        Ok(entry)
    }
}

/// Whether miniz 3.0.2 opens an archive of `len` bytes with this list: one member that it does not
/// like, and it refuses all.
fn miniz_accepts(entries: &[Entry], len: u64) -> bool {
    entries.iter().all(|entry| {
        let stored = entry.method != 0 || entry.size == entry.compressed;
        let empty = entry.size == 0 || entry.compressed > 0;
        let inside = entry.header_at.saturating_add(30).saturating_add(entry.compressed) <= len;
        stored && empty && inside && entry.flags & MASKED == 0
    })
}
