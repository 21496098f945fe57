//! Tests of pipeline runs: the view built from reports in any order.

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::{PipelineRun, Report, STAGES_KEPT, State, run_id_of};
use crate::alert::classification::AlertTables;
use crate::alert::fingerprint::fingerprint;
use crate::alert::{Alert, AlertStatus, Texts};
use crate::episode::Firing;
use crate::incident::change::IncidentChange;
use crate::primitives::id::{IncidentId, MemberId};

fn id(number: usize) -> IncidentId {
    IncidentId::try_from(format!("01ARZ3NDEKTSV4RRFFQ69G{number:04}")).expect("a ULID")
}

fn at(second: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_secs(second)
}

fn alert(labels: &[(&str, &str)], url: &str) -> Alert {
    let mut labels: Texts = labels
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    labels
        .entry("alertname".to_owned())
        .or_insert_with(|| "CI_Deploy".to_owned());
    let annotations = Texts::from([
        ("summary".to_owned(), "is deployed".to_owned()),
        ("workflow_url".to_owned(), url.to_owned()),
    ]);
    let tables: AlertTables =
        serde_json::from_str(r#"{"cicd":{"patterns":["CI_*"]}}"#).expect("tables");
    tables.alert(
        AlertStatus::Firing,
        "test",
        labels,
        annotations,
        at(0),
        MemberId::try_from("m").expect("a member id"),
    )
}

fn change(alert: Alert) -> IncidentChange {
    let firing = Firing::from_alert(&alert);
    IncidentChange::open(id(0), fingerprint(&alert, &[]), alert, &firing, at(0))
}

fn report(number: usize, second: i64, stage: &str, state: State) -> Report {
    Report {
        incident_id: id(number),
        at: at(second),
        stage: stage.to_owned(),
        state,
        message: String::new(),
        name: "checkout".to_owned(),
        commit: "4f0c2d9".to_owned(),
        by: String::new(),
        url: String::new(),
    }
}

fn line(reports: &[Report]) -> Vec<(String, State)> {
    let run = PipelineRun::of(reports).expect("a run");
    run.stages
        .into_iter()
        .map(|stage| (stage.name, stage.state))
        .collect()
}

#[test]
fn a_run_is_one_flow_and_another_run_is_another() {
    let base = [
        ("workflow", "checkout"),
        ("stage", "build"),
        ("commit", "4f0c2d9"),
        ("component", "shop"),
    ];
    let with = |changed: (&str, &str)| {
        let labels: Vec<(&str, &str)> = base
            .iter()
            .map(|label| {
                if label.0 == changed.0 {
                    changed
                } else {
                    *label
                }
            })
            .collect();
        let all = if base.iter().any(|label| label.0 == changed.0) {
            labels
        } else {
            [labels, vec![changed]].concat()
        };
        run_id_of(&alert(&all, "https://ci.test/1")).expect("a run")
    };
    let run = with(("stage", "build"));
    for same in [
        ("stage", "deploy"),
        ("severity", "critical"),
        ("alertname", "CI_Test"),
        ("repository", "r"),
        ("triggered_by", "mira"),
    ] {
        assert_eq!(with(same), run, "{same:?}");
    }
    for other in [
        ("workflow", "basket"),
        ("commit", "8aa01f3"),
        ("namespace", "staging"),
        ("component", "basket"),
    ] {
        assert_ne!(with(other), run, "{other:?}");
    }
}

#[test]
fn what_names_no_run_is_no_part_of_one() {
    let of = |labels: &[(&str, &str)], url: &str| run_id_of(&alert(labels, url));
    assert_eq!(
        of(&[("commit", "4f0c2d9")], "https://ci.test/1"),
        None,
        "neither workflow nor stage"
    );
    assert_eq!(
        of(&[("stage", " "), ("commit", "4f0c2d9")], ""),
        None,
        "an empty stage is none"
    );
    assert_eq!(
        of(&[("stage", "build")], ""),
        None,
        "nothing tells this run from the next"
    );
    assert_eq!(
        of(
            &[
                ("alertname", "TargetDown"),
                ("stage", "build"),
                ("commit", "4f0c2d9")
            ],
            ""
        ),
        None,
        "no pipeline"
    );
    let (one, two) = (
        of(&[("stage", "build")], "https://ci.test/1"),
        of(&[("stage", "build")], "https://ci.test/2"),
    );
    assert!(one.is_some() && two.is_some() && one != two);
    // Names of alerts differ from stage to stage: where no label names the target they tell no runs apart.
    let named = |name| {
        of(
            &[("alertname", name), ("stage", name), ("commit", "4f0c2d9")],
            "",
        )
    };
    assert_eq!(named("CI_Build"), named("CI_Deploy"));
    assert!(named("CI_Build").is_some());
}

#[test]
fn a_report_says_what_its_labels_say_in_one_line_each() {
    let hash = "4f0c2d9a".repeat(5);
    let labels = [
        ("stage", "deploy\nnow"),
        ("environment", "production"),
        ("commit", hash.as_str()),
        ("triggered_by", "mi\u{202e}ra"),
        ("repository", "shop/checkout"),
    ];
    let mut change = change(alert(&labels, "https://ci.test/1"));
    let (_, report) = Report::from_incident(&change.incident).expect("a report");
    assert_eq!(
        (report.stage.as_str(), report.commit.as_str()),
        ("deploy now (production)", "4f0c2d9a4f")
    );
    assert_eq!(
        (
            report.name.as_str(),
            report.by.as_str(),
            report.url.as_str()
        ),
        ("shop/checkout", "mira", "https://ci.test/1")
    );
    assert_eq!(
        (report.state, report.message.as_str()),
        (State::Running, "is deployed")
    );
    change.resolved(1, at(9));
    assert_eq!(
        Report::from_incident(&change.incident).map(|(_, report)| report.state),
        Some(State::Ended)
    );
}

#[test]
fn what_passed_or_failed_stays_so_when_its_report_resolves() {
    for (severity, state) in [("info", State::Passed), ("critical", State::Failed)] {
        let mut change = change(alert(
            &[
                ("severity", severity),
                ("stage", "test"),
                ("commit", "4f0c2d9"),
            ],
            "",
        ));
        assert_eq!(
            Report::from_incident(&change.incident).map(|(_, report)| report.state),
            Some(state)
        );
        change.resolved(1, at(9));
        assert_eq!(
            Report::from_incident(&change.incident).map(|(_, report)| report.state),
            Some(state)
        );
    }
}

#[test]
fn the_newest_report_of_a_stage_holds() {
    use State::{Ended, Failed, Passed, Running};
    type Case<'a> = (&'a [(i64, &'a str, State)], &'a [(&'a str, State)]);
    let cases: [Case<'_>; 5] = [
        (
            &[(1, "build", Running), (2, "build", Passed)],
            &[("build", Passed)],
        ),
        // The clock of the sender decides, not the order of arrival.
        (
            &[(2, "build", Passed), (1, "build", Running)],
            &[("build", Passed)],
        ),
        (
            &[
                (5, "build", Passed),
                (5, "build", Running),
                (5, "build", Ended),
            ],
            &[("build", Passed)],
        ),
        // A stage may run again.
        (
            &[(1, "test", Failed), (2, "test", Running)],
            &[("test", Running)],
        ),
        (
            &[
                (3, "deploy", Running),
                (1, "build", Passed),
                (2, "test", Failed),
            ],
            &[("build", Passed), ("test", Failed), ("deploy", Running)],
        ),
    ];
    for (reports, expected) in cases {
        let reports: Vec<Report> = reports
            .iter()
            .enumerate()
            .map(|(i, (second, stage, state))| report(i, *second, stage, *state))
            .collect();
        let expected: Vec<(String, State)> = expected
            .iter()
            .map(|(stage, state)| ((*stage).to_owned(), *state))
            .collect();
        assert_eq!(line(&reports), expected);
    }
    assert_eq!(PipelineRun::of(&[]), None);
}

#[test]
fn a_flow_is_bounded_and_says_what_it_left_out() {
    let reports: Vec<Report> = (0..50)
        .map(|i| {
            report(
                i,
                i64::try_from(i).expect("small"),
                &format!("s{i}"),
                State::Passed,
            )
        })
        .collect();
    let run = PipelineRun::of(&reports).expect("a run");
    assert_eq!(
        (run.stages.len(), run.left_out, run.newest),
        (STAGES_KEPT, 20, id(49))
    );
    assert_eq!(run.stages[0].name, "s0");
}

fn reports() -> impl Strategy<Value = Vec<Report>> {
    let state = prop::sample::select(vec![
        State::Running,
        State::Ended,
        State::Passed,
        State::Failed,
    ]);
    let one = (
        0i64..6,
        prop::sample::select(vec!["build", "test", "deploy"]),
        state,
        "[ab]?",
    );
    prop::collection::vec(one, 1..12).prop_map(|all| {
        let numbered = all.into_iter().enumerate();
        numbered
            .map(|(i, (second, stage, state, by))| Report {
                by,
                ..report(i, second, stage, state)
            })
            .collect()
    })
}

proptest! {
    #[test]
    fn the_line_is_the_same_in_whatever_order_reports_arrive((reports, shuffled) in reports().prop_flat_map(|all| {
        (Just(all.clone()), Just(all).prop_shuffle())
    })) {
        prop_assert_eq!(PipelineRun::of(&reports), PipelineRun::of(&shuffled));
    }

    #[test]
    fn each_stage_shows_a_report_than_which_none_is_newer(reports in reports()) {
        let run = PipelineRun::of(&reports).expect("there are reports");
        for stage in &run.stages {
            let newest = reports.iter().filter(|report| report.stage == stage.name).map(|report| report.at).max();
            prop_assert_eq!(Some(stage.at), newest);
            let finished = |state| matches!(state, State::Passed | State::Failed);
            let over = reports.iter().any(|report| report.stage == stage.name && report.at == stage.at && finished(report.state));
            prop_assert_eq!(finished(stage.state), over);
        }
    }
}
