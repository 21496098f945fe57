//! Tests of the built-in tables and of the entries that a file adds.

use jiff::Timestamp;

use super::AlertTables;
use crate::alert::fingerprint::fingerprint;
use crate::alert::{Alert, AlertSeverity, AlertStatus, AlertType, Texts};
use crate::primitives::id::MemberId;

fn tables(json: &str) -> AlertTables {
    serde_json::from_str(json).expect("tables")
}

fn alert(tables: &AlertTables, labels: &[(&str, &str)]) -> Alert {
    let labels: Texts = labels
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let member = MemberId::try_from("m").expect("a member id");
    tables.alert(
        AlertStatus::Firing,
        "test",
        labels,
        Texts::new(),
        Timestamp::UNIX_EPOCH,
        member,
    )
}

#[test]
fn a_file_adds_to_the_built_in_tables() {
    let tables = tables(
        r#"{"alert_types":{"PostgresqlDown":"db_connection_timeout","TargetDown":"custom"},"severities":{"page":"critical"}}"#,
    );
    let kind = |name| alert(&tables, &[("alertname", name)]).alert_type;
    assert_eq!(kind("PostgresqlDown"), AlertType::DbConnectionTimeout);
    assert_eq!(
        kind("TargetDown"),
        AlertType::Custom,
        "the file comes first"
    );
    assert_eq!(
        kind("KubePodNotReady"),
        AlertType::K8sPodCrash,
        "what it does not name is as built in"
    );
    let severity = |value| alert(&tables, &[("alertname", "A"), ("severity", value)]).severity;
    assert_eq!(
        [severity("PAGE"), severity("info"), severity("else")],
        [
            AlertSeverity::Critical,
            AlertSeverity::Info,
            AlertSeverity::Warning
        ]
    );
}

#[test]
fn a_file_says_by_which_labels_senders_name_what_is_meant() {
    let tables = tables(r#"{"subject_labels":["service","pod"]}"#);
    let pod = ("pod", "web-7d9c5b8f6d-x2x4z");
    let by_pod = alert(&tables, &[("component", "c"), pod]);
    assert_eq!(by_pod.normalised_target, "web");
    let by_service = alert(&tables, &[("component", "c"), ("service", "s"), pod]);
    assert_eq!(by_service.target, "s");
    let unnamed = alert(&tables, &[("alertname", "A"), ("component", "c")]);
    assert_eq!(unnamed.target, "A");
}

#[test]
fn names_and_patterns_tell_what_a_pipeline_reports() {
    let tables = tables(r#"{"cicd":{"alertnames":["Deployed"],"patterns":["CI_*","*Pipeline?"]}}"#);
    for (name, cicd) in [
        ("Deployed", true),
        ("CI_", true),
        ("CI_Build", true),
        ("MyPipeline1", true),
        ("XCI_", false),
        ("Deployed2", false),
    ] {
        assert_eq!(alert(&tables, &[("alertname", name)]).cicd, cicd, "{name}");
    }
    assert!(!alert(&AlertTables::default(), &[("alertname", "CI_Build")]).cicd);
}

#[test]
fn each_stage_of_a_pipeline_is_news_of_its_own() {
    let tables = tables(r#"{"cicd":{"patterns":["CI_*"]}}"#);
    let of = |stage, severity| {
        fingerprint(
            &alert(
                &tables,
                &[
                    ("alertname", "CI_Build"),
                    ("stage", stage),
                    ("severity", severity),
                ],
            ),
            &[],
        )
    };
    assert_ne!(of("build", "warning"), of("deploy", "warning"));
    assert_ne!(of("build", "warning"), of("build", "info"));
    assert_eq!(of("build", "warning"), of("build", "warning"));
}

#[test]
fn what_makes_no_sense_is_named() {
    let errors = tables(r#"{"severities":{"Page":"critical"},"subject_labels":["pod"," "],"cicd":{"patterns":["**"]}}"#).errors();
    let fields: Vec<&str> = errors.iter().map(|(field, _)| field.as_str()).collect();
    assert_eq!(
        fields,
        ["subject_labels[1]", "cicd.patterns[0]", "severities.Page"]
    );
    assert!(AlertTables::default().errors().is_empty());
}
