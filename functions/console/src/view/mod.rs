//! What the API and the pages say of incidents: one shape for both, of sentences in the reader's language. Values that nobody
//! outside has to know, such as signatures and the ids of presses, are in none of them.

pub(crate) mod entry;
pub(crate) mod incident;
pub(crate) mod people;
pub(crate) mod plan;
pub(crate) mod playbook;
pub(crate) mod repair;
pub(crate) mod repairs;
pub(crate) mod summary;
