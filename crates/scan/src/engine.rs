//! The engine: one scan from paths to findings.

use crate::cores::{Cores, each};
use crate::detect::{detect, detect_beside};
use crate::fence::fenced;
use crate::identify::crash;
use crate::open::open;
use crate::survey::{Survey, complete, pass, too_large};
use crate::walk::{Entry, shown, walk};
use crate::work::{Root, Work, finish, grow};
use crate::{Options, Progress, Scan, Scanned};
use davy_artifact::{Artifact, Format, Gap, Role, Why};
use davy_bytes::{Bytes, Span};
use davy_rules::Detector;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

/// Inputs from this size on are surveyed on a thread of their own; for smaller ones, starting it
/// would take longer than it saves.
const LARGE: u64 = 2 << 20;

/// What a scan works with.
#[derive(Clone, Copy)]
pub(crate) struct Engine<'a> {
    pub(crate) formats: &'a [&'a dyn Format],
    pub(crate) detectors: &'a [&'a dyn Detector],
    pub(crate) options: &'a Options,
}

/// An engine at work.
#[derive(Clone, Copy)]
pub(crate) struct Run<'a> {
    pub(crate) engine: Engine<'a>,
    pub(crate) cores: &'a Cores,
    /// Told how many bytes have been surveyed since it was told last.
    told: &'a (dyn Fn(u64) + Sync),
}

impl<'a> Engine<'a> {
    /// An engine with these readers and rules.
    pub(crate) fn new(
        formats: &'a [&'a dyn Format],
        detectors: &'a [&'a dyn Detector],
        options: &'a Options,
    ) -> Self {
        Self { formats, detectors, options }
    }

    /// Scans files, and all files in folders.
    pub(crate) fn scan(self, paths: &[PathBuf], progress: Option<&dyn Progress>) -> Scan {
        let walk = walk(paths, progress.is_some());
        if let Some(progress) = progress {
            let sizes =
                walk.entries.iter().map(|entry| entry.size.as_ref().map_or(0, |size| *size));
            let bytes = sizes.fold(0, u64::saturating_add);
            progress.found(davy_bytes::to_u64(walk.entries.len()), bytes);
        }
        let cores = Cores::new(self.options.jobs);
        let run = Run::quiet(self, &cores);
        let entries = walk.entries.as_slice();
        let helpers = cores.take(entries.len().saturating_sub(1));
        let mut inputs = each(entries, helpers, &|entry| {
            let Some(progress) = progress else { return run.entry(entry).0 };
            let read = AtomicU64::new(0);
            let told = |bytes| {
                read.fetch_add(bytes, Ordering::Relaxed);
                progress.read(bytes);
            };
            let (scanned, bytes) = Run { told: &told, ..run }.entry(entry);
            progress.done(&scanned.path, bytes.saturating_sub(read.load(Ordering::Relaxed)));
            scanned
        });
        crate::beside::explain(&mut inputs);
        detect_beside(self.detectors, &mut inputs);
        Scan { inputs, passed_over: walk.passed_over, surveyed: self.options.survey }
    }

    /// Scans one input.
    pub(crate) fn input(self, path: &str, bytes: &Bytes) -> Scanned {
        let cores = Cores::new(self.options.jobs);
        let mut scanned = Run::quiet(self, &cores).input(path, bytes);
        detect_beside(self.detectors, std::slice::from_mut(&mut scanned));
        scanned
    }
}

impl<'a> Run<'a> {
    /// A run whose progress nobody watches.
    pub(crate) fn quiet(engine: Engine<'a>, cores: &'a Cores) -> Self {
        Self { engine, cores, told: &|_| {} }
    }

    /// Scans what a walk found, and tells how many bytes that was.
    fn entry(self, entry: &Entry) -> (Scanned, u64) {
        let path = shown(&entry.path);
        let opened = match &entry.size {
            Ok(_) => open(&entry.path, entry.named),
            Err(error) => Err(error.clone()),
        };
        match opened {
            Ok(bytes) => (self.input(&path, &bytes), bytes.len()),
            Err(error) => {
                let error = Some(error);
                (Scanned { path, artifacts: Vec::new(), findings: Vec::new(), error }, 0)
            }
        }
    }

    /// Scans one input. A fault in the engine itself costs this input, and no other.
    fn input(self, path: &str, bytes: &Bytes) -> Scanned {
        let scanned = fenced(|| {
            let mut artifacts = self.artifacts(path, bytes);
            let findings = detect(self.engine.detectors, path, &mut artifacts);
            Scanned { path: path.to_owned(), artifacts, findings, error: None }
        });
        scanned.unwrap_or_else(|fault| {
            let gap = crash("the engine", &fault, bytes.len());
            let artifacts = vec![unread(path, bytes.len(), gap)];
            Scanned { path: path.to_owned(), artifacts, findings: Vec::new(), error: None }
        })
    }

    /// Reads an input and everything in it, and surveys it meanwhile.
    fn artifacts(self, path: &str, bytes: &Bytes) -> Vec<Artifact> {
        if bytes.is_empty() {
            let gap = Gap::new(Span::default(), Why::Unidentified, "the file is empty");
            let mut artifact = unread(path, 0, gap);
            if may_be_empty(path) {
                artifact.gaps.clear();
            }
            return vec![artifact];
        }
        let marks = OnceLock::new();
        let root = Root { path, bytes, marks: &marks };
        let (mut grown, mut survey) = if !self.engine.options.survey {
            (grow(self, &root), Survey::default())
        } else if too_large(bytes.len()) {
            (grow(self, &root), Survey::refused(bytes.len()))
        } else {
            self.surveyed(&root)
        };
        grown.embed(bytes, &std::mem::take(&mut survey.search));
        let mut artifacts = grown.flatten();
        let marks = marks.into_inner().filter(|_| self.engine.options.survey).unwrap_or_default();
        let survey = complete(survey, bytes, &marks);
        if let Some(artifact) = artifacts.first_mut() {
            finish(artifact, survey, &marks);
        }
        artifacts
    }

    /// Reads and surveys an input: at the same time if it is large and a core is free, else one
    /// after the other.
    fn surveyed(self, root: &Root<'_>) -> (Work<'a>, Survey) {
        let survey = || pass(root.bytes, root.marks, true, self.told);
        let wanted = usize::from(root.bytes.len() >= LARGE);
        let Some(core) = self.cores.take(wanted).pop() else {
            let grown = grow(self, root);
            return (grown, survey());
        };
        thread::scope(|scope| {
            let surveyor = Cores::start(scope, move || {
                let done = survey();
                drop(core);
                done
            });
            let grown = grow(self, root);
            let done = surveyor.and_then(|surveyor| surveyor.join().ok());
            (grown, done.unwrap_or_else(survey))
        })
    }
}

/// An input that nothing was learned about.
fn unread(path: &str, size: u64, gap: Gap) -> Artifact {
    Artifact {
        path: path.to_owned(),
        size,
        sha256: None,
        role: Role::Loaded,
        parent: None,
        identities: Vec::new(),
        gaps: vec![gap],
    }
}

/// Endings of texts, of which nothing is missing where there is none: a package of Python has an empty
/// `__init__.py`. A model that is empty was not written to its end.
const TEXTS: &[&str] = &[
    ".cfg",
    ".csv",
    ".gitattributes",
    ".gitignore",
    ".gitkeep",
    ".ini",
    ".keep",
    ".lock",
    ".log",
    ".md",
    ".py",
    ".pyi",
    ".rst",
    ".toml",
    ".tsv",
    ".txt",
    ".typed",
    ".yaml",
    ".yml",
];

/// Whether a file of this name may have nothing in it.
fn may_be_empty(path: &str) -> bool {
    TEXTS.iter().any(|end| path.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doubles::{FORMATS, Folder, Imports, Kept, Shrunk, boxed, member};
    use std::fs::File;
    use std::process::Command;
    use std::sync::Mutex;
    use std::time::{Duration, Instant};

    const RULES: &[&dyn Detector] = &[&Imports];

    fn options(jobs: usize) -> Options {
        Options { jobs, ..Options::default() }
    }

    fn scan(paths: &[PathBuf], options: &Options) -> Scan {
        Engine::new(FORMATS, RULES, options).scan(paths, None)
    }

    /// Reasons and texts of the gaps of an input itself.
    fn gaps(scanned: &Scanned) -> Vec<(&str, &str)> {
        let gaps = scanned.artifacts.iter().take(1).flat_map(|artifact| &artifact.gaps);
        gaps.map(|gap| (gap.why.as_str(), gap.what.as_str())).collect()
    }

    #[test]
    fn what_cannot_be_opened_does_not_keep_the_others_from_being_scanned() {
        let folder = Folder::new();
        assert!(Command::new("mkfifo").arg(folder.at("pipe")).status().unwrap().success());
        let paths = [
            folder.at("none"),
            folder.file("good", "in"),
            folder.at("pipe"),
            "/proc/self/mem".into(),
            folder.file("good", "in"),
        ];
        let scan = scan(&paths, &options(2));
        let errors: Vec<_> = scan.inputs.iter().map(|input| input.error.as_deref()).collect();
        assert_eq!(errors[0], Some("no such file or folder"));
        assert_eq!(errors[2], Some("a named pipe, neither a file nor a folder"));
        assert!(errors[3].is_some_and(|error| error.starts_with("input/output error")));
        for input in [&scan.inputs[1], &scan.inputs[4]] {
            assert_eq!((input.findings.len(), input.error.as_deref()), (1, None));
        }
    }

    #[test]
    fn an_empty_file_is_said_to_be_empty() {
        let folder = Folder::new();
        let paths = [folder.file("empty", ""), folder.file("__init__.py", "")];
        let scan = scan(&paths, &options(1));
        assert_eq!(gaps(&scan.inputs[0]), [("unidentified", "the file is empty")]);
        assert_eq!(gaps(&scan.inputs[1]), []);
    }

    #[test]
    fn a_sparse_file_of_terabytes_ends_at_once() {
        let folder = Folder::new();
        let path = folder.file("sparse", "i!");
        File::options().write(true).open(&path).unwrap().set_len(5 << 40).unwrap();
        let start = Instant::now();
        let scan = scan(&[path], &options(2));
        assert!(start.elapsed() < Duration::from_secs(5));
        let input = &scan.inputs[0];
        let said = gaps(input);
        assert!(said.contains(&("exhausted", "survey of 5497558138880 bytes")), "{said:?}");
        assert_eq!((input.artifacts[0].sha256, input.findings.len()), (None, 1));
    }

    #[test]
    fn a_file_that_shrinks_is_read_as_far_as_it_goes() {
        let content = [b"i".as_slice(), &vec![b'n'; 3 << 20]].concat();
        let bytes = Bytes::new(Shrunk { content, len: 9 << 20 });
        for jobs in [1, 2] {
            let scanned = Engine::new(FORMATS, RULES, &options(jobs)).input("in", &bytes);
            let said = gaps(&scanned);
            assert!(
                said.contains(&("io", "the file became shorter while it was read")),
                "{said:?}"
            );
            assert_eq!((scanned.artifacts[0].sha256, scanned.findings.len()), (None, 1));
        }
    }

    #[test]
    fn the_survey_can_be_left_out() {
        let folder = Folder::new();
        let content = boxed(&[member("m", Role::Present, Kept::Missummed, b"i")]);
        let path = [folder.file("box", content)];
        let full = scan(&path, &options(1));
        assert!(full.surveyed && full.inputs[0].artifacts[0].sha256.is_some());
        assert_eq!(full.inputs[0].artifacts[0].identities[0].reading.deviations.len(), 1);
        let quick = scan(&path, &Options { survey: false, ..options(1) });
        assert!(!quick.surveyed && quick.inputs[0].artifacts[0].sha256.is_none());
        assert!(quick.inputs[0].artifacts[0].identities[0].reading.deviations.is_empty());
        assert_eq!(quick.inputs[0].findings.len(), 1);
    }

    #[test]
    fn results_do_not_depend_on_the_number_of_threads() {
        let folder = Folder::new();
        let large = vec![b'n'; 400_000];
        for at in 0..40 {
            folder.file(&format!("{at}/small"), "inip");
            let one = member("one", Role::Loaded, Kept::Missummed, b"ii?");
            let two = member("two", Role::Loaded, Kept::Packed, &large);
            folder.file(&format!("{at}/box"), boxed(&[one, two]));
        }
        let huge = vec![member("huge", Role::Loaded, Kept::Missummed, &vec![b'n'; 8 << 20]); 2];
        folder.file("huge", boxed(&huge));
        let with = |jobs| format!("{:?}", scan(&[folder.path().to_path_buf()], &options(jobs)));
        let one = with(1);
        assert!(one.contains("crashed") && one.contains("WrongChecksum"));
        for jobs in [2, 8] {
            assert!(with(jobs) == one, "{jobs} jobs");
        }
    }

    #[derive(Default)]
    struct Counted {
        found: AtomicU64,
        expected: AtomicU64,
        read: AtomicU64,
        done: Mutex<Vec<(String, u64)>>,
    }

    impl Progress for Counted {
        fn found(&self, count: u64, bytes: u64) {
            self.found.fetch_add(count, Ordering::Relaxed);
            self.expected.fetch_add(bytes, Ordering::Relaxed);
        }

        fn read(&self, bytes: u64) {
            self.read.fetch_add(bytes, Ordering::Relaxed);
        }

        fn done(&self, path: &str, bytes: u64) {
            self.done.lock().unwrap().push((path.to_owned(), bytes));
        }
    }

    #[test]
    fn progress_adds_up() {
        let folder = Folder::new();
        for at in 0..30 {
            folder.file(&format!("{at}"), vec![b'n'; at]);
        }
        folder.file("large", vec![b'n'; 3 << 20]);
        let paths = [folder.path().to_path_buf(), folder.at("none")];
        for survey in [true, false] {
            let counted = Counted::default();
            let options = Options { survey, ..options(4) };
            let scan = Engine::new(FORMATS, RULES, &options).scan(&paths, Some(&counted));
            let done = counted.done.into_inner().unwrap();
            let rest: u64 = done.iter().map(|(_, bytes)| bytes).sum();
            let read = counted.read.into_inner();
            assert_eq!((scan.inputs.len(), done.len(), counted.found.into_inner()), (32, 32, 32));
            let all = 435 + (3 << 20);
            assert_eq!((read, counted.expected.into_inner()), (if survey { all } else { 0 }, all));
            assert_eq!(read + rest, all);
        }
    }

    #[test]
    fn a_fault_of_the_engine_costs_one_input() {
        #[derive(Debug)]
        struct Broken;
        impl davy_bytes::Source for Broken {
            fn len(&self) -> u64 {
                8
            }
            fn read_at(&self, _: u64, _: &mut [u8]) -> std::io::Result<usize> {
                panic!("broken")
            }
        }
        let options = options(1);
        let scanned = Engine::new(FORMATS, RULES, &options).input("in", &Bytes::new(Broken));
        assert_eq!((scanned.artifacts.len(), gaps(&scanned)[0].0), (1, "crashed"));
    }
}
