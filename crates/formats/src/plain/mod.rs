//! The two archives that are nothing but headers and data: ar, which libraries and Debian packages
//! are, and cpio, which RPM packages and initial file systems are.

mod ar;
mod cpio;

pub use ar::Ar;
pub use cpio::Cpio;

use crate::zip::names::{Labels, escapes};
use davy_artifact::{Fact, Quirk, Reading, Role, Route, Site};
use davy_bytes::{Budget, Bytes, Halt, Span, to_u64};

/// One member, as far as its header tells.
struct Member {
    name: Vec<u8>,
    header: Span,
    data: Span,
    /// Length of the data as it is declared.
    size: u64,
    /// Unix mode.
    mode: u64,
}

/// Records a member, and makes its data a child.
fn push(
    member: &Member,
    bytes: &Bytes,
    labels: &mut Labels,
    (reading, budget): (&mut Reading, &Budget),
) -> Result<(), Halt> {
    if to_u64(reading.children.len()) >= budget.left().artifacts {
        return Err(Halt::exhausted(member.header.start, "the limit on artifacts"));
    }
    let shown = String::from_utf8_lossy(&member.name).into_owned();
    let label = labels.label(&shown);
    let route = Route::Member(label.clone());
    let site = Site { span: member.data, route: route.clone() };
    reading.fact(Fact::Member { name: label.clone(), size: member.size, site: site.clone() });
    if let Some(why) = escapes(&member.name) {
        let what =
            format!("the name `{shown}` {why}, and leads out of the folder it is unpacked in");
        reading.deviation(Quirk::EscapingName, member.header, route.clone(), &what);
    }
    if member.data.len < member.size {
        let what = format!("{} of {} bytes are there", member.data.len, member.size);
        reading.deviation(Quirk::Truncated, member.data, route.clone(), &what);
    }
    match member.mode & 0o170_000 {
        0o120_000 => {
            let target = bytes.copy(member.data, 4096)?;
            let target = String::from_utf8_lossy(&target).into_owned();
            let what = format!("a link to `{target}`");
            reading.deviation(Quirk::LinkMember, member.header, route, &what);
            reading.fact(Fact::Reference { target, purpose: "link target", site });
        }
        0o020_000 | 0o060_000 | 0o010_000 | 0o140_000 => {
            let what = "a device or pipe, where a file should be";
            reading.deviation(Quirk::LinkMember, member.header, route, what);
        }
        0o040_000 => {}
        _ => reading.child(label, bytes.slice(member.data), Role::Present),
    }
    Ok(())
}

/// Records what stands behind the end of `whole`, but for zeros.
pub(crate) fn rest(
    start: u64,
    whole: &str,
    bytes: &Bytes,
    reading: &mut Reading,
) -> Result<(), Halt> {
    let rest = Span::between(start, bytes.len());
    reading.seamless = crate::zip::is_blank(bytes, rest)?;
    if !reading.seamless {
        let what = format!("{} bytes behind the end of the {whole}", rest.len);
        reading.deviation(Quirk::BytesAfterEnd, rest, Route::None, &what);
        reading.child(format!("@suffix@{start:#x}"), bytes.slice(rest), Role::Leftover);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
