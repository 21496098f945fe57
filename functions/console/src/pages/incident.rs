//! The page of one incident, and that of a storm.

use askama::Template;
use domain::analysis::evidence::{Found, figure};
use domain::analysis::price::dollars;
use domain::incident::response::{CloseReason, SNOOZE_MINUTES};
use domain::incident::{Incident, Status};
use domain::primitives::safe_text::line;

use super::{Frame, Main};
use crate::api::{self, StormView};
use crate::app::App;
use crate::refusal::Refusal;
use crate::say::{Moment, Say};
use crate::view::entry::EntryView;
use crate::view::incident::IncidentView;
use crate::view::summary::Summary;

/// How many earlier incidents of the same alert are listed.
const EARLIER: u32 = 8;
/// How many entries of a log are shown, the newest, and how many outputs of steps: the API has all.
const ENTRIES_SHOWN: usize = 500;
const OUTPUTS_SHOWN: usize = 40;
/// How much of what was asked for an analysis is shown.
const ASKED_CHARACTERS: usize = 200;

#[derive(Template)]
#[template(path = "incident.html")]
struct IncidentPage<'a> {
    say: Say,
    root: &'a str,
    incident: IncidentView,
    entries: Vec<EntryView>,
    /// How many entries came before those.
    entries_before: usize,
    earlier: Vec<Summary>,
    people: Vec<&'a str>,
    acts: Acts,
}

/// What the reader may do here.
struct Acts {
    /// True if a session may act at all.
    any: bool,
    /// The way to why not, where it is not so.
    why_not: Option<&'static str>,
    reopen: bool,
    /// True if Alertmanager sent it in a group, on all of which one may act at once.
    in_group: bool,
}

/// The page of an incident.
///
/// # Errors
/// If there is none, or the table does not answer.
pub(super) async fn incident(app: &App, frame: &Frame, id: &str) -> Result<Main, Refusal> {
    let incident = api::known(app, id).await?;
    let channels = app.channels()?;
    let past = async {
        let past = app
            .store
            .past(&incident.fingerprint, &incident.id, EARLIER)
            .await?;
        Ok::<_, Refusal>(past)
    };
    let (entries, past) = tokio::try_join!(api::entries(app, &incident.id), past)?;
    let entries_before = entries.len().saturating_sub(ENTRIES_SHOWN);
    let entries = entries.into_iter().skip(entries_before).collect();
    let view = IncidentView::of(&incident, channels, frame.say);
    let title = format!("{} {}", view.summary.severity, view.summary.name);
    let earlier = past
        .incidents
        .iter()
        .map(|past| Summary::of(past, channels));
    let page = IncidentPage {
        say: frame.say,
        root: &frame.root,
        acts: Acts::of(app, frame, &incident)?,
        entries_before,
        entries,
        earlier: earlier.collect(),
        people: channels.people.keys().map(String::as_str).collect(),
        incident: view,
    };
    Main::of(title, &page, moves(&incident))
}

impl Acts {
    fn of(app: &App, frame: &Frame, incident: &Incident) -> Result<Self, Refusal> {
        let why_not = if !frame.may_decide {
            Some("look_only")
        } else if app.knows(&frame.person)? {
            None
        } else {
            Some("not_of_the_people")
        };
        Ok(Self {
            any: why_not.is_none(),
            why_not,
            reopen: incident.status == Status::Closed,
            in_group: incident.alert.alert_group().is_some(),
        })
    }
}

impl IncidentPage<'_> {
    fn turns(&self) -> impl Iterator<Item = &EntryView> {
        self.entries.iter().filter(|entry| entry.is_turn)
    }

    fn outputs(&self) -> Vec<(&EntryView, String)> {
        let outputs = self.entries.iter().rev();
        let outputs = outputs.filter_map(|entry| Some((entry, entry.output()?)));
        let mut newest: Vec<_> = outputs.take(OUTPUTS_SHOWN).collect();
        newest.reverse();
        newest
    }

    fn reasons(&self) -> [&'static str; 3] {
        CloseReason::VARIANTS.map(CloseReason::as_str)
    }

    /// Where the alert comes from, next to a plan of which the registry does not say where its service lives: whoever decides has to
    /// compare the two.
    fn origin(&self) -> String {
        let (say, one) = (self.say, &self.incident.summary);
        let from = |value: &Option<String>, key, name, none| match value {
            Some(value) => say.filled(key, &[(name, value)]),
            None => say.filled(none, &[]),
        };
        let target = self.incident.plan.as_ref().map_or("", |plan| &plan.target);
        [
            say.filled("unscoped", &[("plan_target", target)]),
            from(
                &one.cluster,
                "from_cluster",
                "alert_cluster",
                "from_no_cluster",
            ),
            ", ".to_owned(),
            from(
                &one.namespace,
                "from_namespace",
                "alert_namespace",
                "from_no_namespace",
            ),
        ]
        .concat()
    }

    /// Where responders' actions go.
    fn respond(&self) -> String {
        format!(
            "{}api/v1/incidents/{}/respond",
            self.root, self.incident.summary.id
        )
    }

    fn snooze_most(&self) -> u32 {
        SNOOZE_MINUTES
    }

    fn figure(&self, value: &f64) -> String {
        figure(*value)
    }

    fn price(&self) -> Option<String> {
        let price = self.incident.analysis.as_ref()?.price_micro_usd;
        (price > 0).then(|| dollars(price))
    }

    /// What was asked for the analysis, and what came back, in a line each.
    fn asked(&self) -> Vec<(&'static str, String, String)> {
        let evidence = self.incident.evidence.iter();
        let asked = evidence.map(|piece| {
            let found = match &piece.found {
                Found::Measured { measurements, .. } => {
                    self.say.counted("n_measurements", measurements.len())
                }
                Found::Known { facts } => {
                    let facts = facts.iter().map(ToString::to_string);
                    facts.collect::<Vec<_>>().join(" · ")
                }
                Found::Nothing => self.say.page("nothing_found").to_owned(),
                Found::Failed { why } => format!("{} {why}", self.say.page("no_answer")),
            };
            let source = self.say.word("source", piece.source.as_str());
            (
                source,
                line(&piece.asked.to_string(), ASKED_CHARACTERS),
                found,
            )
        });
        asked.collect()
    }

    fn moment(&self, at: &jiff::Timestamp) -> Moment {
        Moment(*at)
    }
}

/// True while Quell is at work on it, or waits for people who may answer any moment.
fn moves(incident: &Incident) -> bool {
    matches!(
        incident.status,
        Status::Open
            | Status::AwaitingApproval
            | Status::Approved
            | Status::Repairing
            | Status::Repaired
    )
}

#[derive(Template)]
#[template(path = "storm.html")]
struct StormPage<'a> {
    say: Say,
    root: &'a str,
    view: StormView,
}

/// The page of a storm: its incidents, those that are open first.
///
/// # Errors
/// If there is no such storm, or the table does not answer.
pub(super) async fn storm(app: &App, frame: &Frame, id: &str) -> Result<Main, Refusal> {
    let view = api::storm(app, id).await?;
    let moves = view.storm.open;
    let page = StormPage {
        say: frame.say,
        root: &frame.root,
        view,
    };
    Main::of(frame.say.page("storm"), &page, moves)
}
