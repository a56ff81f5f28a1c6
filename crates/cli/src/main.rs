//! The `davy` binary: shows what AI model files would do before anyone loads them.

mod args;
mod callable;
mod catalogue;
mod output;
mod progress;
mod run;

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(run::run(std::env::args_os()))
}
