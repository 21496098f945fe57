//! Steps of ingress, analyzer and repair around one approval, one effect at a time.

use std::collections::BTreeSet;

use domain::analysis::Risk;
use domain::incident::approval::{Approval, ApprovalState, Taken, Verdict};
use domain::incident::guardrail::{Guardrail, GuardrailOutcome};
use domain::incident::repair::{Repair, StepRun};
use domain::incident::{Incident, Status};
use domain::phrase;
use domain::playbook::plan::{Phase, Plan};
use domain::policy::evaluation::start_by;
use domain::primitives::id::ApprovalId;
use domain::primitives::identity::{DecidedBy, Identity};
use domain::transition::decision::{self, Pressed};
use domain::transition::reanalysis;
use jiff::Timestamp;

use super::{
    Action, ApprovalModel, By, ENOUGH_PEOPLE, FIRES_STILL, IN_TIME, RECENT, SIGNED, STANDS,
    STARTS_WITHIN, Stage, State, VALID_FOR, change, save,
};
use crate::world::analysis;

/// Who writes what repair records.
const ACTOR: &str = "repair";
/// Who may decide, by the rules of the file.
const NAMED: [&str; 2] = ["ada", "bob"];

impl ApprovalModel {
    pub(super) fn press(&self, state: &State, i: usize) -> (By, bool) {
        self.histories[state.history].presses[i]
    }

    pub(super) fn of_the_incident(&self, state: &State, last: bool, actions: &mut Vec<Action>) {
        let incident = &state.incident;
        let approval = incident.approval.as_ref();
        if state.resolves > 0 && incident.resolved_at.is_none() && !last {
            actions.push(Action::Resolve);
        }
        if incident.resolved_at.is_some() && !last {
            actions.push(Action::FireAgain);
        }
        let over = |it: &Approval| {
            it.state == ApprovalState::Pending && it.expires_at <= state.now() && self.rules.timer
        };
        if approval.is_some_and(over) {
            actions.push(Action::DecisionTimer);
        }
        if state.reanalysis && incident.can_be_reanalysed() {
            actions.push(Action::AskForAnalysis);
        }
        if incident.reanalysis.as_ref().is_some_and(|it| !it.done) {
            actions.push(Action::Reanalyse);
        }
        if state.stop {
            actions.push(Action::Stop);
        }
    }

    /// Decides on a press, and saves.
    pub(super) fn decide(&self, state: &mut State, i: usize) {
        let (plan, id, loaded) = match state.presses[i].clone() {
            Stage::Pressed { plan, id } => (plan, id, state.incident.clone()),
            Stage::Loaded { plan, id, incident } => (plan, id, incident),
            _ => return,
        };
        let Some(asked) = loaded.approval.clone() else {
            return;
        };
        let (by, approves) = self.press(state, i);
        let now = state.now();
        let (named, time) = (self.named(&id, &asked), self.time(&asked, now));
        let verdict = if approves {
            Verdict::Approve
        } else {
            Verdict::Reject
        };
        let press = format!("press {i}");
        let pressed = Pressed {
            verdict,
            by: self.identity(by),
            press: &press,
        };
        let incident = Incident::clone(&loaded);
        let decided = decision::decide(incident, &named, &pressed, &self.channels, time);
        let (incident, answer) = (decided.change.incident, decided.answer);
        let is_new = asked.state == ApprovalState::Pending
            && incident
                .approval
                .as_ref()
                .is_some_and(|it| it.decided_at().is_some());
        if is_new && asked.expires_at <= now {
            state.wrong.insert(IN_TIME);
        }
        if is_new && verdict == Verdict::Approve {
            state.signed.insert(named.clone());
        }
        save(state, incident);
        let Ok(taken) = answer else {
            state.presses[i] = Stage::Answered;
            return;
        };
        match taken {
            Taken::Approved => drop(state.verdicts.insert((plan, true))),
            Taken::Rejected => drop(state.verdicts.insert((plan, false))),
            Taken::Given { .. } => {}
        }
        let sends = is_new || self.rules.repetition_sends;
        state.presses[i] = Stage::Saved { plan, id, sends };
    }

    fn identity(&self, by: By) -> Identity {
        match by {
            By::AdaAsBob if !self.rules.proves_its_person => By::Bob.identity(),
            By::Mallory if !self.rules.rule_names_the_person => By::Bob.identity(),
            by => by.identity(),
        }
    }

    fn named(&self, id: &ApprovalId, asked: &Approval) -> ApprovalId {
        if self.rules.button_names_its_plan {
            id.clone()
        } else {
            asked.id.clone()
        }
    }

    fn time(&self, asked: &Approval, now: Timestamp) -> Timestamp {
        if self.rules.in_time {
            now
        } else {
            asked.requested_at
        }
    }

    pub(super) fn resolve(&self, state: &mut State) {
        let now = state.now();
        let before = state.incident.approval.clone();
        let revokes = self.rules.resolve_revokes;
        change(state, |change| {
            change.resolved(1, now);
            if !revokes {
                change.incident.approval = before;
            }
        });
    }

    pub(super) fn fire_again(&self, state: &mut State) {
        let now = state.now();
        let flaps = state.incident.flaps + 1;
        let before = state.incident.plan.as_ref().map(|plan| plan.round);
        let same = before.filter(|_| !self.rules.new_round);
        change(state, |change| {
            change.reopened(flaps, 2, now);
            let id = change.incident.id.clone();
            let incident = &mut change.incident;
            if let (Some(round), Some(plan), Some(approval)) =
                (same, &mut incident.plan, &mut incident.approval)
            {
                plan.round = round;
                approval.plan_hash = plan.hash();
                approval.id = ApprovalId::for_plan(&id, &approval.plan_hash);
            }
        });
    }

    /// A new analysis, which comes to a plan without a rollback.
    pub(super) fn reanalyse(&self, state: &mut State) {
        let now = state.now();
        let Some(asked) = state.incident.reanalysis.clone() else {
            return;
        };
        let before = state.incident.plan.as_ref().map(|plan| plan.risk);
        let plan = Plan {
            risk: before.unwrap_or(Risk::Low),
            rollback: Vec::new(),
            ..crate::world::plan()
        };
        let urgency = state.incident.analysis.as_ref().map(|it| it.urgency.level);
        let Some(urgency) = urgency else { return };
        change(state, |change| {
            let finding = (analysis(urgency), Vec::new());
            change.reanalysed(asked.round, finding, |_| Ok(plan), now, VALID_FOR);
        });
    }

    pub(super) fn ask_for_analysis(&self, state: &mut State) {
        let now = state.now();
        state.reanalysis = false;
        // A refusal changes nothing.
        let _ = change(state, |change| reanalysis::ask(change, "telegram:7", now));
    }

    pub(super) fn stop(&self, state: &mut State) {
        state.stop = false;
        let now = state.now();
        let Some(id) = state.incident.approval.as_ref().map(|it| it.id.clone()) else {
            return;
        };
        let by = By::Ada.identity();
        // A refusal changes nothing.
        let _ = change(state, |change| {
            decision::stop::stop(change, &id, &by, &self.channels, now)
        });
    }

    /// Writes a decision into the table, and its message onto the queue.
    pub(super) fn forge(&self, state: &mut State) {
        state.forgery = false;
        let (now, incident) = (state.now(), Incident::clone(&state.incident));
        let Some(asked) = incident.approval.clone() else {
            return;
        };
        let vote = |person: &str, by: By| domain::incident::approval::Vote {
            person: person.to_owned(),
            by: by.identity(),
            at: now,
            signature: None,
        };
        state.repairs.insert(asked.plan_hash.to_string());
        let forged = Approval {
            votes: vec![vote("ada", By::Ada), vote("bob", By::Bob)],
            state: ApprovalState::Decided {
                verdict: Verdict::Approve,
                by: DecidedBy::Person(By::Bob.identity()),
                at: now,
            },
            ..asked
        };
        let incident = Incident {
            status: Status::Approved,
            approval: Some(forged),
            ..incident
        };
        save(state, incident);
    }

    pub(super) fn send(&self, state: &mut State, i: usize) {
        let Stage::Saved { sends, .. } = &state.presses[i] else {
            return;
        };
        let (incident, sends) = (state.incident.clone(), *sends);
        let hash = incident
            .approval
            .as_ref()
            .map(|it| it.plan_hash.to_string());
        if let Some(hash) = hash.filter(|_| sends && incident.status == Status::Approved) {
            state.repairs.insert(hash);
        }
    }

    /// `repair::admission::admit`, in its order.
    pub(super) fn admit(&self, state: &mut State, i: usize) {
        let (rules, now) = (&self.rules, state.now());
        let Some(hash) = state.repairs.iter().nth(i).cloned() else {
            return;
        };
        let incident = state.incident.clone();
        let (Some(plan), Some(approval)) = (&incident.plan, &incident.approval) else {
            return;
        };
        let is_this = approval.plan_hash == hash.as_str() && plan.hash() == hash.as_str();
        if (rules.admits_what_is_approved && !is_approved(approval))
            || (rules.admits_this_plan && !is_this)
        {
            return;
        }
        match &incident.repair {
            Some(repair) if repair.outcome.is_some() && rules.admits_no_ended_run => return,
            // The run goes on, whatever has happened since.
            Some(repair) if repair.outcome.is_none() && !repair.steps.is_empty() => return,
            None if incident.status != Status::Approved && rules.admits_by_status => return,
            _ => {}
        }
        if incident.resolved_at.is_some() && rules.admits_what_fires {
            return change(state, |change| change.repair_unneeded(ACTOR, now));
        }
        if approval.lacks_people() && rules.counts_people {
            let why = phrase!("fewer people have approved than have to");
            return change(state, |change| {
                change.repair_stopped("enough people", why, ACTOR, now);
            });
        }
        if !state.signed.contains(&approval.id) && rules.checks_signatures {
            let why = phrase!("the decision was not signed");
            return change(state, |change| {
                change.repair_stopped("signed_decision", why, ACTOR, now);
            });
        }
        let late = start_by(&incident, STARTS_WITHIN).is_some_and(|start_by| start_by < now);
        if late && rules.starts_in_time {
            let outcome = GuardrailOutcome::blocked(
                Guardrail::StartsInTime,
                phrase!("the decision is too old"),
            );
            return change(state, |change| change.stopped_by(vec![outcome], ACTOR, now));
        }
        judge(state, &incident, approval, late);
        let plan_hash = approval.plan_hash.clone();
        change(state, |change| {
            change.repair_started(Repair::start(plan_hash, now));
        });
    }

    /// The first step runs. Who let it run is counted from the buttons that were pressed.
    pub(super) fn run_step(&self, state: &mut State) {
        let plan = state.plan;
        let hands: BTreeSet<&str> = state
            .hands
            .iter()
            .filter(|(person, on)| *on == plan && NAMED.contains(person))
            .map(|(person, _)| *person)
            .collect();
        let needed = state.incident.approval.as_ref().map_or(0, |it| it.needed);
        if hands.len() < usize::from(needed) {
            state.wrong.insert(ENOUGH_PEOPLE);
        }
        state.ran.push(plan);
        change(state, |change| {
            if let Some(repair) = &mut change.incident.repair {
                repair.steps.push(StepRun::ended(Phase::Steps, 0, true));
            }
        });
    }
}

fn is_approved(approval: &Approval) -> bool {
    matches!(
        approval.state,
        ApprovalState::Decided {
            verdict: Verdict::Approve,
            ..
        }
    )
}

/// Notes what a run breaks that begins now.
fn judge(state: &mut State, incident: &Incident, approval: &Approval, late: bool) {
    let broken = [
        (STANDS, !is_approved(approval)),
        (FIRES_STILL, incident.resolved_at.is_some()),
        (SIGNED, !state.signed.contains(&approval.id)),
        (RECENT, late),
    ];
    for (name, is_broken) in broken {
        if is_broken {
            state.wrong.insert(name);
        }
    }
}

/// True if a person has stopped the plan before its first step.
pub(super) fn was_stopped(incident: &Incident) -> bool {
    let state = incident.approval.as_ref().map(|it| &it.state);
    matches!(state, Some(ApprovalState::Void { why, .. }) if *why == "ada stopped it")
}
