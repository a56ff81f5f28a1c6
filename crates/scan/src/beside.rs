//! Files that other files of the same scan explain: tensors that a model keeps beside it.
//!
//! Bytes of tensors have no form of their own, so that no reader knows them. Where a model says that
//! its loader takes them for tensors, they are what the tensors within a model are: storage.

use crate::Scanned;
use davy_artifact::{Fact, Role, Why};
use std::collections::HashSet;

/// What files are named for, of which a loader takes the bytes as they are.
const PURPOSES: &[&str] = &["external data", "weights"];

/// Takes what no reader knows, and a model names as its tensors, for storage.
pub(crate) fn explain(inputs: &mut [Scanned]) {
    let named: HashSet<String> = inputs.iter().flat_map(targets).collect();
    for input in inputs.iter_mut().filter(|input| named.contains(&plain(&input.path))) {
        let [artifact] = input.artifacts.as_mut_slice() else { continue };
        if artifact.identities.is_empty() && input.findings.is_empty() {
            artifact.role = Role::Storage;
            artifact.gaps.retain(|gap| gap.why != Why::Unidentified);
        }
    }
}

/// The paths of the files that a model names, where they stay in its folder.
fn targets(input: &Scanned) -> Vec<String> {
    let path = plain(&input.path);
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let identities = input.artifacts.first().into_iter().flat_map(|artifact| &artifact.identities);
    let facts = identities.flat_map(|identity| &identity.reading.facts);
    let named = facts.filter_map(|fact| match fact {
        Fact::Reference { target, purpose, .. } if PURPOSES.contains(purpose) => Some(target),
        _ => None,
    });
    let inside = named.filter(|target| target.split(['/', '\\']).all(|part| part != ".."));
    inside
        .map(|target| match folder {
            "" => target.clone(),
            folder => format!("{folder}/{}", target.trim_start_matches("./")),
        })
        .collect()
}

/// A path with one kind of separator.
fn plain(path: &str) -> String {
    path.replace('\\', "/").trim_start_matches("./").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use davy_artifact::{Artifact, Gap, Identity, Reading, Site};
    use davy_bytes::Span;

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

    fn gaps(target: &str, purpose: &'static str) -> usize {
        let mut reading = Reading::default();
        reading.fact(Fact::Reference { target: target.to_owned(), purpose, site: Site::default() });
        let mut inputs = [input("./a/model.onnx", Some(reading)), input("a/w.bin", None)];
        explain(&mut inputs);
        inputs[1].artifacts[0].gaps.len()
    }

    #[test]
    fn what_a_model_beside_it_takes_for_tensors_is_no_gap() {
        assert_eq!(gaps("w.bin", "external data"), 0);
        assert_eq!(gaps("./w.bin", "weights"), 0);
        assert_eq!(gaps("x.bin", "external data"), 1);
        assert_eq!(gaps("../a/w.bin", "external data"), 1);
        assert_eq!(gaps("w.bin", "native library"), 1);
    }
}
