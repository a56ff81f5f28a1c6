//! What comes over the network: shells that are handed out, programs that are fetched and run.

use super::argument::{comes_from, origin, place, texts};
use super::command::{Command, program};
use super::foreign;
use super::places::opened;
use super::story::{Step, What};
use super::{Look, Tag};
use davy_artifact::{Call, Value};
use std::collections::BTreeSet;

pub(super) fn look(look: &mut Look<'_>) {
    let story = look.story;
    let running = running(look);
    for (at, step) in story.steps.iter().enumerate() {
        match &step.what {
            What::Command(command) => {
                shells(command, at, &running, look);
                fetched(command, at, look);
            }
            What::Foreign(source) => {
                for tag in foreign::tags(source) {
                    look.tag(tag, at);
                }
            }
            What::Python(call, _) => {
                runs_fetched(call, at, look);
            }
        }
    }
    sockets(look);
    kept(look);
}

/// Programs that carry what they read to another machine and back.
const CARRIERS: &[&str] =
    &["nc", "nc.openbsd", "nc.traditional", "ncat", "netcat", "openssl", "socat", "telnet"];

/// Shells behind a connection: `bash -i >& /dev/tcp/…`, `nc -e`, a pipe through `nc`.
fn shells(command: &Command, at: usize, running: &BTreeSet<usize>, look: &mut Look<'_>) {
    let device = |target: &str| target.contains("/dev/tcp/") || target.contains("/dev/udp/");
    let connected = command.targets.iter().any(|(_, target)| device(target));
    let bare_shell = command.is_shell() || command.program == "exec";
    let bundled = command.words.iter().any(|word| device(word)) && command.is_shell();
    if connected && bare_shell || bundled && command.words.iter().any(|word| word.contains(">&")) {
        look.tag(Tag::ReverseShell, at);
    }
    let listens = command.is(CARRIERS)
        && (command.flag('l')
            || command.has("--listen")
            || command.words.iter().any(|w| listens_to(w)));
    let tag = if listens { Tag::BindShell } else { Tag::ReverseShell };
    if command.is(CARRIERS) {
        let runs = command.value_of(&["-e", "-c", "--exec", "--sh-exec", "--lua-exec"]);
        let joined = command.words.iter().any(|word| {
            let word = word.to_ascii_uppercase();
            word.starts_with("EXEC:") || word.starts_with("SYSTEM:")
        });
        let bundle = command.flag('e') && command.words.iter().any(|word| is_shell(word));
        let fed = command.pipeline().iter().skip(1).any(Command::is_shell);
        if runs.is_some_and(is_shell) || joined || bundle || fed {
            look.tag(tag, at);
        }
    }
    let reads = command.pipeline();
    let behind = reads.iter().skip(1).find(|before| before.is(CARRIERS));
    if command.is_shell() && behind.is_some() {
        look.tag(Tag::ReverseShell, at);
    }
    if command.program == "telnetd" && command.has("-l") {
        look.tag(Tag::BindShell, at);
    }
    if command.program == "xterm" && command.value_of(&["-display"]).is_some_and(|d| d.len() > 4) {
        look.tag(Tag::ReverseShell, at);
    }
    powershell(command, at, running, look);
}

/// Whether a word is an address of `socat` that waits for connections: `TCP-LISTEN:…`, `tcp-l:…`.
fn listens_to(word: &str) -> bool {
    let kind = word.split(':').next().unwrap_or_default().to_ascii_uppercase();
    word.contains(':') && (kind.ends_with("-LISTEN") || kind.ends_with("-L"))
}

fn is_shell(word: &str) -> bool {
    let word = word.split(' ').next().unwrap_or(word);
    matches!(
        program(word).as_str(),
        "ash" | "bash" | "cmd" | "dash" | "ksh" | "powershell" | "pwsh" | "sh" | "zsh"
    )
}

/// A client of TCP in PowerShell, beside what runs text.
fn powershell(command: &Command, at: usize, running: &BTreeSet<usize>, look: &mut Look<'_>) {
    let holds = |words: &[&str]| {
        let spelled = std::iter::once(&command.path).chain(&command.words);
        spelled.into_iter().any(|word| {
            let word = word.to_ascii_lowercase();
            words.iter().any(|other| word.contains(other))
        })
    };
    let Some(step) = look.story.steps.get(at) else { return };
    if !holds(&["sockets.tcpclient", "net.sockets.tcplistener"]) {
        return;
    }
    let tag = if holds(&["tcplistener"]) { Tag::BindShell } else { Tag::ReverseShell };
    if running.contains(&step.origin) {
        look.tag(tag, at);
    }
}

/// Calls with a command of PowerShell that runs text or another program.
fn running(look: &Look<'_>) -> BTreeSet<usize> {
    let runs = |word: &String| {
        let word = word.to_ascii_lowercase();
        let text = matches!(word.as_str(), "iex" | "invoke-expression");
        text || word.contains("cmd.exe") || word.contains("start-process")
    };
    let steps = look.story.steps.iter().filter(|step| match &step.what {
        What::Command(command) => std::iter::once(&command.path).chain(&command.words).any(runs),
        _ => false,
    });
    steps.map(|step| step.origin).collect()
}

/// Programs that are fetched and run at once: `curl … | sh`, `bash <(curl …)`, `IEX (…)`.
fn fetched(command: &Command, at: usize, look: &mut Look<'_>) {
    let inside = || command.inside.iter().map(Command::of);
    let interprets = command.interprets() || command.is(&[".", "eval", "source", "exec"]);
    let piped = command.pipeline();
    let piped = piped.iter().skip(1).any(|before| {
        before.fetches() || before.inside.iter().map(Command::of).any(|inside| inside.fetches())
    });
    let called = command.path.starts_with("$(") && inside().any(|inside| inside.fetches());
    if called || interprets && (piped || inside().any(|inside| inside.fetches())) {
        look.tag(Tag::DownloadAndRun, at);
    }
    let spelled =
        || std::iter::once(&command.path).chain(&command.words).map(|w| w.to_ascii_lowercase());
    let runs_text = spelled().any(|word| matches!(word.as_str(), "iex" | "invoke-expression"))
        || command.pipeline().iter().any(|part| part.is(&["iex", "invoke-expression"]));
    let loads = spelled().any(|word| {
        word.contains("downloadstring")
            || word.contains("downloaddata")
            || matches!(
                word.as_str(),
                "iwr" | "irm" | "invoke-webrequest" | "invoke-restmethod" | "curl" | "wget"
            )
    });
    let url = spelled().any(|word| word.contains("://"));
    let direct = match command.program.as_str() {
        "mshta" | "msiexec" | "regsvr32" | "rundll32" | "wmic" => url,
        "pip" | "pip3" | "pipx" | "uv" => {
            command.has("install") && command.words.iter().any(|word| is_package_url(word))
        }
        "npm" | "npx" | "pnpm" | "go" | "cargo" | "gem" => {
            url && command.has_any(&["install", "run", "i", "exec"])
        }
        _ if command.is_python() => {
            command.has("pip")
                && command.has("install")
                && command.words.iter().any(|word| is_package_url(word))
        }
        _ => false,
    };
    if runs_text && loads || direct {
        look.tag(Tag::DownloadAndRun, at);
    }
}

/// An address that a package is built from; indices of packages by name are none.
fn is_package_url(word: &str) -> bool {
    let url = word.split_once("+http").map_or(word.starts_with("http"), |_| true);
    let index = ["/simple", "/simple/", "/whl/cpu", "/whl"].iter().any(|end| word.ends_with(end));
    url && !index
}

/// Files that are fetched, kept, and run later.
fn kept(look: &mut Look<'_>) {
    let story = look.story;
    let mut saved: Vec<String> = Vec::new();
    for (at, step) in story.steps.iter().enumerate() {
        if saved.iter().any(|path| runs_path(step, path)) {
            look.tag(Tag::DownloadAndRun, at);
        }
        match &step.what {
            What::Command(command) => {
                saved.extend(command.saved().map(str::to_owned));
                let piped = command.pipeline().iter().skip(1).any(Command::fetches);
                if piped {
                    saved.extend(command.written().into_iter().map(str::to_owned));
                }
                let net = command
                    .words
                    .iter()
                    .any(|word| word.to_ascii_lowercase().contains("downloadfile"));
                saved.extend(command.words.last().filter(|_| net).cloned());
            }
            What::Python(call, _) => saved.extend(saved_by(call)),
            What::Foreign(_) => {}
        }
        saved.truncate(64);
    }
}

/// The path under which a call keeps what it fetches.
fn saved_by(call: &Call) -> Option<String> {
    let path = origin(&call.callee);
    let keeps = matches!(
        path.as_str(),
        "urllib.request.urlretrieve"
            | "urllib.urlretrieve"
            | "wget.download"
            | "torch.hub.download_url_to_file"
            | "gdown.download"
    ) || path.ends_with("URLopener().retrieve");
    if keeps {
        return call
            .args
            .get(1)
            .or_else(|| named(call, &["filename", "out", "dst", "output"]))
            .and_then(place);
    }
    let writes =
        path.ends_with(".write") || path.ends_with(".write_bytes") || path.ends_with(".write_text");
    if writes && fetches(call) {
        return match &call.callee {
            Value::Attribute(base, _) => opened(base).or_else(|| place(base)),
            _ => None,
        };
    }
    None
}

fn named<'a>(call: &'a Call, names: &[&str]) -> Option<&'a Value> {
    call.kwargs.iter().find(|(key, _)| names.contains(&key.as_str())).map(|(_, value)| value)
}

/// Whether a step runs the file at `path`, or makes it a program.
fn runs_path(step: &Step, path: &str) -> bool {
    let base = path.rsplit(['/', '\\']).next().unwrap_or(path);
    if base.is_empty() {
        return false;
    }
    let same = |word: &str| {
        let word = word.trim_matches(['"', '\'']);
        word == path || word.rsplit(['/', '\\']).next() == Some(base) && !word.contains("://")
    };
    match &step.what {
        What::Command(command) => {
            let runs = command.interprets()
                || command.is(&[
                    ".",
                    "source",
                    "start",
                    "start-process",
                    "rundll32",
                    "regsvr32",
                    "msiexec",
                    "mshta",
                    "wscript",
                    "cscript",
                    "saps",
                    "invoke-item",
                    "open",
                    "java",
                ]);
            let marks = command.program == "chmod"
                && command
                    .words
                    .iter()
                    .any(|mode| mode.contains('x') || mode.contains('7') || mode.contains('5'));
            let first = same(&command.path) && !command.fetches();
            first || ((runs || marks) && command.words.iter().any(|word| same(word)))
        }
        What::Python(call, of) => {
            let runs = matches!(
                of.as_str(),
                "os.chmod" | "os.startfile" | "ctypes.CDLL" | "runpy.run_path" | "execfile"
            ) || of.starts_with("ctypes.cdll")
                || of.ends_with("SourceFileLoader")
                || of.ends_with("spec_from_file_location");
            runs && texts(call).into_iter().any(same)
        }
        What::Foreign(_) => false,
    }
}

/// Calls in Python that fetch something.
const FETCHING: &[&str] = &[
    "aiohttp.",
    "ftplib.FTP().retr",
    "gdown.",
    "http.client.",
    "httplib.",
    "httpx.get",
    "httpx.stream",
    "requests.Session().get",
    "requests.get",
    "requests.post",
    "requests.request",
    "socket.create_connection().recv",
    "socket.socket().makefile",
    "socket.socket().recv",
    "urllib.request.",
    "urllib.urlopen",
    "urllib.urlretrieve",
    "urllib2.",
    "urllib3.",
    "wget.download",
];

/// Whether what a call is given comes from the network.
fn fetches(call: &Call) -> bool {
    comes_from(call, &mut |of, _| FETCHING.iter().any(|start| of.starts_with(start)))
}

/// `exec(requests.get(…).text)` and its kin.
fn runs_fetched(call: &Call, at: usize, look: &mut Look<'_>) {
    let of = origin(&call.callee);
    let runs =
        matches!(of.as_str(), "exec" | "eval" | "compile" | "marshal.loads" | "types.FunctionType")
            || of.ends_with(".loads") && !of.starts_with("json.")
            || is_command(&of);
    let given = Call { callee: Value::None, ..call.clone() };
    if !runs || !fetches(&given) {
        return;
    }
    let socket = comes_from(&given, &mut |of, _| of.starts_with("socket."));
    look.tag(if socket { Tag::ReverseShell } else { Tag::DownloadAndRun }, at);
}

fn is_command(of: &str) -> bool {
    matches!(of, "os.system" | "os.popen" | "pty.spawn")
        || of.starts_with("subprocess.") && !of.contains('(')
        || of.starts_with("os.exec")
        || of.starts_with("os.spawn")
}

/// Sockets in Python that a shell is tied to.
fn sockets(look: &mut Look<'_>) {
    let story = look.story;
    let calls = || {
        story.steps.iter().enumerate().filter_map(|(at, step)| match &step.what {
            What::Python(call, of) => Some((at, call.as_ref(), of)),
            _ => None,
        })
    };
    let socket = |of: &str| of.contains("socket") || of.starts_with('?');
    let pair = |call: &Call| {
        call.args.first().is_some_and(|arg| {
            super::argument::address(arg).is_some() || matches!(arg, Value::Tuple(_))
        })
    };
    let connects = calls().find(|(_, call, of)| {
        *of == "socket.create_connection"
            || *of == "asyncio.open_connection"
            || (of.ends_with(".connect") || of.ends_with(".connect_ex"))
                && socket(of)
                && (of.contains("socket") || pair(call))
    });
    let listens = calls().find(|(_, _, of)| {
        (of.ends_with(".listen") || of.ends_with(".accept")) && socket(of)
            || *of == "asyncio.start_server"
    });
    let tag = match (&connects, &listens) {
        (_, Some(_)) => Tag::BindShell,
        (Some(_), None) => Tag::ReverseShell,
        (None, None) => return,
    };
    let copied = calls().any(|(_, _, of)| of == "os.dup2" || of == "os.dup");
    let shell = story.steps.iter().position(|step| match &step.what {
        What::Command(command) => command.is_shell() && command.operands().next().is_none(),
        _ => false,
    });
    let tied = calls().find(|(_, call, of)| {
        is_command(of)
            && call.kwargs.iter().any(|(key, value)| {
                matches!(key.as_str(), "stdin" | "stdout") && origin(value).contains("fileno")
                    || origin(value).contains("makefile")
            })
    });
    let received = calls().any(|(_, _, of)| {
        of.ends_with(".recv") || of.ends_with(".readline") || of.ends_with(".read")
    });
    let answers = calls().any(|(_, _, of)| of.ends_with(".send") || of.ends_with(".sendall"));
    let obeys = calls().find(|(_, call, of)| {
        (is_command(of) || matches!(of.as_str(), "exec" | "eval"))
            && received
            && answers
            && call.args.first().is_some_and(is_unknown)
    });
    let at = match (copied, shell) {
        (true, Some(at)) => Some(at),
        _ => tied.map(|(at, ..)| at).or(obeys.map(|(at, ..)| at)),
    };
    let opened = listens.or(connects).map(|(at, ..)| at);
    if let (Some(at), Some(opened)) = (at, opened) {
        look.tag_with(tag, opened, at);
    }
}

pub(super) fn is_unknown(value: &Value) -> bool {
    match value {
        Value::Unknown(_) | Value::Attribute(..) | Value::Call(_) => true,
        Value::List(items) | Value::Tuple(items) => items.iter().any(is_unknown),
        _ => false,
    }
}
