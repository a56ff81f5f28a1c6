//! Files of tensors: what the `safetensors` and `gguf` packages accept has to be what davy reads,
//! tensor by tensor and value by value; of what they refuse, davy has to say what is wrong.

use super::{Comparison, Oracle};
use davy_artifact::{Fact, Quirk, Reading, Value};
use davy_bytes::{Bytes, Span, to_u64, to_usize};
use serde_json::Value as Json;
use std::collections::BTreeSet;

/// Bytes of a tensor or text that are compared.
const SHOWN: usize = 32;

/// Elements of a list that are compared.
const ELEMENTS: usize = 8;

/// The oracle of one of the packages.
pub struct Weights {
    script: &'static str,
    format: &'static str,
}

/// The oracle of `safetensors_files.py`.
pub const SAFETENSORS: Weights = Weights { script: "safetensors_files", format: "safetensors" };

/// The oracle of `gguf_files.py`.
pub const GGUF: Weights = Weights { script: "gguf_files", format: "gguf" };

impl Oracle for Weights {
    fn script(&self) -> &'static str {
        self.script
    }

    fn compare(&self, bytes: &[u8], answer: &str) -> Result<Comparison, String> {
        let answer: Json = serde_json::from_str(answer).map_err(|error| error.to_string())?;
        let (reading, halted, unrecognised) = read(self.format, bytes)?;
        let odd =
            halted || unrecognised || !reading.deviations.is_empty() || !reading.gaps.is_empty();
        let mut missing = BTreeSet::new();
        if answer["accepts"] != true {
            if !odd {
                missing.insert(format!("what is wrong: {}", answer["error"]));
            }
            return Ok(Comparison { missing, seen: 1, unseen: 0, unrecognised: false });
        }
        if answer["good"] == true && odd {
            let what = reading.deviations.first().map(|it| it.what.clone()).unwrap_or_default();
            missing.insert(format!("nothing that is wrong, which it is not: {what}"));
        }
        let ours = facts(bytes, &reading)?;
        let theirs = told(&answer);
        let seen = to_u64(theirs.len());
        let lacking: Vec<String> =
            theirs.iter().filter(|line| !ours.contains(*line)).cloned().collect();
        // A package that goes on behind what is broken sees things that are not there; zeros up to
        // the end are pairs without a name to it.
        let zeros = reading.deviations.iter().any(|it| {
            let rest = bytes.get(to_usize(it.span.start)..).unwrap_or_default();
            it.quirk == Quirk::Truncated && !rest.is_empty() && rest.iter().all(|byte| *byte == 0)
        });
        if !halted && !zeros {
            missing.extend(lacking);
            let more: Vec<_> = ours.iter().filter(|line| !theirs.contains(*line)).collect();
            if !odd && !more.is_empty() {
                missing.insert(format!("{more:?} at the package"));
            }
        } else if reading.deviations.is_empty() && reading.gaps.is_empty() && !lacking.is_empty() {
            missing.insert("what stopped it".to_owned());
        }
        Ok(Comparison { missing, seen, unseen: 0, unrecognised })
    }
}

/// What davy reads, whether it stopped early, and whether its probe refuses the bytes.
fn read(id: &str, bytes: &[u8]) -> Result<(Reading, bool, bool), String> {
    let found = davy_formats::FORMATS.iter().find(|format| format.id() == id);
    let format = found.ok_or_else(|| format!("there is no reader of `{id}`"))?;
    let outcome = davy_testkit::robust::read(*format, "this file", bytes)?;
    let probe = davy_testkit::robust::probe(*format, "this file", bytes);
    let refused = probe == davy_artifact::Probe::No;
    Ok((outcome.reading, outcome.halt.is_some(), refused))
}

/// The package's answer in lines.
fn told(answer: &Json) -> BTreeSet<String> {
    let list = |key: &str| answer[key].as_array().cloned().unwrap_or_default();
    let mut lines = BTreeSet::new();
    for tensor in list("tensors") {
        // Facts hold dimensions of 63 bits.
        let dims = tensor[2].as_array().into_iter().flatten().filter_map(Json::as_str);
        let shape: Vec<String> =
            dims.map(|dim| dim.parse().unwrap_or(i64::MAX).to_string()).collect();
        let place = (&tensor[3], tensor[4].as_str().unwrap_or_default());
        let (name, dtype) = (&tensor[0], tensor[1].as_str().unwrap_or_default());
        lines.insert(line(name, dtype, &shape.join(", "), place));
    }
    for field in list("fields") {
        lines.insert(format!("field {} {}", field[0], field[1].as_str().unwrap_or_default()));
    }
    for (key, value) in answer["metadata"].as_object().into_iter().flatten() {
        let text = value.as_str().unwrap_or_default();
        lines.insert(format!(
            "field {} {}",
            Json::from(key.clone()),
            shown_text(text.as_bytes(), text.len())
        ));
    }
    lines
}

/// A tensor in a line: name, type, shape, length and first bytes.
///
/// Blocks of `Q8_1` have 36 bytes in ggml (`block_q8_1`: two halves and 32 numbers) and 40 in
/// `GGML_QUANT_SIZES` of the package, which has not followed it. davy takes what the file has room
/// for, so that neither length nor bytes can be compared.
fn line(name: &Json, dtype: &str, shape: &str, (len, head): (&Json, &str)) -> String {
    match dtype {
        "Q8_1" => format!("tensor {name} {dtype} [{shape}]"),
        _ => format!("tensor {name} {dtype} [{shape}] {len} {head}"),
    }
}

/// What davy read, in the same lines.
fn facts(bytes: &[u8], reading: &Reading) -> Result<BTreeSet<String>, String> {
    let file = Bytes::from_memory(bytes);
    let mut lines = BTreeSet::new();
    for fact in &reading.facts {
        match fact {
            Fact::Tensor { tensor, site } => {
                let head = Span::new(site.span.start, site.span.len);
                let head = file.copy(head, SHOWN).map_err(|halt| halt.to_string())?;
                let shape: Vec<String> = tensor.size.iter().map(ToString::to_string).collect();
                let name = Json::from(tensor.storage.clone());
                let (dtype, len) = (&tensor.dtype, site.span.len);
                let shape = shape.join(", ");
                let head = hex(&head);
                lines.insert(line(&name, dtype, &shape, (&Json::from(len), &head)));
            }
            Fact::Attribute { name, value, .. } if !name.starts_with("gguf.") => {
                lines.insert(format!("field {} {}", Json::from(name.clone()), shown(value)));
            }
            _ => {}
        }
    }
    Ok(lines)
}

fn shown(value: &Value) -> String {
    match value {
        Value::Bool(it) => format!("b:{}", u8::from(*it)),
        Value::Float(it) => format!("f:{}", hex(&it.to_be_bytes())),
        Value::Int(it) => format!("i:{it}"),
        Value::Long(digits) => format!("i:{digits}"),
        Value::Text(text) => shown_text(&text.head, to_usize(text.len)),
        Value::List(items) => {
            let more =
                items.iter().map(|item| if let Value::More(more) = item { *more } else { 1 });
            let count: u64 = more.sum();
            let plain = items.iter().filter(|item| !matches!(item, Value::More(_)));
            let first: Vec<String> = plain.take(ELEMENTS).map(shown).collect();
            if first.is_empty() {
                format!("l:{count}")
            } else {
                format!("l:{count}:{}", first.join(","))
            }
        }
        other => other.to_string(),
    }
}

fn shown_text(head: &[u8], len: usize) -> String {
    format!("t:{len}:{}", hex(head.get(..head.len().min(SHOWN)).unwrap_or_default()))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use davy_artifact::Excerpt;

    #[test]
    fn values_are_spelled_as_the_scripts_spell_them() {
        let text = Value::Text(Excerpt::whole("ab"));
        assert_eq!(shown(&text), "t:2:6162");
        let list = Value::List(vec![Value::Int(1), Value::Bool(true), Value::More(7)]);
        assert_eq!(shown(&list), "l:9:i:1,b:1");
        assert_eq!(shown(&Value::List(vec![])), "l:0");
        assert_eq!(shown(&Value::Float(1.5)), "f:3ff8000000000000");
    }

    #[test]
    fn lengths_are_compared_but_where_the_package_counts_otherwise_than_ggml() {
        let of = |dtype, len| line(&Json::from("t"), dtype, "32", (&Json::from(len), "00"));
        assert_ne!(of("Q8_0", 34), of("Q8_0", 36));
        assert_eq!(of("Q8_1", 36), of("Q8_1", 40));
    }

    #[test]
    fn what_the_package_refuses_has_to_be_told() {
        let good = b"\x02\0\0\0\0\0\0\0{}";
        let refused = SAFETENSORS.compare(good, r#"{"accepts": false, "error": "x"}"#).unwrap();
        assert_eq!(refused.missing.len(), 1);
        let accepted = r#"{"accepts": true, "good": true, "tensors": [], "metadata": {}}"#;
        assert!(SAFETENSORS.compare(good, accepted).unwrap().missing.is_empty());
    }
}
