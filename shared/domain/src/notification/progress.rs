//! Progress of the work on an incident, for channels that are told of it only when it changes: services that page,
//! and channels whose messages cannot be edited.

use serde::{Deserialize, Serialize};

use crate::analysis::Severity;
use crate::incident::parts::IncidentKind;
use crate::incident::{Incident, Status};

/// How far the work on an incident is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Progress {
    /// It needs people, this urgently.
    Waits(Severity),
    /// A repair runs or has been verified, or a person is on it or has decided to work on it without one.
    InHand,
    /// Every alert of it has ended, or a person has closed it.
    Resolved,
    /// Nothing was heard of its alerts for too long: whether they have ended is not known.
    Expired,
}

impl Progress {
    /// How far the work on an incident is; none of what is for information only, or shown elsewhere.
    pub fn of(incident: &Incident) -> Option<Self> {
        if incident.kind == IncidentKind::Pipeline {
            return None;
        }
        let on_it = incident.responder().is_some();
        match incident.status {
            Status::Open | Status::AwaitingApproval | Status::NeedsHuman | Status::RepairFailed => {
                Some(if on_it {
                    Self::InHand
                } else {
                    Self::Waits(incident.severity)
                })
            }
            Status::Approved | Status::Rejected | Status::Repairing | Status::Repaired => {
                Some(Self::InHand)
            }
            Status::Resolved | Status::Closed => Some(Self::Resolved),
            Status::Expired => Some(Self::Expired),
            Status::Announced | Status::InStorm => None,
        }
    }

    /// True if nothing is left to do.
    pub fn is_over(self) -> bool {
        matches!(self, Self::Resolved | Self::Expired)
    }
}

#[cfg(test)]
mod tests {
    use super::Progress;
    use crate::analysis::Severity;
    use crate::incident::Status;
    use crate::incident::parts::IncidentKind;
    use crate::incident::response::Responder;
    use crate::transition::lifecycle::tests::incident;

    #[test]
    fn every_status_says_how_far_the_work_is() {
        let mut one = incident();
        one.severity = Severity::P1;
        let waits = Some(Progress::Waits(Severity::P1));
        for (status, expected) in [
            (Status::Open, waits),
            (Status::AwaitingApproval, waits),
            (Status::NeedsHuman, waits),
            (Status::RepairFailed, waits),
            (Status::Approved, Some(Progress::InHand)),
            (Status::Rejected, Some(Progress::InHand)),
            (Status::Repairing, Some(Progress::InHand)),
            (Status::Repaired, Some(Progress::InHand)),
            (Status::Resolved, Some(Progress::Resolved)),
            (Status::Expired, Some(Progress::Expired)),
            (Status::Closed, Some(Progress::Resolved)),
            (Status::Announced, None),
            (Status::InStorm, None),
        ] {
            one.status = status;
            assert_eq!(Progress::of(&one), expected, "{status:?}");
        }
        one.status = Status::NeedsHuman;
        one.response.responder = Some(Responder {
            person: "ada".to_owned(),
            since: one.opened_at,
            assigned_by: None,
            snoozed_until: None,
        });
        assert_eq!(Progress::of(&one), Some(Progress::InHand), "acknowledged");
        one.kind = IncidentKind::Pipeline;
        one.status = Status::Open;
        assert_eq!(Progress::of(&one), None, "a pipeline's report needs no one");
    }
}
