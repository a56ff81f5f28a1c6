use super::*;
use davy_artifact::Quirk;
use davy_testkit::robust::{self, Order};

fn string(text: &str) -> Vec<u8> {
    let mut bytes = u64::try_from(text.len()).unwrap().to_le_bytes().to_vec();
    bytes.extend(text.as_bytes());
    bytes
}

/// A model of one tree of three nodes, whose root leads to `left`.
fn binary(left: i32) -> Vec<u8> {
    let mut file = b"binf".to_vec();
    file.extend([0; 136]);
    file.extend(string("reg:linear"));
    file.extend(string("gbtree"));
    let mut trees = vec![1, 0, 0, 0];
    trees.resize(160, 0);
    file.extend(trees);
    let mut tree = vec![1, 0, 0, 0, 3, 0, 0, 0];
    tree.resize(148, 0);
    file.extend(tree);
    for (parent, left, right) in [(-1, left, 2), (0, -1, -1), (0, -1, -1)] {
        for word in [parent, left, right, 0, 0] {
            file.extend(i32::to_le_bytes(word));
        }
    }
    file.extend([0; 48]);
    file.extend([0; 4]);
    file
}

fn quirks(bytes: &[u8]) -> Vec<Quirk> {
    let outcome = robust::read(&XgBoost, "x", bytes).unwrap();
    outcome.reading.deviations.iter().map(|it| it.quirk).collect()
}

#[test]
fn binary_models_are_read_to_their_end() {
    let file = binary(1);
    assert_eq!(robust::probe(&XgBoost, "x", &file), Probe::Certain);
    let outcome = robust::read(&XgBoost, "x", &file).unwrap();
    assert!(outcome.reading.seamless && outcome.halt.is_none(), "{outcome:?}");
    assert_eq!(quirks(&file), []);
    assert_eq!(quirks(&binary(3)), [Quirk::OutOfRange]);
    assert_eq!(quirks(&[file.clone(), b"more".to_vec()].concat()), [Quirk::BytesAfterEnd]);
    assert_eq!(quirks(&file[..file.len() - 1]), [Quirk::Truncated]);
    assert_eq!(robust::probe(&XgBoost, "x", &file[4..]), Probe::Certain);
    assert_eq!(robust::probe(&XgBoost, "x", &[0; 400]), Probe::No);
}

fn key(name: &str) -> Vec<u8> {
    let mut bytes = b"L".to_vec();
    bytes.extend(u64::try_from(name.len()).unwrap().to_be_bytes());
    bytes.extend(name.as_bytes());
    bytes
}

fn ubjson(list: &[u8]) -> Vec<u8> {
    [b"{", key("learner").as_slice(), b"{", &key("w"), list, b"}}"].concat()
}

#[test]
fn ubjson_is_read_with_its_lists() {
    let file = ubjson(b"[$d#i\x02\0\0\0\0\x3f\x80\0\0");
    assert_eq!(robust::probe(&XgBoost, "x", &file), Probe::Certain);
    let outcome = robust::read(&XgBoost, "x", &file).unwrap();
    assert!(outcome.reading.seamless && outcome.halt.is_none(), "{outcome:?}");
    let Fact::Tensor { tensor, .. } = &outcome.reading.facts[0] else { panic!() };
    assert_eq!((tensor.storage.as_str(), tensor.elements), ("learner.w", 2));
    let mixed = ubjson(b"[ZTFNi\x01SU\x02hi[]{}C1]");
    assert!(robust::read(&XgBoost, "x", &mixed).unwrap().reading.seamless);
    let claims = ubjson(b"[$d#L\x7f\xff\xff\xff\xff\xff\xff\xff");
    assert!(robust::read(&XgBoost, "x", &claims).unwrap().halt.is_some());
    let deep = ubjson(&b"[".repeat(10_000));
    assert!(robust::read(&XgBoost, "x", &deep).unwrap().halt.unwrap().what().contains("deep"));
}

#[test]
fn text_is_not_taken_for_ubjson() {
    for text in [&b"{if learner Model}"[..], b"{item: learner}", b"{Ui\x05learner", b"{#items}"] {
        assert_eq!(robust::probe(&XgBoost, "x", text), Probe::No, "{text:?}");
    }
    assert_eq!(robust::probe(&XgBoost, "x", b"{i\x01aZ}"), Probe::Possible);
}

#[test]
fn trees_in_json_lead_to_their_own_nodes() {
    let model = |left: i32| {
        format!(
            r#"{{"learner": {{"gradient_booster": {{"model": {{"trees": [{{"left_children": [{left}, -1, -1],
            "right_children": [2, -1, -1]}}]}}, "name": "gbtree"}}}}, "version": [1, 7, 6]}}"#
        )
    };
    assert_eq!(quirks(model(1).as_bytes()), []);
    assert_eq!(quirks(model(9).as_bytes()), [Quirk::OutOfRange]);
    assert_eq!(robust::probe(&XgBoost, "x", model(1).as_bytes()), Probe::Possible);
    assert_eq!(robust::probe(&XgBoost, "x", b"{\"learner\": 1}"), Probe::No);
}

#[test]
fn damage_breaks_no_promise() {
    for file in [binary(1), ubjson(b"[$d#i\x02\0\0\0\0\x3f\x80\0\0")] {
        robust::truncations(&XgBoost, &file, Order::Indexed).unwrap();
        robust::flips(&XgBoost, &file).unwrap();
    }
}
