//! What operators do with the texts that they get, as far as a path or address can be followed.

use base64::Engine as _;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};

/// How `DecodeBase64` reads: the alphabet for URLs, with or without padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Operators that make text out of their inputs in a way that is not followed.
const BUILDING: &[&str] = &[
    "AsString",
    "DecodeCompressed",
    "DecodeRaw",
    "EncodeBase64",
    "MatchingFiles",
    "ReadFile",
    "ReduceJoin",
    "RegexReplace",
    "ShardedFilename",
    "ShardedFilespec",
    "StaticRegexReplace",
    "StringFormat",
    "StringSplit",
    "StringSplitV2",
    "StringStrip",
    "Substr",
    "UnicodeDecode",
    "UnicodeEncode",
    "UnicodeTranscode",
    "UnsortedSegmentJoin",
];

/// Operators that hand their first input on.
const PASSING: &[&str] = &[
    "BroadcastTo",
    "Cast",
    "CheckNumerics",
    "Copy",
    "CopyHost",
    "DebugIdentity",
    "DebugIdentityV2",
    "DebugIdentityV3",
    "DeepCopy",
    "EnsureShape",
    "Enter",
    "Exit",
    "ExpandDims",
    "Gather",
    "GatherNd",
    "GatherV2",
    "Identity",
    "LoopCond",
    "NextIteration",
    "Pad",
    "PadV2",
    "PlaceholderWithDefault",
    "PreventGradient",
    "RandomShuffle",
    "RefEnter",
    "RefExit",
    "RefIdentity",
    "RefNextIteration",
    "RefSwitch",
    "Reshape",
    "ReadVariableOp",
    "ReverseV2",
    "Roll",
    "Slice",
    "Snapshot",
    "Split",
    "Squeeze",
    "StopGradient",
    "StridedSlice",
    "StackPop",
    "StackPopV2",
    "Switch",
    "TensorListConcat",
    "TensorListConcatV2",
    "TensorListFromTensor",
    "TensorListGather",
    "TensorListGetItem",
    "TensorListPopBack",
    "TensorListResize",
    "TensorListScatter",
    "TensorListScatterV2",
    "TensorListSplit",
    "TensorListStack",
    "Tile",
    "Transpose",
    "Unpack",
    "XlaSharding",
    "_EagerConst",
];

/// What a node does with its inputs, as far as text goes.
pub(super) enum Step {
    /// It gives what stands in it.
    Const,
    /// It hands the input with this number on.
    Pass(usize),
    /// It hands on the input with the number of its output.
    PassNth,
    /// It hands on one of its inputs from this number on.
    Either(usize),
    /// It hands on one of the inputs with these numbers.
    AnyOf(&'static [usize]),
    /// It gives the next element of the data set that the input with this number goes through.
    Next(usize),
    /// It stands for what other nodes keep in it, which they have as an input; if none does, why it is
    /// not known.
    Held(&'static str),
    /// It puts its inputs into a list; the last so many are no items.
    Pack(usize),
    /// It joins texts.
    Join,
    /// It makes text out of its inputs in another way.
    Build,
    /// It turns one text into another.
    Map(fn(&[u8]) -> Option<Vec<u8>>),
    /// It calls a function, whose first argument is the input with this number.
    Call(usize),
    /// What it gives is not in the file, and why.
    Unknown(&'static str),
}

/// What the operator of this name does.
pub(super) fn step(op: &str) -> Step {
    match op {
        "Const" | "HostConst" => Step::Const,
        op if PASSING.contains(&op) => Step::Pass(0),
        "Fill" => Step::Pass(1),
        "IdentityN" => Step::PassNth,
        "Merge" | "RefMerge" => Step::Either(0),
        "Select" | "SelectV2" | "Where" | "RefSelect" => Step::Either(1),
        "Pack" | "ParallelConcat" | "Stack" | "Concat" => Step::Pack(0),
        "ConcatV2" => Step::Pack(1),
        "StringJoin" | "Add" | "AddV2" => Step::Join,
        op if BUILDING.contains(&op) => Step::Build,
        "DecodeBase64" => Step::Map(|text| BASE64.decode(text).ok()),
        "StringLower" => Step::Map(|text| Some(text.to_ascii_lowercase())),
        "StringUpper" => Step::Map(|text| Some(text.to_ascii_uppercase())),
        "PartitionedCall"
        | "StatefulPartitionedCall"
        | "TPUPartitionedCall"
        | "RemoteCall"
        | "XlaLaunch"
        | "While"
        | "StatelessWhile" => Step::Call(0),
        "If" | "StatelessIf" | "Case" | "StatelessCase" => Step::Call(1),
        "Placeholder" | "PlaceholderV2" | "_Arg" | "_Recv" => Step::Unknown("fed when it runs"),
        "VariableV2" | "Variable" | "VarHandleOp" => Step::Held("a variable"),
        _ => kept(op),
    }
}

/// What operators do that keep values, and those that take them out again.
fn kept(op: &str) -> Step {
    match op {
        "LookupTableFind" | "LookupTableFindV2" | "TensorListSetItem" => Step::AnyOf(&[0, 2]),
        "TensorListPushBack" | "TensorListConcatLists" | "TensorListPushBackBatch" => {
            Step::Either(0)
        }
        // The first input is a handle; what was written goes with the flow.
        "TensorArrayWriteV2"
        | "TensorArrayWriteV3"
        | "TensorArrayScatterV2"
        | "TensorArrayScatterV3" => Step::AnyOf(&[2, 3]),
        "TensorArraySplitV2" | "TensorArraySplitV3" => Step::AnyOf(&[1, 3]),
        "TensorArrayReadV2"
        | "TensorArrayReadV3"
        | "TensorArrayGatherV2"
        | "TensorArrayGatherV3" => Step::Pass(2),
        "TensorArrayConcatV2" | "TensorArrayConcatV3" => Step::Pass(1),
        "IteratorGetNext" | "IteratorGetNextSync" => Step::Next(0),
        op if op.starts_with("QueueDequeue") => Step::Pass(0),
        op if op.ends_with("Queue") || op.ends_with("QueueV2") => Step::Held("computed"),
        "HashTable"
        | "HashTableV2"
        | "MutableHashTable"
        | "MutableHashTableV2"
        | "AnonymousHashTable"
        | "AnonymousMutableHashTable"
        | "Iterator"
        | "IteratorV2"
        | "AnonymousIterator"
        | "AnonymousIteratorV2"
        | "AnonymousIteratorV3"
        | "Stack"
        | "StackV2" => Step::Held("computed"),
        _ => Step::Unknown("computed"),
    }
}

/// Which input of a node is what it keeps a value in, and which are the values, from the first to the
/// one before the last.
pub(super) fn keeps(op: &str) -> Option<(usize, std::ops::Range<usize>)> {
    Some(match op {
        "Assign" | "AssignVariableOp" | "StackPush" | "StackPushV2" => (0, 1..2),
        "InitializeTable"
        | "InitializeTableV2"
        | "LookupTableImport"
        | "LookupTableImportV2"
        | "LookupTableInsert"
        | "LookupTableInsertV2" => (0, 2..3),
        "MakeIterator" => (1, 0..1),
        op if op.starts_with("QueueEnqueue") => (0, 1..usize::MAX),
        _ => return None,
    })
}
