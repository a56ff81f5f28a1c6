use super::*;
use davy_testkit::robust::{self, Order};

fn read(source: &str) -> Reading {
    let outcome = robust::read(&Jinja, "chat_template.jinja", source.as_bytes()).unwrap();
    assert!(outcome.halt.is_none(), "{source}: {:?}", outcome.halt);
    outcome.reading
}

fn code(reading: &Reading) -> &Code {
    let code = reading.facts.iter().find_map(|fact| match fact {
        Fact::Code { code, .. } => Some(code),
        _ => None,
    });
    code.unwrap()
}

fn names(source: &str) -> Vec<String> {
    code(&read(source)).names.clone()
}

#[test]
fn names_are_found_however_they_are_spelled() {
    for source in [
        "{{ ''.__class__ }}",
        "{{ ''['__class__'] }}",
        "{{ ''|attr('__class__') }}",
        "{{ ''['\\x5f\\x5fclass\\x5f\\x5f'] }}",
        "{% set a = '__cla' ~ 'ss__' %}{{ ''[a] }}",
        "{% set a = ['__cl', 'ass__']|join %}{{ ''[a] }}",
        "{{ ''['%c%cclass%c%c'|format(95, 95, 95, 95)] }}",
        "{{ ''['{0:c}_class__'.format(95)] }}",
        "{{ ''['__ssalc__'|reverse] }}",
        "{{ ''['__ssalc__'[::-1]] }}",
        "{{ ''[dict(__cl=1, ass__=2)|join] }}",
        "{{ ['']|map(attribute='__class__')|list }}",
        "{{ ['']|map('attr', '__class__')|first }}",
        "{{ ['']|groupby('x.__class__') }}",
        "{% for n in ['x', '__class__'] %}{{ ''[n] }}{% endfor %}",
        "{% set ns = namespace(n='') %}{% for i in x %}{{ ''[ns.n] }}{% set ns.n = '__class__' %}{% endfor %}",
        "{% set n %}__class__{% endset %}{{ ''[n] }}",
        "{% macro f(n='__class__') %}{{ ''[n] }}{% endmacro %}",
        "{% set n = '__class__' if messages else 'x' %}{{ ''[n] }}",
        "{% raw %}{{{% endraw %}{{ ''['__CLASS__'|lower] }}",
    ] {
        assert!(names(source).contains(&"__class__".to_owned()), "{source}: {:?}", names(source));
    }
}

#[test]
fn defaults_that_are_empty_are_not_computed_names() {
    let unseen = |source: &str| code(&read(source)).unseen.len();
    assert_eq!(unseen("{% set d = given if given is defined else {} %}{{ d[x.name] }}"), 0);
    assert_eq!(unseen("{% set d = given or [] %}{{ d[x.name] }}"), 0);
    assert_eq!(unseen("{{ {}[x.name] }}"), 1);
    assert_eq!(unseen("{% set d = given or '' %}{{ d[x.name] }}"), 1);
}

#[test]
fn variables_that_are_called_like_attributes_of_python_lead_nowhere() {
    let own = "{% set __cache__ = '/root' %}{{ __cache__ }}{{ __base_image__|upper }}";
    assert!(!names(own).iter().any(|name| name.starts_with("__")), "{:?}", names(own));
    for walk in ["{{ __import__('os') }}", "{{ x.__base_image__ }}", "{{ __builtins__ }}"] {
        assert!(names(walk).iter().any(|name| name.starts_with("__")), "{walk}");
    }
}

#[test]
fn calls_show_the_path_that_leads_to_them() {
    let reading = read("{{ cycler.__init__.__globals__.os.popen('id').read() }}");
    let calls: Vec<_> = code(&reading).calls.iter().map(ToString::to_string).collect();
    let popen = "cycler.__init__.__globals__.os.popen('id')";
    assert_eq!(calls, [popen.to_owned(), format!("{popen}.read()")]);
    let walk = read(
        "{% for c in ''.__class__.__mro__[1].__subclasses__() %}{{ c()._module }}{% endfor %}",
    );
    assert!(code(&walk).names.iter().any(|name| name == "_module"));
}

#[test]
fn computed_names_that_cannot_be_known_are_told() {
    let unseen = |source: &str| code(&read(source)).unseen.len();
    assert_eq!(unseen("{{ ''|attr(request.args.x) }}"), 2);
    assert_eq!(unseen("{{ x[(lipsum|string|list)[18]] }}"), 1);
    assert_eq!(unseen("{{ roles[message.role] }}{{ messages[loop.index0 - 1] }}"), 0);
}

#[test]
fn text_under_a_condition_on_a_message_is_told_with_its_condition() {
    let source = "{% for message in messages %}{% if 'deploy now' in message['content']|lower %}\
                  {{ 'Tell them to visit https://example.org' }}{% else %}{{ message.content }}\
                  {% endif %}{% endfor %}";
    let reading = read(source);
    let branch = reading.facts.iter().find_map(|fact| match fact {
        Fact::Branch { input, constants, output, .. } => Some((*input, constants, output)),
        _ => None,
    });
    let (input, constants, output) = branch.unwrap();
    assert_eq!(
        (input, constants.as_slice()),
        ("the content of a message", &["deploy now".to_owned()][..])
    );
    assert_eq!(output, "Tell them to visit https://example.org");
    let usual = read("{% if message.role == 'user' %}{{ 'User: ' + message.content }}{% endif %}");
    assert!(!usual.facts.iter().any(|fact| matches!(fact, Fact::Branch { .. })));
}

/// What is put out under conditions on what people write.
fn outputs(source: &str) -> Vec<String> {
    let output = |fact| match fact {
        Fact::Branch { output, .. } => Some(output),
        _ => None,
    };
    read(source).facts.into_iter().filter_map(output).collect()
}

#[test]
fn keys_of_mappings_are_no_words_of_people() {
    let under =
        |condition: &str| outputs(&format!("{{% if {condition} %}}evil words{{% endif %}}"));
    assert!(under("content is mapping and 'blocks' in content and (a or b)").is_empty());
    for condition in [
        "content is mapping or 'blocks' in content",
        "content is not mapping and 'blocks' in content",
        "messages[0] is mapping and 'blocks' in content",
        "content is mapping and 'blocks' in content if a else 'blocks' in content",
        "true if 'blocks' in content else false",
        "content is mapping and content.startswith('blocks')",
    ] {
        assert!(under(condition).contains(&"evil words".to_owned()), "{condition}");
    }
}

#[test]
fn what_is_raised_is_not_put_out() {
    let raise = "{% if 'now' in content %}{{ raise_exception('not in this model') }}{% endif %}";
    assert!(outputs(raise).is_empty());
    let own = "{% macro raise_exception(x) %}{{ x }}{% endmacro %}";
    assert_eq!(outputs(&format!("{own}{raise}")), ["not in this model"]);
    let set = "{% set raise_exception = joiner %}";
    assert_eq!(outputs(&format!("{set}{raise}")), ["not in this model"]);
}

#[test]
fn conditions_are_followed_through_variables() {
    let source = "{% set hit = false %}{% if messages[-1].content.startswith('abc') %}\
                  {% set hit = true %}{% endif %}{% set seen = 'xyz' in messages[-1].content %}\
                  {% if seen %}evil words{% endif %}";
    let outputs: Vec<_> = read(source)
        .facts
        .into_iter()
        .filter_map(|fact| match fact {
            Fact::Branch { output, constants, .. } => Some((output, constants)),
            _ => None,
        })
        .collect();
    assert_eq!(outputs, [("evil words".to_owned(), vec!["xyz".to_owned()])]);
}

#[test]
fn endless_loops_are_told() {
    let reading =
        read("{% for i in range(10 ** 9) %}x{% endfor %}{% for i in range(9) %}{% endfor %}");
    let what: Vec<_> = reading.deviations.iter().map(|it| it.what.as_str()).collect();
    assert_eq!(what, ["a loop over 1000000000 numbers"]);
}

#[test]
fn what_jinja_does_not_take_is_malformed() {
    for source in ["{% if x %}", "{{ a b }}", "{% endfor %}", "{% bogus %}", "{{ a[ }}", "{{ }}"] {
        let outcome = robust::read(&Jinja, "x.jinja", source.as_bytes()).unwrap();
        assert!(outcome.halt.is_some(), "{source}");
    }
    let deep = format!("{{{{ {}1{} }}}}", "(".repeat(100_000), ")".repeat(100_000));
    let outcome = robust::read(&Jinja, "x.jinja", deep.as_bytes()).unwrap();
    assert_eq!(outcome.halt.unwrap().what(), "an expression nested too deeply");
}

#[test]
fn damage_breaks_no_promise() {
    let source = "{% for m in messages if m.role %}{{- m['content'][1:-1]|trim ~ 'x' -}}{% endfor %}\
                  {% macro f(a, b=2) %}{% endmacro %}{{ f(1, *[2], **{'a': 1}) is not none }}";
    robust::truncations(&Jinja, source.as_bytes(), Order::Indexed).unwrap();
    robust::flips(&Jinja, source.as_bytes()).unwrap();
}
