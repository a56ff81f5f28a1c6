//! Places in a file system that give a program away: where secrets lie, where what starts by itself
//! is kept, where training data lies.

use super::argument::{origin, place, texts};
use super::command::Command;
use super::story::What;
use super::{Look, Tag};
use davy_artifact::{Call, Value};

/// Parts of paths under which passwords, keys and tokens lie.
const SECRETS: &[&str] = &[
    ".aws/credentials",
    ".azure/accesstokens",
    ".azure/msal_token",
    ".bitcoin/wallet",
    ".cache/huggingface/token",
    ".config/gcloud/",
    ".docker/config.json",
    ".electrum/wallets",
    ".ethereum/keystore",
    ".git-credentials",
    ".gnupg/",
    ".huggingface/token",
    ".kaggle/kaggle.json",
    ".kube/config",
    ".my.cnf",
    ".netrc",
    ".npmrc",
    ".password-store",
    ".pgpass",
    ".pypirc",
    ".ssh/id_",
    ".ssh/identity",
    "/.ssh/*",
    "/etc/gshadow",
    "/etc/krb5.keytab",
    "/etc/master.passwd",
    "/etc/shadow",
    "/etc/ssh/ssh_host_",
    "/etc/ssl/private",
    "/proc/self/environ",
    "/proc/1/environ",
    "\\config\\sam",
    "\\ntds.dit",
    "appdata\\local\\google\\chrome\\user data",
    "cookies.sqlite",
    "google-chrome/default/cookies",
    "google-chrome/default/login data",
    "google/chrome/default/login data",
    "key4.db",
    "keychains/login.keychain",
    "login data",
    "logins.json",
    "serviceaccount/token",
    "terraform.tfstate",
    "wallet.dat",
    "web data",
];

/// Parts of paths that are read or run when a machine, a user's session, a shell or Python starts.
const STARTED: &[&str] = &[
    "/etc/bash.bashrc",
    "/etc/cron",
    "/etc/init.d/",
    "/etc/ld.so.preload",
    "/etc/profile",
    "/etc/rc.d/",
    "/etc/rc.local",
    "/etc/systemd/system/",
    "/etc/update-motd.d/",
    "/etc/xdg/autostart",
    "/lib/systemd/system/",
    "/library/launchagents",
    "/library/launchdaemons",
    "/var/spool/cron",
    ".bash_login",
    ".bash_profile",
    ".bashrc",
    ".config/autostart",
    ".config/fish/config.fish",
    ".config/systemd/user",
    ".git/hooks/",
    ".ipython/profile_default/startup",
    ".profile",
    ".ssh/authorized_keys",
    ".ssh/rc",
    ".xinitrc",
    ".xprofile",
    ".zprofile",
    ".zshenv",
    ".zshrc",
    "\\start menu\\programs\\startup",
    "\\currentversion\\run",
    "sitecustomize.py",
    "usercustomize.py",
];

/// What marks a path as one of training data.
const DATA: &[&str] =
    &["annotations", "corpus", "dataset", "datasets", "labels", "train", "training", "trainset"];

/// Ends of files that data sets are kept in.
const DATA_FILES: &[&str] = &[
    "arrow", "bin", "csv", "h5", "hdf5", "jpg", "json", "jsonl", "npy", "npz", "parquet", "pkl",
    "png", "pt", "tfrecord", "tsv", "txt", "wav", "xml", "yaml",
];

/// Commands that only show what they read.
const READING: &[&str] = &[
    "7z",
    "base64",
    "cat",
    "cp",
    "curl",
    "dd",
    "find",
    "grep",
    "gzip",
    "head",
    "less",
    "ls",
    "more",
    "mv",
    "nc",
    "rg",
    "rsync",
    "scp",
    "sed",
    "sqlite3",
    "strings",
    "tail",
    "tar",
    "type",
    "wget",
    "xxd",
    "zip",
    "awk",
    "cut",
    "tr",
    "jq",
    "get-content",
    "gc",
    "copy",
    "xcopy",
    "robocopy",
    "aws",
    "ncat",
    "openssl",
    "python",
];

pub(super) fn look(look: &mut Look<'_>) {
    let story = look.story;
    for (at, step) in story.steps.iter().enumerate() {
        match &step.what {
            What::Command(command) => of_command(command, at, look),
            What::Python(call, _) => of_call(call, at, look),
            What::Foreign(_) => {}
        }
    }
}

fn normal(path: &str) -> String {
    path.to_ascii_lowercase().replace("\\\\", "\\").replace("//", "/")
}

/// Whether secrets lie there.
fn is_secret(path: &str) -> bool {
    let path = normal(path);
    let public = path.ends_with(".pub") || path.contains("known_hosts");
    let slashed = path.replace('\\', "/");
    let key = (slashed.ends_with(".pem") || slashed.ends_with("/.env") || slashed == ".env")
        && !path.contains("cacert");
    !public && (key || SECRETS.iter().any(|part| path.contains(part) || slashed.contains(part)))
}

/// Whether what lies there starts by itself.
fn starts(path: &str) -> bool {
    let path = normal(path);
    let slashed = path.replace('\\', "/");
    let pth = slashed.contains("site-packages/") && slashed.ends_with(".pth");
    pth || STARTED.iter().any(|part| path.contains(part) || slashed.contains(part))
}

/// Whether training data lies there.
fn is_data(path: &str) -> bool {
    let path = normal(path).replace('\\', "/");
    if path.contains("://") || path.starts_with("/tmp/") {
        return false;
    }
    let file = path.rsplit('.').next().is_some_and(|end| DATA_FILES.contains(&end));
    let word = |part: &str| DATA.contains(&part);
    let named = path.split(|c: char| !c.is_ascii_alphanumeric()).any(word);
    named && (file || path.ends_with("/*"))
}

fn of_command(command: &Command, at: usize, look: &mut Look<'_>) {
    let written = command.written();
    if written.iter().any(|path| starts(path)) {
        look.tag(Tag::Persistence, at);
    }
    let changes = !command.fetches() || !command.is(&["curl", "wget", "aws", "gsutil", "gdown"]);
    if changes
        && written.iter().any(|path| is_data(path))
        && !command.is(&["cp", "mv", "rsync", "scp", "ln", "copy"])
    {
        look.tag(Tag::DatasetPoisoning, at);
    }
    let targets = command
        .targets
        .iter()
        .filter(|(operator, _)| operator == "<")
        .map(|(_, path)| path.as_str());
    let mut words = command.words.iter().map(String::as_str).chain(targets);
    let exposed = words.any(|word| {
        let word = word.split_once('@').map_or(word, |(_, path)| path);
        is_secret(word.trim_start_matches(['<', '=']))
    });
    if exposed
        && (command.is(READING) || command.fetches() || command.sends())
        && !written.iter().any(|path| is_secret(path))
    {
        look.tag(Tag::CredentialAccess, at);
    }
    credentials(command, at, look);
    persistence(command, at, look);
}

/// Words of names of secrets in environment variables and settings.
fn is_secret_name(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    [
        "SECRET",
        "TOKEN",
        "PASSWORD",
        "PASSWD",
        "API_KEY",
        "APIKEY",
        "PRIVATE_KEY",
        "ACCESS_KEY",
        "CREDENTIAL",
        "AKIA",
    ]
    .iter()
    .any(|word| name.contains(word))
}

/// Programs, searches and variables that hand out secrets.
fn credentials(command: &Command, at: usize, look: &mut Look<'_>) {
    let uses = command.words.iter().any(|word| variables(word).any(|name| is_secret_name(&name)));
    if hands_out(command) || (uses && !assigned(command, look)) {
        look.tag(Tag::CredentialAccess, at);
    }
}

/// The variables that a word names.
fn variables(word: &str) -> impl Iterator<Item = String> {
    word.split('$').skip(1).map(|name| {
        let letter = |c: &char| *c == '_' || c.is_ascii_alphanumeric();
        name.trim_start_matches('{').chars().take_while(letter).collect()
    })
}

/// Programs and searches that hand out secrets.
fn hands_out(command: &Command) -> bool {
    let lower = || command.words.iter().map(|word| word.to_ascii_lowercase());
    let joined = command.words.join(" ").to_ascii_lowercase();
    match command.program.as_str() {
        "mimikatz" | "lazagne" | "pypykatz" | "secretsdump.py" | "secretsdump" => true,
        "security" => {
            joined.contains("find-generic-password")
                || joined.contains("find-internet-password")
                || joined.contains("dump-keychain")
        }
        "secret-tool" => command.has_any(&["lookup", "search"]),
        "reg" => {
            joined.contains("save")
                && (joined.contains("hklm\\sam")
                    || joined.contains("hklm\\system")
                    || joined.contains("hklm\\security"))
        }
        "procdump" | "procdump64" | "comsvcs.dll" => joined.contains("lsass"),
        "rundll32" => joined.contains("comsvcs.dll") && joined.contains("minidump"),
        "cmdkey" => joined.contains("/list"),
        "vaultcmd" => joined.contains("/list"),
        "netsh" => joined.contains("wlan") && joined.contains("key=clear"),
        "gpg" => joined.contains("--export-secret"),
        "gcloud" => {
            joined.contains("print-access-token") || joined.contains("print-identity-token")
        }
        "kubectl" => joined.contains("get secret"),
        "aws" => {
            joined.contains("get-secret-value")
                || joined.contains("configure get")
                || joined.contains("get-session-token")
        }
        "printenv" => command.words.iter().any(|word| is_secret_name(word)),
        "grep" | "rg" | "egrep" | "findstr" | "select-string" => {
            let pattern = command.operands().find(|word| !word.starts_with('/'));
            let env = command
                .pipeline()
                .iter()
                .skip(1)
                .any(|part| part.is(&["env", "printenv", "set", "export"]));
            let wide = command.flag('r') || command.flag('R') || joined.contains("/s") || env;
            let named = |pattern: &str| {
                is_secret_name(pattern)
                    || pattern.to_ascii_lowercase().split('|').any(|word| {
                        matches!(word.trim_matches('\\'), "key" | "pass" | "pwd" | "private key")
                    })
            };
            wide && pattern.is_some_and(named)
        }
        "find" => lower().any(|word| {
            matches!(
                word.as_str(),
                "id_rsa"
                    | "id_rsa*"
                    | "*.pem"
                    | "*.key"
                    | "*.kdbx"
                    | "*id_rsa*"
                    | "*wallet*"
                    | "wallet.dat"
                    | ".env"
                    | "*.pfx"
            )
        }),
        _ => false,
    }
}

/// Whether every variable with the name of a secret that a command uses is one that the script has
/// set itself.
fn assigned(command: &Command, look: &Look<'_>) -> bool {
    let sets = |name: &str| {
        look.story.steps.iter().any(|step| match &step.what {
            What::Command(other) => {
                other.program == "export"
                    && other.words.iter().any(|word| word.split('=').next() == Some(name))
            }
            _ => false,
        })
    };
    let mut names = command.words.iter().flat_map(|word| variables(word));
    names.all(|name| !is_secret_name(&name) || sets(&name))
}

/// Programs that arrange for something to be started.
fn persistence(command: &Command, at: usize, look: &mut Look<'_>) {
    let joined = command.words.join(" ").to_ascii_lowercase();
    let found = match command.program.as_str() {
        "crontab" => {
            let lists = command.has("-l") || command.has("-r");
            !lists
                && (command.input.is_some()
                    || command.here.is_some()
                    || command.operands().next().is_some()
                    || command.has("-"))
        }
        "systemctl" => command.has_any(&["enable", "reenable"]),
        "launchctl" => command.has_any(&["load", "bootstrap", "submit"]),
        "update-rc.d" | "chkconfig" => !command.has("--list"),
        "useradd" | "adduser" => true,
        "usermod" => joined.contains("-ag") || joined.contains("-g"),
        "schtasks" => joined.contains("/create"),
        "sc" => joined.contains("create"),
        "reg" => {
            joined.contains("add") && (joined.contains("\\run") || joined.contains("winlogon"))
        }
        "new-service" | "register-scheduledtask" | "new-scheduledtask" => true,
        "new-itemproperty" | "set-itemproperty" => joined.contains("\\run"),
        "net" => joined.contains("user") && joined.contains("/add"),
        "wmic" => joined.contains("startup") && joined.contains("create"),
        "at" | "batch" => command.input.is_some() || command.here.is_some(),
        "ssh-copy-id" => true,
        _ => false,
    };
    if found {
        look.tag(Tag::Persistence, at);
    }
}

/// How a call opens a file: whether it may write.
fn writes(call: &Call) -> bool {
    let mode = call.kwargs.iter().find(|(key, _)| key == "mode").map(|(_, value)| value);
    let mode = mode.or_else(|| call.args.get(1)).and_then(Value::text);
    mode.is_some_and(|mode| mode.contains(['w', 'a', 'x', '+']))
}

fn of_call(call: &Call, at: usize, look: &mut Look<'_>) {
    let of = origin(&call.callee);
    let last = of.rsplit('.').next().unwrap_or(&of);
    let first = call.args.first();
    let method = match &call.callee {
        Value::Attribute(base, _) => place(base),
        _ => None,
    };
    let (read, written): (Option<String>, Option<String>) = match last {
        "open" | "fdopen" if writes(call) => (None, first.and_then(place).or(method)),
        "open" => (first.and_then(place).or(method), None),
        "read_text" | "read_bytes" | "fromfile" | "loadtxt" | "genfromtxt" | "getlines"
        | "connect" | "ZipFile" => (method.or_else(|| first.and_then(place)), None),
        "write_text" | "write_bytes" | "touch" | "symlink_to" => (None, method),
        "write" | "writelines" => match &call.callee {
            Value::Attribute(base, _) => (None, opened(base)),
            _ => (None, None),
        },
        "to_csv" | "to_json" | "to_parquet" | "to_pickle" | "savez" | "savetxt" | "save"
        | "imwrite" | "tofile" | "save_to_disk" => (None, first.and_then(place)),
        "dump" => (None, call.args.get(1).and_then(opened)),
        "copy" | "copy2" | "copyfile" | "copyfileobj" | "move" | "rename" | "replace" | "link"
        | "symlink" | "copytree" => (first.and_then(place), call.args.get(1).and_then(place)),
        "SetValueEx" | "CreateKey" | "SetValue" | "OpenKey" => {
            (None, texts(call).into_iter().find(|text| starts(text)).map(str::to_owned))
        }
        _ => (None, None),
    };
    let exists = matches!(last, "connect") && !of.starts_with("sqlite3");
    if read.as_deref().is_some_and(is_secret) && !exists {
        look.tag(Tag::CredentialAccess, at);
    }
    if let Some(path) = &written {
        if starts(path) {
            look.tag(Tag::Persistence, at);
        }
        let copies = matches!(
            last,
            "copy" | "copy2" | "copyfile" | "copytree" | "move" | "rename" | "symlink" | "link"
        );
        if is_data(path) && !copies {
            look.tag(Tag::DatasetPoisoning, at);
        }
    }
    let environment = matches!(
        of.as_str(),
        "os.getenv"
            | "os.environ.get"
            | "os.environ.pop"
            | "os.environ.__getitem__"
            | "os.environ.setdefault"
    );
    let stores = [
        "keyring.get_password",
        "browser_cookie3.",
        "win32crypt.CryptUnprotectData",
        "getpass.getpass",
    ];
    if environment && first.and_then(Value::text).is_some_and(is_secret_name)
        || stores.iter().any(|start| of.starts_with(start))
    {
        look.tag(Tag::CredentialAccess, at);
    }
    let registers =
        of.contains("crontab.CronTab") && (last == "write" || last == "new()" || last == "new");
    if registers {
        look.tag(Tag::Persistence, at);
    }
}

/// The path that a value was opened under, to be written.
pub(super) fn opened(value: &Value) -> Option<String> {
    match value {
        Value::Call(call) if origin(&call.callee).ends_with("open") => {
            call.args.first().and_then(place)
        }
        Value::Attribute(base, _) => opened(base),
        _ => None,
    }
}
