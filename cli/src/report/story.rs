//! Extract of an incident's operation log for a report.

use domain::incident::operation_log::Event;
use domain::primitives::id::IncidentId;
use jiff::Timestamp;

use crate::api::model::{Entry, Incident};
use crate::api::{Api, lists};
use crate::exit::Failure;

/// When things happened, and how its repairs ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Story {
    /// When a person first said that they work on it, or decided.
    pub(super) acknowledged_at: Option<Timestamp>,
    /// When a repair was verified.
    pub(super) repaired_at: Option<Timestamp>,
    /// The playbook of each repair, and how it ended.
    pub(super) repairs: Vec<(String, String)>,
}

impl Story {
    pub(super) async fn read(api: &Api, id: &IncidentId) -> Result<Self, Failure> {
        let log = lists::log(api, id).await?;
        let mut story = Self::of(&log);
        let ran = |entry: &Entry| entry.kind() == Some(Event::ExecutionCompleted);
        if log.iter().any(ran) {
            let incident: Incident = api.read(&format!("incidents/{id}"), &[]).await?;
            story.repairs = repairs(&incident);
        }
        Ok(story)
    }

    fn of(log: &[Entry]) -> Self {
        let first = |wanted: fn(&Entry) -> bool| {
            log.iter().find(|entry| wanted(entry)).map(|entry| entry.at)
        };
        Self {
            acknowledged_at: first(|entry| {
                matches!(
                    entry.kind(),
                    Some(
                        Event::IncidentAcknowledged
                            | Event::IncidentAssigned
                            | Event::IncidentSnoozed
                            | Event::ApprovalGiven
                            | Event::ApprovalDecided
                    )
                )
            }),
            repaired_at: first(|entry| {
                entry.kind() == Some(Event::VerificationFinished) && entry.success
            }),
            repairs: Vec::new(),
        }
    }
}

fn repairs(incident: &Incident) -> Vec<(String, String)> {
    let plan = incident.plan.as_ref().map(|plan| plan.playbook.as_str());
    let of = |repair: &crate::api::model::Repair| {
        let playbook = repair.playbook.as_deref().or(plan).unwrap_or("unknown");
        let outcome = repair.outcome.as_deref().unwrap_or("running");
        (playbook.to_owned(), outcome.to_owned())
    };
    let all = incident.earlier_repairs.iter().chain(&incident.repair);
    all.map(of).collect()
}

#[cfg(test)]
pub(super) mod tests {
    use crate::api::model::{Incident, LogPart};

    use super::{Story, repairs};

    /// The story of the repaired incident.
    pub(in crate::report) fn repaired() -> Story {
        let log = include_str!("../../tests/api/repaired-log.json");
        let log: LogPart = serde_json::from_str(log).expect("a log");
        let incident = include_str!("../../tests/api/repaired.json");
        let incident: Incident = serde_json::from_str(incident).expect("an incident");
        Story {
            repairs: repairs(&incident),
            ..Story::of(&log.entries)
        }
    }

    #[test]
    fn a_story_begins_with_the_first_person_and_the_verified_repair() {
        let story = repaired();
        let at = |time: Option<jiff::Timestamp>| time.map(|at| at.to_string());
        assert_eq!(
            at(story.acknowledged_at).as_deref(),
            Some("2026-11-25T21:16:40Z")
        );
        assert_eq!(
            at(story.repaired_at).as_deref(),
            Some("2026-11-25T21:18:03.92Z")
        );
        let ended = (
            "restart-supervisor-program".to_owned(),
            "verified".to_owned(),
        );
        assert_eq!(story.repairs, [ended]);
    }
}
