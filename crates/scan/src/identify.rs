//! From bytes to what every plausible reader makes of them.
//!
//! The same bytes may be of several formats at once (a polyglot is whatever its victim's loader
//! takes it for), so all that could be are read. A guess that learned nothing is then forgotten,
//! unless nothing better is known.

use crate::fence::fenced;
use crate::survey::Mark;
use davy_artifact::{
    Child, Deviation, Format, Gap, Identity, Input, Probe, Quirk, Reading, Role, Route, Why,
};
use davy_bytes::{Blame, Budget, Bytes, Span, to_u64};

/// Bytes that probes see.
const HEAD: usize = 4096;

/// What came of reading one artifact.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// What it was read as.
    pub(crate) identities: Vec<Identity>,
    /// What was not read.
    pub(crate) gaps: Vec<Gap>,
    /// The artifacts in it, of all identities.
    pub(crate) children: Vec<Child>,
    /// The checksums that it gives for parts of itself.
    pub(crate) marks: Vec<Mark>,
    /// Whether a reader asked for more than the budget had, so that a larger one could change the
    /// result.
    pub(crate) starved: bool,
}

/// One reader's try at an artifact.
struct Attempt {
    format: &'static str,
    probe: Probe,
    reading: Reading,
}

/// Reads an artifact with every format that it could be of.
pub(crate) fn read(formats: &[&dyn Format], input: &Input<'_>, budget: &mut Budget) -> Outcome {
    if input.bytes.is_empty() {
        return Outcome::default();
    }
    let size = input.bytes.len();
    let mut outcome = Outcome::default();
    let head = match input.bytes.copy(Span::new(0, to_u64(HEAD)), HEAD) {
        Ok(head) => head,
        Err(halt) => {
            outcome.gaps.push(Gap::from_halt(&halt, size));
            return outcome;
        }
    };
    // All that a probe can ask for is in memory where the artifact is small.
    let small = (to_u64(head.len()) == size).then(|| Bytes::from_memory(head.as_slice()));
    let probed = Input { bytes: small.as_ref().unwrap_or(input.bytes), ..*input };
    let mut attempts = Vec::new();
    for format in formats {
        match fenced(|| format.probe(&head, &probed)) {
            Ok(Probe::No) => {}
            Ok(probe) => attempts.push(attempt(*format, probe, input, budget)),
            Err(fault) => {
                outcome.gaps.push(crash(&format!("the probe of `{}`", format.id()), &fault, size))
            }
        }
    }
    davy_formats::zip::forget();
    davy_formats::tar::forget();
    let short = |gap: &Gap| gap.why == Why::Halted(Blame::Exhausted);
    outcome.starved = attempts.iter().any(|attempt| attempt.reading.gaps.iter().any(short));
    choose(&mut attempts, input, &mut outcome.gaps);
    explain(&mut attempts);
    for attempt in attempts {
        outcome.keep(attempt);
    }
    outcome.gaps.sort_by(|a, b| (a.span, &a.what).cmp(&(b.span, &b.what)));
    outcome.gaps.dedup();
    outcome
}

/// The gap that a panic leaves in an artifact of `size` bytes.
pub(crate) fn crash(who: &str, fault: &str, size: u64) -> Gap {
    Gap::new(Span::new(0, size), Why::Crashed, &format!("{who} crashed: {fault}"))
}

fn attempt(format: &dyn Format, probe: Probe, input: &Input<'_>, budget: &mut Budget) -> Attempt {
    let size = input.bytes.len();
    let mut reading = Reading::default();
    match fenced(|| format.read(input, &mut reading, budget)) {
        Ok(Ok(())) => {}
        Ok(Err(halt)) => reading.halted(&halt, size),
        Err(fault) => {
            reading.gaps.push(crash(&format!("the reader of `{}`", format.id()), &fault, size));
        }
    }
    Attempt { format: format.id(), probe, reading }
}

impl Attempt {
    fn certain(&self) -> bool {
        self.probe == Probe::Certain
    }

    /// Whether it learned nothing, and nothing but the artifact's own form stopped it.
    fn vain(&self) -> bool {
        !self.certain() && self.reading.is_empty() && self.reading.gaps.iter().all(malformed)
    }

    /// Whether it is a guess that read to its end and has nothing to show for it: no fact, no child,
    /// no gap, and no word that each byte is accounted for.
    fn mute(&self) -> bool {
        let reading = &self.reading;
        !self.certain() && !reading.seamless && reading.is_empty() && reading.gaps.is_empty()
    }

    /// Whether it is sure of the format, and knows what each byte is there for.
    fn explains(&self) -> bool {
        let Reading { seamless, deviations, gaps, .. } = &self.reading;
        let around = deviations.iter().any(is_around);
        self.certain() && *seamless && gaps.is_empty() && !around
    }

    /// Whether it leaves no gap.
    fn whole(&self) -> bool {
        self.reading.gaps.is_empty() && (self.certain() || !self.reading.is_empty())
    }
}

fn malformed(gap: &Gap) -> bool {
    gap.why == Why::Halted(Blame::Malformed)
}

/// Forgets the attempts that failed because the artifact is of another format, and says so when
/// none is left.
fn choose(attempts: &mut Vec<Attempt>, input: &Input<'_>, gaps: &mut Vec<Gap>) {
    if input.role == Role::Storage {
        choose_in_storage(attempts, gaps);
        return;
    }
    let size = input.bytes.len();
    let whole = attempts.iter().any(Attempt::whole);
    let only = match attempts.as_slice() {
        [only] => only.reading.gaps.first().map(|gap| (only.format, gap.what.clone())),
        _ => None,
    };
    attempts.retain(|attempt| !attempt.vain() || (!whole && attempt.reading.gaps.is_empty()));
    if let [first, ..] = attempts.as_slice()
        && attempts.iter().all(Attempt::mute)
    {
        let what = format!("taken for `{}`, of which nothing was learned", first.format);
        gaps.push(Gap::new(Span::new(0, size), Why::Unidentified, &what));
    }
    if attempts.is_empty() && gaps.is_empty() {
        let what = match only {
            Some((format, what)) => format!("no reader knows these bytes; as `{format}`: {what}"),
            None => "no reader knows these bytes".to_owned(),
        };
        gaps.push(Gap { span: Span::new(0, size), why: Why::Unidentified, what });
    }
}

/// The parent explains these bytes: numbers can look like the start of anything, so only what was
/// really learned counts, and what breaks off behind it is no gap. What a guess takes out of them is
/// data as they are, and what it leaves over is known to the parent.
fn choose_in_storage(attempts: &mut Vec<Attempt>, gaps: &mut Vec<Gap>) {
    for attempt in attempts.iter_mut().filter(|attempt| !attempt.certain()) {
        attempt.reading.children.retain(|child| child.role != Role::Leftover);
        let plain = attempt.reading.children.iter_mut();
        plain.filter(|it| it.role == Role::Present).for_each(|it| it.role = Role::Storage);
        let around = |it: &Deviation| is_around(it) && it.route == Route::None;
        attempt.reading.deviations.retain(|it| !around(it));
        attempt.reading.gaps.retain(|gap| !malformed(gap));
        let learned = !attempt.reading.facts.is_empty() || !attempt.reading.children.is_empty();
        if !learned {
            let ours = |gap: &Gap| matches!(gap.why, Why::Crashed | Why::Halted(Blame::Io));
            gaps.extend(attempt.reading.gaps.drain(..).filter(ours));
        }
    }
    attempts.retain(|attempt| {
        let reading = &attempt.reading;
        attempt.certain() || !reading.facts.is_empty() || !reading.children.is_empty()
    });
}

/// Forgets what readers say about bytes that they cannot explain, where another reader explains
/// all: a pickle or tar that carries an archive near its end is no archive with bytes before it.
fn explain(attempts: &mut [Attempt]) {
    let mut explains = attempts.iter().map(Attempt::explains);
    let Some(whole) = explains.position(|explains| explains) else { return };
    let others = attempts.iter_mut().enumerate().filter(|(index, _)| *index != whole);
    for (_, Attempt { reading, .. }) in others {
        let around = |it: &&Deviation| is_around(it) && it.route == Route::None;
        let leftovers = reading.deviations.iter().filter(around).map(|it| it.span).collect();
        let leftovers = united(leftovers);
        let known = |span: Span| is_within(span, &leftovers);
        reading.deviations.retain(|deviation| !known(deviation.span));
        reading.gaps.retain(|gap| !(form(gap) && known(gap.span)));
        reading.children.retain(|child| child.role != Role::Leftover);
    }
}

/// Whether a deviation is about bytes around what a reader explains, or around a part of it.
fn is_around(deviation: &Deviation) -> bool {
    matches!(deviation.quirk, Quirk::BytesAfterEnd | Quirk::BytesBeforeStart | Quirk::BytesBetween)
}

/// Whether a gap is due to the form of its bytes, and not to limits or a fault of ours.
fn form(gap: &Gap) -> bool {
    matches!(gap.why, Why::Halted(Blame::Malformed | Blame::Unsupported | Blame::Encrypted))
}

/// The same bytes in order, in spans that do not touch.
fn united(mut spans: Vec<Span>) -> Vec<Span> {
    spans.sort_unstable();
    let mut united: Vec<Span> = Vec::new();
    for span in spans {
        match united.last_mut().filter(|last| span.start <= last.end()) {
            Some(last) => *last = Span::between(last.start, last.end().max(span.end())),
            None => united.push(span),
        }
    }
    united
}

/// Whether one of `spans`, which are in order, has all of `span`.
fn is_within(span: Span, spans: &[Span]) -> bool {
    let after = spans.partition_point(|it| it.start <= span.start);
    let before = after.checked_sub(1).and_then(|index| spans.get(index));
    before.is_some_and(|it| span.end() <= it.end())
}

impl Outcome {
    /// Takes an attempt over, and out of its reading what belongs to the artifact.
    fn keep(&mut self, attempt: Attempt) {
        let Attempt { format, mut reading, .. } = attempt;
        let identity = self.identities.len();
        self.gaps.append(&mut reading.gaps);
        self.children.append(&mut reading.children);
        let checksums = std::mem::take(&mut reading.checksums);
        self.marks.extend(checksums.into_iter().map(|checksum| Mark { identity, checksum }));
        self.identities.push(Identity { format, reading });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doubles::{BOX, Double, FORMATS, SCRIPT, Shrunk, boxed, small_limits};
    use davy_bytes::{Bytes, Halt};

    fn read_as(formats: &[&dyn Format], bytes: &Bytes, role: Role) -> Outcome {
        let input = Input { bytes, name: "name", role };
        read(formats, &input, &mut Budget::new(small_limits()))
    }

    fn outcome(formats: &[&dyn Format], text: &str) -> Outcome {
        read_as(formats, &Bytes::from_memory(text.as_bytes()), Role::Present)
    }

    fn formats(outcome: &Outcome) -> Vec<&str> {
        outcome.identities.iter().map(|identity| identity.format).collect()
    }

    fn gaps(outcome: &Outcome) -> Vec<(&str, &str)> {
        outcome.gaps.iter().map(|gap| (gap.why.as_str(), gap.what.as_str())).collect()
    }

    /// May be anything, and fails at once.
    const VAIN: Double = Double {
        id: "vain",
        probe: |_| Probe::Possible,
        read: |_, _, _| Err(Halt::malformed(0, "not vain at all")),
    };

    /// May be anything, and learns nothing.
    const MUTE: Double = Double { id: "mute", probe: |_| Probe::Possible, read: |_, _, _| Ok(()) };

    #[test]
    fn what_was_learned_before_a_fault_stays() {
        let got = outcome(FORMATS, "ii!");
        assert_eq!(formats(&got), ["script"]);
        assert_eq!(got.identities[0].reading.facts.len(), 2);
        assert_eq!(gaps(&got), [("malformed", "no such letter")]);
        assert_eq!(got.gaps[0].span, Span::new(2, 1));
    }

    #[test]
    fn a_guess_that_learned_nothing_gives_way_to_a_better_one() {
        assert_eq!(formats(&outcome(&[&MUTE, &SCRIPT, &VAIN], "inn")), ["script"]);
        assert_eq!(formats(&outcome(&[&MUTE, &BOX, &VAIN], "BOX")), ["box"]);
        let got = outcome(&[&VAIN, &SCRIPT], "i!");
        assert_eq!(
            (formats(&got), gaps(&got)),
            (vec!["script"], vec![("malformed", "no such letter")])
        );
        assert_eq!(formats(&outcome(&[&VAIN, &MUTE], "??")), ["mute"]);
    }

    #[test]
    fn a_guess_that_learned_nothing_is_no_pass() {
        let got = outcome(&[&VAIN, &MUTE], "??");
        let what = "taken for `mute`, of which nothing was learned";
        assert_eq!((formats(&got), gaps(&got)), (vec!["mute"], vec![("unidentified", what)]));
        let whole = Double {
            read: |_, reading, _| {
                reading.seamless = true;
                Ok(())
            },
            ..MUTE
        };
        assert_eq!(gaps(&outcome(&[&VAIN, &whole], "??")), []);
    }

    #[test]
    fn a_certain_identity_stays_with_its_gaps() {
        let got = outcome(FORMATS, "BOX broken");
        assert_eq!((formats(&got), gaps(&got).len()), (vec!["box"], 1));
    }

    #[test]
    fn bytes_that_nobody_knows_leave_one_gap() {
        let got = outcome(&[&VAIN, &SCRIPT], "n!");
        assert!(got.identities.is_empty());
        assert_eq!(gaps(&got), [("unidentified", "no reader knows these bytes")]);
        assert_eq!(got.gaps[0].span, Span::new(0, 2));
        let leftover = read_as(&[&VAIN], &Bytes::from_memory(*b"???"), Role::Leftover);
        assert_eq!(gaps(&leftover)[0].0, "unidentified");
        let got = outcome(FORMATS, "n!");
        let what = "no reader knows these bytes; as `script`: no such letter";
        assert_eq!(gaps(&got), [("unidentified", what)]);
    }

    #[test]
    fn a_crash_keeps_what_was_learned_and_is_a_gap() {
        let got = outcome(FORMATS, "iip");
        assert_eq!(got.identities[0].reading.facts.len(), 2);
        let [(why, what)] = gaps(&got)[..] else { panic!("{:?}", got.gaps) };
        assert_eq!(why, "crashed");
        assert!(what.starts_with("the reader of `script` crashed: p at 2 (doubles.rs:"), "{what}");
    }

    #[test]
    fn a_crash_that_learned_nothing_is_still_a_gap_beside_a_better_identity() {
        let got = outcome(&[&MUTE, &SCRIPT, &BOX], "p");
        assert_eq!(gaps(&got)[0].0, "crashed");
    }

    #[test]
    fn a_probe_that_crashes_costs_only_its_format() {
        let bad = Double { probe: |_| panic!("probe"), ..VAIN };
        let got = outcome(&[&bad, &SCRIPT], "i");
        assert_eq!((formats(&got), gaps(&got)[0].0), (vec!["script"], "crashed"));
    }

    #[test]
    fn plain_data_is_explained_by_its_parent() {
        let storage = |text: &str| {
            let bytes = Bytes::from_memory(text.as_bytes());
            read_as(&[&VAIN, &MUTE, &SCRIPT, &BOX], &bytes, Role::Storage)
        };
        for text in ["???", "n!", "nnn", "d!"] {
            let got = storage(text);
            assert!(got.identities.is_empty() && got.gaps.is_empty(), "{text}: {got:?}");
        }
        let got = storage("i!");
        assert_eq!((formats(&got), got.gaps.len()), (vec!["script"], 0));
        assert_eq!(gaps(&storage("p"))[0].0, "crashed");
        assert_eq!(formats(&storage("BOX")), ["box"]);
    }

    /// May be anything, and finds something in the first two bytes.
    const LOOSE: Double = Double {
        id: "loose",
        probe: |_| Probe::Possible,
        read: |input, reading, _| {
            let rest = Span::between(2, input.bytes.len());
            reading.deviation(Quirk::BytesAfterEnd, rest, Route::None, "behind");
            reading.child("data", input.bytes.slice(Span::new(0, 2)), Role::Present);
            reading.child("@rest", input.bytes.slice(rest), Role::Leftover);
            Ok(())
        },
    };

    #[test]
    fn what_a_guess_takes_out_of_plain_data_is_plain_data() {
        let got = read_as(&[&LOOSE], &Bytes::from_memory(*b"tensor"), Role::Storage);
        let roles: Vec<_> = got.children.iter().map(|child| child.role).collect();
        assert_eq!(roles, [Role::Storage]);
        assert!(got.identities[0].reading.deviations.is_empty());
        let got = read_as(&[&LOOSE], &Bytes::from_memory(*b"tensor"), Role::Present);
        assert_eq!((got.children.len(), got.identities[0].reading.deviations.len()), (2, 1));
    }

    /// Knows what each byte is there for, unless they start with something else than `W`.
    const WHOLE: Double = Double {
        id: "whole",
        probe: |head| if head[0] == b'?' { Probe::Possible } else { Probe::Certain },
        read: |input, reading, _| {
            let first = input.bytes.copy(Span::new(0, 1), 1)?;
            let span = Span::new(1, 1);
            match first.as_slice() {
                b"b" => reading.deviation(Quirk::BytesBetween, span, Route::None, "b"),
                b"g" => reading.gap(span, Why::Halted(Blame::Malformed), "g"),
                _ => {}
            }
            reading.seamless = first != b"v";
            Ok(())
        },
    };

    /// Knows only what stands from offset 4 on.
    const PART: Double = Double {
        id: "part",
        probe: |_| Probe::Certain,
        read: |input, reading, _| {
            let before = Span::new(0, 4);
            reading.deviation(Quirk::BytesBeforeStart, before, Route::None, "before");
            reading.deviation(Quirk::Unlisted, Span::new(1, 2), Route::None, "in it");
            reading.deviation(Quirk::Unlisted, Span::new(3, 2), Route::None, "half in it");
            let spare = Route::Member("m".to_owned());
            reading.deviation(Quirk::BytesAfterEnd, Span::new(5, 1), spare, "within");
            reading.gap(Span::new(1, 1), Why::Halted(Blame::Encrypted), "in it");
            reading.gap(Span::new(1, 1), Why::Halted(Blame::Exhausted), "in it");
            reading.gap(Span::new(4, 1), Why::Halted(Blame::Encrypted), "within");
            reading.child("@prefix", input.bytes.slice(before), Role::Leftover);
            reading.child("m", input.bytes.slice(Span::new(4, 2)), Role::Present);
            Ok(())
        },
    };

    #[test]
    fn what_one_reading_leaves_over_is_known_where_another_explains_all() {
        for order in [[&WHOLE as &dyn Format, &PART], [&PART, &WHOLE]] {
            let got = outcome(&order, "WWWWWW");
            let part = got.identities.iter().find(|it| it.format == "part").unwrap();
            let told: Vec<_> = part.reading.deviations.iter().map(|it| it.what.as_str()).collect();
            assert_eq!(told, ["half in it", "within"]);
            assert_eq!(gaps(&got), [("exhausted", "in it"), ("encrypted", "within")]);
            let names: Vec<_> = got.children.iter().map(|child| child.name.as_str()).collect();
            assert_eq!(names, ["m"]);
        }
    }

    #[test]
    fn who_does_not_explain_all_makes_nothing_known() {
        // Only a guess, bytes between, a gap, and no word about the whole.
        for text in ["?WWWWW", "bWWWWW", "gWWWWW", "vWWWWW"] {
            let got = outcome(&[&WHOLE, &PART], text);
            let part = got.identities.iter().find(|it| it.format == "part").unwrap();
            assert_eq!(part.reading.deviations.len(), 4, "{text}");
            assert_eq!(got.children.len(), 2, "{text}");
        }
        assert_eq!(outcome(&[&PART], "WWWWWW").children.len(), 2);
    }

    /// An archive of one member.
    const ARCHIVE: &[u8] = b"PK\x03\x04\x14\0\0\0\0\0\0\0!\0\xb7\xef\xdc\x83\x01\0\0\0\x01\0\0\0\x01\0\0\0a1\
        PK\x01\x02\x14\x03\x14\0\0\0\0\0\0\0!\0\xb7\xef\xdc\x83\x01\0\0\0\x01\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\
        \xa4\x81\0\0\0\0aPK\x05\x06\0\0\0\0\x01\0\x01\0\x2f\0\0\0\x20\0\0\0\0\0";

    fn deviations(outcome: &Outcome) -> Vec<(&str, Quirk)> {
        let each = outcome.identities.iter().flat_map(|identity| {
            let quirks = identity.reading.deviations.iter().map(|it| it.quirk);
            quirks.map(|quirk| (identity.format, quirk))
        });
        each.collect()
    }

    #[test]
    fn a_pickle_that_carries_an_archive_is_told_from_bytes_before_one() {
        let real = |parts: &[&[u8]]| {
            let bytes = Bytes::from_memory(parts.concat());
            read_as(davy_formats::FORMATS, &bytes, Role::Loaded)
        };
        let len = [u8::try_from(ARCHIVE.len()).unwrap()];
        let carried = real(&[b"\x80\x03C", &len, ARCHIVE, b"."]);
        assert_eq!(formats(&carried), ["pickle", "zip"]);
        assert_eq!(deviations(&carried), []);
        assert!(carried.children.iter().all(|child| child.role != Role::Leftover));
        assert!(carried.children.iter().any(|child| child.name == "a"));

        let behind = real(&[b"\x80\x03K\x01.", ARCHIVE]);
        let expected = [("pickle", Quirk::BytesAfterEnd), ("zip", Quirk::BytesBeforeStart)];
        assert_eq!(deviations(&behind), expected);
        let leftovers = behind.children.iter().filter(|child| child.role == Role::Leftover);
        assert_eq!(leftovers.count(), 2);
    }

    #[test]
    fn a_source_that_shrinks_is_a_gap_of_the_medium() {
        let bytes = Bytes::new(Shrunk { content: b"ii".to_vec(), len: 100 });
        let got = read_as(FORMATS, &bytes, Role::Present);
        let shorter = ("io", "the file became shorter while it was read");
        assert_eq!(gaps(&got), [shorter]);
    }

    #[test]
    fn steps_that_run_out_are_a_gap_and_are_told_apart() {
        let got = outcome(FORMATS, &"s".repeat(200));
        assert_eq!((gaps(&got), got.starved), (vec![("exhausted", "the limit on steps")], true));
        assert!(!outcome(FORMATS, "i!").starved);
    }

    #[test]
    fn the_children_and_checksums_of_all_identities_are_gathered() {
        use crate::doubles::{CRATE, Kept, member};
        let text = boxed(&[member("a", Role::Present, Kept::Summed, b"nn")]);
        let got = read_as(&[&BOX, &CRATE], &Bytes::from_memory(text), Role::Loaded);
        assert_eq!(formats(&got), ["box", "crate"]);
        assert_eq!((got.children.len(), got.marks.len(), got.marks[0].identity), (2, 1, 0));
    }
}
