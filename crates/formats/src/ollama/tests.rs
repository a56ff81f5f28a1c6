use super::*;
use davy_artifact::{Fact, Format, Probe, Quirk};
use davy_testkit::robust;

fn references(format: &dyn Format, name: &str, text: &str) -> Vec<(String, &'static str)> {
    let outcome = robust::read(format, name, text.as_bytes()).unwrap();
    assert!(outcome.halt.is_none(), "{:?}", outcome.halt);
    let told = outcome.reading.facts.into_iter().filter_map(|fact| match fact {
        Fact::Reference { target, purpose, .. } => Some((target, purpose)),
        _ => None,
    });
    told.collect()
}

#[test]
fn commands_are_read_whatever_quotes_them() {
    let text = "# comment\nfrom ./model.gguf\nADAPTER \"a b.gguf\"\nPARAMETER stop x\n\
                TEMPLATE \"\"\"{{ .System }}\nFROM inside\n\"\"\"\nSYSTEM be kind\n";
    assert_eq!(robust::probe(&Modelfile, "x", text.as_bytes()), Probe::Certain);
    let found = references(&Modelfile, "Modelfile", text);
    let expected = [("./model.gguf", "base model"), ("a b.gguf", "adapter")];
    assert_eq!(found, expected.map(|(target, purpose)| (target.to_owned(), purpose)));
    let reading = robust::read(&Modelfile, "x", text.as_bytes()).unwrap().reading;
    assert_eq!(reading.children[0].bytes.len(), 26);
    for other in ["FROM python:3.12\nRUN pip\nTEMPLATE x\n", "From the start\n", "FROM a\n"] {
        assert_eq!(robust::probe(&Modelfile, "x", other.as_bytes()), Probe::No, "{other}");
    }
}

#[test]
fn arguments_say_what_is_opened_and_listened_to() {
    let text = "-m\n/zip/model.gguf\n--host\n0.0.0.0\n--mmproj=../x.gguf\n-ngl\n9999\n...\n";
    assert_eq!(robust::probe(&Arguments, ".args", text.as_bytes()), Probe::Certain);
    assert_eq!(robust::probe(&Arguments, "args", text.as_bytes()), Probe::No);
    let found = references(&Arguments, ".args", text);
    let expected =
        [("model.gguf", "artifact"), ("0.0.0.0", "listening address"), ("../x.gguf", "artifact")];
    assert_eq!(found, expected.map(|(target, purpose)| (target.to_owned(), purpose)));
    let odd = |text: &str| {
        let reading = robust::read(&Arguments, ".args", text.as_bytes()).unwrap().reading;
        reading.deviations.len()
    };
    assert_eq!(odd("-p\nYou are kind; `code` is fine\n"), 0);
    assert_eq!(odd("-m\nx; $(id)\n--unsecure\n"), 2);
}

#[test]
fn templates_of_go_are_told_from_jinja() {
    for text in ["{{ .System }}", "{{- if .Tools }}x{{ end }}", "a {{ range $i, $_ := .Messages }}"]
    {
        assert!(is_template(text.as_bytes()), "{text}");
    }
    for text in
        ["{{ messages }}", "{% if x %}{{ .y }}{% endif %}", "{{ x.Y }}", "plain", "{{ .5 }}"]
    {
        assert!(!is_template(text.as_bytes()), "{text}");
    }
}

fn branches(text: &str) -> Vec<(Vec<String>, String)> {
    let outcome = robust::read(&GoTemplate, "x", text.as_bytes()).unwrap();
    let told = outcome.reading.facts.into_iter().filter_map(|fact| match fact {
        Fact::Branch { constants, output, .. } => Some((constants, output)),
        _ => None,
    });
    told.collect()
}

#[test]
fn what_is_put_out_for_certain_words_is_kept() {
    let text = "{{ range .Messages }}{{ if eq .Content \"pay\" }}Send it to me.{{ end }}{{ end }}";
    assert_eq!(branches(text), [(vec!["pay".to_owned()], "Send it to me.".to_owned())]);
    let through = "{{ $c := .Prompt }}{{ if eq (slice $c 0 2) \"ab\" }}{{ \"x\\u0079\" }}{{ end }}";
    assert_eq!(branches(through), [(vec!["ab".to_owned()], "xy".to_owned())]);
    let honest = "{{ if eq .Role \"user\" }}Say it.{{ else if .Content }}{{ .Content }}{{ end }}";
    assert_eq!(branches(honest), []);
}

#[test]
fn loops_and_widths_without_measure_are_told() {
    let quirks = |text: &str| {
        let outcome = robust::read(&GoTemplate, "x", text.as_bytes()).unwrap();
        outcome.reading.deviations.iter().map(|it| it.quirk).collect::<Vec<_>>()
    };
    assert_eq!(quirks("{{ range 9999999 }}x{{ end }}"), [Quirk::Expansion]);
    assert_eq!(quirks("{{ printf \"%999999d\" 1 }}"), [Quirk::Expansion]);
    assert_eq!(quirks("{{ range 10 }}{{ printf \"%5d\" 1 }}{{ end }}"), []);
    let outcome = robust::read(&GoTemplate, "x", b"{{ if .X }}{{ \"").unwrap();
    assert_eq!(outcome.halt.unwrap().at(), 13);
}

#[test]
fn what_stands_behind_a_limit_is_a_gap_and_no_pass() {
    let many = "--flag\n".repeat(1000);
    let outcome = robust::read(&Arguments, ".args", many.as_bytes()).unwrap();
    assert!(outcome.halt.is_some() && !outcome.reading.seamless);
    let few = "--flag\n".repeat(999);
    assert!(robust::read(&Arguments, ".args", few.as_bytes()).unwrap().halt.is_none());
    let many = format!("FROM a\n{}", "PARAMETER stop x\n".repeat(10_000));
    let outcome = robust::read(&Modelfile, "Modelfile", many.as_bytes()).unwrap();
    assert!(outcome.halt.is_some() && !outcome.reading.seamless);
}
