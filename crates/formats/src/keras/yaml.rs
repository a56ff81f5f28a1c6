//! Models as YAML, which Keras wrote and read until 2.5: the same configurations as in JSON. What the
//! tags of such a file make (`yaml.load` followed them, CVE-2021-37678) is told by the reader of YAML.

use super::config::{self, Config};
use super::metadata;
use super::recorder::Recorder;
use crate::yaml::{Made, Parsed, parse};
use davy_artifact::{Format, Input, Probe, Reading};
use davy_bytes::{Budget, Halt};

/// A model as YAML.
#[derive(Debug)]
pub struct Yaml;

impl Format for Yaml {
    fn id(&self) -> &'static str {
        "keras-yaml"
    }

    fn summary(&self) -> &'static str {
        "Keras 1 and 2 models as YAML: every object that loading looks up"
    }

    fn version(&self) -> u32 {
        2
    }

    fn probe(&self, head: &[u8], _: &Input<'_>) -> Probe {
        let keys = ["class_name", "backend", "keras_version"];
        let key = |line: &[u8]| {
            keys.iter().any(|key| {
                let rest = line.strip_prefix(key.as_bytes());
                rest.is_some_and(|rest| rest.starts_with(b":"))
            })
        };
        let known = || head.split(|byte| *byte == b'\n').any(key);
        if crate::text::is_text(head) && known() { Probe::Possible } else { Probe::No }
    }

    fn read(
        &self,
        input: &Input<'_>,
        reading: &mut Reading,
        budget: &mut Budget,
    ) -> Result<(), Halt> {
        let Parsed { documents, fault, .. } = parse(input.bytes, budget)?;
        let mut recorder = Recorder::new(reading, budget);
        for Made { document, .. } in &documents {
            let Some(root) = document.root() else { continue };
            if root.get("class_name").is_none() {
                continue;
            }
            metadata::describe(&mut recorder, root);
            let (prefix, layer) = (String::new(), String::new());
            config::read(&mut recorder, &Config { document, prefix, layer })?;
        }
        recorder.finish();
        // What stands behind a fault is no model to any loader.
        fault.filter(|_| !reading.is_empty()).map_or(Ok(()), Err)
    }
}
