//! An HDF5 file: its tree of objects, and what its attributes and small datasets hold.

use super::access::{Access, Ledger, Space};
use super::attribute::Attribute;
use super::claims::Use;
use super::data::{self, Data};
use super::header::{self, Header, kind};
use super::layout::Layout;
use super::link::{Link, Target};
use super::mapping::{self, Source};
use super::object::{self, Kind, Object, Types};
use super::shared::Shared;
use super::superblock::{self, Superblock};
use super::{freespace, text};
use davy_artifact::{Quirk, Reading, Route, Why};
use davy_bytes::{Blame, Budget, Bytes, Halt, Span, to_u64};
use std::cell::RefCell;
use std::collections::HashMap;

/// Soft links that are followed on the way to an object, as libhdf5 does.
const HOPS: usize = 16;

/// A file whose tree has been read.
#[derive(Debug)]
pub struct File {
    pub(super) superblock: Superblock,
    pub(super) space: Space,
    pub(super) objects: Vec<Object>,
    pub(super) entries: Vec<Entry>,
    pub(super) ledger: Ledger,
    pub(super) types: RefCell<Types>,
    /// Where each path leads, by path.
    names: HashMap<String, usize>,
    /// Entries of each object that is a group.
    members: Vec<Vec<usize>>,
    /// Paths of objects by the address of their header.
    pub(super) paths: HashMap<u64, String>,
}

/// A name in the tree, as `h5ls -r` lists it.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The path, from `/` on; names that are not UTF-8 have replacement characters in them.
    pub path: String,
    /// Its last part.
    pub name: String,
    /// What it leads to.
    pub leads: Leads,
    /// The bytes that say so.
    pub span: Span,
}

/// What a name in the tree leads to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Leads {
    /// An object that could not be read.
    Broken,
    /// To a path in another file.
    External {
        /// The other file, as it is spelled.
        file: String,
        /// The path in it.
        path: String,
    },
    /// To the object with this index among [`File::objects`]; `first` where it is known under this
    /// path.
    Object {
        /// Index of the object.
        index: usize,
        /// Whether no name before leads to it.
        first: bool,
    },
    /// Wherever the reading program's code for links of this class says.
    Other(u8),
    /// To another path in the file, as it is spelled.
    Soft(String),
}

/// A text that an attribute or dataset holds.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Piece {
    /// The text, without its padding.
    pub text: Vec<u8>,
    /// Where it stands.
    pub span: Span,
}

impl File {
    /// Reads the tree of an HDF5 file. What of it cannot be read is recorded as a gap, and the rest
    /// is read.
    ///
    /// # Errors
    /// [`Halt::malformed`] where there is no HDF5 file, or nothing of it could be read; otherwise only
    /// what ends every reading: the medium, and the limit on steps.
    pub fn open(bytes: &Bytes, reading: &mut Reading, budget: &mut Budget) -> Result<Self, Halt> {
        let Some(base) = superblock::locate(bytes)? else {
            return Err(Halt::malformed(0, "no signature of HDF5 where it may be"));
        };
        let mut superblock = superblock::read(bytes, base)?;
        superblock::check(&superblock, reading);
        let mut ledger = Ledger::default();
        ledger.claims.add(superblock.span, Use::Metadata("superblock"));
        let mut types = Types::default();
        let space = superblock.space.clone();
        let mut access = Access { space: &space, reading, budget, ledger: &mut ledger };
        if let Err(halt) = drivers(&mut access, &mut superblock, &mut types) {
            access.survive(halt, superblock.span, "superblock extension")?;
        }
        let space = superblock.space.clone();
        let mut access = Access { space: &space, reading, budget, ledger: &mut ledger };
        let Some(root) = superblock.root else {
            return Err(Halt::malformed(superblock.span.start, "no root group"));
        };
        let mut walk = Walk { types, ..Walk::default() };
        let ended = walk.run(&mut access, root);
        let Walk { types, objects, entries, names, members, paths, .. } = walk;
        let types = RefCell::new(types);
        if let Err(halt) = ended {
            access.reading.halted(&halt, bytes.len());
        }
        Ok(Self { superblock, space, objects, entries, ledger, types, names, members, paths })
    }

    /// Every object, once, under the first path that leads to it; the first is the root group.
    #[must_use]
    pub fn objects(&self) -> &[Object] {
        &self.objects
    }

    /// Every name in the tree, groups before what is in them, otherwise by name.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The object at `path`, as libhdf5 finds it: through hard and soft links, not through those to
    /// other files.
    #[must_use]
    pub fn object(&self, path: &str) -> Option<&Object> {
        let mut ahead: Vec<String> = parts(path);
        let mut here = self.objects.first()?;
        let mut hops = 0_usize;
        while let Some(part) = ahead.pop() {
            let entry = self.names.get(&join(&here.path, &part))?;
            match &self.entries.get(*entry)?.leads {
                Leads::Object { index, .. } => here = self.objects.get(*index)?,
                Leads::Soft(target) => {
                    hops = hops.saturating_add(1);
                    if hops > HOPS {
                        return None;
                    }
                    if target.starts_with('/') {
                        here = self.objects.first()?;
                    }
                    ahead.extend(parts(target));
                }
                Leads::Broken | Leads::External { .. } | Leads::Other(_) => return None,
            }
        }
        Some(here)
    }

    /// The names in a group, in order.
    pub fn members(&self, group: &Object) -> impl Iterator<Item = &Entry> {
        let index = self.names.get(&group.path).and_then(|entry| self.entries.get(*entry));
        let index = match index.map(|entry| &entry.leads) {
            Some(Leads::Object { index, .. }) => self.members.get(*index),
            _ => None,
        };
        index.into_iter().flatten().filter_map(|entry| self.entries.get(*entry))
    }

    /// The texts of an attribute of `object`, element by element, of at most `limit` bytes in all:
    /// text of fixed or variable length, bytes of variable length, opaque bytes. `None` where there
    /// is no such attribute, or it is of another type.
    ///
    /// # Errors
    /// Where the text does not lie where the attribute says, or is longer than `limit`.
    pub fn texts(
        &self,
        object: &Object,
        name: &str,
        limit: u64,
        budget: &mut Budget,
    ) -> Result<Option<Vec<Piece>>, Halt> {
        let Some(attribute) = object.attribute(name) else { return Ok(None) };
        let Attribute { datatype, dataspace, stored, span, .. } = attribute;
        let mut reading = Reading::default();
        let mut ledger = Ledger::default();
        let mut access =
            Access { space: &self.space, reading: &mut reading, budget, ledger: &mut ledger };
        let mut types = self.types.borrow_mut();
        let elements = (datatype.as_ref(), dataspace.elements());
        text::pieces(&mut access, &mut types.heaps, elements, (stored, *span), limit)
    }

    /// The same, where Keras cut a list that would not fit an attribute into `name0`, `name1` and so
    /// on: the pieces of all of them, one behind the other.
    ///
    /// # Errors
    /// As [`File::texts`].
    pub fn joined_texts(
        &self,
        object: &Object,
        name: &str,
        limit: u64,
        budget: &mut Budget,
    ) -> Result<Option<Vec<Piece>>, Halt> {
        if let Some(pieces) = self.texts(object, name, limit, budget)? {
            return Ok(Some(pieces));
        }
        let mut all = Vec::new();
        for part in 0..object.attributes.len() {
            let used = all.iter().map(|piece: &Piece| to_u64(piece.text.len())).sum::<u64>();
            let left = limit.saturating_sub(used);
            match self.texts(object, &format!("{name}{part}"), left, budget)? {
                Some(pieces) => all.extend(pieces),
                None if part == 0 => return Ok(None),
                None => break,
            }
        }
        Ok(Some(all))
    }

    /// The first `limit` bytes of the elements of a dataset, as they are stored; `None` where they
    /// are not in this file. What lies there as it is is not cut.
    ///
    /// # Errors
    /// Where they cannot be unpacked, or the budget is used up.
    pub fn data(
        &self,
        object: &Object,
        limit: u64,
        budget: &mut Budget,
    ) -> Result<Option<Data>, Halt> {
        let Some(dataset) = &object.dataset else { return Ok(None) };
        let (mut reading, mut ledger) = (Reading::default(), Ledger::default());
        let mut access =
            Access { space: &self.space, reading: &mut reading, budget, ledger: &mut ledger };
        data::read(&mut access, dataset, limit)
    }

    /// The texts of a dataset, as [`File::texts`] gives those of an attribute.
    ///
    /// # Errors
    /// As [`File::texts`] and [`File::data`].
    pub fn dataset_texts(
        &self,
        object: &Object,
        limit: u64,
        budget: &mut Budget,
    ) -> Result<Option<Vec<Piece>>, Halt> {
        let Some(dataset) = &object.dataset else { return Ok(None) };
        let Some(data) = self.data(object, limit, budget)? else { return Ok(None) };
        let (mut reading, mut ledger) = (Reading::default(), Ledger::default());
        let mut access =
            Access { space: &self.space, reading: &mut reading, budget, ledger: &mut ledger };
        let mut types = self.types.borrow_mut();
        let elements = (dataset.datatype.as_ref(), dataset.dataspace.elements());
        text::pieces(&mut access, &mut types.heaps, elements, (&data.bytes, data.span), limit)
    }

    /// The datasets of this and other files that a virtual dataset takes its elements from.
    ///
    /// # Errors
    /// Where its mapping cannot be read.
    pub fn sources(&self, object: &Object, budget: &mut Budget) -> Result<Vec<Source>, Halt> {
        let mut found = Vec::new();
        let layout = object.dataset.as_ref().map(|dataset| &dataset.layout);
        let Some(Layout::Virtual(mapping)) = layout else { return Ok(found) };
        let (mut reading, mut ledger) = (Reading::default(), Ledger::default());
        let mut access =
            Access { space: &self.space, reading: &mut reading, budget, ledger: &mut ledger };
        let heaps = &mut self.types.borrow_mut().heaps;
        mapping::sources(&mut access, heaps, *mapping, &mut |source| found.push(source))?;
        Ok(found)
    }
}

/// The names in a path, last one first.
fn parts(path: &str) -> Vec<String> {
    path.rsplit('/').filter(|part| !part.is_empty() && *part != ".").map(str::to_owned).collect()
}

fn join(group: &str, name: &str) -> String {
    if group == "/" { format!("/{name}") } else { format!("{group}/{name}") }
}

/// What the superblock and its extension say about the file as a whole.
fn drivers(
    access: &mut Access<'_>,
    superblock: &mut Superblock,
    types: &mut Types,
) -> Result<(), Halt> {
    if let Some(address) = superblock.driver {
        let driver = superblock::driver_block(access, address)?;
        superblock.spread = true;
        spread(access, superblock.span, &driver);
    }
    let Some(extension) = superblock.extension else { return Ok(()) };
    let header = header::read(access, extension)?;
    if let Some(message) = header.first(kind::SHARED_TABLE) {
        types.shared = Shared::read(access, &message.body)?;
    }
    if let Some(message) = header.first(kind::B_TREE_VALUES) {
        let mut fields = access.fields(&message.body);
        fields.take(1, "version of B-tree values")?;
        let ranks = &mut superblock.space.ranks;
        ranks.chunk = fields.u16("children of a chunk B-tree node")?;
        ranks.group = fields.u16("children of a B-tree node")?;
        ranks.leaf = fields.u16("entries of a symbol table node")?;
    }
    if let Some(message) = header.first(kind::DRIVER) {
        superblock.spread = true;
        let name = message.body.part(1, 8).to_vec();
        spread(access, message.body.span(), &superblock::driver_name(&name));
    }
    if let Some(message) = header.first(kind::CACHE_IMAGE) {
        let what = "an image of the metadata cache, which stands for metadata all over the file";
        let why = Why::Halted(Blame::Unsupported);
        access.reading.gap(message.body.span(), why, what);
    }
    free_space(access, &header)
}

/// A file that is one of several: the others are needed to read it.
fn spread(access: &mut Access<'_>, span: Span, driver: &str) {
    let what = format!("data in other files, which the driver {driver} would put together");
    access.reading.gap(span, Why::Halted(Blame::Unsupported), &what);
}

/// Claims the managers of free space that the file keeps.
///
/// Source: IV.A.2.x "The File Space Info Message".
fn free_space(access: &mut Access<'_>, header: &Header) -> Result<(), Halt> {
    let Some(message) = header.first(kind::FILE_SPACE) else { return Ok(()) };
    let mut fields = access.fields(&message.body);
    if fields.u8("version of file space")? != 1 {
        return Ok(());
    }
    fields.take(1, "strategy of file space")?;
    let kept = fields.u8("persistence of file space")? != 0;
    fields.length("threshold of file space")?;
    fields.length("size of pages")?;
    fields.take(2, "threshold of pages")?;
    fields.address("end of file space")?;
    let mut managers = Vec::new();
    for _ in 0..if kept { 12 } else { 0 } {
        managers.extend(fields.address("address of free space")?);
    }
    for manager in managers {
        freespace::claim(access, manager)?;
    }
    Ok(())
}

/// The tree as far as it has been walked.
#[derive(Default)]
struct Walk {
    types: Types,
    objects: Vec<Object>,
    entries: Vec<Entry>,
    names: HashMap<String, usize>,
    members: Vec<Vec<usize>>,
    paths: HashMap<u64, String>,
    /// Objects by address, `None` for those that could not be read.
    seen: HashMap<u64, Option<usize>>,
}

/// A link that waits: the group that it is in, and its path.
struct Ahead {
    group: Option<usize>,
    path: String,
    link: Link,
}

impl Walk {
    /// Walks from the root group, groups before what is in them. There is no recursion, and each
    /// object is read once, whatever number of paths lead to it.
    fn run(&mut self, access: &mut Access<'_>, root: u64) -> Result<(), Halt> {
        let span = Span::new(access.space.offset(root), 0);
        let link = Link { name: Vec::new(), target: Target::Hard(root), span };
        let mut ahead = vec![Ahead { group: None, path: "/".to_owned(), link }];
        while let Some(next) = ahead.pop() {
            access.steps(1, next.link.span.start)?;
            // The path is kept with the name, the object and the list of what is in the group.
            let kept = to_u64(next.path.len()).saturating_mul(3).saturating_add(200);
            access.hold(kept, next.link.span.start)?;
            let (leads, below) = self.follow(access, &next)?;
            let parent = match leads {
                Leads::Object { index, .. } => Some(index),
                _ => None,
            };
            self.list(next, leads);
            ahead.extend(below.into_iter().rev().map(|(path, link)| Ahead {
                group: parent,
                path,
                link,
            }));
        }
        Ok(())
    }

    /// Where a link leads; an object that is new is read, and its links are returned with their
    /// paths.
    fn follow(
        &mut self,
        access: &mut Access<'_>,
        next: &Ahead,
    ) -> Result<(Leads, Vec<(String, Link)>), Halt> {
        let text = |raw: &[u8]| String::from_utf8_lossy(raw).into_owned();
        let address = match &next.link.target {
            Target::Hard(address) => *address,
            Target::Soft(target) => return Ok((Leads::Soft(text(target)), Vec::new())),
            Target::External { file, path } => {
                let (file, path) = (text(file), text(path));
                return Ok((Leads::External { file, path }, Vec::new()));
            }
            Target::Other(class) => return Ok((Leads::Other(*class), Vec::new())),
        };
        match self.seen.get(&address) {
            Some(Some(index)) => {
                self.check_cycle(access, next, *index);
                Ok((Leads::Object { index: *index, first: false }, Vec::new()))
            }
            Some(None) => Ok((Leads::Broken, Vec::new())),
            None => self.meet(access, next, address),
        }
    }

    /// Reads an object that no name before led to.
    fn meet(
        &mut self,
        access: &mut Access<'_>,
        next: &Ahead,
        address: u64,
    ) -> Result<(Leads, Vec<(String, Link)>), Halt> {
        self.seen.insert(address, None);
        let read = header::read(access, address).and_then(|header| {
            object::read(access, &mut self.types, &header, (&next.path, address))
        });
        let (object, links) = match read {
            Ok(read) => read,
            Err(halt) => {
                access.survive(halt, next.link.span, &format!("object {}", next.path))?;
                return Ok((Leads::Broken, Vec::new()));
            }
        };
        let index = self.objects.len();
        self.seen.insert(address, Some(index));
        self.paths.insert(address, object.path.clone());
        let mut below = Vec::with_capacity(links.len());
        for link in links {
            let path = join(&object.path, &String::from_utf8_lossy(&link.name));
            access.hold(to_u64(path.len()), link.span.start)?;
            below.push((path, link));
        }
        self.objects.push(object);
        self.members.push(Vec::new());
        Ok((Leads::Object { index, first: true }, below))
    }

    /// Groups may contain themselves. That is legal, and endless for programs that follow every link.
    fn check_cycle(&self, access: &mut Access<'_>, next: &Ahead, index: usize) {
        let Some(object) = self.objects.get(index).filter(|it| it.kind == Kind::Group) else {
            return;
        };
        let within = object.path == "/"
            || next.path.strip_prefix(&object.path).is_some_and(|rest| rest.starts_with('/'));
        if within {
            let what = format!("group {} contains itself as {}", object.path, next.path);
            let route = Route::Object(next.path.clone());
            access.reading.deviation(Quirk::Cycle, next.link.span, route, &what);
        }
    }

    /// Takes a name in.
    fn list(&mut self, next: Ahead, leads: Leads) {
        let Ahead { group, path, link } = next;
        let entry = self.entries.len();
        if let Some(members) = group.and_then(|group| self.members.get_mut(group)) {
            members.push(entry);
        }
        self.names.entry(path.clone()).or_insert(entry);
        let name = String::from_utf8_lossy(&link.name).into_owned();
        self.entries.push(Entry { path, name, leads, span: link.span });
    }
}
