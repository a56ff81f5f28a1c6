//! What is read, how it is found again, and what is odd about it.

use super::*;
use davy_artifact::{Format, Input, Probe, Reading, Role, Value};
use davy_bytes::{Blame, Budget, Bytes, Limits, Span};
use davy_testkit::robust;

fn parse(text: impl AsRef<[u8]>) -> Document {
    let bytes = Bytes::from_memory(text.as_ref());
    Document::parse(&bytes, &mut Budget::default()).unwrap()
}

fn fault(text: impl AsRef<[u8]>) -> (u64, String) {
    let document = parse(text);
    let fault = document.fault().expect("a fault");
    (fault.at(), fault.what().to_owned())
}

fn oddities(text: impl AsRef<[u8]>) -> Vec<Oddity> {
    let document = parse(text);
    assert_eq!(document.fault(), None);
    document.notes().iter().map(|note| note.oddity).collect()
}

#[test]
fn values_are_found_by_key_and_position() {
    let document = parse(br#" {"config": {"layers": [1, {"name": "d\u0065nse"}, -2.5e3, null]}} "#);
    let root = document.root().unwrap();
    let layers = root.at(&["config", "layers"]).unwrap();
    assert_eq!((root.len(), layers.len(), layers.kind()), (1, 4, Kind::Array));
    let name = layers.item(1).unwrap().get("name").unwrap();
    assert_eq!(name.text().unwrap(), "dense");
    assert!(name.is_text("dense") && !name.is_text("d\\u0065nse"));
    assert_eq!(name.path(), "config.layers[1].name");
    assert_eq!(name.span(), Span::new(36, 12));
    let key = name.key().unwrap();
    assert_eq!((key.text().unwrap().as_ref(), key.path()), ("name", name.path()));
    assert_eq!(layers.item(2).unwrap().number(), Some(-2500.0));
    assert_eq!(layers.item(0).unwrap().int(), Some(1));
    assert!(layers.item(3).unwrap().is_null() && layers.item(4).is_none());
    assert_eq!(layers.item(2).unwrap().path(), "config.layers[2]");
}

#[test]
fn the_last_of_several_keys_wins_and_all_are_there() {
    let document = parse(br#"{"a": 1, "b": {"x": 0, "x": 1}, "\u0061": 2}"#);
    let root = document.root().unwrap();
    assert_eq!(root.get("a").unwrap().int(), Some(2));
    let all: Vec<_> = root.all("a").filter_map(Node::int).collect();
    assert_eq!(all, [1, 2]);
    let twice: Vec<_> = document.duplicates().iter().map(|key| key.span().start).collect();
    assert_eq!(twice, [23, 32]);
}

#[test]
fn escapes_give_the_characters_that_python_gives() {
    let document =
        parse(br#"["\"\\\/\b\f\n\r\t", "\ud83d\ude00", "\ud83d", "\ude00\ud83d", "\u00e9"]"#);
    let texts: Vec<_> = document.root().unwrap().items().map(|it| it.text().unwrap()).collect();
    let expected = ["\"\\/\u{8}\u{c}\n\r\t", "😀", "\u{fffd}", "\u{fffd}\u{fffd}", "é"];
    assert_eq!(texts, expected);
    let lone: Vec<_> = document.notes().iter().map(|note| note.span.start).collect();
    assert_eq!(lone, [38, 48, 54]);
}

#[test]
fn what_python_takes_beyond_the_standard_is_read_and_noted() {
    assert_eq!(oddities("[NaN, Infinity, -Infinity]"), [Oddity::NotFinite; 3]);
    assert_eq!(oddities(b"\xef\xbb\xbf[]"), [Oddity::ByteOrderMark]);
    assert_eq!(oddities(b"[\"a\tb\"]"), [Oddity::ControlCharacter]);
    assert_eq!(oddities(b"[\"caf\xe9\"]"), [Oddity::NotUtf8]);
    assert_eq!(oddities(b"[\"\\t caf\xe9\"]"), [Oddity::NotUtf8]);
    assert_eq!(oddities("[".repeat(1500) + &"]".repeat(1500)), [Oddity::Deep]);
    assert_eq!(oddities("9".repeat(4301)), [Oddity::LongNumber]);
    assert_eq!(oddities("[true, false, null, 0, -0.5, 1E9, 12]"), []);
}

#[test]
fn text_in_wide_units_is_read_with_its_places() {
    let text = r#"{"é": "模"}"#;
    let wide = |unit: u16| unit.to_le_bytes();
    let utf16: Vec<u8> = text.encode_utf16().flat_map(wide).collect();
    let utf32: Vec<u8> = text.chars().flat_map(|c| u32::from(c).to_be_bytes()).collect();
    for (bytes, span) in [(utf16, Span::new(12, 6)), (utf32, Span::new(24, 12))] {
        let document = parse(&bytes);
        assert_eq!(document.fault(), None);
        let value = document.root().unwrap().get("é").unwrap();
        assert_eq!((value.text().unwrap().as_ref(), value.span()), ("模", span));
        assert_eq!(document.notes()[0].oddity, Oddity::Encoding);
    }
    let cut = parse([b'[', 0, b'1', 0]);
    assert_eq!(cut.fault().unwrap().at(), 4);
}

#[test]
fn faults_are_those_of_python_and_keep_what_stands_before() {
    let cases = [
        ("", 0, "no JSON value"),
        ("[1,]", 3, "no JSON value"),
        ("[1 2]", 3, "no comma between JSON values"),
        ("{\"a\" 1}", 5, "no colon behind a key"),
        ("{a: 1}", 1, "no key in a JSON object"),
        ("{\"a\": 1,}", 8, "no key in a JSON object"),
        ("[01]", 2, "no comma between JSON values"),
        ("[1.]", 2, "no comma between JSON values"),
        ("[-]", 1, "a number without digits"),
        ("[nul]", 1, "no JSON value"),
        ("[\"\\x\"]", 2, "an escape that JSON does not have"),
        ("[\"\\u00g0\"]", 2, "an escape without four hexadecimal digits"),
        ("[1}", 2, "no comma between JSON values"),
        ("{} {}", 3, "something behind the end of the JSON value"),
        ("[1, \"ab", 4, "truncated string"),
        ("{\"a\": [1", 8, "truncated JSON array"),
    ];
    for (text, at, what) in cases {
        assert_eq!(fault(text), (at, what.to_owned()), "{text}");
    }
    let document = parse("{\"a\": [1, {\"b\": 2, \"c\"");
    let array = document.root().unwrap().get("a").unwrap();
    assert_eq!(array.item(1).unwrap().get("b").unwrap().int(), Some(2));
    assert_eq!(array.item(1).unwrap().entries().count(), 1);
}

#[test]
fn depth_costs_no_stack_and_memory_is_bounded() {
    let deep = "{\"a\":[".repeat(50_000);
    let document = parse(&deep);
    assert_eq!(fault(&deep).1, "truncated JSON array");
    let mut node = document.root().unwrap();
    while let Some(next) = node.get("a").or_else(|| node.item(0)) {
        node = next;
    }
    let path = node.path();
    assert!(path.starts_with('…') && path.contains("[0].a.…[0].a") && path.len() < 200, "{path}");
    let node = document.nodes().nth(100).unwrap();
    assert!(node.path().starts_with("a[0].a[0].a[0].…[0].a[0]"), "{}", node.path());
    assert!(matches!(document.root().unwrap().value(), Value::Dict(_)));

    let limits = Limits { memory: 1 << 20, ..Limits::default() };
    for text in ["[".repeat(200_000), "[0".to_owned() + &",0".repeat(100_000), " ".repeat(300_000)]
    {
        let bytes = Bytes::from_memory(text.as_bytes());
        let document = Document::parse(&bytes, &mut Budget::new(limits)).unwrap();
        assert_eq!(document.fault().unwrap().blame(), Blame::Exhausted);
    }
}

#[test]
fn places_are_moved_to_where_the_text_stands() {
    let bytes = Bytes::from_memory(*b"[NaN, x");
    let frame = Span::new(100, 8);
    let document = Document::parse_within(&bytes, frame, &mut Budget::default()).unwrap();
    assert_eq!(document.notes()[0].span, Span::new(101, 3));
    assert_eq!(document.fault().unwrap().at(), 106);
    assert_eq!(document.root().unwrap().item(0).unwrap().span(), Span::new(101, 3));
    let packed = Span::new(100, 4);
    let document = Document::parse_within(&bytes, packed, &mut Budget::default()).unwrap();
    assert_eq!(document.root().unwrap().item(0).unwrap().span(), packed);
    assert_eq!(document.fault().unwrap().at(), 100);
}

#[test]
fn values_of_facts_are_bounded_and_exact() {
    let long = "x".repeat(5000);
    let document =
        parse(format!(r#"[{{"a": [{}1]}}, "{long}", 99999999999999999999, 1.5]"#, "1,".repeat(99)));
    let Value::List(items) = document.root().unwrap().value() else { panic!("no list") };
    let Value::Dict(entries) = &items[0] else { panic!("no dict") };
    let Value::List(numbers) = &entries[0].1 else { panic!("no list") };
    assert_eq!(numbers.last(), Some(&Value::More(76)));
    assert!(matches!(&items[1], Value::Text(text) if text.len == 5000 && text.head.len() == 1024));
    assert_eq!(items[2], Value::Long("99999999999999999999".to_owned()));
    assert_eq!(items[3], Value::Float(1.5));
}

#[test]
fn only_whole_documents_are_json() {
    let end = |text: &[u8]| {
        let bytes = Bytes::from_memory(text);
        let input = Input { bytes: &bytes, name: "x", role: Role::Present };
        let mut reading = Reading::default();
        let result = Json.read(&input, &mut reading, &mut Budget::default());
        assert!(reading.is_empty());
        assert_eq!(result.is_ok(), reading.seamless);
        result.map_err(|halt| halt.at())
    };
    assert_eq!(end(b"{\"a\": [1, 2]}\n"), Ok(()));
    assert_eq!(end(b"{\"a\": 1}\n{\"a\": 2}\n"), Err(9));
    assert_eq!(end(b"[\0]\0"), Ok(()));
    for text in [b"{}".as_slice(), b" \n[1", b"\xef\xbb\xbf{", b"\xff\xfe[\0", b"\0\0\0["] {
        assert_eq!(robust::probe(&Json, "x", text), Probe::Possible);
    }
    for text in [b"".as_slice(), b"12", b"\"a\"", b"\x80\x04}.", b"hello {}"] {
        assert_eq!(robust::probe(&Json, "x", text), Probe::No);
    }
}
