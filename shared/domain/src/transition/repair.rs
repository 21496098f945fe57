//! Status changes around a repair: its start, its end, and an approved plan that must not run.

use jiff::Timestamp;

use crate::incident::Status;
use crate::incident::change::IncidentChange;
use crate::incident::operation_log::{Event, LogRecord};
use crate::incident::repair::{Repair, RepairOutcome};
use crate::phrase;
use crate::primitives::phrase::Phrase;
use crate::transition::decision::revocation::revoke;

impl IncidentChange {
    /// Starts the run of an approved plan, before its first step.
    pub fn repair_started(&mut self, repair: Repair) {
        self.incident.repair = Some(repair);
        self.incident.status = Status::Repairing;
    }

    /// Takes over the outcome of the run.
    pub fn repair_ended(&mut self, outcome: RepairOutcome) {
        // A resolve comes before the outcome: the alert no longer fires.
        self.incident.status = match (outcome, self.incident.resolved_at) {
            (_, Some(_)) => Status::Resolved,
            (RepairOutcome::Verified, None) => Status::Repaired,
            // Nothing was repaired, and the alert fires: the fault needs a human.
            (RepairOutcome::NothingToDo, None) => Status::NeedsHuman,
            (_, None) => Status::RepairFailed,
        };
    }

    /// Drops an approved plan whose alert has resolved before its first step.
    pub fn repair_unneeded(&mut self, actor: &str, now: Timestamp) {
        self.drop_repair(actor, phrase!("the alert resolved"), Status::Resolved, now);
    }

    /// Takes an approval back: the approved plan must not run, and a human has to find out why.
    pub fn repair_stopped(&mut self, rule: &str, why: Phrase, actor: &str, now: Timestamp) {
        let news = LogRecord::new(Event::GuardrailBlocked, actor, rule);
        self.record(now, news.failed(why.to_string()));
        self.drop_repair(actor, why, Status::NeedsHuman, now);
    }

    /// Takes an approval back because a person stops it before its first step.
    pub(crate) fn repair_taken_back(&mut self, actor: &str, why: Phrase, now: Timestamp) {
        self.drop_repair(actor, why, Status::NeedsHuman, now);
    }

    /// A repair without steps is dropped, so that none seems to have run.
    fn drop_repair(&mut self, actor: &str, why: Phrase, status: Status, now: Timestamp) {
        self.incident.repair = None;
        revoke(self, actor, why, now);
        self.incident.status = status;
    }
}
