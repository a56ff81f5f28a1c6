//! A command of a shell: the program, its words, and what it is connected with.

use super::shown::{command_line, spelled};
use davy_artifact::{Call, Value};

/// Programs that run the text which they are given or read.
const SHELLS: &[&str] = &[
    "ash",
    "bash",
    "cmd",
    "csh",
    "dash",
    "fish",
    "ksh",
    "mksh",
    "powershell",
    "pwsh",
    "rbash",
    "sh",
    "tcsh",
    "zsh",
];

/// Programs that fetch what an address names.
const FETCHERS: &[&str] = &[
    "aria2c",
    "axel",
    "bitsadmin",
    "certutil",
    "curl",
    "fetch",
    "ftp",
    "gdown",
    "http",
    "httpie",
    "invoke-restmethod",
    "invoke-webrequest",
    "irm",
    "iwr",
    "lwp-download",
    "lwp-request",
    "lynx",
    "start-bitstransfer",
    "tftp",
    "wget",
    "xh",
];

/// Options of `curl` and `wget` that send something along.
const SENDING: &[&str] = &[
    "--body-file",
    "--data",
    "--data-binary",
    "--data-raw",
    "--data-urlencode",
    "--form",
    "--json",
    "--post-data",
    "--post-file",
    "--upload-file",
    "-F",
    "-T",
    "-d",
];

#[derive(Clone, Debug)]
pub(super) struct Command {
    /// The program's name: the last part of its path in lower case, without `.exe`.
    pub(super) program: String,
    /// The program as it is spelled.
    pub(super) path: String,
    /// The words behind it.
    pub(super) words: Vec<String>,
    /// Commands whose output is one of the words, or the program.
    pub(super) inside: Vec<Call>,
    /// What it reads.
    pub(super) input: Option<Value>,
    /// A text that it is handed.
    pub(super) here: Option<String>,
    /// Redirections: operator and target.
    pub(super) targets: Vec<(String, String)>,
    /// All of it as a shell has it.
    pub(super) text: String,
}

impl Command {
    /// The command that a call in the code of a shell is.
    pub(super) fn of(call: &Call) -> Self {
        let mut inside = Vec::new();
        for value in std::iter::once(&call.callee).chain(&call.args) {
            gather(value, &mut inside);
        }
        let path = spelled(&call.callee);
        let mut command = Self {
            program: program(&path),
            path,
            words: call.args.iter().map(spelled).collect(),
            inside,
            input: None,
            here: None,
            targets: Vec::new(),
            text: command_line(call),
        };
        for (key, value) in &call.kwargs {
            match key.as_str() {
                "|" => command.input = Some(value.clone()),
                "<<" => command.here = Some(spelled(value)),
                _ => command.targets.push((key.clone(), spelled(value))),
            }
        }
        command
    }

    pub(super) fn is(&self, programs: &[&str]) -> bool {
        programs.contains(&self.program.as_str())
    }

    pub(super) fn is_shell(&self) -> bool {
        self.is(SHELLS)
    }

    pub(super) fn is_python(&self) -> bool {
        let rest =
            self.program.strip_prefix("python").or_else(|| self.program.strip_prefix("pypy"));
        rest.is_some_and(|rest| rest.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | 'w')))
            || self.program == "py"
    }

    /// Whether it runs the text that it reads.
    pub(super) fn interprets(&self) -> bool {
        const OTHERS: &[&str] =
            &["iex", "invoke-expression", "lua", "node", "osascript", "perl", "php", "ruby"];
        self.is_shell() || self.is_python() || self.is(OTHERS)
    }

    pub(super) fn has(&self, word: &str) -> bool {
        self.words.iter().any(|other| other == word)
    }

    pub(super) fn has_any(&self, words: &[&str]) -> bool {
        self.words.iter().any(|word| words.contains(&word.as_str()))
    }

    /// Whether one of the words starts with `start`.
    pub(super) fn starts(&self, start: &str) -> bool {
        self.words.iter().any(|word| word.starts_with(start))
    }

    /// Whether short options, alone or together, hold `letter`.
    pub(super) fn flag(&self, letter: char) -> bool {
        self.words.iter().any(|word| {
            word.strip_prefix('-').is_some_and(|rest| {
                rest.chars().all(|c| c.is_ascii_alphabetic()) && rest.contains(letter)
            })
        })
    }

    /// The word behind `option`, or what follows it in the same word.
    pub(super) fn value_of(&self, options: &[&str]) -> Option<&str> {
        let mut words = self.words.iter();
        while let Some(word) = words.next() {
            if options.contains(&word.as_str()) {
                return words.next().map(String::as_str);
            }
            let joined = options.iter().filter(|option| option.starts_with("--"));
            let mut joined =
                joined.filter_map(|option| word.strip_prefix(option)?.strip_prefix('='));
            if let Some(value) = joined.next() {
                return Some(value);
            }
        }
        None
    }

    /// Words that are no options.
    pub(super) fn operands(&self) -> impl Iterator<Item = &str> {
        self.words.iter().map(String::as_str).filter(|word| !word.starts_with('-'))
    }

    /// Files that it writes: by redirection, or as `tee` and `dd` do.
    pub(super) fn written(&self) -> Vec<&str> {
        let redirected = self.targets.iter().filter(|(operator, _)| operator.contains('>'));
        let redirected = redirected.filter(|(operator, _)| !operator.ends_with('&'));
        let mut written: Vec<&str> = redirected.map(|(_, target)| target.as_str()).collect();
        match self.program.as_str() {
            "tee" | "shred" | "truncate" => written.extend(self.operands()),
            "dd" => written.extend(self.words.iter().filter_map(|word| word.strip_prefix("of="))),
            "cp" | "install" | "mv" | "copy" | "move" | "xcopy" | "ln" | "rsync" | "scp" => {
                written.extend(self.operands().last());
            }
            "sed" | "perl" if self.flag('i') || self.starts("-i") => {
                written.extend(self.operands().skip(1));
            }
            "out-file" | "set-content" | "add-content" => written.extend(self.operands().next()),
            _ => {}
        }
        written.extend(self.saved());
        written
    }

    /// Whether it fetches something from the network.
    pub(super) fn fetches(&self) -> bool {
        let certutil =
            self.program != "certutil" || self.words.iter().any(|w| w.contains("urlcache"));
        let ftp = self.program != "ftp" || self.words.len() > 1;
        let cloud = self.is(&["aws", "gsutil"])
            && self.has("cp")
            && self.operands().nth(2).is_some_and(|from| from.contains("://"));
        cloud || (self.is(FETCHERS) && certutil && ftp && !self.words.is_empty() && !self.sends())
    }

    /// Whether it sends something along.
    pub(super) fn sends(&self) -> bool {
        let option = |word: &String| {
            let name = word.split('=').next().unwrap_or(word);
            SENDING.contains(&name) || (word.starts_with("-d@") || word.starts_with("-F@"))
        };
        let post = |word: &String| {
            let word = word.to_ascii_lowercase();
            matches!(word.as_str(), "-body" | "-infile")
        };
        match self.program.as_str() {
            "curl" | "wget" | "xh" => self.words.iter().any(option),
            "invoke-webrequest" | "invoke-restmethod" | "iwr" | "irm" => {
                self.words.iter().any(post)
            }
            _ => false,
        }
    }

    /// Where what it fetches is kept.
    pub(super) fn saved(&self) -> Option<&str> {
        if !self.fetches() {
            return None;
        }
        let redirected =
            self.targets.iter().find(|(operator, _)| matches!(operator.as_str(), ">" | ">>"));
        if let Some((_, target)) = redirected {
            return Some(target);
        }
        let url = self.operands().find(|word| word.contains('/') || word.contains('.'));
        let base = || url.and_then(|url| url.trim_end_matches('/').rsplit('/').next());
        match self.program.as_str() {
            "curl" => match self.value_of(&["-o", "--output"]) {
                Some(path) => Some(path),
                None if self.flag('o') => self
                    .words
                    .iter()
                    .skip_while(|word| !ends_in(word, 'o'))
                    .nth(1)
                    .map(String::as_str),
                None if self.flag('O') || self.has("--remote-name") => base(),
                None => None,
            },
            "wget" => match self.value_of(&["-O", "--output-document"]) {
                Some("-") => None,
                Some(path) => Some(path),
                None if self.flag('O') => self
                    .words
                    .iter()
                    .skip_while(|word| !ends_in(word, 'O'))
                    .nth(1)
                    .map(String::as_str)
                    .filter(|path| *path != "-"),
                None => base(),
            },
            "aria2c" | "axel" => self.value_of(&["-o", "--out", "--output"]).or_else(base),
            "invoke-webrequest" | "invoke-restmethod" | "iwr" | "irm" => {
                let at = self.words.iter().position(|word| {
                    "-outfile".starts_with(word.to_ascii_lowercase().as_str()) && word.len() > 2
                });
                at.and_then(|at| self.words.get(at.saturating_add(1))).map(String::as_str)
            }
            "bitsadmin" | "certutil" | "start-bitstransfer" | "aws" | "gsutil" => {
                self.operands().last()
            }
            "tftp" | "ftp" | "lwp-download" | "gdown" => base(),
            _ => None,
        }
    }

    /// This command and those before it in its pipeline, the nearest first.
    pub(super) fn pipeline(&self) -> Vec<Command> {
        let mut pipeline = vec![self.clone()];
        let mut input = self.input.clone();
        while let Some(Value::Call(call)) = input
            && pipeline.len() < 16
        {
            let before = Self::of(&call);
            input = before.input.clone();
            pipeline.push(before);
        }
        pipeline
    }
}

/// Whether a bundle of short options ends in `letter`: what it takes is the next word.
fn ends_in(word: &str, letter: char) -> bool {
    word.starts_with('-') && !word.starts_with("--") && word.ends_with(letter)
}

/// Calls that a value is made of.
fn gather(value: &Value, inside: &mut Vec<Call>) {
    value.walk(&mut |value| {
        if let Value::Call(call) = value {
            inside.push(call.as_ref().clone());
        }
    });
}

/// The program that a path names.
pub(super) fn program(path: &str) -> String {
    let name = path.trim_start_matches('@').rsplit(['/', '\\']).next().unwrap_or(path);
    let name = name.to_ascii_lowercase();
    name.strip_suffix(".exe").map_or(name.clone(), str::to_owned)
}
