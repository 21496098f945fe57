//! The page of alert quality: which rules call people for nothing, why that is said, and what to change.

use askama::Template;
use jiff::Timestamp;

use super::{Frame, Main};
use crate::alert_quality::Window;
use crate::app::App;
use crate::refusal::Refusal;
use crate::say::Say;
use crate::view::quality::{QualityView, RuleView};

#[derive(Template)]
#[template(path = "quality.html")]
struct QualityPage<'a> {
    say: Say,
    root: &'a str,
    view: &'a QualityView,
    /// The rules with something to change, and all.
    noisy: Vec<&'a RuleView>,
}

/// The quality of the alert rules over a week or a month.
///
/// # Errors
/// If a parameter is wrong, or the table does not answer.
pub(super) async fn quality(
    app: &App,
    frame: &Frame,
    query: &str,
    now: Timestamp,
) -> Result<Main, Refusal> {
    let quality = app.quality(Window::read(query)?, now).await?;
    let view = QualityView::of(&quality, frame.say);
    let page = QualityPage {
        say: frame.say,
        root: &frame.root,
        noisy: view.noisy().collect(),
        view: &view,
    };
    Main::of(frame.say.page("quality"), &page, false)
}
