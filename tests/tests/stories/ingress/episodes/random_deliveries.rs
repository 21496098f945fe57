//! Random deliveries to the real store against the rule of `domain::episode`, which a property test
//! holds against a model of its own.
//!
//! The store knows the plain join as one conditional write. This story is why that write can be
//! trusted to mean the same as the rule.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use domain::alert::AlertSeverity;
use domain::episode::{
    Episode, Firing, FiringOutcome, LookOutcome, Member, ResolvedOutcome, Windows, on_firing,
    on_look, on_resolved,
};
use domain::primitives::id::{Fingerprint, IncidentId, MemberId};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::{Strategy, any, prop, prop_oneof};
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use tests::alert::{TestAlert, unique};
use tests::in_process::answer;
use tests::isolated_ingress::IsolatedIngress;

const WINDOWS: Windows = Windows {
    debounce: SignedDuration::from_secs(300),
    stale: SignedDuration::from_secs(18_000),
};
/// How many random stories are told, and how many deliveries each has.
const STORIES: usize = 30;
const DELIVERIES: usize = 14;

#[derive(Debug, Clone)]
struct Delivery {
    fires: bool,
    /// The first of the alerts, in hundredths of all, and how many.
    part: (usize, usize),
    /// Since when, in seconds from the beginning: replicas disagree, and one time may be said for
    /// ever. None is now.
    since: Option<i64>,
    critical: bool,
    /// Seconds after the one before.
    wait: i64,
}

fn delivery() -> impl Strategy<Value = Delivery> {
    let wait = prop_oneof![0i64..10, 30i64..60, 290i64..310, 17_990i64..18_010];
    let part = (0..100usize, 1..100usize);
    let since = prop::option::of(1i64..5);
    (any::<bool>(), part, since, any::<bool>(), wait).prop_map(
        |(fires, part, since, critical, wait)| Delivery {
            fires,
            part,
            since,
            critical,
            wait,
        },
    )
}

/// The rule alone: what the store has to come to.
struct Model {
    episode: Option<Episode>,
    outcomes: BTreeMap<&'static str, u32>,
}

impl Model {
    /// When the next check is due.
    fn due(&self) -> Option<Timestamp> {
        let episode = self.episode.as_ref()?;
        let stale = episode.last_seen + WINDOWS.stale + SignedDuration::from_secs(1);
        let due = [episode.settles_at(), episode.open.then_some(stale)];
        due.into_iter().flatten().min()
    }

    /// A check by somebody who can ask nobody.
    fn look(&mut self, now: Timestamp) {
        let Some(current) = &self.episode else {
            return;
        };
        let (outcome, episode) = on_look(current, None, true, now, WINDOWS);
        self.episode = Some(episode);
        let outcome = match outcome {
            LookOutcome::Believed => "believed",
            LookOutcome::Expired => "expired",
            LookOutcome::Unchanged | LookOutcome::Heard | LookOutcome::Ended => "looked",
        };
        *self.outcomes.entry(outcome).or_default() += 1;
    }

    fn step(
        &mut self,
        fingerprint: &Fingerprint,
        names: &[MemberId],
        fires: Option<Member>,
        now: Timestamp,
    ) -> &'static str {
        let outcome = if let Some(fires) = fires {
            let firing = Firing {
                targets: BTreeSet::new(),
                members: names.iter().map(|name| (name.clone(), fires)).collect(),
                count: names.len() as u64,
                severity: fires.severity,
                left_out: 0,
                analysed: true,
                group: None,
                forbids_repair: false,
            };
            let id = IncidentId::try_from(ulid::Ulid::generate().to_string()).expect("a ULID");
            let (outcome, episode) = on_firing(
                self.episode.as_ref(),
                fingerprint,
                &firing,
                &id,
                now,
                WINDOWS,
            );
            self.episode = Some(episode);
            match outcome {
                FiringOutcome::Opened => "opened",
                FiringOutcome::Joined => "joined",
                FiringOutcome::Escalated => "escalated",
                FiringOutcome::Reopened => "reopened",
                FiringOutcome::Late => "late",
            }
        } else if let Some(current) = &self.episode {
            let names = names.iter().cloned().collect();
            let (outcome, episode) = on_resolved(current, &names, now, WINDOWS);
            self.episode = Some(episode);
            match outcome {
                ResolvedOutcome::Resolved => "resolved",
                ResolvedOutcome::MemberLeft => "member_left",
                ResolvedOutcome::Ignored => "ignored",
            }
        } else {
            "ignored"
        };
        *self.outcomes.entry(outcome).or_default() += 1;
        outcome
    }
}

/// What of an episode has to be the same; ids and the bookkeeping of writes are the store's own.
fn essence(episode: &Episode) -> impl PartialEq + std::fmt::Debug {
    // A plain join leaves departures for the next other write to forget.
    let disputed: BTreeMap<MemberId, Option<Member>> = episode
        .departed
        .iter()
        .filter(|(_, departed)| departed.disputed.is_some())
        .map(|(member, departed)| (member.clone(), departed.disputed))
        .collect();
    (
        (episode.open, episode.expired, episode.overflowed),
        episode.members.clone(),
        disputed,
        episode.latest_start,
        (episode.hit_count, episode.flaps),
        episode.severity,
    )
}

async fn stored(isolated: &IsolatedIngress, fingerprint: &Fingerprint) -> Option<Episode> {
    let episode = isolated.stack.store.episode(fingerprint).await;
    episode.expect("the store answers")
}

/// Fails if the store has come to something else than the rule.
async fn agree(
    isolated: &IsolatedIngress,
    fingerprint: &Fingerprint,
    model: &Model,
    story: &[Delivery],
) -> Option<Episode> {
    let stored = stored(isolated, fingerprint).await;
    assert!(
        stored.as_ref().map(essence) == model.episode.as_ref().map(essence),
        "{story:?}\n{stored:#?}\n{:#?}",
        model.episode
    );
    stored
}

#[tokio::test]
async fn random_deliveries_come_to_what_the_rule_says() {
    let isolated = IsolatedIngress::open().await;
    let notifier = isolated.notifier();
    let mut runner = TestRunner::deterministic();
    let mut outcomes: BTreeMap<&'static str, u32> = BTreeMap::new();
    for story in 0..STORIES {
        // Few members, about as many as an item holds, and more.
        let count = [1, 3, 11, 40, 300, 500][story % 6];
        let story = prop::collection::vec(delivery(), DELIVERIES)
            .new_tree(&mut runner)
            .expect("a story")
            .current();
        let origin =
            Timestamp::from_millisecond(Timestamp::now().as_millisecond()).expect("a time");
        let base = TestAlert::firing(unique("random"));
        let fingerprint = base.fingerprint();
        let mut model = Model {
            episode: None,
            outcomes: std::mem::take(&mut outcomes),
        };
        let mut now = origin;
        for delivery in &story {
            now += SignedDuration::from_secs(delivery.wait);
            while let Some(due) = model.due().filter(|due| *due <= now) {
                let stored = stored(&isolated, &fingerprint).await.expect("an episode");
                let clock = move || due;
                let checked = notifier.episode_due(&stored.incident_id, &clock);
                checked.await.expect("looked");
                model.look(due);
                agree(&isolated, &fingerprint, &model, &story).await;
            }
            let since = delivery.since;
            let starts_at = since.map_or(now, |nth| origin + SignedDuration::from_secs(nth));
            let alert = TestAlert {
                severity: if delivery.critical {
                    "critical"
                } else {
                    "warning"
                },
                starts_at,
                ..base.clone()
            };
            let (from, length) = delivery.part;
            let numbers = (from * count / 100)..((from + length).min(100) * count).div_ceil(100);
            let ended = (!delivery.fires).then_some(now);
            let mut body = alert.delivery();
            body["alerts"] = numbers
                .clone()
                .map(|number| alert.member_of_many(number, ended))
                .collect();
            let (status, answer) = answer(&isolated.app, isolated.stack.delivery(&body), now).await;
            assert_eq!(status, 200, "{answer}");
            let names: Vec<MemberId> = numbers
                .map(|number| MemberId::try_from(format!("{number:016x}")).expect("a member id"))
                .collect();
            let member = Member {
                severity: AlertSeverity::of_label(alert.severity),
                starts_at: starts_at
                    .min(now + SignedDuration::from_mins(5))
                    .as_millisecond(),
            };
            let member = delivery.fires.then_some(member);
            let expected = model.step(&fingerprint, &names, member, now);
            assert_eq!(answer["outcome"], expected, "{story:?}");
            let stored = agree(&isolated, &fingerprint, &model, &story).await;
            assert!(
                stored.is_none_or(|stored| stored.unsent.is_empty()),
                "what was acknowledged was sent"
            );
        }
        outcomes = model.outcomes;
    }
    // The stories are worth telling only if all of it happens in them.
    for outcome in [
        "opened",
        "joined",
        "escalated",
        "reopened",
        "late",
        "resolved",
        "member_left",
        "ignored",
        "believed",
        "expired",
    ] {
        assert!(
            outcomes.contains_key(outcome),
            "{outcome} never happened: {outcomes:?}"
        );
    }
}
