//! Published vulnerabilities of loaders: which findings they belong to, and which versions of a
//! loader they are about.
//!
//! The table is `knowledge/advisories.tsv`, built in. An advisory never makes a finding: rules find
//! what a file does, and this says that some versions of a loader are known to fall for it, so that
//! whoever knows what version reads the file can weigh that.

use crate::{Finding, Severity};
use davy_artifact::{Artifact, Fact, Quirk, Route};
use std::cmp::Ordering;

/// One published vulnerability.
#[derive(Debug, Eq, PartialEq)]
pub struct Advisory {
    /// Its id, as published.
    pub id: &'static str,
    /// The package that is affected, as its registry spells it.
    pub package: &'static str,
    /// The versions of it that are: bounds that hold together, parted by spaces, and alternatives
    /// parted by ` or `.
    pub affected: &'static str,
    /// The first versions that are not.
    pub fixed: &'static str,
    /// Whether what makes use of it does nothing where the loader is not affected. Otherwise it
    /// works as intended, or does harm by other ways too, whatever the version.
    pub decides: bool,
    /// What it is, in few words.
    pub title: &'static str,
    /// Where that is told.
    pub source: &'static str,
    formats: &'static [&'static str],
    about: &'static [About],
}

/// What an advisory speaks of.
#[derive(Debug, Eq, PartialEq)]
enum About {
    /// Code that the file brings.
    Code,
    /// A global outside of the affected package.
    Foreign,
    /// Exactly this global, or any that ends in what stands behind `*`.
    Name(&'static str),
    /// A function of the affected package.
    Own,
    /// A reference with this purpose.
    Purpose(&'static str),
    /// A break of form of this kind.
    Quirk(&'static str),
    /// A break of form, or code, that is told in these words.
    What(&'static str),
}

static ADVISORIES: &[Advisory] = include!(concat!(env!("OUT_DIR"), "/advisories.rs"));

/// Modules that belong to a package, by the first part of their name or two.
const OWN: &[(&str, &[&str])] = &[(
    "keras",
    &[
        "keras",
        "keras_core",
        "keras_cv",
        "keras_hub",
        "keras_nlp",
        "tensorflow.keras",
        "tensorflow.python.keras",
        "tf_keras",
    ],
)];

/// What a finding is about, for what is known of it beyond its rule.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum Subject {
    /// A function that the file brings.
    Code,
    /// A global, dotted.
    Name(String),
    /// A reference with this purpose.
    Purpose(&'static str),
    /// A break of form.
    Quirk(Quirk),
    /// What a template does.
    Template,
    /// Nothing that more would be known of.
    #[default]
    Unspecified,
}

/// An advisory about a finding.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Advice {
    /// The advisory.
    pub advisory: &'static Advisory,
    /// The version of the package that the file says it was written by; not that of who reads it.
    pub written_by: Option<String>,
}

/// Every advisory that davy knows, by id.
#[must_use]
pub fn advisories() -> &'static [Advisory] {
    ADVISORIES
}

/// Notes on `finding`, which is about the artifact at `index`, the advisories about its subject.
pub fn advise(finding: &mut Finding, artifacts: &[Artifact], index: usize) {
    // What a pickle calls is called by its own loader, wherever it stands.
    let pickled = matches!(finding.route, Route::Opcode { .. });
    if finding.subject == Subject::Unspecified || pickled {
        return;
    }
    let around = lineage(artifacts, index);
    for advisory in ADVISORIES {
        if advisory.applies(finding) && advisory.reads(&around) {
            let written_by = around.iter().find_map(|artifact| version(artifact, advisory.package));
            finding.advisories.push(Advice { advisory, written_by });
        }
    }
}

/// The artifact at `index` and everything that it is in.
fn lineage(artifacts: &[Artifact], index: usize) -> Vec<&Artifact> {
    let up = |artifact: &&Artifact| artifact.parent.and_then(|parent| artifacts.get(parent));
    std::iter::successors(artifacts.get(index), up).take(artifacts.len()).collect()
}

/// The version of `package` that an artifact says it was written by.
fn version(artifact: &Artifact, package: &str) -> Option<String> {
    let facts = artifact.identities.iter().flat_map(|identity| &identity.reading.facts);
    let mut said = facts.filter_map(|fact| match fact {
        Fact::Attribute { owner, name, value, .. } if matches!(owner.as_str(), "" | "/") => {
            let rest = name.strip_prefix(package)?;
            value.text().filter(|_| rest == "_version")
        }
        _ => None,
    });
    said.next().map(|text| davy_bytes::escape(&text.chars().take(40).collect::<String>()))
}

impl Advisory {
    /// Whether this version of the package is affected.
    #[must_use]
    pub fn affects(&self, version: &Version) -> bool {
        self.affected.split(" or ").any(|range| {
            range.split(' ').all(|bound| {
                let digits = bound.trim_start_matches(['<', '>', '=']);
                let Some(limit) = Version::parse(digits) else { return false };
                let side = version.cmp(&limit);
                match bound.strip_suffix(digits) {
                    Some("<") => side == Ordering::Less,
                    Some("<=") => side != Ordering::Greater,
                    Some(">=") => side != Ordering::Less,
                    _ => false,
                }
            })
        })
    }

    /// Whether one of the formats around a finding is one whose loader this is about.
    fn reads(&self, around: &[&Artifact]) -> bool {
        let mut formats = around.iter().flat_map(|artifact| &artifact.identities);
        formats.any(|identity| {
            self.formats.iter().any(|pattern| match pattern.strip_suffix('*') {
                Some(start) => identity.format.starts_with(start),
                None => identity.format == *pattern,
            })
        })
    }

    fn applies(&self, finding: &Finding) -> bool {
        let (subject, severity) = (&finding.subject, finding.severity);
        self.about.iter().any(|about| match (about, subject) {
            // Arithmetic needs no flaw to run, and does nothing with one.
            (About::Code, Subject::Code) => severity >= Severity::Medium,
            // A class of the user's own has to be imported by the user; nothing is gained by it.
            (About::Foreign, Subject::Name(name)) => severity >= Severity::High && !self.owns(name),
            (About::Name(pattern), Subject::Name(name)) => match pattern.strip_prefix('*') {
                Some(end) => name.ends_with(end),
                None => name == pattern,
            },
            (About::Own, Subject::Name(name)) => {
                let last = name.rsplit('.').next().unwrap_or(name);
                self.owns(name) && !crate::knowledge::is_class(last)
            }
            (About::Purpose(purpose), Subject::Purpose(other)) => purpose == other,
            (About::Quirk(quirk), Subject::Quirk(other)) => *quirk == other.as_str(),
            (About::What(words), Subject::Quirk(_) | Subject::Template) => {
                finding.message.contains(words)
            }
            _ => false,
        })
    }

    fn owns(&self, name: &str) -> bool {
        let roots = OWN.iter().filter(|(package, _)| *package == self.package);
        roots.flat_map(|(_, roots)| *roots).any(|root| {
            name.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        })
    }
}

/// The numbers of a version; what is not a number ends it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Version(Vec<u64>);

impl Version {
    /// The version that `text` spells: `3.11.3`, `2.13.1rc0`, or the number of a build, `b8146`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.strip_prefix('b').unwrap_or(text);
        let mut numbers = Vec::new();
        for part in text.split('.').take(8) {
            let digits = part.len() - part.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            let (number, rest) = part.split_at(digits);
            numbers.push(number.parse().ok()?);
            if !rest.is_empty() {
                break;
            }
        }
        Some(Self(numbers))
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        let length = self.0.len().max(other.0.len());
        let filled = |version: &Self| {
            let zeros = std::iter::repeat_n(0, length - version.0.len());
            version.0.iter().copied().chain(zeros).collect::<Vec<u64>>()
        };
        filled(self).cmp(&filled(other))
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::testing::{artifact, text};
    use davy_artifact::Site;

    fn version_of(text: &str) -> Version {
        Version::parse(text).unwrap()
    }

    fn advisory(id: &str) -> &'static Advisory {
        ADVISORIES.iter().find(|advisory| advisory.id == id).unwrap()
    }

    #[test]
    fn every_row_can_be_used() {
        assert!(ADVISORIES.is_sorted_by(|a, b| a.id < b.id));
        for advisory in ADVISORIES {
            let Advisory { id, affected, fixed, .. } = advisory;
            for range in affected.split(" or ") {
                for bound in range.split(' ') {
                    let digits = bound.trim_start_matches(['<', '>', '=']);
                    assert!(Version::parse(digits).is_some(), "{id}: {bound}");
                }
            }
            for version in fixed.split(", ") {
                assert!(!advisory.affects(&version_of(version)), "{id}: {version}");
            }
            assert!(advisory.source.ends_with(id), "{id}");
        }
    }

    #[test]
    fn ranges_are_those_of_the_advisory() {
        let two = advisory("CVE-2026-1669");
        for (version, affected) in [
            ("2.15.0", false),
            ("3.0", true),
            ("3.12.0", true),
            ("3.12.1", false),
            ("3.13.0", true),
            ("3.13.1", true),
            ("3.13.2", false),
            ("4", false),
        ] {
            assert_eq!(two.affects(&version_of(version)), affected, "{version}");
        }
        assert!(version_of("3.9.0") < version_of("3.11"));
        assert_eq!(version_of("3.9.0rc1").cmp(&version_of("3.9")), Ordering::Equal);
        assert!(version_of("b7824") < version_of("b10252"));
        assert_eq!(Version::parse("latest"), None);
    }

    #[test]
    fn the_subject_and_the_formats_around_decide() {
        let mut outer = artifact(
            "keras",
            vec![Fact::Attribute {
                owner: String::new(),
                name: "keras_version".into(),
                value: text("3.8.0"),
                site: Site::default(),
            }],
        );
        outer.path = "m.keras".into();
        let mut inner = artifact("hdf5", vec![]);
        inner.parent = Some(0);
        let ids = |artifacts: &[Artifact], subject: Subject| {
            let mut finding = crate::facts::testing::finding();
            finding.subject = subject;
            advise(&mut finding, artifacts, artifacts.len() - 1);
            finding.advisories.iter().map(|a| (a.advisory.id, a.written_by.clone())).collect()
        };
        let link = Subject::Purpose("external link");
        let found: Vec<_> = ids(&[outer.clone(), inner.clone()], link.clone());
        let said = Some("3.8.0".to_owned());
        assert_eq!(found, [("CVE-2026-1669", said.clone()), ("CVE-2026-9335", said.clone())]);
        inner.parent = None;
        let found: Vec<_> = ids(&[inner], link);
        assert!(found.is_empty(), "plain HDF5 is not Keras's: {found:?}");
        let system: Vec<_> = ids(&[outer.clone()], Subject::Name("os.system".into()));
        assert_eq!(system, [("CVE-2025-1550", said.clone())]);
        let own: Vec<_> = ids(&[outer], Subject::Name("keras.utils.get_file".into()));
        assert_eq!(own, [("CVE-2025-12060", said.clone()), ("CVE-2025-8747", said)]);
    }
}
