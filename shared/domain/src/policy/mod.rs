//! Guardrails: earned autonomy, limits, freezes, and playbook matching.

pub mod attempt_ledger;
#[cfg(feature = "playbooks")]
pub mod automation;
#[cfg(feature = "playbooks")]
pub mod evaluation;
#[cfg(feature = "playbooks")]
pub mod freeze;
pub mod kill_switch;
#[cfg(feature = "playbooks")]
pub mod limits;
#[cfg(feature = "playbooks")]
pub mod matching;
pub mod playbook_run;
pub mod precedent;
#[cfg(feature = "playbooks")]
pub mod track_record;
