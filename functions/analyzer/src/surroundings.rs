//! Blast radius and urgency of an incident: what depends on its service, and what was measured of it.

use domain::alert::Alert;
use domain::analysis::evidence::Evidence;
use domain::analysis::{Analysis, BlastRadius, Peers, impact};
use domain::incident::Incident;
use domain::playbook::dependencies::dependents;
use domain::playbook::service::Service;

/// What is around the service that an alert is about.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// The services that depend on it, by name.
    dependents: Vec<String>,
    peers: Option<Peers>,
    /// How many things the alerts are about.
    affected: u32,
}

impl Surroundings {
    /// Those of an incident's service, as the registry has them; `peers` is what was measured.
    pub fn of(
        services: &[Service],
        service: Option<&Service>,
        incident: &Incident,
        peers: Option<Peers>,
    ) -> Self {
        let needs_it = service.map(|service| dependents(services, &service.name));
        let names = needs_it.into_iter().flatten();
        Self {
            dependents: names.map(|service| service.name.to_string()).collect(),
            peers,
            affected: u32::try_from(incident.targets.len().max(1)).unwrap_or(u32::MAX),
        }
    }

    /// The analysis with its blast radius, and with what was measured as grounds of its urgency.
    #[must_use]
    pub fn over(self, analysis: Analysis, alert: &Alert, evidence: &[Evidence]) -> Analysis {
        let grounds = impact::grounds(evidence, alert.alert_type, self.peers.as_ref());
        Analysis {
            urgency: analysis.urgency.and(grounds),
            blast_radius: BlastRadius {
                affected_pods: self.affected,
                related_services: self.dependents,
                peers: self.peers,
                ..analysis.blast_radius
            },
            ..analysis
        }
    }
}
