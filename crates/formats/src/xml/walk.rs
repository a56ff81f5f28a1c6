//! The walk over a document's elements: what is the same for every kind of XML.

use super::dtd;
use davy_artifact::{Fact, Quirk, Reading, Role, Route, Site, Why};
use davy_bytes::{Blame, Budget, Bytes, Halt, Span, to_u64, to_usize};
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

/// The part of the memory of an artifact that its text may take.
const SHARE: u64 = 4;

/// Levels behind which parsers that recurse run out of stack.
const DEEP: u64 = 2_000;

/// Files that one document includes which are told.
const INCLUDED: u64 = 1_000;

/// The namespace of XInclude 1.0 and 1.1.
const XINCLUDE: &str = "http://www.w3.org/2001/XInclude";

/// Encodings in which markup is ASCII.
const PLAIN: &[&str] = &[
    "ascii",
    "big5",
    "cp125",
    "euc-",
    "gb",
    "iso-8859",
    "koi8",
    "latin",
    "shift_jis",
    "us-ascii",
    "utf-8",
    "utf8",
    "windows-",
];

/// An element as it starts.
pub(super) struct Element<'e> {
    pub(super) name: &'e str,
    pub(super) attributes: Vec<(String, String)>,
    pub(super) span: Span,
    /// Elements around it.
    pub(super) depth: u64,
}

impl Element<'_> {
    /// The name without its prefix.
    pub(super) fn local(&self) -> &str {
        self.name.rsplit(':').next().unwrap_or(self.name)
    }

    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn site(&self) -> Site {
        Site { span: self.span, route: Route::Object(self.name.to_owned()) }
    }
}

/// Takes elements as they start and end.
pub(super) trait Visit {
    fn start(&mut self, element: &Element<'_>, reading: &mut Reading);
    fn end(&mut self, _name: &str) {}
}

/// Whether text in any encoding that XML starts in without saying so starts as `wanted`, behind a
/// byte order mark and white space.
pub(super) fn starts(head: &[u8], wanted: impl Fn(&str) -> bool) -> bool {
    // What stands before: a mark, or white space of any kind.
    let may = matches!(
        head,
        [b'<' | b' ' | 9..=13 | 0xc2 | 0xe1..=0xe3 | 0xef | 0xfe | 0xff, ..] | [0, b'<', ..]
    );
    if !may {
        return false;
    }
    let text = decode(head);
    wanted(text.trim_start_matches('\u{feff}').trim_start())
}

/// UTF-8 as it is, and UTF-16 (XML 1.0, appendix F).
fn decode(bytes: &[u8]) -> String {
    let big = match bytes {
        [0xfe, 0xff, ..] | [0, b'<', ..] => true,
        [0xff, 0xfe, ..] | [b'<', 0, ..] => false,
        _ => return String::from_utf8_lossy(bytes).into_owned(),
    };
    let unit = |pair: &[u8]| match pair {
        [first, second] if big => u16::from_be_bytes([*first, *second]),
        [first, second] => u16::from_le_bytes([*first, *second]),
        _ => 0,
    };
    let decoded = char::decode_utf16(bytes.chunks(2).map(unit));
    decoded.map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}

/// Walks a document, and records what is the same for every kind.
///
/// # Errors
/// Where it is no XML any more, and where the budget ends.
pub(super) fn walk(
    bytes: &Bytes,
    reading: &mut Reading,
    budget: &mut Budget,
    visit: &mut dyn Visit,
) -> Result<(), Halt> {
    let room = budget.left().memory / SHARE;
    if bytes.len() > room {
        return Err(Halt::exhausted(0, "the limit on memory"));
    }
    let source = bytes.copy(Span::new(0, bytes.len()), to_usize(room))?;
    budget.spend_steps(to_u64(source.len()), 0)?;
    let text = decode(&source);
    // The parser counts from behind a byte order mark.
    let inner = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let mark = to_u64(text.len().saturating_sub(inner.len()));
    let position = |at: u64| at.saturating_add(mark);
    let mut reader = Reader::from_str(inner);
    reader.config_mut().check_end_names = true;
    let place = Place { same: to_u64(same(&text, &source)), file: bytes.len() };
    drop(source);
    let (mut depth, mut deepest, mut included) = (0_u64, 0_u64, 0_u64);
    // Where the root element ended.
    let mut end = None;
    loop {
        let start = position(reader.buffer_position());
        let event = match (reader.read_event(), end) {
            (Ok(event), Some(end)) if !is_misc(&event) => {
                return behind(end, &text, bytes, reading);
            }
            (Err(_), Some(end)) => return behind(end, &text, bytes, reading),
            (Ok(event), _) => event,
            (Err(error), None) => {
                let at = place.at(Span::new(position(reader.error_position()), 0)).start;
                return Err(Halt::malformed(at, format!("no XML from here on: {error}")));
            }
        };
        let span = place.at(Span::between(start, position(reader.buffer_position())));
        budget.spend_steps(1, span.start)?;
        match event {
            Event::Eof => break,
            Event::Start(tag) => {
                element(&tag, span, depth, &mut included, reading, visit);
                depth = depth.saturating_add(1);
                deepest = deepest.max(depth);
            }
            Event::Empty(tag) => {
                element(&tag, span, depth, &mut included, reading, visit);
                visit.end(&name_of(&tag));
                end = (depth == 0).then(|| position(reader.buffer_position()));
            }
            Event::End(tag) => {
                depth = depth.saturating_sub(1);
                visit.end(tag.name().as_ref());
                end = (depth == 0).then(|| position(reader.buffer_position()));
            }
            Event::DocType(declaration) => {
                dtd::declarations(&declaration, span, reading);
            }
            Event::Decl(declaration) => {
                if let Some(Ok(encoding)) = declaration.encoding() {
                    encoded(&encoding, place, reading);
                }
            }
            _ => {}
        }
    }
    if deepest > DEEP {
        let what = format!("elements nested {deepest} levels deep");
        reading.deviation(Quirk::HugeIndex, Span::new(0, bytes.len()), Route::None, &what);
    }
    if depth > 0 {
        return Err(Halt::malformed(bytes.len(), "an element that does not end"));
    }
    reading.seamless = true;
    Ok(())
}

/// How many bytes at the start of the file stand at the same place in the text.
fn same(text: &str, source: &[u8]) -> usize {
    match std::str::from_utf8(source) {
        Ok(utf8) if utf8 == text => source.len(),
        Err(error)
            if text
                .as_bytes()
                .starts_with(source.get(..error.valid_up_to()).unwrap_or_default()) =>
        {
            error.valid_up_to()
        }
        _ => 0,
    }
}

/// What may stand behind the root element (XML 1.0, production 27).
fn is_misc(event: &Event<'_>) -> bool {
    match event {
        Event::Comment(_) | Event::PI(_) | Event::Eof => true,
        Event::Text(text) => text.trim().is_empty(),
        _ => false,
    }
}

/// Records what stands behind the root element, which ends at `end` in the text.
fn behind(end: u64, text: &str, bytes: &Bytes, reading: &mut Reading) -> Result<(), Halt> {
    let within = text.get(..to_usize(end)).unwrap_or(text);
    let head = bytes.copy(Span::new(0, 2), 2)?;
    let wide = matches!(head.as_slice(), [0xfe, 0xff] | [0xff, 0xfe] | [0, b'<'] | [b'<', 0]);
    let units = if wide { within.encode_utf16().count().saturating_mul(2) } else { within.len() };
    let rest = Span::between(to_u64(units).min(bytes.len()), bytes.len());
    let what = format!("{} bytes behind the root element", rest.len);
    reading.deviation(Quirk::BytesAfterEnd, rest, Route::None, &what);
    reading.child("after the root element", bytes.slice(rest), Role::Leftover);
    Ok(())
}

/// Offsets in the text as those in the file, which may have other bytes for a character.
#[derive(Clone, Copy)]
struct Place {
    /// Bytes at the start that are the same in both.
    same: u64,
    file: u64,
}

impl Place {
    fn at(self, span: Span) -> Span {
        if span.end() <= self.same {
            return span;
        }
        // Elsewhere places would have to be counted anew: what stands there is told as a whole.
        Span::new(0, self.file)
    }
}

/// Text in an encoding that hides markup was not read.
fn encoded(encoding: &str, place: Place, reading: &mut Reading) {
    let lower = encoding.to_ascii_lowercase().replace('_', "-");
    let wide = lower.starts_with("utf-16") || lower.starts_with("ucs-2");
    let plain = PLAIN.iter().any(|start| lower.starts_with(&start.replace('_', "-")));
    if !plain && !wide {
        let what = format!("XML in the encoding `{encoding}`, read as UTF-8");
        let why = Why::Halted(Blame::Unsupported);
        reading.gap(Span::new(0, place.file), why, &what);
    }
}

fn name_of(tag: &BytesStart<'_>) -> String {
    tag.name().as_ref().to_owned()
}

fn element(
    tag: &BytesStart<'_>,
    span: Span,
    depth: u64,
    included: &mut u64,
    reading: &mut Reading,
    visit: &mut dyn Visit,
) {
    let attribute = |attribute: quick_xml::events::attributes::Attribute<'_>| {
        let key = attribute.key.as_ref().to_owned();
        let raw = attribute.value.into_owned();
        // What is no predefined entity stays as it is spelled.
        let value = quick_xml::escape::unescape(&raw).map(|value| value.into_owned());
        (key, value.unwrap_or(raw))
    };
    let mut attributes = tag.attributes();
    let attributes = attributes.with_checks(false).filter_map(Result::ok).map(attribute).collect();
    let name = name_of(tag);
    let element = Element { name: &name, attributes, span, depth };
    let spaced = element.attributes.iter().any(|(_, value)| value == XINCLUDE);
    let includes = element.local() == "include" && (spaced || name.starts_with("xi:"));
    if let Some(target) = element.attribute("href").filter(|_| includes && *included < INCLUDED) {
        *included = included.saturating_add(1);
        let (target, site) = (target.to_owned(), element.site());
        reading.fact(Fact::Reference { target, purpose: "included document", site });
    }
    visit.start(&element, reading);
}
