//! Imports of pickles: everything that CPython's C or pure-Python unpickler asks `find_class` for
//! has to be among the imports that davy lists.

use super::{Comparison, Oracle};
use davy_artifact::{Fact, Name};
use std::collections::BTreeSet;

/// The oracle of `pickles.py`.
pub struct Pickles;

impl Oracle for Pickles {
    fn script(&self) -> &'static str {
        "pickles"
    }

    fn compare(&self, bytes: &[u8], answer: &str) -> Result<Comparison, String> {
        let asked: Vec<(String, String)> =
            serde_json::from_str(answer).map_err(|error| error.to_string())?;
        let asked: BTreeSet<_> =
            asked.into_iter().map(|(module, name)| comparable(&Name::new(module, name))).collect();
        let (reading, unrecognised) = super::read("pickle", bytes)?;
        let mut listed = BTreeSet::new();
        for fact in &reading.facts {
            if let Fact::Import { name, spelled, .. } = fact {
                listed.insert(comparable(name));
                listed.extend(spelled.as_ref().map(comparable));
            }
        }
        let unseen = listed.difference(&asked).count();
        Ok(Comparison {
            missing: asked.difference(&listed).map(|(module, name)| show(module, name)).collect(),
            seen: davy_bytes::to_u64(asked.len()),
            unseen: davy_bytes::to_u64(unseen),
            unrecognised,
        })
    }
}

fn show(module: &str, name: &str) -> String {
    format!("{module:?} {name:?}")
}

/// Module and name, with every run of replacement characters as one: what is no text is replaced
/// in different lengths, and no such name can be imported.
fn comparable(name: &Name) -> (String, String) {
    (collapsed(&name.module), collapsed(&name.name))
}

fn collapsed(text: &str) -> String {
    let mut collapsed = String::with_capacity(text.len());
    for c in text.chars() {
        if c != char::REPLACEMENT_CHARACTER || !collapsed.ends_with(c) {
            collapsed.push(c);
        }
    }
    collapsed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_of_replacement_characters_are_one() {
        assert_eq!(collapsed("a\u{fffd}\u{fffd}b\u{fffd}"), "a\u{fffd}b\u{fffd}");
    }
}
