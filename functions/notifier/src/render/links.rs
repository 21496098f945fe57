//! The address of a decision, for receivers that have none of our buttons.

use domain::incident::approval::ApprovalState;
use domain::incident::{Incident, Status};

/// Where people decide on what waits, if something does. The page asks for the person's own token: the
/// address is no secret.
pub(crate) fn decision_url(api_url: &str, incident: &Incident) -> Option<String> {
    let waits = incident
        .approval
        .as_ref()
        .filter(|approval| approval.state == ApprovalState::Pending);
    let approval = waits.filter(|_| incident.status == Status::AwaitingApproval)?;
    Some(format!("{api_url}/api/v1/approvals/{}/link", approval.id))
}

#[cfg(test)]
mod tests {
    use super::decision_url;
    use crate::samples;

    #[test]
    fn only_what_waits_has_an_address() {
        let waiting = samples::waiting().incident;
        let id = &waiting.approval.as_ref().expect("it waits").id;
        let expected = format!("https://api.test/api/v1/approvals/{id}/link");
        assert_eq!(decision_url("https://api.test", &waiting), Some(expected));
        let ended = samples::repaired().incident;
        assert_eq!(decision_url("https://api.test", &ended), None);
    }
}
