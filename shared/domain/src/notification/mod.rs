//! Channels, people, outboxes, buttons, commands in a chat, tokens, sessions, who signs in at an identity provider, and the board.

pub mod board;
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
pub mod session;
pub mod sign_in;
pub mod told;
mod validation;
pub mod words;
