//! Opening a file so that it can neither block nor be exchanged for something else.

use crate::walk::{describe, kind};
use davy_bytes::{Bytes, FileSource, to_u64, to_usize};
use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Files up to this size are read whole when they are opened: readers and digest then share one
/// copy, and one system call.
const SMALL: u64 = 256 * 1024;

/// Opens a regular file for reading; a link only when the user `named` it.
///
/// A file may be exchanged between the moment it is looked at and the moment it is opened.
/// Therefore: without blocking, so that a pipe without a writer does not hold the scan; without
/// following a link that stands where a file was found; and what was opened is looked at again.
pub(crate) fn open(path: &Path, named: bool) -> Result<Bytes, String> {
    let follow = if named { 0 } else { libc::O_NOFOLLOW };
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY | follow)
        .open(path)
        .map_err(|error| describe(&error))?;
    let metadata = file.metadata().map_err(|error| describe(&error))?;
    if !metadata.is_file() {
        return Err(format!("{} took its place", kind(metadata.file_type())));
    }
    if metadata.len() > SMALL {
        return FileSource::new(file).map(Bytes::new).map_err(|error| describe(&error));
    }
    small(file, metadata.len())
}

/// Reads a small file whole. One that says that it is empty is asked nevertheless: those that the
/// kernel makes up as they are read have no size.
fn small(file: File, len: u64) -> Result<Bytes, String> {
    let expected = if len == 0 { SMALL } else { len };
    let mut content = Vec::with_capacity(to_usize(len));
    match (&file).take(expected).read_to_end(&mut content) {
        // It became shorter already. The size that it had is kept, so that the survey says so.
        Ok(_) if to_u64(content.len()) < len => Ok(Bytes::new(Shortened { content, len })),
        Ok(_) if len == 0 && to_u64(content.len()) == SMALL => {
            Err("it says that it is empty, and is not".to_owned())
        }
        Ok(_) => Ok(Bytes::from_memory(content)),
        Err(error) => Err(describe(&error)),
    }
}

/// What is left of a file that became shorter while it was read.
#[derive(Debug)]
struct Shortened {
    content: Vec<u8>,
    len: u64,
}

impl davy_bytes::Source for Shortened {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let mut rest = self.content.get(to_usize(offset)..).unwrap_or_default();
        rest.read(buffer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doubles::Folder;
    use davy_bytes::{Blame, Span};
    use std::os::unix::fs::symlink;
    use std::process::Command;

    fn content(bytes: &Bytes) -> Vec<u8> {
        bytes.copy(Span::new(0, u64::MAX), usize::MAX).unwrap()
    }

    #[test]
    fn small_and_large_files_read_the_same() {
        let folder = Folder::new();
        for len in [0, 1, SMALL - 1, SMALL, SMALL + 1] {
            let text: Vec<u8> = (0..len).map(|at| (at % 251) as u8).collect();
            let bytes = open(&folder.file("file", &text), false).unwrap();
            assert_eq!((bytes.len(), content(&bytes) == text), (len, true));
        }
    }

    #[test]
    fn a_pipe_that_takes_the_place_of_a_file_does_not_block() {
        let folder = Folder::new();
        assert!(Command::new("mkfifo").arg(folder.at("pipe")).status().unwrap().success());
        assert_eq!(open(&folder.at("pipe"), true).unwrap_err(), "a named pipe took its place");
    }

    #[test]
    fn a_link_that_takes_the_place_of_a_file_is_not_followed() {
        let folder = Folder::new();
        let file = folder.file("file", "x");
        symlink(&file, folder.at("link")).unwrap();
        assert!(open(&folder.at("link"), false).is_err());
        assert_eq!(content(&open(&folder.at("link"), true).unwrap()), b"x");
    }

    #[test]
    fn a_file_without_a_size_is_read_nevertheless() {
        let bytes = open(Path::new("/proc/self/stat"), true).unwrap();
        assert!(content(&bytes).starts_with(std::process::id().to_string().as_bytes()));
    }

    #[test]
    fn a_file_whose_medium_fails_is_an_error() {
        let error = open(Path::new("/proc/self/mem"), true).unwrap_err();
        assert!(error.starts_with("input/output error"), "{error}");
    }

    #[test]
    fn a_small_file_that_shrinks_keeps_its_size_and_what_is_left() {
        let folder = Folder::new();
        let file = File::open(folder.file("file", "abc")).unwrap();
        let bytes = small(file, 10).unwrap();
        assert_eq!(bytes.len(), 10);
        assert_eq!(bytes.copy(Span::new(0, 3), 3).unwrap(), b"abc");
        let halt = bytes.copy(Span::new(0, 10), 10).unwrap_err();
        assert_eq!((halt.blame(), halt.at()), (Blame::Io, 3));
    }
}
