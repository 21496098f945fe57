//! View of repairs as a whole: what runs, which hosts and groups are taken, and what keeps repairs from running.

use std::collections::BTreeMap;

use domain::playbook::service::Service;
use domain::policy::kill_switch::SwitchedOff;
use domain::primitives::id::IncidentId;
use jiff::Timestamp;
use serde::Serialize;

use crate::say::Moment;
use crate::view::summary::Summary;

#[derive(Debug, Clone, Serialize)]
pub(crate) struct RepairsView {
    /// Present while no repair runs at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) switched_off: Option<SwitchView>,
    /// Present while a change freeze holds: every repair asks a human then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) freeze: Option<FreezeView>,
    /// Incidents whose plan is approved or runs, newest first; 200 at most.
    pub(crate) running: Vec<Summary>,
    pub(crate) locks: Vec<LockView>,
    pub(crate) groups: Vec<GroupView>,
    /// How many locks were not looked at, because the registry has too many services.
    pub(crate) locks_left_out: usize,
}

#[derive(Debug, Clone, Serialize)]
pub(crate) struct SwitchView {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) by: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) why: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) at: Option<Timestamp>,
}

#[derive(Debug, Clone, Serialize)]
pub(crate) struct FreezeView {
    pub(crate) why: String,
    pub(crate) until: Timestamp,
}

/// A lock that a repair holds.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct LockView {
    pub(crate) name: String,
    pub(crate) incident_id: IncidentId,
    pub(crate) until: Timestamp,
}

/// A redundancy group of the registry.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct GroupView {
    pub(crate) name: String,
    pub(crate) members: usize,
    /// Those that are being repaired.
    pub(crate) repairing: Vec<String>,
    /// How many may be at once.
    pub(crate) at_once: u32,
}

impl From<SwitchedOff> for SwitchView {
    fn from(SwitchedOff { by, why, at }: SwitchedOff) -> Self {
        Self { by, why, at }
    }
}

impl SwitchView {
    pub(crate) fn since(&self) -> Option<Moment> {
        self.at.map(Moment)
    }
}

impl FreezeView {
    pub(crate) fn ends(&self) -> Moment {
        Moment(self.until)
    }
}

impl LockView {
    pub(crate) fn ends(&self) -> Moment {
        Moment(self.until)
    }
}

/// The names of the registry's redundancy groups, with how many members each has.
pub(crate) fn groups(services: &[Service]) -> Vec<(String, usize)> {
    let mut groups = BTreeMap::new();
    for group in services
        .iter()
        .filter_map(|service| service.redundancy_group.as_ref())
    {
        *groups.entry(group.clone()).or_default() += 1;
    }
    groups.into_iter().collect()
}
