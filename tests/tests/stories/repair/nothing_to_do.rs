//! Tests of repairs in which no step ran, on a real host: they are never called repaired, and count
//! in no playbook's record.

use domain::incident::operation_log::{Entry, Event, verify};
use domain::incident::repair::RepairOutcome;
use domain::incident::{Incident, Status};
use domain::policy::playbook_run::PlaybookRecord;
use serde_json::{Value, json};
use tests::alert::unique;
use tests::repair_fixture::{InjectedFault, RepairFixture};
use tests::repairing::{delivery, outcome};
use tests::target_host::TargetHost;

/// A playbook that mends only if its fact says so, and whose check always passes: whatever the program `fact` answers, the symptom is
/// gone.
fn playbook(id: &str, fact: &[&str], when: &Value) -> Value {
    json!([{
        "id": id, "name": "Mend", "match": { "alertnames": ["TargetDown"] }, "risk": "low",
        "facts": [{ "id": "broken", "run": fact }],
        "steps": [{ "run": ["touch", "mended"], "when": when }],
        "verify": [{ "run": ["true"] }],
    }])
}

/// What came of the repair of one approved incident: the incident, its log, and its playbook's record with the number of its runs.
async fn repaired(
    fact: &[&str],
    when: &Value,
) -> Option<(Incident, Vec<Entry>, PlaybookRecord, usize)> {
    let host = TargetHost::sshd("restrict")?;
    let (service, id) = (unique("web"), unique("mend"));
    let services = json!([{ "name": service, "level": "approval", "target": host.target() }]);
    let shop = RepairFixture::open(
        &playbook(&id, fact, when),
        &services,
        host.login_key(),
        || InjectedFault::Answered,
    )
    .await;
    let (incident, message) = shop.approved(&service, &id).await;
    shop.app
        .handle(&message, &delivery(), &jiff::Timestamp::now)
        .await
        .expect("it goes to its end");
    let store = &shop.stack.store;
    let ended = store
        .known_incident(&incident.id)
        .await
        .expect("an incident");
    let log = store.log(&incident.id).await.expect("a log");
    verify(&incident.id, &log, &ended.log_head).expect("the chain holds");
    let record = store.playbook_record(&id).await.expect("a record");
    let runs = store.runs(&id).await.expect("the runs");
    Some((ended, log, record, runs.len()))
}

#[tokio::test]
async fn a_fact_whose_program_is_not_there_is_a_failed_repair() {
    let only_if_broken = json!({ "fact": "broken", "exits": 0 });
    let Some((ended, log, record, runs)) =
        repaired(&["no-such-program-anywhere"], &only_if_broken).await
    else {
        return;
    };
    assert_eq!(
        (ended.status, outcome(&ended)),
        (Status::RepairFailed, Some(RepairOutcome::StepFailed)),
        "{log:#?}"
    );
    let fact = log
        .iter()
        .find(|entry| entry.event == Event::StepFinished)
        .expect("the fact");
    assert!(
        !fact.success
            && fact
                .detail
                .contains("exit status 127. The fact is not known: this status says"),
        "{fact:?}"
    );
    assert_eq!((record.verified, record.failed, runs), (0, 1, 1));
}

#[tokio::test]
async fn a_fact_without_text_fails_the_repair_that_searches_it() {
    let unless_full = json!({ "fact": "broken", "prints": "full", "not": true });
    let Some((ended, log, record, _)) = repaired(&["printf", "\\377 full"], &unless_full).await
    else {
        return;
    };
    assert_eq!(
        (ended.status, outcome(&ended)),
        (Status::RepairFailed, Some(RepairOutcome::StepFailed)),
        "{log:#?}"
    );
    assert!(
        log.iter()
            .any(|entry| entry.event == Event::StepFinished && entry.detail.contains("not UTF-8")),
        "{log:#?}"
    );
    assert_eq!((record.verified, record.failed), (0, 1));
}

#[tokio::test]
async fn a_repair_whose_only_step_is_skipped_had_nothing_to_do() {
    let only_if_broken = json!({ "fact": "broken", "exits": 0 });
    let Some((ended, log, record, runs)) = repaired(&["false"], &only_if_broken).await else {
        return;
    };
    assert_eq!(
        (ended.status, outcome(&ended)),
        (Status::NeedsHuman, Some(RepairOutcome::NothingToDo)),
        "{log:#?}"
    );
    assert_eq!(
        (record, runs),
        (PlaybookRecord::default(), 0),
        "it stands in nobody's record"
    );
    let executed = log
        .iter()
        .find(|entry| entry.event == Event::ExecutionCompleted)
        .expect("it ended");
    assert!(
        !executed.success
            && executed
                .error
                .as_deref()
                .is_some_and(|why| why.starts_with("nothing to do")),
        "{executed:?}"
    );
    assert!(
        log.iter()
            .any(|entry| entry.event == Event::VerificationFinished && entry.success),
        "the check passed: {log:#?}"
    );
}
