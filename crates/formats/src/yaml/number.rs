//! Numbers of YAML 1.1 in the digits of JSON.

/// The digits of a whole number, as PyYAML's `construct_yaml_int` computes it; `None` where it has
/// more of them than is worth it.
pub(super) fn whole(text: &str) -> Option<String> {
    let text = text.replace('_', "");
    let (minus, body) = match text.strip_prefix('-') {
        Some(body) => (true, body),
        None => (false, text.strip_prefix('+').unwrap_or(&text)),
    };
    let value = if let Some(digits) = body.strip_prefix("0b") {
        i128::from_str_radix(digits, 2)
    } else if let Some(digits) = body.strip_prefix("0x") {
        i128::from_str_radix(digits, 16)
    } else if body.contains(':') {
        return sixties(body).map(|value| signed(minus, &value.to_string()));
    } else if body.len() > 1 && body.starts_with('0') {
        i128::from_str_radix(body, 8)
    } else {
        let plain = !body.is_empty() && body.bytes().all(|byte| byte.is_ascii_digit());
        return plain.then(|| signed(minus, body));
    };
    value.ok().map(|value| signed(minus, &value.to_string()))
}

/// The digits of a number with a fraction, as PyYAML's `construct_yaml_float` computes it.
pub(super) fn fraction(text: &str) -> Option<String> {
    let text = text.replace('_', "").to_lowercase();
    let (minus, body) = match text.strip_prefix('-') {
        Some(body) => (true, body),
        None => (false, text.strip_prefix('+').unwrap_or(&text)),
    };
    match body {
        ".inf" => return Some(signed(minus, "Infinity")),
        ".nan" => return Some("NaN".to_owned()),
        _ if body.contains(':') => return None,
        _ => {}
    }
    let value: f64 = body.parse().ok()?;
    Some(signed(minus, &format!("{value:?}")))
}

fn sixties(body: &str) -> Option<i128> {
    body.split(':')
        .try_fold(0_i128, |sum, part| sum.checked_mul(60)?.checked_add(part.parse().ok()?))
}

fn signed(minus: bool, digits: &str) -> String {
    if minus { format!("-{digits}") } else { digits.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_what_python_makes_of_them() {
        for (text, digits) in [
            ("1_000", "1000"),
            ("+12", "12"),
            ("-0x1F", "-31"),
            ("0b1_01", "5"),
            ("017", "15"),
            ("190:20:30", "685230"),
            ("0", "0"),
        ] {
            assert_eq!(whole(text).as_deref(), Some(digits), "{text}");
        }
        for (text, digits) in
            [("6.8523015e+5", "685230.15"), (".5", "0.5"), ("1.", "1.0"), ("-.inf", "-Infinity")]
        {
            assert_eq!(fraction(text).as_deref(), Some(digits), "{text}");
        }
    }
}
