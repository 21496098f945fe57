//! Tests of the doctor: a good set-up has no finding but `ok`, and each broken one is named with its cause and its mend.

use std::collections::BTreeSet;
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

/// What is broken is found to be so, and named with these words: the cause, and what to do. Adds the name of the set-up to those that are.
fn names(
    broken: &mut Vec<String>,
    name: &str,
    findings: &[Finding],
    verdict: Verdict,
    says: &[&str],
) {
    let named = findings.iter().any(|finding| {
        let Some(mend) = &finding.mend else {
            return false;
        };
        let text = format!("{} -> {mend}", finding.text);
        finding.verdict == verdict && says.iter().all(|says| text.contains(says))
    });
    assert!(
        named,
        "{name}: no {verdict:?} with {says:?} in {findings:#?}"
    );
    broken.push(name.to_owned());
}

/// Broken set-ups by what is examined, each beside a good one in which nothing is found.
const GROUPS: [fn() -> Vec<String>; 14] = [
    functions_that_cannot_run,
    concurrency_that_keeps_alerts_out,
    loops_that_aws_stops_or_nobody_stops,
    event_sources_that_deliver_nothing,
    messages_that_were_given_up_or_wait,
    secrets_without_a_value,
    a_prefix_that_reaches_the_secrets_of_presses,
    an_api_that_is_none_or_another_version,
    a_bot_that_hears_nothing,
    hosts_that_run_command_does_not_reach,
    hosts_with_another_key,
    subnets_without_a_way_out,
    models_that_may_not_be_used,
    files_that_differ_from_the_deployed_ones,
];

#[test]
fn thirty_broken_set_ups_are_named_with_cause_and_mend() {
    let all: Vec<String> = GROUPS.iter().flat_map(|group| group()).collect();
    let different: BTreeSet<&String> = all.iter().collect();
    assert_eq!(different.len(), all.len(), "a name occurs twice: {all:#?}");
    assert!(all.len() >= 30, "{all:#?}");
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

fn functions_that_cannot_run() -> Vec<String> {
    let mut broken = Vec::new();
    fine(&functions::judge(&good_functions()));
    let failed = with("Bridge", |one| {
        (one.state, one.state_reason) =
            ("Failed".into(), "the subnet has no addresses left".into());
    });
    names(
        &mut broken,
        "a function that failed",
        &functions::judge(&failed),
        Verdict::Fault,
        &["quell-Bridge is Failed", "no addresses", "deploy"],
    );
    let pending = with("Bridge", |one| one.state = "Pending".into());
    names(
        &mut broken,
        "a function that is being made",
        &functions::judge(&pending),
        Verdict::Warning,
        &["quell-Bridge is being made", "wait"],
    );
    let asleep = with("Repair", |one| one.state = "Inactive".into());
    names(
        &mut broken,
        "a function that sleeps",
        &functions::judge(&asleep),
        Verdict::Warning,
        &["quell-Repair is inactive", "invoke it once"],
    );
    let old = with("Ingress", |one| {
        (one.last_update, one.last_update_reason) = ("Failed".into(), "the layer is gone".into());
    });
    names(
        &mut broken,
        "a function whose update failed",
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
        &mut broken,
        "functions for two processors",
        &functions::judge(&mixed),
        Verdict::Warning,
        &["different processors", "arm64, x86_64", "Architecture"],
    );
    broken
}

fn concurrency_that_keeps_alerts_out() -> Vec<String> {
    let mut broken = Vec::new();
    fine(&functions::judge_concurrency(&good_functions(), 1_000));
    let new = functions::judge_concurrency(&good_functions(), 10);
    names(
        &mut broken,
        "the quota of a new account",
        &new,
        Verdict::Warning,
        &["10 functions at once", "503", "Service Quotas"],
    );
    let off = with("Ingress", |one| one.reserved = Some(0));
    let off = functions::judge_concurrency(&off, 1_000);
    names(
        &mut broken,
        "a function that may not run",
        &off,
        Verdict::Fault,
        &["quell-Ingress may not run", "delete-function-concurrency"],
    );
    broken
}

fn loops_that_aws_stops_or_nobody_stops() -> Vec<String> {
    let mut broken = Vec::new();
    fine(&functions::judge_recursion(&good_functions()));
    let stopped = with("Notifier", |one| one.recursion = Some("Terminate".into()));
    names(
        &mut broken,
        "a notifier that AWS stops",
        &functions::judge_recursion(&stopped),
        Verdict::Fault,
        &["AWS stops quell-Notifier", "--recursive-loop Allow"],
    );
    let free = with("Repair", |one| one.recursion = Some("Allow".into()));
    names(
        &mut broken,
        "a loop that nothing stops",
        &functions::judge_recursion(&free),
        Verdict::Warning,
        &["quell-Repair may loop", "--recursive-loop Terminate"],
    );
    let unknown = with("Repair", |one| one.recursion = None);
    names(
        &mut broken,
        "recursion that may not be read",
        &functions::judge_recursion(&unknown),
        Verdict::Unknown,
        &["lambda:GetFunctionRecursionConfig"],
    );
    broken
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
        reports_items: !["Witness", "Board"].contains(&role),
    };
    [
        ("Analyzer", "arn:Incidents"),
        ("Notifier", "arn:Notifications"),
        ("Repair", "arn:Repairs"),
        ("Signals", "arn:Signals"),
        ("Witness", "arn:table/x/stream/1"),
        ("Board", "arn:table/x/stream/1"),
    ]
    .map(source)
    .into()
}

fn event_sources_that_deliver_nothing() -> Vec<String> {
    let mut broken = Vec::new();
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
        &mut broken,
        "a queue that is not read",
        &without("Notifier"),
        Verdict::Fault,
        &[
            "NotifierFunction takes nothing from the queue Notifications",
            "deploy",
        ],
    );
    names(
        &mut broken,
        "a stream that is not read",
        &without("Witness"),
        Verdict::Fault,
        &["WitnessFunction reads no stream", "deploy"],
    );
    names(
        &mut broken,
        "a board that is not projected",
        &without("Board"),
        Verdict::Fault,
        &["BoardFunction reads no stream", "deploy"],
    );
    let off = changed("Repair", |one| one.state = "Disabled".into());
    names(
        &mut broken,
        "an event source that is off",
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
        &mut broken,
        "an event source that is refused",
        &refused,
        Verdict::Fault,
        &["AnalyzerFunction cannot read", "not authorized", "role"],
    );
    let whole = changed("Signals", |one| one.reports_items = false);
    names(
        &mut broken,
        "a source that fails whole batches",
        &whole,
        Verdict::Fault,
        &["SignalsFunction", "whole batch", "ReportBatchItemFailures"],
    );
    let other = changed("Signals", |one| one.arn = "arn:other".into());
    names(
        &mut broken,
        "a source of another queue",
        &other,
        Verdict::Fault,
        &["SignalsFunction takes nothing from the queue Signals"],
    );
    broken
}

fn messages_that_were_given_up_or_wait() -> Vec<String> {
    let mut broken = Vec::new();
    fine(&queues::judge_dead_letters(&good_queues()));
    fine(&queues::judge_backlog(&good_queues()));
    let mut queues = good_queues();
    queues[1].dead_letters = 3;
    names(
        &mut broken,
        "messages that were given up",
        &queues::judge_dead_letters(&queues),
        Verdict::Fault,
        &[
            "3 messages of the queue Notifications failed",
            "quell redrive notifications",
        ],
    );
    let mut queues = good_queues();
    queues[2].redrives_to = None;
    names(
        &mut broken,
        "a queue without dead letters",
        &queues::judge_dead_letters(&queues),
        Verdict::Fault,
        &["Repairs", "no dead-letter queue", "RedrivePolicy"],
    );
    let mut queues = good_queues();
    queues[0].waiting = 5_000;
    names(
        &mut broken,
        "messages that wait",
        &queues::judge_backlog(&queues),
        Verdict::Warning,
        &["5000 messages wait in the queue Incidents", "log"],
    );
    broken
}

fn secrets_without_a_value() -> Vec<String> {
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

fn a_prefix_that_reaches_the_secrets_of_presses() -> Vec<String> {
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

fn an_api_that_is_none_or_another_version() -> Vec<String> {
    let mut broken = Vec::new();
    let version = |version: &str| json!({ "status": "ok", "version": version });
    let own = env!("CARGO_PKG_VERSION");
    fine(&[api::judge("r", 200, &version(own))]);
    names(
        &mut broken,
        "an API of another version",
        &[api::judge("r", 200, &version("0.0.1"))],
        Verdict::Warning,
        &["version 0.0.1", own, "deploy"],
    );
    names(
        &mut broken,
        "an API that is overloaded",
        &[api::judge("r", 503, &Value::Null)],
        Verdict::Fault,
        &["r answers 503", "concurrency"],
    );
    names(
        &mut broken,
        "an API that refuses",
        &[api::judge("r", 403, &Value::Null)],
        Verdict::Fault,
        &["r answers 403", "ApiUrl"],
    );
    names(
        &mut broken,
        "an API of something else",
        &[api::judge("r", 200, &Value::Null)],
        Verdict::Fault,
        &["not as Quell does"],
    );
    fine(&[api::judge_clock(-3)]);
    names(
        &mut broken,
        "a clock that is behind",
        &[api::judge_clock(-90)],
        Verdict::Warning,
        &["90 s behind", "NTP"],
    );
    names(
        &mut broken,
        "a clock that is far ahead",
        &[api::judge_clock(400)],
        Verdict::Fault,
        &["400 s ahead of", "refused", "NTP"],
    );
    broken
}

fn a_bot_that_hears_nothing() -> Vec<String> {
    let mut broken = Vec::new();
    let info = |url: &str| json!({ "url": url, "pending_update_count": 0, "allowed_updates": ["callback_query", "message"] });
    let judge = |told| telegram::judge_webhook("on-call", told, URL);
    assert_eq!(judge(Ok(info(URL))), []);
    names(
        &mut broken,
        "a bot without a webhook",
        &judge(Ok(info(""))),
        Verdict::Fault,
        &["no webhook", "setWebhook with url=https://api.test"],
    );
    names(
        &mut broken,
        "a webhook of another stack",
        &judge(Ok(info("https://other.test"))),
        Verdict::Fault,
        &["presses go to https://other.test", "setWebhook"],
    );
    let mut deaf = info(URL);
    deaf["allowed_updates"] = json!(["message"]);
    names(
        &mut broken,
        "a webhook without presses",
        &judge(Ok(deaf)),
        Verdict::Fault,
        &["presses are not sent", "callback_query"],
    );
    let mut failing = info(URL);
    failing["last_error_message"] = json!("Wrong response from the webhook: 401 Unauthorized");
    failing["pending_update_count"] = json!(4);
    names(
        &mut broken,
        "a webhook that refuses",
        &judge(Ok(failing.clone())),
        Verdict::Fault,
        &["401 Unauthorized", "4 wait", "secret_token"],
    );
    failing["pending_update_count"] = json!(0);
    names(
        &mut broken,
        "a webhook that has refused",
        &judge(Ok(failing)),
        Verdict::Warning,
        &["401 Unauthorized"],
    );
    let refused = Err(Refused::Answer(401, "Unauthorized".into()));
    names(
        &mut broken,
        "a token that is refused",
        &judge(refused),
        Verdict::Fault,
        &["token of the channel on-call is refused", "@BotFather"],
    );
    names(
        &mut broken,
        "a chat service that does not answer",
        &judge(Err(Refused::NoAnswer("timed out".into()))),
        Verdict::Unknown,
        &["timed out"],
    );
    let chat = |topic| TelegramChat {
        chat_id: -100,
        message_thread_id: topic,
        bot_username: None,
        token_secret: None,
        api_url: None,
        messages_per_minute: None,
    };
    let missing = Refused::Answer(400, "Bad Request: chat not found".into());
    let missing = telegram::judge_chat("on-call", &chat(None), Err(missing));
    names(
        &mut broken,
        "a chat without the bot",
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
        &mut broken,
        "a topic of a chat without topics",
        &[flat.expect("a finding")],
        Verdict::Fault,
        &["names a topic", "message_thread_id"],
    );
    let forum = json!({ "type": "supergroup", "is_forum": true });
    assert_eq!(
        telegram::judge_chat("on-call", &chat(Some(7)), Ok(forum)),
        None
    );
    broken
}

fn hosts_that_run_command_does_not_reach() -> Vec<String> {
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

fn hosts_with_another_key() -> Vec<String> {
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

fn subnets_without_a_way_out() -> Vec<String> {
    let mut broken = Vec::new();
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
        &mut broken,
        "a public subnet without addresses",
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
        &mut broken,
        "a subnet without endpoints",
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
        &mut broken,
        "a notifier without a way out",
        &closed,
        Verdict::Warning,
        &["reaches AWS", "and nothing else", "chat"],
    );
    broken
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

fn models_that_may_not_be_used() -> Vec<String> {
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

fn files_that_differ_from_the_deployed_ones() -> Vec<String> {
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

#[test]
fn a_file_of_alertmanager_that_is_none_is_a_failure() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("alertmanager.yml");
    std::fs::write(&file, "route: [").expect("written");
    let failed = alertmanager::examine(&file, &alertmanager::Expected::default());
    assert!(failed.is_err_and(|error| error.to_string().contains("alertmanager.yml")));
}
