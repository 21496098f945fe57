//! Tests of the guardrails on the rate of repairs: the cases that pass and the cases that each stops.

use jiff::Timestamp;

use crate::incident::guardrail::Guardrail;
use crate::policy::attempt_ledger::Attempt;
use crate::policy::evaluation::tests::{Facts, ago, now, other, table};
use crate::primitives::id::ApprovalId;

#[test]
fn cooldown() {
    table(
        Guardrail::Cooldown,
        &[
            (
                |facts| facts.attempted(1, "restart", ago(9)),
                "its last run here was 9m ago, its rest is 10m",
            ),
            (
                |facts| facts.attempted(1, "restart", now()),
                "its last run here was 0s ago, its rest is 10m",
            ),
            (
                |facts| facts.attempted(1, "restart", ago(-1)),
                "its last run here was 0s ago, its rest is 10m",
            ),
            (
                |facts| facts.readings.target = None,
                "the target's ledger could not be read",
            ),
        ],
        &[
            |facts| facts.attempted(1, "restart", ago(10)),
            |facts| facts.attempted(1, "reload", ago(1)),
            |facts| {
                facts.attempted(1, "restart", ago(1));
                facts.playbook().cooldown = None;
            },
            // Its own attempt, when the message comes again after a crash.
            |facts| {
                let own = ApprovalId::for_plan(&facts.incident.id, &facts.plan.hash());
                let attempt = Attempt {
                    approval_id: own,
                    playbook: "restart".into(),
                    at: ago(1),
                };
                facts
                    .readings
                    .target
                    .as_mut()
                    .expect("a ledger")
                    .record(attempt);
            },
        ],
    );
}

#[test]
fn attempts_per_hour() {
    table(
        Guardrail::AttemptsPerHour,
        &[
            (
                |facts| {
                    facts.attempted(1, "reload", ago(59));
                    facts.attempted(2, "restart", ago(1));
                },
                "2 on web within the hour, of 2",
            ),
            (
                |facts| facts.readings.target = None,
                "the target's ledger could not be read",
            ),
        ],
        &[
            |facts| facts.attempted(1, "reload", ago(1)),
            |facts| {
                facts.attempted(1, "reload", ago(60));
                facts.attempted(2, "restart", ago(1));
            },
        ],
    );
}

#[test]
fn redundancy_group() {
    fn running(facts: &mut Facts, target: &str, until: Timestamp) {
        assert!(facts.readings.group.as_mut().expect("a ledger").admit(
            target,
            &other(1),
            until,
            until,
            9
        ));
    }
    // The registry has four of the group.
    fn at_once(facts: &mut Facts, yaml: &str) {
        facts.limits.groups.insert(
            "front".into(),
            serde_saphyr::from_str(yaml).expect("a limit"),
        );
    }
    table(
        Guardrail::RedundancyGroup,
        &[
            (
                |facts| running(facts, "web-2", now()),
                "1 others of front are being repaired, of 1 at once",
            ),
            (
                |facts| {
                    at_once(facts, "{share: 0.5}");
                    running(facts, "web-2", now());
                    running(facts, "web-3", now());
                },
                "2 others of front are being repaired, of 2 at once",
            ),
            (
                |facts| facts.readings.group = None,
                "the group's ledger could not be read",
            ),
            (
                |facts| facts.service = None,
                "the registry has no service web any more",
            ),
        ],
        &[
            |facts| running(facts, "web-2", ago(11)),
            |facts| {
                at_once(facts, "{at_most: 2}");
                running(facts, "web-2", now());
            },
            |facts| running(facts, "web", now()),
            |facts| {
                facts.readings.group = None;
                facts.service.as_mut().expect("a service").redundancy_group = None;
            },
        ],
    );
}
