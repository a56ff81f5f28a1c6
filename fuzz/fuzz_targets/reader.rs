//! One reader at a time: the first byte chooses it, the rest is the file.
//!
//! With `DAVY_READER=pickle` in the environment every input goes to that reader whole, so that a
//! folder of real files is a corpus as it is.
#![no_main]

use davy_artifact::{Format, Input, Reading, Role};
use davy_bytes::{Budget, Bytes, Limits};
use davy_formats::FORMATS;
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

/// The reader that the environment names.
static NAMED: LazyLock<Option<&'static dyn Format>> = LazyLock::new(|| {
    let name = std::env::var("DAVY_READER").ok()?;
    let found = FORMATS.iter().find(|format| format.id() == name);
    Some(*found.unwrap_or_else(|| panic!("there is no reader `{name}`")))
});

fuzz_target!(|data: &[u8]| {
    let chosen = match (*NAMED, data.split_first()) {
        (Some(format), _) => Some((format, data)),
        (None, Some((first, rest))) => {
            FORMATS.get(usize::from(*first) % FORMATS.len().max(1)).map(|format| (*format, rest))
        }
        (None, None) => None,
    };
    if let Some((format, data)) = chosen {
        read(format, data);
    }
});

fn read(format: &dyn Format, data: &[u8]) {
    let bytes = Bytes::from_memory(data);
    let input = Input { bytes: &bytes, name: "fuzzed", role: Role::Loaded };
    let limits = Limits { expansion: 16 << 20, memory: 64 << 20, steps: 5_000_000, ..Limits::default() };
    let mut reading = Reading::default();
    let _ = format.probe(&data[..data.len().min(4096)], &input);
    let halt = format.read(&input, &mut reading, &mut Budget::new(limits)).err();
    let size = bytes.len();
    for fact in &reading.facts {
        assert!(fact.site().span.end() <= size, "{fact:?} lies outside of {size} bytes");
    }
    assert!(halt.is_none_or(|halt| halt.at() <= size), "the halt lies outside of {size} bytes");
}
