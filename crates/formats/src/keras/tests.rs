//! What is too much of a configuration, and what its parts mean together.

use super::*;
use davy_artifact::{Fact, Format, Quirk, Reading, When};
use davy_bytes::{Blame, Halt};
use davy_testkit::robust;
use std::fmt::Write;

fn read(format: &dyn Format, bytes: &[u8]) -> (Reading, Option<Halt>) {
    let outcome = robust::read(format, "x", bytes).unwrap();
    (outcome.reading, outcome.halt)
}

fn model(layers: &str) -> String {
    format!(
        r#"{{"module": "keras", "class_name": "Sequential", "registered_name": null,
            "config": {{"name": "m", "layers": [{layers}]}}}}"#
    )
}

fn imports(reading: &Reading) -> Vec<String> {
    let names = reading.facts.iter().filter_map(|fact| match fact {
        Fact::Import { name, .. } => Some(name.dotted()),
        _ => None,
    });
    names.collect()
}

#[test]
fn ten_thousand_like_layers_are_told_once() {
    let mut layers = String::new();
    for index in 0..10_000 {
        let comma = if index == 0 { "" } else { "," };
        write!(
            layers,
            r#"{comma}{{"module": "keras.layers", "class_name": "Dense", "registered_name": null,
                "config": {{"name": "dense_{index}", "activation": "relu", "units": {index},
                "kernel_initializer": {{"module": "keras.initializers", "class_name": "Zeros",
                "config": {{}}, "registered_name": null}}}},
                "build_config": {{"input_shape": [null, {index}]}}}}"#
        )
        .unwrap();
    }
    let (reading, halt) = read(&Architecture, model(&layers).as_bytes());
    assert_eq!(halt, None);
    let expected = [
        "keras.Sequential",
        "keras.layers.Dense",
        "keras.activations.relu",
        "keras.initializers.Zeros",
    ];
    assert_eq!(imports(&reading), expected);
    assert_eq!((reading.facts.len(), reading.deviations.len()), (6, 0));
    let counts = reading.facts.last();
    assert!(
        matches!(counts, Some(Fact::Attribute { value, .. })
            if value.to_string() == "{'Dense': 10000, 'Sequential': 1}"),
        "{counts:?}"
    );
}

#[test]
fn ten_thousand_levels_are_walked_without_a_stack() {
    let start = r#"{"class_name": "Sequential", "config": {"layers": ["#.repeat(5_000);
    let lambda = r#"{"module": "os", "class_name": "system", "config": {"command": "id"}}"#;
    let whole = format!("{start}{lambda}{}", "]}}".repeat(5_000));
    let (reading, halt) = read(&Architecture, whole.as_bytes());
    assert_eq!(halt, None);
    assert_eq!(imports(&reading), ["keras.Sequential", "os.system"]);
    assert!(reading.deviations.iter().any(|it| it.quirk == Quirk::LoadersDisagree));
    let (reading, halt) = read(&Architecture, start.as_bytes());
    assert_eq!(halt.unwrap().blame(), Blame::Malformed);
    assert_eq!(imports(&reading), ["keras.Sequential"]);
}

#[test]
fn broken_and_oversized_configurations_end_in_a_halt() {
    let names = r#"{"class_name": "A", "config": {}},"#.repeat(500_000);
    let (_, halt) = read(&Architecture, model(&names).as_bytes());
    assert_eq!(halt.unwrap().blame(), Blame::Exhausted);
    let unquoted = br#"{"class_name": "Sequential", "config": oops}"#;
    let (reading, halt) = read(&Architecture, unquoted);
    assert_eq!((reading.deviations[0].quirk, halt.unwrap().at()), (Quirk::WrongType, 39));
    let mut other = vec![b'['; 17 << 20];
    other.splice(..0, *b"{\"class_name\":");
    let (_, halt) = read(&Architecture, &other);
    assert_eq!(halt.unwrap().blame(), Blame::Exhausted);
}

#[test]
fn other_json_is_left_to_others() {
    for text in [
        "{}",
        "[1, 2]",
        r#"{"backend": "tensorflow"}"#,
        r#"{"model": {"class_name": "Tokenizer", "config": {}}}"#,
        r#"{"text": "class_name", "more": "keras_version"}"#,
    ] {
        let (reading, halt) = read(&Architecture, text.as_bytes());
        let other = halt.is_some_and(|halt| halt.blame() == Blame::Malformed);
        assert!(reading.is_empty() && !reading.seamless && other, "{text}");
    }
    let (reading, _) = read(&TensorFlowJs, br#"{"weightsManifest": "no"}"#);
    assert!(reading.is_empty());
}

#[test]
fn a_word_is_found_across_pieces_and_in_escapes() {
    let class = r#"{"class_name": "Dense", "config": {}}"#;
    for spaces in [65_520, 65_530, 65_535, 65_540, 131_060] {
        let text = format!("{}{class}", " ".repeat(spaces));
        let (reading, _) = read(&Architecture, text.as_bytes());
        assert_eq!(imports(&reading), ["keras.layers.Dense"], "{spaces}");
        let escaped = text.replace("_name", "\\u005fname");
        let (reading, _) = read(&Architecture, escaped.as_bytes());
        assert_eq!(imports(&reading), ["keras.layers.Dense"], "{spaces} escaped");
    }
}

#[test]
fn the_same_function_by_value_is_told_once_per_closure() {
    // `lambda x: x` of Python 3.8, with its file name left out.
    let code = "4wEAAAAAAAAAAAAAAAEAAAABAAAAQwAAAHMEAAAAfABTACkBTqkAKQHaAXhyAQAAAHIBAAAA2gDaCDxsYW1iZGE+AQAAAPMAAAAA";
    let lambda = |name: &str, closure: &str| {
        format!(
            r#"{{"module": "keras.layers", "class_name": "Lambda", "registered_name": null,
                "config": {{"name": "{name}", "function": {{"class_name": "__lambda__",
                "config": {{"code": "{code}", "defaults": null, "closure": {closure}}}}}}}}}"#
        )
    };
    let layers = [lambda("a", "null"), lambda("b", "null"), lambda("c", "[\"id\"]")].join(",");
    let (reading, _) = read(&Architecture, model(&layers).as_bytes());
    let codes: Vec<_> = reading
        .facts
        .iter()
        .filter_map(|fact| match fact {
            Fact::Code { code, site } => Some((code.when, site.route.to_string())),
            _ => None,
        })
        .collect();
    let place = |layer: &str, index: u32| {
        (When::Loaded, format!("layer m/{layer} (config.layers[{index}].config.function)"))
    };
    assert_eq!(codes, [place("a", 0), place("c", 2)]);
}

#[test]
fn layers_that_are_called_twice_are_no_cycle() {
    let layer = |name: &str, inputs: &[&str]| {
        let nodes: Vec<String> =
            inputs.iter().map(|input| format!(r#"[["{input}", 0, 0, {{}}]]"#)).collect();
        format!(
            r#"{{"class_name": "Dense", "name": "{name}", "config": {{}}, "inbound_nodes": [{}]}}"#,
            nodes.join(",")
        )
    };
    let cycles = |layers: &[String]| {
        let text = format!(
            r#"{{"class_name": "Model", "config": {{"input_layers": [], "layers": [{}]}}}}"#,
            layers.join(",")
        );
        let (reading, _) = read(&Architecture, text.as_bytes());
        reading.deviations.iter().filter(|it| it.quirk == Quirk::Cycle).count()
    };
    let entry = layer("i", &[]);
    assert_eq!(cycles(&[entry.clone(), layer("a", &["i", "b"]), layer("b", &["a"])]), 0);
    assert_eq!(cycles(&[entry.clone(), layer("a", &["b"]), layer("b", &["a"])]), 1);
    assert_eq!(cycles(&[entry, layer("a", &["a"])]), 1);
}

#[test]
fn nodes_of_tensorflow_graphs_are_told_with_their_constants() {
    let told = |node: &str, constants: &str| {
        let layer = format!(
            r#"{{"class_name": "TensorFlowOpLayer", "name": "t", "config": {{"name": "r",
                "node_def": {node}, "constants": {constants}}}, "inbound_nodes": []}}"#
        );
        let (reading, _) = read(&Architecture, model(&layer).as_bytes());
        let operator = reading.facts.iter().find_map(|fact| match fact {
            Fact::Operator { operator, .. } => Some(operator.clone()),
            _ => None,
        });
        let operator = operator.unwrap();
        let inputs: Vec<String> = operator.inputs.iter().map(ToString::to_string).collect();
        (operator.name, inputs.join(", "), operator.attributes)
    };
    let node = r#"{"name": "r", "op": "WriteFile", "input": ["f", "in", "^c"]}"#;
    let (op, inputs, _) = told(node, r#"{"0": "/tmp/x"}"#);
    assert_eq!((op.as_str(), inputs.as_str()), ("WriteFile", "'/tmp/x', <fed when it runs>"));
    let node = r#"{"op": "PrintV2", "input": ["in"],
                   "attr": {"output_stream": {"s": "ZmlsZTovLy90bXAveA=="}}}"#;
    let (_, _, attributes) = told(node, "{}");
    assert_eq!(attributes[0].1.to_string(), "'file:///tmp/x'");
    let (op, inputs, _) = told(r#""\n\u0001r\u0012\bReadFile\u001a\u0002in""#, "{}");
    assert_eq!((op.as_str(), inputs.as_str()), ("ReadFile", "<fed when it runs>"));
}
