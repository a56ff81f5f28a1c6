//! Whatever is put where a format has no place for it is found, to the byte: every kind of file in a
//! sample of every format, before, behind and within.
#![allow(clippy::unwrap_used, reason = "a failing test panics")]

use davy_artifact::{Artifact, Quirk};
use davy_bytes::Bytes;
use davy_formats::FORMATS;
use davy_rules::Severity;
use davy_scan::{Options, Scanned, scan_bytes};
use davy_testkit::payload::{self, Payload};
use davy_testkit::places::{self, Place};
use davy_testkit::{robust, snapshot};
use std::path::Path;

/// Rules that speak of what should not be where it is.
const SPEAKING: &[&str] = &[
    "appended-data",
    "broken-pickle",
    "embedded-file",
    "hidden-member",
    "malformed-structure",
    "native-code",
    "pickle-after-end",
    "prepended-data",
    "several-directories",
    "loaders-disagree",
    "unsafe-call",
];

/// Streams: what is put into one is no longer what it was when it comes out.
const PACKED: &[&str] = &["7z", "bzip2", "gzip", "lz4", "lzma", "xz", "zlib", "zstd"];

/// Formats that end nobody knows where, and that are a gap as a whole.
const NAMED: &[&str] = &["archive", "program"];

/// Formats of programs, whose insides are their own.
const PROGRAMS: &[&str] = &["elf", "macho", "pe"];

fn scan(name: &str, bytes: &[u8]) -> Scanned {
    let options = Options { jobs: 1, ..Options::default() };
    scan_bytes(name, &Bytes::from_memory(bytes), &options)
}

/// Where an artifact starts in the input, as far as names tell.
fn offset(artifacts: &[Artifact], artifact: &Artifact) -> Option<u64> {
    let Some(parent) = artifact.parent else { return Some(0) };
    let parent = offset(artifacts, &artifacts[parent])?;
    let name = artifact.name();
    let within = match name.split("@0x").nth(1) {
        _ if name.starts_with("@prefix") => 0,
        Some(hex) => u64::from_str_radix(hex.split('#').next()?, 16).ok()?,
        None => return None,
    };
    Some(parent + within)
}

/// Whether `artifact` is the payload that stands at `at`, neither more nor less: it has its bytes, or
/// its reader says that it ends where the payload does.
fn is_payload(scanned: &Scanned, artifact: &Artifact, payload: &Payload, at: u64) -> bool {
    let len = payload.bytes.len() as u64;
    let Some(identity) = artifact.identities.iter().find(|it| it.format == payload.format) else {
        return false;
    };
    let here = offset(&scanned.artifacts, artifact);
    let exact = here.is_none_or(|here| here == at);
    let behind = identity.reading.deviations.iter().any(|deviation| {
        let around = [Quirk::BytesAfterEnd, Quirk::BytesBetween, Quirk::Repeated];
        // Zeros behind a stream are padding.
        let most = if payload.format == "gzip" { len + 8 } else { len };
        around.contains(&deviation.quirk) && (len..=most).contains(&deviation.span.start)
    });
    // A further stream of the format that is around it is a part of the whole.
    let further = identity.reading.deviations.iter().any(|deviation| {
        let bounds = [deviation.span.start, deviation.span.end()];
        here == Some(0) && at > 0 && bounds.contains(&at)
    });
    // Zeros behind it are padding to its readers, as they are where tapes end.
    let padded = payload.format == "gzip" && artifact.name().starts_with("@between@");
    exact && (artifact.size == len || padded) || here == Some(at) && behind || further
}

/// Whether `artifact` is an archive that starts at `at`, whatever stands before it: readers of
/// archives look from the end.
fn is_archive(scanned: &Scanned, artifact: &Artifact, payload: &Payload, at: u64) -> bool {
    let here = offset(&scanned.artifacts, artifact);
    let mut deviations = artifact
        .identities
        .iter()
        .filter(|identity| identity.format == payload.format)
        .flat_map(|identity| &identity.reading.deviations);
    // A member that only the archive within has, in an archive around it.
    let unlisted = |it: &Artifact| {
        let parent = it.parent.map(|parent| &scanned.artifacts[parent]);
        it.name() == "note.txt" && parent.is_some_and(|parent| parent.is("zip"))
    };
    deviations.any(|deviation| match deviation.quirk {
        Quirk::BytesBeforeStart => here.is_some_and(|here| here + deviation.span.end() == at),
        _ => false,
    }) || payload.format == "zip" && unlisted(artifact)
}

/// Whether a reader of pickles came to `at` by itself, and tells what it looks up there.
fn is_followed(scanned: &Scanned, artifact: &Artifact, payload: &Payload, at: u64) -> bool {
    let Some(here) = offset(&scanned.artifacts, artifact) else { return false };
    let within = at..at + payload.bytes.len() as u64;
    let mut facts = artifact.identities.iter().flat_map(|identity| &identity.reading.facts);
    payload.format == "pickle"
        && facts.any(|fact| {
            fact.kind() == "import" && within.contains(&(here + fact.site().span.start))
        })
}

/// What is wrong, if the payload at `at` of `bytes` is not found as what it is, or not told where it
/// is not `open`.
fn missed(name: &str, bytes: &[u8], payload: &Payload, at: usize, open: bool) -> Option<String> {
    let scanned = scan(name, bytes);
    let found: Vec<&Artifact> = scanned
        .artifacts
        .iter()
        .filter(|artifact| {
            is_payload(&scanned, artifact, payload, at as u64)
                || is_archive(&scanned, artifact, payload, at as u64)
                || is_followed(&scanned, artifact, payload, at as u64)
        })
        .collect();
    if found.is_empty() {
        let seen: Vec<_> = scanned
            .artifacts
            .iter()
            .map(|it| {
                let formats: Vec<_> = it.identities.iter().map(|it| it.format).collect();
                format!("{} {formats:?} {}", it.path, it.size)
            })
            .collect();
        return Some(format!("not found at {at:#x}: {seen:?}"));
    }
    let spoken = open
        || scanned.findings.iter().any(|found_by| {
            let finding = &found_by.finding;
            SPEAKING.contains(&finding.rule.id)
                && found.iter().any(|it| {
                    let parent = it.parent.map(|parent| scanned.artifacts[parent].path.as_str());
                    finding.artifact == it.path || Some(finding.artifact.as_str()) == parent
                })
        });
    (!spoken).then(|| {
        let rules: Vec<_> = scanned.findings.iter().map(|it| it.finding.rule.id).collect();
        format!("found and not told: {rules:?}")
    })
}

/// A sample of each format that is read without a gap, if it has one.
fn samples() -> Vec<(&'static str, Vec<u8>)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../formats/corpus");
    let sample = |format: &'static dyn davy_artifact::Format| {
        let samples = snapshot::samples(&root.join(format.id())).unwrap_or_default();
        let honest = samples.iter().find(|sample| {
            let outcome = robust::read(format, &sample.name, &sample.bytes).unwrap();
            outcome.halt.is_none() && outcome.reading.deviations.is_empty()
        });
        let chosen = honest.or(samples.first())?;
        Some((format.id(), chosen.bytes.clone()))
    };
    FORMATS.iter().filter_map(|format| sample(*format)).collect()
}

/// Bytes that are no padding, no text and no file.
const NOISE: &[u8] = b"\xff\x01\xfe\x02\xfd\x03\xfc\x04\xfb\x05\xfa\x06\xf9";

#[test]
fn files_behind_before_and_within_every_format_are_found_to_the_byte() {
    let mut wrong = Vec::new();
    let mut checked = 0;
    for (format, base) in samples() {
        let text = davy_formats::text::is_text(&base);
        for payload in payload::all() {
            let script = payload.format == "script";
            let half = base.len() / 2;
            let zeros = vec![0; 100];
            let mut places = vec![
                ("behind", vec![&base, &payload.bytes], base.len()),
                ("before", vec![&payload.bytes, &base], 0),
            ];
            let noise = NOISE.to_vec();
            places.push(("behind noise", vec![&base, &noise, &payload.bytes], base.len() + 13));
            places.push(("behind zeros", vec![&base, &zeros, &payload.bytes], base.len() + 100));
            let (start, end) = (base[..half].to_vec(), base[half..].to_vec());
            places.push(("within", vec![&start, &noise, &payload.bytes, &noise, &end], half + 13));
            for (place, parts, at) in places {
                // Text in text is text, and what is in a stream is packed.
                let letters =
                    base.first().is_some_and(|byte| davy_formats::text::is_text(&[*byte]));
                let joined = match place {
                    // Streams one behind the other, and the padding between them, are one file.
                    "before" | "behind" | "behind zeros" if payload.format == format => true,
                    "behind" => text && script,
                    // Zeros behind a stream of gzip are padding.
                    "before" if payload.format == "gzip" => base.starts_with(&[0]),
                    "before" => letters && script,
                    // A string of a document holds any bytes, and its reader knows of them.
                    "within" => text && payload.format == "zip",
                    _ => false,
                };
                let own = [PACKED, PROGRAMS].concat().contains(&format) && place == "within";
                if joined || own || NAMED.contains(&format) && place != "before" {
                    continue;
                }
                let bytes: Vec<u8> = parts.into_iter().flatten().copied().collect();
                checked += 1;
                if let Some(why) = missed(&format!("sample.{format}"), &bytes, &payload, at, false)
                {
                    wrong.push(format!("{} {place} {format}: {why}", payload.name));
                }
            }
        }
    }
    assert!(checked > 1000, "{checked}");
    assert!(wrong.is_empty(), "{} of {checked}:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn files_in_every_place_that_formats_have_room_in_are_found_to_the_byte() {
    let mut wrong = Vec::new();
    let mut checked = 0;
    for payload in payload::all() {
        for Place { name, place, open, bytes } in places::raw(&payload.bytes) {
            // A text that goes on as a script is one text, and nothing runs the texts of a pickle.
            if payload.format == "script" && ["x.npy", "x.pkl"].contains(&name) {
                continue;
            }
            let at = (0..bytes.len()).find(|at| bytes[*at..].starts_with(&payload.bytes)).unwrap();
            checked += 1;
            if let Some(why) = missed(name, &bytes, &payload, at, open) {
                wrong.push(format!("{} {place} {name}: {why}", payload.name));
            }
        }
    }
    assert!(checked > 500, "{checked}");
    assert!(wrong.is_empty(), "{} of {checked}:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn files_in_base64_are_read_as_what_they_are() {
    let mut wrong = Vec::new();
    for payload in payload::all() {
        for Place { name, place, open, bytes } in places::encoded(&payload.bytes) {
            // What texts of a pickle spell is its reader's business, but for scripts, which nothing
            // in a pickle runs.
            if payload.format == "script" && name == "x.pkl" {
                continue;
            }
            let text = places::base64(&payload.bytes);
            let at = (0..bytes.len()).find(|at| bytes[*at..].starts_with(text.as_bytes())).unwrap();
            if let Some(why) = missed(name, &bytes, &payload, at, open) {
                wrong.push(format!("{} {place} {name}: {why}", payload.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn zeros_behind_a_file_are_padding_and_numbers_are_not_silent() {
    for (format, base) in samples() {
        let found = scan(&format!("sample.{format}"), &[base.as_slice(), NOISE].concat());
        let told = found.artifacts.iter().any(|artifact| !artifact.gaps.is_empty())
            || found.findings.iter().any(|it| it.finding.severity >= Severity::Low);
        assert!(told, "{format}");
    }
}
