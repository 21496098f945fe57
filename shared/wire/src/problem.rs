//! Problem documents (RFC 9457), the bodies of error responses of the functions behind the API.

use serde_json::json;

/// The media type of a problem document.
pub const MEDIA_TYPE: &str = "application/problem+json";

/// A document. `kind` is the last part of its type; `at` is the place in the request that is wrong.
pub fn document(
    kind: &str,
    (status, title): (u16, &str),
    detail: &str,
    at: Option<&str>,
) -> String {
    let document = json!({
        "type": format!("urn:quell:problem:{kind}"),
        "title": title,
        "status": status,
        "detail": detail,
        "at": at,
    });
    document.to_string()
}
