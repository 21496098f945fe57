//! A plan: one playbook with its parameters on one target, hashed. People approve exactly this.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::analysis::Risk;
use super::digest::Digest;

/// The parts of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// What repairs.
    Steps,
    /// What tells whether the symptom went.
    Verify,
    /// What takes the repair back.
    Rollback,
}

/// One step as it will run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedStep {
    /// The argument vector; no shell reads it.
    pub argv: Vec<String>,
    /// After how many seconds it is given up.
    pub timeout_seconds: u32,
    /// How many more tries it has, if it fails: only checks have any.
    pub retries: u32,
    /// Seconds between two tries.
    pub every_seconds: u32,
}

/// What would run, where. The steps are here to be shown and hashed: what runs is rendered again by the bridge, from the
/// files that it shipped with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The playbook's id.
    pub playbook: String,
    /// The playbook's name, for people.
    pub playbook_name: String,
    /// The playbook's risk.
    pub risk: Risk,
    /// The service's name in the registry.
    pub target: String,
    /// Where the service is: transport, user, address and host key.
    pub address: String,
    /// The parameters with their checked values.
    pub parameters: BTreeMap<String, String>,
    /// What repairs.
    pub steps: Vec<PlannedStep>,
    /// What tells whether the symptom went.
    pub verify: Vec<PlannedStep>,
    /// What takes the repair back.
    pub rollback: Vec<PlannedStep>,
    /// Counts the plans of the incident: after a void, the same steps are a new plan that needs a new decision.
    pub round: u32,
    /// How well the playbook fits: 4 for the alert's name, 2 for its type, 1 for the service, added up.
    #[serde(default)]
    pub score: u32,
    /// Why this playbook was chosen.
    pub reasons: Vec<String>,
}

impl Plan {
    /// The plan's identity, 64 hex: everything that decides what runs where. `score`, `reasons` and names are not part of it.
    #[must_use]
    pub fn hash(&self) -> String {
        let mut digest = Digest::new().field("plan").field(&self.playbook).field(&self.target).field(&self.address);
        digest = digest.field(self.round.to_be_bytes()).field(self.parameters.len().to_string());
        for (name, value) in &self.parameters {
            digest = digest.field(name).field(value);
        }
        for steps in [&self.steps, &self.verify, &self.rollback] {
            digest = digest.field(steps.len().to_string());
            for step in steps {
                digest = digest.field(step.argv.len().to_string());
                for argument in &step.argv {
                    digest = digest.field(argument);
                }
                digest = digest.field(step.timeout_seconds.to_be_bytes());
                digest = digest.field(step.retries.to_be_bytes()).field(step.every_seconds.to_be_bytes());
            }
        }
        digest.hex()
    }

    /// The steps of one phase.
    #[must_use]
    pub fn phase(&self, phase: Phase) -> &[PlannedStep] {
        match phase {
            Phase::Steps => &self.steps,
            Phase::Verify => &self.verify,
            Phase::Rollback => &self.rollback,
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::collections::BTreeMap;

    use super::{Plan, PlannedStep};
    use crate::domain::analysis::Risk;

    pub(crate) fn step(argv: &[&str]) -> PlannedStep {
        PlannedStep { argv: argv.iter().map(|&a| a.to_owned()).collect(), timeout_seconds: 60, retries: 0, every_seconds: 0 }
    }

    pub(crate) fn plan() -> Plan {
        Plan {
            playbook: "restart".into(),
            playbook_name: "Restart".into(),
            risk: Risk::Low,
            target: "web".into(),
            address: "ssh quell@10.0.0.1:22 ssh-ed25519 AAAA".into(),
            parameters: BTreeMap::from([("unit".into(), "web".into())]),
            steps: vec![step(&["restart", "web"]), step(&["touch", "web"])],
            verify: vec![step(&["check", "web"])],
            rollback: vec![],
            round: 1,
            score: 4,
            reasons: vec![],
        }
    }

    #[test]
    fn the_hash_covers_all_that_decides_what_runs_where() {
        let hash = plan().hash();
        let changes: [fn(&mut Plan); 9] = [
            |p| p.playbook.push('x'),
            |p| p.target.push('x'),
            |p| p.address.push('x'),
            |p| drop(p.parameters.insert("unit".into(), "db".into())),
            |p| p.steps[0].argv = vec!["restart web".into()],
            |p| p.steps.swap(0, 1),
            |p| p.rollback = p.verify.split_off(0),
            |p| p.verify[0].timeout_seconds += 1,
            |p| p.round += 1,
        ];
        for (i, change) in changes.iter().enumerate() {
            let mut changed = plan();
            change(&mut changed);
            assert_ne!(changed.hash(), hash, "change {i}");
        }
        let same = Plan { reasons: vec!["name".into()], playbook_name: "other words".into(), ..plan() };
        assert_eq!(same.hash(), hash);
    }
}
