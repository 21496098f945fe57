//! Notifier as a Lambda function: wiring only.

use std::time::Instant;

use aws::AwsEnvironment;
use aws::batch::{Delivery, Order, take};
use aws::deadline::time_left;
use aws::telemetry::{init, or_log};
use aws_lambda_events::event::sqs::SqsEvent;
use jiff::Timestamp;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use notifier::{App, config::Config};
use settings::variables::Variables;
use wire::message::Message;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let variables = Variables::of_process();
    init(&variables)?;
    let config = or_log(Config::from_variables(&variables))?;
    let aws = AwsEnvironment::from_variables(&variables)?;
    let app = &or_log(App::new(config, &aws))?;
    run(service_fn(|event: LambdaEvent<SqsEvent>| async move {
        let until = Instant::now() + time_left(event.context.deadline, Timestamp::now());
        // A message that two workers got at once is not the same holder of a turn.
        let request = event.context.request_id;
        let handle = async |message: Message, Delivery { id, .. }: Delivery| {
            app.handle(&message, &format!("{id}/{request}"), &Timestamp::now, until)
                .await
        };
        Ok::<_, Error>(take(event.payload, Order::None, handle).await)
    }))
    .await
}
