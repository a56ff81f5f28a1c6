use super::*;
use davy_artifact::Why;
use davy_bytes::{Blame, Limits};
use davy_testkit::recipe;

/// An archive of the corpus.
fn sample(name: &str) -> Bytes {
    let path = format!("{}/corpus/7z/{name}.hex", env!("CARGO_MANIFEST_DIR"));
    Bytes::from_memory(recipe::build(&std::fs::read_to_string(path).unwrap()).unwrap())
}

fn read(bytes: &Bytes, limits: Limits) -> Reading {
    let mut reading = Reading::default();
    let input = Input { bytes, name: "x.7z", role: Role::Present };
    if let Err(halt) = SevenZip.read(&input, &mut reading, &mut Budget::new(limits)) {
        reading.halted(&halt, bytes.len());
    }
    reading
}

#[test]
fn entries_are_children_under_their_names() {
    for name in ["honest", "copied", "bzip2", "deflate", "ppmd"] {
        let reading = read(&sample(name), Limits::default());
        assert_eq!((reading.gaps.len(), reading.deviations.len()), (0, 0), "{name}");
        let child = &reading.children[0];
        let content = child.bytes.copy(Span::new(0, 99), 99).unwrap();
        assert_eq!((child.name.as_str(), &content[..]), ("data.pkl", &b"cos\nsystem\n."[..]));
    }
}

#[test]
fn what_cannot_be_unpacked_is_a_gap_with_its_reason() {
    for (name, why) in [
        ("encrypted", Blame::Encrypted),
        ("encrypted-header", Blame::Encrypted),
        ("zstd", Blame::Unsupported),
        ("truncated", Blame::Malformed),
        ("damaged", Blame::Malformed),
    ] {
        let reading = read(&sample(name), Limits::default());
        let gaps: Vec<_> = reading.gaps.iter().map(|gap| gap.why).collect();
        assert_eq!(gaps, [Why::Halted(why)], "{name}: {:?}", reading.gaps);
    }
}

#[test]
fn unpacking_ends_at_the_budget() {
    let reading = read(&sample("honest"), Limits { expansion: 5, ..Limits::default() });
    assert_eq!(reading.gaps[0].why, Why::Halted(Blame::Exhausted));
}
