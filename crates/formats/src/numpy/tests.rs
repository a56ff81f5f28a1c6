use super::*;
use davy_artifact::{Quirk, Role};
use davy_testkit::robust::{self, Order};

/// An array of format 1.0 with this header and these elements.
fn npy(header: &str, elements: &[u8]) -> Vec<u8> {
    let mut file = b"\x93NUMPY\x01\0".to_vec();
    let header = format!("{header}\n");
    file.extend(u16::try_from(header.len()).unwrap().to_le_bytes());
    file.extend(header.as_bytes());
    file.extend(elements);
    file
}

fn header(descr: &str, shape: &str) -> String {
    format!("{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}")
}

fn read(bytes: &[u8]) -> robust::Outcome {
    robust::read(&Npy, "x.npy", bytes).unwrap()
}

fn quirks(bytes: &[u8]) -> Vec<Quirk> {
    read(bytes).reading.deviations.iter().map(|it| it.quirk).collect()
}

#[test]
fn arrays_in_a_row_are_all_read() {
    let one = npy(&header("'<i2'", "(3,)"), &[1, 0, 2, 0, 3, 0]);
    let two = npy(&header("'<f8'", "()"), &[0; 8]);
    let file = [one, two].concat();
    let outcome = read(&file);
    assert!(outcome.halt.is_none() && outcome.reading.seamless);
    let children: Vec<_> =
        outcome.reading.children.iter().map(|it| (it.name.as_str(), it.bytes.len())).collect();
    assert_eq!(children, [("@elements", 6), ("@elements#2", 8)]);
}

#[test]
fn objects_are_a_pickle_at_its_place() {
    let file = npy(&header("[('a', [('b', '|O')])]", "(1,)"), b"\x80\x04N.");
    let outcome = read(&file);
    let [child] = outcome.reading.children.as_slice() else { panic!("{outcome:?}") };
    assert_eq!((child.role, child.bytes.len()), (Role::Loaded, 4));
}

#[test]
fn claims_are_held_against_the_bytes() {
    let short = npy(&header("'<f8'", "(3,)"), &[0; 8]);
    assert_eq!(quirks(&short), [Quirk::Truncated]);
    let long = npy(&header("'<f8'", "(1,)"), &[0; 9]);
    assert_eq!(quirks(&long), [Quirk::BytesAfterEnd]);
    for shape in ["(-1,)", "(4294967296, 4294967296)", "(9223372036854775807, 9)"] {
        assert_eq!(quirks(&npy(&header("'<f8'", shape), &[0; 8])), [Quirk::HugeIndex], "{shape}");
    }
    let empty = npy(&header("'<f8'", "(0, 4294967296, 4294967296)"), &[]);
    assert_eq!(quirks(&empty), []);
}

#[test]
fn headers_that_are_no_literal_are_told_and_shown() {
    let file = npy("__import__('os').system('id')", &[0; 8]);
    let outcome = read(&file);
    assert_eq!(outcome.halt.unwrap().blame().as_str(), "malformed");
    assert_eq!(outcome.reading.children[0].name, "@header.py");
    let twice = "{'descr': '<f8', 'fortran_order': False, 'shape': (2,), 'shape': (1,)}";
    assert_eq!(quirks(&npy(twice, &[0; 8])), [Quirk::LoadersDisagree]);
    let comment = format!("{} # hidden", header("'<f8'", "(1,)"));
    assert_eq!(quirks(&npy(&comment, &[0; 8])), [Quirk::Handmade]);
    let old = header("'<f8'", "(1L,)");
    assert_eq!(quirks(&npy(&old, &[0; 8])), []);
    let nul = format!("{}\0", header("'<f8'", "(1,)"));
    assert!(quirks(&npy(&nul, &[0; 8])).contains(&Quirk::OutOfRange));
}

#[test]
fn damage_breaks_no_promise() {
    let file = npy(&header("[('a', '<i2'), ('b', '<f4', (2, 3))]", "(2,)"), &[7; 52]);
    robust::truncations(&Npy, &file, Order::Indexed).unwrap();
    robust::flips(&Npy, &file).unwrap();
}

#[test]
fn places_in_latin_1_are_those_of_the_file() {
    let text = [b"{'descr': '<f8', 'f)".as_slice(), &[0xff; 60], b"'\n"].concat();
    let len = u16::try_from(text.len()).unwrap().to_le_bytes();
    let bytes = [b"\x93NUMPY\x01\x00".as_slice(), &len, &text].concat();
    let outcome = robust::read(&Npy, "x.npy", &bytes).unwrap();
    assert!(outcome.halt.unwrap().at() <= u64::try_from(bytes.len()).unwrap());
}
