//! Scripts and styles of the pages. They are a part of the binary; their address has the digest of all of them.

use std::sync::LazyLock;

use sha2::{Digest as _, Sha256};

const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";

const ASSETS: [(&str, &str, &str); 10] = [
    (
        "icon.svg",
        "image/svg+xml",
        include_str!("../assets/icon.svg"),
    ),
    ("style.css", STYLE, include_str!("../assets/style.css")),
    ("console.js", SCRIPT, include_str!("../assets/console.js")),
    ("act.js", SCRIPT, include_str!("../assets/act.js")),
    ("announce.js", SCRIPT, include_str!("../assets/announce.js")),
    ("keys.js", SCRIPT, include_str!("../assets/keys.js")),
    ("poll.js", SCRIPT, include_str!("../assets/poll.js")),
    ("times.js", SCRIPT, include_str!("../assets/times.js")),
    (
        "idiomorph.js",
        SCRIPT,
        include_str!("../assets/idiomorph.js"),
    ),
    (
        "idiomorph.LICENSE.txt",
        "text/plain; charset=utf-8",
        include_str!("../assets/idiomorph.LICENSE.txt"),
    ),
];

/// The digest of all assets.
pub(crate) static VERSION: LazyLock<String> = LazyLock::new(|| {
    let mut digest = Sha256::new();
    for (name, _, text) in ASSETS {
        digest.update(name);
        digest.update(text);
    }
    let mut version = hex::encode(digest.finalize());
    version.truncate(16);
    version
});

/// An asset of this version: its media type and its text.
pub(crate) fn find(version: &str, name: &str) -> Option<(&'static str, &'static str)> {
    let found = ASSETS.iter().find(|(known, ..)| *known == name)?;
    (version == *VERSION).then_some((found.1, found.2))
}

#[cfg(test)]
mod tests {
    use super::{ASSETS, VERSION, find};

    #[test]
    fn an_asset_is_found_in_its_own_version_only() {
        assert!(find(&VERSION, "console.js").is_some());
        assert!(find(&VERSION, "../Cargo.toml").is_none());
        assert!(find("0", "console.js").is_none());
    }

    #[test]
    fn no_script_loads_anything_from_elsewhere_or_writes_markup() {
        for (name, _, text) in ASSETS {
            if !name.ends_with(".js") || name == "idiomorph.js" {
                continue;
            }
            for forbidden in [
                "http://",
                "https://",
                "innerHTML",
                "insertAdjacentHTML",
                "eval(",
            ] {
                assert!(!text.contains(forbidden), "{name} has {forbidden}");
            }
        }
    }
}
