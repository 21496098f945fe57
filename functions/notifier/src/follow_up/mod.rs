//! Follow-up checks: approvals, resolutions, silences, episodes, heartbeats.

pub mod approval;
pub mod attention;
mod episode;
mod heartbeat;
pub mod resolution;
pub mod silence;
