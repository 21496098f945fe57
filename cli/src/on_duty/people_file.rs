//! The overrides of one rotation in the text of `people.json`. Everything else of the file stays as its owner wrote it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::ops::Range;
use std::path::Path;

use domain::duty::rotation::Override;
use domain::primitives::local_time::Zone;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::exit::Failure;

/// The parts of the file on the way to a rotation, as they are written.
#[derive(Deserialize)]
struct File<'a> {
    #[serde(borrow)]
    teams: BTreeMap<String, &'a RawValue>,
}

#[derive(Deserialize)]
struct Team<'a> {
    #[serde(borrow)]
    levels: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
struct Level<'a> {
    #[serde(borrow)]
    rotation: &'a RawValue,
}

#[derive(Deserialize)]
struct Rotation<'a> {
    #[serde(borrow)]
    overrides: Option<&'a RawValue>,
}

/// The list as JSON, an override a line, with times by the clock of the rotation's zone.
pub(super) fn list(overrides: &[Override], zone: &Zone, indent: &str) -> String {
    let mut text = String::from("[");
    for (number, one) in overrides.iter().enumerate() {
        let comma = if number == 0 { "" } else { "," };
        let (from, until) = (zone.shown(one.from), zone.shown(one.until));
        let person = serde_json::Value::from(one.person.as_str());
        // Writing to a text does not fail.
        let _ = write!(
            text,
            "{comma}\n{indent}  {{ \"from\": \"{from}\", \"until\": \"{until}\", \"person\": {person} }}"
        );
    }
    if !overrides.is_empty() {
        text.push('\n');
        text.push_str(indent);
    }
    text.push(']');
    text
}

/// The text of the file with other overrides in a rotation. None if it has no such rotation.
pub(super) fn with_overrides(
    text: &str,
    team: &str,
    level: usize,
    overrides: &[Override],
    zone: &Zone,
) -> Option<String> {
    let file: File<'_> = serde_json::from_str(text).ok()?;
    let team: Team<'_> = serde_json::from_str(file.teams.get(team)?.get()).ok()?;
    let level: Level<'_> = serde_json::from_str(team.levels.get(level)?.get()).ok()?;
    let rotation = level.rotation;
    let fields: Rotation<'_> = serde_json::from_str(rotation.get()).ok()?;
    let mut changed = text.to_owned();
    if let Some(old) = fields.overrides {
        let place = place(text, old.get())?;
        let indent = indent(text, place.start);
        changed.replace_range(place, &list(overrides, zone, &indent));
        return Some(changed);
    }
    // Behind the last field: a rotation has some.
    let place = place(text, rotation.get())?;
    let last = text[place.clone()]
        .trim_end_matches(['}', ' ', '\t', '\r', '\n'])
        .len();
    let at = place.start + last;
    let indent = indent(text, at.saturating_sub(1));
    let list = list(overrides, zone, &indent);
    changed.insert_str(at, &format!(",\n{indent}\"overrides\": {list}"));
    Some(changed)
}

/// Where a part of a text is.
fn place(text: &str, part: &str) -> Option<Range<usize>> {
    let start = (part.as_ptr() as usize).checked_sub(text.as_ptr() as usize)?;
    let end = start + part.len();
    (text.get(start..end) == Some(part)).then_some(start..end)
}

/// The blanks with which the line of a place begins.
fn indent(text: &str, at: usize) -> String {
    let line = text[..at].rfind('\n').map_or(0, |end| end + 1);
    let blanks = text[line..].chars().take_while(|c| matches!(c, ' ' | '\t'));
    blanks.collect()
}

/// Writes a file as a whole: who reads it meanwhile, or after a crash, finds the old one or the new one.
pub(super) fn write(file: &Path, text: &str) -> Result<(), Failure> {
    let unwritten = |error: std::io::Error| {
        Failure::wrong(format!("{} cannot be written: {error}", file.display()))
    };
    // What a link leads to is written, and the link stays.
    let file = std::fs::canonicalize(file).map_err(unwritten)?;
    let new = file.with_extension("json.new");
    let mode = std::fs::metadata(&file).map_err(unwritten)?.permissions();
    let mut written = std::fs::File::create(&new).map_err(unwritten)?;
    // Who may read the old one may read the new one, and nobody else, before there is something in it.
    written.set_permissions(mode).map_err(unwritten)?;
    written.write_all(text.as_bytes()).map_err(unwritten)?;
    written.sync_all().map_err(unwritten)?;
    std::fs::rename(&new, file).map_err(unwritten)
}

#[cfg(test)]
mod tests {
    use domain::duty::Duty;
    use domain::duty::rotation::Override;
    use domain::primitives::local_time::Zone;
    use jiff::Timestamp;

    use super::{with_overrides, write};

    fn zone() -> Zone {
        Zone::try_from("Europe/Berlin".to_owned()).expect("a zone")
    }

    fn overrides() -> Vec<Override> {
        let at = |text: &str| text.parse::<Timestamp>().expect("a time");
        vec![Override {
            from: at("2026-10-24T07:00:00Z"),
            until: at("2026-10-25T08:00:00Z"),
            person: "bob".to_owned(),
        }]
    }

    const WITHOUT: &str = r#"{
  "teams": {
    "pay\u006dents": { "levels": [
      { "people": ["ada"], "wait_seconds": 600 },
      { "rotation": {
          "zone": "Europe/Berlin", "hand_over": "Mon 09:00", "first": "2026-01-05",
          "members": ["ada", "bob"]
      } }
    ] }
  }
}
"#;

    #[test]
    fn a_rotation_gets_overrides_and_nothing_else_changes() {
        let text = with_overrides(WITHOUT, "payments", 1, &overrides(), &zone());
        let text = text.expect("there is the rotation");
        insta::assert_snapshot!(text, @r#"
        {
          "teams": {
            "pay\u006dents": { "levels": [
              { "people": ["ada"], "wait_seconds": 600 },
              { "rotation": {
                  "zone": "Europe/Berlin", "hand_over": "Mon 09:00", "first": "2026-01-05",
                  "members": ["ada", "bob"],
                  "overrides": [
                    { "from": "2026-10-24T09:00:00+02:00", "until": "2026-10-25T09:00:00+01:00", "person": "bob" }
                  ]
              } }
            ] }
          }
        }
        "#);
        let duty: Duty = serde_json::from_str(&text).expect("the shape of the file");
        let rotation = duty.levels("payments")[1].rotation.as_ref();
        assert_eq!(rotation.expect("a rotation").overrides, overrides());
        // Again, and away with them.
        assert_eq!(
            with_overrides(&text, "payments", 1, &overrides(), &zone()),
            Some(text.clone())
        );
        let none = with_overrides(&text, "payments", 1, &[], &zone()).expect("the rotation");
        assert!(none.contains("\"overrides\": []"), "{none}");
    }

    #[test]
    fn what_is_not_there_is_not_changed() {
        for (team, level) in [("payments", 0), ("payments", 2), ("search", 0)] {
            let changed = with_overrides(WITHOUT, team, level, &overrides(), &zone());
            assert_eq!(changed, None, "{team} {level}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_link_to_the_file_stays_a_link() {
        let directory = tempfile::tempdir().expect("a directory");
        let (file, link) = (
            directory.path().join("a.json"),
            directory.path().join("people.json"),
        );
        std::fs::write(&file, "{}").expect("written");
        std::os::unix::fs::symlink(&file, &link).expect("linked");
        write(&link, "{ }").expect("written");
        assert!(
            std::fs::symlink_metadata(&link)
                .expect("there")
                .is_symlink()
        );
        assert_eq!(std::fs::read_to_string(&file).expect("there"), "{ }");
    }

    #[cfg(unix)]
    #[test]
    fn who_may_read_and_write_the_file_stays_as_it_was() {
        use std::fs::Permissions;
        use std::os::unix::fs::PermissionsExt as _;

        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("people.json");
        std::fs::write(&file, "{}").expect("written");
        for mode in [0o600, 0o640, 0o664, 0o444] {
            std::fs::set_permissions(&file, Permissions::from_mode(mode)).expect("set");
            write(&file, "{ }").expect("written");
            let after = std::fs::metadata(&file).expect("there").permissions();
            assert_eq!(after.mode() & 0o777, mode, "{mode:o}");
        }
    }
}
