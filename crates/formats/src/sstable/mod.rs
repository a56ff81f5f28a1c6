//! Sorted string tables as `LevelDB` writes them: blocks of keys and values in order, an index of the
//! blocks, and a footer that says where the index is (`LevelDB`, "Table format").
//!
//! `TensorFlow` keeps the directory of a checkpoint in one, with its own names for the same parts.

mod crc32c;
mod snappy;

pub(crate) use crc32c::masked;

use davy_bytes::{Budget, Bytes, Halt, Span, to_u64, to_usize};

/// Bytes of the footer.
pub(crate) const FOOTER: u64 = 48;
/// What the footer ends with.
const MAGIC: [u8; 8] = 0xdb47_7524_8b80_fb57_u64.to_le_bytes();
/// Compression type and checksum behind each block.
const TRAILER: u64 = 5;
/// Longest varint.
const VARINT: usize = 10;

/// A block with its content unpacked.
#[derive(Debug)]
pub(crate) struct Block {
    /// Where it stands, without its trailer.
    pub(crate) span: Span,
    /// Whether its checksum fits.
    pub(crate) intact: bool,
    /// Whether the content stands in the file as it is.
    plain: bool,
    content: Vec<u8>,
    /// Length of the entries: the array of restarts is behind them.
    entries: usize,
}

/// One key of a block with its value.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Item {
    pub(crate) key: Vec<u8>,
    pub(crate) value: Vec<u8>,
    /// Where the value stands in the file; the block where that is compressed.
    pub(crate) span: Span,
}

/// Whether bytes end with the footer of a table.
pub(crate) fn is_table(bytes: &Bytes) -> bool {
    let last = bytes.len().saturating_sub(to_u64(MAGIC.len()));
    let end = bytes.copy(Span::between(last, bytes.len()), MAGIC.len());
    bytes.len() >= FOOTER && end.is_ok_and(|end| end == MAGIC)
}

/// Where the blocks of data stand, in the order of their keys.
///
/// # Errors
/// Where the footer or the index breaks its form.
pub(crate) fn blocks(bytes: &Bytes, budget: &mut Budget) -> Result<(Block, Vec<Span>), Halt> {
    let at = bytes.len().checked_sub(FOOTER);
    let at = at
        .filter(|_| is_table(bytes))
        .ok_or_else(|| Halt::malformed(bytes.len(), "no footer of a table stands at the end"))?;
    let footer = bytes.copy(Span::new(at, FOOTER), to_usize(FOOTER))?;
    let mut place = 0;
    let handles = handle(&footer, &mut place).and_then(|_| handle(&footer, &mut place));
    let index = handles.ok_or_else(|| Halt::malformed(at, "the footer has no handles"))?;
    let index = block(bytes, index, budget)?;
    let mut spans = Vec::new();
    let mut items = index.items();
    while let Some(item) = items.next(budget)? {
        let found = handle(&item.value, &mut 0);
        spans.push(found.ok_or_else(|| Halt::malformed(item.span.start, "an index entry"))?);
    }
    Ok((index, spans))
}

/// Reads and unpacks a block.
///
/// # Errors
/// Where it leaves the file, does not unpack or is compressed in another way, and when the budget
/// is used up.
pub(crate) fn block(bytes: &Bytes, span: Span, budget: &mut Budget) -> Result<Block, Halt> {
    let whole = span.len.checked_add(TRAILER).and_then(|len| span.start.checked_add(len));
    if whole.is_none_or(|end| end > bytes.len()) {
        let at = span.start.min(bytes.len());
        let what = format!("a block of {} bytes from {} on leaves the file", span.len, span.start);
        return Err(Halt::malformed(at, what));
    }
    if span.len > budget.left().memory {
        return Err(Halt::exhausted(span.start, "a block larger than memory"));
    }
    budget.spend_steps(1, span.start)?;
    let mut content = bytes.copy(Span::new(span.start, span.len.saturating_add(1)), usize::MAX)?;
    let stored = bytes.copy(Span::new(span.end().saturating_add(1), 4), 4)?;
    let intact = masked(&content).to_le_bytes().as_slice() == stored.as_slice();
    let kind = content.pop().unwrap_or_default();
    let content = match kind {
        0 => content,
        1 => snappy::unpack(&content, span.start, budget)?,
        other => {
            let what = format!("a block with compression {other}");
            return Err(Halt::unsupported(span.start, what));
        }
    };
    let restarts = content.last_chunk().map(|count| to_u64(count_of(*count)));
    let array = restarts.and_then(|count| count.checked_add(1)?.checked_mul(4));
    let entries = array.and_then(|array| content.len().checked_sub(to_usize(array)));
    let entries = entries
        .ok_or_else(|| Halt::malformed(span.start, "a block is shorter than its restarts"))?;
    Ok(Block { span, intact, plain: kind == 0, content, entries })
}

fn count_of(bytes: [u8; 4]) -> usize {
    to_usize(u64::from(u32::from_le_bytes(bytes)))
}

impl Block {
    /// Its keys and values, in order.
    pub(crate) fn items(&self) -> Items<'_> {
        Items { block: self, at: 0, key: Vec::new() }
    }

    /// Whether each restart, from which readers start to search, is an entry with its whole key.
    pub(crate) fn restarts_fit(&self) -> bool {
        let array = self.content.get(self.entries..).unwrap_or_default();
        let (words, _) = array.as_chunks();
        let (_, restarts) = words.split_last().unwrap_or((&[0; 4], &[]));
        restarts.iter().map(|word| count_of(*word)).all(|at| {
            let whole = self.content.get(at) == Some(&0);
            (whole && at < self.entries) || (at == 0 && self.entries == 0)
        })
    }
}

/// Goes through the entries of a block.
pub(crate) struct Items<'a> {
    block: &'a Block,
    at: usize,
    key: Vec<u8>,
}

impl Items<'_> {
    /// The next entry; `None` at the end.
    ///
    /// # Errors
    /// Where an entry breaks its form, and when the budget is used up.
    pub(crate) fn next(&mut self, budget: &mut Budget) -> Result<Option<Item>, Halt> {
        if self.at >= self.block.entries {
            return Ok(None);
        }
        let place = |at: usize| match self.block.plain {
            true => self.block.span.start.saturating_add(to_u64(at)),
            false => self.block.span.start,
        };
        let fault = Halt::malformed(place(self.at), "an entry of a block breaks its form");
        let (key, value) = self.entry().ok_or(fault)?;
        let cost = to_u64(key.len().saturating_add(value.len()) >> 4);
        budget.spend_steps(cost.saturating_add(1), place(self.at))?;
        let start = self.at.saturating_sub(value.len());
        let span = match self.block.plain {
            true => Span::new(place(start), to_u64(value.len())),
            false => self.block.span,
        };
        Ok(Some(Item { key, value, span }))
    }

    fn entry(&mut self) -> Option<(Vec<u8>, Vec<u8>)> {
        let entries = self.block.content.get(..self.block.entries)?;
        let shared = to_usize(varint(entries, &mut self.at)?);
        let rest = to_usize(varint(entries, &mut self.at)?);
        let len = to_usize(varint(entries, &mut self.at)?);
        if shared > self.key.len() {
            return None;
        }
        let middle = self.at.checked_add(rest)?;
        let end = middle.checked_add(len)?;
        let (own, value) = (entries.get(self.at..middle)?, entries.get(middle..end)?);
        self.key.truncate(shared);
        self.key.extend_from_slice(own);
        self.at = end;
        Some((self.key.clone(), value.to_vec()))
    }
}

/// Offset and length of a block.
fn handle(bytes: &[u8], at: &mut usize) -> Option<Span> {
    let start = varint(bytes, at)?;
    Some(Span::new(start, varint(bytes, at)?))
}

fn varint(bytes: &[u8], at: &mut usize) -> Option<u64> {
    let mut value = 0_u64;
    for index in 0..VARINT {
        let byte = *bytes.get(*at)?;
        *at = at.checked_add(1)?;
        let shift = u32::try_from(index.checked_mul(7)?).ok()?;
        value |= u64::from(byte & 0x7f).wrapping_shl(shift);
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A block of these entries, each with the length of the prefix that it shares.
    fn packed(entries: &[(u8, &[u8], &[u8])]) -> Vec<u8> {
        let mut block = Vec::new();
        for (shared, key, value) in entries {
            block.extend([*shared, u8::try_from(key.len()).unwrap()]);
            block.push(u8::try_from(value.len()).unwrap());
            block.extend_from_slice(key);
            block.extend_from_slice(value);
        }
        block.extend([0, 0, 0, 0, 1, 0, 0, 0]);
        block
    }

    fn stored(bytes: &mut Vec<u8>, mut block: Vec<u8>) -> [u8; 2] {
        let handle = [u8::try_from(bytes.len()).unwrap(), u8::try_from(block.len()).unwrap()];
        block.push(0);
        let sum = masked(&block);
        bytes.extend(block);
        bytes.extend(sum.to_le_bytes());
        handle
    }

    fn table(entries: &[(u8, &[u8], &[u8])]) -> Vec<u8> {
        let mut bytes = Vec::new();
        let data = stored(&mut bytes, packed(entries));
        let index = stored(&mut bytes, packed(&[(0, b"zz", &data)]));
        bytes.extend([0, 0]);
        bytes.extend(index);
        bytes.extend([0; 36]);
        bytes.extend(MAGIC);
        bytes
    }

    #[test]
    fn keys_are_put_together_from_what_they_share() {
        let bytes = Bytes::from_memory(table(&[(0, b"", b"h"), (0, b"abc", b"1"), (2, b"d", b"")]));
        let budget = &mut Budget::default();
        let (index, spans) = blocks(&bytes, budget).unwrap();
        assert!(index.intact && index.restarts_fit() && spans.len() == 1);
        let block = block(&bytes, spans[0], budget).unwrap();
        let mut items = block.items();
        let mut read = Vec::new();
        while let Some(item) = items.next(budget).unwrap() {
            let there = bytes.copy(item.span, 9).unwrap();
            assert_eq!(there, item.value);
            read.push((String::from_utf8(item.key).unwrap(), item.value));
        }
        let pair = |key: &str, value: &[u8]| (key.to_owned(), value.to_vec());
        assert_eq!(read, [pair("", b"h"), pair("abc", b"1"), pair("abd", b"")]);
    }

    #[test]
    fn lies_are_told_where_they_stand() {
        let budget = &mut Budget::default();
        let good = table(&[(0, b"a", b"1")]);
        let mut bad = good.clone();
        bad[0] = 7;
        let bytes = Bytes::from_memory(bad);
        let (_, spans) = blocks(&bytes, budget).unwrap();
        let block = block(&bytes, spans[0], budget).unwrap();
        assert!(!block.intact && !block.restarts_fit());
        assert!(block.items().next(budget).is_err());
        let mut far = good.clone();
        let at = far.len() - 46;
        far[at + 1] = 0xff;
        assert!(blocks(&Bytes::from_memory(far), budget).unwrap_err().what().contains("leaves"));
        assert!(blocks(&Bytes::from_memory(&good[..good.len() - 1]), budget).is_err());
    }
}
