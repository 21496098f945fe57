//! Plans: one playbook with its parameters on one target, hashed. An approval covers exactly this.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use crate::analysis::Risk;
use crate::playbook::condition::When;
use crate::primitives::digest::Digest;
use crate::primitives::id::{PlanHash, PlaybookId, ServiceName};
use crate::primitives::phrase::Phrase;

/// What comes on top of a command's own time: checking the decision, reading the key, connecting to the bastion and to the target,
/// hanging up.
const AROUND: SignedDuration = SignedDuration::from_secs(70);

/// The parts of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// What is looked at before the first step.
    Facts,
    Steps,
    /// What tells whether the symptom went.
    Verify,
    /// What takes the repair back.
    Rollback,
}

/// One step as it will run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedStep {
    /// The argument vector; no shell reads it.
    pub argv: Vec<String>,
    /// After how many seconds it is given up.
    pub timeout_seconds: u32,
    /// How many more tries it has, if it fails: only checks have any.
    pub retries: u32,
    /// Seconds between two tries.
    pub every_seconds: u32,
    /// The name of the fact that it finds out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fact: Option<String>,
    /// On what it depends whether it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<When>,
    /// True if it may run again when it is unknown whether it ran.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub idempotent: bool,
}

/// What would run, where. The steps are here to be shown and hashed: what runs is rendered again by the bridge, from the
/// files that it shipped with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    pub playbook: PlaybookId,
    /// The playbook's name, for people.
    pub playbook_name: String,
    /// What can go wrong: by the playbook, and raised by what it runs on. It decides who may approve it, and how many have to.
    pub risk: Risk,
    /// How the risk came about. No part of the hash, and empty for a plan of before it was said.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub risk_because: Vec<Phrase>,
    pub target: ServiceName,
    /// Where the service is: transport, user, address and host key.
    pub address: String,
    /// True if the registry does not say where the service lives: alerts from everywhere get the plan. No part of the hash.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unscoped: bool,
    /// The parameters with their checked values.
    pub parameters: BTreeMap<String, String>,
    /// What is looked at before the first step, because steps depend on it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub facts: Vec<PlannedStep>,
    pub steps: Vec<PlannedStep>,
    /// What tells whether the symptom went.
    pub verify: Vec<PlannedStep>,
    /// What takes the repair back.
    pub rollback: Vec<PlannedStep>,
    /// Counts the plans of the incident: after a void, the same steps are a new plan that needs a new decision.
    pub round: u32,
    /// How well the playbook fits: 4 for the alert's name, 2 for its type, 1 for the service, added up.
    pub score: u32,
    /// Why this playbook was chosen.
    pub reasons: Vec<Phrase>,
}

impl Plan {
    /// The plan's identity, 64 hex: everything that decides what runs where. `unscoped`, `risk`, `score`, reasons and names are not part of it.
    pub fn hash(&self) -> PlanHash {
        let mut digest = Digest::new()
            .field("plan")
            .field(self.playbook.as_bytes())
            .field(self.target.as_bytes())
            .field(&self.address);
        digest = digest
            .field(self.round.to_be_bytes())
            .field(self.parameters.len().to_string());
        for (name, value) in &self.parameters {
            digest = digest.field(name).field(value);
        }
        for steps in [&self.facts, &self.steps, &self.verify, &self.rollback] {
            digest = digest.field(steps.len().to_string());
            for step in steps {
                digest = digest.field(step.argv.len().to_string());
                for argument in &step.argv {
                    digest = digest.field(argument);
                }
                digest = digest.field(step.timeout_seconds.to_be_bytes());
                digest = digest
                    .field(step.retries.to_be_bytes())
                    .field(step.every_seconds.to_be_bytes());
                digest = step.conditions(digest);
            }
        }
        digest.into()
    }

    /// True if whether something runs depends on what this fact printed.
    pub fn searches(&self, fact: &str) -> bool {
        let mut conditions = self
            .steps
            .iter()
            .chain(&self.verify)
            .chain(&self.rollback)
            .filter_map(|step| step.when.as_ref());
        conditions.any(|when| when.fact == fact && when.prints.is_some())
    }

    /// The steps of one phase.
    pub fn phase(&self, phase: Phase) -> &[PlannedStep] {
        match phase {
            Phase::Facts => &self.facts,
            Phase::Steps => &self.steps,
            Phase::Verify => &self.verify,
            Phase::Rollback => &self.rollback,
        }
    }
}

impl PlannedStep {
    /// The longest that one try may take until the bridge has answered, whatever happens on the way.
    pub fn longest(&self) -> SignedDuration {
        SignedDuration::from_secs(i64::from(self.timeout_seconds)) + AROUND
    }

    /// Adds to a digest what the step depends on, where it depends on anything.
    fn conditions(&self, mut digest: Digest) -> Digest {
        for (name, value) in [
            ("fact", self.fact.as_deref()),
            ("idempotent", self.idempotent.then_some("true")),
        ] {
            if let Some(value) = value {
                digest = digest.field(name).field(value);
            }
        }
        let Some(When {
            fact,
            exits,
            prints,
            not,
        }) = &self.when
        else {
            return digest;
        };
        digest = digest.field("when").field(fact).field([
            u8::from(*not),
            u8::from(exits.is_some()),
            u8::from(prints.is_some()),
        ]);
        digest
            .field(exits.unwrap_or_default().to_be_bytes())
            .field(prints.as_deref().unwrap_or_default())
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::collections::BTreeMap;

    use super::{Plan, PlannedStep};
    use crate::analysis::Risk;
    use crate::playbook::condition::When;

    pub(crate) fn step(argv: &[&str]) -> PlannedStep {
        PlannedStep {
            argv: argv.iter().map(|&a| a.to_owned()).collect(),
            timeout_seconds: 60,
            ..PlannedStep::default()
        }
    }

    pub(crate) fn plan() -> Plan {
        Plan {
            playbook: "restart".into(),
            playbook_name: "Restart".into(),
            risk: Risk::Low,
            risk_because: vec![],
            target: "web".into(),
            address: "ssh quell@10.0.0.1:22 ssh-ed25519 AAAA".into(),
            unscoped: false,
            parameters: BTreeMap::from([("unit".into(), "web".into())]),
            facts: vec![],
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
        fn when(exits: Option<u32>, prints: Option<&str>, not: bool) -> Option<When> {
            Some(When {
                fact: "up".into(),
                exits,
                prints: prints.map(str::to_owned),
                not,
            })
        }
        let changes: [fn(&mut Plan); 15] = [
            |p| p.playbook = "x".into(),
            |p| p.target = "x".into(),
            |p| p.address.push('x'),
            |p| drop(p.parameters.insert("unit".into(), "db".into())),
            |p| p.steps[0].argv = vec!["restart web".into()],
            |p| p.steps.swap(0, 1),
            |p| p.rollback = p.verify.split_off(0),
            |p| p.verify[0].timeout_seconds += 1,
            |p| p.round += 1,
            |p| p.facts.push(step(&["restart", "web"])),
            |p| p.steps[0].idempotent = true,
            |p| p.steps[0].when = when(Some(0), None, false),
            |p| p.steps[0].when = when(Some(0), None, true),
            |p| p.steps[0].when = when(None, Some("0"), false),
            |p| p.steps[0].when = when(None, Some(""), false),
        ];
        let mut hashes = std::collections::BTreeSet::from([hash.clone()]);
        for (i, change) in changes.iter().enumerate() {
            let mut changed = plan();
            change(&mut changed);
            assert!(hashes.insert(changed.hash()), "change {i}");
        }
        // It is in the store, below approvals that wait: it never changes.
        insta::assert_snapshot!(hash, @"47d377079d1160d6cde43be9094fabfb9f163f158a1fd3462a61e909ae3b2a13");
        let same = Plan {
            reasons: vec!["name".into()],
            playbook_name: "other words".into(),
            ..plan()
        };
        assert_eq!(same.hash(), hash);
    }
}
