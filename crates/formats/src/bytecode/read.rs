//! From marshalled bytes to what their code says.

use super::code::CodeTree;
use super::fit::{Misfit, is_heavy, meaning, misfit};
use super::summary::describe;
use super::version::{Layout, Version};
use crate::marshal::{self, Marshalled};
use davy_artifact::{Code, Quirk, When};
use davy_bytes::{Budget, Bytes, Halt, Span};

/// The longest marshal data that is read: far more than any module compiles to.
const LONGEST: u64 = 64 << 20;

/// What is known about who wrote or will read code.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Hints {
    /// The version of Python.
    pub version: Option<Version>,
    /// Whether loaders refuse any other version, as they do behind a pyc file's magic number.
    pub certain: bool,
}

/// Code objects out of bytes, and what can be said about them.
#[derive(Debug)]
pub struct Decoded {
    /// The code, read as the version that fits best.
    pub tree: CodeTree,
    /// The same code as other versions read it, where that means something else.
    pub others: Vec<CodeTree>,
    /// Language and versions, for people.
    pub language: String,
    /// Where each code object stands.
    pub spans: Vec<Span>,
    /// Offset behind what was read.
    pub end: u64,
    /// How it breaks marshal's form.
    pub deviations: Vec<(Quirk, Span, &'static str)>,
    /// What is not certain about the reading, in words.
    pub doubts: Vec<String>,
    /// Why reading stopped early.
    pub halt: Option<Halt>,
}

/// Reads marshalled code, such as that of a Keras `Lambda` layer.
///
/// Which version wrote it is found out by trial where `hints` do not say. Bytes behind the code are
/// ignored, as `marshal.loads` ignores them.
///
/// # Errors
/// [`Halt::malformed`] where no version loads the bytes or they hold no code, and
/// [`Halt::exhausted`] where the budget ends.
pub fn read_marshalled(
    bytes: &Bytes,
    hints: Hints,
    when: When,
    budget: &mut Budget,
) -> Result<Code, Halt> {
    let content = whole(bytes)?;
    let decoded = decode(&content, hints, budget)?;
    if let Some(halt) = decoded.halt {
        return Err(halt);
    }
    if decoded.tree.objects.is_empty() {
        return Err(Halt::malformed(0, "marshal data without code"));
    }
    describe(&decoded, when, budget)
}

/// All of `bytes`, if they are no more than is read.
pub(crate) fn whole(bytes: &Bytes) -> Result<Vec<u8>, Halt> {
    if bytes.len() > LONGEST {
        return Err(Halt::exhausted(0, "more marshal data than is read at once"));
    }
    bytes.copy(Span::new(0, bytes.len()), usize::MAX)
}

/// Reads the first marshalled object, as the versions that `hints` allow.
///
/// # Errors
/// [`Halt::exhausted`] where the budget ends; everything else that stops the reading is told beside
/// what was read.
pub fn decode(bytes: &[u8], hints: Hints, budget: &mut Budget) -> Result<Decoded, Halt> {
    if let Some(version) = hints.version {
        let read = marshal::read(bytes, version, budget);
        if hints.certain {
            return Ok(finish(read, &[version], &[version]));
        }
        if read.value.is_ok() {
            return choose(read, version.layout(), hints, budget);
        }
    }
    let (layout, read) = best_layout(bytes, budget);
    choose(read, layout, hints, budget)
}

/// The reading that gets to the end, or farthest, of those that the layouts of code give.
fn best_layout(bytes: &[u8], budget: &mut Budget) -> (Layout, Marshalled) {
    let newest = [Version::V3_14, Version::V3_10, Version::V3_7, Version::V2_7];
    let mut best: Option<(Layout, Marshalled)> = None;
    for version in newest {
        let read = marshal::read(bytes, version, budget);
        let better = match &best {
            None => true,
            Some((_, best)) => {
                let rank = |read: &Marshalled| (read.value.is_ok(), read.end);
                rank(&read) > rank(best)
            }
        };
        if better {
            best = Some((version.layout(), read));
        }
    }
    best.unwrap_or_else(|| (Layout::Slots, marshal::read(&[], Version::V3_14, budget)))
}

/// Picks the versions that fit, among those with this layout.
///
/// # Errors
/// [`Halt::exhausted`] where the budget ends.
pub(crate) fn choose(
    read: Marshalled,
    layout: Layout,
    hints: Hints,
    budget: &mut Budget,
) -> Result<Decoded, Halt> {
    let slices = read.slices;
    let candidates: Vec<Version> = Version::ALL
        .into_iter()
        .filter(|version| version.layout() == layout && (!slices || *version >= Version::V3_14))
        .collect();
    let draft = CodeTree {
        version: candidates.last().copied().unwrap_or(Version::V3_14),
        objects: read.objects.clone(),
        constants: Vec::new(),
    };
    if is_heavy(&draft) {
        let hinted = hints.version.filter(|version| candidates.contains(version));
        let version = hinted.unwrap_or(draft.version);
        return Ok(finish(read, &[version], &candidates));
    }
    let mut fits: Vec<(Misfit, Version)> = Vec::new();
    for version in candidates {
        fits.push((misfit(&draft, version, budget)?, version));
    }
    let least = fits.iter().map(|(misfit, _)| *misfit).min().unwrap_or_default();
    let mut fitting: Vec<Version> =
        fits.iter().filter(|(misfit, _)| *misfit == least).map(|(_, version)| *version).collect();
    let names = fitting.clone();
    // The newest first, except that a hint goes before all.
    fitting.sort_by_key(|version| (hints.version != Some(*version), std::cmp::Reverse(*version)));
    let mut told: Vec<(u64, Version)> = Vec::new();
    for version in fitting {
        let meaning = meaning(&draft, version, budget)?;
        if !told.iter().any(|(known, _)| *known == meaning) {
            told.push((meaning, version));
        }
    }
    let told: Vec<Version> = told.into_iter().map(|(_, version)| version).collect();
    Ok(finish(read, &told, &names))
}

/// Puts a reading into words: as the first of `versions` in the main, and beside it as the others.
fn finish(read: Marshalled, versions: &[Version], fitting: &[Version]) -> Decoded {
    let first = versions.first().copied().unwrap_or(Version::V3_14);
    let mut tree = CodeTree { version: first, objects: read.objects, constants: read.constants };
    let others = versions.iter().skip(1).map(|version| tree.read_as(*version)).collect();
    tree.objects.iter_mut().for_each(|object| object.version = first);
    Decoded {
        tree,
        others,
        language: language(fitting),
        spans: read.spans,
        end: read.end,
        deviations: read.deviations,
        doubts: Vec::new(),
        halt: read.value.err(),
    }
}

/// `Python 3.8 to 3.10 byte code`; `versions` are in order.
pub(crate) fn language(versions: &[Version]) -> String {
    let gapless = versions.windows(2).all(|pair| match pair {
        [one, next] => one.column().saturating_add(1) == next.column(),
        _ => true,
    });
    let said = match versions {
        [] => String::new(),
        [only] => only.to_string(),
        [first, .., last] if gapless => format!("{first} to {last}"),
        [others @ .., last] => {
            let others: Vec<&str> = others.iter().map(|version| version.as_str()).collect();
            format!("{} or {last}", others.join(", "))
        }
    };
    format!("Python {said} byte code")
}

#[cfg(test)]
mod tests {
    use super::*;
    use davy_artifact::{Excerpt, Value};
    use std::time::{Duration, Instant};

    /// A marshalled code object of the layout of 3.8 to 3.10, from its code, constants, and the rest.
    fn marshalled(code: &[u8], consts: &[u8], names: &[u8]) -> Vec<u8> {
        let counts = [0_u32, 0, 0, 0, 4, 0x43];
        let mut bytes = vec![b'c' | 0x80];
        bytes.extend(counts.into_iter().flat_map(u32::to_le_bytes));
        bytes.push(b's');
        bytes.extend(u32::try_from(code.len()).unwrap().to_le_bytes());
        bytes.extend([code, consts, names, b")\0)\0)\0z\x01mz\x01f\x01\0\0\0s\0\0\0\0"].concat());
        bytes
    }

    fn read_code(bytes: &[u8]) -> Result<Code, Halt> {
        let bytes = Bytes::from_memory(bytes);
        read_marshalled(&bytes, Hints::default(), When::Used, &mut Budget::default())
    }

    const CALL: &[u8] = &[116, 0, 106, 1, 100, 0, 131, 1, 83, 0];
    const NAMES: &[u8] = b")\x02z\x02osz\x06system";

    #[test]
    fn versions_that_read_code_alike_are_all_named() {
        let code = read_code(&marshalled(CALL, b")\x01z\x02id", NAMES)).unwrap();
        assert_eq!(code.language, "Python 3.8 to 3.9 byte code");
        assert_eq!(code.names, ["os", "system"]);
        assert_eq!(code.texts, [Value::Text(Excerpt::whole("id"))]);
        let is_op = [116, 0, 116, 1, 117, 0, 83, 0];
        let code = read_code(&marshalled(&is_op, b")\0", NAMES)).unwrap();
        assert_eq!(code.language, "Python 3.9 byte code");
        assert_eq!(language(&[Version::V3_8, Version::V3_10]), "Python 3.8 or 3.10 byte code");
    }

    #[test]
    fn a_jump_that_versions_count_differently_tells_them_apart() {
        // To the last instruction: in bytes at 8, in words at 4.
        let jump = |to| [116, 0, 114, to, 116, 0, 83, 0, 116, 1, 83, 0];
        let bytes = |to| marshalled(&jump(to), b")\0", NAMES);
        assert_eq!(read_code(&bytes(8)).unwrap().language, "Python 3.8 to 3.9 byte code");
        assert_eq!(read_code(&bytes(4)).unwrap().language, "Python 3.10 byte code");
    }

    #[test]
    fn data_without_code_and_broken_data_are_refused() {
        assert_eq!(read_code(b"N").unwrap_err().what(), "marshal data without code");
        let whole = marshalled(CALL, b")\x01z\x02id", NAMES);
        for len in 0..whole.len() {
            assert!(read_code(&whole[..len]).is_err(), "{len}");
        }
    }

    #[test]
    fn what_code_objects_share_costs_once() {
        let started = Instant::now();
        let long = [b"(\x40\x0d\x03\0".as_slice(), &b"z\x01a".repeat(200_000)].concat();
        let first = marshalled(CALL, b")\0", &[&[b'(' | 0x80], &long[1..]].concat());
        // References: 0 is the outer code, 1 the first one, 2 its names.
        let again = marshalled(CALL, b")\0", b"r\x02\0\0\0");
        let mut consts = b"(\x21\x4e\0\0".to_vec();
        consts.extend(first);
        consts.extend(again.repeat(20_000));
        let read = read_code(&marshalled(CALL, &consts, NAMES)).unwrap();
        assert_eq!(read.names, ["os", "system", "a"]);
        assert!(started.elapsed() < Duration::from_secs(20));
    }

    #[test]
    fn code_in_code_in_code_has_no_end_but_the_budget() {
        let mut bytes = marshalled(CALL, b")\0", NAMES);
        for _ in 0..100 {
            bytes = marshalled(CALL, &[b")\x01", &*bytes].concat(), NAMES);
        }
        assert_eq!(read_code(&bytes).unwrap().names, ["os", "system"]);
    }
}
