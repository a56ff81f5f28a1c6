//! How wide the elements of a tensor are, by the names that formats give their types.

/// Bits of an element; one byte where the name says nothing.
///
/// Names are NumPy's (`<f4`, `float32`), PyTorch's (`FloatStorage`), TensorFlow's and ONNX's
/// (`FLOAT`, `DT_HALF`), those of safetensors (`BF16`) and of ggml, which are all told by what is in
/// them.
pub(super) fn bits(dtype: &str) -> u128 {
    let numpy = dtype.strip_prefix(['<', '>', '=', '|']);
    if let Some(width) = numpy.and_then(typestring) {
        return width;
    }
    let lower = dtype.to_ascii_lowercase();
    let name = lower.rsplit('.').next().unwrap_or(&lower);
    let name = name.trim_start_matches("dt_").trim_end_matches("storage").trim_end_matches("_ref");
    if let Some((_, width)) = NAMES.iter().find(|(known, _)| *known == name) {
        return *width;
    }
    NUMBERED.iter().find(|(start, _)| name.starts_with(start)).map_or(8, |(_, width)| *width)
}

/// A type string of NumPy behind its byte order: a letter, and bytes or characters.
fn typestring(text: &str) -> Option<u128> {
    let mut letters = text.chars();
    let kind = letters.next()?;
    let count: u128 = letters.as_str().parse().ok()?;
    match kind {
        'U' => count.checked_mul(32),
        'b' | 'i' | 'u' | 'f' | 'c' | 'S' | 'a' | 'V' | 'O' => count.checked_mul(8),
        'm' | 'M' => Some(64),
        _ => None,
    }
}

const NAMES: &[(&str, u128)] = &[
    ("double", 64),
    ("float", 32),
    ("half", 16),
    ("int", 32),
    ("long", 64),
    ("short", 16),
    ("cfloat", 64),
    ("cdouble", 128),
];

/// Names that start with a width, longer ones first.
const NUMBERED: &[(&str, u128)] = &[
    ("bfloat16", 16),
    ("bf16", 16),
    ("complex128", 128),
    ("complex64", 64),
    ("float16", 16),
    ("float32", 32),
    ("float64", 64),
    ("float4", 4),
    ("float6", 4),
    ("f16", 16),
    ("f32", 32),
    ("f64", 64),
    ("f4_", 4),
    ("f6_", 4),
    ("int16", 16),
    ("int32", 32),
    ("int64", 64),
    ("int2", 2),
    ("int4", 4),
    ("i16", 16),
    ("i32", 32),
    ("i64", 64),
    ("iq1", 1),
    ("iq2", 2),
    ("iq3", 2),
    ("iq4", 4),
    ("mxfp4", 4),
    ("q1", 1),
    ("q2", 2),
    ("q3", 2),
    ("q4", 4),
    ("q5", 4),
    ("q6", 4),
    ("tq1", 1),
    ("tq2", 2),
    ("uint16", 16),
    ("uint32", 32),
    ("uint64", 64),
    ("uint2", 2),
    ("uint4", 4),
    ("u16", 16),
    ("u32", 32),
    ("u64", 64),
];

#[cfg(test)]
mod tests {
    use super::bits;

    #[test]
    fn widths_are_told_by_name_and_never_too_large() {
        for (name, width) in [
            ("<f8", 64),
            ("|V12", 96),
            ("<U5", 160),
            ("float32", 32),
            ("FLOAT", 32),
            ("DT_HALF", 16),
            ("torch.FloatStorage", 32),
            ("BF16", 16),
            ("F8_E4M3", 8),
            ("INT4", 4),
            ("Q4_K", 4),
            ("IQ1_S", 1),
            ("uint8", 8),
            ("int8", 8),
            ("nobody knows", 8),
        ] {
            assert_eq!(bits(name), width, "{name}");
        }
    }
}
