//! Files that other files of the same scan explain: tensors that a model keeps beside it.
//!
//! Bytes of tensors have no form of their own, so that no reader knows them. Where a model says that
//! its loader takes them for tensors, they are what the tensors within a model are: storage.

use crate::Scanned;
use davy_artifact::{Artifact, Fact, Gap, Role, Value, Why};
use davy_bytes::{Blame, Span};
use std::collections::HashMap;

/// What files are named for, of which a loader takes the bytes as they are.
const PURPOSES: &[&str] = &["external data", "weights"];

/// Takes what no reader knows, and a model names as its tensors, for storage. Bytes behind the last
/// of the tensors, where the model tells how many they take, are still bytes that nobody knows.
pub(crate) fn explain(inputs: &mut [Scanned]) {
    let named: HashMap<String, Option<u64>> =
        inputs.iter().flat_map(|input| &input.artifacts).flat_map(targets).collect();
    if named.is_empty() {
        return;
    }
    for input in inputs.iter_mut() {
        let Scanned { artifacts, findings, .. } = input;
        let found = |path: &str| findings.iter().any(|it| it.finding.artifact == path);
        let parents: Vec<usize> = artifacts.iter().filter_map(|it| it.parent).collect();
        for (index, artifact) in artifacts.iter_mut().enumerate() {
            let Some(end) = named.get(&plain(&artifact.path)) else { continue };
            // Numbers look like the start of anything: a guess that learned nothing is no reading.
            let learned = artifact.identities.iter().any(|identity| !identity.reading.is_empty());
            let unread = !learned && !parents.contains(&index);
            if unread && !found(&artifact.path) {
                store(artifact, *end);
            }
        }
    }
}

/// Takes an artifact for storage of tensors that end at `end`.
fn store(artifact: &mut Artifact, end: Option<u64>) {
    artifact.role = Role::Storage;
    let before = artifact.gaps.len();
    // A text says nothing, and is known to its last byte.
    artifact.identities.retain(|identity| identity.reading.seamless);
    artifact.gaps.retain(|gap| matches!(gap.why, Why::Crashed | Why::Halted(Blame::Io)));
    if let Some(end) = end.filter(|end| *end < artifact.size && artifact.gaps.len() < before) {
        let what = "no tensor of the model takes these bytes, and no reader knows them";
        artifact.gaps.push(Gap::new(Span::between(end, artifact.size), Why::Unidentified, what));
    }
}

/// The paths of the files that a model names, where they stay in its folder or archive, each with the
/// bytes that its tensors take where that is told.
fn targets(artifact: &Artifact) -> Vec<(String, Option<u64>)> {
    let path = plain(&artifact.path);
    let end = path.rfind(['/', '!']).map_or(0, |at| at.saturating_add(1));
    let folder = path.get(..end).unwrap_or_default();
    let facts = || artifact.identities.iter().flat_map(|identity| &identity.reading.facts);
    let named = facts().filter_map(|fact| match fact {
        Fact::Reference { target, purpose, .. } if PURPOSES.contains(purpose) => Some(target),
        _ => None,
    });
    let inside = named.filter(|target| target.split(['/', '\\']).all(|part| part != ".."));
    let mut paths: Vec<&String> = inside.collect();
    paths.dedup();
    let taken: HashMap<&str, u64> = match paths.as_slice() {
        [] => HashMap::new(),
        _ => facts().filter_map(taken).collect(),
    };
    let each = paths.into_iter().map(|target| {
        let path = format!("{folder}{}", target.trim_start_matches("./"));
        (path, taken.get(target.as_str()).copied())
    });
    each.collect()
}

/// The file that a fact about shards is about, if that is one alone, and the bytes taken in it.
fn taken(fact: &Fact) -> Option<(&str, u64)> {
    let Fact::Attribute { owner, value: Value::Tuple(parts), .. } = fact else { return None };
    let [Value::List(files), Value::Int(bytes)] = parts.as_slice() else { return None };
    let [Value::Text(file)] = files.as_slice() else { return None };
    let bytes = u64::try_from(*bytes).ok().filter(|_| owner == "shards")?;
    Some((file.text()?, bytes))
}

/// A path with one kind of separator.
fn plain(path: &str) -> String {
    path.replace('\\', "/").trim_start_matches("./").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use davy_artifact::{Excerpt, Identity, Reading, Site};

    fn input(path: &str, reading: Option<Reading>) -> Scanned {
        let unread =
            || Gap::new(Span::new(0, 16), Why::Unidentified, "no reader knows these bytes");
        let gaps = if reading.is_none() { vec![unread()] } else { Vec::new() };
        let identities = reading.into_iter().map(|reading| Identity { format: "onnx", reading });
        let artifact = Artifact {
            path: path.to_owned(),
            size: 16,
            sha256: None,
            role: Role::Loaded,
            parent: None,
            identities: identities.collect(),
            gaps,
        };
        let path = path.to_owned();
        Scanned { path, artifacts: vec![artifact], findings: Vec::new(), error: None }
    }

    fn named(target: &str, purpose: &'static str, bytes: Option<i64>) -> Vec<Gap> {
        let mut reading = Reading::default();
        reading.fact(Fact::Reference { target: target.to_owned(), purpose, site: Site::default() });
        if let Some(bytes) = bytes {
            let files = Value::List(vec![Value::Text(Excerpt::whole(target))]);
            reading.fact(Fact::Attribute {
                owner: "shards".to_owned(),
                name: "0".to_owned(),
                value: Value::Tuple(vec![files, Value::Int(bytes)]),
                site: Site::default(),
            });
        }
        let mut inputs = [input("./a/model.onnx", Some(reading)), input("a/w.bin", None)];
        explain(&mut inputs);
        inputs[1].artifacts[0].gaps.clone()
    }

    fn gaps(target: &str, purpose: &'static str) -> usize {
        named(target, purpose, None).len()
    }

    #[test]
    fn what_a_model_beside_it_takes_for_tensors_is_no_gap() {
        assert_eq!(gaps("w.bin", "external data"), 0);
        assert_eq!(gaps("./w.bin", "weights"), 0);
        assert_eq!(gaps("x.bin", "external data"), 1);
        assert_eq!(gaps("../a/w.bin", "external data"), 1);
        assert_eq!(gaps("w.bin", "native library"), 1);
    }

    #[test]
    fn bytes_behind_the_last_tensor_are_still_a_gap() {
        assert_eq!(named("w.bin", "weights", Some(16)), []);
        assert_eq!(named("w.bin", "weights", Some(99)), []);
        let tail = named("w.bin", "weights", Some(12));
        assert_eq!(tail.iter().map(|gap| gap.span).collect::<Vec<_>>(), [Span::new(12, 4)]);
    }

    #[test]
    fn members_of_an_archive_lie_beside_each_other() {
        let mut reading = Reading::default();
        let (target, site) = ("w.bin".to_owned(), Site::default());
        reading.fact(Fact::Reference { target, purpose: "weights", site });
        let mut archive = input("a.zip", Some(Reading::default()));
        for (path, reading) in
            [("a.zip!m/x.xml", Some(reading)), ("a.zip!m/w.bin", None), ("a.zip!w.bin", None)]
        {
            let member = input(path, reading).artifacts.remove(0);
            archive.artifacts.push(Artifact { parent: Some(0), ..member });
        }
        let mut inputs = [archive];
        explain(&mut inputs);
        let gaps: Vec<usize> = inputs[0].artifacts.iter().map(|it| it.gaps.len()).collect();
        assert_eq!(gaps, [0, 0, 0, 1]);
    }
}
