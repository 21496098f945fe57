//! Tests of the alert's own series: kept with its gaps, and never in the way of the value.

use domain::alert::Alert;
use domain::analysis::evidence::{Found, Measurement};
use loopback::{Reply, Request, Server, answer as reply};
use serde_json::{Value, json};

use super::{at, look, matrix, server};
use crate::evidence::stand_in::alert;

/// A server that knows two series: their last hours in the steps of a chart, and else the newest value alone.
fn two_series(hours: impl Fn() -> Reply + Send + Sync + 'static) -> Server {
    Server::start(move |request: &Request, _| {
        if request.text().contains("step=300") {
            return hours();
        }
        let series = |host: &str, value: &str| {
            let metric = json!({ "__name__": "load", "host": host });
            json!({ "metric": metric, "values": [[1_772_366_400, value]] })
        };
        let both = json!([series("a", "1"), series("b", "NaN"), series("c", "9")]);
        reply(200, &[("content-type", "application/json")], matrix(&both))
    })
}

/// What is measured of the value of an alert about a host, with its series.
async fn charted(stand_in: &Server, host: &str) -> Vec<Measurement> {
    let alert = Alert {
        generator_url: Some(format!(
            "{}/graph?g0.expr=load+%3E+5&g0.tab=1",
            stand_in.url
        )),
        ..alert(&[("host", host)])
    };
    let mut evidence = look(&server(&stand_in.url, &[("other", "load")]), &alert).await;
    let [whole, value, other] = evidence.as_mut_slice() else {
        panic!("{evidence:?}")
    };
    for without in [whole, other] {
        let Found::Measured { measurements, .. } = &without.found else {
            panic!("{without:?}")
        };
        assert!(
            measurements.iter().all(|one| one.series.is_none()),
            "{measurements:?}"
        );
    }
    let Found::Measured { measurements, .. } = &mut value.found else {
        panic!("{value:?}")
    };
    std::mem::take(measurements)
}

#[tokio::test]
async fn the_alerts_own_series_is_kept_with_its_gaps() {
    let hours = || {
        let points = json!([
            [1_772_344_800, "4"],
            [1_772_345_400.02, "5"],
            [1_772_345_700, "+Inf"],
            [1_772_366_400, "9"],
            [1_772_366_700, "1000"],
            [1_772_345_250, "2000"]
        ]);
        let series = |host: &str, points: &Value| json!({ "metric": { "__name__": "load", "host": host }, "values": points });
        let all = json!([
            series("a", &json!([[1_772_366_400, "1"]])),
            series("c", &points)
        ]);
        reply(200, &[("content-type", "application/json")], matrix(&all))
    };
    let measurements = charted(&two_series(hours), "c").await;
    let series = measurements[0].series.as_ref().expect("it has a chart");
    assert_eq!(
        (series.end, series.step_seconds, series.points.len()),
        (at(), 300, 73)
    );
    let mut expected = vec![None; 73];
    (expected[0], expected[2], expected[72]) = (Some(4.0), Some(5.0), Some(9.0));
    assert_eq!(
        series.points, expected,
        "what was not asked for is no point"
    );
    assert!(measurements[1..].iter().all(|other| other.series.is_none()));

    // The newest value of `b` is no number: what is measured first is another series, and the chart is that one's.
    let measurements = charted(&two_series(hours), "b").await;
    assert!(measurements[0].name.contains("host=a"), "{measurements:?}");
    let series = measurements[0].series.as_ref().expect("it has a chart");
    assert_eq!(series.values().collect::<Vec<_>>(), [1.0]);
}

#[tokio::test]
async fn a_chart_that_fails_takes_nothing_from_the_value() {
    let json = [("content-type", "application/json")];
    let replies: [fn() -> Reply; 4] = [
        || {
            reply(
                422,
                &[],
                r#"{"status":"error","errorType":"execution","error":"too many samples"}"#,
            )
        },
        || reply(200, &[], "<html>"),
        || Reply::Silent(Vec::new()),
        || Reply::Cut(Vec::new()),
    ];
    for hours in replies {
        let measurements = charted(&two_series(hours), "c").await;
        assert_eq!(
            (measurements[0].value, &measurements[0].series),
            (9.0, &None)
        );
    }
    let strangers = json!([{ "metric": { "host": "c" }, "values": [[1_772_366_400, "9"]] }]);
    let strangers = move || reply(200, &json, matrix(&strangers));
    let measurements = charted(&two_series(strangers), "c").await;
    assert_eq!(
        measurements[0].series, None,
        "it is the same series or none"
    );
}
