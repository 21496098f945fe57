//! Steps of a repair worker and of the bridge, one effect at a time.

use domain::incident::repair::{Repair, RepairOutcome, StepResult};
use domain::incident::repair_state_machine::Next;
use domain::playbook::plan::Phase;
use domain::policy::attempt_ledger::{CLOCKS_APART, GroupLedger};
use domain::primitives::id::ApprovalId;
use jiff::{SignedDuration, Timestamp};

use super::{
    Answer, FUNCTION, Lock, Message, ONE_HAND, ONE_IN_GROUP, RepairModel, Request, SWITCHED_OFF,
    Stage, State, TICK, TRY_ONCE, outcome_of, place,
};
use crate::kept::Kept;
use crate::world::{at, incident_id, plan};

/// `repair::app::ENTRANCE` and `repair::lease::MARGIN`.
const ENTRANCE: SignedDuration = SignedDuration::from_secs(30);
const MARGIN: SignedDuration = SignedDuration::from_secs(30);
/// How many members of a group may be repaired at once.
const AT_ONCE: u32 = 1;

/// When the message is received again, unless it was deleted.
fn comes_again(state: &mut State, i: usize, tick: u8) {
    if state.runs[i].message != Message::Deleted {
        state.runs[i].message = Message::From(tick);
    }
}

fn approval_of(run: usize) -> ApprovalId {
    ApprovalId::for_plan(&incident_id(run), &plan().hash())
}

impl RepairModel {
    pub(super) fn step(&self, state: &mut State, i: usize, n: usize) {
        let worker = state.runs[i].workers[n];
        let next = match worker.stage {
            Stage::Received => self.take(state, i, worker.id, ENTRANCE).then(|| {
                if self.history(state).in_a_group {
                    Stage::Locked
                } else {
                    Stage::Entered
                }
            }),
            Stage::Locked => self.enter_group(state, i, worker.id),
            Stage::Entered => Some(self.admit(state, i, worker.id)),
            Stage::Running => self.lease(state, i, worker.id),
            Stage::Leased => self.begin(state, i, worker.id),
            Stage::Begun(request) => Some(self.invoke(state, request)),
            Stage::Answered(request, answer) => self.end(state, i, worker.id, (request, answer)),
            Stage::Leaving => {
                if !(self.is_unsure(state, i) && self.rules.keeps_its_place_when_unsure) {
                    let mut group = GroupLedger::clone(&state.group);
                    group.leave(&format!("host {i}"), &approval_of(i));
                    state.group = Kept::new(group);
                }
                Some(Stage::LeftTheGroup)
            }
            Stage::LeftTheGroup => {
                self.leave(state, i, worker.id);
                state.runs[i].message = Message::Deleted;
                None
            }
            Stage::Waiting(_) => return,
        };
        match next {
            Some(stage) => state.runs[i].workers[n].stage = stage,
            None => drop(state.runs[i].workers.remove(n)),
        }
    }

    /// Takes or renews the lock of a host; if another one has it, the message comes again.
    fn take(&self, state: &mut State, i: usize, worker: u8, time: SignedDuration) -> bool {
        let (now, host) = (self.clock(state, i), self.host(state, i));
        let over = if self.rules.lock_knows_clocks {
            now - CLOCKS_APART
        } else {
            now
        };
        // The condition of the write.
        let is_free = state.locks[host].is_none_or(|lock| {
            let is_mine = lock.worker.is_none_or(|id| id == worker) || lock.until < now;
            lock.until < over || (lock.run == i && is_mine)
        });
        if is_free || !self.rules.locks {
            state.locks[host] = Some(Lock {
                run: i,
                worker: Some(worker),
                until: now + time + MARGIN,
            });
            let later = u8::from(self.rules.message_outlasts_the_lease);
            comes_again(state, i, state.tick + later);
            return true;
        }
        comes_again(state, i, state.tick + 1);
        false
    }

    fn enter_group(&self, state: &mut State, i: usize, worker: u8) -> Option<Stage> {
        if !self.rules.enters_the_group {
            return Some(Stage::Entered);
        }
        let mut now = self.clock(state, i);
        let until = now + TICK * i32::from(FUNCTION);
        if !self.rules.group_knows_clocks {
            now += CLOCKS_APART;
        }
        let mut group = GroupLedger::clone(&state.group);
        let (name, approval) = (format!("host {i}"), approval_of(i));
        if group.admit(&name, &approval, now, until, AT_ONCE) {
            state.group = Kept::new(group);
            return Some(Stage::Entered);
        }
        self.release(state, i, worker);
        None
    }

    /// `repair::admission::admit`, for a plan whose approval counts.
    fn admit(&self, state: &mut State, i: usize, worker: u8) -> Stage {
        let mut repair = match state.runs[i].repair.as_deref() {
            Some(repair) if repair.outcome.is_some() && self.rules.knows_its_end => {
                return self.ended(state);
            }
            Some(repair) if !repair.steps.is_empty() => repair.clone(),
            // When it begins and tries decides nothing here.
            _ => Repair::start(plan().hash(), at(0)),
        };
        repair.worker = worker.to_string().into();
        state.runs[i].repair = Some(Kept::new(repair));
        Stage::Running
    }

    fn ended(&self, state: &State) -> Stage {
        if self.history(state).in_a_group {
            Stage::Leaving
        } else {
            Stage::LeftTheGroup
        }
    }

    /// Before a step that runs: the switch, then the lease. Everything else is only recorded.
    fn lease(&self, state: &mut State, i: usize, worker: u8) -> Option<Stage> {
        let plan = self.plan(state);
        let repair = state.runs[i].repair.clone()?;
        let next = repair.next(&plan);
        let gives_up = next == Next::GiveUp && self.rules.gives_up_under_its_lease;
        if gives_up && !self.take(state, i, worker, ENTRANCE) {
            return None;
        }
        let Next::Run(phase, index) = next else {
            return self.begin(state, i, worker);
        };
        if state.killed && self.rules.worker_reads_the_switch {
            let mut repair = self.own(state, i, worker)?;
            if repair.steps.last().is_some_and(|step| !step.finished) {
                repair.step_lost();
            }
            repair.outcome = Some(RepairOutcome::Stopped);
            state.runs[i].repair = Some(Kept::new(repair));
            return Some(self.ended(state));
        }
        let longest = plan.phase(phase)[index].longest();
        if self.rules.renews && !self.take(state, i, worker, longest) {
            return None;
        }
        Some(Stage::Leased)
    }

    /// The run, if this worker still has it.
    fn own(&self, state: &mut State, i: usize, worker: u8) -> Option<Repair> {
        let repair = state.runs[i].repair.as_deref()?;
        if repair.worker == worker.to_string().as_str() || !self.rules.own_run {
            return Some(repair.clone());
        }
        // It was overtaken: the other worker has the run and its own delivery.
        if !self.rules.leaves_the_message {
            state.runs[i].message = Message::Deleted;
        }
        None
    }

    /// `repair::journal::begin`.
    fn begin(&self, state: &mut State, i: usize, worker: u8) -> Option<Stage> {
        let plan = self.plan(state);
        let mut repair = self.own(state, i, worker)?;
        let stage = match repair.next(&plan) {
            Next::Run(phase, index) => {
                repair.step_started(phase, index, at(0));
                let request = Request {
                    run: i,
                    step: u8::try_from(place(phase)).unwrap_or_default(),
                    number: repair.steps.last().map_or(1, |step| step.tries),
                };
                if !self.rules.records_first {
                    return Some(Stage::Begun(request));
                }
                Stage::Begun(request)
            }
            // No step of the plan has a condition.
            Next::Skip(..) => return None,
            Next::GiveUp => {
                repair.step_lost();
                Stage::Running
            }
            Next::End(outcome) => {
                repair.outcome = Some(outcome);
                self.ended(state)
            }
        };
        state.runs[i].repair = Some(Kept::new(repair));
        Some(stage)
    }

    fn invoke(&self, state: &mut State, request: Request) -> Stage {
        state.sent = Some(request);
        if self.gate(state, request) {
            Stage::Waiting(request)
        } else {
            Stage::Answered(request, None)
        }
    }

    /// `bridge::gate`: the last checks, and the command starts. False if it does not.
    pub(super) fn gate(&self, state: &mut State, request: Request) -> bool {
        if state.killed && self.rules.bridge_reads_the_switch {
            return false;
        }
        let is_new = state.tries.insert(request);
        if !is_new && self.rules.each_try_once {
            return false;
        }
        if !is_new {
            state.wrong.insert(TRY_ONCE);
        }
        let (i, host) = (request.run, self.host(state, request.run));
        let by_another = |at_work: &Option<usize>| at_work.is_some_and(|run| run != i);
        if by_another(&state.hosts[host]) {
            state.wrong.insert(ONE_HAND);
        }
        if self.history(state).in_a_group && state.hosts.iter().any(by_another) {
            state.wrong.insert(ONE_IN_GROUP);
        }
        if state.killed {
            state.wrong.insert(SWITCHED_OFF);
        }
        state.hosts[host] = Some(i);
        state.runs[i].started[usize::from(request.step)] += 1;
        true
    }

    pub(super) fn answer(&self, state: &mut State, i: usize, n: usize, answer: Answer) {
        let Stage::Waiting(request) = state.runs[i].workers[n].stage else {
            return;
        };
        let host = self.host(state, i);
        // A check that is still at work changes nothing.
        let is_over = answer != Answer::TimesOut || request.step == 1;
        if is_over && state.hosts[host] == Some(i) {
            state.hosts[host] = None;
        }
        if answer == Answer::Works {
            state.runs[i].worked.insert(request.step);
        }
        state.runs[i].workers[n].stage = Stage::Answered(request, Some(answer));
    }

    /// `repair::journal::end`.
    fn end(
        &self,
        state: &mut State,
        i: usize,
        worker: u8,
        (request, answer): (Request, Option<Answer>),
    ) -> Option<Stage> {
        let plan = self.plan(state);
        let mut repair = self.own(state, i, worker)?;
        if !self.rules.records_first {
            let phases = [Phase::Steps, Phase::Verify, Phase::Rollback];
            repair.step_started(phases[usize::from(request.step)], 0, at(0));
        }
        let (outcome, exit_status) = outcome_of(answer);
        let result = StepResult {
            exit_status,
            ..StepResult::without_output(outcome, "", 0)
        };
        repair.step_finished(&result, &plan);
        state.runs[i].repair = Some(Kept::new(repair));
        Some(Stage::Running)
    }

    /// True if a command of the run may still be at work.
    fn is_unsure(&self, state: &State, i: usize) -> bool {
        let repair = state.runs[i].repair.as_ref();
        repair.is_some_and(|it| it.may_still_be_at_work())
    }

    /// `repair::lease::end`, for a run that was ended.
    fn leave(&self, state: &mut State, i: usize, worker: u8) {
        if !(self.is_unsure(state, i) && self.rules.keeps_when_unsure) {
            self.release(state, i, worker);
        }
    }

    /// `store::lock::unlock`: if it is still held by this worker.
    fn release(&self, state: &mut State, i: usize, worker: u8) {
        let host = self.host(state, i);
        if let Some(lock) = &mut state.locks[host]
            && lock.run == i
            && lock.worker == Some(worker)
        {
            lock.worker = None;
            lock.until = Timestamp::UNIX_EPOCH;
        }
    }
}
