//! Computes what operators, filters and methods make of constants: how templates hide names.

use super::value::{FOLDED, ITEMS, Kind, Val};

/// Combines every alternative of `left` with every one of `right`.
pub(super) fn each(left: &Val, right: &Val, combine: impl Fn(&Val, &Val) -> Val) -> Val {
    let subject = left.subject.or(right.subject);
    let pairs = left
        .alternatives()
        .iter()
        .flat_map(|left| right.alternatives().iter().map(move |right| (left, right)));
    Val::any(pairs.map(|(left, right)| combine(left, right)).collect()).about(subject)
}

/// `left operator right`, for operators on numbers, texts and lists.
pub(super) fn binary(operator: &str, left: &Val, right: &Val) -> Val {
    each(left, right, |left, right| one(operator, left, right).unwrap_or_else(Val::unknown))
}

fn one(operator: &str, left: &Val, right: &Val) -> Option<Val> {
    match (operator, &left.kind, &right.kind) {
        ("~", ..) => Some(Val::text(left.printed()? + &right.printed()?)),
        ("+", Kind::Text(left), Kind::Text(right)) => Some(Val::text(format!("{left}{right}"))),
        ("+", Kind::List(left), Kind::List(right)) => Some(Val::list([&left[..], right].concat())),
        ("*", Kind::Text(text), Kind::Int(count)) | ("*", Kind::Int(count), Kind::Text(text)) => {
            let count = usize::try_from(*count).unwrap_or(0);
            let fits = text.len().checked_mul(count).is_some_and(|length| length <= FOLDED);
            fits.then(|| Val::text(text.repeat(count)))
        }
        ("%", Kind::Text(form), _) => {
            let items = match &right.kind {
                Kind::List(items) => items.clone(),
                _ => vec![right.clone()],
            };
            format_percent(form, &items)
        }
        (_, Kind::Int(left), Kind::Int(right)) => {
            let result = match operator {
                "+" => left.checked_add(*right),
                "-" => left.checked_sub(*right),
                "*" => left.checked_mul(*right),
                "//" => left.checked_div_euclid(*right),
                "%" => left.checked_rem_euclid(*right),
                "**" => u32::try_from(*right).ok().and_then(|power| left.checked_pow(power)),
                _ => None,
            };
            result.map(|number| Kind::Int(number).into())
        }
        _ => None,
    }
}

/// `form % items`, for the conversions that hide names: `%s`, `%c`, `%d`, `%x`.
pub(super) fn format_percent(form: &str, items: &[Val]) -> Option<Val> {
    let (mut out, mut items) = (String::new(), items.iter());
    let mut letters = form.chars();
    while let Some(c) = letters.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        match letters.next()? {
            '%' => out.push('%'),
            's' => out.push_str(&items.next()?.printed()?),
            'd' | 'i' => out.push_str(&items.next()?.as_int()?.to_string()),
            'x' => out.push_str(&format!("{:x}", items.next()?.as_int()?)),
            'c' => out.push(character(items.next()?)?),
            _ => return None,
        }
        if out.len() > FOLDED {
            return None;
        }
    }
    Some(Val::text(out))
}

fn character(value: &Val) -> Option<char> {
    match &value.kind {
        Kind::Int(code) => u32::try_from(*code).ok().and_then(char::from_u32),
        Kind::Text(text) => text.chars().next(),
        _ => None,
    }
}

/// `'…'.format(…)`, for `{}`, `{0}` and `{0:c}`.
pub(super) fn format_braces(form: &str, items: &[Val]) -> Option<Val> {
    let (mut out, mut rest, mut next) = (String::new(), form, 0_usize);
    while let Some((before, behind)) = rest.split_once('{') {
        out.push_str(before);
        if let Some(behind) = behind.strip_prefix('{') {
            out.push('{');
            rest = behind;
            continue;
        }
        let (field, behind) = behind.split_once('}')?;
        let (index, kind) = field.split_once(':').unwrap_or((field, ""));
        let index = if index.is_empty() { next } else { index.parse().ok()? };
        next = index.saturating_add(1);
        let item = items.get(index)?;
        match kind {
            "" | "s" => out.push_str(&item.printed()?),
            "c" => out.push(character(item)?),
            _ => return None,
        }
        rest = behind;
        if out.len() > FOLDED {
            return None;
        }
    }
    out.push_str(rest);
    Some(Val::text(out))
}

/// `base[index]` of constants.
pub(super) fn item(base: &Val, index: &Val) -> Option<Val> {
    match (&base.kind, &index.kind) {
        (Kind::Dict(items), Kind::Text(key)) => {
            items.iter().rev().find(|(name, _)| name == key).map(|(_, value)| value.clone())
        }
        (_, Kind::Int(at)) => {
            let elements = base.elements()?;
            let at = if *at < 0 {
                elements.len().checked_sub(usize::try_from(at.unsigned_abs()).ok()?)?
            } else {
                usize::try_from(*at).ok()?
            };
            elements.into_iter().nth(at)
        }
        _ => None,
    }
}

/// `base[from:to:step]` of a constant; the usual ways to reverse and to cut.
pub(super) fn slice(base: &Val, bounds: &[Option<i64>; 3]) -> Option<Val> {
    let elements = base.elements()?;
    let length = i64::try_from(elements.len()).ok()?;
    let [from, to, step] = *bounds;
    let step = step.unwrap_or(1);
    let clamp = |at: i64| if at < 0 { at.saturating_add(length).max(0) } else { at.min(length) };
    let chosen: Vec<Val> = if step > 0 {
        let (from, to) = (clamp(from.unwrap_or(0)), clamp(to.unwrap_or(length)));
        let count = usize::try_from(to.saturating_sub(from)).unwrap_or(0);
        let skip = usize::try_from(from).ok()?;
        let step = usize::try_from(step).ok()?;
        elements.into_iter().skip(skip).take(count).step_by(step).collect()
    } else if from.is_none() && to.is_none() {
        let step = usize::try_from(step.unsigned_abs()).ok().filter(|step| *step > 0)?;
        elements.into_iter().rev().step_by(step).collect()
    } else {
        return None;
    };
    match base.kind {
        Kind::Text(_) => {
            let text: Option<Vec<&str>> = chosen.iter().map(Val::as_text).collect();
            Some(Val::text(text?.concat()))
        }
        _ => Some(Val::list(chosen)),
    }
}

/// What a filter, or the method of the same name, makes of a constant.
pub(super) fn filter(name: &str, base: &Val, args: &[Val]) -> Option<Val> {
    let text = base.as_text();
    let map = |change: fn(&str) -> String| text.map(|text| Val::text(change(text)));
    let first = args.first();
    match name {
        "lower" | "casefold" => map(str::to_lowercase),
        "upper" => map(str::to_uppercase),
        "title" => map(title),
        "capitalize" => map(|text| {
            let mut letters = text.chars();
            let head: String =
                letters.next().map(|c| c.to_uppercase().collect()).unwrap_or_default();
            head + &letters.as_str().to_lowercase()
        }),
        "trim" | "strip" if args.is_empty() => map(|text| text.trim().to_owned()),
        "safe" | "escape" | "e" | "forceescape" | "indent" | "default" | "d" => Some(base.clone()),
        "string" => base.printed().map(Val::text),
        "int" => text.and_then(|text| text.trim().parse().ok()).map(|n| Kind::Int(n).into()),
        "reverse" => slice(base, &[None, None, Some(-1)]),
        "list" => base.elements().map(Val::list),
        "first" => base.elements()?.into_iter().next(),
        "last" | "pop" if args.is_empty() => base.elements()?.into_iter().last(),
        "pop" => item(base, first?),
        "join" => join(base, first),
        "format" => format_percent(text?, args),
        "replace" => {
            let (from, to) = (first?.as_text()?, args.get(1)?.as_text()?);
            let grows = text?.matches(from).count().checked_mul(to.len())?;
            (grows <= FOLDED).then(|| Val::text(text.unwrap_or_default().replace(from, to)))
        }
        "split" => {
            let parts = text?.split(first?.as_text().filter(|text| !text.is_empty())?);
            Some(Val::list(parts.take(ITEMS).map(Val::text).collect()))
        }
        _ => None,
    }
}

fn title(text: &str) -> String {
    let mut start = true;
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if start {
            out.extend(c.to_uppercase());
        } else {
            out.extend(c.to_lowercase());
        }
        start = !c.is_alphanumeric();
    }
    out
}

fn join(base: &Val, between: Option<&Val>) -> Option<Val> {
    let between = between.map_or(Some(""), Val::as_text)?;
    let parts: Option<Vec<String>> = base.elements()?.iter().map(Val::printed).collect();
    Some(Val::text(parts?.join(between)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folded(value: Option<Val>) -> Option<String> {
        value.and_then(|value| value.as_text().map(str::to_owned))
    }

    #[test]
    fn constants_are_computed_as_jinja_does() {
        let text = |text: &str| Val::text(text);
        let numbers = [Kind::Int(95).into(), text("_")];
        assert_eq!(folded(format_percent("%c%s", &numbers)).as_deref(), Some("__"));
        assert_eq!(folded(format_braces("{0:c}{1}{{", &numbers)).as_deref(), Some("__{"));
        let parts = Val::list(vec![text("__glo"), text("bals__")]);
        assert_eq!(folded(filter("join", &parts, &[])).as_deref(), Some("__globals__"));
        assert_eq!(folded(filter("reverse", &text("ssalc"), &[])).as_deref(), Some("class"));
        assert_eq!(folded(slice(&text("xyz"), &[Some(-2), None, None])).as_deref(), Some("yz"));
        assert_eq!(folded(item(&parts, &Kind::Int(-1).into())).as_deref(), Some("bals__"));
        assert_eq!(binary("*", &text("ab"), &Kind::Int(1 << 40).into()).kind, Kind::Unknown);
    }
}
