//! Tests of repair silences in the real Alertmanager (Debian's package): active during the run,
//! gone afterwards, and with an end of their own.

use std::time::Duration;

use domain::incident::operation_log::{Entry, Event};
use domain::incident::repair::RepairOutcome;
use domain::incident::{Incident, Status};
use domain::transition::repair_silence::until;
use jiff::{SignedDuration, Timestamp};
use repair::App;
use repair::delivery::RepairDelivery;
use serde_json::{Value, json};
use store::Holder;
use tempfile::TempDir;
use tests::alert::TestAlert;
use tests::alertmanager::Alertmanager;
use tests::repairing::{deliver, delivery};
use tests::stack::Stack;
use wire::message::Message;

/// Two clocks of one machine, one of which is rounded to milliseconds.
const ROUNDED: SignedDuration = SignedDuration::from_millis(2);

/// A repair function that knows of an Alertmanager which is to be silent.
struct Story {
    stack: Stack,
    files: TempDir,
}

impl Story {
    fn with(url: &str) -> Self {
        let stack = Stack::start();
        let files = tempfile::tempdir().expect("a directory");
        for name in ["playbooks.yaml", "service-registry.yaml", "guardrails.yaml"] {
            std::fs::copy(
                stack.facts.target.config_dir.join(name),
                files.path().join(name),
            )
            .expect("copied");
        }
        let file =
            json!({ "alertmanager": { "url": url, "private": true, "silence_repairs": true } });
        std::fs::write(files.path().join("channels.json"), file.to_string()).expect("written");
        Self { stack, files }
    }

    fn repair(&self, changed: &[(&str, &str)]) -> App {
        let directory = self.files.path().to_str().expect("text");
        self.stack
            .repair_with(&[&[("CONFIG_DIR", directory)], changed].concat())
    }

    /// An incident whose plan is approved, with the message that says so. Where there is an Alertmanager, it has the alert.
    async fn approved(&self, alertmanager: Option<&Alertmanager>) -> (Incident, Message) {
        self.approved_for(
            &TestAlert::firing(&self.stack.facts.target.service),
            alertmanager,
        )
        .await
    }

    async fn approved_for(
        &self,
        alert: &TestAlert,
        alertmanager: Option<&Alertmanager>,
    ) -> (Incident, Message) {
        let incident = self.stack.awaiting_approval(alert).await;
        if let Some(alertmanager) = alertmanager {
            alertmanager
                .post(&json!([{ "labels": incident.alert.labels }]))
                .await;
        }
        let message = self.stack.approve_quietly(&incident).await;
        (incident, message)
    }

    /// Gives the target back that a worker keeps, because it was killed or something of it may still be at work there.
    async fn free(&self, incident: &Incident, delivery: &RepairDelivery) {
        let holder = Holder {
            incident: &incident.id,
            worker: &delivery.worker,
        };
        let lock = self.stack.lock_of(&self.stack.facts.target.service);
        self.stack
            .control
            .unlock(&lock, holder)
            .await
            .expect("given back");
    }

    /// A worker that dies in the middle of its first step.
    async fn dies_in_a_step(
        &self,
        app: &App,
        incident: &Incident,
        message: &Message,
        worker: &RepairDelivery,
    ) {
        let running = std::pin::pin!(deliver(app, message, worker));
        let started = async {
            while !self
                .log(incident)
                .await
                .iter()
                .any(|entry| entry.event == Event::StepStarted)
            {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::select! { () = running => panic!("it ran to its end"), () = started => {} }
    }

    async fn loaded(&self, incident: &Incident) -> Incident {
        self.stack.read(&incident.id).await
    }

    async fn log(&self, incident: &Incident) -> Vec<Entry> {
        self.stack.store.log(&incident.id).await.expect("the log")
    }
}

/// The silences that were made because of an incident.
async fn silences(alertmanager: &Alertmanager, incident: &Incident) -> Vec<Value> {
    let all = alertmanager.get("silences").await;
    let about = |silence: &&Value| {
        silence["comment"]
            .as_str()
            .is_some_and(|comment| comment.contains(incident.id.as_str()))
    };
    all.as_array()
        .expect("a list")
        .iter()
        .filter(about)
        .cloned()
        .collect()
}

fn time(silence: &Value, name: &str) -> Timestamp {
    silence[name]
        .as_str()
        .expect("a time")
        .parse()
        .expect("a time")
}

fn at(log: &[Entry], event: Event) -> Timestamp {
    log.iter()
        .find(|entry| entry.event == event)
        .unwrap_or_else(|| panic!("no {event:?} in {log:#?}"))
        .at
}

#[tokio::test]
async fn it_is_there_from_before_the_first_step_until_the_last_check() {
    let Some(alertmanager) = Alertmanager::without_receiver("repair_silence").await else {
        return;
    };
    let story = Story::with(alertmanager.url());
    let (incident, message) = story.approved(Some(&alertmanager)).await;
    let app = story.repair(&[]);
    deliver(&app, &message, &delivery()).await;
    deliver(&app, &message, &delivery()).await;

    let repaired = story.loaded(&incident).await;
    assert_eq!(
        repaired.repair.as_ref().and_then(|repair| repair.outcome),
        Some(RepairOutcome::Verified)
    );
    let made = silences(&alertmanager, &incident).await;
    let [silence] = made.as_slice() else {
        panic!("one silence: {made:?}")
    };
    assert_eq!(
        (&silence["status"]["state"], &silence["createdBy"]),
        (&json!("expired"), &json!("repair"))
    );
    let hash = &repaired.plan.as_ref().expect("a plan").hash();
    assert!(
        silence["comment"]
            .as_str()
            .is_some_and(|comment| comment.contains(hash.as_str())),
        "{silence}"
    );
    assert_eq!(
        silence["matchers"].as_array().map(Vec::len),
        Some(repaired.alert.labels.len()),
        "this alert and no other: {silence}"
    );

    let log = story.log(&incident).await;
    assert!(
        at(&log, Event::ApprovalDecided) < at(&log, Event::SilenceCreated),
        "{log:#?}"
    );
    assert!(
        at(&log, Event::SilenceCreated) <= at(&log, Event::StepStarted),
        "{log:#?}"
    );
    assert!(
        time(silence, "startsAt") <= at(&log, Event::StepStarted) + ROUNDED,
        "{silence} {log:#?}"
    );
    assert!(
        time(silence, "endsAt") + ROUNDED >= at(&log, Event::VerificationFinished),
        "{silence} {log:#?}"
    );
    let of = |event| {
        log.iter()
            .filter(|entry| entry.event == event && entry.success)
            .count()
    };
    assert_eq!(
        (of(Event::SilenceCreated), of(Event::SilenceRemoved)),
        (1, 1)
    );
}

#[tokio::test]
async fn it_is_gone_when_a_step_has_failed() {
    let Some(alertmanager) = Alertmanager::without_receiver("repair_silence").await else {
        return;
    };
    let story = Story::with(alertmanager.url());
    let (incident, message) = story.approved(Some(&alertmanager)).await;
    // Another function answers in the place of the bridge: what the step did is unknown.
    let other = story.stack.facts.outputs["SignalsFunctionName"].clone();
    let worker = delivery();
    deliver(
        &story.repair(&[("BRIDGE_FUNCTION_NAME", &other)]),
        &message,
        &worker,
    )
    .await;
    story.free(&incident, &worker).await;
    assert_eq!(story.loaded(&incident).await.status, Status::RepairFailed);
    let made = silences(&alertmanager, &incident).await;
    assert!(
        matches!(made.as_slice(), [silence] if silence["status"]["state"] == "expired"),
        "{made:?}"
    );
    let log = story.log(&incident).await;
    let later = at(&log, Event::SilenceRemoved).duration_since(at(&log, Event::StepFinished));
    assert!(
        later < SignedDuration::from_secs(2),
        "people hear of it at once: {log:#?}"
    );
}

#[tokio::test]
async fn a_dead_workers_silence_ends_by_itself_and_is_found_before() {
    let Some(alertmanager) = Alertmanager::without_receiver("repair_silence").await else {
        return;
    };
    let story = Story::with(alertmanager.url());
    let (incident, message) = story.approved(Some(&alertmanager)).await;
    let (app, killed, next) = (story.repair(&[]), delivery(), delivery());
    story
        .dies_in_a_step(&app, &incident, &message, &killed)
        .await;
    let cut_off = story.loaded(&incident).await;
    let (repair, plan) = (
        cut_off.repair.as_ref().expect("it runs"),
        cut_off.plan.as_ref().expect("a plan"),
    );
    let made = silences(&alertmanager, &incident).await;
    let [silence] = made.as_slice() else {
        panic!("one silence: {made:?}")
    };
    assert_eq!(silence["status"]["state"], "active");
    assert!(
        time(silence, "endsAt") <= until(repair, plan),
        "it ends no later than the repair can: {silence}"
    );

    // As if it had died before it was stored.
    story
        .stack
        .store
        .change(&incident.id, |change| change.incident.repair_silence = None)
        .await
        .expect("saved");
    story.free(&incident, &killed).await;
    deliver(&app, &message, &next).await;
    story.free(&incident, &next).await;
    assert!(
        story
            .loaded(&incident)
            .await
            .repair
            .is_some_and(|repair| repair.outcome.is_some()),
        "it has ended"
    );
    let made = silences(&alertmanager, &incident).await;
    assert!(
        matches!(made.as_slice(), [one] if one["id"] == silence["id"] && one["status"]["state"] == "expired"),
        "{made:?}"
    );
    let known = story
        .log(&incident)
        .await
        .into_iter()
        .filter(|entry| entry.event == Event::SilenceCreated);
    assert!(
        known
            .map(|entry| entry.context["silence_id"].clone())
            .eq([silence["id"].clone(), silence["id"].clone()])
    );
}

#[tokio::test]
async fn it_hides_the_alerts_of_the_incident_and_no_other() {
    let Some(alertmanager) = Alertmanager::without_receiver("repair_silence").await else {
        return;
    };
    let story = Story::with(alertmanager.url());
    let alert = TestAlert::firing(&story.stack.facts.target.service);
    let with = |name: &str, value: &str| {
        let mut labels = alert.delivery()["alerts"][0]["labels"].clone();
        labels[name] = json!(value);
        labels
    };
    // One that belongs to the incident, as its second member, and one that does not.
    let (member, other) = (with("pod", "web-1"), with("volume", "/data"));
    alertmanager
        .post(&json!([{ "labels": member }, { "labels": other }]))
        .await;
    let active = alertmanager.get("alerts").await;
    let known = active
        .as_array()
        .expect("a list")
        .iter()
        .find(|alert| alert["labels"] == member)
        .expect("it is active");
    let mut sent = alert.delivery();
    sent["alerts"][0]["labels"] = member.clone();
    sent["alerts"][0]["fingerprint"] = known["fingerprint"].clone();
    let (incident, message) = story.approved_for(&alert, Some(&alertmanager)).await;
    let joined: Value = story.stack.deliver(&sent).await.json().await.expect("JSON");
    assert_eq!(
        joined["results"][0]["incident_id"],
        json!(incident.id),
        "{joined}"
    );

    // A repair whose worker dies in its first step leaves its silence.
    let (app, killed) = (story.repair(&[]), delivery());
    story
        .dies_in_a_step(&app, &incident, &message, &killed)
        .await;
    let made = silences(&alertmanager, &incident).await;
    let [silence] = made.as_slice() else {
        panic!("one silence: {made:?}")
    };
    let active = alertmanager.get("alerts").await;
    let mut hidden: Vec<&Value> = Vec::new();
    for alert in active.as_array().expect("a list") {
        if alert["status"]["silencedBy"] == json!([silence["id"]]) {
            hidden.push(&alert["labels"]);
        }
    }
    assert_eq!(active.as_array().map(Vec::len), Some(3));
    assert!(
        hidden.len() == 2
            && hidden.contains(&&member)
            && hidden.contains(&&json!(incident.alert.labels)),
        "{active}"
    );
    story.free(&incident, &killed).await;
}

#[tokio::test]
async fn an_alertmanager_that_is_down_stops_nothing_and_people_see_it() {
    let story = Story::with("http://127.0.0.1:9");
    let (incident, message) = story.approved(None).await;
    deliver(&story.repair(&[]), &message, &delivery()).await;
    let repaired = story.loaded(&incident).await;
    assert_eq!(
        repaired.repair.as_ref().and_then(|repair| repair.outcome),
        Some(RepairOutcome::Verified)
    );
    let log = story.log(&incident).await;
    let told: Vec<&Entry> = log
        .iter()
        .filter(|entry| matches!(entry.event, Event::SilenceCreated | Event::SilenceRemoved))
        .collect();
    assert!(
        matches!(told.as_slice(), [entry] if entry.error.as_deref().is_some_and(|why| why.contains("did not answer"))),
        "{told:?}"
    );
    story
        .stack
        .card(
            incident.id.as_str(),
            "Alertmanager was not silent during the repair",
        )
        .await;
}
