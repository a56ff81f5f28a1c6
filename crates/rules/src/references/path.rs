//! Where a path or URL in a file leads, seen from the folder that the file lies in.

/// Where a reference leads.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Leads {
    /// Into the folder of the file, or below.
    Beside,
    /// Anywhere else; the words say how.
    Away(&'static str),
}

/// Where `target` leads on any of the systems that loaders run on.
pub(crate) fn leads(target: &str) -> Leads {
    let target = target.trim();
    let separator = |c: char| c == '/' || c == '\\';
    let drive =
        target.get(1..2) == Some(":") && target.starts_with(|c: char| c.is_ascii_alphabetic());
    if target.contains('\0') {
        return Leads::Away("a path with a zero byte, which programs cut at different places");
    }
    if let Some((scheme, _)) = target.split_once("://").filter(|(scheme, _)| is_scheme(scheme)) {
        let local = scheme.eq_ignore_ascii_case("file");
        return Leads::Away(if local {
            "a URL of the local machine"
        } else {
            "an address on the network"
        });
    }
    if target.starts_with("\\\\") || target.starts_with("//") {
        return Leads::Away("a network share");
    }
    if drive || target.starts_with(separator) {
        return Leads::Away(if is_device(target) {
            "a device or system file"
        } else {
            "an absolute path"
        });
    }
    if target.starts_with('~') {
        return Leads::Away("a path in somebody's home folder");
    }
    if target.starts_with('$') || target.starts_with('%') {
        return Leads::Away("a path that starts with a variable");
    }
    let mut depth = 0_i64;
    for part in target.split(separator) {
        match part {
            "" | "." => {}
            ".." => depth -= 1,
            _ => depth += 1,
        }
        if depth < 0 {
            return Leads::Away("a path out of the folder that the file lies in");
        }
    }
    Leads::Beside
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "+-.:".contains(c))
}

fn is_device(path: &str) -> bool {
    ["/dev/", "/proc/", "/sys/"].iter().any(|folder| path.starts_with(folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stays_beside_the_file_is_told_from_what_leads_away() {
        for target in ["weights.bin", "./a/b", "a/../b", "data\\part", "a..b", "..hidden", "name:0"]
        {
            assert_eq!(leads(target), Leads::Beside, "{target}");
        }
        for target in [
            "/etc/passwd",
            "/dev/zero",
            "../secret",
            "a/../../b",
            "..\\secret",
            "\\windows\\win.ini",
            "C:\\x",
            "c:x",
            "\\\\host\\share",
            "//host/share",
            "~/.ssh/id_rsa",
            "$HOME/x",
            "%APPDATA%\\x",
            "https://example.org/x",
            "gs://bucket/x",
            "file:///etc/passwd",
            "a\0b",
        ] {
            assert!(matches!(leads(target), Leads::Away(_)), "{target}");
        }
    }
}
