//! Reads for the health of Quell, each bounded. An item that cannot be read makes its own line bad, and not the page.

use aws::Chain;
use domain::alert::heartbeat::Heartbeat;
use domain::analysis::price::MicroUsd;
use domain::episode::Unsent;
use domain::incident::approval::ApprovalState;
use domain::incident::{Incident, Status};
use domain::notification::channels::Channels;
use domain::notification::outbox::ChannelState;
use domain::policy::kill_switch::SwitchedOff;
use domain::primitives::id::IncidentId;
use domain::primitives::time::utc_day;
use futures_util::future::try_join_all;
use jiff::{SignedDuration, Timestamp};
use playbook_files::operator_files::OperatorFiles;
use serde::Deserialize;
use store::{Backlog, IncidentList, StoreError, first_id_of, last_id_of};
use tracing::error;

use crate::app::App;
use crate::filter::Filter;
use crate::incidents;
use crate::refusal::Refusal;

/// How many of the newest open incidents are looked at.
const LOOKED_AT: usize = 500;
/// How many channels are looked at, and how much of an outbox.
const CHANNELS: usize = 50;
const BACKLOG: u32 = 200;
/// How many heartbeats are read.
const HEARTBEATS: u32 = 100;
/// Of how many incidents episodes and locks are read, each with a request of its own: the oldest.
const LOOKED_INTO: usize = 20;
/// How long each step between two functions may take: until then nothing is said of it.
const ON_ITS_WAY: SignedDuration = SignedDuration::from_mins(2);
const ANALYSED_WITHIN: SignedDuration = SignedDuration::from_mins(10);
/// The look at an undecided approval comes when its time is over, behind what else the queue holds.
const REVOKED_WITHIN: SignedDuration = SignedDuration::from_mins(10);

/// An item could not be read; the log has it.
#[derive(Debug)]
pub(crate) struct Unreadable;

pub(crate) type Known<T> = Result<T, Unreadable>;

/// What is known of Quell itself.
#[derive(Debug)]
pub(crate) struct Facts {
    pub(crate) now: Timestamp,
    /// After which silence a heartbeat is overdue whose interval is not known.
    pub(crate) stale: SignedDuration,
    pub(crate) switched_off: Option<SwitchedOff>,
    /// Why a freeze holds, and until when.
    pub(crate) freeze: Option<(String, Timestamp)>,
    pub(crate) channels: Vec<(String, Known<ChannelFacts>)>,
    pub(crate) work: Known<Work>,
    /// What models cost today, and what they may cost; none where no model is asked.
    pub(crate) budget: Known<Option<(MicroUsd, MicroUsd)>>,
    pub(crate) heartbeats: Known<Vec<Heartbeat>>,
    pub(crate) anchors: Known<Anchors>,
}

#[derive(Debug, Default)]
pub(crate) struct ChannelFacts {
    pub(crate) state: ChannelState,
    pub(crate) backlog: Backlog,
}

/// An incident with which something is late, and since when.
pub(crate) type Late = (IncidentId, Timestamp);

/// What is late about open incidents, the oldest first.
#[derive(Debug, Default)]
pub(crate) struct Work {
    pub(crate) open: u64,
    pub(crate) looked_at: usize,
    /// Their decision is past its time, and nothing has revoked it.
    pub(crate) undecided: Vec<Late>,
    /// They were counted, and their message was not sent.
    pub(crate) unsent: Vec<Late>,
    /// Nothing has analysed them.
    pub(crate) unanalysed: Vec<Late>,
    /// How many repairs run, and those whose lock no worker holds.
    pub(crate) repairing: usize,
    pub(crate) unheld: Vec<Late>,
}

/// How far the witness has come.
#[derive(Debug, Default)]
pub(crate) struct Anchors {
    /// True if it has anchored anything.
    pub(crate) exist: bool,
    /// When the newest checkpoint was printed, if it says so.
    pub(crate) checkpoint_at: Option<Timestamp>,
    /// When the newest incident was opened, with the first entry of its log.
    pub(crate) newest_incident: Option<Timestamp>,
}

/// What the console reads of the witness's state.
#[derive(Debug, Deserialize)]
struct Witnessed {
    #[serde(default)]
    checkpoint_at: Option<Timestamp>,
}

/// Reads all of it.
///
/// # Errors
/// If a table does not answer, or a file of the operator cannot be read.
pub(crate) async fn read(app: &App, channels: &Channels, now: Timestamp) -> Result<Facts, Refusal> {
    let files = app.files()?;
    let freeze = app.limits()?.freeze_at(now);
    let budget = app.budget()?;
    let each_channel = channels
        .channels
        .iter()
        .take(CHANNELS)
        .map(async |channel| {
            let facts = known(channel_facts(app, &channel.name).await)?;
            Ok::<_, Refusal>((channel.name.clone(), facts))
        });
    let (switched_off, channels, work, spent, heartbeats, anchors) = tokio::try_join!(
        async { Ok::<_, Refusal>(app.control.kill_switch().await?) },
        try_join_all(each_channel),
        async { known(work(app, (channels, files), now).await) },
        async { known(app.store.spending(utc_day(now)).await) },
        async { known(app.store.heartbeats(HEARTBEATS).await) },
        async { known(anchors(app, now).await) },
    )?;
    Ok(Facts {
        now,
        stale: app.stale(),
        switched_off,
        freeze: freeze.map(|(freeze, until)| (freeze.why.clone(), until)),
        channels,
        work,
        budget: spent.map(|spent| budget.map(|limit| (spent.committed, limit))),
        heartbeats,
        anchors,
    })
}

/// A fact, or that its item cannot be read.
fn known<T>(read: Result<T, StoreError>) -> Result<Known<T>, Refusal> {
    match read {
        Ok(fact) => Ok(Ok(fact)),
        Err(error) if error.is_transient() => Err(error.into()),
        Err(error) => {
            error!(error = %Chain(&error), "a fact about Quell itself cannot be read");
            Ok(Err(Unreadable))
        }
    }
}

async fn channel_facts(app: &App, channel: &str) -> Result<ChannelFacts, StoreError> {
    let (state, backlog) = tokio::try_join!(
        app.store.channel_state(channel),
        app.store.backlog(channel, BACKLOG)
    )?;
    Ok(ChannelFacts { state, backlog })
}

async fn work(
    app: &App,
    (channels, files): (&Channels, &OperatorFiles),
    now: Timestamp,
) -> Result<Work, StoreError> {
    let all = (&first_id_of(Timestamp::UNIX_EPOCH), &last_id_of(now));
    let filter = Filter {
        open: Some(true),
        limit: LOOKED_AT,
        ..Filter::default()
    };
    let (open, page) = tokio::try_join!(
        app.store.count(IncidentList::Open, all),
        incidents::page(&app.store, &filter, channels, now)
    )?;
    let mut incidents = page.incidents;
    // What is late longest is asked first.
    incidents.reverse();
    let repairing = incidents
        .iter()
        .filter(|incident| incident.status == Status::Repairing);
    Ok(Work {
        open,
        looked_at: page.looked_at,
        undecided: late(&incidents, |incident| undecided(incident, now)),
        unanalysed: late(&incidents, |incident| unanalysed(incident, now)),
        repairing: repairing.count(),
        unsent: unsent(app, &incidents, now).await?,
        unheld: unheld(app, files, &incidents, now).await?,
    })
}

fn late(incidents: &[Incident], since: impl Fn(&Incident) -> Option<Timestamp>) -> Vec<Late> {
    let late = incidents
        .iter()
        .filter_map(|incident| Some((incident.id.clone(), since(incident)?)));
    let mut late: Vec<Late> = late.collect();
    late.sort_by_key(|(_, since)| *since);
    late
}

/// Since when a decision should have been revoked.
fn undecided(incident: &Incident, now: Timestamp) -> Option<Timestamp> {
    let approval = incident.approval.as_ref()?;
    let waits = incident.status == Status::AwaitingApproval
        && matches!(approval.state, ApprovalState::Pending);
    (waits && approval.expires_at + REVOKED_WITHIN < now).then_some(approval.expires_at)
}

/// Since when an incident waits for its first analysis. One that fired again has been analysed, or is older than its wait.
fn unanalysed(incident: &Incident, now: Timestamp) -> Option<Timestamp> {
    let waits =
        incident.status == Status::Open && incident.analysis.is_none() && incident.flaps == 0;
    (waits && incident.opened_at + ANALYSED_WITHIN < now).then_some(incident.opened_at)
}

/// The oldest incidents that nothing has taken up, and whose episode says that their message was not sent. An alert that joins sends it again.
async fn unsent(
    app: &App,
    incidents: &[Incident],
    now: Timestamp,
) -> Result<Vec<Late>, StoreError> {
    let waiting = incidents.iter().filter(|incident| {
        incident.status == Status::Open && incident.opened_at + ON_ITS_WAY < now
    });
    let looked = waiting.take(LOOKED_INTO).map(async |incident| {
        let episode = app.store.episode(&incident.fingerprint).await?;
        let episode = episode.filter(|episode| episode.incident_id == incident.id);
        let since = episode.and_then(|episode| {
            let opened = episode.unsent.contains(&Unsent::Opened);
            let since = if opened {
                incident.opened_at
            } else {
                episode.last_seen
            };
            (!episode.unsent.is_empty()).then_some(since)
        });
        let late = since.filter(|since| *since + ON_ITS_WAY < now);
        Ok::<_, StoreError>(late.map(|since| (incident.id.clone(), since)))
    });
    Ok(try_join_all(looked).await?.into_iter().flatten().collect())
}

/// The oldest repairs under way whose lock no worker holds.
async fn unheld(
    app: &App,
    files: &OperatorFiles,
    incidents: &[Incident],
    now: Timestamp,
) -> Result<Vec<Late>, StoreError> {
    let running = incidents
        .iter()
        .filter(|incident| under_way(incident).is_some_and(|since| since + ON_ITS_WAY < now));
    let looked = running.take(LOOKED_INTO).map(async |incident| {
        let service = incident.plan.as_ref().map(|plan| plan.target.as_str());
        let lock = files.lock_of(service.unwrap_or_default());
        let holder = app.control.lock_holder(&lock, now).await?;
        let held = holder.is_some_and(|(holder, _)| holder == incident.id);
        // It may have ended since the list was read.
        let still = if held {
            None
        } else {
            app.store.incident(&incident.id).await?
        };
        let since = still.as_ref().and_then(under_way);
        Ok::<_, StoreError>(since.map(|since| (incident.id.clone(), since)))
    });
    Ok(try_join_all(looked).await?.into_iter().flatten().collect())
}

/// Since when a repair runs.
fn under_way(incident: &Incident) -> Option<Timestamp> {
    let runs = incident.status == Status::Repairing;
    let repair = incident.repair.as_ref().filter(|_| runs)?;
    Some(repair.started_at)
}

async fn anchors(app: &App, now: Timestamp) -> Result<Anchors, StoreError> {
    let all = (&first_id_of(Timestamp::UNIX_EPOCH), &last_id_of(now));
    let ((witnessed, _), newest) = tokio::try_join!(
        app.control.witnessed::<Witnessed>(),
        app.store.list(IncidentList::All, all, 1)
    )?;
    let newest = app.store.incidents(&newest.ids, false).await?;
    Ok(Anchors {
        exist: witnessed.is_some(),
        checkpoint_at: witnessed.and_then(|witnessed| witnessed.checkpoint_at),
        newest_incident: newest.incidents.first().map(|incident| incident.opened_at),
    })
}

#[cfg(test)]
mod tests {
    use domain::incident::Incident;
    use jiff::Timestamp;
    use serde_json::{Value, json};

    use super::{late, unanalysed, undecided};

    fn at(minute: u32) -> Timestamp {
        let minutes = i64::from(minute) * 60;
        Timestamp::from_second(1_790_000_000 + minutes).expect("a time")
    }

    fn incident(status: &str, more: &Value) -> Incident {
        let id = "01ARZ3NDEKTSV4RRFFQ69G5FAV";
        let mut document = json!({
            "id": id, "kind": { "type": "alert" }, "fingerprint": "a1".repeat(32), "status": status, "severity": "P2", "hit_count": 1,
            "flaps": 0, "opened_at": at(0), "log_head": { "sequence": 1, "hash": "" }, "version": 1,
            "alert": {
                "name": "TargetDown", "alert_type": "custom", "severity": "warning", "status": "firing", "source": "alertmanager",
                "namespace": "shop", "target": "web", "normalised_target": "web", "message": "", "labels": {}, "annotations": {},
                "starts_at": at(0), "member": "m1",
            },
            "approval": {
                "id": format!("{id}-b2b2b2b2b2b2b2b2"), "plan_hash": "b2".repeat(32), "requested_at": at(1), "expires_at": at(30),
                "state": { "state": "pending" }, "needed": 1,
            },
        });
        for (name, value) in more.as_object().expect("an object") {
            document[name] = value.clone();
        }
        serde_json::from_value(document).expect("an incident")
    }

    #[test]
    fn a_decision_is_late_when_nothing_has_revoked_it() {
        let waiting = incident("awaiting_approval", &json!({}));
        for (now, expected) in [(29, None), (40, None), (41, Some(at(30)))] {
            assert_eq!(undecided(&waiting, at(now)), expected, "{now}");
        }
        let other = incident("needs_human", &json!({}));
        assert_eq!(undecided(&other, at(60)), None);
    }

    #[test]
    fn an_analysis_is_late_for_what_was_never_analysed() {
        let open = incident("open", &json!({}));
        for (now, expected) in [(10, None), (11, Some(at(0)))] {
            assert_eq!(unanalysed(&open, at(now)), expected, "{now}");
        }
        let again = incident("open", &json!({ "flaps": 1 }));
        assert_eq!(unanalysed(&again, at(60)), None);
        let in_hand = incident("needs_human", &json!({}));
        assert_eq!(unanalysed(&in_hand, at(60)), None);
    }

    #[test]
    fn what_is_late_longest_comes_first() {
        let incidents = [
            incident("open", &json!({ "opened_at": at(5) })),
            incident("open", &json!({ "opened_at": at(2) })),
            incident("resolved", &json!({ "opened_at": at(1) })),
        ];
        let found = late(&incidents, |incident| unanalysed(incident, at(60)));
        let since: Vec<Timestamp> = found.into_iter().map(|(_, since)| since).collect();
        assert_eq!(since, [at(2), at(5)]);
    }
}
