//! Parser of seed requests: the secret on the first line, then headers, an empty line, and the
//! body.

use lambda_http::http::{HeaderMap, HeaderName, HeaderValue};

/// Every secret ends with this, so that a part of one is recognised wherever it shows.
pub(crate) const MARK: &str = "-7f3a9c51";

/// A request in parts.
pub(crate) struct Request<'a> {
    /// What the door compares with. Secrets Manager's values are used without the space around them.
    pub(crate) secret: String,
    /// The headers' names and values, a mistaken line left out.
    lines: Vec<(HeaderName, &'a [u8])>,
    pub(crate) body: &'a [u8],
}

impl<'a> Request<'a> {
    /// Reads a request. Any bytes are one.
    pub(crate) fn of(bytes: &'a [u8]) -> Self {
        let (secret, mut rest) = cut(bytes);
        let mut lines = Vec::new();
        while !rest.is_empty() {
            let (line, after) = cut(rest);
            rest = after;
            if line.is_empty() {
                break;
            }
            if let Some(colon) = line.iter().position(|byte| *byte == b':')
                && let Ok(name) = HeaderName::from_bytes(&line[..colon])
                && lines.len() < 64
            {
                lines.push((name, line[colon + 1..].trim_ascii()));
            }
        }
        let secret = format!("{}{MARK}", String::from_utf8_lossy(secret));
        Self {
            secret: secret.trim().to_owned(),
            lines,
            body: rest,
        }
    }

    /// The first value of a header, as it was written.
    pub(crate) fn first(&self, name: &str) -> Option<&'a [u8]> {
        self.lines
            .iter()
            .find(|(own, _)| own == name)
            .map(|(_, value)| *value)
    }

    /// The headers, each after `change`. What cannot be a header's value would not reach us and is left out.
    pub(crate) fn headers(
        &self,
        change: impl Fn(HeaderName, &[u8]) -> (HeaderName, Vec<u8>),
    ) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in &self.lines {
            let (name, value) = change(name.clone(), value);
            if let Ok(value) = HeaderValue::from_bytes(&value) {
                headers.append(name, value);
            }
        }
        headers
    }
}

/// The first line, and what comes after it.
pub(crate) fn cut(bytes: &[u8]) -> (&[u8], &[u8]) {
    match bytes.iter().position(|byte| *byte == b'\n') {
        Some(end) => (&bytes[..end], &bytes[end + 1..]),
        None => (bytes, &[]),
    }
}

/// `value` with every `mark` replaced: how an input that cannot know a secret or a signature still holds one.
pub(crate) fn replaced(value: &[u8], mark: &str, by: &[u8]) -> Vec<u8> {
    let mut result = Vec::with_capacity(value.len());
    let mut rest = value;
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix(mark.as_bytes()) {
            result.extend_from_slice(by);
            rest = after;
        } else {
            result.push(rest[0]);
            rest = &rest[1..];
        }
    }
    result
}

/// The one value of a header of authentication, by the book: sent once, visible ASCII.
pub(crate) fn one<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, ()> {
    let values: Vec<&[u8]> = headers
        .get_all(name)
        .iter()
        .map(HeaderValue::as_bytes)
        .collect();
    match values.as_slice() {
        [] => Ok(None),
        [value]
            if value
                .iter()
                .all(|byte| (b' '..=b'~').contains(byte) || *byte == b'\t') =>
        {
            std::str::from_utf8(value).map(Some).map_err(drop)
        }
        _ => Err(()),
    }
}
