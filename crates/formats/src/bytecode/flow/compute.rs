//! Arithmetic, slices and calls on constants: what a constant folder can do without running code.

use super::slot::is_words;
use crate::python::fold::Fold;
use crate::python::known::Known;
use std::rc::Rc;

/// `left op right`, with `op` as Python spells it.
pub(super) fn binary(fold: &mut Fold, op: &str, left: &Known, right: &Known) -> Known {
    match (op, left, right) {
        ("+", _, _) => fold.plus(left.clone(), right),
        ("%", Known::Text(_), _) => fold.percent(left, right),
        ("*", Known::Text(_) | Known::Bytes(_), times) => repeated(fold, left, times),
        ("*", times, Known::Text(_) | Known::Bytes(_)) => repeated(fold, right, times),
        _ => match (left.int(), right.int()) {
            (Some(left), Some(right)) => whole(op, left, right).map_or(Known::Unknown, Known::Int),
            _ => Known::Unknown,
        },
    }
}

fn whole(op: &str, left: i64, right: i64) -> Option<i64> {
    match op {
        "-" => left.checked_sub(right),
        "*" => left.checked_mul(right),
        "//" => {
            let (quotient, rest) = (left.checked_div(right)?, left.checked_rem(right)?);
            let below = rest != 0 && (rest < 0) != (right < 0);
            if below { quotient.checked_sub(1) } else { Some(quotient) }
        }
        "%" => left.checked_rem(right)?.checked_add(right)?.checked_rem(right),
        "**" => left.checked_pow(u32::try_from(right).ok()?),
        "^" => Some(left ^ right),
        "|" => Some(left | right),
        "&" => Some(left & right),
        "<<" => {
            let factor = 1_i64.checked_shl(u32::try_from(right).ok()?)?;
            left.checked_mul(factor)
        }
        ">>" => left.checked_shr(u32::try_from(right).ok()?),
        _ => None,
    }
}

fn repeated(fold: &mut Fold, constant: &Known, times: &Known) -> Known {
    let (Some(bytes), Some(times)) = (constant.bytes(), times.int()) else { return Known::Unknown };
    let times = usize::try_from(times).unwrap_or(0);
    if !fold.spend(bytes.len().saturating_mul(times)) {
        return Known::Unknown;
    }
    like(constant, bytes.repeat(times))
}

fn like(constant: &Known, bytes: Vec<u8>) -> Known {
    match constant {
        Known::Text(_) => Known::Text(Rc::new(bytes)),
        _ => Known::Bytes(Rc::new(bytes)),
    }
}

/// `value[start:stop:step]`.
pub(super) fn slice(fold: &mut Fold, value: &Known, bounds: &[Known; 3]) -> Known {
    let [start, stop, step] = bounds;
    let step = match step {
        Known::None => 1,
        step => match step.int() {
            Some(step) if step != 0 => step,
            _ => return Known::Unknown,
        },
    };
    match value {
        Known::Items(items, _) if !items.iter().any(is_words) => {
            let picked = picks(items.len(), start, stop, step);
            if !fold.spend(items.len().saturating_mul(16)) {
                return Known::Unknown;
            }
            let pick = |at: usize| items.get(at).cloned();
            picked.map_or(Known::Unknown, |picked| {
                Known::items(picked.into_iter().filter_map(pick).collect())
            })
        }
        Known::Bytes(bytes) | Known::Text(bytes) => {
            if !fold.spend(bytes.len().saturating_mul(2)) {
                return Known::Unknown;
            }
            let part = match std::str::from_utf8(bytes) {
                Ok(text) if matches!(value, Known::Text(_)) && !text.is_ascii() => {
                    let chars: Vec<char> = text.chars().collect();
                    let picked = picks(chars.len(), start, stop, step);
                    let text = |picked: Vec<usize>| -> String {
                        picked.into_iter().filter_map(|at| chars.get(at)).collect()
                    };
                    picked.map(|picked| text(picked).into_bytes())
                }
                _ => picks(bytes.len(), start, stop, step).map(|picked| {
                    picked.into_iter().filter_map(|at| bytes.get(at)).copied().collect()
                }),
            };
            part.map_or(Known::Unknown, |part| like(value, part))
        }
        _ => Known::Unknown,
    }
}

/// The indices that a slice of something of `len` items takes.
fn picks(len: usize, start: &Known, stop: &Known, step: i64) -> Option<Vec<usize>> {
    let len = i64::try_from(len).ok()?;
    let back = step < 0;
    let (low, high) = if back { (-1, len.checked_sub(1)?) } else { (0, len) };
    let bound = |value: &Known, otherwise: i64| match value {
        Known::None => Some(otherwise),
        value => {
            let at = value.int()?;
            let at = if at < 0 { at.checked_add(len)? } else { at };
            Some(at.clamp(low, high))
        }
    };
    let mut at = bound(start, if back { high } else { low })?;
    let end = bound(stop, if back { low } else { high })?;
    let mut picked = Vec::new();
    while if back { at > end } else { at < end } {
        picked.push(usize::try_from(at).ok()?);
        at = at.checked_add(step)?;
    }
    Some(picked)
}

/// `-value`, `~value` and the like.
pub(super) fn unary(op: &str, value: &Known) -> Known {
    match (op, value) {
        ("-", Known::Int(int)) => int.checked_neg().map_or(Known::Unknown, Known::Int),
        ("-", Known::Float(float)) => Known::Float(-float),
        ("+", Known::Int(_) | Known::Float(_)) => value.clone(),
        ("~", Known::Int(int)) => Known::Int(!int),
        ("not", Known::Bool(set)) => Known::Bool(!set),
        _ => Known::Unknown,
    }
}

/// What a function of pure data returns; `path` is module and name.
pub(super) fn call(fold: &mut Fold, path: &str, args: &[Known]) -> Known {
    match (path, args) {
        ("builtins.reversed", [Known::Text(_) | Known::Bytes(_) | Known::Items(..)]) => {
            let none = || Known::None;
            let back =
                slice(fold, args.first().unwrap_or(&none()), &[none(), none(), Known::Int(-1)]);
            if matches!(back, Known::Items(..)) { back } else { characters(fold, &back) }
        }
        ("builtins.map", [Known::Global(function), items]) => {
            let items = characters(fold, items);
            let Known::Items(items, _) = items else { return Known::Unknown };
            let path = function.dotted();
            let results: Vec<Known> =
                items.iter().map(|item| fold.call(&path, std::slice::from_ref(item))).collect();
            let whole = !results.contains(&Known::Unknown);
            if whole { Known::items(results) } else { Known::Unknown }
        }
        ("builtins.unichr", [_]) => fold.call("builtins.chr", args),
        ("builtins.str", [Known::Int(number)]) => {
            Known::Text(Rc::new(number.to_string().into_bytes()))
        }
        ("builtins.str", [bytes @ Known::Bytes(_), codec, ..]) => {
            fold.method(bytes, "decode", std::slice::from_ref(codec))
        }
        ("builtins.int", [Known::Int(_)]) => args.first().cloned().unwrap_or(Known::Unknown),
        ("builtins.ord", [Known::Text(text)]) => {
            let mut chars = std::str::from_utf8(text).unwrap_or_default().chars();
            match (chars.next(), chars.next()) {
                (Some(only), None) => Known::Int(i64::from(u32::from(only))),
                _ => Known::Unknown,
            }
        }
        _ => fold.call(path, args),
    }
}

/// Text as its characters, bytes as their numbers; items as they are.
fn characters(fold: &mut Fold, value: &Known) -> Known {
    match value {
        Known::Items(..) => value.clone(),
        Known::Bytes(bytes) if fold.spend(bytes.len().saturating_mul(16)) => {
            Known::items(bytes.iter().map(|byte| Known::Int(i64::from(*byte))).collect())
        }
        Known::Text(text) if fold.spend(text.len().saturating_mul(64)) => {
            let text = String::from_utf8_lossy(text);
            let one = |c: char| Known::Text(Rc::new(c.to_string().into_bytes()));
            Known::items(text.chars().map(one).collect())
        }
        _ => Known::Unknown,
    }
}

/// A method of a constant.
pub(super) fn method(fold: &mut Fold, base: &Known, name: &str, args: &[Known]) -> Known {
    match (name, base, args) {
        ("join", Known::Text(_), [text @ Known::Text(_)]) => {
            let items = characters(fold, text);
            fold.method(base, name, &[items])
        }
        ("__getitem__", _, [key]) => fold.index(base, key),
        ("__add__", _, [other]) => fold.plus(base.clone(), other),
        ("hex", Known::Bytes(bytes), []) if fold.spend(bytes.len().saturating_mul(2)) => {
            let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            Known::Text(Rc::new(hex.into_bytes()))
        }
        _ => fold.method(base, name, args),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: &str) -> Known {
        Known::Text(Rc::new(value.as_bytes().to_vec()))
    }

    #[test]
    fn slices_are_those_of_python() {
        let mut fold = Fold::new();
        let mut cut = |start: Known, stop: Known, step: Known| {
            slice(&mut fold, &text("metsys"), &[start, stop, step])
        };
        let none = || Known::None;
        assert_eq!(cut(none(), none(), Known::Int(-1)), text("system"));
        assert_eq!(cut(Known::Int(-3), none(), none()), text("sys"));
        assert_eq!(cut(Known::Int(4), Known::Int(0), Known::Int(-2)), text("yt"));
        assert_eq!(cut(Known::Int(9), none(), none()), text(""));
        assert_eq!(cut(none(), none(), Known::Int(0)), Known::Unknown);
    }

    #[test]
    fn whole_numbers_divide_as_in_python() {
        let results: Vec<_> = [(7, 2), (-7, 2), (7, -2), (-7, -2)]
            .map(|(a, b)| (whole("//", a, b), whole("%", a, b)))
            .into();
        let expected = [(3, 1), (-4, 1), (-4, -1), (3, -1)].map(|(q, r)| (Some(q), Some(r)));
        assert_eq!(results, expected);
        assert_eq!(whole("//", 1, 0), None);
        assert_eq!(whole("**", 2, 200), None);
    }
}
