//! An `alertmanager.yml` against the stack: whether every alert comes, in a way that is accepted, and in time.

mod file;
mod leaks;

use std::path::Path;

use crate::doctor::finding::{Finding, or_ok};
use crate::exit::Failure;
use crate::input;

use file::{Authorization, File, HttpConfig, Intervals, Route, WebhookConfig, seconds};

const CHECK: &str = "alertmanager";
/// How long ingress may take for a delivery: a webhook that gives up sooner sends it again.
const INGRESS_SECONDS: i64 = 25;
/// As the example has it. Ingress is invoked with at most 6 MB (<https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>),
/// and an alert has 1 to 2.5 kB.
const SAFE_ALERTS: u64 = 2_000;

/// What the stack expects of a sender.
#[derive(Debug, Clone, Default)]
pub(crate) struct Expected<'a> {
    /// The stack's output AlertmanagerWebhookUrl.
    pub(crate) url: &'a str,
    /// True if an internal source needs no credentials.
    pub(crate) trusts_sources: bool,
    pub(crate) stale_seconds: i64,
    pub(crate) resolve_within_seconds: i64,
    /// True if `channels.json` names an Alertmanager that can be asked.
    pub(crate) asks: bool,
}

/// Reads and judges a file.
pub(crate) fn examine(path: &Path, expected: &Expected<'_>) -> Result<Vec<Finding>, Failure> {
    let text = input::text(path)?;
    let file: File = serde_saphyr::from_str(&text)
        .map_err(|error| Failure::wrong(format!("{}: {error}", path.display())))?;
    Ok(judge(&file, expected))
}

pub(crate) fn judge(file: &File, expected: &Expected<'_>) -> Vec<Finding> {
    let told: Vec<&WebhookConfig> = file
        .receivers
        .iter()
        .filter_map(|one| one.quell())
        .collect();
    if told.is_empty() {
        let text = "no receiver is Quell: no webhook_configs has its URL";
        let mend = format!("add one with url: {}", expected.url);
        return vec![Finding::fault(CHECK, text, mend)];
    }
    let mut findings = Vec::new();
    for config in told {
        findings.extend(judge_url(config, expected));
        let http = config
            .http_config
            .as_ref()
            .or(file.global.http_config.as_ref());
        findings.extend(judge_credentials(http, expected));
        findings.extend(judge_config(config, http));
    }
    for leak in leaks::find(file) {
        findings.push(Finding::warning(
            CHECK,
            format!("the alerts of {leak} do not come to Quell"),
            "put a route to Quell with `continue: true` before it, or name Quell's receiver in it",
        ));
    }
    judge_route(
        &file.route,
        file,
        Intervals::DEFAULT,
        None,
        expected,
        &mut findings,
    );
    or_ok(
        findings,
        CHECK,
        "every alert comes, with credentials, and in time",
    )
}

fn judge_url(config: &WebhookConfig, expected: &Expected<'_>) -> Option<Finding> {
    let url = config.url.trim_end_matches('/');
    if url == expected.url.trim_end_matches('/') {
        return None;
    }
    let text = match url.strip_prefix("http://") {
        Some(_) if expected.url.starts_with("https://") => {
            format!("{url} has no TLS, which API Gateway does not answer")
        }
        _ => format!("{url} is not this stack's"),
    };
    Some(Finding::fault(
        CHECK,
        text,
        format!("write url: {}", expected.url),
    ))
}

/// Alertmanager cannot sign: it sends a token, or is an internal source.
fn judge_credentials(http: Option<&HttpConfig>, expected: &Expected<'_>) -> Option<Finding> {
    let mend = "add http_config: { authorization: { type: Bearer, credentials_file: FILE } } with the value of AlertmanagerSecretArn in the file";
    let fault = |text: &str| Some(Finding::fault(CHECK, text, mend));
    let Some(http) = http else {
        return (!expected.trusts_sources)
            .then(|| fault("it sends no credentials, and is answered with 401"))
            .flatten();
    };
    if http.oauth2.is_some() {
        return fault(
            "it signs in by OAuth 2.0, which Quell does not take: it is answered with 401",
        );
    }
    match &http.authorization {
        Some(Authorization {
            kind: Some(kind), ..
        }) if !kind.eq_ignore_ascii_case("bearer") => {
            fault("its authorization is of another type than Bearer, and is answered with 401")
        }
        Some(Authorization {
            credentials: None,
            credentials_file: None,
            ..
        }) => fault("its authorization has no credentials, and is answered with 401"),
        Some(_) => None,
        None => {
            let has_one = http.basic_auth.is_some()
                || http.bearer_token.is_some()
                || http.bearer_token_file.is_some();
            if has_one || expected.trusts_sources {
                None
            } else {
                fault("it sends no credentials, and is answered with 401")
            }
        }
    }
}

fn judge_config(config: &WebhookConfig, http: Option<&HttpConfig>) -> Vec<Finding> {
    let mut findings = Vec::new();
    if config.send_resolved == Some(false) {
        findings.push(Finding::fault(
            CHECK,
            "it does not send what has resolved: no incident ends, and every verified repair counts as failed",
            "write send_resolved: true",
        ));
    }
    match config.max_alerts {
        None | Some(0) => findings.push(Finding::warning(
            CHECK,
            "a delivery may hold any number of alerts: beyond 5.5 MB it is answered with 413, which Alertmanager does not try again",
            format!("write max_alerts: {SAFE_ALERTS}; what is cut off comes with the group's next delivery"),
        )),
        Some(most) if most > 5 * SAFE_ALERTS => findings.push(Finding::warning(
            CHECK,
            format!("a delivery may hold {most} alerts, which leaves each about 500 bytes of the 5.5 MB that ingress takes"),
            format!("write max_alerts: {SAFE_ALERTS}"),
        )),
        Some(_) => {}
    }
    let timeout = config.timeout.as_deref().and_then(seconds);
    if let Some(timeout) = timeout.filter(|time| (1..INGRESS_SECONDS).contains(time)) {
        findings.push(Finding::warning(
            CHECK,
            format!("it gives up after {timeout} s, and ingress may take {INGRESS_SECONDS}: a delivery that was counted comes again"),
            "leave timeout out, or write timeout: 30s",
        ));
    }
    let tls = http.and_then(|http| http.tls_config.as_ref());
    if tls.is_some_and(|tls| tls.insecure_skip_verify) {
        findings.push(Finding::warning(
            CHECK,
            "it sends its token to whoever answers: insecure_skip_verify is on",
            "leave insecure_skip_verify out: API Gateway's certificate is a public one",
        ));
    }
    findings
}

/// Times and muting, of each route that tells Quell.
fn judge_route(
    route: &Route,
    file: &File,
    inherited: Intervals,
    receiver: Option<&str>,
    expected: &Expected<'_>,
    findings: &mut Vec<Finding>,
) {
    let receiver = route.receiver.as_deref().or(receiver).unwrap_or_default();
    let intervals = inherited.of(route);
    let name = route.name(receiver);
    if file.tells_quell(receiver) {
        let (repeats, stale) = (intervals.repeats_after(), expected.stale_seconds);
        if !expected.asks && repeats >= stale {
            findings.push(Finding::fault(
                CHECK,
                format!("{name} repeats what goes on after {repeats} s, and an incident expires after {stale} s without an alert"),
                "shorten repeat_interval, raise EpisodeStaleSeconds above it, or name the Alertmanager in channels.json so that it is asked",
            ));
        }
        let within = expected.resolve_within_seconds;
        if within > 0 && intervals.group >= within {
            findings.push(Finding::fault(
                CHECK,
                format!("{name} may tell of a resolve {} s late, and a verified repair counts as failed after {within} s", intervals.group),
                "shorten group_interval, or raise ResolveWithinSeconds above it",
            ));
        }
        if !route.mute_time_intervals.is_empty() || !route.active_time_intervals.is_empty() {
            findings.push(Finding::warning(
                CHECK,
                format!(
                    "{name} is muted at times: Quell hears nothing then, not of resolves either"
                ),
                "mute people in Quell instead (notify of people.json), and let every alert come",
            ));
        }
    }
    for child in &route.routes {
        judge_route(child, file, intervals, Some(receiver), expected, findings);
    }
}

#[cfg(test)]
#[path = "alertmanager_tests.rs"]
mod tests;
