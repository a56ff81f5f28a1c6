use super::*;
use davy_testkit::robust;

/// A length-delimited field.
fn field(number: u8, content: &[u8]) -> Vec<u8> {
    [&[number << 3 | 2, u8::try_from(content.len()).unwrap()], content].concat()
}

fn piece(text: &str, kind: u8) -> Vec<u8> {
    let content = [field(1, text.as_bytes()), vec![0x15, 0, 0, 0, 0, 0x18, kind]].concat();
    field(1, &content)
}

fn deviations(bytes: &[u8]) -> Vec<String> {
    let reading = robust::read(&SentencePiece, "x", bytes).unwrap().reading;
    reading.deviations.iter().map(|it| it.what.clone()).collect()
}

#[test]
fn pieces_are_counted_and_their_kinds_checked() {
    let honest = [piece("<unk>", 2), piece("<0x0A>", 6), piece("\u{2581}the", 1)].concat();
    assert_eq!(robust::probe(&SentencePiece, "x", &honest), Probe::Certain);
    let reading = robust::read(&SentencePiece, "x", &honest).unwrap().reading;
    let Fact::Object { detail, .. } = &reading.facts[0] else { panic!("{:?}", reading.facts) };
    assert!(detail == "3 pieces" && reading.seamless && reading.deviations.is_empty());
    let odd = [piece("<0x-1>", 6), piece("a", 9)].concat();
    assert_eq!(deviations(&odd).len(), 2);
}

#[test]
fn the_table_of_characters_has_to_lead_into_itself() {
    let model = |unit: u32, value: u32| {
        let mut array = vec![0; 1024];
        array[..4].copy_from_slice(&unit.to_le_bytes());
        array[4..8].copy_from_slice(&(value | 1 << 31).to_le_bytes());
        let map = [&1024_u32.to_le_bytes()[..], &array, b"a\0b\0"].concat();
        let len =
            |len: usize| [0x80 | u8::try_from(len & 127).unwrap(), u8::try_from(len >> 7).unwrap()];
        let map = [&[0x12][..], &len(map.len()), &map].concat();
        [&piece("a", 1)[..], &[0x1a], &len(map.len()), &map].concat()
    };
    // A step of one, with a value there.
    let unit = 1 << 10 | 1 << 8;
    assert_eq!(deviations(&model(unit, 3)), Vec::<String>::new());
    assert!(deviations(&model(unit, 4))[0].contains("behind the last one"));
    assert!(deviations(&model(1000 << 10, 0))[0].contains("behind its end"));
    assert!(deviations(&model(1 << 10 | 1 << 9, 0))[0].contains("behind its end"));
}

#[test]
fn what_stands_behind_the_pieces_is_found() {
    let mut bytes = piece("a", 1).repeat(3);
    let end = bytes.len() as u64;
    bytes.extend(b"\x7fELF\x02\x01\x01\0\0\0\0\0");
    let outcome = robust::read(&SentencePiece, "x", &bytes).unwrap();
    assert_eq!(robust::probe(&SentencePiece, "x", &bytes), Probe::Possible);
    assert!(outcome.halt.is_some());
    assert_eq!(outcome.reading.children[0].name, format!("@{end:#x}"));
}

#[test]
fn long_pieces_beyond_what_is_looked_at_are_a_gap() {
    let long = piece(&"x".repeat(70), 1);
    let halts = |count| robust::read(&SentencePiece, "x", &long.repeat(count)).unwrap().halt;
    assert!(halts(1000).is_none());
    assert!(halts(1001).is_some());
}
