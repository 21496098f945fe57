//! Tests of rotations: over changes of the clock, and that every moment has exactly one person.

use jiff::civil::{Date, Time, date};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan as _};
use proptest::prelude::{
    Just, Strategy, any, prop, prop_assert, prop_assert_eq, prop_oneof, proptest,
};
use serde_json::{Value, json};

use super::{Because, Rotation, Shift};

/// Zones whose clocks change by an hour in opposite seasons, by half an hour, not at all, and at midnight; and one that left
/// out a whole day in 2011.
const ZONES: [&str; 7] = [
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Asia/Taipei",
    "America/Santiago",
    "Asia/Beirut",
    "Pacific/Apia",
];
const SECOND: SignedDuration = SignedDuration::from_secs(1);
const MINUTE: SignedDuration = SignedDuration::from_mins(1);

fn rotation(value: Value) -> Rotation {
    serde_json::from_value(value).expect("a rotation")
}

/// A daily rotation of two people, whose first turn is Ada's.
fn daily(zone: &str, hand_over: &str, first: &str) -> Rotation {
    rotation(
        json!({ "zone": zone, "hand_over": hand_over, "first": first, "members": ["ada", "bob"] }),
    )
}

fn at(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

#[test]
fn hand_overs_over_changes_of_the_clock() {
    // The last row before a change, and the rows around the hand-over on its date: what RFC 5545 says of gaps and of times that
    // come twice.
    for (zone, hand_over, first, hand_over_at) in [
        // 02:00 to 03:00 is left out: 02:30 is an hour later, 03:30.
        (
            "Europe/Berlin",
            "02:30",
            "2026-03-28",
            "2026-03-28T01:30:00Z",
        ),
        (
            "Europe/Berlin",
            "02:30",
            "2026-03-29",
            "2026-03-29T01:30:00Z",
        ),
        (
            "Europe/Berlin",
            "02:30",
            "2026-03-30",
            "2026-03-30T00:30:00Z",
        ),
        // 02:00 to 03:00 comes twice: the first 02:30.
        (
            "Europe/Berlin",
            "02:30",
            "2026-10-25",
            "2026-10-25T00:30:00Z",
        ),
        (
            "Europe/Berlin",
            "02:30",
            "2026-10-26",
            "2026-10-26T01:30:00Z",
        ),
        (
            "America/New_York",
            "02:30",
            "2026-03-07",
            "2026-03-07T07:30:00Z",
        ),
        (
            "America/New_York",
            "02:30",
            "2026-03-08",
            "2026-03-08T07:30:00Z",
        ),
        (
            "America/New_York",
            "02:30",
            "2026-03-09",
            "2026-03-09T06:30:00Z",
        ),
        (
            "America/New_York",
            "01:30",
            "2026-11-01",
            "2026-11-01T05:30:00Z",
        ),
        (
            "America/New_York",
            "01:30",
            "2026-11-02",
            "2026-11-02T06:30:00Z",
        ),
        // Half an hour: 02:00 to 02:30 is left out in October, 01:30 to 02:00 comes twice in April.
        (
            "Australia/Lord_Howe",
            "02:15",
            "2026-10-03",
            "2026-10-02T15:45:00Z",
        ),
        (
            "Australia/Lord_Howe",
            "02:15",
            "2026-10-04",
            "2026-10-03T15:45:00Z",
        ),
        (
            "Australia/Lord_Howe",
            "02:15",
            "2026-10-05",
            "2026-10-04T15:15:00Z",
        ),
        (
            "Australia/Lord_Howe",
            "01:45",
            "2026-04-05",
            "2026-04-04T14:45:00Z",
        ),
        (
            "Australia/Lord_Howe",
            "01:45",
            "2026-04-06",
            "2026-04-05T15:15:00Z",
        ),
        ("Asia/Taipei", "09:00", "2026-03-29", "2026-03-29T01:00:00Z"),
        ("Asia/Taipei", "09:00", "2026-10-25", "2026-10-25T01:00:00Z"),
    ] {
        let rotation = daily(zone, hand_over, first);
        let moment = at(hand_over_at);
        let person = |at| rotation.on_duty(at).person;
        let case = format!("{zone} {first} {hand_over}");
        assert_eq!(person(moment - SECOND), "bob", "{case}");
        assert_eq!(person(moment), "ada", "{case}");
        assert_eq!(person(moment + SECOND), "ada", "{case}");
        let shift = rotation.on_duty(moment);
        assert_eq!(
            (shift.from, shift.because),
            (moment, Because::Turn),
            "{case}"
        );
        assert_eq!(person(shift.until), "bob", "{case}");
        let hours = shift.until.duration_since(shift.from).as_hours();
        assert!((22..=25).contains(&hours), "{case}: {hours} h");
    }
}

#[test]
fn the_day_that_samoa_left_out_has_no_turn() {
    // 2011-12-30 was left out: its hand-over is at the same moment as the next one.
    let rotation = daily("Pacific/Apia", "09:00", "2011-12-29");
    let next = at("2011-12-30T19:00:00Z");
    assert_eq!(rotation.on_duty(next - SECOND).person, "ada");
    assert_eq!(rotation.on_duty(next - SECOND).until, next);
    assert_eq!(
        rotation.on_duty(next).person,
        "ada",
        "bob's turn has no time in it"
    );
    assert_eq!(
        rotation
            .on_duty(next + SignedDuration::from_hours(24))
            .person,
        "bob"
    );
}

#[test]
fn turns_of_weeks_go_round_in_both_directions() {
    let rotation = rotation(json!({
        "zone": "Europe/Berlin", "hand_over": "Mon 09:00", "every": 2, "first": "2026-01-05", "members": ["ada", "bob", "carol"],
    }));
    for (moment, person) in [
        ("2025-12-22T07:59:59Z", "bob"),
        ("2025-12-22T08:00:00Z", "carol"),
        ("2026-01-05T07:59:59Z", "carol"),
        ("2026-01-05T08:00:00Z", "ada"),
        ("2026-01-12T08:00:00Z", "ada"),
        ("2026-01-19T07:59:59Z", "ada"),
        ("2026-01-19T08:00:00Z", "bob"),
        ("2026-02-16T08:00:00Z", "ada"),
        // In summer nine o'clock is an hour earlier.
        ("2026-05-11T06:59:59Z", "carol"),
        ("2026-05-11T07:00:00Z", "ada"),
    ] {
        assert_eq!(rotation.on_duty(at(moment)).person, person, "{moment}");
    }
}

#[test]
fn overrides_go_before_holidays_and_those_before_turns() {
    let rotation = rotation(json!({
        "zone": "Europe/Berlin", "hand_over": "Mon 09:00", "first": "2026-12-21", "members": ["ada", "bob"],
        "holidays": [{ "dates": ["2026-12-25", "2026-12-26"], "person": "carol" }],
        "overrides": [
            { "from": "2026-12-26T00:00:00+01:00", "until": "2026-12-26T12:00:00+01:00", "person": "dora" },
            { "from": "2026-12-26T12:00:00+01:00", "until": "2026-12-26T13:00:00+01:00", "person": "bob" },
        ],
    }));
    let shifts: Vec<(&str, String, &str)> = rotation
        .shifts(at("2026-12-24T12:00:00Z"), at("2027-01-05T12:00:00Z"))
        .into_iter()
        .map(|shift| (shift.person, shift.from.to_string(), shift.because.as_str()))
        .collect();
    let expected = [
        ("ada", "2026-12-24T12:00:00Z", "turn"),
        ("carol", "2026-12-25T08:00:00Z", "holiday"),
        ("dora", "2026-12-25T23:00:00Z", "override"),
        ("bob", "2026-12-26T11:00:00Z", "override"),
        ("carol", "2026-12-26T12:00:00Z", "holiday"),
        ("ada", "2026-12-27T08:00:00Z", "turn"),
        ("bob", "2026-12-28T08:00:00Z", "turn"),
        ("ada", "2027-01-04T08:00:00Z", "turn"),
    ]
    .map(|(person, from, because)| (person, from.to_owned(), because));
    assert_eq!(shifts, expected);
    // Two holidays in a row are two shifts of one person, which the list keeps apart only where a date ends.
    assert_eq!(
        rotation.on_duty(at("2026-12-25T08:00:00Z")).until,
        at("2026-12-25T23:00:00Z")
    );
}

/// Who is on duty, by the definition alone: the hand-overs of all dates in order, each with its person, and the overrides over them.
struct Calendar {
    begins: Vec<(Timestamp, String)>,
    rotation: Rotation,
}

impl Calendar {
    fn of(rotation: &Rotation, zone: &str, from: Date, days: i64) -> Self {
        let zone = TimeZone::get(zone).expect("a zone");
        let begins = (-3..days).map(|day| {
            let date = from.checked_add(day.days()).expect("a date");
            let moment = zone
                .to_ambiguous_timestamp(date.to_datetime(rotation.hand_over.time))
                .compatible()
                .expect("a moment");
            let since = date.duration_since(rotation.first).as_hours() / 24;
            let length = i64::from(rotation.every)
                * if rotation.hand_over.day.is_some() {
                    7
                } else {
                    1
                };
            let count = i64::try_from(rotation.members.len()).expect("few");
            let place = since.div_euclid(length).rem_euclid(count);
            let turn = &rotation.members[usize::try_from(place).expect("in the list")];
            let holiday = rotation
                .holidays
                .iter()
                .find(|holiday| holiday.dates.contains(&date));
            (
                moment,
                holiday.map_or(turn, |holiday| &holiday.person).clone(),
            )
        });
        Self {
            begins: begins.collect(),
            rotation: rotation.clone(),
        }
    }

    /// Everyone who is on duty.
    fn people(&self, at: Timestamp) -> Vec<&str> {
        let swaps: Vec<&str> = self
            .rotation
            .overrides
            .iter()
            .filter(|swap| swap.from <= at && at < swap.until)
            .map(|swap| swap.person.as_str())
            .collect();
        if !swaps.is_empty() {
            return swaps;
        }
        let behind = self.begins.partition_point(|(begins, _)| *begins <= at);
        vec![self.begins[behind - 1].1.as_str()]
    }
}

/// Checks that shifts fill a span without a gap and without an overlap.
fn fill(shifts: &[Shift<'_>], from: Timestamp, until: Timestamp) -> bool {
    let ends = shifts.first().is_some_and(|first| first.from == from)
        && shifts.last().is_some_and(|last| last.until == until);
    let meet = shifts.windows(2).all(|pair| pair[0].until == pair[1].from);
    ends && meet && shifts.iter().all(|shift| shift.from < shift.until)
}

#[test]
fn a_year_has_no_minute_without_a_person_and_none_with_two() {
    for zone in &ZONES[..4] {
        for hand_over in ["02:30", "Sun 02:15"] {
            let rotation = rotation(json!({
                "zone": zone, "hand_over": hand_over, "members": ["ada", "bob", "carol"],
                "first": if hand_over.starts_with("Sun") { "2026-01-04" } else { "2026-01-05" },
                "holidays": [{ "dates": ["2026-03-29", "2026-10-25", "2026-12-25", "2026-12-26"], "person": "dora" }],
                "overrides": [{ "from": "2026-03-08T06:00:00Z", "until": "2026-03-08T07:30:30Z", "person": "eve" }],
            }));
            let (from, until) = (at("2026-01-01T00:00:00Z"), at("2027-01-01T00:00:00Z"));
            let calendar = Calendar::of(&rotation, zone, date(2026, 1, 1), 370);
            let shifts = rotation.shifts(from, until);
            assert!(fill(&shifts, from, until), "{zone} {hand_over}");
            let mut minutes = 0;
            for shift in &shifts {
                // Every minute of the shift, its first and last second, and those around them.
                let mut moment = shift.from;
                while moment < shift.until {
                    assert_eq!(
                        calendar.people(moment),
                        [shift.person],
                        "{zone} {hand_over} {moment}"
                    );
                    (moment, minutes) = (moment + MINUTE, minutes + 1);
                }
                for border in [shift.from, shift.until - SECOND] {
                    assert_eq!(
                        rotation.on_duty(border).person,
                        shift.person,
                        "{zone} {hand_over} {border}"
                    );
                    assert_eq!(
                        calendar.people(border),
                        [shift.person],
                        "{zone} {hand_over} {border}"
                    );
                }
                let before = shift.from - SECOND;
                assert_eq!(
                    vec![rotation.on_duty(before).person],
                    calendar.people(before),
                    "{zone} {hand_over} {before}"
                );
            }
            assert!(minutes >= 365 * 24 * 60, "{minutes}");
        }
    }
}

/// Overrides that do not overlap, and holidays on dates of their own.
fn exceptions() -> impl Strategy<Value = (Vec<Value>, Vec<Value>)> {
    let gaps = prop::collection::vec((1..2_000_i64, 1..4_000_i64, 0..3_usize), 0..6);
    let dates = prop::collection::btree_set(0..80_i64, 0..8);
    (gaps, dates).prop_map(|(gaps, dates)| {
        let mut end = at("2026-03-01T00:00:00Z");
        let people = ["ada", "xena", "yves"];
        let overrides = gaps.into_iter().map(|(gap, length, person)| {
            let from = end + SignedDuration::from_mins(gap - 1);
            end = from + SignedDuration::from_mins(length);
            json!({ "from": from, "until": end, "person": people[person] })
        });
        let day = |day: i64| date(2026, 3, 1).checked_add(day.days()).expect("a date");
        let holidays = dates
            .into_iter()
            .map(|n| json!({ "dates": [day(n)], "person": "zoe" }));
        (overrides.collect(), holidays.collect())
    })
}

fn hand_overs() -> impl Strategy<Value = String> {
    let time = (0..24_i8, 0..60_i8).prop_map(|(hour, minute)| {
        Time::new(hour, minute, 0, 0)
            .expect("a time")
            .strftime("%H:%M")
            .to_string()
    });
    prop_oneof![
        time.clone(),
        time.prop_map(|time| format!("Sun {time}")),
        Just("02:30".to_owned())
    ]
}

proptest! {
    #[test]
    fn any_rotation_has_one_person_at_every_moment(
        zone in prop::sample::select(ZONES.to_vec()), hand_over in hand_overs(), every in 1..4_u8, members in 1..5_usize,
        weeks in -200..200_i64, (overrides, holidays) in exceptions(), moments in prop::collection::vec(any::<u32>(), 32),
    ) {
        let first = date(2026, 3, 1).checked_add(weeks.weeks()).expect("a date");
        let members: Vec<String> = ["ada", "bob", "carol", "dora"][..members].iter().map(ToString::to_string).collect();
        let rotation = rotation(json!({
            "zone": zone, "hand_over": hand_over, "every": every, "first": first, "members": members,
            "overrides": overrides, "holidays": holidays,
        }));
        let (from, until) = (at("2026-02-25T00:00:00Z"), at("2026-05-25T00:00:00Z"));
        let calendar = Calendar::of(&rotation, zone, date(2026, 2, 24), 95);
        let shifts = rotation.shifts(from, until);
        prop_assert!(fill(&shifts, from, until), "{:?}", shifts);
        let span = until.duration_since(from).as_secs();
        let random = moments.into_iter().map(|n| from + SignedDuration::from_secs(i64::from(n) % span));
        let borders = shifts.iter().flat_map(|shift| [shift.from, shift.from + SECOND, shift.until - SECOND]);
        for moment in random.chain(borders) {
            let shift = rotation.on_duty(moment);
            prop_assert!(shift.from <= moment && moment < shift.until, "{:?} {}", shift, moment);
            prop_assert_eq!(vec![shift.person], calendar.people(moment), "{}", moment);
            let listed: Vec<&str> = shifts.iter().filter(|listed| listed.from <= moment && moment < listed.until).map(|listed| listed.person).collect();
            prop_assert_eq!(listed, vec![shift.person], "{}", moment);
        }
    }
}
