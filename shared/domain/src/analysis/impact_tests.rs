//! Tests of the grounds in what was measured.

use jiff::Timestamp;

use super::grounds;
use crate::alert::AlertType;
use crate::analysis::evidence::{Evidence, Found, Measurement, Series, Source};
use crate::analysis::urgency::UrgencyBasis;
use crate::analysis::{Peers, Severity};

fn evidence(measurements: Vec<Measurement>) -> Vec<Evidence> {
    let found = Found::Measured {
        measurements,
        link: None,
    };
    vec![Evidence {
        source: Source::Prometheus,
        asked: "q".into(),
        at: Timestamp::UNIX_EPOCH,
        duration_ms: 1,
        found,
    }]
}

fn measured(name: &str, points: &[f64]) -> Measurement {
    Measurement::of(name, "", points).expect("numbers")
}

/// A value with a limit whose points are five minutes apart.
fn with_limit(limit: &str, points: &[f64]) -> Measurement {
    let kept: Vec<Option<f64>> = points.iter().copied().map(Some).collect();
    Measurement {
        limit: Some(limit.to_owned()),
        series: Series::of(Timestamp::UNIX_EPOCH, 300, &kept),
        ..measured("value", points)
    }
}

fn said(
    measurements: Vec<Measurement>,
    alert_type: AlertType,
) -> Vec<(UrgencyBasis, Severity, String)> {
    let found = grounds(&evidence(measurements), alert_type, None);
    found
        .into_iter()
        .map(|ground| (ground.basis, ground.level, ground.why.to_string()))
        .collect()
}

#[test]
fn share_of_failed_requests_is_the_impact() {
    let impact = |requests: &[f64], errors: &[f64]| {
        let both = vec![
            measured("request_rate", requests),
            measured("error_rate", errors),
        ];
        said(both, AlertType::Custom)
            .into_iter()
            .map(|(_, level, why)| (level, why))
            .next()
    };
    for (errors, level) in [
        (0.0, Severity::P3),
        (0.99, Severity::P3),
        (1.0, Severity::P2),
        (5.0, Severity::P1),
        (49.0, Severity::P1),
        (50.0, Severity::P0),
    ] {
        let (found, why) = impact(&[10.0, 10.0], &[0.0, errors]).expect("a ground");
        assert_eq!(found, level, "{errors}");
        assert!(why.ends_with("% of the requests fail"), "{why}");
    }
    let gone = impact(&[10.0, 0.0], &[0.0, 0.0]);
    assert_eq!(
        gone,
        Some((Severity::P1, "no requests arrive any more".to_owned()))
    );
    assert_eq!(impact(&[0.0, 0.0], &[0.0, 0.0]), None, "it never had any");
}

#[test]
fn healthy_members_of_its_group_are_the_redundancy_left() {
    let with = |members, healthy| {
        let peers = Peers {
            group: "edge".into(),
            members,
            healthy,
        };
        let found = grounds(&[], AlertType::Custom, Some(&peers));
        found
            .first()
            .map(|ground| (ground.level, ground.why.to_string()))
    };
    let words = |healthy| format!("{healthy} of 2 others in edge answer");
    assert_eq!(with(2, 2), Some((Severity::P2, words(2))));
    assert_eq!(with(2, 0), Some((Severity::P1, words(0))));
    assert_eq!(with(0, 0), None);
}

#[test]
fn trend_of_a_file_system_is_the_time_left() {
    let by = |limit: &str, points: &[f64]| {
        let found = said(vec![with_limit(limit, points)], AlertType::DiskFull);
        found.into_iter().map(|(_, level, why)| (level, why)).next()
    };
    let falling = |per_step: f64, last: f64| -> Vec<f64> {
        (0..12)
            .rev()
            .map(|at| last + per_step * f64::from(at))
            .collect()
    };
    let left = |time: &str| format!("it runs out in {time}");
    let cases = [
        // 12 steps an hour.
        ("< 15", falling(1.0, 6.0), Severity::P0, left("30m")),
        ("< 15", falling(0.5, 12.0), Severity::P1, left("2 h")),
        ("< 0.15", falling(0.000_5, 0.12), Severity::P2, left("20 h")),
        ("< 15", falling(0.01, 14.0), Severity::P3, left("4 d")),
        (
            "< 15",
            falling(0.0, 14.0),
            Severity::P3,
            "it does not become less".to_owned(),
        ),
        (
            "< 15",
            falling(-0.5, 14.0),
            Severity::P3,
            "it does not become less".to_owned(),
        ),
        (
            "< 15",
            falling(1.0, 0.0),
            Severity::P0,
            "it has run out".to_owned(),
        ),
        ("> 85", falling(-1.0, 94.0), Severity::P0, left("30m")),
        ("> 0.85", falling(-0.01, 0.94), Severity::P0, left("30m")),
    ];
    for (limit, points, level, why) in cases {
        assert_eq!(by(limit, &points), Some((level, why)), "{limit} {points:?}");
    }
    // Bytes that are used end nowhere that is known, and five points are no trend.
    assert_eq!(by("> 1000000", &falling(-1.0, 2e6)), None);
    assert_eq!(by("< 15", &[9.0, 8.0, 7.0, 6.0, 5.0]), None);
    let other = said(
        vec![with_limit("< 15", &falling(1.0, 6.0))],
        AlertType::HighCpu,
    );
    assert_eq!(other, [], "the value of another type means something else");
}

#[test]
fn time_until_a_certificate_ends_is_its_value() {
    let by = |limit: &str, value: f64| {
        let found = said(vec![with_limit(limit, &[value])], AlertType::SslExpiry);
        found.into_iter().map(|(_, level, why)| (level, why)).next()
    };
    let cases = [
        (
            "< 20",
            10.0,
            Some((Severity::P3, "it runs out in 10 d".to_owned())),
        ),
        (
            "< 20",
            2.0,
            Some((Severity::P2, "it runs out in 2 d".to_owned())),
        ),
        (
            "< 1728000",
            7_200.0,
            Some((Severity::P1, "it runs out in 2 h".to_owned())),
        ),
        (
            "<= 0",
            -3.0,
            Some((Severity::P0, "it has run out".to_owned())),
        ),
        ("> 20", 10.0, None),
    ];
    for (limit, value, expected) in cases {
        assert_eq!(by(limit, value), expected, "{limit} {value}");
    }
}
