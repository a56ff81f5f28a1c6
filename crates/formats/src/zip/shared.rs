//! One directory for the many formats that are archives: each of their readers asks for it, and it is
//! read once.

use super::{Directory, read_directory};
use davy_artifact::Reading;
use davy_bytes::{Budget, Bytes, Halt, Mark};
use std::cell::RefCell;
use std::rc::Rc;

/// What was read last on this thread.
struct Last {
    mark: Mark,
    /// What reading it took, which each reader pays: results do not depend on who was here before.
    steps: u64,
    directory: Rc<Directory>,
    /// What was recorded, until the reader of archives takes it.
    reading: Option<Reading>,
}

thread_local! {
    static LAST: RefCell<Option<Last>> = const { RefCell::new(None) };
    /// What was probed last on this thread, and whether a directory ends it.
    static ENDED: RefCell<Option<(Mark, bool)>> = const { RefCell::new(None) };
}

/// As [`read_directory`], for readers that leave it to the one of archives to tell what is wrong.
///
/// # Errors
/// As [`read_directory`].
pub fn directory(bytes: &Bytes, budget: &mut Budget) -> Result<Rc<Directory>, Halt> {
    let known = LAST.with_borrow(|last| {
        let last = last.as_ref().filter(|last| bytes.is(&last.mark))?;
        Some((last.steps, Rc::clone(&last.directory)))
    });
    if let Some((steps, directory)) = known {
        budget.spend_steps(steps, 0)?;
        return Ok(directory);
    }
    let before = budget.left().steps;
    let mut reading = Reading::default();
    let directory = Rc::new(read_directory(bytes, &mut reading, budget)?);
    let steps = before.saturating_sub(budget.left().steps);
    let reading = Some(reading);
    let last = Last { mark: bytes.mark(), steps, directory: Rc::clone(&directory), reading };
    LAST.set(Some(last));
    Ok(directory)
}

/// As [`directory`], for the reader of archives, which records what is wrong.
///
/// # Errors
/// As [`read_directory`]; what was recorded stays.
pub(super) fn recorded(
    bytes: &Bytes,
    reading: &mut Reading,
    budget: &mut Budget,
) -> Result<Rc<Directory>, Halt> {
    let unread = reading.is_empty() && reading.gaps.is_empty() && reading.checksums.is_empty();
    let known = LAST.with_borrow_mut(|last| {
        let last = last.as_mut().filter(|last| unread && bytes.is(&last.mark))?;
        Some((last.steps, Rc::clone(&last.directory), last.reading.take()?))
    });
    if let Some((steps, directory, recorded)) = known {
        *reading = recorded;
        budget.spend_steps(steps, 0)?;
        return Ok(directory);
    }
    let before = budget.left().steps;
    let directory = Rc::new(read_directory(bytes, reading, budget)?);
    let steps = before.saturating_sub(budget.left().steps);
    let last = Last { mark: bytes.mark(), steps, directory: Rc::clone(&directory), reading: None };
    LAST.set(Some(last));
    Ok(directory)
}

/// Whether a directory ends `bytes`, which each format that is an archive asks for.
pub(super) fn ended(bytes: &Bytes, look: impl FnOnce() -> bool) -> bool {
    let known = ENDED.with_borrow(|last| {
        last.as_ref().filter(|(mark, _)| bytes.is(mark)).map(|(_, ended)| *ended)
    });
    known.unwrap_or_else(|| {
        let ended = look();
        ENDED.set(Some((bytes.mark(), ended)));
        ended
    })
}

/// Drops what readers of the last archive shared.
pub fn forget() {
    LAST.set(None);
    ENDED.set(None);
}
