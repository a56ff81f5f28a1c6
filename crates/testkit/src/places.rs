//! Places in well-formed files where a payload can lie: fields that hold any bytes, padding, gaps, and
//! strings that spell bytes in base64.

use crate::zip::{Archive, Member, crc32};

/// A file with a payload in it.
#[derive(Clone, Debug)]
pub struct Place {
    /// What the file is called.
    pub name: &'static str,
    /// Where in it the payload lies.
    pub place: &'static str,
    /// Whether the format has such things there, so that finding one is nothing to tell of.
    pub open: bool,
    /// The file.
    pub bytes: Vec<u8>,
}

/// A length as a number of four bytes; what tests forge is small.
fn len32(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX)
}

/// The same as one of eight bytes, little-endian.
fn len64(bytes: &[u8]) -> [u8; 8] {
    u64::from(len32(bytes)).to_le_bytes()
}

/// Zeros up to the next multiple of `to`.
fn padding(bytes: &[u8], to: usize) -> Vec<u8> {
    vec![0; bytes.len().next_multiple_of(to) - bytes.len()]
}

/// Files with `payload` as it is: its bytes stand in them once and together.
#[must_use]
pub fn raw(payload: &[u8]) -> Vec<Place> {
    let of = |name, place: &'static str, bytes| {
        let open = place == "as a member" || place.contains("string") || place.contains("constant");
        Place { name, place, open, bytes }
    };
    let mut places = vec![
        of("x.safetensors", "between tensors", safetensors(payload, 2)),
        of("x.safetensors", "in a tensor", safetensors(payload, 1)),
        of("x.gguf", "in a string of the metadata", gguf(&gguf_text(payload), &[], 32, &[])),
        of("x.gguf", "in an array of the metadata", gguf(&gguf_array(payload), &[], 32, &[])),
        of("x.gguf", "in the alignment padding", gguf(&[], payload, 4096, &[])),
        of("x.gguf", "between tensors", gguf_between(payload)),
        of("x.npy", "in the padding of the header", npy(payload, 0)),
        of("x.npy", "in the array", npy(payload, payload.len())),
        of("x.bin", "in a leaf", msgpack(0xc6, payload)),
        of("x.bin", "in a string", msgpack(0xdb, payload)),
        of("x.tar", "in the padding of a member", tar(&[payload], b"", b"")),
        of("x.tar", "behind the end", tar(&[], b"", payload)),
        of("x.tar", "as a member", tar(&[], payload, b"")),
        of("x.onnx", "in the bytes of a tensor", onnx(&raw_tensor(payload))),
        of("x.onnx", "in a field that nobody knows", onnx(&field(900, payload))),
        of("x.onnx", "in a comment", onnx(&field(6, payload))),
        of("x.rds", "in a string", r_vector(b"\0\x04\0\x09", payload, true)),
        of("x.rds", "in raw bytes", r_vector(b"\0\0\0\x18", payload, false)),
        of("x.pkl", "in a constant", pickle(b'B', payload)),
        of("x.gz", "in a field of the header", gzip(payload)),
        of("x.zst", "in a frame to be skipped", skippable(payload, ZSTD)),
        of("x.lz4", "in a frame to be skipped", skippable(payload, LZ4)),
        of("x.mat", "in an array", matlab(payload)),
        of("x.nc", "behind the variables", netcdf(payload)),
        of("x.a", "as a member", ar(payload)),
        of("x.png", "in a chunk that nobody knows", png(payload, b"")),
        of("x.png", "behind the end", png(b"", payload)),
        of("x.wav", "in a chunk of padding", wav(payload)),
        of("x.mp4", "in a box of free space", mp4(payload)),
        of("x.7z", "between the streams and the header", seven_zip(payload)),
    ];
    places.extend(archives(payload));
    places
}

/// The unused places of an archive, by the names of models that are archives.
fn archives(payload: &[u8]) -> Vec<Place> {
    let plain = || Member::stored("a.txt", b"hello");
    let field = [b"xx".as_slice(), &payload_len(payload), payload].concat();
    let packed = [b"\x03\0".as_slice(), payload].concat();
    let slack = Member { data: packed.clone(), ..Member::packed("b.txt", 8, &packed, b"") };
    let of =
        |name, place, archive: Archive| Place { name, place, open: false, bytes: archive.build() };
    let mut places = Vec::new();
    for name in ["x.zip", "x.npz", "x.pt", "x.keras", "x.mar", "x.skops"] {
        let between = Member { before: payload.to_vec(), ..plain() };
        places.extend([
            of(name, "between members", Archive::of([plain(), between])),
            of(
                name,
                "before the directory",
                Archive { gap: payload.to_vec(), ..Archive::of([plain()]) },
            ),
            of(
                name,
                "in a local extra field",
                Archive::of([plain().local(|it| it.extra.clone_from(&field))]),
            ),
            of(
                name,
                "in a central extra field",
                Archive::of([plain().central(|it| it.extra.clone_from(&field))]),
            ),
            of(name, "behind a stream", Archive::of([plain(), slack.clone()])),
            of(
                name,
                "in the comment",
                Archive { comment: payload.to_vec(), ..Archive::of([plain()]) },
            ),
        ]);
    }
    places
}

fn payload_len(payload: &[u8]) -> [u8; 2] {
    u16::try_from(payload.len()).unwrap_or(u16::MAX).to_le_bytes()
}

/// Files with `payload` in base64, in a string.
#[must_use]
pub fn encoded(payload: &[u8]) -> Vec<Place> {
    let text = base64(payload);
    let bytes = |name, bytes| Place { name, place: "in base64", open: false, bytes };
    let of = |name, text: String| bytes(name, text.into_bytes());
    let safetensors = format!(
        "{{\"__metadata__\":{{\"note\":\"{text}\"}},\"a\":{{\"dtype\":\"U8\",\"shape\":[4],\
         \"data_offsets\":[0,4]}}}}"
    );
    let head = len64(safetensors.as_bytes());
    vec![
        of("config.json", format!("{{\"model_type\": \"bert\", \"note\": \"{text}\"}}")),
        of("config.yaml", format!("name: x\nnote: {text}\n")),
        of("config.yaml", format!("name: x\nnote: |\n  {text}\n")),
        of("x.xml", format!("<?xml version=\"1.0\"?>\n<net><note>{text}</note></net>\n")),
        of("x.py", format!("import numpy as np\n\nNOTE = \"{text}\"\n")),
        bytes("x.safetensors", [&head, safetensors.as_bytes(), b"\0\0\0\0"].concat()),
        bytes("x.gguf", gguf(&gguf_text(text.as_bytes()), &[], 32, &[])),
        bytes("x.bin", msgpack(0xdb, text.as_bytes())),
        bytes("x.onnx", onnx(&field(6, text.as_bytes()))),
        bytes("x.rds", r_vector(b"\0\x04\0\x09", text.as_bytes(), true)),
        Place { open: true, ..bytes("x.pkl", pickle(b'X', text.as_bytes())) },
    ]
}

/// Two tensors with `payload` between them, or one that is `payload`.
fn safetensors(payload: &[u8], tensors: usize) -> Vec<u8> {
    let len = payload.len();
    let header = if tensors == 1 {
        format!("{{\"a\":{{\"dtype\":\"U8\",\"shape\":[{len}],\"data_offsets\":[0,{len}]}}}}")
    } else {
        let tensor = |name, from: usize| {
            let to = from + 4;
            format!("\"{name}\":{{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[{from},{to}]}}")
        };
        format!("{{{},{}}}", tensor("a", 0), tensor("b", 4 + len))
    };
    let around = vec![1; if tensors == 1 { 0 } else { 4 }];
    [&len64(header.as_bytes()), header.as_bytes(), &around, payload, &around].concat()
}

/// A file of version 3: pairs of metadata, what stands in the padding behind the tables, the
/// alignment, and tensors of four bytes with what stands behind each.
fn gguf(pair: &[u8], gap: &[u8], alignment: u32, between: &[u8]) -> Vec<u8> {
    let tensors = if between.is_empty() { 1 } else { 2_u64 };
    let pairs = 1 + u64::from(!pair.is_empty());
    let mut file = [b"GGUF\x03\0\0\0".as_slice(), &tensors.to_le_bytes()].concat();
    file.extend(pairs.to_le_bytes());
    file.extend(gguf_string(b"general.alignment"));
    file.extend(4_u32.to_le_bytes());
    file.extend(alignment.to_le_bytes());
    file.extend(pair);
    let to = usize::try_from(alignment).unwrap_or(32);
    let mut content = vec![1; 4];
    content.extend(between);
    content.extend(padding(&content, to));
    for (name, at) in [(b"a", 0), (b"b", u64::from(len32(&content)))] {
        if name == b"a" || tensors == 2 {
            file.extend(gguf_string(name));
            file.extend([1_u32, 1, 0, 0].map(u32::to_le_bytes).concat());
            file.extend(at.to_le_bytes());
        }
    }
    file.extend(gap);
    file.extend(padding(&file, to));
    if tensors == 2 {
        content.extend([1; 4]);
        content.extend(padding(&content, to));
    }
    file.extend(content);
    file
}

fn gguf_between(payload: &[u8]) -> Vec<u8> {
    gguf(&[], &[], 4096, payload)
}

fn gguf_string(text: &[u8]) -> Vec<u8> {
    [&len64(text), text].concat()
}

fn gguf_text(text: &[u8]) -> Vec<u8> {
    [gguf_string(b"general.note"), 8_u32.to_le_bytes().to_vec(), gguf_string(text)].concat()
}

fn gguf_array(bytes: &[u8]) -> Vec<u8> {
    let head = [gguf_string(b"general.blob"), [9_u32, 0].map(u32::to_le_bytes).concat()].concat();
    [head, gguf_string(bytes)].concat()
}

/// An array of `len` bytes, or a header with `payload` in its padding.
fn npy(payload: &[u8], len: usize) -> Vec<u8> {
    let shape = if len == 0 { 4 } else { len };
    let mut header =
        format!("{{'descr': '|u1', 'fortran_order': False, 'shape': ({shape},), }}").into_bytes();
    if len == 0 {
        header.extend(b"      ");
        header.extend(payload);
    }
    header.push(b'\n');
    let start = [b"\x93NUMPY\x02\0".as_slice(), &len32(&header).to_le_bytes()].concat();
    let content = if len == 0 { b"\x01\x02\x03\x04" } else { payload };
    [&start, header.as_slice(), content].concat()
}

/// A map with one leaf (MessagePack, `bin 32` or `str 32`).
fn msgpack(kind: u8, payload: &[u8]) -> Vec<u8> {
    [b"\x82\xa1a\x01\xa1b".as_slice(), &[kind], &len32(payload).to_be_bytes(), payload].concat()
}

/// A header of `tar` for a file of `len` bytes.
fn tar_header(name: &[u8], len: usize) -> Vec<u8> {
    let mut header = name.to_vec();
    header.resize(100, 0);
    header.extend(b"0000644\x000000000\x000000000\0");
    header.extend(format!("{len:011o}\0").into_bytes());
    header.extend(b"00000000000\0        0");
    header.resize(257, 0);
    header.extend(b"ustar\x0000");
    header.resize(512, 0);
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header.splice(148..156, format!("{sum:06o}\0 ").into_bytes());
    header
}

/// A member with `slack` in its padding, one that is `content`, and what stands behind the end.
fn tar(slack: &[&[u8]], content: &[u8], behind: &[u8]) -> Vec<u8> {
    let mut file = tar_header(b"a.txt", 5);
    file.extend(b"hello");
    file.extend(slack.concat());
    file.extend(padding(&file, 512));
    if !content.is_empty() {
        file.extend(tar_header(b"b.bin", content.len()));
        file.extend(content);
        file.extend(padding(&file, 512));
    }
    file.resize(file.len() + 1024, 0);
    file.extend(behind);
    file
}

/// A picture of one point, with a chunk of a private kind and what stands behind the end.
fn png(private: &[u8], behind: &[u8]) -> Vec<u8> {
    let chunk = |kind: &[u8; 4], content: &[u8]| {
        let sum = crc32(&[kind.as_slice(), content].concat()).to_be_bytes();
        [&len32(content).to_be_bytes(), kind.as_slice(), content, &sum].concat()
    };
    let header = chunk(b"IHDR", b"\0\0\0\x01\0\0\0\x01\x08\0\0\0\0");
    let point = chunk(b"IDAT", b"\x78\x01\x63\x60\0\0\0\x02\0\x01");
    let private = if private.is_empty() { Vec::new() } else { chunk(b"prIv", private) };
    let end = chunk(b"IEND", b"");
    [b"\x89PNG\r\n\x1a\n".as_slice(), &header, &private, &point, &end, behind].concat()
}

/// A sound of one sample, with a chunk that says nothing.
fn wav(payload: &[u8]) -> Vec<u8> {
    let chunk = |kind: &[u8; 4], content: &[u8]| {
        [kind.as_slice(), &len32(content).to_le_bytes(), content, &padding(content, 2)].concat()
    };
    let format = chunk(b"fmt ", b"\x01\0\x01\0\x40\x1f\0\0\x40\x1f\0\0\x01\0\x08\0");
    let chunks = [b"WAVE".to_vec(), format, chunk(b"JUNK", payload), chunk(b"data", b"\x80\x80")];
    let chunks = chunks.concat();
    [b"RIFF".as_slice(), &len32(&chunks).to_le_bytes(), &chunks].concat()
}

/// A film of nothing, with free space.
fn mp4(payload: &[u8]) -> Vec<u8> {
    let part = |kind: &[u8; 4], content: &[u8]| {
        let length = len32(content).saturating_add(8).to_be_bytes();
        [&length, kind.as_slice(), content].concat()
    };
    let parts = [part(b"ftyp", b"isom\0\0\x02\0"), part(b"free", payload), part(b"mdat", b"\0\0")];
    parts.concat()
}

/// A field of protobuf with bytes.
fn field(number: u32, bytes: &[u8]) -> Vec<u8> {
    [varint(number << 3 | 2), varint(len32(bytes)), bytes.to_vec()].concat()
}

fn varint(mut number: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number > 0x7f {
        bytes.extend((number & 0x7f | 0x80).to_le_bytes().first());
        number >>= 7;
    }
    bytes.extend(number.to_le_bytes().first());
    bytes
}

/// A model of one node, and a field besides.
fn onnx(besides: &[u8]) -> Vec<u8> {
    let node = [field(1, b"x"), field(2, b"y"), field(4, b"Relu")].concat();
    let value = |name| {
        let shape = field(2, &field(1, b"\x08\x01"));
        field(1, name)
            .into_iter()
            .chain(field(2, &field(1, &[b"\x08\x01".to_vec(), shape].concat())))
    };
    let (input, output): (Vec<u8>, Vec<u8>) = (value(b"x").collect(), value(b"y").collect());
    let graph = [field(1, &node), field(2, b"g"), field(11, &input), field(12, &output)].concat();
    let graph = match besides.first() {
        // An initializer is a part of the graph.
        Some(0x2a) => [graph, besides.to_vec()].concat(),
        _ => graph,
    };
    let opset = field(8, b"\x10\x11");
    let mut model = [b"\x08\x08".to_vec(), field(7, &graph), opset].concat();
    if besides.first() != Some(&0x2a) {
        model.extend(besides);
    }
    model
}

fn raw_tensor(payload: &[u8]) -> Vec<u8> {
    let dims = [vec![8], varint(len32(payload))].concat();
    field(5, &[dims, b"\x10\x02".to_vec(), field(8, b"w"), field(9, payload)].concat())
}

/// A vector of R with one string, or of bytes (`serialize.c`, version 2).
fn r_vector(kind: &[u8], payload: &[u8], text: bool) -> Vec<u8> {
    let head = b"X\n\0\0\0\x02\0\x04\x03\0\0\x02\x03\0".as_slice();
    let len = len32(payload).to_be_bytes();
    if text {
        let vector = b"\0\0\0\x10\0\0\0\x01".as_slice();
        return [head, vector, kind, &len, payload].concat();
    }
    [head, kind, &len, payload].concat()
}

/// A list of a number and a constant.
fn pickle(kind: u8, payload: &[u8]) -> Vec<u8> {
    [b"\x80\x03]K\x01a".as_slice(), &[kind], &len32(payload).to_le_bytes(), payload, b"a."].concat()
}

/// A stream with an extra field (RFC 1952, section 2.3.1.1).
fn gzip(payload: &[u8]) -> Vec<u8> {
    let plain = crate::payload::gzip(b"hello");
    let (mut head, rest) = (plain[..10].to_vec(), &plain[10..]);
    head[3] = 4;
    let sub = [b"xx".as_slice(), &payload_len(payload), payload].concat();
    [&head, payload_len(&sub).as_slice(), &sub, rest].concat()
}

/// Frames of one raw block: `hello`.
const ZSTD: &[u8] = b"\x28\xb5\x2f\xfd\x20\x05\x29\0\0hello";
const LZ4: &[u8] = b"\x04\x22\x4d\x18\x60\x40\x82\x05\0\0\x80hello\0\0\0\0";

/// A frame to be skipped, between two others (RFC 8878, section 3.1.2; LZ4 has the same).
fn skippable(payload: &[u8], frame: &[u8]) -> Vec<u8> {
    [frame, b"\x5a\x2a\x4d\x18", &len32(payload).to_le_bytes(), payload, frame].concat()
}

/// An array of bytes (MAT-File Format, level 5).
fn matlab(payload: &[u8]) -> Vec<u8> {
    let mut file = b"MATLAB 5.0 MAT-file".to_vec();
    file.resize(124, b' ');
    file.extend(b"\0\x01IM");
    let mut data = payload.to_vec();
    data.extend(padding(&data, 8));
    let numbers =
        |numbers: &[u32]| numbers.iter().flat_map(|it| it.to_le_bytes()).collect::<Vec<_>>();
    let body = [
        numbers(&[6, 8, 9, 0, 5, 8, 1, len32(payload), 0x0001_0001, 0x61, 2, len32(payload)]),
        data,
    ]
    .concat();
    file.extend(numbers(&[14, len32(&body)]));
    file.extend(body);
    file
}

/// A file without variables (classic format): whatever stands behind its header.
fn netcdf(payload: &[u8]) -> Vec<u8> {
    [b"CDF\x01".as_slice(), &[0; 28], payload].concat()
}

/// An archive of one member.
fn ar(payload: &[u8]) -> Vec<u8> {
    let head =
        format!("{:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`\n", "a.bin/", 0, 0, 0, 644, payload.len());
    let pad = if payload.len() % 2 == 1 { b"\n".as_slice() } else { b"" };
    [b"!<arch>\n", head.as_bytes(), payload, pad].concat()
}

/// An archive whose header starts behind `payload`, which no stream has.
fn seven_zip(payload: &[u8]) -> Vec<u8> {
    let plain = crate::payload::seven_zip();
    let streams = &plain[32..45];
    let header = &plain[45..];
    let offset = len64(&[streams, payload].concat());
    let start = [offset.as_slice(), &len64(header), &crc32(header).to_le_bytes()].concat();
    [&plain[..8], &crc32(&start).to_le_bytes(), &start, streams, payload, header].concat()
}

/// Base64 (RFC 4648, section 4).
#[must_use]
pub fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let number =
            chunk.iter().chain([&0, &0]).take(3).fold(0, |n, byte| n << 8 | usize::from(*byte));
        for at in 0..4 {
            let digit = DIGITS[number >> (18 - 6 * at) & 63];
            text.push(if at <= chunk.len() { char::from(digit) } else { '=' });
        }
    }
    text
}
