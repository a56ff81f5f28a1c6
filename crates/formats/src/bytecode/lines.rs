//! Lines of the source out of the tables that each version keeps.

use super::code::CodeObject;
use super::version::Version;

/// Entries of a line table in order: the offset from which on a line counts, and the line.
///
/// Source: `Objects/lnotab_notes.txt` (up to 3.10) and `Objects/locations.md` (3.11 on) of CPython.
#[derive(Debug)]
pub struct Lines<'a> {
    version: Version,
    rest: &'a [u8],
    offset: u32,
    line: i64,
    started: bool,
}

impl<'a> Lines<'a> {
    /// The lines of `code`.
    #[must_use]
    pub fn new(code: &'a CodeObject) -> Self {
        Self {
            version: code.version,
            rest: &code.line_table,
            offset: 0,
            line: code.first_line,
            started: false,
        }
    }

    fn byte(&mut self) -> Option<u8> {
        let (byte, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*byte)
    }

    /// Up to 3.9: pairs of increments; the line increment is signed from 3.6 on.
    fn increments(&mut self) -> Option<(u32, Option<i64>)> {
        if !self.started {
            self.started = true;
            return Some((0, Some(self.line)));
        }
        let (offset, line) = (self.byte()?, self.byte()?);
        self.offset = self.offset.saturating_add(u32::from(offset));
        let step = match self.version {
            Version::V2_7 | Version::V3_5 => i64::from(line),
            _ => i64::from(line.cast_signed()),
        };
        self.line = self.line.wrapping_add(step);
        Some((self.offset, Some(self.line)))
    }

    /// 3.10: lengths of stretches with a signed line increment; -128 is no line.
    fn stretches(&mut self) -> Option<(u32, Option<i64>)> {
        let (length, line) = (self.byte()?, self.byte()?.cast_signed());
        let start = self.offset;
        self.offset = self.offset.saturating_add(u32::from(length));
        if line == -128 {
            return Some((start, None));
        }
        self.line = self.line.wrapping_add(i64::from(line));
        Some((start, Some(self.line)))
    }

    /// From 3.11 on: lengths of stretches with lines and columns in one of several forms.
    fn locations(&mut self) -> Option<(u32, Option<i64>)> {
        let head = self.byte()?;
        let start = self.offset;
        let length = u32::from(head & 7).saturating_add(1).saturating_mul(2);
        self.offset = self.offset.saturating_add(length);
        match head >> 3 & 15 {
            // No location at all.
            15 => return Some((start, None)),
            // Line, end line, column, end column.
            14 => {
                let step = self.signed()?;
                self.line = self.line.wrapping_add(step);
                for _ in 0..3 {
                    self.unsigned()?;
                }
            }
            // Line alone.
            13 => {
                let step = self.signed()?;
                self.line = self.line.wrapping_add(step);
            }
            form @ 10..=12 => {
                self.line = self.line.wrapping_add(i64::from(form).saturating_sub(10));
                self.byte()?;
                self.byte()?;
            }
            _ => {
                self.byte()?;
            }
        }
        Some((start, Some(self.line)))
    }

    /// A number in groups of six bits, the lowest first.
    fn unsigned(&mut self) -> Option<u64> {
        let mut number = 0_u64;
        let mut shift = 0_u32;
        loop {
            let byte = self.byte()?;
            let group = u64::from(byte & 0x3f).checked_shl(shift).unwrap_or(0);
            number |= group;
            shift = shift.saturating_add(6);
            if byte & 0x40 == 0 {
                return Some(number);
            }
        }
    }

    fn signed(&mut self) -> Option<i64> {
        let number = self.unsigned()?;
        let size = (number >> 1).cast_signed();
        Some(if number & 1 == 0 { size } else { size.wrapping_neg() })
    }
}

impl Iterator for Lines<'_> {
    type Item = (u32, Option<i64>);

    fn next(&mut self) -> Option<Self::Item> {
        match self.version {
            Version::V3_10 => self.stretches(),
            version if version >= Version::V3_11 => self.locations(),
            _ => self.increments(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    fn lines(version: Version, table: &[u8]) -> Vec<(u32, Option<i64>)> {
        let code = CodeObject {
            version,
            first_line: 10,
            line_table: Arc::from(table),
            ..CodeObject::default()
        };
        Lines::new(&code).collect()
    }

    #[test]
    fn increments_are_signed_from_3_6_on() {
        assert_eq!(lines(Version::V3_6, &[4, 0xff]), [(0, Some(10)), (4, Some(9))]);
        assert_eq!(lines(Version::V2_7, &[4, 0xff]), [(0, Some(10)), (4, Some(265))]);
    }

    #[test]
    fn stretches_may_have_no_line() {
        assert_eq!(lines(Version::V3_10, &[2, 1, 4, 0x80]), [(0, Some(11)), (2, None)]);
    }
}
