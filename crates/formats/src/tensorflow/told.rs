//! Which operators are told one by one, with their attributes and what their inputs are: those that
//! reach out of the graph, to files, addresses, processes, Python or other devices.
//!
//! The list errs on the side of telling: what an operator may do is for rules to say.

use super::steps;

/// What a node is to a reader of graphs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Class {
    /// It calls functions of the library.
    Call,
    /// It holds a constant.
    Const,
    /// It keeps a value in a variable, a queue or a table.
    Keeps,
    /// Only its name and number matter.
    Plain,
    /// It is told by itself.
    Told,
}

/// Parts of names that say that an operator reaches out: `ReadFile`, `RestoreV2`, `EagerPyFunc`.
/// Later versions of TensorFlow name new operators in the same way.
const PARTS: &[&str] = &[
    "Bigtable",
    "Checkpoint",
    "CustomCall",
    "DataService",
    "Debug",
    "DistributedSave",
    "File",
    "FixedLengthRecordDataset",
    "GcsConfigure",
    "InitializeTable",
    "Kafka",
    "Kinesis",
    "Library",
    "PyFunc",
    "RPC",
    "Reader",
    "Restore",
    "Rpc",
    "Save",
    "Snapshot",
    "SqlDataset",
    "Subprocess",
    "TFRecord",
    "TextLine",
    "Writer",
];

/// Operators that reach out without saying so in their name, and decoders, which have been led astray
/// by what they decode.
const WHOLE: &[&str] = &[
    "CacheDataset",
    "CacheDatasetV2",
    "CollectiveInitializeCommunicator",
    "CSVDataset",
    "CSVDatasetV2",
    "DatasetFromGraph",
    "DatasetToGraph",
    "DatasetToGraphV2",
    "DatasetToTFRecord",
    "DecodeAndCropJpeg",
    "DecodeBmp",
    "DecodeGif",
    "DecodeImage",
    "DecodeJpeg",
    "DecodeJxl",
    "DecodePng",
    "DecodeWav",
    "DecodeWebP",
    "DumpTensor",
    "ExperimentalCSVDataset",
    "ExperimentalLMDBDataset",
    "FixedUnigramCandidateSampler",
    "GenerateVocabRemapping",
    "ImmutableConst",
    "ImportEvent",
    "LMDBDataset",
    "LMDBReader",
    "LoadAndRemapMatrix",
    "LoadDataset",
    "PrintV2",
    "RecordInput",
    "RegisterDataset",
    "RegisterDatasetV2",
    "RemoteFusedGraphExecute",
    "ShutdownDistributedTPU",
    "ShutdownTPUSystem",
    "Skipgram",
    "XlaCallModule",
    "XlaCustomCall",
    "XlaCustomCallV2",
];

/// Operators whose names have one of the parts and that stay within the graph.
const WITHIN: &[&str] = &[
    "DebugGradientIdentity",
    "DebugGradientRefIdentity",
    "ShardedFilename",
    "ShardedFilespec",
    "Snapshot",
];

/// Operators that call functions, where their names do not say so.
const CALLS: &[&str] = &[
    "BatchFunction",
    "Case",
    "DeviceIndex",
    "For",
    "If",
    "PartitionedCall",
    "RemoteCall",
    "StatefulPartitionedCall",
    "StatelessCase",
    "StatelessIf",
    "StatelessWhile",
    "SymbolicGradient",
    "TPUPartitionedCall",
    "TPUPartitionedCallV2",
    "While",
    "XlaLaunch",
    "XlaLaunchV2",
];

/// Classifies a node by its operator.
pub(super) fn class(op: &str) -> Class {
    if matches!(op, "Const" | "HostConst") {
        return Class::Const;
    }
    if is_told(op) {
        return Class::Told;
    }
    if CALLS.contains(&op) || op.ends_with("Dataset") || op.ends_with("DatasetV2") {
        return Class::Call;
    }
    if steps::keeps(op).is_some() { Class::Keeps } else { Class::Plain }
}

/// Whether an operator is told by itself.
pub(crate) fn is_told(op: &str) -> bool {
    if WITHIN.contains(&op) {
        return false;
    }
    WHOLE.contains(&op) || PARTS.iter().any(|part| op.contains(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_reaches_out_is_told() {
        for op in [
            "ReadFile",
            "WriteFile",
            "MatchingFiles",
            "SaveV2",
            "RestoreV2",
            "MergeV2Checkpoints",
            "TextLineDataset",
            "TFRecordDatasetV2",
            "EagerPyFunc",
            "PyFuncStateless",
            "PrintV2",
            "DebugIdentityV2",
            "CreateSummaryFileWriter",
            "InitializeTableFromTextFileV2",
            "WholeFileReaderV2",
            "DataServiceDatasetV4",
            "ImmutableConst",
            "FixedLengthRecordDatasetV2",
            "ReaderReadV2",
        ] {
            assert_eq!(class(op), Class::Told, "{op}");
        }
        for op in ["MatMul", "Snapshot", "Identity", "ShardedFilename", "ParseExampleV2"] {
            assert_eq!(class(op), Class::Plain, "{op}");
        }
        assert_eq!(class("Const"), Class::Const);
        assert_eq!(class("StatefulPartitionedCall"), Class::Call);
        assert_eq!(class("MapDataset"), Class::Call);
    }
}
