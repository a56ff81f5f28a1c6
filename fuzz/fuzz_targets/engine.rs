//! The whole scan: identification, readers, children and rules; a crash behind the fence counts.
#![no_main]

use davy_artifact::Why;
use davy_bytes::{Bytes, Limits};
use davy_scan::{Options, scan_bytes};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let limits = Limits {
        artifacts: 1_000,
        expansion: 16 << 20,
        memory: 64 << 20,
        steps: 5_000_000,
        ..Limits::default()
    };
    let options = Options { survey: true, jobs: 1, limits };
    let scanned = scan_bytes("fuzzed", &Bytes::from_memory(data), &options);
    for gap in scanned.artifacts.iter().flat_map(|artifact| &artifact.gaps) {
        assert!(gap.why != Why::Crashed, "{}", gap.what);
    }
});
