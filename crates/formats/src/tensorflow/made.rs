//! Values that operators make of others, bounded in size.

use davy_artifact::{Call, Excerpt, Manner, Name, Value};
use davy_bytes::{to_u64, to_usize};

/// Longest text that is put together: no path is longer.
const TEXT: usize = 4096;
/// Values in a value.
const PARTS: usize = 4096;
/// Values of which a tensor may be one.
const ALTERNATIVES: usize = 64;
/// Values in each other.
const NESTING: u32 = 32;

/// Stands for what was not followed to its end.
pub(super) const LOST: Value = Value::Unknown("too far to be followed");

/// Stands for a tensor within itself.
pub(super) const LOOP: Value = Value::Unknown("what a loop hands on");

/// A text.
pub(super) fn text(text: impl Into<Vec<u8>>) -> Value {
    Value::Text(Excerpt::whole(text))
}

/// The path of a file that comes with the model.
pub(super) fn asset(file: &str) -> Value {
    built("asset", vec![text(file)])
}

/// What an operator makes of values.
pub(super) fn built(op: &str, args: Vec<Value>) -> Value {
    let callee = Value::Name(Name::new(op, ""));
    Value::Call(Box::new(Call { callee, args, kwargs: vec![], manner: Manner::Called }))
}

/// What an operator makes of one text, where that is known.
pub(super) fn mapped(op: &str, map: fn(&[u8]) -> Option<Vec<u8>>, values: Vec<Value>) -> Value {
    let known = match values.as_slice() {
        [one] => single(one).and_then(|text| map(&text.head)),
        _ => None,
    };
    known.map_or_else(|| built(op, values), text)
}

/// Texts joined to one where all are known.
pub(super) fn joined(op: &str, separator: &Value, values: Vec<Value>) -> Value {
    let parts: Option<Vec<&Excerpt>> = values.iter().map(single).collect();
    if let (Some(parts), Value::Text(separator)) = (parts, separator)
        && !parts.is_empty()
    {
        return Value::Text(concatenation(&parts, separator));
    }
    if op == "StringJoin" || values.iter().any(has_text) {
        return built(op, values);
    }
    Value::Unknown("computed")
}

/// Texts behind one another, of which the start is kept.
fn concatenation(parts: &[&Excerpt], separator: &Excerpt) -> Excerpt {
    let mut whole = Excerpt::default();
    for (index, part) in parts.iter().enumerate() {
        for piece in [separator, *part].into_iter().skip(usize::from(index == 0)) {
            // Behind the first gap nothing can be put.
            if to_u64(whole.head.len()) == whole.len {
                let room = TEXT.saturating_sub(whole.head.len());
                whole.head.extend(piece.head.iter().take(room));
            }
            whole.len = whole.len.saturating_add(piece.len);
        }
    }
    whole
}

/// A text, or a list of one text.
fn single(value: &Value) -> Option<&Excerpt> {
    match value {
        Value::Text(text) => Some(text),
        Value::List(items) => match items.as_slice() {
            [Value::Text(only)] => Some(only),
            _ => None,
        },
        _ => None,
    }
}

fn has_text(value: &Value) -> bool {
    let mut found = false;
    value.walk(&mut |part| found |= matches!(part, Value::Text(_)));
    found
}

/// Values in one list; lists among them are laid out in it.
pub(super) fn packed(values: Vec<Value>) -> Value {
    let mut items = Vec::new();
    for value in values {
        match value {
            Value::List(inner) => items.extend(inner),
            other => items.push(other),
        }
    }
    Value::List(items)
}

/// One of several values: it alone where all are equal. What a loop hands on is one of the others.
pub(super) fn one_of(values: Vec<Value>) -> Value {
    let mut distinct: Vec<Value> = Vec::new();
    let several = values.len() > 1;
    for value in values {
        let is_new = match &value {
            it if *it == LOOP => !several,
            Value::Set(_) => true,
            other => !distinct.contains(other),
        };
        match value {
            Value::Set(items) if is_new => {
                let fresh: Vec<Value> =
                    items.into_iter().filter(|item| !distinct.contains(item)).collect();
                distinct.extend(fresh);
            }
            value if is_new => distinct.push(value),
            _ => {}
        }
        if distinct.len() > ALTERNATIVES {
            distinct.truncate(ALTERNATIVES);
            distinct.push(LOST);
            break;
        }
    }
    match distinct.len() {
        0 => Value::Unknown("computed"),
        1 => distinct.pop().unwrap_or(Value::None),
        _ => Value::Set(distinct),
    }
}

/// What a value takes up: one for each part, and one for every 64 bytes of text.
pub(super) fn weight(value: &Value) -> usize {
    let mut weight = 0_usize;
    value.walk(&mut |part| {
        let text = match part {
            Value::Text(text) | Value::Bytes(text) => to_usize(to_u64(text.head.len()) >> 6),
            _ => 0,
        };
        weight = weight.saturating_add(text).saturating_add(1);
    });
    weight
}

/// The value, and whether it is whole: one that is too large, or nested too deep to be shown, is
/// given up.
pub(super) fn bounded(value: Value) -> (Value, bool) {
    if weight(&value) > PARTS || nesting(&value) > NESTING {
        return (LOST, false);
    }
    let is_whole = !matches!(&value, Value::Set(items) if items.last() == Some(&LOST));
    (value, is_whole)
}

/// Values in each other, counted up to one more than are allowed.
fn nesting(value: &Value) -> u32 {
    let mut deepest = 0;
    let mut waiting = vec![(value, 1_u32)];
    while let Some((value, depth)) = waiting.pop() {
        deepest = deepest.max(depth);
        if depth > NESTING {
            break;
        }
        let inner = depth.saturating_add(1);
        match value {
            Value::List(items) | Value::Set(items) | Value::Tuple(items) => {
                waiting.extend(items.iter().map(|item| (item, inner)));
            }
            Value::Call(call) => waiting.extend(call.args.iter().map(|item| (item, inner))),
            _ => {}
        }
    }
    deepest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_are_one() {
        let a = || text("a");
        assert_eq!(one_of(vec![a(), a()]), a());
        assert_eq!(one_of(vec![a(), LOOP]), a());
        assert_eq!(one_of(vec![LOOP]), LOOP);
        assert_eq!(one_of(vec![a(), Value::None]).to_string(), "{'a', None}");
        assert_eq!(
            one_of(vec![Value::Set(vec![a(), Value::None]), a()]).to_string(),
            "{'a', None}"
        );
        assert_eq!(packed(vec![a(), Value::List(vec![a()])]).to_string(), "['a', 'a']");
    }

    #[test]
    fn long_texts_keep_their_start_and_their_length() {
        let long = text("x".repeat(3000));
        let Value::Text(whole) = joined("StringJoin", &text("/"), vec![long.clone(), long]) else {
            unreachable!("two texts make a text");
        };
        assert_eq!((whole.head.len(), whole.len), (TEXT, 6001));
    }

    #[test]
    fn what_is_too_large_or_too_deep_is_given_up() {
        let deep = (0..40).fold(text("/etc"), |inner, _| built("Substr", vec![inner]));
        assert_eq!(bounded(deep), (LOST, false));
        assert_eq!(bounded(Value::List(vec![text("a"); PARTS])), (LOST, false));
        assert!(bounded(built("Substr", vec![text("/etc")])).1);
        let many = one_of((0..100).map(Value::Int).collect());
        assert!(!bounded(many).1);
    }
}
