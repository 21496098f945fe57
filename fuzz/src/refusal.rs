//! Properties of problem documents: stable, small, and with a place.

use domain::primitives::language::Language;
use ingress::rejection::Rejection;
use lambda_http::http::header;
use serde_json::Value;

/// A sender reads it, a log keeps it, and Lambda's answers have an end: what is wrong fits on a page.
const MOST_BYTES: usize = 8_192;

/// Checks the problem document of a refusal and gives it back.
pub(crate) fn document(rejection: Rejection) -> Value {
    let (status, kind) = rejection.kind();
    let text = rejection.to_string();
    let response = rejection.into_response(Language::English);
    assert_eq!(response.status(), status);
    assert_eq!(
        response.headers()[header::CONTENT_TYPE],
        "application/problem+json"
    );
    let bytes: &[u8] = response.body().as_ref();
    assert!(
        bytes.len() <= MOST_BYTES,
        "a problem document of {} bytes",
        bytes.len()
    );
    let document: Value = serde_json::from_slice(bytes).expect("a problem document is JSON");
    assert_eq!(document["type"], format!("urn:quell:problem:{kind}"));
    assert_eq!(document["status"], status.as_u16());
    assert_eq!(document["title"].as_str(), status.canonical_reason());
    assert_eq!(document["detail"], text);
    document
}

/// A refusal of a body: 400 or 413, and where the body is JSON, the place or the name of the field.
pub(crate) fn of_body(rejection: Rejection, body: Option<&Value>) {
    let document = document(rejection);
    let kind = (document["status"].as_u64(), document["type"].as_str());
    assert!(
        [
            (Some(400), Some("urn:quell:problem:malformed")),
            (Some(413), Some("urn:quell:problem:too-large"))
        ]
        .contains(&kind),
        "{document}"
    );
    let Some(body) = body.filter(|_| kind.0 == Some(400)) else {
        return;
    };
    let detail = document["detail"].as_str().expect("a detail is text");
    match (document["at"].as_str(), body.as_object()) {
        (Some(at), Some(fields)) => {
            let first = at
                .split(['.', '['])
                .next()
                .expect("a split has a first part");
            assert!(fields.contains_key(first), "{at} is not in the body");
        }
        (None, Some(fields)) => {
            let field = detail
                .split('`')
                .nth(1)
                .unwrap_or_else(|| panic!("no place and no field: {document}"));
            let missing = detail.starts_with("missing field") && !fields.contains_key(field);
            assert!(
                missing || (detail.starts_with("duplicate field") && fields.contains_key(field)),
                "{document}"
            );
        }
        (at, None) => assert!(
            at.is_none() && detail.contains("expected an object"),
            "{document}"
        ),
    }
}

/// A refusal of whoever is asking: 401, and nothing of `secrets` in it.
pub(crate) fn of_caller(rejection: Rejection, secrets: &[&str]) {
    let document = document(rejection);
    assert_eq!(
        (&document["status"], &document["type"]),
        (&401.into(), &"urn:quell:problem:unauthenticated".into())
    );
    for secret in secrets {
        assert!(
            !document.to_string().contains(secret),
            "a secret shows in {document}"
        );
    }
}
