//! Stories of episodes: when an incident begins, goes on and ends (DESIGN §4).

mod checks;
mod members;
mod random_deliveries;

use std::time::{Duration, Instant};

use domain::alert::{Alert, AlertSeverity};
use domain::episode::{
    Firing, FiringOutcome, ResolvedOutcome, Unsent, Windows, on_firing, on_resolved,
};
use domain::incident::Status;
use domain::incident::operation_log::Event;
use jiff::{SignedDuration, Timestamp};
use store::fresh_incident_id;
use tests::alert::{TestAlert, unique};
use tests::isolated_ingress::{IsolatedIngress, deliver};
use tests::stack::Stack;

/// Two workers change an episode one after the other, and the first removes its mark last.
#[tokio::test]
async fn a_late_mark_leaves_what_was_marked_since() {
    const WINDOWS: Windows = Windows {
        debounce: SignedDuration::from_secs(300),
        stale: SignedDuration::from_hours(5),
    };
    // No analyzer hears of it, which writes its advice on the episode.
    let IsolatedIngress { app, stack, .. } = &IsolatedIngress::open().await;
    let now = Timestamp::now();
    let alert = TestAlert::firing(unique("mark"));
    deliver(app, stack, &alert, now).await;
    let fingerprint = alert.fingerprint();
    let stored = async || {
        let episode = stack.store.episode(&fingerprint).await;
        episode.expect("read").expect("an episode")
    };
    let opened = stored().await;
    assert!(opened.unsent.is_empty(), "{:?}", opened.unsent);

    let worse = Alert {
        severity: AlertSeverity::Critical,
        ..alert.alert()
    };
    let firing = Firing::from_alert(&worse);
    let id = fresh_incident_id(now);
    let (outcome, first) = on_firing(Some(&opened), &fingerprint, &firing, &id, now, WINDOWS);
    assert_eq!(outcome, FiringOutcome::Escalated);
    let saved = stack.store.save_episode(&first, WINDOWS).await;
    saved.expect("saved");
    let members = opened.members.keys().cloned().collect();
    let (outcome, second) = on_resolved(&first, &members, now, WINDOWS);
    assert_eq!(outcome, ResolvedOutcome::Resolved);
    let saved = stack.store.save_episode(&second, WINDOWS).await;
    saved.expect("saved");

    for (marker, left) in [(&first, 1), (&second, 0)] {
        let marked = stack.store.mark_sent(marker, Unsent::Changed).await;
        marked.expect("written");
        assert_eq!(stored().await.unsent.len(), left);
    }
}

#[tokio::test]
async fn a_flapping_alert_keeps_its_incident() {
    let stack = Stack::start();
    let app = stack.ingress(&[]);
    let start = Timestamp::now();
    let at = |second: i64| start + SignedDuration::from_secs(second);
    let alert = TestAlert {
        starts_at: start,
        ..TestAlert::firing(unique("flap"))
    };
    let fire = |second: i64, since: i64, severity: &'static str| {
        let alert = TestAlert {
            starts_at: at(since),
            severity,
            ..alert.clone()
        };
        let (app, stack) = (&app, &stack);
        async move { deliver(app, stack, &alert, at(second)).await }
    };
    let opened = fire(0, 0, "warning").await;
    let id = opened["incident_id"]
        .as_str()
        .expect("an incident")
        .to_owned();
    stack.card(&id, "Needs a human").await;

    let worse = fire(10, 0, "critical").await;
    assert_eq!(
        (worse["outcome"].as_str(), worse["hit_count"].as_u64()),
        (Some("escalated"), Some(2))
    );
    stack.log_with(&id, Event::SeverityEscalated).await;
    stack.card(&id, "P1").await;
    assert_eq!(fire(11, 0, "critical").await["outcome"], "joined");

    let ended = TestAlert {
        ends_at: Some(at(60)),
        ..alert.clone()
    };
    assert_eq!(
        deliver(&app, &stack, &ended, at(60)).await["outcome"],
        "resolved"
    );
    stack.status(&id, Status::Resolved).await;
    let late = fire(61, 0, "warning").await;
    assert_eq!(
        (late["outcome"].as_str(), late["hit_count"].as_u64()),
        (Some("late"), Some(4))
    );
    stack.status(&id, Status::Resolved).await;

    let again = fire(200, 190, "warning").await;
    assert_eq!(
        (again["outcome"].as_str(), again["incident_id"].as_str()),
        (Some("reopened"), Some(id.as_str()))
    );
    let reopened = stack.incident(&id, |incident| incident.flaps == 1).await;
    assert_eq!(
        (reopened.status, reopened.resolved_at),
        (Status::NeedsHuman, None)
    );
    stack.card(&id, "It came back").await;

    let ended = TestAlert {
        starts_at: at(190),
        ends_at: Some(at(260)),
        ..alert.clone()
    };
    assert_eq!(
        deliver(&app, &stack, &ended, at(260)).await["outcome"],
        "resolved"
    );
    let anew = fire(561, 555, "warning").await;
    assert_eq!(
        (anew["outcome"].as_str(), anew["hit_count"].as_u64()),
        (Some("opened"), Some(1)),
        "the window is over"
    );
    assert_ne!(anew["incident_id"].as_str(), Some(id.as_str()));
    assert_eq!(stack.cards(&id).await.len(), 1);
}

#[tokio::test]
async fn a_future_or_unset_time_mutes_nothing_and_keeps_nothing_open() {
    let stack = Stack::start();
    let app = stack.ingress(&[]);
    let start = Timestamp::now();
    let at = |second: i64| start + SignedDuration::from_secs(second);
    let time = |text: &str| text.parse::<Timestamp>().expect("a time");
    let (far, farthest, zero) = (
        time("2099-01-01T00:00:00Z"),
        time("9999-12-30T00:00:00Z"),
        time("0001-01-01T00:00:00Z"),
    );
    let alert = TestAlert {
        starts_at: start,
        ..TestAlert::firing(unique("forged"))
    };
    let outcome = async |second: i64, since: Timestamp, ends_at: Option<Timestamp>| {
        let alert = TestAlert {
            starts_at: since,
            ends_at,
            ..alert.clone()
        };
        deliver(&app, &stack, &alert, at(second)).await["outcome"]
            .as_str()
            .expect("an outcome")
            .to_owned()
    };
    for (second, since, ends_at, expected, case) in [
        (0, at(0), None, "opened", "it fires"),
        (
            60,
            far,
            Some(far),
            "resolved",
            "a forged resolve ends what fires now, as any resolve would",
        ),
        (
            120,
            at(115),
            None,
            "reopened",
            "and nothing of what fires later",
        ),
        (180, farthest, Some(at(180)), "resolved", "another"),
        (
            240,
            farthest,
            Some(farthest),
            "ignored",
            "one after the end",
        ),
        (
            300,
            zero,
            None,
            "reopened",
            "a sender that sets no time fires now",
        ),
        (360, zero, Some(at(360)), "resolved", "and resolves now"),
        (420, far, None, "reopened", "a forged firing"),
        (
            480,
            at(470),
            Some(at(480)),
            "resolved",
            "ends with the next real resolve",
        ),
        (
            500,
            at(470),
            None,
            "late",
            "what comes right after a resolve is settled first",
        ),
        (9_000, far, Some(far), "ignored", "long after"),
        (9_060, at(9_050), None, "opened", "an incident of its own"),
    ] {
        assert_eq!(
            outcome(second, since, ends_at).await,
            expected,
            "{second} s: {case}"
        );
    }
    let episode = stack
        .store
        .episode(&alert.fingerprint())
        .await
        .expect("the store answers")
        .expect("an episode");
    let latest = at(9_060).as_millisecond();
    assert!(
        episode
            .members
            .values()
            .all(|member| member.starts_at <= latest),
        "{episode:?}"
    );
}

#[tokio::test]
async fn a_resolve_with_an_earlier_start_ends_its_alert() {
    let isolated = IsolatedIngress::open().await;
    let start = Timestamp::now();
    let at = |second: i64| start + SignedDuration::from_secs(second);
    let alert = TestAlert::firing(unique("replicas"));
    // One replica of Prometheus saw it 15 s after the other, and Alertmanager keeps the earliest time.
    let fire = TestAlert {
        starts_at: at(15),
        ..alert.clone()
    };
    let ends = TestAlert {
        starts_at: at(0),
        ends_at: Some(at(60)),
        ..alert
    };
    for (second, alert, outcome) in [(20, &fire, "opened"), (60, &ends, "resolved")] {
        assert_eq!(isolated.outcome(alert, at(second)).await, outcome);
    }
}

#[tokio::test]
async fn an_alert_that_goes_on_after_its_resolve_is_open_again_in_a_minute() {
    let stack = Stack::start();
    let [goes_on, over] = ["goes-on", "over"].map(|name| TestAlert::firing(unique(name)));
    let mut ids = Vec::new();
    for alert in [&goes_on, &over] {
        let opened = stack.deliver_one(alert).await;
        let id = opened["incident_id"]
            .as_str()
            .expect("an incident")
            .to_owned();
        stack.card(&id, "Needs a human").await;
        ids.push(id);
    }
    // Prometheus could not reach Alertmanager for four minutes, or a replica disagrees: it is resolved, and fires again as if nothing had
    // been. The other half of a pair may say the same of what is over.
    let ended = |alert: &TestAlert| TestAlert {
        ends_at: Some(Timestamp::now()),
        ..alert.clone()
    };
    let resolved = Instant::now();
    for alert in [&goes_on, &over] {
        assert_eq!(
            stack.deliver_one(&ended(alert)).await["outcome"],
            "resolved"
        );
        assert_eq!(stack.deliver_one(alert).await["outcome"], "late");
    }
    assert_eq!(stack.deliver_one(&ended(&over)).await["outcome"], "ignored");
    let reopened = stack
        .incident(&ids[0], |incident| incident.flaps == 1)
        .await;
    assert!(
        resolved.elapsed() < Duration::from_secs(60),
        "{:?}",
        resolved.elapsed()
    );
    assert_eq!(
        (reopened.status, reopened.resolved_at),
        (Status::NeedsHuman, None)
    );
    stack.card(&ids[0], "It came back").await;
    // Its timer has come too.
    let stays = stack.incident(&ids[1], |_| true).await;
    assert_eq!((stays.status, stays.flaps), (Status::Resolved, 0));
    assert_eq!(
        stack.deliver_one(&ended(&goes_on)).await["outcome"],
        "resolved"
    );
    stack.status(&ids[0], Status::Resolved).await;
}

#[tokio::test]
async fn an_alert_repeated_every_twelve_hours_is_one_incident() {
    let isolated = IsolatedIngress::open().await;
    let start = Timestamp::now();
    let at = |hour: i64| start + SignedDuration::from_hours(hour);
    let alert = TestAlert::firing(unique("twelve"));
    assert_eq!(isolated.outcome(&alert, at(0)).await, "opened");
    for hour in [12, 24, 36] {
        assert_eq!(isolated.outcome(&alert, at(hour)).await, "joined");
    }
    let ended = TestAlert {
        ends_at: Some(at(37)),
        ..alert
    };
    assert_eq!(isolated.outcome(&ended, at(37)).await, "resolved");
}
