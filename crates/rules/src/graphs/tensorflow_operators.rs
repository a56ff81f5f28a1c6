//! What is known about the operators of TensorFlow graphs: the table `knowledge/operators.tsv`.

use crate::Threat;
use davy_artifact::{Artifact, Fact, Operator, Site, Value};
use std::sync::LazyLock;

/// What an operator does besides computing.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Effect {
    CheckpointRead,
    CheckpointWrite,
    Compute,
    Config,
    Debug,
    Decode,
    FileCache,
    FileList,
    FileLog,
    FileQueue,
    FileRead,
    FileRecords,
    FileVocabulary,
    FileWrite,
    Graph,
    Library,
    Native,
    Network,
    Print,
    Python,
}

impl Effect {
    /// The effects by their names in the table.
    const NAMES: &[(&str, Self)] = &[
        ("checkpoint:read", Self::CheckpointRead),
        ("checkpoint:write", Self::CheckpointWrite),
        ("compute", Self::Compute),
        ("config", Self::Config),
        ("debug", Self::Debug),
        ("decode", Self::Decode),
        ("file:cache", Self::FileCache),
        ("file:list", Self::FileList),
        ("file:log", Self::FileLog),
        ("file:queue", Self::FileQueue),
        ("file:read", Self::FileRead),
        ("file:records", Self::FileRecords),
        ("file:vocabulary", Self::FileVocabulary),
        ("file:write", Self::FileWrite),
        ("graph", Self::Graph),
        ("library", Self::Library),
        ("native", Self::Native),
        ("network", Self::Network),
        ("print", Self::Print),
        ("python", Self::Python),
    ];

    /// Which kind of threat the operator is.
    pub(crate) const fn threat(self) -> Threat {
        match self {
            Self::Graph | Self::Library | Self::Native | Self::Python => Threat::CodeExecution,
            Self::Debug | Self::Network => Threat::NetworkAccess,
            Self::Decode => Threat::ParserExploit,
            _ => Threat::FileAccess,
        }
    }

    /// What the operator does, as the end of a sentence that begins with its name.
    pub(crate) const fn does(self) -> &'static str {
        match self {
            Self::CheckpointRead => "reads variables from",
            Self::CheckpointWrite => "writes variables to",
            Self::Compute => "computes with",
            Self::Config => "changes how files and networks are reached, by",
            Self::Debug => "sends what passes through it to",
            Self::Decode => "decodes what stands in the graph itself:",
            Self::FileCache => "keeps what passes through it in",
            Self::FileList => "lists the files of",
            Self::FileLog => "writes logs to",
            Self::FileRead => "reads the file",
            Self::FileQueue | Self::FileRecords => "reads records from",
            Self::FileVocabulary => "reads a table from",
            Self::FileWrite => "writes the file",
            Self::Graph => "runs another graph, which stands in",
            Self::Library => "comes from a library that has to be loaded first:",
            Self::Native => "runs machine code by the name",
            Self::Network => "connects to",
            Self::Print => "prints to",
            Self::Python => "calls the Python function that the program has registered as",
        }
    }
}

/// One row of the table.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Known {
    pub(crate) name: &'static str,
    pub(crate) effect: Effect,
    /// Where the path or address is: `input:0`, `attr:debug_urls`; empty where there is none.
    place: &'static str,
    pub(crate) source: &'static str,
}

/// The table, by name. What is no row is left out: a test says that all are.
static ROWS: LazyLock<Vec<Known>> = LazyLock::new(|| lines().filter_map(parse).collect());

fn lines() -> impl Iterator<Item = &'static str> {
    include_str!("../../knowledge/operators.tsv").lines().filter(|line| !line.starts_with('#'))
}

fn parse(line: &'static str) -> Option<Known> {
    let mut columns = line.split('\t');
    let (name, effect) = (columns.next()?, columns.next()?);
    let (place, source) = (columns.next()?, columns.next()?);
    let (_, effect) = Effect::NAMES.iter().find(|(name, _)| *name == effect)?;
    Some(Known { name, effect: *effect, place, source })
}

/// What is known about an operator.
pub(crate) fn lookup(name: &str) -> Option<&'static Known> {
    let at = ROWS.binary_search_by(|row| row.name.cmp(name)).ok()?;
    ROWS.get(at)
}

impl Known {
    /// The path, address or name that the operator works with.
    pub(crate) fn target<'a>(&self, operator: &'a Operator) -> Option<&'a Value> {
        let (kind, place) = self.place.split_once(':')?;
        match kind {
            "input" => operator.inputs.get(place.parse::<usize>().ok()?),
            _ => {
                let found = operator.attributes.iter().find(|(name, _)| name == place);
                found.map(|(_, value)| value)
            }
        }
    }
}

/// Formats whose graphs have operators of TensorFlow, or that have single nodes of one as layers.
const TENSORFLOW: &[&str] = &[
    "keras",
    "keras-h5",
    "keras-json",
    "keras-metadata",
    "keras-yaml",
    "tf-graph",
    "tf-meta-graph",
    "tf-saved-model",
];

/// An operator of TensorFlow in a graph, and where it stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Runs<'a> {
    pub(crate) format: &'static str,
    pub(crate) operator: &'a Operator,
    pub(crate) count: u64,
    pub(crate) site: &'a Site,
}

/// The operators in an artifact's graphs.
pub(crate) fn operators(artifact: &Artifact) -> impl Iterator<Item = Runs<'_>> {
    artifact.identities.iter().flat_map(|identity| {
        identity.reading.facts.iter().filter_map(|fact| match fact {
            Fact::Operator { operator, count, site } => {
                Some(Runs { format: identity.format, operator, count: *count, site })
            }
            _ => None,
        })
    })
}

impl Runs<'_> {
    /// Whether TensorFlow runs it: its own graphs, layers of Keras that are nodes of one, and what
    /// TFLite hands over to it.
    pub(crate) fn by_tensorflow(&self) -> bool {
        let own = TENSORFLOW.contains(&self.format) && self.operator.domain.is_empty();
        own || (self.format == "tflite" && self.operator.domain == "flex")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_a_row_in_its_order() {
        assert_eq!(lines().count(), ROWS.len());
        assert!(ROWS.is_sorted_by(|a, b| a.name < b.name));
        for row in ROWS.iter() {
            let plain = row.place.is_empty()
                || row.place.starts_with("attr:")
                || row.place.strip_prefix("input:").is_some_and(|n| n.parse::<u8>().is_ok());
            assert!(plain && row.source.len() > 5, "{row:?}");
        }
        assert!(Effect::NAMES.is_sorted_by(|a, b| a.0 < b.0));
    }

    #[test]
    fn the_table_knows_what_reaches_out() {
        assert_eq!(lookup("ReadFile").map(|row| row.effect), Some(Effect::FileRead));
        assert_eq!(lookup("MatMul").map(|row| row.effect), Some(Effect::Compute));
        assert_eq!(lookup("MatMu"), None);
    }
}
