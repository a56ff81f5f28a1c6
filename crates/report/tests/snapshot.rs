//! Expected outputs as files; `BLESS=1` rewrites them, and a person reads the difference.

use std::fs;
use std::path::Path;

/// Compares `actual` with the snapshot called `name`.
pub fn check(name: &str, actual: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/snapshots").join(name);
    if std::env::var_os("BLESS").is_some() {
        fs::write(&path, actual).unwrap();
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    let differs = expected.lines().zip(actual.lines()).position(|(left, right)| left != right);
    assert!(
        expected == actual,
        "{name} differs from line {}; BLESS=1 rewrites it; now it is\n{actual}",
        differs.unwrap_or(expected.lines().count().min(actual.lines().count())) + 1,
    );
}
