//! skops archives: a zip whose `schema.json` is a tree of nodes, each with the loader that rebuilds
//! an object from it.
//!
//! skops asks which types may be loaded before it loads any, and trusts those of NumPy, SciPy and
//! scikit-learn by itself. Whoever passes the rest as trusted, as most programs do, imports and calls
//! what the nodes name; that is what is recorded here. Arrays and bytes are members of the archive,
//! and artifacts of their own.
//!
//! Source: skops, `skops/io` (`_audit.py`, `_general.py`, `_numpy.py`, `_scipy.py`, `_sklearn.py`,
//! `_quantile_forest.py`, and `old/`), protocols 0 to 2, versions 0.1 to 0.16.

mod node;
mod record;
#[cfg(test)]
mod tests;
mod value;

use crate::json::{Document, Node};
use crate::zip::{self, Directory};
use davy_artifact::{Excerpt, Fact, Format, Input, Probe, Quirk, Reading, Route, Site, Value, Why};
use davy_bytes::{Blame, Budget, Halt, Span, to_usize};
use memchr::memmem;
use record::Walker;

/// How much of the end of an archive is searched for the schema's name before it is read.
const TAIL: u64 = 96 * 1024;

/// The member that skops reads first.
const SCHEMA: &str = "schema.json";

/// The newest protocol that is known (`skops/io/_protocol.py`).
const PROTOCOL: i64 = 2;

/// The reader of skops archives.
#[derive(Debug)]
pub struct Skops;

impl Format for Skops {
    fn id(&self) -> &'static str {
        "skops"
    }

    fn summary(&self) -> &'static str {
        "skops archives: what the nodes of the schema import and call"
    }

    fn probe(&self, head: &[u8], input: &Input<'_>) -> Probe {
        let named = input.name.ends_with(".skops");
        if zip::Zip.probe(head, input) == Probe::No {
            return if named && crate::pickle::Pickle.probe(head, input) != Probe::No {
                Probe::Possible
            } else {
                Probe::No
            };
        }
        let len = input.bytes.len();
        let tail = Span::between(len.saturating_sub(TAIL), len);
        let tail = input.bytes.copy(tail, to_usize(TAIL)).unwrap_or_default();
        let found = memmem::find(&tail, SCHEMA.as_bytes()).is_some();
        if found || len > TAIL { Probe::Possible } else { Probe::No }
    }

    fn read(
        &self,
        input: &Input<'_>,
        reading: &mut Reading,
        budget: &mut Budget,
    ) -> Result<(), Halt> {
        let head = input.bytes.copy(Span::new(0, 4096), 4096)?;
        if zip::Zip.probe(&head, input) == Probe::No {
            let what = "called .skops, and no archive: before 0.13 the model card's `get_model` \
                        gives it to joblib, which unpickles it";
            let span = Span::new(0, input.bytes.len());
            reading.deviation(Quirk::LoadersDisagree, span, Route::None, what);
            return Ok(());
        }
        let directory = zip::directory(input.bytes, budget)?;
        let Some(entry) = directory.find(SCHEMA) else {
            return Ok(());
        };
        let content = match zip::unpack(input.bytes, entry, budget) {
            Ok(unpacked) => unpacked.bytes,
            Err(halt) if halt.blame() == Blame::Io => return Err(halt),
            // Told where the archive is read as such.
            Err(_) => return Ok(()),
        };
        let frame = Span::new(entry.data.start, entry.data.len);
        let document = Document::parse_within(&content, frame, budget)?;
        let Some(root) = document.root().filter(|root| root.get("__loader__").is_some()) else {
            return Ok(());
        };
        describe(root, reading);
        if let Some(fault) = document.fault() {
            let what = format!("`{SCHEMA}` is no JSON: {}", fault.what());
            reading.deviation(Quirk::WrongType, entry.data, Route::Member(SCHEMA.into()), &what);
            reading.gap(entry.data, Why::Halted(fault.blame()), &what);
        }
        for key in document.duplicates().into_iter().take(16) {
            let what = "the same key twice: skops takes the last";
            reading.deviation(Quirk::DuplicateName, key.span(), Route::Key(key.path()), what);
        }
        let mut walker = Walker::new(&document, reading, budget);
        walker.walk()?;
        let files = walker.finish();
        check_files(&directory, files, reading);
        Ok(())
    }
}

/// Version and protocol.
fn describe(root: Node<'_>, reading: &mut Reading) {
    let version = root.get("_skops_version").and_then(Node::text);
    let version = version.map(|version| Value::Text(Excerpt::whole(version.as_bytes())));
    let protocol = root.get("protocol");
    let pairs = [("skops_version", version), ("protocol", protocol.map(Node::value))];
    let site = Site { span: root.span(), route: Route::Member(SCHEMA.to_owned()) };
    for (name, value) in pairs.into_iter().filter_map(|(name, value)| Some((name, value?))) {
        let (owner, name, site) = (String::new(), name.to_owned(), site.clone());
        reading.fact(Fact::Attribute { owner, name, value, site });
    }
    if let Some(newer) = protocol.and_then(Node::int).filter(|protocol| *protocol > PROTOCOL) {
        let what =
            format!("nodes of protocol {newer}, of which only those of {PROTOCOL} are known");
        reading.gap(root.span(), Why::Halted(Blame::Unsupported), &what);
    }
}

/// Members that nodes name and the archive does not have.
fn check_files(directory: &Directory, files: Vec<(String, Span)>, reading: &mut Reading) {
    let Some(members) = directory.zipfile() else { return };
    for (name, span) in files {
        if members.find(&name).is_none() {
            let what = format!("a node's member `{name}` is not in the archive");
            reading.deviation(Quirk::Missing, span, Route::Member(name), &what);
        }
    }
}
