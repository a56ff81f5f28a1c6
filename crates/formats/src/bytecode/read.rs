//! From marshalled bytes to what their code says.

use super::code::CodeTree;
use super::fit::{Misfit, meaning, misfit};
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
fn choose(
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
