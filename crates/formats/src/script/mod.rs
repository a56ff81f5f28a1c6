//! Scripts: text that a shell or an interpreter runs, told by its first line.
//!
//! What shells would do is not followed; Python is read by its own reader as well.

use crate::text::is_text;
use davy_artifact::{
    Excerpt, Fact, Format, Input, Probe, Quirk, Reading, Role, Route, Site, Value,
};
use davy_bytes::{Budget, Bytes, Halt, Span, to_u64, to_usize};

/// The longest first line: what Linux looks at (`BINPRM_BUF_SIZE`).
const LINE: usize = 256;

/// Bytes that are looked at at a time.
const PIECE: u64 = 64 * 1024;

/// The reader of scripts.
#[derive(Debug)]
pub struct Script;

impl Format for Script {
    fn id(&self) -> &'static str {
        "script"
    }

    fn summary(&self) -> &'static str {
        "scripts of shells and interpreters, told by their first line"
    }

    fn probe(&self, head: &[u8], _: &Input<'_>) -> Probe {
        match interpreter(head) {
            Some(_) if is_text(head) => Probe::Certain,
            Some(_) => Probe::Possible,
            None => Probe::No,
        }
    }

    fn read(
        &self,
        input: &Input<'_>,
        reading: &mut Reading,
        budget: &mut Budget,
    ) -> Result<(), Halt> {
        let head = input.bytes.copy(Span::new(0, to_u64(LINE)), LINE)?;
        let Some(interpreter) = interpreter(&head) else {
            return Err(Halt::malformed(0, "no line that names an interpreter"));
        };
        let line = head.iter().position(|byte| *byte == b'\n').unwrap_or(head.len());
        reading.fact(Fact::Attribute {
            owner: String::new(),
            name: "interpreter".to_owned(),
            value: Value::Text(Excerpt::whole(interpreter)),
            site: Site { span: Span::new(0, to_u64(line)), route: Route::Line(1) },
        });
        let len = input.bytes.len();
        budget.spend_steps(len, 0)?;
        let end = text_end(input.bytes, 0)?;
        let rest = Span::between(end, len);
        reading.seamless = rest.len == 0;
        if rest.len > 0 {
            let what = format!("{} bytes behind the text of the script", rest.len);
            reading.deviation(Quirk::BytesAfterEnd, rest, Route::None, &what);
            reading.child(format!("@suffix@{end:#x}"), input.bytes.slice(rest), Role::Leftover);
        }
        Ok(())
    }
}

/// Where the script ends that starts at `at`: where text does, or behind the last line that is whole
/// where other bytes follow, since a few of those look like letters.
///
/// # Errors
/// Only when the medium fails.
pub(crate) fn text_end(bytes: &Bytes, at: u64) -> Result<u64, Halt> {
    let mut buffer = vec![0; to_usize(PIECE.min(bytes.len().saturating_sub(at)))];
    let (mut end, mut line) = (at, None);
    let mut lines = 0_u64;
    loop {
        let read = bytes.read_at(end, &mut buffer)?;
        let piece = buffer.get(..read).unwrap_or_default();
        let (good, more) = crate::text::good(piece);
        let text = piece.get(..good).unwrap_or_default();
        if let Some(last) = memchr::memrchr(b'\n', text) {
            line = Some(end.saturating_add(to_u64(last)).saturating_add(1));
            lines = lines.saturating_add(to_u64(memchr::memchr_iter(b'\n', text).count()));
        }
        end = end.saturating_add(to_u64(good));
        if good == 0 || !more {
            // The first line alone is no script.
            let whole = line.filter(|_| lines > 1 && end < bytes.len());
            return Ok(whole.unwrap_or(end));
        }
    }
}

/// Programs that run scripts, without path and version.
const INTERPRETERS: &[&str] = &[
    "ash",
    "awk",
    "bash",
    "bun",
    "csh",
    "dash",
    "deno",
    "env",
    "expect",
    "fish",
    "gawk",
    "julia",
    "ksh",
    "lua",
    "make",
    "node",
    "osascript",
    "perl",
    "php",
    "pwsh",
    "pypy",
    "python",
    "ruby",
    "sed",
    "sh",
    "tclsh",
    "tcsh",
    "zsh",
];

/// What runs a script that starts with `head`: a path of Unix, or a shell of Windows.
pub(crate) fn interpreter(head: &[u8]) -> Option<&str> {
    let line = head.get(..head.len().min(LINE))?.split(|byte| *byte == b'\n').next()?;
    let line = std::str::from_utf8(line).ok()?.trim_end_matches('\r');
    if let Some(path) = line.strip_prefix("#!") {
        let path = path.trim_start_matches([' ', '\t']);
        let program = path.split([' ', '\t']).next()?.strip_prefix('/')?.rsplit('/').next()?;
        let name = program.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
        let known = INTERPRETERS.contains(&name) || path.contains("/bin/");
        let plain = path.bytes().all(|byte| matches!(byte, b' '..=b'~' | b'\t'));
        return (known && plain && !name.is_empty()).then_some(path);
    }
    let lower = line.get(..9)?.to_ascii_lowercase();
    (lower == "@echo off").then_some("cmd.exe")
}

#[cfg(test)]
mod tests {
    use super::*;
    use davy_testkit::robust;

    #[test]
    fn the_first_line_tells_what_runs_a_script() {
        for (head, expected) in [
            ("#!/bin/sh\nid\n", Some("/bin/sh")),
            ("#! /usr/bin/env python3\r\nx", Some("/usr/bin/env python3")),
            ("#!/opt/conda/bin/thing -x\n", Some("/opt/conda/bin/thing -x")),
            ("#!/python3.12\n", Some("/python3.12")),
            ("@Echo Off\r\ndir\r\n", Some("cmd.exe")),
            ("#!/usr/share/dict\n", None),
            ("#!\n", None),
            ("#!bash\n", None),
            ("# !/bin/sh\n", None),
        ] {
            assert_eq!(interpreter(head.as_bytes()), expected, "{head:?}");
        }
    }

    #[test]
    fn scripts_end_where_text_ends() {
        let script =
            Bytes::from_memory([b"xx#!/bin/sh\n\xc3\xa9cho\n".as_slice(), &[0, b'a']].concat());
        assert_eq!(text_end(&script, 2).unwrap(), 18);
        let mixed = Bytes::from_memory(*b"#!/bin/sh\nid\nPK\x03");
        let single = Bytes::from_memory(*b"#!/bin/sh\nid\x03");
        assert_eq!((text_end(&mixed, 0).unwrap(), text_end(&single, 0).unwrap()), (13, 12));
        let long = Bytes::from_memory("é".repeat(100_000).into_bytes());
        assert_eq!(text_end(&long, 0).unwrap(), 200_000);
        let reading = robust::read(&Script, "x", b"#!/bin/sh\nid\n\0").unwrap().reading;
        assert_eq!((reading.deviations[0].span, reading.facts.len()), (Span::new(13, 1), 1));
    }
}
