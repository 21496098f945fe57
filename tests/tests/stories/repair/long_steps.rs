//! Tests of long steps: each runs to its end, over SSH and over SSM, however short the limit of
//! other requests to AWS is.

use std::time::{Duration, Instant};

use bridge::ssh::login_key::LoginKey;
use domain::incident::Status;
use domain::incident::repair::RepairOutcome;
use domain::playbook::plan::Phase;
use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};
use repair::bridge_client::Bridge;
use repair::config::AWS_ATTEMPT;
use secrecy::SecretString;
use serde_json::{Value, json};
use tests::alert::unique;
use tests::bridging::run_command;
use tests::late_ssm;
use tests::repair_fixture::{InjectedFault, RepairFixture};
use tests::repairing::delivery;
use tests::target_host::TargetHost;
use wire::bridge::{BRIDGE_VERSION, BridgeRequest};

/// A playbook whose step takes as long as the registry says.
fn playbooks() -> Value {
    json!([{
        "id": "restart", "name": "Restart", "match": { "alertnames": ["TargetDown"] }, "risk": "low",
        "parameters": { "seconds": { "from": "service.facts.seconds", "pattern": "[0-9]+" } },
        "steps": [{ "run": ["sleep", "{seconds}"], "timeout": "60s" }],
        "verify": [{ "run": ["true"] }],
    }])
}

/// A repair fixture with these services, each by its way and the seconds that its step takes, and their names.
async fn repair_fixture(host: &TargetHost, steps: &[(&str, u32)]) -> (RepairFixture, Vec<String>) {
    let ssm = late_ssm::start().await;
    let key = LoginKey::Given(SecretString::from(host.login_key()));
    let service = |(way, seconds): &(&str, u32)| {
        let target = if *way == "ssh" {
            host.target()
        } else {
            json!({ "ssm": { "instance_id": "i-0abcdef1234567890" } })
        };
        json!({ "name": unique(way), "level": "approval", "lock": "service", "facts": { "seconds": seconds.to_string() }, "target": target })
    };
    let services: Vec<Value> = steps.iter().map(service).collect();
    let names = services
        .iter()
        .map(|service| service["name"].as_str().expect("a name").to_owned())
        .collect();
    let bridge = |files| bridge::App::for_operator(files, key).with_run_command(run_command(&ssm));
    (
        RepairFixture::open_bridge(&playbooks(), &json!(services), &[], bridge, || {
            InjectedFault::Answered
        })
        .await,
        names,
    )
}

#[tokio::test]
async fn steps_of_6_and_20_seconds_are_verified_over_ssh_and_ssm() {
    let Some(host) = TargetHost::sshd("restrict") else {
        return;
    };
    let (shop, names) =
        repair_fixture(&host, &[("ssh", 6), ("ssm", 6), ("ssh", 20), ("ssm", 20)]).await;
    let repairs = names.iter().map(async |name| {
        let (incident, message) = shop.approved(name, "restart").await;
        Box::pin(shop.app.handle(&message, &delivery(), &Timestamp::now))
            .await
            .expect("it runs to its end");
        let ended = shop.stack.read(&incident.id).await;
        let outcome = ended.repair.as_ref().and_then(|repair| repair.outcome);
        assert_eq!(
            (ended.status, outcome),
            (Status::Repaired, Some(RepairOutcome::Verified)),
            "{name}: {:#?}",
            ended.repair
        );
    });
    join_all(repairs).await;
}

/// At a hundredth of the time: the step takes 4 s, and a try of any other request may take 50 ms.
#[tokio::test]
async fn a_step_of_400_seconds_is_followed_to_its_end() {
    let Some(host) = TargetHost::sshd("restrict") else {
        return;
    };
    let (shop, names) = repair_fixture(&host, &[("ssh", 4), ("ssm", 4)]).await;
    let aws = shop
        .stack
        .environment_at(&shop.endpoint_url)
        .sdk_config(AWS_ATTEMPT / 100);
    let bridge = Bridge::new(&aws, "bridge".to_owned());
    let steps = names.iter().map(async |name| {
        let (incident, _) = shop.approved(name, "restart").await;
        let plan = incident.plan.expect("a plan");
        let request = BridgeRequest {
            v: BRIDGE_VERSION,
            incident_id: incident.id,
            playbook: plan.playbook,
            phase: Phase::Steps,
            step: 0,
            parameters: plan.parameters,
            target: plan.target,
            round: 0,
            number: 1,
            decision: None,
        };
        let began = Instant::now();
        let result = bridge.run(&request, SignedDuration::from_secs(60)).await;
        assert!(
            result.succeeded() && began.elapsed() >= Duration::from_secs(4),
            "{name}: {result:?}"
        );
    });
    join_all(steps).await;
}
