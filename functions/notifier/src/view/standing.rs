//! Where the work on an incident stands, who decided, and what a repair has done.

use serde::Serialize;
use shared::domain::approval::{Approval, Standing, Verdict};
use shared::domain::incident::Incident;
use shared::domain::repair::{RepairOutcome, StepRun};
use shared::domain::repair_silence::RepairSilence;

use super::plan::word;
use super::{NAME_CHARACTERS, STEP_CHARACTERS, TEXT_CHARACTERS, last, moment, short};

/// How many steps that have run are shown: the last ones.
const STEPS_SHOWN: usize = 6;

/// Where the work stands.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Stand {
    /// `open`, `awaiting_approval`, `needs_human`, `approved`, `rejected`, `repairing`, `repaired`, `repair_failed`, `resolved`,
    /// `announced` or `tied`.
    pub status: &'static str,
    /// True while a decision can be made.
    pub pending: bool,
    /// Until when.
    pub expires_at: String,
    /// How many people have to approve.
    pub approvals_needed: u8,
    /// How many have.
    pub approvals_given: usize,
    /// Who has: names.
    pub approved_by: String,
    /// When the second list of people was told, because nobody had decided.
    pub escalated_at: String,
    /// `approve` or `reject`, once somebody has decided.
    pub verdict: &'static str,
    /// Who decided.
    pub decided_by: String,
    /// When.
    pub decided_at: String,
    /// Why nobody can decide any more.
    pub void_because: String,
    /// The last steps that have run.
    pub ran: Vec<Ran>,
    /// How many ran before them.
    pub ran_before: usize,
    /// `verified`, `step_failed`, `not_verified`, `unknown`, `stopped`, `still_firing`, `unreachable` or `nothing_to_do`, once the repair
    /// has ended.
    pub repair: &'static str,
    /// How long it took, in seconds with one decimal.
    pub repair_seconds: String,
    /// `holds` while Alertmanager is silent because of the repair, `not_made` or `not_removed` where that went wrong.
    pub repair_silence: &'static str,
    /// Until when it is silent at the latest.
    pub repair_silence_until: String,
    /// What went wrong.
    pub repair_silence_why: String,
}

/// A step that has run, or runs.
#[derive(Debug, Clone, Serialize)]
pub struct Ran {
    /// `✓`, `✗`, `–` (skipped) or `⏳`.
    pub mark: &'static str,
    /// `look`, `run`, `check` or `undo`.
    pub part: &'static str,
    /// Which one, from 1.
    pub number: usize,
    /// What it did.
    pub detail: String,
}

impl Stand {
    /// Where an incident stands.
    #[must_use]
    pub fn of(incident: &Incident) -> Self {
        let mut stand = Self { status: incident.status.as_str(), ..Self::default() };
        if let Some(approval) = &incident.approval {
            stand.decision(approval);
        }
        if let Some(repair) = &incident.repair {
            (stand.ran, stand.ran_before) = last(repair.steps.iter().map(Ran::of).collect(), STEPS_SHOWN);
            if let (Some(outcome), Some(finished_at)) = (repair.outcome, repair.finished_at) {
                stand.repair = outcome_word(outcome);
                stand.repair_seconds = format!("{:.1}", finished_at.duration_since(repair.started_at).as_secs_f64());
            }
            if let Some(silence) = incident.repair_silence.as_ref().filter(|silence| silence.plan_hash == repair.plan_hash) {
                stand.silence(silence);
            }
        }
        stand
    }

    fn silence(&mut self, silence: &RepairSilence) {
        self.repair_silence = match (&silence.id, silence.ended_at, &silence.fault) {
            (None, ..) => "not_made",
            (Some(_), None, _) => "holds",
            (Some(_), Some(_), Some(_)) => "not_removed",
            (Some(_), Some(_), None) => return,
        };
        self.repair_silence_until = moment(silence.until);
        self.repair_silence_why = silence.fault.as_deref().map(|why| short(why, STEP_CHARACTERS)).unwrap_or_default();
    }

    fn decision(&mut self, approval: &Approval) {
        let names: Vec<String> = approval.votes.iter().map(|vote| short(&vote.person, NAME_CHARACTERS)).collect();
        self.approvals_needed = approval.needed;
        self.approvals_given = names.len();
        self.approved_by = short(&names.join(", "), TEXT_CHARACTERS);
        self.escalated_at = approval.escalated_at.map(moment).unwrap_or_default();
        match &approval.standing {
            Standing::Pending => {
                self.pending = true;
                self.expires_at = moment(approval.expires_at);
            }
            Standing::Decided { verdict, at, .. } => {
                self.verdict = if *verdict == Verdict::Approve { "approve" } else { "reject" };
                self.decided_by = decided_by(approval);
                self.decided_at = moment(*at);
            }
            Standing::Void { why, .. } => self.void_because = short(why, TEXT_CHARACTERS),
        }
    }
}

/// Who decided: people by name, where they have one.
pub(super) fn decided_by(approval: &Approval) -> String {
    let Standing::Decided { verdict, by, .. } = &approval.standing else { return String::new() };
    let people: Vec<&str> = approval.votes.iter().map(|vote| vote.person.as_str()).collect();
    if *verdict == Verdict::Approve && !people.is_empty() {
        return short(&people.join(", "), TEXT_CHARACTERS);
    }
    short(by, NAME_CHARACTERS)
}

pub(super) fn outcome_word(outcome: RepairOutcome) -> &'static str {
    match outcome {
        RepairOutcome::Verified => "verified",
        RepairOutcome::StepFailed => "step_failed",
        RepairOutcome::NotVerified => "not_verified",
        RepairOutcome::Unknown => "unknown",
        RepairOutcome::StillFiring => "still_firing",
        RepairOutcome::Stopped => "stopped",
        RepairOutcome::Unreachable => "unreachable",
        RepairOutcome::NothingToDo => "nothing_to_do",
    }
}

impl Ran {
    fn of(step: &StepRun) -> Self {
        let mark = match (step.finished, step.succeeded) {
            _ if step.skipped => "–",
            (false, _) => "⏳",
            (true, true) => "✓",
            (true, false) => "✗",
        };
        Self { mark, part: word(step.phase), number: step.index + 1, detail: short(&step.detail, STEP_CHARACTERS) }
    }
}
