//! Finds the Python files of a library and reads them.

use super::ir::Program;
use super::lower;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

/// A file that is larger than this is data in the shape of a program.
const FILE: u64 = 4 << 20;

/// What came of reading a library.
#[derive(Default)]
pub struct Reading {
    pub files: usize,
    pub lines: usize,
    /// Files that do not parse, with the reason.
    pub refused: Vec<(String, String)>,
}

/// Reads every module below `root`, whose folders are packages.
pub fn read(
    program: &mut Program,
    root: &Path,
    library: u32,
    tests: bool,
) -> Result<Reading, Box<dyn Error>> {
    let mut reading = Reading::default();
    let mut folders = vec![root.to_path_buf()];
    let mut files: Vec<PathBuf> = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let kind = entry.file_type()?;
            if kind.is_dir() && !is_skipped(&name, tests) {
                folders.push(entry.path());
            } else if kind.is_file() && name.ends_with(".py") && entry.metadata()?.len() <= FILE {
                files.push(entry.path());
            }
        }
    }
    files.sort();
    for path in files {
        let relative = path.strip_prefix(root)?.to_string_lossy().into_owned();
        let Some((name, is_package)) = module_name(&relative) else { continue };
        if is_test(&name) {
            continue;
        }
        let bytes = fs::read(&path)?;
        let text = String::from_utf8_lossy(&bytes);
        reading.files += 1;
        reading.lines += text.lines().count();
        if let Err(why) = lower::module(program, &name, is_package, library, &text) {
            reading.refused.push((relative, why));
        }
    }
    Ok(reading)
}

fn is_skipped(name: &str, tests: bool) -> bool {
    matches!(
        name,
        "site-packages"
            | "__pycache__"
            | "node_modules"
            | "lib2to3_data"
            | "idle_test"
            | "test_import"
            | "test_importlib"
    ) || (!tests && matches!(name, "tests" | "testdata" | "test_data"))
        || name.ends_with(".dist-info")
        || name.ends_with(".data")
}

/// `a/b/__init__.py` is the package `a.b`; what no `import` can name is nothing.
fn module_name(path: &str) -> Option<(String, bool)> {
    let stem = path.strip_suffix(".py")?;
    let (stem, is_package) = match stem.strip_suffix("/__init__") {
        Some(stem) => (stem, true),
        None => (stem, false),
    };
    let parts: Vec<&str> = stem.split('/').collect();
    let named = |part: &&str| !part.is_empty() && !part.contains(['-', '.', ' ']);
    parts.iter().all(named).then(|| (parts.join("."), is_package))
}

/// Tests of the standard library, which nobody ships; what supports them is shipped.
fn is_test(name: &str) -> bool {
    let parts: Vec<&str> = name.split('.').collect();
    let under =
        parts.first() == Some(&"test") || parts.iter().rev().skip(1).any(|part| *part == "tests");
    under && parts.iter().skip(1).any(|part| part.starts_with("test_"))
}
