//! # mismatched-shards
//!
//! ## What it finds
//!
//! A model in several files whose parts do not fit each other: an index of weights tells of a tensor
//! that is in another file or in none, files hold tensors that the index leaves out, files are
//! missing, their sizes are far from what the index says; parts of a split GGUF tell different
//! numbers of parts, or bring the same tensor twice; files of plain bytes, as checkpoints of
//! TensorFlow and models of OpenVINO and TensorFlow.js have them, are shorter or longer than the
//! tensors in them.
//!
//! ## Why it matters
//!
//! Some loaders go by the index, and others take all that is in the files. Where the two differ, what
//! was reviewed and what runs are different models. A part that was exchanged for one of another
//! model shows in the same way. Readers have been led beyond the end of files that are too short
//! (CVE-2021-41203). Tensors in other files than the index tells, tensors that come twice, and files
//! that are too short are medium; the rest is low.
//!
//! ## How it can be wrong
//!
//! Conversions leave tensors behind that are tied to others or computed anew, and forget to write the
//! index again. Where only the index was fetched, nothing is wrong: that is told as information, so
//! that nobody takes the weights for read.
//!
//! ## What to do
//!
//! Fetch all files of one revision again and compare their digests with the publisher's.
//!
//! ## References
//!
//! * Transformers documentation: sharded checkpoints; llama.cpp, `gguf-split`
//! * CWE-345, CWE-20; MITRE ATLAS AML.T0076

use crate::facts::{ALIKE, Quota, loaded};
use crate::{Beside, Confidence, Detector, Reporter, Rule, Severity, Threat};
use davy_artifact::{Artifact, Fact, Site, Value};
use davy_bytes::escape;
use std::collections::{BTreeMap, BTreeSet};

static RULE: Rule = Rule {
    id: "mismatched-shards",
    severity: Severity::Medium,
    confidence: Confidence::High,
    threat: Threat::Evasion,
    summary: "the files of a model do not fit its index, or each other",
    remediation: "fetch all files of one revision again and compare their digests with the \
                  publisher's",
    cwe: &[345, 20],
    atlas: &["AML.T0076"],
    since: "0.1.0",
    aliases: &[],
    source: include_str!("mismatched_shards.rs"),
};

/// Tensors of one file that its reader tells one by one: from so many on the rest is not known.
const TOLD: usize = 90_000;

/// Parts of a split model that are looked for.
const PARTS: u64 = 10_000;

pub(crate) struct MismatchedShards;

impl Detector for MismatchedShards {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn looks_beside(&self) -> bool {
        true
    }

    fn folder(&self, artifact: &Artifact, beside: &Beside<'_>, reporter: &mut Reporter<'_>) {
        if artifact.is("weights-index") {
            Index::of(artifact).compare(artifact, beside, reporter);
        } else if artifact.is("gguf") {
            parts(artifact, beside, reporter);
        } else if ["openvino", "tf-checkpoint", "tfjs"].iter().any(|format| artifact.is(format)) {
            files(artifact, beside, reporter);
        }
    }
}

/// Reports what is wrong at `site`.
fn report(
    (artifact, site): (&Artifact, &Site),
    severity: Severity,
    message: String,
    evidence: &str,
    reporter: &mut Reporter<'_>,
) {
    if let Some(finding) = reporter.report(artifact, site, message, escape(evidence)) {
        finding.severity = severity;
    }
}

/// What an index says.
#[derive(Default)]
struct Index<'a> {
    /// The tensors of each file, with the place that says so.
    files: BTreeMap<&'a str, BTreeMap<&'a str, &'a Site>>,
    /// The bytes that all take.
    total: Option<(u64, &'a Site)>,
}

/// The tensors of a file with their bytes.
type Tensors<'a> = BTreeMap<&'a str, u64>;

impl<'a> Index<'a> {
    fn of(artifact: &'a Artifact) -> Self {
        let mut index = Self::default();
        for fact in loaded(artifact) {
            match fact {
                Fact::Object { path, kind: "weight", detail, site } => {
                    index.files.entry(detail).or_default().insert(path, site);
                }
                Fact::Attribute { owner, name, value: Value::Int(total), site }
                    if owner == "metadata" && name == "total_size" =>
                {
                    index.total = u64::try_from(*total).ok().map(|total| (total, site));
                }
                _ => {}
            }
        }
        index
    }

    /// Compares it with the files beside it.
    fn compare(&self, artifact: &Artifact, beside: &Beside<'a>, reporter: &mut Reporter<'_>) {
        let there: BTreeMap<&str, &Artifact> =
            self.files.keys().filter_map(|file| Some((*file, beside.get(file)?))).collect();
        self.missing(artifact, &there, reporter);
        let held: BTreeMap<&str, Tensors<'_>> =
            there.iter().filter_map(|(file, shard)| Some((*file, tensors(shard)?))).collect();
        let told = self.files.values().map(BTreeMap::len).fold(0, usize::saturating_add);
        if told >= TOLD {
            return;
        }
        for (file, tensors) in &held {
            self.elsewhere(artifact, (file, tensors), &held, reporter);
            self.unlisted(artifact, (file, tensors), reporter);
        }
        if held.len() == self.files.len() {
            self.size(artifact, &held, reporter);
        }
    }

    /// Where the index speaks of a file first.
    fn site(&self, file: &str) -> Site {
        let sites = self.files.get(file).into_iter().flat_map(BTreeMap::values);
        sites.min_by_key(|site| site.span.start).map(|site| (*site).clone()).unwrap_or_default()
    }

    fn missing(
        &self,
        artifact: &Artifact,
        there: &BTreeMap<&str, &Artifact>,
        reporter: &mut Reporter<'_>,
    ) {
        let mut absent = self.files.keys().filter(|file| !there.contains_key(*file));
        let Some(first) = absent.next() else { return };
        let (count, all) = (absent.count().saturating_add(1), self.files.len());
        let (severity, message) = if there.is_empty() {
            let message = format!(
                "none of the files that the index names was read with it ({all} of them): nothing is \
                 known about the weights"
            );
            (Severity::Info, message)
        } else {
            let message = format!(
                "{count} of the {all} files that the index names were not read with the others, \
                 such as `{}`: a model without them is not the one that the index tells of",
                escape(first)
            );
            (Severity::Low, message)
        };
        report((artifact, &self.site(first)), severity, message, first, reporter);
    }

    /// Tensors that the index has in `file`, and that are elsewhere.
    fn elsewhere(
        &self,
        artifact: &Artifact,
        (file, tensors): (&str, &Tensors<'_>),
        held: &BTreeMap<&str, Tensors<'_>>,
        reporter: &mut Reporter<'_>,
    ) {
        let mut quota = Quota::of(ALIKE);
        for (tensor, site) in self.files.get(file).into_iter().flatten() {
            if tensors.contains_key(tensor) || !quota.admits(file) {
                continue;
            }
            let other = held.iter().find(|(_, tensors)| tensors.contains_key(tensor));
            let (name, file) = (escape(tensor), escape(file));
            let message = match other {
                Some((other, _)) => format!(
                    "the index has the tensor `{name}` in `{file}`, and it stands in `{}`: loaders \
                     that go by the index do not find it there, and others take it",
                    escape(other)
                ),
                None => format!(
                    "the index has the tensor `{name}` in `{file}`, which has none of that name: \
                     loaders go on with numbers of their own in its place"
                ),
            };
            report((artifact, site), Severity::Medium, message, tensor, reporter);
        }
    }

    /// Tensors of `file` that the index does not have at all.
    fn unlisted(
        &self,
        artifact: &Artifact,
        (file, tensors): (&str, &Tensors<'_>),
        reporter: &mut Reporter<'_>,
    ) {
        let listed = |tensor: &str| self.files.values().any(|map| map.contains_key(tensor));
        let mut unlisted = tensors.keys().filter(|tensor| !listed(tensor));
        let Some(first) = unlisted.next() else { return };
        let count = unlisted.count().saturating_add(1);
        let message = format!(
            "`{}` holds {count} tensors that the index leaves out, such as `{}`: loaders that go by \
             the index pass over them, and others take them",
            escape(file),
            escape(first)
        );
        report((artifact, &self.site(file)), Severity::Low, message, first, reporter);
    }

    /// The size of all tensors: halves and doubles are what conversions to another width leave.
    fn size(
        &self,
        artifact: &Artifact,
        held: &BTreeMap<&str, Tensors<'_>>,
        reporter: &mut Reporter<'_>,
    ) {
        let Some((total, site)) = self.total else { return };
        let sizes = held.values().flat_map(BTreeMap::values);
        let sum = sizes.copied().fold(0, u64::saturating_add);
        if total > sum.saturating_mul(2) || sum > total.saturating_mul(2) {
            let message = format!(
                "the index says that the tensors take {total} bytes, and they take {sum}: one of the \
                 two is of another model"
            );
            report((artifact, site), Severity::Low, message, "total_size", reporter);
        }
    }
}

/// The tensors of a file of safetensors or GGUF, if all are known.
fn tensors(shard: &Artifact) -> Option<Tensors<'_>> {
    let identity = shard.identities.iter().find(|it| {
        let weights = ["gguf", "safetensors"].contains(&it.format);
        weights && it.reading.dropped == 0
    })?;
    let tensors = identity.reading.facts.iter().filter_map(|fact| match fact {
        Fact::Tensor { tensor, site } => Some((tensor.storage.as_str(), site.span.len)),
        _ => None,
    });
    let tensors: Tensors<'_> = tensors.collect();
    (shard.gaps.is_empty() && tensors.len() < TOLD).then_some(tensors)
}

/// The number that a part of a split model has under `key`, with its place.
fn number<'a>(artifact: &'a Artifact, key: &str) -> Option<(u64, &'a Site)> {
    let mut facts = artifact.identities.iter().flat_map(|identity| &identity.reading.facts);
    facts.find_map(|fact| match fact {
        Fact::Attribute { name, value: Value::Int(number), site, .. } if name == key => {
            Some((u64::try_from(*number).ok()?, site))
        }
        _ => None,
    })
}

/// Compares the parts of a split model, as `gguf-split` names them, with the first of those that are
/// there.
fn parts(artifact: &Artifact, beside: &Beside<'_>, reporter: &mut Reporter<'_>) {
    let Some((count, site)) = number(artifact, "split.count").filter(|it| it.0 > 1) else { return };
    let Some((stem, own)) = numbered(artifact.name()) else { return };
    let name = |part: u64| format!("{stem}-{part:05}-of-{count:05}.gguf");
    let others: Vec<(u64, &Artifact)> = (1..=count.min(PARTS))
        .filter(|part| *part != own)
        .filter_map(|part| Some((part, beside.get(&name(part))?)))
        .collect();
    if others.iter().any(|(part, _)| *part < own) {
        return;
    }
    let missing = count.saturating_sub(1).saturating_sub(davy_bytes::to_u64(others.len()));
    if missing > 0 {
        let alone = others.is_empty();
        let severity = if alone { Severity::Info } else { Severity::Low };
        let message = format!(
            "{missing} of the {count} parts of the model were not read with this one: nothing is \
             known about them"
        );
        report((artifact, site), severity, message, "split.count", reporter);
    }
    let mut seen: BTreeSet<&str> = tensors(artifact).unwrap_or_default().into_keys().collect();
    let mut quota = Quota::of(ALIKE);
    for (part, other) in others {
        let says = number(other, "split.count").map_or(0, |it| it.0);
        let at = number(other, "split.no").map_or(part, |it| it.0.saturating_add(1));
        if says != count || at != part {
            let message = format!(
                "`{}` says that it is part {at} of {says}, and this one that there are {count}: the \
                 parts are not of one model",
                escape(&name(part))
            );
            report((artifact, site), Severity::Medium, message, "split.count", reporter);
        }
        for tensor in tensors(other).unwrap_or_default().into_keys() {
            if !seen.insert(tensor) && quota.admits("") {
                let message = format!(
                    "the tensor `{}` is in several parts: loaders take one of them or refuse all",
                    escape(tensor)
                );
                report((artifact, site), Severity::Medium, message, tensor, reporter);
            }
        }
    }
}

/// Files that a model keeps its tensors in, and the bytes that these take.
struct Shards<'a> {
    files: Vec<&'a str>,
    bytes: u64,
    site: &'a Site,
}

impl<'a> Shards<'a> {
    fn of(fact: &'a Fact) -> Option<Self> {
        let Fact::Attribute { owner, value: Value::Tuple(parts), site, .. } = fact else {
            return None;
        };
        let [Value::List(files), Value::Int(bytes)] = parts.as_slice() else { return None };
        let files = files.iter().filter_map(|file| match file {
            Value::Text(text) => text.text(),
            _ => None,
        });
        let bytes = u64::try_from(*bytes).ok()?;
        (owner == "shards").then(|| Self { files: files.collect(), bytes, site })
    }
}

/// What files of another size than their tensors come to.
fn misfit(names: &str, has: u64, bytes: u64) -> (Severity, String) {
    if has < bytes {
        let message = format!(
            "`{names}` has {has} bytes, and its tensors reach to {bytes}: what is loaded for the rest \
             is not in the model"
        );
        return (Severity::Medium, message);
    }
    let message = format!(
        "`{names}` has {has} bytes, of which its tensors take {bytes}: what is behind them is not \
         loaded"
    );
    (Severity::Low, message)
}

/// Compares the files of plain bytes that a model names with what it says is in them.
fn files(artifact: &Artifact, beside: &Beside<'_>, reporter: &mut Reporter<'_>) {
    let all: Vec<Shards<'_>> = loaded(artifact).into_iter().filter_map(Shards::of).collect();
    let (mut quota, mut seen) = (Quota::of(ALIKE), BTreeSet::new());
    let (mut missing, mut there) = (Vec::new(), 0_u64);
    for group in &all {
        let mut sum = Some(0_u64);
        for file in &group.files {
            if !seen.insert(*file) && quota.admits("twice") {
                let message =
                    format!("`{}` is named twice: two parts have the same bytes", escape(file));
                report((artifact, group.site), Severity::Medium, message, file, reporter);
            }
            match beside.get(file) {
                Some(shard) => {
                    there = there.saturating_add(1);
                    sum = sum.map(|sum| sum.saturating_add(shard.size));
                }
                None => {
                    missing.push((*file, group.site));
                    sum = None;
                }
            }
        }
        let Some(sum) = sum.filter(|sum| *sum != group.bytes && !group.files.is_empty()) else {
            continue;
        };
        let names = group.files.join(", ");
        let (severity, message) = misfit(&escape(&names), sum, group.bytes);
        if quota.admits("size") {
            report((artifact, group.site), severity, message, &names, reporter);
        }
    }
    if let Some((file, site)) = missing.first() {
        let severity = if there == 0 { Severity::Info } else { Severity::Low };
        let message = format!(
            "{} of the files that hold its tensors were not read with it, such as `{}`: nothing is \
             known about them",
            missing.len(),
            escape(file)
        );
        report((artifact, site), severity, message, file, reporter);
    }
}

/// What stands before the number in the name of a part, and the number.
fn numbered(name: &str) -> Option<(&str, u64)> {
    let last = name.rsplit('/').next().unwrap_or(name);
    let (before, _) = last.strip_suffix(".gguf")?.rsplit_once("-of-")?;
    let (stem, part) = before.rsplit_once('-')?;
    Some((stem, part.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::testing::artifact;
    use crate::{Beside, Finding};
    use davy_artifact::Tensor;
    use davy_bytes::Span;

    fn site(len: u64) -> Site {
        Site { span: Span::new(0, len), ..Site::default() }
    }

    fn weight(tensor: &str, file: &str) -> Fact {
        let (path, detail) = (tensor.to_owned(), file.to_owned());
        Fact::Object { path, kind: "weight", detail, site: site(1) }
    }

    fn attribute(owner: &str, name: &str, number: i64) -> Fact {
        let (owner, name, value) = (owner.to_owned(), name.to_owned(), Value::Int(number));
        Fact::Attribute { owner, name, value, site: site(1) }
    }

    fn shard(format: &'static str, path: &str, names: &[&str], more: Vec<Fact>) -> Artifact {
        let tensor = |name: &&str| {
            let storage = (*name).to_owned();
            let (offset, size, stride) = (0, vec![1], vec![]);
            let tensor = Tensor { storage, dtype: "F32".into(), elements: 1, offset, size, stride };
            Fact::Tensor { tensor, site: site(4) }
        };
        let facts = names.iter().map(tensor).chain(more).collect();
        Artifact { path: path.to_owned(), ..artifact(format, facts) }
    }

    fn found(artifacts: &[Artifact]) -> Vec<(Severity, String)> {
        let all = artifacts.iter().map(|it| (it.path.as_str(), it)).collect();
        let mut findings: Vec<Finding> = Vec::new();
        let mut reporter = Reporter::new(&RULE, &mut findings);
        for artifact in artifacts {
            MismatchedShards.folder(artifact, &Beside::new(&all, artifact), &mut reporter);
        }
        findings.into_iter().map(|it| (it.severity, it.message)).collect()
    }

    fn model(first: &[&str], second: &[&str], total: i64) -> Vec<Severity> {
        let facts = vec![
            weight("a", "1.st"),
            weight("b", "2.st"),
            attribute("metadata", "total_size", total),
        ];
        let index = Artifact { path: "m/index.json".into(), ..artifact("weights-index", facts) };
        let (one, two) = (
            shard("safetensors", "m/1.st", first, vec![]),
            shard("safetensors", "m/2.st", second, vec![]),
        );
        found(&[index, one, two]).into_iter().map(|it| it.0).collect()
    }

    #[test]
    fn files_are_compared_with_the_index() {
        assert_eq!(model(&["a"], &["b"], 8), []);
        assert_eq!(model(&["a"], &["b"], 16), []);
        assert_eq!(model(&["a"], &["b"], 80), [Severity::Low]);
        assert_eq!(model(&["a", "x"], &["b"], 8), [Severity::Low]);
        assert_eq!(model(&["b"], &["a"], 8), [Severity::Medium, Severity::Medium]);
        assert_eq!(model(&["a"], &[], 4), [Severity::Medium]);
    }

    #[test]
    fn an_index_alone_is_worth_knowing_and_one_with_some_of_its_files_is_low() {
        let facts = vec![weight("a", "1.st"), weight("b", "2.st"), weight("c", "../3.st")];
        let index = Artifact { path: "m/index.json".into(), ..artifact("weights-index", facts) };
        let one = shard("safetensors", "m/1.st", &["a"], vec![]);
        let outside = shard("safetensors", "3.st", &["c"], vec![]);
        let severities =
            |all: &[Artifact]| found(all).into_iter().map(|it| it.0).collect::<Vec<_>>();
        assert_eq!(severities(&[index.clone(), outside]), [Severity::Info]);
        assert_eq!(severities(&[index, one]), [Severity::Low]);
    }

    #[test]
    fn parts_of_a_split_model_are_compared_with_the_first() {
        let part = |number: i64, count: i64, tensors: &[&str]| {
            let path = format!("m-{:05}-of-00002.gguf", number + 1);
            let more = vec![attribute("", "split.no", number), attribute("", "split.count", count)];
            shard("gguf", &path, tensors, more)
        };
        let severities =
            |all: &[Artifact]| found(all).into_iter().map(|it| it.0).collect::<Vec<_>>();
        assert_eq!(severities(&[part(0, 2, &["a"]), part(1, 2, &["b"])]), []);
        assert_eq!(severities(&[part(1, 2, &["a"])]), [Severity::Info]);
        assert_eq!(severities(&[part(0, 2, &["a"]), part(1, 2, &["a"])]), [Severity::Medium]);
        assert_eq!(severities(&[part(0, 2, &["a"]), part(1, 3, &["b"])])[0], Severity::Medium);
    }
}
