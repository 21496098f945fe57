//! Tests of signed decisions: what passes, and that every change of one is found.

use std::collections::BTreeMap;

use domain::alert::classification::AlertTables;
use domain::alert::fingerprint::fingerprint;
use domain::alert::{AlertStatus, Texts};
use domain::analysis::Risk;
use domain::episode::Firing;
use domain::incident::Incident;
use domain::incident::approval::{Approval, ApprovalState, Verdict, Vote};
use domain::incident::change::IncidentChange;
use domain::notification::channels::Channels;
use domain::playbook::plan::{Plan, PlannedStep};
use domain::primitives::id::{ApprovalId, IncidentId, MemberId};
use domain::primitives::identity::DecidedBy;
use domain::transition::decision::Pressed;
use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;

use super::{InvalidDecision, Reader, SignedDecision, SigningKeys};

const STARTS_WITHIN: SignedDuration = SignedDuration::from_mins(15);

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).expect("a time")
}

fn key(reader: Reader) -> SecretString {
    SecretString::from(format!("{reader:?} of people"))
}

fn keys() -> SigningKeys {
    SigningKeys {
        repair: key(Reader::Repair),
        bridge: key(Reader::Bridge),
    }
}

fn plan() -> Plan {
    let step = PlannedStep {
        argv: vec!["restart".into(), "web".into()],
        timeout_seconds: 60,
        ..PlannedStep::default()
    };
    Plan {
        playbook: "restart".into(),
        playbook_name: "Restart".into(),
        risk: Risk::Low,
        risk_because: vec![],
        target: "web".into(),
        address: "ssh quell@10.0.0.1:22".into(),
        unscoped: false,
        parameters: BTreeMap::new(),
        facts: vec![],
        steps: vec![step],
        verify: vec![],
        rollback: vec![],
        round: 0,
        score: 4,
        reasons: vec![],
    }
}

/// An approval that these people have given, each with the signature of ingress.
fn approved(needed: u8, people: &[(&str, &str)]) -> Approval {
    let incident = IncidentId::try_from("01ARZ3NDEKTSV4RRFFQ69G5FAV").expect("a ULID");
    let hash = plan().hash();
    let id = ApprovalId::for_plan(&incident, &hash);
    let mut approval = Approval::asked(id, hash, at(0), at(3_600), needed);
    for (second, (person, by)) in (1..).zip(people) {
        let mut vote = Vote {
            person: (*person).to_owned(),
            by: by.parse().expect("an identity"),
            at: at(second),
            signature: None,
        };
        vote.signature = Some(keys().sign_vote(&approval, &vote));
        approval.state = decided(DecidedBy::Person(vote.by.clone()), vote.at);
        approval.votes.push(vote);
    }
    approval
}

fn decided(by: DecidedBy, at: Timestamp) -> ApprovalState {
    ApprovalState::Decided {
        verdict: Verdict::Approve,
        by,
        at,
    }
}

fn by_guardrails() -> Approval {
    let mut approval = approved(1, &[]);
    approval.state = decided(DecidedBy::Guardrails, at(1));
    approval.signature = Some(keys().sign_guardrails(&approval, at(1)));
    approval
}

fn read(approval: &Approval, reader: Reader) -> SignedDecision {
    SignedDecision::of(approval, reader).expect("approved")
}

#[test]
fn each_reader_checks_with_its_own_key() {
    for approval in [
        approved(1, &[("ada", "telegram:7")]),
        approved(1, &[("ada", "link:ada")]),
        approved(2, &[("ada", "telegram:7"), ("bob", "slack:U8")]),
        by_guardrails(),
    ] {
        for reader in [Reader::Repair, Reader::Bridge] {
            let decision = read(&approval, reader);
            assert_eq!(decision.check(&key(reader)), Ok(()), "{approval:?}");
            let text = serde_json::to_string(&decision).expect("JSON");
            assert_eq!(serde_json::from_str(&text).ok(), Some(decision));
        }
        // Who can check for one cannot sign for the other.
        let of_repair = read(&approval, Reader::Repair);
        assert!(matches!(
            of_repair.check(&key(Reader::Bridge)),
            Err(InvalidDecision::Forged { .. })
        ));
    }
}

#[test]
fn a_signature_is_as_its_description_says() {
    // Made by a program of its own: a change of the form would stop every repair that is approved.
    let decision = read(&approved(1, &[("ada", "telegram:7")]), Reader::Bridge);
    assert_eq!(
        decision.by[0].signature,
        "7f828531be8e809b20df4a9c130beef9f7a1ea94d20d91312e6e5d9cdfd25547"
    );
}

#[test]
fn what_is_not_decided_is_no_decision() {
    let mut approval = approved(1, &[("ada", "telegram:7")]);
    let rejected = ApprovalState::Decided {
        verdict: Verdict::Reject,
        by: DecidedBy::Guardrails,
        at: at(1),
    };
    let void = ApprovalState::Void {
        why: "the alert resolved".to_owned().into(),
        at: at(1),
    };
    for state in [ApprovalState::Pending, rejected, void] {
        approval.state = state;
        assert_eq!(SignedDecision::of(&approval, Reader::Bridge), None);
    }
}

/// A way in which somebody who can write the table changes an approval.
type Change = (&'static str, fn(&mut Approval));

#[test]
fn whoever_writes_the_table_cannot_approve() {
    let changes: [Change; 10] = [
        ("no vote", |approval| approval.votes.clear()),
        ("no signature", |approval| {
            approval.votes[0].signature = None
        }),
        ("another person", |approval| {
            approval.votes[0].person = "eve".to_owned();
        }),
        ("another account", |approval| {
            approval.votes[0].by = "telegram:8".parse().expect("an identity");
        }),
        ("another time", |approval| {
            approval.votes[0].at += SignedDuration::from_nanos(1);
        }),
        ("another plan", |approval| {
            let other = Plan { round: 1, ..plan() };
            approval.plan_hash = other.hash();
        }),
        ("another incident", |approval| {
            let other = IncidentId::try_from("01ARZ3NDEKTSV4RRFFQ69G5FAW").expect("a ULID");
            approval.id = ApprovalId::for_plan(&other, &approval.plan_hash);
        }),
        ("more people needed", |approval| approval.needed = 2),
        ("by the guardrails", |approval| {
            approval.state = decided(DecidedBy::Guardrails, at(1));
        }),
        ("a signature of the guardrails from a vote", |approval| {
            approval.state = decided(DecidedBy::Guardrails, at(1));
            approval.signature = approval.votes[0].signature.clone();
        }),
    ];
    for (change, apply) in changes {
        let mut approval = approved(1, &[("ada", "telegram:7")]);
        apply(&mut approval);
        for reader in [Reader::Repair, Reader::Bridge] {
            let checked = read(&approval, reader).check(&key(reader));
            assert!(checked.is_err(), "{change}");
        }
    }
    // A vote for a plan that needs two does not become one for a plan that needs one.
    let mut half = approved(2, &[("ada", "telegram:7")]);
    half.needed = 1;
    assert!(
        read(&half, Reader::Bridge)
            .check(&key(Reader::Bridge))
            .is_err()
    );
}

/// An incident with an approval, as the table holds it.
fn incident(approval: &Approval) -> Incident {
    let id = IncidentId::try_from("01ARZ3NDEKTSV4RRFFQ69G5FAV").expect("a ULID");
    let alert = AlertTables::default().alert(
        AlertStatus::Firing,
        "alertmanager",
        Texts::from([("alertname".to_owned(), "TargetDown".to_owned())]),
        Texts::new(),
        at(0),
        MemberId::try_from("m1").expect("a member id"),
    );
    let firing = Firing::from_alert(&alert);
    let fingerprint = fingerprint(&alert, &[]);
    let mut incident = IncidentChange::open(id, fingerprint, alert, &firing, at(0)).incident;
    incident.approval = Some(approval.clone());
    incident
}

#[test]
fn votes_of_other_keys_count_only_once_decided() {
    let others = SigningKeys {
        repair: SecretString::from("replaced"),
        bridge: SecretString::from("replaced"),
    };
    let press = Pressed {
        verdict: Verdict::Approve,
        by: "telegram:8".parse().expect("an identity"),
        press: "one",
    };
    let pressed = |approval: &Approval| {
        let channels = Channels::default();
        let (decided, forged) =
            others.decide(incident(approval), &approval.id, &press, &channels, at(9));
        (
            decided.change.incident.approval.expect("it is there"),
            forged,
        )
    };
    // Repair judges a decision that was made, also one of before the keys were replaced.
    let made = approved(1, &[("ada", "telegram:7")]);
    let (kept, forged) = pressed(&made);
    assert_eq!((&kept.votes, &kept.state), (&made.votes, &made.state));
    assert_eq!(forged, []);
    // One that somebody wrote into the table gets no signature by being pressed on.
    let mut written = made.clone();
    written.votes[0].signature = None;
    assert_eq!(pressed(&written).0.votes, written.votes);
    let mut waits = approved(2, &[("ada", "telegram:7")]);
    waits.state = ApprovalState::Pending;
    let (kept, forged) = pressed(&waits);
    assert_eq!(kept.votes, []);
    assert_eq!(forged, waits.votes);
}

#[test]
fn two_people_are_two_people() {
    let few = |people: &[(&str, &str)], given| {
        let checked = read(&approved(2, people), Reader::Bridge).check(&key(Reader::Bridge));
        assert_eq!(
            checked,
            Err(InvalidDecision::TooFew { given, needed: 2 }),
            "{people:?}"
        );
    };
    few(&[("ada", "telegram:7")], 1);
    few(&[("ada", "telegram:7"), ("ada", "slack:U7")], 1);
    few(&[("ada", "telegram:7"), ("bob", "link:bob")], 1);
    few(&[("ada", "api:ada"), ("bob", "link:bob")], 0);
}

#[test]
fn a_decision_covers_one_plan_for_as_long_as_that_may_take() {
    let decision = read(&approved(1, &[("ada", "telegram:7")]), Reader::Bridge);
    let covers = |plan: &Plan, second| decision.covers(plan, STARTS_WITHIN, at(second));
    assert_eq!(covers(&plan(), 1), Ok(()));
    assert_eq!(covers(&plan(), -58), Ok(()), "clocks differ");
    let early = Err(InvalidDecision::Early { at: at(1) });
    assert_eq!(covers(&plan(), -60), early);
    let other = Plan {
        parameters: BTreeMap::from([("unit".to_owned(), "db".to_owned())]),
        ..plan()
    };
    assert_eq!(covers(&other, 1), Err(InvalidDecision::OtherPlan));
    // Fifteen minutes until it begins, half an hour between workers, and its one step.
    let step = plan().steps[0].longest().as_secs();
    let last = 1 + (15 + 30) * 60 + step;
    assert_eq!(covers(&plan(), last), Ok(()));
    let old = Err(InvalidDecision::TooOld { at: at(1) });
    assert_eq!(covers(&plan(), last + 1), old);
}
