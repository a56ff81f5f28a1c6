//! Where reports go: standard output, or a file that is either whole or not there.

use std::fs::{self, File};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};

/// Large enough that a report of thousands of findings costs few calls of the system.
const BUFFER: usize = 64 * 1024;

/// Writes to standard output. A reader that has gone away (`davy scan ... | head`) is no failure:
/// it has what it wanted.
///
/// # Errors
/// What the system reports.
pub fn to_stdout(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let mut out = BufWriter::with_capacity(BUFFER, io::stdout().lock());
    let done = write(&mut out).and_then(|()| out.flush());
    // What the buffer still holds after an error would be written once more when it is dropped.
    let _ = out.into_parts();
    match done {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        done => done,
    }
}

/// Refuses a path that cannot be written, before a long scan rather than after it.
///
/// # Errors
/// Why a file cannot be put there.
pub fn check(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Err(ErrorKind::IsADirectory.into());
    }
    if fs::metadata(folder(path))?.is_dir() { Ok(()) } else { Err(ErrorKind::NotADirectory.into()) }
}

/// Writes a file by way of a temporary one beside it, so that nobody ever sees half a report. What
/// exists and is no regular file, as `/dev/null`, is written in place.
///
/// # Errors
/// What the system reports; the temporary file is then gone.
pub fn to_file(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    // A link keeps pointing where it did: its target is what is replaced.
    let path = &fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let existing = fs::metadata(path).ok();
    if existing.as_ref().is_some_and(|metadata| !metadata.is_file()) {
        return fill(File::options().write(true).open(path)?, write).map(drop);
    }
    let (temporary, file) = create(path)?;
    let done = fill(file, write).and_then(|file| {
        if let Some(metadata) = existing {
            file.set_permissions(metadata.permissions())?;
        }
        fs::rename(&temporary, path)
    });
    if done.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    done
}

fn fill(file: File, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<File> {
    let mut out = BufWriter::with_capacity(BUFFER, file);
    write(&mut out)?;
    out.into_inner().map_err(io::IntoInnerError::into_error)
}

/// A new file beside `path`, under a name that nothing had.
fn create(path: &Path) -> io::Result<(PathBuf, File)> {
    /// Left over by runs that were killed, at most.
    const ATTEMPTS: u32 = 100;
    let name = path.file_name().ok_or(ErrorKind::InvalidInput)?.to_string_lossy();
    for attempt in 0..ATTEMPTS {
        let temporary = format!(".{name}.{}.{attempt}.tmp", std::process::id());
        let temporary = folder(path).join(temporary);
        match File::create_new(&temporary) {
            Ok(file) => return Ok((temporary, file)),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(ErrorKind::AlreadyExists.into())
}

/// The folder that `path` lies in.
fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// An error of the system as messages show it: in lower case and without its number.
pub fn words(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or(&text);
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| first.to_lowercase().chain(letters).collect())
}
