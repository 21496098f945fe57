//! Minimal alert receiver as a baseline: one write and one message with the clients that ingress
//! has, and nothing else. It has no authentication, no parsing and no correct count.

use std::time::Duration;

use aws::AwsEnvironment;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use lambda_http::{Body, Error, Request, Response, run, service_fn};
use settings::variables::Variables;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let variables = Variables::of_process();
    let table = variables.required("TABLE_NAME", "the name of a table")?;
    let queue = variables.required("INCIDENTS_QUEUE_URL", "the URL of a queue")?;
    let aws = AwsEnvironment::from_variables(&variables)?.sdk_config(Duration::from_secs(5));
    let (dynamodb, sqs) = (
        aws_sdk_dynamodb::Client::new(&aws),
        aws_sdk_sqs::Client::new(&aws),
    );
    let (table, queue, dynamodb, sqs) = (&table, &queue, &dynamodb, &sqs);
    run(service_fn(|request: Request| async move {
        let text = String::from_utf8_lossy(request.body().as_ref()).into_owned();
        dynamodb
            .update_item()
            .table_name(table)
            .key("pk", AttributeValue::S("FP#minimal".to_owned()))
            .key("sk", AttributeValue::S("EPISODE".to_owned()))
            .update_expression("ADD hit_count :one")
            .expression_attribute_values(":one", AttributeValue::N("1".to_owned()))
            .return_values(ReturnValue::AllNew)
            .send()
            .await?;
        sqs.send_message()
            .queue_url(queue)
            .message_body(text)
            .send()
            .await?;
        Ok::<_, Error>(Response::new(Body::from("counted")))
    }))
    .await
}
