use super::*;
use davy_artifact::{Fact, Quirk, Role};
use davy_bytes::Bytes;
use davy_testkit::robust;

fn read(format: &dyn Format, text: &str) -> Reading {
    let bytes = Bytes::from_memory(text.as_bytes());
    let input = Input { bytes: &bytes, name: "x", role: Role::Present };
    let mut reading = Reading::default();
    let _ = format.read(&input, &mut reading, &mut Budget::default());
    reading
}

fn references(text: &str) -> Vec<(String, &'static str)> {
    let reference = |fact: Fact| match fact {
        Fact::Reference { target, purpose, .. } => Some((target, purpose)),
        _ => None,
    };
    read(&Xml, text).facts.into_iter().filter_map(reference).collect()
}

#[test]
fn external_entities_are_told_in_every_spelling() {
    let hidden =
        "<!DOCTYPE a [ <!-- > ' --> <!ENTITY x '>]'> <!ENTITY y SYSTEM 'file:///e'> ]><a/>";
    assert_eq!(references(hidden), [("file:///e".to_owned(), "external entity")]);
    let parameter = "<!DOCTYPE a [<!ENTITY % p PUBLIC \"-\" \"http://x/\"> %p;]><a/>";
    assert_eq!(references(parameter), [("http://x/".to_owned(), "external entity")]);
    let outside = "<!DOCTYPE PMML SYSTEM \"pmml-2-0.dtd\"><PMML/>";
    assert_eq!(references(outside), [("pmml-2-0.dtd".to_owned(), "document type")]);
    let included =
        "<a xmlns:i=\"http://www.w3.org/2001/XInclude\"><xi:include href='/etc/&#x70;'/></a>";
    assert_eq!(references(included), [("/etc/p".to_owned(), "included document")]);
    assert!(references("<!DOCTYPE a [<!ENTITY x 'y'>]><a>&x;</a>").is_empty());
}

#[test]
fn entities_that_grow_are_told_without_being_expanded() {
    let mut text = "<!DOCTYPE a [<!ENTITY e0 'lol'>".to_owned();
    for level in 1..10 {
        let inner = format!("&e{};", level - 1).repeat(10);
        text.push_str(&format!("<!ENTITY e{level} '{inner}'>"));
    }
    text.push_str("]><a>&e9;</a>");
    let reading = read(&Xml, &text);
    assert_eq!(reading.deviations.len(), 1);
    assert_eq!(reading.deviations[0].quirk, Quirk::Expansion);
    let looped = read(&Xml, "<!DOCTYPE a [<!ENTITY x '&y;'><!ENTITY y '&x;'>]><a/>");
    assert_eq!(looped.deviations[0].quirk, Quirk::Cycle);
}

#[test]
fn wide_text_is_read_as_well() {
    let text = "<?xml version='1.0' encoding='UTF-16'?><!DOCTYPE a [<!ENTITY x SYSTEM '/e'>]><a/>";
    let mut wide = vec![0xff, 0xfe];
    wide.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
    let bytes = Bytes::from_memory(wide);
    let input = Input { bytes: &bytes, name: "x", role: Role::Present };
    let mut reading = Reading::default();
    Xml.read(&input, &mut reading, &mut Budget::default()).unwrap();
    assert_eq!(reading.facts.len(), 1);
    assert!(reading.gaps.is_empty());
}

#[test]
fn constants_are_checked_against_their_shapes() {
    let quirks = |data: &str| {
        let text = format!(
            "<net name='m' version='11'><layers><layer type='Const' version='opset1'>\
             <data {data}/></layer></layers></net>"
        );
        read(&OpenVino, &text).deviations.iter().map(|it| it.quirk).collect::<Vec<_>>()
    };
    assert!(quirks("element_type='f16' shape='4, 8' offset='0' size='64'").is_empty());
    assert!(quirks("element_type='u4' shape='3' offset='0' size='2'").is_empty());
    assert!(quirks("element_type='f32' shape='' offset='0' size='4'").is_empty());
    assert_eq!(quirks("element_type='f32' shape='9' offset='0' size='4'"), [Quirk::SizeMismatch]);
    let wraps = "element_type='f32' shape='1' offset='18446744073709551615' size='4'";
    assert_eq!(quirks(wraps), [Quirk::OutOfRange]);
    assert_eq!(quirks("element_type='f32' offset='-1' size='4'"), [Quirk::OutOfRange]);
}

#[test]
fn depth_does_not_recurse() {
    let deep = format!("<net>{}", "<a>".repeat(200_000));
    assert!(read(&OpenVino, &deep).facts.len() < 10);
}

#[test]
fn what_stands_behind_the_root_element_is_told_to_the_byte() {
    let utf16 = |text: &str| -> Vec<u8> {
        let units = std::iter::once(0xfeff).chain(text.encode_utf16());
        units.flat_map(u16::to_le_bytes).collect()
    };
    let document = "<?xml version=\"1.0\"?><net><é/></net>";
    for base in [document.as_bytes().to_vec(), utf16(document)] {
        let honest = robust::read(&Xml, "x", &base).unwrap();
        assert!(honest.reading.deviations.is_empty() && honest.halt.is_none());
        let rest = b"\xff\x01PK\x03\x04".as_slice();
        let read = robust::read(&Xml, "x", &[base.as_slice(), rest].concat()).unwrap();
        let [deviation] = read.reading.deviations.as_slice() else { panic!("{:?}", read.reading) };
        let len = u64::try_from(base.len()).unwrap();
        assert_eq!(deviation.span, davy_bytes::Span::new(len, 6));
        assert_eq!(read.reading.children.len(), 1);
    }
    let commented = format!("{document}\n<!-- made by hand -->\n<?end of it?>\n");
    let honest = robust::read(&Xml, "x", commented.as_bytes()).unwrap();
    assert!(honest.reading.deviations.is_empty() && honest.halt.is_none());
}
