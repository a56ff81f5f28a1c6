//! The list of work of one input: artifacts wait in it until they are read, and what is found
//! inside them joins it. There is no recursion, and one budget for all.
//!
//! Artifacts are read a batch at a time, in the order in which they stand in the input, so that few
//! unpacked ones are in memory at once. Where a batch is worth it and cores are free, its artifacts
//! are read side by side, each with a part of the budget that is left. Whoever finds that part too
//! small is read again when its turn comes, with all that is then left: results are those of
//! reading one after the other, whatever the number of threads.

use crate::cores::each;
use crate::engine::Run;
use crate::identify::{self, Outcome};
use crate::place::{self, Find, Stranger};
use crate::survey::{Mark, Survey, complete, pass, seek};
use davy_artifact::{Artifact, Child, Gap, Input, Role, Why};
use davy_bytes::{Blame, Budget, Bytes, Limits, Place, Span, to_u64};
use davy_formats::signatures::{Embedded, Search, measure};
use std::collections::{BTreeSet, HashMap};
use std::sync::OnceLock;

/// Artifacts that are taken from the list at a time.
const BATCH: usize = 64;

/// A batch of fewer bytes (without plain data) is read on one thread.
const WORTH_THREADS: u64 = 256 * 1024;

/// Bytes that an artifact may unpack, and hold, while others are read beside it.
const SIDE_BY_SIDE: u64 = 64 << 20;

/// Bytes of a path that cost nothing. Longer ones are paid for like unpacked bytes: one long name
/// becomes a part of the path of everything inside.
const FREE_PATH: usize = 256;

/// The input as the list starts with it.
#[derive(Clone, Copy)]
pub(crate) struct Root<'a> {
    pub(crate) path: &'a str,
    pub(crate) bytes: &'a Bytes,
    /// Where the checksums that it gives are put as soon as they are known.
    pub(crate) marks: &'a OnceLock<Vec<Mark>>,
}

/// An artifact that waits to be read.
struct Pending {
    path: String,
    child: Child,
    parent: usize,
    depth: u32,
    /// The artifact whose bytes it is a part of, and where in them it starts; nothing where it was
    /// unpacked or decoded.
    within: Option<(usize, u64)>,
}

/// An artifact that was read, with the indices of what is in it.
pub(crate) struct Node {
    pub(crate) artifact: Artifact,
    pub(crate) children: Vec<usize>,
    pub(crate) depth: u32,
    /// The artifact whose bytes it is a part of, which may be itself.
    pub(crate) owner: usize,
    /// Where in them it starts.
    pub(crate) start: u64,
}

/// What came of reading one artifact.
struct Done {
    outcome: Outcome,
    survey: Survey,
    /// Files that stand in it, whoever tells of them.
    found: Vec<Embedded>,
}

/// The list, and what has been read so far.
pub(crate) struct Work<'a> {
    run: Run<'a>,
    budget: Budget,
    /// Bytes of artifacts inside the input that may still be surveyed.
    survey: u64,
    nodes: Vec<Node>,
    /// What waits, first one last.
    waiting: Vec<Pending>,
    /// Files found by their signatures, for which no artifact is known yet to have them.
    finds: Vec<Find>,
}

/// Reads an input and everything in it; parents come before their children, all in the order in
/// which they stand in the input.
pub(crate) fn grow<'a>(run: Run<'a>, root: &Root<'_>) -> Work<'a> {
    let limits = run.engine.options.limits.of_input(root.bytes.len());
    let mut work = Work {
        run,
        budget: Budget::new(limits),
        survey: survey_limit(root.bytes.len(), &limits),
        nodes: Vec::new(),
        waiting: Vec::new(),
        finds: Vec::new(),
    };
    work.root(root);
    work.run();
    work
}

/// As many bytes as all artifacts in an input can have that do not lie over each other: stops
/// archives whose members are all the same bytes.
fn survey_limit(size: u64, limits: &Limits) -> u64 {
    size.saturating_mul(u64::from(limits.depth)).saturating_add(limits.expansion)
}

impl Work<'_> {
    fn root(&mut self, root: &Root<'_>) {
        let name = root.path.rsplit('/').next().unwrap_or(root.path);
        let input = Input { bytes: root.bytes, name, role: Role::Loaded };
        self.budget.take_artifact();
        let mut outcome = identify::read(self.run.engine.formats, &input, &mut self.budget);
        let _ = root.marks.set(std::mem::take(&mut outcome.marks));
        let artifact = artifact(root.path.to_owned(), root.bytes.len(), Role::Loaded, None);
        let inside = self.add(artifact, outcome, (0, None), root.bytes);
        self.waiting.extend(inside.into_iter().rev());
    }

    /// Reads until nothing waits.
    fn run(&mut self) {
        while !self.waiting.is_empty() {
            self.batch();
        }
    }

    /// Reads the files that signatures in the input and in what was unpacked from it led to, and that
    /// no reader told of.
    pub(crate) fn embed(&mut self, bytes: &Bytes, search: &Search) {
        if !search.is_empty() {
            let starts = place::starts(&self.nodes, 0);
            let known = |at: u64| starts.contains(&at);
            let measured = measure(bytes, search, &known, &mut self.budget);
            if let (Some(halt), Some(root)) = (measured.halt, self.nodes.first_mut()) {
                root.artifact.gaps.push(Gap::from_halt(&halt, root.artifact.size));
            }
            self.finds.push(Find { owner: 0, bytes: bytes.clone(), files: measured.files });
        }
        while !self.finds.is_empty() {
            for find in std::mem::take(&mut self.finds) {
                self.plant(&find);
            }
            self.run();
        }
    }

    /// Puts what was found on the list, as parts of the artifacts that it stands in.
    fn plant(&mut self, find: &Find) {
        for Stranger { host, span, name, decoded } in place::strangers(&self.nodes, find) {
            let Some(node) = self.nodes.get(host) else { continue };
            let path = format!("{}!{name}", node.artifact.path);
            let depth = node.depth.saturating_add(1);
            if let Some(limit) = self.refuse(&path, depth) {
                let what = format!("a file found by its signature: the limit on {limit}");
                if let Some(node) = self.nodes.get_mut(host) {
                    let at = span.start.saturating_sub(node.start);
                    let why = Why::Halted(Blame::Exhausted);
                    node.artifact.gaps.push(Gap::new(Span::new(at, span.len), why, &what));
                }
                return;
            }
            let (bytes, role, within) = match decoded {
                Some(bytes) => (bytes, Role::Present, None),
                None => (find.bytes.slice(span), Role::Leftover, Some((find.owner, span.start))),
            };
            let child = Child { name, bytes, role };
            self.waiting.push(Pending { path, child, parent: host, depth, within });
        }
        self.waiting.reverse();
    }

    /// All artifacts, parents before their children and everything in its order.
    pub(crate) fn flatten(self) -> Vec<Artifact> {
        flatten(self.nodes)
    }

    /// Reads the next artifacts.
    fn batch(&mut self) {
        let first = self.waiting.len().saturating_sub(BATCH);
        let mut batch = self.waiting.split_off(first);
        batch.reverse();
        let surveyed: Vec<bool> = batch.iter().map(|item| self.admit_survey(item)).collect();
        let ahead = self.ahead(&batch, &surveyed);
        let mut found = Vec::new();
        for ((item, surveyed), ahead) in batch.into_iter().zip(surveyed).zip(ahead) {
            let done = ahead
                .and_then(|ahead| ahead.settle(&mut self.budget))
                .unwrap_or_else(|| read(self.run, &item, surveyed, &mut self.budget));
            let Pending { path, child, parent, depth, within } = item;
            let Done { mut outcome, survey, found: files } = done;
            let marks = std::mem::take(&mut outcome.marks);
            let artifact = artifact(path, child.bytes.len(), child.role, Some(parent));
            if !files.is_empty() {
                let owner = self.nodes.len();
                self.finds.push(Find { owner, bytes: child.bytes.clone(), files });
            }
            found.push(self.add(artifact, outcome, (depth, within), &child.bytes));
            if let Some(node) = self.nodes.last_mut() {
                finish(&mut node.artifact, survey, &marks);
            }
        }
        self.waiting.extend(found.into_iter().rev().flat_map(|inside| inside.into_iter().rev()));
    }

    /// Whether the survey may cover `item`, which then takes its part of what it may cover.
    fn admit_survey(&mut self, item: &Pending) -> bool {
        match self.survey.checked_sub(item.child.bytes.len()) {
            // What a bomb left unpacked is no whole, of which a digest would tell anything.
            _ if item.within.is_none() && self.budget.left().expansion == 0 => false,
            Some(left) if self.run.engine.options.survey => {
                self.survey = left;
                true
            }
            _ => false,
        }
    }

    /// Reads a batch on several threads, if it is worth that.
    fn ahead(&self, batch: &[Pending], surveyed: &[bool]) -> Vec<Option<Ahead>> {
        let read_whole = batch.iter().filter(|item| item.child.role != Role::Storage);
        let bytes = read_whole.map(|item| item.child.bytes.len()).fold(0, u64::saturating_add);
        let wanted = if bytes < WORTH_THREADS { 0 } else { batch.len().saturating_sub(1) };
        let helpers = self.run.cores.take(wanted);
        if helpers.is_empty() {
            return batch.iter().map(|_| None).collect();
        }
        let before = share(&self.budget.left(), to_u64(batch.len()));
        let items: Vec<_> = batch.iter().zip(surveyed).collect();
        each(&items, helpers, &|(item, surveyed)| {
            let mut after = Budget::new(before);
            let done = read(self.run, item, **surveyed, &mut after);
            Some(Ahead { done, before, after })
        })
    }

    /// Takes an artifact in with what came of it, and returns what is in it.
    fn add(
        &mut self,
        mut artifact: Artifact,
        outcome: Outcome,
        (depth, within): (u32, Option<(usize, u64)>),
        bytes: &Bytes,
    ) -> Vec<Pending> {
        let index = self.nodes.len();
        let (owner, start) = within.unwrap_or((index, 0));
        if let Some(parent) = artifact.parent.and_then(|parent| self.nodes.get_mut(parent)) {
            parent.children.push(index);
        }
        artifact.identities = outcome.identities;
        artifact.gaps = outcome.gaps;
        let mut inside =
            self.admit(&mut artifact, index, outcome.children, depth.saturating_add(1));
        for item in &mut inside {
            let offset = item.child.bytes.offset_in(bytes);
            item.within = offset.map(|offset| (owner, start.saturating_add(offset)));
        }
        self.nodes.push(Node { artifact, children: Vec::new(), depth, owner, start });
        inside
    }

    /// Takes an artifact at `path` and `depth` from the budget, or tells which limit is reached.
    fn refuse(&mut self, path: &str, depth: u32) -> Option<&'static str> {
        let cost = to_u64(path.len().saturating_sub(FREE_PATH));
        if depth > self.budget.left().depth {
            Some("depth")
        } else if !self.budget.take_artifact() {
            Some("artifacts")
        } else if self.budget.spend_expansion(cost, 0).is_err() {
            Some("unpacked bytes")
        } else {
            None
        }
    }

    /// Lets what was found in an artifact join the list, as far as the budget goes; the rest is a
    /// gap of that artifact.
    fn admit(
        &mut self,
        artifact: &mut Artifact,
        parent: usize,
        children: Vec<Child>,
        depth: u32,
    ) -> Vec<Pending> {
        let children = merge(children);
        let all = children.len();
        let mut admitted = Vec::new();
        let mut limit = None;
        for child in children {
            let path = format!("{}!{}", artifact.path, child.name);
            limit = self.refuse(&path, depth);
            if limit.is_some() {
                break;
            }
            admitted.push(Pending { path, child, parent, depth, within: None });
        }
        if let Some(limit) = limit {
            let refused = all.saturating_sub(admitted.len());
            let what = format!("{refused} of the {all} artifacts inside: the limit on {limit}");
            let whole = Span::new(0, artifact.size);
            artifact.gaps.push(Gap::new(whole, Why::Halted(Blame::Exhausted), &what));
        }
        admitted
    }
}

/// An artifact that was read beside others, with a part of the budget.
struct Ahead {
    done: Done,
    before: Limits,
    after: Budget,
}

impl Ahead {
    /// What came of it, if reading it in its turn would have given the same; `budget` is then paid.
    fn settle(self, budget: &mut Budget) -> Option<Done> {
        let (left, rest) = (budget.left(), self.after.left());
        let affordable = |left: u64, before: u64, rest: u64| before.saturating_sub(rest) <= left;
        let fits = affordable(left.artifacts, self.before.artifacts, rest.artifacts)
            && affordable(left.expansion, self.before.expansion, rest.expansion)
            && affordable(left.held, self.before.held, rest.held)
            && affordable(left.steps, self.before.steps, rest.steps);
        if self.done.outcome.starved || !fits {
            return None;
        }
        budget.settle(&self.before, &self.after);
        Some(self.done)
    }
}

/// Puts into an artifact what its survey gave, of which checksums that do not fit belong to the
/// identities that they are from, and says what was not kept.
pub(crate) fn finish(artifact: &mut Artifact, survey: Survey, marks: &[Mark]) {
    artifact.sha256 = survey.sha256;
    for Mark { identity, checksum } in marks {
        if let Some(identity) = artifact.identities.get_mut(*identity) {
            survey.compare(checksum, artifact.size, &mut identity.reading);
        }
    }
    for gap in survey.gaps {
        if !artifact.gaps.contains(&gap) {
            artifact.gaps.push(gap);
        }
    }
    let dropped = artifact.identities.iter().map(|identity| identity.reading.dropped);
    let dropped = dropped.fold(0, u64::saturating_add);
    if dropped > 0 {
        let what = format!("{dropped} facts and deviations, more than are kept");
        let whole = Span::new(0, artifact.size);
        artifact.gaps.push(Gap::new(whole, Why::Halted(Blame::Exhausted), &what));
    }
}

/// The part of what is left that each of `count` artifacts gets when they are read side by side.
fn share(left: &Limits, count: u64) -> Limits {
    let part = |left: u64| left.checked_div(count).unwrap_or(left);
    Limits {
        artifacts: part(left.artifacts),
        depth: left.depth,
        expansion: part(left.expansion).min(SIDE_BY_SIDE),
        growth: 0,
        held: part(left.held),
        memory: left.memory.min(SIDE_BY_SIDE),
        steps: part(left.steps),
    }
}

/// Reads one artifact inside an input, and surveys it if some reader knows it.
fn read(run: Run<'_>, item: &Pending, surveyed: bool, budget: &mut Budget) -> Done {
    let Child { name, bytes, role } = &item.child;
    let name = name.rsplit('/').next().unwrap_or(name);
    let input = Input { bytes, name, role: *role };
    let mut outcome = identify::read(run.engine.formats, &input, budget);
    let known = run.engine.options.survey && !outcome.identities.is_empty();
    // Parts of what was searched already need no search of their own.
    let searched = run.engine.options.survey && item.within.is_none();
    let mut survey = match (known, surveyed) {
        (false, true) if searched => seek(bytes),
        (false, _) => Survey::default(),
        (true, false) => Survey::refused(bytes.len()),
        (true, true) => {
            let marks = OnceLock::from(outcome.marks.clone());
            complete(pass(bytes, &marks, searched, &|_| {}), bytes, &outcome.marks)
        }
    };
    let search = std::mem::take(&mut survey.search);
    let found = files(bytes, &search, &mut outcome, budget);
    Done { outcome, survey, found }
}

/// The files that a search of an artifact led to, but for those that its readers tell of.
fn files(
    bytes: &Bytes,
    search: &Search,
    outcome: &mut Outcome,
    budget: &mut Budget,
) -> Vec<Embedded> {
    if search.is_empty() {
        return Vec::new();
    }
    let plain = |role| matches!(role, Role::Leftover | Role::Storage);
    let told = outcome.children.iter().filter(|child| !plain(child.role));
    let mut starts: BTreeSet<u64> = told.filter_map(|child| child.bytes.offset_in(bytes)).collect();
    if !outcome.identities.is_empty() {
        starts.insert(0);
    }
    let measured = measure(bytes, search, &|at| starts.contains(&at), budget);
    if let Some(halt) = measured.halt {
        outcome.starved |= halt.blame() == Blame::Exhausted;
        outcome.gaps.push(Gap::from_halt(&halt, bytes.len()));
    }
    measured.files
}

fn artifact(path: String, size: u64, role: Role, parent: Option<usize>) -> Artifact {
    Artifact { path, size, sha256: None, role, parent, identities: Vec::new(), gaps: Vec::new() }
}

/// Makes one of children that several readers found under the same name in the same place, and
/// gives others that share a name a number each.
fn merge(children: Vec<Child>) -> Vec<Child> {
    let mut merged: Vec<Child> = Vec::with_capacity(children.len());
    let mut seen: HashMap<(String, Place), usize> = HashMap::new();
    let mut names: HashMap<String, u64> = HashMap::new();
    for mut child in children {
        let key = (child.name.clone(), child.bytes.place());
        if let Some(first) = seen.get(&key).and_then(|first| merged.get_mut(*first)) {
            if rank(child.role) > rank(first.role) {
                first.role = child.role;
            }
            continue;
        }
        seen.insert(key, merged.len());
        child.name = unique(child.name, &mut names);
        merged.push(child);
    }
    merged
}

/// `name`, or where it is taken, `name#2` or the next number that is free.
fn unique(name: String, names: &mut HashMap<String, u64>) -> String {
    let Some(count) = names.get(&name).copied() else {
        names.insert(name.clone(), 1);
        return name;
    };
    let mut count = count;
    loop {
        count = count.saturating_add(1);
        let numbered = format!("{name}#{count}");
        if !names.contains_key(&numbered) {
            names.insert(name, count);
            names.insert(numbered.clone(), 1);
            return numbered;
        }
    }
}

/// How much a role asks of a scan.
fn rank(role: Role) -> u8 {
    match role {
        Role::Storage => 0,
        Role::Variant => 1,
        Role::Quoted => 2,
        Role::Leftover => 3,
        Role::Present => 4,
        Role::Loaded => 5,
    }
}

/// Puts parents before their children and everything in its order, and corrects the indices.
fn flatten(nodes: Vec<Node>) -> Vec<Artifact> {
    let mut nodes: Vec<Option<Node>> = nodes.into_iter().map(Some).collect();
    let mut artifacts: Vec<Artifact> = Vec::with_capacity(nodes.len());
    let mut ahead = vec![(0, None)];
    while let Some((index, parent)) = ahead.pop() {
        let Some(Node { mut artifact, children, .. }) = nodes.get_mut(index).and_then(Option::take)
        else {
            continue;
        };
        artifact.parent = parent;
        let here = artifacts.len();
        artifacts.push(artifact);
        ahead.extend(children.into_iter().rev().map(|child| (child, Some(here))));
    }
    artifacts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Options;
    use crate::cores::Cores;
    use crate::doubles::{BOX, CRATE, FORMATS, Kept, SCRIPT, boxed, member, small_limits};
    use crate::engine::Engine;
    use davy_artifact::Format;

    fn grown(formats: &[&dyn Format], bytes: Vec<u8>, options: &Options) -> Vec<Artifact> {
        let bytes = Bytes::from_memory(bytes);
        let cores = Cores::new(options.jobs);
        let run = Run::quiet(Engine::new(formats, &[], options), &cores);
        grow(run, &Root { path: "in", bytes: &bytes, marks: &OnceLock::new() }).flatten()
    }

    fn options(limits: Limits) -> Options {
        Options { limits, jobs: 1, ..Options::default() }
    }

    fn paths(artifacts: &[Artifact]) -> Vec<&str> {
        artifacts.iter().map(|artifact| artifact.path.as_str()).collect()
    }

    fn loaded(name: &str, content: &[u8]) -> Vec<u8> {
        member(name, Role::Loaded, Kept::Stored, content)
    }

    #[test]
    fn parents_come_before_children_in_the_order_of_the_input() {
        let inner = boxed(&[loaded("x", b"i"), loaded("y", b"ii")]);
        let outer =
            boxed(&[loaded("a", b"n"), loaded("b", &inner), loaded("c", &inner), loaded("d", b"")]);
        let artifacts = grown(FORMATS, outer, &options(small_limits()));
        let expected =
            ["in", "in!a", "in!b", "in!b!x", "in!b!y", "in!c", "in!c!x", "in!c!y", "in!d"];
        assert_eq!(paths(&artifacts), expected);
        let parents: Vec<_> = artifacts.iter().map(|artifact| artifact.parent).collect();
        let root = Some(0);
        assert_eq!(parents, [None, root, root, Some(2), Some(2), root, Some(5), Some(5), root]);
        assert!(artifacts.iter().all(|artifact| artifact.gaps.is_empty()), "{artifacts:?}");
    }

    #[test]
    fn one_child_seen_by_two_readers_is_one_artifact() {
        let bytes = boxed(&[member("a", Role::Storage, Kept::Stored, b"n")]);
        let artifacts = grown(&[&BOX, &CRATE, &SCRIPT], bytes, &options(small_limits()));
        assert_eq!(paths(&artifacts), ["in", "in!a"]);
        assert_eq!(artifacts[1].role, Role::Loaded);
    }

    #[test]
    fn other_bytes_under_the_same_name_get_a_number() {
        let names = ["a", "a", "a#2", "a", "a#2"];
        let members: Vec<_> = names.map(|name| loaded(name, b"n")).into();
        let artifacts = grown(FORMATS, boxed(&members), &options(small_limits()));
        assert_eq!(paths(&artifacts)[1..], ["in!a", "in!a#2", "in!a#2#2", "in!a#3", "in!a#2#3"]);
    }

    #[test]
    fn roles_merge_to_the_one_that_asks_most() {
        let ranks = [Role::Storage, Role::Variant, Role::Present, Role::Loaded].map(rank);
        assert!(ranks.is_sorted());
    }

    #[test]
    fn children_beyond_a_limit_are_a_gap_of_their_parent() {
        let members: Vec<_> = (0..80).map(|at| loaded(&format!("m{at}"), b"n")).collect();
        let artifacts = grown(FORMATS, boxed(&members), &options(small_limits()));
        assert_eq!(artifacts.len(), 50);
        let said: Vec<_> = artifacts[0].gaps.iter().map(|gap| gap.what.as_str()).collect();
        assert_eq!(said, ["31 of the 80 artifacts inside: the limit on artifacts"]);

        let quine = (0..6).fold(b"n".to_vec(), |inner, _| boxed(&[loaded("q", &inner)]));
        let artifacts = grown(FORMATS, quine, &options(small_limits()));
        assert_eq!(paths(&artifacts).last(), Some(&"in!q!q!q"));
        let said: Vec<_> = artifacts[3].gaps.iter().map(|gap| gap.what.as_str()).collect();
        assert_eq!(said, ["1 of the 1 artifacts inside: the limit on depth"]);
    }

    #[test]
    fn long_names_are_paid_for() {
        let long = "n".repeat(255);
        let inner = boxed(&[loaded("a", b"n"), loaded("b", b"n")]);
        let limits = Limits { expansion: 8, ..small_limits() };
        let artifacts = grown(FORMATS, boxed(&[loaded(&long, &inner)]), &options(limits));
        assert_eq!(artifacts.len(), 3, "each path is 5 bytes longer than what is free");
        assert_eq!(
            artifacts[1].gaps[0].what,
            "1 of the 2 artifacts inside: the limit on unpacked bytes"
        );
    }

    #[test]
    fn what_is_identified_gets_a_digest() {
        let bytes = boxed(&[
            member("known", Role::Present, Kept::Packed, b"iii"),
            member("data", Role::Storage, Kept::Stored, b"???"),
            member("unknown", Role::Present, Kept::Stored, b"???"),
        ]);
        let artifacts = grown(FORMATS, bytes.clone(), &options(small_limits()));
        let digests: Vec<_> = artifacts.iter().map(|artifact| artifact.sha256.is_some()).collect();
        assert_eq!(digests, [false, true, false, false]);
        let gaps: Vec<_> = artifacts.iter().map(|artifact| artifact.gaps.len()).collect();
        assert_eq!(gaps, [0, 0, 0, 1]);
        let quick = Options { survey: false, ..options(small_limits()) };
        assert!(grown(FORMATS, bytes, &quick).iter().all(|artifact| artifact.sha256.is_none()));
    }

    #[test]
    fn checksums_inside_are_compared() {
        let inner = boxed(&[
            member("right", Role::Present, Kept::Summed, b"nn"),
            member("wrong", Role::Present, Kept::Missummed, b"nn"),
        ]);
        let artifacts = grown(FORMATS, boxed(&[loaded("b", &inner)]), &options(small_limits()));
        let deviations = &artifacts[1].identities[0].reading.deviations;
        let routes: Vec<_> = deviations.iter().map(|found| found.route.to_string()).collect();
        assert_eq!(routes, ["member wrong"]);
    }

    #[test]
    fn members_that_are_all_the_same_bytes_are_not_hashed_without_end() {
        let limits = Limits { expansion: 0, depth: 1, ..small_limits() };
        let content = vec![b'n'; 1000];
        let all: Child = Child {
            name: String::new(),
            bytes: Bytes::from_memory(content.clone()),
            role: Role::Present,
        };
        let options = options(limits);
        let cores = Cores::new(1);
        let run = Run::quiet(Engine::new(FORMATS, &[], &options), &cores);
        let mut work = Work {
            run,
            budget: Budget::new(limits),
            survey: survey_limit(2500, &limits),
            nodes: Vec::new(),
            waiting: Vec::new(),
            finds: Vec::new(),
        };
        for path in ["a", "b", "c"] {
            let child = all.clone();
            let path = path.to_owned();
            work.waiting.push(Pending { path, child, parent: 0, depth: 1, within: None });
        }
        work.batch();
        let digests = work.nodes.iter().filter(|node| node.artifact.sha256.is_some()).count();
        let said: Vec<_> = work
            .nodes
            .iter()
            .flat_map(|node| &node.artifact.gaps)
            .map(|gap| gap.what.as_str())
            .collect();
        assert_eq!((digests, said), (2, vec!["survey of 1000 bytes"]));
    }

    /// A box in which some members need more than their share of the budget, and all of them
    /// together more than there is.
    fn greedy() -> Vec<u8> {
        let filler = vec![b'n'; 20_000];
        let members: Vec<_> = (0..70)
            .map(|at| {
                let mut script = match at % 7 {
                    0 => "ssssss".to_owned(),
                    3 => "x".repeat(11),
                    5 => "s".repeat(30),
                    _ => "is".to_owned(),
                }
                .into_bytes();
                script.extend(&filler);
                loaded(&format!("m{at}"), &script)
            })
            .collect();
        boxed(&members)
    }

    #[test]
    fn results_do_not_depend_on_the_number_of_threads() {
        let limits = Limits { artifacts: 1000, ..small_limits() };
        let with = |jobs| {
            let options = Options { jobs, ..options(limits) };
            format!("{:?}", grown(FORMATS, greedy(), &options))
        };
        let one = with(1);
        assert!(one.contains("the limit on steps") && one.contains("the limit on unpacked bytes"));
        for jobs in [2, 8] {
            assert_eq!(with(jobs), one);
        }
    }

    #[test]
    fn work_ahead_counts_only_if_its_turn_would_give_the_same() {
        let before = share(&small_limits(), 10);
        let ahead = |steps, starved| {
            let mut after = Budget::new(before);
            after.spend_steps(steps, 0).unwrap();
            let outcome = Outcome { starved, ..Outcome::default() };
            Ahead {
                done: Done { outcome, survey: Survey::default(), found: vec![] },
                before,
                after,
            }
        };
        let mut budget = Budget::new(Limits { steps: 900, ..small_limits() });
        assert!(ahead(500, true).settle(&mut budget).is_none());
        assert!(ahead(1000, false).settle(&mut budget).is_none());
        assert!(ahead(500, false).settle(&mut budget).is_some());
        assert_eq!(budget.left().steps, 400);
    }
}
