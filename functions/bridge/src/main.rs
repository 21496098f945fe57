//! Wires the bridge: the operator's files, the key, and the invocations of the repair function.

use aws::telemetry;
use bridge::config::Config;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::Value;
use settings::startup::StartupError;
use settings::variables::Variables;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let variables = Variables::of_process();
    telemetry::init(&variables)?;
    let app = Config::from_variables(&variables)
        .map_err(StartupError::from)
        .and_then(|config| config.app(&variables));
    let app = &telemetry::or_log(app)?;
    lambda_runtime::run(service_fn(|event: LambdaEvent<Value>| async move {
        Ok::<_, Error>(app.answer(event.payload).await)
    }))
    .await
}
