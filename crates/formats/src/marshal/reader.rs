//! The machine that reads marshal, as `Python/marshal.c` of each version does, without recursion.

use crate::bytecode::assemble::{Assembler, Field, Parts};
use crate::bytecode::{CodeObject, Constant, Layout, Version};
use davy_artifact::Quirk;
use davy_bytes::{Budget, Halt, Span, to_u64, to_usize};
use std::sync::Arc;

/// Levels that CPython follows (`MAX_MARSHAL_STACK_DEPTH`); deeper data ends its loader.
const LOADED_DEPTH: usize = 2000;

/// Levels that are followed here.
const DEPTH: usize = 1 << 20;

/// Bytes of memory that a code object takes with what is made of it, nearly.
const OBJECT: u64 = 3072;

/// Indices of the constants that are the same wherever they stand.
const NONE: u32 = 0;
const TRUE: u32 = 1;
const FALSE: u32 = 2;
const ELLIPSIS: u32 = 3;
const STOP_ITERATION: u32 = 4;

/// The bit of a type code that says that later data refers to this object (version 3 on).
const FLAG_REF: u8 = 0x80;

/// What one reading of marshal data gave, complete or not.
#[derive(Debug)]
pub(crate) struct Marshalled {
    /// All values.
    pub(crate) constants: Vec<Constant>,
    /// All code objects, in the order in which they start.
    pub(crate) objects: Vec<CodeObject>,
    /// Where each code object stands.
    pub(crate) spans: Vec<Span>,
    /// The outermost value, or why reading stopped early.
    pub(crate) value: Result<u32, Halt>,
    /// Whether it stopped because bytes are missing at the end.
    pub(crate) cut: bool,
    /// Offset behind what was read.
    pub(crate) end: u64,
    /// Whether it holds what only Python 3.14 reads: slices.
    pub(crate) slices: bool,
    /// How it breaks the form that marshal's writer gives it.
    pub(crate) deviations: Vec<(Quirk, Span, &'static str)>,
}

/// Reads the first object in `bytes` as `version` does.
pub(crate) fn read(bytes: &[u8], version: Version, budget: &mut Budget) -> Marshalled {
    let mut reader = Reader::new(bytes, version, budget);
    let value = reader.run();
    let end = to_u64(reader.at);
    if value.is_err() {
        reader.abandon();
    }
    Marshalled {
        end,
        constants: reader.constants,
        objects: reader.objects,
        spans: reader.spans,
        value,
        cut: reader.cut,
        slices: reader.slices,
        deviations: reader.deviations,
    }
}

/// An object that is being read and holds others.
#[derive(Debug)]
enum Frame {
    Code { object: usize, reference: Option<usize>, parts: Box<Parts>, fields: &'static [Field] },
    Dict { at: u32, key: Option<u32>, pairs: Vec<(u32, u32)>, ended: bool },
    Items { kind: Kind, at: u32, left: u32, items: Vec<u32>, reference: Option<usize> },
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    FrozenSet,
    List,
    Set,
    Slice,
    Tuple,
}

/// What reading a type code gave.
enum Step {
    /// A value, or marshal's null.
    Value(Option<u32>),
    /// A frame, which is on the stack now.
    Opened,
}

struct Reader<'a, 'b> {
    bytes: &'a [u8],
    at: usize,
    version: Version,
    layout: Layout,
    budget: &'b mut Budget,
    constants: Vec<Constant>,
    objects: Vec<CodeObject>,
    spans: Vec<Span>,
    /// What `r` refers to; `None` is a place kept for what is not finished.
    references: Vec<Option<u32>>,
    /// What `R` of Python 2 refers to.
    interned: Vec<u32>,
    frames: Vec<Frame>,
    assembler: Assembler,
    empty: Arc<[u8]>,
    held: u64,
    slices: bool,
    cut: bool,
    deviations: Vec<(Quirk, Span, &'static str)>,
}

impl<'a, 'b> Reader<'a, 'b> {
    fn new(bytes: &'a [u8], version: Version, budget: &'b mut Budget) -> Self {
        Self {
            bytes,
            at: 0,
            version,
            layout: version.layout(),
            budget,
            constants: vec![
                Constant::None,
                Constant::Bool(true),
                Constant::Bool(false),
                Constant::Ellipsis,
                Constant::StopIteration,
            ],
            objects: Vec::new(),
            spans: Vec::new(),
            references: Vec::new(),
            interned: Vec::new(),
            frames: Vec::new(),
            assembler: Assembler::new(version),
            empty: Arc::from([]),
            held: 0,
            slices: false,
            cut: false,
            deviations: Vec::new(),
        }
    }

    fn run(&mut self) -> Result<u32, Halt> {
        loop {
            self.budget.spend_steps(1, to_u64(self.at))?;
            let mut value = match self.object()? {
                Step::Value(value) => value,
                Step::Opened => {
                    // What holds nothing is finished as soon as it is opened.
                    match self.settle()? {
                        Some(value) => Some(value),
                        None => continue,
                    }
                }
            };
            loop {
                if self.frames.is_empty() {
                    return value.ok_or_else(|| self.fault("null, where an object is expected"));
                }
                self.deliver(value)?;
                match self.settle()? {
                    Some(finished) => value = Some(finished),
                    None => break,
                }
            }
        }
    }

    #[cold]
    fn fault(&self, what: &'static str) -> Halt {
        Halt::malformed(to_u64(self.at), what)
    }

    fn take(&mut self, count: usize, what: &'static str) -> Result<&'a [u8], Halt> {
        let end = self.at.checked_add(count);
        match end.and_then(|end| self.bytes.get(self.at..end)) {
            Some(bytes) => {
                self.at = self.at.saturating_add(count);
                Ok(bytes)
            }
            None => {
                self.cut = true;
                let left = self.bytes.len().saturating_sub(self.at);
                let what = format!("{what} of {count} bytes, where {left} are left");
                Err(Halt::malformed(to_u64(self.at), what))
            }
        }
    }

    fn array<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], Halt> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N, what)?);
        Ok(array)
    }

    fn byte(&mut self, what: &'static str) -> Result<u8, Halt> {
        let [byte] = self.array(what)?;
        Ok(byte)
    }

    fn long(&mut self, what: &'static str) -> Result<i32, Halt> {
        Ok(i32::from_le_bytes(self.array(what)?))
    }

    fn length(&mut self, what: &'static str) -> Result<u32, Halt> {
        let length = self.long(what)?;
        u32::try_from(length).map_err(|_| self.fault("a length that is negative"))
    }

    fn push(&mut self, constant: Constant, extra: usize) -> Result<u32, Halt> {
        // What has content of its own has it behind two counters.
        let content = if extra == 0 { 0 } else { extra.saturating_add(32) };
        let size = to_u64(size_of::<Constant>().saturating_add(content));
        self.held = self.held.saturating_add(size);
        if self.held > self.budget.left().memory {
            return Err(Halt::exhausted(to_u64(self.at), "the limit on memory for constants"));
        }
        let at = u32::try_from(self.constants.len())
            .map_err(|_| Halt::exhausted(to_u64(self.at), "the number of constants"))?;
        self.constants.push(constant);
        Ok(at)
    }

    /// A finished value, which is referred to later where its flag is set.
    fn leaf(&mut self, constant: Constant, extra: usize, flag: bool) -> Result<Step, Halt> {
        let at = self.push(constant, extra)?;
        if flag {
            self.references.push(Some(at));
        }
        Ok(Step::Value(Some(at)))
    }

    fn object(&mut self) -> Result<Step, Halt> {
        let start = self.at;
        let code = self.byte("a type code")?;
        let two = self.layout == Layout::Two;
        let (kind, flag) =
            if two { (code, false) } else { (code & !FLAG_REF, code & FLAG_REF != 0) };
        if self.frames.len() >= DEPTH {
            return Err(Halt::exhausted(to_u64(self.at), "the limit on levels of nesting"));
        }
        match kind {
            b'0' => Ok(Step::Value(None)),
            b'N' => Ok(Step::Value(Some(NONE))),
            b'S' => Ok(Step::Value(Some(STOP_ITERATION))),
            b'.' => Ok(Step::Value(Some(ELLIPSIS))),
            b'F' => Ok(Step::Value(Some(FALSE))),
            b'T' => Ok(Step::Value(Some(TRUE))),
            b'i' => {
                let number = self.long("an integer")?;
                self.leaf(Constant::Int(i64::from(number)), 0, flag)
            }
            b'I' => {
                let number = i64::from_le_bytes(self.array("a 64-bit integer")?);
                self.leaf(Constant::Int(number), 0, flag)
            }
            b'l' => {
                let number = self.number()?;
                let extra = self.at.saturating_sub(start);
                self.leaf(number, extra, flag)
            }
            b'f' => {
                let number = self.float_text()?;
                self.leaf(Constant::Float(number), 0, flag)
            }
            b'g' => {
                let number = f64::from_le_bytes(self.array("a float")?);
                self.leaf(Constant::Float(number), 0, flag)
            }
            b'x' => {
                let (real, imaginary) = (self.float_text()?, self.float_text()?);
                self.leaf(Constant::Complex(real, imaginary), 0, flag)
            }
            b'y' => {
                let real = f64::from_le_bytes(self.array("a real part")?);
                let imaginary = f64::from_le_bytes(self.array("an imaginary part")?);
                self.leaf(Constant::Complex(real, imaginary), 0, flag)
            }
            _ => self.string_or_container(kind, flag),
        }
    }

    fn string_or_container(&mut self, kind: u8, flag: bool) -> Result<Step, Halt> {
        let two = self.layout == Layout::Two;
        match kind {
            b's' => {
                let bytes = self.byte_string()?;
                let extra = bytes.len();
                self.leaf(Constant::Bytes(bytes), extra, flag)
            }
            b't' if two => {
                let bytes = self.byte_string()?;
                let extra = bytes.len();
                let at = self.push(Constant::Bytes(bytes), extra)?;
                self.interned.push(at);
                Ok(Step::Value(Some(at)))
            }
            b'R' if two => {
                let index = self.length("the index of an interned string")?;
                let found = self.interned.get(to_usize(u64::from(index))).copied();
                let found =
                    found.ok_or_else(|| self.fault("no string was interned with this index"));
                Ok(Step::Value(Some(found?)))
            }
            b'u' | b't' => {
                let length = self.length("the length of a text")?;
                let text = self.take(to_usize(u64::from(length)), "a text")?;
                if !is_utf8(text) {
                    return Err(self.fault("text that is not UTF-8"));
                }
                self.text(text, flag)
            }
            b'a' | b'A' if !two => {
                let length = self.length("the length of a text")?;
                self.ascii(to_usize(u64::from(length)), flag)
            }
            b'z' | b'Z' if !two => {
                let length = self.byte("the length of a short text")?;
                self.ascii(usize::from(length), flag)
            }
            b'r' if !two => {
                let index = self.length("the index of a reference")?;
                let found = self.references.get(to_usize(u64::from(index))).copied().flatten();
                let found = found.ok_or_else(|| self.fault("a reference to no finished object"))?;
                if self.is_open(found) {
                    self.note(Quirk::Cycle, "a container that holds itself");
                }
                Ok(Step::Value(Some(found)))
            }
            _ => self.container(kind, flag),
        }
    }

    fn container(&mut self, kind: u8, flag: bool) -> Result<Step, Halt> {
        let two = self.layout == Layout::Two;
        if self.frames.len() == LOADED_DEPTH {
            self.note(Quirk::OutOfRange, "nested deeper than the 2,000 levels that CPython loads");
        }
        match kind {
            b')' if !two => {
                let count = self.byte("the length of a short tuple")?;
                self.open(Kind::Tuple, u32::from(count), flag)
            }
            b'(' => self.open_counted(Kind::Tuple, "the length of a tuple", flag),
            b'[' => self.open_counted(Kind::List, "the length of a list", flag),
            b'<' => self.open_counted(Kind::Set, "the length of a set", flag),
            b'>' => self.open_counted(Kind::FrozenSet, "the length of a frozen set", flag),
            b':' if self.layout == Layout::Slots => {
                self.slices = true;
                self.open(Kind::Slice, 3, flag)
            }
            b'{' => {
                let at = self.push(Constant::Unknown("an object that is not finished"), 0)?;
                if flag {
                    self.references.push(Some(at));
                }
                self.frames.push(Frame::Dict { at, key: None, pairs: Vec::new(), ended: false });
                Ok(Step::Opened)
            }
            b'c' => self.open_code(flag),
            _ => {
                self.at = self.at.saturating_sub(1);
                let what = format!("no type code that Python {} knows", self.version);
                Err(Halt::malformed(to_u64(self.at), what))
            }
        }
    }

    fn open_counted(&mut self, kind: Kind, what: &'static str, flag: bool) -> Result<Step, Halt> {
        let count = self.length(what)?;
        // Each item takes one byte at least.
        let left = self.bytes.len().saturating_sub(self.at);
        if to_usize(u64::from(count)) > left {
            self.cut = true;
            let what = format!("{count} items, where {left} bytes are left");
            return Err(Halt::malformed(to_u64(self.at), what));
        }
        self.open(kind, count, flag)
    }

    fn open(&mut self, kind: Kind, left: u32, flag: bool) -> Result<Step, Halt> {
        let at = self.push(Constant::Unknown("an object that is not finished"), 0)?;
        let mut reference = None;
        if flag {
            // An object that cannot change while it is made is known under its index only later.
            let open = matches!(kind, Kind::List | Kind::Set | Kind::Tuple);
            reference = (!open).then_some(self.references.len());
            self.references.push(open.then_some(at));
        }
        self.frames.push(Frame::Items { kind, at, left, items: Vec::new(), reference });
        Ok(Step::Opened)
    }

    fn open_code(&mut self, flag: bool) -> Result<Step, Halt> {
        let object = self.objects.len();
        let start = self.at.saturating_sub(1);
        self.held = self.held.saturating_add(OBJECT);
        self.objects.push(CodeObject { version: self.version, ..CodeObject::default() });
        self.spans.push(Span::new(to_u64(start), 0));
        let reference = flag.then_some(self.references.len());
        if flag {
            self.references.push(None);
        }
        let fields = self.layout.fields();
        self.frames.push(Frame::Code { object, reference, parts: Box::default(), fields });
        Ok(Step::Opened)
    }

    /// Gives the innermost frame its next value.
    fn deliver(&mut self, value: Option<u32>) -> Result<(), Halt> {
        let at = to_u64(self.at);
        let missing = || Halt::malformed(at, "null, where an object is expected");
        match self.frames.last_mut() {
            Some(Frame::Items { left, items, .. }) => {
                items.push(value.ok_or_else(missing)?);
                *left = left.saturating_sub(1);
                self.held = self.held.saturating_add(4);
            }
            Some(Frame::Code { parts, fields, .. }) => {
                let value = value.ok_or_else(missing)?;
                if let Some((field, rest)) = fields.split_first() {
                    parts.set_object(*field, value);
                    *fields = rest;
                }
            }
            Some(Frame::Dict { key, pairs, ended, .. }) => match (value, key.take()) {
                // Null ends a dictionary, in the place of a key as in that of a value.
                (None, _) => *ended = true,
                (Some(value), Some(key)) => {
                    pairs.push((key, value));
                    self.held = self.held.saturating_add(8);
                }
                (Some(value), None) => *key = Some(value),
            },
            None => {}
        }
        Ok(())
    }

    /// Reads what the innermost frame has between its objects, and closes it where it is finished.
    fn settle(&mut self) -> Result<Option<u32>, Halt> {
        let finished = match self.frames.last() {
            Some(Frame::Items { left, .. }) => *left == 0,
            Some(Frame::Dict { ended, .. }) => *ended,
            Some(Frame::Code { .. }) => self.numbers()?,
            None => false,
        };
        if !finished {
            return Ok(None);
        }
        match self.frames.pop() {
            Some(frame) => {
                let (at, sound) = self.close(frame)?;
                sound.map_err(|what| self.fault(what))?;
                Ok(Some(at))
            }
            None => Ok(None),
        }
    }

    /// Reads the numbers that come next in a code object; whether nothing is left to be read in it.
    fn numbers(&mut self) -> Result<bool, Halt> {
        loop {
            let field = match self.frames.last() {
                Some(Frame::Code { fields, .. }) => fields.first().copied(),
                _ => None,
            };
            let Some(field) = field else { return Ok(true) };
            if !field.is_number() {
                return Ok(false);
            }
            let number = self.long("a number of a code object")?;
            if let Some(Frame::Code { parts, fields, .. }) = self.frames.last_mut() {
                parts.set_number(field, i64::from(number));
                *fields = fields.get(1..).unwrap_or_default();
            }
        }
    }

    /// Makes the object that a frame has collected, and tells whether CPython would.
    fn close(&mut self, frame: Frame) -> Result<(u32, Result<(), &'static str>), Halt> {
        match frame {
            Frame::Items { kind, at, items, reference, .. } => {
                let constant = match (kind, items.as_slice()) {
                    (Kind::FrozenSet, _) => Constant::FrozenSet(items),
                    (Kind::List, _) => Constant::List(items),
                    (Kind::Set, _) => Constant::Set(items),
                    (Kind::Slice, [start, stop, step]) => Constant::Slice([*start, *stop, *step]),
                    (Kind::Slice | Kind::Tuple, _) => Constant::Tuple(items),
                };
                self.fill(at, constant);
                self.refer(reference, at);
                Ok((at, Ok(())))
            }
            Frame::Dict { at, pairs, .. } => {
                self.fill(at, Constant::Dict(pairs));
                Ok((at, Ok(())))
            }
            Frame::Code { object, reference, parts, .. } => {
                let (code, sound) = self.assembler.assemble(&parts, &self.constants);
                if let Some(slot) = self.objects.get_mut(object) {
                    *slot = code;
                }
                let end = to_u64(self.at);
                if let Some(span) = self.spans.get_mut(object) {
                    *span = Span::between(span.start, end);
                }
                let number = u32::try_from(object).unwrap_or(u32::MAX);
                let at = self.push(Constant::Code(number), 0)?;
                self.refer(reference, at);
                Ok((at, sound))
            }
        }
    }

    fn fill(&mut self, at: u32, constant: Constant) {
        if let Some(slot) = self.constants.get_mut(to_usize(u64::from(at))) {
            *slot = constant;
        }
    }

    fn refer(&mut self, reference: Option<usize>, at: u32) {
        if let Some(slot) = reference.and_then(|reference| self.references.get_mut(reference)) {
            *slot = Some(at);
        }
    }

    /// Closes all frames with what they hold: what was read of a code object whose end is missing
    /// still tells what it names.
    fn abandon(&mut self) {
        while let Some(frame) = self.frames.pop() {
            let Ok((at, _)) = self.close(frame) else { return };
            if self.deliver(Some(at)).is_err() {
                return;
            }
        }
    }

    fn is_open(&self, at: u32) -> bool {
        let constant = self.constants.get(to_usize(u64::from(at)));
        matches!(constant, Some(Constant::Unknown(_)))
    }

    fn note(&mut self, quirk: Quirk, what: &'static str) {
        // One of each kind tells enough.
        if !self.deviations.iter().any(|(known, _, said)| (*known, *said) == (quirk, what)) {
            let span = Span::new(to_u64(self.at.saturating_sub(1)), 1);
            self.deviations.push((quirk, span, what));
        }
    }

    fn byte_string(&mut self) -> Result<Arc<[u8]>, Halt> {
        let length = self.length("the length of a byte string")?;
        let bytes = self.take(to_usize(u64::from(length)), "a byte string")?;
        Ok(if bytes.is_empty() { Arc::clone(&self.empty) } else { Arc::from(bytes) })
    }

    fn text(&mut self, text: &[u8], flag: bool) -> Result<Step, Halt> {
        let shared = if text.is_empty() { Arc::clone(&self.empty) } else { Arc::from(text) };
        self.leaf(Constant::Text(shared), text.len(), flag)
    }

    /// Text that its writer took for ASCII; loaders read each byte as one character.
    fn ascii(&mut self, length: usize, flag: bool) -> Result<Step, Halt> {
        let text = self.take(length, "a text")?;
        if text.is_ascii() {
            return self.text(text, flag);
        }
        self.note(Quirk::Handmade, "text marked as ASCII that is none");
        let latin: String = text.iter().map(|byte| char::from(*byte)).collect();
        self.text(latin.as_bytes(), flag)
    }

    /// A float as text (versions 0 and 1).
    fn float_text(&mut self) -> Result<f64, Halt> {
        let length = self.byte("the length of a float")?;
        let text = self.take(usize::from(length), "a float")?;
        let number = std::str::from_utf8(text).ok().and_then(|text| text.parse().ok());
        number.ok_or_else(|| self.fault("a float that is no number"))
    }

    /// A whole number in digits of 15 bits, the lowest first; its sign is that of their count.
    fn number(&mut self) -> Result<Constant, Halt> {
        let count = self.long("the number of digits")?;
        let size = to_usize(u64::from(count.unsigned_abs())).saturating_mul(2);
        let (digits, _) = self.take(size, "the digits of a number")?.as_chunks::<2>();
        if digits.last() == Some(&[0, 0]) || digits.iter().any(|[_, high]| *high > 0x7f) {
            return Err(self.fault("digits that make no number"));
        }
        let digits = digits.iter().map(|digit| u16::from_le_bytes(*digit));
        if digits.len() <= 5 {
            let size =
                digits.clone().rev().fold(0_i128, |sum, digit| sum << 15 | i128::from(digit));
            let number = i64::try_from(if count < 0 { size.wrapping_neg() } else { size });
            if let Ok(number) = number {
                return Ok(Constant::Int(number));
            }
        }
        Ok(Constant::Long(hexadecimal(digits, count < 0).into()))
    }
}

/// Digits of 15 bits, the lowest first, as text.
fn hexadecimal(digits: impl Iterator<Item = u16>, negative: bool) -> String {
    let mut nibbles = Vec::new();
    let (mut kept, mut bits) = (0_u32, 0_u32);
    for digit in digits {
        kept |= u32::from(digit).wrapping_shl(bits);
        bits = bits.saturating_add(15);
        while bits >= 4 {
            nibbles.push(kept & 15);
            kept >>= 4;
            bits = bits.saturating_sub(4);
        }
    }
    nibbles.push(kept);
    while nibbles.last() == Some(&0) {
        nibbles.pop();
    }
    let sign = if negative { "-0x" } else { "0x" };
    let digits = nibbles.iter().rev().filter_map(|nibble| char::from_digit(*nibble, 16));
    sign.chars().chain(digits).collect()
}

/// Whether text is UTF-8, lone surrogates allowed: what the error handler `surrogatepass` takes.
fn is_utf8(text: &[u8]) -> bool {
    let mut rest = text;
    loop {
        let Err(error) = std::str::from_utf8(rest) else { return true };
        let behind = rest.get(error.valid_up_to()..).unwrap_or_default();
        match behind {
            [0xed, 0xa0..=0xbf, 0x80..=0xbf, after @ ..] => rest = after,
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_as(version: Version, bytes: &[u8]) -> Marshalled {
        read(bytes, version, &mut Budget::default())
    }

    fn value(version: Version, bytes: &[u8]) -> Constant {
        let read = read_as(version, bytes);
        let at = read.value.unwrap();
        read.constants[at as usize].clone()
    }

    fn fault(version: Version, bytes: &[u8]) -> String {
        read_as(version, bytes).value.unwrap_err().what().to_owned()
    }

    #[test]
    fn scalars_are_read_as_each_version_writes_them() {
        let v = Version::V3_8;
        assert_eq!(value(v, b"i\xfe\xff\xff\xff"), Constant::Int(-2));
        assert_eq!(value(v, b"f\x031.5"), Constant::Float(1.5));
        assert_eq!(value(v, b"x\x011\x02-2"), Constant::Complex(1.0, -2.0));
        assert_eq!(value(v, b"l\xfe\xff\xff\xff\x01\0\x01\0"), Constant::Int(-32769));
        let big = value(v, b"l\x05\0\0\0\0\0\0\0\0\0\0\0\x10\0");
        assert_eq!(big, Constant::Long("0x10000000000000000".into()));
        assert_eq!(value(v, b"z\x01\xe9"), Constant::Text("\u{e9}".as_bytes().into()));
        assert_eq!(value(Version::V2_7, b"t\x01\0\0\0a"), Constant::Bytes((*b"a").into()));
        assert_eq!(value(v, b"t\x01\0\0\0a"), Constant::Text((*b"a").into()));
    }

    #[test]
    fn references_need_a_finished_object() {
        let v = Version::V3_8;
        let read = read_as(v, b"\xa9\x02\xfaz\x01ar\x01\0\0\0".as_slice());
        assert!(read.cut, "`z` is longer than what is there");
        let pair = read_as(v, b"\xa9\x02\xda\x01ar\x01\0\0\0");
        let at = pair.value.unwrap() as usize;
        assert_eq!(pair.constants[at], Constant::Tuple(vec![6, 6]));
        assert_eq!(fault(v, b"r\0\0\0\0"), "a reference to no finished object");
        assert_eq!(fault(v, b"\xbe\x01\0\0\0r\0\0\0\0"), "a reference to no finished object");
        let cycle = read_as(v, b"\xa9\x01r\0\0\0\0");
        assert_eq!(cycle.deviations[0].0, Quirk::Cycle);
    }

    #[test]
    fn what_a_version_does_not_know_ends_its_reading() {
        assert_eq!(fault(Version::V2_7, b"\xa9\0"), "no type code that Python 2.7 knows");
        assert_eq!(fault(Version::V3_10, b":NNN"), "no type code that Python 3.10 knows");
        assert_eq!(value(Version::V3_14, b":NNN"), Constant::Slice([0, 0, 0]));
        assert_eq!(fault(Version::V3_8, b"0"), "null, where an object is expected");
        assert_eq!(
            fault(Version::V3_8, b"(\xff\xff\xff\x7fN"),
            "2147483647 items, where 1 bytes are left"
        );
    }

    #[test]
    fn a_dictionary_ends_at_null_wherever_it_stands() {
        let dict = value(Version::V3_8, b"{NTT0");
        assert_eq!(dict, Constant::Dict(vec![(NONE, TRUE)]));
    }

    #[test]
    fn depth_costs_no_stack() {
        let deep = [b')', 1].repeat(300_000);
        let read = read_as(Version::V3_8, &deep);
        assert_eq!(read.value.unwrap_err().what(), "a type code of 1 bytes, where 0 are left");
        assert_eq!(read.deviations[0].0, Quirk::OutOfRange);
    }

    #[test]
    fn lone_surrogates_are_text() {
        assert!(is_utf8(b"a\xed\xb2\x80b"));
        assert!(!is_utf8(b"a\xffb"));
    }
}
