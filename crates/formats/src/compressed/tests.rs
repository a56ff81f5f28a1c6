use super::*;
use davy_artifact::Why;
use davy_bytes::{Blame, Limits};
use davy_testkit::recipe::digits;
use std::io::Write;

fn bzip2(data: &[u8]) -> Vec<u8> {
    let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

fn lz4(data: &[u8]) -> Vec<u8> {
    let blocks = lz4_flex::frame::BlockSize::Max64KB;
    let form = lz4_flex::frame::FrameInfo::new().block_size(blocks);
    let mut encoder = lz4_flex::frame::FrameEncoder::with_frame_info(form, Vec::new());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

fn zstd(data: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(data, ruzstd::encoding::CompressionLevel::Fastest)
}

fn read(format: &dyn Format, name: &str, bytes: &[u8], expansion: u64) -> Reading {
    let bytes = Bytes::from_memory(bytes);
    let mut reading = Reading::default();
    let mut budget = Budget::new(Limits { expansion, ..Limits::default() });
    let input = Input { bytes: &bytes, name, role: Role::Present };
    if let Err(halt) = format.read(&input, &mut reading, &mut budget) {
        reading.halted(&halt, bytes.len());
    }
    reading
}

fn numbers(count: u32) -> Vec<u8> {
    (0..count).flat_map(|n| (n.wrapping_mul(n)).to_le_bytes()).collect()
}

#[test]
fn streams_longer_than_a_window_come_out_whole() {
    let data = numbers(200_000);
    let all: [(&dyn Format, Vec<u8>, &str); 3] = [
        (&BZIP2, bzip2(&data), "model.pkl.bz2"),
        (&LZ4, lz4(&data), "model.pkl.lz4"),
        (&ZSTD, zstd(&data), "model.pkl.zst"),
    ];
    for (format, packed, name) in all {
        let reading = read(format, name, &packed, 1 << 30);
        assert_eq!((reading.deviations.len(), reading.gaps.len()), (0, 0), "{name}");
        assert!(reading.seamless);
        let [child] = reading.children.as_slice() else { panic!("{name}") };
        assert_eq!(child.name, "model.pkl");
        assert_eq!(child.bytes.copy(Span::new(0, u64::MAX), usize::MAX).unwrap(), data, "{name}");
    }
}

#[test]
fn bombs_end_at_the_budget() {
    let zeros = vec![0; 8 << 20];
    let all: [(&dyn Format, Vec<u8>); 3] =
        [(&BZIP2, bzip2(&zeros)), (&LZ4, lz4(&zeros)), (&ZSTD, zstd(&zeros))];
    for (format, packed) in all {
        let reading = read(format, "x", &packed, 4 << 20);
        let quirks: Vec<_> = reading.deviations.iter().map(|it| it.quirk).collect();
        assert_eq!(quirks, [Quirk::Expansion], "{}", format.id());
        assert_eq!(reading.gaps[0].why, Why::Halted(Blame::Exhausted));
        assert!(reading.children[0].bytes.len() <= 4 << 20);
    }
}

#[test]
fn a_cut_stream_keeps_what_came_out() {
    let data = numbers(400_000);
    let all: [(&dyn Format, Vec<u8>); 2] = [(&BZIP2, bzip2(&data)), (&LZ4, lz4(&data))];
    for (format, packed) in all {
        let reading = read(format, "x", &packed[..packed.len() / 2], 1 << 30);
        assert_eq!(reading.gaps[0].why, Why::Halted(Blame::Malformed), "{}", format.id());
        let kept = &reading.children[0].bytes;
        let kept = kept.copy(Span::new(0, u64::MAX), usize::MAX).unwrap();
        assert!(kept.len() > 1000 && data.starts_with(&kept), "{}", format.id());
    }
}

#[test]
fn headers_of_lzma_are_told_from_chance() {
    let header = |properties: u8, dictionary: u32, size: u64| {
        [&[properties][..], &dictionary.to_le_bytes(), &size.to_le_bytes(), &[0]].concat()
    };
    assert!(is_lzma(&header(0x5d, 1 << 23, u64::MAX)));
    assert!(is_lzma(&header(0x5d, 3 << 20, 9)));
    assert!(!is_lzma(&header(0x5d, (1 << 23) + 1, u64::MAX)));
    assert!(!is_lzma(&header(225, 1 << 23, 9)));
    assert!(!is_lzma(&header(0x5d, 1 << 23, 1 << 40)));
    assert!(!is_lzma(&header(0x5d, 1 << 23, 9)[..13]));
    // Of a stream of nothing, nothing but another stream is behind the coder's five bytes.
    let nothing = [header(0x5d, 1 << 23, 0), vec![0; 4]].concat();
    assert!(is_lzma(&nothing));
    assert!(is_lzma(&[nothing.clone(), header(0x5d, 1 << 23, 9)].concat()));
    assert!(!is_lzma(&[nothing, vec![0; 64]].concat()));
}

#[test]
fn what_came_before_a_broken_zstandard_block_is_kept() {
    // A raw block of three bytes, then one of a kind that does not exist.
    let frame = b"\x28\xb5\x2f\xfd\x00\x58\x18\0\0abc\x07\0\0";
    let bytes = Bytes::from_memory(*frame);
    let input = Input { bytes: &bytes, name: "x.zst", role: Role::Present };
    let mut reading = Reading::default();
    let halt = ZSTD.read(&input, &mut reading, &mut Budget::default()).unwrap_err();
    assert_eq!(halt.blame(), Blame::Malformed);
    let content = reading.children[0].bytes.copy(Span::new(0, 9), 9).unwrap();
    assert_eq!(content, b"abc");
}

/// A stream of LZMA that stands for a thousand zeros, with properties that its writers do not give
/// unless they are asked to.
const ZEROS: &str = "5e00003000e80300000000000000006ffdffffa3b75ad3aedbffff9ff00000";

#[test]
fn streams_of_lzma_behind_each_other_are_one() {
    let stream = digits(ZEROS).unwrap();
    let once = read(&LZMA, "x.lzma", &stream, 1 << 20);
    assert_eq!((once.children[0].bytes.len(), once.children[0].name.as_str()), (1000, "x"));
    let twice = read(&LZMA, "x.lzma", &stream.repeat(2), 1 << 20);
    assert_eq!((twice.children.len(), twice.children[0].bytes.len()), (1, 2000));
    assert!(twice.deviations.is_empty() && twice.gaps.is_empty());
}

#[test]
fn properties_that_liblzma_refuses_are_told() {
    let wide =
        read(&LZMA, "x", &digits("a90000010000000000000000000083fffbffffc0000000").unwrap(), 1);
    assert_eq!(wide.deviations[0].quirk, Quirk::LoadersDisagree);
    // Four bits together: 0x5e is one of literals more than usual.
    assert!(!is_wide(Some(&0x5e)) && !is_wide(Some(&36)) && is_wide(Some(&8)));
}

#[test]
fn what_came_out_of_broken_lzma_is_kept_where_it_starts_as_usual() {
    // The same zeros with an end mark, which is cut off; of zeros all properties make the same.
    let cut = |properties: &str| {
        let stream = format!("{properties}00008000ffffffffffffffff00006ffdffffa3b75ad3ae");
        let reading = read(&LZMA, "x", &digits(&stream).unwrap(), 1 << 20);
        assert_eq!(reading.gaps[0].why, Why::Halted(Blame::Malformed), "{properties}");
        reading.children.first().map(|child| child.bytes.len())
    };
    assert_eq!((cut("5d"), cut("5e")), (Some(1000), None));
}
