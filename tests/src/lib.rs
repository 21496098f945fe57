//! The harness of the stories: what they run against.

pub mod alert;
pub mod alertmanager;
pub mod http_door;
pub mod sam;
pub mod stack;
pub mod target_host;
