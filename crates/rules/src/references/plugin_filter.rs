//! # plugin-filter
//!
//! ## What it finds
//!
//! A dataset of an HDF5 file is packed by a filter that the HDF5 library does not have itself.
//!
//! ## Why it matters
//!
//! To read such a dataset the library looks for a plug-in in the folders of `HDF5_PLUGIN_PATH`, and
//! loads it as machine code into the process. Whoever can put a file there, or has the reader install
//! a plug-in "for this model", runs code with the next read. What the filter hides is not read by
//! davy either, and is then a gap.
//!
//! ## How it can be wrong
//!
//! Blosc, LZ4, Zstandard and Bitshuffle are registered filters of published packages, and people who
//! pack scientific data use them: these are low. Filters with numbers that nobody has registered are
//! medium. Keras writes none of them.
//!
//! ## What to do
//!
//! Ask for the file without the filter (`h5repack -f NONE`), or install the plug-in from a package
//! that you trust.
//!
//! ## References
//!
//! * HDF5 documentation, dynamically loaded filters; registry of filter identifiers
//! * CWE-829, CWE-494; MITRE ATLAS AML.T0011.000

use crate::facts::{ALIKE, Quota, loaded};
use crate::{Confidence, Detector, Reporter, Rule, Severity, Threat};
use davy_artifact::{Artifact, Fact};
use davy_bytes::escape;

static RULE: Rule = Rule {
    id: "plugin-filter",
    severity: Severity::Low,
    confidence: Confidence::High,
    threat: Threat::CodeExecution,
    summary: "data is packed by a filter that the HDF5 library loads as a plug-in",
    remediation: "ask for the file without the filter (`h5repack -f NONE`), or install the plug-in \
                  from a package that you trust",
    cwe: &[829, 494],
    atlas: &["AML.T0011.000"],
    since: "0.1.0",
    aliases: &[],
    source: include_str!("plugin_filter.rs"),
};

/// The filter that h5py brings along itself (LZF).
const OF_H5PY: u32 = 32_000;

/// Numbers from here on are for trying things out, and belong to nobody.
const UNREGISTERED: u32 = 32_768;

pub(crate) struct PluginFilter;

impl Detector for PluginFilter {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn artifact(&self, artifact: &Artifact, reporter: &mut Reporter<'_>) {
        let mut quota = Quota::of(ALIKE);
        for fact in loaded(artifact) {
            let Fact::Object { path, kind: "Dataset", detail, site } = fact else { continue };
            let Some(id) = foreign(detail) else { continue };
            if !quota.admits(id.to_string()) {
                continue;
            }
            let nobody = if id >= UNREGISTERED { ", which nobody has registered," } else { "" };
            let message = format!(
                "dataset `{}` needs the filter {id}{nobody} for which the library loads a plug-in \
                 as machine code",
                escape(path)
            );
            if let Some(finding) = reporter.report(artifact, site, message, escape(detail)) {
                let registered = id < UNREGISTERED;
                finding.severity = if registered { Severity::Low } else { Severity::Medium };
            }
        }
    }
}

/// The highest number of a filter of a third party in the description of a dataset.
fn foreign(detail: &str) -> Option<u32> {
    let numbers = detail.split("(id ").skip(1).filter_map(|rest| rest.split(')').next());
    let numbers = numbers.filter_map(|number| number.parse().ok());
    numbers.filter(|id| *id >= 256 && *id != OF_H5PY).max()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::testing::{artifact, detect};
    use davy_artifact::Site;

    fn severity(filters: &str) -> Option<Severity> {
        let dataset = Fact::Object {
            path: "/x".into(),
            kind: "Dataset",
            detail: format!("{{100}} float32, chunked {{10}}, {filters}"),
            site: Site::default(),
        };
        detect(&PluginFilter, &artifact("hdf5", vec![dataset])).first().map(|it| it.severity)
    }

    #[test]
    fn the_number_tells_whose_filter_it_is() {
        assert_eq!(severity("shuffle, deflate"), None);
        assert_eq!(severity("lzf (id 32000)"), None);
        assert_eq!(severity("blosc (id 32001)"), Some(Severity::Low));
        assert_eq!(severity("deflate, mine (id 40000)"), Some(Severity::Medium));
    }
}
