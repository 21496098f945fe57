//! Answers of the console, with the headers that every one of them has.

use lambda_http::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HeaderName, IF_NONE_MATCH,
    LOCATION, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY, VARY, X_CONTENT_TYPE_OPTIONS,
    X_FRAME_OPTIONS,
};
use lambda_http::http::{HeaderMap, HeaderValue, StatusCode};
use lambda_http::{Body, Response};
use sha2::{Digest as _, Sha256};

/// A page runs the console's own scripts and no others, and writes texts into itself by one checked way alone
/// (<https://www.w3.org/TR/CSP3/>, <https://www.w3.org/TR/trusted-types/>).
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
     form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types quell";

/// `same-origin`, because browsers send no `Origin` with a form where there is no referrer at all.
const HEADERS: [(HeaderName, &str); 8] = [
    (CONTENT_SECURITY_POLICY, POLICY),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (X_FRAME_OPTIONS, "DENY"),
    (REFERRER_POLICY, "same-origin"),
    (STRICT_TRANSPORT_SECURITY, "max-age=31536000"),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    ),
];

pub(crate) const JSON: &str = "application/json";
pub(crate) const HTML: &str = "text/html; charset=utf-8";

/// An answer whose body is the same for as long as its tag is.
#[derive(Debug)]
pub(crate) struct Tagged {
    pub(crate) kind: &'static str,
    pub(crate) body: String,
    /// What the tag is made of, where the body has values that change nothing, such as a page's one-time token.
    pub(crate) tagged: Option<String>,
}

impl Tagged {
    pub(crate) fn json(body: String) -> Self {
        let (kind, tagged) = (JSON, None);
        Self { kind, body, tagged }
    }

    /// The answer, or 304 if the caller has it already.
    pub(crate) fn into_response(self, asked: &HeaderMap) -> Response<Body> {
        let tag = tag(self.tagged.as_ref().unwrap_or(&self.body));
        let known = asked.get_all(IF_NONE_MATCH).iter();
        let known = known.filter_map(|value| value.to_str().ok());
        let mut known = known.flat_map(|value| value.split(',')).map(str::trim);
        let same = known.any(|known| known == "*" || weak(known) == weak(&tag));
        let mut response = if same {
            with(StatusCode::NOT_MODIFIED, "", self.kind)
        } else {
            with(StatusCode::OK, self.body, self.kind)
        };
        let headers = response.headers_mut();
        set(headers, ETAG, &tag);
        // Nothing of it is kept by anything between, and a browser asks each time.
        set(headers, CACHE_CONTROL, "private, no-cache");
        set(headers, VARY, "Accept-Language, Authorization, Cookie");
        response
    }
}

/// Tags are compared without their mark of weakness (RFC 9110, 13.1.2).
fn weak(tag: &str) -> &str {
    tag.strip_prefix("W/").unwrap_or(tag)
}

fn tag(of: &str) -> String {
    let digest = hex::encode(Sha256::digest(of.as_bytes()));
    format!("W/\"{}\"", &digest[..32])
}

/// An answer with a body, and the headers that every answer has.
pub(crate) fn with(status: StatusCode, body: impl Into<Body>, kind: &str) -> Response<Body> {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    set(headers, CONTENT_TYPE, kind);
    set(headers, CACHE_CONTROL, "no-store");
    response
}

/// Leads to another page.
pub(crate) fn see_other(location: &str) -> Response<Body> {
    let mut response = with(StatusCode::SEE_OTHER, "", "text/plain");
    set(response.headers_mut(), LOCATION, location);
    response
}

/// Sets a header. Its value is one of ours: what cannot be one is left out.
pub(crate) fn set(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use lambda_http::http::{HeaderMap, HeaderValue, header};

    use super::Tagged;

    fn status(known: &str, body: &str) -> u16 {
        let value = HeaderValue::from_str(known).expect("a header");
        let asked = HeaderMap::from_iter([(header::IF_NONE_MATCH, value)]);
        Tagged::json(body.to_owned())
            .into_response(&asked)
            .status()
            .as_u16()
    }

    #[test]
    fn what_the_caller_has_is_not_sent_again() {
        let first = Tagged::json("{}".to_owned()).into_response(&HeaderMap::new());
        assert_eq!(first.status(), 200);
        let tag = first.headers()[header::ETAG]
            .to_str()
            .expect("text")
            .to_owned();
        assert_eq!(status(&tag, "{}"), 304);
        assert_eq!(status(&format!("\"x\", {}", &tag[2..]), "{}"), 304);
        assert_eq!(status(&tag, "{ }"), 200);
        assert_eq!(status("\"x\"", "{}"), 200);
    }
}
