//! Walks the corpora of all formats: what is read in each sample, and what each reader endures.

use davy_formats::FORMATS;
use davy_testkit::robust::{self, Order};
use davy_testkit::snapshot;
use std::path::{Path, PathBuf};

/// Formats that are read from front to back.
const STREAMED: &[&str] = &["pickle"];

fn folder(format: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../formats/corpus").join(format)
}

fn order(format: &str) -> Order {
    if STREAMED.contains(&format) { Order::Streamed } else { Order::Indexed }
}

#[test]
fn every_format_has_a_corpus_and_reads_it_as_written() {
    let mut differences = String::new();
    for format in FORMATS {
        match snapshot::compare(*format, &folder(format.id())) {
            Ok(0) => differences.push_str(&format!("`{}` has an empty corpus\n", format.id())),
            Ok(_) => {}
            Err(why) => differences.push_str(&why),
        }
    }
    assert!(differences.is_empty(), "\n{differences}\nBLESS=1 rewrites the expectations");
}

#[test]
fn every_folder_of_the_corpus_belongs_to_a_format() {
    let Ok(folders) = folder("").read_dir() else { return assert!(FORMATS.is_empty()) };
    for entry in folders {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(FORMATS.iter().any(|format| format.id() == name), "`{name}` is no format");
    }
}

#[test]
fn every_reader_endures_damage_to_every_sample() {
    let mut broken = Vec::new();
    let mut previous = b"PK\x03\x04cos\nsystem\n.".to_vec();
    for format in FORMATS {
        for sample in snapshot::samples(&folder(format.id())).unwrap_or_default() {
            let checks = [
                robust::truncations(*format, &sample.bytes, order(format.id())),
                robust::flips(*format, &sample.bytes),
                robust::splices(*format, &sample.bytes, &previous),
            ];
            let failed = checks.into_iter().filter_map(Result::err);
            broken.extend(failed.map(|why| format!("{}/{}: {why}", format.id(), sample.name)));
            previous = sample.bytes;
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}
