//! Tests of `quell check`: what it counts, and where each fault is.

use serde_json::Value;

use super::{changed, examples, told};

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
            "service-registry.yaml:10: [0] sentry: level: `autp` is not allowed; did you mean auto?",
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
            "  data_at_stake: true",
            "  data_at_stake: much",
            "data_at_stake: has to be",
        ),
    ] {
        let directory = changed(file, from, to);
        let (status, found, _) = told(&["check", directory.path().to_str().expect("a path")], "");
        assert!(status == Some(1) && found.contains(says), "{file}: {found}");
    }
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
            && found.contains("service-registry.yaml:23: [1] checkout-web: match: is missing")
            && found.ends_with(": no errors\n"),
        "{found}"
    );
    let (status, found, _) = told(&["check", path, "--json"], "");
    let found: Value = serde_json::from_str(&found).expect("JSON");
    assert_eq!(status, Some(0), "{found}");
    assert_eq!(found["errors"], serde_json::json!([]));
    assert_eq!(found["warnings"][0]["field"], "[1].match", "{found}");
}
