//! Tests that the editor schema of `people.json` accepts exactly the files that the functions accept.

use domain::duty::Duty;
use serde_json::{Value, json};

use super::schema_tests::{accepted, file};

#[test]
fn the_schema_and_the_functions_take_the_same_teams() {
    let schema = file("config/schemas/people.schema.json");
    let validator = jsonschema::draft202012::new(&schema).expect("a schema");
    let read = |file: &Value| {
        serde_json::from_value::<Duty>(file.clone())
            .is_ok_and(|duty| duty.errors(|_| true).is_empty())
    };
    for path in ["config/people.json", "docs/people.example.json"] {
        accepted(path, &validator, &read);
    }
    let example = file("docs/people.example.json");
    let level = "/teams/payments/levels";
    for (place, value) in [
        (
            "/teams".to_owned(),
            json!({ "a b": { "levels": [{ "people": ["ada"] }] } }),
        ),
        ("/teams".into(), json!({ "web": {} })),
        (level.to_owned(), json!([])),
        (format!("{level}/1"), json!({})),
        (format!("{level}/1"), json!({ "people": [] })),
        (format!("{level}/1"), json!({ "person": ["ada"] })),
        (format!("{level}/0/wait_seconds"), json!(0)),
        (format!("{level}/0/people"), json!(["ada"])),
        (format!("{level}/0/rotation/hand_over"), json!("9 o'clock")),
        (format!("{level}/0/rotation/hand_over"), json!("Mon 24:00")),
        (format!("{level}/0/rotation/members"), json!([])),
        (format!("{level}/0/rotation/every"), json!(0)),
        (format!("{level}/0/rotation/first"), json!("5 January")),
        (
            format!("{level}/0/rotation/overrides/0/from"),
            json!("tomorrow"),
        ),
        (format!("{level}/0/rotation/holidays/0/dates"), json!([])),
        (
            format!("{level}/0/rotation/holidays/0/dates/0"),
            json!("Christmas"),
        ),
    ] {
        let mut file = example.clone();
        let (parent, name) = place.rsplit_once('/').expect("a place");
        match file.pointer_mut(parent).expect(&place) {
            Value::Object(fields) => drop(fields.insert(name.to_owned(), value.clone())),
            _ => *file.pointer_mut(&place).expect(&place) = value.clone(),
        }
        assert!(
            !validator.is_valid(&file),
            "the schema takes {value} at {place}"
        );
        assert!(!read(&file), "the functions take {value} at {place}");
    }
}
