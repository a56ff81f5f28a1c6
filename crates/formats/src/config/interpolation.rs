//! `${…}` as OmegaConf resolves it, in paths that are looked up: other values of the document, and the
//! resolvers that every Hydra has.

use super::Walk;
use crate::json::Node;

/// Values that may lead to each other.
const DEEPEST: usize = 8;

/// The longest text that is made.
const LONGEST: usize = 1_000;

/// Resolvers whose last argument is taken where there is nothing else: a variable of the environment, a
/// value that may be missing, a text that is read as a value.
const DEFAULTING: &[&str] = &["oc.decode", "oc.env", "oc.select"];

impl<'d> Walk<'_, '_, 'd> {
    /// What a text becomes; nothing where it has no interpolation, or one that the document does not
    /// resolve.
    pub(super) fn interpolated(&self, node: Node<'d>, text: &str) -> Option<String> {
        text.contains("${").then(|| self.resolve(node, text, 0)).flatten()
    }

    fn resolve(&self, node: Node<'d>, text: &str, depth: usize) -> Option<String> {
        if depth > DEEPEST || text.len() > LONGEST {
            return None;
        }
        let mut made = String::new();
        let mut rest = text;
        while let Some((before, from)) = rest.split_once("${") {
            made.push_str(before);
            let end = closing(from)?;
            let inner = self.resolve(node, from.get(..end)?, depth.saturating_add(1))?;
            let value = match inner.split_once(':') {
                Some((resolver, arguments)) if DEFAULTING.contains(&resolver.trim()) => {
                    self.defaulting(node, arguments, depth)?
                }
                Some(_) => return None,
                None => self.referred(node, inner.trim(), depth)?,
            };
            made.push_str(&value);
            if made.len() > LONGEST {
                return None;
            }
            rest = from.get(end.saturating_add(1)..)?;
        }
        made.push_str(rest);
        Some(made)
    }

    /// `name,default` of a resolver.
    fn defaulting(&self, node: Node<'d>, arguments: &str, depth: usize) -> Option<String> {
        let (name, default) = arguments.rsplit_once(',').unwrap_or((arguments, arguments));
        let unquoted = default.trim().trim_matches(['\'', '"']);
        self.referred(node, name.trim(), depth).or_else(|| Some(unquoted.to_owned()))
    }

    /// The text at a path of keys, which starts at the top, or with a dot beside the value.
    fn referred(&self, node: Node<'d>, path: &str, depth: usize) -> Option<String> {
        let up = path.bytes().take_while(|byte| *byte == b'.').count();
        let mut at = match up {
            0 => self.config.document.root()?,
            _ => {
                let mut at = node.parent()?;
                for _ in 1..up {
                    at = at.parent()?;
                }
                at
            }
        };
        for part in path.split(['.', '[', ']']).filter(|part| !part.is_empty()) {
            let index = part.parse().ok().and_then(|index| at.item(index));
            at = at.get(part).or(index)?;
        }
        let text = at.text()?;
        self.resolve(at, &text, depth.saturating_add(1))
    }
}

/// Where the brace closes that stands before `text`.
fn closing(text: &str) -> Option<usize> {
    let mut open = 1_usize;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'{' => open = open.saturating_add(1),
            b'}' => open = open.saturating_sub(1),
            _ => {}
        }
        if open == 0 {
            return Some(at);
        }
    }
    None
}
