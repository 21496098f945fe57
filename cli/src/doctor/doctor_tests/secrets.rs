//! Broken secrets: without a value, and within the reach of a function that must not read them.

use super::named::names;
use crate::doctor::finding::Verdict;
use crate::doctor::secrets::{self, SecretState};
use crate::doctor::stack::Deployed;

pub(super) fn secrets_without_a_value() -> Vec<String> {
    let mut broken = Vec::new();
    assert_eq!(secrets::judge("s", "x", SecretState::HasValue), None);
    for (state, says) in [
        (
            SecretState::Empty,
            [
                "s has no value",
                "the bridge",
                "put-secret-value --secret-id s",
            ],
        ),
        (
            SecretState::Missing,
            ["s does not exist", "the bridge", "create-secret --name s"],
        ),
        (
            SecretState::Deleted,
            [
                "s is to be deleted",
                "the bridge",
                "restore-secret --secret-id s",
            ],
        ),
    ] {
        let found = secrets::judge("s", "the bridge", state).expect("a finding");
        names(&mut broken, says[0], &[found], Verdict::Fault, &says);
    }
    broken
}

pub(super) fn a_prefix_that_reaches_the_secrets_of_presses() -> Vec<String> {
    let mut broken = Vec::new();
    let deployed = |parameters: &[(&str, &str)]| Deployed {
        name: "quell".to_owned(),
        parameters: parameters
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        ..Deployed::default()
    };
    assert_eq!(secrets::inbound_apart(&deployed(&[])), []);
    names(
        &mut broken,
        "a prefix of every secret",
        &secrets::inbound_apart(&deployed(&[("ChannelSecretPrefix", "quell/")])),
        Verdict::Fault,
        &["the notifier may read", "such as quell/channels/"],
    );
    let both = [
        ("AnalyzerSecretPrefix", "all/"),
        ("InboundSecretPrefix", "all/"),
    ];
    names(
        &mut broken,
        "two prefixes that are one",
        &secrets::inbound_apart(&deployed(&both)),
        Verdict::Fault,
        &["the analyzer may read"],
    );
    broken
}
