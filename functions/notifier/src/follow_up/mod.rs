//! Follow-up checks: approvals, resolutions, silences, episodes, heartbeats, and the retention of output.

pub mod approval;
pub mod attention;
mod episode;
mod heartbeat;
mod output_retention;
pub mod resolution;
pub mod silence;
