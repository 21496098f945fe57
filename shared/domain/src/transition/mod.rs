//! Changes of an incident: every status is assigned here.

pub mod analysis_lease;
pub mod attention;
pub mod auto_repair;
pub mod button_audit;
pub mod decision;
pub mod lifecycle;
pub mod reanalysis;
pub mod repair;
pub mod repair_end;
pub mod repair_silence;
pub mod resolution;
pub mod response;
pub mod severity;
pub mod sighting;
pub mod silence;
pub mod storm;
