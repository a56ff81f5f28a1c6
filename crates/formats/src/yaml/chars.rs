//! Characters of a YAML text, with line and column as PyYAML counts them.

/// A place in a text.
pub(super) struct Reader<'t> {
    text: &'t str,
    /// Offset in bytes.
    pub(super) at: usize,
    /// Offset in characters.
    pub(super) index: usize,
    pub(super) line: usize,
    pub(super) column: i64,
}

impl<'t> Reader<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { text, at: 0, index: 0, line: 0, column: 0 }
    }

    pub(super) fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// The next character; NUL, which no text has, at the end.
    pub(super) fn peek(&self) -> char {
        self.rest().chars().next().unwrap_or('\0')
    }

    /// The one behind the next.
    pub(super) fn second(&self) -> char {
        self.rest().chars().nth(1).unwrap_or('\0')
    }

    /// Whether `---` or `...` stands here, with nothing glued to it.
    pub(super) fn at_separator(&self) -> bool {
        let rest = self.rest();
        let behind = rest.strip_prefix("---").or_else(|| rest.strip_prefix("..."));
        behind.is_some_and(|behind| is_blank(behind.chars().next().unwrap_or('\0')))
    }

    pub(super) fn forward(&mut self, count: usize) {
        for _ in 0..count {
            let mut chars = self.rest().chars();
            let Some(c) = chars.next() else { return };
            let half = c == '\r' && chars.next() == Some('\n');
            if is_break(c) && !half {
                self.line = self.line.saturating_add(1);
                self.column = 0;
            } else if c != '\u{feff}' {
                self.column = self.column.saturating_add(1);
            }
            self.at = self.at.saturating_add(c.len_utf8());
            self.index = self.index.saturating_add(1);
        }
    }

    /// Passes over characters that are `wanted`, none of which may be a line break, and returns them.
    pub(super) fn skip(&mut self, wanted: impl Fn(char) -> bool) -> &'t str {
        let rest = self.rest();
        self.pass(rest.find(|c| !wanted(c)).unwrap_or(rest.len()))
    }

    /// Passes over `len` bytes with no line break in them, and returns them.
    pub(super) fn pass(&mut self, len: usize) -> &'t str {
        let taken = self.rest().get(..len).unwrap_or_default();
        self.at = self.at.saturating_add(len);
        let count = taken.chars().count();
        self.index = self.index.saturating_add(count);
        let marks = taken.matches('\u{feff}').count();
        let wide = i64::try_from(count.saturating_sub(marks)).unwrap_or(i64::MAX);
        self.column = self.column.saturating_add(wide);
        taken
    }

    /// Passes over a line break, where one stands, and returns what it means.
    pub(super) fn line_break(&mut self) -> Option<char> {
        let c = self.peek();
        match c {
            '\r' if self.second() == '\n' => self.forward(2),
            '\r' | '\n' | '\u{85}' | '\u{2028}' | '\u{2029}' => self.forward(1),
            _ => return None,
        }
        Some(if matches!(c, '\u{2028}' | '\u{2029}') { c } else { '\n' })
    }
}

/// A line break (YAML 1.1, section 5.4).
pub(super) fn is_break(c: char) -> bool {
    matches!(c, '\r' | '\n' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// A line break or the end.
pub(super) fn is_end(c: char) -> bool {
    c == '\0' || is_break(c)
}

/// What ends a word: a space, tab or line break, or the end.
pub(super) fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t') || is_end(c)
}
