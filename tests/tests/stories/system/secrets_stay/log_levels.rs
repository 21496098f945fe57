//! `secrets-stay`: no function logs a secret, at any level.

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::incident::Status;
use serde_json::{Value, json};
use tests::alert::TestAlert;
use tests::in_process::signed;
use tests::model_server::{ModelServer, json_answer};
use tests::runtime;
use tests::slack::Interaction;
use tests::stack::Stack;
use tests::webhook_receiver::WebhookReceiver;

use super::credentials::{Knock, knocks};
use super::print;

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

/// A secret of the stack, or the token of a person.
fn secret<'a>(stack: &'a Stack, name: &str) -> &'a str {
    match name {
        "token" => &stack.facts.tokens["ada"],
        name => &stack.facts.secrets[name],
    }
}

/// An approval that is nobody's.
const NO_APPROVAL: &str = "01ARZ3NDEKTSV4RRFFQ69G5FAV-0000000000000000";

#[tokio::test]
async fn at_no_level_does_ingress_log_a_credential_that_it_is_given() {
    let stack = Stack::start();
    let right = knocks(NO_APPROVAL, |name| secret(&stack, name).to_owned());
    // What is nearly right is refused, and some refusals could quote it.
    let wrong = knocks(NO_APPROVAL, |name| format!("{}x", secret(&stack, name)));
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
    let webhook =
        json!({ "url": receiver.url(), "key_secret": "quell/channels/hook", "private": true });
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
            format!("{}{of}", secret(&stack, name))
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
    let headers = signed(
        &stack.facts.secrets["webhook"],
        "webhooks/signals",
        signal.as_bytes(),
    );
    let signal = stack
        .http
        .post(stack.url("webhooks/signals"))
        .headers(headers)
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
        .bearer_auth(&stack.facts.tokens["ada"]);
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
