//! Tests of escalation and expiry.

use serde_json::json;

use crate::analysis::Severity;
use crate::incident::Status;
use crate::incident::approval::{ApprovalState, AskedLevel, Reach, Refusal, Taken, Verdict};
use crate::incident::change::IncidentChange;
use crate::incident::operation_log::Event;
use crate::incident::response::Responder;
use crate::notification::channels::Channels;
use crate::primitives::identity::Identity;
use crate::transition::decision::expiry::look_again_at;
use crate::transition::decision::tests::{after, approval, decide_on, press, two, waiting};

#[test]
fn an_undecided_approval_escalates_and_then_expires() {
    let (mut change, id) = waiting(1);
    let file = two();
    let carol = |id| press(Identity::Telegram(9), Verdict::Approve, id);
    assert_eq!(look_again_at(&change.incident, &file), Some(after(600)));
    assert_eq!(
        look_again_at(&change.incident, &Channels::default()),
        Some(after(3 * 3600)),
        "without a rule people are still reminded"
    );
    assert!(!change.escalate(&file, after(599)));
    assert_eq!(
        decide_on(&mut change, &id, &carol("1"), &file, after(599)),
        Err(Refusal::NotAllowed)
    );
    assert!(
        change.escalate(&file, after(600)) && !change.escalate(&file, after(601)),
        "once"
    );
    assert_eq!(
        change
            .entries
            .last()
            .map(|entry| (entry.event, entry.context["people"].clone())),
        Some((Event::ApprovalEscalated, json!(["carol"])))
    );
    assert_eq!(
        look_again_at(&change.incident, &file),
        Some(after(3 * 3600))
    );
    assert!(!change.remind(after(3 * 3600 - 1)));
    assert!(change.remind(after(3 * 3600)) && !change.remind(after(3 * 3600 + 1)));
    assert_eq!(
        look_again_at(&change.incident, &file),
        Some(after(4 * 3600))
    );
    assert!(!change.clone().expire(after(4 * 3600 - 1)));
    let mut decided = change.clone();
    assert_eq!(
        decide_on(&mut decided, &id, &carol("2"), &file, after(602)),
        Ok(Taken::Approved)
    );
    assert!(!decided.expire(after(5 * 3600)) && !decided.escalate(&file, after(700)));
    assert!(change.expire(after(4 * 3600)) && !change.expire(after(4 * 3600)));
    assert_eq!(
        (
            change.incident.status,
            look_again_at(&change.incident, &file)
        ),
        (Status::NeedsHuman, None)
    );
    assert!(
        matches!(&approval(&change).state, ApprovalState::Void { why, .. } if why == "there was no decision in time")
    );
    assert_eq!(
        change.entries.last().map(|entry| entry.event),
        Some(Event::ApprovalVoided)
    );
}

/// Teams whose first level hands over 150 s after the request, from ada to bob; carol and mallory are the levels behind it.
fn with_team(second_list: bool) -> Channels {
    let mut file = two();
    let rule = &mut file.approvals[0];
    (rule.people, rule.team) = (Vec::new(), Some("web".to_owned()));
    if !second_list {
        (rule.then, rule.escalate_after_seconds) = (Vec::new(), None);
    }
    file.duty = serde_json::from_value(json!({ "teams": { "web": { "levels": [
        { "rotation": {
            "zone": "Asia/Taipei", "hand_over": "09:00", "first": "1970-01-01", "members": ["ada"],
            "overrides": [{ "from": after(150), "until": after(100_000), "person": "bob" }],
        }, "wait_seconds": 300 },
        { "people": ["carol"], "wait_seconds": 120 },
        { "people": ["mallory"] },
    ] } } }))
    .expect("the shape of people.json");
    assert_eq!(file.errors(), []);
    file
}

fn urgent(needed: u8) -> (IncidentChange, crate::primitives::id::ApprovalId) {
    let (mut change, id) = waiting(needed);
    change.incident.severity = Severity::P1;
    (change, id)
}

/// The log's escalations: whom each asked.
fn asked(change: &IncidentChange) -> Vec<String> {
    let escalations = change
        .entries
        .iter()
        .filter(|entry| entry.event == Event::ApprovalEscalated);
    escalations
        .map(|entry| entry.context["people"].to_string())
        .collect()
}

#[test]
fn levels_are_asked_one_after_the_other_with_their_own_waits() {
    let (mut change, id) = urgent(1);
    let file = with_team(false);
    let by = |account, id| press(Identity::Telegram(account), Verdict::Approve, id);
    let next = |change: &IncidentChange| look_again_at(&change.incident, &file);
    assert_eq!(next(&change), Some(after(300)));
    assert!(!change.escalate(&file, after(299)));
    let early = decide_on(&mut change, &id, &by(9, "1"), &file, after(299));
    assert_eq!(early, Err(Refusal::NotAllowed), "carol is not asked yet");
    // The check is late: the wait of the next level is no shorter for it.
    assert!(change.escalate(&file, after(400)) && !change.escalate(&file, after(519)));
    assert_eq!(
        approval(&change).level,
        Some(AskedLevel {
            level: 1,
            at: after(400)
        })
    );
    assert_eq!(next(&change), Some(after(520)));
    let early = decide_on(&mut change, &id, &by(10, "2"), &file, after(519));
    assert_eq!(early, Err(Refusal::NotAllowed), "mallory is not asked yet");
    assert!(change.escalate(&file, after(520)) && !change.escalate(&file, after(1_000)));
    assert_eq!(asked(&change), [r#"["carol"]"#, r#"["mallory"]"#]);
    assert_eq!(
        next(&change),
        Some(after(3 * 3600)),
        "nobody is left to ask: what comes next is the reminder"
    );
    let taken = decide_on(&mut change, &id, &by(10, "3"), &file, after(1_000));
    assert_eq!(taken, Ok(Taken::Approved));
    assert!(!change.escalate(&file, after(2_000)));
}

#[test]
fn no_other_is_asked_while_a_person_is_on_it() {
    let (mut change, _) = urgent(1);
    let file = with_team(true);
    let on_it = |person: &str| {
        Some(Responder {
            person: person.to_owned(),
            since: after(1),
            assigned_by: None,
            snoozed_until: None,
        })
    };
    change.incident.response.responder = on_it("mallory");
    assert!(
        change.clone().escalate(&file, after(4 * 3600 - 1)),
        "who may not decide keeps no one from being asked"
    );
    change.incident.response.responder = on_it("ada");
    assert!(!change.escalate(&file, after(4 * 3600 - 1)));
    assert_eq!(
        look_again_at(&change.incident, &file),
        Some(after(3 * 3600)),
        "they are reminded"
    );
}

#[test]
fn only_p0_and_p1_go_up_the_levels() {
    let file = with_team(true);
    for (severity, reach) in [
        (
            Severity::P0,
            Reach {
                second_list: true,
                level: 2,
            },
        ),
        (
            Severity::P1,
            Reach {
                second_list: true,
                level: 2,
            },
        ),
        (
            Severity::P2,
            Reach {
                second_list: true,
                level: 0,
            },
        ),
        (
            Severity::P3,
            Reach {
                second_list: true,
                level: 0,
            },
        ),
    ] {
        let (mut change, _) = waiting(1);
        change.incident.severity = severity;
        for second in (0..4 * 3600).step_by(30) {
            while change.escalate(&file, after(second)) {}
        }
        assert_eq!(approval(&change).reach(), reach, "{severity:?}");
        // The second list is asked after ten minutes, whatever the levels do.
        assert_eq!(
            approval(&change).escalated_at,
            Some(after(600)),
            "{severity:?}"
        );
    }
}

#[test]
fn who_is_on_duty_decides_and_a_vote_outlasts_the_hand_over() {
    let file = with_team(false);
    let (mut change, id) = urgent(2);
    let by = |account, verdict, id| press(Identity::Telegram(account), verdict, id);
    let bob_early = decide_on(
        &mut change,
        &id,
        &by(8, Verdict::Approve, "1"),
        &file,
        after(149),
    );
    assert_eq!(bob_early, Err(Refusal::NotAllowed));
    let ada = decide_on(
        &mut change,
        &id,
        &by(7, Verdict::Approve, "2"),
        &file,
        after(149),
    );
    assert_eq!(ada, Ok(Taken::Given { more: 1 }));
    let late = decide_on(
        &mut change,
        &id,
        &by(7, Verdict::Reject, "3"),
        &file,
        after(150),
    );
    assert_eq!(late, Err(Refusal::NotAllowed), "ada has handed over");
    let bob = decide_on(
        &mut change,
        &id,
        &by(8, Verdict::Approve, "4"),
        &file,
        after(150),
    );
    assert_eq!(bob, Ok(Taken::Approved), "her vote still counts");
}

#[test]
fn where_two_have_to_approve_the_next_level_may_from_the_start() {
    let file = with_team(false);
    let by = |account, id| press(Identity::Telegram(account), Verdict::Approve, id);
    let (mut one, id) = urgent(1);
    let carol = decide_on(&mut one, &id, &by(9, "1"), &file, after(1));
    assert_eq!(
        carol,
        Err(Refusal::NotAllowed),
        "one person is enough, and ada is on duty"
    );
    let (mut two, id) = urgent(2);
    let carol = decide_on(&mut two, &id, &by(9, "1"), &file, after(1));
    assert_eq!(carol, Ok(Taken::Given { more: 1 }));
    let mallory = decide_on(&mut two, &id, &by(10, "2"), &file, after(2));
    assert_eq!(mallory, Err(Refusal::NotAllowed), "ada and carol are two");
    let ada = decide_on(&mut two, &id, &by(7, "3"), &file, after(3));
    assert_eq!(ada, Ok(Taken::Approved));
}
