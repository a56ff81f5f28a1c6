//! What operators do with the numbers that flow through them (TensorFlow 2.21, registered operators).

use crate::graph::Class;

/// Words in the names of operators that work with learned numbers.
const LAYERS: &[&str] = &[
    "BlockLSTM",
    "Conv",
    "CudnnRNN",
    "Einsum",
    "GRUBlock",
    "LSTMBlock",
    "MatMul",
    "MatrixMultiply",
    "XlaDot",
];

/// Words in the names of operators that follow trees.
const TREES: &[&str] = &["BoostedTrees", "DecisionForest", "TensorForest"];

/// Starts of the names of operators that make few numbers of many.
const REDUCERS: &[&str] = &["Segment", "StringToHashBucket", "UniqueWithCounts", "UnsortedSegment"];

/// The class of an operator.
pub(crate) fn class(op: &str) -> Class {
    match op {
        "ApproximateEqual"
        | "Equal"
        | "Greater"
        | "GreaterEqual"
        | "InTopK"
        | "InTopKV2"
        | "Less"
        | "LessEqual"
        | "NotEqual"
        | "OneHot"
        | "RegexFullMatch"
        | "StaticRegexFullMatch" => Class::Compare,
        "Concat"
        | "ConcatV2"
        | "DynamicStitch"
        | "Pack"
        | "ParallelConcat"
        | "ParallelDynamicStitch" => Class::Concat,
        "Div" | "DivNoNan" | "Log" | "Log1p" | "RealDiv" | "Reciprocal" | "Inv" | "Rsqrt"
        | "Sqrt" | "Xdivy" => Class::Ratio,
        "Pow" => Class::Power,
        "DynamicPartition" | "Gather" | "GatherNd" | "GatherV2" | "ResourceGather"
        | "ResourceGatherNd" | "Slice" | "Split" | "SplitV" | "StridedSlice" | "Unpack"
        | "StridedSliceV2" | "LookupTableFind" | "LookupTableFindV2" => Class::Pick,
        "All"
        | "Any"
        | "ArgMax"
        | "ArgMin"
        | "Bincount"
        | "CountUpTo"
        | "DenseBincount"
        | "EuclideanNorm"
        | "HistogramFixedWidth"
        | "L2Loss"
        | "Max"
        | "Mean"
        | "Min"
        | "NthElement"
        | "Prod"
        | "ReduceJoin"
        | "Fingerprint"
        | "Sum"
        | "TopK"
        | "TopKV2" => Class::Reduce,
        "BroadcastTo" | "ExpandDims" | "Reshape" | "Squeeze" | "Tile" | "Transpose" => Class::Move,
        "Exp" => Class::Exponential,
        "TensorArrayReadV3" | "TensorListGetItem" => Class::Item,
        "Unique" | "UniqueV2" | "Where" => Class::Sieve,
        "Mul" | "MulNoNan" => Class::Multiply,
        "Select" | "SelectV2" => Class::Select,
        "OnesLike"
        | "ParameterizedTruncatedNormal"
        | "RandomGamma"
        | "Rank"
        | "Shape"
        | "ShapeN"
        | "Size"
        | "TruncatedNormal"
        | "ZerosLike" => Class::Shape,
        "Ceil" | "ClipByValue" | "Floor" | "FloorDiv" | "IsFinite" | "IsInf" | "IsNan"
        | "Relu6" | "Rint" | "Round" | "Sign" | "TruncateDiv" => Class::Step,
        "Maximum" | "Relu" => Class::AtLeast,
        "Minimum" => Class::AtMost,
        "Elu" | "Erf" | "LogSoftmax" | "Selu" | "Sigmoid" | "Softmax" | "Softplus" | "Softsign"
        | "Tanh" => Class::Squash,
        _ if ["RandomNormal", "RandomStandardNormal", "RandomUniform"]
            .iter()
            .any(|it| op.contains(it)) =>
        {
            Class::Shape
        }
        _ if TREES.iter().any(|word| op.contains(word)) => Class::Tree,
        _ if LAYERS.iter().any(|word| op.contains(word)) => Class::Weighted,
        _ if REDUCERS.iter().any(|start| op.starts_with(start)) => Class::Reduce,
        _ => Class::Other,
    }
}

/// Whether an operator brings data from outside of the graph.
pub(super) fn is_input(op: &str) -> bool {
    matches!(
        op,
        "Placeholder"
            | "PlaceholderV2"
            | "PlaceholderWithDefault"
            | "_Arg"
            | "_Recv"
            | "IteratorGetNext"
            | "IteratorGetNextSync"
            | "InfeedDequeue"
            | "InfeedDequeueTuple"
    ) || op.starts_with("QueueDequeue")
}

/// Whether an operator without users gives nothing that anybody sees.
pub(super) fn is_silent(op: &str) -> bool {
    matches!(op, "Assert" | "NoOp" | "Const" | "VarHandleOp" | "VariableV2" | "Print" | "PrintV2")
        || op.ends_with("Summary")
        || op.starts_with("Assign")
}
