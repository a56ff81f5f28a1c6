//! The operators of a model: which there are, how often each stands, and what each does with data.

use super::names::key;
use crate::graph::Class;
use davy_bytes::Span;
use std::collections::HashMap;

/// An operator that a model uses.
#[derive(Clone, Debug)]
pub(super) struct Used {
    /// The set that it is from; empty for ONNX's own.
    pub(super) domain: String,
    /// Its name.
    pub(super) name: String,
    /// How many nodes run it.
    pub(super) count: u64,
    /// The first of them.
    pub(super) first: Span,
    /// The function of the model that has this name, where one has.
    pub(super) function: Option<u32>,
    /// What it does.
    pub(super) class: Class,
    /// Whether each of its nodes is told.
    pub(super) told: bool,
    /// The input that says how large its result is.
    pub(super) sized: Option<usize>,
}

/// All operators of a model, counted from 0.
#[derive(Debug, Default)]
pub(super) struct Operators {
    ids: HashMap<(u128, u128), u32>,
    all: Vec<Used>,
    functions: HashMap<(u128, u128), u32>,
}

/// Sets of operators that every runtime brings; what stands in others, or calls into another
/// language, is told node by node.
const COMMON: &[&str] = &[
    "",
    "ai.onnx",
    "ai.onnx.ml",
    "ai.onnx.preview",
    "ai.onnx.preview.training",
    "ai.onnx.training",
    "com.microsoft",
    "com.microsoft.nchwc",
    "com.ms.internal.nhwc",
];

impl Operators {
    /// Makes known that the model defines a function of this name.
    pub(super) fn define(&mut self, domain: &[u8], name: &[u8], function: u32) {
        self.functions.insert((key(plain(domain)), key(name)), function);
    }

    /// Counts a node that runs an operator, and returns the operator's number; `None` where there
    /// are more than can be counted.
    pub(super) fn count(&mut self, domain: &[u8], name: &[u8], node: Span) -> Option<u32> {
        let id = (key(plain(domain)), key(name));
        if let Some(index) = self.ids.get(&id) {
            let used = self.all.get_mut(davy_bytes::to_usize(u64::from(*index)))?;
            used.count = used.count.saturating_add(1);
            return Some(*index);
        }
        let index = u32::try_from(self.all.len()).ok()?;
        let (domain, name) = (lossy(domain), lossy(name));
        let function = self.functions.get(&id).copied();
        let told = function.is_none() && (!is_common(domain.as_bytes()) || leaves(&name));
        let class = function.map_or_else(|| class(&name), |_| Class::Other);
        let sized = function.map_or_else(|| sized(&name), |_| None);
        let used = Used { domain, name, count: 1, first: node, function, class, told, sized };
        self.all.push(used);
        self.ids.insert(id, index);
        Some(index)
    }

    /// An operator.
    pub(super) fn get(&self, index: u32) -> Option<&Used> {
        self.all.get(davy_bytes::to_usize(u64::from(index)))
    }

    /// All operators in the order in which they first stand.
    pub(super) fn all(&self) -> &[Used] {
        &self.all
    }
}

/// Whether every runtime brings a set of operators.
pub(super) fn is_common(domain: &[u8]) -> bool {
    COMMON.iter().any(|common| common.as_bytes() == domain)
}

/// `ai.onnx` is the full name of the set that has none.
fn plain(domain: &[u8]) -> &[u8] {
    if domain == b"ai.onnx" { b"" } else { domain }
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Whether an operator of the common sets leaves the runtime: into Python, PyTorch, or what a
/// hardware vendor compiled before.
fn leaves(name: &str) -> bool {
    matches!(name, "ATen" | "EPContext" | "OpaqueOp" | "ExternalOp")
        || ["PyOp", "PyCustomOp", "PythonOp", "PyFunc"].iter().any(|part| name.starts_with(part))
}

/// The input that says how large the result is.
fn sized(name: &str) -> Option<usize> {
    match name {
        "ConstantOfShape" => Some(0),
        "Expand" | "Tile" => Some(1),
        _ => None,
    }
}

/// What an operator does with data.
pub(crate) fn class(name: &str) -> Class {
    match name {
        "CategoryMapper" | "Equal" | "Greater" | "GreaterOrEqual" | "LabelEncoder" | "Less"
        | "LessOrEqual" | "OneHot" | "RegexFullMatch" => Class::Compare,
        "Concat" | "ConcatFromSequence" | "SequenceConstruct" | "SequenceInsert" => Class::Concat,
        "Div" | "Log" | "Reciprocal" | "Sqrt" => Class::Ratio,
        "Pow" => Class::Power,
        "ArrayFeatureExtractor"
        | "Compress"
        | "CenterCropPad"
        | "Crop"
        | "Gather"
        | "GatherElements"
        | "GatherND"
        | "SequenceAt"
        | "Slice"
        | "Split"
        | "SplitToSequence" => Class::Pick,
        "ArgMax" | "ArgMin" | "GlobalAveragePool" | "GlobalLpPool" | "GlobalMaxPool"
        | "MurmurHash3" | "TfIdfVectorizer" | "TopK" => Class::Reduce,
        "Expand" | "Reshape" | "Squeeze" | "Tile" | "Transpose" | "Unsqueeze" => Class::Move,
        "Exp" => Class::Exponential,
        "NonZero" | "Unique" => Class::Sieve,
        "Max" | "Relu" => Class::AtLeast,
        "Min" => Class::AtMost,
        "Mul" => Class::Multiply,
        "Celu" | "Elu" | "Erf" | "LogSoftmax" | "Selu" | "Sigmoid" | "Softmax" | "Softplus"
        | "Softsign" | "Tanh" => Class::Squash,
        "Where" => Class::Select,
        "EyeLike" | "RandomNormal" | "RandomNormalLike" | "RandomUniform" | "RandomUniformLike"
        | "Shape" | "Size" => Class::Shape,
        "Ceil" | "Floor" | "HardSigmoid" | "Hardmax" | "IsInf" | "IsNaN" | "Round" | "Sign"
        | "ThresholdedRelu" => Class::Step,
        _ if name.starts_with("Reduce") => Class::Reduce,
        _ if name.starts_with("TreeEnsemble") => Class::Tree,
        _ if is_weighted(name) => Class::Weighted,
        _ => Class::Other,
    }
}

/// Whether an operator works with learned numbers, by the words that such names have in ONNX and in
/// ONNX Runtime's own sets.
fn is_weighted(name: &str) -> bool {
    const WORDS: &[&str] = &[
        "Attention",
        "Conv",
        "Einsum",
        "Embed",
        "GRU",
        "Gemm",
        "LSTM",
        "LinearClassifier",
        "LinearRegressor",
        "MatMul",
        "MoE",
        "RNN",
        "SVM",
    ];
    WORDS.iter().any(|word| name.contains(word))
}
