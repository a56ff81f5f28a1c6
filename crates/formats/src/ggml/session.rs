//! What llama.cpp saves of a conversation: `ggsn` and `ggsq`, the tokens so far and the state of the
//! cache (`llama_state_save_file`, `llama_state_seq_save_file`).
//!
//! The layout of the state differs from build to build and is told nowhere in the file, so it is
//! named and not read.

use super::{attribute, claim};
use davy_artifact::{Fact, Format, Input, Probe, Quirk, Reading, Role, Route, Site, Value, Why};
use davy_bytes::{Blame, Budget, Cursor, Halt, Span};

/// Versions that there have been, with room for those to come.
const VERSIONS: u32 = 64;

/// Tokens that no conversation has.
const TOKENS: u64 = 1 << 28;

/// The reader of such files.
#[derive(Debug)]
pub struct Session;

impl Format for Session {
    fn id(&self) -> &'static str {
        "ggml-session"
    }

    fn summary(&self) -> &'static str {
        "saved conversations of llama.cpp: tokens, and the state of its cache"
    }

    fn probe(&self, head: &[u8], _: &Input<'_>) -> Probe {
        match head.split_first_chunk::<4>() {
            Some((b"nsgg" | b"qsgg", rest)) => match rest.first_chunk::<4>() {
                Some(version) if u32::from_le_bytes(*version) < VERSIONS => Probe::Certain,
                _ => Probe::Possible,
            },
            _ => Probe::No,
        }
    }

    fn read(&self, input: &Input<'_>, reading: &mut Reading, _: &mut Budget) -> Result<(), Halt> {
        let mut cursor = Cursor::new(input.bytes.clone());
        cursor.skip(4, "magic")?;
        let version = cursor.u32_le("version")?;
        attribute("version", Value::Int(i64::from(version)), Span::new(4, 4), reading);
        let at = cursor.position();
        let tokens = u64::from(cursor.u32_le("number of tokens")?);
        let size = tokens.saturating_mul(4);
        if size > cursor.remaining() {
            let left = cursor.remaining();
            let what = format!("{tokens} tokens are claimed, where {left} bytes are left");
            let quirk = if tokens > TOKENS { Quirk::OutOfRange } else { claim(size) };
            reading.deviation(quirk, Span::new(at, 4), Route::None, &what);
        }
        let span = cursor.skip(size, "tokens")?;
        let detail = format!("version {version}, {tokens} tokens");
        let site = Site { span, route: Route::None };
        reading.fact(Fact::Object { path: "session".to_owned(), kind: "content", detail, site });
        let state = Span::between(cursor.position(), input.bytes.len());
        if state.len > 0 {
            let what = "the state of a cache, whose layout differs from build to build";
            reading.gap(state, Why::Halted(Blame::Unsupported), what);
            reading.child("state", input.bytes.slice(state), Role::Storage);
        }
        Ok(())
    }
}
