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
}

thread_local! {
    static LAST: RefCell<Option<Last>> = const { RefCell::new(None) };
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
    let directory = Rc::new(read_directory(bytes, &mut Reading::default(), budget)?);
    let steps = before.saturating_sub(budget.left().steps);
    let last = Last { mark: bytes.mark(), steps, directory: Rc::clone(&directory) };
    LAST.set(Some(last));
    Ok(directory)
}

/// Drops what readers of the last archive shared.
pub fn forget() {
    LAST.set(None);
}
