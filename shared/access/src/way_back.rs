//! Ways between pages: to the root of the site, and back to the page for which a person signs in.

/// How long a path may be that is gone back to.
const MOST_NEXT_BYTES: usize = 512;

/// What leads from a path to the root of the site, which may be served below a path itself.
pub fn root(path: &str) -> String {
    "../".repeat(path.matches('/').count().saturating_sub(1))
}

/// The path of a page of the console to go back to; the board where it is anything else.
pub fn path_of(next: Option<String>) -> String {
    let is_ours = |next: &String| {
        let rest = next.strip_prefix("console");
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"/-_.?=&%+,".contains(&b);
        next.len() <= MOST_NEXT_BYTES
            && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']))
            && next.bytes().all(plain)
            && !next.contains("//")
            && !next.contains("..")
            && !next.starts_with("console/sign-")
    };
    next.filter(is_ours).unwrap_or_else(|| "console".to_owned())
}

#[cfg(test)]
mod tests {
    use super::{path_of, root};

    #[test]
    fn the_root_is_as_far_up_as_the_path_is_deep() {
        for (path, up) in [
            ("/console", ""),
            ("/console/", "../"),
            ("/console/history", "../"),
            ("/console/incidents/a", "../../"),
            ("/api/v1/sessions/end", "../../../"),
        ] {
            assert_eq!(root(path), up, "{path}");
        }
    }

    #[test]
    fn only_pages_of_the_console_are_gone_back_to() {
        for page in [
            "console",
            "console/incidents/01ARZ3NDEKTSV4RRFFQ69G5FAV",
            "console/history?text=disk+full&severity=P0%2CP1",
        ] {
            assert_eq!(path_of(Some(page.to_owned())), page);
        }
        for other in [
            "",
            "//evil.example",
            "https://evil.example",
            "console.evil.example",
            "consolex",
            "console/../api/v1/incidents",
            "console//evil.example",
            "console/\\evil.example",
            "console/sign-out",
            "console/a b",
        ] {
            assert_eq!(path_of(Some(other.to_owned())), "console", "{other}");
        }
        assert_eq!(path_of(None), "console");
    }
}
