//! Which artifact a file stands in that was found by its signature, and whether that artifact's
//! readers know of it.

use crate::work::Node;
use davy_artifact::{Artifact, Fact, Gap, Quirk, Role, Why};
use davy_bytes::{Blame, Bytes, Span};
use davy_formats::signatures::{Embedded, Kind};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;

/// Files found in the bytes of one artifact.
pub(crate) struct Find {
    /// The artifact.
    pub(crate) owner: usize,
    /// Its bytes.
    pub(crate) bytes: Bytes,
    /// What stands in them.
    pub(crate) files: Vec<Embedded>,
}

/// Native programs bring their own insides: resources, symbols, other programs.
const PROGRAMS: &[&str] = &["elf", "macho", "pe"];

/// What is packed holds stretches as they were before, where packing them gained nothing; the
/// readers unpack it, and tell what stands around the stream.
const PACKED: &[&str] = &["7z", "bzip2", "gzip", "lz4", "lzma", "xz", "zlib", "zstd"];

/// Formats whose constants can hold anything, which their readers look into.
const PICKLES: &[&str] = &["dill", "joblib", "pickle", "pytorch-legacy"];

/// Bytes before a script that tell whether it stands in text.
const BEFORE: u64 = 64;

/// Where the artifacts that are a part of `owner` and were recognised start.
pub(crate) fn starts(nodes: &[Node], owner: usize) -> BTreeSet<u64> {
    let known = nodes.iter().filter(|node| node.owner == owner && is_known(&node.artifact));
    known.map(|node| node.start).collect()
}

fn is_known(artifact: &Artifact) -> bool {
    !artifact.identities.is_empty()
}

/// A file that no reader told of.
pub(crate) struct Stranger {
    /// The artifact that it stands in.
    pub(crate) host: usize,
    /// Where in the owner's bytes it, or the text that spells it, stands.
    pub(crate) span: Span,
    /// The name that it gets there.
    pub(crate) name: String,
    /// Its bytes, where a text spells them.
    pub(crate) decoded: Option<Bytes>,
}

/// The files that no reader told of.
pub(crate) fn strangers(nodes: &[Node], find: &Find) -> Vec<Stranger> {
    let mut strangers = Vec::new();
    for file in &find.files {
        let Some((index, host)) = host(nodes, find.owner, file.span) else { continue };
        let at = file.span.start.saturating_sub(host.start);
        let inside = Span::new(at, file.span.len);
        let (known, how) = match &file.decoded {
            Some(content) => (is_decoded(nodes, host, file.kind, inside, content), "base64"),
            None => {
                let known = at == 0 && is_known(&host.artifact)
                    || is_told(nodes, find.owner, host, file)
                    || is_own(host, inside, file.kind, &find.bytes);
                (known, "embedded")
            }
        };
        if !known {
            let (name, decoded) = (format!("@{how}@{at:#x}"), file.decoded.clone());
            strangers.push(Stranger { host: index, span: file.span, name, decoded });
        }
    }
    strangers
}

/// Whether what a text at `inside` of an artifact spells is what its format has there, or an
/// artifact already: many readers decode the texts that they know.
fn is_decoded(nodes: &[Node], host: &Node, kind: Kind, inside: Span, content: &Bytes) -> bool {
    let is_of = |formats: &[&str]| formats.iter().any(|format| host.artifact.is(format));
    let constant = matches!(kind, Kind::Pickle | Kind::Script) && is_of(PICKLES);
    if is_of(PROGRAMS) || is_of(PACKED) || constant && !is_unread(&host.artifact, inside) {
        return true;
    }
    let length = davy_bytes::to_usize(content.len());
    let digest = content.copy(Span::new(0, content.len()), length);
    let digest = digest.map(|content| <[u8; 32]>::from(Sha256::digest(content))).ok();
    let children = host.children.iter().filter_map(|child| nodes.get(*child));
    digest.is_some() && children.map(|child| child.artifact.sha256).any(|it| it == digest)
}

/// The smallest artifact that has the first byte of `span`; of several of one size the innermost.
fn host(nodes: &[Node], owner: usize, span: Span) -> Option<(usize, &Node)> {
    let within = |node: &Node| {
        let end = node.start.saturating_add(node.artifact.size);
        node.owner == owner && node.start <= span.start && span.start < end
    };
    let all = nodes.iter().enumerate().filter(|(_, node)| within(node));
    all.min_by_key(|(index, node)| (node.artifact.size, std::cmp::Reverse(*index)))
}

/// Whether parts of an archive that was found are artifacts already: then its reader told of it.
fn is_told(nodes: &[Node], owner: usize, host: &Node, file: &Embedded) -> bool {
    if file.kind != Kind::Archive || !is_known(&host.artifact) {
        return false;
    }
    let children = host.children.iter().filter_map(|child| nodes.get(*child));
    children
        .filter(|child| child.owner == owner && child.artifact.role != Role::Leftover)
        .any(|child| child.start >= file.span.start && child.start < file.span.end())
}

/// Whether what stands at `inside` of an artifact is what its format has there.
fn is_own(host: &Node, inside: Span, kind: Kind, bytes: &Bytes) -> bool {
    let artifact = &host.artifact;
    let is_of = |formats: &[&str]| formats.iter().any(|format| artifact.is(format));
    let packed = is_of(PACKED) || is_packed(artifact, inside);
    if is_of(PROGRAMS) || packed && !is_unread(artifact, inside) {
        return true;
    }
    match kind {
        Kind::Archive | Kind::Program => false,
        Kind::Pickle => is_of(PICKLES) && !is_unread(artifact, inside),
        Kind::Script => {
            // A script that goes on from text is a part of that, such as an example in a manual.
            let at = host.start.saturating_add(inside.start);
            let before = Span::between(at.saturating_sub(inside.start.min(BEFORE)), at);
            let head = bytes.copy(before, davy_bytes::to_usize(BEFORE));
            let text = head.is_ok_and(|it| !it.is_empty() && davy_formats::text::is_text(&it));
            text || is_of(PICKLES) && !is_unread(artifact, inside)
        }
    }
}

/// Whether it lies in the packed data of a member.
fn is_packed(artifact: &Artifact, inside: Span) -> bool {
    let mut facts = artifact.identities.iter().flat_map(|identity| &identity.reading.facts);
    facts.any(|fact| match fact {
        Fact::Member { site, .. } => {
            site.span.start <= inside.start && inside.start < site.span.end()
        }
        _ => false,
    })
}

/// Whether it lies, in part at least, where a reader could not follow its format, or behind the end
/// of a stream.
fn is_unread(artifact: &Artifact, inside: Span) -> bool {
    let broken = |gap: &Gap| {
        let malformed = gap.why == Why::Halted(Blame::Malformed);
        malformed && gap.span.start < inside.end() && inside.start < gap.span.end()
    };
    is_around(artifact, inside) || artifact.gaps.iter().any(broken)
}

/// Whether it lies in bytes that a reader of the artifact says it cannot explain.
fn is_around(artifact: &Artifact, inside: Span) -> bool {
    let readings = artifact.identities.iter().flat_map(|identity| &identity.reading.deviations);
    let mut around = readings.filter(|deviation| {
        matches!(
            deviation.quirk,
            Quirk::BytesAfterEnd | Quirk::BytesBeforeStart | Quirk::BytesBetween
        )
    });
    around.any(|it| it.span.start <= inside.start && inside.start < it.span.end())
}
