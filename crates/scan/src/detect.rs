//! From artifacts to findings: every rule sees every artifact, and then all of an input at once.

use crate::fence::fenced;
use crate::fingerprint::Fingerprints;
use crate::identify::crash;
use crate::{Fingerprinted, Scanned};
use davy_artifact::{Artifact, Identity, Role};
use davy_formats::program::Programs;
use davy_rules::{Beside, Detector, Finding, Reporter, Severity, advise};
use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap};

/// What all `detectors` find in the artifacts of the input at the path `input`, ordered by
/// artifact, offset and rule; each finding once. A detector that crashes leaves a gap.
pub(crate) fn detect(
    detectors: &[&dyn Detector],
    input: &str,
    artifacts: &mut [Artifact],
) -> Vec<Fingerprinted> {
    let mut found: Vec<(usize, Finding)> = Vec::new();
    let telling: Vec<usize> = artifacts
        .iter()
        .enumerate()
        .filter_map(|(index, artifact)| tells(artifact).then_some(index))
        .collect();
    for detector in detectors {
        if !look_at_all(*detector, (artifacts, &telling), &mut found) {
            look_at_each(*detector, artifacts, &mut found);
        }
        let (findings, fault) = run(*detector, |detector, reporter| {
            detector.bundle(artifacts, reporter);
        });
        if !findings.is_empty() {
            place(findings, artifacts, &mut found);
        }
        blame(*detector, fault, artifacts.first_mut());
    }
    soften_quoted(artifacts, &mut found);
    for (index, finding) in &mut found {
        advise(finding, artifacts, *index);
    }
    found.sort_by(order);
    found.dedup_by(|a, b| order(a, b).is_eq());
    let mut fingerprints = Fingerprints::new(input);
    found
        .into_iter()
        .map(|(_, finding)| Fingerprinted { fingerprint: fingerprints.of(&finding), finding })
        .collect()
}

/// Whether anything is known about an artifact but that it is text or nobody's: rules see facts,
/// deviations and gaps, and no bytes.
fn tells(artifact: &Artifact) -> bool {
    let tells = |identity: &Identity| {
        let Identity { format, reading } = identity;
        *format != "text" || !reading.facts.is_empty() || !reading.deviations.is_empty()
    };
    !artifact.gaps.is_empty() || artifact.identities.iter().any(tells)
}

/// Looks at the `telling` ones of all artifacts behind one fence, which costs less than one for each
/// where there are many. False where the detector crashed: nothing is then added.
fn look_at_all(
    detector: &dyn Detector,
    (artifacts, telling): (&[Artifact], &[usize]),
    found: &mut Vec<(usize, Finding)>,
) -> bool {
    let before = found.len();
    let looked = fenced(|| {
        let mut findings = Vec::new();
        for index in telling.iter().copied() {
            let Some(artifact) = artifacts.get(index) else { continue };
            let mut reporter = Reporter::new(detector.rule(), &mut findings).asking(&Programs);
            detector.artifact(artifact, &mut reporter);
            found.extend(findings.drain(..).map(|finding| (index, finding)));
        }
    });
    if looked.is_err() {
        found.truncate(before);
    }
    looked.is_ok()
}

/// Looks at each artifact behind a fence of its own, so that a crash is told where it happens.
fn look_at_each(
    detector: &dyn Detector,
    artifacts: &mut [Artifact],
    found: &mut Vec<(usize, Finding)>,
) {
    for (index, artifact) in artifacts.iter_mut().enumerate() {
        let (findings, fault) = run(detector, |detector, reporter| {
            detector.artifact(artifact, reporter);
        });
        found.extend(findings.into_iter().map(|finding| (index, finding)));
        blame(detector, fault, Some(artifact));
    }
}

/// Adds to each input what all `detectors` find in its artifacts and those beside them, in whichever
/// input these are.
pub(crate) fn detect_beside(detectors: &[&dyn Detector], inputs: &mut [Scanned]) {
    let beside = detectors.iter().copied().filter(|detector| detector.looks_beside());
    let detectors: &[&dyn Detector] = &beside.collect::<Vec<_>>();
    let looked: Vec<_> = {
        let artifacts = inputs.iter().flat_map(|input| &input.artifacts);
        let all: BTreeMap<&str, &Artifact> =
            artifacts.map(|artifact| (artifact.path.as_str(), artifact)).collect();
        inputs.iter().map(|input| look_beside(detectors, input, &all)).collect()
    };
    for (input, (findings, faults)) in inputs.iter_mut().zip(looked) {
        for (detector, fault) in faults {
            blame(detector, Some(fault), input.artifacts.first_mut());
        }
        if findings.is_empty() {
            continue;
        }
        let mut fingerprints = Fingerprints::new(&input.path);
        input.findings.extend(
            findings
                .into_iter()
                .map(|finding| Fingerprinted { fingerprint: fingerprints.of(&finding), finding }),
        );
        let mut places = HashMap::new();
        for (index, artifact) in input.artifacts.iter().enumerate() {
            places.entry(artifact.path.as_str()).or_insert(index);
        }
        input.findings.sort_by_key(|Fingerprinted { finding, .. }| {
            (places.get(finding.artifact.as_str()).copied(), finding.span, finding.rule.id)
        });
    }
}

/// What came of looking at one input: findings, and detectors that crashed.
type Looked<'a> = (Vec<Finding>, Vec<(&'a dyn Detector, String)>);

fn look_beside<'a>(
    detectors: &[&'a dyn Detector],
    input: &Scanned,
    all: &BTreeMap<&str, &Artifact>,
) -> Looked<'a> {
    let mut looked: Looked<'a> = (Vec::new(), Vec::new());
    for detector in detectors {
        let (findings, fault) = run(*detector, |detector, reporter| {
            for artifact in &input.artifacts {
                detector.folder(artifact, &Beside::new(all, artifact), reporter);
            }
        });
        looked.0.extend(findings);
        looked.1.extend(fault.map(|fault| (*detector, fault)));
    }
    looked
}

/// Lowers what was found in a constant that nothing loads, and in everything inside it: a string
/// that would be dangerous if somebody unpickled it is not dangerous to load.
fn soften_quoted(artifacts: &[Artifact], found: &mut [(usize, Finding)]) {
    let mut quoted: Vec<bool> = Vec::with_capacity(artifacts.len());
    for artifact in artifacts {
        let inherited = artifact.parent.and_then(|parent| quoted.get(parent).copied());
        quoted.push(artifact.role == Role::Quoted || inherited == Some(true));
    }
    for (index, finding) in found {
        if quoted.get(*index) == Some(&true) && finding.severity > Severity::Low {
            finding.severity = Severity::Low;
            finding.message.push_str("; it stands in a constant, and nothing in the file loads it");
        }
    }
}

/// Runs a part of a detector behind the fence; what it reported before a crash stays.
fn run(
    detector: &dyn Detector,
    look: impl FnOnce(&dyn Detector, &mut Reporter<'_>),
) -> (Vec<Finding>, Option<String>) {
    let mut findings = Vec::new();
    let result = fenced(|| {
        let mut reporter = Reporter::new(detector.rule(), &mut findings).asking(&Programs);
        look(detector, &mut reporter);
    });
    (findings, result.err())
}

fn blame(detector: &dyn Detector, fault: Option<String>, artifact: Option<&mut Artifact>) {
    if let (Some(fault), Some(artifact)) = (fault, artifact) {
        let who = format!("the rule `{}`", detector.rule().id);
        artifact.gaps.push(crash(&who, &fault, artifact.size));
    }
}

/// Finds the artifacts that findings across artifacts are about, by path.
fn place(findings: Vec<Finding>, artifacts: &[Artifact], found: &mut Vec<(usize, Finding)>) {
    let mut places = HashMap::new();
    for (index, artifact) in artifacts.iter().enumerate() {
        places.entry(artifact.path.as_str()).or_insert(index);
    }
    found.extend(findings.into_iter().map(|finding| {
        let index = places.get(finding.artifact.as_str()).copied().unwrap_or(0);
        (index, finding)
    }));
}

/// Orders findings by artifact, offset and rule, and then by whatever else tells them apart.
fn order(a: &(usize, Finding), b: &(usize, Finding)) -> Ordering {
    let place = |found: &(usize, Finding)| (found.0, found.1.span, found.1.rule.id);
    let (one, other) = (&a.1, &b.1);
    place(a)
        .cmp(&place(b))
        .then_with(|| one.evidence.cmp(&other.evidence))
        .then_with(|| one.message.cmp(&other.message))
        .then_with(|| one.artifact.cmp(&other.artifact))
        .then_with(|| (one.severity, one.confidence).cmp(&(other.severity, other.confidence)))
        .then_with(|| one.route.to_string().cmp(&other.route.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Options;
    use crate::doubles::{FORMATS, Imports, Kept, boxed, member};
    use crate::engine::Engine;
    use davy_bytes::Bytes;

    fn scanned(detectors: &[&dyn Detector], names: &[&str]) -> Scanned {
        let members: Vec<_> =
            names.iter().map(|name| member(name, Role::Loaded, Kept::Stored, b"nini")).collect();
        let options = Options { jobs: 1, ..Options::default() };
        Engine::new(FORMATS, detectors, &options).input("in", &Bytes::from_memory(boxed(&members)))
    }

    #[test]
    fn what_nothing_loads_is_low() {
        let severity = |role| {
            let content = boxed(&[member("m", role, Kept::Stored, b"i")]);
            let options = Options::default();
            let engine = Engine::new(FORMATS, &[&Imports], &options);
            engine.input("in", &Bytes::from_memory(content)).findings[0].finding.severity
        };
        assert_eq!(severity(Role::Quoted), Severity::Low);
        assert!(severity(Role::Present) > Severity::Low);
    }

    #[test]
    fn findings_are_ordered_and_each_comes_once() {
        let scanned = scanned(&[&Imports, &Imports], &["b", "a", "last"]);
        let found: Vec<_> = scanned
            .findings
            .iter()
            .map(|found| (found.finding.artifact.as_str(), found.finding.span.start))
            .collect();
        let expected = [
            ("in!b", 1),
            ("in!b", 3),
            ("in!a", 1),
            ("in!a", 3),
            ("in!last", 0),
            ("in!last", 1),
            ("in!last", 3),
        ];
        assert_eq!(found, expected);
        let prints: std::collections::BTreeSet<_> =
            scanned.findings.iter().map(|found| &found.fingerprint).collect();
        assert_eq!(prints.len(), expected.len());
    }

    #[test]
    fn a_rule_that_crashes_keeps_its_findings_and_is_a_gap() {
        let scanned = scanned(&[&Imports], &["a", "crash"]);
        assert_eq!(scanned.findings.len(), 4);
        let [gap] = &scanned.artifacts[2].gaps[..] else { panic!("{:?}", scanned.artifacts) };
        assert!(gap.what.starts_with("the rule `import-found` crashed: "), "{}", gap.what);
        assert!(scanned.artifacts[1].gaps.is_empty());
    }
}
