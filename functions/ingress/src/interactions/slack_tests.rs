//! Tests of Slack's interaction payloads: accepted and refused ones.

use serde_json::{Value, json};

use super::{Pressed, read};

fn block_actions() -> Value {
    json!({
        "type": "block_actions",
        "user": { "id": "U0123456789", "username": "ada", "team_id": "T1" },
        "channel": { "id": "C0123456789", "name": "on-call" },
        "trigger_id": "12321423423.333649436676.d8c1bb837935619ccad0f624c448ffb3",
        "actions": [{ "type": "button", "action_id": "a", "value": "approve:x+y z%41&é", "action_ts": "1548426417.840180" }],
    })
}

fn form(payload: &str) -> Vec<u8> {
    form_urlencoded::Serializer::new(String::new())
        .append_pair("payload", payload)
        .finish()
        .into_bytes()
}

fn refusal(payload: &Value) -> String {
    read(&form(&payload.to_string()))
        .expect_err("refused")
        .to_string()
}

/// The payload with another value at a place.
fn with(pointer: &str, value: Value) -> Value {
    let mut payload = block_actions();
    *payload.pointer_mut(pointer).expect("it is there") = value;
    payload
}

#[test]
fn a_press_is_read_as_it_was_written() {
    let read = |payload: &Value| {
        read(&form(&payload.to_string()))
            .expect("taken")
            .expect("a press")
    };
    let pressed = read(&block_actions());
    let Pressed {
        user,
        channel,
        data,
        id,
    } = &pressed;
    assert_eq!(
        (user.as_str(), channel.as_str(), data.as_str()),
        ("U0123456789", "C0123456789", "approve:x+y z%41&é")
    );
    assert_eq!(id.len(), 32);
    assert_eq!(
        read(&block_actions()),
        pressed,
        "a repetition is the same press"
    );
    for place in ["/trigger_id", "/actions/0/action_ts"] {
        assert_ne!(read(&with(place, json!("1"))).id, *id, "{place}");
    }
}

#[test]
fn other_interactions_come_to_nothing() {
    for kind in ["view_submission", "view_closed", "shortcut", ""] {
        assert_eq!(
            read(&form(&json!({ "type": kind, "actions": 7 }).to_string())).expect("taken"),
            None,
            "{kind}"
        );
    }
}

#[test]
fn what_slack_does_not_send_is_refused() {
    let action = block_actions()["actions"][0].clone();
    insta::assert_snapshot!(refusal(&with("/actions", json!([action, action]))), @"actions: has to hold exactly one action");
    insta::assert_snapshot!(refusal(&with("/actions", json!([]))), @"actions: has to hold exactly one action");
    for (place, value) in [
        ("/type", json!(7)),
        ("/user", json!(["U0123456789"])),
        ("/user/id", json!(7)),
        ("/user/id", json!("")),
        ("/user/id", json!("<!channel>")),
        ("/user/id", json!("U".repeat(33))),
        ("/channel", json!(null)),
        ("/channel/id", json!({})),
        ("/trigger_id", json!(1.5)),
        ("/actions", json!({ "0": {} })),
        ("/actions/0", json!("approve")),
        ("/actions/0/value", json!(["approve"])),
        ("/actions/0/action_ts", json!(1_548_426_417)),
    ] {
        assert!(
            read(&form(&with(place, value.clone()).to_string())).is_err(),
            "{place}: {value}"
        );
    }
}

#[test]
fn the_form_has_the_field_once() {
    let good = form(&block_actions().to_string());
    let twice = [good.as_slice(), b"&", good.as_slice()].concat();
    let beside = [b"a=1&", good.as_slice(), b"&payloads=2"].concat();
    assert!(read(&beside).is_ok());
    for bad in [
        b"".as_slice(),
        b"payload",
        b"payload=",
        b"payload=%7B",
        b"payload=%FF%FE",
        b"{}",
        &twice,
        &good[..good.len() - 9],
    ] {
        assert!(read(bad).is_err(), "{}", String::from_utf8_lossy(bad));
    }
    let deep = format!("payload={}", "[".repeat(200_000));
    assert!(read(deep.as_bytes()).is_err());
}
