//! The versions of CPython whose byte code is read, and the numbers that compiled files carry.

use std::fmt;

/// A version of CPython, as far as byte code tells it from others. In order of release.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Version {
    /// Python 2.7.
    V2_7,
    /// Python 3.5.
    V3_5,
    /// Python 3.6.
    V3_6,
    /// Python 3.7.
    V3_7,
    /// Python 3.8.
    V3_8,
    /// Python 3.9.
    V3_9,
    /// Python 3.10.
    V3_10,
    /// Python 3.11.
    V3_11,
    /// Python 3.12.
    V3_12,
    /// Python 3.13.
    V3_13,
    /// Python 3.14.
    V3_14,
}

/// How the fields of a marshalled code object are laid out.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Layout {
    /// Python 2: no keyword-only arguments.
    Two,
    /// Python 3.0 to 3.7: with the number of keyword-only arguments.
    Three,
    /// Python 3.8 to 3.10: with the number of positional-only arguments.
    Positional,
    /// Python 3.11 and later: local variables of all kinds in one list, qualified name, exception
    /// table.
    Slots,
}

/// A pyc file's magic number, read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Magic {
    /// The version that it is, or is nearest to.
    pub version: Version,
    /// Whether a final release of that version writes it; an alpha, beta or older minor version
    /// may differ in its opcodes.
    pub released: bool,
}

impl Version {
    /// All of them, in order.
    pub const ALL: [Self; 11] = [
        Self::V2_7,
        Self::V3_5,
        Self::V3_6,
        Self::V3_7,
        Self::V3_8,
        Self::V3_9,
        Self::V3_10,
        Self::V3_11,
        Self::V3_12,
        Self::V3_13,
        Self::V3_14,
    ];

    /// The version as people write it: `3.11`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::V2_7 => "2.7",
            Self::V3_5 => "3.5",
            Self::V3_6 => "3.6",
            Self::V3_7 => "3.7",
            Self::V3_8 => "3.8",
            Self::V3_9 => "3.9",
            Self::V3_10 => "3.10",
            Self::V3_11 => "3.11",
            Self::V3_12 => "3.12",
            Self::V3_13 => "3.13",
            Self::V3_14 => "3.14",
        }
    }

    /// The version that `text` names, as in `3.11` or `3.11.7`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.trim().split('.');
        let (major, minor) = (parts.next()?, parts.next()?);
        let short = format!("{major}.{minor}");
        Self::ALL.into_iter().find(|version| version.as_str() == short)
    }

    /// How it lays out a marshalled code object.
    #[must_use]
    pub const fn layout(self) -> Layout {
        match self {
            Self::V2_7 => Layout::Two,
            Self::V3_5 | Self::V3_6 | Self::V3_7 => Layout::Three,
            Self::V3_8 | Self::V3_9 | Self::V3_10 => Layout::Positional,
            Self::V3_11 | Self::V3_12 | Self::V3_13 | Self::V3_14 => Layout::Slots,
        }
    }

    /// Whether every instruction takes two bytes: from 3.6 on.
    #[must_use]
    pub fn is_wordcode(self) -> bool {
        self >= Self::V3_6
    }

    /// The first opcode that has an argument, of those that a compiler writes.
    pub(crate) const fn first_with_argument(self) -> u8 {
        match self {
            Self::V3_13 => 45,
            Self::V3_14 => 44,
            _ => 90,
        }
    }

    /// Its place in a table with one column per version.
    pub(crate) const fn column(self) -> usize {
        match self {
            Self::V2_7 => 0,
            Self::V3_5 => 1,
            Self::V3_6 => 2,
            Self::V3_7 => 3,
            Self::V3_8 => 4,
            Self::V3_9 => 5,
            Self::V3_10 => 6,
            Self::V3_11 => 7,
            Self::V3_12 => 8,
            Self::V3_13 => 9,
            Self::V3_14 => 10,
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Magic {
    /// What the first two bytes of a pyc file say, as a little-endian number; `\r\n` follows them.
    ///
    /// The numbers are those of CPython's `Include/internal/pycore_magic_number.h`. What is older
    /// than 2.7 or between 3.0 and 3.4 is read as the nearest version; other implementations and
    /// versions to come are `None`.
    #[must_use]
    pub const fn of(number: u16) -> Option<Self> {
        let (version, released) = match number {
            // With `-U`, Python 2 adds one.
            62211 | 62212 => (Version::V2_7, true),
            62011..=62210 => (Version::V2_7, false),
            3000..=3349 => (Version::V3_5, false),
            3350 | 3351 => (Version::V3_5, true),
            3379 => (Version::V3_6, true),
            3360..=3378 => (Version::V3_6, false),
            3394 => (Version::V3_7, true),
            3390..=3393 => (Version::V3_7, false),
            3413 => (Version::V3_8, true),
            3400..=3412 => (Version::V3_8, false),
            3425 => (Version::V3_9, true),
            3420..=3424 => (Version::V3_9, false),
            3439 => (Version::V3_10, true),
            3430..=3438 => (Version::V3_10, false),
            3495 => (Version::V3_11, true),
            3450..=3494 => (Version::V3_11, false),
            3531 => (Version::V3_12, true),
            3500..=3530 => (Version::V3_12, false),
            3571 => (Version::V3_13, true),
            3550..=3570 => (Version::V3_13, false),
            3627 => (Version::V3_14, true),
            3600..=3626 => (Version::V3_14, false),
            _ => return None,
        };
        Some(Self { version, released })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_known_by_name_and_by_magic_number() {
        assert_eq!(Version::parse("3.11.7"), Some(Version::V3_11));
        assert_eq!(Version::parse("3.4"), None);
        assert_eq!(Magic::of(3495), Some(Magic { version: Version::V3_11, released: true }));
        assert_eq!(Magic::of(3494), Some(Magic { version: Version::V3_11, released: false }));
        assert_eq!(Magic::of(240), None);
    }

    #[test]
    fn columns_follow_the_order_of_versions() {
        for (at, version) in Version::ALL.into_iter().enumerate() {
            assert_eq!(version.column(), at);
        }
    }
}
