//! How bad one call in source text is. What any program does is not told; the rest depends on the call,
//! and on whether importing the source makes it or only somebody who calls the function around it.

use crate::Severity;
use crate::facts::{arguments, visit_handed};
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
const ORDINARY: &[&str] =
    &["builtins.print", "multiprocessing.cpu_count", "os.cpu_count", "os.getenv", "os.getpid"];

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

/// Callables that call what they are given, now or later.
const RUNNERS: &[&str] = &[
    "atexit.register",
    "concurrent.futures.ThreadPoolExecutor.submit",
    "multiprocessing.Process",
    "signal.signal",
    "sys.excepthook",
    "threading.Thread",
    "threading.Timer",
    "weakref.finalize",
];

/// Judges a call of `name`, of which `known` is what is known.
pub(super) fn deed(call: &Call, name: &Name, known: Option<&'static Known>) -> Option<Deed> {
    let later = call.manner == Manner::Deferred;
    if let Some(handed) = handed(call, name, known) {
        let severity = if later { Severity::High } else { Severity::Critical };
        return Some(Deed::new(severity, format!("is given `{handed}`, and calls it")));
    }
    let known = known?;
    let dotted = name.dotted();
    if ORDINARY.contains(&dotted.as_str()) || dotted.starts_with("os.environ.") {
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
    if known.effect == Effect::File {
        return opens(call, later);
    }
    severity(call, &dotted, known.effect, later).map(|severity| Deed::new(severity, does()))
}

/// How bad it is, by the effect and the time.
fn severity(call: &Call, dotted: &str, effect: Effect, later: bool) -> Option<Severity> {
    let last = dotted.rsplit('.').next().unwrap_or_default();
    let calm = |now: Severity| if later { Severity::Low } else { now };
    let fetches = FETCHES.contains(&last) || dotted == "torch.hub.load";
    Some(match effect {
        Effect::Exec | Effect::Network | Effect::Deser if fetches && !trusts(call) => {
            calm(Severity::Medium)
        }
        Effect::Exec if later && starts_tool(call) => Severity::Low,
        Effect::Native if later && dotted.starts_with("torch.") && KERNELS.contains(&last) => {
            Severity::Medium
        }
        Effect::Exec | Effect::Native => Severity::Critical,
        Effect::Network if ASKS.contains(&last) => calm(Severity::High),
        Effect::Hook | Effect::Network | Effect::ScannerDeactivation => Severity::High,
        Effect::FileWrite if ROOMS.contains(&dotted) => Severity::Low,
        Effect::Deser | Effect::FileWrite => calm(Severity::Medium),
        Effect::NetworkDns => Severity::Medium,
        _ => return None,
    })
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

/// `open(path, mode)`: told where the path says what it is for.
fn opens(call: &Call, later: bool) -> Option<Deed> {
    let path = call.args.first().and_then(Value::text)?;
    let shown = davy_bytes::escape(path);
    let unified = path.replace('\\', "/");
    if SENSITIVE.iter().any(|part| unified.contains(part)) {
        let does = format!("opens `{shown}`, which holds secrets or runs by itself");
        return Some(Deed::new(Severity::High, does));
    }
    let named = call.kwargs.iter().find(|(key, _)| key == "mode").map(|(_, value)| value);
    let mode = named.or_else(|| call.args.get(1)).and_then(Value::text).unwrap_or_default();
    let device = ["/dev/null", "/dev/stdout", "/dev/stderr"].contains(&path);
    let writes = mode.contains(['w', 'a', 'x', '+']) && !device;
    let away = matches!(leads(path), Leads::Away(_));
    let told = writes && away && !later;
    told.then(|| Deed::new(Severity::Medium, format!("opens `{shown}` for writing")))
}

/// Something harmful that is handed to what will call it.
fn handed(call: &Call, name: &Name, known: Option<&Known>) -> Option<String> {
    let runs = RUNNERS.contains(&name.dotted().as_str())
        || known.is_some_and(|known| {
            known.effect.calls_arguments() && known.effect != Effect::Introspect
        });
    if !runs {
        return None;
    }
    let mut found = None;
    visit_handed(arguments(call), &mut |value| {
        let Value::Name(name) = value else { return };
        let harm = crate::facts::known(name).filter(|known| {
            let module = known.pattern.strip_suffix(".*");
            let wide = module.is_some_and(|module| !knowledge::is_powerful_alone(module));
            !wide && matches!(known.effect, Effect::Exec | Effect::Native) && !known.constants_only
        });
        if harm.is_some() && found.is_none() {
            found = Some(name.to_string());
        }
    });
    found
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

    #[test]
    fn harm_that_is_handed_over_is_harm() {
        let system = || name("os", "system");
        for callee in [name("atexit", "register"), name("threading", "Thread")] {
            let found = judged(callee, vec![system()], Manner::Called);
            assert_eq!(found, Some(Severity::Critical));
        }
        assert_eq!(judged(name("builtins", "isinstance"), vec![system()], Manner::Called), None);
    }
}
