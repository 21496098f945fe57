//! Tests of whole charts: what is in them, whatever the points are.

use domain::analysis::evidence::{Comparison, Series, Threshold};
use domain::primitives::local_time::Zone;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::{Just, any, prop_assert, prop_assert_eq, prop_oneof, proptest};
use roxmltree::Document;

use super::{Chart, HEIGHT, WIDTH};

fn end() -> Timestamp {
    "2026-11-22T03:14:00Z".parse().expect("a time")
}

fn series(points: &[Option<f64>]) -> Series {
    Series {
        end: end(),
        step_seconds: 300,
        points: points.to_vec(),
    }
}

fn above(value: f64) -> Option<Threshold> {
    Some(Threshold {
        comparison: Comparison::Above,
        value,
    })
}

/// The texts of a chart in their order.
fn texts(svg: &str) -> Vec<String> {
    let document = Document::parse(svg).expect("well-formed");
    let is_text = |node: &roxmltree::Node<'_, '_>| node.has_tag_name("text");
    let texts = document.descendants().filter(is_text);
    texts
        .map(|node| node.text().unwrap_or_default().to_owned())
        .collect()
}

#[test]
fn a_chart_is_drawn_as_it_was_looked_at() {
    let points = [Some(40.0), Some(60.0), None, Some(80.0), Some(97.2)];
    let zone = Zone::try_from("Asia/Taipei".to_owned()).expect("a zone");
    let chart = Chart {
        series: &series(&points),
        threshold: above(90.0),
        unit: "%",
        began: Some(end() - SignedDuration::from_mins(3)),
        zone: Some(&zone),
    };
    insta::assert_snapshot!(chart.svg().expect("a chart"));
}

#[test]
fn texts_are_values_times_and_the_zone() {
    let series = series(&[Some(12.0), Some(13.0)]);
    let chart = Chart {
        series: &series,
        threshold: above(12.5),
        unit: "<b>",
        began: Some(end()),
        zone: None,
    };
    let svg = chart.svg().expect("a chart");
    let found = texts(&svg);
    assert!(
        found[0].ends_with("<b>") && svg.contains("&lt;b&gt;"),
        "{svg}"
    );
    for text in ["UTC", "03:14", "12.5<b>", "13<b>"] {
        assert!(found.iter().any(|found| found == text), "{text}: {found:?}");
    }
    // Before the window nothing is marked.
    let chart = Chart {
        began: Some(end() - SignedDuration::from_hours(7)),
        ..chart
    };
    let marks = |svg: &str| svg.matches("m-6 -9").count();
    assert_eq!((marks(&svg), marks(&chart.svg().expect("a chart"))), (1, 0));
}

#[test]
fn the_side_that_fires_is_shaded() {
    let series = series(&[Some(1.0), Some(3.0), Some(1.0)]);
    let drawn = |comparison| {
        let threshold = Some(Threshold {
            comparison,
            value: 2.0,
        });
        let chart = Chart {
            series: &series,
            threshold,
            unit: "",
            began: None,
            zone: None,
        };
        let svg = chart.svg().expect("a chart");
        let area = svg
            .lines()
            .find(|line| line.contains("fill-opacity=\"0.75\""))
            .map(str::to_owned);
        (
            area,
            svg.matches("stroke=\"#dc2626\" stroke-width=\"3\"").count(),
        )
    };
    let (above, firing) = drawn(Comparison::Above);
    assert!(above.is_some_and(|area| area.contains("y=\"34.0\"")));
    assert_eq!(
        firing, 1,
        "the top of the line is in the colour of the alert"
    );
    let (below, firing) = drawn(Comparison::Below);
    assert!(below.is_some_and(|area| !area.contains("y=\"34.0\"")));
    assert_eq!(firing, 2, "both of its ends are");
    assert_eq!(drawn(Comparison::Equal), (None, 0));
    assert_eq!(drawn(Comparison::NotEqual), (None, 1));
}

#[test]
fn without_a_value_there_is_no_chart() {
    for points in [
        &[][..],
        &[None, None],
        &[Some(f64::NAN), Some(f64::INFINITY), None],
    ] {
        let series = series(points);
        let chart = Chart {
            series: &series,
            threshold: above(1.0),
            unit: "",
            began: None,
            zone: None,
        };
        assert_eq!(chart.svg(), None, "{points:?}");
    }
}

#[test]
fn one_value_alone_is_a_point() {
    for points in [&[Some(7.0)][..], &[None, Some(7.0), None]] {
        let series = series(points);
        let chart = Chart {
            series: &series,
            threshold: None,
            unit: "",
            began: None,
            zone: None,
        };
        let svg = chart.svg().expect("a chart");
        assert_eq!(
            svg.matches("<circle").count(),
            2,
            "a dot and its ring: {svg}"
        );
    }
}

/// Every number of an attribute, but for the colours.
fn numbers(node: roxmltree::Node<'_, '_>) -> Vec<f64> {
    let attributes = node.attributes().filter(|attribute| {
        ["x", "y", "cx", "cy", "width", "height", "d", "r"].contains(&attribute.name())
    });
    let split = |c: char| !(c.is_ascii_digit() || c == '.' || c == '-');
    attributes
        .flat_map(|attribute| attribute.value().split(split))
        .filter(|text| !text.is_empty())
        .map(|text| text.parse().expect("a number"))
        .collect()
}

fn value() -> impl proptest::strategy::Strategy<Value = f64> {
    prop_oneof![
        any::<f64>(),
        -1e3..1e3_f64,
        0.0..1e-5_f64,
        Just(0.0),
        Just(f64::MAX),
        Just(f64::MIN),
        Just(f64::MIN_POSITIVE),
        Just(5e-324),
    ]
}

proptest! {
    #[test]
    fn any_points_come_to_a_chart_in_its_frame(
        points in proptest::collection::vec(proptest::option::of(value()), 0..80),
        level in proptest::option::of(value()),
        limit in proptest::option::of(value()),
        comparison in prop_oneof![Just(Comparison::Above), Just(Comparison::Below), Just(Comparison::Equal), Just(Comparison::NotEqual)],
        unit in "\\PC{0,8}",
        step in 1..100_000_u32,
        began in -100_000..1_000_i64,
    ) {
        let points: Vec<Option<f64>> = points.iter().map(|point| point.and(level).or(*point)).collect();
        let series = Series { step_seconds: step, ..series(&points) };
        let chart = Chart {
            series: &series,
            threshold: limit.filter(|limit| limit.is_finite()).map(|value| Threshold { comparison, value }),
            unit: &unit,
            began: Some(end() + SignedDuration::from_secs(began)),
            zone: None,
        };
        let svg = chart.svg();
        prop_assert_eq!(svg.is_some(), series.values().next().is_some());
        if let Some(svg) = svg {
            prop_assert!(svg.len() < 20_000, "{}", svg.len());
            let document = Document::parse(&svg).expect("well-formed");
            for node in document.descendants().filter(|node| node.is_element()) {
                for number in numbers(node) {
                    prop_assert!((-9.0..=f64::from(WIDTH.max(HEIGHT))).contains(&number), "{number} in {svg}");
                }
            }
            let texts = texts(&svg);
            prop_assert!(texts.len() <= 24 && texts.iter().all(|text| !text.contains("NaN") && !text.contains("inf")), "{:?}", texts);
        }
    }
}
