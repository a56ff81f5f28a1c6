//! `recipe`: the file that a recipe describes, to look at with davy.

use crate::Outcome;
use crate::args::Args;
use davy_testkit::recipe;
use std::fs;

/// Builds the file that the first argument describes, under the name of the second.
pub fn run(args: &mut Args) -> Outcome {
    let [from, to] = &args.rest()[..] else {
        return Err("a recipe and the file to write are needed".into());
    };
    fs::write(to, recipe::build(&fs::read_to_string(from)?)?)?;
    Ok(())
}
