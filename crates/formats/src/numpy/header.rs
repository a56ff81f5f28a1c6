//! The header of an array: where it stands, and what its literal says.

use super::dtype::{self, Dtype};
use super::literal::{self, Literal, Tree};
use davy_artifact::Quirk;
use davy_bytes::{Bytes, Cursor, Halt, Span, escape, to_u64, to_usize};

/// Longest header that NumPy reads unless it may load pickles (`_MAX_HEADER_SIZE`, since 1.23.4).
const USUAL: usize = 10_000;

/// Characters of a type that are shown.
const SHOWN: usize = 200;

/// What NumPy asks for, and no other key.
const KEYS: [&str; 3] = ["descr", "fortran_order", "shape"];

/// Where the text of a header stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Text {
    /// The two numbers of the version.
    pub(super) version: [u8; 2],
    /// The text, with its padding.
    pub(super) span: Span,
}

/// What a header says.
#[derive(Clone, Debug)]
pub(super) struct Header {
    pub(super) version: String,
    pub(super) dtype: Dtype,
    /// The type as the file spells it, on one line.
    pub(super) descr: String,
    pub(super) fortran: bool,
    /// The sides, where 128 bits hold them.
    pub(super) shape: Vec<Option<i128>>,
    /// The shape as the file spells it.
    pub(super) shown: String,
}

/// Something in a header that not every reader takes.
#[derive(Debug)]
pub(super) struct Oddity {
    pub(super) quirk: Quirk,
    /// Offset and length in the text.
    pub(super) at: usize,
    pub(super) len: u64,
    pub(super) what: String,
}

impl Header {
    /// Number of elements, as far as 63 bits hold it and no side is negative.
    pub(super) fn count(&self) -> Option<u64> {
        let sides: Option<Vec<u64>> =
            self.shape.iter().map(|side| u64::try_from((*side)?).ok()).collect();
        let sides = sides?;
        if sides.contains(&0) {
            return Some(0);
        }
        let count = sides.iter().try_fold(1_u64, |count, side| count.checked_mul(*side))?;
        i64::try_from(count).ok().map(|_| count)
    }
}

/// Finds the text of the header of the array that starts at `start`.
///
/// # Errors
/// [`Halt::malformed`] where the version is none, or the text is cut.
pub(super) fn locate(bytes: &Bytes, start: u64) -> Result<Text, Halt> {
    let mut cursor = Cursor::starting_at(bytes.clone(), start);
    cursor.take(super::MAGIC.len(), "magic")?;
    let version = cursor.array("version")?;
    let len = match version {
        [1, 0] => u64::from(cursor.u16_le("header length")?),
        [2 | 3, 0] => u64::from(cursor.u32_le("header length")?),
        [major, minor] => {
            let what = format!("format {major}.{minor}, which NumPy does not know");
            return Err(Halt::malformed(start.saturating_add(6), what));
        }
    };
    let at = cursor.position();
    let left = bytes.len().saturating_sub(at);
    if len > left {
        let what = format!("a header of {len} bytes, of which {left} are there");
        return Err(Halt::malformed(at, what));
    }
    Ok(Text { version, span: Span::new(at, len) })
}

/// Reads the text of a header as NumPy does.
///
/// # Errors
/// [`Halt::malformed`] where NumPy refuses it.
pub(super) fn parse(text: &Text, content: &[u8]) -> Result<(Header, Vec<Oddity>), Halt> {
    let at = |offset: usize| text.span.start.saturating_add(to_u64(offset));
    let fault = |offset: usize, what: &str| Halt::malformed(at(offset), what.to_owned());
    let latin: String;
    let content = match text.version {
        [3, _] => match std::str::from_utf8(content) {
            Ok(content) => content,
            Err(error) => return Err(fault(error.valid_up_to(), "a header that is not UTF-8")),
        },
        _ => {
            latin = content.iter().map(|byte| char::from(*byte)).collect();
            latin.as_str()
        }
    };
    // `literal_eval` passes over blanks at the start, and Python's compiler refuses them.
    let body = content.trim_start_matches([' ', '\t']);
    let skipped = content.len().saturating_sub(body.len());
    let old = text.version != [3, 0];
    let tree = match literal::parse(body.as_bytes(), false) {
        // Python 2 wrote `3L`; NumPy filters that out of formats 1.0 and 2.0.
        Err(_) if old => literal::parse(body.as_bytes(), true),
        other => other,
    };
    // In Latin-1 each byte is a character, which may take two bytes of the text that is parsed.
    let origin = |offset: usize| {
        let offset = skipped.saturating_add(offset);
        if matches!(text.version, [3, _]) {
            return offset.min(content.len());
        }
        content.char_indices().take_while(|(index, _)| *index < offset).count()
    };
    let tree = tree.map_err(|it| fault(origin(it.at), it.what))?;
    let mut oddities = Vec::new();
    let header = read(text, body, &tree, &mut oddities)
        .map_err(|(offset, what)| fault(origin(offset), &what))?;
    look_around(content, body, &tree, &mut oddities);
    for oddity in &mut oddities {
        let end = origin(oddity.at.saturating_add(to_usize(oddity.len)));
        oddity.at = origin(oddity.at);
        oddity.len = to_u64(end.saturating_sub(oddity.at));
    }
    Ok((header, oddities))
}

/// A fault: its place in the text, and what it is.
type Refused = (usize, String);

fn read(
    text: &Text,
    body: &str,
    tree: &Tree,
    oddities: &mut Vec<Oddity>,
) -> Result<Header, Refused> {
    let Literal::Dict(pairs) = tree.root() else {
        return Err((0, "it is no dictionary".to_owned()));
    };
    let mut found: [Option<usize>; 3] = [None; 3];
    for (key, value) in pairs {
        let at = tree.spans.get(*key).map_or(0, |span| span.0);
        let slot = match tree.get(*key) {
            Literal::Text(name) => KEYS.iter().zip(&mut found).find(|(key, _)| **key == name),
            _ => None,
        };
        let Some((name, slot)) = slot else { return Err((at, "a key that NumPy refuses".into())) };
        if slot.replace(*value).is_some() {
            let what = format!(
                "`{name}` twice: Python takes the last, readers that search the \
                                text take the first"
            );
            oddities.push(Oddity { quirk: Quirk::LoadersDisagree, at, len: 1, what });
        }
    }
    let [Some(descr), Some(fortran), Some(shape)] = found else {
        return Err((0, "a key is missing".to_owned()));
    };
    let place = |at: usize| tree.spans.get(at).copied().unwrap_or_default();
    let Literal::Bool(fortran) = tree.get(fortran) else {
        return Err((place(fortran).0, "`fortran_order` is neither True nor False".to_owned()));
    };
    let Some(sides) = sides(tree, shape) else {
        return Err((place(shape).0, "`shape` is no tuple of whole numbers".to_owned()));
    };
    let spelled = |at: usize| {
        let (start, end) = place(at);
        let text = body.get(start..end).unwrap_or_default();
        let line: Vec<&str> = text.split_whitespace().collect();
        line.join(" ").chars().take(SHOWN).collect::<String>()
    };
    let Some(dtype) = dtype::of(tree, descr) else {
        let what = format!("`descr` names no type that is known: {}", escape(&spelled(descr)));
        return Err((place(descr).0, what));
    };
    let named = match tree.get(descr) {
        Literal::Text(name) => name.chars().take(SHOWN).collect(),
        _ => spelled(descr),
    };
    let refused = |at: usize, what: &str| {
        let at = place(at).0;
        Oddity { quirk: Quirk::WrongType, at, len: 1, what: what.to_owned() }
    };
    if !dtype.objects && has_truth(tree, shape) {
        oddities.push(refused(shape, "a truth value in the shape: NumPy refuses the array"));
    }
    if !dtype.objects && dtype.parts != 1 && !sides.contains(&Some(0)) {
        let what = "elements that are arrays themselves: NumPy refuses the array";
        oddities.push(refused(descr, what));
    }
    let [major, minor] = text.version;
    Ok(Header {
        version: format!("{major}.{minor}"),
        dtype,
        descr: named,
        fortran: *fortran,
        shape: sides,
        shown: spelled(shape),
    })
}

/// The sides of a shape; Python takes truth values for numbers.
fn sides(tree: &Tree, shape: usize) -> Option<Vec<Option<i128>>> {
    let Literal::Tuple(sides) = tree.get(shape) else { return None };
    let side = |at: &usize| match tree.get(*at) {
        Literal::Int(number) => Some(*number),
        Literal::Bool(truth) => Some(Some(i128::from(*truth))),
        _ => None,
    };
    sides.iter().map(side).collect()
}

/// Whether a side of a shape is a truth value.
fn has_truth(tree: &Tree, shape: usize) -> bool {
    let Literal::Tuple(sides) = tree.get(shape) else { return false };
    sides.iter().any(|side| matches!(tree.get(*side), Literal::Bool(_)))
}

/// What stands around the literal, and its length.
fn look_around(content: &str, body: &str, tree: &Tree, oddities: &mut Vec<Oddity>) {
    if let Some(at) = tree.comment {
        let what = "a comment in the header, which no writer puts there".to_owned();
        let len = to_u64(body.len().saturating_sub(at));
        oddities.push(Oddity { quirk: Quirk::Handmade, at, len, what });
    }
    if content.chars().count() > USUAL {
        let what = "a header of more than 10,000 characters, which NumPy reads only where it may \
                    load pickles"
            .to_owned();
        let len = to_u64(content.len());
        oddities.push(Oddity { quirk: Quirk::LoadersDisagree, at: 0, len, what });
    }
}
