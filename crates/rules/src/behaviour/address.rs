//! Addresses and paths that programs name.

use super::argument::{address, origin, target, texts};
use super::command::Command;
use super::story::What;
use super::{Indicates, Look, Tag};
use crate::facts::{callee, known};
use davy_artifact::Call;

/// Schemes of addresses that something is fetched from or sent to.
const SCHEMES: &[&str] = &[
    "ftp://",
    "ftps://",
    "gs://",
    "http://",
    "https://",
    "ldap://",
    "ldaps://",
    "s3://",
    "sftp://",
    "smb://",
    "ssh://",
    "stratum+ssl://",
    "stratum+tcp://",
    "tcp://",
    "tftp://",
    "udp://",
    "ws://",
    "wss://",
];

/// Where clouds and clusters answer the machines in them, and nobody else.
const METADATA: &[&str] = &[
    "100.100.100.200",
    "169.254.169.254",
    "169.254.170.2",
    "[fd00:ec2::254]",
    "/run/secrets/kubernetes.io/",
    "kubernetes.default",
    "metadata.azure.com",
    "metadata.google.internal",
];

/// Programs whose words may be a host, and a port behind it.
const CONNECTING: &[&str] =
    &["nc", "nc.traditional", "ncat", "netcat", "openssl", "socat", "telnet", "xterm"];

pub(super) fn look(look: &mut Look<'_>) {
    let story = look.story;
    for (at, step) in story.steps.iter().enumerate() {
        let named = match &step.what {
            What::Command(command) => of_command(command),
            What::Foreign(_) => Vec::new(),
            What::Python(call, _) => of_call(call),
        };
        for (kind, value) in named {
            look.indicate(kind, &value, at);
        }
    }
    for (at, step) in story.steps.iter().enumerate() {
        let texts: Vec<String> = match &step.what {
            What::Command(command) => words(command),
            What::Foreign(source) => vec![source.clone()],
            What::Python(call, _) => texts(call).into_iter().map(str::to_owned).collect(),
        };
        for text in &texts {
            urls(text).into_iter().for_each(|url| look.indicate(Indicates::Url, url, at));
            for host in hosts(text) {
                // `192.0.2.1` adds nothing to `192.0.2.1:80`.
                if !look.names(&host, at) {
                    look.indicate(Indicates::Address, &host, at);
                }
            }
            if METADATA.iter().any(|place| text.contains(place)) || is_imds(text) {
                look.tag(Tag::CloudMetadata, at);
            }
        }
    }
}

/// The address of the metadata service as other notations spell it: one number, or hexadecimal.
fn is_imds(text: &str) -> bool {
    urls(text).iter().any(|url| {
        let host = url.split("://").nth(1).unwrap_or_default();
        let host = host.split(['/', ':', '?']).next().unwrap_or_default();
        matches!(host, "2852039166" | "0xa9fea9fe" | "0xA9FEA9FE" | "0251.0376.0251.0376")
    })
}

fn words(command: &Command) -> Vec<String> {
    let targets = command.targets.iter().map(|(_, target)| target.clone());
    let here = command.here.iter().cloned();
    std::iter::once(command.path.clone())
        .chain(command.words.iter().cloned())
        .chain(targets)
        .chain(here)
        .collect()
}

/// Addresses and paths of a command: `nc host port`, `/dev/tcp/host/port`.
fn of_command(command: &Command) -> Vec<(Indicates, String)> {
    let mut found = Vec::new();
    let words = command.words.iter().chain(command.targets.iter().map(|(_, target)| target));
    for word in words {
        let device = word.strip_prefix("/dev/tcp/").or_else(|| word.strip_prefix("/dev/udp/"));
        if let Some((host, port)) = device.and_then(|rest| rest.split_once('/')) {
            found.push((Indicates::Address, format!("{host}:{port}")));
        }
        let part = word.split(',').next().unwrap_or(word);
        let lower = part.to_ascii_lowercase();
        for scheme in ["tcp:", "tcp4:", "openssl:", "udp:"] {
            if let Some(rest) = lower.strip_prefix(scheme) {
                found.push((Indicates::Address, rest.trim_start_matches('/').to_owned()));
            }
        }
    }
    if command.is(CONNECTING) {
        let operands: Vec<&str> = command.operands().collect();
        for pair in operands.windows(2) {
            if let [host, port] = pair
                && is_host(host)
                && port.parse::<u16>().is_ok()
            {
                found.push((Indicates::Address, format!("{host}:{port}")));
            }
        }
    }
    if command.is(&["ssh", "scp", "rsync", "sftp"]) {
        for word in command.operands().filter(|word| word.contains('@')) {
            let host = word.split('@').nth(1).and_then(|rest| rest.split(':').next());
            found.extend(host.map(|host| (Indicates::Address, host.to_owned())));
        }
    }
    found
}

/// Addresses and paths of a call.
fn of_call(call: &Call) -> Vec<(Indicates, String)> {
    let mut found = Vec::new();
    let path = origin(&call.callee);
    let values = call.args.iter().chain(call.kwargs.iter().map(|(_, value)| value));
    let connects = path.contains("connect")
        || path.contains("bind")
        || path.contains("sendto")
        || path.contains("Server");
    if connects {
        found.extend(values.filter_map(address).map(|address| (Indicates::Address, address)));
    }
    let parted = path.starts_with("http.client.")
        || path.starts_with("ftplib.")
        || path.starts_with("smtplib.")
        || path.starts_with("telnetlib.")
        || path.starts_with("socket.gethostby")
        || path.starts_with("ssl.get_server_certificate");
    if parted
        && let Some(host) =
            call.args.first().and_then(|arg| arg.text()).filter(|host| is_host(host))
    {
        let port = match call.args.get(1) {
            Some(davy_artifact::Value::Int(port)) => format!(":{port}"),
            _ => String::new(),
        };
        found.push((Indicates::Address, format!("{host}{port}")));
    }
    if let Some(effect) = callee(call).and_then(known).map(|known| known.effect)
        && let Some(target) = target(call, effect)
        && (target.contains(['/', '\\'])
            && !target.contains("://")
            && !target.contains(char::is_whitespace))
    {
        found.push((Indicates::Path, target));
    }
    if path == "open"
        && let Some(place) = call.args.first().and_then(|arg| arg.text())
    {
        found.push((Indicates::Path, place.to_owned()));
    }
    found
}

/// Whether a word is an address or a name of several parts.
pub(super) fn is_host(word: &str) -> bool {
    let letter = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '_');
    let named = word.contains('.') || word == "localhost" || word.contains(':');
    named && word.len() < 256 && word.chars().all(letter) && !word.starts_with(['.', '-'])
}

/// The URLs in a text.
pub(super) fn urls(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices("://").take(64) {
        let before = text.get(..at).unwrap_or_default();
        let scheme = |c: char| c.is_ascii_alphanumeric() || c == '+';
        let start = before.rfind(|c: char| !scheme(c)).map_or(0, |at| {
            at + before.get(at..).and_then(|rest| rest.chars().next()).map_or(1, char::len_utf8)
        });
        let rest = text.get(start..).unwrap_or_default();
        let stop = |c: char| c.is_whitespace() || "\"'`<>|;(){}\\,".contains(c) || c.is_control();
        let url = rest.get(..rest.find(stop).unwrap_or(rest.len())).unwrap_or(rest);
        let url = url.trim_end_matches(['.', ']', '$', '&']);
        let lower = url.to_ascii_lowercase();
        if SCHEMES.iter().any(|scheme| lower.starts_with(scheme) && lower.len() > scheme.len()) {
            found.push(url);
        }
    }
    found
}

/// Numerical addresses in a text that stand outside of URLs, with their ports.
fn hosts(text: &str) -> Vec<String> {
    let digit = |c: char| c.is_ascii_digit() || matches!(c, '.' | ':');
    let mut found = Vec::new();
    let urls = urls(text);
    for part in text.split(|c: char| !digit(c)).filter(|part| part.len() >= 7).take(256) {
        let (host, port) = part.split_once(':').unwrap_or((part, ""));
        let host = host.trim_end_matches('.');
        let numbers: Vec<&str> = host.split('.').collect();
        let is_address = numbers.len() == 4 && numbers.iter().all(|n| n.parse::<u8>().is_ok());
        // A version such as `1.2.3.4` is one as well: those that no network routes are left out.
        let routed = !matches!(numbers.first(), Some(&"0" | &"1" | &"2" | &"3" | &"4"));
        if is_address && routed && !urls.iter().any(|url| url.contains(host)) {
            let port = port.trim_end_matches(['.', ':']);
            let port = if port.parse::<u16>().is_ok() { format!(":{port}") } else { String::new() };
            found.push(format!("{host}{port}"));
        }
    }
    found
}
