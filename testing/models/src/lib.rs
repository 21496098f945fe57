//! Models of the protocols between the functions: every history within bounds is explored, with
//! crashes, repetitions and changes of order between any two effects (docs/models.md).
//!
//! A model calls the domain's own decisions. What it has of its own is what lies between them: the
//! conditions of the table's writes, the order of effects, and a queue that delivers twice.

pub mod approval;
pub mod channel;
pub mod check;
pub mod claim;
pub mod episode;
pub mod follow_up;
mod kept;
pub mod repair;
mod world;
