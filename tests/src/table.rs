//! The whole table as text, for tests that look for what must not be there.

use aws_sdk_dynamodb::types::AttributeValue;

use crate::stack::Stack;

impl Stack {
    /// The values of every item of the table, a line for each item.
    ///
    /// # Panics
    /// If the table does not answer.
    pub async fn table(&self) -> String {
        let client = aws_sdk_dynamodb::Client::new(&self.aws());
        let mut items = client
            .scan()
            .table_name(&self.facts.outputs["TableName"])
            .into_paginator()
            .items()
            .send();
        let mut text = String::new();
        while let Some(item) = items.next().await {
            let values: Vec<AttributeValue> = item.expect("an item").into_values().collect();
            text.push_str(&format!("{values:?}\n"));
        }
        text
    }
}
