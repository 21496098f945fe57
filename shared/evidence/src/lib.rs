//! Evidence of the operation log that outlives who can write its table (decision 31).
//!
//! The witness sees every write to the log in the table's stream, and puts each one as a leaf into a
//! transparency log: a Merkle tree whose signed checkpoints it prints. Neither the leaves nor the
//! checkpoints can be changed by a function. An [`audit`] compares them with an export of the table.

pub mod anchors;
pub mod audit;
mod chain;
pub mod checkpoint;
mod covered;
pub mod erased;
pub mod export;
pub mod finding;
pub mod leaf;
pub mod note;
pub mod tree;
mod witnessed;
