//! Tests of a recipe's cause over the static rule's finding.

use std::collections::BTreeMap;

use domain::alert::{Alert, AlertSeverity};
use domain::analysis::evidence::{Evidence, Found, Source};
use domain::analysis::named_cause::{CauseSource, OutcomeCounts};
use domain::analysis::{Analysis, EvidenceKind, Responsibility};
use domain::primitives::language::Language;
use jiff::Timestamp;
use recipes::facts::{Answer, Facts};
use recipes::{KnownCause, Recipe};

use super::{Consultation, PROVIDER, is_clear, only_value, open_count};
use crate::evidence::stand_in::alert;
use crate::tests::analysed;

const RECIPE: &str = "{ id: queue, name: A queue grows, for: { alertnames: [QueueGrows] }, \
    ask: [{ id: workers, query: up }, { id: waiting, query: up }], causes: [\
    { id: no_worker, when: 'workers == 0 and past.count >= 1', evidence: stated, says: 'No worker takes from {label.queue}.', action: Start one., \
      command: 'systemctl start {label.queue}', responsibility: HUMAN, speaks_for: [start], speaks_against: [restart], \
      translations: { zh-TW: { says: '沒有 worker 處理 {label.queue}。', action: 啟動一個。 } } }, \
    { id: flood, when: 'waiting > 9', evidence: inferred, says: '{waiting} wait.', action: Find the sender., responsibility: APP }], tests: [] }";
const CAUSES: &str = "[{ id: no_worker, class: queue, title: No worker runs, translations: { zh-TW: 沒有 worker 在執行 } }]";

fn read<T: serde::de::DeserializeOwned>(yaml: &str) -> T {
    serde_saphyr::from_str(yaml).expect("YAML")
}

fn piece(source: Source) -> Evidence {
    Evidence {
        source,
        asked: "?".into(),
        at: Timestamp::UNIX_EPOCH,
        duration_ms: 0,
        found: Found::Nothing,
    }
}

fn base() -> Analysis {
    analysed(&alert(&[("alertname", "QueueGrows")]))
}

/// The finding where the questions have these answers, and there was an incident before.
fn finding(answers: &[(&str, f64)]) -> Analysis {
    let recipe: Recipe = read(RECIPE);
    let causes: Vec<KnownCause> = read(CAUSES);
    let answers = answers.iter();
    let facts = Facts {
        answers: answers
            .map(|(id, value)| ((*id).to_owned(), Answer::of(&[*value])))
            .collect(),
        labels: BTreeMap::from([("queue".to_owned(), "mail".to_owned())]),
        past: Some(1),
        ..Facts::default()
    };
    let consultation = Consultation {
        recipe: &recipe,
        facts,
        questions: vec!["workers".to_owned(), "waiting".to_owned()],
    };
    let evidence = [
        Source::Prometheus,
        Source::Prometheus,
        Source::Signoz,
        Source::PastIncidents,
    ]
    .map(piece);
    consultation.over(base(), &evidence, &causes)
}

#[test]
fn a_cause_is_the_finding_and_cites_its_evidence() {
    let found = finding(&[("workers", 0.0), ("waiting", 3.0)]);
    let cause = found.cause.clone().expect("a cause");
    assert_eq!(
        (cause.recipe.as_str(), cause.id.as_str()),
        ("queue", "no_worker")
    );
    assert_eq!(cause.evidence, EvidenceKind::Stated);
    assert_eq!(cause.cites, [1, 4], "the first question and the past");
    assert_eq!(
        (&*cause.speaks_for[0], &*cause.speaks_against[0]),
        ("start", "restart")
    );
    assert_eq!(
        found.root_cause,
        "No worker runs. No worker takes from mail."
    );
    assert_eq!(
        found.suggested_command.as_deref(),
        Some("systemctl start mail")
    );
    assert_eq!(found.primary_responsibility, Responsibility::Human);
    assert_eq!(found.provider, PROVIDER);
    let named = found.named_cause.as_ref().expect("a cause");
    assert_eq!(
        (&named.source, named.cause.as_str(), &named.speaks_for),
        (&CauseSource::Recipe, cause.id.as_str(), &cause.speaks_for)
    );
    let chinese = &found.translations[&Language::TraditionalChinese];
    assert_eq!(
        chinese.root_cause,
        "沒有 worker 在執行。沒有 worker 處理 mail。"
    );
    assert!(!is_clear(&found), "how often it was right is not known");
    let with = |right, wrong| found.clone().weighed(Some(OutcomeCounts { right, wrong }));
    assert!(is_clear(&with(0, 0)));
    assert!(!is_clear(&with(0, 9)), "people have said that it is wrong");

    let rule = base();
    assert_eq!(
        (&found.urgency, &found.blast_radius),
        (&rule.urgency, &rule.blast_radius)
    );
}

#[test]
fn an_inferred_cause_leaves_room_for_a_model() {
    let found = finding(&[("workers", 2.0), ("waiting", 12.0)]);
    assert_eq!(
        found.cause.as_ref().map(|cause| cause.id.as_str()),
        Some("flood")
    );
    assert_eq!(
        found.root_cause, "flood. 12 wait.",
        "a cause without a title has its id"
    );
    assert_eq!(
        found.suggested_command, None,
        "the rule's command is for another cause"
    );
    let with = |right, wrong| found.clone().weighed(Some(OutcomeCounts { right, wrong }));
    assert!(!is_clear(&with(0, 0)));
    assert!(is_clear(&with(20, 0)), "it was right so often");
}

#[test]
fn the_rule_s_texts_stay_where_no_cause_holds() {
    let rule = base();
    for (answers, why) in [
        (
            &[("workers", 2.0), ("waiting", 3.0)][..],
            "none of the 2 known causes holds (A queue grows)",
        ),
        (
            &[],
            "no question about the known causes was answered (A queue grows)",
        ),
    ] {
        let found = finding(answers);
        assert_eq!(
            (&found.root_cause, &found.provider),
            (&rule.root_cause, &rule.provider)
        );
        assert_eq!(found.cause, None);
        assert!(
            found.no_cause_because.is_some_and(|phrase| phrase == why),
            "{why}"
        );
    }
}

#[test]
fn only_one_measured_number_is_the_alert_s_value() {
    let with = |pairs: &[(&str, &str)]| Alert {
        severity: AlertSeverity::Critical,
        measurements: pairs
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect(),
        ..alert(&[])
    };
    assert_eq!(only_value(&with(&[("cpu", " 97.2")])), Some(97.2));
    assert_eq!(only_value(&with(&[("cpu", "much")])), None);
    assert_eq!(only_value(&with(&[("a", "1"), ("b", "2")])), None);
    assert_eq!(only_value(&with(&[])), None);
}

#[test]
fn open_incidents_are_counted_where_they_could_be_read() {
    let with = |found| {
        open_count(Some(&Evidence {
            found,
            ..piece(Source::OpenIncidents)
        }))
    };
    assert_eq!(with(Found::Nothing), Some(0));
    let facts = vec!["a".into(), "b".into()];
    assert_eq!(with(Found::Known { facts }), Some(2));
    assert_eq!(with(Found::Failed { why: "late".into() }), None);
    assert_eq!(open_count(None), None);
}
