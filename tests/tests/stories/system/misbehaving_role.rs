//! Test of a role that misbehaves at random beside repairs that people have decided on: no step runs
//! without a valid decision, and each attempt is found.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_dynamodb::types::AttributeValue;
use domain::incident::approval::{Approval, ApprovalState, DecisionSignature, Verdict};
use domain::incident::change::IncidentChange;
use domain::incident::operation_log::Event;
use domain::incident::repair::StepOutcome;
use domain::incident::{Incident, Status};
use domain::notification::channels::Identity;
use domain::playbook::plan::Phase;
use domain::policy::kill_switch::SwitchedOff;
use domain::primitives::id::{ApprovalId, IncidentId};
use domain::primitives::identity::DecidedBy;
use fastrand::Rng;
use jiff::{SignedDuration, Timestamp};
use repair::bridge_client::Bridge;
use store::{ControlTable, Holder, StepTry, Store};
use tests::alert::TestAlert;
use tests::opened::{alert, opened};
use tests::own_function::log_lines;
use tests::repairing::delivery;
use tests::roles::ATTEMPT;
use tests::stack::Stack;
use wire::bridge::{BRIDGE_VERSION, BridgeRequest};
use wire::message::Message;
use wire::signed_decision::{Reader, SignedDecision};

/// The roles that neither decide for people nor reach hosts.
const ROLES: [&str; 7] = [
    "Signals", "Analyzer", "Notifier", "Repair", "Witness", "Console", "Board",
];
const ATTEMPTS: usize = 200;
/// After how many attempts people decide on a repair.
const BETWEEN: usize = 50;

/// Where an attempt is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Found {
    /// As a refused request of the role, in the account's trail.
    Denied,
    /// As an entry of the incident's operation log.
    OperationLog,
    /// As a line of the bridge at error, which has an alarm.
    BridgeLog,
}

/// What the bridge prints for each step that it does not let through.
const NOT_RUN: &str = "a step without a valid decision was not run";

/// Somebody with the role of a function.
struct Thief {
    role: &'static str,
    store: Store,
    control: ControlTable,
    bridge: Bridge,
}

impl Thief {
    async fn with(stack: &Stack, role: &'static str) -> Self {
        let aws = stack.stolen(role).await.sdk_config(ATTEMPT);
        let output = |name: &str| stack.facts.outputs[name].clone();
        let dynamodb = aws_sdk_dynamodb::Client::new(&aws);
        Self {
            role,
            store: Store::new(dynamodb.clone(), output("TableName")),
            control: ControlTable::new(dynamodb, output("ControlTableName")),
            bridge: Bridge::new(&aws, output("BridgeFunctionName")),
        }
    }
}

/// The stage: a plan, and decisions that people have made.
struct Stage {
    stack: Stack,
    repair: repair::App,
    /// An incident whose plan waits, as the analyzer proposed it.
    model: Incident,
    /// Incidents on which people have decided, and which were repaired.
    decided: Vec<Incident>,
}

impl Stage {
    /// Another incident with the same plan, which waits.
    async fn waiting(&self) -> Incident {
        let mut change = opened(&alert(&self.stack.facts.target.service), 0);
        let plan = self.model.plan.clone().expect("a plan");
        change.propose(plan, Timestamp::now(), SignedDuration::from_hours(4));
        self.stack.store.save(change).await.expect("saved")
    }

    /// Hands the message of an approval to the repair function, as its queue would.
    async fn run(&self, incident: &Incident) -> Incident {
        let message = Message::RepairApproved {
            incident_id: incident.id.clone(),
            plan_hash: incident.plan.as_ref().expect("a plan").hash(),
        };
        let handled = self
            .repair
            .handle(&message, &delivery(), &Timestamp::now)
            .await;
        handled.expect("handled");
        self.stack.read(&incident.id).await
    }

    /// People decide on an incident, and it is repaired.
    async fn repaired(&mut self) {
        let incident = self.waiting().await;
        self.stack.approve_quietly(&incident).await;
        let incident = self.run(&incident).await;
        assert_eq!(incident.status, Status::Repaired, "{incident:?}");
        self.decided.push(incident);
    }

    /// Writes an approval that nobody gave: the parts of one that was given, changed at random.
    async fn forges_an_approval(&self, thief: &Thief, rng: &mut Rng) -> Found {
        let incident = self.waiting().await;
        let given = self.decided[rng.usize(..self.decided.len())]
            .approval
            .clone();
        let given = given.expect("decided");
        let seed = rng.u64(..);
        let forge = |change: &mut IncidentChange| {
            let approval = change.incident.approval.as_mut().expect("asked");
            bend(approval, &given, &mut Rng::with_seed(seed));
            change.incident.status = Status::Approved;
        };
        if thief.store.change(&incident.id, forge).await.is_err() {
            return Found::Denied;
        }
        let stopped = self.run(&incident).await;
        let log = self.stack.store.log(&incident.id).await.expect("a log");
        let began = log.iter().any(|entry| entry.event == Event::StepStarted);
        assert!(!began, "{}: {:?}", thief.role, stopped.approval);
        let found = log.iter().find(|entry| entry.detail == "signed_decision");
        assert!(found.is_some(), "{}: {:?}", thief.role, stopped.approval);
        Found::OperationLog
    }

    /// Makes an incident that was repaired look as if its plan waited for its repair again.
    async fn replays_a_decision(&self, thief: &Thief, rng: &mut Rng) -> Found {
        let place = rng.usize(..self.decided.len());
        let again = |change: &mut IncidentChange| {
            change.incident.repair = None;
            change.incident.status = Status::Approved;
        };
        let id = &self.decided[place].id;
        let before = self.refusals(id).await;
        if thief.store.change(id, again).await.is_err() {
            return Found::Denied;
        }
        let incident = self.run(&self.decided[place]).await;
        let steps = incident.repair.as_ref().map(|repair| &repair.steps);
        let refused = steps.is_none_or(|steps| {
            let of_plan = steps.iter().filter(|step| step.phase == Phase::Steps);
            of_plan
                .filter(|step| step.finished)
                .all(|step| step.detail.to_string().starts_with("Nothing ran"))
        });
        assert!(refused, "{}: {incident:?}", thief.role);
        assert!(
            self.refusals(id).await > before,
            "{}: {incident:?}",
            thief.role
        );
        Found::OperationLog
    }

    /// How many entries of an operation log say that something was refused or failed.
    async fn refusals(&self, id: &IncidentId) -> usize {
        let log = self.stack.store.log(id).await.expect("a log");
        log.iter().filter(|entry| !entry.success).count()
    }

    /// Asks the bridge for a step itself, with a decision of another time, plan or person.
    async fn asks_the_bridge(&self, thief: &Thief, rng: &mut Rng) -> Found {
        let incident = &self.decided[rng.usize(..self.decided.len())];
        let plan = incident.plan.clone().expect("a plan");
        let approval = incident.approval.as_ref().expect("decided");
        let mut request = BridgeRequest {
            v: BRIDGE_VERSION,
            incident_id: incident.id.clone(),
            playbook: plan.playbook.clone(),
            phase: Phase::Steps,
            step: 0,
            parameters: plan.parameters.clone(),
            target: plan.target.clone(),
            round: plan.round,
            number: 1,
            decision: SignedDecision::of(approval, Reader::Bridge),
        };
        match rng.u8(..6) {
            // As it was: the step ran before.
            0 => {}
            1 => request.decision = None,
            2 => request.number = rng.u32(2..9),
            3 => request.round += rng.u32(1..9),
            4 => request.incident_id = self.model.id.clone(),
            _ => {
                let decision = request.decision.as_mut().expect("signed");
                decision.approval_id = ApprovalId::for_plan(&self.model.id, &decision.plan_hash);
                request.incident_id = self.model.id.clone();
            }
        }
        let longest = SignedDuration::from_mins(2);
        let result = thief.bridge.run(&request, longest).await;
        if thief.role == "Repair" {
            assert!(
                result.outcome == StepOutcome::Refused
                    && result.detail.to_string().starts_with("Nothing ran"),
                "{request:?}: {result:?}"
            );
            return Found::BridgeLog;
        }
        // Lambda let nobody else ask.
        assert!(
            !result.succeeded() && result.detail.to_string().contains("AccessDenied"),
            "{result:?}"
        );
        Found::Denied
    }

    /// Writes to what stops repairs.
    async fn turns_a_switch(&self, thief: &Thief, rng: &mut Rng) -> Found {
        let now = Timestamp::now();
        let approval = &self.decided[0].approval.as_ref().expect("decided").id;
        let of = StepTry {
            approval,
            phase: Phase::Steps,
            step: 7,
            number: 1,
        };
        let holder = Holder {
            incident: &self.model.id,
            worker: "stolen",
        };
        let taken = match rng.u8(..4) {
            0 => thief.control.switch_repairs(None).await.is_ok(),
            1 => {
                let off = SwitchedOff::now("nobody", None, now);
                thief.control.switch_repairs(Some(&off)).await.is_ok()
            }
            2 => thief.control.claim(of, now).await.is_ok(),
            _ => {
                let locked = thief.control.lock("host none", holder, now, now).await;
                // Locks are the repair function's own.
                locked.is_ok() && thief.role != "Repair"
            }
        };
        assert!(!taken, "{} wrote what is not its own", thief.role);
        Found::Denied
    }

    /// The approvals under which the bridge has let a step through.
    async fn ran(&self) -> BTreeSet<String> {
        let scan = aws_sdk_dynamodb::Client::new(&self.stack.aws())
            .scan()
            .table_name(&self.stack.facts.outputs["ControlTableName"])
            .filter_expression("begins_with(pk, :step)")
            .expression_attribute_values(":step", AttributeValue::S("STEP#".to_owned()))
            .consistent_read(true);
        let items = scan.into_paginator().items().send();
        let items = items.collect::<Result<Vec<_>, _>>().await.expect("items");
        let key = |item: &std::collections::HashMap<String, AttributeValue>| {
            let key = item["pk"].as_s().expect("a text");
            key.trim_start_matches("STEP#").to_owned()
        };
        items.iter().map(key).collect()
    }
}

/// An approval like the one that was given, with one thing that is not as it was signed.
fn bend(approval: &mut Approval, given: &Approval, rng: &mut Rng) {
    let now = Timestamp::now();
    approval.votes.clone_from(&given.votes);
    approval.signature.clone_from(&given.signature);
    approval.state = ApprovalState::Decided {
        verdict: Verdict::Approve,
        by: DecidedBy::Person(given.votes[0].by.clone()),
        at: now,
    };
    match rng.u8(..8) {
        // The decision on another incident.
        0 => {}
        1 => approval.votes[0].at = now + SignedDuration::from_secs(rng.i64(-600..600)),
        2 => approval.votes[0].person = "eve".to_owned(),
        3 => approval.votes[0].by = Identity::Telegram(rng.i64(1..9_999)),
        4 => approval.votes[0].signature = None,
        5 => {
            let mut digits = || (0..64).map(|_| rng.digit(16)).collect::<String>();
            approval.votes[0].signature = Some(DecisionSignature {
                repair: digits(),
                bridge: digits(),
            });
        }
        6 => approval.votes.clear(),
        _ => {
            approval.state = ApprovalState::Decided {
                verdict: Verdict::Approve,
                by: DecidedBy::Guardrails,
                at: now,
            };
        }
    }
    approval.needed = rng.u8(0..2);
}

#[tokio::test]
async fn a_role_that_misbehaves_at_random_runs_nothing_and_is_found() {
    let stack = Stack::start_with(&[]);
    let model = stack
        .awaiting_approval(&TestAlert::firing(&stack.facts.target.service))
        .await;
    let mut thieves = Vec::new();
    for role in ROLES {
        thieves.push(Thief::with(&stack, role).await);
    }
    let repair = stack.repair();
    let mut stage = Stage {
        stack,
        repair,
        model,
        decided: Vec::new(),
    };
    let mut rng = Rng::with_seed(14);
    let mut found = BTreeMap::<Found, usize>::new();
    for attempt in 0..ATTEMPTS {
        if attempt % BETWEEN == 0 {
            stage.repaired().await;
        }
        let thief = &thieves[rng.usize(..thieves.len())];
        let place = match rng.u8(..4) {
            0 => stage.forges_an_approval(thief, &mut rng).await,
            1 => stage.replays_a_decision(thief, &mut rng).await,
            2 => stage.asks_the_bridge(thief, &mut rng).await,
            _ => stage.turns_a_switch(thief, &mut rng).await,
        };
        *found.entry(place).or_default() += 1;
    }
    // Denied ones alone would say nothing of what is behind IAM.
    for place in [Found::OperationLog, Found::BridgeLog] {
        assert!(
            found.get(&place).is_some_and(|times| *times > 3),
            "{found:?}"
        );
    }
    let lines = log_lines(&stage.stack, "/aws/lambda/quell-bridge").await;
    let refused = lines.iter().filter(|line| line.contains(NOT_RUN)).count();
    assert!(
        refused >= found[&Found::BridgeLog],
        "{refused} of {found:?}"
    );
    let given: BTreeSet<String> = stage
        .decided
        .iter()
        .map(|incident| incident.approval.as_ref().expect("decided").id.to_string())
        .collect();
    assert_eq!(stage.ran().await, given);
}
