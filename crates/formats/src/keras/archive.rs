//! The `.keras` archive: a zip with the model's configuration, its weights, and what belongs to
//! layers beside them.
//!
//! What loading would do stands in `config.json` and is told where that member is read as an artifact
//! of its own; here it is the archive as a whole (`saving_lib._load_model_from_fileobj`).

use super::metadata;
use super::recorder::Recorder;
use crate::json::{self, Document};
use crate::zip::{self, Directory, Entry};
use davy_artifact::{Format, Input, Probe, Quirk, Reading, Route, Why};
use davy_bytes::{Blame, Budget, Bytes, Halt, Span, to_usize};
use memchr::memmem;

/// How much of the end of an archive is searched for the names of members before it is read.
const TAIL: u64 = 96 * 1024;

/// The longest metadata that are read; Keras writes a line.
const LONGEST: u64 = 1 << 20;

/// What `saving_lib` opens, by exactly these names.
const CONFIG: &str = "config.json";
const METADATA: &str = "metadata.json";
const WEIGHTS: &[&str] = &["model.weights.h5", "model.weights.npz"];

/// A model as `model.save("x.keras")` writes it.
#[derive(Debug)]
pub struct Archive;

impl Format for Archive {
    fn id(&self) -> &'static str {
        "keras"
    }

    fn summary(&self) -> &'static str {
        "Keras archives: which version wrote them, and whether all of the model is there"
    }

    fn probe(&self, head: &[u8], input: &Input<'_>) -> Probe {
        if zip::Zip.probe(head, input) == Probe::No {
            return Probe::No;
        }
        let len = input.bytes.len();
        let tail = Span::between(len.saturating_sub(TAIL), len);
        let tail = input.bytes.copy(tail, to_usize(TAIL)).unwrap_or_default();
        let names = [CONFIG, METADATA].into_iter().chain(WEIGHTS.iter().copied());
        let named = names.map(str::as_bytes).any(|name| memmem::find(&tail, name).is_some());
        if named || len > TAIL { Probe::Possible } else { Probe::No }
    }

    fn read(
        &self,
        input: &Input<'_>,
        reading: &mut Reading,
        budget: &mut Budget,
    ) -> Result<(), Halt> {
        let directory = zip::directory(input.bytes, budget)?;
        let mut model = Model { bytes: input.bytes, directory: &directory, reading, budget };
        let known = model.metadata()? | model.configuration()? | model.has_weights();
        if known {
            model.check_members();
        }
        Ok(())
    }
}

/// An archive that is being checked.
struct Model<'a> {
    bytes: &'a Bytes,
    directory: &'a Directory,
    reading: &'a mut Reading,
    budget: &'a mut Budget,
}

impl<'a> Model<'a> {
    /// The member that Keras opens under `name`: Python's `zipfile` finds it.
    fn member(&self, name: &str) -> Option<&'a Entry> {
        self.directory.find(name)
    }

    fn has_weights(&self) -> bool {
        WEIGHTS.iter().any(|name| self.member(name).is_some())
    }

    fn unpack(&mut self, entry: &Entry) -> Result<Option<Bytes>, Halt> {
        match zip::unpack(self.bytes, entry, self.budget) {
            Ok(unpacked) => Ok(Some(unpacked.bytes)),
            Err(halt) if halt.blame() == Blame::Io => Err(halt),
            // Told where the archive is read as such.
            Err(_) => Ok(None),
        }
    }

    /// Records what the archive says about itself; tells whether it says that it is of Keras.
    fn metadata(&mut self) -> Result<bool, Halt> {
        let Some(entry) = self.member(METADATA).filter(|entry| entry.size <= LONGEST) else {
            return Ok(false);
        };
        let Some(content) = self.unpack(entry)? else { return Ok(false) };
        let frame = Span::new(entry.data.start, if entry.method == 0 { entry.data.len } else { 0 });
        let document = Document::parse_within(&content, frame, self.budget)?;
        let Some(top) = document.root().filter(|top| top.get("keras_version").is_some()) else {
            return Ok(false);
        };
        metadata::describe(&mut Recorder::new(self.reading, self.budget), top);
        Ok(true)
    }

    /// Whether the configuration is one of Keras, as far as can be told without walking it. One that
    /// is no JSON would be taken for mere text.
    fn configuration(&mut self) -> Result<bool, Halt> {
        let Some(entry) = self.member(CONFIG) else { return Ok(false) };
        let Some(content) = self.unpack(entry)? else { return Ok(false) };
        let head = content.copy(Span::new(0, content.len()), 64 * 1024)?;
        let model = memmem::find(&head, b"class_name").is_some();
        let ours = model || self.has_weights();
        match json::validate(&content, self.budget) {
            Err(halt) if halt.blame() == Blame::Io => return Err(halt),
            Err(halt) if ours => {
                let what = format!("`{CONFIG}` is no JSON: {}", halt.what());
                let route = Route::Member(CONFIG.to_owned());
                self.reading.deviation(Quirk::WrongType, entry.data, route, &what);
                self.reading.gap(entry.data, Why::Halted(halt.blame()), &what);
            }
            _ => {}
        }
        Ok(model)
    }

    /// What Keras does not load an archive without, or never reads.
    fn check_members(&mut self) {
        let whole = Span::new(0, self.bytes.len());
        for name in [CONFIG, METADATA] {
            if self.member(name).is_none() {
                let what = format!("no member `{name}`, which Keras writes to every archive");
                let route = Route::Member(name.to_owned());
                self.reading.deviation(Quirk::Missing, whole, route, &what);
            }
        }
        let weights = WEIGHTS.iter().filter_map(|name| self.member(name)).collect::<Vec<_>>();
        match weights.as_slice() {
            [] => {
                let what = "no weights: neither `model.weights.h5` nor `model.weights.npz`";
                self.reading.deviation(Quirk::Missing, whole, Route::None, what);
            }
            [_, second, ..] => {
                let what = "weights twice: Keras reads `model.weights.h5` and ignores the others";
                let route = Route::Member(second.label.clone());
                self.reading.deviation(Quirk::Repeated, second.data, route, what);
            }
            [_] => {}
        }
    }
}
