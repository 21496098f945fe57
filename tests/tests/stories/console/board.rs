//! The board of the deployed stack: it agrees with the list while incidents open, are repaired and end, and where it is missing or
//! wrong the page is true all the same.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use board::config::Config;
use board::event::Input;
use domain::incident::Status;
use domain::notification::board::Board;
use domain::primitives::id::IncidentId;
use futures_util::future::join_all;
use jiff::Timestamp;
use serde_json::{Value, json};
use tests::alert::TestAlert;
use tests::stack::{Stack, wait_for};
use tests::visitor::Visitor;

/// What the page says where it does not show the board that is kept.
const FROM_INDEX: &str = "Read from the index";

/// A stack with the board's function, which the stacks of other stories leave out.
fn own_stack() -> Stack {
    Stack::start_with(&["--without", "witness"])
}

async fn kept(stack: &Stack) -> Option<Board> {
    let kept = stack.store.board().await.expect("the table answers");
    kept.map(|kept| kept.board)
}

/// The open incidents with their statuses, by the index and the items themselves.
async fn listed(stack: &Stack) -> BTreeMap<IncidentId, Status> {
    let ids = stack.store.open_incidents().await.expect("the index");
    let found = stack.store.incidents(&ids, true).await.expect("incidents");
    let open = found.incidents.into_iter().filter(|one| one.is_open());
    open.map(|one| (one.id, one.status)).collect()
}

/// Waits until the board has exactly the list's incidents, each as it is, and asserts that its counts are those of its rows.
async fn agrees(stack: &Stack, when: &str) -> Board {
    let board = wait_for(when, async || {
        let board = kept(stack).await?;
        let rows = board.rows.iter().map(|row| (row.id.clone(), row.status));
        let rows: BTreeMap<_, _> = rows.collect();
        (rows == listed(stack).await).then_some(board)
    })
    .await;
    let mut by_status = BTreeMap::new();
    for row in &board.rows {
        *by_status.entry(row.status).or_default() += 1;
    }
    assert_eq!(board.counts.by_status, by_status, "{when}");
    assert_eq!(board.counts.open, board.rows.len(), "{when}");
    board
}

async fn reader(stack: &Stack) -> Visitor<'_> {
    let mut visitor = Visitor::new(stack);
    visitor.signs_in(&stack.facts.tokens["ada"]).await;
    visitor
}

/// Waits for the page that shows an incident on the board that is kept: the console keeps what it has read for a moment.
async fn shows(reader: &Visitor<'_>, id: &str) {
    wait_for("the page", async || {
        let page = reader.reads("console").await;
        let shown = page.contains(&format!("id=\"i-{id}\""));
        (shown && !page.contains(FROM_INDEX)).then_some(())
    })
    .await;
}

async fn opened(stack: &Stack, target: &str) -> String {
    let answer = stack.deliver_one(&TestAlert::firing(target)).await;
    answer["incident_id"].as_str().expect("an id").to_owned()
}

async fn delete(stack: &Stack, pk: &str, sk: &str) {
    let text = |value: &str| AttributeValue::S(value.to_owned());
    aws_sdk_dynamodb::Client::new(&stack.aws())
        .delete_item()
        .table_name(&stack.facts.outputs["TableName"])
        .key("pk", text(pk))
        .key("sk", text(sk))
        .send()
        .await
        .expect("it is deleted");
}

#[tokio::test]
async fn the_board_agrees_with_the_list_through_a_repair() {
    let stack = own_stack();
    let alert = TestAlert::firing(&stack.facts.target.service);
    let incident = stack.awaiting_approval(&alert).await;
    let id = incident.id.to_string();
    for target in ["one", "two", "three"] {
        opened(&stack, target).await;
    }
    let board = agrees(&stack, "opened").await;
    assert_eq!(board.counts.open, 4);
    let visitor = reader(&stack).await;
    shows(&visitor, &id).await;

    stack.approve(&incident).await;
    stack.status(&id, Status::Repaired).await;
    let board = agrees(&stack, "repaired").await;
    let row = board.rows.iter().find(|row| row.id == incident.id);
    assert_eq!(row.map(|row| row.status), Some(Status::Repaired));

    let over = TestAlert {
        ends_at: Some(Timestamp::now()),
        ..alert
    };
    assert_eq!(stack.deliver(&over.delivery()).await.status(), 200);
    stack.status(&id, Status::Resolved).await;
    let board = agrees(&stack, "resolved").await;
    assert_eq!(board.counts.open, 3);

    let stats: Value = stack
        .http
        .get(stack.url("stats"))
        .bearer_auth(&stack.facts.tokens["ada"])
        .send()
        .await
        .expect("an answer")
        .json()
        .await
        .expect("JSON");
    let of_severity = stats["by_severity"].as_object().expect("counts");
    let all: u64 = of_severity.values().filter_map(Value::as_u64).sum();
    assert_eq!(Some(all), stats["shown"].as_u64(), "{stats}");
}

#[tokio::test]
async fn a_board_that_is_gone_or_wrong_is_made_anew() {
    let stack = own_stack();
    let id = opened(&stack, "gone").await;
    agrees(&stack, "opened").await;
    let visitor = reader(&stack).await;
    shows(&visitor, &id).await;

    // Each time anew: a late change of the incident, such as its card, makes another one.
    wait_for("the page without a board", async || {
        delete(&stack, "BOARD", "BOARD").await;
        let page = visitor.reads("console").await;
        (page.contains(&id) && page.contains(FROM_INDEX)).then_some(())
    })
    .await;
    let other = opened(&stack, "another").await;
    agrees(&stack, "made anew").await;
    shows(&visitor, &other).await;

    // A part of the census is lost: its incidents are found again by the index.
    let end = id.chars().last().expect("an end");
    delete(&stack, "BOARD", &format!("CENSUS#{end}")).await;
    let config = Config {
        table: stack.facts.outputs["TableName"].clone(),
        config_dir: stack.facts.target.config_dir.clone(),
    };
    let app = board::App::new(config, &stack.environment());
    let check: Input = serde_json::from_value(json!({ "check": "board" })).expect("an event");
    // As several shards of the stream would, at once: each is done, over what the others have written.
    let now = Timestamp::now();
    for done in join_all((0..6).map(|_| app.handle(&check, now))).await {
        done.expect("taken");
    }
    let board = agrees(&stack, "checked").await;
    assert_eq!(board.counts.open, 2);
    let kept = stack.store.board().await.expect("an answer").expect("kept");
    assert!(kept.as_of >= now, "a check says when it was");
}
