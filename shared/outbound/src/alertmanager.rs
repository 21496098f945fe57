//! Silences of one alert in the operator's Alertmanager, and whether the alert still fires.

mod api;

use std::collections::BTreeSet;

use domain::alert::Alert;
use domain::alert::silence_matchers::{ALERTNAME, ActiveAlert, Matchers, Meant, Others};
use domain::incident::parts::Silence;
use jiff::Timestamp;

pub use self::api::{Alertmanager, AlertmanagerError, Labels, Wanted};

impl Alertmanager {
    /// Makes a silence that hides the alert and none that does not belong to it, or gives the one that is there: a worker may have made
    /// it, and died before that was stored.
    ///
    /// # Errors
    /// If there is none.
    pub async fn silence(
        &self,
        wanted: Wanted<'_>,
        now: Timestamp,
    ) -> Result<Silence, AlertmanagerError> {
        let meant = Meant {
            labels: wanted.labels,
            members: wanted.members,
        };
        let (silence, matchers) = match self.find(wanted).await? {
            Some(found) => found,
            None => {
                let active: Vec<ActiveAlert> = self
                    .alerts(wanted.labels)
                    .await?
                    .into_iter()
                    .map(|(alert, _)| alert)
                    .collect();
                if !active.iter().any(|alert| meant.is_alert(alert)) {
                    self.knows_all(now).await?;
                    return Err(AlertmanagerError::NotActive);
                }
                let matchers = Matchers::of(meant, &active);
                (self.create(wanted, &matchers, now).await?, matchers)
            }
        };
        // Another alert may have begun between the look and the creation, and long since a silence that was found.
        let checked = match self.alerts(wanted.labels).await {
            Ok(active) => {
                let hides = |(alert, silenced_by): &&(ActiveAlert, Vec<String>)| {
                    matchers.fit(alert) || silenced_by.contains(&silence.id)
                };
                let others =
                    Others::among(active.iter().filter(hides).map(|(alert, _)| alert), meant);
                others.map_or(Ok(()), |others| Err(AlertmanagerError::HidesOthers(others)))
            }
            Err(error) => Err(error),
        };
        if let Err(error) = checked {
            self.expire(&silence.id).await?;
            return Err(error);
        }
        Ok(silence)
    }

    /// Which of these fingerprints it has as firing, silenced and inhibited alerts too. `alert` is one
    /// of theirs: most have its name, and all of them its namespace, if it has one.
    ///
    /// # Errors
    /// If that is not known.
    pub async fn active(
        &self,
        alert: &Alert,
        fingerprints: &BTreeSet<&str>,
        now: Timestamp,
    ) -> Result<BTreeSet<String>, AlertmanagerError> {
        // Whatever is not in its answers counts as over, so it has to know all.
        self.knows_all(now).await?;
        let mut active = BTreeSet::new();
        for name in [ALERTNAME, "namespace"] {
            let filter = alert.labels.get(name).map(|value| (name, value.as_str()));
            let alerts = self.alerts(filter.as_slice()).await?;
            let found = alerts.into_iter().map(|(alert, _)| alert.fingerprint);
            active.extend(found.filter(|found| fingerprints.contains(found.as_str())));
            if active.len() == fingerprints.len() {
                break;
            }
        }
        Ok(active)
    }

    /// True if it has the alert as firing, silenced or not.
    ///
    /// # Errors
    /// If that is not known.
    pub async fn fires(
        &self,
        labels: &Labels<'_>,
        now: Timestamp,
    ) -> Result<bool, AlertmanagerError> {
        let none = BTreeSet::new();
        let meant = Meant {
            labels,
            members: &none,
        };
        if self
            .alerts(labels)
            .await?
            .iter()
            .any(|(alert, _)| meant.is_alert(alert))
        {
            return Ok(true);
        }
        self.knows_all(now).await.map(|()| false)
    }
}
