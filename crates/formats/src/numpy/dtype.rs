//! The types of elements, as `numpy.lib.format.descr_to_dtype` and `numpy.dtype` take them: how many
//! bytes an element has, and whether it is a Python object.

use super::literal::{Literal, Tree, natural};

/// What matters of an element's type.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Dtype {
    /// Size of an element in bytes, on a 64-bit Unix.
    pub(crate) item: u64,
    /// Whether there is a Python object in it, however deep.
    pub(crate) objects: bool,
    /// How many elements of another type an element is made of: arrays of arrays, which NumPy makes
    /// dimensions of.
    pub(crate) parts: u64,
    /// Whether it takes its size from a number behind it: `S`, `U` and `V` alone.
    flexible: bool,
}

/// The largest size that NumPy gives a type: a C `int`.
const LARGEST: u64 = 0x7fff_ffff;

const fn sized(item: u64) -> Dtype {
    Dtype { item, objects: false, parts: 1, flexible: false }
}

const OBJECT: Dtype = Dtype { item: 8, objects: true, parts: 1, flexible: false };

/// Names of types besides those of one letter (NumPy, `numerictypes.sctypeDict`, 1.x and 2.x).
const NAMES: &[(&str, u64)] = &[
    ("bool", 1),
    ("bool8", 1),
    ("bool_", 1),
    ("byte", 1),
    ("bytes", 0),
    ("bytes0", 0),
    ("bytes_", 0),
    ("cdouble", 16),
    ("cfloat", 16),
    ("clongdouble", 32),
    ("clongfloat", 32),
    ("complex", 16),
    ("complex128", 16),
    ("complex256", 32),
    ("complex64", 8),
    ("complex_", 16),
    ("csingle", 8),
    ("datetime64", 8),
    ("double", 8),
    ("float", 8),
    ("float128", 16),
    ("float16", 2),
    ("float32", 4),
    ("float64", 8),
    ("float_", 8),
    ("half", 2),
    ("int", 8),
    ("int0", 8),
    ("int16", 2),
    ("int32", 4),
    ("int64", 8),
    ("int8", 1),
    ("int_", 8),
    ("intc", 4),
    ("intp", 8),
    ("long", 8),
    ("longcomplex", 32),
    ("longdouble", 16),
    ("longfloat", 16),
    ("longlong", 8),
    ("short", 2),
    ("single", 4),
    ("singlecomplex", 8),
    ("str", 0),
    ("str0", 0),
    ("str_", 0),
    ("string_", 0),
    ("timedelta64", 8),
    ("ubyte", 1),
    ("uint", 8),
    ("uint0", 8),
    ("uint16", 2),
    ("uint32", 4),
    ("uint64", 8),
    ("uint8", 1),
    ("uintc", 4),
    ("uintp", 8),
    ("ulong", 8),
    ("ulonglong", 8),
    ("unicode", 0),
    ("unicode_", 0),
    ("ushort", 2),
    ("void", 0),
    ("void0", 0),
];

/// Units of time (NumPy, `datetime.c`, `_datetime_strings`).
const UNITS: &[&str] =
    &["Y", "M", "W", "D", "h", "m", "s", "ms", "us", "\u{3bc}s", "ns", "ps", "fs", "as", "generic"];

/// The type that `text` names, as `numpy.dtype(text)` takes it.
pub(crate) fn named(text: &str) -> Option<Dtype> {
    let plain = text.strip_prefix(['<', '>', '=', '|']).unwrap_or(text);
    if has_commas(text) {
        return listed(text);
    }
    if let Some(dtype) = time(plain) {
        return dtype;
    }
    let mut letters = plain.chars();
    let kind = letters.next()?;
    let digits = letters.as_str();
    if digits.is_empty() {
        return letter(kind);
    }
    if digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return counted(kind, digits.parse().ok()?);
    }
    if matches!(plain, "object" | "object_" | "object0") {
        return Some(OBJECT);
    }
    let name = NAMES.iter().find(|(name, _)| *name == plain);
    name.map(|(_, item)| Dtype { flexible: *item == 0, ..sized(*item) })
}

fn letter(kind: char) -> Option<Dtype> {
    Some(match kind {
        '?' | 'b' | 'B' | 'c' => sized(1),
        'e' | 'h' | 'H' => sized(2),
        'f' | 'i' | 'I' => sized(4),
        'd' | 'l' | 'L' | 'q' | 'Q' | 'p' | 'P' | 'n' | 'N' | 'm' | 'M' | 'F' => sized(8),
        'g' | 'D' | 'T' => sized(16),
        'G' => sized(32),
        'S' | 'a' | 'U' | 'V' => Dtype { flexible: true, ..sized(0) },
        'O' => OBJECT,
        _ => return None,
    })
}

/// A letter with a size behind it (NumPy, `PyArray_TypestrConvert`).
fn counted(kind: char, size: u64) -> Option<Dtype> {
    let fits = match kind {
        'b' => size == 1,
        'i' | 'u' => matches!(size, 1 | 2 | 4 | 8),
        'f' => matches!(size, 2 | 4 | 8 | 12 | 16),
        'c' => matches!(size, 8 | 16 | 24 | 32),
        'm' | 'M' => size == 8,
        'O' if matches!(size, 4 | 8) => return Some(OBJECT),
        'S' | 'a' | 'V' => size <= LARGEST,
        'U' => return size.checked_mul(4).filter(|size| *size <= LARGEST).map(sized),
        _ => false,
    };
    fits.then_some(sized(size))
}

/// Times and spans of time, with or without a unit in brackets; the outer `None` is what is neither.
fn time(plain: &str) -> Option<Option<Dtype>> {
    let kinds = ["M8", "m8", "datetime64", "timedelta64"];
    let rest = kinds.iter().find_map(|kind| plain.strip_prefix(kind))?;
    if rest.is_empty() {
        return Some(Some(sized(8)));
    }
    if !rest.starts_with('[') {
        return None;
    }
    let unit = rest.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    Some(unit.filter(|unit| is_unit(unit)).map(|_| sized(8)))
}

/// `ns`, `25s`, `7D/2`.
fn is_unit(unit: &str) -> bool {
    let unit = unit.trim_start_matches(|c: char| c.is_ascii_digit());
    let (unit, divisor) = unit.split_once('/').unwrap_or((unit, "1"));
    UNITS.contains(&unit) && !divisor.is_empty() && divisor.bytes().all(|b| b.is_ascii_digit())
}

/// Whether NumPy takes a text for several types with commas between them.
fn has_commas(text: &str) -> bool {
    let start = text.strip_prefix(['<', '>', '=', '|']).unwrap_or(text);
    let mut depth = 0_i32;
    let is_outside = text.chars().any(|c| {
        match c {
            '[' => depth = depth.saturating_add(1),
            ']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        c == ',' && depth == 0
    });
    is_outside || start.starts_with(|c: char| c.is_ascii_digit() || c == '(')
}

/// `f8, 3i4, (2,3)u1` (NumPy, `_internal._commastring`): each type may have an order of bytes, how
/// often it is repeated, and an order again before its name.
fn listed(text: &str) -> Option<Dtype> {
    let mut whole = sized(0);
    let mut alone = None;
    let mut rest = text;
    while !rest.is_empty() {
        let (first, behind) = order(rest);
        let (repeats, behind) = repeats(behind);
        let (second, behind) = order(behind);
        let (name, behind) = name(behind);
        if first.zip(second).is_some_and(|(first, second)| first != second) {
            return None;
        }
        let mut dtype = named(name)?;
        if !repeats.is_empty() {
            dtype = repeated(dtype, &sides(repeats)?)?;
        }
        alone = (rest.len() == text.len()).then_some(dtype.parts);
        whole.item = whole.item.checked_add(dtype.item)?;
        whole.objects |= dtype.objects;
        rest = behind.trim_start();
        if !rest.is_empty() {
            rest = rest.strip_prefix(',')?.trim_start();
            alone = None;
        }
    }
    whole.parts = alone.unwrap_or(whole.parts);
    Some(whole).filter(|whole| whole.item <= LARGEST)
}

/// The order of bytes that `text` starts with, that of this machine by its name, and what is behind.
fn order(text: &str) -> (Option<char>, &str) {
    let order = text.chars().next().filter(|c| matches!(c, '<' | '>' | '=' | '|'));
    let behind = if order.is_some() { text.get(1..).unwrap_or_default() } else { text };
    (order.map(|order| if order == '=' { '<' } else { order }), behind)
}

/// Numbers with commas, in brackets or not, and what is behind them.
fn repeats(text: &str) -> (&str, &str) {
    let rest = text.trim_start_matches(' ');
    let rest = rest.strip_prefix('(').unwrap_or(rest);
    let rest = rest.trim_start_matches(|c: char| c.is_ascii_digit() || matches!(c, ' ' | ','));
    let rest = rest.strip_prefix(')').unwrap_or(rest).trim_start_matches(' ');
    text.split_at_checked(text.len().saturating_sub(rest.len())).unwrap_or((text, ""))
}

/// The name of a type with what stands in brackets behind it, and the rest.
fn name(text: &str) -> (&str, &str) {
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '?');
    let mut rest = text.trim_start_matches(is_name);
    let is_unit = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | ',');
    if let Some((unit, behind)) = rest.strip_prefix('[').and_then(|rest| rest.split_once(']'))
        && !unit.is_empty()
        && unit.chars().all(is_unit)
    {
        rest = behind;
    }
    text.split_at_checked(text.len().saturating_sub(rest.len())).unwrap_or((text, ""))
}

/// The whole number, or tuple of them, that `text` is to Python.
fn sides(text: &str) -> Option<Vec<u64>> {
    let text = text.trim();
    let inner = match text.strip_prefix('(') {
        Some(inner) => inner.strip_suffix(')')?.trim(),
        None => Some(text).filter(|text| !text.is_empty())?,
    };
    let inner = inner.strip_suffix(',').filter(|inner| !inner.is_empty()).unwrap_or(inner);
    let number = |side: &str| {
        let side = side.trim();
        let is_plain = !side.starts_with('0') || side.bytes().all(|byte| byte == b'0');
        side.parse().ok().filter(|_| is_plain)
    };
    if inner.is_empty() { Some(Vec::new()) } else { inner.split(',').map(number).collect() }
}

/// An array of `base` for each element; a size, where the type has none.
fn repeated(base: Dtype, sides: &[u64]) -> Option<Dtype> {
    if let ([size], true) = (sides, base.flexible) {
        return Some(sized(*size)).filter(|dtype| dtype.item <= LARGEST);
    }
    let times = |product: u64, side: &u64| product.checked_mul(*side);
    let item = sides.iter().try_fold(base.item, times)?;
    let parts = sides.iter().try_fold(base.parts, times)?;
    Some(Dtype { item, parts, flexible: false, ..base }).filter(|dtype| dtype.item <= LARGEST)
}

/// The type that each value of a literal stands for when it is taken for one, if it can be: parts
/// stand before wholes, so one pass is enough.
pub(crate) fn of(tree: &Tree, at: usize) -> Option<Dtype> {
    let mut types: Vec<Option<Dtype>> = Vec::new();
    for value in tree.values.iter().take(at.checked_add(1)?) {
        let known = |part: &usize| types.get(*part).copied().flatten();
        let dtype = match value {
            Literal::Text(text) => named(text),
            Literal::Tuple(parts) => match parts.as_slice() {
                [base, shape] => known(base).and_then(|base| shaped(tree, base, *shape, &types)),
                _ => None,
            },
            Literal::List(fields) | Literal::Set(fields) => record(tree, fields, &types),
            _ => None,
        };
        types.push(dtype);
    }
    types.pop().flatten()
}

/// `(base, shape)`: an array of `base` for each element. Instead of a shape there may be another
/// type, or a size of a type that has none.
fn shaped(tree: &Tree, base: Dtype, shape: usize, types: &[Option<Dtype>]) -> Option<Dtype> {
    let sides: Vec<u64> = match tree.get(shape) {
        Literal::Int(_) | Literal::Bool(_) => vec![natural(tree.get(shape))?],
        Literal::Tuple(sides) | Literal::List(sides) => {
            let sides: Option<Vec<u64>> =
                sides.iter().map(|side| natural(tree.get(*side))).collect();
            match sides {
                Some(sides) => sides,
                // Another type over the same bytes; its objects count.
                None => {
                    let other = types.get(shape).copied().flatten()?;
                    return Some(Dtype { objects: base.objects | other.objects, ..base });
                }
            }
        }
        // Metadata, or another type over the same bytes.
        Literal::Dict(_) => return Some(base),
        Literal::Text(_) => {
            let other = types.get(shape).copied().flatten()?;
            return Some(Dtype { objects: base.objects | other.objects, ..base });
        }
        _ => return None,
    };
    repeated(base, &sides)
}

/// A list of fields: `(name, type)` or `(name, type, shape)`; the name may be `(title, name)`.
fn record(tree: &Tree, fields: &[usize], types: &[Option<Dtype>]) -> Option<Dtype> {
    let mut whole = sized(0);
    let mut names = Vec::new();
    for field in fields {
        let (Literal::Tuple(parts) | Literal::List(parts)) = tree.get(*field) else { return None };
        let (name, dtype) = match parts.as_slice() {
            [name, dtype] => (name, types.get(*dtype).copied().flatten()?),
            [name, dtype, shape] => {
                let base = types.get(*dtype).copied().flatten()?;
                (name, shaped(tree, base, *shape, types)?)
            }
            _ => return None,
        };
        match tree.get(*name) {
            Literal::Text(name) => names.push(name.as_str()),
            Literal::Tuple(parts) if parts.len() == 2 => {
                let names_of = parts.iter().filter_map(|part| match tree.get(*part) {
                    Literal::Text(name) => Some(name.as_str()),
                    _ => None,
                });
                names.extend(names_of);
            }
            _ => return None,
        }
        whole.item = whole.item.checked_add(dtype.item)?;
        whole.objects |= dtype.objects;
    }
    names.retain(|name| !name.is_empty());
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    (names.len() == count && whole.item <= LARGEST).then_some(whole)
}

#[cfg(test)]
mod tests {
    use super::super::literal::parse;
    use super::*;

    fn item(text: &str) -> Option<u64> {
        let tree = parse(text.as_bytes(), false).unwrap();
        of(&tree, tree.values.len() - 1).map(|dtype| dtype.item)
    }

    fn has_objects(text: &str) -> bool {
        let tree = parse(text.as_bytes(), false).unwrap();
        of(&tree, tree.values.len() - 1).unwrap().objects
    }

    #[test]
    fn sizes_are_those_of_numpy() {
        for (text, size) in [
            ("'<f8'", 8),
            ("'|b1'", 1),
            ("'>U5'", 20),
            ("'V3'", 3),
            ("'S0'", 0),
            ("'float32'", 4),
            ("'<M8[25s]'", 8),
            ("'m8[7D/2]'", 8),
            ("'datetime64'", 8),
            ("'G'", 32),
            ("('<f4', (2, 3))", 24),
            ("('<f4', 2)", 8),
            ("[('a', '<i4'), ('b', 'u1', (3,))]", 7),
            ("[(('t', 'a'), '<i2'), ('', '|V2')]", 4),
            ("[('a', [('b', 'f8')])]", 8),
            ("'i4, (2,3)f8'", 52),
            ("'3u2'", 6),
            ("'2,3f8'", 48),
            ("'3S5,'", 15),
            ("'3S'", 3),
            ("'=3<f8'", 24),
            ("'3<3f8'", 72),
            ("'00f8'", 0),
            ("'()f8'", 8),
            ("'M8[2D] , f4'", 12),
            ("('<f8', {'a': 1})", 8),
        ] {
            assert_eq!(item(text), Some(size), "{text}");
        }
        let records = ["[('a', 'i4'), ('a', 'i4')]"];
        let lists = ["',V6'", "'f8,,f4'", "'<3>f8'", "'03f8'", "'(,)f8'", "'2 3f8'", "'f8 x'"];
        let names = ["'f3'", "'x'", "''", "'M8[q]'", "'U999999999'", "' f8'", "'3'"];
        for text in records.into_iter().chain(lists).chain(names) {
            assert_eq!(item(text), None, "{text}");
        }
    }

    #[test]
    fn objects_are_found_wherever_they_hide() {
        for text in
            ["'|O'", "'O8'", "'object'", "('O', 2)", "[('a', [('b', ('O', (1,)))])]", "'i4,O'"]
        {
            assert!(has_objects(text), "{text}");
        }
        assert!(!has_objects("[('O', 'f8')]"));
    }
}
