use super::*;
use davy_artifact::Quirk;
use davy_testkit::robust::{self, Order};

fn chunk(kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).unwrap().to_be_bytes();
    [&length, kind.as_slice(), content, b"\0\0\0\0"].concat()
}

fn png(between: &[u8]) -> Vec<u8> {
    let header = chunk(b"IHDR", b"\0\0\0\x01\0\0\0\x01\x08\x02\0\0\0");
    [picture::PNG, &header, &chunk(b"IDAT", b"1234"), between, &chunk(b"IEND", b"")].concat()
}

/// Two images behind each other: a scan with a stuffed byte, and one with a restart.
fn jpeg() -> Vec<u8> {
    let image = |scan: &[u8]| {
        [b"\xff\xd8\xff\xe0\0\x04ab\xff\xff\xda\0\x03x".as_slice(), scan, b"\xff\xd9"].concat()
    };
    [image(b"12\xff\0\xff\x00"), image(b"12\xff\xd034")].concat()
}

fn gif() -> Vec<u8> {
    let screen = b"GIF89a\x01\0\x01\0\x80\0\0abcdef".as_slice();
    let image = b"!\xfe\x02hi\0,\0\0\0\0\x01\0\x01\0\0\x02\x02DQ\0;".as_slice();
    [screen, image].concat()
}

fn bmp() -> Vec<u8> {
    let mut file = b"BM\x3a\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0".to_vec();
    file.resize(0x3a, 1);
    file
}

fn riff(kind: &[u8; 4], chunks: &[u8]) -> Vec<u8> {
    let length = u32::try_from(4 + chunks.len()).unwrap().to_le_bytes();
    [b"RIFF".as_slice(), &length, kind, chunks].concat()
}

fn part(kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).unwrap().to_le_bytes();
    let padding = if content.len() % 2 == 1 { b"\0".as_slice() } else { b"" };
    [kind.as_slice(), &length, content, padding].concat()
}

fn atom(kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(8 + content.len()).unwrap().to_be_bytes();
    [&length, kind.as_slice(), content].concat()
}

fn mp4(between: &[u8]) -> Vec<u8> {
    let long = [b"\0\0\0\x01mdat\0\0\0\0\0\0\0\x14".as_slice(), b"1234"].concat();
    [&atom(b"ftyp", b"isom\0\0\x02\0"), between, &long, &atom(b"moov", b"12")].concat()
}

fn ogg() -> Vec<u8> {
    let page = [b"OggS\0\x02".as_slice(), &[0; 20], b"\x02\x03\x02abcde"].concat();
    [page.clone(), page].concat()
}

/// A tag, two frames of 128 kbit/s at 44.1 kHz, and an old tag.
fn mp3() -> Vec<u8> {
    let mut frame = b"\xff\xfb\x90\0".to_vec();
    frame.resize(417, 0x55);
    let mut old = b"TAG".to_vec();
    old.resize(128, 0);
    [b"ID3\x04\0\0\0\0\0\x02ab\0\0".as_slice(), &frame, &frame, &old].concat()
}

/// One file of each kind.
fn samples() -> Vec<(&'static Media, Vec<u8>)> {
    vec![
        (&PNG, png(b"")),
        (&JPEG, jpeg()),
        (&GIF, gif()),
        (&BMP, bmp()),
        (&RIFF, riff(b"WAVE", &[part(b"fmt ", b"123"), part(b"data", b"12")].concat())),
        (&MP4, mp4(b"")),
        (&OGG, ogg()),
        (&MP3, mp3()),
    ]
}

#[test]
fn whole_files_are_walked_to_their_end() {
    for (media, file) in samples() {
        let whole = robust::read(media, "x", &file).unwrap();
        assert!(whole.halt.is_none(), "{}: {:?}", media.id, whole.halt);
        assert_eq!(robust::probe(media, "x", &file), Probe::Certain, "{}", media.id);
        let Reading { seamless, children, deviations, .. } = whole.reading;
        assert!(seamless && children.is_empty() && deviations.is_empty(), "{}", media.id);
    }
}

#[test]
fn what_stands_behind_the_end_is_a_child() {
    for (media, file) in samples() {
        let longer = [file.as_slice(), b"#!/bin/sh\nid\n"].concat();
        let reading = robust::read(media, "x", &longer).unwrap().reading;
        let [deviation] = reading.deviations.as_slice() else { panic!("{}", media.id) };
        assert_eq!(deviation.quirk, Quirk::BytesAfterEnd, "{}", media.id);
        assert_eq!(deviation.span.start, file.len() as u64, "{}", media.id);
        let [child] = reading.children.as_slice() else { panic!("{}", media.id) };
        assert_eq!((child.bytes.len(), child.role), (13, Role::Leftover), "{}", media.id);
    }
}

#[test]
fn parts_that_no_player_knows_are_children() {
    let strange = [
        (&PNG, png(&chunk(b"ruNm", b"payload"))),
        (&RIFF, riff(b"WAVE", &part(b"JUNK", b"payload"))),
        (&MP4, mp4(&atom(b"free", b"payload"))),
    ];
    for (media, file) in strange {
        let reading = robust::read(media, "x", &file).unwrap().reading;
        let children: Vec<_> =
            reading.children.iter().map(|it| (it.bytes.len(), it.role)).collect();
        assert_eq!(children, [(7, Role::Storage)], "{}", media.id);
    }
    let known = png(&chunk(b"tEXt", b"Author\0nobody"));
    assert!(robust::read(&PNG, "x", &known).unwrap().reading.children.is_empty());
}

#[test]
fn files_that_break_off_say_so() {
    for (media, file) in samples() {
        // Recordings are cut anywhere, and end where no page starts.
        if !["mp3", "ogg"].contains(&media.id) {
            let cut = robust::read(media, "x", &file[..file.len() - 1]).unwrap();
            assert!(cut.halt.is_some(), "{}", media.id);
        }
    }
}

#[test]
fn numbers_and_texts_are_no_recordings() {
    let not = [
        b"\xff\xd8\xff\x12".as_slice(),
        b"BM is how this text begins",
        b"ID3 tags",
        b"\xff\xfe\xff\xfe",
        b"RIFF\x04\0\0\0CDR9",
        b"\0\0\0\x14fty",
        &[0xff; 64],
        &[0; 64],
    ];
    for bytes in not {
        for (media, _) in samples() {
            assert_eq!(robust::probe(media, "x", bytes), Probe::No, "{} {bytes:?}", media.id);
        }
    }
}

#[test]
fn damage_breaks_no_promise() {
    for (media, file) in samples() {
        robust::truncations(media, &file, Order::Streamed).unwrap();
        robust::flips(media, &file).unwrap();
        robust::splices(media, &file, &png(&chunk(b"ruNm", b"x"))).unwrap();
    }
}
