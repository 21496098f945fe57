//! Repair as a Lambda function: wiring only.

use aws::AwsEnvironment;
use aws::batch::{Delivery, Order, take_or};
use aws::telemetry::{init, or_log};
use aws_lambda_events::event::sqs::SqsEvent;
use jiff::Timestamp;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use repair::config::{AWS_ATTEMPT, Config};
use repair::{App, delivery::RepairDelivery};
use settings::variables::Variables;
use wire::message::Message;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let variables = Variables::of_process();
    init(&variables)?;
    let config = or_log(Config::from_variables(&variables))?;
    let aws = AwsEnvironment::from_variables(&variables)?.sdk_config(AWS_ATTEMPT);
    let app = &or_log(App::new(config, &aws))?;
    run(service_fn(|event: LambdaEvent<SqsEvent>| async move {
        let LambdaEvent { payload, context } = event;
        let handle = async |message: Message, delivery: Delivery| {
            let delivery = RepairDelivery::new(
                &delivery,
                &context.request_id,
                context.deadline,
                Timestamp::now(),
            );
            app.handle(&message, &delivery, &Timestamp::now).await
        };
        let put_back = async |delivery: Delivery| {
            app.put_back(&delivery.receipt, delivery.receive_count)
                .await
        };
        Ok::<_, Error>(take_or(payload, Order::Kept, handle, put_back).await)
    }))
    .await
}
