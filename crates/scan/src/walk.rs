//! From the paths that were named to the files that will be scanned.
//!
//! A folder is walked as people expect: every file in it, hidden ones too, in the order of names.
//! Nothing outside of it is reached through a link, and whatever is left out is said.

use davy_bytes::escape_bytes;
use std::collections::VecDeque;
use std::fs::{self, DirEntry, FileType};
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

/// A file to scan, or something that was named or found and cannot be scanned.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Entry {
    /// Where it is.
    pub(crate) path: PathBuf,
    /// Whether it was named itself, so that a link is to be followed.
    pub(crate) named: bool,
    /// Its size in bytes, where somebody wants to know; or why it cannot be scanned.
    pub(crate) size: Result<u64, String>,
}

/// Everything that a walk came across.
#[derive(Debug, Default)]
pub(crate) struct Walk {
    /// In the order of the paths that were named, and of names within each.
    pub(crate) entries: Vec<Entry>,
    /// What was left out, and why.
    pub(crate) passed_over: Vec<(String, String)>,
    /// Whether the sizes of files in folders are wanted: one system call each.
    sizes: bool,
}

/// A folder that was named, as far as links need to know it.
struct Root<'a> {
    path: &'a Path,
    /// The folder with all links resolved, found when the first link needs it.
    real: Option<PathBuf>,
}

/// Finds the files behind `paths`; their sizes only where `sizes` asks for them.
pub(crate) fn walk(paths: &[PathBuf], sizes: bool) -> Walk {
    let mut walk = Walk { sizes, ..Walk::default() };
    for path in paths {
        match fs::metadata(path) {
            Err(error) => walk.fail(path.clone(), true, describe(&error)),
            Ok(metadata) if metadata.is_dir() => walk.folder(path),
            Ok(metadata) if metadata.is_file() => walk.entries.push(Entry {
                path: path.clone(),
                named: true,
                size: Ok(metadata.len()),
            }),
            Ok(metadata) => {
                let kind = kind(metadata.file_type());
                walk.fail(path.clone(), true, format!("{kind}, neither a file nor a folder"));
            }
        }
    }
    walk
}

/// The path as text: what is not UTF-8 in it is escaped, so that two paths never look the same.
pub(crate) fn shown(path: &Path) -> String {
    match path.to_str() {
        Some(text) => text.to_owned(),
        None => escape_bytes(path.as_os_str().as_encoded_bytes()),
    }
}

/// What went wrong, in words.
pub(crate) fn describe(error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::NotFound => "no such file or folder".to_owned(),
        ErrorKind::PermissionDenied => "permission denied".to_owned(),
        _ => {
            let text = error.to_string();
            let mut chars = text.chars();
            let first = chars.next().map(|c| c.to_ascii_lowercase());
            first.into_iter().chain(chars).collect()
        }
    }
}

/// What is neither a file nor a folder, in words.
pub(crate) fn kind(found: FileType) -> &'static str {
    if found.is_fifo() {
        "a named pipe"
    } else if found.is_socket() {
        "a socket"
    } else if found.is_char_device() || found.is_block_device() {
        "a device"
    } else {
        "something unknown"
    }
}

impl Walk {
    fn fail(&mut self, path: PathBuf, named: bool, why: String) {
        self.entries.push(Entry { path, named, size: Err(why) });
    }

    fn pass_over(&mut self, path: &Path, why: impl Into<String>) {
        self.passed_over.push((shown(path), why.into()));
    }

    /// Walks a folder that was named. Folders wait in a queue of their own for each level, so that
    /// neither deep nor wide trees can exhaust the stack.
    fn folder(&mut self, path: &Path) {
        let mut root = Root { path, real: None };
        let mut levels: Vec<VecDeque<DirEntry>> = Vec::new();
        levels.extend(self.list(path, true));
        while let Some(level) = levels.last_mut() {
            match level.pop_front() {
                None => {
                    levels.pop();
                }
                Some(entry) => levels.extend(self.visit(&entry, &mut root)),
            }
        }
    }

    /// What is in a folder, by name; `None`, and an entry that says why, when that cannot be known.
    fn list(&mut self, path: &Path, named: bool) -> Option<VecDeque<DirEntry>> {
        let listed = fs::read_dir(path).and_then(Iterator::collect::<io::Result<Vec<_>>>);
        match listed {
            Ok(mut entries) => {
                entries.sort_by_cached_key(DirEntry::file_name);
                Some(entries.into())
            }
            Err(error) => {
                let why = format!("the folder cannot be listed: {}", describe(&error));
                self.fail(path.to_path_buf(), named, why);
                None
            }
        }
    }

    /// Takes note of one thing in a folder, and returns what is in it if that has to be walked too.
    fn visit(&mut self, entry: &DirEntry, root: &mut Root<'_>) -> Option<VecDeque<DirEntry>> {
        let path = entry.path();
        let found = match entry.file_type() {
            Ok(found) => found,
            Err(error) => {
                self.fail(path, false, describe(&error));
                return None;
            }
        };
        if found.is_dir() {
            if entry.file_name() == ".git" {
                self.pass_over(&path, "the history of a git repository");
                return None;
            }
            return self.list(&path, false);
        }
        if found.is_file() {
            let size =
                if self.sizes { entry.metadata().map_or(0, |metadata| metadata.len()) } else { 0 };
            self.entries.push(Entry { path, named: false, size: Ok(size) });
        } else if found.is_symlink() {
            self.link(&path, root);
        } else {
            self.pass_over(&path, kind(found));
        }
        None
    }

    /// A link is never walked through: what it leads to within the folder is scanned where it
    /// stands, and so exactly once; anything else is passed over.
    fn link(&mut self, path: &Path, root: &mut Root<'_>) {
        let target = match fs::canonicalize(path) {
            Ok(target) => target,
            Err(error) => {
                self.pass_over(path, format!("a link that leads nowhere: {}", describe(&error)));
                return;
            }
        };
        let real = root.real.get_or_insert_with(|| fs::canonicalize(root.path).unwrap_or_default());
        match target.strip_prefix(&*real) {
            Ok(inside) if !inside.iter().any(|part| part == ".git") => {}
            Ok(_) => self.pass_over(path, "a link into the history of a git repository"),
            Err(_) => self.pass_over(path, "a link that leads out of the folder"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doubles::Folder;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;
    use std::process::Command;

    /// Paths below `folder` and the error of each, if any.
    fn found(walk: &Walk, folder: &Folder) -> Vec<(String, Option<String>)> {
        let below =
            |entry: &Entry| shown(entry.path.strip_prefix(folder.path()).unwrap_or(&entry.path));
        walk.entries.iter().map(|entry| (below(entry), entry.size.clone().err())).collect()
    }

    fn passed_over(walk: &Walk, folder: &Folder) -> Vec<(String, String)> {
        let root = format!("{}/", folder.path().display());
        let below = |path: &str| path.strip_prefix(&root).unwrap().to_owned();
        walk.passed_over.iter().map(|(path, why)| (below(path), why.clone())).collect()
    }

    #[test]
    fn folders_give_all_files_in_the_order_of_names() {
        let folder = Folder::new();
        for name in ["b/2", "b/1", "a", "c", ".hidden", "b/.git/config", "b/c/d/e/f"] {
            folder.file(name, "x");
        }
        let walk = walk(&[folder.path().to_path_buf()], false);
        let names: Vec<_> = found(&walk, &folder).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, [".hidden", "a", "b/1", "b/2", "b/c/d/e/f", "c"]);
        let git = ("b/.git".to_owned(), "the history of a git repository".to_owned());
        assert_eq!(passed_over(&walk, &folder), [git]);
    }

    #[test]
    fn links_are_not_followed_and_what_they_hide_is_said() {
        let folder = Folder::new();
        let outside = Folder::new();
        folder.file("real/file", "x");
        folder.file(".git/object", "x");
        for (target, name) in [
            (outside.path().to_path_buf(), "out"),
            (folder.path().to_path_buf(), "real/cycle"),
            (folder.at("real/file"), "inside"),
            (folder.at(".git/object"), "history"),
            (folder.at("nothing"), "broken"),
            (folder.at("loop"), "loop"),
        ] {
            symlink(target, folder.at(name)).unwrap();
        }
        let walk = walk(&[folder.path().to_path_buf()], false);
        assert_eq!(found(&walk, &folder), [("real/file".to_owned(), None)]);
        let passed = passed_over(&walk, &folder);
        let names: Vec<_> = passed.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, [".git", "broken", "history", "loop", "out"]);
        assert_eq!(passed[1].1, "a link that leads nowhere: no such file or folder");
        assert_eq!(passed[4].1, "a link that leads out of the folder");
    }

    #[test]
    fn a_link_that_is_named_is_followed() {
        let folder = Folder::new();
        folder.file("real/file", "x");
        symlink(folder.at("real"), folder.at("link")).unwrap();
        symlink(folder.at("real/file"), folder.at("other")).unwrap();
        let walk = walk(&[folder.at("link"), folder.at("other")], true);
        let expected = [("link/file".to_owned(), None), ("other".to_owned(), None)];
        assert_eq!(found(&walk, &folder), expected);
        assert_eq!(
            walk.entries.iter().map(|entry| entry.size.clone()).collect::<Vec<_>>(),
            [Ok(1), Ok(1)]
        );
    }

    #[test]
    fn what_is_no_file_is_an_error_when_named_and_passed_over_when_found() {
        let folder = Folder::new();
        assert!(Command::new("mkfifo").arg(folder.at("pipe")).status().unwrap().success());
        let _socket = UnixListener::bind(folder.at("socket")).unwrap();
        let named = walk(
            &[folder.at("pipe"), folder.at("socket"), "/dev/null".into(), folder.at("none")],
            false,
        );
        let errors: Vec<_> =
            named.entries.into_iter().map(|entry| entry.size.unwrap_err()).collect();
        assert_eq!(
            errors,
            [
                "a named pipe, neither a file nor a folder",
                "a socket, neither a file nor a folder",
                "a device, neither a file nor a folder",
                "no such file or folder",
            ]
        );
        let found = walk(&[folder.path().to_path_buf()], false);
        let pipe = ("pipe".to_owned(), "a named pipe".to_owned());
        assert_eq!(
            passed_over(&found, &folder),
            [pipe, ("socket".to_owned(), "a socket".to_owned())]
        );
        assert!(found.entries.is_empty());
    }

    #[test]
    fn a_folder_that_vanishes_is_an_entry_with_an_error() {
        let folder = Folder::new();
        let mut walk = Walk::default();
        assert!(walk.list(&folder.at("gone"), false).is_none());
        let why = "the folder cannot be listed: no such file or folder".to_owned();
        assert_eq!(found(&walk, &folder), [("gone".to_owned(), Some(why))]);
    }

    #[test]
    fn paths_that_are_not_text_stay_apart() {
        let one = Path::new(std::ffi::OsStr::from_bytes(b"a\xff"));
        let other = Path::new(std::ffi::OsStr::from_bytes(b"a\xfe"));
        assert_eq!((shown(one), shown(other)), ("a\\xff".to_owned(), "a\\xfe".to_owned()));
    }

    #[test]
    fn errors_are_said_plainly() {
        let denied = io::Error::from(ErrorKind::PermissionDenied);
        assert_eq!(describe(&denied), "permission denied");
        assert_eq!(describe(&io::Error::other("Weird thing")), "weird thing");
    }
}
