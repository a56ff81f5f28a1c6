//! UBJSON, the binary twin of JSON that XGBoost writes: every value has a letter for its type, and
//! lists of numbers may have one letter and one count for all of them.
//!
//! The reader keeps a stack of what is open; counts are held against the bytes that are there.

use super::{attribute, numbers, text};
use crate::pickle;
use davy_artifact::{Quirk, Reading, Role, Route};
use davy_bytes::{Budget, Bytes, Cursor, Halt, Span, to_u64};

/// Containers within containers.
const DEEPEST: usize = 512;

/// Bytes of names and texts that are kept.
const NAME: usize = 256;
const TEXT: usize = 1024;

/// Texts and lists of bytes from this length on are looked at for something in them.
const ARTIFACT: u64 = 64;

/// Lists of numbers that are facts of their own.
const LISTS: usize = 20_000;

/// Types of values.
const TYPES: &[u8] = b"iUIlLZTFdDCSH[{";

/// Whether an object starts here: a brace, and a key with its length before it and a type behind it,
/// or a count for all of it.
pub fn starts_object(head: &[u8]) -> bool {
    match head {
        [b'{', b'L', 0, 0, 0, 0, 0, 0, _, _, rest @ ..] => {
            is_key(rest, head.get(8..10).unwrap_or_default())
        }
        [b'{', b'l', 0, 0, high, low, rest @ ..] | [b'{', b'I', high, low, rest @ ..] => {
            is_key(rest, &[*high, *low])
        }
        [b'{', b'i' | b'U', len, rest @ ..] => is_key(rest, &[*len]),
        [b'{', b'$', kind, b'#', ..] => TYPES.contains(kind),
        [b'{', b'#', b'i' | b'U', _, kind, ..] => b"iUIlL".contains(kind),
        [b'{', b'#', b'I' | b'l' | b'L', 0, ..] => true,
        _ => false,
    }
}

/// Whether a key of this length stands here, and a value behind it.
fn is_key(rest: &[u8], len: &[u8]) -> bool {
    let len = len.iter().fold(0_usize, |len, byte| (len << 8) | usize::from(*byte));
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-. :/".contains(byte);
    let key = rest.get(..len).unwrap_or_default();
    let named = !key.is_empty() && key.iter().all(plain);
    named && rest.get(len).is_some_and(|kind| TYPES.contains(kind) || *kind == b'N')
}

/// A container that is open.
#[derive(Clone, Debug)]
struct Open {
    is_object: bool,
    name: String,
    /// The type of all elements, where they have one.
    kind: Option<u8>,
    /// How many are to come, where that is known.
    left: Option<u64>,
    index: u64,
}

/// Reads a document from its first byte to its last.
///
/// # Errors
/// [`Halt::malformed`] where it breaks off; what was found until then stays.
pub fn read(bytes: &Bytes, reading: &mut Reading, budget: &mut Budget) -> Result<(), Halt> {
    let mut walk =
        Walk { cursor: Cursor::new(bytes.clone()), open: vec![], reading, budget, lists: 0 };
    let result = walk.run();
    let end = walk.cursor.position();
    let size = bytes.len();
    if let Err(halt) = result {
        if !walk.reading.facts.is_empty() {
            let rest = Span::between(halt.at().min(size), size);
            walk.reading.deviation(Quirk::Truncated, rest, Route::None, halt.what());
        }
        return Err(halt);
    }
    let rest = Span::between(end, size);
    reading.seamless = rest.len == 0;
    if rest.len > 0 {
        let what = "bytes behind the document";
        reading.deviation(Quirk::BytesAfterEnd, rest, Route::None, what);
        reading.child(format!("@{end:#x}"), bytes.slice(rest), Role::Leftover);
    }
    Ok(())
}

struct Walk<'a> {
    cursor: Cursor,
    open: Vec<Open>,
    reading: &'a mut Reading,
    budget: &'a mut Budget,
    lists: usize,
}

impl Walk<'_> {
    fn path(&self, name: &str) -> String {
        let skip = self.open.len().saturating_sub(12);
        let outer = self.open.iter().skip(skip.max(1)).map(|open| open.name.as_str());
        let parts = outer.chain(std::iter::once(name)).filter(|part| !part.is_empty());
        parts.collect::<Vec<_>>().join(".")
    }

    fn run(&mut self) -> Result<(), Halt> {
        let kind = self.marker()?;
        self.value(kind, String::new())?;
        while let Some(open) = self.open.last_mut() {
            self.budget.spend_steps(1, self.cursor.position())?;
            if open.left == Some(0) {
                self.open.pop();
                continue;
            }
            let (is_object, kind, index) = (open.is_object, open.kind, open.index);
            let counted = open.left.is_some();
            if !counted && self.closes(is_object)? {
                self.open.pop();
                continue;
            }
            if let Some(open) = self.open.last_mut() {
                open.left = open.left.map(|left| left.saturating_sub(1));
                open.index = open.index.saturating_add(1);
            }
            let name = if is_object { self.key()? } else { format!("[{index}]") };
            let kind = match kind {
                Some(kind) => kind,
                None => self.marker()?,
            };
            self.value(kind, name)?;
        }
        Ok(())
    }

    /// The next letter that is not one of nothing.
    fn marker(&mut self) -> Result<u8, Halt> {
        loop {
            match self.cursor.u8("type")? {
                b'N' => self.budget.spend_steps(1, self.cursor.position())?,
                kind => return Ok(kind),
            }
        }
    }

    fn closes(&mut self, is_object: bool) -> Result<bool, Halt> {
        while self.cursor.peek()? == Some(b'N') {
            self.cursor.u8("nothing")?;
            self.budget.spend_steps(1, self.cursor.position())?;
        }
        let end = if is_object { b'}' } else { b']' };
        let closes = self.cursor.peek()? == Some(end);
        if closes {
            self.cursor.u8("end")?;
        }
        Ok(closes)
    }

    fn malformed<T>(
        &self,
        at: u64,
        what: impl Into<std::borrow::Cow<'static, str>>,
    ) -> Result<T, Halt> {
        Err(Halt::malformed(at, what))
    }

    /// A length, with the letter of its type before it.
    fn length(&mut self) -> Result<u64, Halt> {
        let at = self.cursor.position();
        let kind = self.marker()?;
        let number = match kind {
            b'i' => i64::from(i8::from_be_bytes(self.cursor.array("length")?)),
            b'U' => i64::from(self.cursor.u8("length")?),
            b'I' => i64::from(i16::from_be_bytes(self.cursor.array("length")?)),
            b'l' => i64::from(i32::from_be_bytes(self.cursor.array("length")?)),
            b'L' => i64::from_be_bytes(self.cursor.array("length")?),
            _ => return self.malformed(at, "a length that is no number"),
        };
        match u64::try_from(number) {
            Ok(length) => Ok(length),
            Err(_) => self.malformed(at, "a negative length"),
        }
    }

    fn string(&mut self, keep: usize) -> Result<(String, Span), Halt> {
        let len = self.length()?;
        let span = self.cursor.skip(len, "text")?;
        let kept = self.cursor.bytes().copy(span, keep)?;
        Ok((String::from_utf8_lossy(&kept).into_owned(), span))
    }

    fn key(&mut self) -> Result<String, Halt> {
        Ok(self.string(NAME)?.0)
    }

    fn value(&mut self, kind: u8, name: String) -> Result<(), Halt> {
        let at = self.cursor.position();
        match kind {
            b'Z' | b'T' | b'F' => {}
            b'i' | b'U' | b'C' => drop(self.cursor.u8("number")?),
            b'I' => drop(self.cursor.array::<2>("number")?),
            b'l' | b'd' => drop(self.cursor.array::<4>("number")?),
            b'L' | b'D' => drop(self.cursor.array::<8>("number")?),
            b'S' | b'H' => {
                let (value, span) = self.string(TEXT)?;
                self.text(&name, &value, span)?;
            }
            b'{' | b'[' => self.container(kind == b'{', name)?,
            _ => return self.malformed(at.saturating_sub(1), "a type that does not exist"),
        }
        Ok(())
    }

    fn text(&mut self, name: &str, value: &str, span: Span) -> Result<(), Halt> {
        let owner = self.path("");
        let shown = value.len() <= 200 && self.open.len() <= 6;
        if shown {
            attribute(self.reading, &owner, name, text(value), span);
        }
        if span.len >= ARTIFACT {
            let head = self.cursor.bytes().copy(span, 1 << 16)?;
            self.budget.spend_steps(to_u64(head.len()) / 64, span.start)?;
            if pickle::payload(&head).is_some() {
                let bytes = self.cursor.bytes().slice(span);
                self.reading.child(self.path(name), bytes, Role::Present);
            }
        }
        Ok(())
    }

    fn container(&mut self, is_object: bool, name: String) -> Result<(), Halt> {
        let at = self.cursor.position();
        let kind = match self.cursor.peek()? {
            Some(b'$') => {
                self.cursor.u8("mark of a type")?;
                Some(self.cursor.u8("type")?)
            }
            _ => None,
        };
        let left = match self.cursor.peek()? {
            Some(b'#') => {
                self.cursor.u8("mark of a count")?;
                Some(self.length()?)
            }
            _ if kind.is_some() => return self.malformed(at, "a type for all without a count"),
            _ => None,
        };
        if let (Some(kind), Some(count), false) = (kind, left, is_object)
            && let Some((dtype, width)) = number(kind)
        {
            return self.list(&name, dtype, width, count);
        }
        let least = match kind {
            Some(b'Z' | b'T' | b'F') if !is_object => 0,
            _ => 1,
        };
        if let Some(count) =
            left.filter(|count| count.saturating_mul(least) > self.cursor.remaining())
        {
            let what = format!("{count} values, where {} bytes are left", self.cursor.remaining());
            return self.malformed(at, what);
        }
        if least == 0 {
            // Values without any bytes: nothing is there to be read.
            return Ok(());
        }
        if self.open.len() >= DEEPEST {
            return self.malformed(at, "containers nested too deep");
        }
        self.open.push(Open { is_object, name, kind, left, index: 0 });
        Ok(())
    }

    /// A list of numbers of one type.
    fn list(&mut self, name: &str, dtype: &str, width: u64, count: u64) -> Result<(), Halt> {
        let at = self.cursor.position();
        let left = self.cursor.remaining();
        let Some(size) = count.checked_mul(width).filter(|size| *size <= left) else {
            let what = format!("{count} numbers of {width} bytes, where {left} are left");
            return self.malformed(at, what);
        };
        let span = self.cursor.skip(size, "numbers")?;
        let path = self.path(name);
        self.lists = self.lists.saturating_add(1);
        if self.lists <= LISTS && count > 0 {
            numbers(self.reading, &path, dtype, count, span);
        }
        if size >= ARTIFACT && width == 1 {
            self.reading.child(path, self.cursor.bytes().slice(span), Role::Storage);
        }
        Ok(())
    }
}

/// Name and width of a type of numbers.
fn number(kind: u8) -> Option<(&'static str, u64)> {
    Some(match kind {
        b'i' => ("int8", 1),
        b'U' => ("uint8", 1),
        b'C' => ("char", 1),
        b'I' => ("int16", 2),
        b'l' => ("int32", 4),
        b'L' => ("int64", 8),
        b'd' => ("float32", 4),
        b'D' => ("float64", 8),
        _ => return None,
    })
}
