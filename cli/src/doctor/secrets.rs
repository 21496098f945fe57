//! Secrets: whether each that a function or a file names exists and has a value. No value is read.

use std::collections::BTreeMap;

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::DisplayErrorContext;
use domain::analysis::settings::AnalyzerSettings;
use domain::notification::channels::{Channels, Place};

use crate::doctor::finding::{Finding, or_ok};
use crate::doctor::functions::Function;
use crate::doctor::stack::Deployed;

const CHECK: &str = "secrets";
/// Secrets that a function names and that only some need: they are looked at where a file needs them.
const OPTIONAL: [&str; 4] = [
    "SLACK_SIGNING_SECRET_ID",
    "PAGERDUTY_WEBHOOK_SECRET_ID",
    "TELEGRAM_BOT_TOKEN_SECRET_ID",
    "SSH_KEY_SECRET_ID",
];

/// What is known of a secret without its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SecretState {
    HasValue,
    Empty,
    Missing,
    /// It is deleted after some days.
    Deleted,
}

/// The files that name secrets.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Naming<'a> {
    pub(crate) channels: &'a Channels,
    pub(crate) analyzer: &'a AnalyzerSettings,
    /// True if a service is reached over SSH.
    pub(crate) needs_ssh: bool,
}

/// Every secret that has to have a value, and what needs it.
pub(crate) fn needed(functions: &[Function], naming: Naming<'_>) -> BTreeMap<String, String> {
    let mut needed = BTreeMap::new();
    let mut need = |id: Option<&str>, by: String| {
        if let Some(id) = id {
            needed.entry(id.to_owned()).or_insert(by);
        }
    };
    for function in functions {
        for (name, id) in &function.variables {
            let is_secret = name.ends_with("_SECRET_ID") || name.ends_with("_KEY_ID");
            if is_secret && !name.starts_with("AWS_") && !OPTIONAL.contains(&name.as_str()) {
                need(Some(id), format!("{}Function ({name})", function.role));
            }
        }
    }
    let variable = |name: &str| functions.iter().find_map(|one| one.variable(name));
    if naming.needs_ssh {
        let by = "the bridge, for services that are reached over SSH";
        need(variable("SSH_KEY_SECRET_ID"), by.to_owned());
    }
    for channel in &naming.channels.channels {
        let by = format!("the channel {}", channel.name);
        match &channel.to {
            Place::Telegram(chat) => {
                let own = chat.token_secret.as_deref();
                need(own.or(variable("TELEGRAM_BOT_TOKEN_SECRET_ID")), by);
            }
            Place::Slack(slack) => {
                need(Some(&slack.token_secret), by.clone());
                need(
                    variable("SLACK_SIGNING_SECRET_ID"),
                    format!("the buttons of {by}"),
                );
            }
            Place::Webhook(webhook) => need(Some(&webhook.key_secret), by),
            Place::PagerDuty(service) => need(Some(&service.routing_key_secret), by),
            Place::Teams(workflow) => need(Some(&workflow.url_secret), by),
            Place::Email(_) => {}
        }
    }
    if naming
        .channels
        .people
        .values()
        .any(|one| one.pagerduty.is_some())
    {
        let by = "people of channels.json who answer in PagerDuty";
        need(variable("PAGERDUTY_WEBHOOK_SECRET_ID"), by.to_owned());
    }
    let alertmanager = naming.channels.alertmanager.as_ref();
    let token = alertmanager.and_then(|server| server.token_secret.as_deref());
    need(token, "Alertmanager in channels.json".to_owned());
    for (id, by) in of_analyzer(naming.analyzer) {
        need(id, by);
    }
    needed
}

/// The secrets that analyzer.yaml names, and what needs each.
fn of_analyzer(analyzer: &AnalyzerSettings) -> Vec<(Option<&str>, String)> {
    let file = "analyzer.yaml";
    let providers = analyzer.providers.iter().map(|provider| {
        let by = format!("the model {} of {file}", provider.name);
        (provider.key_secret.as_deref(), by)
    });
    let (prometheus, signoz) = (&analyzer.evidence.prometheus, &analyzer.evidence.signoz);
    let prometheus = prometheus
        .as_ref()
        .and_then(|one| one.token_secret.as_deref());
    let signoz = signoz.as_ref().map(|one| one.key_secret.as_str());
    let tracing = analyzer.tracing.as_ref();
    let tracing = tracing.and_then(|one| one.headers_secret.as_deref());
    let others = [
        (prometheus, format!("Prometheus in {file}")),
        (signoz, format!("SigNoz in {file}")),
        (tracing, format!("tracing in {file}")),
    ];
    providers.chain(others).collect()
}

/// Refuses prefixes with which the notifier or the analyzer may read the secrets that prove a press.
pub(crate) fn inbound_apart(stack: &Deployed) -> Vec<Finding> {
    let inbound = stack.named("InboundSecretPrefix", "/inbound/");
    let readers = [
        ("ChannelSecretPrefix", "/channels/", "notifier"),
        ("AnalyzerSecretPrefix", "/analyzer/", "analyzer"),
    ];
    let reaching = readers.into_iter().filter_map(|(parameter, suffix, who)| {
        let prefix = stack.named(parameter, suffix);
        let reaches = inbound.starts_with(&prefix) || prefix.starts_with(&inbound);
        reaches.then(|| {
            let text = format!("{parameter} ({prefix}) and InboundSecretPrefix ({inbound}) overlap: the {who} may read secrets with which presses are signed");
            let mend = format!("deploy with a {parameter} apart from it, such as {}{suffix}", stack.name);
            Finding::fault(CHECK, text, mend)
        })
    });
    reaching.collect()
}

/// Looks at each.
pub(crate) async fn examine(client: &Client, needed: &BTreeMap<String, String>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (id, by) in needed {
        match state(client, id).await {
            Ok(state) => findings.extend(judge(id, by, state)),
            Err(error) => {
                let permission = "secretsmanager:DescribeSecret";
                findings.push(Finding::unanswered(CHECK, permission, &error));
            }
        }
    }
    let text = format!("{} secrets have a value", needed.len());
    or_ok(findings, CHECK, text)
}

/// A secret that was made without a value has no version
/// (<https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_DescribeSecret.html>).
async fn state(client: &Client, id: &str) -> Result<SecretState, String> {
    match client.describe_secret().secret_id(id).send().await {
        Ok(told) if told.deleted_date().is_some() => Ok(SecretState::Deleted),
        Ok(told) => {
            let stages = told.version_ids_to_stages();
            let stages = stages.into_iter().flat_map(|all| all.values()).flatten();
            let mut stages = stages;
            let current = stages.any(|stage| stage == "AWSCURRENT");
            Ok(if current {
                SecretState::HasValue
            } else {
                SecretState::Empty
            })
        }
        Err(error)
            if error
                .as_service_error()
                .is_some_and(|error| error.is_resource_not_found_exception()) =>
        {
            Ok(SecretState::Missing)
        }
        Err(error) => Err(DisplayErrorContext(&error).to_string()),
    }
}

pub(crate) fn judge(id: &str, by: &str, state: SecretState) -> Option<Finding> {
    let (text, mend) = match state {
        SecretState::HasValue => return None,
        SecretState::Empty => (
            format!("{id} has no value, and {by} needs it"),
            format!(
                "aws secretsmanager put-secret-value --secret-id {id} --secret-string file://FILE"
            ),
        ),
        SecretState::Missing => (
            format!("{id} does not exist, and {by} needs it"),
            format!("aws secretsmanager create-secret --name {id} --secret-string file://FILE"),
        ),
        SecretState::Deleted => (
            format!("{id} is to be deleted and cannot be read, and {by} needs it"),
            format!("aws secretsmanager restore-secret --secret-id {id}"),
        ),
    };
    Some(Finding::fault(CHECK, text, mend))
}
