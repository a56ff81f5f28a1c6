//! One tensor's entry in the header: type, shape, and where its bytes stand.

use super::dtype;
use crate::json::{Kind, Node};
use davy_artifact::{Quirk, Reading, Route};
use davy_bytes::Span;

/// What an entry says.
const FIELDS: [&str; 3] = ["dtype", "shape", "data_offsets"];

/// Dimensions that are looked at; tensors in use have fewer than ten.
const DIMENSIONS: usize = 1024;

/// What an entry says, as far as it can be understood.
#[derive(Clone, Debug, Default)]
pub(super) struct Entry {
    pub(super) dtype: String,
    pub(super) shape: Vec<u64>,
    /// Start and end of its bytes, from the end of the header.
    pub(super) offsets: Option<(u64, u64)>,
    /// Elements by its shape; nothing where they overflow.
    pub(super) elements: Option<u64>,
    /// Whether type, shape and offsets are there and fit each other.
    pub(super) fits: bool,
}

/// Reads the entry of the tensor `name`, and records what is wrong with it.
pub(super) fn read(name: &str, node: Node<'_>, reading: &mut Reading) -> Entry {
    let mut reader = Reader { name, span: node.span(), reading, fits: true };
    let [dtype, shape, offsets] = reader.fields(node);
    let mut entry = Entry {
        dtype: reader.dtype(dtype),
        shape: reader.numbers(shape, "shape"),
        ..Entry::default()
    };
    entry.offsets = reader.offsets(offsets);
    entry.elements = reader.elements(&entry.shape);
    reader.check(&entry);
    entry.fits = reader.fits;
    entry
}

struct Reader<'a> {
    name: &'a str,
    span: Span,
    reading: &'a mut Reading,
    fits: bool,
}

impl Reader<'_> {
    fn wrong(&mut self, quirk: Quirk, what: &str) {
        self.fits = false;
        self.reading.deviation(quirk, self.span, Route::Tensor(self.name.to_owned()), what);
    }

    /// The three values, by name or, as the library also takes them, by position.
    fn fields<'n>(&mut self, node: Node<'n>) -> [Option<Node<'n>>; 3] {
        if node.is_array() {
            let what = "its entry is a list: the library takes it, other loaders do not";
            self.wrong(Quirk::LoadersDisagree, what);
            let mut items = node.items();
            return FIELDS.map(|_| items.next());
        }
        if !node.is_object() {
            self.wrong(Quirk::WrongType, "its entry is no object");
            return [None; 3];
        }
        for (key, _) in node.entries() {
            let key = key.text().unwrap_or_default();
            if !FIELDS.contains(&key.as_ref()) {
                let what = format!("its entry says `{key}`, which no writer does");
                self.wrong(Quirk::Handmade, &what);
                break;
            }
        }
        FIELDS.map(|field| node.get(field))
    }

    fn dtype(&mut self, node: Option<Node<'_>>) -> String {
        let told = node.and_then(Node::text).or_else(|| {
            // An enumeration may be spelled as a map of one name to nothing (serde).
            let (key, value) = node?.entries().next()?;
            let what = "its type is a map: the library takes it, other loaders do not";
            self.wrong(Quirk::LoadersDisagree, what);
            key.text().filter(|_| value.is_null())
        });
        let Some(told) = told else {
            self.wrong(Quirk::WrongType, "its type is not told");
            return String::new();
        };
        if dtype::bits(&told).is_none() {
            self.wrong(Quirk::WrongType, &format!("its type is `{told}`, which is none"));
        }
        told.chars().take(64).collect()
    }

    fn numbers(&mut self, node: Option<Node<'_>>, what: &str) -> Vec<u64> {
        let Some(list) = node.filter(|node| node.is_array()) else {
            self.wrong(Quirk::WrongType, &format!("its {what} is no list"));
            return Vec::new();
        };
        let mut numbers = Vec::new();
        for item in list.items() {
            match number(item) {
                Some(number) if numbers.len() < DIMENSIONS => numbers.push(number),
                Some(_) => {
                    self.wrong(Quirk::HugeIndex, "its shape has more than a thousand dimensions");
                    break;
                }
                None => {
                    let told = String::from_utf8_lossy(item.raw()).chars().take(64).collect();
                    let told: String = told;
                    let negative = item.kind() == Kind::Number && told.starts_with('-');
                    let quirk = if negative { Quirk::OutOfRange } else { Quirk::WrongType };
                    self.wrong(quirk, &format!("its {what} has `{told}`"));
                    break;
                }
            }
        }
        numbers
    }

    fn offsets(&mut self, node: Option<Node<'_>>) -> Option<(u64, u64)> {
        let numbers = self.numbers(node, "list of offsets");
        let [start, end] = *numbers.as_slice() else {
            self.wrong(Quirk::WrongType, &format!("it has {} offsets", numbers.len()));
            return None;
        };
        if end < start {
            let what = format!("its bytes end at {end}, before they start at {start}");
            self.wrong(Quirk::OutOfRange, &what);
            return None;
        }
        Some((start, end))
    }

    fn elements(&mut self, shape: &[u64]) -> Option<u64> {
        if shape.iter().any(|dim| i64::try_from(*dim).is_err()) {
            let what =
                format!("a dimension of {shape:?} is negative to loaders that count in 63 bits");
            self.wrong(Quirk::OutOfRange, &what);
        }
        let elements = shape.iter().try_fold(1_u64, |product, dim| product.checked_mul(*dim));
        if elements.is_none() {
            let what = format!("the dimensions {shape:?} overflow when they are multiplied");
            self.wrong(Quirk::OutOfRange, &what);
        }
        elements
    }

    /// Whether the bytes are as many as type and shape take.
    fn check(&mut self, entry: &Entry) {
        let (Some(elements), Some(bits)) = (entry.elements, dtype::bits(&entry.dtype)) else {
            return;
        };
        let Some(size) = elements.checked_mul(bits) else {
            let what = format!("the size of {}{:?} overflows", entry.dtype, entry.shape);
            return self.wrong(Quirk::OutOfRange, &what);
        };
        if size % 8 != 0 {
            let what = format!("{}{:?} ends within a byte", entry.dtype, entry.shape);
            self.wrong(Quirk::SizeMismatch, &what);
        }
        let Some((start, end)) = entry.offsets else { return };
        let there = end.saturating_sub(start);
        if size.div_ceil(8) != there {
            let what = format!(
                "{there} bytes, where {}{:?} takes {}",
                entry.dtype,
                entry.shape,
                size.div_ceil(8)
            );
            self.wrong(Quirk::SizeMismatch, &what);
        }
    }
}

/// A whole number of 64 bits without sign, spelled as the library takes it.
fn number(node: Node<'_>) -> Option<u64> {
    node.digits()?.parse().ok()
}
