//! Tests of shifts: overlaps, gaps, what stays outside of the window, and that a rotation with the imported overrides has the person of
//! the calendar in each minute.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use domain::duty::rotation::{Override, Rotation};
use domain::notification::channels::Person;
use jiff::civil::{DateTime, date};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan as _};
use proptest::prelude::{ProptestConfig, Strategy, any, prop, prop_assert_eq, proptest};
use serde_json::json;

use super::{Problem, Shifts, replaced, shifts};
use crate::on_duty::calendar::events;
use crate::on_duty::event::{Event, Window};

const PEOPLE: [&str; 3] = ["ada", "bob", "carol"];
/// Clocks that change by an hour, by half an hour, at midnight, and not at all.
const ZONES: [&str; 5] = [
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "America/Santiago",
    "Asia/Taipei",
];

fn people() -> BTreeMap<String, Person> {
    let person = |name: &str| {
        let email = json!({ "email": format!("{name}@example.com") });
        (
            name.to_owned(),
            serde_json::from_value(email).expect("a person"),
        )
    };
    PEOPLE.iter().map(|name| person(name)).collect()
}

fn at(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

fn day() -> Window {
    Window {
        from: at("2026-10-24T00:00:00Z"),
        until: at("2026-10-25T00:00:00Z"),
    }
}

/// An event between two hours of that day; `who` is its title.
fn event(who: &str, from: i64, until: i64) -> Event {
    let hour = |hour| day().from + SignedDuration::from_hours(hour);
    Event {
        title: who.to_owned(),
        attendees: Vec::new(),
        from: hour(from),
        until: hour(until),
        all_day: false,
    }
}

/// Shifts as hours of that day.
fn hours(overrides: &[Override]) -> Vec<(&str, i64, i64)> {
    let hour = |at: Timestamp| at.duration_since(day().from).as_hours();
    let shift = |one: &'_ Override| (hour(one.from), hour(one.until));
    let of = overrides.iter().map(|one| {
        let (from, until) = shift(one);
        (one.person.as_str(), from, until)
    });
    of.collect()
}

fn of(events: &[Event]) -> Shifts {
    shifts(events, day(), &people())
}

#[test]
fn shifts_have_gaps_and_end_with_the_window() {
    let found = of(&[
        event("ada", -3, 2),
        event("ada", 2, 4),
        event("bob", 6, 8),
        event("bob", 7, 9),
        event("carol", 23, 30),
    ]);
    assert!(found.problems.is_empty());
    assert_eq!(
        hours(&found.shifts),
        [("ada", 0, 4), ("bob", 6, 9), ("carol", 23, 24)]
    );
    let gaps: Vec<String> = found
        .gaps
        .iter()
        .map(|(from, until)| format!("{from} {until}"))
        .collect();
    assert_eq!(
        gaps,
        [
            "2026-10-24T04:00:00Z 2026-10-24T06:00:00Z",
            "2026-10-24T09:00:00Z 2026-10-24T23:00:00Z"
        ]
    );
    let nothing = of(&[]);
    assert_eq!(nothing.gaps, [(day().from, day().until)]);
}

#[test]
fn two_people_at_a_time_and_strangers_are_problems() {
    let (long, short) = (event("ada", 0, 10), event("bob", 3, 4));
    // Bob's shift lies within Ada's; Carol's begins behind his, and within Ada's all the same.
    let late = event("carol", 6, 12);
    let found = of(&[
        long.clone(),
        short.clone(),
        late.clone(),
        event("nobody", 13, 14),
    ]);
    assert_eq!(found.problems.len(), 3);
    assert_eq!(found.problems[0], Problem::Overlap(long.clone(), short));
    assert_eq!(found.problems[1], Problem::Overlap(long, late));
    assert!(matches!(&found.problems[2], Problem::NotOnePerson(of, _) if of.title == "nobody"));
}

#[test]
fn what_is_outside_of_the_window_stays() {
    let one = |person: &str, from, until| {
        let Event { from, until, .. } = event(person, from, until);
        Override {
            from,
            until,
            person: person.to_owned(),
        }
    };
    let existing = [
        one("ada", -50, -40),
        one("bob", -4, 2),
        one("carol", 5, 6),
        one("bob", 20, 30),
        one("ada", 40, 50),
    ];
    let new = [one("ada", 0, 8)];
    assert_eq!(
        hours(&replaced(&existing, day(), &new)),
        [
            ("ada", -50, -40),
            ("bob", -4, 0),
            ("ada", 0, 8),
            ("bob", 24, 30),
            ("ada", 40, 50)
        ]
    );
    let found = of(&[event("ada", 0, 8)]);
    let gives_way: Vec<bool> = existing.iter().map(|one| found.ends(one)).collect();
    assert_eq!(gives_way, [false, true, true, true, false]);
    assert!(!found.ends(&one("ada", -5, 6)) && found.ends(&one("ada", 5, 9)));
    let over = [one("carol", -5, 30)];
    assert_eq!(
        hours(&replaced(&over, day(), &[])),
        [("carol", -5, 0), ("carol", 24, 30)]
    );
}

/// What is so of one day of a rota.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Plain,
    LeftOut,
    /// Somebody else takes it, so many hours later.
    Swapped(usize, i64),
}

/// A rota of days: who has the first, from when on each day, and what is so of each.
#[derive(Debug, Clone)]
struct Rota {
    zone: &'static str,
    first: DateTime,
    days: Vec<Kind>,
}

fn rotas() -> impl Strategy<Value = Rota> {
    let kinds = prop::collection::vec((0..6_u8, 0..3_usize, 0..20_i64), 12..24);
    // Around the changes of the clocks of both hemispheres.
    let months = prop::sample::select(vec![3_i8, 4, 9, 10, 11]);
    let times = (0..24_i8, prop::sample::select(vec![0_i8, 15, 30]));
    let zone = prop::sample::select(ZONES.to_vec());
    (zone, months, 1..26_i8, times, kinds, any::<bool>()).prop_map(
        |(zone, month, day, (hour, minute), kinds, plain)| Rota {
            zone,
            first: date(2026, month, day).at(hour, minute, 0, 0),
            days: kinds
                .into_iter()
                .map(|(kind, who, later)| match kind {
                    _ if plain => Kind::Plain,
                    0 => Kind::LeftOut,
                    1 => Kind::Swapped(who, later),
                    _ => Kind::Plain,
                })
                .collect(),
        },
    )
}

impl Rota {
    fn zone(&self) -> TimeZone {
        TimeZone::get(self.zone).expect("a zone")
    }

    /// The local time at which a day begins.
    fn start(&self, day: usize) -> DateTime {
        let days = i64::try_from(day).expect("few");
        self.first.checked_add(days.days()).expect("a date")
    }

    fn moment(&self, local: DateTime) -> Timestamp {
        let meant = self.zone().to_ambiguous_timestamp(local);
        meant.compatible().expect("a moment")
    }

    /// A series for each person, with the exceptions, as a calendar writes it.
    fn calendar(&self) -> String {
        let local = |at: DateTime| at.strftime("%Y%m%dT%H%M%S").to_string();
        let mut text = String::from("BEGIN:VCALENDAR\r\nVERSION:2.0\r\n");
        let zone = self.zone;
        let mut event = |who: usize, own: &str, start: DateTime, end: DateTime| {
            let (start, end, name) = (local(start), local(end), PEOPLE[who]);
            write!(text, "BEGIN:VEVENT\r\n{own}DTSTART;TZID={zone}:{start}\r\nDTEND;TZID={zone}:{end}\r\nSUMMARY:On call\r\nATTENDEE:mailto:{name}@example.com\r\nEND:VEVENT\r\n").expect("a text");
        };
        for who in 0..PEOPLE.len() {
            let uid = format!("UID:{who}\r\n");
            let days = || self.days.iter().enumerate().skip(who).step_by(PEOPLE.len());
            let mut own = format!(
                "{uid}RRULE:FREQ=DAILY;INTERVAL=3;COUNT={}\r\n",
                days().count()
            );
            for (day, kind) in days() {
                let start = self.start(day);
                match kind {
                    Kind::Plain => {}
                    Kind::LeftOut => {
                        own += &format!("EXDATE;TZID={zone}:{}\r\n", local(start));
                    }
                    Kind::Swapped(other, later) => {
                        let id = format!("{uid}RECURRENCE-ID;TZID={zone}:{}\r\n", local(start));
                        let begins = start.checked_add(later.hours()).expect("a time");
                        event(*other, &id, begins, self.start(day + 1));
                    }
                }
            }
            event(who, &own, self.start(who), self.start(who + 1));
        }
        text + "END:VCALENDAR\r\n"
    }

    /// The times by the rota alone, each with its person.
    fn times(&self) -> Vec<(Timestamp, Timestamp, &'static str)> {
        let time = |(day, kind): (usize, &Kind)| {
            let (who, later) = match kind {
                Kind::Plain => (day % PEOPLE.len(), 0),
                Kind::LeftOut => return None,
                Kind::Swapped(who, later) => (*who, *later),
            };
            let begins = self.start(day).checked_add(later.hours()).expect("a time");
            let (from, until) = (self.moment(begins), self.moment(self.start(day + 1)));
            Some((from, until, PEOPLE[who]))
        };
        self.days.iter().enumerate().filter_map(time).collect()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn the_rotation_has_who_the_calendar_has_in_each_minute(rota in rotas()) {
        let (from, days) = (rota.moment(rota.first), i64::try_from(rota.days.len()).expect("few"));
        // A day before the first and behind the last, which the calendar leaves to the rotation.
        let day = SignedDuration::from_hours(24);
        let window = Window { from: from - day, until: from + day * i32::try_from(days + 1).expect("few") };
        let below: Rotation = serde_json::from_value(json!({
            "zone": rota.zone, "hand_over": "06:00", "first": "2026-01-01", "members": ["carol", "ada"],
        })).expect("a rotation");
        let found = events(&rota.calendar(), window, &rota.zone()).expect("a calendar");
        let found = shifts(&found, window, &people());
        prop_assert_eq!(found.problems.len(), 0, "{:?}", found.problems);
        let with = Rotation { overrides: replaced(&[], window, &found.shifts), ..below.clone() };
        let (mut at, times) = (window.from, rota.times());
        while at < window.until {
            let time = times.iter().find(|(from, until, _)| *from <= at && at < *until);
            let expected = time.map_or_else(|| below.on_duty(at).person, |(.., person)| person);
            prop_assert_eq!(with.on_duty(at).person, expected, "{}", at);
            at += SignedDuration::from_mins(1);
        }
    }
}
