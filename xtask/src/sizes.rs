//! How long files and functions are, against what STYLE.md allows.

/// Longest file and longest function, in lines.
pub const FILE: usize = 800;
/// Longest function, in lines.
pub const FUNCTION: usize = 80;

/// A function in formatted Rust source.
#[derive(Debug, Eq, PartialEq)]
pub struct Function<'a> {
    /// Its first line, trimmed.
    pub head: &'a str,
    /// Number of its first line, from 1.
    pub line: usize,
    /// Lines from head to closing brace.
    pub lines: usize,
}

/// The functions of formatted source: a function ends with the brace that stands where it began.
pub fn functions(source: &str) -> Vec<Function<'_>> {
    let lines: Vec<&str> = source.lines().collect();
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let head = line.trim_start();
        if !is_function(head) || head.ends_with(';') {
            continue;
        }
        let closing = format!("{}}}", &line[..line.len() - head.len()]);
        let end = lines[at..].iter().position(|line| *line == closing);
        let inline = head.ends_with('}');
        let length = if inline { 1 } else { end.map_or(lines.len() - at, |end| end + 1) };
        found.push(Function { head, line: at + 1, lines: length });
    }
    found
}

fn is_function(head: &str) -> bool {
    const MODIFIERS: &[&str] = &["pub", "const", "async", "extern", "unsafe"];
    let mut words = head.split(' ').skip_while(|word| {
        MODIFIERS.contains(&word.split('(').next().unwrap_or_default())
            || word.starts_with('"')
            || word.ends_with(')') && !word.contains("fn")
    });
    words.next() == Some("fn") && head.contains('(')
}

/// Median, ninth decile and largest of some lengths.
pub fn distribution(mut lengths: Vec<usize>) -> String {
    lengths.sort_unstable();
    let at = |part: usize| lengths.get((lengths.len() * part / 100).min(lengths.len() - 1));
    match (at(50), at(90), lengths.last()) {
        (Some(p50), Some(p90), Some(most)) => {
            format!("{} in all; median {p50}, p90 {p90}, most {most}", lengths.len())
        }
        _ => "none".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_measured_from_head_to_brace() {
        let source = "pub(crate) const fn a(\n    x: u8,\n) -> u8 {\n    x\n}\n\nimpl B {\n    fn c() {}\n    \
                      async fn d() {\n        fn_like();\n    }\n}\ntrait E {\n    fn f();\n}\n";
        let lengths: Vec<_> = functions(source).iter().map(|it| (it.line, it.lines)).collect();
        assert_eq!(lengths, [(1, 5), (8, 1), (9, 3)]);
    }

    #[test]
    fn a_distribution_is_one_line() {
        assert_eq!(distribution((1..=10).collect()), "10 in all; median 6, p90 10, most 10");
    }
}
