//! SSM Run Command: whether the document is the repository's, and the hosts of the registry can be reached through it.

use std::collections::BTreeMap;

use aws::signed::{CallError, SignedClient};
use domain::playbook::service::Service;
use domain::playbook::ssm_target::SsmTarget;
use domain::playbook::target::Target;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::doctor::finding::{Finding, or_ok};

const CHECK: &str = "run-command";
/// The document as the repository has it.
const DOCUMENT: &str = include_str!("../../../infra/ssm/run-step.json");

/// A host that SSM manages.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) id: String,
    /// `Online`, `ConnectionLost` or `Inactive`.
    pub(crate) ping: String,
}

/// Looks at the document and the hosts, if a service is reached through SSM.
pub(crate) async fn examine(
    client: &SignedClient,
    services: &[Service],
    document: &str,
    allowed: &str,
) -> Vec<Finding> {
    let targets: BTreeMap<&str, &SsmTarget> = services
        .iter()
        .filter_map(|service| match &service.target {
            Target::Ssm(target) => Some((service.name.as_str(), target)),
            Target::Ssh(_) => None,
        })
        .collect();
    if targets.is_empty() {
        return vec![Finding::ok(CHECK, "no service is reached through SSM")];
    }
    let described = call(client, "DescribeDocument", &json!({ "Name": document })).await;
    let mut findings: Vec<Finding> = judge_document(document, described).into_iter().collect();
    match nodes(client, &format!("tag:Quell={allowed}")).await {
        Ok(nodes) => {
            for (service, target) in targets {
                let tagged = match target {
                    SsmTarget::Tag { tag, .. } => nodes_with(client, tag).await,
                    SsmTarget::Instance { .. } => Ok(Vec::new()),
                };
                match tagged {
                    Ok(tagged) => {
                        findings.extend(judge_target(service, target, &nodes, &tagged, allowed));
                    }
                    Err(finding) => findings.push(finding),
                }
            }
        }
        Err(finding) => findings.push(finding),
    }
    or_ok(
        findings,
        CHECK,
        "the document is this version's, and every host can be reached",
    )
}

async fn call(
    client: &SignedClient,
    operation: &str,
    question: &Value,
) -> Result<Value, CallError> {
    let told = client.call(operation, &question.to_string()).await?;
    serde_json::from_slice(&told).map_err(|error| CallError::Unavailable(error.into()))
}

async fn nodes_with(client: &SignedClient, tag: &str) -> Result<Vec<Node>, Finding> {
    nodes(client, &format!("tag:{tag}")).await
}

/// The managed nodes with a tag, `tag:Name=Value`
/// (<https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_DescribeInstanceInformation.html>).
async fn nodes(client: &SignedClient, filter: &str) -> Result<Vec<Node>, Finding> {
    let (key, value) = filter.split_once('=').unwrap_or((filter, ""));
    let mut question = json!({ "Filters": [{ "Key": key, "Values": [value] }], "MaxResults": 50 });
    let mut nodes = Vec::new();
    loop {
        let page = call(client, "DescribeInstanceInformation", &question).await;
        let page = page.map_err(|error| {
            let error = aws::Chain(&error).to_string();
            Finding::unanswered(CHECK, "ssm:DescribeInstanceInformation", &error)
        })?;
        for node in page["InstanceInformationList"]
            .as_array()
            .into_iter()
            .flatten()
        {
            let word = |name: &str| node[name].as_str().unwrap_or_default().to_owned();
            nodes.push(Node {
                id: word("InstanceId"),
                ping: word("PingStatus"),
            });
        }
        match page["NextToken"].as_str().filter(|token| !token.is_empty()) {
            Some(token) => question["NextToken"] = json!(token),
            None => return Ok(nodes),
        }
    }
}

/// Whether the document runs what the bridge expects it to run: the bridge sends its hash, and SSM refuses another.
pub(crate) fn judge_document(name: &str, described: Result<Value, CallError>) -> Option<Finding> {
    let make = format!(
        "aws ssm update-document --name {name} --document-version '$LATEST' --content file://infra/ssm/run-step.json, then make it the default version; create-document --document-type Command if there is none"
    );
    let document = match described {
        Ok(told) => told["Document"].clone(),
        Err(CallError::Refused { code, .. }) if code == "InvalidDocument" => {
            let text = format!("there is no SSM document {name}");
            return Some(Finding::fault(CHECK, text, make));
        }
        Err(error) => {
            let error = aws::Chain(&error).to_string();
            return Some(Finding::unanswered(CHECK, "ssm:DescribeDocument", &error));
        }
    };
    let hash = hex::encode(Sha256::digest(DOCUMENT));
    if document["Hash"].as_str() != Some(&hash) {
        let text = format!("the SSM document {name} is not this version's: SSM refuses every step");
        return Some(Finding::fault(CHECK, text, make));
    }
    match document["Status"].as_str() {
        Some("Active") | None => None,
        Some(status) => Some(Finding::fault(
            CHECK,
            format!("the SSM document {name} is {status}"),
            make,
        )),
    }
}

/// Whether a service's hosts can be reached. `allowed` are the nodes with the tag `Quell`, `tagged` those with the target's own tag.
pub(crate) fn judge_target(
    service: &str,
    target: &SsmTarget,
    allowed: &[Node],
    tagged: &[Node],
    value: &str,
) -> Vec<Finding> {
    let ids: Vec<&str> = match target {
        SsmTarget::Instance { id } => vec![id],
        SsmTarget::Tag { tag, .. } if tagged.is_empty() => {
            let text = format!("no managed node has the tag {tag} of the service {service}");
            let mend =
                "tag its hosts, and see that they run the SSM agent with an instance profile";
            return vec![Finding::fault(CHECK, text, mend)];
        }
        SsmTarget::Tag { .. } => tagged.iter().map(|node| node.id.as_str()).collect(),
    };
    let mut findings = Vec::new();
    for id in ids {
        match allowed.iter().find(|node| node.id == id) {
            None => findings.push(Finding::fault(
                CHECK,
                format!("the bridge may not send to {id} of the service {service}: it is no managed node with the tag Quell={value}"),
                format!("aws ec2 create-tags --resources {id} --tags Key=Quell,Value={value}; a node has to run the SSM agent"),
            )),
            Some(node) if node.ping != "Online" => findings.push(Finding::fault(
                CHECK,
                format!("{id} of the service {service} does not answer SSM: {}", node.ping),
                "start the SSM agent on it, and see that it reaches SSM's endpoint",
            )),
            Some(_) => {}
        }
    }
    findings
}
