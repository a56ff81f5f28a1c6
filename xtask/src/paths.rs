//! Where the repository is, and which files git tracks or would track in it.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The root of the repository that this program was built from.
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_path_buf()
}

/// Files of the repository whose names end in one of `endings`, relative to the root, in order.
pub fn files(endings: &[&str]) -> Result<Vec<String>, Box<dyn Error>> {
    let listed = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .current_dir(root())
        .output()?;
    if !listed.status.success() {
        return Err(String::from_utf8_lossy(&listed.stderr).trim().into());
    }
    let text = String::from_utf8(listed.stdout)?;
    let wanted = |path: &&str| endings.iter().any(|ending| path.ends_with(ending));
    let mut files: Vec<String> = text.lines().filter(wanted).map(String::from).collect();
    files.retain(|path| root().join(path).is_file());
    files.sort();
    files.dedup();
    Ok(files)
}
