//! View models of incidents, for the API and the pages, with sentences in the reader's language. Internal values, such as
//! signatures and the ids of presses, are in none of them.

pub(crate) mod entry;
pub(crate) mod incident;
pub(crate) mod people;
pub(crate) mod plan;
pub(crate) mod playbook;
pub(crate) mod quality;
pub(crate) mod repair;
pub(crate) mod repairs;
pub(crate) mod summary;
