//! Channels, people, outboxes and buttons.

pub mod button_action;
pub mod button_reply;
pub mod channels;
pub mod notice;
pub mod outbox;
pub mod pipeline_run;
pub mod words;
