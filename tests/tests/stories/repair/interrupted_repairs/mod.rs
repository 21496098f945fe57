//! Tests of interrupted repairs: a worker out of time, a kill switch in the middle, a target that
//! is never free.

mod stopped;

use std::time::Duration;

use aws::secrets::Secrets;
use bridge::ssh::login_key::LoginKey;
use domain::incident::Status;
use domain::incident::operation_log::{Entry, Event, verify};
use jiff::{SignedDuration, Timestamp};
use repair::Failure;
use repair::delivery::RepairDelivery;
use serde_json::{Value, json};
use store::{Held, Holder, fresh_incident_id};
use tests::alert::unique;
use tests::repair_fixture::{InjectedFault, RepairFixture};
use tests::repairing::delivery;
use tests::stack::Stack;
use tests::target_host::{TargetHost, generate_key, public_key};
use tokio::time::sleep;
use wire::message::{Message, Queued as _};

/// A playbook whose steps leave lines in `did`; its check may take long.
fn playbook(first: &str) -> Value {
    json!([{
        "id": "mend", "name": "Mend", "match": { "alertnames": ["TargetDown"] }, "risk": "low",
        "parameters": { "dir": { "from": "service.facts.dir", "pattern": "[A-Za-z0-9/._-]+" } },
        "facts": [{ "id": "up", "run": ["test", "-e", "{dir}/up"] }],
        "steps": [
            { "run": ["sh", "-c", first, "{dir}"], "timeout": "20s" },
            { "run": ["sh", "-c", "echo two >> $0/did", "{dir}"], "timeout": "20s" },
            { "run": ["sh", "-c", "echo never >> $0/did", "{dir}"], "timeout": "20s", "when": { "fact": "up", "exits": 0 } },
        ],
        "verify": [{ "run": ["grep", "-c", "two", "{dir}/did"], "timeout": "300s", "retries": 2, "every": "1s" }],
        "rollback": [{ "run": ["sh", "-c", "echo undone >> $0/did", "{dir}"], "timeout": "20s" }],
    }])
}

/// A repair fixture with one host and one service, and where the host leaves what was done.
async fn repair_fixture(first: &str) -> Option<(RepairFixture, TargetHost, String)> {
    fixture_of(playbook(first)).await
}

async fn fixture_of(playbooks: Value) -> Option<(RepairFixture, TargetHost, String)> {
    let host = TargetHost::sshd("restrict")?;
    let (services, service) = services(&host);
    Some((
        RepairFixture::open(&playbooks, &services, host.login_key(), || {
            InjectedFault::Answered
        })
        .await,
        host,
        service,
    ))
}

/// A registry with one service on a host, and its name.
fn services(host: &TargetHost) -> (Value, String) {
    let service = unique("web");
    let facts = json!({ "dir": host.path("").display().to_string() });
    (
        json!([{ "name": service, "level": "approval", "facts": facts, "target": host.target() }]),
        service,
    )
}

/// Waits until a step has left a file on its host.
async fn left(host: &TargetHost, file: &str) {
    while !host.path(file).exists() {
        sleep(Duration::from_millis(20)).await;
    }
}

/// A first step that says that it has begun, and ends when it is let.
const UNTIL_LET: &str =
    "touch $0/began; while ! test -e $0/go; do sleep 0.05; done; echo one >> $0/did";

fn did(host: &TargetHost) -> String {
    std::fs::read_to_string(host.path("did")).unwrap_or_default()
}

fn times(log: &[Entry], event: Event) -> usize {
    log.iter().filter(|entry| entry.event == event).count()
}

#[tokio::test]
async fn a_repair_longer_than_one_worker_goes_on_with_the_next() {
    let Some((shop, host, service)) = repair_fixture("echo one >> $0/did").await else {
        return;
    };
    let (incident, message) = shop.approved(&service, "mend").await;
    // A step may take 80 s until the bridge has answered, and the check 360 s: this worker has no time for that.
    let short = RepairDelivery {
        ends: Timestamp::now() + SignedDuration::from_secs(200),
        ..delivery()
    };
    let handled = shop.app.handle(&message, &short, &Timestamp::now).await;
    let Err(failure) = handled else {
        panic!("{:#?}", shop.stack.store.log(&incident.id).await)
    };
    assert!(
        matches!(failure, Failure::HandedOver { rest } if rest.is_zero()),
        "{failure}"
    );
    assert_eq!(did(&host), "one\ntwo\n");
    // Half a repair keeps its target from everybody but its own next worker.
    let store = &shop.stack.store;
    let now = Timestamp::now();
    let stranger = fresh_incident_id(now);
    let (control, lock) = (&shop.stack.control, shop.lock_of(&service));
    let held = control
        .lock(
            &lock,
            Holder {
                incident: &stranger,
                worker: "w",
            },
            now,
            now,
        )
        .await;
    assert!(
        matches!(held, Ok(Held::By { ref incident_id, .. }) if *incident_id == incident.id.as_str()),
        "{held:?}"
    );

    shop.run(&message).await;
    let ended = store
        .known_incident(&incident.id)
        .await
        .expect("an incident");
    assert_eq!(
        (ended.status, did(&host).as_str()),
        (Status::Repaired, "one\ntwo\n"),
        "{ended:?}"
    );
    let log = store.log(&incident.id).await.expect("a log");
    assert_eq!(
        (
            times(&log, Event::StepStarted),
            times(&log, Event::StepFinished),
            times(&log, Event::StepSkipped)
        ),
        (4, 4, 1),
        "{log:#?}"
    );
    assert_eq!(times(&log, Event::ExecutionCompleted), 1);
    verify(&incident.id, &log, &ended.log_head).expect("the chain holds");
    assert!(
        matches!(
            control
                .lock(
                    &lock,
                    Holder {
                        incident: &stranger,
                        worker: "w"
                    },
                    now,
                    now
                )
                .await,
            Ok(Held::Mine)
        ),
        "it is free now"
    );
}

#[tokio::test]
async fn services_on_one_host_are_repaired_one_after_the_other() {
    let Some(host) = TargetHost::sshd("restrict") else {
        return;
    };
    let facts = json!({ "dir": host.path("").display().to_string() });
    let of = |name: &str, lock: &str| json!({ "name": name, "level": "approval", "facts": facts, "target": host.target(), "lock": lock });
    let (web, db, apart) = (unique("web"), unique("db"), unique("apart"));
    let services = json!([of(&web, "host"), of(&db, "host"), of(&apart, "service")]);
    let shop = RepairFixture::open(&playbook(UNTIL_LET), &services, host.login_key(), || {
        InjectedFault::Answered
    })
    .await;
    let (_, first) = shop.approved(&web, "mend").await;
    let (waiting, second) = shop.approved(&db, "mend").await;
    let (worker, running) = (std::sync::Arc::clone(&shop.app), first.clone());
    let repair =
        tokio::spawn(async move { worker.handle(&running, &delivery(), &Timestamp::now).await });
    left(&host, "began").await;

    let held = shop
        .app
        .handle(&second, &delivery(), &Timestamp::now)
        .await
        .expect_err("the host is taken");
    assert!(
        matches!(held, Failure::Held { ref target, .. } if *target == db),
        "{held}"
    );
    let log = shop.stack.store.log(&waiting.id).await.expect("a log");
    assert_eq!(times(&log, Event::StepStarted), 0, "{log:#?}");
    // What has only its service to itself does not wait.
    let (beside, third) = shop.approved(&apart, "mend").await;
    let worker = std::sync::Arc::clone(&shop.app);
    let at_once =
        tokio::spawn(async move { worker.handle(&third, &delivery(), &Timestamp::now).await });
    let started = beside.id.to_string();
    shop.stack.log_with(&started, Event::StepStarted).await;
    std::fs::write(host.path("go"), "").expect("written");
    for running in [repair, at_once] {
        running.await.expect("it ends").expect("repaired");
    }
    shop.run(&second).await;
    for id in [&waiting.id, &beside.id] {
        let ended = shop.stack.read(id).await;
        assert_eq!(ended.status, Status::Repaired, "{ended:?}");
    }
}

#[tokio::test]
async fn a_repair_whose_target_is_never_free_is_given_up() {
    let Some((shop, host, service)) = repair_fixture("echo one >> $0/did").await else {
        return;
    };
    let (incident, message) = shop.approved(&service, "mend").await;
    let store = &shop.stack.store;
    let now = Timestamp::now();
    let stranger = fresh_incident_id(now);
    let holder = Holder {
        incident: &stranger,
        worker: "w",
    };
    let (control, lock) = (&shop.stack.control, shop.lock_of(&service));
    assert!(matches!(
        control
            .lock(&lock, holder, now, now + SignedDuration::from_mins(30))
            .await,
        Ok(Held::Mine)
    ));
    let eleventh = RepairDelivery {
        receive_count: 11,
        ..delivery()
    };
    let failure = shop
        .app
        .handle(&message, &eleventh, &Timestamp::now)
        .await
        .expect_err("it waits");
    assert!(matches!(failure, Failure::Held { .. }), "{failure}");
    assert_eq!(
        store
            .known_incident(&incident.id)
            .await
            .expect("an incident")
            .status,
        Status::Approved
    );
    let twelfth = RepairDelivery {
        receive_count: 12,
        ..delivery()
    };
    shop.app
        .handle(&message, &twelfth, &Timestamp::now)
        .await
        .expect("given up");
    let given_up = store
        .known_incident(&incident.id)
        .await
        .expect("an incident");
    assert_eq!(
        (given_up.status, given_up.repair),
        (Status::NeedsHuman, None)
    );
    let log = store.log(&incident.id).await.expect("a log");
    let blocked = log
        .iter()
        .find(|entry| entry.event == Event::GuardrailBlocked)
        .expect("it says why");
    assert!(
        blocked.detail == "one hand"
            && blocked
                .error
                .as_ref()
                .is_some_and(|why| why.contains(stranger.as_str())),
        "{blocked:?}"
    );
    control.unlock(&lock, holder).await.expect("free");
    // The message once more, later than anybody expects: what was given up does not run by surprise.
    shop.run(&message).await;
    assert_eq!(did(&host), "");
}

#[tokio::test]
async fn a_login_key_rotated_in_mid_repair_opens_the_next_step() {
    let Some(host) = TargetHost::sshd_with("restrict", "LogLevel VERBOSE\n") else {
        return;
    };
    let (services, service) = services(&host);
    let client = aws_sdk_secretsmanager::Client::new(&Stack::start().aws());
    let id = unique("quell/ssh-key/test");
    client
        .create_secret()
        .name(&id)
        .secret_string(host.login_key())
        .send()
        .await
        .expect("a secret");
    let key = LoginKey::Stored {
        secrets: Box::new(Secrets::new(client.clone())),
        id: id.clone(),
    };
    let shop = RepairFixture::open_with(&playbook(UNTIL_LET), &services, key, || {
        InjectedFault::Answered
    })
    .await;
    let (incident, message) = shop.approved(&service, "mend").await;
    let rotate = async {
        left(&host, "began").await;
        generate_key("ed25519", &host.path("new_key"));
        let new = std::fs::read_to_string(host.path("new_key")).expect("a key");
        client
            .put_secret_value()
            .secret_id(&id)
            .secret_string(new)
            .send()
            .await
            .expect("stored");
        // From now on the host knows the new key only, and the bridge has the old one in memory.
        host.admit("restrict", &public_key(&host.path("new_key")));
        std::fs::write(host.path("go"), "").expect("written");
    };
    let delivery = delivery();
    let (ran, ()) = tokio::join!(
        shop.app.handle(&message, &delivery, &Timestamp::now),
        rotate
    );
    ran.expect("it runs to its end");
    let ended = shop.stack.read(&incident.id).await;
    assert_eq!(
        (ended.status, did(&host).as_str()),
        (Status::Repaired, "one\ntwo\n"),
        "{:#?}",
        ended.repair
    );
    let refused = host
        .log()
        .lines()
        .filter(|line| line.starts_with("Failed publickey"))
        .count();
    assert_eq!(
        refused,
        1,
        "the old key was offered once, and never again: {}",
        host.log()
    );
}

#[tokio::test]
async fn whoever_waits_is_told_after_every_step() {
    let Some((shop, host, service)) = repair_fixture(UNTIL_LET).await else {
        return;
    };
    let (incident, message) = shop.approved(&service, "mend").await;
    let told = async || {
        let told = shop.notifications.take_all().await;
        let changed = Message::IncidentChanged {
            incident_id: incident.id.clone(),
        }
        .to_json();
        assert!(told.iter().all(|text| *text == changed), "{told:?}");
        told.len()
    };
    let watch = async {
        left(&host, "began").await;
        let before = told().await;
        std::fs::write(host.path("go"), "").expect("written");
        before
    };
    let delivery = delivery();
    let (ran, before) = tokio::join!(shop.app.handle(&message, &delivery, &Timestamp::now), watch);
    ran.expect("it runs to its end");
    assert_eq!(
        before, 2,
        "that it runs, and what the look found, while the first step is at work"
    );
    assert_eq!(told().await, 3, "each step, and the end with the check");
}

#[tokio::test]
async fn a_message_that_came_often_is_kept_while_the_repair_runs() {
    let Some((shop, host, service)) = repair_fixture(UNTIL_LET).await else {
        return;
    };
    let (incident, message) = shop.approved(&service, "mend").await;
    let again = async {
        left(&host, "began").await;
        let failure = shop
            .app
            .handle(
                &message,
                &RepairDelivery {
                    receive_count: 12,
                    ..delivery()
                },
                &Timestamp::now,
            )
            .await
            .expect_err("it comes again");
        std::fs::write(host.path("go"), "").expect("written");
        failure
    };
    let delivery = delivery();
    let (ran, failure) = tokio::join!(shop.app.handle(&message, &delivery, &Timestamp::now), again);
    ran.expect("it runs to its end");
    assert!(
        matches!(failure, Failure::Held { .. }),
        "the worker of now may die, and who would go on? {failure}"
    );
    assert_eq!(shop.stack.read(&incident.id).await.status, Status::Repaired);
}
