//! What loaders make of the metadata without asking whether it can be: vocabularies of unequal
//! length, numbers that index tables of fixed size, parts of a split model.

use super::fields::Fields;
use super::metadata::{Array, Entry, Item, Metadata, texts};
use super::table::Table;
use super::types::Kind;
use davy_artifact::{Input, Quirk, Reading, Route};
use davy_bytes::{Budget, Halt, Span};

/// Layers that llama.cpp has room for (`LLAMA_MAX_LAYERS`).
const LAYERS: i128 = 512;

/// Experts beyond what any model has; llama.cpp has room for 512 (`LLAMA_MAX_EXPERTS`).
const EXPERTS: i128 = 4096;

/// Width and height of a picture that no encoder works with.
const PICTURE: i128 = 1 << 16;

/// The type of a token that stands for a byte (`LLAMA_TOKEN_TYPE_BYTE`).
const BYTE: u32 = 6;

/// The longest token that llama.cpp copies right: it counts them in 31 bits.
const TOKEN: u64 = 0x7fff_ffff;

/// Tokens that are told one by one where they break their form.
const TOLD: u64 = 100;

/// Lists that llama.cpp reads as numbers of this kind, whatever they are.
const NUMBERS: &[(&str, &str, u64)] =
    &[("tokenizer.ggml.scores", "f32", 4), ("tokenizer.ggml.token_type", "i32", 4)];

/// Lists of texts.
const TEXTS: &[&str] = &["tokenizer.ggml.merges", "tokenizer.ggml.tokens"];

/// What there is to check, and where it is recorded.
struct Check<'a> {
    metadata: &'a Metadata,
    reading: &'a mut Reading,
}

/// Checks what the metadata says about the model.
///
/// # Errors
/// When the medium fails and when the budget is used up.
pub(super) fn check(
    metadata: &Metadata,
    input: &Input<'_>,
    reading: &mut Reading,
    budget: &mut Budget,
) -> Result<(), Halt> {
    let mut check = Check { metadata, reading };
    check.lists();
    check.sizes();
    check.pictures();
    check.split(input.name);
    bytes(metadata, input, reading, budget)
}

impl Check<'_> {
    fn wrong(&mut self, entry: &Entry, quirk: Quirk, what: &str) {
        self.reading.deviation(quirk, entry.span, Route::Key(entry.key.clone()), what);
    }

    /// The lists of the vocabulary, which are used side by side.
    fn lists(&mut self) {
        let metadata = self.metadata;
        let tokens = metadata.get("tokenizer.ggml.tokens").and_then(|it| it.value.array());
        for (key, name, size) in NUMBERS {
            let Some(entry) = metadata.get(key) else { continue };
            match entry.value.array() {
                None => self.wrong(entry, Quirk::WrongType, "a list is wanted here"),
                Some(array) if array.kind.size() != Some(*size) => {
                    let kind = array.kind.name();
                    let what = format!("a list of {kind} is read as one of {name}");
                    self.wrong(entry, Quirk::SizeMismatch, &what);
                }
                Some(array) => self.length(entry, array, tokens),
            }
        }
        for key in TEXTS {
            let Some(entry) = metadata.get(key) else { continue };
            let texts = entry.value.array().is_some_and(|array| array.kind == Kind::Text);
            if !texts {
                self.wrong(entry, Quirk::WrongType, "a list of texts is wanted here");
            }
        }
    }

    fn length(&mut self, entry: &Entry, array: &Array, tokens: Option<&Array>) {
        let Some(tokens) = tokens.filter(|tokens| tokens.count != array.count) else { return };
        let what = format!(
            "{} entries for {} tokens: loaders go through both side by side",
            array.count, tokens.count
        );
        // Only where there are fewer is something read behind the end.
        let fewer = array.count < tokens.count;
        let quirk = if fewer { Quirk::SizeMismatch } else { Quirk::Handmade };
        self.wrong(entry, quirk, &what);
    }

    /// A number of the model's own architecture.
    fn own(&self, name: &str) -> Option<&Entry> {
        let end = format!(".{name}");
        self.metadata.entries.iter().find(|entry| {
            let arch = entry.key.strip_suffix(&end);
            arch.is_some_and(|arch| !arch.is_empty() && !arch.contains('.'))
        })
    }

    /// Numbers that index tables of fixed size.
    fn sizes(&mut self) {
        let limits = [
            ("block_count", 0, LAYERS, "layers"),
            ("expert_count", 0, EXPERTS, "experts"),
            ("expert_used_count", 0, EXPERTS, "experts at a time"),
        ];
        for (name, least, most, what) in limits {
            let Some(entry) = self.own(name).cloned() else { continue };
            if let Some(number) = entry.value.int().filter(|it| *it < least || *it > most) {
                let what = format!("{number} {what}, where there is room for {most}");
                self.wrong(&entry, Quirk::OutOfRange, &what);
            }
        }
        let experts = self.own("expert_count").and_then(|entry| entry.value.int());
        let used = self.own("expert_used_count").cloned();
        if let (Some(experts), Some(used)) = (experts, used)
            && used.value.int().is_some_and(|used| used > experts)
        {
            let what = format!("more experts are used than the {experts} that there are");
            self.wrong(&used, Quirk::OutOfRange, &what);
        }
        for name in ["attention.head_count", "attention.head_count_kv"] {
            let Some(entry) = self.nested(name).cloned() else { continue };
            let wide = entry.value.array().is_some_and(|it| i128::from(it.count) > LAYERS);
            if wide {
                let what = "numbers of heads for more layers than there is room for";
                self.wrong(&entry, Quirk::OutOfRange, what);
            }
        }
    }

    fn nested(&self, name: &str) -> Option<&Entry> {
        let end = format!(".{name}");
        self.metadata.entries.iter().find(|entry| entry.key.ends_with(&end))
    }

    /// Encoders of pictures divide by the size of a patch, and allocate by that of the picture.
    fn pictures(&mut self) {
        for name in ["clip.vision.patch_size", "clip.vision.image_size", "clip.vision.block_count"]
        {
            let Some(entry) = self.metadata.get(name) else { continue };
            let most = if name.ends_with("block_count") { LAYERS } else { PICTURE };
            let least = i128::from(!name.ends_with("block_count"));
            if let Some(number) = entry.value.int().filter(|it| *it < least || *it > most) {
                let what = format!("{number}, which no encoder of pictures works with");
                self.wrong(entry, Quirk::OutOfRange, &what);
            }
        }
    }

    /// Parts of a model in several files: which one this is, of how many.
    fn split(&mut self, name: &str) {
        let number =
            |key| self.metadata.get(key).and_then(|entry| Some((entry, entry.value.int()?)));
        let (Some((entry, part)), Some((_, count))) = (number("split.no"), number("split.count"))
        else {
            return;
        };
        if part < 0 || part >= count {
            let what = format!("part {part} of {count} parts, counted from zero");
            return self.wrong(entry, Quirk::OutOfRange, &what);
        }
        let Some((own, all)) = numbered(name) else { return };
        if own != part.saturating_add(1) || all != count {
            let what = format!(
                "the file is named part {own} of {all}, and says that it is part {} of {count}",
                part.saturating_add(1)
            );
            self.wrong(entry, Quirk::HeadersDisagree, &what);
        }
    }
}

/// The part and the number of parts in a name: `model-00001-of-00003.gguf`, counted from one.
fn numbered(name: &str) -> Option<(i128, i128)> {
    let (before, count) = name.strip_suffix(".gguf")?.rsplit_once("-of-")?;
    let (_, part) = before.rsplit_once('-')?;
    Some((part.parse().ok()?, count.parse().ok()?))
}

/// Tokens that stand for a byte have to be spelled `<0xNN>`: loaders take the digits out of the
/// middle without looking, and use what they come to as an index.
fn bytes(
    metadata: &Metadata,
    input: &Input<'_>,
    reading: &mut Reading,
    budget: &mut Budget,
) -> Result<(), Halt> {
    let Some(tokens) = metadata.get("tokenizer.ggml.tokens") else { return Ok(()) };
    let types = metadata.get("tokenizer.ggml.token_type").and_then(|it| it.value.array());
    let types = types.filter(|types| types.kind.size() == Some(4));
    let mut told = 0_u64;
    let place = Fields::new(input.bytes.clone());
    let place = metadata.adopt(place);
    let mut kinds = types.map(|types| (place.at(types.span.start), types.count));
    texts(&place, tokens, &mut |index, span| {
        budget.spend_steps(1, span.start)?;
        let kind = match &mut kinds {
            Some((fields, count)) if index < *count => fields.u32("type of a token")?,
            _ => 0,
        };
        let long = span.len > TOKEN;
        let odd = kind == BYTE && !is_byte(&input.bytes.copy(span, 8)?, span);
        if (long || odd) && told < TOLD {
            told = told.saturating_add(1);
            let what = if long {
                format!("token {index} has {} bytes, more than loaders count", span.len)
            } else {
                format!("token {index} stands for a byte, and is not spelled `<0xNN>`")
            };
            let shows = long || input.bytes.copy(span, 3)?.starts_with(b"<0x");
            let quirk = if shows { Quirk::OutOfRange } else { Quirk::Handmade };
            reading.deviation(quirk, span, Route::Key(tokens.key.clone()), &what);
        }
        Ok(())
    })
}

fn is_byte(text: &[u8], span: Span) -> bool {
    match text {
        [b'<', b'0', b'x', high, low, b'>'] => {
            span.len == 6 && high.is_ascii_hexdigit() && low.is_ascii_hexdigit()
        }
        _ => false,
    }
}

/// Names of tensors that loaders take numbers out of.
///
/// # Errors
/// When the medium fails.
pub(super) fn check_tensors(
    metadata: &Metadata,
    table: &Table,
    input: &Input<'_>,
    reading: &mut Reading,
) -> Result<(), Halt> {
    let Some(entry) = metadata.get("general.architecture") else { return Ok(()) };
    let Item::Text(span) = entry.value else { return Ok(()) };
    if input.bytes.copy(span, 64)? != b"controlvector" {
        return Ok(());
    }
    for row in &table.rows {
        let Some(layer) = row.name.strip_prefix("direction.") else { continue };
        let number: Option<i128> = layer.parse().ok();
        if number.is_none_or(|it| !(1..LAYERS).contains(&it)) {
            let what = format!("a direction for layer `{layer}`, which is used as an index");
            let route = Route::Tensor(row.name.clone());
            reading.deviation(Quirk::OutOfRange, row.span, route, &what);
        }
    }
    Ok(())
}
