//! Keras models in HDF5 files: the configurations in the attributes of the root group, and files of
//! weights alone.
//!
//! The tree itself, with links and storage outside of the file, is told where the file is read as
//! HDF5.

use super::config::{self, Config};
use super::metadata::{self, KEYS};
use super::recorder::Recorder;
use crate::hdf5::{File, Object, Piece};
use crate::json::Document;
use davy_artifact::{Excerpt, Format, Input, Probe, Quirk, Reading, Role, Route, Site, Value};
use davy_bytes::{Budget, Bytes, Halt, Span};

/// Signature of HDF5, at the start of the file or behind a user block.
const SIGNATURE: &[u8] = b"\x89HDF\r\n\x1a\n";

/// The longest configuration that is read.
const LONGEST: u64 = 256 << 20;

/// The largest block before a superblock that is looked behind: the same as every reader of HDF5,
/// but for artifacts that something else explains.
const USER_BLOCK: u64 = 1 << 40;

/// Attributes and groups that Keras writes at the top of a file.
const MARKS: &[&str] = &["keras_version", "layer_names", "model_config", "training_config"];
const GROUPS: &[&str] =
    &["/_layer_checkpoint_dependencies", "/layers", "/model_weights", "/optimizer/vars"];

/// A model or its weights in an HDF5 file.
#[derive(Debug)]
pub struct H5;

impl Format for H5 {
    fn id(&self) -> &'static str {
        "keras-h5"
    }

    fn summary(&self) -> &'static str {
        "Keras models and weights in HDF5 files"
    }

    fn probe(&self, head: &[u8], input: &Input<'_>) -> Probe {
        let found = head.starts_with(SIGNATURE)
            || input.role != Role::Storage && behind_user_block(input.bytes);
        if found { Probe::Possible } else { Probe::No }
    }

    fn read(
        &self,
        input: &Input<'_>,
        reading: &mut Reading,
        budget: &mut Budget,
    ) -> Result<(), Halt> {
        let file = File::open(input.bytes, &mut Reading::default(), budget)?;
        let Some(root) = file.objects().first() else { return Ok(()) };
        let marked = MARKS.iter().any(|name| root.attribute(name).is_some());
        if !marked && !GROUPS.iter().any(|path| file.object(path).is_some()) {
            return Ok(());
        }
        let mut recorder = Recorder::new(reading, budget);
        let model = root.attribute("model_config").is_some();
        let content = Value::Text(Excerpt::whole(if model { "model" } else { "weights" }));
        recorder.attribute(String::new(), "content", content, Site::default());
        describe(&mut recorder, &file, root)?;
        for name in ["model_config", "training_config"] {
            configuration(&mut recorder, &file, root, name)?;
        }
        recorder.finish();
        Ok(())
    }
}

fn behind_user_block(bytes: &Bytes) -> bool {
    let offsets = std::iter::successors(Some(512_u64), |at| at.checked_mul(2));
    let inside = |at: &u64| *at < bytes.len().min(USER_BLOCK);
    offsets.take_while(inside).any(|at| {
        let found = bytes.copy(Span::new(at, 8), SIGNATURE.len());
        found.is_ok_and(|found| found == SIGNATURE)
    })
}

fn describe(recorder: &mut Recorder<'_>, file: &File, root: &Object) -> Result<(), Halt> {
    let weights = file.object("/model_weights");
    for key in KEYS {
        let owners = [Some(root), weights].into_iter().flatten();
        let Some(owner) = owners.into_iter().find(|it| it.attribute(key).is_some()) else {
            continue;
        };
        let found = file.texts(owner, key, 1024, recorder.budget);
        let Some(Piece { text, span }) = found.ok().flatten().and_then(|it| it.into_iter().next())
        else {
            continue;
        };
        let site = Site { span, route: Route::Object(owner.path.clone()) };
        recorder.attribute(String::new(), key, Value::Text(Excerpt::whole(text)), site);
    }
    Ok(())
}

/// Walks the configuration in an attribute of the root group. What cannot be read of one does not
/// hide the other.
fn configuration(
    recorder: &mut Recorder<'_>,
    file: &File,
    root: &Object,
    name: &str,
) -> Result<(), Halt> {
    let Some(attribute) = root.attribute(name) else { return Ok(()) };
    let pieces = match file.texts(root, name, LONGEST, recorder.budget) {
        Ok(Some(pieces)) => pieces,
        Ok(None) => {
            let what = format!("`{name}` is no text");
            let quirk = Quirk::WrongType;
            recorder.reading.deviation(quirk, attribute.span, Route::None, &what);
            return Ok(());
        }
        Err(halt) => {
            recorder.reading.halted(&halt, attribute.span.end());
            return Ok(());
        }
    };
    for Piece { text, span } in pieces {
        // Every loader wants an object; other text is read as far as anybody would.
        let object = text.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{');
        let document = Document::parse_within(&Bytes::from_memory(text), span, recorder.budget)?;
        if name == "model_config" {
            metadata::serialization(recorder, &document);
        }
        let (prefix, layer) = (name.to_owned(), String::new());
        let result = config::read(recorder, &Config { document: &document, prefix, layer });
        if let Err(halt) = result {
            let what = format!("`{name}` is no JSON: {}", halt.what());
            recorder.reading.deviation(Quirk::WrongType, span, Route::None, &what);
            if object {
                recorder.reading.halted(&halt, span.end());
            }
        }
    }
    Ok(())
}
