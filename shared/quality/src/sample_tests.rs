//! Tests of what an incident says of its rule.

use domain::incident::Incident;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Ending, Hands, Sample, Samples};

const ID: &str = "01ARZ3NDEKTSV4RRFFQ69G5FAV";
const STORM: &str = "01ARZ3NDEKTSV4RRFFQ69G5FAW";
const OPENED: &str = "2026-11-30T06:00:00Z";

/// An incident as the store has it, with other fields in place of its own.
fn incident(changed: Value) -> Incident {
    let mut document = json!({
        "id": ID, "kind": { "type": "alert" }, "fingerprint": "a1".repeat(32), "status": "open", "severity": "P2",
        "alert": {
            "name": "TargetDown", "alert_type": "service_404", "severity": "warning", "status": "firing", "source": "alertmanager",
            "namespace": "shop", "target": "web-1", "normalised_target": "web", "message": "It is down.",
            "labels": { "alertname": "TargetDown" }, "annotations": {}, "starts_at": OPENED, "member": "m1",
        },
        "hit_count": 4, "flaps": 1, "opened_at": OPENED, "log_head": { "sequence": 1, "hash": "" }, "version": 1,
    });
    merge(&mut document, changed);
    serde_json::from_value(document).expect("an incident")
}

fn merge(document: &mut Value, changed: Value) {
    match (document, changed) {
        (Value::Object(fields), Value::Object(changed)) => {
            for (name, value) in changed {
                merge(fields.entry(name).or_insert(Value::Null), value);
            }
        }
        (document, changed) => *document = changed,
    }
}

fn at(minute: u8) -> Timestamp {
    format!("2026-11-30T06:{minute:02}:00Z")
        .parse()
        .expect("a time")
}

#[test]
fn an_ending_is_what_the_incident_knows_of_it() {
    let closing = json!({ "person": "ada", "at": at(7), "reason": "false_alarm" });
    for (changed, expected) in [
        (json!({}), Ending::Open),
        (
            json!({ "status": "resolved", "resolved_at": at(9) }),
            Ending::Resolved(at(9)),
        ),
        (
            json!({ "status": "closed", "response": { "closed": closing } }),
            Ending::Closed(at(7)),
        ),
        (
            json!({ "status": "resolved", "resolved_at": at(9), "response": { "closed": closing } }),
            Ending::Resolved(at(9)),
        ),
        (
            json!({ "status": "expired", "resolved_at": at(9) }),
            Ending::Expired,
        ),
        // It fired again: the end of before is none.
        (
            json!({ "status": "needs_human", "resolved_at": at(9) }),
            Ending::Open,
        ),
    ] {
        assert_eq!(
            Sample::of(&incident(changed.clone())).ending,
            expected,
            "{changed}"
        );
    }
}

#[test]
fn a_hand_in_an_incident_is_the_first_that_it_knows_of() {
    let hash = "b2".repeat(32);
    let approval = |state: Value, votes: Value| {
        json!({ "approval": {
            "id": format!("{ID}-b2b2b2b2b2b2b2b2"), "plan_hash": hash, "requested_at": at(1), "expires_at": at(50), "state": state,
            "needed": 1, "votes": votes,
        } })
    };
    let decided =
        |by: &str| json!({ "state": "decided", "verdict": "approve", "by": by, "at": at(6) });
    let repair = json!({
        "plan_hash": hash, "started_at": at(8), "finished_at": null, "worker": "w", "facts": {}, "steps": [], "outcome": null,
    });
    let note = |minute| json!({ "person": "ada", "at": at(minute), "text": "x" });
    let hands = |acknowledged: Option<u8>, acted: Option<u8>| Hands {
        acknowledged_at: acknowledged.map(at),
        acted_at: acted.map(at),
    };
    for (changed, expected) in [
        (json!({}), hands(None, None)),
        (
            json!({ "response": { "responder": { "person": "ada", "since": at(3) } } }),
            hands(Some(3), None),
        ),
        (
            json!({ "response": { "cause": { "person": "ada", "at": at(4), "right": false } } }),
            hands(Some(4), None),
        ),
        (
            json!({ "response": { "notes": [note(5), note(9)] } }),
            hands(None, Some(5)),
        ),
        (
            approval(decided("api:ada"), json!([])),
            hands(None, Some(6)),
        ),
        (
            approval(decided("guardrails"), json!([])),
            hands(None, None),
        ),
        (
            approval(
                json!({ "state": "pending" }),
                json!([{ "person": "ada", "by": "slack:U7", "at": at(2) }]),
            ),
            hands(None, Some(2)),
        ),
        (json!({ "repair": repair }), hands(None, Some(8))),
        (
            json!({ "earlier_repairs": [{ "playbook": "restart", "repair": repair }] }),
            hands(None, Some(8)),
        ),
    ] {
        assert_eq!(
            Sample::of(&incident(changed.clone())).hands,
            expected,
            "{changed}"
        );
    }
}

#[test]
fn what_people_do_about_a_storm_they_do_about_its_members() {
    let storm = json!({
        "id": STORM, "kind": { "type": "storm", "members": 2, "open": 2, "shown": [] }, "alert": { "name": "AlertStorm", "source": "quell" },
        "response": { "responder": { "person": "ada", "since": at(3) } },
    });
    let member =
        json!({ "kind": { "type": "storm_member", "storm": STORM }, "status": "in_storm" });
    let own = json!({ "alert": { "name": "MonitoringSilent", "source": "quell" } });
    let pipeline = json!({ "kind": { "type": "pipeline" }, "status": "announced" });
    for order in [[0, 1, 2, 3], [3, 2, 1, 0]] {
        let incidents = [&member, &storm, &own, &pipeline];
        let mut samples = Samples::default();
        for one in order {
            samples.take_in(&incident(incidents[one].clone()));
        }
        let samples = samples.into_samples();
        let [sample] = samples.as_slice() else {
            panic!("the member alone: {samples:?}")
        };
        assert_eq!(sample.rule.name, "TargetDown");
        assert_eq!(sample.hands.acknowledged_at, Some(at(3)));
    }
}
