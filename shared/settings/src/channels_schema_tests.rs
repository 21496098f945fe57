//! Tests that the editor schema of `channels.json` accepts exactly the files that the functions
//! accept.

use std::collections::BTreeSet;
use std::path::Path;

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use domain::analysis::{Risk, Severity};
use domain::duty::Duty;
use domain::notification::channels::{
    AlertmanagerServer, ApprovalRule, Channel, Channels, EmailList, Language, PagerDutyService,
    Person, Place, Route, SlackChannel, TeamsWorkflow, TelegramChat, Webhook,
};

pub(super) fn file(path: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(path);
    let text = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).expect("JSON")
}

fn schema() -> Value {
    file("config/schemas/channels.schema.json")
}

/// The names that serde says it expects instead of one that is not there.
fn expected<T: DeserializeOwned>(wrong: Value) -> BTreeSet<String> {
    let error = serde_json::from_value::<T>(wrong)
        .err()
        .expect("it knows its names")
        .to_string();
    let (_, names) = error.split_once("expected ").expect("a list of names");
    names
        .split('`')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect()
}

fn fields<T: DeserializeOwned>() -> BTreeSet<String> {
    expected::<T>(json!({ "zzz": 1 }))
}

#[test]
fn the_schema_has_the_fields_that_are_read() {
    let schema = schema();
    let of = |place: &str| -> BTreeSet<String> {
        let properties = schema
            .pointer(place)
            .and_then(|part| part["properties"].as_object())
            .expect(place);
        properties.keys().cloned().collect()
    };
    for (place, fields) in [
        ("", fields::<Channels>()),
        ("/$defs/Channel", fields::<Channel>()),
        ("/$defs/Place", fields::<Place>()),
        ("/$defs/TelegramChat", fields::<TelegramChat>()),
        ("/$defs/SlackChannel", fields::<SlackChannel>()),
        ("/$defs/Webhook", fields::<Webhook>()),
        ("/$defs/PagerDutyService", fields::<PagerDutyService>()),
        ("/$defs/TeamsWorkflow", fields::<TeamsWorkflow>()),
        ("/$defs/EmailList", fields::<EmailList>()),
        ("/$defs/AlertmanagerServer", fields::<AlertmanagerServer>()),
        ("/$defs/Route", fields::<Route>()),
        ("/$defs/Person", fields::<Person>()),
        ("/$defs/ApprovalRule", fields::<ApprovalRule>()),
    ] {
        assert_eq!(of(place), fields, "{place}");
    }
    let values = |place: &str| -> BTreeSet<String> {
        let values = schema
            .pointer(place)
            .and_then(|part| part["enum"].as_array())
            .expect(place);
        values
            .iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect()
    };
    for (place, names) in [
        ("/properties/language", expected::<Language>(json!("zzz"))),
        (
            "/$defs/Channel/properties/language",
            expected::<Language>(json!("zzz")),
        ),
        (
            "/$defs/Route/properties/severities/items",
            expected::<Severity>(json!("zzz")),
        ),
        (
            "/$defs/ApprovalRule/properties/risks/items",
            expected::<Risk>(json!("zzz")),
        ),
    ] {
        assert_eq!(values(place), names, "{place}");
    }
}

#[test]
fn every_field_of_the_schema_is_explained() {
    fn unexplained(place: &str, part: &Value, found: &mut Vec<String>) {
        for (name, property) in part["properties"].as_object().into_iter().flatten() {
            let place = format!("{place}/{name}");
            if property.get("description").is_none() && property.get("$ref").is_none() {
                found.push(place.clone());
            }
            unexplained(&place, property, found);
        }
    }
    let schema = schema();
    let mut found = Vec::new();
    unexplained("", &schema, &mut found);
    for (name, part) in schema["$defs"].as_object().expect("definitions") {
        unexplained(name, part, &mut found);
    }
    assert_eq!(found, [""; 0]);
}

/// Checks that the schema and the functions take a file of the project.
pub(super) fn accepted(path: &str, schema: &jsonschema::Validator, read: &impl Fn(&Value) -> bool) {
    let file = file(path);
    let errors: Vec<String> = schema
        .iter_errors(&file)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert_eq!(errors, [""; 0], "{path}");
    assert!(read(&file), "{path}");
}

#[test]
fn the_schema_and_the_functions_take_the_same_files() {
    let validator = jsonschema::draft202012::new(&schema()).expect("a schema");
    let duty: Duty =
        serde_json::from_value(file("docs/people.example.json")).expect("the example's teams");
    let read = |file: &Value| {
        serde_json::from_value::<Channels>(file.clone()).is_ok_and(|mut channels| {
            channels.duty = duty.clone();
            channels.errors().is_empty()
        })
    };
    for path in ["config/channels.json", "docs/channels.example.json"] {
        accepted(path, &validator, &read);
    }

    let example = file("docs/channels.example.json");
    let broken = [
        ("/language", json!("fr")),
        ("/channels/0/name", json!("On call")),
        ("/channels/0/to", json!({})),
        (
            "/channels/0/to",
            json!({ "telegram": { "chat_id": 1 }, "slack": { "channel_id": "C1", "token_secret": "t" } }),
        ),
        ("/channels/0/to/telegram/chat_id", json!(0)),
        ("/channels/0/to/telegram/chat_id", json!("-100")),
        ("/channels/1/to/slack/channel_id", json!("#payments")),
        ("/channels/1/to/slack/token_secret", json!(" ")),
        (
            "/channels/2/to/webhook/url",
            json!("http://tickets.example/quell"),
        ),
        (
            "/channels/2/to/webhook/url",
            json!("https://tickets.example/quell/"),
        ),
        (
            "/channels/2/to/webhook/url",
            json!("https://tickets.example/quell?token=1"),
        ),
        ("/channels/0/to/telegram/messages_per_minute", json!(601)),
        ("/channels/0/to/telegram/message_thread_id", json!(0)),
        ("/channels/0/to/telegram/bot_username", json!("@quell_bot")),
        ("/channels/0/to/telegram/bot_username", json!("bot")),
        ("/channels/3/to/pagerduty/routing_key_secret", json!("")),
        (
            "/channels/3/to/pagerduty/api_url",
            json!("events.eu.pagerduty.com"),
        ),
        ("/channels/4/to/teams/url_secret", json!(" ")),
        (
            "/channels/4/to/teams/url",
            json!("https://a.logic.azure.com/w"),
        ),
        (
            "/channels/5/to/email/from",
            json!("Quell <quell@example.com>"),
        ),
        ("/channels/5/to/email/from", json!("quell@localhost")),
        ("/channels/5/to/email/to", json!([])),
        (
            "/channels/5/to/email/to",
            json!(["a@example.com", "b@example.com\r\nBcc: c@example.com"]),
        ),
        ("/alertmanager", json!({ "url": "alertmanager.example" })),
        ("/routes/0/severities/0", json!("high")),
        ("/routes/2/channels", json!([])),
        ("/people/ada", json!({ "telegramm": 1 })),
        ("/people/ada/pagerduty", json!("grace@example.com")),
        ("/people/ada/pagerduty", json!("")),
        ("/people/ada/email", json!("ada")),
        ("/people/ada/time_zone", json!(1)),
        ("/people/ada/time_zone", Value::Null),
        ("/routes/1/people", json!("ada")),
        ("/people/ada/email", json!("Ada <ada@example.com>")),
        ("/people", json!({ "a b": {} })),
        ("/approvals/0/escalate_after_seconds", json!(0)),
        ("/approvals/0/risks/0", json!("P0")),
        ("/approvals/0/team", json!(7)),
        ("/approvals/0/team", Value::Null),
        ("/approvals/1/people", json!([])),
    ];
    for (place, value) in broken {
        let mut file = example.clone();
        let (parent, name) = place.rsplit_once('/').expect("a place");
        match file.pointer_mut(parent).expect(place) {
            Value::Object(fields) => drop(fields.insert(name.to_owned(), value.clone())),
            _ => *file.pointer_mut(place).expect(place) = value.clone(),
        }
        assert!(
            !validator.is_valid(&file),
            "the schema takes {value} at {place}"
        );
        assert!(!read(&file), "the functions take {value} at {place}");
    }
}
