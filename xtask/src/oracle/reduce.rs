//! Makes a file that davy and a library disagree about smaller, as long as they still do.

use super::process::Process;
use super::{Comparison, Oracle};

/// How many smaller files are tried.
const TRIES: usize = 3_000;

/// A smaller file with something missing, and what is missing in it; the same file where every part
/// matters or the script fails.
pub fn reduce(oracle: &dyn Oracle, python: &str, bytes: &[u8]) -> (Vec<u8>, Comparison) {
    let mut best = bytes.to_vec();
    let mut found = Comparison::default();
    let Ok(mut process) = Process::start(python, oracle.script(), &["answer".to_owned()]) else {
        return (best, found);
    };
    let mut tries = 0;
    let mut chunk = best.len().div_ceil(2);
    while chunk > 0 && tries < TRIES {
        let mut at = 0;
        while at < best.len() && tries < TRIES {
            let end = (at + chunk).min(best.len());
            let candidate = [&best[..at], &best[end..]].concat();
            tries += 1;
            match disagreement(oracle, &mut process, &candidate) {
                Some(comparison) => (best, found) = (candidate, comparison),
                None => at = end,
            }
        }
        chunk /= 2;
    }
    (best, found)
}

fn disagreement(oracle: &dyn Oracle, process: &mut Process, bytes: &[u8]) -> Option<Comparison> {
    let record = process.ask(bytes).ok()??;
    let comparison = oracle.compare(&record.bytes, &record.answer).ok()?;
    (!comparison.missing.is_empty()).then_some(comparison)
}
