//! Tests of teams: who is on duty on which levels.

use jiff::Timestamp;
use serde_json::json;

use super::Duty;

fn team() -> Duty {
    serde_json::from_value(json!({ "$schema": "schemas/people.schema.json", "teams": { "payments": { "levels": [
        { "rotation": { "zone": "Asia/Taipei", "hand_over": "09:00", "first": "2026-01-05", "members": ["ada", "bob"] }, "wait_seconds": 600 },
        { "people": ["bob", "carol"], "wait_seconds": 900 },
        { "people": ["dora"] },
    ] } } }))
    .expect("the shape of the file")
}

#[test]
fn levels_are_asked_in_order_and_each_person_once() {
    let duty = team();
    let now: Timestamp = "2026-01-06T01:00:00Z".parse().expect("a time");
    for (level, people) in [
        (0, vec!["bob"]),
        (1, vec!["bob", "carol"]),
        (2, vec!["bob", "carol", "dora"]),
        (9, vec!["bob", "carol", "dora"]),
    ] {
        assert_eq!(duty.on_duty("payments", level, now), people, "{level}");
    }
    let a_day_before = "2026-01-06T00:59:59Z".parse().expect("a time");
    assert_eq!(duty.on_duty("payments", 0, a_day_before), ["ada"]);
    assert_eq!(duty.on_duty("search", 9, now), [""; 0]);
}
