//! `.args` in the zip archive of a llamafile: one argument to a line, which the program takes as if
//! they had been typed (llamafile, `llamafile/args`; Cosmopolitan, `LoadZipArgs`).
//!
//! No shell sees them, but they say which files the program opens, what it fetches, and to whom it
//! listens.

use crate::text::{is_text, whole};
use davy_artifact::{Excerpt, Fact, Format, Input, Probe, Quirk, Reading, Route, Site, Value};
use davy_bytes::{Budget, Halt, Span, to_u64};

/// What the name of the member ends in.
const NAME: &str = ".args";

/// Bytes that no list of arguments exceeds.
const LARGEST: u64 = 1 << 20;

/// Arguments that are told.
const TOLD: usize = 1000;

/// Where the members of the archive are found when the program runs.
const MEMBERS: &str = "/zip/";

/// Options whose value is a path or address that the program opens.
const PATHS: &[&str] = &[
    "--chat-template-file",
    "--control-vector",
    "--file",
    "--grammar-file",
    "--hf-repo",
    "--image",
    "--log-file",
    "--logdir",
    "--lookup-cache-dynamic",
    "--lookup-cache-static",
    "--lora",
    "--lora-base",
    "--mmproj",
    "--model",
    "--model-draft",
    "--model-url",
    "--path",
    "--prompt-cache",
    "--slot-save-path",
    "--ssl-cert-file",
    "--ssl-key-file",
    "--system-prompt-file",
    "-f",
    "-hf",
    "-hfr",
    "-m",
    "-md",
    "-mu",
];

/// Options that take a name, not a path, from the hub.
const REPOSITORIES: &[&str] = &["--hf-repo", "-hf", "-hfr"];

/// Options that take away what confines the program.
const UNCONFINED: &[&str] = &["--trust", "--unsecure"];

/// What only means something to a shell.
const SHELL: &[&str] = &["$(", "&&", "`", "| ", ">>", "; "];

/// The reader of such lists.
#[derive(Debug)]
pub struct Arguments;

impl Format for Arguments {
    fn id(&self) -> &'static str {
        "llamafile-args"
    }

    fn summary(&self) -> &'static str {
        "arguments that a llamafile starts with: what it opens, fetches and listens to"
    }

    fn probe(&self, head: &[u8], input: &Input<'_>) -> Probe {
        if input.name.ends_with(NAME) && is_text(head) { Probe::Certain } else { Probe::No }
    }

    fn read(
        &self,
        input: &Input<'_>,
        reading: &mut Reading,
        budget: &mut Budget,
    ) -> Result<(), Halt> {
        let text = whole(input, LARGEST, "a list of arguments longer than any in use", budget)?;
        let mut at = 0_u64;
        let mut option = String::new();
        for (index, line) in text.split('\n').enumerate() {
            if index >= TOLD {
                return Err(Halt::exhausted(at, "more arguments than any program is given"));
            }
            let argument = line.trim_end_matches('\r');
            let site = Site {
                span: Span::new(at, to_u64(argument.len())),
                route: Route::Line(to_u64(index).saturating_add(1)),
            };
            at = at.saturating_add(to_u64(line.len())).saturating_add(1);
            if argument.is_empty() {
                continue;
            }
            // Both `--option value` on two lines and `--option=value` on one are taken.
            let (name, value) = match argument.split_once('=') {
                Some((name, value)) if name.starts_with('-') => (name, value),
                _ if argument.starts_with('-') => {
                    option = argument.to_owned();
                    told(&option, "", site, reading);
                    continue;
                }
                _ => (option.as_str(), argument),
            };
            told(name, value, site, reading);
            option.clear();
        }
        reading.seamless = true;
        Ok(())
    }
}

/// Records an option with its value.
fn told(option: &str, value: &str, site: Site, reading: &mut Reading) {
    let shell = SHELL.iter().any(|word| value.contains(word));
    if shell && !is_prompt(option) {
        let what = format!("the argument `{value}` is written for a shell, and none reads it");
        reading.deviation(Quirk::Handmade, site.span, site.route.clone(), &what);
    }
    if UNCONFINED.contains(&option) && value.is_empty() {
        let what = format!("`{option}` takes away what confines the program");
        reading.deviation(Quirk::Handmade, site.span, site.route.clone(), &what);
    }
    let purpose = match option {
        "--host" => "listening address",
        _ if REPOSITORIES.contains(&option) => "base model",
        _ if PATHS.contains(&option) => "artifact",
        _ => "",
    };
    if !value.is_empty() && !purpose.is_empty() {
        let target = value.strip_prefix(MEMBERS).unwrap_or(value).to_owned();
        reading.fact(Fact::Reference { target, purpose, site });
    } else {
        let (owner, name) = (String::new(), option.to_owned());
        let value = Value::Text(Excerpt::whole(value));
        reading.fact(Fact::Attribute { owner, name, value, site });
    }
}

/// Whether an option takes text for the model.
fn is_prompt(option: &str) -> bool {
    const PROMPTS: &[&str] =
        &["--chat-template", "--grammar", "--prompt", "--system-prompt", "-e", "-p", "-r", "-sys"];
    PROMPTS.contains(&option)
}
