//! The operator's file `channels.json`.

use std::path::Path;

use crate::config_error::ConfigErrors;
use crate::json_file;
use domain::notification::channels::Channels;

/// The name of the file.
pub const CHANNELS: &str = "channels.json";

/// Channels, routes and approval rules from a directory; without the file there are no
/// notifications and no decisions.
///
/// # Errors
/// Everything that is wrong with the file.
pub fn load(directory: &Path) -> Result<Channels, ConfigErrors> {
    json_file::read(&directory.join(CHANNELS), Channels::errors)
}

#[cfg(test)]
#[path = "channels_schema_tests.rs"]
mod schema_tests;

#[cfg(test)]
mod tests {
    use super::{CHANNELS, load};
    use domain::notification::channels::Channels;

    #[test]
    fn what_is_wrong_has_a_line_or_a_field() {
        let directory = tempfile::tempdir().expect("a directory");
        assert_eq!(load(directory.path()), Ok(Channels::default()));
        let errors = |text: &str| {
            std::fs::write(directory.path().join(CHANNELS), text).expect("it is written");
            load(directory.path()).expect_err("it is wrong").to_string()
        };
        let text = "{ \"channels\": [\n { \"name\": \"a\", \"to\": { \"telegram\": { \"chat\": 1 } } }\n] }";
        let typo = errors(text);
        assert!(
            typo.contains("channels.json:2: channels[0].to") && typo.contains("chat_id"),
            "{typo}"
        );
        let nobody = errors("{ \"approvals\": [{ \"people\": [\"eve\"] }] }");
        assert!(
            nobody.contains("channels.json: approvals[0].people[0] is none of the people"),
            "{nobody}"
        );
    }
    #[test]
    fn the_example_of_the_documents_has_no_faults() {
        let directory = tempfile::tempdir().expect("a directory");
        let example = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../docs/channels.example.json");
        std::fs::copy(example, directory.path().join(CHANNELS)).expect("it is copied");
        let channels = load(directory.path()).expect("no errors");
        assert_eq!((channels.channels.len(), channels.people.len()), (6, 3));
    }
}
