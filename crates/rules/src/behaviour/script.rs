//! Programs that calls and commands hand over to be run: `os.system('…')`, `sh -c '…'`, `python -c
//! '…'`, `powershell -enc …`.

use super::argument::origin;
use super::command::{Command, program};
use crate::facts::{callee, known};
use crate::knowledge::Effect;
use davy_artifact::{Call, Excerpt, Language, Manner, Value};

/// Something that is run.
pub(super) enum Run {
    /// A command, as words.
    Command(Call),
    /// A program in a language that no reader takes.
    Foreign(String),
    /// A program as text.
    Source(Language, Vec<u8>),
}

/// Functions that hand their first argument to a shell.
const SHELLING: &[&str] = &[
    "asyncio.create_subprocess_shell",
    "commands.getoutput",
    "commands.getstatusoutput",
    "os.popen",
    "os.popen2",
    "os.popen3",
    "os.popen4",
    "os.startfile",
    "os.system",
    "subprocess.getoutput",
    "subprocess.getstatusoutput",
];

/// Functions that run their first argument, which is a list of words or a command line.
const SPAWNING: &[&str] = &[
    "asyncio.create_subprocess_exec",
    "pty.spawn",
    "subprocess.Popen",
    "subprocess.call",
    "subprocess.check_call",
    "subprocess.check_output",
    "subprocess.run",
];

/// What a call in Python runs.
pub(super) fn runs(call: &Call) -> Vec<Run> {
    let path = origin(&call.callee);
    let first = call.args.first().or_else(|| named(call, &["args", "cmd", "command", "source"]));
    match path.as_str() {
        "exec" | "eval" | "compile" => {
            first.and_then(source(Language::Python)).into_iter().collect()
        }
        shelling if SHELLING.contains(&shelling) => first.map(shell).unwrap_or_default(),
        spawning if SPAWNING.contains(&spawning) => spawn(call, first),
        path if path.starts_with("os.exec") || path.starts_with("os.posix_spawn") => {
            replace(call, &call.args)
        }
        path if path.starts_with("os.spawn") => {
            replace(call, call.args.get(1..).unwrap_or_default())
        }
        path => match path.strip_prefix("sh.").or_else(|| path.strip_prefix("plumbum.cmd.")) {
            Some(program) if !program.contains(['.', '(']) => {
                vec![Run::Command(words(text(program), call.args.clone(), call))]
            }
            _ => others(call),
        },
    }
}

/// What callables run that are known to run code or commands: as either.
fn others(call: &Call) -> Vec<Run> {
    let runs = callee(call).and_then(known);
    if !runs.is_some_and(|known| known.effect == Effect::Exec && !known.constants_only) {
        return Vec::new();
    }
    let mut found = Vec::new();
    for value in call.args.iter().chain(call.kwargs.iter().map(|(_, value)| value)).take(4) {
        match value {
            Value::Text(_) | Value::Bytes(_) => {
                found.extend(source(Language::Python)(value));
                found.extend(source(Language::Shell)(value));
            }
            Value::List(_) | Value::Tuple(_) => found.extend(shell(value)),
            _ => {}
        }
    }
    found
}

fn named<'a>(call: &'a Call, names: &[&str]) -> Option<&'a Value> {
    call.kwargs.iter().find(|(key, _)| names.contains(&key.as_str())).map(|(_, value)| value)
}

fn source(language: Language) -> impl Fn(&Value) -> Option<Run> {
    move |value| match value {
        Value::Text(excerpt) | Value::Bytes(excerpt) => {
            Some(Run::Source(language, excerpt.head.clone()))
        }
        _ => None,
    }
}

/// A command line, or the words of one.
fn shell(value: &Value) -> Vec<Run> {
    match value {
        Value::List(items) | Value::Tuple(items) => match items.split_first() {
            Some((program, args)) => vec![Run::Command(Call {
                callee: program.clone(),
                args: args.to_vec(),
                kwargs: Vec::new(),
                manner: Manner::Called,
            })],
            None => Vec::new(),
        },
        value => source(Language::Shell)(value).into_iter().collect(),
    }
}

fn spawn(call: &Call, first: Option<&Value>) -> Vec<Run> {
    let Some(first) = first else { return Vec::new() };
    let several = matches!(first, Value::Text(_))
        && call.args.len() > 1
        && call.args.iter().all(|arg| matches!(arg, Value::Text(_)));
    if several {
        let args = call.args.get(1..).unwrap_or_default();
        return vec![Run::Command(words(first.clone(), args.to_vec(), call))];
    }
    let mut runs = shell(first);
    if let (Some(input), Some(Run::Command(command))) = (named(call, &["input"]), runs.first_mut())
    {
        command.kwargs.push(("<<".to_owned(), input.clone()));
    }
    runs
}

/// `os.execv(path, [name, …])` and `os.execl(path, name, …)`.
fn replace(call: &Call, args: &[Value]) -> Vec<Run> {
    let Some((path, rest)) = args.split_first() else { return Vec::new() };
    let items = match rest.first() {
        Some(Value::List(items) | Value::Tuple(items)) => items.as_slice(),
        _ => rest,
    };
    let args = items.get(1..).unwrap_or_default();
    vec![Run::Command(words(path.clone(), args.to_vec(), call))]
}

fn words(callee: Value, args: Vec<Value>, _: &Call) -> Call {
    Call { callee, args, kwargs: Vec::new(), manner: Manner::Called }
}

fn text(text: &str) -> Value {
    Value::Text(Excerpt::whole(text))
}

/// Programs that run the command behind their own options, with the options that take a word.
const PREFIXES: &[(&str, &[&str])] = &[
    ("&", &[]),
    ("builtin", &[]),
    ("busybox", &[]),
    ("call", &[]),
    ("chroot", &[]),
    ("command", &[]),
    ("doas", &["-u"]),
    ("env", &["-u"]),
    ("exec", &["-a"]),
    ("ionice", &["-c", "-n", "-p"]),
    ("nice", &["-n"]),
    ("nohup", &[]),
    ("proxychains", &[]),
    ("setsid", &[]),
    ("start", &[]),
    ("stdbuf", &["-i", "-o", "-e"]),
    ("sudo", &["-u", "-g", "-C", "-h", "-p"]),
    ("time", &[]),
    ("timeout", &["-k", "-s"]),
    ("torsocks", &[]),
    ("unbuffer", &[]),
    ("xargs", &["-I", "-n", "-P", "-L", "-d", "-i"]),
];

/// What a command of a shell runs in turn.
pub(super) fn derived(command: &Command, call: &Call) -> Vec<Run> {
    if let Some((_, valued)) = PREFIXES.iter().find(|(name, _)| *name == command.program) {
        return prefixed(command, call, valued);
    }
    let language = match command.program.as_str() {
        "cmd" => Language::Batch,
        "powershell" | "pwsh" | "iex" | "invoke-expression" => Language::PowerShell,
        _ if command.is_python() => Language::Python,
        _ => Language::Shell,
    };
    match command.program.as_str() {
        "awk" | "gawk" | "lua" | "node" | "osascript" | "perl" | "php" | "ruby" => {
            command.words.iter().filter(|word| word.len() > 8).cloned().map(Run::Foreign).collect()
        }
        "iex" | "invoke-expression" | "eval" if command.inside.is_empty() => {
            source_of(language, command.words.join(" "))
        }
        "trap" | "watch" => {
            source_of(language, command.operands().next().unwrap_or_default().into())
        }
        "ssh" => source_of(language, command.operands().skip(1).collect::<Vec<_>>().join(" ")),
        "su" | "script" | "runuser" => {
            source_of(language, command.value_of(&["-c", "--command"]).unwrap_or_default().into())
        }
        "screen" | "tmux" => {
            source_of(language, command.operands().last().unwrap_or_default().into())
        }
        "schtasks" => {
            let at = command.words.iter().position(|word| word.eq_ignore_ascii_case("/tr"));
            let task = at.and_then(|at| command.words.get(at.saturating_add(1)));
            source_of(language, task.cloned().unwrap_or_default())
        }
        "crontab" | "at" | "batch" => scheduled(command),
        "find" | "fd" => executed(call),
        "cmd" => slash(command, call),
        "powershell" | "pwsh" => power(command),
        _ if command.is_shell() || command.is_python() => interpreted(command, language),
        _ => nested(call),
    }
}

fn source_of(language: Language, source: String) -> Vec<Run> {
    if source.is_empty() { Vec::new() } else { vec![Run::Source(language, source.into_bytes())] }
}

fn prefixed(command: &Command, call: &Call, valued: &[&str]) -> Vec<Run> {
    let duration = |word: &str| {
        word.trim_end_matches(['s', 'm', 'h', 'd']).parse::<f64>().is_ok()
            && command.program == "timeout"
    };
    let mut at = 0_usize;
    while let Some(word) = command.words.get(at) {
        let sets = command.program == "env" && word.contains('=');
        let slash = command.program == "start" && word.starts_with('/');
        if valued.contains(&word.as_str()) {
            at = at.saturating_add(2);
        } else if word.starts_with('-') || sets || slash || duration(word) {
            at = at.saturating_add(1);
        } else {
            break;
        }
    }
    let Some((callee, rest)) = call.args.get(at..).and_then(<[Value]>::split_first) else {
        return Vec::new();
    };
    let mut args = rest.to_vec();
    let mut kwargs = call.kwargs.clone();
    if command.program == "xargs"
        && let Some(Value::Text(input)) = &command.input
    {
        let input = String::from_utf8_lossy(&input.head).into_owned();
        args.extend(input.split_whitespace().map(text));
        kwargs.retain(|(key, _)| key != "|");
    }
    vec![Run::Command(Call { callee: callee.clone(), args, kwargs, manner: Manner::Called })]
}

/// `sh -c '…'`, or what a shell or an interpreter reads.
fn interpreted(command: &Command, language: Language) -> Vec<Run> {
    let mut words = command.words.iter();
    let option = |word: &&String| {
        let letters = word.strip_prefix('-').unwrap_or_default();
        !letters.starts_with('-') && letters.ends_with('c')
    };
    if words.by_ref().any(|word| option(&word)) {
        return source_of(language, words.next().cloned().unwrap_or_default());
    }
    let reads = command.operands().next().is_none() || command.has("-s") || command.has("-");
    let input = match (&command.here, &command.input) {
        (Some(here), _) => Some(here.clone()),
        (None, Some(Value::Text(input))) => Some(String::from_utf8_lossy(&input.head).into_owned()),
        _ => None,
    };
    input.filter(|_| reads).map(|input| source_of(language, input)).unwrap_or_default()
}

/// `cmd /c …`.
fn slash(command: &Command, _: &Call) -> Vec<Run> {
    let at = command.words.iter().position(|word| {
        word.eq_ignore_ascii_case("/c")
            || word.eq_ignore_ascii_case("/k")
            || word.eq_ignore_ascii_case("/r")
    });
    let rest = at.and_then(|at| command.words.get(at.saturating_add(1)..)).unwrap_or_default();
    source_of(Language::Batch, rest.join(" "))
}

/// `powershell -Command …` and `powershell -EncodedCommand …`, whose options may be cut short.
fn power(command: &Command) -> Vec<Run> {
    let mut words = command.words.iter();
    while let Some(word) = words.next() {
        let Some(option) = word.strip_prefix(['-', '/']) else {
            let rest: Vec<&str> = std::iter::once(word).chain(words).map(String::as_str).collect();
            return source_of(Language::PowerShell, rest.join(" "));
        };
        let option = option.to_ascii_lowercase();
        let is = |name: &str| !option.is_empty() && name.starts_with(&option);
        if is("encodedcommand") && option.starts_with('e') && !option.starts_with("ex")
            || option == "ec"
        {
            let script = words.next().and_then(|word| base64(word)).map(|bytes| utf16(&bytes));
            return source_of(Language::PowerShell, script.unwrap_or_default());
        }
        if is("command") {
            let rest: Vec<&str> = words.map(String::as_str).collect();
            return source_of(Language::PowerShell, rest.join(" "));
        }
        if is("executionpolicy")
            || option == "ep"
            || is("windowstyle")
            || is("version")
            || is("inputformat")
        {
            words.next();
        }
    }
    match &command.input {
        Some(Value::Text(input)) => vec![Run::Source(Language::PowerShell, input.head.clone())],
        _ => Vec::new(),
    }
}

/// The commands in a table of cron, or what `at` reads.
fn scheduled(command: &Command) -> Vec<Run> {
    let input = match (&command.here, &command.input) {
        (Some(here), _) => here.clone(),
        (None, Some(Value::Text(input))) => String::from_utf8_lossy(&input.head).into_owned(),
        _ => return Vec::new(),
    };
    if command.program != "crontab" {
        return source_of(Language::Shell, input);
    }
    input.lines().take(16).flat_map(|line| source_of(Language::Shell, cron_command(line))).collect()
}

/// What a line of a table of cron runs.
pub(super) fn cron_command(line: &str) -> String {
    let fields = if line.trim_start().starts_with('@') { 1 } else { 5 };
    line.split_whitespace().skip(fields).collect::<Vec<_>>().join(" ")
}

/// `find … -exec command ;`.
fn executed(call: &Call) -> Vec<Run> {
    let is = |value: &Value, words: &[&str]| value.text().is_some_and(|text| words.contains(&text));
    let start = call.args.iter().position(|arg| is(arg, &["-exec", "-execdir", "-ok", "-x"]));
    let rest = start.and_then(|at| call.args.get(at.saturating_add(1)..)).unwrap_or_default();
    let mut rest = rest.iter().take_while(|arg| !is(arg, &[";", "+"])).cloned();
    match rest.next() {
        Some(callee) => {
            let args = rest.collect();
            vec![Run::Command(Call { callee, args, kwargs: Vec::new(), manner: Manner::Called })]
        }
        None => Vec::new(),
    }
}

/// A shell among the words of another program: `docker exec box sh -c '…'`.
fn nested(call: &Call) -> Vec<Run> {
    let shell = |value: &Value| {
        value.text().is_some_and(|text| {
            matches!(program(text).as_str(), "sh" | "bash" | "dash" | "ash" | "zsh")
        })
    };
    let Some(at) = call.args.iter().position(shell) else { return Vec::new() };
    let behind = call.args.get(at.saturating_add(1)..).unwrap_or_default();
    let takes = behind
        .first()
        .and_then(Value::text)
        .is_some_and(|word| word.starts_with('-') && word.ends_with('c'));
    match call.args.get(at).filter(|_| takes) {
        Some(callee) => vec![Run::Command(Call {
            callee: callee.clone(),
            args: behind.to_vec(),
            kwargs: Vec::new(),
            manner: Manner::Called,
        })],
        None => Vec::new(),
    }
}

/// Bytes that base64 spells.
pub(super) fn base64(text: &str) -> Option<Vec<u8>> {
    let (mut out, mut bits, mut held) = (Vec::new(), 0_u32, 0_u32);
    for byte in text.bytes().filter(|byte| !byte.is_ascii_whitespace()) {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            b'=' => break,
            _ => return None,
        };
        held = (held << 6) | u32::from(value);
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            out.extend(u8::try_from((held >> bits) & 0xff));
        }
    }
    Some(out)
}

/// Text in UTF-16, as PowerShell encodes its commands.
fn utf16(bytes: &[u8]) -> String {
    let (pairs, _) = bytes.as_chunks::<2>();
    let units: Vec<u16> = pairs.iter().map(|pair| u16::from_le_bytes(*pair)).collect();
    String::from_utf16_lossy(&units)
}
