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
