//! The engine: one scan from paths to findings.

use crate::cores::{Cores, each};
use crate::detect::detect;
use crate::fence::fenced;
use crate::identify::crash;
use crate::open::open;
use crate::survey::{Survey, complete, pass, too_large};
use crate::walk::{Entry, shown, walk};
use crate::work::{Root, finish, grow};
use crate::{Options, Progress, Scan, Scanned};
use davy_artifact::{Artifact, Format, Gap, Role, Why};
use davy_bytes::{Bytes, Span};
use davy_rules::Detector;
use std::path::PathBuf;
use std::sync::OnceLock;
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
        let run = Run { engine: self, cores: &cores };
        let entries = walk.entries.as_slice();
        let helpers = cores.take(entries.len().saturating_sub(1));
        let inputs = each(entries, helpers, &|entry| {
            let (scanned, bytes) = run.entry(entry);
            if let Some(progress) = progress {
                progress.done(&scanned.path, bytes);
            }
            scanned
        });
        Scan { inputs, passed_over: walk.passed_over, surveyed: self.options.survey }
    }

    /// Scans one input.
    pub(crate) fn input(self, path: &str, bytes: &Bytes) -> Scanned {
        Run { engine: self, cores: &Cores::new(self.options.jobs) }.input(path, bytes)
    }
}

impl Run<'_> {
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
            return vec![unread(path, 0, gap)];
        }
        let marks = OnceLock::new();
        let root = Root { path, bytes, marks: &marks };
        let (mut artifacts, survey) = if !self.engine.options.survey {
            (grow(self, &root), Survey::default())
        } else if too_large(bytes.len()) {
            (grow(self, &root), Survey::refused(bytes.len()))
        } else {
            self.surveyed(&root)
        };
        let marks = marks.into_inner().filter(|_| self.engine.options.survey).unwrap_or_default();
        let survey = complete(survey, bytes, &marks);
        if let Some(artifact) = artifacts.first_mut() {
            finish(artifact, survey, &marks);
        }
        artifacts
    }

    /// Reads and surveys an input: at the same time if it is large and a core is free, else one
    /// after the other.
    fn surveyed(self, root: &Root<'_>) -> (Vec<Artifact>, Survey) {
        let survey = || pass(root.bytes, root.marks);
        let wanted = usize::from(root.bytes.len() >= LARGE);
        let Some(core) = self.cores.take(wanted).pop() else {
            let artifacts = grow(self, root);
            return (artifacts, survey());
        };
        thread::scope(|scope| {
            let surveyor = Cores::start(scope, move || {
                let done = survey();
                drop(core);
                done
            });
            let artifacts = grow(self, root);
            let done = surveyor.and_then(|surveyor| surveyor.join().ok());
            (artifacts, done.unwrap_or_else(survey))
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
