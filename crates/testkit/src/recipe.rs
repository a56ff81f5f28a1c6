//! Recipes: text that says how to build the bytes of a test file, so that people can review it.
//!
//! A recipe is a sequence of tokens between white space: hexadecimal digits in pairs (`80 04 95`),
//! text in double quotes (`"cos\nsystem\n"`, with `\n`, `\r`, `\t`, `\0`, `\xNN`, `\\` and `\"`),
//! and either behind `COUNT*` for that many times the same. `#` starts a comment.

/// The largest file that a recipe may build, so that a mistyped count does not fill the memory.
const LARGEST: usize = 64 << 20;

/// The bytes that `recipe` describes.
///
/// # Errors
/// A sentence that names the line that is no recipe.
pub fn build(recipe: &str) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    for (number, line) in (1_u32..).zip(recipe.lines()) {
        build_line(line, &mut bytes).map_err(|why| format!("line {number}: {why}"))?;
    }
    Ok(bytes)
}

fn build_line(line: &str, bytes: &mut Vec<u8>) -> Result<(), String> {
    let mut rest = line.trim_start();
    while !rest.is_empty() && !rest.starts_with('#') {
        let (count, behind) = counted(rest)?;
        let (token, behind) = match behind.strip_prefix('"') {
            Some(quoted) => text(quoted)?,
            None => token(behind)?,
        };
        let room = LARGEST.saturating_sub(bytes.len());
        match token.len().checked_mul(count) {
            Some(size) if size <= room => bytes.extend(token.repeat(count)),
            _ => return Err(format!("more than {LARGEST} bytes")),
        }
        rest = behind.trim_start();
    }
    Ok(())
}

/// The count before a `*`, or one.
fn counted(rest: &str) -> Result<(usize, &str), String> {
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    match rest.split_at(digits) {
        (count, behind) if digits > 0 && behind.starts_with('*') => {
            let count = count.parse().map_err(|error| format!("count `{count}`: {error}"))?;
            Ok((count, behind.trim_start_matches('*')))
        }
        _ => Ok((1, rest)),
    }
}

/// Pairs of hexadecimal digits up to white space or a comment.
fn token(rest: &str) -> Result<(Vec<u8>, &str), String> {
    let end = rest.find(|c: char| c.is_whitespace() || c == '#').unwrap_or(rest.len());
    let (token, behind) = rest.split_at(end);
    match digits(token)? {
        bytes if bytes.is_empty() => Err("a count without anything to repeat".to_owned()),
        bytes => Ok((bytes, behind)),
    }
}

/// The bytes that pairs of hexadecimal digits spell.
///
/// # Errors
/// A sentence that shows what is something else.
pub fn digits(token: &str) -> Result<Vec<u8>, String> {
    let nibble = |c: char| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let nibbles: Option<Vec<u8>> = token.chars().map(nibble).collect();
    match nibbles {
        Some(nibbles) if nibbles.len().is_multiple_of(2) => {
            Ok(nibbles.chunks(2).map(|pair| pair.iter().fold(0, |n, d| n << 4 | d)).collect())
        }
        _ => Err(format!("`{token}` is no pairs of hexadecimal digits")),
    }
}

/// Text up to the closing quote, with its escapes resolved.
fn text(quoted: &str) -> Result<(Vec<u8>, &str), String> {
    let mut bytes = Vec::new();
    let mut rest = quoted.chars();
    loop {
        match rest.next().ok_or("the closing quote is missing")? {
            '"' => return Ok((bytes, rest.as_str())),
            '\\' => bytes.push(escaped(&mut rest)?),
            c => bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
}

fn escaped(rest: &mut std::str::Chars<'_>) -> Result<u8, String> {
    match rest.next() {
        Some('n') => Ok(b'\n'),
        Some('r') => Ok(b'\r'),
        Some('t') => Ok(b'\t'),
        Some('0') => Ok(0),
        Some('\\') => Ok(b'\\'),
        Some('"') => Ok(b'"'),
        Some('x') => {
            let pair: String = rest.by_ref().take(2).collect();
            u8::from_str_radix(&pair, 16).map_err(|_| format!("`\\x{pair}` is no escape"))
        }
        other => Err(format!("`\\{}` is no escape", other.map(String::from).unwrap_or_default())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_kinds_of_tokens_build() {
        let recipe = "# header\n80 04 95ff \"a#\\n\\x00\\\"é\" # why\n 3*\"ab\" 2*00";
        assert_eq!(build(recipe).unwrap(), b"\x80\x04\x95\xffa#\n\0\"\xc3\xa9ababab\0\0");
    }

    #[test]
    fn mistakes_name_their_line() {
        assert_eq!(build("00\n8").unwrap_err(), "line 2: `8` is no pairs of hexadecimal digits");
        assert_eq!(build("\"a").unwrap_err(), "line 1: the closing quote is missing");
        assert_eq!(build("\"\\q\"").unwrap_err(), "line 1: `\\q` is no escape");
        assert!(build("3* ").unwrap_err().contains("without anything"));
        assert!(build("99999999999*00").unwrap_err().contains("more than"));
    }
}
