//! The harness of the stories: what they run against.

pub mod alert;
pub mod sam;
pub mod stack;
pub mod target_host;
