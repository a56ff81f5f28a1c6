//! Rules about source text in models: Python that a loader imports, and TorchScript.

mod deed;
pub(crate) mod package_source;
mod roundabout;
pub(crate) mod torchscript_file_access;

use crate::Severity;
use crate::facts::known;
use davy_artifact::{Call, Value};

/// How bad a call is that source makes, and what it does, as the end of a sentence that begins with the
/// callee.
pub(crate) fn harm(call: &Call) -> Option<(Severity, String)> {
    let name = match &call.callee {
        Value::Name(name) => Some(name),
        _ => None,
    };
    let known = name.and_then(known).filter(|known| !known.is_derived());
    let plain = name.and_then(|name| deed::deed(call, name, known));
    let worst =
        plain.into_iter().chain(roundabout::roundabout(call)).max_by_key(|it| it.severity)?;
    Some((worst.severity, worst.does))
}
