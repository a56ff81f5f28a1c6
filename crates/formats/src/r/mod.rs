//! Files of R: objects as `saveRDS` and `save` write them, with the code in them.
//!
//! A promise is code that R runs when somebody looks at the value. Honest files have them in the
//! environments of functions; R before 4.4 lets a file have one anywhere, so that looking at what was
//! read runs it (CVE-2024-27322). A binding can be active, and then a function runs instead. Functions
//! are in honest models as well; theirs is code that runs when the model is used.
//!
//! Source: R Internals, "Serialization Formats"; R, `src/main/serialize.c`, `saveload.c`.

mod calls;
mod facts;
mod feed;
mod listing;
mod parse;
#[cfg(test)]
mod tests;
mod tree;

use davy_artifact::{Format, Input, Probe, Quirk, Reading, Role, Route};
use davy_bytes::{Budget, Halt, Span};
use feed::{Coding, Feed};
use parse::Parser;

/// The reader of files of R.
#[derive(Debug)]
pub struct R;

/// What a file starts with.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Head {
    coding: Coding,
    /// Whether it is a workspace: several objects, each with its name.
    is_workspace: bool,
    /// Bytes before the version.
    len: u64,
}

impl Format for R {
    fn id(&self) -> &'static str {
        "r"
    }

    fn summary(&self) -> &'static str {
        "files of R (saveRDS, save): objects, functions, promises and active bindings"
    }

    fn probe(&self, bytes: &[u8], _: &Input<'_>) -> Probe {
        if head(bytes).is_some_and(|head| has_version(head, bytes)) || is_old(bytes) {
            Probe::Certain
        } else {
            Probe::No
        }
    }

    fn read(
        &self,
        input: &Input<'_>,
        reading: &mut Reading,
        budget: &mut Budget,
    ) -> Result<(), Halt> {
        let bytes = input.bytes.copy(Span::new(0, 16), 16)?;
        let Some(head) = head(&bytes) else {
            return Err(match is_old(&bytes) {
                true => Halt::unsupported(0, "a workspace of R before version 1.4"),
                false => Halt::malformed(0, "no header of R's serialization"),
            });
        };
        let mut feed = Feed::new(input.bytes.clone(), head.len, head.coding);
        versions(&mut feed, reading, budget)?;
        let mut parser = Parser::new(feed, budget);
        let outcome = parser.read();
        let (verbatim, end, rest) =
            (parser.feed.is_verbatim(), parser.feed.position(), parser.rest());
        let count = parser.count();
        let tree = parser.tree;
        let root = outcome.as_ref().ok().copied();
        let source = facts::Source { bytes: input.bytes, verbatim, workspace: head.is_workspace };
        budget.spend_steps(count, end)?;
        facts::record(&tree, root, source, reading, budget)?;
        outcome?;
        behind(input, end, rest, head.coding, reading)?;
        reading.seamless = true;
        Ok(())
    }
}

/// The start of a file of R.
fn head(bytes: &[u8]) -> Option<Head> {
    let (is_workspace, len) = match bytes {
        [b'R', b'D', b'A' | b'B' | b'X', b'2' | b'3', b'\n', ..] => (true, 5),
        _ => (false, 0),
    };
    let coding = match bytes.get(len..)? {
        [b'A', b'\n', ..] => Coding::Ascii,
        [b'B', b'\n', ..] => Coding::Little,
        [b'X', b'\n', ..] => Coding::Big,
        _ => return None,
    };
    let len = davy_bytes::to_u64(len.saturating_add(2));
    Some(Head { coding, is_workspace, len })
}

/// Whether a version that R writes stands behind the start.
fn has_version(head: Head, bytes: &[u8]) -> bool {
    let rest = bytes.get(davy_bytes::to_usize(head.len)..).unwrap_or_default();
    match head.coding {
        Coding::Ascii => matches!(rest, [b'2' | b'3', b'\n', ..]),
        Coding::Big => matches!(rest, [0, 0, 0, 2 | 3, ..]),
        Coding::Little => matches!(rest, [2 | 3, 0, 0, 0, ..]),
    }
}

/// Whether a workspace is of the kind that was in use until 2001.
fn is_old(bytes: &[u8]) -> bool {
    matches!(bytes, [b'R', b'D', b'A' | b'B' | b'X', b'1', b'\n', ..])
}

/// Reads the versions of format and writer, and in version 3 the encoding of text.
fn versions(feed: &mut Feed, reading: &mut Reading, budget: &mut Budget) -> Result<(), Halt> {
    let at = feed.position();
    let version = feed.int("version")?;
    let writer = feed.int("version of R that wrote it")?;
    feed.int("version of R that can read it")?;
    facts::attribute(reading, "version", format!("{version}"), Span::between(at, feed.position()));
    let [_, major, minor, patch] = writer.to_be_bytes();
    let writer = format!("{major}.{minor}.{patch}");
    facts::attribute(reading, "written by R", writer, Span::between(at, feed.position()));
    if version == 3 {
        let at = feed.position();
        let len = u64::try_from(feed.int("length of the encoding")?).unwrap_or(u64::MAX);
        if len > 63 {
            return Err(Halt::malformed(at, "an encoding with a name of more than 63 bytes"));
        }
        let encoding = feed.text(len, budget)?;
        let name = String::from_utf8_lossy(&encoding.head).into_owned();
        facts::attribute(reading, "encoding", name, encoding.span);
    }
    Ok(())
}

/// What stands behind the object; the text form ends with a newline.
fn behind(
    input: &Input<'_>,
    end: u64,
    rest: u64,
    coding: Coding,
    reading: &mut Reading,
) -> Result<(), Halt> {
    let span = Span::new(end, rest);
    if rest == 0 || coding == Coding::Ascii && input.bytes.copy(span, 2)? == b"\n" {
        return Ok(());
    }
    reading.deviation(Quirk::BytesAfterEnd, span, Route::None, "behind the object");
    reading.child("@behind", input.bytes.slice(span), Role::Leftover);
    Ok(())
}
