//! Pages of lists: the history with its search, repairs, and playbooks.

use askama::Template;
use domain::incident::Status;
use jiff::Timestamp;

use super::{Frame, Main};
use crate::api;
use crate::app::App;
use crate::filter::Filter;
use crate::refusal::Refusal;
use crate::say::Say;
use crate::view::playbook::PlaybookView;
use crate::view::repairs::RepairsView;
use crate::view::summary::Summary;

#[derive(Template)]
#[template(path = "history.html")]
struct HistoryPage<'a> {
    say: Say,
    root: &'a str,
    form: Form,
    teams: Vec<&'a str>,
    incidents: Vec<Summary>,
    looked_at: usize,
    /// The query string of the next page.
    next: Option<String>,
}

/// What the search form has in its fields.
#[derive(Debug, Default)]
struct Form {
    fields: Vec<(String, String)>,
}

impl Form {
    fn read(query: &str) -> Self {
        let fields = form_urlencoded::parse(query.as_bytes()).into_owned();
        Self {
            fields: fields.filter(|(_, value)| !value.is_empty()).collect(),
        }
    }

    fn value(&self, name: &str) -> &str {
        let field = self.fields.iter().find(|(known, _)| known == name);
        field.map(|(_, value)| value.as_str()).unwrap_or_default()
    }

    fn is(&self, name: &str, value: &str) -> bool {
        self.value(name) == value
    }

    /// The same search behind a page.
    fn behind(&self, cursor: &str) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        let fields = self.fields.iter().filter(|(name, _)| name != "cursor");
        query.extend_pairs(fields);
        query.append_pair("cursor", cursor).finish()
    }
}

/// The history: a search in all incidents whose address is a permalink.
///
/// # Errors
/// If a parameter is wrong, or the table does not answer.
pub(super) async fn history(
    app: &App,
    frame: &Frame,
    query: &str,
    now: Timestamp,
) -> Result<Main, Refusal> {
    let filter = Filter::read(query)?;
    let (page, incidents) = api::list(app, &filter, now).await?;
    let form = Form::read(query);
    let page = HistoryPage {
        say: frame.say,
        root: &frame.root,
        teams: app
            .channels()?
            .duty
            .teams
            .keys()
            .map(String::as_str)
            .collect(),
        incidents,
        looked_at: page.looked_at,
        next: page.next.map(|id| form.behind(id.as_str())),
        form,
    };
    Main::of(frame.say.page("history"), &page, false)
}

impl HistoryPage<'_> {
    fn statuses(&self) -> impl Iterator<Item = &'static str> {
        Status::VARIANTS.into_iter().map(Status::as_str)
    }

    fn severities(&self) -> [&'static str; 4] {
        ["P0", "P1", "P2", "P3"]
    }
}

#[derive(Template)]
#[template(path = "repairs.html")]
struct RepairsPage<'a> {
    say: Say,
    root: &'a str,
    view: RepairsView,
}

/// Repairs: what runs, which hosts and groups are taken, and what keeps repairs from running.
///
/// # Errors
/// If a table does not answer, or the operator's files cannot be read.
pub(super) async fn repairs(app: &App, frame: &Frame, now: Timestamp) -> Result<Main, Refusal> {
    let view = api::repairs(app, now).await?;
    let moves = !view.running.is_empty();
    let page = RepairsPage {
        say: frame.say,
        root: &frame.root,
        view,
    };
    Main::of(frame.say.page("repairs"), &page, moves)
}

#[derive(Template)]
#[template(path = "playbooks.html")]
struct PlaybooksPage {
    say: Say,
    playbooks: Vec<PlaybookView>,
}

/// Playbooks with their records.
///
/// # Errors
/// If the table does not answer, or the operator's files cannot be read.
pub(super) async fn playbooks(app: &App, frame: &Frame) -> Result<Main, Refusal> {
    let page = PlaybooksPage {
        say: frame.say,
        playbooks: api::playbooks(app).await?,
    };
    Main::of(frame.say.page("playbooks"), &page, false)
}
