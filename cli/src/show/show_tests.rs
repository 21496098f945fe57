//! Tests of the page of an incident.

use serde_json::{Value, json};

use super::Page;
use crate::api::model::{Incident, LogPart};
use crate::screen::Screen;

/// An incident whose plan waits for a decision, as the API answers it.
pub(crate) fn incident() -> Value {
    read(include_str!("../../tests/api/incident.json"))
}

fn read(text: &str) -> Value {
    serde_json::from_str(text).expect("JSON")
}

fn repaired() -> (Value, Value) {
    (
        read(include_str!("../../tests/api/repaired.json")),
        read(include_str!("../../tests/api/repaired-log.json")),
    )
}

fn shown(incident: Value, log: Value) -> String {
    let incident: Incident = serde_json::from_value(incident).expect("an incident");
    let log: LogPart = serde_json::from_value(log).expect("a log");
    let mut out = Vec::new();
    Page::new(Screen::PLAIN, &mut out)
        .incident(&incident, &log.entries)
        .expect("written");
    String::from_utf8(out).expect("text")
}

#[test]
fn a_repaired_incident_is_shown_from_alert_to_check() {
    let (incident, log) = repaired();
    insta::assert_snapshot!(shown(incident, log));
}

#[test]
fn what_waits_for_a_decision_shows_every_argument() {
    let mut waiting = incident();
    waiting["plan"]["parts"][0]["steps"][0]["command"] = json!("sh -c 'a  b'");
    waiting["plan"]["parameters"]["program"] = json!("two  spaces");
    let page = shown(waiting, read(include_str!("../../tests/api/log.json")));
    for says in [
        "  steps[0]    sh -c 'a  b'  (up to 30 s)",
        "  parameter   program = \"two  spaces\"",
        "(up to 5 s, 7 tries)",
        "  STOPS  service_level       checkout-web asks for approval",
        "it waits since 2026-11-25 21:15:49 UTC until 2026-11-25 21:45:49 UTC",
    ] {
        assert!(page.contains(says), "{says} is not in\n{page}");
    }
}

/// Puts a text behind every text of an answer that others write.
fn hostile(answer: &mut Value) {
    const OTHERS: [&str; 16] = [
        "name",
        "target",
        "message",
        "detail",
        "stdout",
        "stderr",
        "root_cause",
        "suggested_action",
        "why",
        "text",
        "command",
        "summary",
        "component",
        "actor",
        "playbook_name",
        "asked",
    ];
    match answer {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::String(text) if OTHERS.contains(&name.as_str()) => {
                        text.push_str("\u{1b}[2J\u{1b}]0;owned\u{7}\u{9b}31m\r\u{202e}x");
                    }
                    value => hostile(value),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(hostile),
        _ => {}
    }
}

#[test]
fn no_text_of_an_alert_steers_the_terminal() {
    let (mut incident, mut log) = repaired();
    hostile(&mut incident);
    hostile(&mut log);
    let page = shown(incident, log);
    assert!(page.contains("owned"), "{page}");
    let steers = page
        .chars()
        .find(|c| *c != '\n' && domain::primitives::safe_text::is_hidden(*c));
    assert_eq!(steers, None, "{page:?}");
}
