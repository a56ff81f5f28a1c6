//! A value of a document: what it is, what is in it, and where it stands.

use super::document::{Document, Record};
use super::{Kind, lexer};
use davy_artifact::{Excerpt, Value};
use davy_bytes::{Span, to_u64};
use std::borrow::Cow;
use std::fmt;

/// Parts of a path that are shown: the first and the last ones of a path with more.
const HEAD_PARTS: usize = 6;
const TAIL_PARTS: usize = 26;

/// Levels that a path has at most: what is deeper is told from there on.
const LEVELS: usize = 2_000;

/// Characters of a key that a path shows.
const KEY: usize = 64;

/// Bounds on a value that goes into a fact.
const DEPTH: u32 = 5;
const WIDTH: usize = 24;
const TEXT: usize = 1024;
const VALUES: usize = 256;

/// A value, or a key, of a [`Document`].
#[derive(Clone, Copy)]
pub struct Node<'a> {
    document: &'a Document,
    index: u32,
}

impl fmt::Debug for Node<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} at {:?}", self.kind(), self.span())
    }
}

impl PartialEq for Node<'_> {
    /// Whether both are the same place of the same document.
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.document, other.document) && self.index == other.index
    }
}

impl<'a> Node<'a> {
    pub(super) fn new(document: &'a Document, index: u32) -> Self {
        Self { document, index }
    }

    fn record(self) -> Option<&'a Record> {
        self.document.record(self.index)
    }

    /// What it is.
    #[must_use]
    pub fn kind(self) -> Kind {
        self.record().map_or(Kind::Null, |record| record.kind)
    }

    /// Whether it is an object.
    #[must_use]
    pub fn is_object(self) -> bool {
        self.kind() == Kind::Object
    }

    /// Whether it is an array.
    #[must_use]
    pub fn is_array(self) -> bool {
        self.kind() == Kind::Array
    }

    /// Whether it is `null`.
    #[must_use]
    pub fn is_null(self) -> bool {
        self.kind() == Kind::Null
    }

    /// A number that tells it from every other value of the document, and orders them as they stand.
    #[must_use]
    pub fn id(self) -> u32 {
        self.index
    }

    /// The number ([`Node::id`]) of what stands behind it and everything in it.
    #[must_use]
    pub fn end(self) -> u32 {
        self.record().map_or(self.index, |record| record.next)
    }

    /// Whether it is the key of what follows it.
    #[must_use]
    pub fn is_key(self) -> bool {
        self.record().is_some_and(|record| record.key)
    }

    /// Where it stands; strings with their quotation marks.
    #[must_use]
    pub fn span(self) -> Span {
        let (start, end) = self.record().map_or((0, 0), |record| (record.start, record.end));
        self.document.place(u64::from(start), u64::from(end))
    }

    /// Number of elements of an array, or of entries of an object.
    #[must_use]
    pub fn len(self) -> usize {
        if self.is_object() { self.entries().count() } else { self.items().count() }
    }

    /// Whether nothing is in it.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.items().next().is_none() && self.entries().next().is_none()
    }

    /// The value that Python's dictionary has under `key`: the last of that name.
    #[must_use]
    pub fn get(self, key: &str) -> Option<Node<'a>> {
        self.all(key).last()
    }

    /// The value at the end of a path of keys.
    #[must_use]
    pub fn at(self, path: &[&str]) -> Option<Node<'a>> {
        path.iter().try_fold(self, |node, key| node.get(key))
    }

    /// Every value under `key`, in the order in which they stand.
    pub fn all<'k>(self, key: &'k str) -> impl Iterator<Item = Node<'a>> + use<'a, 'k> {
        self.entries().filter(move |(name, _)| name.is_text(key)).map(|(_, value)| value)
    }

    /// Keys and values of an object, duplicates included; nothing of anything else.
    pub fn entries(self) -> Entries<'a> {
        let children = Children::new(self, Kind::Object);
        Entries { children }
    }

    /// Elements of an array; nothing of anything else.
    pub fn items(self) -> Children<'a> {
        Children::new(self, Kind::Array)
    }

    /// The element at `position` of an array.
    #[must_use]
    pub fn item(self, position: usize) -> Option<Node<'a>> {
        self.items().nth(position)
    }

    /// What it is in.
    #[must_use]
    pub fn parent(self) -> Option<Node<'a>> {
        self.document.node(self.record()?.parent)
    }

    /// The key that it stands under.
    #[must_use]
    pub fn key(self) -> Option<Node<'a>> {
        let before = self.document.node(self.index.checked_sub(1)?)?;
        before.is_key().then_some(before)
    }

    /// The bytes of the text as they stand, in UTF-8; strings with their quotation marks.
    #[must_use]
    pub fn raw(self) -> &'a [u8] {
        self.record().map_or(&[], |record| self.document.slice(record.start, record.end))
    }

    /// The text of a string or key; halves of surrogate pairs and what is no UTF-8 are U+FFFD.
    #[must_use]
    pub fn text(self) -> Option<Cow<'a, str>> {
        let record = self.record().filter(|record| record.kind == Kind::Text)?;
        let raw = self.raw();
        let within = raw.get(1..raw.len().saturating_sub(1)).unwrap_or_default();
        let text = String::from_utf8_lossy(within);
        Some(if record.escaped { Cow::Owned(unescape(&text)) } else { text })
    }

    /// Whether it is a string of exactly this text.
    #[must_use]
    pub fn is_text(self, text: &str) -> bool {
        match self.record() {
            Some(record) if record.kind == Kind::Text && !record.escaped => {
                let raw = self.raw();
                raw.get(1..raw.len().saturating_sub(1)) == Some(text.as_bytes())
            }
            _ => self.text().is_some_and(|own| own == text),
        }
    }

    /// The number as it is spelled.
    #[must_use]
    pub fn digits(self) -> Option<&'a str> {
        let number = self.kind() == Kind::Number;
        number.then(|| std::str::from_utf8(self.raw()).ok()).flatten()
    }

    /// A whole number that fits 64 bits.
    #[must_use]
    pub fn int(self) -> Option<i64> {
        self.digits()?.parse().ok()
    }

    /// A number, with the precision that Python gives it.
    #[must_use]
    pub fn number(self) -> Option<f64> {
        match self.digits()? {
            "Infinity" => Some(f64::INFINITY),
            "-Infinity" => Some(f64::NEG_INFINITY),
            digits => digits.parse().ok(),
        }
    }

    /// `true` or `false`.
    #[must_use]
    pub fn bool(self) -> Option<bool> {
        match self.kind() {
            Kind::True => Some(true),
            Kind::False => Some(false),
            _ => None,
        }
    }

    /// Keys and indices from the top of the document: `config.layers[2].config`; a key has the path of
    /// its value. The middle of a very long path is left out.
    #[must_use]
    pub fn path(self) -> String {
        // Names of the last parts, from the end; of the ones before only where they are.
        let mut chain = vec![];
        let mut next = Some(self);
        while let Some(node) = next.filter(|_| chain.len() < LEVELS) {
            chain.push(node.index);
            next = node.parent();
        }
        if next.is_none() {
            // The document itself has no name.
            chain.pop();
        }
        chain.reverse();
        let elided = chain.len() > HEAD_PARTS.saturating_add(TAIL_PARTS);
        let tail = if elided { chain.len().saturating_sub(TAIL_PARTS) } else { 0 };
        let mut path = if next.is_none() { String::new() } else { "…".to_owned() };
        for (position, index) in chain.iter().enumerate() {
            if !elided || position < HEAD_PARTS || position >= tail {
                Node::new(self.document, *index).push_part(&mut path);
            } else if position == HEAD_PARTS {
                path.push_str(".…");
            }
        }
        path
    }

    fn push_part(self, path: &mut String) {
        let own = self.is_key().then_some(self);
        let Some(key) = own.or_else(|| self.key()).and_then(Node::text) else {
            let ordinal = self.record().map_or(0, |record| record.ordinal);
            path.push_str(&format!("[{ordinal}]"));
            return;
        };
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let short: String = key.chars().take(KEY).collect();
        if !short.is_empty() && short.chars().all(plain) {
            if !path.is_empty() {
                path.push('.');
            }
            path.push_str(&short);
        } else {
            path.push_str(&format!("[{short:?}]"));
        }
    }

    /// The value as facts carry it, bounded in depth, width and length.
    #[must_use]
    pub fn value(self) -> Value {
        self.bounded(0, &mut VALUES.clone())
    }

    /// Nesting ends at [`DEPTH`], whatever the depth of the document.
    fn bounded(self, depth: u32, left: &mut usize) -> Value {
        *left = left.saturating_sub(1);
        if depth > DEPTH || *left == 0 {
            return Value::Unknown("…");
        }
        let deeper = depth.saturating_add(1);
        match self.kind() {
            Kind::Array => {
                let mut items: Vec<_> =
                    self.items().take(WIDTH).map(|item| item.bounded(deeper, left)).collect();
                let more = self.items().skip(WIDTH).count();
                items.extend((more > 0).then(|| Value::More(to_u64(more))));
                Value::List(items)
            }
            Kind::Object => {
                let first = self.entries().take(WIDTH);
                let entry = |(key, value): (Node<'_>, Node<'_>)| {
                    (key.bounded(deeper, left), value.bounded(deeper, left))
                };
                let mut entries: Vec<_> = first.map(entry).collect();
                let more = self.entries().skip(WIDTH).count();
                let more = (more > 0).then(|| (Value::More(to_u64(more)), Value::None));
                entries.extend(more);
                Value::Dict(entries)
            }
            Kind::False => Value::Bool(false),
            Kind::True => Value::Bool(true),
            Kind::Null => Value::None,
            Kind::Number => self.quantity(),
            Kind::Text => Value::Text(self.excerpt()),
        }
    }

    fn quantity(self) -> Value {
        let digits = self.digits().unwrap_or_default();
        let whole = digits.bytes().all(|byte| byte == b'-' || byte.is_ascii_digit());
        match (self.int(), self.number()) {
            (Some(number), _) => Value::Int(number),
            (None, Some(number)) if !whole => Value::Float(number),
            _ => Value::Long(digits.chars().take(TEXT).collect()),
        }
    }

    fn excerpt(self) -> Excerpt {
        let text = self.text().unwrap_or_default();
        let mut end = text.len().min(TEXT);
        while !text.is_char_boundary(end) {
            end = end.saturating_sub(1);
        }
        let head = text.get(..end).unwrap_or_default().as_bytes().to_vec();
        Excerpt { head, len: to_u64(text.len()) }
    }
}

/// What is in an array; of an object, keys and values in turn.
#[derive(Clone, Debug)]
pub struct Children<'a> {
    document: &'a Document,
    next: u32,
    end: u32,
}

impl<'a> Children<'a> {
    fn new(node: Node<'a>, kind: Kind) -> Self {
        let first = node.index.saturating_add(1);
        let record = node.record().filter(|record| record.kind == kind);
        let end = record.map_or(first, |record| record.next);
        Self { document: node.document, next: first, end }
    }
}

impl<'a> Iterator for Children<'a> {
    type Item = Node<'a>;

    fn next(&mut self) -> Option<Node<'a>> {
        let node = (self.next < self.end).then(|| self.document.node(self.next)).flatten()?;
        self.next = node.record()?.next;
        Some(node)
    }
}

/// Keys and values of an object.
#[derive(Clone, Debug)]
pub struct Entries<'a> {
    children: Children<'a>,
}

impl<'a> Iterator for Entries<'a> {
    type Item = (Node<'a>, Node<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        // A fault may leave the last key without a value.
        Some((self.children.next()?, self.children.next()?))
    }
}

/// Follows the escapes of a string that the grammar has passed.
fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('\\') {
        plain.push_str(before);
        let mut chars = behind.chars();
        let c = chars.next().unwrap_or('\\');
        rest = chars.as_str();
        match c {
            'b' => plain.push('\u{8}'),
            'f' => plain.push('\u{c}'),
            'n' => plain.push('\n'),
            'r' => plain.push('\r'),
            't' => plain.push('\t'),
            'u' => rest = unit(rest, &mut plain),
            other => plain.push(other),
        }
    }
    plain.push_str(rest);
    plain
}

/// Puts the character of one or two escapes, of which the first `\u` is read, behind `plain`.
fn unit<'t>(rest: &'t str, plain: &mut String) -> &'t str {
    let first = rest.as_bytes().get(..4).and_then(lexer::hexadecimal);
    let Some(first) = first else { return rest };
    let behind = rest.get(4..).unwrap_or_default();
    let second = behind.strip_prefix("\\u").and_then(|second| second.as_bytes().get(..4));
    let second = second.and_then(lexer::hexadecimal);
    if let (0xd800..=0xdbff, Some(second @ 0xdc00..=0xdfff)) = (first, second) {
        let pair = char::decode_utf16([first, second]).filter_map(Result::ok);
        plain.extend(pair);
        return behind.get(6..).unwrap_or_default();
    }
    plain.push(char::from_u32(u32::from(first)).unwrap_or(char::REPLACEMENT_CHARACTER));
    behind
}
