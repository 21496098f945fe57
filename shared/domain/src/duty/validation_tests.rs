//! Tests of what is refused in `people.json`, each with its field.

use serde_json::{Value, json};

use crate::duty::Duty;

fn file() -> Value {
    json!({ "teams": { "payments": { "levels": [
        { "rotation": {
            "zone": "Europe/Berlin", "hand_over": "Mon 09:00", "first": "2026-01-05", "members": ["ada", "bob"],
            "overrides": [
                { "from": "2026-02-01T00:00:00Z", "until": "2026-02-02T00:00:00Z", "person": "bob" },
                { "from": "2026-02-02T00:00:00Z", "until": "2026-02-03T00:00:00Z", "person": "ada" },
            ],
            "holidays": [{ "dates": ["2026-12-25"], "person": "ada" }],
        }, "wait_seconds": 600 },
        { "people": ["ada"] },
    ] } } })
}

fn errors(file: Value) -> Vec<(String, String)> {
    let duty: Duty = serde_json::from_value(file).expect("the shape of the file");
    duty.errors(|name| ["ada", "bob"].contains(&name))
}

#[test]
fn what_is_wrong_names_its_field_and_what_to_do() {
    assert_eq!(errors(file()), []);
    let rotation = "teams.payments.levels[0].rotation";
    for (place, value, field, says) in [
        (
            "/teams/payments/levels",
            json!([]),
            "teams.payments.levels".to_owned(),
            "1 to 10 levels",
        ),
        (
            "/teams/payments/levels/1",
            json!({}),
            "teams.payments.levels[1]".into(),
            "either a rotation or people",
        ),
        (
            "/teams/payments/levels/1/people/0",
            json!("eve"),
            "teams.payments.levels[1].people[0]".into(),
            "none of the people",
        ),
        (
            "/teams/payments/levels/0/people",
            json!(["ada"]),
            "teams.payments.levels[0]".into(),
            "and not both",
        ),
        (
            "/teams/payments/levels/0/wait_seconds",
            Value::Null,
            "teams.payments.levels[0].wait_seconds".into(),
            "is missing",
        ),
        (
            "/teams/payments/levels/0/wait_seconds",
            json!(604_801),
            "teams.payments.levels[0].wait_seconds".into(),
            "which is a week",
        ),
        (
            "/teams/payments/levels/0/wait_seconds",
            json!(0),
            "teams.payments.levels[0].wait_seconds".into(),
            "which is a week",
        ),
        (
            "/teams/payments/levels/1/wait_seconds",
            json!(60),
            "teams.payments.levels[1].wait_seconds".into(),
            "no level behind it",
        ),
        (
            "/teams/payments/levels/0/rotation/members",
            json!([]),
            format!("{rotation}.members"),
            "is empty",
        ),
        (
            "/teams/payments/levels/0/rotation/members/1",
            json!("eve"),
            format!("{rotation}.members[1]"),
            "none of the people",
        ),
        (
            "/teams/payments/levels/0/rotation/every",
            json!(0),
            format!("{rotation}.every"),
            "1 to 52",
        ),
        (
            "/teams/payments/levels/0/rotation/every",
            json!(53),
            format!("{rotation}.every"),
            "1 to 52",
        ),
        (
            "/teams/payments/levels/0/rotation/first",
            json!("2026-01-06"),
            format!("{rotation}.first"),
            "is a Tue, and the hand-over is on Mon",
        ),
        (
            "/teams/payments/levels/0/rotation/overrides/0/person",
            json!("eve"),
            format!("{rotation}.overrides[0].person"),
            "none of the people",
        ),
        (
            "/teams/payments/levels/0/rotation/overrides/0/until",
            json!("2026-02-01T00:00:00Z"),
            format!("{rotation}.overrides[0].until"),
            "no time in it",
        ),
        (
            "/teams/payments/levels/0/rotation/overrides/0/until",
            json!("2026-02-02T00:00:01Z"),
            format!("{rotation}.overrides[1]"),
            "overlaps overrides[0]",
        ),
        (
            "/teams/payments/levels/0/rotation/holidays/0/person",
            json!("eve"),
            format!("{rotation}.holidays[0].person"),
            "none of the people",
        ),
        (
            "/teams/payments/levels/0/rotation/holidays/0/dates",
            json!([]),
            format!("{rotation}.holidays[0].dates"),
            "is empty",
        ),
        (
            "/teams/payments/levels/0/rotation/holidays/0/dates",
            json!(["2026-12-25", "2026-12-25"]),
            format!("{rotation}.holidays[0].dates[1]"),
            "is a holiday of this rotation already",
        ),
    ] {
        let mut file = file();
        let (parent, name) = place.rsplit_once('/').expect("a place");
        match file.pointer_mut(parent).expect(place) {
            Value::Object(fields) => drop(fields.insert(name.to_owned(), value.clone())),
            _ => *file.pointer_mut(place).expect(place) = value.clone(),
        }
        let found = errors(file);
        assert!(
            matches!(&found[..], [(at, what)] if *at == field && what.contains(says)),
            "{place} {value}: {found:?}"
        );
    }
}

#[test]
fn what_is_no_zone_no_time_and_no_date_is_refused_as_it_is_read() {
    for (field, value, says) in [
        (
            "zone",
            "Europe/Berln",
            "is not a time zone such as Europe/Berlin",
        ),
        ("hand_over", "9:00", "is no time of a hand-over"),
        ("hand_over", "Monday 09:00", "is no time of a hand-over"),
        (
            "hand_over",
            "Mon 24:00",
            "write 09:00 for every day, or Mon 09:00 for every week",
        ),
        ("first", "2026-02-30", "date is not valid"),
    ] {
        let mut file = file();
        file["teams"]["payments"]["levels"][0]["rotation"][field] = json!(value);
        let error = serde_json::from_value::<Duty>(file)
            .expect_err(value)
            .to_string();
        assert!(error.contains(says), "{value}: {error}");
    }
}
