use super::*;
use crate::json::Node;
use davy_artifact::{Fact, Quirk, Role};

fn parsed(text: &str) -> Parsed {
    parse(&Bytes::from_memory(text.as_bytes()), &mut Budget::default()).unwrap()
}

/// The first document as pseudo-Python.
fn value(text: &str) -> String {
    let parsed = parsed(text);
    assert!(parsed.fault.is_none(), "{text}: {:?}", parsed.fault);
    let root = parsed.documents.first().and_then(|made| made.document.root());
    root.map(|root| root.value().to_string()).unwrap_or_default()
}

fn read(text: &str) -> Reading {
    let bytes = Bytes::from_memory(text.as_bytes());
    let input = Input { bytes: &bytes, name: "x.yaml", role: Role::Present };
    let mut reading = Reading::default();
    Yaml.read(&input, &mut reading, &mut Budget::default()).unwrap();
    reading
}

fn calls(text: &str) -> Vec<String> {
    let facts = read(text).facts;
    let call = |fact: Fact| match fact {
        Fact::Call { call, .. } => Some(call.to_string()),
        _ => None,
    };
    facts.into_iter().filter_map(call).collect()
}

#[test]
fn values_are_what_python_makes_of_them() {
    for (text, expected) in [
        ("a: 1\nb: [x, 'y', 1.5, yes, ~]", "{'a': 1, 'b': ['x', 'y', 1.5, True, None]}"),
        ("- a\n-  b: c\n   d: e\n-\n  - f", "['a', {'b': 'c', 'd': 'e'}, ['f']]"),
        ("a: |\n  one\n  two\nb: >-\n  one\n  two\n", "{'a': 'one\\ntwo\\n', 'b': 'one two'}"),
        ("a: &x {k: 1}\nb: *x", "{'a': {'k': 1}, 'b': {'k': 1}}"),
        (
            "a: &x {k: 1, l: 2}\nb: {<<: *x, k: 3}",
            "{'a': {'k': 1, 'l': 2}, 'b': {'k': 1, 'l': 2, 'k': 3}}",
        ),
        ("? [a, b]\n: c", "{'?': ['a', 'b'], '?': 'c'}"),
        ("\"a\\x41\\u0042\": 0x10", "{'aAB': 16}"),
        ("\u{feff}a: b", "{'a': 'b'}"),
    ] {
        assert_eq!(value(text), expected, "{text}");
    }
}

#[test]
fn the_merged_value_loses_against_the_mappings_own() {
    let parsed = parsed("a: &x {k: 1}\nb: &y {k: 2, l: 3}\nc: {<<: [*x, *y], m: 4}");
    let root = parsed.documents[0].document.root().unwrap();
    let at = |path: &[&str]| root.at(path).and_then(Node::int);
    assert_eq!((at(&["c", "k"]), at(&["c", "l"]), at(&["c", "m"])), (Some(1), Some(3), Some(4)));
}

#[test]
fn places_are_those_in_the_file() {
    let parsed = parsed("a: 1\nbc: &x [déjà, _target_]\nd: *x\n");
    let root = parsed.documents[0].document.root().unwrap();
    let node = root.get("bc").and_then(|list| list.item(1)).unwrap();
    assert_eq!((node.span(), node.path()), (Span::new(21, 8), "bc[1]".to_owned()));
    let again = root.get("d").and_then(|list| list.item(1)).unwrap();
    assert_eq!((again.span(), again.path()), (Span::new(21, 8), "d[1]".to_owned()));
}

#[test]
fn text_in_wide_characters_is_read_at_its_places() {
    let mut wide = vec![0xff, 0xfe];
    wide.extend("a: !!python/name:os.system".encode_utf16().flat_map(u16::to_le_bytes));
    let bytes = Bytes::from_memory(wide);
    let parsed = parse(&bytes, &mut Budget::default()).unwrap();
    assert_eq!(parsed.documents[0].tags.len(), 1);
    let root = parsed.documents[0].document.root().unwrap();
    assert_eq!(root.get("a").unwrap().span().start, 8);
}

#[test]
fn a_few_lines_that_stand_for_millions_of_values_are_told_and_not_followed() {
    let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..9 {
        let aliases = vec![format!("*a{}", level - 1); 10].join(", ");
        text.push_str(&format!("a{level}: &a{level} [{aliases}]\n"));
    }
    let reading = read(&text);
    let [bomb] = reading.deviations.as_slice() else { panic!("{:?}", reading.deviations) };
    assert_eq!(bomb.quirk, Quirk::Expansion);
    let looped = read("a: &a [*a]");
    assert_eq!(looped.deviations[0].quirk, Quirk::Cycle);
}

#[test]
fn nothing_recurses_on_depth() {
    for deep in ["[".repeat(200_000), "- ".repeat(100_000), "{a: ".repeat(100_000)] {
        let parsed = parsed(&deep);
        assert!(parsed.fault.is_some() || !parsed.documents.is_empty());
    }
}

#[test]
fn tags_and_keys_are_calls() {
    assert_eq!(calls("!!python/object/apply:os.system [id]"), ["os.system('id')"]);
    assert_eq!(
        calls("%TAG !p! tag:yaml.org,2002:python/object/\n--- !p!apply:os.system\n- id\n"),
        ["os.system('id')"]
    );
    assert_eq!(
        calls("!!python/object/apply:subprocess.check_output\nargs: [id]\nkwds: {shell: true}\n"),
        ["subprocess.check_output('id', shell=True)"]
    );
    let nested = "!!python/object/new:tuple [!!python/object/new:map [!!python/name:eval , ['1']]]";
    assert_eq!(calls(nested), ["tuple(map(eval, ['1']))", "map(eval, ['1'])"]);
    assert_eq!(calls("a: {_target_: os.system, _args_: [id]}"), ["os.system('id')"]);
    let method = "_target_: functools.partial\n_args_: [{_target_: hydra.utils.get_method, path: os.system}, id]";
    assert_eq!(calls(method)[0], "functools.partial(os.system, 'id')");
    assert_eq!(calls("a: {class_path: a.B, init_args: {c: 1}}"), ["a.B(c=1)"]);
    assert_eq!(
        calls("a: !apply:os.system [id]\nb: !new:a.B {c: 1}"),
        ["os.system('id')", "a.B(c=1)"]
    );
    assert_eq!(calls("a: !env:X y\nb: !!python/tuple [1]\nc: {_target_: Compose}"), [""; 0]);
}

#[test]
fn interpolations_are_resolved_before_a_path_is_looked_up() {
    for settings in [
        "m: os\nf: {n: system}\na: {_target_: '${m}.${f.n}', _args_: [id]}",
        "a: {_recursive_: os, _target_: '${._recursive_}.system', _args_: [id]}",
        "a: {_target_: '${oc.env:ABSENT,os.system}', _args_: [id]}",
        "b: '${c}'\nc: os.system\na: {_target_: '${oc.select:b}', _args_: [id]}",
    ] {
        assert_eq!(calls(settings), ["os.system('id')"], "{settings}");
    }
    for settings in [
        "a: '${a}'\nb: {_target_: '${a}'}",
        "a: {_target_: '${nothing.here}'}",
        "a: {_target_: '${now:%Y}'}",
        "a: {_target_: '${unclosed'}",
    ] {
        assert_eq!(calls(settings), [""; 0], "{settings}");
    }
}

#[test]
fn words_of_registries_are_paths_where_they_lead_through_modules_of_python() {
    assert_eq!(
        calls("{type: os.system, command: id}"),
        ["os.system(type='os.system', command='id')"]
    );
    assert_eq!(calls("{type: mylib.subprocess.Popen, args: id}").len(), 1);
    for settings in ["type: a.b.Model", "{type: text, func: linear}", "note: os.system", "type: os"]
    {
        assert_eq!(calls(settings), [""; 0], "{settings}");
    }
    let rows = "backbone: [[-1, 1, os.system, [id]], [-1, 1, nn.Conv2d, [3]]]\nhead: []";
    assert_eq!(calls(rows).len(), 1);
    assert_eq!(calls("f: {(): os.system, command: id}").len(), 1);
    assert_eq!(calls("{_component_: os.system, command: id}"), ["os.system(command='id')"]);
}

#[test]
fn expressions_name_other_values_and_stay_expressions() {
    let sources = |settings: &str| {
        let children = read(settings).children;
        let text = |child: &davy_artifact::Child| child.bytes.copy(Span::new(0, 99), 99).unwrap();
        children.iter().map(|it| String::from_utf8(text(it)).unwrap()).collect::<Vec<_>>()
    };
    let bundle = "{_target_: a.B, x: '$f(@train#loader, @net::out)'}";
    assert_eq!(sources(bundle), ["f(train_loader, net_out)\n"]);
    assert_eq!(sources("x: '$os.system(1)'"), ["os.system(1)\n"]);
    assert_eq!(sources("{x: '$HOME/a(b)', y: '$(pwd)', z: '$5 (five)'}"), [""; 0]);
}

#[test]
fn what_stands_before_a_fault_is_told_and_the_rest_is_a_gap() {
    let reading = read("a: !!python/name:os.system\nb: [");
    assert!(reading.facts.iter().any(|fact| matches!(fact, Fact::Import { .. })));
    assert_eq!(reading.gaps.len(), 1);
    assert!(read("a: [\n").is_empty());
    assert_eq!(read("a: ]\n!!python/name:os.system").gaps.len(), 1);
}
