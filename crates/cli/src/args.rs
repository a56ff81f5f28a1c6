//! The command line: every command and flag, with its help text.

use clap::builder::PossibleValue;
use clap::{Args, Parser, Subcommand, ValueEnum};
use davy_policy::Assumption;
use davy_report::{RENDERERS, Renderer};
use davy_rules::Severity;
use std::path::PathBuf;

/// Printed below the help text.
const STATUS: &str = "\
Exit status:
  0  pass: everything was read, and nothing at or above --fail-on was found
  1  fail: something at or above --fail-on was found
  2  incomplete: nothing of that kind was found, but not everything was read
  3  davy could not do what was asked: no such file, bad arguments, no place to write
Where several hold, 1 wins over 3, and 3 over 2.";

/// Shows what AI model files would do before anyone loads them. Nothing is ever loaded or run.
#[derive(Debug, Parser)]
#[command(name = "davy", version, about, after_help = STATUS)]
#[command(disable_help_subcommand = true, subcommand_required = true)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
    /// When to colour text
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub color: Color,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Tell what in these files is dangerous, and what could not be read
    #[command(after_help = STATUS)]
    Scan(Scan),
    /// Show everything that is in a file: facts, deviations, gaps and children, with offsets
    #[command(after_help = "\
Exit status: 0 when everything was read, 2 when not, 3 when davy could not do what was asked.
Whether what was read is dangerous is for `davy scan` to say.")]
    Inspect(Inspect),
    /// Show a rule's page
    Explain(Explain),
    /// List the rules
    Rules(Catalogue),
    /// List the formats that are read
    Formats(Catalogue),
}

/// Arguments of `davy scan`.
#[derive(Debug, Args)]
pub struct Scan {
    /// Files, or folders with all files in them
    #[arg(value_name = "PATH", required = true)]
    pub paths: Vec<PathBuf>,
    /// How to write the report
    #[arg(long, default_value = "text", value_parser = renderers(|_| true))]
    pub format: String,
    /// Write the report to this file instead of standard output
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Fail when something of this severity or worse is found
    #[arg(long, value_name = "SEVERITY", default_value = "high")]
    pub fail_on: Threshold,
    /// Weigh less what needs a flaw that this version of a loader does not have; may be repeated
    #[arg(long, value_name = "loader=PACKAGE:VERSION")]
    pub assume: Vec<Assumption>,
    #[command(flatten)]
    pub reading: Reading,
    /// Show only the closing summary in text, and no progress
    #[arg(long, short, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Name every input that passed in text, however many
    #[arg(long, short)]
    pub verbose: bool,
}

/// Arguments of `davy inspect`.
#[derive(Debug, Args)]
pub struct Inspect {
    /// The file
    pub path: PathBuf,
    /// How to write what is known
    #[arg(long, default_value = "text", value_parser = renderers(|r| r.inspect.is_some()))]
    pub format: String,
    /// Write it to this file instead of standard output
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
    #[command(flatten)]
    pub reading: Reading,
}

/// How files are read.
#[derive(Debug, Args)]
pub struct Reading {
    /// Read this many files side by side; 0 means one per core
    #[arg(long, short, value_name = "N", default_value_t = 0)]
    pub jobs: usize,
    /// Leave bytes of weights unread: no digests and no checksums, but much faster
    #[arg(long)]
    pub no_survey: bool,
}

/// Arguments of `davy explain`.
#[derive(Debug, Args)]
pub struct Explain {
    /// The rule's id, or a name that it had before; or the dotted name of a callable, as `os.system`
    pub rule: String,
}

/// Arguments of `davy rules` and `davy formats`.
#[derive(Debug, Args)]
pub struct Catalogue {
    /// How to write the list
    #[arg(long, default_value = "text")]
    pub format: Form,
}

/// Forms of the two catalogues.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum Form {
    Text,
    Json,
}

/// When to colour.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless `NO_COLOR` is set
    Auto,
    Always,
    Never,
}

/// A severity that fails a scan.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Threshold(pub Severity);

impl ValueEnum for Threshold {
    fn value_variants<'a>() -> &'a [Self] {
        const ALL: [Threshold; 4] = [
            Threshold(Severity::Critical),
            Threshold(Severity::High),
            Threshold(Severity::Medium),
            Threshold(Severity::Low),
        ];
        &ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.0.as_str()))
    }
}

/// The names of the renderers that `fit`.
fn renderers(fit: fn(&Renderer) -> bool) -> clap::builder::PossibleValuesParser {
    let fitting = RENDERERS.iter().filter(|renderer| fit(renderer));
    fitting.map(|renderer| PossibleValue::new(renderer.name).help(renderer.summary)).into()
}
