//! The read API on the deployed stack: lists, one incident, its log, tags, and answers as docs/openapi-console.yaml has them.

use std::time::Duration;

use domain::incident::operation_log::Event;
use reqwest::StatusCode;
use serde_json::{Value, json};
use tests::alert::TestAlert;
use tests::read_api::ReadApi;
use tests::stack::{Stack, wait_for};
use tokio::time::sleep;

#[tokio::test]
async fn every_answer_is_as_the_document_has_it() {
    let stack = Stack::start();
    let api = ReadApi::of(&stack);
    let incident = stack
        .awaiting_approval(&TestAlert::firing(&stack.facts.target.service))
        .await;
    let id = incident.id.to_string();
    for path in ["repairs", "playbooks", "stats", "quality", "health"] {
        api.reads(path, path).await;
    }
    let shown = api
        .reads("incidents/{id}", &format!("incidents/{id}"))
        .await;
    assert_eq!(shown["status"], "awaiting_approval");
    let commands = shown["plan"]["parts"][0]["steps"][0]["argv"].as_array();
    assert!(commands.is_some_and(|argv| !argv.is_empty()), "{shown:#}");
    assert!(
        !shown.to_string().contains("signature"),
        "no signature is shown"
    );
    let log = api
        .reads("incidents/{id}/log", &format!("incidents/{id}/log"))
        .await;
    let entries = log["entries"].as_array().expect("entries");
    assert_eq!(entries[0]["event"], json!(Event::AlertReceived));
    assert_eq!(
        entries.last().expect("an entry")["hash"],
        log["head"]["hash"]
    );
}

#[tokio::test]
async fn lists_are_filtered_and_paged_without_a_gap() {
    let stack = Stack::start();
    let api = ReadApi::of(&stack);
    let mut fired = Vec::new();
    for _ in 0..5 {
        let alert = TestAlert::firing("listed");
        let answer = stack.deliver_one(&alert).await;
        let id = answer["incident_id"].as_str().expect("an id");
        fired.push(id.to_owned());
    }
    // The index follows the table by a moment.
    wait_for("the newest in the list", async || {
        let newest = api.reads("incidents", "incidents?open=true&limit=1").await;
        (newest["incidents"][0]["id"].as_str() == fired.last().map(String::as_str)).then_some(())
    })
    .await;
    let (mut found, mut cursor) = (Vec::new(), String::new());
    for _ in 0..50 {
        let path = format!("incidents?open=true&limit=2{cursor}");
        let page = api.reads("incidents", &path).await;
        let incidents = page["incidents"].as_array().expect("incidents").clone();
        found.extend(
            incidents
                .iter()
                .filter_map(|one| Some(one["id"].as_str()?.to_owned())),
        );
        let Some(next) = page["next"].as_str() else {
            break;
        };
        cursor = format!("&cursor={next}");
        if fired.iter().all(|id| found.contains(id)) {
            break;
        }
    }
    let missing: Vec<_> = fired.iter().filter(|id| !found.contains(id)).collect();
    assert!(missing.is_empty(), "{missing:?} of {found:?}");
    let mut sorted = found.clone();
    sorted.sort_by(|one, other| other.cmp(one));
    sorted.dedup();
    assert_eq!(found, sorted, "newest first, each once");

    let one = &fired[0];
    let by_text = api
        .reads("incidents", &format!("incidents?text={one}"))
        .await;
    assert_eq!(by_text["incidents"].as_array().map(Vec::len), Some(1));
    let none = api
        .reads("incidents", &format!("incidents?text={one}&open=false"))
        .await;
    assert_eq!(none["incidents"], json!([]));
    let wrong = api.answer("incidents?severity=P9", None).await;
    assert_eq!(wrong.status(), StatusCode::BAD_REQUEST);
    let problem: Value = wrong.json().await.expect("JSON");
    assert_eq!(problem["at"], "severity", "{problem}");
}

#[tokio::test]
async fn what_the_caller_has_is_answered_with_a_304() {
    let stack = Stack::start();
    let api = ReadApi::of(&stack);
    let incident = stack
        .awaiting_approval(&TestAlert::firing(&stack.facts.target.service))
        .await;
    let path = format!("incidents/{}", incident.id);
    // Its cards may still be on their way, and each of them changes it.
    let mut tries = 0;
    let tag = loop {
        let first = api.answer(&path, None).await;
        let tag = first.headers()["etag"].to_str().expect("text").to_owned();
        let again = api.answer(&path, Some(&tag)).await.status();
        if again == StatusCode::NOT_MODIFIED {
            break tag;
        }
        tries += 1;
        assert!(tries < 20, "{again}");
        sleep(Duration::from_millis(250)).await;
    };
    let respond = stack
        .http
        .post(stack.url(&format!("{path}/respond")))
        .bearer_auth(&stack.facts.tokens["ada"])
        .json(&json!({ "action": "note", "text": "news" }));
    assert_eq!(
        respond.send().await.expect("an answer").status(),
        StatusCode::OK
    );
    assert_eq!(api.answer(&path, Some(&tag)).await.status(), StatusCode::OK);
}
