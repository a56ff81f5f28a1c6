//! What the user says about the loader: findings that rest on nothing but an advisory weigh less
//! where the loader is a version that is not affected.

use davy_rules::{Finding, Severity, Version, advisories};
use davy_scan::Scan;
use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

/// A version of a package that will load what was scanned: `loader=keras:3.11.3`, or in short
/// `keras=3.11.3`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Assumption {
    package: String,
    spelled: String,
    version: Version,
}

impl FromStr for Assumption {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = match text.strip_prefix("loader=") {
            Some(rest) => rest.split_once(':'),
            None => text.split_once('='),
        };
        let Some((package, spelled)) = parts else {
            return Err("not of the form `loader=PACKAGE:VERSION` or `PACKAGE=VERSION`".to_owned());
        };
        let Some(version) = Version::parse(spelled) else {
            return Err(format!("`{spelled}` is not a version"));
        };
        let mut known: Vec<&str> = advisories().iter().map(|advisory| advisory.package).collect();
        known.sort_unstable();
        known.dedup();
        if !known.contains(&package) {
            let known = known.join("`, `");
            return Err(format!(
                "no advisory is about `{package}`; there are some about `{known}`"
            ));
        }
        Ok(Self { package: package.to_owned(), spelled: spelled.to_owned(), version })
    }
}

impl fmt::Display for Assumption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "loader={}:{}", self.package, self.spelled)
    }
}

/// Lowers what the assumed loaders do not fall for: what is high or critical to medium, what is
/// medium to low. A finding stays as it is where one of the advisories that decide about it affects
/// an assumed version or is about a package of which nothing is assumed, and where none decides: a
/// loader that works as intended, as with a Lambda layer, is no version's mistake.
pub fn assume(scan: &mut Scan, assumptions: &[Assumption]) {
    let findings = scan.inputs.iter_mut().flat_map(|input| &mut input.findings);
    for found in findings {
        let finding = &mut found.finding;
        if let Some(loaders) = spared(finding, assumptions) {
            lower(finding, &loaders);
        }
    }
}

/// The assumed loaders that a finding does nothing to.
fn spared(finding: &Finding, assumptions: &[Assumption]) -> Option<String> {
    let mut spared = BTreeSet::new();
    let deciding = finding.advisories.iter().map(|advice| advice.advisory);
    for advisory in deciding.filter(|advisory| advisory.decides) {
        let of_it = |loader: &&Assumption| loader.package == advisory.package;
        let loaders: Vec<&Assumption> = assumptions.iter().filter(of_it).collect();
        if loaders.is_empty() || loaders.iter().any(|loader| advisory.affects(&loader.version)) {
            return None;
        }
        let names = loaders.iter().map(|loader| format!("{} {}", loader.package, loader.spelled));
        spared.extend(names);
    }
    (!spared.is_empty()).then(|| Vec::from_iter(spared).join(" and "))
}

fn lower(finding: &mut Finding, loaders: &str) {
    let lowered = if finding.severity > Severity::Medium {
        Severity::Medium
    } else {
        finding.severity.min(Severity::Low)
    };
    if lowered < finding.severity {
        finding.unassumed = Some(finding.severity);
        finding.severity = lowered;
        finding.message.push_str("; ");
        finding.message.push_str(&davy_bytes::escape(loaders));
        finding.message.push_str(", which is assumed, is not affected");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use davy_artifact::Site;
    use davy_rules::{Advice, Advisory, CATALOG};
    use davy_scan::{Fingerprinted, Scanned};

    fn advice(id: &str) -> Advice {
        let advisory: Option<&'static Advisory> =
            advisories().iter().find(|advisory| advisory.id == id);
        Advice { advisory: advisory.unwrap(), written_by: None }
    }

    /// The severities of a finding with these advisories, with assumptions and without.
    fn assumed(
        ids: &[&str],
        severity: Severity,
        assumptions: &[&str],
    ) -> (Severity, Option<Severity>) {
        let finding = Finding {
            severity,
            advisories: ids.iter().map(|id| advice(id)).collect(),
            ..Finding::new(CATALOG[0].rule(), "m", &Site::default())
        };
        let input = Scanned {
            path: "m".into(),
            artifacts: vec![],
            findings: vec![Fingerprinted { finding, fingerprint: "0".into() }],
            error: None,
        };
        let mut scan = Scan { inputs: vec![input], passed_over: vec![], surveyed: true };
        let assumptions: Vec<Assumption> =
            assumptions.iter().map(|text| text.parse().unwrap()).collect();
        assume(&mut scan, &assumptions);
        let finding = &scan.inputs[0].findings[0].finding;
        (finding.severity, finding.unassumed)
    }

    #[test]
    fn only_what_rests_on_advisories_that_do_not_apply_is_lowered() {
        use Severity::{Critical, High, Low, Medium};
        let config = &["CVE-2025-1550"][..];
        let lowered = (Medium, Some(Critical));
        assert_eq!(assumed(config, Critical, &["loader=keras:3.11.3"]), lowered);
        assert_eq!(assumed(config, Critical, &["keras=3.9"]), lowered);
        assert_eq!(assumed(config, Critical, &["keras=3.8.0"]), (Critical, None));
        assert_eq!(assumed(config, Critical, &[]), (Critical, None));
        assert_eq!(assumed(config, Critical, &["onnx=1.17.0"]), (Critical, None));
        assert_eq!(assumed(config, Medium, &["keras=3.9"]), (Low, Some(Medium)));
        assert_eq!(assumed(config, Low, &["keras=3.9"]), (Low, None));
        assert_eq!(assumed(config, Critical, &["keras=3.9", "keras=3.8"]), (Critical, None));
        let lambda = &["CVE-2024-3660", "CVE-2025-9905"][..];
        assert_eq!(assumed(lambda, Critical, &["keras=3.15.1"]), (Critical, None));
        let link = &["CVE-2026-1669", "CVE-2026-9335"][..];
        assert_eq!(assumed(link, High, &["keras=3.13.2"]), (High, None));
        assert_eq!(assumed(link, High, &["keras=3.15.0"]), (Medium, Some(High)));
        assert_eq!(assumed(&[], Critical, &["keras=3.15.0"]), (Critical, None));
    }

    #[test]
    fn assumptions_are_spelled_two_ways_and_checked() {
        for text in ["loader=keras:3.11.3", "keras=3.11.3"] {
            assert_eq!(text.parse::<Assumption>().unwrap().to_string(), "loader=keras:3.11.3");
        }
        for text in ["keras", "keras=latest", "loader=keras", "kears=3.1", "=", ""] {
            assert!(text.parse::<Assumption>().is_err(), "{text}");
        }
    }
}
