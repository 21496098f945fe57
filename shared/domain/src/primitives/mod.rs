//! Ids, digests, times, sentences in several languages, and text that is safe to show.

pub mod digest;
#[cfg(feature = "playbooks")]
pub mod duration;
pub mod id;
pub mod identity;
pub mod ignored;
pub mod language;
pub mod local_time;
pub mod names;
pub mod phrase;
pub mod safe_text;
pub mod server_url;
pub mod time;

/// True for what a document leaves out.
pub(crate) fn is_zero<T: Default + PartialEq>(number: &T) -> bool {
    *number == T::default()
}
