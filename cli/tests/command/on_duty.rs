//! Tests of `quell on-duty` and of its import of calendars.

use std::path::Path;

use serde_json::{Value, json};

use super::{examples, told};

/// The blocks of a page that stand between fences, of whatever language.
fn blocks(page: &str) -> Vec<String> {
    let (mut blocks, mut inside) = (Vec::new(), None);
    for line in page.lines() {
        match (&mut inside, line.starts_with("```")) {
            (None, true) => inside = Some(String::new()),
            (None, false) => {}
            (Some(_), true) => blocks.extend(inside.take()),
            (Some(block), false) => {
                block.push_str(line);
                block.push('\n');
            }
        }
    }
    blocks
}

#[test]
fn on_duty_prints_what_the_documents_show() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
    let page = std::fs::read_to_string(docs.join("command.md")).expect("the page");
    let directory = examples();
    let config = directory.path().to_str().expect("a path");
    let mut runs = 0;
    for block in blocks(&page) {
        let Some((command, shown)) = block.split_once('\n') else {
            continue;
        };
        let Some(arguments) = command.strip_prefix("$ quell on-duty ") else {
            continue;
        };
        let mut arguments: Vec<&str> = arguments.split(' ').collect();
        arguments.insert(0, "on-duty");
        arguments.extend(["--config", config]);
        let (status, found, complaint) = told(&arguments, "");
        assert_eq!((status, complaint.as_str()), (Some(0), ""), "{command}");
        assert_eq!(found, shown, "{command}");
        runs += 1;
    }
    assert_eq!(runs, 3);
}

/// `quell on-duty import` into a level of the example's team, of a calendar.
fn import<'a>(config: &'a str, level: &'a str, calendar: &'a str) -> Vec<&'a str> {
    vec![
        "on-duty",
        "import",
        "--config",
        config,
        "--team",
        "payments",
        "--level",
        level,
        "--calendar",
        calendar,
        "--from",
        "2026-10-19T07:00:00Z",
        "--days",
        "14",
    ]
}

#[test]
fn import_writes_what_on_duty_then_says() {
    let directory = examples();
    let config = directory.path().to_str().expect("a path");
    let before = std::fs::read_to_string(directory.path().join("people.json")).expect("text");
    let calendar = "cli/tests/calendars/pagerduty.ics";
    let command = [&import(config, "1", calendar)[..], &["--write"]].concat();
    let (status, found, complaint) = told(&command, "");
    assert_eq!((status, complaint.as_str()), (Some(0), ""), "{found}");
    assert!(
        found.ends_with("people.json has 5 overrides there now. Look at it, and deploy.\n"),
        "{found}"
    );
    let listed = [
        "on-duty",
        "--config",
        config,
        "--at",
        "2026-10-19T07:00:00Z",
        "--until",
        "2026-11-02T08:00:00Z",
        "--json",
    ];
    let (_, found, _) = told(&listed, "");
    let shifts: Vec<Value> = serde_json::from_str(&found).expect("JSON");
    let first: Vec<String> = shifts
        .iter()
        .filter(|shift| shift["level"] == 1)
        .map(|shift| {
            format!(
                "{} {} {}",
                shift["person"], shift["until"], shift["because"]
            )
        })
        .collect();
    assert_eq!(
        first,
        [
            r#""ada" "2026-10-26T08:00:00Z" "override""#,
            r#""bob" "2026-10-28T17:00:00Z" "override""#,
            r#""ada" "2026-10-29T08:00:00Z" "override""#,
            r#""bob" "2026-11-02T07:00:00Z" "override""#,
            r#""ada" "2026-11-02T08:00:00Z" "turn""#,
        ]
    );
    // The window ends an hour before the shift does, as the clock is put back in it. Everything else of the file is as it was.
    let after = std::fs::read_to_string(directory.path().join("people.json")).expect("text");
    let (head, _) = before.split_once("\"overrides\"").expect("some");
    let (_, tail) = before.split_once("\"holidays\"").expect("some");
    assert!(after.starts_with(head) && after.ends_with(tail), "{after}");
    assert!(
        after.contains("2026-07-15T18:00:00+02:00"),
        "what is over stays: {after}"
    );
    let (_, found, _) = told(&["check", config], "");
    assert!(!found.contains("people.json:"), "{found}");
    // Once more changes nothing.
    assert_eq!(told(&command, "").0, Some(0));
    let again = std::fs::read_to_string(directory.path().join("people.json")).expect("text");
    assert_eq!(again, after);
}

#[test]
fn import_refuses_what_is_not_clear_and_writes_nothing() {
    let directory = examples();
    let config = directory.path().to_str().expect("a path");
    let people = || std::fs::read_to_string(directory.path().join("people.json")).expect("text");
    let before = people();
    let calendar = "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nDTSTART:20261020T080000Z\r\nDTEND:20261020T180000Z\r\nSUMMARY:ada\r\nEND:VEVENT\r\n\
        BEGIN:VEVENT\r\nDTSTART:20261020T170000Z\r\nDTEND:20261021T080000Z\r\nSUMMARY:bob\r\nEND:VEVENT\r\n\
        BEGIN:VEVENT\r\nDTSTART:20261022T100000Z\r\nDTEND:20261022T110000Z\r\nSUMMARY:Team \u{202e}lunch\r\nATTENDEE:mailto:eve@example.com\r\nEND:VEVENT\r\n\
        BEGIN:VEVENT\r\nDTSTART;VALUE=DATE:20261023\r\nSUMMARY:ada and bob\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
    let command = [&import(config, "1", "-")[..], &["--write"]].concat();
    let (status, found, complaint) = told(&command, calendar);
    assert_eq!((status, complaint.as_str()), (Some(1), ""));
    insta::assert_snapshot!(found, @r#"
    "bob" from 2026-10-20T19:00:00+02:00 until 2026-10-21T10:00:00+02:00 overlaps "ada" from 2026-10-20T10:00:00+02:00 until 2026-10-20T20:00:00+02:00. A rotation has one on duty: shorten one of them.
    "Team lunch" from 2026-10-22T12:00:00+02:00 until 2026-10-22T13:00:00+02:00 matches no person in channels.json: nobody has the address eve@example.com, and no name is in its title. Add people.<name>.email, or write the name into the title.
    "ada and bob" from 2026-10-23T00:00:00+02:00 until 2026-10-24T00:00:00+02:00 is more than one person's: ada, bob. A rotation has one on duty: name one.
    3 problems, nothing is imported. Fix them in the calendar or in channels.json, or leave events out with --only.
    "#);
    // Without the others, what is left is clear.
    let only = [&import(config, "1", "-")[..], &["--only", "ADA"]].concat();
    let one = calendar.replace("ada and bob", "ada alone");
    let (status, found, _) = told(&only, &one);
    assert_eq!(status, Some(0));
    insta::assert_snapshot!(found, @r#"
    payments level 1
      ada  from 2026-10-20T10:00:00+02:00 until 2026-10-20T20:00:00+02:00
      ada  from 2026-10-23T00:00:00+02:00 until 2026-10-24T00:00:00+02:00
    note: from 2026-10-19T09:00:00+02:00 until 2026-10-20T10:00:00+02:00 the calendar has no one: the rotation stays on duty
    note: from 2026-10-20T20:00:00+02:00 until 2026-10-23T00:00:00+02:00 the calendar has no one: the rotation stays on duty
    note: from 2026-10-24T00:00:00+02:00 until 2026-11-02T08:00:00+01:00 the calendar has no one: the rotation stays on duty
    note: events with a date and no time (1) last from midnight to midnight by the clock of Europe/Berlin

    "overrides": [
      { "from": "2026-07-15T18:00:00+02:00", "until": "2026-07-16T09:00:00+02:00", "person": "bob" },
      { "from": "2026-10-20T10:00:00+02:00", "until": "2026-10-20T20:00:00+02:00", "person": "ada" },
      { "from": "2026-10-23T00:00:00+02:00", "until": "2026-10-24T00:00:00+02:00", "person": "ada" }
    ]
    "#);
    for (level, calendar, why) in [
        (
            "3",
            "-",
            "level 3 of payments has people who are always on duty",
        ),
        ("4", "-", "payments has the levels 1 to 3, and no 4"),
        (
            "1",
            "http://calendar.example/on-call.ics",
            "has to begin with https://",
        ),
        ("1", "nowhere.ics", "nowhere.ics cannot be read"),
        ("1", "README.md", "it is no iCalendar file"),
        (
            "1",
            "webcal://127.0.0.1:1/private/token.ics",
            "No calendar from 127.0.0.1: ",
        ),
    ] {
        let (status, _, complaint) = told(&import(config, level, calendar), "");
        assert!(
            status == Some(2) && complaint.contains(why),
            "{calendar}: {complaint}"
        );
        assert!(!complaint.contains("token"), "{complaint}");
    }
    let other = import(config, "1", "-")
        .iter()
        .map(|word| if *word == "payments" { "search" } else { *word })
        .collect::<Vec<_>>();
    let (status, _, complaint) = told(&other, "");
    assert!(
        status == Some(2) && complaint.contains("has no team search. Its teams: payments"),
        "{complaint}"
    );
    assert_eq!(people(), before);
}

#[test]
fn on_duty_has_json_and_refuses_a_span_without_time() {
    let directory = examples();
    let config = directory.path().to_str().expect("a path");
    let at = [
        "on-duty",
        "--config",
        config,
        "--at",
        "2026-12-25T12:00:00Z",
    ];
    let (status, found, _) = told(&[&at[..], &["--json"]].concat(), "");
    let shifts: Value = serde_json::from_str(&found).expect("JSON");
    assert_eq!(status, Some(0));
    assert_eq!(
        shifts[0],
        json!({
            "team": "payments", "level": 1, "person": "carol",
            "from": "2026-12-25T08:00:00Z", "until": "2026-12-26T08:00:00Z", "because": "holiday",
        })
    );
    assert_eq!(
        (&shifts[2]["person"], &shifts[2]["because"]),
        (&json!("carol"), &json!("always"))
    );
    for until in ["2026-12-25T12:00:00Z", "2028-12-25T12:00:00Z"] {
        let (status, _, complaint) = told(&[&at[..], &["--until", until]].concat(), "");
        assert!(
            status == Some(2) && complaint.contains("is not within the 400 days after"),
            "{complaint}"
        );
    }
    let (status, found, _) = told(&["on-duty"], "");
    assert_eq!(
        (status, found.as_str()),
        (Some(0), "No teams: config/people.json names none.\n")
    );
}
