//! Hosts that Run Command does not reach, and hosts with another key.

use aws::signed::CallError;
use bridge::ssh::probe::Shown;
use domain::playbook::ssm_target::SsmTarget;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::named::names;
use crate::doctor::finding::{Finding, Verdict};
use crate::doctor::hosts;
use crate::doctor::run_command::{self, Node};

const DOCUMENT: &str = include_str!("../../../../infra/ssm/run-step.json");

pub(super) fn hosts_that_run_command_does_not_reach() -> Vec<String> {
    let mut broken = Vec::new();
    let hash = hex::encode(Sha256::digest(DOCUMENT));
    let document = |hash: &str, status: &str| {
        Ok(json!({ "Document": { "Hash": hash, "HashType": "Sha256", "Status": status } }))
    };
    let judge = |told| run_command::judge_document("Quell-RunStep", told);
    assert_eq!(judge(document(&hash, "Active")), None);
    let of = |finding: Option<Finding>| [finding.expect("a finding")];
    names(
        &mut broken,
        "another SSM document",
        &of(judge(document("0", "Active"))),
        Verdict::Fault,
        &["Quell-RunStep is not this version's", "update-document"],
    );
    names(
        &mut broken,
        "an SSM document that failed",
        &of(judge(document(&hash, "Failed"))),
        Verdict::Fault,
        &["Quell-RunStep is Failed"],
    );
    let refused = |code: &str| CallError::Refused {
        code: code.into(),
        message: String::new(),
        answer: Vec::new(),
    };
    names(
        &mut broken,
        "no SSM document",
        &of(judge(Err(refused("InvalidDocument")))),
        Verdict::Fault,
        &["no SSM document Quell-RunStep", "create-document"],
    );
    names(
        &mut broken,
        "documents that may not be read",
        &of(judge(Err(refused("AccessDeniedException")))),
        Verdict::Unknown,
        &["ssm:DescribeDocument"],
    );

    let node = |id: &str, ping: &str| Node {
        id: id.into(),
        ping: ping.into(),
    };
    let one = SsmTarget::Instance { id: "i-1".into() };
    let all = SsmTarget::Tag {
        tag: "Service=web".into(),
        max_concurrency: "1".into(),
        max_errors: "0".into(),
    };
    let judge = |target: &SsmTarget, allowed: &[Node], tagged: &[Node]| {
        run_command::judge_target("web", target, allowed, tagged, "allowed")
    };
    assert_eq!(judge(&one, &[node("i-1", "Online")], &[]), []);
    names(
        &mut broken,
        "an instance without the tag",
        &judge(&one, &[], &[]),
        Verdict::Fault,
        &[
            "may not send to i-1",
            "Quell=allowed",
            "create-tags --resources i-1",
        ],
    );
    names(
        &mut broken,
        "an instance whose agent is silent",
        &judge(&one, &[node("i-1", "ConnectionLost")], &[]),
        Verdict::Fault,
        &["i-1 of the service web", "ConnectionLost", "agent"],
    );
    names(
        &mut broken,
        "a tag that no host has",
        &judge(&all, &[], &[]),
        Verdict::Fault,
        &["no managed node has the tag Service=web", "tag its hosts"],
    );
    let both = [node("i-1", "Online"), node("i-2", "Online")];
    assert_eq!(judge(&all, &both, &both), []);
    names(
        &mut broken,
        "a tag with a host that is not allowed",
        &judge(&all, &both[..1], &both),
        Verdict::Fault,
        &["may not send to i-2"],
    );
    broken
}

pub(super) fn hosts_with_another_key() -> Vec<String> {
    let mut broken = Vec::new();
    assert_eq!(hosts::judge("web", false, &Shown::Pinned), None);
    let of = |by_bastion, shown| [hosts::judge("web", by_bastion, &shown).expect("a finding")];
    let other = Shown::Other("the host key of web is not the one in service-registry.yaml".into());
    names(
        &mut broken,
        "a host with another key",
        &of(false, other.clone()),
        Verdict::Fault,
        &["host key of web", "target.ssh.host_key of web"],
    );
    names(
        &mut broken,
        "a bastion with another key",
        &of(true, other),
        Verdict::Fault,
        &["target.ssh.bastion.host_key of web"],
    );
    names(
        &mut broken,
        "a host key that is none",
        &of(false, Shown::Unusable("not a public key".into())),
        Verdict::Fault,
        &["not a public key", "ssh-keyscan"],
    );
    let away = Shown::Unreachable("web did not answer".into());
    names(
        &mut broken,
        "a host that does not answer",
        &of(false, away),
        Verdict::Unknown,
        &[
            "web did not answer",
            "from this machine",
            "bridge's network",
        ],
    );
    broken
}
