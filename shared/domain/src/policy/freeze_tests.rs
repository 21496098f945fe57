//! Tests of freezes over the end of the week, and where a clock is put forward or back.

use jiff::Timestamp;

use super::Freeze;

fn weekly(from: &str, to: &str, zone: &str) -> Freeze {
    let yaml = format!("{{weekly: {{from: '{from}', to: '{to}', zone: '{zone}'}}, why: weekend}}");
    serde_saphyr::from_str(&yaml).expect("a freeze")
}

/// Checks whether a freeze holds at each of these times.
fn table(freeze: &Freeze, times: &[(&str, bool)]) {
    for (at, holds) in times {
        let now: Timestamp = at.parse().expect("a time");
        assert_eq!(freeze.until(now).is_some(), *holds, "{freeze:?} at {at}");
        assert!(
            freeze.until(now).is_none_or(|until| until > now),
            "it ends later than now"
        );
    }
}

#[test]
fn once() {
    let freeze: Freeze = serde_saphyr::from_str(
        "{from: 2026-12-20T18:00:00+01:00, to: 2027-01-02T00:00:00Z, why: sale}",
    )
    .expect("a freeze");
    let times = [
        ("2026-12-20T16:59:59Z", false),
        ("2026-12-20T17:00:00Z", true),
        ("2027-01-01T23:59:59Z", true),
        ("2027-01-02T00:00:00Z", false),
    ];
    table(&freeze, &times);
}

#[test]
fn a_week_within_and_over_its_end() {
    // 2026-06-05 is a Friday; Berlin is two hours ahead of UTC in summer.
    table(
        &weekly("Fri 16:00", "Mon 07:00", "Europe/Berlin"),
        &[
            ("2026-06-05T13:59:59Z", false),
            ("2026-06-05T14:00:00Z", true),
            ("2026-06-07T21:59:59Z", true),
            ("2026-06-07T22:00:00Z", true),
            ("2026-06-08T04:59:59Z", true),
            ("2026-06-08T05:00:00Z", false),
            ("2026-06-11T12:00:00Z", false),
        ],
    );
    table(
        &weekly("Tue 09:00", "Tue 09:01", "UTC"),
        &[
            ("2026-06-09T08:59:59Z", false),
            ("2026-06-09T09:00:00Z", true),
            ("2026-06-09T09:01:00Z", false),
            ("2026-06-10T09:00:00Z", false),
        ],
    );
    // All of the week but an hour: it ends earlier on the same day than it begins.
    table(
        &weekly("Wed 13:00", "Wed 12:00", "UTC"),
        &[
            ("2026-06-10T11:59:59Z", true),
            ("2026-06-10T12:00:00Z", false),
            ("2026-06-10T12:59:59Z", false),
            ("2026-06-10T13:00:00Z", true),
        ],
    );
}

#[test]
fn the_week_is_that_of_the_place() {
    // Monday morning in Auckland is Sunday in UTC, and Sunday evening in Honolulu is Monday.
    table(
        &weekly("Mon 00:00", "Mon 12:00", "Pacific/Auckland"),
        &[
            ("2026-06-07T11:59:59Z", false),
            ("2026-06-07T12:00:00Z", true),
        ],
    );
    table(
        &weekly("Sun 20:00", "Sun 23:00", "Pacific/Honolulu"),
        &[
            ("2026-06-08T05:59:59Z", false),
            ("2026-06-08T06:00:00Z", true),
        ],
    );
}

#[test]
fn the_clock_is_put_forward() {
    // On Sunday 2026-03-29 Berlin's 02:00 is 03:00. 16:00 on Friday is 15:00 UTC, 07:00 on Monday is 05:00 UTC.
    table(
        &weekly("Fri 16:00", "Mon 07:00", "Europe/Berlin"),
        &[
            ("2026-03-27T14:59:59Z", false),
            ("2026-03-27T15:00:00Z", true),
            ("2026-03-30T04:59:59Z", true),
            ("2026-03-30T05:00:00Z", false),
        ],
    );
    // 02:30 does not exist: it can mean 00:30 or 01:30 UTC, and the freeze takes the longer way.
    table(
        &weekly("Sat 00:00", "Sun 02:30", "Europe/Berlin"),
        &[
            ("2026-03-29T01:29:59Z", true),
            ("2026-03-29T01:30:00Z", false),
        ],
    );
    table(
        &weekly("Sun 02:30", "Sun 04:00", "Europe/Berlin"),
        &[
            ("2026-03-29T00:29:59Z", false),
            ("2026-03-29T00:30:00Z", true),
        ],
    );
}

#[test]
fn the_clock_is_put_back() {
    // On Sunday 2026-10-25 Berlin's 02:30 is 00:30 UTC and again 01:30 UTC: it holds through both, without a gap.
    let until = weekly("Sat 00:00", "Sun 02:30", "Europe/Berlin");
    table(
        &until,
        &[
            ("2026-10-25T00:29:59Z", true),
            ("2026-10-25T00:45:00Z", true),
            ("2026-10-25T01:29:59Z", true),
            ("2026-10-25T01:30:00Z", false),
        ],
    );
    table(
        &weekly("Sun 02:30", "Sun 04:00", "Europe/Berlin"),
        &[
            ("2026-10-25T00:29:59Z", false),
            ("2026-10-25T00:30:00Z", true),
        ],
    );
    table(
        &weekly("Fri 16:00", "Mon 07:00", "Europe/Berlin"),
        &[
            ("2026-10-23T13:59:59Z", false),
            ("2026-10-23T14:00:00Z", true),
            ("2026-10-26T05:59:59Z", true),
            ("2026-10-26T06:00:00Z", false),
        ],
    );
}

#[test]
fn a_freeze_has_one_shape_and_some_time_in_it() {
    let error = |yaml: &str| {
        serde_saphyr::from_str::<Freeze>(yaml)
            .expect_err("an error")
            .without_snippet()
            .to_string()
    };
    for (yaml, why) in [
        ("{why: x}", "either from and to, or weekly"),
        (
            "{from: 2026-06-01T00:00:00Z, why: x}",
            "either from and to, or weekly",
        ),
        (
            "{from: 2026-06-01T00:00:00Z, to: 2026-06-02T00:00:00Z, weekly: {from: 'Mon 00:00', to: 'Tue 00:00', zone: UTC}, why: x}",
            "either from and to, or weekly",
        ),
        (
            "{weekly: {from: 'Mon 07:00', to: 'Mon 07:00', zone: UTC}, why: x}",
            "has no time in it",
        ),
        (
            "{weekly: {from: 'Mo 07:00', to: 'Mon 08:00', zone: UTC}, why: x}",
            "`Mo 07:00` is not a time of the week",
        ),
        (
            "{weekly: {from: 'Mon 7:00', to: 'Mon 08:00', zone: UTC}, why: x}",
            "`Mon 7:00` is not a time of the week",
        ),
        (
            "{weekly: {from: 'Mon +7:00', to: 'Mon 08:00', zone: UTC}, why: x}",
            "`Mon +7:00` is not a time of the week",
        ),
        (
            "{weekly: {from: 'Mon 24:00', to: 'Mon 08:00', zone: UTC}, why: x}",
            "`Mon 24:00` is not a time of the week",
        ),
        (
            "{weekly: {from: 'Mon 07:00', to: 'Tue 08:00', zone: Europe/Atlantis}, why: x}",
            "`Europe/Atlantis` is not a time zone",
        ),
        (
            "{weekly: {from: 'Mon 07:00', to: 'Tue 08:00'}, why: x}",
            "missing field `zone`",
        ),
    ] {
        assert!(error(yaml).contains(why), "{yaml}: {}", error(yaml));
    }
}
