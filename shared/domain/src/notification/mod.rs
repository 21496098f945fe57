//! Channels, people, outboxes, buttons, and commands in a chat.

pub mod button_action;
pub mod button_reply;
pub mod channels;
pub mod chat_command;
pub mod notice;
pub mod outbox;
pub mod people;
pub mod person_token;
pub mod pipeline_run;
pub mod place;
pub mod progress;
mod reach;
mod validation;
pub mod words;
