//! Compressed files: davy's scan of each, against the decoder alone that it is made with, which for each
//! of these formats is the fastest in Rust that is kept up.

use crate::cases::{Line, Target, ratio};
use crate::inputs::made;
use crate::measure::{davy, medians};
use crate::{Outcome, Place};
use davy_testkit::robust::Random;
use lzma_rust2::{LzmaReader, XzReader};
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{BufReader, Read, Write};
use std::path::Path;
use std::process::Command;

/// Values of the array that is compressed, of four bytes each.
const VALUES: usize = 16 << 20;
/// How much more time than the decoder a scan may take.
const TIMES: f64 = 1.3;
/// Memory that LZMA may use, in KiB.
const MEMORY: u32 = 256 << 10;

/// A codec: its name, the ending of its files, how one is made, and its decoder.
struct Codec {
    name: &'static str,
    ending: &'static str,
    pack: fn(&Path, &Path) -> Outcome<()>,
    open: fn(File) -> Outcome<Box<dyn Read>>,
}

const CODECS: &[Codec] = &[
    Codec {
        name: "gzip",
        ending: "gz",
        pack: |from, to| python("gzip", from, to),
        open: |file| Ok(Box::new(flate2::bufread::GzDecoder::new(buffered(file)))),
    },
    Codec {
        name: "bzip2",
        ending: "bz2",
        pack: |from, to| python("bz2", from, to),
        open: |file| Ok(Box::new(bzip2::bufread::BzDecoder::new(buffered(file)))),
    },
    Codec {
        name: "xz",
        ending: "xz",
        pack: |from, to| python("lzma", from, to),
        open: |file| Ok(Box::new(XzReader::new_mem_limit(buffered(file), true, MEMORY))),
    },
    Codec {
        name: "LZMA",
        ending: "lzma",
        pack: |from, to| python("lzma-alone", from, to),
        open: |file| Ok(Box::new(LzmaReader::new_mem_limit(buffered(file), MEMORY, None)?)),
    },
    Codec {
        name: "LZ4",
        ending: "lz4",
        pack: |from, to| {
            let mut encoder = lz4_flex::frame::FrameEncoder::new(File::create(to)?);
            encoder.write_all(&fs::read(from)?)?;
            encoder.finish()?;
            Ok(())
        },
        open: |file| Ok(Box::new(lz4_flex::frame::FrameDecoder::new(buffered(file)))),
    },
    Codec {
        name: "Zstandard",
        ending: "zst",
        pack: |from, to| {
            let level = ruzstd::encoding::CompressionLevel::Fastest;
            let packed = ruzstd::encoding::compress_to_vec(&*fs::read(from)?, level);
            Ok(fs::write(to, packed)?)
        },
        open: |file| Ok(Box::new(ruzstd::decoding::StreamingDecoder::new(buffered(file))?)),
    },
];

fn buffered(file: File) -> BufReader<File> {
    BufReader::with_capacity(1 << 16, file)
}

/// Packs a file with a module of Python.
fn python(module: &str, from: &Path, to: &Path) -> Outcome<()> {
    const PACK: &str = "import sys, gzip, bz2, lzma\n\
        how, source, target = sys.argv[1:]\n\
        pack = {'gzip': lambda data: gzip.compress(data, 6), 'bz2': bz2.compress,\n\
        \x20 'lzma': lambda data: lzma.compress(data, preset=1),\n\
        \x20 'lzma-alone': lambda data: lzma.compress(data, lzma.FORMAT_ALONE, preset=1)}[how]\n\
        open(target, 'wb').write(pack(open(source, 'rb').read()))";
    let status = Command::new("python3").args(["-c", PACK, module]).args([from, to]).status()?;
    if status.success() { Ok(()) } else { Err(format!("Python cannot pack {module}").into()) }
}

/// An array of numbers whose lower halves are zero, as weights are that were trained in bfloat16.
fn array(path: &Path) -> Outcome<()> {
    let mut random = Random(7);
    let header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({VALUES},), }}");
    let mut bytes = b"\x93NUMPY\x01\0\x76\0".to_vec();
    bytes.extend_from_slice(format!("{header:<117}\n").as_bytes());
    for _ in 0..VALUES {
        let [low, high, ..] = random.bits().to_le_bytes();
        bytes.extend_from_slice(&[0, 0, low, 0x3c | high & 0x81]);
    }
    Ok(fs::write(path, bytes)?)
}

/// Every codec.
pub fn codecs(place: &Place) -> Outcome<Vec<Line>> {
    let plain = made(place, "array.npy", array)?;
    let mut lines = Vec::new();
    for codec in CODECS {
        let name = format!("array.npy.{}", codec.ending);
        let packed = made(place, &name, |path| (codec.pack)(&plain, path))?;
        let words = [OsStr::new("scan"), OsStr::new("--no-survey"), packed.as_os_str()];
        let times = medians(|| davy(&place.davy, &words), || decode(codec, &packed))?;
        let what = format!("64 MiB in {}, against its decoder", codec.name);
        lines.push(ratio(&what, Target::Most(TIMES), times));
    }
    Ok(lines)
}

/// Decodes a file and keeps what comes out, as whoever looks into it has to.
fn decode(codec: &Codec, path: &Path) -> Outcome<()> {
    let mut decoder = (codec.open)(File::open(path)?)?;
    let mut bytes = Vec::new();
    decoder.read_to_end(&mut bytes)?;
    if bytes.len() == 128 + 4 * VALUES { Ok(()) } else { Err("not all of it came out".into()) }
}
