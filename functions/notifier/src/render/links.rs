//! Addresses of pages about an incident: that of its decision, and its own in the console.

use domain::incident::approval::ApprovalState;
use domain::incident::parts::IncidentKind;
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

/// The page of an incident, or of a storm, in the console (`functions/console/src/routes.rs`), which shows nothing to whoever is
/// not signed in. A report of a pipeline has nothing that its page would add.
pub(crate) fn page_url(api_url: &str, incident: &Incident) -> Option<String> {
    let pages = match incident.kind {
        IncidentKind::Storm(_) => "storms",
        IncidentKind::Alert | IncidentKind::StormMember { .. } => "incidents",
        IncidentKind::Pipeline => return None,
    };
    Some(format!("{api_url}/console/{pages}/{}", incident.id))
}

#[cfg(test)]
mod tests {
    use super::{decision_url, page_url};
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

    #[test]
    fn an_incident_and_a_storm_have_pages_of_their_own() {
        for (incident, pages) in [
            (samples::waiting().incident, "incidents"),
            (samples::storm().incident, "storms"),
        ] {
            let expected = format!("https://api.test/console/{pages}/{}", incident.id);
            assert_eq!(page_url("https://api.test", &incident), Some(expected));
        }
        let report = samples::pipeline().incident;
        assert_eq!(page_url("https://api.test", &report), None);
    }
}
