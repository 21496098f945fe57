//! Signals as a Lambda function: wiring only.

use std::time::Instant;

use aws::AwsEnvironment;
use aws::batch::{Delivery, Order, take};
use aws::deadline::time_left;
use aws::telemetry::{init, or_log};
use aws_lambda_events::event::sqs::SqsEvent;
use jiff::Timestamp;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use settings::variables::Variables;
use signals::{App, config::Config};
use wire::message::Signal;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let variables = Variables::of_process();
    init(&variables)?;
    let config = or_log(Config::from_variables(&variables))?;
    let aws = AwsEnvironment::from_variables(&variables)?;
    let app = &App::new(config, &aws);
    run(service_fn(|event: LambdaEvent<SqsEvent>| async move {
        let until = Instant::now() + time_left(event.context.deadline, Timestamp::now());
        let handle = async |signal: Signal, delivery: Delivery| {
            app.handle(signal, &delivery.id, Timestamp::now(), until)
                .await
        };
        Ok::<_, Error>(take(event.payload, Order::None, handle).await)
    }))
    .await
}
