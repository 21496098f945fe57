//! DynamoDB: sizes of items, keys, expressions, batches, transactions and pages, and what an index
//! knows.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::types::{
    AttributeValue, KeysAndAttributes, Put, PutRequest, TransactWriteItem, WriteRequest,
};
use tests::own_table::{INDEX, OwnTable, text};
use tests::stack::Stack;
use tokio::time::sleep;

use super::assert_refused;

const ITEM: usize = 400 * 1024;
/// What most items of these stories hold: two of them are less than a megabyte, and three are more.
const LARGE: usize = 390_000;
const INVALID: &str = "ValidationException";

type Item = HashMap<String, AttributeValue>;

fn item(pk: &str, sk: impl ToString) -> Item {
    let keys = [("pk", pk.to_owned()), ("sk", sk.to_string())];
    keys.map(|(name, value)| (name.to_owned(), text(value)))
        .into()
}

/// An action of a transaction that puts an item with a text of this length.
fn put(table: &OwnTable, sk: usize, length: usize) -> TransactWriteItem {
    let put = Put::builder()
        .table_name(&table.name)
        .set_item(Some(item("transaction", sk)))
        .item("text", text("x".repeat(length)));
    let put = put.build().expect("complete");
    TransactWriteItem::builder().put(put).build()
}

fn keys(keys: impl IntoIterator<Item = Item>) -> KeysAndAttributes {
    let keys = KeysAndAttributes::builder().set_keys(Some(keys.into_iter().collect()));
    keys.build().expect("complete")
}

#[tokio::test]
async fn an_item_holds_400_kb() {
    let table = OwnTable::create(&Stack::start()).await;
    // Names count: `pk`, `sk` and `text`, and the keys' two letters.
    let most = ITEM - 10;
    let of_length = |length: usize| {
        let request = table.client.put_item().table_name(&table.name);
        let request = request.set_item(Some(item("a", "b")));
        request.item("text", text("x".repeat(length))).send()
    };
    of_length(most).await.expect("400 KB are accepted");
    let refused = assert_refused(of_length(most + 1).await, INVALID);
    assert_eq!(
        refused.message,
        "Item size has exceeded the maximum allowed size"
    );
    let update = table.client.update_item().table_name(&table.name);
    let update = update.set_key(Some(item("a", "b")));
    let update = update.update_expression("SET more = :more");
    let update = update.expression_attribute_values(":more", text("y"));
    let refused = assert_refused(update.send().await, INVALID);
    assert_eq!(
        refused.message,
        "Item size to update has exceeded the maximum allowed size"
    );
}

#[tokio::test]
async fn keys_and_expressions_have_their_longest() {
    let table = OwnTable::create(&Stack::start()).await;
    let put = || table.client.put_item().table_name(&table.name);
    for (pk, sk) in [(2_049, 1), (1, 1_025)] {
        let keys = item(&"k".repeat(pk), "k".repeat(sk));
        assert_refused(put().set_item(Some(keys)).send().await, INVALID);
    }
    let longest = item(&"k".repeat(2_048), "k".repeat(1_024));
    let accepted = put().set_item(Some(longest)).send().await;
    accepted.expect("2,048 and 1,024 bytes are accepted");
    let condition = format!("attribute_exists({})", "a".repeat(4_096));
    let conditional = put().set_item(Some(item("a", "b")));
    let conditional = conditional.condition_expression(condition);
    let refused = assert_refused(conditional.send().await, INVALID);
    assert!(refused.message.contains("Expression size"), "{refused:?}");
}

#[tokio::test]
async fn a_transaction_has_a_hundred_actions_and_four_megabytes() {
    let table = OwnTable::create(&Stack::start()).await;
    let transact = |actions: Vec<TransactWriteItem>| {
        let request = table.client.transact_write_items();
        request.set_transact_items(Some(actions)).send()
    };
    let many = |count: usize, length: usize| (0..count).map(|sk| put(&table, sk, length)).collect();
    let accepted = transact(many(100, 1)).await;
    accepted.expect("a hundred are accepted");
    assert_refused(transact(many(101, 1)).await, INVALID);
    assert_refused(transact(many(11, LARGE)).await, INVALID);
    let twice = vec![put(&table, 1, 1), put(&table, 1, 2)];
    let refused = assert_refused(transact(twice).await, INVALID);
    assert_eq!(
        refused.message,
        "Transaction request cannot include multiple operations on one item"
    );
}

#[tokio::test]
async fn a_batch_writes_25_items() {
    let table = OwnTable::create(&Stack::start()).await;
    let write = |count: usize| {
        let requests = (0..count).map(|sk| {
            let put = PutRequest::builder().set_item(Some(item("batch", sk)));
            let put = put.build().expect("complete");
            WriteRequest::builder().put_request(put).build()
        });
        let request = table.client.batch_write_item();
        request
            .request_items(&table.name, requests.collect())
            .send()
    };
    write(25).await.expect("25 are accepted");
    assert_refused(write(26).await, INVALID);
}

#[tokio::test]
async fn a_batch_reads_a_hundred_items_over_all_tables() {
    let stack = Stack::start();
    let (one, other) = (
        OwnTable::create(&stack).await,
        OwnTable::create(&stack).await,
    );
    let some = |count: usize| keys((0..count).map(|sk| item("batch", sk)));
    let read = || one.client.batch_get_item();
    let of_one = read().request_items(&one.name, some(101)).send().await;
    assert_refused(of_one, INVALID);
    let of_both = read()
        .request_items(&one.name, some(51))
        .request_items(&other.name, some(50));
    let refused = assert_refused(of_both.send().await, INVALID);
    assert_eq!(
        refused.message,
        "Too many items requested for the BatchGetItem call."
    );
}

#[tokio::test]
async fn a_batch_leaves_out_what_an_answer_has_no_room_for() {
    const ITEMS: usize = 42;
    let table = OwnTable::create(&Stack::start()).await;
    let read = async |asked: Vec<Item>| {
        let request = table.client.batch_get_item();
        let request = request.request_items(&table.name, keys(asked));
        let answer = request.send().await.expect("an answer");
        let found = answer.responses.unwrap_or_default();
        let left = answer.unprocessed_keys.unwrap_or_default();
        let read = found.get(&table.name).map_or(0, Vec::len);
        let left = left.get(&table.name).map_or(0, |left| left.keys.len());
        (read, left)
    };
    // A megabyte of one partition.
    for sk in 0..3 {
        table.put("one", &sk.to_string(), LARGE).await;
    }
    let of_one = (0..3).map(|sk| item("one", sk)).collect();
    assert_eq!(read(of_one).await, (2, 1));
    // Sixteen megabytes of all.
    for number in 0..ITEMS {
        table.put(&format!("p{number}"), "0", LARGE).await;
    }
    let of_many = (0..ITEMS).map(|number| item(&format!("p{number}"), 0));
    assert_eq!(read(of_many.collect()).await, (41, 1));
}

#[tokio::test]
async fn a_page_of_a_query_holds_one_megabyte() {
    let table = OwnTable::create(&Stack::start()).await;
    for sk in 0..3 {
        table.put("page", &sk.to_string(), LARGE).await;
    }
    let query = || {
        let request = table.client.query().table_name(&table.name);
        let request = request.key_condition_expression("pk = :pk");
        request.expression_attribute_values(":pk", text("page"))
    };
    let first = query().send().await.expect("a page");
    assert_eq!(first.count, 2);
    let more = first.last_evaluated_key.expect("there is more");
    let rest = query().set_exclusive_start_key(Some(more)).send().await;
    let rest = rest.expect("a page");
    assert_eq!((rest.count, rest.last_evaluated_key), (1, None));
}

#[tokio::test]
async fn an_index_knows_of_a_write_a_moment_later() {
    let table = OwnTable::create(&Stack::start()).await;
    let query = || {
        let request = table.client.query().table_name(&table.name);
        let request = request.index_name(INDEX);
        let request = request.key_condition_expression("#group = :group");
        let request = request.expression_attribute_names("#group", "group");
        request.expression_attribute_values(":group", text("open"))
    };
    let listed = async || query().send().await.expect("a page").count;
    let moment = || sleep(Duration::from_millis(400));
    let put = table.client.put_item().table_name(&table.name);
    let put = put.set_item(Some(item("a", "1")));
    let put = put.item("group", text("open")).send().await;
    put.expect("it is put");
    assert_eq!(listed().await, 0, "the index does not know of it yet");
    let get = table.client.get_item().table_name(&table.name);
    let found = get.set_key(Some(item("a", "1"))).consistent_read(true);
    let found = found.send().await.expect("an answer").item;
    assert!(found.is_some(), "the table does");
    moment().await;
    assert_eq!(listed().await, 1);
    let delete = table.client.delete_item().table_name(&table.name);
    let deleted = delete.set_key(Some(item("a", "1"))).send().await;
    deleted.expect("it is deleted");
    assert_eq!(listed().await, 1, "the index has it still");
    moment().await;
    assert_eq!(listed().await, 0);
    let refused = assert_refused(query().consistent_read(true).send().await, INVALID);
    assert_eq!(
        refused.message,
        "Consistent reads are not supported on global secondary indexes"
    );
}
