//! `seeds`: the corpora of all formats as files that the fuzz targets start from.

use crate::args::Args;
use crate::{Outcome, paths, say};
use davy_formats::FORMATS;
use davy_testkit::snapshot;
use std::fs;

/// Writes one file per sample and fuzz target below `fuzz/corpus`.
pub fn run(args: &mut Args) -> Outcome {
    args.finish()?;
    let root = paths::root();
    let mut count = 0;
    for target in ["reader", "engine"] {
        fs::create_dir_all(root.join("fuzz/corpus").join(target))?;
    }
    for (index, format) in (0_u8..).zip(FORMATS) {
        let folder = root.join("crates/formats/corpus").join(format.id());
        if !folder.exists() {
            continue;
        }
        for sample in snapshot::samples(&folder)? {
            let name = format!("{}-{}", format.id(), sample.name);
            let chosen = [&[index], sample.bytes.as_slice()].concat();
            fs::write(root.join("fuzz/corpus/reader").join(&name), chosen)?;
            fs::write(root.join("fuzz/corpus/engine").join(&name), sample.bytes)?;
            count += 1;
        }
    }
    say(format_args!("{count} samples in fuzz/corpus/reader and fuzz/corpus/engine"));
    Ok(())
}
