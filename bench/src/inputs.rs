//! Makes the inputs, always the same, unless they are there already.

use crate::{Outcome, Place};
use davy_testkit::pickle::Asm;
use davy_testkit::robust::Random;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Opcodes of the dense pickle.
pub const OPCODES: usize = 5_000_000;
/// Pickles in the folder.
pub const SMALL: usize = 2_000;

/// One pickle of a few bytes.
pub fn tiny(place: &Place) -> Outcome<PathBuf> {
    made(place, "tiny.pkl", |path| Ok(fs::write(path, small(0))?))
}

/// A folder of small pickles.
pub fn folder(place: &Place) -> Outcome<PathBuf> {
    made(place, "small", |path| {
        fs::create_dir_all(path)?;
        for index in 0..SMALL {
            fs::write(path.join(format!("{index:04}.pkl")), small(index))?;
        }
        Ok(())
    })
}

/// A pickle as small models and settings are: a dictionary of numbers and texts.
fn small(index: usize) -> Vec<u8> {
    let mut items = Asm::new().empty_dict().memoize().mark();
    for key in 0..20 + index % 40 {
        let number = u16::try_from((key * 977 + index) % 65_536).unwrap_or(0);
        let name = format!("layer.{key}.weight.{index}");
        items = items.short_text(&name).memoize().int2(number);
    }
    Asm::new().proto(4).framed(items.setitems().raw(b".")).cut()
}

/// A pickle of 16 MB and five million opcodes, as mixed as lists of small values are.
pub fn dense(place: &Place) -> Outcome<PathBuf> {
    made(place, "dense.pkl", |path| Ok(fs::write(path, dense_bytes())?))
}

fn dense_bytes() -> Vec<u8> {
    let mut random = Random(42);
    let mut bytes = b"\x80\x04]\x94(".to_vec();
    let (mut opcodes, mut memo, mut items) = (4, 1_u32, 0_u32);
    while opcodes + 6 < OPCODES {
        opcodes += element(&mut bytes, &mut random, &mut memo);
        items += 1;
        if items.is_multiple_of(1000) {
            bytes.extend_from_slice(b"e(");
            opcodes += 2;
        }
    }
    while opcodes + 2 < OPCODES {
        bytes.push(b'N');
        opcodes += 1;
    }
    bytes.extend_from_slice(b"e.");
    bytes
}

/// Appends one element of the list; returns how many opcodes it is.
fn element(bytes: &mut Vec<u8>, random: &mut Random, memo: &mut u32) -> usize {
    let bits = random.bits();
    let [low, high, ..] = bits.to_le_bytes();
    match bits >> 32 & 15 {
        0..=3 => bytes.extend_from_slice(&[b'K', low]),
        4..=6 => bytes.extend_from_slice(&[b'M', low, high]),
        7 => bytes.push(b'N'),
        8 => {
            bytes.push(b'G');
            bytes.extend_from_slice(&(bits as f64).to_be_bytes());
        }
        9 | 10 => {
            let index = u32::from_le_bytes([low, high, low & 1, 0]) % *memo;
            bytes.push(b'j');
            bytes.extend_from_slice(&index.to_le_bytes());
        }
        11 | 12 => {
            let text = format!("{:08x}", bits & 0xffff_ffff);
            bytes.extend_from_slice(&[0x8c, 8]);
            bytes.extend_from_slice(text.as_bytes());
            bytes.push(0x94);
            *memo += 1;
            return 2;
        }
        _ => {
            bytes.extend_from_slice(&[b'K', low, b'J', low, high, low, 0, 0x86, 0x94]);
            *memo += 1;
            return 4;
        }
    }
    1
}

/// A checkpoint of one gigabyte, written by Python's zipfile.
pub fn checkpoint(place: &Place) -> Outcome<PathBuf> {
    made(place, "checkpoint.pt", |path| {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("checkpoint.py");
        let status = Command::new("python3").arg(script).arg(path).status()?;
        if status.success() { Ok(()) } else { Err("the checkpoint cannot be made".into()) }
    })
}

/// A graph or model that `make` writes.
pub fn graph(place: &Place, name: &str, make: fn(&Path) -> Outcome<()>) -> Outcome<PathBuf> {
    made(place, name, make)
}

/// The path of an input, made under another name first, so that it is whole if it is there.
pub fn made(
    place: &Place,
    name: &str,
    make: impl FnOnce(&Path) -> Outcome<()>,
) -> Outcome<PathBuf> {
    let path = place.inputs.join(name);
    if !path.exists() {
        let partial = place.inputs.join(format!("{name}.partial"));
        make(&partial)?;
        fs::rename(&partial, &path)?;
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dense_pickle_is_as_dense_as_it_says() {
        let bytes = dense_bytes();
        assert!((15_000_000..17_500_000).contains(&bytes.len()), "{} bytes", bytes.len());
        assert_eq!(bytes, dense_bytes());
    }
}
