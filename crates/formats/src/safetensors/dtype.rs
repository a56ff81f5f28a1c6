//! Types of elements (safetensors 0.8, `Dtype`), and the bits that one of each takes.

/// Every type that the library knows.
const TYPES: &[(&str, u64)] = &[
    ("BF16", 16),
    ("BOOL", 8),
    ("C64", 64),
    ("F16", 16),
    ("F32", 32),
    ("F4", 4),
    ("F64", 64),
    ("F6_E2M3", 6),
    ("F6_E3M2", 6),
    ("F8_E4M3", 8),
    ("F8_E4M3FNUZ", 8),
    ("F8_E5M2", 8),
    ("F8_E5M2FNUZ", 8),
    ("F8_E8M0", 8),
    ("I16", 16),
    ("I32", 32),
    ("I64", 64),
    ("I8", 8),
    ("U16", 16),
    ("U32", 32),
    ("U64", 64),
    ("U8", 8),
];

/// Bits of an element; nothing where the library does not know the type.
pub(super) fn bits(name: &str) -> Option<u64> {
    let found = TYPES.binary_search_by_key(&name, |(name, _)| name).ok()?;
    TYPES.get(found).map(|(_, bits)| *bits)
}

/// Whether elements of this type are whole bytes that hold any value.
pub(super) fn is_bytes(name: &str) -> bool {
    matches!(name, "BOOL" | "I8" | "U8")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_found_by_their_exact_name() {
        assert!(TYPES.is_sorted_by_key(|(name, _)| name));
        assert_eq!((bits("F4"), bits("C64"), bits("F6_E3M2")), (Some(4), Some(64), Some(6)));
        assert_eq!((bits("f32"), bits("F128"), bits("")), (None, None, None));
    }
}
