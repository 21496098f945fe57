//! The page of Quell's own health.

use std::cmp::Reverse;

use askama::Template;
use jiff::Timestamp;

use super::{Frame, Main};
use crate::app::App;
use crate::health::{CheckView, Health, State};
use crate::refusal::Refusal;
use crate::say::Say;

#[derive(Template)]
#[template(path = "health.html")]
struct HealthPage<'a> {
    say: Say,
    root: &'a str,
    state: State,
    open: Option<(u64, usize)>,
    /// The worst first.
    checks: Vec<CheckView>,
    dashboard: Option<&'a str>,
    documents: Option<&'a str>,
}

/// What a person on call has to know about Quell itself.
///
/// # Errors
/// If a table does not answer, or a file of the operator cannot be read.
pub(super) async fn health(app: &App, frame: &Frame, now: Timestamp) -> Result<Main, Refusal> {
    let health = Health::read(app, app.channels()?, now).await?;
    let mut checks = health.said(frame.say);
    // Those of one state stay in their order.
    checks.sort_by_key(|check| Reverse(check.mark));
    let (dashboard, documents) = app.links();
    let page = HealthPage {
        say: frame.say,
        root: &frame.root,
        state: health.state(),
        open: health.open,
        checks,
        dashboard,
        documents,
    };
    Main::of(frame.say.page("health"), &page, false)
}
