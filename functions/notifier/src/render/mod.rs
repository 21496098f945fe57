//! Rendering of messages: templates, markup, views.

pub mod buttons;
pub mod check;
pub mod content;
pub(crate) mod links;
pub mod markup;
pub mod presenter;
pub mod templates;
pub mod view;
pub(crate) mod words;
