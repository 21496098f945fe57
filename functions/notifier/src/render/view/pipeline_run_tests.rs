//! Tests of the card of a pipeline run.

use std::path::Path;

use domain::notification::channels::Language;
use domain::notification::pipeline_run::{PipelineRun, STAGES_KEPT, Stage, State};
use domain::primitives::id::IncidentId;
use jiff::Timestamp;

use crate::render::content::Content;
use crate::render::markup::MESSAGE_UNITS;
use crate::render::templates::Templates;

fn id() -> IncidentId {
    IncidentId::try_from("01ARZ3NDEKTSV4RRFFQ69G5FAV").expect("a ULID")
}

fn stage(name: &str, state: State, message: &str) -> Stage {
    Stage {
        name: name.into(),
        state,
        message: message.into(),
        incident_id: id(),
        at: Timestamp::UNIX_EPOCH,
    }
}

fn render(run: &PipelineRun) -> Content {
    Templates::load(Path::new("/nowhere")).pipeline_run(Language::English, run)
}

fn pipeline_run(text: &str, stages: Vec<Stage>) -> PipelineRun {
    let text = || text.to_owned();
    PipelineRun {
        name: text(),
        commit: text(),
        by: text(),
        url: text(),
        stages,
        left_out: 0,
        newest: id(),
    }
}

#[test]
fn a_run_is_a_title_a_line_of_stages_and_where_to_look() {
    let stages = vec![
        stage("build", State::Passed, "built"),
        stage("test", State::Ended, "tests run"),
        stage(
            "deploy (production)",
            State::Running,
            "checkout is being deployed",
        ),
    ];
    let run = PipelineRun {
        name: "checkout".into(),
        commit: "4f0c2d9".into(),
        by: "mira".into(),
        url: "https://ci.test/5120?a=1&b=2".into(),
        ..pipeline_run("", stages)
    };
    let card = render(&run);
    assert_eq!(
        card.text.telegram(),
        "🚀 <b>checkout</b> 4f0c2d9 by mira\n✅ build · ☑️ test · ⏳ deploy (production)\nhttps://ci.test/5120?a=1&amp;b=2\n\
         <code>01ARZ3NDEKTSV4RRFFQ69G5FAV</code>"
    );
    assert!(card.buttons.is_empty());
}

#[test]
fn a_failed_stage_says_why_and_what_is_not_told_leaves_no_gap() {
    let run = PipelineRun {
        name: "checkout".into(),
        ..pipeline_run("", vec![stage("test", State::Failed, "2 tests < 3 failed")])
    };
    let told = "🚀 <b>checkout</b>\n❌ test\ntest: 2 tests &lt; 3 failed\n<code>01ARZ3NDEKTSV4RRFFQ69G5FAV</code>";
    assert_eq!(render(&run).text.telegram(), told);
}

#[test]
fn hostile_run_of_a_pipeline_fits_a_telegram_message() {
    for text in [
        "<".repeat(60),
        "🔥".repeat(60),
        "</b><a href='https://evil.test'>".repeat(2),
    ] {
        let stages = (0..STAGES_KEPT)
            .map(|_| stage(&text, State::Failed, &text.repeat(3)))
            .collect();
        let run = PipelineRun {
            url: text.repeat(5),
            left_out: usize::MAX,
            ..pipeline_run(&text, stages)
        };
        let shown = render(&run).text;
        assert!(shown.units() <= MESSAGE_UNITS, "{}", shown.units());
        let html = shown.telegram();
        assert!(
            html.contains(" more") || html.ends_with('…'),
            "nobody takes it for the whole: {html}"
        );
        assert!(
            html.matches("</b>").count() == 1 && !html.contains("<a"),
            "{html}"
        );
    }
}
