//! Checkpoints forged byte by byte, and what must be read from them.

use super::*;
use davy_artifact::{Deviation, Fact, Format, Input, Probe, Quirk, Reading, Role};
use davy_bytes::{Budget, Bytes};

/// A stored zip archive.
fn archive(members: &[(&str, &[u8])]) -> Vec<u8> {
    let (mut out, mut central) = (Vec::new(), Vec::new());
    for (name, data) in members {
        let at = u32::try_from(out.len()).unwrap();
        let size = u32::try_from(data.len()).unwrap().to_le_bytes();
        let name_len = u16::try_from(name.len()).unwrap().to_le_bytes();
        let crc = crc32fast::hash(data).to_le_bytes();
        let mut common = vec![20, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        common.extend([crc, size, size].concat());
        common.extend([name_len, [0, 0]].concat());
        out.extend([b"PK\x03\x04", common.as_slice(), name.as_bytes(), data].concat());
        central.extend([b"PK\x01\x02\x14\x00", common.as_slice(), &[0; 10]].concat());
        central.extend([at.to_le_bytes().as_slice(), name.as_bytes()].concat());
    }
    let count = u16::try_from(members.len()).unwrap().to_le_bytes();
    let at = u32::try_from(out.len()).unwrap().to_le_bytes();
    let len = u32::try_from(central.len()).unwrap().to_le_bytes();
    out.extend(central);
    out.extend([b"PK\x05\x06\0\0\0\0", count.as_slice(), &count, &len, &at, &[0, 0]].concat());
    out
}

fn text(text: &str) -> Vec<u8> {
    [b"X", u32::try_from(text.len()).unwrap().to_le_bytes().as_slice(), text.as_bytes()].concat()
}

fn int(int: i32) -> Vec<u8> {
    [b"J".as_slice(), &int.to_le_bytes()].concat()
}

fn tuple(items: &[Vec<u8>]) -> Vec<u8> {
    [b"(".to_vec(), items.concat(), b"t".to_vec()].concat()
}

fn ints(items: &[i32]) -> Vec<u8> {
    tuple(&items.iter().map(|item| int(*item)).collect::<Vec<_>>())
}

/// The opcodes that rebuild a tensor of `f32`.
fn tensor(key: &str, elements: i32, offset: i32, size: &[i32], stride: &[i32]) -> Vec<u8> {
    let kind = b"ctorch\nFloatStorage\n".to_vec();
    let id = [text("storage"), kind, text(key), text("cpu"), int(elements)];
    let id = [tuple(&id), b"Q".to_vec()].concat();
    let args = [id, int(offset), ints(size), ints(stride), b"\x89".to_vec(), b"}".to_vec()];
    [b"ctorch._utils\n_rebuild_tensor_v2\n".to_vec(), tuple(&args), b"R".to_vec()].concat()
}

/// A pickle of a dictionary with one tensor.
fn pickle(tensor: Vec<u8>) -> Vec<u8> {
    [b"\x80\x02}".to_vec(), text("w"), tensor, b"s.".to_vec()].concat()
}

fn read(format: &dyn Format, bytes: &[u8]) -> Reading {
    let bytes = Bytes::from_memory(bytes);
    let input = Input { bytes: &bytes, name: "x", role: Role::Present };
    let head = bytes.copy(davy_bytes::Span::new(0, 4096), 4096).unwrap();
    let mut reading = Reading::default();
    if format.probe(&head, &input) != Probe::No {
        let halted = format.read(&input, &mut reading, &mut Budget::default());
        if let Err(halt) = halted {
            reading.halted(&halt, bytes.len());
        }
    }
    reading
}

fn quirks(reading: &Reading) -> Vec<Quirk> {
    reading.deviations.iter().map(|Deviation { quirk, .. }| *quirk).collect()
}

fn tensors(reading: &Reading) -> usize {
    reading.facts.iter().filter(|fact| matches!(fact, Fact::Tensor { .. })).count()
}

fn checkpoint(data: &[u8], storage: &[u8]) -> Vec<u8> {
    archive(&[
        ("m/data.pkl", data),
        ("m/byteorder", b"little"),
        ("m/data/0", storage),
        ("m/version", b"3\n"),
    ])
}

#[test]
fn an_honest_checkpoint_has_tensors_and_no_deviation() {
    let reading =
        read(&PyTorch, &checkpoint(&pickle(tensor("0", 6, 0, &[2, 3], &[3, 1])), &[0; 24]));
    assert_eq!((quirks(&reading), tensors(&reading)), (vec![], 1));
    let Some(Fact::Tensor { tensor, site }) = reading.facts.first() else { panic!() };
    assert_eq!((tensor.storage.as_str(), tensor.size.as_slice()), ("0", [2, 3].as_slice()));
    assert!(site.span.start > 40, "spans are those of the archive");
}

#[test]
fn tensors_that_leave_their_storage_are_told() {
    let told = |tensor: Vec<u8>| quirks(&read(&PyTorch, &checkpoint(&pickle(tensor), &[0; 24])));
    assert_eq!(told(tensor("0", 6, 1, &[2, 3], &[3, 1])), [Quirk::OutOfRange]);
    assert_eq!(told(tensor("0", 6, -1, &[1], &[1])), [Quirk::OutOfRange]);
    assert_eq!(told(tensor("0", 7, 0, &[1], &[1])), [Quirk::SizeMismatch]);
    assert_eq!(told(tensor("1", 6, 0, &[1], &[1])), [Quirk::Missing]);
    let no_storage = b"ctorch._utils\n_rebuild_tensor_v2\n(NK\x00))tR".to_vec();
    assert_eq!(told(no_storage), [Quirk::WrongType]);
}

#[test]
fn sparse_tensors_need_indices_that_fit_their_values() {
    let told = |nonzero: i32| {
        let indices = tensor("0", 6, 0, &[2, nonzero], &[1, 1]);
        let values = tensor("0", 6, 0, &[3], &[1]);
        let data = tuple(&[indices, values, ints(&[4, 4]), b"\x88".to_vec()]);
        let call = b"ctorch._utils\n_rebuild_sparse_tensor\n".to_vec();
        let layout = text("torch.sparse_coo");
        let sparse = [call, tuple(&[layout, data]), b"R".to_vec()].concat();
        quirks(&read(&PyTorch, &checkpoint(&pickle(sparse), &[0; 24])))
    };
    assert_eq!(told(3), []);
    assert_eq!(told(4), [Quirk::OutOfRange]);
}

#[test]
fn marks_and_roots_are_checked() {
    let data = pickle(tensor("0", 1, 0, &[1], &[1]));
    let odd = archive(&[("m/data.pkl", &data), ("m/data/0", &[0; 4]), ("m/byteorder", b"middle")]);
    assert_eq!(quirks(&read(&PyTorch, &odd)), [Quirk::WrongType]);
    let two = archive(&[
        ("a/data.pkl", &data),
        ("a/data/0", &[0; 4]),
        ("b/DATA.PKL", &data),
        ("b/data/0", &[0; 4]),
    ]);
    let reading = read(&PyTorch, &two);
    assert_eq!((quirks(&reading), tensors(&reading)), (vec![Quirk::Repeated], 2));
}

#[test]
fn the_archive_reader_gives_members_their_roles() {
    let forged = archive(&[
        ("m/Data.pkl", b"\x80\x02N."),
        ("m/data/0", &[0; 4]),
        ("m/notes", b"-"),
        ("m/version", b"3"),
    ]);
    let reading = read(&crate::zip::Zip, &forged);
    let roles: Vec<Role> = reading.children.iter().map(|child| child.role).collect();
    assert_eq!(roles, [Role::Loaded, Role::Storage, Role::Present, Role::Storage]);
    let package =
        archive(&[("p/.data/python_version", b"3"), ("p/a.py", b"x"), ("p/b.pkl", b"N.")]);
    let reading = read(&crate::zip::Zip, &package);
    let roles: Vec<Role> = reading.children.iter().map(|child| child.role).collect();
    assert_eq!(roles, [Role::Storage, Role::Loaded, Role::Loaded]);
    let other = archive(&[("data/0", b"x"), ("version", b"3")]);
    let reading = read(&crate::zip::Zip, &other);
    assert!(reading.children.iter().all(|child| child.role == Role::Present));
}

#[test]
fn torchscript_tells_the_operators_of_its_code() {
    let code = b"class M(Module):\n  def forward(self: __torch__.M) -> Tensor:\n    return torch.from_file(\"/etc/passwd\")\n";
    let forged = archive(&[
        ("m/data.pkl", &pickle(tensor("0", 1, 0, &[1], &[1]))),
        ("m/data/0", &[0; 4]),
        ("m/code/__torch__.py", code),
        ("m/constants.pkl", b"\x80\x02)."),
    ]);
    let reading = read(&TorchScript, &forged);
    let calls: Vec<String> = reading
        .facts
        .iter()
        .filter_map(|fact| match fact {
            Fact::Call { call, .. } => Some(call.to_string()),
            _ => None,
        })
        .collect();
    assert_eq!(calls, ["torch.from_file('/etc/passwd')"]);
    assert_eq!((quirks(&reading), tensors(&reading)), (vec![], 1));
    assert!(read(&PyTorch, &forged).is_empty());
}

#[test]
fn packages_name_the_modules_that_they_want() {
    let forged = archive(&[("p/.data/extern_modules", b"os\nnumpy\n"), ("p/a.py", b"import os\n")]);
    let reading = read(&TorchPackage, &forged);
    assert_eq!(reading.facts.len(), 2);
    assert!(matches!(&reading.facts[0], Fact::Import { name, .. } if name.module == "os"));
}

fn legacy(object: &[u8], keys: &[&str], storages: &[u8]) -> Vec<u8> {
    let keys: Vec<u8> = keys.iter().flat_map(|key| [text(key), b"a".to_vec()].concat()).collect();
    [
        b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.\x80\x02}.".as_slice(),
        object,
        b"\x80\x02]",
        &keys,
        b".",
        storages,
    ]
    .concat()
}

/// The bytes of one storage of `elements` zeros.
fn zeros(elements: u64) -> Vec<u8> {
    let data = vec![0; usize::try_from(elements * 4).unwrap()];
    [elements.to_le_bytes().as_slice(), &data].concat()
}

#[test]
fn legacy_files_are_accounted_for_to_the_last_byte() {
    let object = pickle(tensor("0", 6, 0, &[2, 3], &[3, 1]));
    let honest = legacy(&object, &["0"], &zeros(6));
    let reading = read(&Legacy, &honest);
    assert_eq!((quirks(&reading), tensors(&reading)), (vec![], 1));
    assert_eq!(reading.children.len(), 1);
    assert_eq!(reading.children[0].role, Role::Storage);
    assert!(reading.gaps.is_empty());

    let more = [honest.clone(), b"\x80\x02cos\nsystem\n.".to_vec()].concat();
    let reading = read(&Legacy, &more);
    assert_eq!(quirks(&reading), [Quirk::BytesAfterEnd]);
    assert_eq!(reading.children.last().unwrap().role, Role::Leftover);

    assert_eq!(quirks(&read(&Legacy, &legacy(&object, &["0"], &zeros(5)))), [Quirk::SizeMismatch]);
    assert_eq!(quirks(&read(&Legacy, &legacy(&object, &[], &[]))), [Quirk::Missing]);
    assert_eq!(read(&Legacy, &honest[..honest.len() - 1]).gaps.len(), 1);
}

#[test]
fn legacy_streams_that_are_no_plain_data_are_told() {
    let object = pickle(tensor("0", 1, 0, &[1], &[1]));
    let honest = legacy(&object, &["0"], &zeros(1));
    let wrong_version = [&honest[..15], b"\x80\x02M\xea\x03.", &honest[21..]].concat();
    assert_eq!(quirks(&read(&Legacy, &wrong_version)), [Quirk::WrongType]);
    let payload = [&honest[..21], b"\x80\x02cos\nsystem\n(X\x01\0\0\0xtR.", &honest[25..]].concat();
    let reading = read(&Legacy, &payload);
    assert_eq!(quirks(&reading), [Quirk::WrongType]);
    assert!(reading.facts.iter().any(|fact| matches!(fact, Fact::Call { .. })));
    assert!(is_legacy(b"\x80\x04\x95\x0d\0\0\0\0\0\0\0\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."));
    assert!(!is_legacy(b"\x80\x02K\x01."));
}

/// A tar archive.
fn tar(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, data) in members {
        let mut header = [0_u8; 512];
        header[..name.len()].copy_from_slice(name.as_bytes());
        header[124..135].copy_from_slice(format!("{:011o}", data.len()).as_bytes());
        header[148..156].fill(b' ');
        header[156] = b'0';
        header[257..263].copy_from_slice(b"ustar\0");
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        out.extend(header);
        out.extend_from_slice(data);
        out.resize(out.len().next_multiple_of(512), 0);
    }
    out.resize(out.len() + 1024, 0);
    out
}

#[test]
fn the_members_of_a_tar_checkpoint_are_loaded() {
    let members: [(&str, &[u8]); 4] = [
        ("./sys_info", b"\x80\x02}."),
        ("pickle", b"\x80\x02}."),
        ("readme", b"-"),
        ("storages", b"\x80\x02K\x00."),
    ];
    let reading = read(&Tar, &tar(&members));
    let names: Vec<&str> = reading.children.iter().map(|child| child.name.as_str()).collect();
    assert_eq!(names, ["./sys_info", "pickle", "storages"]);
    assert!(reading.children.iter().all(|child| child.role == Role::Loaded));
    assert!(read(&Tar, &tar(&[("readme", b"-"), ("storages", b"-")])).is_empty());
}

#[test]
fn damaged_checkpoints_are_read_without_panic() {
    let data = pickle(tensor("0", 1, 0, &[1], &[1]));
    let samples: [(&dyn Format, Vec<u8>); 3] = [
        (&PyTorch, checkpoint(&data, &[0; 4])),
        (&Legacy, legacy(&data, &["0"], &zeros(1))),
        (&Tar, tar(&[("pickle", b"\x80\x02}."), ("storages", b"\x80\x02K\x00.")])),
    ];
    for (format, sample) in samples {
        for end in 0..sample.len() {
            read(format, &sample[..end]);
        }
        for at in 0..sample.len() {
            let mut damaged = sample.clone();
            for flip in [1, 0x80, 0xff] {
                damaged[at] = sample[at] ^ flip;
                read(format, &damaged);
            }
        }
    }
}
