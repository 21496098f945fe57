//! Reads of the API: incidents, storms, repairs, playbooks, alert quality and statistics, as JSON and for the pages.

use domain::incident::Incident;
use domain::primitives::id::IncidentId;
use futures_util::future::try_join_all;
use jiff::{SignedDuration, Timestamp};
use playbook_files::operator_files::OperatorFiles;
use serde::Serialize;
use serde_json::{Value, json};
use store::{IncidentList, first_id_of, last_id_of};

use crate::alert_quality::Window;
use crate::app::App;
use crate::filter::Filter;
use crate::incidents::{self, Page};
use crate::refusal::Refusal;
use crate::say::Say;
use crate::view::entry::EntryView;
use crate::view::incident::IncidentView;
use crate::view::playbook::PlaybookView;
use crate::view::quality::QualityView;
use crate::view::repairs::{self, FreezeView, GroupView, LockView, RepairsView};
use crate::view::summary::{Summary, parts};

/// How many locks are looked at, each with a read of its own.
const LOCKS_READ: usize = 100;
/// How much of a log one answer holds: Lambda's is 6 MB at most
/// (<https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>).
const LOG_BYTES: usize = 4_000_000;
/// How many members of a storm are listed.
const MEMBERS_LISTED: usize = 1_000;

/// The answer as JSON.
pub(crate) fn as_json(answer: &impl Serialize) -> String {
    match serde_json::to_string(answer) {
        Ok(json) => json,
        Err(error) => unreachable!("texts and numbers are JSON: {error}"),
    }
}

/// `GET /api/v1/incidents`.
///
/// # Errors
/// If a parameter is wrong, or the table does not answer.
pub(crate) async fn incidents(app: &App, query: &str, now: Timestamp) -> Result<String, Refusal> {
    let filter = Filter::read(query)?;
    let (page, summaries) = list(app, &filter, now).await?;
    Ok(as_json(&json!({
        "incidents": summaries, "next": page.next, "looked_at": page.looked_at,
    })))
}

/// A page of a list.
///
/// # Errors
/// If the table does not answer.
pub(crate) async fn list(
    app: &App,
    filter: &Filter,
    now: Timestamp,
) -> Result<(Page, Vec<Summary>), Refusal> {
    let channels = app.channels()?;
    let page = incidents::page(&app.store, filter, channels, now).await?;
    let summaries = page
        .incidents
        .iter()
        .map(|incident| Summary::of(incident, channels));
    let summaries = summaries.collect();
    Ok((page, summaries))
}

/// `GET /api/v1/incidents/{id}`.
///
/// # Errors
/// If there is none, or the table does not answer.
pub(crate) async fn incident(app: &App, id: &str) -> Result<String, Refusal> {
    let incident = known(app, id).await?;
    Ok(as_json(&IncidentView::of(
        &incident,
        app.channels()?,
        Say::ENGLISH,
    )))
}

/// The incident of this id.
///
/// # Errors
/// If there is none, or the table does not answer.
pub(crate) async fn known(app: &App, id: &str) -> Result<Incident, Refusal> {
    let id = IncidentId::try_from(id).map_err(|_| Refusal::NoIncident)?;
    app.store.incident(&id).await?.ok_or(Refusal::NoIncident)
}

/// `GET /api/v1/incidents/{id}/log`: the entries behind `after`, as many as one answer holds.
///
/// # Errors
/// If there is no such incident, if `after` is no number, or if the table does not answer.
pub(crate) async fn log(app: &App, id: &str, query: &str) -> Result<String, Refusal> {
    let after = after(query)?;
    let incident = known(app, id).await?;
    let (mut shown, mut bytes) = (Vec::new(), 0);
    let (mut last, mut next) = (after, None);
    let entries = app.store.log_after(&incident.id, after).await?;
    // What was written after the incident was read is the end of the chain.
    let known = &incident.log_head;
    let newest = entries
        .last()
        .filter(|entry| entry.sequence > known.sequence);
    let head = match newest {
        Some(entry) => json!({ "entries": entry.sequence, "hash": entry.hash }),
        None => json!({ "entries": known.sequence, "hash": known.hash }),
    };
    for entry in entries {
        let sequence = entry.sequence;
        let entry = as_json(&EntryView::of(entry));
        bytes += entry.len();
        if bytes > LOG_BYTES && !shown.is_empty() {
            next = Some(last);
            break;
        }
        last = sequence;
        shown.push(entry);
    }
    let id = &incident.id;
    Ok(format!(
        r#"{{"incident_id":"{id}","entries":[{}],"next":{},"head":{head}}}"#,
        shown.join(","),
        json!(next),
    ))
}

/// The number behind which a log is asked for.
fn after(query: &str) -> Result<u64, Refusal> {
    let mut after = 0;
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        if name != "after" {
            return Err(Refusal::malformed(&name, "is not a parameter of a log"));
        }
        let number = value.parse();
        after = number.map_err(|_| Refusal::malformed(&name, "has to be an entry's number"))?;
    }
    Ok(after)
}

pub(crate) async fn entries(app: &App, id: &IncidentId) -> Result<Vec<EntryView>, Refusal> {
    let entries = app.store.log(id).await?;
    Ok(entries.into_iter().map(EntryView::of).collect())
}

/// An incident of a storm, in a line.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct MemberView {
    pub(crate) id: IncidentId,
    pub(crate) name: String,
    pub(crate) target: String,
    pub(crate) open: bool,
    pub(crate) critical: bool,
}

impl MemberView {
    pub(crate) fn name_parts(&self) -> Vec<&str> {
        parts(&self.name)
    }
}

/// A storm with its incidents: those that are open first, the critical ones of them first.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct StormView {
    pub(crate) storm: Summary,
    pub(crate) members: Vec<MemberView>,
    /// How many more there are.
    pub(crate) left_out: usize,
}

/// What `GET /api/v1/storms/{id}` answers.
///
/// # Errors
/// If there is no such storm, or the table does not answer.
pub(crate) async fn storm(app: &App, id: &str) -> Result<StormView, Refusal> {
    let incident = known(app, id).await?;
    if incident.storm().is_none() {
        return Err(Refusal::NoIncident);
    }
    let members = app.store.storm_members(&incident.id).await?;
    let mut members: Vec<MemberView> = members
        .into_iter()
        .map(|member| MemberView {
            id: member.incident_id,
            name: member.name,
            target: member.target,
            open: member.open,
            critical: member.critical,
        })
        .collect();
    members.sort_by_key(|member| (!member.open, !member.critical));
    let left_out = members.len().saturating_sub(MEMBERS_LISTED);
    members.truncate(MEMBERS_LISTED);
    Ok(StormView {
        storm: Summary::of(&incident, app.channels()?),
        members,
        left_out,
    })
}

/// What `GET /api/v1/repairs` answers.
///
/// # Errors
/// If a table does not answer, or the operator's files cannot be read.
pub(crate) async fn repairs(app: &App, now: Timestamp) -> Result<RepairsView, Refusal> {
    let files = app.files()?;
    let (open, switch, (locks, locks_left_out), groups) = tokio::try_join!(
        app.open(now),
        async { Ok(app.control.kill_switch().await?) },
        locks(app, files, now),
        groups(app, files, now),
    )?;
    let limits = app.limits()?;
    let running = open.repairing(&app.store).await?;
    let channels = app.channels()?;
    Ok(RepairsView {
        switched_off: switch.map(Into::into),
        freeze: limits.freeze_at(now).map(|(freeze, until)| FreezeView {
            why: freeze.why.clone(),
            until,
        }),
        running: running
            .iter()
            .map(|incident| Summary::of(incident, channels))
            .collect(),
        locks,
        groups,
        locks_left_out,
    })
}

/// The locks of the registry's services that are held now, and how many were not looked at.
async fn locks(
    app: &App,
    files: &OperatorFiles,
    now: Timestamp,
) -> Result<(Vec<LockView>, usize), Refusal> {
    let names = files.services.iter().map(|service| service.lock_name());
    let mut names: Vec<String> = names.collect();
    names.sort_unstable();
    names.dedup();
    let left_out = names.len().saturating_sub(LOCKS_READ);
    names.truncate(LOCKS_READ);
    let held = names.into_iter().map(async |name| {
        let held = app.control.lock_holder(&name, now).await?;
        Ok::<_, Refusal>(held.map(|(incident_id, until)| LockView {
            name,
            incident_id,
            until,
        }))
    });
    Ok((
        try_join_all(held).await?.into_iter().flatten().collect(),
        left_out,
    ))
}

async fn groups(
    app: &App,
    files: &OperatorFiles,
    now: Timestamp,
) -> Result<Vec<GroupView>, Refusal> {
    let limits = app.limits()?;
    let groups = repairs::groups(&files.services).into_iter();
    let groups = groups.map(async |(name, members)| {
        let ledger = app.store.group_ledger(&name).await?;
        Ok::<_, Refusal>(GroupView {
            repairing: ledger.others("", now).map(str::to_owned).collect(),
            at_once: files.at_once(limits, &name),
            name,
            members,
        })
    });
    try_join_all(groups).await
}

/// What `GET /api/v1/playbooks` answers.
///
/// # Errors
/// If the table does not answer, or the operator's files cannot be read.
pub(crate) async fn playbooks(app: &App) -> Result<Vec<PlaybookView>, Refusal> {
    let playbooks = app.files()?.playbooks.iter().map(async |playbook| {
        let record = app.store.playbook_record(&playbook.id).await?;
        Ok::<_, Refusal>(PlaybookView::of(playbook, record))
    });
    try_join_all(playbooks).await
}

/// `GET /api/v1/quality`.
///
/// # Errors
/// If a parameter is wrong, or the table does not answer.
pub(crate) async fn quality(app: &App, query: &str, now: Timestamp) -> Result<String, Refusal> {
    let quality = app.quality(Window::read(query)?, now).await?;
    Ok(as_json(&QualityView::of(&quality, Say::ENGLISH)))
}

/// `GET /api/v1/stats`.
///
/// # Errors
/// If the table does not answer.
pub(crate) async fn stats(app: &App, now: Timestamp) -> Result<Value, Refusal> {
    let quality = app.quality(Window::Week, now).await?;
    let noisy = quality.rules.iter().filter(|of| !of.verdicts.is_empty());
    let alert_quality = json!({
        "since": quality.window.as_str(), "as_of": quality.as_of, "looked_at": quality.looked_at, "complete": quality.complete,
        "rules": quality.rules.len(), "with_a_verdict": noisy.count(),
    });
    let day = SignedDuration::from_hours(24);
    let since = first_id_of(now - day);
    let until = last_id_of(now);
    let opened = async {
        let count = app.store.count(IncidentList::All, (&since, &until)).await?;
        Ok::<_, Refusal>(count)
    };
    let (open, opened) = tokio::try_join!(app.open(now), opened)?;
    let counts = &open.board.counts;
    Ok(json!({
        "open": counts.open, "in_storms": counts.in_storms, "opened_in_24_hours": opened,
        "shown": open.board.rows.len(), "by_severity": counts.by_severity, "by_status": counts.by_status,
        "waiting_for_people": counts.waiting, "repairing": open.board.repairing.len(),
        "counted_among_the_newest": open.read.unwrap_or(counts.open), "unreadable": counts.unreadable,
        "alert_quality": alert_quality,
    }))
}
