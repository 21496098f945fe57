//! Ledgers read by the guardrails: repair attempts on a target, and running repairs of a redundancy
//! group.
//!
//! They count attempts, with any result (`unknown-is-failure`).

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::policy::kill_switch::SwitchedOff;
use crate::policy::playbook_run::{PlaybookRecord, PlaybookRun};
use crate::primitives::id::{ApprovalId, PlaybookId, ServiceName};

/// How long an attempt counts against `attempts_per_hour`.
const HOUR: SignedDuration = SignedDuration::from_hours(1);

/// How far the clocks of two workers can be apart. AWS refuses a request whose signature is more
/// than five minutes older or newer than its own time
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html>), so
/// that a worker whose clock is further off reads and writes nothing. A claim of another worker is
/// free only this much after its end: by then it has expired by every clock.
pub const CLOCKS_APART: SignedDuration = SignedDuration::from_mins(10);

/// One attempt to repair a target. It is known by its approval, not by its plan's hash: the same plan can be approved again for another
/// incident, and is another attempt then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// The approval under which it ran.
    pub approval_id: ApprovalId,
    pub playbook: PlaybookId,
    /// When it was entered, right before its first step.
    pub at: Timestamp,
}

/// The attempts on one target: those of the last hour, and each playbook's last.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetLedger {
    attempts: Vec<Attempt>,
}

impl TargetLedger {
    /// Adds an attempt; an existing entry stays as it is. Entries that no check can need any more
    /// are dropped.
    pub fn record(&mut self, attempt: Attempt) {
        if self
            .attempts
            .iter()
            .any(|known| known.approval_id == attempt.approval_id)
        {
            return;
        }
        let now = attempt.at;
        self.attempts.push(attempt);
        let mut last: BTreeMap<PlaybookId, Timestamp> = BTreeMap::new();
        for attempt in &self.attempts {
            let at = last.entry(attempt.playbook.clone()).or_insert(attempt.at);
            *at = attempt.at.max(*at);
        }
        // By a clock that is behind, what is over by this one may count.
        self.attempts.retain(|attempt| {
            counts(attempt, now - CLOCKS_APART) || last.get(&attempt.playbook) == Some(&attempt.at)
        });
    }

    /// How many attempts the last hour has, besides one's own.
    pub fn within_hour(&self, now: Timestamp, own: &ApprovalId) -> usize {
        self.attempts
            .iter()
            .filter(|attempt| counts(attempt, now) && attempt.approval_id != *own)
            .count()
    }

    /// When a playbook ran last, besides one's own attempt.
    pub fn last_run(&self, playbook: &str, own: &ApprovalId) -> Option<Timestamp> {
        let others = self
            .attempts
            .iter()
            .filter(|attempt| attempt.playbook == *playbook && attempt.approval_id != *own);
        others.map(|attempt| attempt.at).max()
    }
}

/// One from the future counts: clocks differ, and it has happened.
fn counts(attempt: &Attempt, now: Timestamp) -> bool {
    now.duration_since(attempt.at) < HOUR
}

/// A member of a group whose repair runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Running {
    approval_id: ApprovalId,
    until: Timestamp,
}

impl Running {
    fn lasts(&self, now: Timestamp) -> bool {
        now.duration_since(self.until) <= CLOCKS_APART
    }
}

/// Who of a redundancy group is being repaired (`one-hand`), by target.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupLedger {
    running: BTreeMap<String, Running>,
}

impl GroupLedger {
    /// The members that are being repaired, besides `target`. One whose time is up by every clock was killed, and counts no more.
    pub fn others(&self, target: &str, now: Timestamp) -> impl Iterator<Item = &str> {
        let running = self
            .running
            .iter()
            .filter(move |(name, running)| name.as_str() != target && running.lasts(now));
        running.map(|(name, _)| name.as_str())
    }

    /// Enters a member, or renews its time; false if `most` others are being repaired already.
    pub fn admit(
        &mut self,
        target: &str,
        approval_id: &ApprovalId,
        now: Timestamp,
        until: Timestamp,
        most: u32,
    ) -> bool {
        self.running.retain(|_, running| running.lasts(now));
        if u32::try_from(self.others(target, now).count()).is_ok_and(|others| others < most) {
            self.running.insert(
                target.to_owned(),
                Running {
                    approval_id: approval_id.clone(),
                    until,
                },
            );
            return true;
        }
        false
    }

    /// Takes a member out, unless another approval has entered it meanwhile.
    pub fn leave(&mut self, target: &str, approval_id: &ApprovalId) {
        if self
            .running
            .get(target)
            .is_some_and(|running| running.approval_id == *approval_id)
        {
            self.running.remove(target);
        }
    }
}

/// What is read for the guardrails of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked<'a> {
    pub target: &'a ServiceName,
    /// The redundancy group of the target.
    pub group: Option<&'a str>,
    pub playbook: &'a PlaybookId,
    /// Whether the playbook's runs are needed: where its autonomy is earned.
    pub runs: bool,
}

/// The inputs of the guardrails. `None` means that an input could not be read, which stops the
/// repair.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GuardrailInputs {
    /// Whether the kill switch is on.
    pub killed: Option<bool>,
    /// What its item says, if it is on. Nothing is decided by it.
    pub switched_off: SwitchedOff,
    /// The ledger of the target.
    pub target: Option<TargetLedger>,
    /// The ledger of its redundancy group; empty if it is in none.
    pub group: Option<GroupLedger>,
    /// The record of the playbook.
    pub record: Option<PlaybookRecord>,
    /// The newest runs of the playbook; empty if its autonomy is declared.
    pub runs: Option<Vec<PlaybookRun>>,
}

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, Timestamp};

    use super::{Attempt, GroupLedger, TargetLedger};
    use crate::primitives::id::{ApprovalId, IncidentId};

    fn id(number: u32) -> ApprovalId {
        let incident =
            IncidentId::try_from(format!("01ARZ3NDEKTSV4RRFFQ69G{number:04}")).expect("a ULID");
        ApprovalId::for_plan(&incident, &"a".repeat(64).into())
    }

    fn minute(minutes: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_mins(minutes)
    }

    fn ledger(attempts: &[(u32, &str, i64)]) -> TargetLedger {
        let mut ledger = TargetLedger::default();
        for (number, playbook, at) in attempts {
            ledger.record(Attempt {
                approval_id: id(*number),
                playbook: (*playbook).into(),
                at: minute(*at),
            });
        }
        ledger
    }

    #[test]
    fn an_attempt_counts_once_and_for_an_hour() {
        let ledger = ledger(&[(1, "a", 0), (2, "a", 30), (2, "a", 40), (3, "b", 50)]);
        for (now, own, counted) in [
            (50, 9, 3),
            (59, 9, 3),
            (60, 9, 2),
            (89, 9, 2),
            (90, 9, 1),
            (110, 9, 0),
            (59, 2, 2),
            (0, 9, 3),
        ] {
            assert_eq!(
                ledger.within_hour(minute(now), &id(own)),
                counted,
                "at {now}, without {own}"
            );
        }
    }

    #[test]
    fn the_last_run_of_a_playbook_stays_for_its_cooldown() {
        let ledger = ledger(&[(1, "a", 0), (2, "a", 10), (3, "b", 5_000)]);
        assert_eq!(ledger.last_run("a", &id(9)), Some(minute(10)));
        assert_eq!(
            ledger.last_run("a", &id(2)),
            None,
            "the one before is of no use to anybody else"
        );
        assert_eq!(
            ledger.last_run("b", &id(3)),
            None,
            "one's own attempt is not a last run"
        );
        assert_eq!(ledger.last_run("c", &id(9)), None);
        assert_eq!(
            ledger.attempts.len(),
            2,
            "the ledger does not grow for ever"
        );
    }

    #[test]
    fn a_clock_that_is_ahead_takes_nothing_away_from_the_others() {
        // The first two are of this hour. A worker whose clock is ten minutes ahead enters its own, by which an hour is over.
        let ledger = ledger(&[(1, "a", 0), (2, "a", 1), (3, "a", 65)]);
        assert_eq!(ledger.within_hour(minute(55), &id(9)), 3);
        // One that is behind sees what was entered in its future as just now.
        assert_eq!(ledger.last_run("a", &id(9)), Some(minute(65)));
    }

    #[test]
    fn a_group_is_not_overfilled_by_clocks_that_are_apart() {
        for (entered_by, asked_by) in [(0, 9), (-5, 5), (5, -5), (9, 0)] {
            let mut group = GroupLedger::default();
            // In truth it is minute 100 for both: the first has just begun, and runs for five minutes and a half.
            let until = minute(100 + entered_by) + SignedDuration::from_secs(330);
            assert!(group.admit("db-1", &id(1), minute(100 + entered_by), until, 1));
            for passed in 0..=5 {
                let now = minute(100 + asked_by + passed);
                assert!(
                    !group.admit("db-2", &id(2), now, now, 1),
                    "by clocks that are {entered_by} and {asked_by} off, after {passed}"
                );
            }
        }
    }

    #[test]
    fn a_group_takes_no_more_than_its_share_at_once() {
        let mut group = GroupLedger::default();
        let mut admit = |target: &str, number, now, most| {
            group.admit(target, &id(number), minute(now), minute(now + 5), most)
        };
        assert!(admit("db-1", 1, 0, 1));
        assert!(!admit("db-2", 2, 0, 1));
        assert!(admit("db-1", 1, 1, 1), "a message that comes again");
        assert!(admit("db-2", 2, 1, 2));
        assert!(
            !admit("db-3", 3, 16, 2),
            "until its last moment by the slowest clock it runs"
        );
        assert!(
            admit("db-3", 3, 17, 1),
            "those whose time is up count no more"
        );
        assert_eq!(
            group.others("db-1", minute(7)).collect::<Vec<_>>(),
            ["db-3"]
        );
        group.leave("db-3", &id(1));
        assert_eq!(
            group.others("db-1", minute(7)).count(),
            1,
            "it is somebody else's entry"
        );
        group.leave("db-3", &id(3));
        assert_eq!(group.others("db-1", minute(7)).count(), 0);
    }
}
