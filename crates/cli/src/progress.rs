//! The progress bar: one line on standard error, only on a terminal, only when a scan takes long.

use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

/// Most scans are done before anyone would look at a bar.
const PATIENCE: Duration = Duration::from_millis(500);

/// Time between two drawings.
const TICK: Duration = Duration::from_millis(100);

/// Width of the bar, in characters.
const WIDTH: u64 = 24;

/// How far a scan is.
#[derive(Debug, Default)]
pub struct Bar {
    inputs: AtomicU64,
    inputs_done: AtomicU64,
    bytes: AtomicU64,
    bytes_done: AtomicU64,
    finished: Mutex<bool>,
    wake: Condvar,
}

impl davy_scan::Progress for Bar {
    fn found(&self, count: u64, bytes: u64) {
        self.inputs.fetch_add(count, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    fn read(&self, bytes: u64) {
        self.bytes_done.fetch_add(bytes, Ordering::Relaxed);
    }

    fn done(&self, _path: &str, bytes: u64) {
        self.inputs_done.fetch_add(1, Ordering::Relaxed);
        self.bytes_done.fetch_add(bytes, Ordering::Relaxed);
    }
}

/// Does `work` with a bar on standard error while it lasts, or without one where nobody would see
/// it.
pub fn watched<T>(quiet: bool, work: impl FnOnce(Option<&dyn davy_scan::Progress>) -> T) -> T {
    if quiet || !io::stderr().is_terminal() {
        return work(None);
    }
    let bar = Bar::default();
    std::thread::scope(|scope| {
        scope.spawn(|| bar.draw());
        // Finishes the bar on the way out even if `work` panics: the scope waits for its thread.
        let _finish = Finish(&bar);
        work(Some(&bar))
    })
}

struct Finish<'a>(&'a Bar);

impl Drop for Finish<'_> {
    fn drop(&mut self) {
        *self.0.finished.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.0.wake.notify_all();
    }
}

impl Bar {
    /// Draws until the work is finished, then clears the line.
    fn draw(&self) {
        let (mut wait, mut drawn) = (PATIENCE, false);
        while !self.finished_within(wait) {
            (wait, drawn) = (TICK, true);
            let _ = write!(io::stderr().lock(), "\r\u{1b}[2K{}", self.line());
        }
        if drawn {
            let _ = write!(io::stderr().lock(), "\r\u{1b}[2K");
        }
    }

    fn finished_within(&self, wait: Duration) -> bool {
        let finished = self.finished.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.wake.wait_timeout_while(finished, wait, |finished| !*finished);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }

    /// At most 80 characters; no paths, which would have to be escaped and cut.
    fn line(&self) -> String {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let (inputs, inputs_done) = (load(&self.inputs), load(&self.inputs_done));
        let (bytes, bytes_done) = (load(&self.bytes), load(&self.bytes_done));
        let part = |of: u64| bytes_done.min(bytes).saturating_mul(of).checked_div(bytes);
        let filled = part(WIDTH).unwrap_or(0);
        let bar: String = (0..WIDTH).map(|at| if at < filled { '#' } else { '-' }).collect();
        format!("[{bar}] {:3} %  {inputs_done} of {inputs} files", part(100).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use davy_scan::Progress;

    #[test]
    fn the_line_follows_the_bytes() {
        let bar = Bar::default();
        assert_eq!(bar.line(), format!("[{}]   0 %  0 of 0 files", "-".repeat(24)));
        bar.found(3, 400);
        bar.done("a", 100);
        let expected = format!("[{}{}]  25 %  1 of 3 files", "#".repeat(6), "-".repeat(18));
        assert_eq!(bar.line(), expected);
        bar.done("b", u64::MAX / 2);
        assert!(bar.line().contains("100 %") && bar.line().len() <= 80);
    }
}
