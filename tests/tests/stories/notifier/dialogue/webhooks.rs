//! Tests of webhooks: late, but the newest state, once; links that only people use; and no request
//! into a private network that is not allowed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use aws_sdk_secretsmanager::Client;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::incident::Status;
use domain::incident::approval::{ApprovalState, Verdict};
use domain::incident::operation_log::Event;
use serde_json::{Value, json};
use tests::alert::{TestAlert, unique};
use tests::stack::Stack;
use tests::webhook_receiver::{Delivery, WebhookReceiver};

use super::own::{Own, secret};

/// A new key for webhooks.
fn fresh_key() -> String {
    format!(
        "whsec_{}",
        STANDARD.encode(
            [
                ulid::Ulid::generate().to_bytes(),
                ulid::Ulid::generate().to_bytes()
            ]
            .concat()
        )
    )
}

/// A chat of Telegram that no other story tells anything in: the channel, and its id.
async fn own_chat(stack: &Stack, name: &str) -> (Value, i64) {
    let id = i64::try_from(ulid::Ulid::generate().random() % 1_000_000_000_000)
        .expect("a small number")
        + 1;
    stack.control("join", &json!({ "chat_id": id })).await;
    let chat = json!({ "chat_id": id, "api_url": stack.facts.telegram.base_url, "messages_per_minute": 600 });
    (json!({ "name": name, "to": { "telegram": chat } }), id)
}

async fn messages(stack: &Stack, chat: i64) -> Vec<Value> {
    stack.control("messages", &json!({ "chat_id": chat })).await["messages"]
        .as_array()
        .expect("a list")
        .clone()
}

#[tokio::test]
async fn a_server_that_is_down_delays_none_and_gets_the_newest_state() {
    let stack = Stack::start();
    let well = Arc::new(AtomicBool::new(false));
    let is_well = Arc::clone(&well);
    let receiver = WebhookReceiver::start(move |_| {
        (
            if is_well.load(Ordering::Relaxed) {
                204
            } else {
                500
            },
            Vec::new(),
        )
    })
    .await;
    let (old_key, [hook, chat]) = (fresh_key(), [unique("w"), unique("c")]);
    let key_secret = secret(&stack, &old_key).await;
    let (telegram, chat_id) = own_chat(&stack, &chat).await;
    let webhook = json!({ "url": receiver.url(), "key_secret": key_secret, "private": true });
    let content = json!({
        "channels": [telegram, { "name": hook, "to": { "webhook": webhook } }], "routes": [{ "channels": [hook, chat] }],
    });
    let own = Own::with(&stack, &content).await;
    let id = own.incident().await;
    own.changed(&id).await;
    assert_eq!(
        (
            messages(&stack, chat_id).await.len(),
            receiver.deliveries().len()
        ),
        (1, 1),
        "Telegram is told at once"
    );
    own.later(301, &hook).await;
    let tries = receiver.deliveries();
    assert_eq!(tries.len(), 2);
    assert_eq!(
        (&tries[0].id, tries[0].json()["data"]["status"].as_str()),
        (&tries[1].id, Some("needs_human")),
        "the same again"
    );

    own.resolve(&id).await;
    assert!(
        messages(&stack, chat_id).await[0]["text"]
            .as_str()
            .is_some_and(|text| text.contains("Resolved"))
    );
    well.store(true, Ordering::Relaxed);
    let before = receiver.deliveries().len();
    for _ in 0..3 {
        own.later(301, &hook).await;
    }
    let deliveries = receiver.deliveries();
    assert_eq!(
        deliveries.len(),
        before + 1,
        "it gets what is true by now, once"
    );
    let newest = &deliveries[before];
    assert_eq!(
        (&newest.json()["type"], &newest.json()["data"]["status"]),
        (&json!("quell.incident.v1"), &json!("resolved"))
    );
    assert!(
        deliveries
            .iter()
            .all(|delivery| delivery.is_signed_with(&old_key))
    );
    let log = stack.log_with(id.as_str(), Event::WebhookSent).await;
    assert_eq!(
        log.iter()
            .filter(|entry| entry.event == Event::WebhookSent)
            .count(),
        1
    );

    // While the key is being rotated, either will do.
    let new_key = fresh_key();
    let put = Client::new(&stack.aws())
        .put_secret_value()
        .secret_id(&key_secret)
        .secret_string(&new_key);
    put.send().await.expect("rotated");
    let own = own.started_anew();
    let press = unique("press");
    for _ in 0..2 {
        own.details(&id, &hook, &press).await;
    }
    let deliveries = receiver.deliveries();
    assert_eq!(
        deliveries.len(),
        before + 2,
        "a press that is delivered twice is answered once"
    );
    let details = &deliveries[before + 1];
    assert_eq!(
        (&details.json()["type"], &details.json()["data"]["under"]),
        (&json!("quell.details.v1"), &json!(newest.id))
    );
    assert!(
        details.is_signed_with(&new_key) && details.is_signed_with(&old_key),
        "{}",
        details.signatures
    );
}

#[tokio::test]
async fn a_webhook_says_where_people_decide_with_their_token() {
    let stack = Stack::start();
    let receiver = WebhookReceiver::start(|_| (200, Vec::new())).await;
    let (hook, key_secret) = (unique("w"), secret(&stack, &fresh_key()).await);
    let webhook = json!({ "url": receiver.url(), "key_secret": key_secret, "private": true });
    let content = json!({
        "channels": [{ "name": hook, "to": { "webhook": webhook } }], "routes": [{ "channels": [hook] }],
        "people": { "ada": { "api": true } }, "approvals": [{ "people": ["ada"] }],
    });
    let own = Own::with(&stack, &content).await;
    let incident = stack
        .awaiting_approval(&TestAlert::firing(&stack.facts.target.service))
        .await;
    let id = incident.id.as_str();
    own.changed(&incident.id).await;
    let told = receiver.received(1).await.remove(0);
    let told_json = told.json();
    let address = told_json["data"]["decide_at"].as_str().expect("an address");
    let page = format!("{}/console/incidents/{id}", stack.facts.api_url);
    assert_eq!(told_json["data"]["page"], page.as_str());

    // A preview opens it, and so may a proxy.
    let page = stack.http.get(address).send().await.expect("an answer");
    let (status, page) = (page.status(), page.text().await.expect("a page"));
    assert!(
        status == 200 && page.contains("<form method=\"post\">"),
        "{page}"
    );
    let waits = stack.read(&incident.id).await.approval.expect("asked");
    assert_eq!(waits.state, ApprovalState::Pending);
    let press = async |token: &str| {
        let request = stack
            .http
            .post(address)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(format!("token={token}&verdict=reject"));
        request.send().await.expect("an answer").status()
    };
    // The receiver of the webhook has the address too, and decides nothing.
    assert_eq!(press("").await, 401);
    assert_eq!(press(&stack.facts.tokens["eve"]).await, 403);
    assert_eq!(press(&stack.facts.tokens["ada"]).await, 200);
    assert_eq!(press(&stack.facts.tokens["ada"]).await, 200, "nothing new");
    let decided = stack
        .status(id, Status::Rejected)
        .await
        .approval
        .expect("asked")
        .state;
    assert!(
        matches!(&decided, ApprovalState::Decided { verdict: Verdict::Reject, by, .. } if by.to_string() == "link:ada"),
        "{decided:?}"
    );
    stack.card(id, "Rejected by ada").await;

    own.changed(&incident.id).await;
    let after = receiver.received(2).await.remove(1).json();
    assert_eq!(
        (&after["data"]["replaces"], &after["data"]["decide_at"]),
        (&json!(told.id), &Value::Null),
        "nothing is left to decide"
    );
}

#[tokio::test]
async fn no_webhook_reaches_a_private_network_and_others_go_on() {
    let stack = Stack::start();
    let inside = WebhookReceiver::start(|_| (200, Vec::new())).await;
    let targets = [
        inside.url(),
        "http://169.254.169.254/latest/meta-data".to_owned(),
    ];
    let mut redirects = Vec::new();
    for target in targets.clone() {
        redirects.push(
            WebhookReceiver::start(move |_| (307, vec![("location".to_owned(), target.clone())]))
                .await,
        );
    }
    let key_secret = secret(&stack, &fresh_key()).await;
    let (chat, names) = (unique("c"), [(); 4].map(|()| unique("w")));
    let private = |url: String| json!({ "url": url, "key_secret": key_secret, "private": true });
    let public =
        |url: &str| json!({ "url": url.replace("http://", "https://"), "key_secret": key_secret });
    let hooks = [
        private(redirects[0].url()),
        private(redirects[1].url()),
        public(&targets[0]),
        public(&targets[1]),
    ];
    let (telegram, chat_id) = own_chat(&stack, &chat).await;
    let hooks = names
        .iter()
        .zip(hooks)
        .map(|(name, hook)| json!({ "name": name, "to": { "webhook": hook } }));
    let all: Vec<&String> = names.iter().chain([&chat]).collect();
    let content = json!({ "channels": hooks.chain([telegram]).collect::<Vec<_>>(), "routes": [{ "channels": all }] });
    let own = Own::with(&stack, &content).await;
    let id = own.incident().await;
    own.changed(&id).await;

    assert_eq!(
        (
            messages(&stack, chat_id).await.len(),
            inside.deliveries().len()
        ),
        (1, 0)
    );
    assert_eq!(
        redirects
            .iter()
            .map(|redirect| redirect.deliveries().len())
            .collect::<Vec<_>>(),
        [1, 1]
    );
    for name in &names {
        let due = stack
            .store
            .due(name, jiff::Timestamp::now())
            .await
            .expect("the outbox");
        assert_eq!(
            due.iter().map(|due| due.refused).collect::<Vec<_>>(),
            [1],
            "{name}: it waits for the operator"
        );
    }
    let log = stack.log_with(id.as_str(), Event::TelegramSent).await;
    assert!(
        log.iter().all(|entry| entry.event != Event::WebhookSent),
        "{log:#?}"
    );
}

#[test]
fn the_published_example_is_signed_and_what_was_changed_is_not() {
    let key = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let example = Delivery {
        id: "msg_p5jXN8AQM9LWM0D4loKWxJek".into(),
        timestamp: "1614265330".into(),
        signatures: "v1,AAAA v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=".into(),
        body: br#"{"test": 2432232314}"#.to_vec(),
    };
    assert!(example.is_signed_with(key));
    let changed = Delivery {
        timestamp: "1614265331".into(),
        ..example.clone()
    };
    assert!(
        !changed.is_signed_with(key)
            && !example.is_signed_with("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
    );
}
