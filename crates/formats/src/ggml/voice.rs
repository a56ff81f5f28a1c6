//! The head of whisper.cpp's models that tell whether somebody speaks: the name of the model, its
//! version, and the shapes of its layers (whisper.cpp, `whisper_vad_init_with_params`).

use super::{LARGEST, Model, attribute};
use davy_artifact::{Excerpt, Quirk, Reading, Route, Value};
use davy_bytes::{Bytes, Halt, Span, to_usize};

/// The longest name of a model.
const NAME: u32 = 64;

/// Layers of an encoder; the models in use have four.
const LAYERS: u32 = 1024;

/// Whether a file starts as such models do: behind the letters of ggml stands the length of a text,
/// and a text of that length, where others have the size of a vocabulary and more numbers.
///
/// # Errors
/// When the medium fails.
pub(super) fn starts(magic: &[u8; 4], bytes: &Bytes) -> Result<bool, Halt> {
    if magic != b"lmgg" {
        return Ok(false);
    }
    let head = bytes.copy(Span::new(4, u64::from(NAME).saturating_add(4)), to_usize(68))?;
    let Some((length, rest)) = head.split_first_chunk::<4>() else { return Ok(false) };
    let length = u32::from_le_bytes(*length);
    let name = rest.get(..to_usize(u64::from(length))).unwrap_or_default();
    let plain = name.iter().all(|byte| byte.is_ascii_graphic());
    Ok((4..=NAME).contains(&length) && !name.is_empty() && plain)
}

/// Everything in front of the tensors.
pub(super) fn head(model: &mut Model, reading: &mut Reading) -> Result<(), Halt> {
    let at = model.cursor.position();
    let length = model.cursor.u32_le("length of the name of the model")?;
    let name = model.cursor.take(to_usize(u64::from(length)), "name of the model")?;
    let name = String::from_utf8_lossy(name).into_owned();
    let span = Span::between(at, model.cursor.position());
    attribute("type", Value::Text(Excerpt::whole(name)), span, reading);
    let at = model.cursor.position();
    let mut version = [0_u32; 3];
    for part in &mut version {
        *part = model.cursor.u32_le("version of the model")?;
    }
    let [major, minor, patch] = version;
    let text = Value::Text(Excerpt::whole(format!("{major}.{minor}.{patch}")));
    attribute("version", text, Span::new(at, 12), reading);
    // Blocks are packed as they are today.
    model.packing = 2;
    model.cursor.skip(8, "window and context")?;
    let at = model.cursor.position();
    let layers = model.cursor.u32_le("number of layers")?;
    if layers > LAYERS {
        let what = format!("{layers} layers: the loader takes memory for each before it reads any");
        let quirk = if layers > LARGEST { Quirk::OutOfRange } else { Quirk::HugeIndex };
        reading.deviation(quirk, Span::new(at, 4), Route::None, &what);
    }
    model.cursor.skip(u64::from(layers).saturating_mul(12), "shapes of layers")?;
    model.cursor.skip(16, "shapes of the last layers").map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::super::Ggml;
    use super::*;
    use davy_artifact::Fact;
    use davy_testkit::robust;

    fn voice(layers: u32) -> Vec<u8> {
        let mut bytes = b"lmgg\x0a\0\0\0silero-16k".to_vec();
        let head = [6, 2, 0, 512, 64, layers, 129, 128, 3, 128, 64, 3, 128, 128, 128, 1];
        let tensor = [1, 1, 0, 2];
        for number in head.iter().chain(&tensor) {
            bytes.extend(u32::to_le_bytes(*number));
        }
        bytes.extend(b"w12345678");
        bytes
    }

    #[test]
    fn a_model_of_voice_activity_is_read_to_its_end() {
        let outcome = robust::read(&Ggml, "x", &voice(2)).unwrap();
        assert!(outcome.halt.is_none() && outcome.reading.deviations.is_empty(), "{outcome:?}");
        assert!(outcome.reading.seamless);
        let tensors = outcome.reading.facts.iter().filter(|it| matches!(it, Fact::Tensor { .. }));
        assert_eq!(tensors.count(), 1);
    }

    #[test]
    fn layers_that_cannot_be_are_still_told() {
        let outcome = robust::read(&Ggml, "x", &voice(1 << 30)).unwrap();
        assert_eq!(outcome.reading.deviations[0].quirk, Quirk::OutOfRange);
    }
}
