//! Successful answers of a request: JSON for programs, a page for people.

use lambda_http::http::{HeaderValue, StatusCode, header};
use lambda_http::{Body, Response};
use serde::Serialize;

/// The body of an answer with status 200.
#[derive(Debug)]
pub(crate) enum Reply {
    Json(String),
    /// An HTML document that is whole in itself.
    Page(String),
    /// The address of a page to go on with, and maybe a cookie.
    LeadsTo(String, Option<String>),
    /// Nothing but that it was taken.
    Taken,
}

impl Reply {
    pub(crate) fn into_response(self) -> Response<Body> {
        let (body, kind) = match self {
            Self::Page(html) => return page(html),
            Self::LeadsTo(location, cookie) => return see_other(&location, cookie.as_deref()),
            Self::Json(json) => (Body::from(json), "application/json"),
            Self::Taken => (Body::from(""), "text/plain"),
        };
        let mut response = Response::new(body);
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        response
    }
}

/// A page that loads nothing, runs nothing, is cached nowhere, is shown in no frame, and tells no
/// other site of its URL: the URL decides something.
const PAGE_HEADERS: [(header::HeaderName, &str); 6] = [
    (header::CONTENT_TYPE, "text/html; charset=utf-8"),
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'",
    ),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CACHE_CONTROL, "no-store"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
];

/// A page as an answer.
pub(crate) fn page(html: String) -> Response<Body> {
    let mut response = Response::new(Body::from(html));
    for (name, value) in PAGE_HEADERS {
        response
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    response
}

/// Leads a browser to a page, which it gets with a GET.
fn see_other(location: &str, cookie: Option<&str>) -> Response<Body> {
    let mut response = Response::new(Body::from(""));
    *response.status_mut() = StatusCode::SEE_OTHER;
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    let values = [
        (header::LOCATION, Some(location)),
        (header::SET_COOKIE, cookie),
    ];
    for (name, value) in values {
        if let Some(Ok(value)) = value.map(HeaderValue::from_str) {
            headers.insert(name, value);
        }
    }
    response
}

/// The answer as JSON.
pub(crate) fn as_json(answer: &impl Serialize) -> String {
    match serde_json::to_string(answer) {
        Ok(json) => json,
        Err(error) => unreachable!("texts and numbers are JSON: {error}"),
    }
}
