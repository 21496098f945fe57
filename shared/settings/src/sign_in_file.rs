//! The operator's file `sign-in.json`, with the people and teams of `channels.json` and `people.json` that it names.

use std::path::Path;

use crate::channels_file;
use crate::config_error::{ConfigErrors, both};
use crate::json_file;
use domain::notification::channels::Channels;
use domain::notification::sign_in::SignIn;

/// The name of the file.
pub const SIGN_IN: &str = "sign-in.json";

/// Who may sign in at the identity provider, and the people; without the file no one may.
///
/// # Errors
/// Everything that is wrong with the files.
pub fn load(directory: &Path) -> Result<(SignIn, Channels), ConfigErrors> {
    let file = directory.join(SIGN_IN);
    let (sign_in, channels): (SignIn, Channels) =
        both(json_file::parse(&file), channels_file::load(directory))?;
    json_file::checked(&file, sign_in.errors(&channels))?;
    Ok((sign_in, channels))
}

#[cfg(test)]
mod tests {
    use super::{SIGN_IN, load};
    use crate::channels_file::{CHANNELS, PEOPLE};

    #[test]
    fn the_example_of_the_documents_has_no_faults() {
        let directory = tempfile::tempdir().expect("a directory");
        let docs = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
        for (example, file) in [
            ("channels.example.json", CHANNELS),
            ("people.example.json", PEOPLE),
            ("sign-in.example.json", SIGN_IN),
        ] {
            std::fs::copy(docs.join(example), directory.path().join(file)).expect("it is copied");
        }
        let (sign_in, _) = load(directory.path()).expect("no errors");
        assert_eq!((sign_in.groups.len(), sign_in.people.len()), (2, 2));
    }

    #[test]
    fn an_error_names_the_file_and_its_field() {
        let directory = tempfile::tempdir().expect("a directory");
        assert!(load(directory.path()).is_ok());
        let errors = |text: &str| {
            std::fs::write(directory.path().join(SIGN_IN), text).expect("it is written");
            load(directory.path()).expect_err("it is wrong").to_string()
        };
        let typo = errors("{\n\"groups\": { \"sre\": { \"may\": [\"lok\"] } } }");
        assert!(
            typo.contains("sign-in.json:2: groups.sre.may[0]") && typo.contains("look"),
            "{typo}"
        );
        let stranger = errors("{ \"people\": { \"1\": \"eve\" } }");
        assert!(
            stranger.contains("sign-in.json: people.1 is none of the people of channels.json"),
            "{stranger}"
        );
    }
}
