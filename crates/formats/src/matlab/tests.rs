use super::*;
use davy_artifact::{Quirk, Role};
use davy_testkit::robust::{self, Order as Reads};
use flate2::Compression;
use flate2::write::ZlibEncoder;
use std::io::Write;

fn element(kind: u32, data: &[u8]) -> Vec<u8> {
    let mut bytes = kind.to_le_bytes().to_vec();
    bytes.extend(u32::try_from(data.len()).unwrap().to_le_bytes());
    bytes.extend(data);
    bytes.resize(bytes.len().div_ceil(8) * 8, 0);
    bytes
}

/// A matrix of `class` with two sides, whose numbers are bytes.
fn matrix(class: u8, sides: [i32; 2], data: &[u8]) -> Vec<u8> {
    let sides: Vec<u8> = sides.iter().flat_map(|side| side.to_le_bytes()).collect();
    let parts = [
        element(6, &[class, 0, 0, 0, 0, 0, 0, 0]),
        element(5, &sides),
        vec![1, 0, 1, 0, b'x', 0, 0, 0],
        element(2, data),
    ];
    element(14, &parts.concat())
}

fn file(elements: &[u8]) -> Vec<u8> {
    let mut file = b"MATLAB 5.0 MAT-file".to_vec();
    file.resize(124, b' ');
    file.extend(b"\0\x01IM");
    file.extend(elements);
    file
}

fn quirks(bytes: &[u8]) -> Vec<Quirk> {
    let outcome = robust::read(&Matlab, "x.mat", bytes).unwrap();
    outcome.reading.deviations.iter().map(|it| it.quirk).collect()
}

#[test]
fn variables_are_told_and_their_bytes_are_kept() {
    let whole = file(&matrix(9, [8, 8], &[7; 64]));
    let outcome = robust::read(&Matlab, "x.mat", &whole).unwrap();
    assert!(outcome.reading.seamless && outcome.halt.is_none(), "{outcome:?}");
    assert_eq!(quirks(&whole), []);
    let [child] = outcome.reading.children.as_slice() else { panic!() };
    assert_eq!((child.name.as_str(), child.bytes.len(), child.role), ("x", 64, Role::Storage));
    assert_eq!(quirks(&file(&matrix(9, [9, 8], &[7; 64]))), [Quirk::SizeMismatch]);
    assert_eq!(quirks(&whole[..200]), [Quirk::Truncated]);
}

#[test]
fn compressed_variables_are_unpacked() {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(&matrix(6, [2, 1], &[1, 2])).unwrap();
    let packed = encoder.finish().unwrap();
    let mut compressed = 15_u32.to_le_bytes().to_vec();
    compressed.extend(u32::try_from(packed.len()).unwrap().to_le_bytes());
    compressed.extend(packed);
    let outcome = robust::read(&Matlab, "x", &file(&compressed)).unwrap();
    assert!(outcome.reading.seamless, "{outcome:?}");
    assert_eq!(outcome.reading.facts.len(), 3);
}

#[test]
fn cells_nest_only_so_deep() {
    let mut cell = matrix(6, [1, 1], &[1]);
    for _ in 0..100 {
        let header = [element(6, &[1, 0, 0, 0, 0, 0, 0, 0]), element(5, &[1, 0, 0, 0, 1, 0, 0, 0])];
        cell = element(14, &[header.concat(), element(1, b"c"), cell].concat());
    }
    let outcome = robust::read(&Matlab, "x", &file(&cell)).unwrap();
    assert!(outcome.halt.unwrap().what().contains("deep"));
}

#[test]
fn level_4_is_told_by_its_first_matrix() {
    let mut one =
        [0_u32, 2, 1, 0, 2].iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<_>>();
    one.extend(b"a\0");
    one.extend([0; 16]);
    assert_eq!(robust::probe(&Matlab, "x", &one), Probe::Possible);
    let two = [one.clone(), one.clone()].concat();
    assert!(robust::read(&Matlab, "x", &two).unwrap().reading.seamless);
    assert_eq!(quirks(&[one.clone(), b"more".to_vec()].concat()), [Quirk::BytesAfterEnd]);
    assert_eq!(robust::probe(&Matlab, "x", &one[..30]), Probe::No);
}

#[test]
fn damage_breaks_no_promise() {
    let whole = file(&matrix(9, [8, 8], &[7; 64]));
    robust::truncations(&Matlab, &whole, Reads::Indexed).unwrap();
    robust::flips(&Matlab, &whole).unwrap();
}
