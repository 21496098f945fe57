//! Server URLs as an operator writes them: one rule for `make check-config` and for every function
//! that starts with the file.

use std::net::{Ipv4Addr, Ipv6Addr};

/// What is wrong with a URL, if anything is. None of the sentences repeats it: it may hold a password.
///
/// What is taken is a URL whose path can be appended to: `http` or `https`, a host, a port where there is one, and a path without a slash at
/// its end.
pub fn problem(url: &str) -> Option<&'static str> {
    let Some(rest) = url
        .strip_prefix("https://")
        .or_else(|| url.strip_prefix("http://"))
    else {
        return Some("has to begin with http:// or https://");
    };
    if rest.contains(['?', '#']) {
        return Some("has to end before ? and #");
    }
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    if authority.contains('@') {
        return Some("holds a user or a password: name a secret with a key instead");
    }
    if path.ends_with('/') {
        return Some("has to end without a slash");
    }
    let plain = |b: u8| b.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&b);
    let whole = is_host_with_port(authority) && path.bytes().all(plain);
    (!whole).then_some("is not a URL: after http:// or https:// come a host, a port where there is one, and a path")
}

fn is_host_with_port(authority: &str) -> bool {
    let (host, after) = match authority
        .strip_prefix('[')
        .and_then(|rest| rest.split_once(']'))
    {
        Some((address, after)) if address.parse::<Ipv6Addr>().is_ok() => (None, after),
        Some(_) => return false,
        None => {
            let (host, after) = authority.split_at(authority.find(':').unwrap_or(authority.len()));
            (Some(host), after)
        }
    };
    let digits =
        |port: &str| port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok();
    host.is_none_or(is_host) && (after.is_empty() || after.strip_prefix(':').is_some_and(digits))
}

/// True for an IPv4 address and for a name. A name that ends in a number is read as an address
/// (<https://url.spec.whatwg.org/#ends-in-a-number-checker>), and is one or nothing.
fn is_host(host: &str) -> bool {
    let is_label = |label: &str| {
        !label.is_empty()
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    let ends_in_number = host
        .rsplit('.')
        .next()
        .is_some_and(|last| last.starts_with(|c: char| c.is_ascii_digit()));
    if ends_in_number {
        host.parse::<Ipv4Addr>().is_ok()
    } else {
        host.split('.').all(is_label)
    }
}

#[cfg(test)]
mod tests {
    use super::problem;

    #[test]
    fn a_server_can_be_named_in_every_usual_way() {
        for good in [
            "http://127.0.0.1:9090",
            "https://ops.example/prometheus",
            "http://[::1]:9090",
            "http://localhost",
            "https://a-b_c/v1",
        ] {
            assert_eq!(problem(good), None, "{good}");
        }
    }

    #[test]
    fn a_fault_says_what_to_change_and_repeats_nothing() {
        let cases = [
            ("", "begin"),
            ("ops.example", "begin"),
            ("ftp://ops.example", "begin"),
            ("HTTP://ops.example", "begin"),
            ("https://", "is not a URL"),
            ("https:///path", "is not a URL"),
            ("http://ops example", "is not a URL"),
            ("http://ops.example/a b", "is not a URL"),
            ("http://ops.example/\u{202e}", "is not a URL"),
            ("http://ops.example\\a", "is not a URL"),
            ("http://256.1.1.1", "is not a URL"),
            ("http://ops..example", "is not a URL"),
            ("http://[::1", "is not a URL"),
            ("http://[::1]9090", "is not a URL"),
            ("http://ops.example:65536", "is not a URL"),
            ("http://ops.example:+1", "is not a URL"),
            ("http://u:secret@h", "a secret with a key"),
            ("http://secret@h", "a secret with a key"),
            ("http://h/?secret", "before ?"),
            ("http://h#secret", "before ?"),
            ("http://h/", "without a slash"),
            ("http://h/v1/", "without a slash"),
        ];
        for (url, expected) in cases {
            let sentence = problem(url).unwrap_or_else(|| panic!("{url} is taken"));
            assert!(
                sentence.contains(expected)
                    && !sentence.contains("@")
                    && !sentence.contains("?secret"),
                "{url}: {sentence}"
            );
        }
    }
}
