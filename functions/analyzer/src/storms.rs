//! Storms: ties incidents beyond the limit of a minute to one incident, which has the analysis and
//! the card.

use std::time::{Duration, Instant};

use aws::queue::STORM_LOOKS_EVERY;
use aws::retry::{Backoff, Growth, retry};
use domain::analysis::Severity;
use domain::episode::{ADVICE_CHARACTERS, Advice};
use domain::incident::Incident;
use domain::incident::change::IncidentChange;
use domain::incident::parts::StormScope;
use domain::primitives::id::{AlertGroupId, IncidentId};
use domain::primitives::safe_text::cut;
use domain::transition::storm;
use jiff::Timestamp;
use store::{StoreError, StormAdmission, fresh_incident_id};
use wire::message::Message;

use crate::app::{App, Failure};

/// Retry policy for an incident's place that met the transaction which begins its minute's storm.
const PLACES: Backoff = Backoff {
    retries: 6,
    first: Duration::from_millis(10),
    longest: Duration::from_millis(320),
    growth: Growth::Times(2.0),
    jitter: 0.0,
};

impl App {
    /// The storm that an incident belongs to: the one that it is a member of, that of the many alerts with which it came, or the one of its
    /// minute, if that has more than enough.
    pub(crate) async fn storm_for(
        &self,
        incident: &Incident,
        now: Timestamp,
    ) -> Result<Option<IncidentId>, Failure> {
        if incident.storm_id().is_some()
            || incident.analysis.is_some()
            || incident.storm().is_some()
        {
            return Ok(incident.storm_id().cloned());
        }
        if let Some(group) = &incident.group {
            return self.storm_of_group(incident, group, now).await.map(Some);
        }
        if self.storm_limit == 0 {
            return Ok(None);
        }
        let minute = storm::minute(incident.opened_at);
        let mut waits = PLACES.waits();
        // The queue would bring the message back after minutes, and no one would hear of the
        // incident until then.
        let wait = |error: &Failure| match error {
            Failure::Store(StoreError::Conflict) => waits.next(),
            _ => None,
        };
        retry(|| self.place(minute, incident, now), wait).await
    }

    async fn place(
        &self,
        minute: i64,
        incident: &Incident,
        now: Timestamp,
    ) -> Result<Option<IncidentId>, Failure> {
        match self
            .store
            .place(
                minute,
                &incident.id,
                storm::is_critical(incident),
                self.storm_limit,
                now,
            )
            .await?
        {
            StormAdmission::Alone => Ok(None),
            StormAdmission::InStorm(Some(storm)) => Ok(Some(storm)),
            StormAdmission::InStorm(None) => self.storm_of(minute, now).await.map(Some),
        }
    }

    /// Gives a minute its storm: that of the minute before, while it lasts, else a new one.
    async fn storm_of(&self, minute: i64, now: Timestamp) -> Result<IncidentId, Failure> {
        let before = match self.store.storm_of(&StormScope::Minute(minute - 1)).await? {
            Some(storm) => self.store.incident(&storm).await?.filter(Incident::is_open),
            None => None,
        };
        let begun = match before {
            Some(storm) => self
                .store
                .continue_storm(minute, &storm.id, now)
                .await
                .map(|()| storm.id),
            None => {
                let change = IncidentChange::storm(
                    fresh_incident_id(now),
                    minute,
                    u64::from(self.storm_limit),
                    now,
                );
                self.store
                    .begin_storm(&StormScope::Minute(minute), None, change, now)
                    .await
                    .map(|storm| storm.id)
            }
        };
        match begun {
            // Another worker gave it one in between.
            Err(StoreError::Conflict) => {
                let storm = self.store.storm_of(&StormScope::Minute(minute)).await?;
                storm.ok_or(Failure::Store(StoreError::Conflict))
            }
            begun => Ok(begun?),
        }
    }

    /// The storm of the many alerts of one rule: the one that is open, or a new one.
    async fn storm_of_group(
        &self,
        incident: &Incident,
        group: &AlertGroupId,
        now: Timestamp,
    ) -> Result<IncidentId, Failure> {
        let scope = StormScope::Group(group.clone());
        let known = self.store.storm_of(&scope).await?;
        if let Some(storm) = &known
            && self.store.known_incident(storm).await?.is_open()
        {
            return Ok(storm.clone());
        }
        let change = IncidentChange::group(fresh_incident_id(now), group, &incident.alert, now);
        match self
            .store
            .begin_storm(&scope, known.as_ref(), change, now)
            .await
        {
            Ok(storm) => Ok(storm.id),
            // Another worker began it in between.
            Err(StoreError::Conflict) => {
                let storm = self.store.storm_of(&scope).await?;
                storm.ok_or(Failure::Store(StoreError::Conflict))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Makes an incident a member of a storm, which gets its analysis from whoever comes first.
    pub(crate) async fn join_storm(
        &self,
        incident: &Incident,
        storm: &IncidentId,
        holder: &str,
        now: Timestamp,
        until: Instant,
    ) -> Result<(), Failure> {
        let mut of_storm = self.store.known_incident(storm).await?;
        if of_storm.analysis.is_none() {
            of_storm = self.analyse(of_storm, holder, now, until).await?;
        }
        let seen_before = incident.storm_id().is_some();
        if !seen_before {
            self.store
                .change(&incident.id, |change| {
                    if change.incident.storm_id().is_none() {
                        change.join_storm(storm, now)
                    }
                })
                .await?;
        }
        let suggested_action = cut(
            &format!("part of a storm: see incident {storm}"),
            ADVICE_CHARACTERS,
        );
        let urgency = of_storm
            .analysis
            .map_or(Severity::P0, |analysis| analysis.urgency.level);
        let advice = Advice {
            approval_id: None,
            risk_level: urgency.as_risk().as_str().to_owned(),
            suggested_action,
        };
        self.store
            .advise(&incident.fingerprint, &incident.id, &advice)
            .await?;
        // One look shows all that was members until then. A message that comes again may be the one whose look got lost.
        if self.store.mark_storm(storm, now).await? || seen_before {
            self.notifications
                .send_later(
                    &Message::IncidentChanged {
                        incident_id: storm.clone(),
                    },
                    STORM_LOOKS_EVERY,
                )
                .await?;
        }
        Ok(())
    }
}
