//! The samples with which `quell check` renders templates: views of incidents, one on a line.

use std::path::Path;

use domain::analysis::evidence::Measurement;
use domain::notification::outbox;
use jiff::civil::date;
use notifier::render::view::Names;
use notifier::render::view::chart::ChartCaption;
use notifier::render::view::details::Details;
use notifier::render::view::history::History;
use notifier::render::view::incident::{Card, Pipeline};
use notifier::render::view::notices::{Budget, Escalation, Notice, Trouble};
use notifier::render::view::pipeline_run::{PipelineRunNoticeView, PipelineRunView};
use serde::Serialize;

mod samples;

fn line(view: &impl Serialize) -> String {
    serde_json::to_string(view).expect("JSON")
}

/// The views of each template.
fn views() -> [(&'static str, Vec<String>); 12] {
    let names = Names::default();
    let mut cards = samples::incidents();
    cards.push(samples::storm().incident);
    let card = |incident| line(&Card::of(incident, Some(incident.opened_at), names));
    let cards: Vec<String> = cards.iter().map(card).collect();
    let waiting = samples::half_approved();
    let incident = &waiting.incident;
    let (run, people) = (
        samples::pipeline_run(),
        ["ada".to_owned(), "mira".to_owned()],
    );
    let budget = Budget::of(date(2026, 11, 22), &samples::spending());
    let details = Details::of(incident, &waiting.entries, 20, names);
    let history = History::of(incident, &samples::earlier(), 15, names);
    let notices = samples::notices();
    let notices = notices
        .iter()
        .map(|(incident, notice)| line(&Notice::of(incident, notice, names)));
    let charted = samples::charted().incident;
    let (measurement, series) =
        domain::analysis::evidence::charted(&charted.evidence).expect("a chart");
    let bare = Measurement {
        limit: None,
        ..measurement.clone()
    };
    let captions =
        [measurement, &bare].map(|measurement| line(&ChartCaption::of(measurement, series)));
    let troubles = [
        outbox::Trouble::ChannelRefuses("payments".to_owned()),
        outbox::Trouble::ChannelUnreachable("payments".to_owned()),
        outbox::Trouble::NoRoute,
        outbox::Trouble::NoApprover,
    ];
    [
        ("chart", captions.to_vec()),
        ("budget", vec![line(&budget)]),
        ("details", vec![line(&details)]),
        (
            "escalation",
            vec![line(&Escalation::of(incident, &people, names))],
        ),
        ("pipeline_run", vec![line(&PipelineRunView::of(&run))]),
        (
            "pipeline_run_notice",
            vec![line(&PipelineRunNoticeView::of(&run, &run.failed()))],
        ),
        ("history", vec![line(&history)]),
        ("incident", cards.clone()),
        ("notice", notices.collect()),
        (
            "pipeline",
            vec![line(&Pipeline::of(&samples::pipeline().incident))],
        ),
        ("storm", cards),
        (
            "trouble",
            troubles.map(|trouble| line(&Trouble::of(&trouble))).into(),
        ),
    ]
}

#[test]
fn samples_of_the_check_are_views_of_incidents() {
    let kinds = views().map(|(kind, views)| format!("{kind:?}: [\n{}\n]", views.join(",\n")));
    let made = format!("{{\n{}\n}}\n", kinds.join(",\n"));
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("templates/samples.json");
    if std::fs::read_to_string(&path).is_ok_and(|kept| kept == made) {
        return;
    }
    let new = path.with_extension("json.new");
    std::fs::write(&new, made).expect("written");
    panic!(
        "the views have changed: move {} to {}",
        new.display(),
        path.display()
    );
}
