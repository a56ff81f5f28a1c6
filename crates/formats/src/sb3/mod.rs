//! Models of Stable-Baselines3: a zip with the state of the algorithm as JSON in the member `data`,
//! and checkpoints of PyTorch beside it.
//!
//! What JSON cannot hold stands in `data` as `{":type:": …, ":serialized:": …}`: a pickle of
//! cloudpickle in base64, which loading unpickles for each entry at the top (Stable-Baselines3,
//! `common/save_util.py`, `json_to_data`, 1.0 to 2.9). The checkpoints are read where the archive's
//! members are read.

use crate::gzip::keep;
use crate::json::{Document, Node};
use crate::python::fold::BASE64;
use crate::zip;
use base64::Engine;
use davy_artifact::{
    Excerpt, Fact, Format, Input, Probe, Quirk, Reading, Role, Route, Site, Value, Why,
};
use davy_bytes::{Blame, Budget, Halt, Span, to_u64, to_usize};
use memchr::memmem;

/// How much of the end of an archive is searched for the member's name before it is read.
const TAIL: u64 = 96 * 1024;

/// Length of a central header before its name (APPNOTE 4.3.12).
const HEADER: usize = 46;

/// The member with the state.
const DATA: &str = "data";

/// The key that a pickle stands under.
const PICKLED: &str = ":serialized:";

/// Pickles that are taken out of one archive.
const MOST: usize = 10_000;

/// The reader of models of Stable-Baselines3.
#[derive(Debug)]
pub struct StableBaselines;

impl Format for StableBaselines {
    fn id(&self) -> &'static str {
        "stable-baselines3"
    }

    fn summary(&self) -> &'static str {
        "Stable-Baselines3 models: the pickles in the state of the algorithm"
    }

    fn probe(&self, head: &[u8], input: &Input<'_>) -> Probe {
        if zip::Zip.probe(head, input) == Probe::No {
            return Probe::No;
        }
        let len = input.bytes.len();
        let tail = Span::between(len.saturating_sub(TAIL), len);
        let tail = input.bytes.copy(tail, to_usize(TAIL)).unwrap_or_default();
        if len > TAIL.saturating_mul(64) || lists_data(&tail) { Probe::Possible } else { Probe::No }
    }

    fn read(
        &self,
        input: &Input<'_>,
        reading: &mut Reading,
        budget: &mut Budget,
    ) -> Result<(), Halt> {
        let directory = zip::directory(input.bytes, budget)?;
        let Some(entry) = directory.find(DATA) else {
            return Ok(());
        };
        let content = match zip::unpack(input.bytes, entry, budget) {
            Ok(unpacked) => unpacked.bytes,
            Err(halt) if halt.blame() == Blame::Io => return Err(halt),
            // Told where the archive is read as such.
            Err(_) => return Ok(()),
        };
        let frame = Span::new(entry.data.start, entry.data.len);
        let document = Document::parse_within(&content, frame, budget)?;
        if !document.nodes().any(|node| node.is_key() && node.is_text(PICKLED)) {
            return Ok(());
        }
        if let Some(fault) = document.fault() {
            let what = format!("`{DATA}` is no JSON: {}", fault.what());
            reading.deviation(Quirk::WrongType, entry.data, Route::Member(DATA.into()), &what);
            reading.gap(entry.data, Why::Halted(fault.blame()), &what);
        }
        pickles(&document, reading, budget)
    }
}

/// Whether a directory lists a member of exactly the name.
fn lists_data(tail: &[u8]) -> bool {
    memmem::find_iter(tail, DATA.as_bytes()).any(|at| {
        let header = at.checked_sub(HEADER).and_then(|start| tail.get(start..at));
        let name = [4, 0];
        header.is_some_and(|it| it.starts_with(b"PK\x01\x02") && it.get(28..30) == Some(&name))
    })
}

/// Makes a child of every pickle.
fn pickles(document: &Document, reading: &mut Reading, budget: &mut Budget) -> Result<(), Halt> {
    let keys = document.nodes().filter(|node| node.is_key() && node.is_text(PICKLED));
    for (count, key) in keys.enumerate() {
        let Some(entry) = key.parent() else { continue };
        let Some(value) = entry.get(PICKLED) else { continue };
        let path = entry.path();
        if count >= MOST {
            let what = "more pickles than are taken out of one archive";
            reading.gap(value.span(), Why::Halted(Blame::Exhausted), what);
            return Ok(());
        }
        budget.spend_steps(64, value.span().start)?;
        let text = value.text().unwrap_or_default();
        budget.spend_expansion(to_u64(text.len()), value.span().start)?;
        let Some(pickle) = decode(text.as_bytes()) else {
            let what = "a pickle that is no base64";
            let route = Route::Key(path);
            reading.deviation(Quirk::WrongType, value.span(), route, what);
            continue;
        };
        describe(entry, &path, reading);
        // Only entries at the top are unpickled.
        let top = document.root().is_some_and(|root| entry.parent() == Some(root));
        let role = if top { Role::Loaded } else { Role::Quoted };
        reading.child(format!("{DATA}:{path}"), keep(pickle), role);
    }
    Ok(())
}

/// What the file says of the object, which nothing checks.
fn describe(entry: Node<'_>, path: &str, reading: &mut Reading) {
    let Some(kind) = entry.get(":type:").and_then(Node::text) else { return };
    let kind: String = kind.chars().take(200).collect();
    let site = Site { span: entry.span(), route: Route::Key(path.to_owned()) };
    let (owner, name) = (path.to_owned(), "type".to_owned());
    reading.fact(Fact::Attribute { owner, name, value: Value::Text(Excerpt::whole(kind)), site });
}

/// Base64 as `base64.b64decode` takes it: what is no letter of it is passed over.
fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let letter = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=');
    let letters: Vec<u8> = text.iter().copied().filter(letter).collect();
    BASE64.decode(letters).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use davy_testkit::robust::{self, Order};
    use davy_testkit::zip::{Archive, Member};

    fn model(data: &str) -> Vec<u8> {
        let members = [Member::stored("data", data.as_bytes()), Member::stored("policy.pth", b"x")];
        Archive::of(members).build()
    }

    const PICKLE: &str =
        "gASVLAAAAAAAAACMBXBvc2l4lIwGc3lzdGVtlJOUjBFlY2hvIGNvcnB1c19wcm9iZZSFlFKULg==";

    #[test]
    fn pickles_at_the_top_are_loaded() {
        let entry = format!(r#"{{":type:": "x", ":serialized:": "{PICKLE}"}}"#);
        let file = model(&format!(r#"{{"a": 1, "evil": {entry}, "b": {{"c": {entry}}}}}"#));
        let outcome = robust::read(&StableBaselines, "x.zip", &file).unwrap();
        let children: Vec<_> =
            outcome.reading.children.iter().map(|it| (it.name.as_str(), it.role)).collect();
        assert_eq!(children, [("data:evil", Role::Loaded), ("data:b.c", Role::Quoted)]);
        let pickle = outcome.reading.children[0].bytes.copy(Span::new(0, 99), 99).unwrap();
        assert!(pickle.starts_with(b"\x80\x04\x95") && pickle.ends_with(b"R\x94."));
        assert_eq!(robust::probe(&StableBaselines, "x", &file), Probe::Possible);
    }

    #[test]
    fn other_archives_with_such_a_member_say_nothing() {
        for data in [r#"{"a": 1}"#, "no json", ""] {
            let outcome = robust::read(&StableBaselines, "x", &model(data)).unwrap();
            assert!(outcome.reading.is_empty(), "{data}");
        }
        let other = Archive::of([Member::stored("data/0", b"x")]).build();
        assert_eq!(robust::probe(&StableBaselines, "x", &other), Probe::No);
    }

    #[test]
    fn what_python_passes_over_is_passed_over() {
        assert_eq!(decode(b"g\nA S*VLA==").unwrap(), b"\x80\x04\x95\x2c");
        let file = model(r#"{"a": {":serialized:": "A"}}"#);
        let outcome = robust::read(&StableBaselines, "x", &file).unwrap();
        assert_eq!(outcome.reading.deviations[0].quirk, Quirk::WrongType);
    }

    #[test]
    fn damage_breaks_no_promise() {
        let file = model(&format!(r#"{{"e": {{":serialized:": "{PICKLE}"}}}}"#));
        robust::truncations(&StableBaselines, &file, Order::Indexed).unwrap();
        robust::flips(&StableBaselines, &file).unwrap();
    }
}
