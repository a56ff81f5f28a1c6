//! What programs destroy, lock up, or hide.

use super::argument::{origin, place};
use super::command::Command;
use super::story::What;
use super::{Look, Tag};
use davy_artifact::{Call, Value};

pub(super) fn look(look: &mut Look<'_>) {
    let story = look.story;
    for (at, step) in story.steps.iter().enumerate() {
        match &step.what {
            What::Command(command) => {
                if destroys(command) {
                    look.tag(Tag::Destructive, at);
                }
                if hides(command) {
                    look.tag(Tag::DefenceEvasion, at);
                }
            }
            What::Python(call, _) => of_call(call, at, look),
            What::Foreign(_) => {}
        }
    }
    bombs(look);
    encrypts_in_shell(look);
    encrypts_in_python(look);
}

/// Folders in which programs leave what they made themselves.
const OWN: &[&str] =
    &["/tmp/", "/var/tmp/", "/dev/shm/", "./", "build/", "dist/", "$tmp", "/scratch/", "$tmpdir"];

/// Whether deleting a path deletes what somebody else keeps there.
fn is_wide(path: &str) -> bool {
    let path = path.trim_matches('"').replace('\\', "/").to_ascii_lowercase();
    if matches!(
        path.as_str(),
        "/" | "/*"
            | "~"
            | "~/"
            | "~/*"
            | "*"
            | "."
            | "./"
            | "./*"
            | ".."
            | "../*"
            | "$home"
            | "$home/"
            | "$home/*"
            | "c:/"
            | "c:/*"
            | "/."
            | "*.*"
    ) {
        return true;
    }
    if OWN.iter().any(|own| path.starts_with(own))
        || path.contains("cache")
        || path.contains(".git/")
    {
        return false;
    }
    let rooted = path.starts_with('/')
        || path.starts_with("~/")
        || path.starts_with("$home/")
        || path.get(1..3) == Some(":/")
        || path.starts_with("%userprofile%");
    let depth =
        path.trim_end_matches(['/', '*']).split('/').filter(|part| !part.is_empty()).count();
    const SYSTEM: &[&str] = &[
        "/bin",
        "/boot",
        "/data",
        "/dev",
        "/etc",
        "/home",
        "/lib",
        "/mnt",
        "/opt",
        "/root",
        "/sbin",
        "/srv",
        "/usr",
        "/var",
        "~",
        "$home",
        "c:",
        "%userprofile%",
    ];
    let system =
        SYSTEM.iter().any(|folder| path == *folder || path.starts_with(&format!("{folder}/")));
    rooted && system && depth <= 3
}

fn destroys(command: &Command) -> bool {
    let joined = command.words.join(" ").to_ascii_lowercase();
    let device = |path: &str| {
        [
            "/dev/sd",
            "/dev/nvme",
            "/dev/hd",
            "/dev/vd",
            "/dev/xvd",
            "/dev/mmcblk",
            "/dev/mem",
            "\\\\.\\physicaldrive",
        ]
        .iter()
        .any(|start| path.to_ascii_lowercase().starts_with(start))
    };
    if command.written().iter().any(|path| device(path)) || command.program.starts_with("mkfs") {
        return true;
    }
    match command.program.as_str() {
        "rm" => {
            let deep = command.flag('r') || command.flag('R') || command.has("--recursive");
            command.has("--no-preserve-root") || deep && command.operands().any(is_wide)
        }
        "shred" | "srm" | "wipe" => {
            command.operands().any(|path| is_wide(path) || device(path)) || joined.contains("-u")
        }
        "find" => {
            let place = command.operands().next().unwrap_or_default();
            let picks =
                command.has_any(&["-name", "-iname", "-path", "-mtime", "-empty", "-regex"]);
            command.has("-delete") && is_wide(place) && !(picks && place.starts_with('.'))
        }
        "wipefs" | "sgdisk" | "blkdiscard" | "hdparm" => {
            device(command.operands().last().unwrap_or_default())
        }
        "format" | "diskpart" | "format-volume" | "clear-disk" => true,
        "del" | "erase" => {
            joined.contains("/s")
                && command.operands().any(|path| !path.starts_with('/') && is_wide(path))
        }
        "rd" | "rmdir" => joined.contains("/s") && command.words.iter().any(|path| is_wide(path)),
        "remove-item" | "ri" => {
            joined.contains("-recurse") && command.words.iter().any(|path| is_wide(path))
        }
        "vssadmin" => joined.contains("delete shadows"),
        "wmic" => joined.contains("shadowcopy") && joined.contains("delete"),
        "wbadmin" => joined.contains("delete"),
        "bcdedit" => joined.contains("recoveryenabled no") || joined.contains("ignoreallfailures"),
        "shutdown" | "reboot" | "halt" | "poweroff" | "stop-computer" | "restart-computer" => true,
        "init" | "telinit" => command.has_any(&["0", "6"]),
        "kill" => command.has("-1") && command.has_any(&["-9", "-KILL"]),
        "chmod" | "chown" => {
            (command.flag('R') || command.has("--recursive"))
                && command.operands().nth(1).is_some_and(|path| matches!(path, "/" | "/*"))
        }
        "mv" => command.operands().last() == Some("/dev/null"),
        "dropdb" => true,
        "mysql" | "psql" | "sqlite3" => {
            joined.contains("drop table") || joined.contains("drop database")
        }
        _ => false,
    }
}

/// Logs, and the histories of shells.
fn is_log(path: &str) -> bool {
    let path = path.to_ascii_lowercase();
    path.starts_with("/var/log")
        || path.contains("_history")
        || path.contains(".python_history")
        || path.starts_with("/var/run/utmp")
        || path.contains("winevt\\logs")
}

fn hides(command: &Command) -> bool {
    let joined = command.words.join(" ");
    let lower = joined.to_ascii_lowercase();
    let stops = || command.has_any(&["stop", "disable", "mask", "kill"]);
    const GUARDS: &[&str] = &[
        "auditd",
        "rsyslog",
        "falcon",
        "clamav",
        "apparmor",
        "firewalld",
        "ufw",
        "syslog",
        "osqueryd",
        "sentinel",
        "crowdstrike",
        "windefend",
        "mdatp",
        "wazuh",
        "falco",
        "defender",
        "iptables",
        "msmpeng",
    ];
    let guard = || GUARDS.iter().any(|guard| lower.contains(guard));
    match command.program.as_str() {
        "unset" => command.words.iter().any(|word| word.starts_with("HIST")),
        "export" | "declare" | "typeset" => {
            let name = command.words.first().map(String::as_str).unwrap_or_default();
            name.starts_with("HISTFILE=/dev/null")
                || matches!(
                    name,
                    "HISTSIZE=0"
                        | "HISTFILESIZE=0"
                        | "HISTFILE="
                        | "HISTCONTROL=ignorespace"
                        | "HISTCONTROL=ignoreboth"
                )
                || name.starts_with("LD_PRELOAD=/")
        }
        "history" => command.has_any(&["-c", "-cw", "-wc", "-d"]),
        "set" => command.has("+o") && command.has("history"),
        "rm" | "shred" | "truncate" | "unlink" | "srm" => command.operands().any(is_log),
        "cp" | "ln" | "mv" => {
            command.words.iter().any(|word| word == "/dev/null") && command.operands().any(is_log)
        }
        "journalctl" => lower.contains("--vacuum") || lower.contains("--rotate"),
        "wevtutil" => lower.starts_with("cl ") || lower.contains("clear-log"),
        "clear-eventlog" | "remove-eventlog" => true,
        "auditctl" => command.has("-D") || lower.contains("-e 0"),
        "setenforce" => command.has_any(&["0", "permissive", "Permissive"]),
        "ufw" => command.has("disable"),
        "iptables" | "nft" => command.has_any(&["-F", "--flush", "flush"]),
        "systemctl" | "service" => stops() && guard(),
        "pkill" | "killall" | "kill" | "taskkill" => guard(),
        "set-mppreference" | "add-mppreference" => {
            lower.contains("disable") || lower.contains("exclusion")
        }
        "sc" | "net" => stops() && guard(),
        "netsh" => {
            lower.contains("state off")
                || lower.contains("opmode=disable")
                || lower.contains("opmode disable")
        }
        "reg" => lower.contains("disableantispyware") || lower.contains("enablelua"),
        "chattr" => command.words.iter().any(|word| word.starts_with('+') && word.contains('i')),
        "touch" => command.has_any(&["-r", "-t", "-d"]) || command.starts("--reference"),
        "attrib" => lower.contains("+h") || lower.contains("+s"),
        "dmesg" => command.has_any(&["-C", "--clear"]),
        _ => {
            command.written().iter().any(|path| is_log(path))
                && (command.is(&["echo", "cat", "", ":", "true"]) || command.path.is_empty())
        }
    }
}

fn of_call(call: &Call, at: usize, look: &mut Look<'_>) {
    let of = origin(&call.callee);
    let path = call.args.first().and_then(place);
    let method = match &call.callee {
        Value::Attribute(base, _) => place(base),
        _ => None,
    };
    let removes = matches!(
        of.as_str(),
        "os.remove" | "os.unlink" | "os.truncate" | "pathlib.Path().unlink" | "os.rename"
    );
    let target = path.clone().or(method).unwrap_or_default();
    if removes && is_log(&target) {
        look.tag(Tag::DefenceEvasion, at);
    }
    let empties = of.ends_with("open")
        && call.args.get(1).and_then(Value::text).is_some_and(|mode| mode.starts_with('w'));
    if empties && is_log(&target) {
        look.tag(Tag::DefenceEvasion, at);
    }
    let device = empties_device(&of, &target);
    if of == "shutil.rmtree" && is_wide(&target) || device {
        look.tag(Tag::Destructive, at);
    }
    if matches!(of.as_str(), "os.abort" | "os.kill" | "os.killpg")
        && matches!(call.args.first(), Some(Value::Int(-1 | 1)))
    {
        look.tag(Tag::Destructive, at);
    }
    let silences =
        matches!(of.as_str(), "sys.addaudithook" | "faulthandler.disable" | "os.environ.pop")
            && target.starts_with("HIST");
    if silences {
        look.tag(Tag::DefenceEvasion, at);
    }
}

fn empties_device(of: &str, path: &str) -> bool {
    (of.ends_with("open") || of.ends_with(".write_bytes"))
        && ["/dev/sd", "/dev/nvme", "/dev/hda", "/dev/vd", "\\\\.\\physicaldrive"]
            .iter()
            .any(|start| path.to_ascii_lowercase().starts_with(start))
}

/// A function of a shell that pipes itself into itself: the fork bomb. And files that are deleted one
/// by one while a tree is walked.
fn bombs(look: &mut Look<'_>) {
    let story = look.story;
    let forks = story.steps.iter().position(|step| match &step.what {
        What::Command(command) => {
            let pipeline = command.pipeline();
            command.words.is_empty()
                && pipeline.len() == 2
                && pipeline.iter().all(|part| part.path == command.path && part.path.len() < 12)
        }
        _ => false,
    });
    if let Some(at) = forks {
        look.tag(Tag::Destructive, at);
    }
    let Some(walk) = walks(look) else { return };
    let deletes = story.steps.iter().position(|step| match &step.what {
        What::Python(call, of) => {
            let removes = matches!(of.as_str(), "os.remove" | "os.unlink" | "shutil.rmtree")
                || of.ends_with(".unlink");
            removes && call.args.first().is_none_or(|arg| arg.text().is_none())
        }
        _ => false,
    });
    if let Some(at) = deletes.filter(|_| walk) {
        look.tag(Tag::Destructive, at);
    }
}

/// Whether source goes over a tree of files, and whether over one that is not its own.
fn walks(look: &Look<'_>) -> Option<bool> {
    let mut found = None;
    for step in &look.story.steps {
        let What::Python(call, of) = &step.what else { continue };
        let goes = matches!(
            of.as_str(),
            "os.walk" | "os.scandir" | "os.listdir" | "glob.glob" | "glob.iglob"
        ) || of.ends_with(".rglob")
            || of.ends_with(".glob")
            || of.ends_with(".iterdir");
        if goes {
            let method = match &call.callee {
                Value::Attribute(base, _) => place(base),
                _ => None,
            };
            let path = call
                .args
                .first()
                .and_then(place)
                .filter(|path| path.contains(['/', '~', '\\']))
                .or(method)
                .unwrap_or_default();
            let own = OWN.iter().any(|own| path.starts_with(own) && path != "./");
            found = Some(found.unwrap_or(false) || !own);
        }
    }
    found
}

/// Ciphers over many files, or instead of the files that were there.
fn encrypts_in_shell(look: &mut Look<'_>) {
    let story = look.story;
    let command = |at: usize| match story.steps.get(at).map(|step| &step.what) {
        Some(What::Command(command)) => Some(command),
        _ => None,
    };
    for at in 0..story.steps.len() {
        let Some(cipher) = command(at).filter(|command| enciphers(command)) else { continue };
        let many = (0..at).rev().take(6).filter_map(command).any(|before| {
            before.is(&[
                "find",
                "for",
                "while",
                "ls",
                "fd",
                "xargs",
                "forfiles",
                "get-childitem",
                "read",
                "gci",
            ])
        });
        let replaces = (at..story.steps.len())
            .skip(1)
            .take(6)
            .filter_map(command)
            .any(|after| after.is(&["rm", "shred", "del", "unlink", "remove-item"]));
        let wide =
            cipher.operands().any(is_wide) || cipher.words.iter().any(|word| word.contains('*'));
        let whole = cipher.is(&["manage-bde", "cryptsetup"]) || cipher.program == "cipher";
        if many || replaces || wide || whole {
            look.tag(Tag::Encryptor, at);
        }
    }
}

fn enciphers(command: &Command) -> bool {
    let lower = command.words.join(" ").to_ascii_lowercase();
    match command.program.as_str() {
        "openssl" => {
            let decodes = command.has("-d") || lower.contains("-base64") || lower.contains("-a ");
            (command.has("enc")
                || lower.contains("aes")
                || lower.contains("smime -encrypt")
                || lower.contains("rsautl -encrypt"))
                && !decodes
        }
        "gpg" | "gpg2" => {
            command.has_any(&["-c", "--symmetric", "-e", "--encrypt"]) || command.flag('c')
        }
        "7z" | "7za" | "7zr" | "rar" => command
            .words
            .iter()
            .any(|word| (word.starts_with("-p") || word.starts_with("-hp")) && word.len() > 2),
        "zip" => command.has_any(&["-P", "--password", "-e", "-re"]) || command.flag('P'),
        "ccrypt" | "age" | "bcrypt" | "mcrypt" | "aescrypt" => !command.has("-d"),
        "cipher" => lower.contains("/e"),
        "manage-bde" => lower.contains("-on"),
        "cryptsetup" => command.has("luksFormat"),
        _ => false,
    }
}

/// A cipher, a walk over files, and something that writes or renames them.
fn encrypts_in_python(look: &mut Look<'_>) {
    if walks(look) != Some(true) {
        return;
    }
    let story = look.story;
    let calls = || {
        story.steps.iter().enumerate().filter_map(|(at, step)| match &step.what {
            What::Python(call, of) => Some((at, call.as_ref(), of)),
            _ => None,
        })
    };
    let cipher = calls().find(|(_, _, of)| {
        let encrypts = of.ends_with(".encrypt")
            || of.ends_with(".encrypt_and_digest")
            || of.ends_with(".encryptor")
            || of.contains("encryptor().update");
        encrypts || *of == "pyAesCrypt.encryptFile"
    });
    let writes = calls().any(|(_, call, of)| {
        let opens = of.ends_with("open")
            && call
                .args
                .get(1)
                .and_then(Value::text)
                .is_some_and(|mode| mode.contains(['w', '+', 'a']));
        opens
            || of.ends_with(".write_bytes")
            || of.ends_with(".write")
            || matches!(
                of.as_str(),
                "os.rename" | "os.replace" | "os.remove" | "pyAesCrypt.encryptFile"
            )
    });
    // What a method of an object that is not known does is no call that readers tell.
    let object = cipher.as_ref().is_some_and(|(_, _, of)| of.ends_with(".encrypt"));
    if let Some((at, ..)) = cipher.filter(|_| writes || object) {
        look.tag(Tag::Encryptor, at);
    }
}
