//! Health of Quell itself: what it can say from its tables, as lines with a state, a reason and where to read on. What only CloudWatch
//! knows, such as the age of queues, has alarms and a dashboard.

mod check;
mod checks;
mod facts;

use domain::notification::channels::Channels;
use jiff::Timestamp;
use serde::Serialize;

use crate::app::App;
use crate::refusal::Refusal;
use crate::say::{Moment, Say};

pub(crate) use self::check::{Check, State};

/// Quell's health.
#[derive(Debug)]
pub(crate) struct Health {
    /// How many incidents are open, and how many of the newest were looked at; none where they could not be read.
    pub(crate) open: Option<(u64, usize)>,
    pub(crate) repairs_switched_off: bool,
    pub(crate) checks: Vec<Check>,
}

/// A check, as pages and the API show it.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct CheckView {
    /// What was checked.
    pub(crate) check: &'static str,
    /// Which channel or sender, where there are several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) about: Option<String>,
    /// `good`, `look` or `bad`.
    pub(crate) state: &'static str,
    pub(crate) why: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) since: Option<Timestamp>,
    /// The incidents that it is about.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) incidents: Vec<String>,
    /// The section of docs/operations.md that says what to do.
    pub(crate) section: &'static str,
    #[serde(skip)]
    pub(crate) title: &'static str,
    #[serde(skip)]
    pub(crate) mark: State,
}

impl Health {
    /// Reads and judges it.
    ///
    /// # Errors
    /// If a table does not answer or a file of the operator cannot be read: the log has it.
    pub(crate) async fn read(
        app: &App,
        channels: &Channels,
        now: Timestamp,
    ) -> Result<Self, Refusal> {
        let facts = facts::read(app, channels, now).await?;
        Ok(Self {
            open: facts
                .work
                .as_ref()
                .ok()
                .map(|work| (work.open, work.looked_at)),
            repairs_switched_off: facts.switched_off.is_some(),
            checks: checks::checks(&facts),
        })
    }

    /// The worst state of all.
    pub(crate) fn state(&self) -> State {
        let states = self.checks.iter().map(|check| check.state);
        states.max().unwrap_or(State::Good)
    }

    /// The checks in the reader's language.
    pub(crate) fn said(&self, say: Say) -> Vec<CheckView> {
        self.checks
            .iter()
            .map(|check| CheckView::of(check, say))
            .collect()
    }
}

impl CheckView {
    fn of(check: &Check, say: Say) -> Self {
        Self {
            check: check.kind.as_str(),
            about: check.about.clone(),
            state: check.state.as_str(),
            why: say.sentence(&check.why),
            since: check.since,
            incidents: check.incidents.iter().map(ToString::to_string).collect(),
            section: check.kind.section(),
            title: check.kind.title(),
            mark: check.state,
        }
    }

    pub(crate) fn began(&self) -> Option<Moment> {
        self.since.map(Moment)
    }
}

/// `GET /api/v1/health`.
///
/// # Errors
/// If a table does not answer or a file of the operator cannot be read.
pub(crate) async fn answer(app: &App, now: Timestamp) -> Result<serde_json::Value, Refusal> {
    let health = Health::read(app, app.channels()?, now).await?;
    Ok(serde_json::json!({
        // It answers: what there is to say of Quell itself is `state`.
        "status": "healthy", "service": "quell", "version": env!("CARGO_PKG_VERSION"),
        "state": health.state().as_str(), "checks": health.said(Say::ENGLISH),
        "open_incidents": health.open.map(|(open, _)| open),
        "looked_at": health.open.map(|(_, looked_at)| looked_at),
        "repairs_switched_off": health.repairs_switched_off,
    }))
}
