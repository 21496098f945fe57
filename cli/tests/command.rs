//! Tests of the command as a process, where no AWS is needed.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use ingress::authentication::{self, Covered, SIGNED, SignedRequest};
use jiff::Timestamp;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Runs the command in the project's directory, with nothing of this machine's AWS.
fn quell(arguments: &[&str], stdin: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_quell"));
    command
        .args(arguments)
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))
        .env_clear();
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it runs");
    // What does not read its input may be gone already.
    let _ = child
        .stdin
        .take()
        .expect("a pipe")
        .write_all(stdin.as_bytes());
    child.wait_with_output().expect("it ends")
}

/// The exit status, what was found out, and what was complained.
fn told(arguments: &[&str], stdin: &str) -> (Option<i32>, String, String) {
    let output = quell(arguments, stdin);
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    (
        output.status.code(),
        text(output.stdout),
        text(output.stderr),
    )
}

/// The project's files, with one word of one of them replaced.
fn changed(file: &str, from: &str, to: &str) -> TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("../config");
    for entry in std::fs::read_dir(config)
        .expect("config")
        .flatten()
        .filter(|entry| entry.path().is_file())
    {
        let mut text = std::fs::read_to_string(entry.path()).expect("text");
        if entry.file_name() == file {
            assert!(text.contains(from), "{file} has no {from}");
            text = text.replacen(from, to, 1);
        }
        std::fs::write(directory.path().join(entry.file_name()), text).expect("written");
    }
    directory
}

fn secret(text: &str) -> (TempDir, String) {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("secret");
    std::fs::write(&file, text).expect("written");
    let path = file.display().to_string();
    (directory, path)
}

#[test]
fn check_counts_what_is_there_or_names_file_line_and_field() {
    let (status, found, complaint) = told(&["check"], "");
    assert_eq!((status, complaint.as_str()), (Some(0), ""));
    assert!(
        found.ends_with("own templates, the guardrails and the alert tables: no errors\n"),
        "{found}"
    );

    for (file, from, to, says) in [
        (
            "playbooks.yaml",
            "timeout: 60s",
            "timeout: soon",
            "playbooks.yaml:29: [0] restart-compose-service: steps[0].timeout: `soon` is not a length of time",
        ),
        (
            "service-registry.yaml",
            "level: auto",
            "level: autp",
            "service-registry.yaml:8: [0] sentry: level: `autp` is not allowed; did you mean auto?",
        ),
        (
            "guardrails.yaml",
            "min_confidence: 0.6",
            "min_confidence: 6",
            "guardrails.yaml:7: min_confidence: has to be a number from 0 to 1, and is `6`",
        ),
        (
            "channels.json",
            "\"channels\"",
            "\"chanels\"",
            "channels.json:",
        ),
        (
            "alert-tables.json",
            "\"subject_labels\"",
            "\"subject_label\"",
            "alert-tables.json:",
        ),
        (
            "alert-rules.json",
            "\"KubePodCrashLooping\"",
            "\"*\"",
            "has to name alerts: it is empty, or fits every alert",
        ),
        (
            "static-rules.yaml",
            "confidence: 0.6",
            "confidence: 6",
            "[0] storm: confidence: has to be a number from 0 to 1, and is `6`",
        ),
    ] {
        let directory = changed(file, from, to);
        let (status, found, _) = told(&["check", directory.path().to_str().expect("a path")], "");
        assert!(status == Some(1) && found.contains(says), "{file}: {found}");
    }
}

/// A directory with the documents' examples of channels.json and people.json.
fn examples() -> TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    for file in ["channels", "people"] {
        let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
        let example = docs.join(format!("{file}.example.json"));
        let copy = directory.path().join(format!("{file}.json"));
        std::fs::copy(example, copy).expect("it is copied");
    }
    directory
}

#[test]
fn check_accepts_the_documents_example_of_teams() {
    let directory = changed("channels.json", "{", "{");
    let examples = examples();
    for file in ["channels.json", "people.json"] {
        std::fs::copy(examples.path().join(file), directory.path().join(file)).expect("copied");
    }
    let config = directory.path().to_str().expect("a path");
    let (status, found, _) = told(&["check", config], "");
    assert!(
        status == Some(0) && found.contains("6 channels, 3 people, 1 teams"),
        "{found}"
    );
    std::fs::write(directory.path().join("people.yaml"), "teams: {}").expect("written");
    let (status, found, _) = told(&["check", config], "");
    assert!(
        status == Some(1) && found.contains("people.yaml: is not read: write it as JSON"),
        "{found}"
    );
}

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

#[test]
fn check_finds_a_template_that_cannot_be_rendered() {
    let directory = changed("playbooks.yaml", "timeout: 60s", "timeout: 60s");
    let templates = directory.path().join("templates/en");
    std::fs::create_dir_all(&templates).expect("a directory");
    std::fs::write(
        templates.join("incident.html"),
        "fine\n{{ incident.nothing.at_all }}",
    )
    .expect("written");
    let (status, found, _) = told(&["check", directory.path().to_str().expect("a path")], "");
    assert!(
        status == Some(1) && found.contains("templates/en/incident.html:2: "),
        "{found}"
    );
}

#[test]
fn check_tells_machines_where_each_fault_is() {
    let directory = changed("playbooks.yaml", "'{unit}', restart", "'{unti}', restart");
    let path = directory.path().to_str().expect("a path");
    let (status, found, _) = told(&["check", path, "--json"], "");
    assert_eq!(status, Some(1));
    let found: Value = serde_json::from_str(&found).expect("JSON");
    let error = &found["errors"][0];
    assert_eq!(
        (error["line"].as_u64(), error["field"].as_str()),
        (Some(28), Some("[0].steps[0].run[3]")),
        "{found}"
    );
    assert_eq!(error["file"], format!("{path}/playbooks.yaml"));
    assert!(
        error["text"]
            .as_str()
            .is_some_and(|text| text.contains("`unti` is unknown; did you mean unit?")),
        "{error}"
    );
    let shipped: Value = serde_json::from_str(&told(&["check", "--json"], "").1).expect("JSON");
    assert_eq!(shipped["errors"], serde_json::json!([]));
    let warned = shipped["warnings"].as_array().expect("a list");
    let fields: Vec<&str> = warned
        .iter()
        .filter_map(|one| one["field"].as_str())
        .collect();
    assert_eq!(fields, ["channels", "approvals"], "{shipped}");
}

#[test]
fn check_warns_of_a_service_without_a_place() {
    let directory = changed(
        "service-registry.yaml",
        "  match: { namespace: shop }\n",
        "",
    );
    let path = directory.path().to_str().expect("a path");
    let (status, found, _) = told(&["check", path], "");
    assert_eq!(status, Some(0), "{found}");
    assert!(
        found.starts_with("warning: ")
            && found.contains("service-registry.yaml:21: [1] checkout-web: match: is missing")
            && found.ends_with(": no errors\n"),
        "{found}"
    );
    let (status, found, _) = told(&["check", path, "--json"], "");
    let found: Value = serde_json::from_str(&found).expect("JSON");
    assert_eq!(status, Some(0), "{found}");
    assert_eq!(found["errors"], serde_json::json!([]));
    assert_eq!(found["warnings"][0]["field"], "[1].match", "{found}");
}

#[test]
fn plan_of_an_alert_from_elsewhere_says_both_places() {
    let sent = r#"{"status":"firing","alerts":[{"status":"firing","labels":
        {"alertname":"SentryDown","component":"sentry","cluster":"dev-laptop","namespace":"feature-4711"}}]}"#;
    let why = "sentry lives in cluster prod, namespace tools; this alert comes from cluster dev-laptop, namespace feature-4711";
    let (_, found, _) = told(&["plan", "-"], sent);
    assert!(
        found.contains(&format!("service      none: {why}"))
            && found.contains(&format!("=> needs a human: {why}")),
        "{found}"
    );
    let (_, found, _) = told(&["plan", "-", "--output", "json"], sent);
    let found: Value = serde_json::from_str(&found).expect("JSON");
    assert_eq!(found[0]["why"], why);
    assert_eq!(found[0]["decision"], "human");
    assert_eq!(found[0]["playbook"], Value::Null);
}

#[test]
fn plan_says_everything_that_would_happen() {
    let (status, found, complaint) = told(&["plan", "events/alertmanager-single.json"], "");
    assert_eq!((status, complaint.as_str()), (Some(0), ""));
    // The files that ship may change; what is said of them may not.
    for says in [
        "No --table given: assumes that nothing ever ran and that the kill switch is off.",
        "alert 1: TargetDown on checkout-web, firing",
        "fingerprint  95d6997766e2444492348aa9860260d2633542e1a5c2eaca27863f51fce4a92b",
        "identity     component checkout-web, namespace shop, type service_404",
        "playbook     restart-supervisor-program, score 6: it is for the alert TargetDown; it is for the type service_404",
        "recipe       target-down, ",
        "asks       down: count(up{job=\"checkout\", namespace=\"shop\"} == 0) or vector(0)",
        "on the stack nothing is asked: analyzer.yaml names no Prometheus",
        "says       risk medium, so P2; confidence 0.60; data impact NONE",
        "steps[0]   supervisorctl restart checkout-web  (up to 30 s, may run again)",
        "guardrail    passes kill_switch        it is off",
        "guardrail    STOPS  service_level      checkout-web asks for approval",
        "=> needs approval, because of service_level",
    ] {
        assert!(found.contains(says), "{says} is not in\n{found}");
    }
    assert_eq!(found.matches("guardrail    ").count(), 12, "{found}");
}

#[test]
fn plan_reads_every_shape_in_which_an_alert_comes() {
    for (event, says) in [
        (
            "alertmanager-grouped",
            "=> joins the incident of alert 1: one fingerprint is one incident",
        ),
        ("alertmanager-resolved", "=> leaves its episode"),
        ("alertmanager-cicd", "=> announced without analysis"),
        ("alert-signed", "high_memory on billing-worker, firing"),
        ("signal-signed", "QueueBacklog on billing-queue, firing"),
        ("grafana-firing", "sent by      grafana"),
        ("signals-received", "HighCPUUsage on search-indexer, firing"),
    ] {
        let (status, found, complaint) = told(&["plan", &format!("events/{event}.json")], "");
        assert!(
            status == Some(0) && found.contains(says),
            "{event}: {found}{complaint}"
        );
    }
    let bare = r#"{"status":"firing","alerts":[{"status":"firing","labels":{"alertname":"A\u001b[31m","component":"sentry"}}]}"#;
    let (status, found, _) = told(&["plan", "-"], bare);
    assert!(
        status == Some(0) && found.contains("A[31m on sentry") && !found.contains('\u{1b}'),
        "{found:?}"
    );
}

#[test]
fn plan_is_told_to_programs_as_json() {
    let sent = r#"{"status":"firing","alerts":[
        {"status":"firing","labels":{"alertname":"NodeFilesystemAlmostOutOfSpace","instance":"10.0.0.5:9100","mountpoint":"/","job":"node-exporter",
            "pod":"node-exporter-x2x4z","namespace":"monitoring","cluster":"eu","severity":"P1"}},
        {"status":"firing","labels":{"alertname":"NodeFilesystemSpaceFillingUp","instance":"10.0.0.5:9100","mountpoint":"/","job":"node-exporter",
            "pod":"node-exporter-q9w8z","namespace":"monitoring","cluster":"eu","severity":"warning"}},
        {"status":"firing","labels":{"alertname":"Watchdog"}}]}"#;
    let (status, found, complaint) = told(&["plan", "--output", "json", "-"], sent);
    assert_eq!((status, complaint.as_str()), (Some(0), ""));
    let plans: Value = serde_json::from_str(&found).expect("JSON");
    let of = |at: usize, field: &str| plans[at][field].clone();
    assert_eq!(
        (of(0, "incident"), of(1, "incident"), of(2, "incident")),
        (json!("new"), json!("joins 1"), json!("heartbeat"))
    );
    assert_eq!(of(0, "fingerprint"), of(1, "fingerprint"));
    assert_eq!(
        (of(0, "type"), of(0, "severity"), of(0, "decision")),
        (json!("disk_full"), json!("critical"), json!("human"))
    );
    let mut subject = of(0, "subject");
    let rule = subject["rule"].take();
    assert!(
        rule.as_str()
            .is_some_and(|rule| rule.contains("NodeFilesystem")),
        "{rule}"
    );
    assert_eq!(
        subject,
        json!({ "kind": "node", "name": "10.0.0.5:9100", "namespace": null, "cluster": "eu",
            "apart": subject["apart"], "rule": null })
    );
    for field in ["urgency", "service", "playbook", "why"] {
        assert!(plans[0].get(field).is_some(), "{field}");
    }
}

#[test]
fn plan_says_what_is_no_alert() {
    for (sent, says) in [
        ("{", "the alert is not JSON"),
        ("{}", "no known shape of an alert"),
        (
            r#"{"alert_type":"fire"}"#,
            "ingress refuses this at /api/v1/webhooks/alerts: alert_type: unknown variant `fire`",
        ),
        (
            r#"{"rawPath":"/api/v1/webhooks/telegram","body":"{}"}"#,
            "takes no alerts",
        ),
        (r#"{"Records":[{"body":"{}"}]}"#, "carries no alert"),
    ] {
        let (status, found, complaint) = told(&["plan", "-"], sent);
        assert!(
            status == Some(2) && found.is_empty() && complaint.contains(says),
            "{sent}: {complaint}"
        );
    }
}

#[test]
fn sign_writes_what_ingress_checks() {
    let (_kept, file) = secret("Jefe\n");
    let url = "https://api.test/api/v1/webhooks/alerts";
    let (status, found, _) = told(
        &["sign", "--secret-file", &file, "--url", url, "-"],
        "what do ya want for nothing?",
    );
    assert_eq!(status, Some(0));
    let headers: Vec<(&str, &str)> = found
        .lines()
        .filter_map(|line| line.split_once(": "))
        .collect();
    let [
        ("X-Signature-256", signature),
        ("X-Signature-Timestamp", time),
    ] = headers.as_slice()
    else {
        panic!("{found}")
    };
    let given = [
        ("x-signature-256", signature),
        ("x-signature-timestamp", time),
    ];
    let given = given.map(|(name, value)| {
        (
            HeaderName::from_static(name),
            HeaderValue::from_str(value).expect("ASCII"),
        )
    });
    let headers = HeaderMap::from_iter(given);
    let all = Covered {
        time: true,
        route: true,
    };
    let check = |url: &str| {
        let request = SignedRequest::new(&headers, url, b"what do ya want for nothing?");
        authentication::signature(SIGNED, &"Jefe".into(), request, Timestamp::now(), all).is_ok()
    };
    assert!(check(url) && !check("https://api.test/api/v1/webhooks/signals"));
}

#[test]
fn a_secret_has_to_be_named_and_is_never_an_argument() {
    let (_kept, empty) = secret(" \n");
    for (arguments, says) in [
        (
            vec!["sign", "--url", "x", "-"],
            "--secret-file FILE or --secret-id ID",
        ),
        (
            vec!["sign", "--url", "x", "--secret-file", &empty, "-"],
            "holds no secret",
        ),
        (
            vec![
                "sign",
                "--url",
                "x",
                "--secret-file",
                "/nowhere/at/all",
                "-",
            ],
            "/nowhere/at/all cannot be read",
        ),
        (
            vec!["sign", "--url", "x", "--secret", "hunter2", "-"],
            "unexpected argument",
        ),
        (
            vec!["fire", "--url", "http://127.0.0.1:9/api/v1/webhooks/alerts"],
            "--secret-file, --secret-id or --bearer-file",
        ),
        (
            vec!["fire", "--url", "http://127.0.0.1:9/other"],
            "--url has to end with",
        ),
    ] {
        let (status, _, complaint) = told(&arguments, "body");
        assert!(
            status == Some(2) && complaint.contains(says),
            "{arguments:?}: {complaint}"
        );
    }
}

#[test]
fn run_without_dry_run_is_refused() {
    let arguments = [
        "run",
        "--playbook",
        "restart-compose-service",
        "--target",
        "sentry",
        "--local",
        "--key-file",
        "/dev/null",
    ];
    let (status, found, complaint) = told(&arguments, "");
    assert_eq!((status, found.as_str()), (Some(2), ""));
    assert!(
        complaint.contains("repairs run only through an approval"),
        "{complaint}"
    );
}

#[test]
fn a_dry_run_says_why_nothing_would_run() {
    let (_kept, key) = secret("no key at all");
    let dry_run = |playbook: &str, target: &str| {
        told(
            &[
                "run",
                "--dry-run",
                "--playbook",
                playbook,
                "--target",
                target,
                "--local",
                "--key-file",
                &key,
            ],
            "",
        )
    };
    for (playbook, target, status, says) in [
        (
            "restart-compose-service",
            "ledger-db",
            1,
            "Nothing would run: the service ledger-db is repaired by hand only (level manual).",
        ),
        (
            "restart-compose-service",
            "checkout-web",
            1,
            "the playbook restart-compose-service is not for the service checkout-web",
        ),
        (
            "restart-systemd-unit",
            "checkout-web",
            1,
            "the value of the parameter unit does not match its pattern",
        ),
        (
            "restart-compose-service",
            "sentry",
            1,
            "does not hold a private key",
        ),
        (
            "no-such-playbook",
            "sentry",
            2,
            "playbooks.yaml has no playbook no-such-playbook; it has ",
        ),
        (
            "restart-compose-service",
            "nowhere",
            2,
            "service-registry.yaml has no service nowhere; it has ",
        ),
    ] {
        let (code, found, complaint) = dry_run(playbook, target);
        assert!(
            code == Some(status) && format!("{found}{complaint}").contains(says),
            "{playbook} {target}: {found}{complaint}"
        );
    }
}

#[test]
fn guard_lines_are_the_file_for_the_host() {
    let (status, found, _) = told(&["guard-lines", "sentry"], "");
    assert_eq!(status, Some(0));
    assert!(
        found.contains("# restart-compose-service: steps[0]\ndocker compose -p sentry restart\n"),
        "{found}"
    );
    for (service, says) in [
        ("ledger-db", "level manual"),
        (
            "nowhere",
            "service-registry.yaml has no service nowhere; it has ",
        ),
    ] {
        let (status, found, complaint) = told(&["guard-lines", service], "");
        assert!(
            status == Some(2) && found.is_empty() && complaint.contains(says),
            "{service}: {complaint}"
        );
    }
}

#[test]
fn what_needs_aws_says_what_is_missing() {
    for (arguments, says) in [
        (vec!["kill-switch", "status"], "--control-table <NAME>"),
        (
            vec!["kill-switch", "status", "--control-table", "t"],
            "no region is set",
        ),
        (vec!["verify-log", "--table", "t"], "<INCIDENT>"),
        (
            vec![
                "verify-log",
                "--all",
                "01ARZ3NDEKTSV4RRFFQ69G5FAV",
                "--table",
                "t",
            ],
            "cannot be used with",
        ),
    ] {
        let (status, _, complaint) = told(&arguments, "");
        assert!(
            status == Some(2) && complaint.contains(says),
            "{arguments:?}: {complaint}"
        );
    }
}
