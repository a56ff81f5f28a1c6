//! What the API gives of the corpus's files, and what hostile ones may cost.

use super::{File, Kind, Leads, Piece};
use davy_artifact::{Quirk, Reading};
use davy_bytes::{Blame, Budget, Bytes, Limits, Span, to_usize};
use davy_testkit::recipe;

fn opened(text: &str) -> (File, Reading) {
    let bytes = Bytes::from_memory(recipe::build(text).unwrap());
    let mut reading = Reading::default();
    let file = File::open(&bytes, &mut reading, &mut Budget::default()).unwrap();
    (file, reading)
}

fn words(pieces: Option<Vec<Piece>>) -> Vec<String> {
    let pieces = pieces.unwrap_or_default().into_iter();
    pieces.map(|piece| String::from_utf8(piece.text).unwrap()).collect()
}

#[test]
fn objects_are_found_through_all_their_names() {
    let (file, _) = opened(include_str!("../../corpus/hdf5/old-groups.hex"));
    let dataset = file.object("/g/x").unwrap();
    for path in ["g/x", "/again/x", "/g/s", "//g/./x"] {
        assert_eq!(file.object(path).map(|it| it.address), Some(dataset.address), "{path}");
    }
    assert!(file.object("/g/y").is_none() && file.object("/g/x/y").is_none());
    let group = file.object("/again").unwrap();
    assert_eq!((group.path.as_str(), group.kind), ("/again", Kind::Group));
    let names: Vec<&str> = file.members(group).map(|entry| entry.name.as_str()).collect();
    assert_eq!(names, ["s", "x"]);
    let second = file.entries().iter().find(|entry| entry.path == "/g").unwrap();
    assert!(matches!(second.leads, Leads::Object { first: false, .. }));
}

#[test]
fn texts_come_whole_and_with_their_place() {
    let (file, _) = opened(include_str!("../../corpus/hdf5/old-groups.hex"));
    let root = file.object("/").unwrap();
    let mut budget = Budget::default();
    let text = file.texts(root, "text", 100, &mut budget).unwrap().unwrap();
    assert_eq!(text[0].text, b"fixed");
    let long = file.texts(root, "long", 100, &mut budget).unwrap().unwrap();
    let there = file.space.bytes.copy(long[0].span, 100).unwrap();
    assert_eq!((long[0].text.as_slice(), there.as_slice()), (&b"variable"[..], &b"variable"[..]));
    let fault = file.texts(root, "long", 7, &mut budget).unwrap_err();
    assert_eq!(fault.blame(), Blame::Exhausted);
    assert_eq!(file.texts(root, "none", 7, &mut budget), Ok(None));

    let (file, _) = opened(include_str!("../../corpus/hdf5/new-groups.hex"));
    let root = file.object("/").unwrap();
    assert_eq!(words(file.joined_texts(root, "words", 99, &mut budget).unwrap()), ["one", "two"]);
    assert_eq!(file.texts(root, "compound", 99, &mut budget), Ok(None));
}

#[test]
fn elements_are_put_together_from_any_kind_of_chunks() {
    let new = opened(include_str!("../../corpus/hdf5/chunks-new.hex")).0;
    let old = opened(include_str!("../../corpus/hdf5/chunks-old.hex")).0;
    let datasets = ["fixed", "growing", "implicit", "single", "tree"].map(|name| (&new, name));
    for (file, name) in datasets.into_iter().chain([(&old, "tree")]) {
        let object = file.object(name).unwrap();
        let data = file.data(object, 100, &mut Budget::default()).unwrap().unwrap();
        let mut raw = data.bytes.copy(Span::new(0, 24), to_usize(data.bytes.len())).unwrap();
        raw.resize(24, 0);
        assert_eq!(raw, b"\x80\x02]q\0(K\x01K\x02e.\0\0\0\0\0\0\0\0\0\0\0\0", "{name}");
        assert!(data.whole);
        let start = file.data(object, 5, &mut Budget::default()).unwrap().unwrap();
        assert!(start.bytes.len() == 5 && !start.whole, "{name}");
    }
}

#[test]
fn other_files_are_named_in_both_forms_of_mappings() {
    for text in [
        include_str!("../../corpus/hdf5/elsewhere.hex"),
        include_str!("../../corpus/hdf5/elsewhere-short.hex"),
    ] {
        let (file, _) = opened(text);
        let parts = file.object("parts").unwrap();
        let sources = file.sources(parts, &mut Budget::default()).unwrap();
        let files: Vec<_> =
            sources.iter().map(|source| String::from_utf8_lossy(&source.file)).collect();
        let long = "/etc/a_name_that_is_long_enough_to_share";
        assert_eq!(files, [long, long, "."]);
        let external = &file.object("elsewhere").unwrap().dataset.as_ref().unwrap().external;
        assert_eq!((external[0].file.as_slice(), external[0].offset), (&b"../weights.bin"[..], 8));
    }
}

#[test]
fn memory_and_steps_end_a_walk_and_what_was_read_stays() {
    let bytes = recipe::build(include_str!("../../corpus/hdf5/old-groups.hex")).unwrap();
    let bytes = Bytes::from_memory(bytes);
    for limits in
        [Limits { memory: 2_000, ..Limits::default() }, Limits { steps: 900, ..Limits::default() }]
    {
        let mut reading = Reading::default();
        let file = File::open(&bytes, &mut reading, &mut Budget::new(limits)).unwrap();
        assert!(file.objects().len() < 3, "{limits:?}");
        assert_eq!(reading.gaps.last().unwrap().why.as_str(), "exhausted", "{limits:?}");
    }
}

#[test]
fn a_group_in_itself_is_walked_once() {
    let (file, reading) = opened(include_str!("../../corpus/hdf5/new-groups.hex"));
    assert_eq!(file.object("/self/self/self/big").unwrap().path, "/big");
    let quirks: Vec<Quirk> = reading.deviations.iter().map(|it| it.quirk).collect();
    assert_eq!(quirks, [Quirk::Cycle]);
}
