//! From arguments to an exit status.

use crate::args::{Cli, Color, Command, Explain, Inspect, Reading, Scan};
use crate::{callable, catalogue, output, progress};
use clap::Parser;
use clap::error::ErrorKind;
use davy_bytes::escape;
use davy_policy::{Judged, Policy, Verdict, assume, judge};
use davy_report::{Detail, Listing, Render, Report, Style, inert, renderer};
use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};
use std::path::Path;

/// davy could not do what was asked.
const FAILURE: u8 = 3;

/// What went wrong, in words for standard error.
type Failure = String;

/// Does what the command line asks for, and returns the exit status.
pub fn run(args: impl IntoIterator<Item = OsString>) -> u8 {
    let done = match Cli::try_parse_from(args) {
        Ok(cli) => command(cli),
        Err(error) => usage(&error),
    };
    done.unwrap_or_else(|failure| {
        complain(&failure);
        FAILURE
    })
}

fn command(cli: Cli) -> Result<u8, Failure> {
    match cli.command {
        Command::Scan(args) => scan(&args, cli.color),
        Command::Inspect(args) => inspect(&args, cli.color),
        Command::Explain(args) => explain(&args),
        Command::Rules(args) => print(|out| catalogue::rules(args.format, out)),
        Command::Formats(args) => print(|out| catalogue::formats(args.format, out)),
    }
}

/// Help and version go to standard output; anything else is a mistake in the arguments. clap's own
/// status for those is 2, which in davy's words means that a scan was incomplete.
fn usage(error: &clap::Error) -> Result<u8, Failure> {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            print(|out| write!(out, "{}", error.render()))
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            Err(format!("a command is needed\n\n{}", error.render().to_string().trim_end()))
        }
        _ => {
            let text = error.render().to_string();
            let text = text.strip_prefix("error: ").unwrap_or(&text).trim_end();
            // The arguments that it quotes may come from file names, by way of a shell's pattern.
            Err(text.lines().map(inert).collect::<Vec<_>>().join("\n"))
        }
    }
}

fn scan(args: &Scan, color: Color) -> Result<u8, Failure> {
    let render = renderer(&args.format).map(|renderer| renderer.scan);
    let listing = match (args.quiet, args.verbose) {
        (true, _) => Listing::Summary,
        (_, true) => Listing::Everything,
        _ => Listing::Usual,
    };
    let place = Place { output: args.output.as_deref(), color, listing };
    place.check()?;
    let mut scan = read(&args.paths, &args.reading, args.quiet)?;
    assume(&mut scan, &args.assume);
    let judged = judge(&scan, &Policy { fail_on: args.fail_on.0 });
    let report = Report::new(&scan, &judged, Detail::Findings).under(&args.assume);
    place.write(render, &report)?;
    // On a terminal the report has just said so.
    let said = args.output.is_none() && !args.quiet && io::stdout().is_terminal();
    for input in scan.inputs.iter().filter(|_| !said) {
        if let Some(error) = &input.error {
            complain(&cannot_open(&input.path, error));
        }
    }
    Ok(judged.exit_status())
}

fn inspect(args: &Inspect, color: Color) -> Result<u8, Failure> {
    let render = renderer(&args.format).and_then(|renderer| renderer.inspect);
    let place = Place { output: args.output.as_deref(), color, listing: Listing::Usual };
    place.check()?;
    let scan = read(std::slice::from_ref(&args.path), &args.reading, false)?;
    let judged = judge(&scan, &Policy::default());
    if let [input] = scan.inputs.as_slice()
        && let Some(error) = &input.error
    {
        return Err(cannot_open(&input.path, error));
    }
    place.write(render, &Report::new(&scan, &judged, Detail::Facts))?;
    Ok(described(&scan, &judged))
}

/// `inspect` describes and does not judge: its status says only whether everything was read.
fn described(scan: &davy_scan::Scan, judged: &Judged) -> u8 {
    let gaps = scan.inputs.iter().flat_map(|input| &input.artifacts).any(|a| !a.gaps.is_empty());
    if scan.inputs.iter().any(|input| input.error.is_some()) {
        FAILURE
    } else if gaps || judged.overall.verdict == Verdict::Incomplete {
        2
    } else {
        0
    }
}

fn explain(args: &Explain) -> Result<u8, Failure> {
    let Some(rule) = catalogue::find(&args.rule) else {
        if let Some(callable) = callable::find(&args.rule) {
            return print(|out| callable.explain(out));
        }
        let meant = |close: &[String]| format!("did you mean `{}`?", close.join("` or `"));
        let rules = catalogue::close_to(&args.rule);
        let callables = || callable::close_to(&args.rule);
        if args.rule.contains('.') {
            let hint = match callables().as_slice() {
                [] => String::new(),
                close => format!("; {}", meant(close)),
            };
            return Err(format!("nothing is known about `{}`{hint}", escape(&args.rule)));
        }
        let close = if rules.is_empty() { callables() } else { rules };
        let hint = match close.as_slice() {
            [] => "`davy rules` lists all of them".to_owned(),
            close => meant(close),
        };
        return Err(format!("there is no rule `{}`; {hint}", escape(&args.rule)));
    };
    print(|out| catalogue::explain(rule, out))
}

fn read(
    paths: &[std::path::PathBuf],
    reading: &Reading,
    quiet: bool,
) -> Result<davy_scan::Scan, Failure> {
    if paths.iter().any(|path| path == Path::new("-")) {
        let what = "standard input cannot be read, since readers need to go back and forth";
        return Err(format!("{what}; name a file (`./-` for one called `-`)"));
    }
    let options = davy_scan::Options {
        survey: !reading.no_survey,
        jobs: reading.jobs,
        ..davy_scan::Options::default()
    };
    Ok(progress::watched(quiet, |progress| davy_scan::scan(paths, &options, progress)))
}

/// Where a report goes, and how it looks there.
struct Place<'a> {
    output: Option<&'a Path>,
    color: Color,
    listing: Listing,
}

impl Place<'_> {
    /// Fails early where the report could not be written.
    fn check(&self) -> Result<(), Failure> {
        self.output.map_or(Ok(()), |path| output::check(path).map_err(|e| unwritable(path, &e)))
    }

    fn write(&self, render: Option<Render>, report: &Report<'_>) -> Result<(), Failure> {
        // The parser of the arguments has let only names of renderers through.
        let render = render.ok_or_else(|| "there is no such format".to_owned())?;
        let style = Style { color: self.colored(), listing: self.listing };
        let write = |out: &mut dyn Write| render(report, style, out);
        match self.output {
            Some(path) => output::to_file(path, write).map_err(|error| unwritable(path, &error)),
            None => output::to_stdout(write).map_err(|error| unwritten(&error)),
        }
    }

    fn colored(&self) -> bool {
        match self.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => {
                let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
                self.output.is_none() && !refused && io::stdout().is_terminal()
            }
        }
    }
}

fn print(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<u8, Failure> {
    output::to_stdout(write).map(|()| 0).map_err(|error| unwritten(&error))
}

fn cannot_open(path: &str, error: &str) -> Failure {
    format!("cannot open '{}': {}", escape(path), inert(error))
}

fn unwritten(error: &io::Error) -> Failure {
    format!("cannot write to standard output: {}", output::words(error))
}

fn unwritable(path: &Path, error: &io::Error) -> Failure {
    format!("cannot write '{}': {}", escape(&path.to_string_lossy()), output::words(error))
}

/// Tells standard error what went wrong; where that is closed, the exit status still says it.
fn complain(failure: &str) {
    let _ = writeln!(io::stderr().lock(), "davy: {failure}");
}
