use super::*;
use davy_testkit::robust;

/// A model of llama.cpp in one of its three old forms.
fn llama(magic: &[u8; 4], version: Option<u32>) -> Vec<u8> {
    let mut bytes = magic.to_vec();
    let mut put = |numbers: &[u32]| bytes.extend(numbers.iter().flat_map(|it| it.to_le_bytes()));
    if let Some(version) = version {
        put(&[version]);
    }
    put(&[2, 32, 256, 1, 1, 32, 2]);
    for token in ["a", "bc"] {
        bytes.extend(u32::try_from(token.len()).unwrap().to_le_bytes());
        bytes.extend(token.as_bytes());
        if version.is_some() {
            bytes.extend(1.0_f32.to_le_bytes());
        }
    }
    bytes.extend([1_u32, 1, 2, 32].iter().flat_map(|it| it.to_le_bytes()));
    bytes.push(b'w');
    if magic == b"tjgg" {
        bytes.resize(bytes.len().next_multiple_of(32), 0);
    }
    bytes.resize(bytes.len() + if version == Some(3) { 18 } else { 20 }, 7);
    bytes
}

#[test]
fn every_old_form_is_read_with_the_size_that_its_blocks_had() {
    let forms: [(&[u8; 4], _, _); 5] = [
        (b"lmgg", None, 20),
        (b"fmgg", Some(1), 20),
        (b"tjgg", Some(1), 20),
        (b"tjgg", Some(2), 20),
        (b"tjgg", Some(3), 18),
    ];
    for (magic, version, size) in forms {
        let bytes = llama(magic, version);
        assert_eq!(robust::probe(&Ggml, "x", &bytes), Probe::Certain);
        let outcome = robust::read(&Ggml, "x", &bytes).unwrap();
        assert!(outcome.halt.is_none() && outcome.reading.deviations.is_empty(), "{outcome:?}");
        let place = outcome.reading.facts.iter().find_map(|fact| match fact {
            Fact::Tensor { site, .. } => Some(site.span),
            _ => None,
        });
        assert_eq!(place, Some(Span::new(bytes.len() as u64 - size, size)), "{version:?}");
    }
}

#[test]
fn what_stands_behind_the_last_tensor_is_told_to_the_byte() {
    let mut bytes = llama(b"tjgg", Some(3));
    let end = bytes.len() as u64;
    bytes.extend(b"MZ program");
    let reading = robust::read(&Ggml, "x", &bytes).unwrap().reading;
    let found = &reading.deviations[0];
    assert_eq!((found.quirk, found.span), (Quirk::BytesAfterEnd, Span::new(end, 10)));
}

#[test]
fn text_that_starts_alike_is_no_model() {
    assert_eq!(robust::probe(&Ggml, "x", b"lmgg is a magic"), Probe::Possible);
    assert_eq!(robust::probe(&Ggml, "x", b"ggml"), Probe::No);
    assert_eq!(robust::probe(&Session, "x", b"nsgg\x09\0\0\0"), Probe::Certain);
    assert_eq!(robust::probe(&Imatrix, "x", b"\x01\0\0\0\x08\0\0\0t.weight"), Probe::Certain);
    assert_eq!(robust::probe(&Imatrix, "x", b"\x01\0\0\0\x08\0\0\0t.weighs"), Probe::No);
}
