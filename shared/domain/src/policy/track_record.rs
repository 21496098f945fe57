//! Earned autonomy: the level of a playbook, computed from the results of its runs and from
//! recurrences.
//!
//! A run has *held* when `recurrence_window` has passed since it ended verified, and its alert did
//! not come back. A run that failed counts against the playbook; one whose window is still open
//! counts neither way. The level depends on a lower bound of the rate of held runs: that of
//! Wilson's score interval, one-sided, 95 % (E. B. Wilson, "Probable inference", 1927). The bound
//! of a few runs is low, because they are weak evidence.

use std::fmt;

use jiff::Timestamp;

use crate::incident::autonomy_level::AutonomyLevel;
use crate::phrase;
use crate::policy::limits::Earning;
use crate::policy::playbook_run::PlaybookRun;
use crate::primitives::id::IncidentId;
use crate::primitives::names::named;
use crate::primitives::phrase::Phrase;

/// The 95th percentile of the standard normal distribution.
const Z: f64 = 1.644_853_626_951_472_7;

/// How many of the runs that count have held.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RunCounts {
    /// Those that have held.
    pub held: u32,
    /// All that count: those that held, and those that did not.
    pub counted: u32,
}

impl RunCounts {
    /// All that is known of a playbook's runs. One that failed and one after which the alert came back have not held.
    pub fn of(runs: &[PlaybookRun], earning: &Earning, now: Timestamp) -> Self {
        let mut counts = Self::default();
        for (_, what, _) in events(runs, earning, now) {
            counts.count(what == What::Held);
        }
        counts
    }

    fn count(&mut self, held: bool) {
        self.held += u32::from(held);
        self.counted += 1;
    }

    /// The rate of held runs that is surely reached, 0 to 1; 0 where nothing is known.
    pub fn at_least(self) -> f64 {
        self.interval().0
    }

    /// The rate of held runs that is surely not exceeded, 0 to 1; 1 where nothing is known.
    pub fn at_most(self) -> f64 {
        self.interval().1
    }

    fn interval(self) -> (f64, f64) {
        if self.counted == 0 {
            return (0.0, 1.0);
        }
        let all = f64::from(self.counted);
        let rate = f64::from(self.held) / all;
        let middle = rate + Z * Z / (2.0 * all);
        let reach = Z * (rate * (1.0 - rate) / all + Z * Z / (4.0 * all * all)).sqrt();
        let whole = 1.0 + Z * Z / all;
        // Rounding must not lead out of the range.
        (
            ((middle - reach) / whole).max(0.0),
            ((middle + reach) / whole).min(1.0),
        )
    }

    /// How many held, in a sentence.
    pub fn phrase(self) -> Phrase {
        if self.counted == 0 {
            return phrase!("no run counts yet");
        }
        phrase!(
            "{held} of {counted} held, at least {least} of them",
            held = self.held,
            counted = self.counted,
            least = format!("{:.2}", self.at_least())
        )
    }
}

impl fmt::Display for RunCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.phrase().fmt(f)
    }
}

named! {
    /// An event of a run.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum What {
        /// Its window is over, and the alert did not come back.
        Held = "held",
        /// It was not verified.
        Failed = "failed",
        /// It was verified, and the alert came back within the window.
        Recurred = "recurred",
    }
}

/// One step on the way to what a playbook has earned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// When: for a run that held, the end of its window.
    pub at: Timestamp,
    pub what: What,
    /// The incident whose run it was.
    pub incident_id: IncidentId,
    /// The level of the playbook before.
    pub before: AutonomyLevel,
    pub after: AutonomyLevel,
    /// What counts since the last recurrence, this included.
    pub counts: RunCounts,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:.0} the run of {} {}: ",
            self.at,
            self.incident_id,
            self.what.as_str()
        )?;
        match self.what {
            What::Recurred => f.write_str("the count starts anew")?,
            What::Held | What::Failed => write!(f, "{}", self.counts)?,
        }
        if self.before == self.after {
            write!(f, "; {} stays", self.after.as_str())
        } else {
            write!(
                f,
                "; {} becomes {}",
                self.before.as_str(),
                self.after.as_str()
            )
        }
    }
}

/// The earned level of a playbook, and the events behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrackRecord {
    /// Its level.
    pub level: AutonomyLevel,
    /// What counts since the last recurrence.
    pub counts: RunCounts,
    /// How many verified runs count neither way yet: their window is open.
    pub pending: usize,
    /// The events that led to this level, oldest first.
    pub steps: Vec<Step>,
}

impl fmt::Display for TrackRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.phrase().fmt(f)
    }
}

impl TrackRecord {
    /// What it is, in a sentence.
    pub fn phrase(&self) -> Phrase {
        let level = self.level.as_str();
        phrase!("earned {level}: {runs}", level, runs => self.counts.phrase())
    }

    /// The level that a playbook has earned by these runs, given in any order.
    ///
    /// A run that held can only raise it, to the next level when the bound reaches that level's threshold. A failure can only lower it, when
    /// the bound is below the level's own. A recurrence lowers it by one, whatever the numbers say, and begins the count anew: what ended
    /// before the alert came back speaks for what did not last.
    pub fn by(runs: &[PlaybookRun], earning: &Earning, now: Timestamp) -> Self {
        let (mut level, mut counts, mut since) =
            (AutonomyLevel::Suggest, RunCounts::default(), None);
        let mut steps = Vec::new();
        for (at, what, run) in events(runs, earning, now) {
            if since.is_some_and(|since| run.at <= since) && what == What::Held {
                continue;
            }
            let before = level;
            match what {
                What::Held => {
                    counts.count(true);
                    if counts.at_least() >= earning.from(level.more()) {
                        level = level.more();
                    }
                }
                What::Failed => {
                    counts.count(false);
                    if counts.at_least() < earning.from(level) {
                        level = level.less();
                    }
                }
                What::Recurred => {
                    (level, counts, since) = (level.less(), RunCounts::default(), Some(at))
                }
            }
            steps.push(Step {
                at,
                what,
                incident_id: run.incident_id.clone(),
                before,
                after: level,
                counts,
            });
        }
        let pending = runs
            .iter()
            .filter(|run| event(run, earning, now).is_none())
            .count();
        Self {
            level,
            counts,
            pending,
            steps,
        }
    }
}

/// The events of the runs, in chronological order.
fn events<'a>(
    runs: &'a [PlaybookRun],
    earning: &Earning,
    now: Timestamp,
) -> Vec<(Timestamp, What, &'a PlaybookRun)> {
    let mut events: Vec<_> = runs
        .iter()
        .filter_map(|run| event(run, earning, now).map(|(at, what)| (at, what, run)))
        .collect();
    events.sort_by(|(one, _, run), (other, _, another)| {
        one.cmp(other)
            .then_with(|| run.incident_id.cmp(&another.incident_id))
    });
    events
}

/// The event of a run, with its time; none while it is unknown whether the run holds.
fn event(run: &PlaybookRun, earning: &Earning, now: Timestamp) -> Option<(Timestamp, What)> {
    if !run.verified {
        return Some((run.at, What::Failed));
    }
    if let Some(at) = run.recurred_at {
        return Some((at, What::Recurred));
    }
    let until = run
        .at
        .checked_add(earning.recurrence_window.length())
        .unwrap_or(Timestamp::MAX);
    (until <= now).then_some((until, What::Held))
}

#[cfg(test)]
#[path = "track_record_tests.rs"]
mod tests;
