//! What is known about the operators of ONNX graphs: the table `knowledge/onnx_operators.tsv`, and
//! the sets that libraries of others bring.

use crate::Severity;
use davy_artifact::Operator;
use std::collections::BTreeSet;
use std::sync::LazyLock;

/// Formats whose graphs have operators of ONNX.
const ONNX: &[&str] = &["onnx", "onnx-text", "ort"];

/// Sets that are ONNX Runtime's own (ONNX Runtime, "ContribOperators.md").
const RUNTIME: &[&str] = &[
    "com.microsoft",
    "com.microsoft.dml",
    "com.microsoft.experimental",
    "com.microsoft.nchwc",
    "com.ms.internal.nhwc",
];

/// Sets that well-known libraries bring, which have to be loaded before the model; what ends with a
/// dot stands for all that starts so.
const LIBRARIES: &[&str] = &[
    "ai.onnx.contrib",
    "com.microsoft.extensions",
    "com.microsoft.mlfeaturizers",
    "com.nvidia",
    "com.qti.aisw",
    "com.qualcomm.",
    "finn.",
    "mmcv",
    "mmdeploy",
    "onnx.brevitas",
    "org.openvinotoolkit",
    "qonnx.",
    "trt",
    "trt.plugins",
];

static ROWS: LazyLock<BTreeSet<(&str, &str)>> = LazyLock::new(|| {
    let lines = include_str!("../../knowledge/onnx_operators.tsv").lines();
    lines.filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once('\t')).collect()
});

/// Whether graphs of this format have operators of ONNX.
pub(crate) fn is_onnx(format: &str) -> bool {
    ONNX.contains(&format)
}

/// Whether an operator calls Python or PyTorch.
pub(crate) fn is_python(operator: &Operator) -> bool {
    let name = operator.name.as_str();
    matches!(name, "PyOp" | "PyCustomOp" | "PyFunc" | "PythonOp" | "PythonOpGrad")
}

/// How bad it is that an operator is not the runtime's own, and why; nothing where it is, or where
/// another rule speaks of it.
pub(crate) fn custom(operator: &Operator) -> Option<(Severity, &'static str)> {
    let Operator { domain, name, .. } = operator;
    let domain = if domain.is_empty() { "ai.onnx" } else { domain };
    if is_python(operator) || ROWS.contains(&(domain, name.as_str())) {
        return None;
    }
    if name == "EPContext" {
        let why = "runs what a compiler has made for some processor, which cannot be seen into";
        return Some((Severity::Medium, why));
    }
    if RUNTIME.contains(&domain) {
        return None;
    }
    let known = |set: &&str| match set.strip_suffix('.') {
        Some(start) => domain.strip_prefix(start).is_some_and(|rest| rest.starts_with('.')),
        None => *domain == **set,
    };
    if LIBRARIES.iter().any(known) {
        let why = "is from a library that has to be loaded before the model";
        return Some((Severity::Low, why));
    }
    if domain.starts_with("ai.onnx") {
        let why = "is not one of the set that it claims to be from: it needs code of somebody else";
        return Some((Severity::Low, why));
    }
    let why = "is from a set that nothing is known about: it needs a library of machine code that \
               is loaded before the model";
    Some((Severity::Medium, why))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn severity(domain: &str, name: &str) -> Option<Severity> {
        let (domain, name) = (domain.to_owned(), name.to_owned());
        let operator = Operator { domain, name, inputs: vec![], attributes: vec![] };
        custom(&operator).map(|(severity, _)| severity)
    }

    #[test]
    fn operators_are_known_by_set_and_name() {
        assert!(ROWS.len() > 200);
        for (domain, name) in [
            ("", "Conv"),
            ("ai.onnx", "Where"),
            ("ai.onnx.ml", "TreeEnsemble"),
            ("com.microsoft", "X"),
        ] {
            assert_eq!(severity(domain, name), None, "{domain} {name}");
        }
        assert_eq!(severity("", "EfficientNMS_TRT"), Some(Severity::Low));
        assert_eq!(severity("ai.onnx.contrib", "BertTokenizer"), Some(Severity::Low));
        assert_eq!(severity("qonnx.custom_op", "Quant"), Some(Severity::Low));
        assert_eq!(severity("evil", "Conv"), Some(Severity::Medium));
        assert_eq!(severity("com.microsoft", "EPContext"), Some(Severity::Medium));
        assert_eq!(severity("ai.onnx.contrib", "PyOp"), None);
    }
}
