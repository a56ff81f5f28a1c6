//! Model archives of TorchServe: a zip archive with `MAR-INF/MANIFEST.json`, which names the model and
//! the Python code that serves it.
//!
//! Loading the archive puts its folder on Python's path and imports the handler (`ts.model_loader`),
//! which runs it, and with it whatever source of the archive it imports in turn; where the server is set up so, what `requirementsFile` lists is installed first. A
//! handler that is neither in the archive nor one of TorchServe's own is looked up like any module.

use crate::json::{Document, Node};
use crate::zip::{self, Entry};
use davy_artifact::{
    Call, Fact, Format, Input, Manner, Name, Probe, Reading, Role, Route, Site, Value,
};
use davy_bytes::{Blame, Budget, Halt, Span, to_usize};
use std::collections::BTreeSet;

/// The manifest's name in the archive.
const MANIFEST: &str = "MAR-INF/MANIFEST.json";

/// How much of the end of an archive is searched for the manifest's name before it is read.
const TAIL: u64 = 96 * 1024;

/// Source files of one archive that are taken for code that the server imports.
const SOURCES: usize = 1_000;

/// Versions of the manifest that are read, where an archive has several.
const VERSIONS: usize = 16;

/// Handlers that TorchServe has itself (`ts.torch_handler`).
const HANDLERS: &[&str] = &[
    "base_handler",
    "densenet_handler",
    "image_classifier",
    "image_segmenter",
    "object_detector",
    "text_classifier",
];

/// What describes the model.
const DESCRIBING: &[&str] = &["modelName", "modelVersion", "runtime"];

/// The reader of model archives.
#[derive(Debug)]
pub struct Mar;

impl Format for Mar {
    fn id(&self) -> &'static str {
        "mar"
    }

    fn summary(&self) -> &'static str {
        "TorchServe model archives: the handler that loading imports, and what it installs"
    }

    fn probe(&self, head: &[u8], input: &Input<'_>) -> Probe {
        let zipped = zip::Zip.probe(head, input);
        if zipped == Probe::No {
            return Probe::No;
        }
        let len = input.bytes.len();
        let tail = Span::between(len.saturating_sub(TAIL), len);
        let tail = input.bytes.copy(tail, to_usize(TAIL)).unwrap_or_default();
        let has = |bytes: &[u8]| memchr::memmem::find(bytes, MANIFEST.as_bytes()).is_some();
        if has(&tail) || has(head) {
            zipped
        } else if len > TAIL {
            Probe::Possible
        } else {
            Probe::No
        }
    }

    fn read(
        &self,
        input: &Input<'_>,
        reading: &mut Reading,
        budget: &mut Budget,
    ) -> Result<(), Halt> {
        let directory = zip::directory(input.bytes, budget)?;
        let listed = directory.listings.iter().flat_map(|listing| &listing.entries);
        let entries: Vec<&Entry> = listed.chain(&directory.unlisted).collect();
        let names: BTreeSet<String> =
            entries.iter().map(|entry| entry.name().into_owned()).collect();
        // Windows and macOS find the manifest in any case of letters.
        let named = |entry: &&&Entry| entry.name().eq_ignore_ascii_case(MANIFEST);
        for entry in entries.iter().filter(|entry| entry.name().ends_with(".py")).take(SOURCES) {
            match zip::unpack(input.bytes, entry, budget) {
                Ok(unpacked) => {
                    reading.child(entry.label.clone(), unpacked.bytes, Role::Loaded);
                }
                Err(halt) if halt.blame() == Blame::Io => return Err(halt),
                Err(_) => {}
            }
        }
        let manifests = entries.iter().filter(named);
        for entry in manifests.take(VERSIONS) {
            let content = match zip::unpack(input.bytes, entry, budget) {
                Ok(unpacked) => unpacked.bytes,
                Err(halt) if halt.blame() == Blame::Io => return Err(halt),
                // Why it does not come out is told by the reader of zip archives.
                Err(_) => continue,
            };
            let document = Document::parse(&content, budget)?;
            let site = Site { span: entry.data, route: Route::Member(entry.label.clone()) };
            if let Some(root) = document.root() {
                Manifest { root, names: &names, site }.record(reading);
            }
        }
        Ok(())
    }
}

/// A manifest, and the archive around it.
struct Manifest<'m> {
    root: Node<'m>,
    names: &'m BTreeSet<String>,
    site: Site,
}

impl<'m> Manifest<'m> {
    /// What stands under `key`: beside the model, or in it.
    fn text(&self, key: &str) -> Option<String> {
        let model = self.root.get("model").and_then(|model| model.get(key));
        let value = model.or_else(|| self.root.get(key))?;
        value.text().map(std::borrow::Cow::into_owned).filter(|text| !text.is_empty())
    }

    fn record(&self, reading: &mut Reading) {
        for key in DESCRIBING {
            let Some(text) = self.text(key) else { continue };
            let value = Value::Text(davy_artifact::Excerpt::whole(text));
            let (owner, name) = (String::new(), (*key).to_owned());
            reading.fact(Fact::Attribute { owner, name, value, site: self.site.clone() });
        }
        if let Some(handler) = self.text("handler") {
            self.handler(&handler, reading);
        }
        for (key, purpose) in [
            ("modelFile", "custom code"),
            ("serializedFile", "weights"),
            ("requirementsFile", "requirements"),
            ("configFile", "asset"),
        ] {
            let Some(target) = self.text(key) else { continue };
            reading.fact(Fact::Reference { target, purpose, site: self.site.clone() });
        }
    }

    /// `module` or `module:function`, where the module may be written as the name of its file
    /// (`ts.model_loader.TsModelLoader.load`).
    fn handler(&self, handler: &str, reading: &mut Reading) {
        let (module, function) = handler.split_once(':').unwrap_or((handler, ""));
        let module = module.strip_suffix(".py").unwrap_or(module);
        let file = format!("{}.py", module.replace('.', "/"));
        let site = self.site.clone();
        if self.names.contains(&file) || handler.contains(".py") {
            let target = handler.to_owned();
            reading.fact(Fact::Reference { target, purpose: "custom code", site });
        } else if !HANDLERS.contains(&module) {
            let name = Name::new(module.replace('/', "."), function);
            let by = "handler of a model archive";
            let spelled = None;
            reading.fact(Fact::Import { name: name.clone(), spelled, by, site: site.clone() });
            if !function.is_empty() {
                let unknown = || Value::Unknown("what a request sends");
                let (args, kwargs) = (vec![unknown(), unknown()], vec![]);
                let callee = Value::Name(name);
                let call = Call { callee, args, kwargs, manner: Manner::Called };
                reading.fact(Fact::Call { call, count: 1, site });
            }
        }
    }
}
