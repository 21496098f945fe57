//! Models of Amazon Bedrock: whether the account may use those that `analyzer.yaml` names. None is asked.

use aws::Chain;
use aws::signed::{CallError, Service, SignedClient};
use domain::analysis::settings::{AnalyzerSettings, Api};
use serde_json::Value;

use crate::doctor::finding::{Finding, or_ok};
use crate::doctor::stack::Deployed;

const CHECK: &str = "models";
/// The control plane of Bedrock.
pub(crate) const BEDROCK: Service = Service::rest_json("bedrock", "bedrock");
/// What the names of inference profiles over several regions begin with
/// (<https://docs.aws.amazon.com/bedrock/latest/userguide/inference-profiles-support.html>).
const PROFILES: [&str; 7] = ["us.", "us-gov.", "eu.", "apac.", "jp.", "au.", "global."];

pub(crate) async fn examine(
    client: &SignedClient,
    settings: &AnalyzerSettings,
    stack: &Deployed,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    let bedrock = settings
        .providers
        .iter()
        .filter(|one| one.api == Api::Bedrock);
    let mut count = 0;
    for provider in bedrock {
        count += 1;
        let model = foundation_model(&provider.model);
        findings.extend(judge_grant(
            &provider.name,
            model,
            stack.parameter("BedrockModelArns"),
        ));
        // A name with a version has a colon, which a path holds escaped.
        let path = format!(
            "/foundation-model-availability/{}",
            model.replace(':', "%3A")
        );
        let told = client.get(&path).await.and_then(|told| {
            serde_json::from_slice(&told).map_err(|error| CallError::Unavailable(error.into()))
        });
        match told {
            Ok(told) => findings.extend(judge(&provider.name, model, &told)),
            Err(error) => findings.push(Finding::unanswered(
                CHECK,
                "bedrock:GetFoundationModelAvailability",
                &Chain(&error).to_string(),
            )),
        }
    }
    let text = match count {
        0 => "no model of Bedrock is used".to_owned(),
        count => format!("{count} models of Bedrock may be used"),
    };
    or_ok(findings, CHECK, text)
}

/// The model behind an inference profile, an ARN or a name.
pub(crate) fn foundation_model(name: &str) -> &str {
    let name = name.rsplit('/').next().unwrap_or(name);
    let profile = PROFILES.iter().find_map(|prefix| name.strip_prefix(prefix));
    profile.unwrap_or(name)
}

/// Whether the analyzer's role may call it.
pub(crate) fn judge_grant(provider: &str, model: &str, arns: &str) -> Option<Finding> {
    let fits = arns
        .split(',')
        .any(|arn| arn.contains(model) || arn.ends_with('*'));
    (!fits).then(|| {
        Finding::fault(
            CHECK,
            format!("the analyzer's role may not call {model} of the provider {provider}"),
            "deploy with its ARN in the parameter BedrockModelArns, and that of its inference profile if it has one",
        )
    })
}

/// <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_GetFoundationModelAvailability.html>
pub(crate) fn judge(provider: &str, model: &str, told: &Value) -> Option<Finding> {
    let states = [
        (
            "regionAvailability",
            "AVAILABLE",
            "is not in this region",
            "deploy where it is, or name an inference profile",
        ),
        (
            "entitlementAvailability",
            "AVAILABLE",
            "may not be used by this account",
            "ask for access to it in the console of Bedrock",
        ),
        (
            "authorizationStatus",
            "AUTHORIZED",
            "may not be used by this account",
            "ask for access to it in the console of Bedrock",
        ),
    ];
    states.into_iter().find_map(|(field, good, fault, mend)| {
        let state = told[field].as_str().filter(|state| *state != good)?;
        let text = format!("{model} of the provider {provider} {fault} ({field} is {state})");
        Some(Finding::fault(CHECK, text, mend))
    })
}
