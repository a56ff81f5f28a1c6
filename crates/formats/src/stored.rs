//! Where the bytes of tensors lie in a file: which of them lie over each other, and what stands
//! between and behind them.

use davy_artifact::{Excerpt, Fact, Quirk, Reading, Role, Route, Site, Value};
use davy_bytes::{Blame, Budget, Bytes, Halt, Span, to_u64, to_usize};

/// Bytes that are looked at at a time.
const PIECE: usize = 64 * 1024;

/// Tensors of one file that are read for what else they could be; no model in use has as many.
const READ: usize = 1 << 14;

/// Tensors of fewer bytes hold nothing that anybody could run.
const WORTH_READING: u64 = 16;

/// Characters of a tensor's name that the artifact made of its bytes has.
const NAME: usize = 200;

/// The bytes of one tensor.
#[derive(Clone, Debug)]
pub(crate) struct Stored {
    /// The tensor.
    pub(crate) name: String,
    /// Where its bytes stand, within the file.
    pub(crate) span: Span,
    /// Whether its elements are bytes, which anything can be made of.
    pub(crate) is_bytes: bool,
}

/// The file that has the name of a model but for its ending, where its weights lie: `m.xml` of OpenVINO
/// (`ov::Core::read_model`) and `m.param` of ncnn have `m.bin`.
pub(crate) fn beside(name: &str) -> Option<String> {
    let last = name.rsplit(['/', '\\']).next().unwrap_or(name);
    let (stem, _) = last.rsplit_once('.').filter(|(stem, _)| !stem.is_empty())?;
    Some(format!("{stem}.bin"))
}

/// The fact that the tensors of a model take `bytes` in `files`, which lie beside it, one behind the
/// other; rules compare that with the files.
pub(crate) fn shards(number: i64, files: Vec<String>, bytes: u64, span: Span) -> Fact {
    let files = files.into_iter().map(|file| Value::Text(Excerpt::whole(file))).collect();
    let bytes = Value::Int(i64::try_from(bytes).unwrap_or(i64::MAX));
    Fact::Attribute {
        owner: "shards".to_owned(),
        name: number.to_string(),
        value: Value::Tuple(vec![Value::List(files), bytes]),
        site: Site { span, route: Route::None },
    }
}

/// The part of a file that holds tensors.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Area {
    /// Offset at which it starts.
    pub(crate) start: u64,
    /// Writers fill up with fewer zeros than this between tensors, and behind the last; one means
    /// not at all.
    pub(crate) alignment: u64,
    /// What the file is, in words.
    pub(crate) what: &'static str,
}

impl Area {
    /// Records which of `tensors` reach beyond the end of the file, and cuts them off there. Where
    /// all lie one behind another and most of the bytes are there, the file is cut; otherwise
    /// whoever believes it reads memory that is not the file's.
    pub(crate) fn limit(self, bytes: &Bytes, tensors: &mut [Stored], reading: &mut Reading) {
        let end = bytes.len();
        if tensors.iter().all(|it| it.span.end() <= end) {
            return;
        }
        let declared = tensors.iter().map(|it| it.span.end()).max().unwrap_or(end);
        let declared = declared.saturating_sub(self.start);
        let there = end.saturating_sub(self.start);
        let torn = reading.deviations.iter().any(|it| is_claim(it.quirk));
        if !torn && there >= declared / 2 && self.is_row(tensors) {
            let what = format!("{there} of {declared} bytes of tensors are there");
            reading.deviation(Quirk::Truncated, Span::new(end, 0), Route::None, &what);
        } else {
            for it in tensors.iter().filter(|it| it.span.end() > end) {
                let beyond = it.span.end().saturating_sub(end);
                let what = format!("its bytes end {beyond} bytes behind the end of the file");
                let span = Span::between(it.span.start.min(end), end);
                reading.deviation(Quirk::OutOfRange, span, Route::Tensor(it.name.clone()), &what);
            }
        }
        for it in tensors {
            it.span = Span::between(it.span.start.min(end), it.span.end().min(end));
        }
    }

    /// Whether tensors lie one behind another, with nothing but padding between them.
    fn is_row(self, tensors: &[Stored]) -> bool {
        let mut spans: Vec<Span> = tensors.iter().map(|it| it.span).collect();
        spans.sort_unstable();
        let mut end = self.start;
        spans.iter().all(|span| {
            let gap = span.start.checked_sub(end);
            end = span.end();
            gap.is_some_and(|gap| gap < self.alignment)
        })
    }

    /// Records which of `tensors` lie over each other and what no tensor explains, makes artifacts
    /// of the rest, and says whether every byte of the area is explained.
    ///
    /// # Errors
    /// When the medium fails and when the budget is used up.
    pub(crate) fn account(
        self,
        bytes: &Bytes,
        tensors: &[Stored],
        reading: &mut Reading,
        budget: &mut Budget,
    ) -> Result<bool, Halt> {
        let mut order: Vec<&Stored> = tensors.iter().collect();
        order.sort_by(|a, b| (a.span, &a.name).cmp(&(b.span, &b.name)));
        let mut whole = true;
        let mut end = self.start;
        let mut last: Option<&Stored> = None;
        for stored in order {
            budget.spend_steps(1, stored.span.start)?;
            if stored.span.len == 0 {
                // What lies behind the end of the file is recorded already.
                if stored.span.start != end && stored.span.start < bytes.len() {
                    let what = "it is empty, and lies where no other tensor ends";
                    let route = Route::Tensor(stored.name.clone());
                    reading.deviation(Quirk::Handmade, stored.span, route, what);
                }
                continue;
            }
            if let Some(before) = last.filter(|_| stored.span.start < end) {
                overlap(before, stored, reading);
            } else {
                let between = Span::between(end, stored.span.start);
                whole &= self.between(bytes, between, &stored.name, reading, budget)?;
            }
            if stored.span.end() >= end {
                end = stored.span.end();
                last = Some(stored);
            }
        }
        let rest = Span::between(end.min(bytes.len()), bytes.len());
        whole &= self.behind(bytes, rest, reading, budget)?;
        children(bytes, tensors, reading);
        Ok(whole)
    }

    /// What stands before a tensor and behind the one before it.
    fn between(
        self,
        bytes: &Bytes,
        span: Span,
        name: &str,
        reading: &mut Reading,
        budget: &mut Budget,
    ) -> Result<bool, Halt> {
        if span.len == 0 {
            return Ok(true);
        }
        let route = || Route::Tensor(name.to_owned());
        let Some(first) = first_set(bytes, span, budget)? else {
            if span.len < self.alignment {
                return Ok(true);
            }
            let what = format!("{} zeros that no tensor takes, before tensor `{name}`", span.len);
            reading.deviation(Quirk::BytesBetween, span, route(), &what);
            return Ok(true);
        };
        let rest = Span::between(first, span.end());
        let what = format!("{} bytes that no tensor takes, before tensor `{name}`", rest.len);
        reading.deviation(Quirk::BytesBetween, rest, route(), &what);
        reading.child(format!("@between@{first:#x}"), bytes.slice(rest), Role::Leftover);
        Ok(false)
    }

    /// What stands behind the last tensor.
    fn behind(
        self,
        bytes: &Bytes,
        span: Span,
        reading: &mut Reading,
        budget: &mut Budget,
    ) -> Result<bool, Halt> {
        if span.len == 0 {
            return Ok(true);
        }
        let Some(first) = first_set(bytes, span, budget)? else {
            if span.len >= self.alignment {
                let what = format!("{} zeros behind the last tensor", span.len);
                reading.deviation(Quirk::BytesAfterEnd, span, Route::None, &what);
            }
            return Ok(true);
        };
        let rest = Span::between(first, span.end());
        let what = format!("{} bytes behind the end of {}", rest.len, self.what);
        reading.deviation(Quirk::BytesAfterEnd, rest, Route::None, &what);
        reading.child(format!("@suffix@{first:#x}"), bytes.slice(rest), Role::Leftover);
        Ok(false)
    }
}

/// Whether a break of form is a number that claims what cannot be.
fn is_claim(quirk: Quirk) -> bool {
    matches!(quirk, Quirk::HugeIndex | Quirk::OutOfRange | Quirk::SizeMismatch)
}

fn overlap(before: &Stored, stored: &Stored, reading: &mut Reading) {
    let how = if before.span == stored.span { "are the same bytes" } else { "lie over each other" };
    let what = format!("tensors `{}` and `{}` {how}", before.name, stored.name);
    reading.deviation(Quirk::Overlap, stored.span, Route::Tensor(stored.name.clone()), &what);
}

/// Records that a reader which stopped at `halt` leaves the rest of `bytes` unexplained: as a break of
/// form where it is the file's own fault, and as what else it could be.
pub(crate) fn break_off(halt: &Halt, bytes: &Bytes, reading: &mut Reading) {
    if halt.blame() != Blame::Malformed {
        return;
    }
    let rest = Span::between(halt.at().min(bytes.len()), bytes.len());
    reading.deviation(Quirk::Truncated, rest, Route::None, halt.what());
    reading.child(format!("@{:#x}", rest.start), bytes.slice(rest), Role::Leftover);
}

/// Offset of the first byte of `span` that is not zero.
pub(crate) fn first_set(
    bytes: &Bytes,
    span: Span,
    budget: &mut Budget,
) -> Result<Option<u64>, Halt> {
    let mut buffer = vec![0; to_usize(span.len).min(PIECE)];
    let mut at = span.start;
    while at < span.end() {
        let room = to_usize(span.end().saturating_sub(at)).min(buffer.len());
        let read = bytes.read_at(at, buffer.get_mut(..room).unwrap_or_default())?;
        if read == 0 {
            break;
        }
        budget.spend_steps(1, at)?;
        let piece = buffer.get(..read).unwrap_or_default();
        if let Some(found) = piece.iter().position(|byte| *byte != 0) {
            return Ok(Some(at.saturating_add(to_u64(found))));
        }
        at = at.saturating_add(to_u64(read));
    }
    Ok(None)
}

/// Makes artifacts of the bytes of tensors, as plain data: those of bytes first, then the largest.
pub(crate) fn children(bytes: &Bytes, tensors: &[Stored], reading: &mut Reading) {
    let mut chosen: Vec<(bool, u64, usize)> = tensors
        .iter()
        .enumerate()
        .filter(|(_, it)| it.span.len >= WORTH_READING)
        .map(|(index, it)| (it.is_bytes, it.span.len, index))
        .collect();
    if chosen.len() > READ {
        chosen.sort_unstable_by(|a, b| b.cmp(a));
        chosen.truncate(READ);
        chosen.sort_unstable_by_key(|(.., index)| *index);
    }
    for (.., index) in chosen {
        let Some(stored) = tensors.get(index) else { continue };
        let name: String = stored.name.chars().take(NAME).collect();
        reading.child(name, bytes.slice(stored.span), Role::Storage);
    }
}
