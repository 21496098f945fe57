//! The harness of the stories: what they run against.

pub mod stack;
pub mod target_host;
