//! Level 5: a header of 128 bytes, then elements with type and length; matrices hold elements again,
//! and one whole element may be compressed.

use super::{Order, variable};
use crate::gzip::{Framing, inflate};
use davy_artifact::{Excerpt, Fact, Quirk, Reading, Role, Route, Site, Value, Why};
use davy_bytes::{Blame, Budget, Bytes, Cursor, Halt, Span, to_u64};

/// Length of the header.
const HEADER: u64 = 128;

/// Types of elements.
const INT8: u32 = 1;
const UINT8: u32 = 2;
const INT32: u32 = 5;
const UINT32: u32 = 6;
const MATRIX: u32 = 14;
const COMPRESSED: u32 = 15;
const UTF8: u32 = 16;
const UTF32: u32 = 18;

/// Matrices within matrices.
const DEEPEST: usize = 64;

/// Dimensions and bytes of a name that are kept.
const SIDES: u64 = 64;
const NAME: usize = 256;

/// Bytes from this length on are artifacts of their own.
const ARTIFACT: u64 = 64;

/// Classes of matrices, by number.
const CLASSES: [&str; 17] = [
    "cell", "struct", "object", "char", "sparse", "float64", "float32", "int8", "uint8", "int16",
    "uint16", "int32", "uint32", "int64", "uint64", "function", "opaque",
];

/// The order of bytes that a header states, if it is one of version 5.
pub(super) fn order(head: &[u8]) -> Option<Order> {
    match head.get(124..128)? {
        [0, 1, b'I', b'M'] => Some(Order::Little),
        [1, 0, b'M', b'I'] => Some(Order::Big),
        _ => None,
    }
}

/// An element as its tag describes it.
#[derive(Clone, Copy, Debug)]
struct Element {
    kind: u32,
    /// Where its tag starts.
    at: u64,
    data: Span,
    /// Where the next element starts.
    end: u64,
}

/// Reads a file from its header to its end.
pub(super) fn read(
    bytes: &Bytes,
    order: Order,
    reading: &mut Reading,
    budget: &mut Budget,
) -> Result<(), Halt> {
    let text = bytes.copy(Span::new(0, 116), 116)?;
    let text = String::from_utf8_lossy(&text).trim_end_matches(['\0', ' ']).to_owned();
    let site = Site { span: Span::new(0, 116), route: Route::None };
    let (owner, name) = (String::new(), "description".to_owned());
    reading.fact(Fact::Attribute { owner, name, value: Value::Text(Excerpt::whole(text)), site });
    let mut file = Walk { bytes: bytes.clone(), order, reading, budget, place: None };
    let result = file.elements(HEADER);
    reading.seamless = result.is_ok();
    if let Err(halt) = &result {
        let size = bytes.len();
        let rest = Span::between(halt.at().min(size), size);
        reading.deviation(Quirk::Truncated, rest, Route::None, halt.what());
        if rest.len > 0 {
            let name = format!("@{:#x}", rest.start);
            reading.child(name, bytes.slice(rest), Role::Leftover);
        }
    }
    result
}

/// Elements that are being walked: those of the file, or of what a compressed one holds.
struct Walk<'a> {
    bytes: Bytes,
    order: Order,
    reading: &'a mut Reading,
    budget: &'a mut Budget,
    /// Where the compressed element stands whose content this is.
    place: Option<Span>,
}

impl Walk<'_> {
    fn span(&self, span: Span) -> Span {
        self.place.unwrap_or(span)
    }

    /// The element whose tag stands at `at`.
    fn element(&mut self, at: u64, end: u64) -> Result<Element, Halt> {
        self.budget.spend_steps(8, at)?;
        let mut cursor = Cursor::starting_at(self.bytes.slice(Span::new(0, end)), at);
        let first = self.order.word(cursor.array("type of an element")?);
        let small = first >> 16;
        if small > 0 {
            if small > 4 {
                return Err(Halt::malformed(at, format!("a small element of {small} bytes")));
            }
            let data = Span::new(at.saturating_add(4), u64::from(small));
            cursor.array::<4>("small element")?;
            return Ok(Element { kind: first & 0xffff, at, data, end: cursor.position() });
        }
        let len = u64::from(self.order.word(cursor.array("length of an element")?));
        let data = cursor.skip(len, "element")?;
        // All but compressed elements are padded to eight bytes; the last one may lack it.
        let padded = len.div_ceil(8).saturating_mul(8);
        let next = match first {
            COMPRESSED => data.end(),
            _ => data.start.saturating_add(padded).min(end),
        };
        Ok(Element { kind: first, at, data, end: next })
    }

    /// The elements from `start` to the end, with all that is in them.
    fn elements(&mut self, start: u64) -> Result<(), Halt> {
        let mut at = start;
        let end = self.bytes.len();
        while at < end {
            let element = self.element(at, end)?;
            match element.kind {
                COMPRESSED if self.place.is_none() => self.compressed(element)?,
                MATRIX => self.matrix(element)?,
                _ => {}
            }
            at = element.end;
        }
        Ok(())
    }

    fn compressed(&mut self, element: Element) -> Result<(), Halt> {
        let out = inflate(&self.bytes, element.data, Framing::Zlib, self.budget)?;
        let place = Span::between(element.at, element.end);
        let bytes = out.bytes.clone();
        let (order, budget) = (self.order, &mut *self.budget);
        let reading = &mut *self.reading;
        let mut inner = Walk { bytes, order, reading, budget, place: Some(place) };
        let result = inner.elements(0);
        let halt = out.end.fault.or_else(|| result.err());
        if let Some(halt) = halt {
            let halt = halt.moved_to(place.start);
            if halt.blame() != Blame::Malformed {
                return Err(halt);
            }
            self.reading.deviation(Quirk::Truncated, place, Route::None, halt.what());
            self.reading.gap(place, Why::Halted(halt.blame()), halt.what());
        }
        let used = Span::new(element.data.start, out.end.consumed);
        if used.end() < element.data.end() {
            let rest = Span::between(used.end(), element.data.end());
            let what = "bytes behind the stream of a compressed variable";
            self.reading.deviation(Quirk::BytesBetween, rest, Route::None, what);
            let name = format!("@{:#x}", rest.start);
            self.reading.child(name, self.bytes.slice(rest), Role::Leftover);
        }
        Ok(())
    }

    /// A variable, and whatever is nested in it.
    fn matrix(&mut self, top: Element) -> Result<(), Halt> {
        let mut pending = vec![(top, 0_usize)];
        while let Some((matrix, depth)) = pending.pop() {
            let mut parts = Vec::new();
            let mut at = matrix.data.start;
            while at < matrix.data.end() {
                let part = self.element(at, matrix.data.end())?;
                at = part.end;
                if part.kind != MATRIX {
                    parts.push(part);
                } else if part.data.len > 0 && depth < DEEPEST {
                    pending.push((part, depth.saturating_add(1)));
                } else if part.data.len > 0 {
                    return Err(Halt::malformed(part.at, "matrices nested too deep"));
                }
                if parts.len() > 64 {
                    return Err(Halt::malformed(at, "a matrix of more parts than there are"));
                }
            }
            self.describe(matrix, &parts, depth)?;
        }
        Ok(())
    }

    /// What a matrix says of itself: flags, sides, name; then what it holds.
    fn describe(&mut self, matrix: Element, parts: &[Element], depth: usize) -> Result<(), Halt> {
        let Some(flags) = parts.first().filter(|part| part.kind == UINT32) else { return Ok(()) };
        let flags = self.bytes.copy(flags.data, 4)?;
        let word = flags.as_slice().try_into().map_or(0, |bytes| self.order.word(bytes));
        let class = usize::try_from(word & 0xff).ok().and_then(|class| class.checked_sub(1));
        let Some(kind) = class.and_then(|class| CLASSES.get(class)) else {
            let what = format!("a matrix of class {}", word & 0xff);
            return Err(Halt::malformed(matrix.at, what));
        };
        let sides = self.sides(parts.get(1))?;
        let opaque = *kind == "opaque";
        let name = parts.get(if opaque { 1 } else { 2 });
        let name = self.text(name.filter(|name| matches!(name.kind, INT8 | UINT8 | UTF8)))?;
        let data = parts.get(3);
        if depth == 0 || opaque {
            let span = self.span(Span::between(matrix.at, matrix.end));
            let shown = if name.is_empty() { "(no name)" } else { &name };
            variable(self.reading, shown, kind, &sides, span);
        }
        if matches!(*kind, "object" | "opaque") {
            let class = self.text(parts.get(3))?;
            self.class(&name, class, matrix);
        }
        self.data(kind, &sides, data, &name)
    }

    /// The class of an object, which MATLAB looks up and builds.
    fn class(&mut self, owner: &str, class: String, matrix: Element) {
        let span = self.span(Span::between(matrix.at, matrix.end));
        let site = Site { span, route: Route::Object(owner.to_owned()) };
        let (owner, name) = (owner.to_owned(), "class".to_owned());
        let value = Value::Text(Excerpt::whole(class));
        self.reading.fact(Fact::Attribute { owner, name, value, site });
    }

    fn sides(&self, part: Option<&Element>) -> Result<Vec<i64>, Halt> {
        let Some(part) = part.filter(|part| matches!(part.kind, INT32 | UINT32)) else {
            return Ok(vec![]);
        };
        let span = Span::new(part.data.start, part.data.len.min(SIDES.saturating_mul(4)));
        let bytes = self.bytes.copy(span, 256)?;
        let side = |bytes: &[u8; 4]| i64::from(self.order.word(*bytes).cast_signed());
        Ok(bytes.as_chunks::<4>().0.iter().map(side).collect())
    }

    fn text(&self, part: Option<&Element>) -> Result<String, Halt> {
        let Some(part) = part else { return Ok(String::new()) };
        let bytes = self.bytes.copy(part.data, NAME)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Numbers have to be as many as the sides say; bytes may hold something.
    fn data(
        &mut self,
        kind: &str,
        sides: &[i64],
        data: Option<&Element>,
        name: &str,
    ) -> Result<(), Halt> {
        let Some(data) = data else { return Ok(()) };
        let numeric = kind.starts_with(['f', 'i', 'u']) && kind != "function";
        let Some(width) = width(data.kind).filter(|_| numeric) else { return Ok(()) };
        let side = |count: u64, side: &i64| count.checked_mul(u64::try_from(*side).ok()?);
        let claimed = sides.iter().try_fold(1, side);
        let there = data.data.len.checked_div(width).unwrap_or(0);
        if claimed != Some(there) {
            let what = format!("{there} numbers, where the sides are {sides:?}");
            let span = self.span(Span::between(data.at, data.end));
            let route = Route::Object(name.to_owned());
            self.reading.deviation(Quirk::SizeMismatch, span, route, &what);
        }
        if width == 1 && data.data.len >= ARTIFACT {
            let label = if name.is_empty() { format!("@{:#x}", data.at) } else { name.to_owned() };
            self.reading.child(label, self.bytes.slice(data.data), Role::Storage);
        }
        Ok(())
    }
}

/// Bytes of a number of this type.
fn width(kind: u32) -> Option<u64> {
    const WIDTHS: [u64; 18] = [1, 1, 2, 2, 4, 4, 4, 0, 8, 0, 0, 8, 8, 0, 0, 1, 2, 4];
    let index = usize::try_from(kind.checked_sub(1)?).ok()?;
    let known = kind <= UTF32 && to_u64(index) < to_u64(WIDTHS.len());
    WIDTHS.get(index).copied().filter(|width| known && *width > 0)
}
