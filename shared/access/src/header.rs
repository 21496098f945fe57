//! Headers that decide who is let in: each has one value, or none.

use http::HeaderMap;
use thiserror::Error;

/// Why a header has no one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SentTwice {
    /// Proxies and we could disagree on which one counts.
    #[error("a header was sent twice")]
    Twice,
    #[error("a header is not ASCII text")]
    NotText,
}

/// The one value of a header.
///
/// # Errors
/// If it has several, or one that is no text.
pub fn single<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, SentTwice> {
    let mut values = headers.get_all(name).iter();
    let first = values.next();
    if values.next().is_some() {
        return Err(SentTwice::Twice);
    }
    let text = first.map(|value| value.to_str().map_err(|_| SentTwice::NotText));
    text.transpose()
}
