//! Types of GGUF's values and of ggml's tensors (llama.cpp, `ggml/include/gguf.h`, `ggml.h` and
//! `ggml-common.h`; `gguf-py` 0.19, `GGML_QUANT_SIZES`).

/// What a value of the metadata is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    /// A number of so many bytes.
    Unsigned(u8),
    Signed(u8),
    Float(u8),
    Bool,
    Text,
    Array,
}

impl Kind {
    /// The type with this number (`enum gguf_type`).
    pub(super) fn of(number: u32) -> Option<Self> {
        Some(match number {
            0 => Self::Unsigned(1),
            1 => Self::Signed(1),
            2 => Self::Unsigned(2),
            3 => Self::Signed(2),
            4 => Self::Unsigned(4),
            5 => Self::Signed(4),
            6 => Self::Float(4),
            7 => Self::Bool,
            8 => Self::Text,
            9 => Self::Array,
            10 => Self::Unsigned(8),
            11 => Self::Signed(8),
            12 => Self::Float(8),
            _ => return None,
        })
    }

    /// Bytes of a value; nothing where they differ from value to value.
    pub(super) fn size(self) -> Option<u64> {
        match self {
            Self::Unsigned(size) | Self::Signed(size) | Self::Float(size) => Some(u64::from(size)),
            Self::Bool => Some(1),
            Self::Text | Self::Array => None,
        }
    }

    /// The name that llama.cpp shows.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Unsigned(1) => "u8",
            Self::Unsigned(2) => "u16",
            Self::Unsigned(4) => "u32",
            Self::Unsigned(_) => "u64",
            Self::Signed(1) => "i8",
            Self::Signed(2) => "i16",
            Self::Signed(4) => "i32",
            Self::Signed(_) => "i64",
            Self::Float(4) => "f32",
            Self::Float(_) => "f64",
            Self::Bool => "bool",
            Self::Text => "str",
            Self::Array => "arr",
        }
    }
}

/// How a type of tensors is stored: in blocks of so many elements, of so many bytes each.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Blocks {
    /// The name that ggml shows.
    pub(crate) name: &'static str,
    /// Elements of a block.
    pub(crate) elements: u64,
    /// Bytes of a block.
    pub(crate) bytes: u64,
}

/// The types, by number. The ones that support was removed for are told by the size that they had.
const TYPES: &[(u32, &str, u64, u64)] = &[
    (0, "F32", 1, 4),
    (1, "F16", 1, 2),
    (2, "Q4_0", 32, 18),
    (3, "Q4_1", 32, 20),
    (4, "Q4_2", 16, 10),
    (5, "Q4_3", 16, 12),
    (6, "Q5_0", 32, 22),
    (7, "Q5_1", 32, 24),
    (8, "Q8_0", 32, 34),
    (9, "Q8_1", 32, 40),
    (10, "Q2_K", 256, 84),
    (11, "Q3_K", 256, 110),
    (12, "Q4_K", 256, 144),
    (13, "Q5_K", 256, 176),
    (14, "Q6_K", 256, 210),
    (15, "Q8_K", 256, 292),
    (16, "IQ2_XXS", 256, 66),
    (17, "IQ2_XS", 256, 74),
    (18, "IQ3_XXS", 256, 98),
    (19, "IQ1_S", 256, 50),
    (20, "IQ4_NL", 32, 18),
    (21, "IQ3_S", 256, 110),
    (22, "IQ2_S", 256, 82),
    (23, "IQ4_XS", 256, 136),
    (24, "I8", 1, 1),
    (25, "I16", 1, 2),
    (26, "I32", 1, 4),
    (27, "I64", 1, 8),
    (28, "F64", 1, 8),
    (29, "IQ1_M", 256, 56),
    (30, "BF16", 1, 2),
    (31, "Q4_0_4_4", 32, 18),
    (32, "Q4_0_4_8", 32, 18),
    (33, "Q4_0_8_8", 32, 18),
    (34, "TQ1_0", 256, 54),
    (35, "TQ2_0", 256, 66),
    (36, "IQ4_NL_4_4", 32, 18),
    (37, "IQ4_NL_4_8", 32, 18),
    (38, "IQ4_NL_8_8", 32, 18),
    (39, "MXFP4", 32, 17),
    (40, "NVFP4", 64, 36),
    (41, "Q1_0", 128, 18),
];

/// Types whose support ended before there was GGUF (ggml, May 2023): no writer of GGUF had them.
/// Those that ended later (`Q4_0_4_4` and its like, December 2024) stand in honest files.
const GONE: &[u32] = &[4, 5];

/// Whether no writer of GGUF ever had the type with this number, though it has one.
pub(super) fn is_gone(number: u32) -> bool {
    GONE.contains(&number)
}

/// Numbers from which on no type is: forks of ggml number theirs up to a few hundreds.
const NONE: u32 = 1024;

/// A tensor's type.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum TensorType {
    /// One that is known.
    Known(Blocks),
    /// One that a newer ggml or a fork of it may have.
    Newer,
    /// None at all: ggml looks it up in a table behind its end.
    Impossible,
}

/// The type with this number (`enum ggml_type`).
pub(crate) fn tensor_type(number: u32) -> TensorType {
    match TYPES.binary_search_by_key(&number, |(number, ..)| *number) {
        Ok(found) => match TYPES.get(found) {
            Some((_, name, elements, bytes)) => {
                TensorType::Known(Blocks { name, elements: *elements, bytes: *bytes })
            }
            None => TensorType::Impossible,
        },
        Err(_) if number < NONE => TensorType::Newer,
        Err(_) => TensorType::Impossible,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_has_its_size() {
        assert!(TYPES.is_sorted_by_key(|(number, ..)| number));
        let size = |number| match tensor_type(number) {
            TensorType::Known(blocks) => Some((blocks.elements, blocks.bytes)),
            _ => None,
        };
        assert_eq!((size(0), size(12), size(39)), (Some((1, 4)), Some((256, 144)), Some((32, 17))));
        assert_eq!(tensor_type(42), TensorType::Newer);
        assert_eq!(tensor_type(u32::MAX), TensorType::Impossible);
        assert_eq!((0..13).filter_map(Kind::of).count(), 13);
        assert_eq!(Kind::of(13), None);
    }
}
