//! Vectors of words in the binary form of word2vec: a line with two counts, then each word, a blank
//! and its numbers.
//!
//! Source: word2vec, `word2vec.c` (`TrainModel`) and `distance.c`; gensim, `models/keyedvectors.py`
//! (`_word2vec_read_binary`). The text form is text.

use davy_artifact::{Fact, Format, Input, Probe, Quirk, Reading, Role, Route, Site, Tensor};
use davy_bytes::{Budget, Cursor, Halt, Span, to_usize};

/// Longest first line.
const LINE: usize = 40;

/// Longest word; word2vec itself cuts words at 100 bytes.
const WORD: usize = 4096;

/// Numbers of a vector; the longest in use have a few thousand.
const DIMENSIONS: u64 = 1 << 16;

/// The reader of word2vec's binary vectors.
#[derive(Debug)]
pub struct Word2Vec;

impl Format for Word2Vec {
    fn id(&self) -> &'static str {
        "word2vec"
    }

    fn summary(&self) -> &'static str {
        "vectors of words in the binary form of word2vec"
    }

    fn probe(&self, head: &[u8], input: &Input<'_>) -> Probe {
        let Some(Counts { words, dimensions, behind }) = counts(head) else { return Probe::No };
        let each = dimensions.saturating_mul(4).saturating_add(2);
        let room = input.bytes.len().saturating_sub(to_len(behind));
        let rest = head.get(behind..).unwrap_or_default();
        // Text has the same first line; a word and its numbers are told by the bytes of the numbers.
        let fits = words.saturating_mul(each) <= room && starts_word(rest);
        if fits && !crate::text::is_text(head) { Probe::Possible } else { Probe::No }
    }

    fn read(
        &self,
        input: &Input<'_>,
        reading: &mut Reading,
        budget: &mut Budget,
    ) -> Result<(), Halt> {
        let head = input.bytes.copy(Span::new(0, 64), 64)?;
        let Some(Counts { words, dimensions, behind }) = counts(&head) else {
            return Err(Halt::malformed(0, "no line with two counts"));
        };
        let mut cursor = Cursor::starting_at(input.bytes.clone(), to_len(behind));
        let vector = dimensions.saturating_mul(4);
        let result = pass(&mut cursor, words, vector, budget);
        let read = match result {
            Ok(()) => words,
            Err((0, halt)) => return Err(halt),
            Err((read, halt)) => {
                let rest = Span::between(halt.at().min(input.bytes.len()), input.bytes.len());
                reading.deviation(Quirk::Truncated, rest, Route::None, halt.what());
                if halt.blame() != davy_bytes::Blame::Malformed {
                    return Err(halt);
                }
                read
            }
        };
        let signed = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        let tensor = Tensor {
            storage: "vectors".to_owned(),
            dtype: "float32".to_owned(),
            elements: words.saturating_mul(dimensions),
            offset: 0,
            size: vec![signed(words), signed(dimensions)],
            stride: vec![],
        };
        let end = cursor.position().min(input.bytes.len());
        let span = Span::between(0, end);
        let site = Site { span, route: Route::Tensor("vectors".to_owned()) };
        reading.fact(Fact::Tensor { tensor, site });
        let whole = read == words;
        while whole && cursor.peek()? == Some(b'\n') {
            cursor.u8("line break")?;
        }
        let rest = Span::between(cursor.position().min(input.bytes.len()), input.bytes.len());
        reading.seamless = whole && rest.len == 0;
        if rest.len > 0 {
            if whole {
                let what = "bytes behind the last vector";
                reading.deviation(Quirk::BytesAfterEnd, rest, Route::None, what);
            }
            let name = format!("@{:#x}", rest.start);
            reading.child(name, input.bytes.slice(rest), Role::Leftover);
        }
        Ok(())
    }
}

/// What the first line says.
struct Counts {
    words: u64,
    dimensions: u64,
    /// Offset behind the line.
    behind: usize,
}

fn counts(head: &[u8]) -> Option<Counts> {
    let line = head.get(..head.len().min(LINE))?;
    let end = line.iter().position(|byte| *byte == b'\n')?;
    let text = std::str::from_utf8(line.get(..end)?).ok()?.trim_end();
    let (words, dimensions) = text.split_once(' ')?;
    let number = |text: &str| {
        let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        plain.then(|| text.parse::<u64>().ok()).flatten().filter(|number| *number > 0)
    };
    let (words, dimensions) = (number(words)?, number(dimensions)?);
    let fits = dimensions <= DIMENSIONS;
    fits.then_some(Counts { words, dimensions, behind: end.saturating_add(1) })
}

/// Whether a word without control characters, and a blank, stand here.
fn starts_word(rest: &[u8]) -> bool {
    let len = rest.iter().take(WORD).position(|byte| *byte == b' ').unwrap_or(0);
    let word = rest.get(..len).unwrap_or_default();
    !word.is_empty() && !word.iter().any(|byte| *byte < 0x20)
}

fn to_len(len: usize) -> u64 {
    davy_bytes::to_u64(len)
}

/// Passes over all words; on a fault tells how many were whole.
fn pass(
    cursor: &mut Cursor,
    words: u64,
    vector: u64,
    budget: &mut Budget,
) -> Result<(), (u64, Halt)> {
    for read in 0..words {
        one(cursor, vector, budget).map_err(|halt| (read, halt))?;
    }
    Ok(())
}

/// Passes over a word and its numbers.
fn one(cursor: &mut Cursor, vector: u64, budget: &mut Budget) -> Result<(), Halt> {
    budget.spend_steps(16, cursor.position())?;
    while cursor.peek()? == Some(b'\n') {
        cursor.u8("line break")?;
        budget.spend_steps(1, cursor.position())?;
    }
    let piece = cursor.peek_slice(64)?;
    let len = match piece.iter().position(|byte| *byte == b' ') {
        Some(len) => len,
        None => {
            let piece = cursor.peek_slice(WORD)?;
            let end = piece.iter().position(|byte| *byte == b' ');
            let at = cursor.position();
            end.ok_or_else(|| Halt::malformed(at, "a word without its end"))?
        }
    };
    cursor.take(len.saturating_add(1), "word")?;
    if vector <= 4096 {
        cursor.take(to_usize(vector), "vector")?;
    } else {
        cursor.skip(vector, "vector")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use davy_testkit::robust::{self, Order};

    fn vectors(words: u32) -> Vec<u8> {
        let mut file = format!("{words} 3\n").into_bytes();
        for word in ["one", "two"] {
            file.extend(word.as_bytes());
            file.push(b' ');
            file.extend([0, 0, 128, 63].repeat(3));
            file.push(b'\n');
        }
        file
    }

    fn quirks(file: &[u8]) -> Vec<Quirk> {
        let outcome = robust::read(&Word2Vec, "x.bin", file).unwrap();
        outcome.reading.deviations.iter().map(|it| it.quirk).collect()
    }

    #[test]
    fn vectors_are_read_to_their_end() {
        let file = vectors(2);
        assert_eq!(robust::probe(&Word2Vec, "x", &file), Probe::Possible);
        assert!(robust::read(&Word2Vec, "x", &file).unwrap().reading.seamless);
        assert_eq!(quirks(&[file, b"more".to_vec()].concat()), [Quirk::BytesAfterEnd]);
        assert_eq!(quirks(&vectors(2)[..30]), [Quirk::Truncated]);
        assert_eq!(robust::probe(&Word2Vec, "x", &vectors(99)), Probe::No);
    }

    #[test]
    fn text_is_not_taken_for_it() {
        let text = b"2 3\none 0.1 0.2 0.3\ntwo 0.4 0.5 0.6\n";
        assert_eq!(robust::probe(&Word2Vec, "x", text), Probe::No);
        assert_eq!(robust::probe(&Word2Vec, "x", b"P5 2\n"), Probe::No);
    }

    #[test]
    fn damage_breaks_no_promise() {
        robust::truncations(&Word2Vec, &vectors(2), Order::Indexed).unwrap();
        robust::flips(&Word2Vec, &vectors(2)).unwrap();
    }
}
