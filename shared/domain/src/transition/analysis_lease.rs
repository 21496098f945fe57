//! The analysis lease of an incident: one worker at a time may ask models, because each answer is
//! billed.

use crate::primitives::time::expired;
use jiff::{SignedDuration, Timestamp};

use crate::incident::change::IncidentChange;
use crate::incident::operation_log::{Event, LogRecord};
use crate::incident::parts::Claim;

/// Result of a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claimed {
    /// The applicant holds it.
    Mine,
    /// Another worker holds it.
    Theirs {
        /// Until when at the latest.
        until: Timestamp,
    },
}

impl IncidentChange {
    /// Claims the analysis of the incident and writes the log entry that precedes the first call.
    /// An expired claim is taken over, and the entry says so: its worker may have been billed for a
    /// call whose answer was lost.
    pub fn claim_analysis(
        &mut self,
        holder: &str,
        providers: &[&str],
        lease: SignedDuration,
        now: Timestamp,
    ) -> Claimed {
        // Also refuses the holder itself: a redelivery of its message may overlap with the first
        // one.
        let before = self.incident.claim.take();
        if let Some(claim) = before.as_ref().filter(|claim| !expired(claim.until, now)) {
            let until = claim.until;
            // The lease still runs: nothing of the incident may change.
            self.incident.claim = before;
            return Claimed::Theirs { until };
        }
        // Every attempt may have been billed, so the log numbers them.
        let attempt = before.as_ref().map_or(0, |claim| claim.attempt) + 1;
        let until = now + lease;
        let detail = match &before {
            None => format!("asks {}", providers.join(", then ")),
            Some(Claim { attempt, until, .. }) => {
                format!(
                    "attempt {attempt} ended without a result: its lease expired at {until}, and its calls may have been billed"
                )
            }
        };
        let context = serde_json::json!({ "attempt": attempt, "message_id": holder, "lease_until": until, "providers": providers });
        self.record(
            now,
            LogRecord::new(Event::AnalysisStarted, "analyzer", detail).with(context),
        );
        self.incident.claim = Some(Claim {
            holder: holder.to_owned(),
            attempt,
            until,
        });
        Claimed::Mine
    }
}

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, Timestamp};

    use super::Claimed;
    use crate::incident::change::IncidentChange;
    use crate::incident::operation_log::Event;
    use crate::transition::lifecycle::tests::incident;

    const LEASE: SignedDuration = SignedDuration::from_secs(100);

    #[test]
    fn one_worker_asks_until_its_lease_expires() {
        let start = Timestamp::UNIX_EPOCH;
        let mut change = IncidentChange::new(incident());
        assert_eq!(
            change.claim_analysis("m1", &["a", "b"], LEASE, start),
            Claimed::Mine
        );
        // Neither another message nor the same one seen twice gets in.
        for holder in ["m1", "m2"] {
            let held = change.clone();
            assert_eq!(
                change.claim_analysis(holder, &["a"], LEASE, start + LEASE / 2),
                Claimed::Theirs {
                    until: start + LEASE
                }
            );
            assert_eq!(change, held, "nothing changes");
        }
        assert_eq!(
            change.claim_analysis("m2", &["a"], LEASE, start + LEASE),
            Claimed::Mine
        );
        let details: Vec<_> = change
            .entries
            .iter()
            .map(|entry| (entry.event, entry.detail.as_str()))
            .collect();
        assert_eq!(details[0], (Event::AnalysisStarted, "asks a, then b"));
        assert_eq!(details[1].0, Event::AnalysisStarted);
        assert!(
            details[1].1.contains("attempt 1")
                && details[1].1.contains("expired at 1970-01-01T00:01:40Z"),
            "{}",
            details[1].1
        );
        assert_eq!(
            change
                .incident
                .claim
                .map(|claim| (claim.attempt, claim.holder)),
            Some((2, "m2".to_owned()))
        );
    }
}
