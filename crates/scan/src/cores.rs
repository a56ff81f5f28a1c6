//! The cores that a scan may use, and how work is handed to them: results come back in order, so
//! that nobody can tell from them how many threads there were.

use std::panic::resume_unwind;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, Builder, ScopedJoinHandle};

/// Stack of each thread, the same as a main thread usually has: what a reader can do must not
/// depend on the thread that it runs on.
const STACK: usize = 8 << 20;

/// How many threads a scan may use, and how many of them are at work.
#[derive(Debug)]
pub(crate) struct Cores {
    jobs: usize,
    /// Asked for when it first matters: it costs as much as scanning a small file.
    limit: OnceLock<usize>,
    /// Threads at work besides the one that called.
    helping: AtomicUsize,
}

/// The right to run one more thread, until it is dropped.
#[derive(Debug)]
pub(crate) struct Core<'a>(&'a Cores);

impl Drop for Core<'_> {
    fn drop(&mut self) {
        self.0.helping.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Cores {
    /// `jobs` threads; 0 means one per core.
    pub(crate) fn new(jobs: usize) -> Self {
        Self { jobs, limit: OnceLock::new(), helping: AtomicUsize::new(0) }
    }

    fn limit(&self) -> usize {
        *self.limit.get_or_init(|| match self.jobs {
            0 => thread::available_parallelism().map_or(1, usize::from),
            jobs => jobs,
        })
    }

    /// Takes up to `wanted` cores that nobody uses at the moment.
    pub(crate) fn take(&self, wanted: usize) -> Vec<Core<'_>> {
        let mut taken = Vec::new();
        while taken.len() < wanted {
            let most = self.limit().saturating_sub(1);
            let step = |helping: usize| (helping < most).then_some(helping.saturating_add(1));
            if self.helping.fetch_update(Ordering::Relaxed, Ordering::Relaxed, step).is_err() {
                break;
            }
            taken.push(Core(self));
        }
        taken
    }

    /// Starts `work` on a thread of its own, if the system has one to give.
    pub(crate) fn start<'scope, T: Send + 'scope>(
        scope: &'scope thread::Scope<'scope, '_>,
        work: impl FnOnce() -> T + Send + 'scope,
    ) -> Option<ScopedJoinHandle<'scope, T>> {
        Builder::new().stack_size(STACK).spawn_scoped(scope, work).ok()
    }
}

/// Calls `work` for each of `items` on this thread and on `helpers`, whoever is free next, and
/// returns the results in their order.
pub(crate) fn each<I: Sync, T: Send>(
    items: &[I],
    helpers: Vec<Core<'_>>,
    work: &(dyn Fn(&I) -> T + Sync),
) -> Vec<T> {
    if helpers.is_empty() {
        return items.iter().map(work).collect();
    }
    let next = AtomicUsize::new(0);
    let run = || {
        let mut done = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(at) else { return done };
            done.push((at, work(item)));
        }
    };
    let mut done = thread::scope(|scope| {
        let help = |core| {
            Cores::start(scope, move || {
                let done = run();
                drop(core);
                done
            })
        };
        let handles: Vec<_> = helpers.into_iter().filter_map(help).collect();
        let mut done = run();
        for handle in handles {
            done.extend(handle.join().unwrap_or_else(|panic| resume_unwind(panic)));
        }
        done
    });
    done.sort_unstable_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cores_are_given_back() {
        let cores = Cores::new(4);
        let first = cores.take(2);
        assert_eq!((first.len(), cores.take(9).len()), (2, 1));
        drop(first);
        assert_eq!(cores.take(9).len(), 3);
        assert!(Cores::new(1).take(1).is_empty());
    }

    #[test]
    fn results_come_in_order_whoever_made_them() {
        for jobs in [1, 2, 8] {
            let cores = Cores::new(jobs);
            let numbers: Vec<usize> = (0..1000).collect();
            let squares = each(&numbers, cores.take(7), &|at| at * at);
            assert!(squares.iter().enumerate().all(|(at, square)| *square == at * at));
            assert_eq!(squares.len(), 1000);
            assert_eq!(cores.take(7).len(), jobs - 1);
        }
    }
}
