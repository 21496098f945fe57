//! Rendering of messages: templates, markup, views.

pub mod buttons;
pub mod check;
pub mod content;
pub mod engine;
pub mod kind;
pub(crate) mod links;
pub mod markup;
pub mod picture;
pub mod presenter;
pub(crate) mod responsible;
pub mod templates;
pub mod view;

#[cfg(test)]
mod hostile_tests;
#[cfg(test)]
mod notices_tests;
#[cfg(test)]
mod other_cards_tests;
#[cfg(test)]
mod own_templates_tests;
#[cfg(test)]
mod repair_cards_tests;
