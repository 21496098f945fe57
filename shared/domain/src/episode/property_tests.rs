//! Random histories of one rule against a model of what its senders do. The model is the table of
//! DESIGN §4, not the code: it knows what is said of every alert and when, and nothing of episodes.
//!
//! Two replicas of Prometheus disagree about when an alert began, senders repeat one time for ever,
//! resolves get lost, silences keep Alertmanager quiet about what goes on, and the late half of a pair
//! delivers what is over. One half of the histories has an Alertmanager that can be asked.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use jiff::SignedDuration;
use proptest::prelude::{Just, Strategy, any, prop, prop_assert, prop_assert_eq, prop_oneof};
use proptest::test_runner::{Config, TestCaseError, TestRunner};

use super::tests::{Story, WINDOWS, at, firing};
use super::{FiringOutcome, LookOutcome, ResolvedOutcome, SETTLING};

/// What happens to a part of the alerts.
#[derive(Debug, Clone, Copy)]
enum Happens {
    /// They fire, and we hear of it.
    Fire(Starts),
    /// They end, and we hear of it.
    End,
    /// They fire or go on, and a silence keeps Alertmanager from saying so.
    FireSilenced,
    /// They end, and the resolve is lost, or the alert silenced.
    EndUnheard,
    /// The late half of a pair says that they fire, which may have ended meanwhile.
    OldFiring,
}

/// The time that the firing of an alert carries.
#[derive(Debug, Clone, Copy)]
enum Starts {
    /// The same for ever.
    Constant,
    /// What the other replica of Prometheus says.
    Replica,
    /// It has just begun.
    Now,
}

#[derive(Debug, Clone)]
struct Step {
    happens: Happens,
    /// Seconds since the step before.
    wait: i64,
    /// A part of all alerts, in hundredths.
    part: Range<usize>,
}

#[derive(Debug, Clone)]
struct History {
    /// How many alerts the rule has.
    alerts: usize,
    /// True if Alertmanager can be asked what fires.
    asked: bool,
    steps: Vec<Step>,
}

fn histories() -> impl Strategy<Value = History> {
    // Waits around the settling time, the window and staleness.
    let wait = prop_oneof![
        4 => 0i64..12, 3 => 30i64..60, 2 => 290i64..310, 1 => 17_990i64..18_010, 1 => 43_200i64..43_210
    ];
    let starts = prop_oneof![
        Just(Starts::Constant),
        Just(Starts::Replica),
        Just(Starts::Now)
    ];
    let happens = prop_oneof![
        4 => starts.prop_map(Happens::Fire),
        4 => Just(Happens::End),
        1 => Just(Happens::FireSilenced),
        1 => Just(Happens::EndUnheard),
        1 => Just(Happens::OldFiring),
    ];
    let part = (0usize..100, 1usize..101).prop_map(|(from, length)| from..(from + length).min(100));
    let step = (happens, wait, part).prop_map(|(happens, wait, part)| Step {
        happens,
        wait,
        part,
    });
    let alerts = prop_oneof![1usize..4, 12usize..22, Just(300), 499usize..501];
    (alerts, any::<bool>(), prop::collection::vec(step, 1..30)).prop_map(
        |(alerts, asked, steps)| History {
            alerts,
            asked,
            steps,
        },
    )
}

/// What was said of an alert since it last was over for good.
#[derive(Debug, Clone, Default)]
struct Heard {
    /// When it was last said to have ended.
    ended: Option<i64>,
    /// What was said since: when, and since when it fires.
    firing: Vec<(i64, i64)>,
}

impl Heard {
    /// From when on it is known to fire: what is received later is believed, and what may be the
    /// other half of a pair when that would have spoken.
    fn fires_from(&self) -> Option<i64> {
        let believed = |(received, starts): &(i64, i64)| match self.ended {
            Some(ended) if *starts <= ended => (*received).max(ended + SETTLING.as_secs()),
            _ => *received,
        };
        self.firing.iter().map(believed).min()
    }

    /// True if something is said of it that is settled later.
    fn is_disputed(&self, now: i64) -> bool {
        self.fires_from().is_some_and(|from| from > now)
    }
}

/// What is right, in seconds: which alerts are known to fire, and whether anybody was heard.
#[derive(Debug)]
struct Model {
    heard: BTreeMap<usize, Heard>,
    /// What Alertmanager has, if it can be asked.
    active: Option<BTreeSet<usize>>,
    last_heard: i64,
    /// When the last of its alerts was said to have ended.
    last_ended: i64,
    /// The latest time since which any alert of the incident is said to fire.
    latest_start: i64,
    open: bool,
    flaps: u64,
    /// How the episode ended that is not open, if nobody has said so.
    expired: bool,
}

impl Model {
    fn new(asked: bool) -> Self {
        Self {
            heard: BTreeMap::new(),
            active: asked.then(BTreeSet::new),
            last_heard: 0,
            last_ended: 0,
            latest_start: i64::MIN,
            open: false,
            flaps: 0,
            expired: false,
        }
    }

    fn fires(&self, now: i64) -> bool {
        let mut from = self.heard.values().filter_map(Heard::fires_from);
        from.any(|from| from <= now)
    }

    /// True if Alertmanager has it, or nobody can be asked.
    fn may_fire(&self, alert: usize) -> bool {
        self.active
            .as_ref()
            .is_none_or(|active| active.contains(&alert))
    }

    /// Lets the time pass that no delivery comes in: what was disputed is settled, and an incident of
    /// which nobody has heard for too long is looked at.
    fn pass(&mut self, from: i64, until: i64) {
        let mut now = from;
        loop {
            let disputed = self.heard.values().filter(|heard| heard.is_disputed(now));
            let settles = disputed.filter_map(Heard::fires_from).min();
            let stale = (self.open).then_some(self.last_heard + WINDOWS.stale.as_secs() + 1);
            let due = [settles, stale].into_iter().flatten().min();
            let Some(due) = due.filter(|due| *due <= until) else {
                return;
            };
            if settles == Some(due) {
                self.settle(due);
            } else {
                self.ask(due);
            }
            now = due;
        }
    }

    /// Believes what is settled now, unless Alertmanager does not have it.
    fn settle(&mut self, now: i64) {
        let due: Vec<usize> = self
            .heard
            .iter()
            .filter(|(_, heard)| heard.is_disputed(now - 1) && !heard.is_disputed(now))
            .map(|(alert, _)| *alert)
            .collect();
        let mut believed = false;
        for alert in due {
            if self.may_fire(alert) {
                believed = true;
            } else {
                self.heard.remove(&alert);
            }
        }
        if believed {
            self.last_heard = now;
            self.turn(now);
        }
    }

    /// Asks whether that of which nobody has heard for too long still fires.
    fn ask(&mut self, now: i64) {
        let firing = self.heard.iter();
        let firing = firing.filter(|(_, heard)| heard.fires_from().is_some_and(|from| from <= now));
        let firing: Vec<usize> = firing.map(|(alert, _)| *alert).collect();
        for alert in firing {
            match &self.active {
                Some(active) if active.contains(&alert) => self.last_heard = now,
                // As good as a resolve.
                Some(_) => self.ended(alert, now),
                None => drop(self.heard.remove(&alert)),
            }
        }
        self.open = self.last_heard == now;
        self.expired = !self.open && self.active.is_none();
    }

    fn ended(&mut self, alert: usize, now: i64) {
        let heard = Heard {
            ended: Some(now),
            firing: Vec::new(),
        };
        self.heard.insert(alert, heard);
    }

    /// Opens or closes it.
    fn turn(&mut self, now: i64) {
        let fires = self.fires(now);
        if fires && !self.open {
            self.flaps += u64::from(!self.expired);
            self.expired = false;
        }
        self.open = fires;
    }
}

/// The episode of a rule, with the model beside it.
struct World {
    names: Vec<String>,
    story: Story,
    model: Model,
    hits: u64,
}

impl World {
    fn new(history: &History) -> Self {
        Self {
            names: (0..history.alerts).map(|i| format!("m{i:03}")).collect(),
            story: Story::new(),
            model: Model::new(history.asked),
            hits: 0,
        }
    }

    /// Runs the checks that are due meanwhile, each in its second.
    fn pass(&mut self, from: i64, until: i64) -> Result<(), TestCaseError> {
        let active = self.model.active.clone();
        let active: Option<Vec<&str>> =
            active.map(|active| active.iter().map(|i| self.names[*i].as_str()).collect());
        while let Some(episode) = &self.story.episode {
            let stale = episode.last_seen + WINDOWS.stale + SignedDuration::from_secs(1);
            let due = [episode.settles_at(), episode.open.then_some(stale)];
            let due = due.into_iter().flatten().min();
            let Some(due) = due.filter(|due| *due <= at(until)) else {
                break;
            };
            let before = episode.clone();
            let now = due.duration_since(at(0)).as_secs();
            let outcome = self.story.look(now, active.as_deref());
            let changed = self.story.now() != &before;
            prop_assert!(changed, "a check that is due changes nothing for ever");
            if outcome == LookOutcome::Expired {
                prop_assert!(active.is_none(), "it expired, and could have been asked");
            }
        }
        self.model.pass(from, until);
        if self.story.episode.is_some() {
            self.agree("after its checks")?;
        }
        Ok(())
    }

    fn agree(&self, when: &str) -> Result<(), TestCaseError> {
        let now = self.story.now();
        prop_assert_eq!(now.open, self.model.open, "{}", when);
        prop_assert_eq!(now.flaps, self.model.flaps, "{}", when);
        prop_assert_eq!(now.expired, self.model.expired, "{}", when);
        prop_assert_eq!(now.hit_count, self.hits, "the count is exact, {}", when);
        Ok(())
    }

    fn fire(&mut self, now: i64, part: Range<usize>, starts: i64) -> Result<(), TestCaseError> {
        let model = &self.model;
        let quiet_since = model.last_heard.max(model.last_ended);
        let another = !model.open
            && now > quiet_since + WINDOWS.debounce.as_secs()
            && starts > model.latest_start;
        let known = self.story.episode.clone();
        let pairs: Vec<(&str, i64)> = part
            .clone()
            .map(|i| (self.names[i].as_str(), starts))
            .collect();
        let outcome = self.story.fire(now, &firing(&pairs));
        for i in part.clone() {
            let heard = self.model.heard.entry(i).or_default();
            heard.firing.push((now, starts));
        }
        let late = part.clone().all(|i| self.model.heard[&i].is_disputed(now));
        prop_assert_eq!(outcome == FiringOutcome::Late, late);
        if another && !late {
            // It began when nothing was left of the incident before it, nor of its window.
            prop_assert_eq!(outcome, FiringOutcome::Opened);
        }
        if outcome == FiringOutcome::Opened {
            // What was there must be over, or unheard of for too long, and this one new.
            prop_assert!(!self.model.open, "a second incident beside an open one");
            let begun = at(starts).as_millisecond();
            prop_assert!(known.is_none_or(|known| begun > known.latest_start));
            self.hits = 0;
            self.model.open = true;
            self.model.latest_start = starts;
            (self.model.flaps, self.model.expired) = (0, false);
        }
        self.hits += pairs.len() as u64;
        self.model.latest_start = self.model.latest_start.max(starts);
        if !late {
            self.model.last_heard = now;
            self.model.turn(now);
            prop_assert!(self.story.now().open, "it fires, and is not open");
        }
        Ok(())
    }

    fn end(&mut self, now: i64, part: Range<usize>) -> Result<(), TestCaseError> {
        let gone: Vec<&str> = part.clone().map(|i| self.names[i].as_str()).collect();
        let outcome = self.story.resolve(now, &gone);
        part.for_each(|i| self.model.ended(i, now));
        let was_open = self.model.open;
        if was_open {
            self.model.turn(now);
        }
        let over = was_open && !self.model.open;
        if over {
            self.model.last_ended = now;
        }
        prop_assert_eq!(outcome == ResolvedOutcome::Resolved, over);
        Ok(())
    }

    fn step(&mut self, step: &Step, now: i64) -> Result<(), TestCaseError> {
        let count = self.names.len();
        let part = (step.part.start * count / 100)..(step.part.end * count).div_ceil(100);
        let happens = step.happens;
        if let Some(active) = &mut self.model.active {
            match happens {
                Happens::Fire(_) | Happens::FireSilenced => active.extend(part.clone()),
                Happens::End | Happens::EndUnheard => active.retain(|i| !part.contains(i)),
                Happens::OldFiring => {}
            }
        }
        match happens {
            Happens::Fire(Starts::Constant) | Happens::OldFiring => self.fire(now, part, 0)?,
            Happens::Fire(Starts::Replica) => self.fire(now, part, 15)?,
            Happens::Fire(Starts::Now) => self.fire(now, part, now)?,
            // There is nothing yet that could end.
            Happens::End if self.story.episode.is_some() => self.end(now, part)?,
            Happens::End | Happens::FireSilenced | Happens::EndUnheard => return Ok(()),
        }
        self.agree("after a delivery")
    }
}

/// Tells the world of a history, and what the model says beside it.
fn told(history: &History) -> Result<World, TestCaseError> {
    let mut world = World::new(history);
    let mut now = 100;
    for step in &history.steps {
        let before = now;
        now += step.wait;
        world.pass(before, now)?;
        world.step(step, now)?;
    }
    // Nobody is heard any more: without an Alertmanager that has it, nothing is open for ever.
    world.pass(now, now + 3 * WINDOWS.stale.as_secs())?;
    let forgotten = match &world.model.active {
        Some(active) => active.is_empty(),
        None => true,
    };
    if let Some(episode) = &world.story.episode {
        prop_assert!(!(forgotten && episode.open), "open for ever: {:?}", episode);
    }
    Ok(world)
}

#[test]
fn an_episode_is_open_exactly_while_an_alert_fires() {
    let config = Config {
        cases: 512,
        ..Config::default()
    };
    let outcome = TestRunner::new(config).run(&histories(), |history| told(&history).map(drop));
    outcome.unwrap_or_else(|error| panic!("{error}"));
}
