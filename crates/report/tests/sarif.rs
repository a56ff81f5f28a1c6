//! What SARIF promises beyond its schema, and what viewers need.

use crate::{rendered, sample, short};
use davy_report::Style;
use davy_scan::Scan;
use serde_json::Value;
use std::collections::BTreeSet;

fn run(scan: &Scan) -> Value {
    let log: Value = serde_json::from_str(&rendered("sarif", scan, Style::default())).unwrap();
    assert_eq!(log["version"], "2.1.0");
    let runs = log["runs"].as_array().unwrap();
    assert_eq!(runs.len(), 1);
    runs[0].clone()
}

fn list<'a>(value: &'a Value, path: &str) -> &'a [Value] {
    value.pointer(path).unwrap().as_array().unwrap()
}

#[test]
fn results_refer_to_rules_that_are_there() {
    let run = run(&sample::scan());
    let rules = list(&run, "/tool/driver/rules");
    let ids: BTreeSet<_> = rules.iter().map(|rule| rule["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), rules.len(), "a rule stands twice");
    let results = list(&run, "/results");
    assert_eq!(results.len(), 1_247);
    for result in results {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(rules[index]["id"], result["ruleId"]);
        assert_eq!(result["partialFingerprints"]["davy/v1"].as_str().unwrap().len(), 32);
        assert!(!result["message"]["text"].as_str().unwrap().is_empty());
    }
}

#[test]
fn rules_hold_what_viewers_show() {
    let run = run(&short());
    let rules = list(&run, "/tool/driver/rules");
    let rule = rules.iter().find(|rule| rule["id"] == "sample-call").unwrap();
    assert_eq!(rule["properties"]["security-severity"], "9.5");
    let tags = rule["properties"]["tags"].as_array().unwrap();
    assert!(tags.contains(&"security".into()) && tags.contains(&"external/cwe/cwe-502".into()));
    assert_eq!(rule["deprecatedIds"][0], "former-call");
    assert_eq!(
        rule["fullDescription"]["text"],
        "Loading the file calls `os.system({{..}})` or its like."
    );
    let help = rule["help"]["markdown"].as_str().unwrap();
    assert!(help.starts_with("# Sample call\n") && help.contains("do not load this file"));
    assert!(rule["helpUri"].as_str().unwrap().ends_with("/docs/generated/rules/sample-call.md"));
}

#[test]
fn places_are_uris_and_bytes() {
    let run = run(&short());
    let results = list(&run, "/results");
    let location = |at: usize| &results[at]["locations"][0];
    let physical = &location(0)["physicalLocation"];
    assert_eq!(physical["artifactLocation"]["uri"], "models/my%20model%231.pt");
    assert_eq!(physical["region"]["byteOffset"], 64);
    assert_eq!(physical["region"]["byteLength"], 30);
    assert!(location(0).get("logicalLocations").is_none());
    let nested = location(1);
    assert_eq!(nested["physicalLocation"]["artifactLocation"], physical["artifactLocation"]);
    assert!(nested["physicalLocation"].get("region").is_none(), "an offset in another file");
    let logical = &nested["logicalLocations"][0];
    assert_eq!(logical["fullyQualifiedName"], "models/my model#1.pt!archive/data.pkl");
    assert_eq!(nested["properties"]["span"]["start"], 12);
}

#[test]
fn every_uri_is_encoded() {
    let run = run(&sample::scan());
    let mut uris = Vec::new();
    collect(&run, "uri", &mut uris);
    assert!(uris.len() > 1_000);
    for uri in uris {
        let uri = uri.as_str().unwrap();
        let plain = |c: char| c.is_ascii_alphanumeric() || "-._~/%".contains(c);
        assert!(uri.chars().all(plain), "{uri}");
    }
}

#[test]
fn artifacts_hold_each_other() {
    let run = run(&sample::scan());
    let artifacts = list(&run, "/artifacts");
    let uris: Vec<_> = artifacts.iter().map(|a| a["location"]["uri"].as_str().unwrap()).collect();
    assert_eq!(uris.len(), 6, "the seventh has neither a finding nor a gap: {uris:?}");
    let root = &artifacts[0];
    assert_eq!(root["hashes"]["sha-256"].as_str().unwrap().len(), 64);
    let parents: Vec<_> = artifacts.iter().map(|a| a["parentIndex"].as_u64()).collect();
    assert_eq!(parents, [None, Some(0), Some(0), None, Some(3), None]);
    for result in list(&run, "/results") {
        let place = &result["locations"][0]["physicalLocation"]["artifactLocation"];
        let index = usize::try_from(place["index"].as_u64().unwrap()).unwrap();
        assert_eq!(artifacts[index]["location"]["uri"], place["uri"]);
    }
}

#[test]
fn gaps_are_notifications() {
    let run = run(&sample::scan());
    let invocation = &run["invocations"][0];
    assert_eq!(invocation["exitCode"], 1);
    assert_eq!(invocation["executionSuccessful"], false);
    let known = list(&run, "/tool/driver/notifications");
    let notifications = list(&run, "/invocations/0/toolExecutionNotifications");
    let mut said = Vec::new();
    for notification in notifications {
        let index = usize::try_from(notification["descriptor"]["index"].as_u64().unwrap()).unwrap();
        assert_eq!(known[index]["id"], notification["descriptor"]["id"]);
        said.push((known[index]["id"].as_str().unwrap(), notification["level"].as_str().unwrap()));
    }
    let expected = [
        ("unopened", "error"),
        ("encrypted", "warning"),
        ("crashed", "warning"),
        ("unidentified", "warning"),
        ("passed-over", "note"),
        ("passed-over", "note"),
    ];
    assert_eq!(said, expected);
}

#[test]
fn messages_hold_no_links_and_no_placeholders_of_a_file() {
    let run = run(&sample::scan());
    let mut messages = Vec::new();
    collect(&run, "text", &mut messages);
    let joined: Vec<_> = messages.iter().filter_map(|message| message.as_str()).collect();
    assert!(joined.iter().any(|text| text.contains("onerror")));
    for text in joined {
        assert!(!text.contains("]("), "{text}");
        assert!(!text.replace("{{", "").replace("}}", "").contains(['{', '}']), "{text}");
    }
}

/// Every value under `key`, anywhere.
fn collect<'a>(value: &'a Value, key: &str, found: &mut Vec<&'a Value>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect(item, key, found)),
        Value::Object(fields) => fields.iter().for_each(|(name, field)| {
            if name == key {
                found.push(field);
            }
            collect(field, key, found);
        }),
        _ => {}
    }
}
