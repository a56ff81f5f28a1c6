use super::*;
use davy_artifact::{Fact, Quirk};
use davy_testkit::robust::{self, Order};

fn read(bytes: &[u8]) -> robust::Outcome {
    robust::read(&MessagePack, "x.msgpack", bytes).unwrap()
}

fn children(bytes: &[u8]) -> Vec<(String, u64, Role)> {
    let it = read(bytes).reading.children;
    it.into_iter().map(|child| (child.name, child.bytes.len(), child.role)).collect()
}

/// `{"params": {"kernel": <array of 16 numbers>}}` as Flax writes it.
fn flax() -> Vec<u8> {
    let mut array = b"\x93\x92\x04\x04\xa7float32\xc4\x40".to_vec();
    array.extend([7; 64]);
    let mut file = b"\x81\xa6params\x81\xa6kernel\xc7".to_vec();
    file.push(u8::try_from(array.len()).unwrap());
    file.push(1);
    file.extend(array);
    file
}

const PICKLE: &[u8] = b"cos\nsystem\n(S'id'\ntR.";

#[test]
fn arrays_of_flax_are_tensors_and_storages() {
    let outcome = read(&flax());
    assert!(outcome.halt.is_none() && outcome.reading.seamless);
    assert_eq!(children(&flax()), [("params.kernel".to_owned(), 64, Role::Storage)]);
    let Fact::Tensor { tensor, .. } = &outcome.reading.facts[0] else { panic!() };
    assert_eq!((tensor.dtype.as_str(), tensor.elements), ("float32", 16));
    assert!(outcome.reading.deviations.is_empty());
    assert_eq!(robust::probe(&MessagePack, "x", &flax()), Probe::Possible);
}

#[test]
fn pickles_are_found_in_byte_strings_extensions_and_arrays_of_objects() {
    let bin = |key: &[u8], tag: &[u8]| {
        let mut file = b"\x81".to_vec();
        file.push(0xa0 + u8::try_from(key.len()).unwrap());
        file.extend(key);
        file.extend(tag);
        file.extend(PICKLE);
        file
    };
    let len = u8::try_from(PICKLE.len()).unwrap();
    assert_eq!(children(&bin(b"a", &[0xc4, len])), [("a".into(), 21, Role::Present)]);
    assert_eq!(children(&bin(b"a", &[0xc7, len, 99])), [("a".into(), 21, Role::Loaded)]);
    let mut numpy =
        b"\x84\xc4\x02nd\xc3\xc4\x04kind\xc4\x01O\xc4\x05shape\x91\x01\xc4\x04data\xc4".to_vec();
    numpy.push(len);
    numpy.extend(PICKLE);
    assert_eq!(children(&numpy), [("data".into(), 21, Role::Loaded)]);
}

#[test]
fn counts_are_held_against_the_bytes() {
    let mut bomb = b"\x81\xa1a\xdd\xff\xff\xff\xff".to_vec();
    let outcome = read(&bomb);
    assert!(outcome.halt.unwrap().what().contains("4294967295"));
    bomb = [b"\x91".repeat(100_000), vec![1]].concat();
    assert!(read(&bomb).halt.unwrap().what().contains("nested"));
    let mut short = flax();
    let at = short.windows(2).position(|pair| pair == [4, 4]).unwrap();
    short[at] = 5;
    let quirks: Vec<_> = read(&short).reading.deviations.iter().map(|it| it.quirk).collect();
    assert_eq!(quirks, [Quirk::SizeMismatch]);
}

#[test]
fn several_documents_are_read_and_what_is_left_is_told() {
    let two = [flax(), flax()].concat();
    assert!(read(&two).reading.seamless);
    let more = [flax(), b"more".to_vec()].concat();
    let outcome = read(&more);
    assert_eq!(outcome.reading.deviations[0].quirk, Quirk::BytesAfterEnd);
    assert_eq!(outcome.reading.children[1].role, Role::Leftover);
}

#[test]
fn other_bytes_are_not_taken_for_it() {
    for other in [
        &b"\x93NUMPY\x01\0v\0{'descr': '<f8'"[..],
        b"\x89HDF\r\n\x1a\n\0\0\0\0\0\x08\x08",
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
        b"\x80\x04\x95",
        b"plain text",
        b"\xde\xad\xbe\xef\0\0\0\0",
    ] {
        assert_eq!(robust::probe(&MessagePack, "x", other), Probe::No, "{other:?}");
    }
}

#[test]
fn damage_breaks_no_promise() {
    robust::truncations(&MessagePack, &flax(), Order::Indexed).unwrap();
    robust::flips(&MessagePack, &flax()).unwrap();
}
