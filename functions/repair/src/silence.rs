//! The silence of a repair in Alertmanager: made before the first step, taken away at the first failure and at the end. Whatever goes
//! wrong with it is told, and stops nothing.

use std::path::Path;

use aws_types::SdkConfig;
use jiff::Timestamp;
use shared::alertmanager::{Alertmanager, Wanted};
use shared::channels_file::{self, CHANNELS};
use shared::domain::id::IncidentId;
use shared::domain::incident::Incident;
use shared::domain::repair_silence::{ACTOR, RepairSilence};
use shared::domain::silence::labels;
use shared::fault::{Fault, Faults};
use shared::outbound::{NoClient, PublicClient, client};
use shared::secrets::Secrets;
use shared::store::{Store, StoreError};
use tracing::warn;

/// What makes silences, if the operator wants them: `channels.json` says so with `alertmanager.silence_repairs`.
#[derive(Debug)]
pub(crate) struct Silencer(Option<Alertmanager>);

impl Silencer {
    /// Reads the operator's file.
    ///
    /// # Errors
    /// Everything that is wrong with it, or that there is no HTTP client.
    pub(crate) fn new(directory: &Path, aws: &SdkConfig) -> Result<Self, Faults> {
        let server = channels_file::load(directory)?.alertmanager.filter(|server| server.silence_repairs);
        let alertmanager = server.map(|server| {
            let secrets = Secrets::new(aws_sdk_secretsmanager::Client::new(aws));
            Ok(Alertmanager::new(server, &client()?, &PublicClient::new()?, secrets))
        });
        let fault = |error: NoClient| Faults(vec![Fault { file: directory.join(CHANNELS), line: None, text: error.to_string() }]);
        Ok(Self(alertmanager.transpose().map_err(fault)?))
    }

    /// Makes the silence of the repair that is about to run its first step, once. One that a worker made who died before it was stored
    /// is found.
    ///
    /// # Errors
    /// If the store fails.
    pub(crate) async fn begin(&self, store: &Store, incident: &Incident, clock: fn() -> Timestamp) -> Result<(), StoreError> {
        let (Some(alertmanager), Some((repair, until))) = (&self.0, incident.wants_repair_silence(clock())) else { return Ok(()) };
        let Some(labels) = labels(&incident.alert) else { return Ok(()) };
        let hash = &repair.plan_hash;
        let wanted = Wanted { labels: &labels, until, by: ACTOR, comment: &RepairSilence::comment(&incident.id, hash) };
        let made = alertmanager.silence(wanted, clock()).await.map_err(|error| {
            warn!(incident_id = %incident.id, %error, "the repair runs without a silence");
            error.to_string()
        });
        let made = made.as_ref().map(|silence| (silence.id.as_str(), silence.until)).map_err(String::as_str);
        store.change(&incident.id, |draft| draft.repair_silenced(hash, made, clock())).await.map(drop)
    }

    /// Takes the silence of the last repair away, if there is one that nobody has taken away.
    ///
    /// # Errors
    /// If the store fails.
    pub(crate) async fn end(&self, store: &Store, id: &IncidentId, clock: fn() -> Timestamp) -> Result<(), StoreError> {
        let incident = store.known_incident(id).await?;
        let Some((silence, until)) = incident.open_repair_silence() else { return Ok(()) };
        let removed = match &self.0 {
            _ if until <= clock() => Ok(()),
            Some(alertmanager) => alertmanager.expire(silence).await.map_err(|error| error.to_string()),
            None => Err("channels.json does not name its Alertmanager any more".to_owned()),
        };
        if let Err(why) = &removed {
            warn!(incident_id = %id, why, "the silence of the repair could not be taken away: it ends by itself");
        }
        let removed = removed.as_ref().copied().map_err(String::as_str);
        store.change_loaded(incident.clone(), |draft| draft.repair_silence_ended(removed, clock())).await.map(drop)
    }
}
