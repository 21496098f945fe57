//! Models that may not be used, and files that differ from the deployed ones.

use std::path::Path;

use serde_json::{Value, json};

use super::named::names;
use crate::doctor::finding::{Finding, Verdict};
use crate::doctor::{configuration, models};

pub(super) fn models_that_may_not_be_used() -> Vec<String> {
    let mut broken = Vec::new();
    for (name, model) in [
        ("anthropic.claude-sonnet-5", "anthropic.claude-sonnet-5"),
        ("eu.anthropic.claude-sonnet-5", "anthropic.claude-sonnet-5"),
        (
            "arn:aws:bedrock:eu-west-1:1:inference-profile/us.amazon.nova-2",
            "amazon.nova-2",
        ),
    ] {
        assert_eq!(models::foundation_model(name), model);
    }
    let arn = "arn:aws:bedrock:*::foundation-model/amazon.nova-2";
    assert_eq!(models::judge_grant("p", "amazon.nova-2", arn), None);
    let none = models::judge_grant("p", "amazon.nova-2", "");
    names(
        &mut broken,
        "a model without a grant",
        &[none.expect("a finding")],
        Verdict::Fault,
        &["may not call amazon.nova-2", "BedrockModelArns"],
    );
    let told = |region: &str, entitled: &str| json!({ "authorizationStatus": "AUTHORIZED", "regionAvailability": region, "entitlementAvailability": entitled });
    let judge = |told: Value| models::judge("p", "m", &told);
    assert_eq!(judge(told("AVAILABLE", "AVAILABLE")), None);
    let of = |finding: Option<Finding>| [finding.expect("a finding")];
    names(
        &mut broken,
        "a model of another region",
        &of(judge(told("NOT_AVAILABLE", "AVAILABLE"))),
        Verdict::Fault,
        &[
            "m of the provider p is not in this region",
            "inference profile",
        ],
    );
    names(
        &mut broken,
        "a model without access",
        &of(judge(told("AVAILABLE", "NOT_AVAILABLE"))),
        Verdict::Fault,
        &["may not be used by this account", "console"],
    );
    broken
}

pub(super) fn files_that_differ_from_the_deployed_ones() -> Vec<String> {
    let mut broken = Vec::new();
    let files = |all: &[(&str, &str)]| {
        let all = all
            .iter()
            .map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_vec()));
        all.collect()
    };
    let directory = Path::new("config");
    let disk = files(&[("a.yaml", "1"), ("b.yaml", "2")]);
    assert_eq!(configuration::judge(&disk, &disk, directory), []);
    let deployed = files(&[("a.yaml", "0"), ("c.yaml", "3")]);
    let found = configuration::judge(&deployed, &disk, directory);
    names(
        &mut broken,
        "a file that differs",
        &found,
        Verdict::Warning,
        &[
            "a.yaml is deployed with another content",
            "deploy the directory",
        ],
    );
    names(
        &mut broken,
        "a file that is not deployed",
        &found,
        Verdict::Warning,
        &["b.yaml of config is not deployed"],
    );
    names(
        &mut broken,
        "a file that is only deployed",
        &found,
        Verdict::Warning,
        &["c.yaml is deployed, and not in config"],
    );
    assert_eq!(found.len(), 3);
    broken
}
