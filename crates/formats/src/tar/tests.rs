//! Archives that break their form in one way each, beside their nearest honest neighbours.

use super::*;
use davy_artifact::{Fact, Why};
use davy_bytes::Blame;
use davy_testkit::robust::{self, Order};

/// A header, its checksum true, with its data padded to whole blocks.
fn member(name: &str, kind: u8, data: &[u8]) -> Vec<u8> {
    let mut block = forged(name, kind, data.len());
    block.extend(data);
    block.resize(block.len().next_multiple_of(BLOCK), 0);
    block
}

fn forged(name: &str, kind: u8, size: usize) -> Vec<u8> {
    let mut block = vec![0; BLOCK];
    block[..name.len()].copy_from_slice(name.as_bytes());
    block[100..108].copy_from_slice(b"0000644\0");
    block[124..136].copy_from_slice(format!("{size:011o}\0").as_bytes());
    block[156] = kind;
    block[257..265].copy_from_slice(b"ustar\x0000");
    prove(&mut block);
    block
}

fn prove(block: &mut [u8]) {
    block[148..156].fill(b' ');
    let sum: u32 = block[..BLOCK].iter().map(|byte| u32::from(*byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
}

fn archive(members: &[Vec<u8>]) -> Vec<u8> {
    [members.concat(), vec![0; 1024]].concat()
}

fn read(bytes: &[u8]) -> Reading {
    let bytes = Bytes::from_memory(bytes);
    let mut reading = Reading::default();
    let input = Input { bytes: &bytes, name: "x", role: Role::Present };
    if let Err(halt) = Tar.read(&input, &mut reading, &mut Budget::default()) {
        reading.halted(&halt, bytes.len());
    }
    reading
}

fn quirks(reading: &Reading) -> Vec<Quirk> {
    reading.deviations.iter().map(|it| it.quirk).collect()
}

fn children(reading: &Reading) -> Vec<(String, Vec<u8>, Role)> {
    let whole = Span::new(0, u64::MAX);
    let content = |bytes: &Bytes| bytes.copy(whole, usize::MAX).unwrap();
    reading.children.iter().map(|it| (it.name.clone(), content(&it.bytes), it.role)).collect()
}

fn present(name: &str, data: &[u8]) -> (String, Vec<u8>, Role) {
    (name.to_owned(), data.to_vec(), Role::Present)
}

fn pax(records: &[(&str, &str)]) -> Vec<u8> {
    let mut data = String::new();
    for (key, value) in records {
        let rest = key.len() + value.len() + 3;
        let length = (rest + 1..).find(|it| rest + it.to_string().len() == *it).unwrap();
        data += &format!("{length} {key}={value}\n");
    }
    member("PaxHeader", b'x', data.as_bytes())
}

#[test]
fn honest_archives_say_their_members_and_nothing_else() {
    let mut old = member("pickle", 0, b"cos\n");
    old[257..265].fill(0);
    prove(&mut old);
    let torch = archive(&[member("storages", b'0', b"1"), member("tensors", b'0', b"2"), old]);
    let reading = read(&torch);
    assert_eq!((quirks(&reading), reading.gaps.len()), (vec![], 0));
    let names = [present("storages", b"1"), present("tensors", b"2"), present("pickle", b"cos\n")];
    assert_eq!(children(&reading), names);
    assert_eq!(reading.facts.len(), 3);

    let folders = archive(&[member("./", b'5', b""), member("./a", b'0', b"1")]);
    assert_eq!(quirks(&read(&folders)), []);
    let unended = member("a", b'0', b"1");
    assert_eq!(quirks(&read(&unended)), []);
}

#[test]
fn long_names_come_from_gnu_pax_and_prefix() {
    let long = "n".repeat(180);
    let gnu = archive(&[
        member("././@LongLink", b'L', format!("{long}\0").as_bytes()),
        member("n", b'0', b"1"),
    ]);
    assert_eq!(children(&read(&gnu)), [present(&long, b"1")]);
    let by_pax = archive(&[pax(&[("path", &long), ("mtime", "1.5")]), member("n", b'0', b"1")]);
    assert_eq!(children(&read(&by_pax)), [present(&long, b"1")]);
    let mut prefixed = member("file", b'0', b"1");
    prefixed[345..348].copy_from_slice(b"dir");
    prove(&mut prefixed);
    assert_eq!(children(&read(&archive(&[prefixed]))), [present("dir/file", b"1")]);
}

#[test]
fn names_that_escape_or_collide_are_told() {
    for name in ["../x", "/etc/x", "a\\..\\x"] {
        assert_eq!(quirks(&read(&archive(&[member(name, b'0', b"")]))), [Quirk::EscapingName]);
    }
    let through_pax = archive(&[pax(&[("path", "../x")]), member("harmless", b'0', b"1")]);
    assert_eq!(quirks(&read(&through_pax)), [Quirk::EscapingName]);
    let twice = read(&archive(&[member("a", b'0', b"1"), member("a", b'0', b"2")]));
    assert_eq!(quirks(&twice), [Quirk::DuplicateName]);
    assert_eq!(children(&twice), [present("a", b"1"), present("a#2", b"2")]);
    let folded = read(&archive(&[member("a", b'0', b"1"), member("A", b'0', b"2")]));
    assert_eq!(quirks(&folded), [Quirk::CollidingName]);
}

#[test]
fn links_devices_and_sparse_members_are_told() {
    let mut link = member("a", b'2', b"");
    link[157..168].copy_from_slice(b"/etc/passwd");
    prove(&mut link);
    let reading = read(&archive(&[link]));
    assert_eq!((quirks(&reading), reading.children.len()), (vec![Quirk::LinkMember], 0));
    let target = reading
        .facts
        .iter()
        .any(|fact| matches!(fact, Fact::Reference { target, .. } if target == "/etc/passwd"));
    assert!(target);
    assert_eq!(quirks(&read(&archive(&[member("a", b'3', b"")]))), [Quirk::LinkMember]);
    let mut program = member("a", b'0', b"1");
    program[100..108].copy_from_slice(b"0004755\0");
    prove(&mut program);
    assert_eq!(quirks(&read(&archive(&[program]))), [Quirk::LinkMember]);
}

/// A header of the old sparse format with this map.
fn old_sparse(map: &[(u64, u64)], size: u64, data: &[u8]) -> Vec<u8> {
    let mut block = forged("s", b'S', data.len());
    for (index, (offset, len)) in map.iter().take(4).enumerate() {
        let at = 386 + 24 * index;
        block[at..at + 24].copy_from_slice(format!("{offset:011o}\0{len:011o}\0").as_bytes());
    }
    block[482] = u8::from(map.len() > 4);
    block[483..495].copy_from_slice(format!("{size:011o}\0").as_bytes());
    prove(&mut block);
    if map.len() > 4 {
        let mut next = vec![0; BLOCK];
        for (index, (offset, len)) in map.iter().skip(4).enumerate() {
            let at = 24 * index;
            next[at..at + 24].copy_from_slice(format!("{offset:011o}\0{len:011o}\0").as_bytes());
        }
        block.extend(next);
    }
    block.extend(data);
    block.resize(block.len().next_multiple_of(BLOCK), 0);
    block
}

#[test]
fn sparse_members_are_unfolded_in_every_format() {
    let map = [(2, 3), (7, 1)];
    let expected = b"\0\0abc\0\0d\0\0".to_vec();
    let records = |more: &[(&str, &str)]| pax(&[more, &[("GNU.sparse.name", "s")]].concat());
    let in_data = [b"2\n2\n3\n7\n1\n".as_slice(), &[0; BLOCK - 10], b"abcd"].concat();
    let archives = [
        archive(&[old_sparse(&map, 10, b"abcd")]),
        archive(&[
            records(&[
                ("GNU.sparse.size", "10"),
                ("GNU.sparse.numblocks", "2"),
                ("GNU.sparse.offset", "2"),
                ("GNU.sparse.numbytes", "3"),
                ("GNU.sparse.offset", "7"),
                ("GNU.sparse.numbytes", "1"),
            ]),
            member("GNUSparseFile.0/s", b'0', b"abcd"),
        ]),
        archive(&[
            records(&[("GNU.sparse.size", "10"), ("GNU.sparse.map", "2,3,7,1")]),
            member("GNUSparseFile.0/s", b'0', b"abcd"),
        ]),
        archive(&[
            records(&[
                ("GNU.sparse.major", "1"),
                ("GNU.sparse.minor", "0"),
                ("GNU.sparse.realsize", "10"),
            ]),
            member("GNUSparseFile.0/s", b'0', &in_data),
        ]),
    ];
    for (index, bytes) in archives.iter().enumerate() {
        let behind = [&bytes[..bytes.len() - 1024], &archive(&[member("z", b'0', b"9")])].concat();
        let reading = read(&behind);
        assert_eq!((quirks(&reading), reading.gaps.len()), (vec![], 0), "{index}");
        assert_eq!(children(&reading), [present("s", &expected), present("z", b"9")], "{index}");
    }
    let long: Vec<(u64, u64)> = (0..6).map(|at| (1 + 2 * at, 1)).collect();
    let reading = read(&archive(&[old_sparse(&long, 12, b"abcdef")]));
    assert_eq!(children(&reading), [present("s", b"\0a\0b\0c\0d\0e\0f")]);
}

#[test]
fn a_sparse_member_of_more_zeros_than_anybody_needs_is_a_bomb() {
    let reading = read(&archive(&[old_sparse(&[(0, 1)], 1 << 32, b"a")]));
    assert_eq!(quirks(&reading), [Quirk::Expansion]);
    assert_eq!(reading.gaps[0].why, Why::Halted(Blame::Exhausted));
}

#[test]
fn the_first_of_several_names_wins_and_the_others_are_told() {
    let gnu = |name: &str| member("././@LongLink", b'L', format!("{name}\0").as_bytes());
    for (extensions, name) in [
        (vec![gnu("one"), pax(&[("path", "two")])], "one"),
        (vec![pax(&[("path", "two")]), gnu("one")], "two"),
        (vec![pax(&[("path", "two")]), pax(&[("path", "one")])], "two"),
    ] {
        let reading = read(&archive(&[extensions.concat(), member("n", b'0', b"1")]));
        assert_eq!(quirks(&reading), [Quirk::LoadersDisagree], "{name}");
        assert_eq!(children(&reading), [present(name, b"1")]);
    }
    let escaping = read(&archive(&[gnu("a"), pax(&[("path", "../b")]), member("n", b'0', b"1")]));
    assert_eq!(quirks(&escaping), [Quirk::LoadersDisagree, Quirk::EscapingName]);
    let mut old = member("../x", b'0', b"1");
    old[345] = b'p';
    old[257..265].copy_from_slice(b"ustar  \0");
    prove(&mut old);
    let reading = read(&archive(&[old]));
    assert_eq!(
        quirks(&reading),
        [Quirk::EscapingName, Quirk::LoadersDisagree, Quirk::EscapingName]
    );
    assert_eq!(children(&reading)[0].0, "p/../x");
}

#[test]
fn folders_with_data_and_global_sizes_are_followed_both_ways() {
    let hidden = archive(&[member("evil", b'0', b"2")]);
    let mut folder = forged("d", b'5', 512);
    folder.extend(member("seen", b'0', b""));
    let reading = read(&[folder, hidden].concat());
    assert_eq!(quirks(&reading), [Quirk::HeadersDisagree]);
    let found = children(&reading);
    let names: Vec<&str> = found.iter().map(|(name, ..)| name.as_str()).collect();
    assert_eq!(names, ["@other@0x400", "seen", "evil"]);
    let mut global = pax(&[("size", "9")]);
    global[156] = b'g';
    prove(&mut global[..BLOCK]);
    let reading = read(&archive(&[global, member("a", b'0', b"123456789")]));
    assert_eq!((quirks(&reading), children(&reading)), (vec![], vec![present("a", b"123456789")]));
}

#[test]
fn a_broken_header_hides_nothing_behind_it() {
    let mut broken = member("a", b'0', b"cos\n");
    broken[0] = b'b';
    let reading = read(&archive(&[member("first", b'0', b"1"), broken, member("c", b'0', b"2")]));
    assert_eq!(quirks(&reading), [Quirk::WrongChecksum, Quirk::Unlisted]);
    let found = children(&reading);
    assert_eq!(found[0], present("first", b"1"));
    assert_eq!(found[2], ("c".to_owned(), b"2".to_vec(), Role::Variant));
    assert_eq!((found[1].2, reading.seamless), (Role::Leftover, false));
    assert_eq!(&found[1].1[BLOCK..BLOCK + 4], b"cos\n");
}

#[test]
fn what_stands_behind_the_end_is_read() {
    let second = archive(&[member("evil", b'0', b"2")]);
    let both = [archive(&[member("a", b'0', b"1")]), second.clone()].concat();
    let reading = read(&both);
    assert_eq!(quirks(&reading), [Quirk::BytesAfterEnd]);
    assert_eq!(children(&reading)[1].1, second, "it starts where the second archive starts");
    let padded = [archive(&[member("a", b'0', b"1")]), vec![0; 10_240]].concat();
    assert_eq!((children(&reading)[1].2, reading.seamless), (Role::Leftover, false));
    assert_eq!((quirks(&read(&padded)), read(&padded).seamless), (vec![], true));
    let mut dirty = archive(&[member("a", b'0', b"1")]);
    dirty[BLOCK + 9] = 1;
    assert_eq!(quirks(&read(&dirty)), [Quirk::BytesBetween]);
}

#[test]
fn a_pax_size_that_differs_is_followed_both_ways() {
    let hidden = archive(&[member("evil", b'0', b"2")]);
    let carrier = [forged("a", b'0', 0), hidden.clone()].concat();
    let mut lying = carrier;
    lying[124..136].copy_from_slice(b"00000000001\0");
    prove(&mut lying);
    let inner = [vec![b'x'; BLOCK], hidden].concat();
    lying.truncate(BLOCK);
    lying.extend(&inner);
    let size = inner.len().to_string();
    let bytes = archive(&[pax(&[("size", &size)]), lying]);
    let reading = read(&bytes);
    assert_eq!(quirks(&reading), [Quirk::HeadersDisagree]);
    let found = children(&reading);
    assert_eq!(found[0].2, Role::Variant);
    assert_eq!(children(&read(&found[0].1)), [present("evil", b"2")]);
    let same = archive(&[pax(&[("size", "1")]), member("a", b'0', b"1")]);
    assert_eq!(quirks(&read(&same)), []);
}

#[test]
fn a_cut_archive_says_what_is_missing() {
    let whole = archive(&[member("a", b'0', &[7; 2000])]);
    let reading = read(&whole[..1500]);
    assert_eq!(quirks(&reading), [Quirk::Truncated]);
    assert_eq!(children(&reading)[0].1, [7; 988]);
}

#[test]
fn an_extension_header_without_a_member_is_told() {
    let lonely = pax(&[("path", "x")]);
    for bytes in [archive(&[member("a", b'0', b"1"), lonely.clone()]), lonely] {
        let reading = read(&bytes);
        assert!(quirks(&reading).contains(&Quirk::Truncated), "{:?}", reading.deviations);
    }
}

#[test]
fn probing_wants_a_checksum_or_a_magic() {
    let whole = archive(&[member("a", b'0', b"1")]);
    assert_eq!(robust::probe(&Tar, "x", &whole), Probe::Certain);
    let mut broken = whole.clone();
    broken[0] = b'b';
    assert_eq!(robust::probe(&Tar, "x", &broken), Probe::Possible);
    broken[257] = 0;
    assert_eq!(robust::probe(&Tar, "x", &broken), Probe::No);
    assert_eq!(robust::probe(&Tar, "x", &[0; 1024]), Probe::No);
    assert_eq!(robust::probe(&Tar, "x", &whole[..500]), Probe::No);
}

#[test]
fn damage_breaks_no_promise() {
    let whole = archive(&[
        member("././@LongLink", b'L', b"long\0"),
        member("a", b'0', b"1"),
        pax(&[("path", "b"), ("size", "2")]),
        member("b", b'0', b"22"),
        old_sparse(&[(1, 2), (5, 4)], 20, b"sparse"),
    ]);
    robust::truncations(&Tar, &whole, Order::Indexed).unwrap();
    robust::flips(&Tar, &whole).unwrap();
    robust::splices(&Tar, &whole, &archive(&[member("c", b'0', b"3")])).unwrap();
}
