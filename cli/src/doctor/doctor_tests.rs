//! Tests of the doctor: a good set-up has no finding but `ok`, and each broken one is named with its cause and its mend.

use std::path::Path;

use aws::signed::CallError;
use bridge::ssh::probe::Shown;
use domain::notification::place::TelegramChat;
use domain::playbook::ssm_target::SsmTarget;
use roxmltree::Document;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::finding::{Finding, Verdict};
use super::functions::{Function, Vpc};
use super::network::{Network, RouteTable, WayOut};
use super::queues::{QueueFacts, Source};
use super::run_command::Node;
use super::secrets::SecretState;
use super::stack::{Deployed, FUNCTIONS};
use super::telegram::Refused;
use super::{
    alertmanager, api, configuration, functions, hosts, models, network, queues, run_command,
    secrets, telegram,
};

const DOCUMENT: &str = include_str!("../../../infra/ssm/run-step.json");
const URL: &str = "https://api.test/api/v1/webhooks/telegram";

/// What was found is of this kind, and names these words: the cause, and what to do.
fn names(findings: &[Finding], verdict: Verdict, says: &[&str]) {
    let named = findings.iter().any(|finding| {
        let text = format!(
            "{} -> {}",
            finding.text,
            finding.mend.clone().unwrap_or_default()
        );
        finding.verdict == verdict && says.iter().all(|says| text.contains(says))
    });
    assert!(named, "no {verdict:?} with {says:?} in {findings:#?}");
}

fn fine(findings: &[Finding]) {
    let others: Vec<_> = findings
        .iter()
        .filter(|one| one.verdict != Verdict::Ok)
        .collect();
    assert!(others.is_empty() && !findings.is_empty(), "{others:#?}");
}

fn good_functions() -> Vec<Function> {
    let function = |role: &'static str| Function {
        role,
        name: format!("quell-{role}"),
        state: "Active".to_owned(),
        last_update: "Successful".to_owned(),
        architecture: "arm64".to_owned(),
        recursion: Some(
            if role == "Notifier" {
                "Allow"
            } else {
                "Terminate"
            }
            .to_owned(),
        ),
        ..Function::default()
    };
    FUNCTIONS.map(function).into()
}

/// The good functions, of which one is changed.
fn with(role: &str, change: impl FnOnce(&mut Function)) -> Vec<Function> {
    let mut functions = good_functions();
    let one = functions.iter_mut().find(|one| one.role == role);
    change(one.expect("a function"));
    functions
}

#[test]
fn functions_that_cannot_run_are_named() {
    fine(&functions::judge(&good_functions()));
    let failed = with("Bridge", |one| {
        (one.state, one.state_reason) =
            ("Failed".into(), "the subnet has no addresses left".into());
    });
    names(
        &functions::judge(&failed),
        Verdict::Fault,
        &["quell-Bridge is Failed", "no addresses", "deploy"],
    );
    let pending = with("Bridge", |one| one.state = "Pending".into());
    names(
        &functions::judge(&pending),
        Verdict::Warning,
        &["quell-Bridge is being made", "wait"],
    );
    let asleep = with("Repair", |one| one.state = "Inactive".into());
    names(
        &functions::judge(&asleep),
        Verdict::Warning,
        &["quell-Repair is inactive", "invoke it once"],
    );
    let old = with("Ingress", |one| {
        (one.last_update, one.last_update_reason) = ("Failed".into(), "the layer is gone".into());
    });
    names(
        &functions::judge(&old),
        Verdict::Fault,
        &[
            "quell-Ingress runs an older version",
            "layer is gone",
            "deploy",
        ],
    );
    let mixed = with("Signals", |one| one.architecture = "x86_64".into());
    names(
        &functions::judge(&mixed),
        Verdict::Warning,
        &["different processors", "arm64, x86_64", "Architecture"],
    );
}

#[test]
fn concurrency_that_keeps_alerts_out_is_named() {
    fine(&functions::judge_concurrency(&good_functions(), 1_000));
    let new = functions::judge_concurrency(&good_functions(), 10);
    names(
        &new,
        Verdict::Warning,
        &["10 functions at once", "503", "Service Quotas"],
    );
    let off = with("Ingress", |one| one.reserved = Some(0));
    let off = functions::judge_concurrency(&off, 1_000);
    names(
        &off,
        Verdict::Fault,
        &["quell-Ingress may not run", "delete-function-concurrency"],
    );
}

#[test]
fn loops_that_aws_stops_or_nobody_stops_are_named() {
    fine(&functions::judge_recursion(&good_functions()));
    let stopped = with("Notifier", |one| one.recursion = Some("Terminate".into()));
    names(
        &functions::judge_recursion(&stopped),
        Verdict::Fault,
        &["AWS stops quell-Notifier", "--recursive-loop Allow"],
    );
    let free = with("Repair", |one| one.recursion = Some("Allow".into()));
    names(
        &functions::judge_recursion(&free),
        Verdict::Warning,
        &["quell-Repair may loop", "--recursive-loop Terminate"],
    );
    let unknown = with("Repair", |one| one.recursion = None);
    names(
        &functions::judge_recursion(&unknown),
        Verdict::Unknown,
        &["lambda:GetFunctionRecursionConfig"],
    );
}

fn good_queues() -> Vec<QueueFacts> {
    let queue = |name: &'static str| QueueFacts {
        name,
        arn: format!("arn:{name}"),
        redrives_to: Some(format!("arn:{name}-dead")),
        dead_letter_arn: format!("arn:{name}-dead"),
        ..QueueFacts::default()
    };
    ["Incidents", "Notifications", "Repairs", "Signals"]
        .map(queue)
        .into()
}

fn good_sources() -> Vec<Source> {
    let source = |(role, arn): (&'static str, &str)| Source {
        role,
        uuid: format!("uuid-{role}"),
        arn: arn.to_owned(),
        state: "Enabled".to_owned(),
        last_result: "OK".to_owned(),
        reports_items: role != "Witness",
    };
    [
        ("Analyzer", "arn:Incidents"),
        ("Notifier", "arn:Notifications"),
        ("Repair", "arn:Repairs"),
        ("Signals", "arn:Signals"),
        ("Witness", "arn:table/x/stream/1"),
    ]
    .map(source)
    .into()
}

#[test]
fn event_sources_that_deliver_nothing_are_named() {
    let queues = good_queues();
    fine(&queues::judge_sources(&queues, &good_sources()));
    let changed = |role: &str, change: fn(&mut Source)| {
        let mut sources = good_sources();
        let one = sources.iter_mut().find(|one| one.role == role);
        change(one.expect("a source"));
        queues::judge_sources(&queues, &sources)
    };
    let without = |role: &str| {
        let mut sources = good_sources();
        sources.retain(|one| one.role != role);
        queues::judge_sources(&queues, &sources)
    };
    names(
        &without("Notifier"),
        Verdict::Fault,
        &[
            "NotifierFunction takes nothing from the queue Notifications",
            "deploy",
        ],
    );
    names(
        &without("Witness"),
        Verdict::Fault,
        &["WitnessFunction reads no stream", "deploy"],
    );
    let off = changed("Repair", |one| one.state = "Disabled".into());
    names(
        &off,
        Verdict::Fault,
        &[
            "RepairFunction takes nothing",
            "Disabled",
            "--uuid uuid-Repair --enabled",
        ],
    );
    let refused = changed("Analyzer", |one| {
        one.last_result = "PROBLEM: not authorized".into()
    });
    names(
        &refused,
        Verdict::Fault,
        &["AnalyzerFunction cannot read", "not authorized", "role"],
    );
    let whole = changed("Signals", |one| one.reports_items = false);
    names(
        &whole,
        Verdict::Fault,
        &["SignalsFunction", "whole batch", "ReportBatchItemFailures"],
    );
    let other = changed("Signals", |one| one.arn = "arn:other".into());
    names(
        &other,
        Verdict::Fault,
        &["SignalsFunction takes nothing from the queue Signals"],
    );
}

#[test]
fn messages_that_were_given_up_or_wait_are_named() {
    fine(&queues::judge_dead_letters(&good_queues()));
    fine(&queues::judge_backlog(&good_queues()));
    let mut queues = good_queues();
    queues[1].dead_letters = 3;
    names(
        &queues::judge_dead_letters(&queues),
        Verdict::Fault,
        &[
            "3 messages of the queue Notifications failed",
            "start-message-move-task --source-arn arn:Notifications-dead",
        ],
    );
    let mut queues = good_queues();
    queues[2].redrives_to = None;
    names(
        &queues::judge_dead_letters(&queues),
        Verdict::Fault,
        &["Repairs", "no dead-letter queue", "RedrivePolicy"],
    );
    let mut queues = good_queues();
    queues[0].waiting = 5_000;
    names(
        &queues::judge_backlog(&queues),
        Verdict::Warning,
        &["5000 messages wait in the queue Incidents", "log"],
    );
}

#[test]
fn secrets_without_a_value_are_named() {
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
        names(&[found], Verdict::Fault, &says);
    }
}

#[test]
fn a_prefix_that_reaches_the_secrets_of_presses_is_named() {
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
        &secrets::inbound_apart(&deployed(&[("ChannelSecretPrefix", "quell/")])),
        Verdict::Fault,
        &["the notifier may read", "such as quell/channels/"],
    );
    let both = [
        ("AnalyzerSecretPrefix", "all/"),
        ("InboundSecretPrefix", "all/"),
    ];
    names(
        &secrets::inbound_apart(&deployed(&both)),
        Verdict::Fault,
        &["the analyzer may read"],
    );
}

#[test]
fn an_api_that_is_none_or_another_version_is_named() {
    let version = |version: &str| json!({ "status": "ok", "version": version });
    let own = env!("CARGO_PKG_VERSION");
    fine(&[api::judge("r", 200, &version(own))]);
    names(
        &[api::judge("r", 200, &version("0.0.1"))],
        Verdict::Warning,
        &["version 0.0.1", own, "deploy"],
    );
    names(
        &[api::judge("r", 503, &Value::Null)],
        Verdict::Fault,
        &["r answers 503", "concurrency"],
    );
    names(
        &[api::judge("r", 403, &Value::Null)],
        Verdict::Fault,
        &["r answers 403", "ApiUrl"],
    );
    names(
        &[api::judge("r", 200, &Value::Null)],
        Verdict::Fault,
        &["not as Quell does"],
    );
    fine(&[api::judge_clock(-3)]);
    names(
        &[api::judge_clock(-90)],
        Verdict::Warning,
        &["90 s behind", "NTP"],
    );
    names(
        &[api::judge_clock(400)],
        Verdict::Fault,
        &["400 s ahead of", "refused", "NTP"],
    );
}

#[test]
fn a_bot_that_hears_nothing_is_named() {
    let info = |url: &str| json!({ "url": url, "pending_update_count": 0, "allowed_updates": ["callback_query", "message"] });
    let judge = |told| telegram::judge_webhook("on-call", told, URL);
    assert_eq!(judge(Ok(info(URL))), []);
    names(
        &judge(Ok(info(""))),
        Verdict::Fault,
        &["no webhook", "setWebhook with url=https://api.test"],
    );
    names(
        &judge(Ok(info("https://other.test"))),
        Verdict::Fault,
        &["presses go to https://other.test", "setWebhook"],
    );
    let mut deaf = info(URL);
    deaf["allowed_updates"] = json!(["message"]);
    names(
        &judge(Ok(deaf)),
        Verdict::Fault,
        &["presses are not sent", "callback_query"],
    );
    let mut failing = info(URL);
    failing["last_error_message"] = json!("Wrong response from the webhook: 401 Unauthorized");
    failing["pending_update_count"] = json!(4);
    names(
        &judge(Ok(failing.clone())),
        Verdict::Fault,
        &["401 Unauthorized", "4 wait", "secret_token"],
    );
    failing["pending_update_count"] = json!(0);
    names(&judge(Ok(failing)), Verdict::Warning, &["401 Unauthorized"]);
    let refused = Err(Refused::Answer(401, "Unauthorized".into()));
    names(
        &judge(refused),
        Verdict::Fault,
        &["token of the channel on-call is refused", "@BotFather"],
    );
    names(
        &judge(Err(Refused::NoAnswer("timed out".into()))),
        Verdict::Unknown,
        &["timed out"],
    );
    let chat = |topic| TelegramChat {
        chat_id: -100,
        message_thread_id: topic,
        token_secret: None,
        api_url: None,
        messages_per_minute: None,
    };
    let missing = Refused::Answer(400, "Bad Request: chat not found".into());
    let missing = telegram::judge_chat("on-call", &chat(None), Err(missing));
    names(
        &[missing.expect("a finding")],
        Verdict::Fault,
        &["chat -100", "chat not found", "add the bot"],
    );
    let flat = telegram::judge_chat(
        "on-call",
        &chat(Some(7)),
        Ok(json!({ "type": "supergroup" })),
    );
    names(
        &[flat.expect("a finding")],
        Verdict::Fault,
        &["names a topic", "message_thread_id"],
    );
    let forum = json!({ "type": "supergroup", "is_forum": true });
    assert_eq!(
        telegram::judge_chat("on-call", &chat(Some(7)), Ok(forum)),
        None
    );
}

#[test]
fn hosts_that_run_command_does_not_reach_are_named() {
    let hash = hex::encode(Sha256::digest(DOCUMENT));
    let document = |hash: &str, status: &str| {
        Ok(json!({ "Document": { "Hash": hash, "HashType": "Sha256", "Status": status } }))
    };
    let judge = |told| run_command::judge_document("Quell-RunStep", told);
    assert_eq!(judge(document(&hash, "Active")), None);
    let of = |finding: Option<Finding>| [finding.expect("a finding")];
    names(
        &of(judge(document("0", "Active"))),
        Verdict::Fault,
        &["Quell-RunStep is not this version's", "update-document"],
    );
    names(
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
        &of(judge(Err(refused("InvalidDocument")))),
        Verdict::Fault,
        &["no SSM document Quell-RunStep", "create-document"],
    );
    names(
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
        &judge(&one, &[], &[]),
        Verdict::Fault,
        &[
            "may not send to i-1",
            "Quell=allowed",
            "create-tags --resources i-1",
        ],
    );
    names(
        &judge(&one, &[node("i-1", "ConnectionLost")], &[]),
        Verdict::Fault,
        &["i-1 of the service web", "ConnectionLost", "agent"],
    );
    names(
        &judge(&all, &[], &[]),
        Verdict::Fault,
        &["no managed node has the tag Service=web", "tag its hosts"],
    );
    let both = [node("i-1", "Online"), node("i-2", "Online")];
    assert_eq!(judge(&all, &both, &both), []);
    names(
        &judge(&all, &both[..1], &both),
        Verdict::Fault,
        &["may not send to i-2"],
    );
}

#[test]
fn hosts_with_another_key_are_named() {
    assert_eq!(hosts::judge("web", false, &Shown::Pinned), None);
    let of = |by_bastion, shown| [hosts::judge("web", by_bastion, &shown).expect("a finding")];
    let other = Shown::Other("the host key of web is not the one in service-registry.yaml".into());
    names(
        &of(false, other.clone()),
        Verdict::Fault,
        &["host key of web", "target.ssh.host_key of web"],
    );
    names(
        &of(true, other),
        Verdict::Fault,
        &["target.ssh.bastion.host_key of web"],
    );
    names(
        &of(false, Shown::Unusable("not a public key".into())),
        Verdict::Fault,
        &["not a public key", "ssh-keyscan"],
    );
    let away = Shown::Unreachable("web did not answer".into());
    names(
        &of(false, away),
        Verdict::Unknown,
        &[
            "web did not answer",
            "from this machine",
            "bridge's network",
        ],
    );
}

#[test]
fn subnets_without_a_way_out_are_named() {
    let vpc = Vpc {
        id: "vpc-1".into(),
        subnets: vec!["subnet-1".into()],
    };
    let bridge = Function {
        role: "Bridge",
        name: "quell-Bridge".into(),
        ..Function::default()
    };
    let notifier = Function {
        role: "Notifier",
        name: "quell-Notifier".into(),
        ..Function::default()
    };
    let network = |way_out: WayOut, endpoints: &[&str]| Network {
        tables: vec![RouteTable {
            is_main: true,
            subnets: Vec::new(),
            way_out,
        }],
        endpoints: endpoints.iter().map(ToString::to_string).collect(),
    };
    let nat = network(WayOut::Through("nat-1".into()), &[]);
    assert_eq!(network::judge(&bridge, &vpc, &nat), []);
    let public = network::judge(&bridge, &vpc, &network(WayOut::InternetGateway, &[]));
    names(
        &public,
        Verdict::Fault,
        &[
            "quell-Bridge does not reach dynamodb",
            "no public address",
            "NAT gateway",
        ],
    );
    let some = network::judge(
        &bridge,
        &vpc,
        &network(WayOut::Nowhere, &["dynamodb", "secretsmanager"]),
    );
    names(
        &some,
        Verdict::Fault,
        &[
            "does not reach sts, ssm from subnet-1",
            "endpoints for: sts, ssm",
        ],
    );
    let every = ["dynamodb", "secretsmanager", "sts", "ssm", "sqs"];
    assert_eq!(
        network::judge(&bridge, &vpc, &network(WayOut::Nowhere, &every)),
        []
    );
    let closed = network::judge(&notifier, &vpc, &network(WayOut::Nowhere, &every));
    names(
        &closed,
        Verdict::Warning,
        &["reaches AWS", "and nothing else", "chat"],
    );
}

/// The shape of <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeRouteTables.html>.
#[test]
fn route_tables_are_read_as_ec2_writes_them() {
    let text = r#"<DescribeRouteTablesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><routeTableSet>
        <item><routeTableId>rtb-1</routeTableId>
            <routeSet><item><destinationCidrBlock>10.0.0.0/16</destinationCidrBlock><gatewayId>local</gatewayId><state>active</state></item>
                <item><destinationCidrBlock>0.0.0.0/0</destinationCidrBlock><natGatewayId>nat-1</natGatewayId><state>active</state></item></routeSet>
            <associationSet><item><main>false</main><subnetId>subnet-1</subnetId></item></associationSet></item>
        <item><routeTableId>rtb-2</routeTableId>
            <routeSet><item><destinationCidrBlock>0.0.0.0/0</destinationCidrBlock><gatewayId>igw-1</gatewayId><state>active</state></item></routeSet>
            <associationSet><item><main>true</main></item></associationSet></item>
        <item><routeTableId>rtb-3</routeTableId>
            <routeSet><item><destinationCidrBlock>0.0.0.0/0</destinationCidrBlock><natGatewayId>nat-2</natGatewayId><state>blackhole</state></item></routeSet>
            <associationSet/></item>
        </routeTableSet></DescribeRouteTablesResponse>"#;
    let document = Document::parse(text).expect("XML");
    let table = |is_main, subnets: &[&str], way_out| RouteTable {
        is_main,
        subnets: subnets.iter().map(ToString::to_string).collect(),
        way_out,
    };
    assert_eq!(
        network::route_tables(&document),
        [
            table(false, &["subnet-1"], WayOut::Through("nat-1".into())),
            table(true, &[], WayOut::InternetGateway),
            table(false, &[], WayOut::Nowhere),
        ]
    );
}

#[test]
fn models_that_may_not_be_used_are_named() {
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
        &[none.expect("a finding")],
        Verdict::Fault,
        &["may not call amazon.nova-2", "BedrockModelArns"],
    );
    let told = |region: &str, entitled: &str| json!({ "authorizationStatus": "AUTHORIZED", "regionAvailability": region, "entitlementAvailability": entitled });
    let judge = |told: Value| models::judge("p", "m", &told);
    assert_eq!(judge(told("AVAILABLE", "AVAILABLE")), None);
    let of = |finding: Option<Finding>| [finding.expect("a finding")];
    names(
        &of(judge(told("NOT_AVAILABLE", "AVAILABLE"))),
        Verdict::Fault,
        &[
            "m of the provider p is not in this region",
            "inference profile",
        ],
    );
    names(
        &of(judge(told("AVAILABLE", "NOT_AVAILABLE"))),
        Verdict::Fault,
        &["may not be used by this account", "console"],
    );
}

#[test]
fn files_that_differ_from_the_deployed_ones_are_named() {
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
        &found,
        Verdict::Warning,
        &[
            "a.yaml is deployed with another content",
            "deploy the directory",
        ],
    );
    names(
        &found,
        Verdict::Warning,
        &["b.yaml of config is not deployed"],
    );
    names(
        &found,
        Verdict::Warning,
        &["c.yaml is deployed, and not in config"],
    );
    assert_eq!(found.len(), 3);
}

#[test]
fn a_file_of_alertmanager_that_is_none_is_a_failure() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("alertmanager.yml");
    std::fs::write(&file, "route: [").expect("written");
    let failed = alertmanager::examine(&file, &alertmanager::Expected::default());
    assert!(failed.is_err_and(|error| error.to_string().contains("alertmanager.yml")));
}
