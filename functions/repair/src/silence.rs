//! Repair silences in Alertmanager: created before the first step, deleted at the first failure and
//! at the end of the run. A failure to create or delete one is reported and stops nothing.

use domain::primitives::time::Clock;
use domain::primitives::time::expired;
use std::collections::BTreeSet;
use std::path::Path;

use aws::Chain;
use aws::secrets::Secrets;
use aws_types::SdkConfig;
use domain::incident::Incident;
use domain::incident::parts::RepairSilence;
use domain::phrase;
use domain::playbook::plan::Phase;
use domain::primitives::id::IncidentId;
use domain::primitives::phrase::Phrase;
use domain::transition::repair_silence::ACTOR;
use domain::transition::silence::labels;
use outbound::alertmanager::{Alertmanager, Wanted};
use outbound::{NoClient, PublicClient, client};
use settings::channels_file::{self, CHANNELS};
use settings::config_error::{ConfigError, ConfigErrors};
use store::{Store, StoreError};
use tracing::warn;

/// What makes silences, if the operator wants them: `channels.json` says so with `alertmanager.silence_repairs`.
#[derive(Debug)]
pub(crate) struct Silencer(Option<Alertmanager>);

impl Silencer {
    /// Reads the operator's file.
    ///
    /// # Errors
    /// Everything that is wrong with it, or that there is no HTTP client.
    pub(crate) fn new(directory: &Path, aws: &SdkConfig) -> Result<Self, ConfigErrors> {
        let server = channels_file::load(directory)?
            .alertmanager
            .filter(|server| server.silence_repairs);
        let alertmanager = server.map(|server| {
            let secrets = Secrets::new(aws_sdk_secretsmanager::Client::new(aws));
            Ok(Alertmanager::new(
                server,
                &client()?,
                &PublicClient::new()?,
                secrets,
            ))
        });
        let error = |error: NoClient| {
            ConfigErrors(vec![ConfigError {
                file: directory.join(CHANNELS),
                line: None,
                field: None,
                text: error.to_string(),
            }])
        };
        Ok(Self(alertmanager.transpose().map_err(error)?))
    }

    /// Sets the silence before a step of this phase: created before the first repairing step, and
    /// deleted before a rollback, of which people have to hear.
    ///
    /// # Errors
    /// If the store fails.
    pub(crate) async fn keep(
        &self,
        store: &Store,
        incident: Incident,
        phase: Phase,
        clock: Clock<'_>,
    ) -> Result<Incident, StoreError> {
        match phase {
            Phase::Steps => self.begin(store, incident, clock).await,
            Phase::Rollback => self.remove(store, incident, clock).await,
            Phase::Facts | Phase::Verify => Ok(incident),
        }
    }

    /// Deletes the silence of a repair that has ended, also if another worker ran it and died
    /// before this.
    ///
    /// # Errors
    /// If the store fails.
    pub(crate) async fn end(
        &self,
        store: &Store,
        id: &IncidentId,
        clock: Clock<'_>,
    ) -> Result<(), StoreError> {
        if self.0.is_none() {
            return Ok(());
        }
        let incident = store.known_incident(id).await?;
        let runs = incident
            .repair
            .as_ref()
            .is_some_and(|repair| repair.outcome.is_none());
        if runs {
            Ok(())
        } else {
            self.remove(store, incident, clock).await.map(drop)
        }
    }

    /// Makes the silence of the repair that is about to run its first step, once. One that a worker made who died before it was stored
    /// is found.
    async fn begin(
        &self,
        store: &Store,
        incident: Incident,
        clock: Clock<'_>,
    ) -> Result<Incident, StoreError> {
        let (Some(alertmanager), Some(until)) = (&self.0, incident.wants_repair_silence(clock()))
        else {
            return Ok(incident);
        };
        let (Some(labels), Some(repair)) = (labels(&incident.alert), &incident.repair) else {
            return Ok(incident);
        };
        let hash = &repair.plan_hash;
        let episode = store
            .episode(&incident.fingerprint)
            .await?
            .filter(|episode| episode.incident_id == incident.id);
        let members: BTreeSet<String> = episode
            .map(|episode| episode.members.into_keys().map(String::from).collect())
            .unwrap_or_default();
        let wanted = Wanted {
            labels: &labels,
            members: &members,
            until,
            by: ACTOR,
            comment: &RepairSilence::comment(&incident.id, hash),
        };
        let made = alertmanager
            .silence(wanted, clock())
            .await
            .map_err(|error| {
                warn!(incident_id = %incident.id, error = %Chain(&error), "the repair runs without a silence");
                error.phrase()
            });
        let (saved, ()) = store
            .change_loaded(incident.clone(), |change| {
                let made = made.as_ref().map_err(Phrase::clone);
                let made = made.map(|silence| (silence.id.as_str(), silence.until));
                change.repair_silenced(hash, made, clock())
            })
            .await?;
        Ok(saved)
    }

    async fn remove(
        &self,
        store: &Store,
        incident: Incident,
        clock: Clock<'_>,
    ) -> Result<Incident, StoreError> {
        let Some((silence, until)) = incident.open_repair_silence() else {
            return Ok(incident);
        };
        let removed = match &self.0 {
            _ if expired(until, clock()) => Ok(()),
            Some(alertmanager) => alertmanager
                .expire(silence)
                .await
                .map_err(|error| error.phrase()),
            None => Err(phrase!(
                "channels.json does not name its Alertmanager any more"
            )),
        };
        if let Err(why) = &removed {
            warn!(incident_id = %incident.id, %why, "the silence of the repair could not be taken away: it ends by itself");
        }
        let (saved, ()) = store
            .change_loaded(incident, |change| {
                change.repair_silence_ended(removed.clone(), clock())
            })
            .await?;
        Ok(saved)
    }
}
