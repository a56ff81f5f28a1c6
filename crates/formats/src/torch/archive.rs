//! PyTorch's zip archives: checkpoints (`torch.save` since 1.6), TorchScript models and packages.

use super::layout::{Layout, every, plain};
use super::tensors;
use crate::pickle::Machine;
use crate::zip::{self, Directory, Entry};
use davy_artifact::{Fact, Format, Input, Probe, Quirk, Reading, Role, Route, Site, Value};
use davy_bytes::{Blame, Budget, Bytes, Halt, Span, to_usize};
use std::collections::{BTreeSet, HashMap};

/// How much of the end of an archive is searched for the names of members before it is read.
const TAIL: u64 = 96 * 1024;

/// Source files of a TorchScript model that are read.
const SOURCES: usize = 10_000;

/// The zip checkpoint of `torch.save`.
#[derive(Debug)]
pub struct PyTorch;

/// A TorchScript model, as `torch.jit.save` writes it.
#[derive(Debug)]
pub struct TorchScript;

/// A package of source and pickles, as `torch.package` writes it.
#[derive(Debug)]
pub struct TorchPackage;

impl Format for PyTorch {
    fn id(&self) -> &'static str {
        "pytorch"
    }

    fn summary(&self) -> &'static str {
        "PyTorch checkpoint in a zip archive: tensors checked against their storages"
    }

    fn probe(&self, head: &[u8], input: &Input<'_>) -> Probe {
        probe(head, input, &[b"data.pkl"])
    }

    fn read(
        &self,
        input: &Input<'_>,
        reading: &mut Reading,
        budget: &mut Budget,
    ) -> Result<(), Halt> {
        let directory = zip::directory(input.bytes, budget)?;
        let layout = Layout::of(&directory);
        let mut archive = Archive::new(input.bytes, &directory, reading, budget);
        archive.check_roots(&layout);
        archive.check_marks(&layout.eager);
        for root in layout.eager.difference(&layout.script) {
            archive.pickles(root, "data.pkl", "data/")?;
        }
        Ok(())
    }
}

impl Format for TorchScript {
    fn id(&self) -> &'static str {
        "torchscript"
    }

    fn summary(&self) -> &'static str {
        "TorchScript model: constants, tensors, and the operators that its code calls"
    }

    fn probe(&self, head: &[u8], input: &Input<'_>) -> Probe {
        probe(head, input, &[b"constants.pkl"])
    }

    fn read(
        &self,
        input: &Input<'_>,
        reading: &mut Reading,
        budget: &mut Budget,
    ) -> Result<(), Halt> {
        let directory = zip::directory(input.bytes, budget)?;
        let layout = Layout::of(&directory);
        let mut archive = Archive::new(input.bytes, &directory, reading, budget);
        for root in &layout.script {
            archive.pickles(root, "data.pkl", "data/")?;
            archive.pickles(root, "constants.pkl", "constants/")?;
            archive.sources(root)?;
        }
        Ok(())
    }
}

impl Format for TorchPackage {
    fn id(&self) -> &'static str {
        "torch-package"
    }

    fn summary(&self) -> &'static str {
        "torch.package archive: source that is imported and pickles that are loaded"
    }

    fn probe(&self, head: &[u8], input: &Input<'_>) -> Probe {
        probe(head, input, &[b".data/extern_modules", b".data/python_version"])
    }

    fn read(
        &self,
        input: &Input<'_>,
        reading: &mut Reading,
        budget: &mut Budget,
    ) -> Result<(), Halt> {
        let directory = zip::directory(input.bytes, budget)?;
        let layout = Layout::of(&directory);
        let mut archive = Archive::new(input.bytes, &directory, reading, budget);
        for root in &layout.package {
            archive.packaged(root)?;
        }
        Ok(())
    }
}

/// Whether a zip archive has a member whose name ends with one of `names`, in any case of letters.
/// Its first member and the end of its directory are looked at; longer directories are `Possible`.
fn probe(head: &[u8], input: &Input<'_>, names: &[&[u8]]) -> Probe {
    let zipped = zip::Zip.probe(head, input);
    if zipped == Probe::No {
        return Probe::No;
    }
    let len = input.bytes.len();
    let tail = Span::between(len.saturating_sub(TAIL), len);
    let tail = input.bytes.copy(tail, to_usize(TAIL)).unwrap_or_default();
    let has = |bytes: &[u8], name: &[u8]| {
        let first = name.first().copied().unwrap_or_default();
        let (lower, upper) = (first.to_ascii_lowercase(), first.to_ascii_uppercase());
        let window = |at: usize| bytes.get(at..)?.get(..name.len());
        memchr::memchr2_iter(lower, upper, bytes)
            .any(|at| window(at).is_some_and(|window| window.eq_ignore_ascii_case(name)))
    };
    if names.iter().any(|name| has(&tail, name) || has(head, name)) {
        zipped
    } else if len > TAIL {
        Probe::Possible
    } else {
        Probe::No
    }
}

/// An archive that is being checked.
struct Archive<'a> {
    bytes: &'a Bytes,
    directory: &'a Directory,
    /// Every member that any reader sees, with its name as loaders compare it.
    members: Vec<(String, &'a Entry)>,
    reading: &'a mut Reading,
    budget: &'a mut Budget,
}

impl<'a> Archive<'a> {
    fn new(
        bytes: &'a Bytes,
        directory: &'a Directory,
        reading: &'a mut Reading,
        budget: &'a mut Budget,
    ) -> Self {
        let members = every(directory).map(|entry| (plain(entry), entry)).collect();
        Self { bytes, directory, members, reading, budget }
    }

    /// Every version of the member that loaders find under `name`.
    fn versions(&self, name: &str) -> Vec<&'a Entry> {
        let named = self.members.iter().filter(|(member, _)| member == name);
        named.map(|(_, entry)| *entry).take(16).collect()
    }

    /// The members in `folder`, with what their names have behind it.
    fn within(&self, folder: &str) -> Vec<(String, &'a Entry)> {
        let inside = |(name, entry): &(String, &'a Entry)| {
            name.strip_prefix(folder).map(|rest| (rest.to_owned(), *entry))
        };
        self.members.iter().filter_map(inside).collect()
    }

    fn route(entry: &Entry) -> Route {
        Route::Member(entry.label.clone())
    }

    /// Several layouts in one archive, and which of several pickles who would load.
    fn check_roots(&mut self, layout: &Layout) {
        let all: BTreeSet<&String> = layout.eager.union(&layout.script).collect();
        if all.len() > 1 {
            let names: Vec<String> = all.iter().map(|root| format!("`{root}`")).collect();
            let what = format!(
                "several models in one archive, in the folders {}: torch.load takes the first \
                 folder of the archive, other readers any",
                names.join(", ")
            );
            let whole = Span::new(0, self.bytes.len());
            self.reading.deviation(Quirk::Repeated, whole, Route::None, &what);
        }
        if !self.members.iter().any(|(name, _)| name.ends_with("data.pkl")) {
            return;
        }
        let (miniz, zipfile) = (self.directory.miniz(), self.directory.zipfile());
        let pickles = self.members.iter().filter(|(name, _)| name.ends_with("data.pkl"));
        for (_, entry) in pickles.take(64) {
            let name = entry.name();
            let torch = miniz.as_ref().and_then(|members| members.find(&name));
            let python = zipfile.as_ref().and_then(|members| members.find(&name));
            let (Some(torch), Some(python)) = (torch, python) else { continue };
            if torch.header_at != python.header_at && entry.header_at == torch.header_at {
                let what = format!(
                    "torch.load takes the `{name}` at {:#x}, Python's zipfile the one at {:#x}",
                    torch.header_at, python.header_at
                );
                let (span, route) = (entry.data, Self::route(entry));
                self.reading.deviation(Quirk::LoadersDisagree, span, route, &what);
            }
        }
    }

    /// The small members that say how to read the others.
    fn check_marks(&mut self, roots: &BTreeSet<String>) {
        let names = roots.iter().flat_map(|root| [(root, "byteorder"), (root, "version")]);
        for (root, name) in names {
            for entry in self.versions(&format!("{root}{name}")) {
                let content = self.bytes.copy(entry.data, 64).unwrap_or_default();
                let mark = content.trim_ascii();
                let fits = match name {
                    "byteorder" => matches!(mark, b"little" | b"big"),
                    _ => !mark.is_empty() && mark.iter().all(u8::is_ascii_digit),
                };
                if entry.method == 0 && !fits {
                    let shown = davy_bytes::escape_bytes(&content);
                    let what = format!("member `{name}` says `{shown}`");
                    let (span, route) = (entry.data, Self::route(entry));
                    self.reading.deviation(Quirk::WrongType, span, route, &what);
                }
            }
        }
    }

    /// Each version of a pickle under `root`, with the storages in the folder beside it.
    fn pickles(&mut self, root: &str, pickle: &str, folder: &str) -> Result<(), Halt> {
        let folder = format!("{root}{folder}");
        let mut members: HashMap<String, &Entry> = HashMap::new();
        for (key, entry) in self.within(&folder) {
            self.budget.spend_steps(1, entry.central.start)?;
            self.check_method(entry);
            members.entry(key).or_insert(entry);
        }
        for entry in self.versions(&format!("{root}{pickle}")) {
            self.check_method(entry);
            self.pickle(entry, &members)?;
        }
        Ok(())
    }

    /// PyTorch's writer stores everything that its reader maps or reads at once.
    fn check_method(&mut self, entry: &Entry) {
        if entry.method != 0 {
            let what = "packed, where PyTorch writes members stored";
            let (span, route) = (entry.data, Self::route(entry));
            self.reading.deviation(Quirk::ForeignMethod, span, route, what);
        }
    }

    fn pickle(&mut self, entry: &Entry, members: &HashMap<String, &Entry>) -> Result<(), Halt> {
        let unpacked = match zip::unpack(self.bytes, entry, self.budget) {
            Ok(unpacked) => unpacked.bytes,
            Err(halt) if halt.blame() == Blame::Io => return Err(halt),
            Err(_) => return Ok(()),
        };
        // What the pickle imports and calls, and where it breaks off, is told where it is read as
        // an artifact of its own.
        let mut scratch = Reading::default();
        let mut machine = Machine::new(&unpacked, &mut scratch, self.budget);
        let whole = match machine.run(0, 0) {
            Ok(_) => true,
            Err(halt) if halt.blame() == Blame::Malformed => false,
            Err(halt) => return Err(halt.shifted(entry.data.start)),
        };
        let heap = machine.heap();
        let (stored, data) = (entry.method == 0, entry.data);
        let place = move |span: Span| match stored {
            true => Span::new(data.start.saturating_add(span.start), span.len),
            false => data,
        };
        tensors::record(heap, &place, self.reading);
        let (storages, others) = tensors::storages(heap);
        tensors::check_kinds(&storages, &others, data, self.reading);
        for (key, storage) in &storages {
            match members.get(&key.to_lowercase()) {
                Some(member) => {
                    tensors::check_size(storage, member.size, member.data, self.reading);
                }
                None if whole && storage.location != "meta" => {
                    let what = format!("storage `{key}` is not in the archive");
                    let route = Route::Tensor(key.clone());
                    self.reading.deviation(Quirk::Missing, data, route, &what);
                }
                None => {}
            }
        }
        Ok(())
    }

    /// The operators that the source under `code/` calls: what `torch.jit.load` compiles and the
    /// model runs.
    fn sources(&mut self, root: &str) -> Result<(), Halt> {
        let folder = format!("{root}code/");
        let sources = self.within(&folder).into_iter().filter(|(name, _)| name.ends_with(".py"));
        for (_, entry) in sources.take(SOURCES) {
            let source = match zip::unpack(self.bytes, entry, self.budget) {
                Ok(unpacked) => unpacked.bytes,
                Err(halt) if halt.blame() == Blame::Io => return Err(halt),
                Err(_) => continue,
            };
            let mut scratch = Reading::default();
            let input = Input { bytes: &source, name: "code.py", role: Role::Loaded };
            crate::python::Python.read(&input, &mut scratch, self.budget)?;
            let mut seen = BTreeSet::new();
            for fact in scratch.facts {
                let Fact::Call { call, count, .. } = fact else { continue };
                let Value::Name(name) = &call.callee else { continue };
                let constant = call.args.iter().any(|arg| matches!(arg, Value::Text(_)));
                if seen.insert((name.clone(), constant)) || constant {
                    let site = Site { span: entry.data, route: Self::route(entry) };
                    self.reading.fact(Fact::Call { call, count, site });
                }
            }
        }
        Ok(())
    }

    /// The modules that a package wants from outside.
    fn packaged(&mut self, root: &str) -> Result<(), Halt> {
        for entry in self.versions(&format!("{root}.data/extern_modules")) {
            let Ok(unpacked) = zip::unpack(self.bytes, entry, self.budget) else { continue };
            let whole = Span::new(0, unpacked.bytes.len());
            let names = unpacked.bytes.copy(whole, 64 * 1024)?;
            for line in String::from_utf8_lossy(&names).lines().take(1000) {
                let name = line.trim();
                if !name.is_empty() {
                    let site = Site { span: entry.data, route: Self::route(entry) };
                    self.reading.fact(Fact::Import {
                        name: davy_artifact::Name::new(name, ""),
                        spelled: None,
                        by: "extern module of a package",
                        site,
                    });
                }
            }
        }
        Ok(())
    }
}
