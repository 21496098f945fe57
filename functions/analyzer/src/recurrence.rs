//! Recurrences: counts an alert that came back after a verified repair before the new decision,
//! because the repair did not hold.

use aws::Chain;
use domain::incident::Incident;
use domain::incident::parts::Recurrence;
use jiff::Timestamp;
use tracing::warn;

use crate::app::{App, Failure};

/// Who writes these log entries.
const ACTOR: &str = "analyzer";
/// How many incidents of the fingerprint are looked at. Each looks at the one before it: the others stand in for one that was never analysed.
const LOOKED_AT: u32 = 3;

impl App {
    /// Counts that an alert came back after a repair which was verified, if it did within `recurrence_window`: after a repair of this
    /// incident, which ingress has reopened, or of one before it. A message that comes again finds it counted.
    ///
    /// # Errors
    /// If the store fails; then nothing is decided, because the playbook might be trusted with more than it has earned.
    pub(crate) async fn count_recurrence(
        &self,
        incident: Incident,
        now: Timestamp,
    ) -> Result<Incident, Failure> {
        let found = match &incident.recurrence {
            Some(own) => Some(own.clone()),
            None if incident.analysis.is_none() && incident.storm().is_none() => {
                self.after_earlier(&incident).await?
            }
            None => None,
        };
        let window = self.limits.autonomy.recurrence_window.length();
        match found.filter(|recurrence| recurrence.is_within(window)) {
            Some(recurrence) => Ok(self
                .store
                .count_recurrence(&incident.id, &recurrence, ACTOR, now)
                .await?),
            None => Ok(incident),
        }
    }

    /// Whether the alert came back after the repair of an earlier incident: the newest that was repaired.
    async fn after_earlier(&self, incident: &Incident) -> Result<Option<Recurrence>, Failure> {
        let past = self
            .store
            .past(&incident.fingerprint, &incident.id, LOOKED_AT)
            .await?;
        for error in &past.unreadable {
            warn!(error = %Chain(error), "an earlier incident could not be read: whether its repair lasted is not counted");
        }
        Ok(past
            .incidents
            .iter()
            .find_map(|earlier| Recurrence::after_repair(earlier, incident.opened_at)))
    }
}
