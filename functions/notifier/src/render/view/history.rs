//! View of the history: the earlier incidents of a fingerprint.

use domain::incident::approval::{ApprovalState, Verdict};
use domain::incident::repair::{Repair, RepairOutcome};
use domain::incident::{Incident, Status};
use serde::Serialize;

use super::status::decided_by;
use super::{NAME_CHARACTERS, Names, first, short};

/// What `history.html` is given.
#[derive(Debug, Clone, Serialize)]
pub struct History {
    pub name: String,
    pub resource: String,
    /// The earlier incidents, as they were given.
    pub incidents: Vec<Earlier>,
    /// How many more there are.
    pub more: usize,
    pub id: String,
}

#[derive(Debug, Clone, Serialize)]
pub struct Earlier {
    /// When it was opened.
    pub opened_at: String,
    /// How long it lasted, such as `1 h 12 min`; empty while it is open.
    pub lasted: String,
    /// How many alerts it counted.
    pub count: u64,
    /// `repaired`, `repair_failed`, `rejected`, `resolved` (by itself) or `open`.
    pub outcome: &'static str,
    /// The playbook that ran or was rejected, or nothing.
    pub playbook: String,
    /// Who decided, or nothing.
    pub decided_by: String,
    pub id: String,
}

impl History {
    /// What is shown of the earlier incidents, at most so many.
    pub fn of(incident: &Incident, earlier: &[Incident], most: usize, names: Names<'_>) -> Self {
        let (name, target, _) = incident.worst_texts();
        let (shown, more) = first(earlier.iter().collect(), most);
        Self {
            name: short(name, NAME_CHARACTERS),
            resource: short(target, NAME_CHARACTERS),
            incidents: shown
                .into_iter()
                .map(|earlier| Earlier::of(earlier, names))
                .collect(),
            more,
            id: incident.id.to_string(),
        }
    }
}

impl Earlier {
    fn of(incident: &Incident, names: Names<'_>) -> Self {
        let (outcome, playbook) = outcome(incident);
        Self {
            opened_at: names.moment(incident.opened_at),
            lasted: incident
                .resolved_at
                .map(|at| names.duration(incident.opened_at, at))
                .unwrap_or_default(),
            count: incident.hit_count,
            outcome,
            playbook: short(playbook, NAME_CHARACTERS),
            decided_by: incident
                .approval
                .as_ref()
                .map(|approval| decided_by(approval, names))
                .unwrap_or_default(),
            id: incident.id.to_string(),
        }
    }
}

/// The end of an incident, and the playbook that ran or was rejected.
fn outcome(incident: &Incident) -> (&'static str, &str) {
    let rejected = incident.approval.as_ref().is_some_and(|approval| {
        matches!(
            approval.state,
            ApprovalState::Decided {
                verdict: Verdict::Reject,
                ..
            }
        )
    });
    let planned = incident
        .plan
        .as_ref()
        .map_or("", |plan| plan.playbook_name.as_str());
    let word = |outcome| {
        if outcome == RepairOutcome::Verified {
            "repaired"
        } else {
            "repair_failed"
        }
    };
    // A repair that found nothing to do is as none.
    let did_something = |repair: &Repair| {
        repair
            .outcome
            .filter(|outcome| *outcome != RepairOutcome::NothingToDo)
    };
    match incident.repair.as_ref().and_then(did_something) {
        Some(outcome) => (word(outcome), planned),
        None if rejected => ("rejected", planned),
        None if incident.is_open() => ("open", ""),
        // What was tried before the last plan is what was tried.
        None => match incident
            .earlier_repairs
            .iter()
            .rev()
            .find_map(|tried| Some((did_something(&tried.repair)?, &tried.playbook)))
        {
            Some((outcome, playbook)) => (word(outcome), playbook),
            None if incident.status == Status::Expired => ("expired", ""),
            None if incident.status == Status::Closed => ("closed", ""),
            None => ("resolved", ""),
        },
    }
}
