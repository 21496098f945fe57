//! Answers of signing in: each leads the browser on, and has no text of its own.

use lambda_http::http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, LOCATION,
    REFERRER_POLICY, SET_COOKIE, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS,
};
use lambda_http::http::{HeaderValue, StatusCode};
use lambda_http::{Body, Response};

/// No referrer: the address of an answer has the provider's code in it (RFC 9700, 4.2.4).
const HEADERS: [(HeaderName, &str); 5] = [
    (CACHE_CONTROL, "no-store"),
    (REFERRER_POLICY, "no-referrer"),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (STRICT_TRANSPORT_SECURITY, "max-age=31536000"),
    (
        CONTENT_SECURITY_POLICY,
        "default-src 'none'; frame-ancestors 'none'",
    ),
];

/// Leads to another address, and sets cookies. 303, so that nothing of the request goes along (RFC 9700, 4.12).
pub(crate) fn see_other(location: &str, cookies: &[String]) -> Response<Body> {
    let mut response = empty(StatusCode::SEE_OTHER);
    let headers = response.headers_mut();
    // The values are ours, or of a URL that was parsed: what cannot be a header is left out.
    if let Ok(location) = HeaderValue::from_str(location) {
        headers.insert(LOCATION, location);
    }
    for cookie in cookies {
        if let Ok(cookie) = HeaderValue::from_str(cookie) {
            headers.append(SET_COOKIE, cookie);
        }
    }
    response
}

/// A problem document: no link of ours leads a browser to one.
pub(crate) fn problem(status: StatusCode, kind: &str, detail: &str) -> Response<Body> {
    let title = status.canonical_reason().unwrap_or_default();
    let document = wire::problem::document(kind, (status.as_u16(), title), detail, None);
    let mut response = empty(status);
    *response.body_mut() = document.into();
    let headers = response.headers_mut();
    let media_type = HeaderValue::from_static(wire::problem::MEDIA_TYPE);
    headers.insert(CONTENT_TYPE, media_type);
    if status == StatusCode::METHOD_NOT_ALLOWED {
        headers.insert(ALLOW, HeaderValue::from_static("GET"));
    }
    response
}

fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::Empty);
    *response.status_mut() = status;
    for (name, value) in HEADERS {
        response
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    response
}
