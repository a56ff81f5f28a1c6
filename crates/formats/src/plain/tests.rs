use super::*;
use davy_testkit::robust::{self, Order};

fn ar(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut file = b"!<arch>\n".to_vec();
    for (name, data) in members {
        file.extend(
            format!("{name:<16}0           0     0     100644  {:<10}`\n", data.len()).bytes(),
        );
        file.extend(*data);
        file.resize(file.len().next_multiple_of(2), b'\n');
    }
    file
}

fn cpio(members: &[(&str, u32, &[u8])]) -> Vec<u8> {
    let mut file = Vec::new();
    for (name, mode, data) in members.iter().chain(&[("TRAILER!!!", 0, b"".as_slice())]) {
        file.extend(format!("07070100000001{mode:08x}").bytes());
        file.extend(
            format!("{:032x}{:08x}{:032x}{:08x}{:08x}", 0, data.len(), 0, name.len() + 1, 0)
                .bytes(),
        );
        file.extend(name.bytes());
        file.push(0);
        file.resize(file.len().next_multiple_of(4), 0);
        file.extend(*data);
        file.resize(file.len().next_multiple_of(4), 0);
    }
    file
}

fn old_cpio(name: &str, data: &[u8]) -> Vec<u8> {
    let mut file = Vec::new();
    for (name, data) in [(name, data), ("TRAILER!!!", b"")] {
        file.extend(format!("070707{:012o}100644{:024o}", 0, 0).bytes());
        file.extend(format!("{:011o}{:06o}{:011o}", 0, name.len() + 1, data.len()).bytes());
        file.extend(name.bytes());
        file.push(0);
        file.extend(data);
    }
    file
}

fn members(reading: &Reading) -> Vec<(String, u64, Role)> {
    reading.children.iter().map(|it| (it.name.clone(), it.bytes.len(), it.role)).collect()
}

fn quirks(reading: &Reading) -> Vec<Quirk> {
    reading.deviations.iter().map(|it| it.quirk).collect()
}

#[test]
fn members_of_ar_are_named_in_three_ways() {
    let file = ar(&[
        ("//", b"a-long-name-of-a-member.o/\n"),
        ("/0", b"12345"),
        ("b.o/", b"1"),
        ("#1/4", b"c.o\0xy"),
    ]);
    let reading = robust::read(&Ar, "x", &file).unwrap().reading;
    let present = |name: &str, len| (name.to_owned(), len, Role::Present);
    assert_eq!(
        members(&reading),
        [present("a-long-name-of-a-member.o", 5), present("b.o", 1), present("c.o", 2)]
    );
    assert!(reading.seamless && quirks(&reading).is_empty());
    let odd =
        robust::read(&Ar, "x", &[ar(&[("../x/", b"12")]), b"tail".to_vec()].concat()).unwrap();
    assert_eq!(quirks(&odd.reading), [Quirk::EscapingName, Quirk::BytesAfterEnd]);
}

#[test]
fn members_of_cpio_are_read_in_both_formats() {
    let file =
        cpio(&[("a", 0o100_644, b"12345"), ("d", 0o040_755, b""), ("l", 0o120_777, b"/etc")]);
    let reading = robust::read(&Cpio, "x", &file).unwrap().reading;
    assert_eq!(members(&reading), [("a".to_owned(), 5, Role::Present)]);
    assert_eq!((quirks(&reading), reading.seamless), (vec![Quirk::LinkMember], true));
    let old = robust::read(&Cpio, "x", &old_cpio("b", b"123")).unwrap();
    assert!(old.halt.is_none(), "{:?}", old.halt);
    assert_eq!(members(&old.reading), [("b".to_owned(), 3, Role::Present)]);
    let cut = robust::read(&Cpio, "x", &file[..112]).unwrap().reading;
    assert_eq!(quirks(&cut), [Quirk::Truncated, Quirk::Truncated]);
}

#[test]
fn damage_breaks_no_promise() {
    let archive = ar(&[("//", b"long/\n"), ("/0", b"12345"), ("#1/4", b"c.o\0xy")]);
    let packed = cpio(&[("a", 0o100_644, b"12345"), ("l", 0o120_777, b"/etc")]);
    for (format, bytes) in [(&Ar as &dyn davy_artifact::Format, archive), (&Cpio, packed)] {
        robust::truncations(format, &bytes, Order::Indexed).unwrap();
        robust::flips(format, &bytes).unwrap();
        robust::splices(format, &bytes, &old_cpio("b", b"c")).unwrap();
    }
}
