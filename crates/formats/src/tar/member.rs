//! One member of a tar archive, with everything that extension headers say about it.

use super::header::{BLOCK, Header};
use super::pax::{Pax, int};
use super::sparse::{self, Unfolded};
use super::{Extension, padded, stated};
use crate::zip::is_blank;
use crate::zip::names::{escapes, fold};
use davy_artifact::{Fact, Quirk, Reading, Role, Route, Site, Why};
use davy_bytes::{Blame, Budget, Bytes, Halt, Span, escape_bytes, to_u64};
use std::collections::{BTreeSet, HashMap};

/// A member as Python's `tarfile` sees it.
pub(super) struct Member {
    pub(super) name: Vec<u8>,
    pub(super) label: String,
    target: Vec<u8>,
    kind: u8,
    /// Which bytes are there, where it is sparse.
    map: Option<sparse::Map>,
    /// Whether that map is not one.
    is_mapless: bool,
    /// Where its header stands, behind those that extend it.
    pub(super) header: Span,
    /// Its bytes in the archive, as far as they are there.
    data: Span,
    /// How many bytes it has in the archive, as far as that is known.
    stored: u64,
    /// Its length unpacked.
    size: u64,
    /// Where the next header stands.
    pub(super) next: u64,
}

/// Types whose data follows: files of all kinds, and whatever is not known (`tarfile._proc_builtin`).
fn has_data(kind: u8) -> bool {
    !matches!(kind, b'1'..=b'6')
}

/// How many bytes a map of a sparse member speaks of.
fn held(map: &sparse::Map) -> u64 {
    map.iter().fold(0, |sum, (_, len)| sum.saturating_add(*len))
}

impl Member {
    /// Puts together what header and extensions say, in the order in which `tarfile` does: the
    /// header, global records, then extensions from the last to the first.
    pub(super) fn resolve(
        bytes: &Bytes,
        at: u64,
        header: &Header,
        (extensions, all): (&[Extension], &Pax),
        budget: &mut Budget,
    ) -> Result<Self, Halt> {
        let block = to_u64(BLOCK);
        let size = header.size.bytes().unwrap_or(0);
        let mut data_at = at.saturating_add(block);
        // A folder of Version 7 is a file whose name ends with a slash.
        let old_folder = header.kind == 0 && header.name.ends_with(b"/");
        let kind = if old_folder { b'5' } else { header.kind };
        let mut member = Self {
            name: header.python_name(),
            label: String::new(),
            target: header.target.clone(),
            kind,
            map: None,
            is_mapless: false,
            header: Span::new(at, block),
            data: Span::default(),
            stored: size,
            size,
            next: 0,
        };
        if kind == b'S' {
            let (map, behind, real) = sparse::old(bytes, at, budget)?;
            (member.map, data_at) = (Some(map), behind);
            member.size = real.unwrap_or(size);
        }
        member.next = if has_data(kind) { padded(data_at, size) } else { data_at };
        if kind != b'S' {
            member.apply(all);
        }
        for extension in extensions.iter().rev() {
            match extension {
                Extension::Name(name) => member.name.clone_from(name),
                Extension::Target(target) => member.target.clone_from(target),
                Extension::Records(records) => {
                    member.extend(records, bytes, &mut data_at)?;
                }
            }
        }
        // Python reads what the map of a sparse member speaks of, whatever size is stated.
        let held = member.map.as_ref().map_or(0, held);
        let end = data_at.saturating_add(member.stored.max(held)).min(bytes.len());
        member.data = Span::between(data_at.min(bytes.len()), end);
        if !has_data(kind) {
            member.data = Span::new(data_at.min(bytes.len()), 0);
        }
        Ok(member)
    }

    /// Applies the records of one extension header, `both` with those of the global headers.
    fn extend(
        &mut self,
        (both, own): &(Pax, Pax),
        bytes: &Bytes,
        data_at: &mut u64,
    ) -> Result<(), Halt> {
        let before = *data_at;
        if let Some(sparse) = sparse::of_pax(both, own, bytes, before)? {
            self.map = Some(sparse.map);
            self.is_mapless |= sparse.is_broken;
            *data_at = sparse.data_at;
        }
        self.apply(both);
        if let Some(size) = stated(both) {
            self.stored = size;
            if has_data(self.kind) {
                self.next = padded(*data_at, self.size);
            }
        }
        // A map before the data is a part of what is stored.
        self.stored = self.stored.saturating_sub(data_at.saturating_sub(before));
        Ok(())
    }

    /// Applies records in their order (`TarInfo._apply_pax_info`).
    fn apply(&mut self, pax: &Pax) {
        if let Some((key, mut path)) = pax.last(&[b"path", b"GNU.sparse.name"]) {
            // Whatever its type, the name loses the slashes at its end.
            while let ([rest @ .., b'/'], b"path") = (path, key) {
                path = rest;
            }
            self.name = path.to_vec();
        }
        if let Some(target) = pax.get(b"linkpath") {
            self.target = target.to_vec();
        }
        if let Some((_, value)) = pax.last(&[b"size", b"GNU.sparse.size", b"GNU.sparse.realsize"]) {
            let number = int(value).unwrap_or(0).max(0);
            self.size = u64::try_from(number).unwrap_or(u64::MAX);
        }
        if self.map.is_none() && pax.get(b"size").is_some() {
            self.stored = self.size;
        }
    }

    pub(super) fn route(&self) -> Route {
        Route::Member(self.label.clone())
    }

    /// Records a name that escapes, or that another member has.
    pub(super) fn check_name(&self, folds: &mut HashMap<String, Vec<u8>>, reading: &mut Reading) {
        let shown = String::from_utf8_lossy(&self.name);
        self.check_escape(&self.name, reading);
        let folder = self.kind == b'5' || self.name.ends_with(b"/");
        let before = folds.insert(fold(&self.name), self.name.clone());
        let Some(before) = before.filter(|_| !folder) else { return };
        if before == self.name {
            let what = format!("`{shown}` stands in the archive twice: unpacked, the last remains");
            reading.deviation(Quirk::DuplicateName, self.header, self.route(), &what);
        } else {
            let what =
                format!("`{}` and `{shown}` are one name to some loaders", escape_bytes(&before));
            reading.deviation(Quirk::CollidingName, self.header, self.route(), &what);
        }
    }

    fn check_escape(&self, name: &[u8], reading: &mut Reading) {
        if let Some(why) = escapes(name) {
            let shown = String::from_utf8_lossy(name);
            let what =
                format!("the name `{shown}` {why}, and leads out of the folder it is unpacked in");
            reading.deviation(Quirk::EscapingName, self.header, self.route(), &what);
        }
    }

    /// Records other names that some reader uses: where several extensions name it, and where GNU has
    /// no prefix.
    pub(super) fn check_names(
        &self,
        header: &Header,
        extensions: &[Extension],
        reading: &mut Reading,
    ) {
        let mut names: BTreeSet<&[u8]> = BTreeSet::new();
        for extension in extensions {
            match extension {
                Extension::Name(name) => _ = names.insert(name),
                Extension::Records(records) => {
                    names.extend(
                        [b"path".as_slice(), b"GNU.sparse.name"]
                            .map(|key| records.1.get(key))
                            .into_iter()
                            .flatten(),
                    );
                }
                Extension::Target(_) => {}
            }
        }
        if names.is_empty() {
            names.extend(header.gnu_name());
        }
        let plain = |name: &[u8]| name.strip_suffix(b"/").unwrap_or(name).to_vec();
        let own = plain(&self.name);
        for name in names.into_iter().filter(|name| plain(name) != own) {
            let what = format!(
                "other readers than Python's tarfile call it `{}`",
                String::from_utf8_lossy(name)
            );
            reading.deviation(Quirk::LoadersDisagree, self.header, self.route(), &what);
            self.check_escape(name, reading);
        }
    }

    /// Records that whoever runs the member gets the rights of its owner.
    pub(super) fn check_mode(&self, header: &Header, reading: &mut Reading) {
        if header.mode & 0o6000 != 0 && header.mode & 0o111 != 0 && self.kind != b'5' {
            let what = "a program that runs with the rights of its owner or group (set-user-ID)";
            reading.deviation(Quirk::LinkMember, self.header, self.route(), what);
        }
    }

    /// Where readers look for the next header that go by another size: GNU tar passes over the data
    /// of folders, links and devices, libarchive does not; some know sizes of pax, some do not.
    pub(super) fn others(
        &self,
        header: &Header,
        extensions: &[Extension],
        all: &Pax,
    ) -> BTreeSet<u64> {
        let stated_in = |extension: &Extension| match extension {
            Extension::Records(records) => stated(&records.1),
            _ => None,
        };
        let first = self.header.end();
        let size = header.size.bytes().unwrap_or(0);
        // What does not fit the header's eleven digits stands in a record alone.
        let wide = |size: u64| size > 0o777_7777_7777;
        let recorded = || extensions.iter().filter_map(stated_in).chain(stated(all));
        let mut sizes = if size == 0 && recorded().any(wide) { vec![] } else { vec![size] };
        sizes.extend(extensions.iter().filter_map(stated_in));
        sizes.extend(stated(all));
        let mut others: BTreeSet<u64> = match self.kind {
            // Maps move the data of sparse members; their readers agree on sizes.
            b'S' => BTreeSet::new(),
            _ if self.map.is_some() => BTreeSet::new(),
            b'1' => BTreeSet::new(),
            _ => sizes.iter().map(|size| padded(first, *size)).collect(),
        };
        if self.kind == b'1' && extensions.iter().any(|it| stated_in(it).is_some()) {
            others.extend(sizes.iter().map(|size| padded(first, *size)));
        }
        others.remove(&self.next);
        others
    }

    /// Records the member, and makes its data a child.
    pub(super) fn push(
        &self,
        bytes: &Bytes,
        hidden: bool,
        reading: &mut Reading,
        budget: &mut Budget,
    ) {
        let site = Site { span: self.data, route: self.route() };
        let size = if has_data(self.kind) { self.size } else { 0 };
        reading.fact(Fact::Member { name: self.label.clone(), size, site: site.clone() });
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
            _ => self.push_data(bytes, hidden, reading, budget),
        }
    }

    fn push_data(&self, bytes: &Bytes, hidden: bool, reading: &mut Reading, budget: &mut Budget) {
        if self.data.len < self.stored {
            let what = format!("{} of {} bytes are there", self.data.len, self.stored);
            reading.deviation(Quirk::Truncated, self.data, self.route(), &what);
        }
        if self.name.ends_with(b"/") && self.size == 0 {
            return;
        }
        let role = if hidden { Role::Variant } else { Role::Present };
        let data = bytes.slice(self.data);
        let content = match &self.map {
            None => data,
            Some(map) => match self.unfold(data, map, reading, budget) {
                Some(content) => content,
                None => return,
            },
        };
        reading.child(self.label.clone(), content, role);
    }

    /// A sparse member with its zeros, if the budget has room for them.
    fn unfold(
        &self,
        data: Bytes,
        map: &sparse::Map,
        reading: &mut Reading,
        budget: &mut Budget,
    ) -> Option<Bytes> {
        if let Err(halt) = budget.spend_expansion(self.size, self.data.start) {
            let what = format!("member `{}`: {}", self.label, halt.what());
            reading.gap(self.data, Why::Halted(Blame::Exhausted), &what);
            if self.size / 100 > self.data.len {
                let what =
                    format!("{} bytes in the archive stand for {}", self.data.len, self.size);
                reading.deviation(Quirk::Expansion, self.data, self.route(), &what);
            }
            reading.child(self.label.clone(), data, Role::Present);
            return None;
        }
        if self.is_mapless {
            let what = "its map of what is there is none: Python's tarfile refuses the archive";
            reading.deviation(Quirk::WrongType, self.data, self.route(), what);
        }
        let held = held(map);
        if held != self.stored {
            let what =
                format!("its map speaks of {held} bytes, where {} are in the archive", self.stored);
            reading.deviation(Quirk::SizeMismatch, self.data, self.route(), &what);
        }
        Some(Bytes::new(Unfolded::new(data, map, self.size)))
    }

    /// Records bytes between the end of data and the next header that are not zero, or not there.
    pub(super) fn check_padding(&self, bytes: &Bytes, reading: &mut Reading) -> Result<(), Halt> {
        if has_data(self.kind) && self.data.len == self.stored && self.next > bytes.len() {
            let what = "the archive breaks off in the padding of its last block: Python's tarfile \
                        refuses it";
            reading.deviation(Quirk::Truncated, Span::new(bytes.len(), 0), self.route(), what);
        }
        let padding = Span::between(self.data.end(), self.next.min(bytes.len()));
        let block = padding.len < to_u64(BLOCK) && self.data.len == self.stored;
        if block && has_data(self.kind) && !is_blank(bytes, padding)? {
            let what = "its padding is not zero";
            reading.deviation(Quirk::BytesBetween, padding, self.route(), what);
        }
        Ok(())
    }
}
