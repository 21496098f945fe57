//! Follow-up checks: approvals, resolutions, silences.

pub mod approval;
pub mod resolution;
pub mod silence;
