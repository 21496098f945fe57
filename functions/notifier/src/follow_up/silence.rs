//! One-hour silences in Alertmanager for the one alert that an incident was opened with.

use crate::app::SilenceError;
use domain::primitives::time::Clock;
use std::collections::BTreeSet;

use domain::incident::Incident;
use domain::incident::parts::Silence;
use domain::primitives::id::IncidentId;
use domain::transition::silence::{LASTS, Refusal, TRIED_FOR, labels, unanswered};
use jiff::Timestamp;
use outbound::alertmanager::Wanted;
use wire::message::Message;

use crate::app::{App, Failure};

impl App {
    /// Creates the silence that was asked for last, once. The log and the card show its result.
    pub(crate) async fn silence_asked(
        &self,
        id: &IncidentId,
        clock: Clock<'_>,
    ) -> Result<(), Failure> {
        let incident = self.store.known_incident(id).await?;
        let (log, now) = (self.store.log(id).await?, clock());
        if let Some(asked) = unanswered(&log)
            && incident.silenced_until(now).is_none()
        {
            match self.silence(&incident, &asked.actor, now).await {
                Ok(silence) => {
                    self.store
                        .change(id, |change| change.silenced(silence.clone(), clock()))
                        .await?
                }
                Err(error) if error.may_pass() && now < asked.at + TRIED_FOR => {
                    return Err(error.into());
                }
                Err(error) => {
                    self.store
                        .change(id, |change| change.not_silenced(error.phrase(), clock()))
                        .await?
                }
            };
        }
        self.notifications
            .send(&Message::IncidentChanged {
                incident_id: id.clone(),
            })
            .await?;
        Ok(())
    }

    async fn silence(
        &self,
        incident: &Incident,
        by: &str,
        now: Timestamp,
    ) -> Result<Silence, SilenceError> {
        let alertmanager = self
            .alertmanager
            .as_ref()
            .ok_or(SilenceError::NotConfigured)?;
        let labels = labels(&incident.alert)
            .filter(|_| incident.can_be_silenced())
            .ok_or(Refusal::Impossible)?;
        // Of the incident's other alerts people want to go on hearing: the button says that it is about this one.
        let members = BTreeSet::new();
        let wanted = Wanted {
            labels: &labels,
            members: &members,
            until: now + LASTS,
            by,
            comment: &Silence::comment(&incident.id),
        };
        Ok(alertmanager.silence(wanted, now).await?)
    }
}
