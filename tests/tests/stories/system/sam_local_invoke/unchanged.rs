//! What comes of each event as it is, without the values of a stack.

use domain::primitives::phrase::Phrase;
use serde_json::{Value, json};
use tests::answer::assert_problem;

use super::{
    ANALYZER, BOARD, BRIDGE, FIRST, INGRESS, NOTIFIER, REPAIR, SECOND, SIGNALS, WITNESS, come_back,
    http,
};

/// What has to hold of an answer.
pub(super) type Expectation = fn(&Value);

/// The events, whom each is for, and what comes of it as it is. A new event needs a line here.
pub(super) const EVENTS: [(&str, &str, Expectation); 26] = [
    ("alert-signed", INGRESS, unauthenticated),
    ("alertmanager-cicd", INGRESS, unauthenticated),
    ("alertmanager-grouped", INGRESS, unauthenticated),
    ("alertmanager-resolved", INGRESS, unauthenticated),
    ("alertmanager-single", INGRESS, unauthenticated),
    ("approval-approve", INGRESS, unauthenticated),
    ("approval-link", INGRESS, link_refused),
    ("board-changed", BOARD, taken_whole),
    ("bridge-refused", BRIDGE, refused),
    ("bridge-step", BRIDGE, unreachable),
    ("bridge-undecided", BRIDGE, undecided),
    ("grafana-firing", INGRESS, unauthenticated),
    ("health", INGRESS, healthy),
    ("incident-acknowledge", INGRESS, unauthenticated),
    ("incidents-opened", ANALYZER, both_come_back),
    ("incidents-reanalysis", ANALYZER, comes_back),
    ("log-written", WITNESS, taken_whole),
    ("notifications-budget", NOTIFIER, none_comes_back),
    ("notifications-changed", NOTIFIER, both_come_back),
    ("notifications-due", NOTIFIER, none_comes_back),
    ("pagerduty-acknowledge", INGRESS, unauthenticated),
    ("repairs-approved", REPAIR, comes_back),
    ("signal-signed", INGRESS, unauthenticated),
    ("signals-received", SIGNALS, none_comes_back),
    ("slack-approve", INGRESS, unauthenticated),
    ("telegram-approve", INGRESS, unauthenticated),
];

fn healthy(answer: &Value) {
    let (status, body) = http(answer);
    assert_eq!(
        (status, body["status"].as_str()),
        (200, Some("healthy")),
        "{body}"
    );
}

fn unauthenticated(answer: &Value) {
    let (status, problem) = http(answer);
    assert_problem("", (status, &problem), (401, "unauthenticated"));
}

/// Who reads the table's stream answers nothing, and a batch that has to come again is an error.
fn taken_whole(answer: &Value) {
    assert_eq!(*answer, json!({}));
}

/// A person reads the answer: it is a page.
fn link_refused(answer: &Value) {
    assert_eq!(
        (&answer["statusCode"], &answer["headers"]["content-type"]),
        (&json!(401), &json!("text/html; charset=utf-8")),
        "{answer}"
    );
    assert!(
        answer["body"]
            .as_str()
            .is_some_and(|page| page.contains("lang=\"zh-TW\"")),
        "{answer}"
    );
}

/// The message of a signal is the whole alert: it is counted as it is.
fn none_comes_back(answer: &Value) {
    come_back(answer, &[]);
}

fn comes_back(answer: &Value) {
    come_back(answer, &[FIRST]);
}

pub(super) fn both_come_back(answer: &Value) {
    come_back(answer, &[FIRST, SECOND]);
}

/// The sentence of the bridge's answer.
fn said(answer: &Value) -> String {
    let detail: Phrase = serde_json::from_value(answer["detail"].clone()).expect("a sentence");
    detail.to_string()
}

pub(super) fn refused(answer: &Value) {
    assert_eq!(
        (answer["outcome"].as_str(), &answer["argv"]),
        (Some("refused"), &json!([])),
        "{answer}"
    );
    let detail = said(answer);
    assert!(
        detail.contains("the parameter program does not match its pattern"),
        "{detail}"
    );
}

/// A step that changes something, and nobody has decided on it.
fn undecided(answer: &Value) {
    assert_eq!(
        (answer["outcome"].as_str(), &answer["argv"]),
        (Some("refused"), &json!([])),
        "{answer}"
    );
    assert_eq!(
        said(answer),
        "Nothing ran: the request carries no decision.",
        "{answer}"
    );
}

/// A host that does not answer is an answer, not an error.
fn unreachable(answer: &Value) {
    assert_eq!(
        (answer["outcome"].as_str(), &answer["argv"]),
        (Some("unreachable"), &json!([])),
        "{answer}"
    );
    assert!(
        said(answer).starts_with("Nothing ran: checkout-web could not be reached"),
        "{answer}"
    );
}
