//! Stored playbook runs that have ended, and the recurrences counted among them.

use aws_sdk_dynamodb::types::builders::PutBuilder;
use jiff::{SignedDuration, Timestamp};

use super::attributes::{Item, Reader, flag, millis, number, seconds, text};
use super::keys;
use super::request::{newest, put, update};
use super::retry::patiently;
use super::{Store, StoreError};
use domain::incident::Incident;
use domain::incident::change::IncidentChange;
use domain::incident::parts::Recurrence;
use domain::policy::playbook_run::PlaybookRun;
use domain::primitives::id::IncidentId;

/// How long a run is kept: as long as an incident is found by its fingerprint.
const KEPT_FOR: SignedDuration = SignedDuration::from_hours(400 * 24);
/// How many of a playbook's newest runs are read. A hundred runs that all held have a lower bound
/// of 0.97: more would only raise the bill.
pub const RUNS_READ: u32 = 100;

impl Store {
    /// The newest runs of a playbook that have ended, newest first, by when their incidents were opened.
    ///
    /// # Errors
    /// If the table does not answer or a run cannot be read.
    pub async fn runs(&self, playbook: &str) -> Result<Vec<PlaybookRun>, StoreError> {
        let query = self.query_prefix(keys::playbook_partition(playbook), keys::RUN);
        let runs = newest(query, RUNS_READ).await?;
        runs.iter().map(|item| read(playbook, item)).collect()
    }

    /// Counts a recurrence, once, with an entry in the log of the incident whose alert came back. Where it was counted already, or the run
    /// is not there, is not verified or is kept no longer, nothing is written.
    ///
    /// # Errors
    /// If the table does not answer, or others come in between every time.
    pub async fn count_recurrence(
        &self,
        incident: &IncidentId,
        recurrence: &Recurrence,
        actor: &str,
        now: Timestamp,
    ) -> Result<Incident, StoreError> {
        let Recurrence {
            playbook,
            incident_id,
            round,
            at,
            ..
        } = recurrence;
        let key = keys::run(playbook, incident_id, *round);
        patiently(async || {
            let loaded = self.known_incident(incident).await?;
            let run = self.get(key.clone()).await?;
            let run = run.map(|item| read(playbook, &item)).transpose()?;
            if !run.is_some_and(|run| run.verified && run.recurred_at.is_none()) {
                return Ok(loaded);
            }
            let mut change = IncidentChange::new(loaded);
            change.recurred(recurrence, actor, now);
            // The run is marked unless it is already, and the record of its playbook counts it with the mark.
            let mark = update(key.clone(), "SET recurred_at = :at")
                .condition_expression("verified = :true AND attribute_not_exists(recurred_at)")
                .expression_attribute_values(":at", millis(*at))
                .expression_attribute_values(":true", flag(true));
            let count = update(keys::record(playbook), "ADD recurred :one")
                .expression_attribute_values(":one", number(1));
            self.commit(change, [mark.into(), count.into()]).await
        })
        .await
    }
}

/// A run that ends; written with the incident that it ends, so that it is there once.
pub(super) fn put_run(run: &PlaybookRun) -> PutBuilder {
    let fields = [
        ("at", millis(run.at)),
        ("verified", flag(run.verified)),
        ("target", text(&*run.target)),
        ("expires_at", seconds(run.at + KEPT_FOR)),
    ];
    let key = keys::run(&run.playbook, &run.incident_id, run.round);
    put(key.item(fields))
}

fn read(playbook: &str, item: &Item) -> Result<PlaybookRun, StoreError> {
    let reader = Reader::new(item);
    let key = reader
        .text("sk")?
        .strip_prefix(keys::RUN)
        .and_then(|rest| rest.split_once('#'));
    let known = key.and_then(|(incident, round)| {
        Some((IncidentId::try_from(incident).ok()?, round.parse().ok()?))
    });
    let (incident_id, round) = known.ok_or_else(|| reader.unreadable("its key names no run"))?;
    Ok(PlaybookRun {
        playbook: playbook.into(),
        incident_id,
        round,
        target: reader.string("target")?.into(),
        at: reader.millis("at")?,
        verified: reader.flag("verified")?,
        recurred_at: reader.optional_millis("recurred_at")?,
    })
}
