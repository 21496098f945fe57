//! The silence of a repair: while it runs, Alertmanager sends no notification of the one alert that
//! is being repaired.
//!
//! It is created before the first step and removed at the first failure, at the latest when the run
//! ends. If no worker is left to remove it, it expires by itself, no later than the repair would
//! have.

use crate::primitives::time::expired;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::incident::Incident;
use crate::incident::change::IncidentChange;
use crate::incident::operation_log::{Event, LogRecord};
use crate::incident::parts::RepairSilence;
use crate::incident::repair::Repair;
use crate::playbook::plan::{Phase, Plan};
use crate::primitives::id::{IncidentId, PlanHash};
use crate::primitives::phrase::Phrase;

/// The log's actor for creating and removing it.
pub const ACTOR: &str = "repair";

impl RepairSilence {
    /// Its comment in Alertmanager, which identifies it.
    pub fn comment(incident: &IncidentId, plan_hash: &PlanHash) -> String {
        format!("Quell, repair of incident {incident}, plan {plan_hash}")
    }

    /// When the silence has ended: at its removal, or at its expiry. None if there never was one.
    pub fn over_at(&self) -> Option<Timestamp> {
        self.id.as_ref()?;
        Some(
            self.ended_at
                .filter(|_| self.error.is_none())
                .unwrap_or(self.until),
        )
    }
}

/// When the silence of a repair ends by itself: as late as its last check can end. What takes a repair back is not in it, because with the
/// first failure the silence is over.
pub fn until(repair: &Repair, plan: &Plan) -> Timestamp {
    let steps = [Phase::Facts, Phase::Steps, Phase::Verify]
        .into_iter()
        .flat_map(|phase| plan.phase(phase));
    let seconds = steps.map(|step| {
        let (timeout, every, retries) = (
            i64::from(step.timeout_seconds),
            i64::from(step.every_seconds),
            i64::from(step.retries),
        );
        timeout + (timeout + every) * retries
    });
    let longest = SignedDuration::from_secs(seconds.fold(0, i64::saturating_add));
    repair
        .started_at
        .saturating_add(longest)
        .unwrap_or(Timestamp::MAX)
}

impl Incident {
    /// When the silence of the repair has to end that runs and has none yet, although it may have one.
    pub fn wants_repair_silence(&self, now: Timestamp) -> Option<Timestamp> {
        let (repair, plan) = (self.repair.as_ref()?, self.plan.as_ref()?);
        let known = self
            .repair_silence
            .as_ref()
            .is_some_and(|silence| silence.plan_hash == repair.plan_hash);
        let until = until(repair, plan);
        (!known && repair.outcome.is_none() && !expired(until, now) && self.can_be_silenced())
            .then_some(until)
    }

    /// The silence of a repair that still has to be removed.
    pub fn open_repair_silence(&self) -> Option<(&str, Timestamp)> {
        let silence = self
            .repair_silence
            .as_ref()
            .filter(|silence| silence.ended_at.is_none())?;
        Some((silence.id.as_deref()?, silence.until))
    }
}

impl IncidentChange {
    /// Records the silence of the repair that runs, or why there is none. A recorded one is kept: a
    /// run has one at most.
    pub fn repair_silenced(
        &mut self,
        plan_hash: &PlanHash,
        made: Result<(&str, Timestamp), Phrase>,
        now: Timestamp,
    ) {
        if self
            .incident
            .repair_silence
            .as_ref()
            .is_some_and(|silence| silence.plan_hash == *plan_hash)
        {
            return;
        }
        let plan_hash = plan_hash.clone();
        let (silence, news) = match made {
            Ok((id, until)) => {
                let context = json!({ "silence_id": id, "until": until, "plan_hash": plan_hash });
                let detail =
                    format!("silenced while the repair runs, until {until:.0} at the latest");
                let silence = RepairSilence {
                    plan_hash,
                    id: Some(id.to_owned()),
                    until,
                    ended_at: None,
                    error: None,
                };
                (
                    silence,
                    LogRecord::new(Event::SilenceCreated, ACTOR, detail).with(context),
                )
            }
            Err(why) => {
                let news = LogRecord::new(
                    Event::SilenceCreated,
                    ACTOR,
                    "the repair runs without a silence",
                )
                .failed(why.to_string());
                (
                    RepairSilence {
                        plan_hash,
                        id: None,
                        until: now,
                        ended_at: Some(now),
                        error: Some(why),
                    },
                    news,
                )
            }
        };
        self.incident.repair_silence = Some(silence);
        self.record(now, news);
    }

    /// Records that the silence of the repair was removed, or why it was not. An earlier record is
    /// kept.
    pub fn repair_silence_ended(&mut self, removed: Result<(), Phrase>, now: Timestamp) {
        let Some(silence) = self
            .incident
            .repair_silence
            .as_mut()
            .filter(|silence| silence.id.is_some() && silence.ended_at.is_none())
        else {
            return;
        };
        silence.ended_at = Some(now);
        silence.error = removed.as_ref().err().cloned();
        let context = json!({ "silence_id": silence.id, "until": silence.until, "plan_hash": silence.plan_hash });
        let news = match removed {
            Ok(()) => LogRecord::new(
                Event::SilenceRemoved,
                ACTOR,
                "the silence of the repair is over",
            ),
            Err(why) => LogRecord::new(
                Event::SilenceRemoved,
                ACTOR,
                format!("the silence stays until {:.0}", silence.until),
            )
            .failed(why.to_string()),
        };
        self.record(now, news.with(context));
    }
}

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, Timestamp};

    use super::{RepairSilence, until};
    use crate::incident::Incident;
    use crate::incident::change::IncidentChange;
    use crate::incident::operation_log::Event;
    use crate::incident::repair::{Repair, RepairOutcome};
    use crate::playbook::plan::tests::{plan, step};
    use crate::playbook::plan::{Plan, PlannedStep};
    use crate::primitives::id::MemberId;
    use crate::transition::lifecycle::tests::incident;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn seconds(seconds: i64) -> Timestamp {
        NOW + SignedDuration::from_secs(seconds)
    }

    fn repairing() -> Incident {
        Incident {
            repair: Some(Repair::start(plan().hash(), NOW)),
            plan: Some(plan()),
            ..incident()
        }
    }

    #[test]
    fn it_ends_by_itself_as_late_as_the_last_check_and_no_later() {
        let check = |retries| PlannedStep {
            timeout_seconds: 10,
            retries,
            every_seconds: 5,
            ..step(&["check"])
        };
        let (steps, rollback) = (vec![step(&["a"]), step(&["b"])], vec![step(&["undo"])]);
        for (verify, longest) in [
            (vec![], 120),
            (vec![check(0)], 130),
            (vec![check(6)], 220),
            (vec![check(1), check(1)], 170),
            (vec![check(u32::MAX)], 120 + 10 + 15 * i64::from(u32::MAX)),
        ] {
            let plan = Plan {
                steps: steps.clone(),
                verify,
                rollback: rollback.clone(),
                ..plan()
            };
            assert_eq!(
                until(&Repair::start(plan.hash(), NOW), &plan),
                seconds(longest),
                "{:?}",
                plan.verify
            );
        }
    }

    #[test]
    fn a_run_has_one_silence_and_only_while_it_lasts() {
        type Case = (&'static str, fn(&mut Incident), i64, bool);
        let cases: [Case; 8] = [
            ("it runs", |_| {}, 0, true),
            ("no run", |incident| incident.repair = None, 0, false),
            (
                "it has ended",
                |incident| {
                    incident.repair.as_mut().expect("runs").outcome = Some(RepairOutcome::Unknown)
                },
                0,
                false,
            ),
            ("it should be over by now", |_| {}, 180, false),
            (
                "a signed sender that calls itself so",
                |incident| incident.alert.member = MemberId::unnumbered(),
                0,
                false,
            ),
            (
                "another sender",
                |incident| incident.alert.source = "grafana".to_owned(),
                0,
                false,
            ),
            (
                "it has one",
                |incident| {
                    let mut change = IncidentChange::new(incident.clone());
                    change.repair_silenced(&plan().hash(), Err("it is down".into()), NOW);
                    *incident = change.incident;
                },
                0,
                false,
            ),
            (
                "another run had one",
                |incident| {
                    let mut change = IncidentChange::new(incident.clone());
                    change.repair_silenced(&"another".into(), Ok(("s0", NOW)), NOW);
                    *incident = change.incident;
                },
                0,
                true,
            ),
        ];
        for (what, change, at, wants) in cases {
            let mut incident = repairing();
            change(&mut incident);
            assert_eq!(
                incident.wants_repair_silence(seconds(at)).is_some(),
                wants,
                "{what}"
            );
        }
    }

    #[test]
    fn what_became_of_it_is_in_the_log_once() {
        let hash = plan().hash();
        let silence =
            |change: &IncidentChange| change.incident.repair_silence.clone().expect("noted");
        let mut change = IncidentChange::new(repairing());
        change.repair_silence_ended(Ok(()), NOW);
        assert_eq!(change.entries.len(), 0, "there is nothing to take away");
        change.repair_silenced(&hash, Ok(("s1", seconds(180))), NOW);
        change.repair_silenced(&hash, Ok(("s2", seconds(180))), NOW);
        assert_eq!(
            (change.entries.len(), change.incident.open_repair_silence()),
            (1, Some(("s1", seconds(180))))
        );
        assert_eq!(
            silence(&change).over_at(),
            Some(seconds(180)),
            "until somebody takes it away"
        );
        let held = change.clone();
        change.repair_silence_ended(Ok(()), seconds(9));
        change.repair_silence_ended(Err("again".into()), seconds(10));
        assert_eq!(
            (
                change.entries.len(),
                change.incident.open_repair_silence(),
                silence(&change).over_at()
            ),
            (2, None, Some(seconds(9)))
        );
        assert!(change.entries[1].event == Event::SilenceRemoved && change.entries[1].success);

        let mut stays = held;
        stays.repair_silence_ended(Err("it is down".into()), seconds(9));
        assert_eq!(
            (
                stays.incident.open_repair_silence(),
                silence(&stays).over_at()
            ),
            (None, Some(seconds(180)))
        );
        assert!(!stays.entries[1].success);

        let mut none = IncidentChange::new(repairing());
        none.repair_silenced(&hash, Err("it is down".into()), NOW);
        none.repair_silence_ended(Ok(()), seconds(9));
        let RepairSilence { id, error, .. } = silence(&none);
        assert_eq!(
            (none.entries.len(), id, error, silence(&none).over_at()),
            (1, None, Some("it is down".into()), None)
        );
    }
}
