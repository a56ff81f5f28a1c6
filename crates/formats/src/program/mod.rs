//! Reads programs that stand in values: what rules ask for when a file hands text to `exec` or to a
//! shell.

mod python;
mod shell;

use davy_artifact::{Code, Interpret, Language};

/// The interpreter of everything that davy reads.
#[derive(Clone, Copy, Debug, Default)]
pub struct Programs;

impl Interpret for Programs {
    fn program(&self, language: Language, source: &[u8]) -> Option<Code> {
        match language {
            Language::Python => python::read(source),
            Language::Batch | Language::PowerShell | Language::Shell => {
                shell::read(language, source)
            }
        }
    }
}
