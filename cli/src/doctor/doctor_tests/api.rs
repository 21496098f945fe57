//! An API that is none, or of another version or time.

use serde_json::{Value, json};

use super::named::{fine, names};
use crate::doctor::api;
use crate::doctor::finding::Verdict;

pub(super) fn an_api_that_is_none_or_another_version() -> Vec<String> {
    let mut broken = Vec::new();
    let version = |version: &str| json!({ "status": "ok", "version": version });
    let own = env!("CARGO_PKG_VERSION");
    fine(&[api::judge("r", 200, &version(own))]);
    names(
        &mut broken,
        "an API of another version",
        &[api::judge("r", 200, &version("0.0.1"))],
        Verdict::Warning,
        &["version 0.0.1", own, "deploy"],
    );
    names(
        &mut broken,
        "an API that is overloaded",
        &[api::judge("r", 503, &Value::Null)],
        Verdict::Fault,
        &["r answers 503", "concurrency"],
    );
    names(
        &mut broken,
        "an API that refuses",
        &[api::judge("r", 403, &Value::Null)],
        Verdict::Fault,
        &["r answers 403", "ApiUrl"],
    );
    names(
        &mut broken,
        "an API of something else",
        &[api::judge("r", 200, &Value::Null)],
        Verdict::Fault,
        &["not as Quell does"],
    );
    fine(&[api::judge_clock(-3)]);
    names(
        &mut broken,
        "a clock that is behind",
        &[api::judge_clock(-90)],
        Verdict::Warning,
        &["90 s behind", "NTP"],
    );
    names(
        &mut broken,
        "a clock that is far ahead",
        &[api::judge_clock(400)],
        Verdict::Fault,
        &["400 s ahead of", "refused", "NTP"],
    );
    broken
}
