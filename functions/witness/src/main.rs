//! The witness as a Lambda function: wiring only.

use std::io::Write as _;

use aws::AwsEnvironment;
use aws::telemetry::{init, or_log};
use jiff::Timestamp;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use serde_json::{Value, json};
use settings::variables::Variables;
use witness::stream::StreamEvent;
use witness::{App, config::Config};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let variables = Variables::of_process();
    init(&variables)?;
    let config = or_log(Config::from_variables(&variables))?;
    let aws = AwsEnvironment::from_variables(&variables)?;
    let app = &App::new(config, &aws);
    run(service_fn(|event: LambdaEvent<StreamEvent>| async move {
        // Printed whatever the level of the log is, and before the batch is done: Lambda delivers it again otherwise.
        let print = |line: &str| std::io::stdout().lock().write_all(line.as_bytes());
        app.handle(&event.payload, Timestamp::now(), print).await?;
        Ok::<Value, Error>(json!({}))
    }))
    .await
}
