//! # scanner-deactivation
//!
//! ## What it finds
//!
//! The file names or calls parts of a scanner of models: fickling, picklescan, modelscan, modelaudit.
//!
//! ## Why it matters
//!
//! No model needs its scanner. A file that reaches for one wants to switch its hooks off before the
//! payload is loaded, or to use one of its functions as a way to run code.
//!
//! ## How it can be wrong
//!
//! The pickled results of a scanner, kept as test data, name its classes.
//!
//! ## What to do
//!
//! Do not load the file, and scan it outside of the process that would load it.
//!
//! ## References
//!
//! * fickling, `fickling.hook.deactivate_safe_ml_environment`
//! * CWE-693, CWE-502; MITRE ATLAS AML.T0107

use crate::facts::{APART, Quota, known, loaded, spelled};
use crate::knowledge::Effect;
use crate::{Confidence, Detector, Reporter, Rule, Severity, Threat};
use davy_artifact::{Artifact, Fact};

static RULE: Rule = Rule {
    id: "scanner-deactivation",
    severity: Severity::High,
    confidence: Confidence::High,
    threat: Threat::Evasion,
    summary: "the file reaches for a scanner of models",
    remediation: "do not load the file, and scan it outside of the process that would load it",
    cwe: &[693, 502],
    atlas: &["AML.T0107"],
    since: "0.1.0",
    aliases: &[],
    source: include_str!("scanner_deactivation.rs"),
};

pub(crate) struct ScannerDeactivation;

impl Detector for ScannerDeactivation {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn artifact(&self, artifact: &Artifact, reporter: &mut Reporter<'_>) {
        let mut quota = Quota::of(APART);
        for fact in loaded(artifact) {
            let Fact::Import { name, by, site, .. } = fact else { continue };
            let reaches =
                known(name).is_some_and(|known| known.effect == Effect::ScannerDeactivation);
            if reaches && quota.admits("") {
                let message =
                    format!("`{name}` belongs to a scanner of models, which no model needs");
                let evidence = spelled(by, name);
                reporter.report(artifact, site, message, evidence);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::testing::{imports, pickle};

    #[test]
    fn reaching_for_a_scanner_is_reported() {
        let facts = vec![imports("fickling.hook", "deactivate_safe_ml_environment")];
        assert_eq!(pickle(&ScannerDeactivation, facts).len(), 1);
        assert!(pickle(&ScannerDeactivation, vec![imports("os", "system")]).is_empty());
    }
}
