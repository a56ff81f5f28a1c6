use super::*;
use davy_artifact::{Fact, Role};
use davy_testkit::robust;

fn file(header: &str, data: usize) -> Vec<u8> {
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.as_bytes());
    bytes.extend(std::iter::repeat_n(7, data));
    bytes
}

fn reading(bytes: &[u8]) -> Reading {
    robust::read(&Safetensors, "x", bytes).unwrap().reading
}

fn quirks(bytes: &[u8]) -> Vec<Quirk> {
    reading(bytes).deviations.iter().map(|it| it.quirk).collect()
}

#[test]
fn only_a_length_before_a_json_object_is_safetensors() {
    let probe = |bytes: &[u8]| robust::probe(&Safetensors, "x", bytes);
    assert_eq!(probe(&file("{\"a\": 1}", 0)), Probe::Certain);
    assert_eq!(probe(&file(" { }", 0)), Probe::Certain);
    let mut long = file("{\"a\": 1}", 0);
    long[1] = 1;
    assert_eq!(probe(&long), Probe::Possible);
    // JSON with an object in an object, which looks like a length of letters before a header.
    let json = br#"{
  "1": {
    "x": 2}}"#;
    assert_eq!(probe(json), Probe::No);
    assert_eq!(robust::probe(&Safetensors, "x.safetensors", json), Probe::Possible);
    for other in
        [&b"{\"a\": 1}"[..], b"\x08\0\0\0\0\0\0\0[\"a\"]", b"\0\0\0\0\0\0\0\0{\"a\"", b"", b"x"]
    {
        assert_eq!(probe(other), Probe::No, "{other:?}");
    }
}

#[test]
fn the_tensor_that_each_entry_describes_is_a_fact_with_its_place() {
    let header = r#"{"w":{"dtype":"F16","shape":[2,3],"data_offsets":[0,12]}}"#;
    let reading = reading(&file(header, 12));
    assert!(reading.deviations.is_empty() && reading.seamless);
    let Some(Fact::Tensor { tensor, site }) = reading.facts.first() else { panic!("no tensor") };
    assert_eq!((tensor.elements, tensor.size.as_slice()), (6, &[2, 3][..]));
    assert_eq!(site.span, Span::new(8 + header.len() as u64, 12));
}

#[test]
fn bytes_that_no_tensor_takes_are_told_to_the_byte() {
    let header = r#"{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[4],"data_offsets":[9,13]}}"#;
    let reading = reading(&file(header, 16));
    let data = 8 + header.len() as u64;
    let places: Vec<_> = reading.deviations.iter().map(|it| (it.quirk, it.span)).collect();
    assert_eq!(
        places,
        [
            (Quirk::BytesBetween, Span::new(data + 4, 5)),
            (Quirk::BytesAfterEnd, Span::new(data + 13, 3)),
        ]
    );
    let left: Vec<_> = reading.children.iter().filter(|it| it.role == Role::Leftover).collect();
    assert_eq!((left.len(), left[0].bytes.len(), left[1].bytes.len()), (2, 5, 3));
}

#[test]
fn cut_files_are_told_from_files_that_claim_too_much() {
    let header = r#"{"a":{"dtype":"U8","shape":[8],"data_offsets":[0,8]}}"#;
    assert_eq!(quirks(&file(header, 6)), [Quirk::Truncated]);
    assert_eq!(quirks(&file(header, 2)), [Quirk::OutOfRange]);
    let lying = r#"{"a":{"dtype":"U8","shape":[99],"data_offsets":[0,8]}}"#;
    assert_eq!(quirks(&file(lying, 6)), [Quirk::SizeMismatch, Quirk::OutOfRange]);
}
