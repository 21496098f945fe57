//! The operator's files `channels.json` and `people.json`, which name each other's people and teams.

use std::path::Path;

use crate::config_error::{ConfigError, ConfigErrors, both};
use crate::json_file;
use domain::notification::channels::Channels;

/// The names of the files.
pub const CHANNELS: &str = "channels.json";
pub const PEOPLE: &str = "people.json";
/// Names under which people look for the second one. It is JSON because ingress reads it too, and has no reader of YAML.
const NOT_PEOPLE: [&str; 2] = ["people.yaml", "people.yml"];

/// Channels, routes, approval rules and teams from a directory; without the first file there are no
/// notifications and no decisions, without the second no teams.
///
/// # Errors
/// Everything that is wrong with the files.
pub fn load(directory: &Path) -> Result<Channels, ConfigErrors> {
    let (file, people) = (directory.join(CHANNELS), directory.join(PEOPLE));
    let read = both(json_file::parse(&file), json_file::parse(&people));
    let (read, ()) = both(read, other_names(directory))?;
    let mut channels: Channels = read.0;
    channels.duty = read.1;
    let known = |name: &str| channels.people.contains_key(name);
    both(
        json_file::checked(&file, channels.errors()),
        json_file::checked(&people, channels.duty.errors(known)),
    )?;
    Ok(channels)
}

/// A file that nothing reads would look as if teams were set up.
fn other_names(directory: &Path) -> Result<(), ConfigErrors> {
    let there = NOT_PEOPLE.iter().map(|name| directory.join(name));
    let errors: Vec<ConfigError> = there
        .filter(|file| file.exists())
        .map(|file| ConfigError {
            file,
            line: None,
            field: None,
            text: format!("is not read: write it as JSON, and name it {PEOPLE}"),
        })
        .collect();
    if errors.is_empty() {
        Ok(())
    } else {
        Err(ConfigErrors(errors))
    }
}

#[cfg(test)]
#[path = "channels_schema_tests.rs"]
mod schema_tests;

#[cfg(test)]
#[path = "people_schema_tests.rs"]
mod people_schema_tests;

#[cfg(test)]
mod tests {
    use super::{CHANNELS, PEOPLE, load};
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
    fn errors_of_both_files_name_their_file() {
        let directory = tempfile::tempdir().expect("a directory");
        let write = |file, text: &str| {
            std::fs::write(directory.path().join(file), text).expect("it is written");
        };
        let errors = || load(directory.path()).expect_err("it is wrong").to_string();
        write(
            CHANNELS,
            r#"{ "people": { "ada": {} }, "approvals": [{ "team": "web" }] }"#,
        );
        let no_team = errors();
        assert!(
            no_team
                .contains("channels.json: approvals[0].team is none of the teams of people.json"),
            "{no_team}"
        );
        write(
            PEOPLE,
            "{ \"teams\": { \"web\": { \"levels\": [\n{ \"rotation\": {\n\"zone\": \"Europe/Berln\" } }] } } }",
        );
        let no_zone = errors();
        assert!(
            no_zone.contains("people.json:3: teams.web.levels[0].rotation.zone: `Europe/Berln` is not a time zone"),
            "{no_zone}"
        );
        write(
            PEOPLE,
            r#"{ "teams": { "web": { "levels": [{ "people": ["ada", "eve"] }] } } }"#,
        );
        let stranger = errors();
        assert!(
            stranger.ends_with("people.json: teams.web.levels[0].people[1] is none of the people of channels.json: add the person there, or correct the name"),
            "{stranger}"
        );
        write(
            PEOPLE,
            r#"{ "teams": { "web": { "levels": [{ "people": ["ada"] }] } } }"#,
        );
        let both = load(directory.path()).expect("no errors");
        assert_eq!(both.duty.levels("web").len(), 1);
        write("people.yaml", "teams: {}");
        assert!(
            errors()
                .ends_with("people.yaml: is not read: write it as JSON, and name it people.json")
        );
    }

    #[test]
    fn the_examples_of_the_documents_have_no_faults() {
        let directory = tempfile::tempdir().expect("a directory");
        let docs = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
        for (example, file) in [
            ("channels.example.json", CHANNELS),
            ("people.example.json", PEOPLE),
        ] {
            std::fs::copy(docs.join(example), directory.path().join(file)).expect("it is copied");
        }
        let channels = load(directory.path()).expect("no errors");
        assert_eq!((channels.channels.len(), channels.people.len()), (6, 3));
        assert_eq!(channels.duty.levels("payments").len(), 3);
    }
}
