//! The API from outside: whether it answers, in which version, and how far this machine's clock is from its.

use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822;
use outbound::{body, reason};
use reqwest::Client;
use reqwest::header::DATE;
use serde_json::Value;

use crate::doctor::finding::Finding;

const CHECK: &str = "api";
const CLOCK: &str = "clock";
/// How long an answer may take, a cold start included.
const ANSWER_WITHIN: Duration = Duration::from_secs(15);
const ANSWER_BYTES: usize = 100_000;
/// Signatures older than this are refused.
const SIGNATURE_SECONDS: i64 = 300;
/// A clock this far off is worth a word.
const NOTED_SECONDS: i64 = 60;

/// Asks the health route.
pub(crate) async fn examine(http: &Client, url: &str) -> Vec<Finding> {
    let route = format!("{}/api/v1/webhooks/health", url.trim_end_matches('/'));
    let asked = Timestamp::now();
    let sent = http.get(&route).timeout(ANSWER_WITHIN).send().await;
    let response = match sent {
        Ok(response) => response,
        Err(error) => {
            let text = format!("{route} does not answer: {}", reason(error));
            let mend = "see whether a proxy or a firewall is between this machine and API Gateway";
            return vec![Finding::fault(CHECK, text, mend)];
        }
    };
    let halfway = asked + asked.duration_until(Timestamp::now()) / 2;
    let status = response.status().as_u16();
    let date = response.headers().get(DATE);
    let date = date.and_then(|date| rfc2822::parse(date.to_str().ok()?).ok());
    let told = body(response, ANSWER_BYTES).await.unwrap_or_default();
    let told: Value = serde_json::from_slice(&told).unwrap_or(Value::Null);
    let mut findings = vec![judge(&route, status, &told)];
    if let Some(date) = date {
        let ahead = halfway.duration_since(date.timestamp()).as_secs();
        findings.push(judge_clock(ahead));
    }
    findings
}

/// Whether it is Quell of the command's own version.
pub(crate) fn judge(route: &str, status: u16, told: &Value) -> Finding {
    let own = env!("CARGO_PKG_VERSION");
    match (status, told["version"].as_str()) {
        (200, Some(version)) if version == own => {
            Finding::ok(CHECK, format!("it answers, in version {version}"))
        }
        (200, Some(version)) => Finding::warning(
            CHECK,
            format!("the stack has version {version}, and this command {own}"),
            "deploy this version, or use the command of the stack's",
        ),
        (429 | 500..=599, _) => Finding::fault(
            CHECK,
            format!("{route} answers {status}"),
            "read the log of the ingress function; 503 without a line there is Lambda's concurrency limit",
        ),
        _ => Finding::fault(
            CHECK,
            format!("{route} answers {status}, and not as Quell does"),
            "check the stack's output ApiUrl, and what stands before API Gateway",
        ),
    }
}

/// Whether what this machine signs is accepted; `ahead` is by how many seconds its clock is fast.
pub(crate) fn judge_clock(ahead: i64) -> Finding {
    let (seconds, way) = (ahead.abs(), if ahead > 0 { "ahead of" } else { "behind" });
    let text = format!("this machine's clock is {seconds} s {way} the API's");
    let mend = "set it by NTP (timedatectl set-ntp true), here and on the senders";
    if seconds < NOTED_SECONDS {
        Finding::ok(CLOCK, text)
    } else if seconds < SIGNATURE_SECONDS {
        Finding::warning(CLOCK, text, mend)
    } else {
        let text = format!("{text}: what it signs is refused after {SIGNATURE_SECONDS} s");
        Finding::fault(CLOCK, text, mend)
    }
}
