//! Tests of somebody who writes the table or invokes the bridge: nothing runs that was not decided on
//! (`signed-decisions`), and each attempt is found.

use aws::decision_keys::SigningKeyIds;
use aws::secrets::Secrets;
use domain::incident::approval::{Approval, ApprovalState, DecisionSignature, Verdict, Vote};
use domain::incident::change::IncidentChange;
use domain::incident::operation_log::Event;
use domain::incident::repair::{StepOutcome, StepResult};
use domain::incident::{Incident, Status};
use domain::notification::channels::Identity;
use domain::playbook::plan::Phase;
use domain::policy::kill_switch::SwitchedOff;
use domain::primitives::id::{ApprovalId, IncidentId};
use domain::primitives::identity::DecidedBy;
use jiff::{SignedDuration, Timestamp};
use repair::bridge_client::Bridge;
use tests::alert::TestAlert;
use tests::repairing::delivery;
use tests::stack::Stack;
use wire::bridge::{BRIDGE_VERSION, BridgeRequest};
use wire::message::Message;
use wire::signed_decision::{Reader, SignedDecision, SigningKeys};

/// An incident of the service that a human decides on, once a plan waits.
async fn waiting(stack: &Stack) -> Incident {
    let alert = TestAlert::firing(&stack.facts.target.service);
    stack.awaiting_approval(&alert).await
}

/// The keys of the analyzer.
async fn keys_of_guardrails(stack: &Stack) -> SigningKeys {
    let id = |name| stack.variable(name).expect("an output of the template");
    let ids = SigningKeyIds {
        repair: id("GUARDRAILS_REPAIR_KEY_ID"),
        bridge: id("GUARDRAILS_BRIDGE_KEY_ID"),
    };
    let secrets = Secrets::new(aws_sdk_secretsmanager::Client::new(&stack.aws()));
    ids.read(&secrets).await.expect("the keys")
}

/// A vote as somebody would write it who can write the table.
fn vote(signature: Option<DecisionSignature>, at: Timestamp) -> Vote {
    Vote {
        person: "ada".to_owned(),
        by: Identity::Telegram(4242),
        at,
        signature,
    }
}

fn decided(by: DecidedBy, at: Timestamp) -> ApprovalState {
    ApprovalState::Decided {
        verdict: Verdict::Approve,
        by,
        at,
    }
}

/// How somebody who writes the table makes an approval of one that waits.
type Forgery<'a> = (&'a str, Box<dyn Fn(&mut Approval) + 'a>);

#[tokio::test]
async fn an_approval_that_is_written_into_the_table_starts_nothing() {
    let stack = Stack::start();
    let (people, guardrails) = (stack.signing_keys().await, keys_of_guardrails(&stack).await);
    // A vote that was really given, on another incident.
    let other = waiting(&stack).await;
    stack.approve_quietly(&other).await;
    let other = stack.read(&other.id).await.approval.expect("approved");
    let now = Timestamp::now();
    let by_ada = || decided(DecidedBy::Person(Identity::Telegram(4242)), now);
    let write = |signature: Option<DecisionSignature>| {
        move |approval: &mut Approval| {
            approval.votes = vec![vote(signature.clone(), now)];
            approval.state = by_ada();
        }
    };
    let made_up = DecisionSignature {
        repair: "0".repeat(64),
        bridge: "0".repeat(64),
    };
    let forgeries: [Forgery<'_>; 8] = [
        ("no vote", Box::new(|approval| approval.state = by_ada())),
        ("a vote without a signature", Box::new(write(None))),
        ("a made-up signature", Box::new(write(Some(made_up)))),
        (
            "the vote of another incident",
            Box::new(|approval| {
                approval.votes.clone_from(&other.votes);
                approval.state.clone_from(&other.state);
            }),
        ),
        (
            "a signature of the analyzer's",
            Box::new(|approval| {
                let mut vote = vote(None, now);
                vote.signature = Some(guardrails.sign_vote(approval, &vote));
                approval.votes = vec![vote];
                approval.state = by_ada();
            }),
        ),
        (
            "the guardrails, signed by nobody",
            Box::new(|approval| approval.state = decided(DecidedBy::Guardrails, now)),
        ),
        (
            "the guardrails, signed with the keys of people",
            Box::new(|approval| {
                approval.state = decided(DecidedBy::Guardrails, now);
                approval.signature = Some(people.sign_guardrails(approval, now));
            }),
        ),
        (
            "a later time than the signed one",
            Box::new(|approval| {
                let mut vote = vote(None, now - SignedDuration::from_mins(20));
                vote.signature = Some(people.sign_vote(approval, &vote));
                approval.votes = vec![vote];
                approval.state = by_ada();
            }),
        ),
    ];
    let repair = stack.repair();
    for (forgery, write) in forgeries {
        let incident = waiting(&stack).await;
        let forge = |change: &mut IncidentChange| {
            write(change.incident.approval.as_mut().expect("asked"));
            change.incident.status = Status::Approved;
        };
        let (forged, ()) = stack
            .store
            .change(&incident.id, forge)
            .await
            .expect("written");
        let message = Message::RepairApproved {
            incident_id: incident.id.clone(),
            plan_hash: forged.plan.as_ref().expect("a plan").hash(),
        };
        let handled = repair.handle(&message, &delivery(), &Timestamp::now).await;
        handled.expect("handled");
        let stopped = stack.read(&incident.id).await;
        assert_eq!(stopped.status, Status::NeedsHuman, "{forgery}");
        assert!(stopped.repair.is_none(), "{forgery}");
        let log = stack.store.log(&incident.id).await.expect("a log");
        let found = log.iter().find(|entry| entry.detail == "signed_decision");
        assert!(
            found.is_some_and(|entry| entry.error.is_some()),
            "{forgery}"
        );
        let began = log.iter().any(|entry| entry.event == Event::StepStarted);
        assert!(!began, "{forgery}");
    }
}

/// The request for a step of the plan of an incident, with its decision.
fn request(incident: &Incident) -> BridgeRequest {
    let plan = incident.plan.clone().expect("a plan");
    let approval = incident.approval.as_ref().expect("decided");
    BridgeRequest {
        v: BRIDGE_VERSION,
        incident_id: incident.id.clone(),
        playbook: plan.playbook,
        phase: Phase::Steps,
        step: 0,
        parameters: plan.parameters,
        target: plan.target,
        round: plan.round,
        number: 1,
        decision: SignedDecision::of(approval, Reader::Bridge),
    }
}

/// A way in which a request for a step is not the one that was decided on.
type Change<'a> = (&'a str, &'a str, Box<dyn Fn(&mut BridgeRequest) + 'a>);

fn of_decision(request: &mut BridgeRequest) -> &mut SignedDecision {
    request.decision.as_mut().expect("signed")
}

#[tokio::test]
async fn the_bridge_runs_a_decided_step_once_and_nothing_else() {
    // Of its own: the kill switch is for everybody.
    let stack = Stack::start_with(&[]);
    let guardrails = keys_of_guardrails(&stack).await;
    let incident = waiting(&stack).await;
    stack.approve_quietly(&incident).await;
    let incident = stack.read(&incident.id).await;
    let approval = incident.approval.clone().expect("approved");
    let bridge = Bridge::new(
        &stack.aws(),
        stack.facts.outputs["BridgeFunctionName"].clone(),
    );
    let longest = SignedDuration::from_mins(2);
    let run = async |change: &dyn Fn(&mut BridgeRequest)| -> StepResult {
        let mut request = request(&incident);
        change(&mut request);
        bridge.run(&request, longest).await
    };
    let refused = |what: &str, result: &StepResult, why: &str| {
        assert_eq!(result.outcome, StepOutcome::Refused, "{what}: {result:?}");
        let detail = result.detail.to_string();
        assert!(
            detail.starts_with("Nothing ran: ") && detail.contains(why),
            "{what}: {detail}"
        );
    };
    let by_guardrails = || {
        let mut approval = approval.clone();
        let now = Timestamp::now();
        approval.state = decided(DecidedBy::Guardrails, now);
        approval.signature = Some(guardrails.sign_guardrails(&approval, now));
        SignedDecision::of(&approval, Reader::Bridge)
    };
    let stranger = IncidentId::try_from(ulid::Ulid::generate().to_string()).expect("a ULID");
    let changes: [Change<'_>; 11] = [
        (
            "no decision",
            "carries no decision",
            Box::new(|request| request.decision = None),
        ),
        (
            "the signature for repair",
            "signature of",
            Box::new(|request| request.decision = SignedDecision::of(&approval, Reader::Repair)),
        ),
        (
            "another person",
            "signature of",
            Box::new(|request| of_decision(request).by[0].person = "eve".to_owned()),
        ),
        (
            "a later time",
            "signature of",
            Box::new(|request| of_decision(request).by[0].at += SignedDuration::from_secs(60)),
        ),
        (
            "another incident",
            "another incident",
            Box::new(|request| request.incident_id = stranger.clone()),
        ),
        (
            "a decision for another incident",
            "signature of",
            Box::new(|request| {
                request.incident_id = stranger.clone();
                let decision = of_decision(request);
                decision.approval_id = ApprovalId::for_plan(&stranger, &decision.plan_hash);
            }),
        ),
        (
            "another round of the plan",
            "another plan",
            Box::new(|request| request.round += 1),
        ),
        (
            "the hash of another plan",
            "signature of",
            Box::new(|request| {
                request.round += 1;
                let mut plan = incident.plan.clone().expect("a plan");
                plan.round = request.round;
                of_decision(request).plan_hash = plan.hash();
            }),
        ),
        (
            "the guardrails for a service that a human decides on",
            "the guardrails may not",
            Box::new(|request| request.decision = by_guardrails()),
        ),
        (
            "more tries than a run has",
            "try 4 of a step that is tried 3 times",
            Box::new(|request| request.number = 4),
        ),
        (
            "try nought",
            "try 0",
            Box::new(|request| request.number = 0),
        ),
    ];
    for (what, why, change) in &changes {
        refused(what, &run(change).await, why);
    }

    let off = SwitchedOff::now("ada", Some("a drill"), Timestamp::now());
    let switch = async |off: Option<&SwitchedOff>| {
        let switched = stack.control.switch_repairs(off).await;
        switched.expect("switched");
    };
    switch(Some(&off)).await;
    refused("the kill switch", &run(&|_| {}).await, "switched off");
    switch(None).await;

    // All of that used nothing up: the step runs, and then never again.
    let ran = run(&|_| {}).await;
    assert!(ran.succeeded(), "{ran:?}");
    refused("again", &run(&|_| {}).await, "was run before");
    // What only looks needs no decision: `quell run --dry-run` asks before anybody decides.
    let looks = |request: &mut BridgeRequest| {
        (request.phase, request.decision) = (Phase::Verify, None);
    };
    assert!(run(&looks).await.succeeded());
}
