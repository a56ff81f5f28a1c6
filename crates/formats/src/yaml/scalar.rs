//! Scalars, tags, anchors and directives: the tokens with something in them (YAML 1.1, chapters 6, 7
//! and 9).

use super::chars::{Reader, is_blank, is_break, is_end};
use super::scanner::{Directive, Scanner, fault};
use davy_bytes::Halt;

/// A letter, digit, `-` or `_`.
fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_')
}

/// The name behind `&` or `*`.
pub(super) fn anchor(chars: &mut Reader<'_>) -> Result<String, Halt> {
    chars.forward(1);
    let name = chars.skip(is_word);
    if name.is_empty() {
        return Err(fault(chars.at, "an anchor without a name"));
    }
    let next = chars.peek();
    if !is_blank(next) && !"?:,]}%@`".contains(next) {
        return Err(fault(chars.at, "an anchor whose name does not end"));
    }
    Ok(name.to_owned())
}

/// A line that starts with `%`.
pub(super) fn directive(chars: &mut Reader<'_>) -> Result<Directive, Halt> {
    let ends = |c: char| c == ' ' || is_end(c);
    chars.forward(1);
    let name = chars.skip(is_word);
    if name.is_empty() || !ends(chars.peek()) {
        return Err(fault(chars.at, "a directive without a name"));
    }
    let directive = match name {
        "YAML" => {
            chars.skip(|c| c == ' ');
            let major = number(chars)?;
            if chars.peek() != '.' {
                return Err(fault(chars.at, "a version without a minor number"));
            }
            chars.forward(1);
            number(chars)?;
            Directive::Version(major.trim_start_matches('0') == "1")
        }
        "TAG" => {
            chars.skip(|c| c == ' ');
            let handle = tag_handle(chars)?;
            if chars.peek() != ' ' {
                return Err(fault(chars.at, "a tag handle that does not end"));
            }
            chars.skip(|c| c == ' ');
            Directive::Tag(handle, tag_uri(chars)?)
        }
        _ => {
            chars.skip(|c| !is_end(c));
            Directive::Other
        }
    };
    if !ends(chars.peek()) {
        return Err(fault(chars.at, "a directive that does not end"));
    }
    rest_of_line(chars)?;
    Ok(directive)
}

fn number<'t>(chars: &mut Reader<'t>) -> Result<&'t str, Halt> {
    let digits = chars.skip(|c| c.is_ascii_digit());
    if digits.is_empty() { Err(fault(chars.at, "a version without a number")) } else { Ok(digits) }
}

/// Spaces and a comment up to the end of the line.
fn rest_of_line(chars: &mut Reader<'_>) -> Result<(), Halt> {
    chars.skip(|c| c == ' ');
    if chars.peek() == '#' {
        chars.skip(|c| !is_end(c));
    }
    if !is_end(chars.peek()) {
        return Err(fault(chars.at, "something else where a line should end"));
    }
    chars.line_break();
    Ok(())
}

/// A tag: its handle, where it has one, and its suffix.
pub(super) fn tag(chars: &mut Reader<'_>) -> Result<(Option<String>, String), Halt> {
    let next = chars.second();
    let tag = if next == '<' {
        chars.forward(2);
        let suffix = tag_uri(chars)?;
        if chars.peek() != '>' {
            return Err(fault(chars.at, "a tag without its `>`"));
        }
        chars.forward(1);
        (None, suffix)
    } else if is_blank(next) {
        chars.forward(1);
        (None, "!".to_owned())
    } else {
        let word = chars.rest().char_indices().skip(1);
        let mut word = word.take_while(|(_, c)| *c != ' ' && !is_end(*c));
        let handle = if word.any(|(_, c)| c == '!') {
            tag_handle(chars)?
        } else {
            chars.forward(1);
            "!".to_owned()
        };
        (Some(handle), tag_uri(chars)?)
    };
    let next = chars.peek();
    if next != ' ' && !is_end(next) {
        return Err(fault(chars.at, "a tag that does not end"));
    }
    Ok(tag)
}

/// `!`, `!!` or `!name!`.
fn tag_handle(chars: &mut Reader<'_>) -> Result<String, Halt> {
    if chars.peek() != '!' {
        return Err(fault(chars.at, "a tag handle without `!`"));
    }
    chars.forward(1);
    if chars.peek() == ' ' {
        return Ok("!".to_owned());
    }
    let name = chars.skip(is_word);
    if chars.peek() != '!' {
        return Err(fault(chars.at, "a tag handle without its second `!`"));
    }
    chars.forward(1);
    Ok(format!("!{name}!"))
}

/// The rest of a tag, with `%xx` followed.
fn tag_uri(chars: &mut Reader<'_>) -> Result<String, Halt> {
    let mut uri = String::new();
    loop {
        uri.push_str(
            chars.skip(|c| c.is_ascii_alphanumeric() || "-;/?:@&=+$,_.!~*'()[]".contains(c)),
        );
        if chars.peek() != '%' {
            break;
        }
        let start = chars.at;
        let mut bytes = Vec::new();
        while chars.peek() == '%' {
            chars.forward(1);
            let digits = chars.rest().get(..2).unwrap_or_default();
            let digits = Some(digits).filter(|it| it.bytes().all(|byte| byte.is_ascii_hexdigit()));
            let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
            bytes.push(byte.ok_or_else(|| fault(chars.at, "an escape in a tag that is none"))?);
            chars.forward(2);
        }
        let text = String::from_utf8(bytes);
        uri.push_str(&text.map_err(|_| fault(start, "escapes in a tag that are no UTF-8"))?);
    }
    if uri.is_empty() { Err(fault(chars.at, "a tag without a name")) } else { Ok(uri) }
}

/// What ends a block scalar's last line break.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Chomping {
    Clip,
    Keep,
    Strip,
}

/// A scalar behind `|` or `>`, which stands in a block that is indented by `outer`.
pub(super) fn block(chars: &mut Reader<'_>, outer: i64, folded: bool) -> Result<String, Halt> {
    chars.forward(1);
    let (chomping, increment) = indicators(chars)?;
    rest_of_line(chars)?;
    let least = outer.saturating_add(1).max(1);
    let mut text = String::new();
    let (mut breaks, indent) = match increment {
        Some(more) => {
            let indent = least.saturating_add(more).saturating_sub(1);
            (block_breaks(chars, indent), indent)
        }
        None => {
            let (breaks, deepest) = block_indentation(chars);
            (breaks, deepest.max(least))
        }
    };
    let mut last = None;
    while chars.column == indent && chars.peek() != '\0' {
        text.push_str(&breaks);
        let flush = !matches!(chars.peek(), ' ' | '\t');
        text.push_str(chars.skip(|c| !is_end(c)));
        last = chars.line_break();
        breaks = block_breaks(chars, indent);
        if chars.column != indent || chars.peek() == '\0' {
            break;
        }
        let folds = folded && last == Some('\n') && flush && !matches!(chars.peek(), ' ' | '\t');
        if !folds {
            text.extend(last);
        } else if breaks.is_empty() {
            text.push(' ');
        }
    }
    if chomping != Chomping::Strip {
        text.extend(last);
    }
    if chomping == Chomping::Keep {
        text.push_str(&breaks);
    }
    Ok(text)
}

/// `+` or `-` and a digit, in either order.
fn indicators(chars: &mut Reader<'_>) -> Result<(Chomping, Option<i64>), Halt> {
    let (mut chomping, mut increment) = (None, None);
    for _ in 0..2 {
        let c = chars.peek();
        match c {
            '+' | '-' if chomping.is_none() => {
                chomping = Some(if c == '+' { Chomping::Keep } else { Chomping::Strip });
            }
            '0' if increment.is_none() => return Err(fault(chars.at, "an indentation of none")),
            '1'..='9' if increment.is_none() => increment = c.to_digit(10).map(i64::from),
            _ => break,
        }
        chars.forward(1);
    }
    let next = chars.peek();
    if next != ' ' && !is_end(next) {
        return Err(fault(chars.at, "something else behind the mark of a block scalar"));
    }
    Ok((chomping.unwrap_or(Chomping::Clip), increment))
}

/// Empty lines before a block scalar, and the indentation that they and the first line suggest.
fn block_indentation(chars: &mut Reader<'_>) -> (String, i64) {
    let (mut breaks, mut deepest) = (String::new(), 0);
    loop {
        if !chars.skip(|c| c == ' ').is_empty() {
            deepest = chars.column.max(deepest);
        }
        match chars.line_break() {
            Some(c) => breaks.push(c),
            None => return (breaks, deepest),
        }
    }
}

/// Empty lines in a block scalar, and the indentation behind them.
fn block_breaks(chars: &mut Reader<'_>, indent: i64) -> String {
    let mut breaks = String::new();
    loop {
        while chars.column < indent && chars.peek() == ' ' {
            chars.forward(1);
        }
        match chars.line_break() {
            Some(c) => breaks.push(c),
            None => return breaks,
        }
    }
}

/// A scalar in quotation marks.
pub(super) fn quoted(chars: &mut Reader<'_>) -> Result<String, Halt> {
    let quote = chars.peek();
    let mut text = String::new();
    chars.forward(1);
    loop {
        quoted_words(chars, quote, &mut text)?;
        if chars.peek() == quote {
            chars.forward(1);
            return Ok(text);
        }
        quoted_spaces(chars, &mut text)?;
    }
}

fn quoted_words(chars: &mut Reader<'_>, quote: char, text: &mut String) -> Result<(), Halt> {
    loop {
        text.push_str(chars.skip(|c| !matches!(c, '\'' | '"' | '\\') && !is_blank(c)));
        match chars.peek() {
            '\'' if quote == '\'' && chars.second() == '\'' => {
                text.push('\'');
                chars.forward(2);
            }
            '\\' if quote == '"' => escape(chars, text)?,
            c @ ('\'' | '"' | '\\') if c != quote => {
                text.push(c);
                chars.forward(1);
            }
            _ => return Ok(()),
        }
    }
}

fn escape(chars: &mut Reader<'_>, text: &mut String) -> Result<(), Halt> {
    chars.forward(1);
    let c = chars.peek();
    if is_break(c) {
        chars.line_break();
        return quoted_breaks(chars, text).map(|_| ());
    }
    let digits = match c {
        'x' => 2,
        'u' => 4,
        'U' => 8,
        _ => 0,
    };
    if digits > 0 {
        chars.forward(1);
        let code = chars.rest().get(..digits);
        let code = code.filter(|it| it.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let code = code.and_then(|code| u32::from_str_radix(code, 16).ok());
        let code = code.filter(|code| *code <= 0x10_ffff);
        let code = code.ok_or_else(|| fault(chars.at, "an escape that is none"))?;
        // Half of a surrogate pair is a character to Python.
        text.push(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
        chars.forward(digits);
        return Ok(());
    }
    text.push(match c {
        '0' => '\0',
        'a' => '\x07',
        'b' => '\x08',
        't' | '\t' => '\t',
        'n' => '\n',
        'v' => '\x0b',
        'f' => '\x0c',
        'r' => '\r',
        'e' => '\x1b',
        ' ' | '"' | '\\' | '/' => c,
        'N' => '\u{85}',
        '_' => '\u{a0}',
        'L' => '\u{2028}',
        'P' => '\u{2029}',
        _ => return Err(fault(chars.at, "an escape that is none")),
    });
    chars.forward(1);
    Ok(())
}

fn quoted_spaces(chars: &mut Reader<'_>, text: &mut String) -> Result<(), Halt> {
    let spaces = chars.skip(|c| matches!(c, ' ' | '\t'));
    if chars.peek() == '\0' {
        return Err(fault(chars.at, "a quoted scalar that does not end"));
    }
    match chars.line_break() {
        None => text.push_str(spaces),
        Some('\n') => {
            let before = text.len();
            text.push(' ');
            if quoted_breaks(chars, text)? {
                text.remove(before);
            }
        }
        Some(c) => {
            text.push(c);
            quoted_breaks(chars, text)?;
        }
    }
    Ok(())
}

/// Empty lines in a quoted scalar; tells whether there were any.
fn quoted_breaks(chars: &mut Reader<'_>, text: &mut String) -> Result<bool, Halt> {
    let mut any = false;
    loop {
        if chars.at_separator() {
            return Err(fault(chars.at, "a document that ends in a quoted scalar"));
        }
        chars.skip(|c| matches!(c, ' ' | '\t'));
        let Some(c) = chars.line_break() else { return Ok(any) };
        text.push(c);
        any = true;
    }
}

/// A scalar without quotation marks, and where its last word ends.
pub(super) fn plain(scanner: &mut Scanner<'_>) -> (String, usize) {
    let indent = scanner.block_indent().saturating_add(1);
    let flow = scanner.in_flow();
    let (mut text, mut spaces) = (String::new(), String::new());
    let mut end = scanner.chars.at;
    loop {
        if scanner.chars.peek() == '#' {
            break;
        }
        let word = plain_word(scanner.chars.rest(), flow);
        if word == 0 {
            break;
        }
        scanner.keyable = false;
        text.push_str(&spaces);
        text.push_str(scanner.chars.pass(word));
        end = scanner.chars.at;
        spaces = plain_spaces(scanner);
        let outside = !flow && scanner.chars.column < indent;
        if spaces.is_empty() || scanner.chars.peek() == '#' || outside {
            break;
        }
    }
    (text, end)
}

/// Bytes of the word that `rest` starts with.
fn plain_word(rest: &str, flow: bool) -> usize {
    let mut chars = rest.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let next = chars.peek().map_or('\0', |(_, next)| *next);
        let colon = c == ':' && (is_blank(next) || flow && ",[]{}".contains(next));
        if is_blank(c) || colon || flow && ",?[]{}".contains(c) {
            return at;
        }
    }
    rest.len()
}

/// What stands between two words: spaces, or lines that fold; nothing where a document ends.
fn plain_spaces(scanner: &mut Scanner<'_>) -> String {
    let chars = &mut scanner.chars;
    let spaces = chars.skip(|c| c == ' ').to_owned();
    let Some(first) = chars.line_break() else { return spaces };
    scanner.keyable = true;
    if chars.at_separator() {
        return String::new();
    }
    let mut breaks = String::new();
    loop {
        chars.skip(|c| c == ' ');
        let Some(c) = chars.line_break() else { break };
        breaks.push(c);
        if chars.at_separator() {
            return String::new();
        }
    }
    let fold = match first {
        '\n' if breaks.is_empty() => Some(' '),
        '\n' => None,
        other => Some(other),
    };
    fold.into_iter().chain(breaks.chars()).collect()
}
