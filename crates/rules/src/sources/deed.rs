//! How bad one call in source text is. What any program does is not told; the rest depends on the call,
//! and on whether importing the source makes it or only somebody who calls the function around it.

use crate::Severity;
use crate::facts::{arguments, is_given};
use crate::knowledge::{self, Effect, Known};
use crate::references::path::{Leads, leads};
use davy_artifact::{Call, Manner, Name, Value};

/// What a call in source does.
pub(super) struct Deed {
    pub(super) severity: Severity,
    /// As the end of a sentence that begins with the callee.
    pub(super) does: String,
}

impl Deed {
    fn new(severity: Severity, does: impl Into<String>) -> Self {
        Self { severity, does: does.into() }
    }
}

/// What writes code from the source's own declarations: that adds nothing to what the source says.
const DECLARING: &[&str] = &["attr.", "dataclasses.", "torch.jit.", "torch.library."];

/// What rows about a whole module cover and any program does.
const ORDINARY: &[&str] = &[
    "builtins.print",
    "os.cpu_count",
    "os.getenv",
    "os.getpid",
    "subprocess.list2cmdline",
    "sys.setrecursionlimit",
    "tempfile.gettempdir",
];

/// Modules whose functions run what they are given, or load machine code: the language's own ways, and
/// packages made for it. What else runs code is a part of a library, whose use source shows openly:
/// compiling a network, building a pipeline, parsing settings.
const RUNNING: &[&str] = &[
    "_ctypes",
    "_posixsubprocess",
    "anyio",
    "asyncio",
    "bdb",
    "builtins",
    "cProfile",
    "cffi",
    "code",
    "codeop",
    "commands",
    "cppyy",
    "ctypes",
    "distutils",
    "ensurepip",
    "fabric",
    "gevent",
    "idlelib",
    "imp",
    "importlib",
    "invoke",
    "marshal",
    "nt",
    "numba",
    "operator",
    "os",
    "paramiko",
    "pdb",
    "pexpect",
    "pip",
    "pkgutil",
    "platform.popen",
    "plumbum",
    "popen2",
    "posix",
    "profile",
    "psutil",
    "pty",
    "ptyprocess",
    "pydoc",
    "runpy",
    "sh",
    "subprocess",
    "timeit",
    "trace",
    "trio",
    "types",
    "webbrowser",
    "xonsh",
    "zipimport",
];

/// What of those modules only prepares or describes.
const PREPARING: &[&str] = &[
    "asyncio.run",
    "cProfile.Profile",
    "ctypes.CFUNCTYPE",
    "ctypes.POINTER",
    "ctypes.PYFUNCTYPE",
    "ctypes.WINFUNCTYPE",
    "ctypes.cast",
    "importlib.util.module_from_spec",
    "importlib.util.spec_from_file_location",
    "profile.Profile",
    "subprocess.CalledProcessError",
    "subprocess.TimeoutExpired",
];

/// What takes a model or data set from a hub by its name.
const FETCHES: &[&str] = &[
    "cached_download",
    "cached_file",
    "download_url_to_file",
    "from_pretrained",
    "hf_hub_download",
    "load_dataset",
    "load_state_dict_from_url",
    "snapshot_download",
];

/// What asks for an address and sends nothing.
const ASKS: &[&str] = &["get", "head", "urlopen", "urlretrieve"];

/// Makes folders and files that go away again.
const ROOMS: &[&str] = &[
    "os.makedirs",
    "os.mkdir",
    "pathlib.Path.mkdir",
    "tempfile.NamedTemporaryFile",
    "tempfile.TemporaryDirectory",
    "tempfile.TemporaryFile",
    "tempfile.mkdtemp",
];

/// Builds kernels that the source brings or names.
const KERNELS: &[&str] = &["load", "load_inline", "load_library"];

/// Programs that code for sound, pictures and devices starts, with arguments of its own.
const TOOLS: &[&str] = &[
    "ffmpeg",
    "ffprobe",
    "lscpu",
    "ninja",
    "nproc",
    "nvcc",
    "nvidia-smi",
    "rocm-smi",
    "sox",
    "uname",
];

/// Parts of paths of what is worth stealing, or of what runs by itself once it is written.
const SENSITIVE: &[&str] = &[
    ".aws/",
    ".bash_history",
    ".bashrc",
    ".docker/config",
    ".git-credentials",
    ".kube/",
    ".netrc",
    ".npmrc",
    ".profile",
    ".pypirc",
    ".ssh/",
    ".zshrc",
    "/etc/cron",
    "/etc/passwd",
    "/etc/shadow",
    "/proc/self/environ",
    "/var/spool/cron",
    "Login Data",
    "authorized_keys",
    "id_rsa",
    "sitecustomize.py",
];

/// Judges a call of `name`, of which `known` is what is known.
pub(super) fn deed(call: &Call, name: &Name, known: Option<&'static Known>) -> Option<Deed> {
    let later = call.manner == Manner::Deferred;
    let known = known?;
    let dotted = name.dotted();
    // What threads and processes are given to run was looked at above.
    let quiet = ["concurrent.futures.", "multiprocessing.", "os.environ.", "threading."];
    if ORDINARY.contains(&dotted.as_str()) || quiet.iter().any(|start| dotted.starts_with(start)) {
        return None;
    }
    let module = known.pattern.strip_suffix(".*");
    let wide = module.is_some_and(|module| !knowledge::is_powerful_alone(module));
    let does = || format!("{}{}", known.effect.does(), known.advisory());
    if wide && known.effect == Effect::Network {
        return Some(Deed::new(Severity::Low, does()));
    }
    if wide || DECLARING.iter().any(|library| known.pattern.starts_with(library)) {
        return None;
    }
    if let Some(path) = sensitive(call, known) {
        let does = format!("works on `{path}`, which holds secrets or runs by itself");
        return Some(Deed::new(Severity::High, does));
    }
    if known.effect == Effect::File {
        return opens(call, later);
    }
    severity(call, &dotted, known, later).map(|severity| Deed::new(severity, does()))
}

/// How bad it is, by the effect and the time.
fn severity(call: &Call, dotted: &str, known: &Known, later: bool) -> Option<Severity> {
    let effect = known.effect;

    let last = dotted.rsplit('.').next().unwrap_or_default();
    let calm = |now: Severity| if later { Severity::Low } else { now };
    let fetches = FETCHES.contains(&last) || dotted == "torch.hub.load";
    Some(match effect {
        Effect::Exec | Effect::Network | Effect::Deser if fetches && !trusts(call) => {
            calm(Severity::Medium)
        }
        Effect::Exec if later && starts_tool(call) => Severity::Low,
        Effect::Native if dotted.starts_with("torch.") && KERNELS.contains(&last) => {
            calm(Severity::Medium)
        }
        Effect::Exec | Effect::Native if prepares(dotted, known) => return None,
        Effect::Exec | Effect::Native if runs(dotted, known) || spells_code(call) => {
            let evaluates = ["builtins.eval", "builtins.exec", "builtins.compile"];
            // Classes and formulas that settings name are looked up like this.
            let looks_up = later && evaluates.contains(&dotted);
            if looks_up && !spells_code(call) && !decodes(call) {
                Severity::Medium
            } else {
                Severity::Critical
            }
        }
        Effect::Exec | Effect::Native => Severity::Low,
        Effect::Network if ASKS.contains(&last) => calm(Severity::High),
        // What reads tables and settings takes addresses as well.
        Effect::Network if reads(last) && !is_given(call, |text| text.contains("://")) => {
            return None;
        }
        Effect::Hook if dotted.starts_with("numpy.") => return None,
        Effect::Network if dotted.starts_with("torch.distributed.") => Severity::Low,
        Effect::Hook | Effect::Network | Effect::ScannerDeactivation => Severity::High,
        Effect::FileWrite if ROOMS.contains(&dotted) => Severity::Low,
        Effect::FileWrite if dotted.starts_with("logging.") && !names_file(call) => return None,
        Effect::Deser if is_bare(call) => return None,
        Effect::Deser | Effect::FileWrite => calm(Severity::Medium),
        Effect::NetworkDns => Severity::Medium,
        _ => return None,
    })
}

/// Whether a function that runs code is one of those whose only use that is.
pub(super) fn runs_code(name: &Name, known: &Known) -> bool {
    runs(&name.dotted(), known) && !prepares(&name.dotted(), known)
}

/// A path through another module ends in what the row is about: `glob.os.system`.
fn runs(dotted: &str, known: &Known) -> bool {
    is_of(dotted, RUNNING) || is_of(known.pattern, RUNNING)
}

fn prepares(dotted: &str, known: &Known) -> bool {
    is_of(dotted, PREPARING) || is_of(known.pattern, PREPARING)
}

/// Whether a path is one of `all`, or leads through one.
pub(super) fn is_of(dotted: &str, all: &[&str]) -> bool {
    all.iter().any(|one| {
        dotted.strip_prefix(one).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    })
}

/// Whether a text that is handed over is code that imports or runs something.
pub(super) fn spells_code(call: &Call) -> bool {
    const SIGNS: &[&str] = &["__import__", "import ", "exec(", "eval(", "system(", "popen("];
    is_given(call, |text| SIGNS.iter().any(|sign| text.contains(sign)))
}

/// Whether something is made of a text that is long enough to hide code.
fn decodes(call: &Call) -> bool {
    let mut decodes = false;
    for argument in arguments(call) {
        argument.walk(&mut |part| {
            if let Value::Call(inner) = part {
                decodes |= inner.args.iter().any(|argument| match argument {
                    Value::Bytes(_) => true,
                    other => other.text().is_some_and(|text| text.len() >= 24),
                });
            }
        });
    }
    decodes
}

/// Whether a function reads tables, pictures or settings, by its name.
fn reads(last: &str) -> bool {
    ["load", "open", "read_"].iter().any(|start| last.starts_with(start))
}

/// Whether a logger is told to write a file.
fn names_file(call: &Call) -> bool {
    let Value::Name(name) = &call.callee else { return false };
    let handler = name.name.ends_with("FileHandler");
    handler || call.kwargs.iter().any(|(key, _)| matches!(key.as_str(), "filename" | "handlers"))
}

/// Whether a loader is told to take nothing but numbers, or does so by itself.
fn is_bare(call: &Call) -> bool {
    let is = |name: &str, wanted: bool| {
        call.kwargs.iter().any(|(key, value)| key == name && *value == Value::Bool(wanted))
    };
    let Value::Name(name) = &call.callee else { return false };
    let picky = name.module.starts_with("numpy") && name.name == "load";
    is("weights_only", true) || (picky && !call.kwargs.iter().any(|(key, _)| key == "allow_pickle"))
}

fn trusts(call: &Call) -> bool {
    call.kwargs.iter().any(|(key, value)| key == "trust_remote_code" && *value == Value::Bool(true))
}

/// Whether a command is a list that starts with one of [`TOOLS`]: no shell reads it.
fn starts_tool(call: &Call) -> bool {
    let shell =
        call.kwargs.iter().any(|(key, value)| key == "shell" && *value != Value::Bool(false));
    let program = match call.args.first() {
        Some(Value::List(items) | Value::Tuple(items)) => items.first().and_then(Value::text),
        _ => None,
    };
    !shell && program.is_some_and(|program| TOOLS.contains(&program))
}

/// What a call that opens, writes or moves files is given that holds secrets or runs by itself, in a path
/// or in what makes one: `open(expanduser("~/.bashrc"))`.
fn sensitive(call: &Call, known: &Known) -> Option<String> {
    let files = [Effect::File, Effect::FileRead, Effect::FileWrite];
    files.contains(&known.effect).then(|| sensitive_path(call)).flatten()
}

/// A path to what holds secrets or runs by itself, in what is called or given.
pub(super) fn sensitive_path(call: &Call) -> Option<String> {
    let mut found = None;
    call.walk(&mut |part| {
        let text = part.text().unwrap_or_default();
        let unified = text.replace('\\', "/");
        let telling = SENSITIVE.iter().any(|part| unified.contains(part));
        if telling && text.len() < 200 && found.is_none() {
            found = Some(davy_bytes::escape(text));
        }
    });
    found
}

/// `open(path, mode)`: told where the path says what it is for.
fn opens(call: &Call, later: bool) -> Option<Deed> {
    let path = call.args.first().and_then(Value::text)?;
    let shown = davy_bytes::escape(path);
    let named = call.kwargs.iter().find(|(key, _)| key == "mode").map(|(_, value)| value);
    let mode = named.or_else(|| call.args.get(1)).and_then(Value::text).unwrap_or_default();
    let device = ["/dev/null", "/dev/stdout", "/dev/stderr"].contains(&path);
    let writes = mode.contains(['w', 'a', 'x', '+']) && !device;
    let away = matches!(leads(path), Leads::Away(_));
    let told = writes && away && !later;
    told.then(|| Deed::new(Severity::Medium, format!("opens `{shown}` for writing")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::testing::{call, name, text};

    fn judged(callee: Value, args: Vec<Value>, manner: Manner) -> Option<Severity> {
        let mut call = call(callee, args);
        call.manner = manner;
        let Value::Name(name) = call.callee.clone() else { return None };
        deed(&call, &name, crate::facts::known(&name)).map(|deed| deed.severity)
    }

    #[test]
    fn what_importing_does_is_worse_than_what_a_function_may_do() {
        let list = |program| vec![Value::List(vec![text(program), text("-i")])];
        for (callee, args, now, later) in [
            (
                name("os", "system"),
                vec![text("id")],
                Some(Severity::Critical),
                Some(Severity::Critical),
            ),
            (name("requests", "get"), vec![text("u")], Some(Severity::High), Some(Severity::Low)),
            (name("requests", "post"), vec![text("u")], Some(Severity::High), Some(Severity::High)),
            (name("torch", "load"), vec![text("x")], Some(Severity::Medium), Some(Severity::Low)),
            (name("os", "remove"), vec![text("x")], Some(Severity::Medium), Some(Severity::Low)),
            (name("os", "makedirs"), vec![text("x")], Some(Severity::Low), Some(Severity::Low)),
            (name("os", "environ.get"), vec![text("X")], None, None),
            (name("multiprocessing", "Pool"), vec![Value::Int(4)], None, None),
            (name("builtins", "print"), vec![text("x")], None, None),
            (
                name("subprocess", "run"),
                list("ffmpeg"),
                Some(Severity::Critical),
                Some(Severity::Low),
            ),
            (
                name("subprocess", "run"),
                list("sh"),
                Some(Severity::Critical),
                Some(Severity::Critical),
            ),
        ] {
            assert_eq!(judged(callee.clone(), args.clone(), Manner::Called), now, "{callee}");
            assert_eq!(judged(callee.clone(), args, Manner::Deferred), later, "{callee}");
        }
    }

    #[test]
    fn what_is_opened_tells_what_it_is_for() {
        let open = |path, mode| {
            judged(name("builtins", "open"), vec![text(path), text(mode)], Manner::Called)
        };
        assert_eq!(open("/home/x/.ssh/id_rsa", "r"), Some(Severity::High));
        assert_eq!(open("/tmp/x", "w"), Some(Severity::Medium));
        assert_eq!(open("vocab.json", "r"), None);
        assert_eq!(open("out.json", "w"), None);
    }
}
