//! # native-code
//!
//! ## What it finds
//!
//! A program or shared library: ELF, PE or Mach-O, a portable program such as a llamafile, a Java
//! class, a WebAssembly module, a shortcut of Windows.
//!
//! ## Why it matters
//!
//! What machine code does is decided by whoever built it, and davy does not follow it. It is high
//! where loading the model runs it (libraries of compiled models, which PyTorch opens with `dlopen`),
//! where it stands in a checkpoint, whose writers put none there, and where it bears the name of data.
//! It is medium elsewhere, such as a library beside its model.
//!
//! ## How it can be wrong
//!
//! Custom operators are shipped as libraries, and a llamafile is a program on purpose. Both are to be
//! trusted as programs are.
//!
//! ## What to do
//!
//! Build libraries from source that you can read, or run the program where it can do no harm.
//!
//! ## References
//!
//! * PyTorch documentation, "AOTInductor": `.pt2` packages hold shared libraries
//! * TensorFlow, `tf.load_op_library`
//! * CWE-829, CWE-506; MITRE ATLAS AML.T0011.000, AML.T0018.002

use super::{is_out_of_place, is_program, kind, parent};
use crate::{Confidence, Detector, Reporter, Rule, Severity, Threat};
use davy_artifact::{Artifact, Site};
use davy_bytes::Span;

static RULE: Rule = Rule {
    id: "native-code",
    severity: Severity::Medium,
    confidence: Confidence::High,
    threat: Threat::EmbeddedPayload,
    summary: "the file is or brings a program or shared library",
    remediation: "build libraries from source that can be read, and run programs only where they can \
                  do no harm",
    cwe: &[829, 506],
    atlas: &["AML.T0011.000", "AML.T0018.002"],
    since: "0.1.0",
    aliases: &[],
    source: include_str!("native_code.rs"),
};

/// Findings for one input.
const SHOWN: usize = 100;

/// Formats whose writers put no program into them.
const CHECKPOINTS: &[&str] =
    &["keras", "keras-h5", "npz", "pytorch", "pytorch-tar", "torch-package", "torchscript"];

/// What names of programs end in; names without an extension are names of programs as well.
const PROGRAMS: &[&str] = &[
    "a",
    "app",
    "bc",
    "bundle",
    "class",
    "com",
    "cpl",
    "dex",
    "dll",
    "dylib",
    "elf",
    "exe",
    "ko",
    "lib",
    "llamafile",
    "lnk",
    "mexa64",
    "mexmaci64",
    "mexw64",
    "node",
    "o",
    "obj",
    "ocx",
    "out",
    "pyd",
    "run",
    "scr",
    "so",
    "sys",
    "wasm",
    "xpi",
];

/// Programs that run only in a machine of their own, which keeps them from the rest.
const CONFINED: &[&str] = &["Java class", "WebAssembly module"];

pub(crate) struct NativeCode;

impl Detector for NativeCode {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn bundle(&self, artifacts: &[Artifact], reporter: &mut Reporter<'_>) {
        let programs = artifacts.iter().filter(|artifact| is_program(artifact));
        let around = |it: &&Artifact| !is_out_of_place(it, artifacts) && !is_within(it, artifacts);
        for artifact in programs.filter(around).take(SHOWN) {
            let (severity, why) = judge(artifact, artifacts);
            let site = Site { span: Span::new(0, artifact.size), ..Site::default() };
            let kind = kind(artifact).unwrap_or("a program");
            let message = format!("{kind}: {why}");
            if let Some(finding) = reporter.report(artifact, &site, message, "") {
                finding.severity = severity;
            }
        }
    }
}

/// Whether it stands in another program, which is reported itself.
fn is_within(artifact: &Artifact, artifacts: &[Artifact]) -> bool {
    parent(artifact, artifacts).is_some_and(is_program)
}

fn judge(artifact: &Artifact, artifacts: &[Artifact]) -> (Severity, &'static str) {
    let up = |artifact: &&Artifact| parent(artifact, artifacts);
    let mut around = std::iter::successors(parent(artifact, artifacts), up).take(artifacts.len());
    let in_checkpoint = around.any(|it| CHECKPOINTS.iter().any(|format| it.is(format)));
    let name = artifact.name().rsplit('/').next().unwrap_or_default();
    if artifact.path.contains("/aotinductor/") {
        (Severity::High, "PyTorch loads this library into its process with the model")
    } else if in_checkpoint {
        (Severity::High, "it stands in a checkpoint, whose writers put no program there")
    } else if is_disguised(name) {
        (Severity::High, "it bears the name of something else than a program")
    } else if kind(artifact) == Some("Windows shortcut") {
        (Severity::High, "who opens it runs the command in it")
    } else if kind(artifact).is_some_and(|kind| CONFINED.contains(&kind)) {
        (Severity::Low, "what it does is not followed")
    } else {
        (
            Severity::Medium,
            "what machine code does is not followed, and whoever built it decides that",
        )
    }
}

/// Whether a name ends in what names of programs do not end in. Numbers of versions count as nothing,
/// and behind `.so.` stands a version whatever else is in it.
fn is_disguised(name: &str) -> bool {
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if name.to_ascii_lowercase().rsplit_once(".so.").is_some_and(|(_, end)| is_version(end)) {
        return false;
    }
    let mut parts = name.rsplit('.').skip_while(|part| digits(part));
    let extension = parts.next().unwrap_or_default();
    let alone = parts.next().is_none();
    let lower = extension.to_ascii_lowercase();
    !alone && !PROGRAMS.contains(&lower.as_str())
}

/// Whether `text` is a version: `1.2.3`, with a suffix where it was built from something between two
/// of them (`0.9.4-dirty`).
fn is_version(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_+~".contains(c);
    let number = |part: &str| {
        let (digits, suffix) = part.split_at(part.find(['-', '+', '~']).unwrap_or(part.len()));
        let whole = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        whole && suffix.chars().all(plain)
    };
    text.split('.').all(number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::testing::artifact;
    use davy_artifact::Role;

    fn severity(format: &'static str, path: &str, around: Option<&'static str>) -> Severity {
        let mut inner = artifact(format, vec![]);
        inner.path = path.to_owned();
        inner.role = Role::Present;
        let mut artifacts: Vec<Artifact> =
            around.map(|it| artifact(it, vec![])).into_iter().collect();
        inner.parent = around.map(|_| 0);
        artifacts.push(inner);
        let mut findings = Vec::new();
        NativeCode.bundle(&artifacts, &mut Reporter::new(&RULE, &mut findings));
        findings.pop().unwrap().severity
    }

    #[test]
    fn a_program_that_bears_the_name_of_data_is_high() {
        let disguised = [
            "model.bin",
            "a/model.pt",
            "weights.safetensors.1",
            "x.so.gguf",
            "x.so.1.bin",
            "x.so.0-1.pt",
        ];
        for name in disguised {
            assert_eq!(severity("elf", name, None), Severity::High, "{name}");
        }
        for name in ["libx.so", "libx.so.1.2", "server", "a.b/LIB.DLL", "x.llamafile", "m.EXE"] {
            assert_eq!(severity("pe", name, None), Severity::Medium, "{name}");
        }
        for name in ["libggml.so.0.9.4-dirty", "libx.so.6+ds1", "libx.so.6-g1a2b3c"] {
            assert_eq!(severity("elf", name, None), Severity::Medium, "{name}");
        }
    }

    #[test]
    fn what_loading_runs_or_no_writer_puts_there_is_high() {
        let library = "m.pt2!m/data/aotinductor/model/x.so";
        assert_eq!(severity("elf", library, Some("zip")), Severity::High);
        assert_eq!(severity("elf", "m.pt!m/x.so", Some("pytorch")), Severity::High);
        assert_eq!(severity("elf", "m.zip!m/x.so", Some("zip")), Severity::Medium);
    }
}
