//! The board's function as a Lambda function: wiring only.

use aws::AwsEnvironment;
use aws::telemetry::{init, or_log};
use board::event::Input;
use board::{App, config::Config};
use jiff::Timestamp;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use serde_json::{Value, json};
use settings::variables::Variables;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let variables = Variables::of_process();
    init(&variables)?;
    let config = or_log(Config::from_variables(&variables))?;
    let aws = AwsEnvironment::from_variables(&variables)?;
    let app = &App::new(config, &aws);
    run(service_fn(|event: LambdaEvent<Input>| async move {
        app.handle(&event.payload, Timestamp::now()).await?;
        Ok::<Value, Error>(json!({}))
    }))
    .await
}
