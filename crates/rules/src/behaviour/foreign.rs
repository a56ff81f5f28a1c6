//! One-liners of Perl, PHP, Ruby, Node.js, Lua and awk: no reader takes them, so only the calls in
//! them are looked at, which all of them spell `name(…)` or `name …`.

use super::Tag;

/// What opens a connection.
const CONNECTS: &[&str] = &[
    "IO::Socket::INET",
    "TCPSocket",
    "connect",
    "fsockopen",
    "inet",
    "net.Socket",
    "net.connect",
    "pfsockopen",
    "socket.tcp",
    "stream_socket_client",
    "tcp",
];

/// What waits for one.
const LISTENS: &[&str] = &["TCPServer", "accept", "createServer", "listen", "stream_socket_server"];

/// What runs a command.
const RUNS: &[&str] =
    &["exec", "execl", "passthru", "popen", "proc_open", "shell_exec", "spawn", "system"];

/// What fetches something.
const FETCHES: &[&str] = &[
    "LWP::Simple",
    "URI.open",
    "curl_exec",
    "file_get_contents",
    "http.get",
    "https.get",
    "open-uri",
];

/// What runs text.
const EVALUATES: &[&str] = &["Function", "eval", "require"];

/// What the source is for.
pub(super) fn tags(source: &str) -> Vec<Tag> {
    let words = words(source);
    let has = |list: &[&str]| words.iter().any(|word| list.contains(&word.as_str()));
    let shell = ["/bin/sh", "/bin/bash", "cmd.exe", "/bin/zsh", "powershell"]
        .iter()
        .any(|shell| source.contains(shell))
        || words.iter().any(|word| matches!(word.as_str(), "sh" | "bash"));
    let device = source.contains("/inet/tcp/") || source.contains("/dev/tcp/");
    let runs = has(RUNS) || device;
    let mut found = Vec::new();
    if runs && shell && has(LISTENS) {
        found.push(Tag::BindShell);
    } else if (runs && shell && has(CONNECTS)) || (device && (shell || source.contains("getline")))
    {
        found.push(Tag::ReverseShell);
    }
    if has(FETCHES) && source.contains("://") && (has(EVALUATES) || has(RUNS)) {
        found.push(Tag::DownloadAndRun);
    }
    found
}

/// The words of the source, with the separators that names have.
fn words(source: &str) -> Vec<String> {
    let part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | ':' | '.' | '-');
    source
        .split(|c: char| !part(c))
        .flat_map(|word| {
            let parts = word.split(['.', ':']).map(str::to_owned);
            std::iter::once(word.trim_matches([':', '.']).to_owned()).chain(parts)
        })
        .filter(|word| !word.is_empty())
        .take(4_000)
        .collect()
}
