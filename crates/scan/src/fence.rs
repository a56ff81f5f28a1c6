//! The crash fence: a panic in a reader or a rule becomes a sentence, and nothing is printed.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind, set_hook, take_hook};
use std::path::Path;
use std::sync::Once;

/// Longest part of a panic's message that is kept, in characters: it may quote the file.
const MESSAGE_LIMIT: usize = 200;

thread_local! {
    /// Whether this thread is behind the fence.
    static FENCED: Cell<bool> = const { Cell::new(false) };
    /// Where in davy's source the last panic behind the fence came from.
    static PLACE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Runs `work`; a panic in it becomes `Err` with the panic's place and message.
///
/// What `work` changed before it panicked stays changed, which is what an append-only reading
/// wants. The first call replaces the process's panic hook by one that stays silent behind the
/// fence and passes every other panic on to the hook that was there.
pub(crate) fn fenced<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    static HOOK: Once = Once::new();
    HOOK.call_once(install);
    let before = FENCED.replace(true);
    let result = catch_unwind(AssertUnwindSafe(work));
    FENCED.set(before);
    result.map_err(|payload| describe(payload.as_ref()))
}

fn install() {
    let previous = take_hook();
    set_hook(Box::new(move |info| {
        if FENCED.get() {
            PLACE.set(place(info));
        } else {
            previous(info);
        }
    }));
}

/// File and line without the folder, which says more about the machine that built davy than about
/// the fault.
fn place(info: &PanicHookInfo<'_>) -> Option<String> {
    let location = info.location()?;
    let file = Path::new(location.file()).file_name()?.to_string_lossy();
    Some(format!("{file}:{}", location.line()))
}

fn describe(payload: &(dyn Any + Send)) -> String {
    let message = match (payload.downcast_ref::<&str>(), payload.downcast_ref::<String>()) {
        (Some(message), _) => message,
        (None, Some(message)) => message.as_str(),
        (None, None) => "no message",
    };
    let mut shown: String = message.chars().take(MESSAGE_LIMIT).collect();
    if shown.len() < message.len() {
        shown.push('…');
    }
    match PLACE.take() {
        Some(place) => format!("{shown} ({place})"),
        None => shown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_a_bounded_message_with_its_place() {
        let long = "x".repeat(10_000);
        let fault = fenced(|| panic!("{long}")).unwrap_err();
        assert!(fault.starts_with("xxx") && fault.contains("… (fence.rs:"), "{fault}");
        assert!(fault.chars().count() < MESSAGE_LIMIT + 40);
        assert_eq!(fenced(|| 7), Ok(7));
    }

    #[test]
    fn fences_nest() {
        let outer = fenced(|| {
            let inner = fenced(|| panic!("inner")).unwrap_err();
            assert!(FENCED.get(), "the outer fence still stands");
            inner
        });
        assert!(outer.unwrap().starts_with("inner"));
        assert!(!FENCED.get());
    }
}
