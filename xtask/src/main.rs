//! Tasks for working on davy: `cargo xtask` lists them.

mod args;
mod bombs;
mod check;
mod coverage;
mod evaluate;
mod gadgets;
mod generate;
mod knowledge;
mod mutate;
mod novel;
mod oracle;
mod paths;
mod recipe;
mod seeds;
mod sizes;

use args::Args;
use std::error::Error;
use std::io::{self, Write};
use std::process::{Command, ExitCode};

/// What a task returns; the error is shown as it is.
type Outcome = Result<(), Box<dyn Error>>;

/// One task.
struct Task {
    name: &'static str,
    options: &'static str,
    help: &'static str,
    run: fn(&mut Args) -> Outcome,
}

/// Every task.
const TASKS: &[Task] = &[
    Task {
        name: "bench",
        options: "[--only NAME]... [--peers] [--corpus DIR]",
        help: "measure speed and memory, side by side with cat and sha256sum",
        run: bench,
    },
    Task {
        name: "bombs",
        options: "[--python PATH] [--binary PATH] [WORD]...",
        help: "scan files that ask for all memory or all time: verdict, seconds and memory of each",
        run: bombs::run,
    },
    Task {
        name: "check",
        options: "",
        help: "compare docs/generated with what `generate` would write; check sizes and links",
        run: check::run,
    },
    Task {
        name: "gadgets",
        options: "LIST",
        help: "call every name of a list in pickles, and list those that are less than medium",
        run: gadgets::run,
    },
    Task {
        name: "generate",
        options: "",
        help: "write docs/generated from the lists of rules and formats",
        run: generate::run,
    },
    Task {
        name: "knowledge",
        options: "[--fetch] [--only LIBRARY]... | --evaluate --gadgets FILE --corpus DIR... --new PAGE",
        help: "derive from source what callables of libraries do; measure what was derived",
        run: knowledge::run,
    },
    Task {
        name: "mutate",
        options: "--corpus DIR [--seed S] [--per-file N] [--binary PATH]",
        help: "scan every file of a folder cut short and damaged: no crash, no hang, no other exit",
        run: mutate::run,
    },
    Task {
        name: "oracle backdoor",
        options: "[--python PATH] [--corpus DIR]...",
        help: "count the backdoors that davy sees in graphs with and without one",
        run: oracle::backdoor,
    },
    Task {
        name: "oracle bytecode",
        options: "[--python PATH]... [--count N]",
        help: "compare code objects of the standard library with what CPython says about them",
        run: oracle::bytecode,
    },
    Task {
        name: "oracle calls",
        options: "[--python PATH]... [--count N]",
        help: "compare the calls that davy follows in byte code with those in its sources",
        run: oracle::calls,
    },
    Task {
        name: "oracle gguf",
        options: "[--count N] [--seed S] [--python PATH] [--jobs N]",
        help: "compare metadata and tensors of GGUF files with what the gguf package reads or refuses",
        run: oracle::gguf,
    },
    Task {
        name: "oracle hdf5",
        options: "[--count N] [--seed S] [--python PATH] [--jobs N] | --corpus DIR... [--python PATH]",
        help: "compare trees, types, attributes, links and elements of HDF5 files with what h5py sees",
        run: oracle::hdf5,
    },
    Task {
        name: "oracle joblib",
        options: "[--count N] [--seed N] [--python PATH]",
        help: "compare the arrays that davy finds in pickles with what joblib reads",
        run: oracle::joblib,
    },
    Task {
        name: "oracle keras",
        options: "--python PATH...",
        help: "compare the imports that davy lists with what Keras 2 and 3 look up in models",
        run: oracle::keras,
    },
    Task {
        name: "oracle msgpack",
        options: "[--count N] [--seed N] [--python PATH]",
        help: "compare the values that davy finds in documents with what the msgpack package reads",
        run: oracle::msgpack,
    },
    Task {
        name: "oracle numpy",
        options: "[--count N] [--seed N] [--python PATH]",
        help: "compare the arrays that davy finds in files with what NumPy reads",
        run: oracle::numpy,
    },
    Task {
        name: "oracle onnx",
        options: "[--python PATH] [--corpus DIR]...",
        help: "compare what davy finds in models with what the onnx package finds",
        run: oracle::onnx,
    },
    Task {
        name: "oracle pickle",
        options: "[--count N] [--seed S] [--python PATH]... [--jobs N]",
        help: "compare the imports that davy lists with what CPython's unpicklers look up",
        run: oracle::pickle,
    },
    Task {
        name: "oracle safetensors",
        options: "[--count N] [--seed S] [--python PATH] [--jobs N]",
        help: "compare tensors and metadata with what the safetensors package reads or refuses",
        run: oracle::safetensors,
    },
    Task {
        name: "oracle tensorflow",
        options: "[--python PATH] --corpus DIR...",
        help: "compare what davy finds in graphs and checkpoints with TensorFlow's own messages",
        run: oracle::tensorflow,
    },
    Task {
        name: "oracle tflite",
        options: "[--python PATH] --corpus DIR...",
        help: "compare what davy finds in TFLite models with what the tflite package finds",
        run: oracle::tflite,
    },
    Task {
        name: "oracle yaml",
        options: "[--count N] [--seed S] [--python PATH]... [--jobs N]",
        help: "compare the documents that davy composes with those that PyYAML composes",
        run: oracle::yaml,
    },
    Task {
        name: "oracle zip",
        options: "[--count N] [--seed S] [--python PATH]... [--jobs N]",
        help: "compare the members that davy lists with what Python's zipfile lists and reads",
        run: oracle::zip,
    },
    Task {
        name: "recipe",
        options: "RECIPE FILE",
        help: "write the file that a recipe describes",
        run: recipe::run,
    },
    Task {
        name: "seeds",
        options: "",
        help: "write the corpora as files that the fuzz targets start from",
        run: seeds::run,
    },
];

fn main() -> ExitCode {
    let mut args = Args::new(std::env::args().skip(1));
    let Some(task) = TASKS.iter().find(|task| args.take_words(task.name)) else {
        return finish(usage());
    };
    finish((task.run)(&mut args))
}

fn finish(outcome: Outcome) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr().lock(), "error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn bench(args: &mut Args) -> Outcome {
    let words = args.rest();
    let status = Command::new(env!("CARGO"))
        .args(["run", "--quiet", "--release", "-p", "bench", "--"])
        .args(words)
        .current_dir(paths::root())
        .status()?;
    if status.success() { Ok(()) } else { Err("a figure is missed".into()) }
}

fn usage() -> Outcome {
    let mut out = io::stdout().lock();
    writeln!(out, "usage: cargo xtask TASK [OPTION]...\n")?;
    for task in TASKS {
        writeln!(out, "  {} {}\n        {}", task.name, task.options, task.help)?;
    }
    Ok(())
}

/// Writes a line to standard output.
fn say(line: impl std::fmt::Display) {
    // A closed pipe ends nothing: the exit status says what was found.
    let _ = writeln!(io::stdout().lock(), "{line}");
}
