//! A history in which the causes that static rules name were right: with it, what only a rule speaks for can run by itself.

use aws_sdk_dynamodb::types::AttributeValue;

use crate::stack::Stack;

impl Stack {
    /// Counts the cause of the static rule about targets that do not answer as right, very often.
    ///
    /// # Panics
    /// If the table does not answer.
    pub async fn trust_the_rule_about_targets(&self) {
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let number = |number: u32| AttributeValue::N(number.to_string());
        aws_sdk_dynamodb::Client::new(&self.aws())
            .update_item()
            .table_name(&self.facts.outputs["TableName"])
            .key("pk", text("CAUSES#static"))
            .key("sk", text("CAUSE#service_404"))
            .update_expression("ADD was_right :right, was_wrong :wrong")
            .expression_attribute_values(":right", number(10_000))
            .expression_attribute_values(":wrong", number(0))
            .send()
            .await
            .map(drop)
            .expect("written");
    }
}
