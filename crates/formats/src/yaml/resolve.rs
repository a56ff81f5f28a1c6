//! What plain scalars mean: the types of YAML 1.1 as PyYAML's resolver tells them apart by their text.

/// The tag that YAML 1.1 gives a plain scalar of this text (<https://yaml.org/type/>, with the regular
/// expressions of PyYAML).
pub(super) fn tag(text: &str) -> &'static str {
    // Their `$` matches before a last line break, which a block scalar with the tag `!` has.
    let text = text.strip_suffix('\n').filter(|body| !body.is_empty()).unwrap_or(text);
    match text {
        "" | "~" | "null" | "Null" | "NULL" => "tag:yaml.org,2002:null",
        "=" => "tag:yaml.org,2002:value",
        "<<" => "tag:yaml.org,2002:merge",
        _ if boolean(text).is_some() => "tag:yaml.org,2002:bool",
        _ if is_int(text) => "tag:yaml.org,2002:int",
        _ if is_float(text) => "tag:yaml.org,2002:float",
        _ if is_timestamp(text) => "tag:yaml.org,2002:timestamp",
        _ => "tag:yaml.org,2002:str",
    }
}

/// `true`, `yes`, `on` and their opposites, in three spellings each.
pub(super) fn boolean(text: &str) -> Option<bool> {
    let lower = text.to_ascii_lowercase();
    let cased = text == lower || text == text.to_ascii_uppercase() || {
        let mut chars = text.chars();
        chars.next().is_some_and(|c| c.is_ascii_uppercase())
            && chars.as_str().chars().all(|c| c.is_ascii_lowercase())
    };
    match lower.as_str() {
        "true" | "yes" | "on" if cased => Some(true),
        "false" | "no" | "off" if cased => Some(false),
        _ => None,
    }
}

fn unsigned(text: &str) -> &str {
    text.strip_prefix(['-', '+']).unwrap_or(text)
}

/// Whether `text` is not empty and only has what `allowed` takes.
fn all(text: &str, allowed: impl Fn(u8) -> bool) -> bool {
    !text.is_empty() && text.bytes().all(allowed)
}

fn is_int(text: &str) -> bool {
    let text = unsigned(text);
    if let Some(digits) = text.strip_prefix("0b") {
        return all(digits, |byte| matches!(byte, b'0' | b'1' | b'_'));
    }
    if let Some(digits) = text.strip_prefix("0x") {
        return all(digits, |byte| byte.is_ascii_hexdigit() || byte == b'_');
    }
    let digits = |byte: u8| byte.is_ascii_digit() || byte == b'_';
    match text.as_bytes() {
        [b'0'] => true,
        [b'0', rest @ ..] => rest.iter().all(|byte| matches!(byte, b'0'..=b'7' | b'_')),
        [b'1'..=b'9', rest @ ..] => {
            rest.iter().all(|byte| digits(*byte)) || is_sixties(text, false)
        }
        _ => false,
    }
}

/// Numbers to the base of 60: `1:30:59`, with a fraction or without.
fn is_sixties(text: &str, fraction: bool) -> bool {
    let (whole, rest) = match text.split_once('.') {
        Some((whole, rest)) if fraction => (whole, Some(rest)),
        _ => (text, None),
    };
    let digits = |byte: u8| byte.is_ascii_digit() || byte == b'_';
    if fraction != rest.is_some() || !rest.unwrap_or_default().bytes().all(digits) {
        return false;
    }
    let mut parts = whole.split(':');
    let first = parts.next().unwrap_or_default();
    let head = first.starts_with(|c: char| c.is_ascii_digit() && (fraction || c != '0'));
    let mut rest = parts.peekable();
    let sixty = |part: &str| matches!(part.as_bytes(), [b'0'..=b'9'] | [b'0'..=b'5', b'0'..=b'9']);
    head && all(first, digits) && rest.peek().is_some() && rest.all(sixty)
}

fn is_float(text: &str) -> bool {
    if matches!(text, ".nan" | ".NaN" | ".NAN") {
        return true;
    }
    let body = unsigned(text);
    if matches!(body, ".inf" | ".Inf" | ".INF") || is_sixties(body, true) {
        return true;
    }
    let digits = |byte: u8| byte.is_ascii_digit() || byte == b'_';
    let (number, exponent) = match body.split_once(['e', 'E']) {
        Some((number, exponent)) => (number, Some(exponent)),
        None => (body, None),
    };
    let power = |exponent: &str| {
        exponent.strip_prefix(['-', '+']).is_some_and(|it| all(it, |byte| byte.is_ascii_digit()))
    };
    let Some((whole, fraction)) = number.split_once('.') else { return false };
    let started = whole.starts_with(|c: char| c.is_ascii_digit()) && all(whole, digits);
    let bare =
        whole.is_empty() && text == body && fraction.starts_with(|c: char| c.is_ascii_digit());
    let fits = started && fraction.bytes().all(digits) || bare && all(fraction, digits);
    fits && exponent.is_none_or(power)
}

/// `2001-12-14`, or a date and a time.
fn is_timestamp(text: &str) -> bool {
    let parsed = digits(text, 4, 4)
        .and_then(|(_, rest)| digits(rest.strip_prefix('-')?, 1, 2))
        .and_then(|(month, rest)| Some((month, digits(rest.strip_prefix('-')?, 1, 2)?)));
    let Some((month, (day, behind))) = parsed else { return false };
    if behind.is_empty() {
        return month.len() == 2 && day.len() == 2;
    }
    let time = behind.strip_prefix(['T', 't']).or_else(|| {
        let time = behind.trim_start_matches([' ', '\t']);
        (time.len() < behind.len()).then_some(time)
    });
    time.is_some_and(is_time)
}

/// `hours:minutes:seconds`, a fraction and a zone.
fn is_time(text: &str) -> bool {
    let parsed = digits(text, 1, 2)
        .and_then(|(_, rest)| digits(rest.strip_prefix(':')?, 2, 2))
        .and_then(|(_, rest)| digits(rest.strip_prefix(':')?, 2, 2));
    let Some((_, rest)) = parsed else { return false };
    let rest = match rest.strip_prefix('.') {
        Some(fraction) => fraction.trim_start_matches(|c: char| c.is_ascii_digit()),
        None => rest,
    };
    if rest.is_empty() {
        return true;
    }
    let zone = rest.trim_start_matches([' ', '\t']);
    if zone == "Z" {
        return true;
    }
    let Some(zone) = zone.strip_prefix(['-', '+']) else { return false };
    let Some((_, rest)) = digits(zone, 1, 2) else { return false };
    rest.is_empty()
        || rest.strip_prefix(':').and_then(|it| digits(it, 2, 2)).is_some_and(|it| it.1.is_empty())
}

/// The digits that `text` starts with, at least and at most so many, and what is behind them.
fn digits(text: &str, least: usize, most: usize) -> Option<(&str, &str)> {
    let count = text.bytes().take(most).take_while(u8::is_ascii_digit).count();
    let parts = (text.get(..count)?, text.get(count..)?);
    (count >= least).then_some(parts)
}
