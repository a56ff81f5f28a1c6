//! The oldest layout of `torch.save` (0.1): a tar archive with the members `pickle`, `storages` and
//! `tensors`, all of which start with pickles that `torch.load` still loads.

use crate::tar::{self, plain};
use davy_artifact::{Format, Input, Probe, Reading, Role};
use davy_bytes::{Budget, Halt};

/// The tar checkpoint of PyTorch 0.1.
#[derive(Debug)]
pub struct Tar;

impl Format for Tar {
    fn id(&self) -> &'static str {
        "pytorch-tar"
    }

    fn summary(&self) -> &'static str {
        "PyTorch checkpoint in a tar archive (0.1), which torch.load still opens"
    }

    fn probe(&self, head: &[u8], input: &Input<'_>) -> Probe {
        match tar::Tar.probe(head, input) {
            Probe::No => Probe::No,
            _ => Probe::Possible,
        }
    }

    /// Tells which members are loaded; everything else about the archive is told by the reader of
    /// tar archives.
    fn read(
        &self,
        input: &Input<'_>,
        reading: &mut Reading,
        budget: &mut Budget,
    ) -> Result<(), Halt> {
        if tar::lacks(input.bytes, "pickle") {
            return Ok(());
        }
        let mut members = Reading::default();
        tar::Tar.read(input, &mut members, budget)?;
        let has = |wanted: &str| members.children.iter().any(|child| plain(&child.name) == wanted);
        if !has("pickle") {
            return Ok(());
        }
        for child in members.children {
            if matches!(plain(&child.name), "pickle" | "storages" | "sys_info" | "tensors") {
                reading.child(child.name, child.bytes, Role::Loaded);
            }
        }
        Ok(())
    }
}
