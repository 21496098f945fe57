//! Recipes: what to ask about one kind of alert, and which known cause the answers show. Pure: who asks, and whom, is the caller's.

mod choice;
mod conclusion;
pub mod expression;
pub mod facts;
pub mod file;
pub mod query;
mod template;
pub mod trial;
pub mod validation;
pub mod vocabulary;

pub use self::choice::choose;
pub use self::conclusion::Conclusion;
pub use self::file::Recipe;
pub use self::vocabulary::KnownCause;

#[cfg(test)]
mod fixtures;
