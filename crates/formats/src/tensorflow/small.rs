//! The small files beside models: fingerprints, the state of checkpoints, modules of the hub.

use super::{look, meta, table, with_wire};
use crate::protobuf::fits_text;
use davy_artifact::{Fact, Format, Input, Probe, Reading, Route, Site};
use davy_bytes::{Budget, Halt, Span};

/// Bytes that none of these files exceeds.
const LARGEST: u64 = 1 << 20;

/// What tells one saved model from another: `fingerprint.pb`.
#[derive(Debug)]
pub struct Fingerprint;

/// Which checkpoint of a folder is the last: the text file `checkpoint`.
#[derive(Debug)]
pub struct State;

/// That a folder is a module of `TensorFlow` Hub: `tfhub_module.pb`.
#[derive(Debug)]
pub struct Hub;

impl Format for Fingerprint {
    fn id(&self) -> &'static str {
        "tf-fingerprint"
    }

    fn summary(&self) -> &'static str {
        "fingerprints of TensorFlow saved models"
    }

    fn probe(&self, head: &[u8], input: &Input<'_>) -> Probe {
        if input.bytes.len() > LARGEST {
            return Probe::No;
        }
        let named = input.name.starts_with("fingerprint.pb");
        look(head, input.bytes, &table::FINGERPRINT_DEF, |sketch| {
            let all = ["saved_model_checksum", "graph_def_program_hash", "signature_def_hash"];
            sketch.fits() && (named || all.iter().all(|name| sketch.has(name)))
        })
    }

    fn read(
        &self,
        input: &Input<'_>,
        reading: &mut Reading,
        budget: &mut Budget,
    ) -> Result<(), Halt> {
        let table = &table::FINGERPRINT_DEF;
        with_wire(input.bytes, table, (reading, budget), |bytes, place, sink| {
            meta::plain(bytes, table, place, sink)
        })
    }
}

impl Format for State {
    fn id(&self) -> &'static str {
        "tf-checkpoint-state"
    }

    fn summary(&self) -> &'static str {
        "the file that names the last TensorFlow checkpoint of a folder"
    }

    fn probe(&self, head: &[u8], input: &Input<'_>) -> Probe {
        let text = fits_text(head, input.bytes.len(), &table::CHECKPOINT_STATE);
        if text { Probe::Certain } else { Probe::No }
    }

    fn read(
        &self,
        input: &Input<'_>,
        reading: &mut Reading,
        budget: &mut Budget,
    ) -> Result<(), Halt> {
        let table = &table::CHECKPOINT_STATE;
        with_wire(input.bytes, table, (reading, budget), |bytes, place, sink| {
            meta::plain(bytes, table, place, sink)
        })
    }
}

impl Format for Hub {
    fn id(&self) -> &'static str {
        "tf-hub-module"
    }

    fn summary(&self) -> &'static str {
        "the file that says which form a module of TensorFlow Hub has"
    }

    fn probe(&self, head: &[u8], input: &Input<'_>) -> Probe {
        let module = input.name == "tfhub_module.pb" && matches!(head, [8, 1..=9]);
        if module { Probe::Certain } else { Probe::No }
    }

    fn read(&self, input: &Input<'_>, reading: &mut Reading, _: &mut Budget) -> Result<(), Halt> {
        let version = input.bytes.copy(Span::new(1, 1), 1)?;
        let value = davy_artifact::Value::Int(i64::from(version.first().copied().unwrap_or(0)));
        let site = Site { span: Span::new(0, input.bytes.len().min(2)), route: Route::None };
        let name = "format".to_owned();
        reading.fact(Fact::Attribute { owner: String::new(), name, value, site });
        reading.seamless = true;
        Ok(())
    }
}
