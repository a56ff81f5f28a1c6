//! Files of ggml from before GGUF: `ggml`, `ggmf`, `ggjt` and `ggla` (llama.cpp until August 2023;
//! whisper.cpp and ggml's examples to this day).
//!
//! They say what they are only by four letters: which numbers follow, whether the vocabulary has
//! scores, how tensors are aligned, the program that reads them knows. Each layout that the letters
//! can stand for is tried on the vocabulary and the first tensor, and the one that fits is read.

mod imatrix;
mod layout;
mod session;
mod tensors;
mod voice;

use davy_artifact::{Fact, Format, Input, Probe, Quirk, Reading, Route, Site, Value};
use davy_bytes::{Budget, Bytes, Cursor, Halt, Span, to_u64};
pub use imatrix::Imatrix;
use layout::{Layout, VOICE, layouts};
pub use session::Session;

/// Counts from which on no file is meant, but an overflow.
const MOST: u64 = 1 << 30;

/// Numbers of the model that are not believed above this.
const LARGEST: u32 = 1 << 24;

/// The reader of old files of ggml.
#[derive(Debug)]
pub struct Ggml;

impl Format for Ggml {
    fn id(&self) -> &'static str {
        "ggml"
    }

    fn summary(&self) -> &'static str {
        "models of ggml from before GGUF: ggml, ggmf, ggjt, LoRA adapters, whisper.cpp"
    }

    fn probe(&self, head: &[u8], _: &Input<'_>) -> Probe {
        let Some((magic, rest)) = head.split_first_chunk::<4>() else { return Probe::No };
        let Some(first) = rest.first_chunk::<4>() else { return Probe::No };
        match layouts(*magic) {
            [] => Probe::No,
            // Text is no number below sixteen million.
            _ if u32::from_le_bytes(*first) < LARGEST => Probe::Certain,
            _ => Probe::Possible,
        }
    }

    fn read(
        &self,
        input: &Input<'_>,
        reading: &mut Reading,
        budget: &mut Budget,
    ) -> Result<(), Halt> {
        let magic = Cursor::new(input.bytes.clone()).array("magic")?;
        let candidates = layouts(magic);
        let Some(first) = candidates.first() else {
            return Err(Halt::malformed(0, "no file of ggml"));
        };
        let mut fitting = voice::starts(&magic, input.bytes)?.then_some(&VOICE);
        for layout in candidates {
            if fitting.is_some() {
                break;
            }
            if fits(layout, input.bytes, budget)? {
                fitting = Some(layout);
            }
        }
        let layout = fitting.unwrap_or(first);
        let mut model = Model::new(input.bytes, layout);
        model.head(reading, budget)?;
        tensors::read(&mut model, reading, budget)
    }
}

/// Whether a file is of this layout, as far as its vocabulary and first tensor tell.
fn fits(layout: &'static Layout, bytes: &Bytes, budget: &mut Budget) -> Result<bool, Halt> {
    let mut scratch = Reading::default();
    let mut model = Model::new(bytes, layout);
    match model.head(&mut scratch, budget) {
        Ok(()) => {}
        Err(halt) if halt.blame() == davy_bytes::Blame::Malformed => return Ok(false),
        Err(halt) => return Err(halt),
    }
    let clean = scratch.deviations.is_empty();
    Ok(clean && (model.cursor.remaining() == 0 || tensors::peek(&mut model)?))
}

/// A model that is being read.
struct Model {
    cursor: Cursor,
    layout: &'static Layout,
    /// Version behind the magic, if there is one.
    version: u32,
    /// How numbers are packed: above 1 as they are today.
    packing: u32,
    tokens: u64,
}

impl Model {
    fn new(bytes: &Bytes, layout: &'static Layout) -> Self {
        let cursor = Cursor::new(bytes.clone());
        Self { cursor, layout, version: 0, packing: 0, tokens: 0 }
    }

    /// Everything in front of the tensors.
    fn head(&mut self, reading: &mut Reading, budget: &mut Budget) -> Result<(), Halt> {
        self.cursor.skip(4, "magic")?;
        if self.layout.versioned {
            self.version = self.cursor.u32_le("version")?;
            let (version, span) = (Value::Int(i64::from(self.version)), Span::new(4, 4));
            attribute("version", version, span, reading);
            if !(1..=3).contains(&self.version) {
                let what = format!("version {}, which there is not", self.version);
                reading.deviation(Quirk::LoadersDisagree, span, Route::None, &what);
            }
        }
        if self.layout.voice {
            return voice::head(self, reading);
        }
        self.parameters(reading)?;
        if self.layout.filters {
            self.filters(reading)?;
        }
        self.vocabulary(reading, budget)
    }

    /// The numbers of the model, in the order in which its program wrote them.
    fn parameters(&mut self, reading: &mut Reading) -> Result<(), Halt> {
        for name in self.layout.parameters {
            let at = self.cursor.position();
            let number = self.cursor.u32_le("parameter of the model")?;
            let (span, route) = (Span::new(at, 4), Route::Key((*name).to_owned()));
            let is_float = layout::FLOATS.contains(name);
            let value = if is_float {
                Value::Float(f64::from(f32::from_bits(number)))
            } else {
                Value::Int(i64::from(number.cast_signed()))
            };
            let site = Site { span, route: route.clone() };
            let (owner, name) = ("hparams".to_owned(), (*name).to_owned());
            reading.fact(Fact::Attribute { owner, name: name.clone(), value, site });
            if number >= LARGEST && !is_float {
                let what = format!(
                    "`{name}` is {}: what loaders allocate by it overflows",
                    number.cast_signed()
                );
                reading.deviation(Quirk::OutOfRange, span, route, &what);
            }
            match name.as_str() {
                "n_vocab" => self.tokens = u64::from(number),
                "ftype" => self.packing = number / 1000,
                _ => {}
            }
        }
        if self.layout.versioned && self.version >= 3 {
            self.packing = 2;
        }
        Ok(())
    }

    /// The filters of whisper.cpp.
    fn filters(&mut self, reading: &mut Reading) -> Result<(), Halt> {
        let at = self.cursor.position();
        let rows = u64::from(self.cursor.u32_le("number of filters")?);
        let columns = u64::from(self.cursor.u32_le("length of filters")?);
        let size = rows.saturating_mul(columns).saturating_mul(4);
        if size > self.cursor.remaining() {
            let left = self.cursor.remaining();
            let what = format!("{rows} filters of {columns} numbers, where {left} bytes are left");
            reading.deviation(claim(size), Span::new(at, 8), Route::None, &what);
        }
        self.cursor.skip(size, "filters")?;
        Ok(())
    }

    fn vocabulary(&mut self, reading: &mut Reading, budget: &mut Budget) -> Result<(), Halt> {
        let start = self.cursor.position();
        if self.layout.counted {
            self.tokens = u64::from(self.cursor.u32_le("number of tokens")?);
        }
        if !self.layout.vocabulary {
            return Ok(());
        }
        let left = self.cursor.remaining();
        if self.tokens.saturating_mul(4) > left {
            let what = format!("{} tokens are claimed, where {left} bytes are left", self.tokens);
            let span = Span::between(start, self.cursor.position());
            reading.deviation(claim(self.tokens), span, Route::None, &what);
        }
        for _ in 0..self.tokens {
            let at = self.cursor.position();
            budget.spend_steps(1, at)?;
            let length = u64::from(self.cursor.u32_le("length of a token")?);
            if length > self.cursor.remaining() {
                let left = self.cursor.remaining();
                let what = format!("a token of {length} bytes is claimed, where {left} are left");
                reading.deviation(claim(length), Span::new(at, 4), Route::None, &what);
            }
            self.cursor.skip(length, "token")?;
            if self.layout.scores {
                self.cursor.skip(4, "score of a token")?;
            }
        }
        let span = Span::between(start, self.cursor.position());
        let count = i64::try_from(self.tokens).unwrap_or(i64::MAX);
        attribute("tokens", Value::Int(count), span, reading);
        Ok(())
    }

    /// Says in a line what the file is.
    fn about(&self, tensors: usize, reading: &mut Reading) {
        let detail =
            format!("{}, {} tokens, {} tensors", self.layout.name, self.tokens, to_u64(tensors));
        let site = Site { span: Span::new(0, 4), route: Route::None };
        reading.fact(Fact::Object { path: "ggml".to_owned(), kind: "content", detail, site });
    }
}

/// How a count breaks the form that is more than there is: a file that was cut claims no more than
/// any file does.
fn claim(count: u64) -> Quirk {
    if count > MOST { Quirk::OutOfRange } else { Quirk::Truncated }
}

fn attribute(name: &str, value: Value, span: Span, reading: &mut Reading) {
    let site = Site { span, route: Route::None };
    reading.fact(Fact::Attribute { owner: String::new(), name: name.to_owned(), value, site });
}

#[cfg(test)]
mod tests;
