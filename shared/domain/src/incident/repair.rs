//! The record of a repair: one run of a plan. [`crate::incident::repair_state_machine`] decides its
//! next step.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::playbook::condition::Seen;
use crate::playbook::plan::Phase;
use crate::primitives::id::{PlanHash, WorkerId};
use crate::primitives::is_zero;
use crate::primitives::names::named;
use crate::primitives::phrase::Phrase;

/// How the run of one command ended. Only `Exited` with status 0 is a success.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepOutcome {
    /// It ended by itself, with an exit status.
    Exited,
    /// A signal ended it.
    Signalled,
    /// It did not end in time; it may still run on the target.
    TimedOut,
    /// No connection could be made: nothing ran.
    Unreachable,
    /// The bridge function was not invoked, so that it could not even try: nothing ran.
    NotInvoked,
    /// The target showed another host key than the pinned one: nothing ran.
    HostKeyMismatch,
    /// The target did not accept Quell's key: nothing ran.
    LoginRefused,
    /// The connection broke after the command was sent: what it did is unknown.
    ConnectionLost,
    /// The request does not fit the playbook, the registry or a parameter's pattern: nothing ran.
    Refused,
}

/// What is known of a command that ran.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepResult {
    pub outcome: StepOutcome,
    /// Its exit status, if it exited.
    pub exit_status: Option<u32>,
    /// The signal's name without `SIG`, if one ended it.
    pub signal: Option<String>,
    /// What it printed, bounded, with what is not UTF-8 replaced.
    pub stdout: String,
    /// True if what it printed is not UTF-8: `stdout` is then no answer to a question.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub not_utf8: bool,
    /// What it complained, bounded, with what is not UTF-8 replaced.
    pub stderr: String,
    /// True if it printed more than is kept.
    pub truncated: bool,
    /// How long it took, in milliseconds, connecting included.
    pub duration_ms: u64,
    /// One sentence for people.
    pub detail: Phrase,
}

impl StepResult {
    /// True if the command said that it worked.
    pub fn succeeded(&self) -> bool {
        self.outcome == StepOutcome::Exited && self.exit_status == Some(0)
    }

    /// A result without a command having run, or without its result being known.
    pub fn without_output(
        outcome: StepOutcome,
        detail: impl Into<Phrase>,
        duration_ms: u64,
    ) -> Self {
        Self {
            outcome,
            exit_status: None,
            signal: None,
            stdout: String::new(),
            not_utf8: false,
            stderr: String::new(),
            truncated: false,
            duration_ms,
            detail: detail.into(),
        }
    }
}

/// What a command may have changed on its target.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Nothing: it did not run.
    Nothing,
    /// It ran, and its end was seen.
    #[default]
    Known,
    /// It was started, and its end was not observed.
    Unknown,
}

impl StepOutcome {
    /// What a command that ended so may have changed.
    pub const fn effect(self) -> Effect {
        match self {
            Self::Exited | Self::Signalled => Effect::Known,
            Self::TimedOut | Self::ConnectionLost => Effect::Unknown,
            Self::Unreachable
            | Self::NotInvoked
            | Self::HostKeyMismatch
            | Self::LoginRefused
            | Self::Refused => Effect::Nothing,
        }
    }
}

/// One step of the run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepRun {
    /// Which part of the plan.
    pub phase: Phase,
    /// Which step of that part, from 0.
    pub index: usize,
    /// How often it was started.
    pub tries: u32,
    /// When it was started last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tried_at: Option<Timestamp>,
    /// True once its result is recorded.
    pub finished: bool,
    /// True if it worked, or if it was skipped.
    pub succeeded: bool,
    /// True if its condition did not hold, so that it never ran.
    pub skipped: bool,
    /// What it may have changed.
    pub effect: Effect,
    /// Number of invocations of the bridge in a row, up to the last one, that Lambda refused.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub refused: u32,
    /// True if its last try did not reach the host, or not even the bridge.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unreached: bool,
    /// One sentence for people.
    pub detail: Phrase,
    /// The end of what it printed, if it failed. The log has more of it.
    #[serde(default, skip_serializing_if = "OutputEnd::is_empty")]
    pub output: OutputEnd,
}

impl StepRun {
    /// A step that was started once and has ended.
    pub fn ended(phase: Phase, index: usize, succeeded: bool) -> Self {
        Self {
            phase,
            index,
            tries: 1,
            tried_at: None,
            finished: true,
            succeeded,
            skipped: false,
            effect: Effect::Known,
            refused: 0,
            unreached: false,
            detail: Phrase::from(String::new()),
            output: OutputEnd::default(),
        }
    }
}

/// The end of what a step printed, in whole lines where it has any.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct OutputEnd {
    /// Of its standard output.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub stdout: String,
    /// Of its standard error.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub stderr: String,
}

impl OutputEnd {
    /// How much of each stream is kept with the incident, in characters: a card shows less, the details this much.
    pub const CHARACTERS: usize = 1_500;

    /// The end of a result's output.
    pub fn of(result: &StepResult) -> Self {
        Self {
            stdout: end_of(&result.stdout, Self::CHARACTERS).to_owned(),
            stderr: end_of(&result.stderr, Self::CHARACTERS).to_owned(),
        }
    }

    /// True if nothing was printed.
    pub fn is_empty(&self) -> bool {
        self.stdout.is_empty() && self.stderr.is_empty()
    }
}

/// At most so many characters of the end of a text without the white space behind it: whole lines, unless the last one alone is longer.
pub fn end_of(text: &str, characters: usize) -> &str {
    let text = text.trim_end();
    let Some((begin, _)) = text
        .char_indices()
        .rev()
        .nth(characters.saturating_sub(1))
        .filter(|(begin, _)| *begin > 0)
    else {
        return text;
    };
    if text[..begin].ends_with('\n') {
        return &text[begin..];
    }
    text[begin..]
        .find('\n')
        .map_or(&text[begin..], |end| &text[begin + end + 1..])
}

named! {
    /// How the run ended.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum RepairOutcome {
        /// The steps worked and every check found the symptom gone.
        Verified = "verified",
        StepFailed = "step_failed",
        /// The steps worked, but a check did not find the symptom gone, or there was no check.
        NotVerified = "not_verified",
        /// A step was started and its result will never be known.
        Unknown = "unknown",
        /// It was verified, but its alert has not resolved in time.
        StillFiring = "still_firing",
        /// A person stopped it, or the kill switch was turned on while it ran.
        Stopped = "stopped",
        /// The host or the bridge could not be reached, and no step ran.
        Unreachable = "unreachable",
        /// The facts kept every step from running: nothing was changed, and so nothing was repaired, whatever the checks found.
        NothingToDo = "nothing_to_do",
    }
}

impl RepairOutcome {
    /// True if the run counts in its playbook's record. A run of which nothing ran says nothing about its playbook.
    pub const fn counts(self) -> bool {
        !matches!(self, Self::Unreachable | Self::NothingToDo)
    }
}

/// A run of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repair {
    /// The hash of the plan that runs.
    pub plan_hash: PlanHash,
    pub started_at: Timestamp,
    pub finished_at: Option<Timestamp>,
    /// The worker that runs it. A worker that has taken the run over is another one, and later
    /// reports of the first do not count.
    pub worker: WorkerId,
    /// What the facts turned out to be, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub facts: BTreeMap<String, Seen>,
    /// Its steps so far, in the order in which they were started.
    pub steps: Vec<StepRun>,
    pub outcome: Option<RepairOutcome>,
    /// Who asked for it to end behind the step that is under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_asked: Option<StopAsked>,
}

/// A person's request to stop a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StopAsked {
    /// The person's name in `channels.json`.
    pub by: String,
    pub at: Timestamp,
}

/// How long a plan above low risk waits after people have let it run: a wrong press costs nothing that
/// soon, and the card has a button that stops it.
pub const COUNTDOWN: SignedDuration = SignedDuration::from_secs(10);

/// What a request to stop comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stopped {
    /// Nothing has run, and nothing will.
    BeforeItBegan,
    /// The run ends behind the step that is under way.
    BehindTheStep,
    /// There is nothing to stop: nothing is approved, or the run has ended.
    Nothing,
}

/// A run of an earlier plan of an incident: what was tried stays to be seen when another plan takes its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EarlierRepair {
    /// The name of the plan's playbook.
    pub playbook: String,
    pub repair: Repair,
}

/// How many earlier runs an incident keeps: the last ones.
pub const EARLIER_KEPT: usize = 3;

impl Repair {
    /// True if a command was started on the target, or may have been.
    pub fn ran_something(&self) -> bool {
        self.steps
            .iter()
            .any(|step| !step.skipped && step.effect != Effect::Nothing)
    }

    /// A run without any step, not yet claimed by a worker.
    pub fn start(plan_hash: PlanHash, now: Timestamp) -> Self {
        let (worker, facts, steps) = (WorkerId::default(), BTreeMap::new(), Vec::new());
        Self {
            plan_hash,
            started_at: now,
            finished_at: None,
            worker,
            facts,
            steps,
            outcome: None,
            stop_asked: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::end_of;

    #[test]
    fn the_end_of_an_output_has_whole_lines_where_there_are_any() {
        for (text, characters, end) in [
            ("", 5, ""),
            ("one\ntwo\n\n", 50, "one\ntwo"),
            ("one\ntwo\n", 7, "one\ntwo"),
            ("one\ntwo\n", 6, "two"),
            ("one\ntwo\n", 3, "two"),
            ("one\ntwo\n", 2, "wo"),
            ("ein Übel äöü", 3, "äöü"),
            ("\n\n", 3, ""),
        ] {
            assert_eq!(end_of(text, characters), end, "{text:?} {characters}");
        }
    }
}
