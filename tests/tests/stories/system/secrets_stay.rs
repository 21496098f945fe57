//! `secrets-stay`: after the main job, no item, log line, chat message or variable holds a secret.

use std::process::Command;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::incident::Status;
use domain::incident::approval::Verdict;
use domain::primitives::id::ApprovalId;
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;
use serde_json::{Value, json};
use sha2::Sha256;
use tests::alert::TestAlert;
use tests::model_server::{ModelServer, json_answer};
use tests::runtime;
use tests::slack::{Interaction, form, sign};
use tests::stack::{Stack, project};
use tests::webhook_receiver::WebhookReceiver;
use wire::approval_link;

/// Prints every log line and every environment variable of the deployed functions.
const PRINT: &str = r"
import boto3, json, sys
facts = json.load(sys.stdin)
session = boto3.Session(facts['access_key_id'], facts['secret_access_key'], region_name=facts['region'])
client = lambda name: session.client(name, endpoint_url=facts['endpoint_url'])
for output, function in facts['outputs'].items():
    if output.endswith('FunctionName'):
        print(json.dumps(client('lambda').get_function_configuration(FunctionName=function)['Environment']))
for group in client('logs').describe_log_groups()['logGroups']:
    lines = 0
    for page in client('logs').get_paginator('filter_log_events').paginate(logGroupName=group['logGroupName']):
        for event in page['events']:
            print(event['message'])
            lines += 1
    print('lines of', group['logGroupName'] if lines else 'nothing')
";

#[tokio::test]
async fn no_secret_is_left_anywhere() {
    let stack = Stack::start();
    let mut secrets: Vec<String> = stack.facts.secrets.values().cloned().collect();
    secrets.push(stack.facts.telegram.token.clone());
    let key = std::fs::read_to_string(&stack.facts.target.private_key_file).expect("the key");
    secrets.extend(
        key.lines()
            .filter(|line| !line.starts_with('-') && line.len() > 20)
            .map(str::to_owned),
    );

    // The main job, and the refusals that could quote what they refuse.
    let incident = stack
        .awaiting_approval(&TestAlert::firing(&stack.facts.target.service))
        .await;
    let id = incident.id.as_str();
    let approval = incident.approval.expect("asked").id;
    let nearly = format!("{}x", stack.facts.secrets["approval"]);
    for (token, expected) in [
        (nearly.as_str(), 401),
        (stack.facts.secrets["approval"].as_str(), 200),
    ] {
        let request = stack
            .http
            .post(stack.url(&format!("approvals/{approval}/approve")))
            .bearer_auth(token);
        assert_eq!(
            request
                .json(&json!({ "actor": "ada" }))
                .send()
                .await
                .expect("an answer")
                .status(),
            expected
        );
    }
    stack.status(id, Status::Repaired).await;
    // A card that Telegram refuses makes the notifier log an error about a request whose URL holds the token.
    stack
        .control(
            "fail",
            &json!({ "method": "sendMessage", "error_code": 500, "count": 1 }),
        )
        .await;
    stack
        .deliver_one(&TestAlert::firing(tests::alert::unique("secret")))
        .await;
    let facts = serde_json::to_string(&stack.facts).expect("JSON");
    let mut logs = print(&facts);
    while !logs.contains("it answered 500") {
        tokio::time::sleep(Duration::from_millis(200)).await;
        logs = print(&facts);
    }

    let mut text = stack.table().await;
    assert!(text.contains(id), "the items were read");
    text.push_str(
        &stack
            .control(
                "messages",
                &json!({ "chat_id": stack.facts.telegram.chat_id }),
            )
            .await
            .to_string(),
    );
    assert!(
        logs.contains(id) && logs.contains("TABLE_NAME"),
        "logs and variables were read"
    );
    text.push_str(&logs);
    for secret in secrets {
        let part: String = secret.chars().take(16).collect();
        assert!(
            !text.contains(&part),
            "a secret shows: {}",
            text.lines()
                .find(|line| line.contains(&part))
                .unwrap_or_default()
        );
    }
}

/// A request to ingress that carries a credential.
struct Knock {
    method: &'static str,
    path: String,
    query: String,
    headers: Vec<(&'static str, String)>,
    body: String,
    /// Beside the secret itself: what was made of it and may not be logged either.
    made: String,
}

/// A request on every route, with a credential made of the secrets that `of` gives. None of the bodies decides anything.
fn knocks(approval: &str, of: impl Fn(&str) -> String) -> Vec<Knock> {
    let (now, body) = (Timestamp::now(), "{}".to_owned());
    let hmac = |secret: &str, bytes: &[u8]| {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("a key of any length");
        mac.update(bytes);
        hex::encode(mac.finalize().into_bytes())
    };
    let (alertmanager, webhook, seconds) = (
        of("alertmanager"),
        of("webhook"),
        now.as_second().to_string(),
    );
    let (signed, timed) = (
        hmac(&webhook, b"{}"),
        hmac(&webhook, format!("{seconds}.{body}").as_bytes()),
    );
    let basic = STANDARD.encode(format!("am:{alertmanager}"));
    let interaction = form(r#"{"type":"view_closed"}"#);
    let slack = sign(&of("slack_signing"), &seconds, interaction.as_bytes());
    let expires_at = now + SignedDuration::from_mins(10);
    let approval_id = ApprovalId::try_from(approval).expect("an id");
    let link = approval_link::sign(
        &SecretString::from(of("approval_link")),
        &approval_id,
        Verdict::Approve,
        "nobody",
        expires_at,
    );
    let bearer = |secret: &str| vec![("authorization", format!("Bearer {}", of(secret)))];
    let post = |path: &str, headers: Vec<(&'static str, String)>, body: &str, made: &str| Knock {
        method: "POST",
        path: path.to_owned(),
        query: String::new(),
        headers,
        body: body.to_owned(),
        made: made.to_owned(),
    };
    let timed_headers = vec![
        ("x-signature-256", format!("sha256={timed}")),
        ("x-signature-timestamp", seconds.clone()),
    ];
    let slack_headers = vec![
        ("x-slack-signature", slack.clone()),
        ("x-slack-request-timestamp", seconds),
    ];
    let linked = |method| Knock {
        method,
        query: format!("token={link}"),
        ..post(&format!("approvals/{approval}/link"), vec![], "", &link)
    };
    vec![
        post(
            "webhooks/alertmanager",
            bearer("alertmanager"),
            &body,
            "am:",
        ),
        post(
            "webhooks/alertmanager",
            vec![("authorization", format!("Basic {basic}"))],
            &body,
            &basic,
        ),
        post("webhooks/alertmanager", timed_headers, &body, &timed),
        post(
            "webhooks/grafana",
            vec![("x-grafana-alerting-signature", signed.clone())],
            &body,
            &signed,
        ),
        post(
            "webhooks/alerts",
            vec![("x-signature-256", format!("sha256={signed}"))],
            &body,
            &signed,
        ),
        post(
            "webhooks/signals",
            vec![("x-hub-signature-256", format!("sha256={signed}"))],
            &body,
            &signed,
        ),
        post(
            "webhooks/telegram",
            vec![("x-telegram-bot-api-secret-token", of("telegram_webhook"))],
            &body,
            "",
        ),
        post(
            "webhooks/slack",
            slack_headers,
            &interaction,
            slack.trim_start_matches("v0="),
        ),
        post(
            &format!("approvals/{approval}/approve"),
            bearer("approval"),
            &body,
            "",
        ),
        linked("GET"),
        linked("POST"),
    ]
}

impl Knock {
    /// The event of API Gateway.
    fn event(&self) -> Value {
        let recorded = std::fs::read_to_string(project().join("events/alertmanager-single.json"))
            .expect("the event");
        let mut event: Value = serde_json::from_str(&recorded).expect("JSON");
        let path = format!("/api/v1/{}", self.path);
        event["rawPath"] = json!(path);
        event["rawQueryString"] = json!(self.query);
        event["requestContext"]["http"]["path"] = json!(path);
        event["requestContext"]["http"]["method"] = json!(self.method);
        event["headers"] = self
            .headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), json!(value)))
            .collect();
        event["body"] = json!(self.body);
        event
    }

    async fn status(&self, stack: &Stack) -> u16 {
        let url = stack.url(&if self.query.is_empty() {
            self.path.clone()
        } else {
            format!("{}?{}", self.path, self.query)
        });
        let request = if self.method == "GET" {
            stack.http.get(url)
        } else {
            stack.http.post(url).body(self.body.clone())
        };
        let request = self.headers.iter().fold(request, |request, (name, value)| {
            request.header(*name, value)
        });
        request.send().await.expect("an answer").status().as_u16()
    }
}

/// How a secret could stand in a line: as it is, without its beginning or its end, in base64 wherever it begins in what is encoded, in
/// hex, and as the numbers of its bytes, as Rust prints them.
fn forms(secret: &str) -> Vec<String> {
    let characters: Vec<char> = secret.chars().collect();
    let end = characters.len().saturating_sub(16);
    let mut forms = vec![
        characters.iter().take(16).collect(),
        characters[end..].iter().collect::<String>(),
    ];
    for before in 0..3 {
        let encoded = STANDARD.encode([&b"..."[..before], secret.as_bytes()].concat());
        // The first characters of base64 depend on what stands before, the last ones on what comes behind.
        forms.push(encoded.chars().skip(4).take(16).collect());
    }
    let bytes: Vec<u8> = secret.bytes().take(8).collect();
    forms.extend([
        hex::encode(&bytes),
        bytes
            .iter()
            .map(u8::to_string)
            .collect::<Vec<_>>()
            .join(", "),
    ]);
    forms
}

/// No form of these secrets stands in a text.
fn none_shows(text: &str, secrets: &[String], whose: &str) {
    for secret in secrets.iter().filter(|secret| secret.len() >= 16) {
        for form in forms(secret) {
            let line = || {
                text.lines()
                    .find(|line| line.contains(&form))
                    .unwrap_or_default()
            };
            assert!(
                !text.contains(&form),
                "{whose}: {form} shows, a form of a secret: {}",
                line()
            );
        }
    }
    // What a client of AWS signs requests with.
    assert!(
        !text.contains("AWS4-HMAC-SHA256"),
        "{whose}: a request to AWS shows"
    );
}

/// The levels of the parameter `LogLevel`.
const LEVELS: [&str; 5] = ["error", "warn", "info", "debug", "trace"];
/// An approval that is nobody's.
const NO_APPROVAL: &str = "01ARZ3NDEKTSV4RRFFQ69G5FAV-0000000000000000";

#[tokio::test]
async fn at_no_level_does_ingress_log_a_credential_that_it_is_given() {
    let stack = Stack::start();
    let right = knocks(NO_APPROVAL, |name| stack.facts.secrets[name].clone());
    // What is nearly right is refused, and some refusals could quote it.
    let wrong = knocks(NO_APPROVAL, |name| {
        format!("{}x", stack.facts.secrets[name])
    });
    let mut secrets: Vec<String> = stack.facts.secrets.values().cloned().collect();
    secrets.extend(right.iter().chain(&wrong).map(|knock| knock.made.clone()));
    let events: Vec<Value> = right.iter().chain(&wrong).map(Knock::event).collect();
    for level in LEVELS {
        let ran = runtime::function(&stack, "ingress", &[("RUST_LOG", level)], &events).await;
        let statuses: Vec<u64> = ran
            .answers
            .iter()
            .map(|answer| answer["statusCode"].as_u64().expect("a status"))
            .collect();
        assert!(
            statuses[..right.len()]
                .iter()
                .all(|status| ![401, 503].contains(status)),
            "{level}: {statuses:?}"
        );
        assert!(
            statuses[right.len()..].iter().all(|status| *status == 401),
            "{level}: {statuses:?}"
        );
        assert!(
            ran.lines.len() >= events.len(),
            "a line for each request at least"
        );
        none_shows(
            &format!("{}\n{}", ran.lines.join("\n"), ran.errors),
            &secrets,
            level,
        );
    }
}

/// The most talkative level has every line of the others: what is not there is at no level.
#[tokio::test]
async fn at_trace_no_function_logs_a_secret_of_what_it_talks_to() {
    let stack = Stack::start_with(&["--param", "LogLevel=trace"]);
    // One server that refuses everybody stands in for whatever takes a key: an error could quote its request.
    let refusing = ModelServer::start(|_| json_answer(401, &json!({ "error": "wrong key" }))).await;
    let receiver = WebhookReceiver::start(|_| (200, Vec::new())).await;
    let url = refusing.base_url();
    let random = || STANDARD.encode(tests::alert::unique("0123456789abcdef").repeat(2));
    let mut keys = Vec::new();
    for name in [
        "analyzer/model",
        "analyzer/prometheus",
        "analyzer/signoz",
        "channels/alertmanager",
    ] {
        let key = random();
        stack.create_secret(&format!("quell/{name}"), &key).await;
        keys.push(key);
    }
    let otlp = random();
    stack
        .create_secret("quell/analyzer/otlp", &format!("x-trace-key: {otlp}"))
        .await;
    keys.push(otlp);
    let hook = format!(
        "whsec_{}",
        STANDARD.encode("a key of thirty-two bytes, or so")
    );
    stack.create_secret("quell/channels/hook", &hook).await;

    let directory = &stack.facts.target.config_dir;
    let settings = json!({
        "evidence": {
            "prometheus": { "url": url, "token_secret": "quell/analyzer/prometheus", "queries": { "service_404": [{ "name": "up", "query": "up" }] } },
            "signoz": { "url": url, "key_secret": "quell/analyzer/signoz" },
        },
        "providers": [{ "name": "m", "api": "openai", "base_url": url, "model": "test-model", "key_secret": "quell/analyzer/model" }],
        "budget": { "day_usd": 100, "incident_usd": 10 },
        "tracing": { "otlp_url": format!("{url}/traces"), "headers_secret": "quell/analyzer/otlp" },
    });
    std::fs::write(directory.join("analyzer.yaml"), settings.to_string()).expect("written");
    let prices = "[{ model: test-model, input_usd_per_million: 0, output_usd_per_million: 1 }]";
    std::fs::write(directory.join("model-prices.yaml"), prices).expect("written");
    let channels = directory.join("channels.json");
    let mut file: Value =
        serde_json::from_slice(&std::fs::read(&channels).expect("the file")).expect("JSON");
    let webhook = json!({ "url": receiver.url(), "key_secret": "quell/channels/hook", "private": true, "links_for": ["ada"] });
    file["channels"]
        .as_array_mut()
        .expect("a list")
        .push(json!({ "name": "hook", "to": { "webhook": webhook } }));
    file["routes"] = json!([{ "channels": ["on-call", "operations", "hook"] }]);
    file["alertmanager"] = json!({ "url": url, "token_secret": "quell/channels/alertmanager", "private": true, "silence_repairs": true });
    std::fs::write(&channels, file.to_string()).expect("written");

    let mut secrets: Vec<String> = stack.facts.secrets.values().cloned().collect();
    secrets.extend([
        stack.facts.telegram.token.clone(),
        stack.facts.slack.token.clone(),
        hook,
    ]);
    secrets.extend(keys.iter().cloned());
    let key = std::fs::read_to_string(&stack.facts.target.private_key_file).expect("the key");
    secrets.extend(
        key.lines()
            .filter(|line| !line.starts_with('-') && line.len() > 20)
            .map(str::to_owned),
    );

    // The main job, with every door knocked at, a silence and the details asked for in between.
    let incident = stack
        .awaiting_approval(&TestAlert::firing(&stack.facts.target.service))
        .await;
    let id = incident.id.as_str();
    let approval = incident.approval.expect("asked").id;
    for (of, refused) in [("", false), ("x", true)] {
        for knock in knocks(approval.as_str(), |name| {
            format!("{}{of}", stack.facts.secrets[name])
        }) {
            assert_eq!(
                knock.status(&stack).await == 401,
                refused,
                "{} {}",
                knock.method,
                knock.path
            );
            secrets.push(knock.made);
        }
    }
    let signal = json!({ "source": "s", "alert_name": "A", "target": "t" }).to_string();
    let mut mac = Hmac::<Sha256>::new_from_slice(stack.facts.secrets["webhook"].as_bytes())
        .expect("a key of any length");
    mac.update(signal.as_bytes());
    let signature = format!("sha256={}", hex::encode(mac.finalize().into_bytes()));
    let signal = stack
        .http
        .post(stack.url("webhooks/signals"))
        .header("x-signature-256", signature)
        .body(signal);
    assert_eq!(signal.send().await.expect("an answer").status(), 200);
    for data in [format!("silence:{id}"), format!("details:{id}")] {
        assert_eq!(
            Interaction::press(&data)
                .request(&stack)
                .send()
                .await
                .expect("an answer")
                .status(),
            200,
            "{data}"
        );
    }
    let approve = stack
        .http
        .post(stack.url(&format!("approvals/{approval}/approve")))
        .bearer_auth(&stack.facts.secrets["approval"]);
    assert_eq!(
        approve
            .json(&json!({ "actor": "ada" }))
            .send()
            .await
            .expect("an answer")
            .status(),
        200
    );
    stack.status(id, Status::Repaired).await;
    receiver.received(2).await;

    // Each key was used, or nothing is learned from its absence.
    let used = |key: &String| {
        refusing.calls().iter().any(|call| {
            call.headers
                .iter()
                .any(|(_, value)| value.contains(key.as_str()))
        })
    };
    let deadline = Instant::now() + Duration::from_secs(60);
    while !keys.iter().all(used) {
        let unused: Vec<usize> = keys
            .iter()
            .enumerate()
            .filter(|(_, key)| !used(key))
            .map(|(place, _)| place)
            .collect();
        assert!(
            Instant::now() < deadline,
            "keys that nobody was shown: {unused:?}"
        );
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let logs = print(&serde_json::to_string(&stack.facts).expect("JSON"));
    let groups: Vec<String> = logs
        .lines()
        .filter_map(|line| line.strip_prefix("lines of "))
        .map(str::to_lowercase)
        .collect();
    for function in [
        "ingress", "signals", "analyzer", "notifier", "repair", "bridge",
    ] {
        assert!(
            groups.iter().any(|group| group.contains(function)),
            "{function} has logged nothing: {groups:?}"
        );
    }
    assert!(
        logs.contains(r#""RUST_LOG": "trace""#) && logs.contains(id),
        "the logs are those of this job"
    );
    none_shows(&logs, &secrets, "trace");
}

fn print(facts: &str) -> String {
    use std::io::Write as _;
    use std::process::Stdio;
    let mut python = Command::new(project().join(".venv/bin/python"));
    let mut child = python
        .args(["-c", PRINT])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python");
    child
        .stdin
        .take()
        .expect("its standard input")
        .write_all(facts.as_bytes())
        .expect("written");
    let done = child.wait_with_output().expect("it ends");
    assert!(done.status.success());
    String::from_utf8_lossy(&done.stdout).into_owned()
}
