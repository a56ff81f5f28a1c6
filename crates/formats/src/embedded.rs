//! Texts in the metadata of a model that are something of their own: templates, configurations,
//! source, encoded bytes. Readers make artifacts of them, so that whoever knows such things reads
//! them.

use crate::keras::base64;
use davy_artifact::{Reading, Role};
use davy_bytes::{Budget, Bytes, Halt, Span, to_u64};

/// The shortest text that is looked at as base64: a pickle that calls anything is longer.
const ENCODED: usize = 24;

/// Characters of a key that the artifact made of its text has.
const NAME: usize = 200;

/// What a text is, beyond text.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Embedded {
    /// Something that its reader recognises, and the end that its name gets so that it does.
    Plain(&'static str),
    /// Bytes in base64.
    Encoded(Vec<u8>),
}

/// Makes an artifact of the text under `key` where it is something of its own: of `place`, the bytes
/// of the artifact that say it as it stands, or of a copy where they do not.
///
/// # Errors
/// [`Halt::exhausted`] when the copy does not fit into the budget.
pub(crate) fn push(
    key: &str,
    text: &str,
    (bytes, span, verbatim): (&Bytes, Span, bool),
    reading: &mut Reading,
    budget: &mut Budget,
) -> Result<(), Halt> {
    let Some(embedded) = kind(text) else { return Ok(()) };
    let name: String = key.chars().take(NAME).collect();
    match embedded {
        Embedded::Plain(end) => {
            let content = if verbatim {
                bytes.slice(span)
            } else {
                budget.spend_expansion(to_u64(text.len()), span.start)?;
                Bytes::from_memory(text.as_bytes())
            };
            reading.child(format!("{name}{end}"), content, role(key));
        }
        Embedded::Encoded(decoded) => {
            budget.spend_expansion(to_u64(decoded.len()), span.start)?;
            reading.child(format!("{name}.base64"), Bytes::from_memory(decoded), Role::Present);
        }
    }
    Ok(())
}

/// Whether loaders do something with the text under a key, as far as that is known.
fn role(key: &str) -> Role {
    let last = key.rsplit('/').next().unwrap_or(key);
    if last.contains("chat_template") { Role::Loaded } else { Role::Present }
}

/// What a text is, if it is more than text.
pub(crate) fn kind(text: &str) -> Option<Embedded> {
    let bare = text.trim();
    let has = |open, close| bare.contains(open) && bare.contains(close);
    if has("{{", "}}") || has("{%", "%}") {
        return Some(Embedded::Plain(if is_json(bare) { ".json" } else { ".jinja" }));
    }
    if is_json(bare) {
        return Some(Embedded::Plain(".json"));
    }
    if let Some(decoded) = encoded(bare) {
        return Some(Embedded::Encoded(decoded));
    }
    if is_source(bare) {
        return Some(Embedded::Plain(".py"));
    }
    if is_pickle(bare) {
        return Some(Embedded::Plain(""));
    }
    is_yaml(bare).then_some(Embedded::Plain(".yaml"))
}

fn is_json(bare: &str) -> bool {
    let opens = bare.strip_prefix('{').or_else(|| bare.strip_prefix('['));
    let Some(inside) = opens.map(str::trim_start) else { return false };
    let closes = bare.ends_with('}') || bare.ends_with(']');
    closes && inside.starts_with(|c: char| "\"{[}]-0123456789tfnNI".contains(c))
}

/// Bytes that are something, in base64 with either alphabet.
fn encoded(bare: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| byte.is_ascii_alphanumeric() || b"+/-_=\r\n".contains(&byte);
    if bare.len() < ENCODED || !bare.bytes().all(digit) {
        return None;
    }
    let decoded = base64::decode(&bare.replace('-', "+").replace('_', "/"))?;
    is_something(&decoded).then_some(decoded)
}

/// Whether bytes start as what can be loaded or run does.
fn is_something(bytes: &[u8]) -> bool {
    const STARTS: &[&[u8]] = &[
        b"\x1f\x8b",
        b"\x28\xb5\x2f\xfd",
        b"\x7fELF",
        b"\xfd7zXZ",
        b"7z\xbc\xaf",
        b"BZh",
        b"MZ",
        b"PK\x03\x04",
        b"\x89HDF",
        b"#!",
    ];
    let pickle = matches!(bytes, [0x80, 2..=5, ..]) && bytes.contains(&b'.');
    let zlib = matches!(bytes, [0x78, 0x01 | 0x5e | 0x9c | 0xda, ..]);
    let text = || std::str::from_utf8(bytes).is_ok_and(|text| is_source(text) || is_pickle(text));
    pickle || zlib || STARTS.iter().any(|start| bytes.starts_with(start)) || text()
}

/// Whether lines start as lines of a program do.
fn is_source(bare: &str) -> bool {
    const STARTS: &[&str] = &["#!/", "__import__(", "def ", "eval(", "exec(", "import ", "os."];
    let statement = |line: &str| {
        let line = line.trim_start();
        let import = line.starts_with("from ") && line.contains(" import ");
        import || STARTS.iter().any(|start| line.starts_with(start))
    };
    // A sentence may start with `import`; a program has what sentences have not.
    bare.contains(['(', '=']) && bare.split(['\n', ';']).take(1000).any(statement)
}

/// Whether a text is a pickle of protocol 0, which is text: it names a global and ends in a dot.
fn is_pickle(bare: &str) -> bool {
    let mut lines = bare.split('\n');
    let names = |text: &str| {
        !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '.'))
    };
    let Some(first) = lines.next() else { return false };
    let module = first.trim_start_matches(['(', 'd', 'l', 't']).strip_prefix('c');
    bare.ends_with('.') && module.is_some_and(names) && lines.next().is_some_and(names)
}

/// Whether a text is a mapping in YAML: several lines of keys, or one that builds something.
fn is_yaml(bare: &str) -> bool {
    let key = |line: &str| {
        let line = line.trim_start().trim_start_matches("- ");
        line.split_once(':').is_some_and(|(key, value)| {
            let plain = |c: char| c.is_alphanumeric() || "_-.'\"".contains(c);
            !key.is_empty()
                && key.chars().all(plain)
                && (value.is_empty() || value.starts_with(' '))
        })
    };
    let builds = ["_target_:", "!!python/", "class_path:"].iter().any(|word| bare.contains(word));
    builds || bare.split('\n').take(1000).filter(|line| key(line)).count() > 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_that_are_more_than_text_are_told() {
        let plain = |text: &str, end| assert_eq!(kind(text), Some(Embedded::Plain(end)), "{text}");
        plain("{% for m in messages %}{{ m }}{% endfor %}", ".jinja");
        plain(" {\"_target_\": \"os.system\"}", ".json");
        plain("[1, 2]", ".json");
        plain("_target_: os.system", ".yaml");
        plain("a: 1\nb: 2", ".yaml");
        plain("import os; os.system('id')", ".py");
        plain("cos\nsystem\n(S'id'\ntR.", "");
        let encoded = kind("gASVHgAAAAAAAACMBXBvc2l4lIwGc3lzdGVtlJOUjAJpZJSFlFKULg==");
        assert!(
            matches!(encoded, Some(Embedded::Encoded(bytes)) if bytes.starts_with(b"\x80\x04"))
        );
        for text in
            ["", "pt", "a model of 7B parameters.", "https://example.org/x", "import of data"]
        {
            assert_eq!(kind(text), None, "{text}");
        }
        assert_eq!(kind("0123456789abcdef0123456789abcdef"), None);
    }
}
