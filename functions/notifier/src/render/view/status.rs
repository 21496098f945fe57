//! View of an incident's progress: its state, who decided, and what a repair has done.

use domain::incident::Incident;
use domain::incident::approval::{Approval, ApprovalState, Verdict};
use domain::incident::parts::RepairSilence;
use domain::incident::repair::{COUNTDOWN, EarlierRepair, Repair, RepairOutcome, StepRun};
use domain::transition::decision::stop::countdown;
use serde::Serialize;

use super::plan::word;
use super::{NAME_CHARACTERS, Names, STEP_CHARACTERS, TEXT_CHARACTERS, last, last_lines, short};

/// How many steps that have run are shown: the last ones.
const STEPS_SHOWN: usize = 6;
/// How much of a failed step's output is shown of each stream: lines, and characters.
const OUTPUT_LINES: usize = 5;
/// How many failed steps of a run are shown.
const FAILED_SHOWN: usize = 2;
const OUTPUT_CHARACTERS: usize = 300;

/// The state of the work.
#[derive(Debug, Clone, Default, Serialize)]
pub struct StatusView {
    /// `open`, `awaiting_approval`, `needs_human`, `approved`, `rejected`, `repairing`, `repaired`, `repair_failed`, `resolved`, `expired`,
    /// `closed`, `announced` or `in_storm`.
    pub status: &'static str,
    /// True while a decision can be made.
    pub pending: bool,
    pub expires_at: String,
    /// How many people have to approve.
    pub approvals_needed: u8,
    pub approvals_given: usize,
    pub approved_by: String,
    /// Time of the escalation to the second list of people.
    pub escalated_at: String,
    /// `approve` or `reject`, once a person has decided.
    pub verdict: &'static str,
    /// Who decided: a name, where it is known.
    pub decided_by: String,
    pub decided_at: String,
    /// How many seconds a plan above low risk waits after its approval, while it has not begun; else 0.
    pub countdown: i64,
    /// The reason why no decision is possible any more.
    pub void_because: String,
    /// The last steps that have run.
    pub ran: Vec<Ran>,
    /// How many ran before them.
    pub ran_before: usize,
    /// What was tried before this plan, oldest first.
    pub tried: Vec<Tried>,
    /// How many more repairs were tried before.
    pub tried_before: u32,
    /// True if a step of any repair of it was started.
    pub something_ran: bool,
    /// `verified`, `step_failed`, `not_verified`, `unknown`, `stopped`, `still_firing`, `unreachable` or `nothing_to_do`, once the repair
    /// has ended.
    pub repair: &'static str,
    /// How long it took, in seconds with one decimal.
    pub repair_seconds: String,
    /// `holds` while Alertmanager is silent because of the repair, `not_made` or `not_removed` where that went wrong.
    pub repair_silence: &'static str,
    /// Until when it is silent at the latest.
    pub repair_silence_until: String,
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
    pub detail: String,
    /// The last lines of its standard output, if it failed.
    pub stdout: Vec<String>,
    /// The last lines of its standard error, if it failed.
    pub stderr: Vec<String>,
}

/// A repair of an earlier plan of the incident.
#[derive(Debug, Clone, Serialize)]
pub struct Tried {
    pub playbook: String,
    /// How it ended, as in `repair`; empty if that is not known.
    pub outcome: &'static str,
    pub at: String,
    /// The steps that failed, without their output.
    pub failed: Vec<Ran>,
}

impl StatusView {
    /// The state of an incident.
    pub fn of(incident: &Incident, names: Names<'_>) -> Self {
        let mut stand = Self {
            status: incident.status.as_str(),
            ..Self::default()
        };
        if let Some(approval) = &incident.approval {
            stand.decision(approval, names);
            let decided = approval.decided_at();
            if decided.is_some_and(|at| countdown(incident, at).is_some()) {
                stand.countdown = COUNTDOWN.as_secs();
            }
        }
        stand.tried = incident
            .earlier_repairs
            .iter()
            .map(|tried| Tried::of(tried, names))
            .collect();
        stand.tried_before = incident.earlier_repairs_left_out;
        stand.something_ran = stand.tried_before > 0
            || incident
                .repair
                .iter()
                .chain(incident.earlier_repairs.iter().map(|tried| &tried.repair))
                .any(Repair::ran_something);
        if let Some(repair) = &incident.repair {
            (stand.ran, stand.ran_before) = last(
                repair
                    .steps
                    .iter()
                    .map(|step| Ran::of(step, names))
                    .collect(),
                STEPS_SHOWN,
            );
            if let (Some(outcome), Some(finished_at)) = (repair.outcome, repair.finished_at) {
                stand.repair = outcome.as_str();
                stand.repair_seconds = format!(
                    "{:.1}",
                    finished_at.duration_since(repair.started_at).as_secs_f64()
                );
            }
            if let Some(silence) = incident
                .repair_silence
                .as_ref()
                .filter(|silence| silence.plan_hash == repair.plan_hash)
            {
                stand.silence(silence, names);
            }
        }
        stand
    }

    fn silence(&mut self, silence: &RepairSilence, names: Names<'_>) {
        self.repair_silence = match (&silence.id, silence.ended_at, &silence.error) {
            (None, ..) => "not_made",
            (Some(_), None, _) => "holds",
            (Some(_), Some(_), Some(_)) => "not_removed",
            (Some(_), Some(_), None) => return,
        };
        self.repair_silence_until = names.moment(silence.until);
        self.repair_silence_why = silence
            .error
            .as_ref()
            .map(|why| names.say(why, STEP_CHARACTERS))
            .unwrap_or_default();
    }

    fn decision(&mut self, approval: &Approval, names: Names<'_>) {
        let voters: Vec<String> = approval
            .votes
            .iter()
            .map(|vote| short(&vote.person, NAME_CHARACTERS))
            .collect();
        self.approvals_needed = approval.needed;
        self.approvals_given = voters.len();
        self.approved_by = short(&voters.join(", "), TEXT_CHARACTERS);
        self.escalated_at = approval
            .last_escalation()
            .map(|at| names.moment(at))
            .unwrap_or_default();
        match &approval.state {
            ApprovalState::Pending => {
                self.pending = true;
                self.expires_at = names.moment(approval.expires_at);
            }
            ApprovalState::Decided { verdict, at, .. } => {
                self.verdict = if *verdict == Verdict::Approve {
                    "approve"
                } else {
                    "reject"
                };
                self.decided_by = decided_by(approval, names);
                self.decided_at = names.moment(*at);
            }
            ApprovalState::Void { why, .. } => {
                self.void_because = names.say(why, TEXT_CHARACTERS);
            }
        }
    }
}

/// Who decided: people by name, where they have one.
pub(super) fn decided_by(approval: &Approval, names: Names<'_>) -> String {
    let ApprovalState::Decided { verdict, by, .. } = &approval.state else {
        return String::new();
    };
    let people: Vec<&str> = approval
        .votes
        .iter()
        .map(|vote| vote.person.as_str())
        .collect();
    if *verdict == Verdict::Approve && !people.is_empty() {
        return short(&people.join(", "), TEXT_CHARACTERS);
    }
    names.name(&by.to_string())
}

impl Tried {
    fn of(tried: &EarlierRepair, names: Names<'_>) -> Self {
        let outcome = tried
            .repair
            .outcome
            .map(RepairOutcome::as_str)
            .unwrap_or_default();
        let playbook = short(&tried.playbook, NAME_CHARACTERS);
        Self {
            playbook,
            outcome,
            at: names.moment(tried.repair.started_at),
            failed: failed(&tried.repair, (0, 0), names),
        }
    }
}

/// The last steps of a run that failed, with so many lines and characters of each stream: a step or a check, and maybe a step of the
/// rollback.
pub(super) fn failed(repair: &Repair, most: (usize, usize), names: Names<'_>) -> Vec<Ran> {
    let failed = repair
        .steps
        .iter()
        .filter(|step| step.finished && !step.succeeded);
    last(
        failed
            .map(|step| Ran::with_output(step, most, names))
            .collect(),
        FAILED_SHOWN,
    )
    .0
}

impl Ran {
    fn of(step: &StepRun, names: Names<'_>) -> Self {
        Self::with_output(step, (OUTPUT_LINES, OUTPUT_CHARACTERS), names)
    }

    fn with_output(step: &StepRun, (lines, characters): (usize, usize), names: Names<'_>) -> Self {
        let mark = match (step.finished, step.succeeded) {
            _ if step.skipped => "–",
            (false, _) => "⏳",
            (true, true) => "✓",
            (true, false) => "✗",
        };
        let (stdout, stderr) = (&step.output.stdout, &step.output.stderr);
        Self {
            mark,
            part: word(step.phase),
            number: step.index + 1,
            detail: names.say(&step.detail, STEP_CHARACTERS),
            stdout: last_lines(stdout, lines, characters),
            stderr: last_lines(stderr, lines, characters),
        }
    }
}
