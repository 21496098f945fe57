//! Follow-up checks: approvals, resolutions, silences.

pub mod approval;
mod episode;
pub mod resolution;
pub mod silence;
