//! Risk of a plan: what its playbook says, raised by what it does to data, by what it runs on, and by what depends on that.
//!
//! No word of an alert or a model has a part in it: who sends alerts can make an incident urgent, and no repair safe or dangerous.

use crate::analysis::{DataImpact, Peers, Risk};
use crate::phrase;
use crate::playbook::service::{Criticality, Service};
use crate::primitives::phrase::Phrase;

/// A risk, and how it came about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanRisk {
    pub risk: Risk,
    /// The playbook's own word first, then what raised it, and by how much.
    pub because: Vec<Phrase>,
}

impl PlanRisk {
    /// The risk of what a playbook says of itself, on a service. `has_way_back` is false where what it changes cannot be taken back.
    pub fn of(said: Risk, data_impact: DataImpact, has_way_back: bool, service: &Service) -> Self {
        let risk = said.as_str();
        let mut found = Self {
            risk: said,
            because: vec![phrase!("its playbook says {risk}", risk)],
        };
        match data_impact {
            DataImpact::None | DataImpact::ReadOnly => {}
            DataImpact::Write => found.at_least(Risk::Medium, phrase!("it changes data")),
            DataImpact::Destructive => found.at_least(Risk::Critical, phrase!("it can lose data")),
        }
        if data_impact >= DataImpact::Write && !has_way_back {
            found.at_least(Risk::High, phrase!("there is no way back"));
        }
        let is_critical = |criticality: &str| {
            phrase!(
                "the criticality of {service} is {criticality}",
                service = service.name,
                criticality
            )
        };
        match service.criticality {
            Criticality::Low | Criticality::Normal => {}
            Criticality::High => found.at_least(Risk::Medium, is_critical("high")),
            Criticality::Critical => found.at_least(Risk::High, is_critical("critical")),
        }
        found
    }

    /// The same where nothing takes over while the service is repaired, though others depend on it or it is critical. Peers that
    /// were not measured are not known to take over.
    #[must_use]
    pub fn and_redundancy(
        mut self,
        service: &Service,
        dependents: &[&Service],
        peers: Option<&Peers>,
    ) -> Self {
        let is_critical = service.criticality >= Criticality::High;
        let has_redundancy = peers.is_some_and(|peers| peers.healthy > 0);
        if has_redundancy || (dependents.is_empty() && !is_critical) {
            return self;
        }
        let why = match (dependents.first(), peers) {
            (None, None) => phrase!("nothing is known to take over for it"),
            (None, Some(peers)) => phrase!("nothing takes over: {peers}", peers => peers.phrase()),
            (Some(first), None) => phrase!(
                "{count} services depend on it ({first}), and nothing is known to take over",
                count = dependents.len(),
                first = first.name
            ),
            (Some(first), Some(peers)) => phrase!(
                "{count} services depend on it ({first}), and nothing takes over: {peers}",
                count = dependents.len(),
                first = first.name,
                peers => peers.phrase()
            ),
        };
        let least = if is_critical {
            Risk::High
        } else {
            Risk::Medium
        };
        self.at_least(least, why);
        self
    }

    /// Raises it to this, if it is less; what raises nothing is no reason.
    fn at_least(&mut self, least: Risk, why: Phrase) {
        if self.risk < least {
            self.risk = least;
            let risk = least.as_str();
            self.because
                .push(phrase!("{why}: at least {risk}", why => why, risk));
        }
    }
}

#[cfg(test)]
#[path = "plan_risk_tests.rs"]
mod tests;
