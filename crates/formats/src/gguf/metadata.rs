//! The keys and values in front of the tensors.

use super::fields::{Fields, claim};
use super::types::Kind;
use super::{End, only_zeros};
use crate::embedded;
use davy_artifact::{Excerpt, Fact, Quirk, Reading, Role, Route, Site, Value};
use davy_bytes::{Blame, Budget, Bytes, Halt, Span, to_u64};
use std::collections::HashMap;

/// Keys of one file that are kept; models have fewer than a hundred.
const KEYS: u64 = 1 << 20;

/// Keys that are told one by one; more are read without.
const TOLD: usize = 10_000;

/// Bytes of a key that are kept. The specification allows 65,535.
const KEY: usize = 1024;

/// Bytes of a text that facts show.
const SHOWN: usize = 1024;

/// Elements of an array that facts show.
const ELEMENTS: u64 = 16;

/// Bytes of a text that are looked at for what it is.
const LOOK: usize = 1 << 20;

/// Texts in lists of fewer bytes are words.
const WORD: u64 = 256;

/// Texts of one list that are looked at for what they are.
const LONG: usize = 10_000;

/// What is in the key of every chat template.
const TEMPLATE: &str = "chat_template";

/// Lists of bytes of at least this length are read for what else they could be.
const BLOB: u64 = 16;

/// Levels of lists in lists that no loader minds.
const LEVELS: usize = 4;

/// A value.
#[derive(Clone, Debug)]
pub(super) enum Item {
    Array(Array),
    Bool(u8),
    Float(f64),
    Signed(i64),
    Text(Span),
    Unsigned(u64),
}

/// A list of values.
#[derive(Clone, Copy, Debug)]
pub(super) struct Array {
    /// What its elements are.
    pub(super) kind: Kind,
    /// How many there are.
    pub(super) count: u64,
    /// Where they stand.
    pub(super) span: Span,
}

impl Item {
    /// A whole number.
    pub(super) fn int(&self) -> Option<i128> {
        match self {
            Self::Signed(number) => Some(i128::from(*number)),
            Self::Unsigned(number) => Some(i128::from(*number)),
            _ => None,
        }
    }

    pub(super) fn array(&self) -> Option<&Array> {
        if let Self::Array(array) = self { Some(array) } else { None }
    }
}

/// A key with its value.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) kind: Kind,
    pub(super) value: Item,
    /// Where the value stands.
    pub(super) span: Span,
}

/// All keys and values.
#[derive(Debug, Default)]
pub(super) struct Metadata {
    pub(super) entries: Vec<Entry>,
    by_key: HashMap<String, usize>,
    /// Version and byte order.
    form: (u32, bool),
}

impl Metadata {
    /// The first value under a key.
    pub(super) fn get(&self, key: &str) -> Option<&Entry> {
        self.by_key.get(key).and_then(|index| self.entries.get(*index))
    }

    /// Fields of the same version and byte order.
    pub(super) fn adopt(&self, mut fields: Fields) -> Fields {
        fields.set(self.form.0, self.form.1);
        fields
    }

    pub(super) fn read(
        &mut self,
        fields: &mut Fields,
        count: u64,
        reading: &mut Reading,
        budget: &mut Budget,
    ) -> Result<End, Halt> {
        self.form = fields.form();
        for index in 0..count {
            let at = fields.position();
            if index >= KEYS {
                return Err(Halt::exhausted(at, "more keys than are read"));
            }
            budget.spend_steps(1, at)?;
            let (place, head) = fields.text_head("key", KEY, || Route::None, reading)?;
            if head.is_empty() && only_zeros(fields, at, reading, budget)? {
                return Ok(End::Zeros);
            }
            self.pair(fields, (place, &head), reading, budget)?;
        }
        Ok(End::Whole)
    }

    fn pair(
        &mut self,
        fields: &mut Fields,
        (at, head): (Span, &[u8]),
        reading: &mut Reading,
        budget: &mut Budget,
    ) -> Result<(), Halt> {
        let key = String::from_utf8_lossy(head).into_owned();
        self.check_key(&key, at, reading);
        let number = fields.u32("type of a value")?;
        let start = fields.position();
        let Some(kind) = Kind::of(number) else {
            let what = format!("a value of type {number}, which there is not");
            let span = Span::new(start.saturating_sub(4), 4);
            reading.deviation(Quirk::WrongType, span, Route::Key(key), &what);
            return Err(Halt::malformed(start, what));
        };
        let (value, told) = if kind == Kind::Text {
            let route = || Route::Key(key.clone());
            let (span, head) = fields.text_head("text", LOOK, route, reading)?;
            text(fields.bytes(), &key, (span, &head), reading, budget)?;
            let shown = head.get(..head.len().min(SHOWN)).unwrap_or_default().to_vec();
            (Item::Text(span), Value::Text(Excerpt { head: shown, len: span.len }))
        } else {
            let value = value(fields, kind, &key, reading, budget)?;
            blob(fields.bytes(), &key, &value, reading);
            let told = shown(fields, &value)?;
            (value, told)
        };
        let span = Span::between(start, fields.position());
        if self.entries.len() < TOLD {
            let site = Site { span, route: Route::Key(key.clone()) };
            let (owner, name) = (String::new(), key.clone());
            reading.fact(Fact::Attribute { owner, name, value: told, site });
        }
        self.by_key.entry(key.clone()).or_insert(self.entries.len());
        self.entries.push(Entry { key, kind, value, span });
        Ok(())
    }

    fn check_key(&self, key: &str, span: Span, reading: &mut Reading) {
        let route = || Route::Key(key.to_owned());
        if self.by_key.contains_key(key) {
            let what = "the same key twice: loaders take the first, the last, or refuse the file";
            reading.deviation(Quirk::LoadersDisagree, span, route(), what);
        }
        if key.is_empty() || span.len > 65_535 || key.chars().any(davy_bytes::acts) {
            let what = "a key that is empty, longer than keys are, or not fit to be shown";
            reading.deviation(Quirk::Handmade, span, route(), what);
        }
    }
}

/// Reads a value.
fn value(
    fields: &mut Fields,
    kind: Kind,
    key: &str,
    reading: &mut Reading,
    budget: &mut Budget,
) -> Result<Item, Halt> {
    let route = || Route::Key(key.to_owned());
    let what = "value";
    Ok(match kind {
        Kind::Unsigned(1) => Item::Unsigned(u64::from(fields.u8(what)?)),
        Kind::Unsigned(2) => Item::Unsigned(u64::from(fields.u16(what)?)),
        Kind::Unsigned(4) => Item::Unsigned(u64::from(fields.u32(what)?)),
        Kind::Unsigned(_) => Item::Unsigned(fields.u64(what)?),
        Kind::Signed(1) => Item::Signed(i64::from(fields.u8(what)?.cast_signed())),
        Kind::Signed(2) => Item::Signed(i64::from(fields.u16(what)?.cast_signed())),
        Kind::Signed(4) => Item::Signed(i64::from(fields.u32(what)?.cast_signed())),
        Kind::Signed(_) => Item::Signed(fields.u64(what)?.cast_signed()),
        Kind::Float(4) => Item::Float(f64::from(f32::from_bits(fields.u32(what)?))),
        Kind::Float(_) => Item::Float(f64::from_bits(fields.u64(what)?)),
        Kind::Bool => {
            let byte = fields.u8(what)?;
            if byte > 1 {
                let span = Span::new(fields.position().saturating_sub(1), 1);
                let told = format!("a truth value of {byte}");
                reading.deviation(Quirk::Handmade, span, route(), &told);
            }
            Item::Bool(byte)
        }
        Kind::Text => Item::Text(fields.text("text", route, reading)?),
        Kind::Array => Item::Array(array(fields, key, reading, budget)?),
    })
}

/// A list that is open: what is in it, and how many of these are still to come.
struct Open {
    kind: Kind,
    left: u64,
}

/// Reads a list, and the lists in it, without going down into them.
fn array(
    fields: &mut Fields,
    key: &str,
    reading: &mut Reading,
    budget: &mut Budget,
) -> Result<Array, Halt> {
    let (kind, count) = bounds(fields, key, reading)?;
    let start = fields.position();
    let mut open = vec![Open { kind, left: count }];
    let mut deepest = 1;
    let mut long = Vec::new();
    let least = if key.contains(TEMPLATE) { 8 } else { WORD };
    while let Some(list) = open.last_mut() {
        if list.left == 0 {
            open.pop();
            continue;
        }
        let at = fields.position();
        budget.spend_steps(1, at)?;
        match list.kind {
            Kind::Array => {
                list.left = list.left.saturating_sub(1);
                let (kind, left) = bounds(fields, key, reading)?;
                open.push(Open { kind, left });
                deepest = deepest.max(open.len());
            }
            Kind::Text => {
                list.left = list.left.saturating_sub(1);
                let route = || Route::Key(key.to_owned());
                let span = fields.text("text in a list", route, reading)?;
                if span.len >= least && long.len() < LONG {
                    long.push(span);
                }
            }
            kind => {
                let size = kind.size().unwrap_or(1);
                let len = list.left.checked_mul(size);
                let len = len.ok_or_else(|| Halt::malformed(at, "a list larger than any file"))?;
                list.left = 0;
                fields.skip(len, "list")?;
            }
        }
    }
    let span = Span::between(start, fields.position());
    if deepest > 1 {
        let quirk = if deepest > LEVELS { Quirk::OutOfRange } else { Quirk::LoadersDisagree };
        let what = format!(
            "lists in lists, {deepest} levels of them: llama.cpp refuses them, other loaders go \
             down into each"
        );
        reading.deviation(quirk, span, Route::Key(key.to_owned()), &what);
    }
    for (index, place) in long.into_iter().enumerate() {
        let head = fields.bytes().copy(place, LOOK)?;
        let key = format!("{key}[{index}]");
        text(fields.bytes(), &key, (place, &head), reading, budget)?;
    }
    Ok(Array { kind, count, span })
}

/// Type and number of the elements of a list.
fn bounds(fields: &mut Fields, key: &str, reading: &mut Reading) -> Result<(Kind, u64), Halt> {
    let at = fields.position();
    let route = || Route::Key(key.to_owned());
    let number = fields.u32("type of a list")?;
    let count = fields.count("number of elements")?;
    let span = Span::between(at, fields.position());
    let Some(kind) = Kind::of(number) else {
        let what = format!("a list of type {number}, which there is not");
        reading.deviation(Quirk::WrongType, span, route(), &what);
        return Err(Halt::malformed(at, what));
    };
    // A text has a length, and a list a type and a number of elements.
    let least = kind.size().unwrap_or(if fields.version() == 1 { 4 } else { 8 });
    let left = fields.remaining();
    if count.checked_mul(least).is_none_or(|size| size > left) {
        let what = format!("a list of {count} elements is claimed, where {left} bytes are left");
        reading.deviation(claim(count), span, route(), &what);
    }
    Ok((kind, count))
}

/// Makes an artifact of a list of bytes, which anything can stand in.
fn blob(bytes: &Bytes, key: &str, value: &Item, reading: &mut Reading) {
    let Item::Array(array) = value else { return };
    if array.kind.size() == Some(1) && array.span.len >= BLOB {
        reading.child(name(key), bytes.slice(array.span), Role::Storage);
    }
}

/// Makes an artifact of a text that is more than text.
fn text(
    bytes: &Bytes,
    key: &str,
    (span, head): (Span, &[u8]),
    reading: &mut Reading,
    budget: &mut Budget,
) -> Result<(), Halt> {
    // What a key is known for counts, whatever the text looks like.
    if key.contains(TEMPLATE) {
        reading.child(format!("{}.jinja", name(key)), bytes.slice(span), Role::Loaded);
        return Ok(());
    }
    let told = String::from_utf8_lossy(head);
    embedded::push(key, &told, (bytes, span, true), reading, budget)
}

/// The name of an artifact made of the value of a key.
fn name(key: &str) -> String {
    key.chars().take(200).collect()
}

/// Texts in lists, each with its number: those that are long enough to be more than words.
pub(super) fn texts(
    fields: &Fields,
    entry: &Entry,
    visit: &mut dyn FnMut(u64, Span) -> Result<(), Halt>,
) -> Result<(), Halt> {
    let Some(array) = entry.value.array().filter(|array| array.kind == Kind::Text) else {
        return Ok(());
    };
    let mut fields = fields.at(array.span.start);
    let mut ignored = Reading::default();
    for index in 0..array.count {
        let span = fields.text("text in a list", || Route::None, &mut ignored)?;
        visit(index, span)?;
    }
    Ok(())
}

/// A value as facts carry it.
fn shown(fields: &Fields, value: &Item) -> Result<Value, Halt> {
    Ok(match value {
        Item::Bool(byte) => Value::Bool(*byte != 0),
        Item::Float(number) => Value::Float(*number),
        Item::Signed(number) => Value::Int(*number),
        Item::Unsigned(number) => match i64::try_from(*number) {
            Ok(number) => Value::Int(number),
            Err(_) => Value::Long(number.to_string()),
        },
        Item::Text(span) => {
            Value::Text(Excerpt { head: fields.bytes().copy(*span, SHOWN)?, len: span.len })
        }
        Item::Array(array) => Value::List(elements(fields, array)?),
    })
}

fn elements(fields: &Fields, array: &Array) -> Result<Vec<Value>, Halt> {
    let mut fields = fields.at(array.span.start);
    let mut elements = Vec::new();
    let mut ignored = Reading::default();
    let first = if array.kind == Kind::Array { 0 } else { array.count.min(ELEMENTS) };
    for _ in 0..first {
        let item = value(&mut fields, array.kind, "", &mut ignored, &mut Budget::default());
        match item {
            Ok(Item::Array(_)) => break,
            Ok(item) => elements.push(shown(&fields, &item)?),
            Err(halt) if halt.blame() == Blame::Io => return Err(halt),
            Err(_) => break,
        }
    }
    let more = array.count.saturating_sub(to_u64(elements.len()));
    elements.extend((more > 0).then_some(Value::More(more)));
    Ok(elements)
}
