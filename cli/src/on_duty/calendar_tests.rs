//! Tests of iCalendar files: as Google Calendar, Outlook, PagerDuty and Opsgenie write them, and what RFC 5545 says of recurrences and
//! of changes of the clock.

use std::fmt::Write as _;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{Event, Window, events};

const GOOGLE: &str = include_str!("../../tests/calendars/google.ics");
const OUTLOOK: &str = include_str!("../../tests/calendars/outlook.ics");
const PAGERDUTY: &str = include_str!("../../tests/calendars/pagerduty.ics");
const OPSGENIE: &str = include_str!("../../tests/calendars/opsgenie.ics");

fn berlin() -> TimeZone {
    TimeZone::get("Europe/Berlin").expect("a zone")
}

fn window(from: &str, until: &str) -> Window {
    let at = |text: &str| text.parse::<Timestamp>().expect("a time");
    Window {
        from: at(from),
        until: at(until),
    }
}

fn autumn() -> Window {
    window("2026-10-01T00:00:00Z", "2026-12-31T00:00:00Z")
}

/// The events of a calendar, a line each, by the clock of Berlin.
fn read(text: &str, window: Window) -> String {
    let zone = berlin();
    let shown = |at| zone.to_datetime(at).strftime("%a %m-%d %H:%M").to_string();
    let mut lines = String::new();
    for Event {
        title,
        attendees,
        from,
        until,
        all_day,
    } in events(text, window, &zone).expect("a calendar")
    {
        let hours = until.duration_since(from).as_hours();
        let day = if all_day { " (all day)" } else { "" };
        let (from, until, who) = (shown(from), shown(until), attendees.join(" "));
        let line = format!("{from} to {until}, {hours} h{day}: {title} {who}");
        writeln!(lines, "{}", line.trim_end()).expect("a text");
    }
    lines
}

/// A calendar with these lines in one event after another, which a line with `--` divides.
fn calendar(lines: &str) -> String {
    let events = lines.split("--").map(|event| {
        let lines = event.trim().lines().map(str::trim);
        let lines = lines.collect::<Vec<_>>().join("\r\n");
        format!("BEGIN:VEVENT\r\nUID:one@example.com\r\n{lines}\r\nEND:VEVENT\r\n")
    });
    let events: String = events.collect();
    format!("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:test\r\n{events}END:VCALENDAR\r\n")
}

fn refusal(text: &str) -> String {
    events(text, autumn(), &berlin())
        .expect_err("refused")
        .to_string()
}

#[test]
fn google_has_series_exceptions_and_swaps() {
    insta::assert_snapshot!(read(GOOGLE, window("2026-10-01T00:00:00Z", "2026-12-01T00:00:00Z")), @r#"
    Mon 10-05 09:00 to Mon 10-12 09:00, 168 h: Payments on call Ada@example.com
    Mon 10-12 09:00 to Mon 10-19 09:00, 168 h: Payments on call bob@example.com
    Mon 10-19 09:00 to Mon 10-26 09:00, 169 h: Payments on call Ada@example.com
    Mon 10-26 12:00 to Mon 11-02 09:00, 165 h: Payments on call (swap) carol@example.com
    Mon 11-02 09:00 to Mon 11-09 09:00, 168 h: Payments on call Ada@example.com
    Mon 11-09 09:00 to Mon 11-16 09:00, 168 h: Payments on call bob@example.com
    Mon 11-23 09:00 to Mon 11-30 09:00, 168 h: Payments on call bob@example.com
    Mon 11-30 09:00 to Mon 12-07 09:00, 168 h: Payments on call Ada@example.com
    "#);
}

#[test]
fn outlook_has_zones_of_its_own_and_whole_days() {
    insta::assert_snapshot!(read(OUTLOOK, autumn()), @r#"
    Fri 10-23 17:00 to Sat 10-24 09:00, 16 h: Night shift: Carol
    Sat 10-24 17:00 to Sun 10-25 09:00, 17 h: Night shift: Carol
    Sun 10-25 17:00 to Mon 10-26 09:00, 16 h: Night shift: Carol
    Mon 10-26 17:00 to Tue 10-27 09:00, 16 h: Night shift: Carol
    Wed 10-28 00:00 to Fri 10-30 00:00, 48 h (all day): Bob (holiday cover)
    "#);
}

#[test]
fn pagerduty_has_an_event_for_each_shift() {
    insta::assert_snapshot!(read(PAGERDUTY, autumn()), @r#"
    Mon 10-19 09:00 to Mon 10-26 09:00, 169 h: On Call - Ada Lovelace - Payments ada@example.com
    Mon 10-26 09:00 to Wed 10-28 18:00, 57 h: On Call - Bob Noyce - Payments bob@example.com
    Wed 10-28 18:00 to Thu 10-29 09:00, 15 h: On Call - Ada Lovelace - Payments ada@example.com
    Thu 10-29 09:00 to Mon 11-02 09:00, 96 h: On Call - Bob Noyce - Payments bob@example.com
    "#);
}

#[test]
fn opsgenie_has_the_address_in_the_title() {
    insta::assert_snapshot!(read(OPSGENIE, autumn()), @r#"
    Mon 10-19 09:00 to Sat 10-24 18:00, 129 h: ada@example.com
    Sat 10-24 18:00 to Mon 10-26 09:00, 40 h: bob@example.com
    "#);
}

#[test]
fn a_shift_keeps_its_time_of_the_clock_over_changes() {
    // The clock leaves out 02:30 on March 29 and has it twice on October 25: the week is an hour shorter, and longer.
    let night = calendar(
        "DTSTART;TZID=Europe/Berlin:20260327T023000
        DTEND;TZID=Europe/Berlin:20260328T023000
        RRULE:FREQ=DAILY;COUNT=4
        SUMMARY:spring
        --
        DTSTART;TZID=Europe/Berlin:20261024T023000
        DURATION:P1DT30M
        RRULE:FREQ=DAILY;UNTIL=20261026T013000Z
        SUMMARY:autumn",
    );
    insta::assert_snapshot!(read(&night, window("2026-01-01T00:00:00Z", "2026-12-31T00:00:00Z")), @r#"
    Fri 03-27 02:30 to Sat 03-28 02:30, 24 h: spring
    Sat 03-28 02:30 to Sun 03-29 03:30, 24 h: spring
    Sun 03-29 03:30 to Mon 03-30 02:30, 23 h: spring
    Mon 03-30 02:30 to Tue 03-31 02:30, 24 h: spring
    Sat 10-24 02:30 to Sun 10-25 02:00, 24 h: autumn
    Sun 10-25 02:30 to Mon 10-26 03:00, 25 h: autumn
    Mon 10-26 02:30 to Tue 10-27 03:00, 24 h: autumn
    "#);
}

#[test]
fn until_is_meant_as_it_is_written() {
    for (until, count) in [
        ("20261008T070000Z", 4),
        // A second too early in UTC, and the same by the clock.
        ("20261008T065959Z", 3),
        ("20261008", 4),
        ("20261007T235959", 3),
        ("20260101T000000Z", 0),
    ] {
        let text = calendar(&format!(
            "DTSTART;TZID=Europe/Berlin:20261005T090000\nDURATION:PT1H\nRRULE:FREQ=DAILY;UNTIL={until}"
        ));
        let found = events(&text, autumn(), &berlin()).expect("a calendar");
        assert_eq!(found.len(), count, "{until}");
    }
}

#[test]
fn single_times_are_left_out_added_moved_and_cancelled() {
    let text = calendar(
        "DTSTART;TZID=Europe/Berlin:20261005T090000
        DTEND;TZID=Europe/Berlin:20261006T090000
        RRULE:FREQ=WEEKLY;COUNT=6
        EXDATE:20261012T070000Z
        EXDATE;VALUE=DATE:20261019
        RDATE;TZID=Europe/Berlin:20261007T090000,20261005T090000
        RDATE;VALUE=PERIOD:20261014T070000Z/PT2H
        SUMMARY:series
        --
        RECURRENCE-ID:20261026T080000Z
        DTSTART:20261026T100000Z
        DTEND:20261026T120000Z
        SEQUENCE:2
        SUMMARY:moved
        --
        RECURRENCE-ID:20261026T080000Z
        DTSTART:20261026T200000Z
        DTEND:20261026T220000Z
        SEQUENCE:1
        SUMMARY:an older version
        --
        RECURRENCE-ID;TZID=Europe/Berlin:20261102T090000
        STATUS:CANCELLED
        DTSTART;TZID=Europe/Berlin:20261102T090000",
    );
    insta::assert_snapshot!(read(&text, autumn()), @r#"
    Mon 10-05 09:00 to Tue 10-06 09:00, 24 h: series
    Wed 10-07 09:00 to Thu 10-08 09:00, 24 h: series
    Wed 10-14 09:00 to Wed 10-14 11:00, 2 h: series
    Mon 10-26 11:00 to Mon 10-26 13:00, 2 h: moved
    Mon 11-09 09:00 to Tue 11-10 09:00, 24 h: series
    "#);
}

#[test]
fn a_change_of_all_later_times_lasts() {
    let text = calendar(
        "DTSTART;TZID=Europe/Berlin:20261012T090000
        DTEND;TZID=Europe/Berlin:20261012T170000
        RRULE:FREQ=WEEKLY;COUNT=4
        SUMMARY:early
        --
        RECURRENCE-ID;TZID=Europe/Berlin;RANGE=THISANDFUTURE:20261019T090000
        DTSTART;TZID=Europe/Berlin:20261019T120000
        DTEND;TZID=Europe/Berlin:20261019T220000
        SUMMARY:late",
    );
    insta::assert_snapshot!(read(&text, autumn()), @r#"
    Mon 10-12 09:00 to Mon 10-12 17:00, 8 h: early
    Mon 10-19 12:00 to Mon 10-19 22:00, 10 h: late
    Mon 10-26 12:00 to Mon 10-26 22:00, 10 h: late
    Mon 11-02 12:00 to Mon 11-02 22:00, 10 h: late
    "#);
}

#[test]
fn times_without_a_zone_and_dates_are_those_of_the_level() {
    let text = calendar(
        "DTSTART:20261024T220000
        DTEND:20261025T060000
        SUMMARY:floating
        --
        DTSTART;VALUE=DATE:20261025
        SUMMARY:a day of 25 hours
        --
        DTSTART;TZID=/freeassociation.sourceforge.net/America/New_York:20261030T200000
        DTEND;TZID=Europe/Berlin:20261031T090000
        SUMMARY:from New York to Berlin",
    );
    insta::assert_snapshot!(read(&text, autumn()), @r#"
    Sat 10-24 22:00 to Sun 10-25 06:00, 9 h: floating
    Sun 10-25 00:00 to Mon 10-26 00:00, 25 h (all day): a day of 25 hours
    Sat 10-31 01:00 to Sat 10-31 09:00, 8 h: from New York to Berlin
    "#);
}

#[test]
fn what_is_no_calendar_is_named() {
    insta::assert_snapshot!(refusal("<!doctype html><title>Log in</title>"), @"it is no iCalendar file: it has to begin with BEGIN:VCALENDAR. A page to log in, or the address of a web page in place of that of its iCal feed, looks like this");
    insta::assert_snapshot!(refusal(""), @"it is no iCalendar file: it has to begin with BEGIN:VCALENDAR. A page to log in, or the address of a web page in place of that of its iCal feed, looks like this");
    let (cut_off, _) = GOOGLE.split_at(GOOGLE.len() / 2);
    insta::assert_snapshot!(refusal(cut_off), @"it is cut off, or damaged: VCALENDAR has no end");
    insta::assert_snapshot!(refusal(&calendar("DTSTART;TZID=Mars/Olympus:20261024T220000\nSUMMARY:x")), @r#""x": the time zone Mars/Olympus is not known: name it as the IANA database does, such as Europe/Berlin"#);
    insta::assert_snapshot!(refusal(&calendar("DTSTART:20261324T220000\nSUMMARY:x")), @r#""x": DTSTART is missing or is no time"#);
    insta::assert_snapshot!(refusal(&calendar("SUMMARY:x")), @r#""x": DTSTART is missing or is no time"#);
    let backwards = "DTSTART:20261024T220000Z\nDTEND:20261024T210000Z\nSUMMARY:x";
    insta::assert_snapshot!(refusal(&calendar(backwards)), @r#""x": it ends before it begins"#);
    insta::assert_snapshot!(refusal(&calendar("DTSTART:20261001T000000Z\nDURATION:PT1S\nRRULE:FREQ=SECONDLY\nSUMMARY:x")), @r#""x": it recurs more than 50000 times before the window ends: that is no shift of a rotation"#);
}

#[test]
fn a_calendar_without_events_in_the_window_has_none() {
    let before = window("2020-01-01T00:00:00Z", "2020-12-31T00:00:00Z");
    assert_eq!(read(GOOGLE, before), "");
    assert_eq!(
        read(
            &calendar("DTSTART:20261024T220000Z\nSUMMARY:no length"),
            autumn()
        ),
        ""
    );
}
