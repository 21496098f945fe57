//! Tests of evidence: what is kept of an answer, its trend, its limit and its series.

use jiff::Timestamp;

use super::{
    Comparison, Evidence, Found, LINE_CHARACTERS, LINES_KEPT, Measurement, POINTS_KEPT, Series,
    Source, Threshold, Trend,
};
use crate::phrase;

const NONE: f64 = f64::NAN;

fn bounded(found: Found) -> Evidence {
    let asked = "up{a=\"\u{202e}b\"}\n\u{7}== 0".to_owned().into();
    Evidence {
        source: Source::Prometheus,
        asked,
        at: Timestamp::UNIX_EPOCH,
        duration_ms: 0,
        found,
    }
    .bounded()
}

#[test]
fn what_is_kept_is_short_and_shows_all_that_is_in_it() {
    let hostile = format!(
        "one\n\u{1b}[31mtwo\u{200b}\u{e0041} {}",
        "x".repeat(2 * LINE_CHARACTERS)
    );
    let known = bounded(Found::Known {
        facts: vec![hostile.clone().into(); LINES_KEPT + 1],
    });
    assert_eq!(known.asked, "up{a=\"b\"} == 0");
    let Found::Known { facts } = known.found else {
        panic!("facts stay facts")
    };
    assert_eq!(facts.len(), LINES_KEPT);
    assert!(
        facts.iter().map(ToString::to_string).all(
            |fact| fact.starts_with("one [31mtwo x") && fact.chars().count() == LINE_CHARACTERS
        ),
        "{facts:?}"
    );

    let measured = Measurement {
        unit: "\u{2066}s\n".to_owned(),
        ..Measurement::of(&hostile, "", &[1.0]).expect("a number")
    };
    let link = |characters: usize| Some("u".repeat(characters));
    for (given, kept) in [
        (2 * LINE_CHARACTERS, link(2 * LINE_CHARACTERS)),
        (2 * LINE_CHARACTERS + 1, None),
    ] {
        let found = bounded(Found::Measured {
            measurements: vec![measured.clone(); LINES_KEPT + 1],
            link: link(given),
        })
        .found;
        let Found::Measured { measurements, link } = found else {
            panic!("measurements stay measurements")
        };
        assert_eq!(
            (measurements.len(), measurements[0].unit.as_str(), link),
            (LINES_KEPT, "s", kept)
        );
        assert!(
            measurements[0].name.starts_with("one [31mtwo x"),
            "{measurements:?}"
        );
    }
    assert_eq!(
        bounded(Found::Failed {
            why: " no\nanswer\u{0}".to_owned().into()
        })
        .found,
        Found::Failed {
            why: "no answer".to_owned().into()
        }
    );
}

#[test]
fn sentences_are_kept_and_old_texts_are_read() {
    let short = Found::Known {
        facts: vec![phrase!("{name} is auto", name = "web")],
    };
    assert_eq!(bounded(short.clone()).found, short);
    let secret = Found::Failed {
        why: phrase!("it said: {words}", words = "hunter2"),
    };
    let mut evidence = bounded(secret);
    let hidden = |text: &str| text.replace("hunter2", "…");
    evidence.change_phrases(|phrase| phrase.if_unchanged(hidden));
    let told = serde_json::to_string(&evidence).expect("JSON");
    assert!(
        told.contains("it said: …") && !told.contains("hunter2"),
        "{told}"
    );

    let older = r#"{"source":"registry","asked":"web","at":"2026-11-30T00:00:00Z","duration_ms":0,
        "outcome":"known","facts":["the service web {is} auto"]}"#;
    let older: Evidence = serde_json::from_str(older).expect("read");
    assert_eq!(older.asked, "web");
    let Found::Known { facts } = older.found else {
        panic!("facts")
    };
    assert_eq!(facts, ["the service web {is} auto"]);
}

#[test]
fn a_measurement_is_the_newest_value_with_its_bounds() {
    type Case<'a> = (&'a [f64], Option<(f64, f64, f64)>);
    let cases: [Case<'_>; 6] = [
        (&[1.0, 5.0, 3.0], Some((3.0, 1.0, 5.0))),
        (&[-1.0], Some((-1.0, -1.0, -1.0))),
        (
            &[NONE, 2.0, f64::INFINITY, 4.0, f64::NEG_INFINITY, NONE],
            Some((4.0, 2.0, 4.0)),
        ),
        (&[f64::MAX, f64::MIN], Some((f64::MIN, f64::MIN, f64::MAX))),
        (&[NONE, f64::INFINITY], None),
        (&[], None),
    ];
    for (points, expected) in cases {
        let measured = Measurement::of("load", "1/s", points);
        let numbers = measured.map(|measured| {
            assert_eq!(
                (measured.name.as_str(), measured.unit.as_str()),
                ("load", "1/s")
            );
            (measured.value, measured.least, measured.most)
        });
        assert_eq!(numbers, expected, "{points:?}");
    }
}

#[test]
fn a_trend_is_what_both_ends_say() {
    let huge = [f64::MAX; 9];
    let cases: [(&str, &[f64], Trend); 15] = [
        ("grows", &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], Trend::Rising),
        ("shrinks", &[6.0, 5.0, 4.0, 3.0, 2.0, 1.0], Trend::Falling),
        ("never moves", &[7.0; 9], Trend::Stable),
        ("is always zero", &[0.0; 9], Trend::Stable),
        (
            "leaves zero",
            &[0.0, 0.0, 0.0, 1.0, 1.0, 1.0],
            Trend::Rising,
        ),
        (
            "ends at zero",
            &[3.0, 3.0, 3.0, 0.0, 0.0, 0.0],
            Trend::Falling,
        ),
        (
            "falls below zero",
            &[1.0, 0.5, 0.0, -0.5, -1.0, -2.0],
            Trend::Falling,
        ),
        (
            "grows below zero",
            &[-100.0, -100.0, -50.0, -50.0, -10.0, -10.0],
            Trend::Rising,
        ),
        (
            "moves by half a percent",
            &[1000.0, 1000.0, 1001.0, 1002.0, 1005.0, 1005.0],
            Trend::Stable,
        ),
        (
            "swings around zero",
            &[-5.0, 5.0, -5.0, 5.0, -5.0, 5.0],
            Trend::Stable,
        ),
        (
            "has one odd point at its end",
            &[5.0, 5.0, 5.0, 5.0, 5.0, 5.0, 5.0, 5.0, 6.0],
            Trend::Stable,
        ),
        ("comes back", &[1.0, 1.0, 9.0, 9.0, 1.0, 1.0], Trend::Stable),
        (
            "has gaps",
            &[NONE, 1.0, NONE, 2.0, f64::INFINITY, 3.0],
            Trend::Rising,
        ),
        ("has two points", &[1.0, 100.0], Trend::Stable),
        ("is too large to be added up", &huge, Trend::Stable),
    ];
    for (what, points, expected) in cases {
        let measured = Measurement::of("", "", points).expect("it has numbers");
        assert_eq!(measured.trend, expected, "a value that {what}: {points:?}");
    }
}

#[test]
fn a_limit_is_a_comparison_with_a_finite_number() {
    use Comparison::{Above, Below, Equal, NotEqual};
    let cases = [
        ("> 90", Some((Above, 90.0))),
        (">= -1.5e3", Some((Above, -1500.0))),
        ("< 0.1", Some((Below, 0.1))),
        ("<= 5", Some((Below, 5.0))),
        ("== 0", Some((Equal, 0.0))),
        ("!= 1", Some((NotEqual, 1.0))),
        ("> inf", None),
        ("> NaN", None),
        (">90", None),
        ("=~ 1", None),
        ("", None),
    ];
    for (limit, expected) in cases {
        let expected = expected.map(|(comparison, value)| Threshold { comparison, value });
        assert_eq!(Threshold::read(limit), expected, "{limit}");
        let measured = Measurement::of("a", "", &[1.0]).expect("a number");
        assert_eq!(measured.threshold(), None, "it has no limit");
        let limited = Measurement {
            limit: Some(limit.to_owned()),
            ..measured
        };
        assert_eq!(limited.threshold(), expected, "{limit}");
    }
}

#[test]
fn a_series_keeps_the_newest_finite_points() {
    let at = Timestamp::UNIX_EPOCH;
    let points = [None, Some(1.0), Some(NONE), Some(f64::INFINITY), Some(2.0)];
    let series = Series::of(at, 60, &points).expect("it has numbers");
    assert_eq!(series.points, [None, Some(1.0), None, None, Some(2.0)]);
    assert_eq!(series.values().collect::<Vec<_>>(), [1.0, 2.0]);
    assert_eq!(series.start().as_second(), -240);
    for nothing in [&[][..], &[None, Some(NONE)]] {
        assert_eq!(Series::of(at, 60, nothing), None);
    }
    assert_eq!(Series::of(at, 0, &[Some(1.0)]), None, "it takes no time");

    let mut many = vec![Some(1.0); 10_000];
    many.push(Some(7.0));
    let long = Series {
        end: Timestamp::MIN,
        step_seconds: u32::MAX,
        points: many,
    };
    assert_eq!(long.start(), Timestamp::MIN, "no time is before it");
    let measured = Measurement {
        series: Some(long),
        ..Measurement::of("a", "", &[1.0]).expect("a number")
    };
    let Found::Measured { measurements, .. } = bounded(Found::Measured {
        measurements: vec![measured],
        link: None,
    })
    .found
    else {
        panic!("measurements stay measurements")
    };
    let kept = measurements[0].series.as_ref().expect("it has numbers");
    assert_eq!(
        (kept.points.len(), kept.points[POINTS_KEPT - 1]),
        (75, Some(7.0))
    );
}

#[test]
fn a_series_is_read_back_and_may_be_missing() {
    let series = Series::of(Timestamp::UNIX_EPOCH, 300, &[Some(0.1), None, Some(3e9)]);
    let measured = Measurement {
        series,
        ..Measurement::of("a", "", &[1.0]).expect("a number")
    };
    let text = serde_json::to_string(&measured).expect("JSON");
    assert_eq!(
        serde_json::from_str::<Measurement>(&text).expect("read"),
        measured
    );
    let older = r#"{"name":"a","value":1,"unit":"","least":1,"most":1,"trend":"stable"}"#;
    let older: Measurement = serde_json::from_str(older).expect("read");
    assert_eq!(older.series, None);
}
