//! Characters that Python takes for ASCII ones in names: identifiers are normalised to NFKC
//! before they are looked up, so that `𝓸𝓼.ｓｙｓｔｅｍ` is `os.system` (PEP 3131; Unicode 14, from the
//! `unicodedata` module of CPython 3.11).

use std::borrow::Cow;

/// First and last character of a range, and the ASCII character that the first one stands for.
const RANGES: &[(u32, u32, u8)] = &[
    (0xaa, 0xaa, b'a'),
    (0xba, 0xba, b'o'),
    (0x17f, 0x17f, b's'),
    (0x2b0, 0x2b0, b'h'),
    (0x2b2, 0x2b2, b'j'),
    (0x2b3, 0x2b3, b'r'),
    (0x2b7, 0x2b7, b'w'),
    (0x2b8, 0x2b8, b'y'),
    (0x2e1, 0x2e1, b'l'),
    (0x2e2, 0x2e2, b's'),
    (0x2e3, 0x2e3, b'x'),
    (0x1d2c, 0x1d2c, b'A'),
    (0x1d2e, 0x1d2e, b'B'),
    (0x1d30, 0x1d31, b'D'),
    (0x1d33, 0x1d3a, b'G'),
    (0x1d3c, 0x1d3c, b'O'),
    (0x1d3e, 0x1d3e, b'P'),
    (0x1d3f, 0x1d3f, b'R'),
    (0x1d40, 0x1d41, b'T'),
    (0x1d42, 0x1d42, b'W'),
    (0x1d43, 0x1d43, b'a'),
    (0x1d47, 0x1d47, b'b'),
    (0x1d48, 0x1d49, b'd'),
    (0x1d4d, 0x1d4d, b'g'),
    (0x1d4f, 0x1d4f, b'k'),
    (0x1d50, 0x1d50, b'm'),
    (0x1d52, 0x1d52, b'o'),
    (0x1d56, 0x1d56, b'p'),
    (0x1d57, 0x1d58, b't'),
    (0x1d5b, 0x1d5b, b'v'),
    (0x1d62, 0x1d62, b'i'),
    (0x1d63, 0x1d63, b'r'),
    (0x1d64, 0x1d65, b'u'),
    (0x1d9c, 0x1d9c, b'c'),
    (0x1da0, 0x1da0, b'f'),
    (0x1dbb, 0x1dbb, b'z'),
    (0x2071, 0x2071, b'i'),
    (0x207f, 0x207f, b'n'),
    (0x2090, 0x2090, b'a'),
    (0x2091, 0x2091, b'e'),
    (0x2092, 0x2092, b'o'),
    (0x2093, 0x2093, b'x'),
    (0x2095, 0x2095, b'h'),
    (0x2096, 0x2099, b'k'),
    (0x209a, 0x209a, b'p'),
    (0x209b, 0x209c, b's'),
    (0x2102, 0x2102, b'C'),
    (0x210a, 0x210a, b'g'),
    (0x210b, 0x210b, b'H'),
    (0x210c, 0x210c, b'H'),
    (0x210d, 0x210d, b'H'),
    (0x210e, 0x210e, b'h'),
    (0x2110, 0x2110, b'I'),
    (0x2111, 0x2111, b'I'),
    (0x2112, 0x2112, b'L'),
    (0x2113, 0x2113, b'l'),
    (0x2115, 0x2115, b'N'),
    (0x2119, 0x211b, b'P'),
    (0x211c, 0x211c, b'R'),
    (0x211d, 0x211d, b'R'),
    (0x2124, 0x2124, b'Z'),
    (0x2128, 0x2128, b'Z'),
    (0x212a, 0x212a, b'K'),
    (0x212c, 0x212d, b'B'),
    (0x212f, 0x212f, b'e'),
    (0x2130, 0x2131, b'E'),
    (0x2133, 0x2133, b'M'),
    (0x2134, 0x2134, b'o'),
    (0x2139, 0x2139, b'i'),
    (0x2145, 0x2145, b'D'),
    (0x2146, 0x2147, b'd'),
    (0x2148, 0x2149, b'i'),
    (0x2160, 0x2160, b'I'),
    (0x2164, 0x2164, b'V'),
    (0x2169, 0x2169, b'X'),
    (0x216c, 0x216c, b'L'),
    (0x216d, 0x216e, b'C'),
    (0x216f, 0x216f, b'M'),
    (0x2170, 0x2170, b'i'),
    (0x2174, 0x2174, b'v'),
    (0x2179, 0x2179, b'x'),
    (0x217c, 0x217c, b'l'),
    (0x217d, 0x217e, b'c'),
    (0x217f, 0x217f, b'm'),
    (0x2c7c, 0x2c7c, b'j'),
    (0x2c7d, 0x2c7d, b'V'),
    (0xa7f2, 0xa7f2, b'C'),
    (0xa7f3, 0xa7f3, b'F'),
    (0xa7f4, 0xa7f4, b'Q'),
    (0xfe33, 0xfe33, b'_'),
    (0xfe34, 0xfe34, b'_'),
    (0xfe4d, 0xfe4d, b'_'),
    (0xfe4e, 0xfe4e, b'_'),
    (0xfe4f, 0xfe4f, b'_'),
    (0xff10, 0xff19, b'0'),
    (0xff21, 0xff3a, b'A'),
    (0xff3f, 0xff3f, b'_'),
    (0xff41, 0xff5a, b'a'),
    (0x107a5, 0x107a5, b'q'),
    (0x1d400, 0x1d419, b'A'),
    (0x1d41a, 0x1d433, b'a'),
    (0x1d434, 0x1d44d, b'A'),
    (0x1d44e, 0x1d454, b'a'),
    (0x1d456, 0x1d467, b'i'),
    (0x1d468, 0x1d481, b'A'),
    (0x1d482, 0x1d49b, b'a'),
    (0x1d49c, 0x1d49c, b'A'),
    (0x1d49e, 0x1d49f, b'C'),
    (0x1d4a2, 0x1d4a2, b'G'),
    (0x1d4a5, 0x1d4a6, b'J'),
    (0x1d4a9, 0x1d4ac, b'N'),
    (0x1d4ae, 0x1d4b5, b'S'),
    (0x1d4b6, 0x1d4b9, b'a'),
    (0x1d4bb, 0x1d4bb, b'f'),
    (0x1d4bd, 0x1d4c3, b'h'),
    (0x1d4c5, 0x1d4cf, b'p'),
    (0x1d4d0, 0x1d4e9, b'A'),
    (0x1d4ea, 0x1d503, b'a'),
    (0x1d504, 0x1d505, b'A'),
    (0x1d507, 0x1d50a, b'D'),
    (0x1d50d, 0x1d514, b'J'),
    (0x1d516, 0x1d51c, b'S'),
    (0x1d51e, 0x1d537, b'a'),
    (0x1d538, 0x1d539, b'A'),
    (0x1d53b, 0x1d53e, b'D'),
    (0x1d540, 0x1d544, b'I'),
    (0x1d546, 0x1d546, b'O'),
    (0x1d54a, 0x1d550, b'S'),
    (0x1d552, 0x1d56b, b'a'),
    (0x1d56c, 0x1d585, b'A'),
    (0x1d586, 0x1d59f, b'a'),
    (0x1d5a0, 0x1d5b9, b'A'),
    (0x1d5ba, 0x1d5d3, b'a'),
    (0x1d5d4, 0x1d5ed, b'A'),
    (0x1d5ee, 0x1d607, b'a'),
    (0x1d608, 0x1d621, b'A'),
    (0x1d622, 0x1d63b, b'a'),
    (0x1d63c, 0x1d655, b'A'),
    (0x1d656, 0x1d66f, b'a'),
    (0x1d670, 0x1d689, b'A'),
    (0x1d68a, 0x1d6a3, b'a'),
    (0x1d7ce, 0x1d7d7, b'0'),
    (0x1d7d8, 0x1d7e1, b'0'),
    (0x1d7e2, 0x1d7eb, b'0'),
    (0x1d7ec, 0x1d7f5, b'0'),
    (0x1d7f6, 0x1d7ff, b'0'),
    (0x1fbf0, 0x1fbf9, b'0'),
];

/// Characters that stand for several.
const SEVERAL: &[(u32, &str)] = &[
    (0x132, "IJ"),
    (0x133, "ij"),
    (0x1c7, "LJ"),
    (0x1c8, "Lj"),
    (0x1c9, "lj"),
    (0x1ca, "NJ"),
    (0x1cb, "Nj"),
    (0x1cc, "nj"),
    (0x1f1, "DZ"),
    (0x1f2, "Dz"),
    (0x1f3, "dz"),
    (0x2161, "II"),
    (0x2162, "III"),
    (0x2163, "IV"),
    (0x2165, "VI"),
    (0x2166, "VII"),
    (0x2167, "VIII"),
    (0x2168, "IX"),
    (0x216a, "XI"),
    (0x216b, "XII"),
    (0x2171, "ii"),
    (0x2172, "iii"),
    (0x2173, "iv"),
    (0x2175, "vi"),
    (0x2176, "vii"),
    (0x2177, "viii"),
    (0x2178, "ix"),
    (0x217a, "xi"),
    (0x217b, "xii"),
    (0xfb00, "ff"),
    (0xfb01, "fi"),
    (0xfb02, "fl"),
    (0xfb03, "ffi"),
    (0xfb04, "ffl"),
    (0xfb05, "st"),
    (0xfb06, "st"),
];

/// The name as Python looks it up.
pub(super) fn normalised(name: &[u8]) -> Cow<'_, str> {
    let text = String::from_utf8_lossy(name);
    if text.is_ascii() {
        return text;
    }
    let mut folded = String::with_capacity(text.len());
    text.chars().for_each(|c| push_folded(&mut folded, c));
    Cow::Owned(folded)
}

fn push_folded(folded: &mut String, c: char) {
    let code = u32::from(c);
    let after = RANGES.partition_point(|range| range.0 <= code);
    let range = after.checked_sub(1).and_then(|at| RANGES.get(at));
    if let Some((first, _, ascii)) = range.filter(|range| code <= range.1) {
        let letter = u32::from(*ascii).saturating_add(code.saturating_sub(*first));
        folded.push(char::from_u32(letter).unwrap_or(c));
    } else if let Some((_, letters)) = SEVERAL.iter().find(|(several, _)| *several == code) {
        folded.push_str(letters);
    } else {
        folded.push(c);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn look_alikes_become_what_python_looks_up() {
        assert_eq!(normalised("𝓸𝓼".as_bytes()), "os");
        assert_eq!(normalised("ｓｙｓｔｅｍ".as_bytes()), "system");
        assert_eq!(normalised("ﬁle_𝟘".as_bytes()), "file_0");
        assert_eq!(normalised("模型".as_bytes()), "模型");
    }

    #[test]
    fn ranges_are_in_order() {
        assert!(RANGES.is_sorted_by(|a, b| a.1 < b.0));
    }
}
