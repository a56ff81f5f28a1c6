//! Paths as URI references (RFC 3986).

/// `path` as a URI reference: relative ones stay relative, absolute ones become `file:` URIs.
pub(crate) fn of_path(path: &str) -> String {
    let scheme = if path.starts_with('/') { "file://" } else { "" };
    format!("{scheme}{}", encode(path))
}

/// A name inside an archive as a relative reference: leading slashes beyond the first are encoded,
/// since `//` would start a host name.
pub(crate) fn of_member(name: &str) -> String {
    let plain = name.trim_start_matches('/');
    match name.len() - plain.len() {
        0 => encode(plain),
        slashes => format!("/{}{}", "%2F".repeat(slashes - 1), encode(plain)),
    }
}

/// Percent-encodes every byte but the unreserved ones and the slash.
fn encode(path: &str) -> String {
    let mut uri = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                uri.push(char::from(byte));
            }
            _ => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_path_is_taken_for_syntax() {
        assert_eq!(of_path("a b/c:d?e#f%.pt"), "a%20b/c%3Ad%3Fe%23f%25.pt");
        assert_eq!(of_path("/tmp/é"), "file:///tmp/%C3%A9");
        assert_eq!(of_member("//host/x"), "/%2Fhost/x");
        assert_eq!(of_member("javascript:x"), "javascript%3Ax");
    }
}
