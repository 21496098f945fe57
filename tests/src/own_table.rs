//! A table of a test's own, with a global secondary index, for what DynamoDB does with any table.

use aws::unhurried;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, GlobalSecondaryIndex, KeySchemaElement,
    KeyType, Projection, ProjectionType, ScalarAttributeType,
};

use crate::alert::unique;
use crate::stack::Stack;

/// The name of the index, whose keys are `group` and `sk`, and which has no other attributes.
pub const INDEX: &str = "by-group";

#[derive(Debug)]
pub struct OwnTable {
    /// It retries nothing.
    pub client: Client,
    pub name: String,
}

/// A text as DynamoDB has it.
pub fn text(text: impl Into<String>) -> AttributeValue {
    AttributeValue::S(text.into())
}

impl OwnTable {
    /// Makes a table with the keys `pk` and `sk`, paid by request.
    ///
    /// # Panics
    /// If it is not made.
    pub async fn create(stack: &Stack) -> Self {
        let client = Client::new(&unhurried(&stack.aws()));
        let name = unique("own");
        let index = GlobalSecondaryIndex::builder()
            .index_name(INDEX)
            .key_schema(key("group", KeyType::Hash))
            .key_schema(key("sk", KeyType::Range))
            .projection(
                Projection::builder()
                    .projection_type(ProjectionType::KeysOnly)
                    .build(),
            )
            .build()
            .expect("complete");
        let made = client
            .create_table()
            .table_name(&name)
            .billing_mode(BillingMode::PayPerRequest)
            .attribute_definitions(attribute("pk"))
            .attribute_definitions(attribute("sk"))
            .attribute_definitions(attribute("group"))
            .key_schema(key("pk", KeyType::Hash))
            .key_schema(key("sk", KeyType::Range))
            .global_secondary_indexes(index)
            .send()
            .await;
        made.expect("a table");
        Self { client, name }
    }

    /// Puts an item with these keys and a text of this length beside them.
    ///
    /// # Panics
    /// If it is refused.
    pub async fn put(&self, pk: &str, sk: &str, length: usize) {
        let request = self.client.put_item().table_name(&self.name);
        let request = request.item("pk", text(pk)).item("sk", text(sk));
        let request = request.item("text", text("x".repeat(length)));
        request.send().await.expect("it is put");
    }
}

fn key(name: &str, kind: KeyType) -> KeySchemaElement {
    let element = KeySchemaElement::builder().attribute_name(name);
    element.key_type(kind).build().expect("complete")
}

fn attribute(name: &str) -> AttributeDefinition {
    let definition = AttributeDefinition::builder().attribute_name(name);
    let definition = definition.attribute_type(ScalarAttributeType::S);
    definition.build().expect("complete")
}
