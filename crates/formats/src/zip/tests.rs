//! Archives that break their form in one way each, beside their nearest honest neighbours.

use super::*;
use davy_artifact::Deviation;
use davy_bytes::Limits;
use davy_testkit::robust::{self, Order};
use davy_testkit::zip::{Archive, Member, crc32, padding};
use flate2::{Compression, write::DeflateEncoder};
use std::io::Write;

fn read_with(bytes: &[u8], budget: &mut Budget) -> Reading {
    let bytes = Bytes::from_memory(bytes);
    let mut reading = Reading::default();
    let input = Input { bytes: &bytes, name: "x", role: Role::Present };
    if let Err(halt) = Zip.read(&input, &mut reading, budget) {
        reading.halted(&halt, bytes.len());
    }
    reading
}

fn read(bytes: &[u8]) -> Reading {
    read_with(bytes, &mut Budget::default())
}

fn quirks(reading: &Reading) -> Vec<Quirk> {
    let mut quirks: Vec<_> = reading.deviations.iter().map(|it| it.quirk).collect();
    quirks.sort_unstable();
    quirks.dedup();
    quirks
}

fn the(reading: &Reading, quirk: Quirk) -> Deviation {
    let mut found = reading.deviations.iter().filter(|it| it.quirk == quirk);
    let first = found.next().unwrap_or_else(|| panic!("no {quirk:?}: {:?}", reading.deviations));
    first.clone()
}

/// Name, content and role of every child.
fn children(reading: &Reading) -> Vec<(String, Vec<u8>, Role)> {
    let whole = Span::new(0, u64::MAX);
    let content = |bytes: &Bytes| bytes.copy(whole, usize::MAX).unwrap();
    reading.children.iter().map(|it| (it.name.clone(), content(&it.bytes), it.role)).collect()
}

fn present(name: &str, data: &[u8]) -> (String, Vec<u8>, Role) {
    (name.to_owned(), data.to_vec(), Role::Present)
}

fn variant(name: &str, data: &[u8]) -> (String, Vec<u8>, Role) {
    (name.to_owned(), data.to_vec(), Role::Variant)
}

fn packed(data: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

fn deflated(name: &str, data: &[u8]) -> Member {
    Member::packed(name, 8, &packed(data), data)
}

fn two() -> Archive {
    Archive::of([Member::stored("m/data.bin", b"first"), deflated("m/version", b"3\n3\n3\n")])
}

/// As PyTorch writes it: described members, data padded to multiples of 64 bytes, zip64 records.
fn checkpoint() -> Archive {
    let mut at = 0;
    let mut members = Vec::new();
    for (name, data) in [("a/data.bin", b"\x80\x02}q\0.".as_slice()), ("a/data/0", &[7; 100])] {
        let extra = padding(at, name.len());
        at += 30 + name.len() + extra.len() + data.len() + 16;
        members.push(Member::stored(name, data).described().local(|header| header.extra = extra));
    }
    Archive { wide: true, ..Archive::of(members) }
}

#[test]
fn the_first_part_of_a_split_archive_is_no_whole() {
    let member = Member::stored("a", b"one, two, three, four");
    let whole = Archive::of([member]).build();
    let part = [SPANNED, &whole[..40]].concat();
    let reading = read(&part);
    assert_eq!(reading.gaps[0].why, Why::Halted(Blame::Unsupported));
    assert_eq!(read(&[&b"PK\x07\x09"[..], &whole[..40]].concat()).gaps.len(), 0);
}

#[test]
fn honest_archives_say_their_members_and_nothing_else() {
    let commented = Archive { comment: b"made by hand".to_vec(), ..two() };
    for (what, archive) in [
        ("plain", two()),
        ("empty", Archive::default()),
        ("PyTorch", checkpoint()),
        ("zip64", Archive { wide: true, ..two() }),
        ("commented", commented),
        ("zero padding", Archive { gap: vec![0; 100], ..two() }),
        ("described", Archive::of([deflated("a", b"abc").described(), Member::stored("b", b"")])),
        ("folder", Archive::of([Member::stored("a/", b""), Member::stored("a/b", b"1")])),
        ("backslashes", Archive::of([Member::stored("a\\b", b"1"), Member::stored("c", b"1")])),
        ("dots", Archive::of([Member::stored("a..b", b"1"), Member::stored(".a/...", b"2")])),
    ] {
        let reading = read(&archive.build());
        assert_eq!((quirks(&reading), reading.gaps.len()), (vec![], 0), "{what}");
        assert!(reading.seamless, "{what}");
        let members = reading.facts.iter().filter(|fact| fact.kind() == "member").count();
        assert_eq!(members, archive.members.len(), "{what}");
    }
    assert_eq!(
        children(&read(&two().build())),
        [present("m/data.bin", b"first"), present("m/version", b"3\n3\n3\n")]
    );
}

#[test]
fn an_archive_in_an_archive_is_a_member_and_no_second_directory() {
    let outer = Archive::of([Member::stored("inner.zip", &two().build())]).build();
    let reading = read(&outer);
    assert_eq!(quirks(&reading), []);
    assert_eq!(children(&reading), [present("inner.zip", &two().build())]);
}

#[test]
fn headers_that_disagree_are_read_in_both_versions() {
    let renamed = Member::stored("m/data.bin", b"x").local(|h| h.name = b"m/notes.txt".to_vec());
    let reading = read(&Archive::of([renamed]).build());
    let found = the(&reading, Quirk::HeadersDisagree);
    assert_eq!(found.span, Span::new(0, 41));
    assert!(found.what.contains("`m/notes.txt`") && found.what.contains("`m/data.bin`"));
    assert_eq!(children(&reading), [present("m/data.bin", b"x"), variant("m/notes.txt", b"x")]);

    let method = Member::packed("a", 0, &packed(b"payload"), &packed(b"payload"));
    let reading = read(&Archive::of([method.local(|h| h.method = 8)]).build());
    assert!(the(&reading, Quirk::HeadersDisagree).what.contains("method"));
    assert_eq!(children(&reading)[1], variant("a#2", b"payload"));

    let sized = Member::stored("a", b"long and short").local(|h| (h.packed, h.size) = (4, 4));
    let reading = read(&Archive::of([sized]).build());
    assert_eq!(quirks(&reading)[0], Quirk::HeadersDisagree);
    assert_eq!(children(&reading)[1], variant("a#2", b"long"));
}

#[test]
fn every_field_that_changes_a_member_is_compared() {
    let disagree = [
        Member::stored("a", b"x").local(|h| h.crc32 ^= 1),
        Member::stored("a", b"x").local(|h| h.flags = 1 << 11),
        Member::stored("a", b"x").described().local(|h| h.size = 2),
        Member {
            descriptor: b"PK\x07\x08wrong number".to_vec(),
            ..Member::stored("a", b"x").described()
        },
    ];
    for member in disagree {
        let reading = read(&Archive::of([member.clone()]).build());
        assert_eq!(quirks(&reading), [Quirk::HeadersDisagree], "{member:?}");
    }
    // Bit 1 and 2 are a hint about the effort of the packer.
    let hint = Member::stored("a", b"x").local(|h| h.flags = 2);
    assert_eq!(quirks(&read(&Archive::of([hint]).build())), []);
}

#[test]
fn extra_fields_that_rename_or_resize_are_told() {
    let mut rename = vec![0x75, 0x70, 8, 0, 1];
    rename.extend(crc32(b"a.txt").to_le_bytes());
    let named =
        |tail: &[u8]| Member::stored("a.txt", b"x").central(|h| h.extra = [&rename, tail].concat());
    let reading = read(&Archive::of([named(b"b.p")]).build());
    assert!(the(&reading, Quirk::HeadersDisagree).what.contains("`b.p`"));

    let mut sizes = vec![1, 0, 16, 0];
    sizes.extend([9_u64.to_le_bytes(), 9_u64.to_le_bytes()].concat());
    let resized = Member::stored("a", b"x").central(|h| h.extra.clone_from(&sizes));
    assert_eq!(quirks(&read(&Archive::of([resized]).build())), [Quirk::HeadersDisagree]);
    let used = Member::stored("a", b"nine byte").central(|h| {
        (h.packed, h.size) = (u32::MAX, u32::MAX);
        h.extra.clone_from(&sizes);
    });
    assert_eq!(quirks(&read(&Archive::of([used]).build())), []);
}

#[test]
fn double_and_colliding_names_keep_all_their_members() {
    let double = Archive::of([Member::stored("d.pkl", b"1"), Member::stored("d.pkl", b"2")]);
    let reading = read(&double.build());
    assert_eq!(quirks(&reading), [Quirk::DuplicateName]);
    assert_eq!(children(&reading), [present("d.pkl", b"1"), present("d.pkl#2", b"2")]);

    for (one, other) in
        [("a/D.pkl", "a/d.pkl"), ("a/b", "./a//b"), ("a/b", "a/b."), ("a/b", "a\\b")]
    {
        let pair = Archive::of([Member::stored(one, b"1"), Member::stored(other, b"2")]);
        assert_eq!(quirks(&read(&pair.build())), [Quirk::CollidingName], "{one} {other}");
    }
    let cut = Archive::of([Member::stored("d.pkl\0.txt", b"1")]);
    assert_eq!(quirks(&read(&cut.build())), [Quirk::CollidingName]);
    let apart = Archive::of([Member::stored("a/d", b"1"), Member::stored("a/d2", b"2")]);
    assert_eq!(quirks(&read(&apart.build())), []);
}

#[test]
fn names_that_escape_and_links_are_told() {
    for name in ["../x", "/x", "a\\..\\..\\x", "C:/x"] {
        let reading = read(&Archive::of([Member::stored(name, b"1")]).build());
        assert!(quirks(&reading).contains(&Quirk::EscapingName), "{name}");
    }
    let link = Member { mode: 0o120_777, ..Member::stored("a", b"/etc/passwd") };
    let reading = read(&Archive::of([link]).build());
    assert_eq!(quirks(&reading), [Quirk::LinkMember]);
    let target = reading.facts.iter().find_map(|fact| match fact {
        Fact::Reference { target, .. } => Some(target.as_str()),
        _ => None,
    });
    assert_eq!(target, Some("/etc/passwd"));
}

#[test]
fn what_lies_around_members_is_told_and_read() {
    let png = b"\x89PNG\r\n\x1a\n".to_vec();
    let around = [
        (Archive { prefix: png.clone(), ..two() }, Quirk::BytesBeforeStart, "@prefix"),
        (Archive { suffix: png.clone(), ..two() }, Quirk::BytesAfterEnd, "@suffix@0xc8"),
        (Archive { gap: png.clone(), ..two() }, Quirk::BytesBetween, "@between@0x5a"),
    ];
    for (archive, quirk, name) in around {
        let reading = read(&archive.build());
        assert_eq!(quirks(&reading), [quirk]);
        assert_eq!(children(&reading)[2].1, png, "{name}");
        assert_eq!((children(&reading)[2].2, reading.seamless), (Role::Leftover, false), "{name}");
        assert!(children(&reading)[2].0.starts_with(&name[..7]), "{:?}", children(&reading)[2].0);
        assert_eq!(the(&reading, quirk).span.len, 8);
        assert_eq!(children(&reading)[0], present("m/data.bin", b"first"));
    }
    let reading = read(&Archive { comment: b"cos\nsystem\n.".to_vec(), ..two() }.build());
    assert_eq!(children(&reading)[2], present("@comment", b"cos\nsystem\n."));
}

#[test]
fn members_that_no_list_has_are_found() {
    let hidden = Member::stored("evil.pkl", b"payload").unlisted();
    let archive = Archive::of([Member::stored("a", b"1"), hidden, deflated("b", b"2")]);
    let reading = read(&archive.build());
    assert_eq!(quirks(&reading), [Quirk::BytesBetween, Quirk::Unlisted]);
    assert_eq!(the(&reading, Quirk::Unlisted).span, Span::new(32, 38));
    assert_eq!(children(&reading)[2], variant("evil.pkl", b"payload"));
    assert!(!reading.seamless);
    assert_eq!(children(&reading).len(), 3);
}

#[test]
fn an_archive_without_its_end_is_read_from_member_to_member() {
    for archive in [two(), checkpoint()] {
        let whole = archive.build();
        let honest = children(&read(&whole));
        let reading = read(&whole[..whole.len() - 23]);
        // Cut, and nothing is hidden by that.
        let told = quirks(&reading);
        assert!(told.contains(&Quirk::Truncated), "{told:?}");
        assert!(!told.contains(&Quirk::Unlisted), "{told:?}");
        assert!(reading.gaps.iter().any(|gap| gap.what.contains("breaks off")));
        let found = children(&reading);
        for (name, content, _) in honest {
            assert!(found.contains(&variant(&name, &content)), "{name}");
        }
    }
}

#[test]
fn pieces_of_archives_in_other_bytes_are_read_and_nothing_else_is_said() {
    let whole = two().build();
    let reading = read(&[b"other bytes".as_slice(), &whole[..whole.len() - 22]].concat());
    assert_eq!(quirks(&reading), []);
    let expected = [variant("m/data.bin", b"first"), variant("m/version", b"3\n3\n3\n")];
    assert_eq!(children(&reading), expected);
    // Nothing is found: nothing is learned, so that the bytes can be of another format.
    let reading = read(b"PK\x03\x04 and no more of it");
    assert!(reading.is_empty() && reading.gaps.len() == 1);
}

#[test]
fn a_forged_length_hides_no_member_behind_it() {
    let liar = Member::stored("a", b"").unlisted().local(|h| (h.packed, h.size) = (5000, 5000));
    let behind = Member::stored("b", b"behind").unlisted();
    let body = Archive::of([liar, behind]).build();
    let reading = read(&body[..body.len() - 22]);
    assert!(children(&reading).contains(&variant("b", b"behind")));
}

#[test]
fn checksums_and_sizes_are_checked() {
    let wrong = Member::stored("a", b"x").both(|h| h.crc32 ^= 1);
    assert_eq!(quirks(&read(&Archive::of([wrong]).build())), [Quirk::WrongChecksum]);
    let wrong = deflated("a", b"x").both(|h| h.crc32 ^= 1);
    assert_eq!(quirks(&read(&Archive::of([wrong]).build())), [Quirk::WrongChecksum]);
    let longer = deflated("a", b"xyz").both(|h| h.size = 2);
    let reading = read(&Archive::of([longer]).build());
    assert_eq!(quirks(&reading), [Quirk::SizeMismatch]);
    assert_eq!(children(&reading), [present("a", b"xy"), variant("a#2", b"xyz")]);
    let shorter = deflated("a", b"xyz").both(|h| h.size = 4);
    assert_eq!(children(&read(&Archive::of([shorter]).build())), [present("a", b"xyz")]);
    let spare = Member::packed("a", 8, &[packed(b"xyz"), b"more".to_vec()].concat(), b"xyz");
    assert_eq!(quirks(&read(&Archive::of([spare]).build())), [Quirk::BytesAfterEnd]);
}

#[test]
fn long_stored_members_leave_their_checksum_to_the_survey() {
    let data = vec![1; 70_000];
    let reading = read(&Archive::of([Member::stored("w", &data)]).build());
    let left: Vec<_> = reading.checksums.iter().map(|it| (it.span, it.crc32)).collect();
    assert_eq!(left, [(Span::new(31, 70_000), crc32(&data))]);
    assert!(read(&two().build()).checksums.is_empty());
}

#[test]
fn a_false_encryption_flag_hides_nothing_and_a_true_one_is_a_gap() {
    for flag in [1, 1 << 5, 1 << 6] {
        for member in [Member::stored("a", b"cos\n"), deflated("a", b"cos\n")] {
            let reading = read(&Archive::of([member.both(|h| h.flags = flag)]).build());
            assert_eq!(quirks(&reading), [Quirk::FalseEncryption]);
            assert_eq!(children(&reading), [present("a", b"cos\n")]);
        }
    }
    let local = Member::stored("a", b"cos\n").local(|h| h.flags = 1);
    let reading = read(&Archive::of([local]).build());
    assert_eq!(quirks(&reading), [Quirk::FalseEncryption, Quirk::HeadersDisagree]);

    let sealed = Member::packed("a", 0, &[9; 16], b"four").both(|h| h.flags = 1);
    let reading = read(&Archive::of([sealed]).build());
    assert_eq!((quirks(&reading), children(&reading).len()), (vec![], 0));
    assert_eq!(reading.gaps[0].why, Why::Halted(Blame::Encrypted));
}

#[test]
fn a_false_mark_of_aes_hides_nothing_and_a_true_one_is_a_gap() {
    let mark = [0x01, 0x99, 1, 0, 0];
    let marked = |member: Member| member.both(|h| h.extra = mark.to_vec());
    for member in [Member::stored("a", b"cos\n"), deflated("a", b"cos\n")] {
        let reading = read(&Archive::of([marked(member)]).build());
        assert_eq!(quirks(&reading), [Quirk::FalseEncryption]);
        assert_eq!(children(&reading), [present("a", b"cos\n")]);
    }
    let sealed = marked(Member::packed("a", 99, &[9; 30], b"cos\n")).both(|h| h.flags = 1);
    let reading = read(&Archive::of([sealed]).build());
    assert_eq!((quirks(&reading), children(&reading).len()), (vec![], 0));
    assert_eq!(reading.gaps[0].why, Why::Halted(Blame::Encrypted));
}

#[test]
fn a_member_that_is_encrypted_in_one_header_only_is_read_by_the_other() {
    let sealed = Member::packed("a", 0, b"cos\n", b"other").central(|h| h.flags = 1);
    let reading = read(&Archive::of([sealed]).build());
    assert_eq!(reading.gaps[0].why, Why::Halted(Blame::Encrypted));
    assert_eq!(children(&reading), [variant("a#2", b"cos\n")]);
}

#[test]
fn stored_data_is_read_up_to_either_size_and_hides_nothing_behind() {
    let long = Member::stored("a", b"four").both(|h| h.packed = 200);
    let whole = Archive::of([long, Member::stored("b", b"2").unlisted()]).build();
    let reading = read(&whole);
    assert!(quirks(&reading).starts_with(&[Quirk::BytesBetween, Quirk::OutOfRange]));
    assert_eq!(children(&reading)[0], present("a", b"four"));
    let beyond = variant("a#2", &whole[31..]);
    assert!(children(&reading).contains(&beyond));
    assert!(children(&reading).contains(&variant("b", b"2")));
}

#[test]
fn a_directory_that_ends_within_a_header_is_read_as_far_as_it_goes() {
    // Length of the name, the extra field, the comment.
    for (field, readable) in [(28, "d.pklPK\u{5}\u{6}"), (30, "d.pkl"), (32, "d.pkl")] {
        let mut bytes = Archive::of([Member::stored("d.pkl", b"evil")]).build();
        let central = 30 + 5 + 4;
        bytes[central + field] += 4;
        let reading = read(&bytes);
        assert!(quirks(&reading).contains(&Quirk::LoadersDisagree), "{field}");
        assert_eq!(children(&reading)[0], present("d.pkl", b"evil"), "{field}");
        let others = children(&reading).into_iter().skip(1).map(|child| child.0);
        assert!(others.eq((field == 28).then(|| readable.to_owned())), "{field}");
        bytes[central + field + 1] = 0xff;
        assert_eq!(children(&read(&bytes)), [present("d.pkl", b"evil")], "{field}");
    }
}

#[test]
fn an_unknown_method_is_a_gap_that_names_it() {
    let reading = read(&Archive::of([Member::packed("a", 93, b"????", b"four")]).build());
    assert_eq!(reading.gaps[0].why, Why::Halted(Blame::Unsupported));
    assert!(reading.gaps[0].what.contains("Zstandard"));
}

#[test]
fn members_over_each_other_are_told_and_counted_once() {
    let mut again = Member::stored("b", &[1; 100]);
    (again.local, again.offset) = (None, Some(0));
    let reading = read(&Archive::of([Member::stored("a", &[1; 100]), again]).build());
    assert!(quirks(&reading).contains(&Quirk::Overlap));
    assert_eq!(the(&reading, Quirk::Overlap).span, Span::new(0, 131));

    let mut members = vec![Member::stored("0", &[0; 5000])];
    for index in 1..200 {
        let mut again = Member::stored(&index.to_string(), &[0; 5000]);
        (again.local, again.offset) = (None, Some(0));
        members.push(again);
    }
    let mut budget = Budget::new(Limits { expansion: 100_000, ..Limits::default() });
    let reading = read_with(&Archive::of(members).build(), &mut budget);
    assert!(reading.children.len() < 30 && !reading.gaps.is_empty());
}

#[test]
fn a_member_without_a_local_header_is_told() {
    let nowhere = Member { offset: Some(7), ..Member::stored("a", b"1") };
    let reading = read(&Archive::of([nowhere]).build());
    assert!(quirks(&reading).contains(&Quirk::OutOfRange));
    assert!(quirks(&reading).contains(&Quirk::Unlisted), "the header that stands elsewhere");
    let long = Member::stored("a", b"1").both(|h| (h.packed, h.size) = (900, 900));
    let reading = read(&Archive::of([long]).build());
    assert!(quirks(&reading).contains(&Quirk::OutOfRange));
}

#[test]
fn counts_and_sizes_that_lie_hide_no_member() {
    let fewer = read(&Archive { count: Some(1), ..two() }.build());
    assert_eq!(quirks(&fewer), [Quirk::LoadersDisagree]);
    assert_eq!(fewer.children.len(), 2);
    let many = read(&Archive { count: Some(60_000), ..two() }.build());
    assert_eq!(quirks(&many), [Quirk::HugeIndex]);
    let short = read(&Archive { size: Some(56), ..two() }.build());
    assert!(quirks(&short).contains(&Quirk::LoadersDisagree), "{:?}", short.deviations);
    assert_eq!(short.children.len(), 2);
}

#[test]
fn each_end_record_is_followed() {
    let other = Archive::of([Member::stored("other", b"2")]);
    let both = [two().build(), other.build()].concat();
    let reading = read(&both);
    assert_eq!(quirks(&reading), [Quirk::Repeated]);
    let found = children(&reading);
    assert_eq!(found[0], present("other", b"2"));
    assert!(found.contains(&variant("m/data.bin", b"first")));

    let within = Archive { comment: other.build(), ..two() }.build();
    let reading = read(&within);
    assert!(quirks(&reading).contains(&Quirk::Repeated));
    let found = children(&reading);
    assert!(
        found.contains(&present("other", b"2")) && found.contains(&variant("m/data.bin", b"first"))
    );
}

#[test]
fn an_empty_end_record_behind_hides_nothing() {
    let both = [two().build(), Archive::default().build()].concat();
    let reading = read(&both);
    assert!(quirks(&reading).contains(&Quirk::Repeated));
    assert!(children(&reading).contains(&variant("m/data.bin", b"first")));
}

#[test]
fn loaders_that_find_different_directories_are_told() {
    // `zipfile` counts back from the end record, miniz goes where the offset points.
    let one = Archive::of([Member::stored("d.pkl", b"good")]).build();
    let mut both = one.clone();
    both.truncate(one.len() - 22);
    let end = &one[one.len() - 22..];
    let second = Archive::of([Member::stored("d.pkl", b"evil")]).build();
    both.extend(&second[..second.len() - 22]);
    both.extend(end);
    let reading = read(&both);
    assert!(quirks(&reading).contains(&Quirk::LoadersDisagree), "{:?}", reading.deviations);
    let found: Vec<_> = children(&reading).into_iter().map(|child| child.1).collect();
    assert!(found.contains(&b"good".to_vec()) && found.contains(&b"evil".to_vec()));
}

#[test]
fn each_loader_is_asked_its_own_way() {
    let names = ["m/b", "m/DATA.pkl", "m/a", "m/data.pkl", "m/c"];
    let members = names.map(|name| Member::stored(name, name.as_bytes()));
    let bytes = Bytes::from_memory(Archive::of(members).build());
    let directory =
        read_directory(&bytes, &mut Reading::default(), &mut Budget::default()).unwrap();
    let name = |entry: Option<&Entry>| entry.map(|entry| entry.name().into_owned());
    let zipfile = directory.zipfile().unwrap();
    assert_eq!(name(zipfile.find("m/data.pkl")).as_deref(), Some("m/data.pkl"));
    assert_eq!(name(zipfile.find("M/data.pkl")), None);
    let miniz = directory.miniz().unwrap();
    assert_eq!(name(miniz.find("M/A")).as_deref(), Some("m/a"));
    assert!(miniz.find("m/data.PKL").is_some());
    assert_eq!(name(miniz.find("m/d")), None);

    // Seen with `torch.load`: of two members of one name it takes the last.
    let double = Archive::of([b"1", b"2"].map(|data| Member::stored("d.pkl", data)));
    let bytes = Bytes::from_memory(double.build());
    let directory =
        read_directory(&bytes, &mut Reading::default(), &mut Budget::default()).unwrap();
    assert_eq!(directory.miniz().unwrap().find("d.pkl").unwrap().crc32, crc32(b"2"));
}

#[test]
fn bombs_end_at_the_budget() {
    let bomb = deflated("bomb", &vec![0; 8 << 20]);
    let mut budget = Budget::new(Limits { expansion: 1 << 20, ..Limits::default() });
    let reading = read_with(&Archive::of([bomb, Member::stored("a", b"1")]).build(), &mut budget);
    assert_eq!(quirks(&reading), [Quirk::Expansion]);
    assert_eq!(reading.gaps[0].why, Why::Halted(Blame::Exhausted));
    assert!(children(&reading).contains(&present("a", b"1")));
    assert!(reading.children[0].bytes.len() <= (1 << 20) + 64);
}

#[test]
fn headers_over_the_same_bytes_keep_what_was_found_and_leave_some_budget() {
    let mut bytes = Vec::new();
    for _ in 0..3000 {
        let forged = Member::stored("a", b"").unlisted().local(|h| {
            (h.packed, h.size, h.crc32) = (100_000, 100_000, 1);
        });
        let one = Archive::of([forged]).build();
        bytes.extend(&one[..31]);
    }
    bytes.resize(200_000, 1);
    let mut budget = Budget::default();
    let reading = read_with(&bytes, &mut budget);
    assert!(reading.gaps.iter().any(|gap| gap.why == Why::Halted(Blame::Exhausted)));
    assert!(reading.children.len() > 10, "what was found first stays");
    assert!(budget.left().steps > 1_500_000_000);
}

#[test]
fn more_members_than_artifacts_are_allowed_are_one_gap() {
    let members = (0..20).map(|index: u32| Member::stored(&index.to_string(), b"1"));
    let mut budget = Budget::new(Limits { artifacts: 5, ..Limits::default() });
    let reading = read_with(&Archive::of(members).build(), &mut budget);
    assert_eq!((reading.children.len(), reading.gaps.len()), (5, 1));
}

#[test]
fn probing_looks_at_both_ends() {
    let whole = two().build();
    let prefixed = Archive { prefix: vec![b'x'; 9000], ..two() }.build();
    assert_eq!(robust::probe(&Zip, "x", &whole), Probe::Certain);
    assert_eq!(robust::probe(&Zip, "x", &Archive::default().build()), Probe::Certain);
    assert_eq!(robust::probe(&Zip, "x", &prefixed), Probe::Certain);
    let cut = [b"x".as_slice(), &whole[..whole.len() - 30]].concat();
    assert_eq!(robust::probe(&Zip, "x", &cut), Probe::Possible);
    assert_eq!(robust::probe(&Zip, "x", b"PK\x03\x04"), Probe::No);
    assert_eq!(robust::probe(&Zip, "x", &[b'P'; 500]), Probe::No);
}

#[test]
fn damage_breaks_no_promise() {
    let mut again = Member::stored("again", &[1; 20]);
    (again.local, again.offset) = (None, Some(0));
    let strange = Archive {
        prefix: b"prefix".to_vec(),
        gap: b"gap".to_vec(),
        comment: two().build(),
        ..Archive::of([
            Member::stored("a/../b", b"x").both(|h| h.flags = 1),
            deflated("a", &[b'y'; 300]).described().unlisted(),
            again,
        ])
    };
    for archive in [two(), checkpoint(), strange] {
        let whole = archive.build();
        robust::truncations(&Zip, &whole, Order::Indexed).unwrap();
        robust::flips(&Zip, &whole).unwrap();
        robust::splices(&Zip, &whole, &two().build()).unwrap();
    }
}
