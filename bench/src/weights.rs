//! Models of a gigabyte in safetensors and GGUF, whose weights are holes in the file.

use crate::Outcome;
use std::fs::File;
use std::io::Write;
use std::path::Path;

/// Tensors of a model of a few billion parameters.
const TENSORS: u64 = 256;
/// Bytes of each of them.
const EACH: u64 = 1 << 22;
/// Keys of the GGUF model.
const KEYS: u64 = 100_000;

/// A safetensors file of a gigabyte.
pub fn safetensors(path: &Path) -> Outcome<()> {
    let mut header = "{\"__metadata__\":{\"format\":\"pt\"}".to_owned();
    for at in 0..TENSORS {
        let (start, end) = (at * EACH, (at + 1) * EACH);
        header.push_str(&format!(
            ",\"model.layers.{at}.weight\":{{\"dtype\":\"F16\",\"shape\":[1024,2048],\
             \"data_offsets\":[{start},{end}]}}"
        ));
    }
    header.push('}');
    let mut file = File::create(path)?;
    file.write_all(&(header.len() as u64).to_le_bytes())?;
    file.write_all(header.as_bytes())?;
    file.set_len(8 + header.len() as u64 + TENSORS * EACH)?;
    Ok(())
}

fn text(text: &str, bytes: &mut Vec<u8>) {
    bytes.extend((text.len() as u64).to_le_bytes());
    bytes.extend(text.as_bytes());
}

/// A key and a value of each kind in turn: a number, a text, a list.
fn pair(at: u64, bytes: &mut Vec<u8>) {
    text(&format!("bench.section.{}.key.{at}", at / 100), bytes);
    match at % 3 {
        0 => bytes.extend([[4, 0, 0, 0], [at.to_le_bytes()[0]; 4]].concat()),
        1 => {
            bytes.extend(8_u32.to_le_bytes());
            text("a value as metadata has them", bytes);
        }
        _ => {
            bytes.extend([9_u32, 5, 4, 0, 1, 2, 3, 4].map(u32::to_le_bytes).concat());
        }
    }
}

/// A GGUF file of a gigabyte with a hundred thousand keys.
pub fn gguf(path: &Path) -> Outcome<()> {
    let mut bytes = b"GGUF\x03\0\0\0".to_vec();
    bytes.extend(TENSORS.to_le_bytes());
    bytes.extend((KEYS + 1).to_le_bytes());
    text("general.architecture", &mut bytes);
    bytes.extend(8_u32.to_le_bytes());
    text("llama", &mut bytes);
    (0..KEYS).for_each(|at| pair(at, &mut bytes));
    for at in 0..TENSORS {
        text(&format!("blk.{at}.weight"), &mut bytes);
        bytes.extend(2_u32.to_le_bytes());
        bytes.extend([1024_u64, 2048].map(u64::to_le_bytes).concat());
        bytes.extend(1_u32.to_le_bytes());
        bytes.extend((at * EACH).to_le_bytes());
    }
    let start = (bytes.len() as u64).next_multiple_of(32);
    let mut file = File::create(path)?;
    file.write_all(&bytes)?;
    file.set_len(start + TENSORS * EACH)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_value_has_its_length() {
        for (at, value) in [(0, 8), (1, 4 + 8 + 28), (2, 32)] {
            let mut bytes = Vec::new();
            pair(at, &mut bytes);
            assert_eq!(bytes.len(), 8 + "bench.section.0.key.0".len() + value);
        }
    }
}
