//! The JSON Schema of the report.

use davy_rules::{Tag, Threat};
use serde_json::{Value, json};

/// The JSON Schema (draft 2020-12) of the report. Unknown fields are allowed everywhere: later
/// versions of davy add some.
#[must_use]
pub fn schema() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": concat!(
            env!("CARGO_PKG_REPOSITORY"),
            "/blob/main/docs/generated/report.schema.json"
        ),
        "title": "davy report",
        "description": "What davy found in AI model files, and what it did not read. Fields are only ever added.",
        "type": "object",
        "required": [
            "schema", "tool", "verdict", "reasons", "coverage", "summary", "inputs",
            "passed_over", "artifacts", "findings",
        ],
        "properties": {
            "schema": {"const": crate::SCHEMA},
            "tool": object(&["name", "version"], &json!({
                "name": text("name of the tool"),
                "version": text("its version"),
            })),
            "verdict": reference("verdict"),
            "reasons": reference("reasons"),
            "coverage": {
                "enum": ["full", "partial", "structure"],
                "description": "`full`: every byte was read; `partial`: there are gaps; `structure`: bytes of weights were not to be read",
            },
            "assumptions": strings("what was said about the loader, as `loader=PACKAGE:VERSION`"),
            "summary": summary(),
            "inputs": list(&input()),
            "passed_over": list(&object(&["path", "why"], &json!({
                "path": text("path that was passed over while a folder was walked"),
                "why": text("why"),
            }))),
            "artifacts": list(&artifact()),
            "findings": list(&finding()),
        },
        "$defs": {
            "verdict": {
                "enum": ["pass", "incomplete", "fail"],
                "description": "`pass`: all was read and nothing at or above the threshold found; `incomplete`: nothing found, but not all was read; `fail`: something was found",
            },
            "reasons": {
                "type": "array",
                "items": {"type": "string"},
                "description": "why the verdict is not a pass, the weightiest first",
            },
            "severity": {"enum": ["info", "low", "medium", "high", "critical"]},
            "span": object(&["start", "len"], &json!({
                "start": amount("offset of the first byte, relative to the artifact"),
                "len": amount("number of bytes"),
            })),
        },
    })
}

fn summary() -> Value {
    let fields = json!({
        "inputs": amount("inputs"),
        "passed": amount("inputs that passed"),
        "failed": amount("inputs that failed"),
        "incomplete": amount("inputs that were opened and did not fail, but were not read whole"),
        "unopened": amount("inputs that could not be opened and so did not fail"),
        "artifacts": amount("artifacts, inputs included"),
        "bytes": amount("length of all inputs together"),
        "critical": amount("findings of this severity"),
        "high": amount("findings of this severity"),
        "medium": amount("findings of this severity"),
        "low": amount("findings of this severity"),
        "info": amount("findings of this severity"),
        "gaps": amount("stretches that were not read"),
        "unread": amount("bytes in those stretches"),
    });
    object(&["artifacts", "bytes", "critical", "high", "medium", "low", "gaps"], &fields)
}

fn input() -> Value {
    object(
        &["path", "verdict", "reasons"],
        &json!({
            "path": text("path as it was given or found"),
            "verdict": reference("verdict"),
            "reasons": reference("reasons"),
            "error": text("why it could not be opened at all"),
        }),
    )
}

fn artifact() -> Value {
    object(
        &["path", "name", "input", "parent", "formats", "size", "sha256", "gaps", "deviations"],
        &json!({
            "path": text("the input, and behind each `!` a name inside the artifact before it"),
            "name": text("name within the parent, or the input's path"),
            "input": amount("index in `inputs`"),
            "parent": {
                "type": ["integer", "null"],
                "minimum": 0,
                "description": "index in `artifacts` of the artifact that it is in",
            },
            "role": {
                "enum": ["leftover", "loaded", "present", "quoted", "storage", "variant"],
                "description": "what the parent's loader does with it",
            },
            "formats": {
                "type": "array",
                "items": {"type": "string"},
                "description": "every format that explains it",
            },
            "size": amount("length in bytes"),
            "sha256": {
                "type": ["string", "null"],
                "pattern": "^[0-9a-f]{64}$",
                "description": "digest of its bytes, where every byte was read for it",
            },
            "gaps": list(&gap()),
            "deviations": list(&deviation()),
            "facts": list(&fact()),
        }),
    )
}

fn gap() -> Value {
    object(
        &["start", "len", "why", "what"],
        &json!({
            "start": amount("offset of the first byte that was not read"),
            "len": amount("number of bytes that were not read"),
            "why": {
                "enum": [
                    "crashed", "malformed", "exhausted", "encrypted", "unsupported", "io",
                    "unidentified",
                ],
            },
            "what": text("what could not be read, escaped"),
        }),
    )
}

fn deviation() -> Value {
    object(
        &["quirk", "span", "what"],
        &json!({
            "quirk": text("which way of breaking its form"),
            "span": reference("span"),
            "route": text("the place in words"),
            "what": text("what is wrong, escaped"),
        }),
    )
}

fn finding() -> Value {
    object(
        &[
            "rule",
            "severity",
            "confidence",
            "artifact",
            "span",
            "route",
            "message",
            "evidence",
            "remediation",
            "cwe",
            "atlas",
            "fingerprint",
        ],
        &json!({
            "rule": text("id of the rule"),
            "severity": reference("severity"),
            "confidence": {"enum": ["low", "medium", "high"]},
            "threat": {
                "enum": Threat::ALL.map(Threat::as_str),
                "description": "which kind of threat it is",
            },
            "input": amount("index in `inputs`"),
            "artifact": text("path of the artifact"),
            "span": reference("span"),
            "route": text("the place in words; may be empty"),
            "message": text("what was found and why it matters, escaped"),
            "evidence": text("what was seen, escaped; may be empty"),
            "remediation": text("what to do about it"),
            "cwe": {"type": "array", "items": {"type": "integer"}},
            "atlas": {"type": "array", "items": {"type": "string"}},
            "tags": list(&object(&["tag", "text"], &json!({
                "tag": {"enum": Tag::ALL.map(Tag::as_str)},
                "text": text("the command or call that shows it, decoded and escaped"),
            }))),
            "indicators": list(&object(&["kind", "value"], &json!({
                "kind": {"enum": ["address", "path", "url"]},
                "value": text("a place that commands, source and calls in it name, escaped"),
            }))),
            "advisories": list(&advisory()),
            "unassumed": reference("severity"),
            "fingerprint": text("the same for the same finding in the same content"),
        }),
    )
}

fn advisory() -> Value {
    object(
        &["id", "package", "affected", "fixed", "title", "url"],
        &json!({
            "id": text("id of a published vulnerability that the finding makes use of"),
            "package": text("the package that is affected"),
            "affected": text("its versions that are: bounds, and alternatives parted by ` or `"),
            "fixed": text("the first versions that are not"),
            "title": text("what it is"),
            "url": text("where that is told"),
            "written_by": text("the version of the package that the file says it was written by"),
        }),
    )
}

fn fact() -> Value {
    let mut properties = json!({
        "kind": {
            "enum": [
                "assign", "attribute", "branch", "call", "code", "import", "member", "object", "operator",
                "override", "reference", "tensor",
            ],
        },
        "span": reference("span"),
        "route": text("the place in words"),
        "text": text("the fact in one line, escaped; pseudo-Python where it is about code"),
    });
    let kinds = [by_code(), by_structure()];
    if let Some(all) = properties.as_object_mut() {
        for kind in kinds {
            all.extend(kind.as_object().cloned().unwrap_or_default());
        }
    }
    object(&["kind", "span", "text"], &properties)
}

/// Fields of facts about what loading does.
fn by_code() -> Value {
    json!({
        "target": text("assign: what is changed; reference: the path or URL"),
        "key": text("assign: the attribute or key"),
        "value": text("assign: the new value; attribute: its value"),
        "callee": text("call: what is called"),
        "args": {"type": "array", "items": {"type": "string"}},
        "kwargs": list(&object(&["name", "value"], &json!({
            "name": text("name of the argument"),
            "value": text("its value"),
        }))),
        "manner": {"enum": ["called", "deferred", "filled", "new", "hook", "through"]},
        "via": text("call: the method or function behind `hook` and `through`"),
        "count": amount(
            "call, operator: how many that differ only in plain data this stands for",
        ),
        "module": text("import: the module, as it is imported"),
        "input": text("branch: what the condition is about"),
        "test": text("branch: how it is tested"),
        "constants": strings("branch: the constants that it is compared with"),
        "output": text("branch: what is put out if it holds"),
        "by": text("import: how it is looked up"),
        "language": text("code: language and version"),
        "when": {"enum": ["loaded", "unknown", "used"]},
        "imports": strings("code: what it imports, dotted"),
        "calls": strings("code: what it calls"),
        "names": strings("code: every global, attribute and module name in it"),
        "texts": strings("code: its text and byte constants"),
        "unseen": strings("code: what in it could not be read or followed"),
        "listing": text("code: all of it as pseudo-Python"),
        "spelled": object(&["module", "name"], &json!({
            "module": text("import: the module as the file spells it"),
            "name": text("import: the name as the file spells it"),
        })),
    })
}

/// Fields of facts about what is there.
fn by_structure() -> Value {
    let whole = json!({"type": "array", "items": {"type": "integer"}});
    json!({
        "name": text("import: the path of attributes from the module; else the name of what it is"),
        "owner": text("attribute: the object that has it; empty for the artifact itself"),
        "path": text("object: its path in the artifact's own tree"),
        "object": text("object: what it is, in the format's own term"),
        "detail": text("object: type, shape, layout or target"),
        "domain": text("operator: the set of operators that it is from"),
        "inputs": strings("operator: its inputs, as far as constants can be traced to them"),
        "attributes": list(&object(&["name", "value"], &json!({
            "name": text("name of the attribute"),
            "value": text("its value"),
        }))),
        "size": {"description": "member: bytes when unpacked; tensor: elements per dimension"},
        "purpose": text("reference: what it is for"),
        "storage": text("tensor: key of the storage"),
        "dtype": text("tensor: element type"),
        "elements": amount("tensor: elements that the storage is said to have"),
        "offset": {"type": "integer", "description": "tensor: index of the first element"},
        "stride": whole,
    })
}

fn object(required: &[&str], properties: &Value) -> Value {
    json!({"type": "object", "required": required, "properties": properties})
}

fn strings(description: &str) -> Value {
    json!({"type": "array", "items": {"type": "string"}, "description": description})
}

fn list(items: &Value) -> Value {
    json!({"type": "array", "items": items})
}

fn text(description: &str) -> Value {
    json!({"type": "string", "description": description})
}

fn amount(description: &str) -> Value {
    json!({"type": "integer", "minimum": 0, "description": description})
}

fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/$defs/{name}")})
}
