use super::*;
use davy_testkit::robust::{self, Order};
use davy_testkit::zip::{Archive, Member};

fn archive(schema: &str) -> Vec<u8> {
    Archive::of([Member::stored("schema.json", schema.as_bytes())]).build()
}

fn facts(schema: &str) -> Vec<String> {
    let outcome = robust::read(&Skops, "x.skops", &archive(schema)).unwrap();
    let told = |fact: &Fact| match fact {
        Fact::Import { name, by, .. } => Some(format!("{by} {name}")),
        Fact::Call { call, .. } => Some(call.to_string()),
        _ => None,
    };
    outcome.reading.facts.iter().filter_map(told).collect()
}

const STR: &str = r#"{"__class__":"str","__module__":"builtins","__loader__":"TypeNode"}"#;

fn node(loader: &str, module: &str, class: &str, rest: &str) -> String {
    format!(r#"{{"__loader__":"{loader}","__module__":"{module}","__class__":"{class}"{rest}}}"#)
}

fn tuple(items: &str) -> String {
    node("TupleNode", "builtins", "tuple", &format!(r#","content":[{items}]"#))
}

fn text(content: &str) -> String {
    node("JsonNode", "builtins", "str", &format!(r#","content":"\"{content}\"""#))
}

#[test]
fn functions_are_imported_and_handed_over() {
    let func = node("FunctionNode", "os", "system", "");
    let content = format!(
        r#","content":{{"func":{func},"args":{},"kwds":{{}},"namespace":{{}}}}"#,
        tuple(&text("id"))
    );
    let schema = node("PartialNode", "functools", "partial", &content);
    assert_eq!(
        facts(&schema),
        [
            "PartialNode functools.partial",
            "functools.partial(os.system, 'id')",
            "FunctionNode os.system"
        ]
    );
}

#[test]
fn operators_are_taken_from_operator_whatever_the_node_says() {
    let attrs = format!(r#","attrs":{}"#, tuple(&text("x")));
    let schema = node("OperatorFuncNode", "sklearn", "methodcaller", &attrs);
    assert_eq!(
        facts(&schema),
        ["OperatorFuncNode operator.methodcaller", "operator.methodcaller('x')"]
    );
    let outcome = robust::read(&Skops, "x", &archive(&schema)).unwrap();
    assert_eq!(outcome.reading.deviations[0].quirk, Quirk::HeadersDisagree);
}

#[test]
fn keys_are_made_by_calls_and_numbers_lead_to_nodes() {
    let types = format!(r#"[{STR},{}]"#, node("TypeNode", "os", "system", r#","__id__":7"#));
    let list = node("ListNode", "builtins", "list", &format!(r#","content":{types}"#));
    let content = format!(
        r#","content":{{"a":{},"id":{}}},"key_types":{list}"#,
        text("x"),
        node("CachedNode", "", "", r#","__id__":7"#)
    );
    let schema = node("DictNode", "builtins", "dict", &content);
    assert_eq!(facts(&schema), ["os.system('id')", "TypeNode os.system"]);
}

#[test]
fn attributes_of_objects_are_looked_up() {
    let object = node("ObjectNode", "sklearn.svm", "SVC", "");
    let method = |object: &str, func: &str| {
        let content = format!(r#","content":{{"func":"{func}","obj":{object}}}"#);
        node("MethodNode", "sklearn.svm", "SVC", &content)
    };
    let schema = method(&method(&object, "__init__"), "__globals__");
    let told = facts(&schema);
    assert_eq!(told[1], "getattr(sklearn.svm.SVC.__new__().__init__, '__globals__')");
}

#[test]
fn what_is_not_there_or_not_known_is_told() {
    let array = r#","type":"numpy","file":"1.npy""#;
    let schema = node("NdArrayNode", "numpy", "ndarray", array);
    let outcome = robust::read(&Skops, "x", &archive(&schema)).unwrap();
    assert_eq!(outcome.reading.deviations[0].quirk, Quirk::Missing);
    let schema = node("NewNode", "a", "B", r#","protocol":9"#);
    let outcome = robust::read(&Skops, "x", &archive(&schema)).unwrap();
    assert_eq!(outcome.reading.gaps.len(), 2);
    assert_eq!(facts(r#"{"no": "schema of skops"}"#), [""; 0]);
}

#[test]
fn pickles_under_the_name_are_told() {
    let outcome = robust::read(&Skops, "x.skops", b"\x80\x04N.").unwrap();
    assert_eq!(outcome.reading.deviations[0].quirk, Quirk::LoadersDisagree);
    assert_eq!(robust::probe(&Skops, "x.pkl", b"\x80\x04N."), Probe::No);
}

#[test]
fn damage_breaks_no_promise() {
    let schema = node(
        "OperatorFuncNode",
        "operator",
        "itemgetter",
        &format!(r#","attrs":{}"#, tuple(&text("x"))),
    );
    let file = archive(&schema);
    robust::truncations(&Skops, &file, Order::Indexed).unwrap();
    robust::flips(&Skops, &file).unwrap();
}
