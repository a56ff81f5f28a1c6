//! What is sent elsewhere: files, the output of commands, what a program found out about the machine.

use super::argument::comes_from;
use super::command::Command;
use super::remote::is_unknown;
use super::story::What;
use super::{Look, Tag};
use davy_artifact::{Call, Value};

/// Where a story first tells something about the machine.
struct Before {
    /// In any way.
    told: Option<usize>,
    /// By asking for what only that tells: the output of a command, the names of user and host.
    looked: Option<usize>,
}

pub(super) fn look(look: &mut Look<'_>) {
    let story = look.story;
    let first = |test: &dyn Fn(&str) -> bool| {
        story.steps.iter().position(|step| match &step.what {
            What::Python(_, of) => test(of),
            _ => false,
        })
    };
    let asks = |of: &str| {
        let user = of.starts_with("getpass.") || of == "socket.gethostname";
        user || of.starts_with("subprocess.") || of == "os.popen"
    };
    let before = Before { told: first(&telling), looked: first(&asks) };
    for (at, step) in story.steps.iter().enumerate() {
        match &step.what {
            What::Command(command) => sent(command, at, look),
            What::Python(call, of) => sends((call, of), at, &before, look),
            What::Foreign(_) => {}
        }
    }
}

/// Programs that tell something about the machine, or print a file.
const TELLING: &[&str] = &[
    "cat",
    "env",
    "gzip",
    "head",
    "history",
    "hostname",
    "id",
    "ifconfig",
    "ls",
    "more",
    "printenv",
    "ps",
    "set",
    "tail",
    "tar",
    "type",
    "uname",
    "whoami",
    "zip",
    "xxd",
    "find",
    "grep",
    "pg_dump",
    "mysqldump",
    "7z",
    "get-content",
    "gc",
    "ipconfig",
    "systeminfo",
];

/// What commands send elsewhere: files, and the output of other commands.
fn sent(command: &Command, at: usize, look: &mut Look<'_>) {
    let pipeline = command.pipeline();
    let tells = pipeline.iter().skip(1).any(|before| before.is(TELLING));
    let inside = command.inside.iter().any(|call| {
        Command::of(call).is(TELLING)
            || Command::of(call).pipeline().iter().any(|part| part.is(TELLING))
    });
    let device = command
        .targets
        .iter()
        .any(|(operator, target)| operator.contains('>') && target.contains("/dev/tcp/"));
    let redirected = command.targets.iter().any(|(operator, _)| operator == "<");
    let exfiltrates = match command.program.as_str() {
        "curl" | "wget" | "xh" => {
            let file = command.words.iter().any(|word| {
                word.starts_with('@')
                    || word.contains("=@")
                    || word.starts_with("-d@")
                    || word.contains("=<")
            });
            let upload = command.has_any(&["-T", "--upload-file", "--post-file"])
                || command.words.iter().any(|word| {
                    word.starts_with("--post-file=") || word.starts_with("--upload-file=")
                });
            upload
                || (command.sends() && (file || tells || inside))
                || inside && command.words.iter().any(|w| w.contains("://") || w.contains("$("))
        }
        "iwr" | "irm" | "invoke-webrequest" | "invoke-restmethod" => command.sends(),
        "nc" | "ncat" | "netcat" | "nc.traditional" | "openssl" | "socat" | "telnet" => {
            (tells || redirected) && !command.flag('l') && !pipeline.iter().any(Command::is_shell)
        }
        "scp" | "rsync" | "sftp" => {
            let operands: Vec<&str> = command.operands().collect();
            let away = |path: &&str| path.contains(':') && !path.contains(":\\");
            operands.last().is_some_and(away) && !operands.first().is_some_and(away)
        }
        "ssh" => tells || redirected,
        "dig" | "host" | "nslookup" | "ping" => inside,
        "mail" | "mailx" | "mutt" | "sendmail" => {
            tells || inside || redirected || command.has("-a")
        }
        "aws" | "gsutil" | "rclone" | "azcopy" | "gcloud" => {
            let last = command.operands().last().unwrap_or_default();
            command.has_any(&["cp", "sync", "copy", "mv"])
                && (last.contains("://") || (command.program == "rclone" && last.contains(':')))
        }
        "ftp" => redirected || command.here.as_ref().is_some_and(|here| here.contains("put ")),
        _ => device && (tells || command.is(TELLING)),
    };
    if exfiltrates {
        look.tag(Tag::Exfiltration, at);
    }
}

/// Calls in Python that send something.
fn sending(of: &str) -> bool {
    const ENDS: &[&str] = &[
        ".post",
        ".put",
        ".patch",
        ".sendall",
        ".sendto",
        ".send",
        ".sendmail",
        ".send_message",
        ".storbinary",
        ".storlines",
        ".upload_file",
        ".upload_fileobj",
        ".put_object",
        ".upload_from_filename",
        ".request",
        ".urlopen",
        ".Request",
        ".upload_folder",
        ".emit",
    ];
    const STARTS: &[&str] = &[
        "aiohttp.",
        "boto3.",
        "ftplib.",
        "google.cloud.storage",
        "http.client.",
        "httplib.",
        "httpx.",
        "huggingface_hub.",
        "paramiko.",
        "requests.",
        "smtplib.",
        "socket.",
        "ssl.",
        "urllib.request.",
        "urllib2.",
        "urllib3.",
        "websocket",
    ];
    ENDS.iter().any(|end| of.ends_with(end)) && STARTS.iter().any(|start| of.starts_with(start))
}

/// Calls in Python that tell something about the machine, or read a file.
fn telling(of: &str) -> bool {
    const STARTS: &[&str] = &[
        "ImageGrab.",
        "PIL.ImageGrab.",
        "browser_cookie3.",
        "getpass.getuser",
        "glob.",
        "keyring.",
        "open",
        "os.environ",
        "os.getcwd",
        "os.getenv",
        "os.getlogin",
        "os.listdir",
        "os.popen",
        "os.uname",
        "os.walk",
        "pathlib.Path().read_",
        "platform.",
        "pyperclip.paste",
        "socket.gethostname",
        "sqlite3.",
        "subprocess.check_output",
        "subprocess.getoutput",
        "subprocess.run",
        "shutil.make_archive",
        "zipfile.",
        "tarfile.",
        "dict",
        "psutil.",
    ];
    STARTS.iter().any(|start| of.starts_with(start)) && (of != "dict")
}

/// Whether a command is run whose text is not in the file: its output is the answer of a shell.
fn obeys(of: &str, made: &Call) -> bool {
    let command = of.starts_with("os.popen") || of.starts_with("subprocess.");
    command && made.args.first().is_none_or(is_unknown)
}

fn sends((call, of): (&Call, &str), at: usize, before: &Before, look: &mut Look<'_>) {
    let resolves = of.starts_with("socket.gethostby")
        || of.starts_with("socket.getaddrinfo")
        || of.ends_with("resolver.resolve")
        || of.ends_with("resolver.query");
    let gets = matches!(of, "requests.get" | "httpx.get" | "urllib.request.urlopen");
    if !(sending(of) || resolves || gets) {
        return;
    }
    let given = Call { callee: Value::None, ..call.clone() };
    let mut tells = comes_from(&given, &mut |of, made| telling(of) && !obeys(of, made));
    given.walk(&mut |value| {
        if let Value::Name(name) = value {
            tells |= name.dotted() == "os.environ";
        }
    });
    let files = call.kwargs.iter().any(|(key, _)| key == "files");
    let keeps = of.ends_with(".upload_file")
        || of.ends_with(".storbinary")
        || of.ends_with(".upload_folder")
        || of.ends_with(".upload_from_filename");
    let unknown = call
        .args
        .iter()
        .skip(1)
        .chain(
            call.kwargs
                .iter()
                .filter(|(key, _)| {
                    matches!(key.as_str(), "data" | "json" | "content" | "body" | "params")
                })
                .map(|(_, value)| value),
        )
        .any(is_unknown);
    // Where the data flow was lost, what was looked at before is what is sent.
    let asks = gets && call.args.first().is_some_and(|arg| matches!(arg, Value::Unknown(_)));
    let looked = asks && before.looked.is_some_and(|first| first < at);
    let read_before = sending(of) && unknown && before.told.is_some_and(|first| first < at);
    if tells || files || keeps || read_before || looked {
        look.tag(Tag::Exfiltration, at);
    }
}
