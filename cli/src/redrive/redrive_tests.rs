//! Tests of what `quell redrive` understands, shows and asks.

use aws_sdk_sqs::types::{Message as Received, MessageSystemAttributeName as Attribute};
use clap::Parser as _;
use domain::primitives::id::IncidentId;
use jiff::Timestamp;
use wire::message::{Message, Queued as _};

use super::letter::{Letter, Order};
use super::queue::Queue;
use super::{Redrive, ask, named, write};
use crate::screen::{self, Screen};

#[derive(Debug, clap::Parser)]
struct Line {
    #[command(flatten)]
    redrive: Redrive,
}

fn line(arguments: &[&str]) -> Result<Redrive, String> {
    let line = Line::try_parse_from([&["quell"], arguments].concat());
    line.map(|line| line.redrive)
        .map_err(|error| error.to_string())
}

fn letter(queue: Queue, id: &str, body: &str) -> Letter {
    let sent: Timestamp = "2026-11-25T21:15:49Z".parse().expect("a time");
    let message = Received::builder()
        .message_id(id)
        .body(body)
        .attributes(Attribute::SentTimestamp, sent.as_millisecond().to_string());
    Letter::of(queue, message.build())
}

fn opened() -> String {
    let incident_id = IncidentId::try_from("01M8A90ZRTN0096VT64NKT1WDQ").expect("an id");
    Message::IncidentOpened { incident_id }.to_json()
}

#[test]
fn a_move_names_its_queue_and_a_deletion_its_messages() {
    for (arguments, says) in [
        (&["--move"][..], "QUEUE"),
        (&["--delete"], "--only"),
        (&["signals", "--delete"], "--only"),
        (&["--only", "a"], "QUEUE"),
        (
            &["signals", "--move", "--delete", "--only", "a"],
            "cannot be used with",
        ),
        (
            &["letters"],
            "[possible values: incidents, notifications, repairs, signals]",
        ),
        (&["--most", "0"], "1..=1000"),
    ] {
        let error = line(arguments).expect_err("refused");
        assert!(error.contains(says), "{arguments:?}: {error}");
    }
    let order = |arguments: &[&str]| {
        let order = line(arguments).expect("understood").order();
        order.map_err(|failure| failure.to_string())
    };
    assert_eq!(order(&[]), Ok(None));
    assert_eq!(order(&["signals", "--move"]), Ok(Some(Order::Move)));
    let deletion = ["signals", "--delete", "--only", "a"];
    assert_eq!(order(&deletion), Ok(Some(Order::Delete)));
    let all_repairs = order(&["repairs", "--move"]).expect_err("refused");
    assert!(
        all_repairs.contains("name each that is to run"),
        "{all_repairs}"
    );
    let one = ["repairs", "--move", "--only", "a"];
    assert_eq!(order(&one), Ok(Some(Order::Move)));
}

#[test]
fn a_list_says_what_each_message_is_about() {
    let found = [
        letter(Queue::Incidents, "8a1e", &opened()),
        letter(Queue::Notifications, "9b2f", "{\"v\":9}\u{1b}[2J"),
    ];
    let mut out = Vec::new();
    write(&found, &[0, 1], Screen::PLAIN, &mut out).expect("written");
    let text = String::from_utf8(out).expect("text");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(
        lines[0].split_whitespace().collect::<Vec<_>>(),
        ["QUEUE", "MESSAGE", "SENT", "WHAT"]
    );
    assert!(
        lines[1].ends_with(
            "8a1e     2026-11-25 21:15:49 UTC  incident_opened: incident_id 01M8A90ZRTN0096VT64NKT1WDQ"
        ),
        "{text}"
    );
    assert!(lines[2].contains("cannot be read: "), "{text}");
    assert!(!text.contains('\u{1b}'), "no message steers the terminal");
    let json = screen::json(&found).expect("JSON");
    assert!(
        json.contains("\"type\": \"incident_opened\"") && json.contains("\"type\": null"),
        "{json}"
    );
    assert!(
        !json.contains("receipt") && !json.contains("body"),
        "{json}"
    );
}

#[test]
fn a_beginning_of_an_id_means_one_message() {
    let found = ["8a1e", "8a2f", "9b3c"].map(|id| letter(Queue::Incidents, id, &opened()));
    let meant = |only: &[&str]| {
        let only: Vec<String> = only.iter().map(ToString::to_string).collect();
        named(&found, &only).map_err(|failure| failure.to_string())
    };
    assert_eq!(meant(&[]), Ok(vec![0, 1, 2]));
    assert_eq!(meant(&["9", "8a1", "9b"]), Ok(vec![0, 2]));
    assert!(meant(&["8a"]).expect_err("two").contains("2 dead letters"));
    assert!(meant(&["7"]).expect_err("none").contains("begins with 7"));
}

#[test]
fn a_person_is_told_what_a_move_does_before_they_agree() {
    for (queue, says) in [
        (Queue::Repairs, "runs its approved plan"),
        (Queue::Signals, "counted then as an alert of now"),
    ] {
        for (typed, agreed) in [
            ("yes\n", true),
            ("YES\n", true),
            ("y\n", false),
            ("", false),
        ] {
            let mut out = Vec::new();
            let asked = ask(Order::Move, 3, Some(queue), &mut out, &mut typed.as_bytes());
            assert_eq!(asked.expect("asked"), agreed, "{typed:?}");
            let text = String::from_utf8(out).expect("text");
            assert!(text.contains(says), "{text}");
            assert!(
                text.ends_with("To move back 3 within 5 minutes, type `yes`: "),
                "{text}"
            );
        }
    }
}
