//! Evidence from the table and the operator's servers. Each query has a deadline, and a failed query
//! is recorded as evidence too: the analysis goes on.

pub(crate) mod deviation;
pub(crate) mod gather;
pub(crate) mod incidents;
pub mod prometheus;
mod prometheus_answer;
mod promql;
pub mod recipe_questions;
mod redundancy;
mod servers;
pub(crate) mod signoz;
#[cfg(test)]
pub(crate) mod stand_in;

use std::time::{Duration, Instant};

use domain::analysis::evidence::{Evidence, Found, Source};
use domain::phrase;
use domain::primitives::duration::Length;
use domain::primitives::phrase::Phrase;
use domain::primitives::safe_text::line;
use domain::primitives::server_url;
use jiff::Timestamp;
use outbound::{self, BodyError};
use redaction::redact;
use reqwest::{RequestBuilder, StatusCode, Url};
use secrecy::{ExposeSecret as _, SecretString};
use thiserror::Error;

/// How much of a server's own words a reason has, in characters: with ours they fit into a line of evidence.
const WORDS_CHARACTERS: usize = 200;
/// How much of an answer is read, in bytes.
const MOST_BYTES: usize = 2 * 1024 * 1024;

/// A server's URL in `analyzer.yaml` that cannot be used. It is not repeated: it may hold a password.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("analyzer.yaml: evidence.{server}.url {reason}")]
pub struct InvalidUrl {
    server: &'static str,
    reason: &'static str,
}

/// Why there is nothing to see. No text of it holds a key or a URL (`secrets-stay`).
#[derive(Debug, PartialEq, Eq, Error)]
#[error("{}", self.phrase(None))]
enum NoAnswer {
    TimedOut(u64),
    Unreachable(String),
    TooLong,
    Redirect(u16),
    Refused { status: u16, words: String },
    Unreadable { status: u16, reason: String },
    NotAsked(Phrase),
}

impl NoAnswer {
    /// The reason for people. What the server says is in it without the key and other secrets, and cut.
    fn phrase(&self, key: Option<&SecretString>) -> Phrase {
        let said = |words: &str| line(&redact(&without(key, words)), WORDS_CHARACTERS);
        match self {
            Self::TimedOut(seconds) => phrase!("it did not answer within {seconds} s", seconds),
            Self::Unreachable(why) => phrase!("it could not be reached: {why}", why = said(why)),
            Self::TooLong => phrase!("its answer is longer than 2 MiB"),
            Self::Redirect(status) => phrase!(
                "it answered with a redirect ({status}), which is not followed: write the address that it leads to into analyzer.yaml",
                status
            ),
            Self::Refused { status, words } => phrase!(
                "it refused the question ({status}): {words}",
                status,
                words = said(words)
            ),
            Self::Unreadable { status, reason } => phrase!(
                "its answer ({status}) is none of its API: {reason}",
                status,
                reason = said(reason)
            ),
            Self::NotAsked(why) => phrase!("it was not asked: {why}", why => why.clone()),
        }
    }
}

/// The base of a server's addresses, by the rule that the check of the files has.
fn base_url(server: &'static str, text: &str) -> Result<Url, InvalidUrl> {
    let invalid = |reason| InvalidUrl { server, reason };
    server_url::problem(text).map_or(Ok(()), |reason| Err(invalid(reason)))?;
    Url::parse(text).map_err(|_| invalid("is not a URL"))
}

/// The address of what is below a base.
fn below(base: &Url, path: &[&str]) -> Url {
    let mut url = base.clone();
    // Only a URL such as `mailto:` has no path; `base_url` takes none of those.
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty().extend(path);
    }
    url
}

/// What is asked of whom, and how long the answer may take.
struct Inquiry<'a> {
    source: Source,
    asked: Phrase,
    at: Timestamp,
    timeout: Length,
    key: Option<&'a SecretString>,
}

impl Inquiry<'_> {
    /// Waits for the answer and makes evidence of whatever comes.
    async fn answered_by(self, answer: impl Future<Output = Result<Found, NoAnswer>>) -> Evidence {
        let Self {
            source,
            asked,
            at,
            timeout,
            key,
        } = self;
        let began = Instant::now();
        let answered = tokio::time::timeout(Duration::from_secs(timeout.seconds()), answer).await;
        let answered = answered.unwrap_or(Err(NoAnswer::TimedOut(timeout.seconds())));
        let found = answered.unwrap_or_else(|why| Found::Failed {
            why: why.phrase(key),
        });
        kept(Evidence {
            source,
            asked,
            at,
            duration_ms: milliseconds(began),
            found,
        })
    }
}

/// Evidence that took no time.
fn at_once(source: Source, asked: impl Into<Phrase>, at: Timestamp, found: Found) -> Evidence {
    Evidence {
        source,
        asked: asked.into(),
        at,
        duration_ms: 0,
        found,
    }
}

/// How long ago this was, in milliseconds.
pub(crate) fn milliseconds(started: Instant) -> u64 {
    u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX)
}

/// Evidence as it is kept and shown: without secrets, which have to go before a text is flattened or cut, because a part of one does not
/// look like one.
pub(crate) fn kept(mut evidence: Evidence) -> Evidence {
    let clean = |text: &mut String| *text = redact(text).into_owned();
    evidence.change_phrases(|phrase| phrase.if_unchanged(|text| redact(text).into_owned()));
    if let Found::Measured { measurements, .. } = &mut evidence.found {
        for measurement in measurements {
            clean(&mut measurement.name);
            clean(&mut measurement.unit);
        }
    }
    evidence.bounded()
}

/// A server's words without the key, which one that refuses it may quote.
fn without(key: Option<&SecretString>, words: &str) -> String {
    let key = key
        .map(|key| key.expose_secret())
        .filter(|key| !key.is_empty());
    key.map_or_else(|| words.to_owned(), |key| words.replace(key, "…"))
}

/// Sends a question and reads the whole answer, whatever its status, if it is not too long.
async fn answer(request: RequestBuilder) -> Result<(StatusCode, Vec<u8>), NoAnswer> {
    let response = request
        .send()
        .await
        .map_err(|error| NoAnswer::Unreachable(outbound::reason(error)))?;
    let status = response.status();
    if status.is_redirection() {
        return Err(NoAnswer::Redirect(status.as_u16()));
    }
    match outbound::body(response, MOST_BYTES).await {
        Ok(body) => Ok((status, body)),
        Err(BodyError::TooLong(_)) => Err(NoAnswer::TooLong),
        Err(BodyError::Broken(why)) => Err(NoAnswer::Unreachable(why)),
    }
}

#[cfg(test)]
mod tests {
    use secrecy::SecretString;

    use super::{base_url, below, without};

    #[test]
    fn the_rule_for_urls_lets_through_what_is_one() {
        let hosts = [
            "127.0.0.1:9090",
            "ops.example",
            "[::1]:9090",
            "a_b-c.d1:0",
            "OPS.example",
        ];
        for (host, path) in hosts.iter().flat_map(|host| {
            ["", "/prometheus", "/a/b%20c", "/a:b@c;d=e,f"].map(|path| (host, path))
        }) {
            let url = format!("http://{host}{path}");
            assert!(base_url("prometheus", &url).is_ok(), "{url}");
        }
        let error = base_url("signoz", "http://u:secret@h")
            .expect_err("a password")
            .to_string();
        assert_eq!(
            error,
            "analyzer.yaml: evidence.signoz.url holds a user or a password: name a secret with a key instead"
        );
    }

    #[test]
    fn addresses_keep_the_base_s_path() {
        for (base, expected) in [
            ("http://h", "http://h/api/v1"),
            ("http://h:81/a", "http://h:81/a/api/v1"),
            ("http://h/a/b", "http://h/a/b/api/v1"),
        ] {
            assert_eq!(
                below(
                    &base_url("prometheus", base).expect("a URL"),
                    &["api", "v1"]
                )
                .as_str(),
                expected,
                "{base}"
            );
        }
    }

    #[test]
    fn a_key_that_a_server_quotes_is_taken_out() {
        let cases = [
            (Some("fake"), "no `fake`, fake", "no `…`, …"),
            (Some("fake"), "none", "none"),
            (Some(""), "ab", "ab"),
            (None, "ab", "ab"),
        ];
        for (key, words, expected) in cases {
            assert_eq!(
                without(key.map(SecretString::from).as_ref(), words),
                expected
            );
        }
    }
}
