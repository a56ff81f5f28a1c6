//! What programs do with the machine that they run on: look around, take its rights, watch its user,
//! make it mine.

use super::argument::{comes_from, origin, place, texts};
use super::command::Command;
use super::story::What;
use super::{Look, Tag};
use davy_artifact::{Call, Value};

pub(super) fn look(look: &mut Look<'_>) {
    let story = look.story;
    for (at, step) in story.steps.iter().enumerate() {
        match &step.what {
            What::Command(command) => {
                if looks_around(command) {
                    look.tag(Tag::Discovery, at);
                }
                if raises(command) {
                    look.tag(Tag::Privilege, at);
                }
                if watches(command) {
                    look.tag(Tag::InputCapture, at);
                }
                if mines(command) {
                    look.tag(Tag::Miner, at);
                }
            }
            What::Python(call, _) => of_call(call, at, look),
            What::Foreign(_) => {}
        }
    }
    probes(look);
}

/// Commands whose only use is to tell who, where and on what machine they are.
const PROBES: &[&str] = &[
    "arp",
    "dmesg",
    "getent",
    "groups",
    "hostnamectl",
    "id",
    "ifconfig",
    "ipconfig",
    "iptables-save",
    "last",
    "lastlog",
    "lsb_release",
    "lscpu",
    "lsof",
    "netstat",
    "nltest",
    "nmap",
    "ps",
    "quser",
    "systeminfo",
    "tasklist",
    "uname",
    "w",
    "who",
    "whoami",
    "get-process",
    "get-computerinfo",
    "get-localuser",
    "env",
    "printenv",
    "ss",
    "masscan",
    "qwinsta",
];

fn looks_around(command: &Command) -> bool {
    let joined = command.words.join(" ").to_ascii_lowercase();
    let runs_another = command.is(&["env"]) && command.operands().next().is_some();
    let shows = |paths: &[&str]| {
        let targets =
            command.targets.iter().filter(|(operator, _)| operator == "<").map(|(_, path)| path);
        command.words.iter().chain(targets).any(|word| {
            let word = word.rsplit('@').next().unwrap_or(word);
            paths.iter().any(|path| word == *path || word.starts_with(&format!("{path}*")))
        })
    };
    let files = &[
        "/etc/passwd",
        "/etc/group",
        "/etc/hosts",
        "/etc/issue",
        "/etc/os-release",
        "/etc/resolv.conf",
        "/proc/cpuinfo",
        "/proc/meminfo",
        "/proc/net/tcp",
        "/proc/net/arp",
        "/proc/version",
        "/proc/1/cgroup",
        "/proc/self/cgroup",
        "/proc/self/status",
        "/etc/fstab",
        "/proc/mounts",
    ];
    let elsewhere = |path: &&str| !path.starts_with("/dev/");
    if shows(files) && !command.written().iter().any(elsewhere) {
        return true;
    }
    match command.program.as_str() {
        "hostname" => command.operands().next().is_none(),
        "ip" => command.has_any(&["a", "addr", "address", "r", "route", "neigh", "link"]),
        "net" => {
            ["user", "group", "view", "localgroup", "share", "session"]
                .iter()
                .any(|word| joined.starts_with(word))
                && !joined.contains("/add")
        }
        "set" => command.words.is_empty(),
        "wmic" => !joined.contains("create") && !joined.contains("shadowcopy"),
        "systemctl" => command.has("list-units"),
        "docker" | "kubectl" => {
            command.has_any(&["ps", "get", "auth"]) && !joined.contains("secret")
        }
        "aws" => joined.contains("get-caller-identity"),
        "find" => joined.contains("-perm") && (joined.contains("4000") || joined.contains("u=s")),
        "sudo" => command.has("-l") && command.words.len() == 1,
        _ => command.is(PROBES) && !runs_another,
    }
}

/// Commands that take, give or keep the rights of another user, or leave a container.
fn raises(command: &Command) -> bool {
    let joined = command.words.join(" ");
    let lower = joined.to_ascii_lowercase();
    let mode = command.operands().next().unwrap_or_default();
    match command.program.as_str() {
        "sudo" | "doas" | "pkexec" | "runas" => {
            command.operands().next().is_some() || command.has_any(&["-i", "-s", "-l"])
        }
        "su" => true,
        "chmod" => {
            let special = mode.len() == 4
                && mode.starts_with(['2', '4', '6'])
                && mode.chars().all(|c| c.is_ascii_digit());
            special || mode.contains("+s") || mode.contains("u=s") || mode.contains("=rws")
        }
        "setcap" => true,
        "nsenter" => true,
        "chroot" => mode.starts_with("/host") || mode.starts_with("/mnt"),
        "usermod" | "gpasswd" | "adduser" => {
            ["sudo", "wheel", "docker", "root", "admin"].iter().any(|group| command.has(group))
        }
        "docker" | "podman" => {
            joined.contains("--privileged")
                || joined.contains("-v /:")
                || joined.contains("docker.sock")
                || joined.contains("--pid=host")
        }
        "start-process" | "saps" => lower.contains("runas"),
        "net" => lower.contains("localgroup administrators") && lower.contains("/add"),
        "visudo" => true,
        "insmod" | "modprobe" => true,
        _ => command.written().iter().any(|path| {
            path.contains("/etc/sudoers")
                || path.ends_with("/etc/passwd")
                || path.contains("core_pattern")
        }),
    }
}

/// Commands that record keys, the screen or the camera.
fn watches(command: &Command) -> bool {
    let joined = command.words.join(" ");
    match command.program.as_str() {
        "xinput" => command.has_any(&["test", "test-xi2"]),
        "logkeys" | "lkl" | "xspy" | "showkey" => true,
        "scrot" | "import" | "gnome-screenshot" | "screencapture" | "fswebcam" | "imagesnap"
        | "xwd" => true,
        "arecord" | "parecord" => true,
        "ffmpeg" => {
            joined.contains("x11grab")
                || joined.contains("/dev/video")
                || joined.contains("avfoundation")
                || joined.contains("gdigrab")
        }
        "xclip" | "xsel" => command.has_any(&["-o", "--output"]),
        "pbpaste" | "get-clipboard" | "wl-paste" => true,
        "cat" | "dd" | "evtest" | "hexdump" | "xxd" => joined.contains("/dev/input/event"),
        _ => joined.contains("GetAsyncKeyState"),
    }
}

/// Programs that mine.
const MINERS: &[&str] = &[
    "bfgminer",
    "ccminer",
    "cgminer",
    "claymore",
    "cpuminer",
    "ethminer",
    "gminer",
    "lolminer",
    "minerd",
    "miniz",
    "nanominer",
    "nbminer",
    "phoenixminer",
    "srbminer",
    "srbminer-multi",
    "t-rex",
    "teamredminer",
    "wildrig",
    "xmr-stak",
    "xmrig",
];

fn mines(command: &Command) -> bool {
    let pool = |word: &String| {
        let word = word.to_ascii_lowercase();
        word.contains("stratum+tcp://")
            || word.contains("stratum+ssl://")
            || word.contains("stratum2+tcp://")
            || word.contains("stratum://")
    };
    let named = command.is(MINERS) && !command.words.iter().any(|word| word.contains("--help"));
    let donates = command
        .words
        .iter()
        .any(|word| word.starts_with("--donate-level") || word.starts_with("--randomx"));
    // A pool, and the long name of an account in it.
    let account = command.value_of(&["-u", "--user"]).is_some_and(|user| user.len() > 60);
    named
        || command.words.iter().any(pool)
        || donates
        || (account && command.value_of(&["-o", "--url"]).is_some())
}

fn of_call(call: &Call, at: usize, look: &mut Look<'_>) {
    let of = origin(&call.callee);
    let zero = || matches!(call.args.first(), Some(Value::Int(0)));
    let raises = match of.as_str() {
        "os.setuid" | "os.setgid" | "os.seteuid" | "os.setreuid" | "os.setresuid"
        | "os.setgroups" => zero(),
        "os.chmod" => matches!(call.args.get(1), Some(Value::Int(mode)) if mode & 0o6000 != 0),
        of if of.contains("ShellExecuteW") || of.contains("ShellExecuteA") => {
            texts(call).contains(&"runas")
        }
        "ctypes.windll.advapi32.AdjustTokenPrivileges" => true,
        _ => false,
    };
    if raises {
        look.tag(Tag::Privilege, at);
    }
    let opens_user = of.ends_with("open")
        && call.args.first().and_then(place).is_some_and(|path| path.contains("/etc/sudoers"));
    if opens_user {
        look.tag(Tag::Privilege, at);
    }
    const WATCHING: &[&str] = &[
        "ImageGrab.grab",
        "PIL.ImageGrab.grab",
        "cv2.VideoCapture",
        "evdev.InputDevice",
        "keyboard.hook",
        "keyboard.on_press",
        "keyboard.on_release",
        "keyboard.read",
        "keyboard.record",
        "keyboard.start_recording",
        "mss.mss",
        "mss.",
        "pyHook.HookManager",
        "pyaudio.PyAudio",
        "pyautogui.screenshot",
        "pynput.",
        "pyperclip.paste",
        "pyscreenshot.grab",
        "pyxhook.",
        "sounddevice.rec",
        "win32clipboard.GetClipboardData",
    ];
    let windows = of.contains("GetAsyncKeyState")
        || of.contains("SetWindowsHookEx")
        || of.contains("GetClipboardData");
    if windows || WATCHING.iter().any(|start| of.starts_with(start)) {
        look.tag(Tag::InputCapture, at);
    }
    if texts(call).iter().any(|text| {
        text.contains("stratum+tcp://")
            || text.contains("stratum+ssl://")
            || text.starts_with("stratum://")
    }) {
        look.tag(Tag::Miner, at);
    }
    let shows = of.ends_with("open")
        && call.args.first().and_then(place).is_some_and(|path| {
            path == "/etc/passwd"
                || path.starts_with("/proc/self/status")
                || path == "/etc/hosts"
                || path == "/proc/version"
        });
    if shows {
        look.tag(Tag::Discovery, at);
    }
}

/// Calls in Python that tell who and where they are; one alone is what a log has.
fn probes(look: &mut Look<'_>) {
    const PROBING: &[&str] = &[
        "getpass.getuser",
        "os.getlogin",
        "os.getuid",
        "os.uname",
        "platform.node",
        "platform.platform",
        "platform.uname",
        "platform.version",
        "psutil.net_connections",
        "psutil.process_iter",
        "psutil.users",
        "pwd.getpwall",
        "socket.gethostbyname",
        "socket.gethostname",
        "uuid.getnode",
        "psutil.net_if_addrs",
        "netifaces.interfaces",
        "pwd.getpwuid",
        "platform.machine",
    ];
    const ALONE: &[&str] =
        &["psutil.net_connections", "psutil.process_iter", "psutil.users", "pwd.getpwall"];
    let story = look.story;
    let mut seen: Vec<(usize, String)> = Vec::new();
    for (at, step) in story.steps.iter().enumerate() {
        let What::Python(call, of) = &step.what else { continue };
        let mut note = |of: &str| {
            if let Some(probe) = PROBING.iter().find(|probe| of == **probe)
                && !seen.iter().any(|(_, known)| known == probe)
            {
                seen.push((at, (*probe).to_owned()));
            }
        };
        note(of);
        comes_from(call, &mut |of, _| {
            note(of);
            false
        });
        dumps(call, at, look);
    }
    let alone = seen.iter().find(|(_, probe)| ALONE.contains(&probe.as_str())).map(|(at, _)| *at);
    if let Some(at) = alone.or(seen.get(1).map(|(at, _)| *at)) {
        look.tag(Tag::Discovery, at);
    }
}

/// All environment variables, handed over as a whole.
fn dumps(call: &Call, at: usize, look: &mut Look<'_>) {
    let of = origin(&call.callee);
    let whole = matches!(
        of.as_str(),
        "dict"
            | "str"
            | "json.dumps"
            | "repr"
            | "list"
            | "os.environ.items"
            | "os.environ.copy"
            | "print"
    ) && (of.starts_with("os.environ")
        || call
            .args
            .iter()
            .any(|arg| matches!(arg, Value::Name(name) if name.dotted() == "os.environ")));
    let copies = of == "os.environ.copy";
    if whole && !copies {
        look.tag(Tag::Discovery, at);
    }
}
