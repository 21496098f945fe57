//! Signing in at the identity provider as a Lambda function: wiring only.

use aws::AwsEnvironment;
use aws::telemetry::{init, or_log};
use jiff::Timestamp;
use lambda_http::{Error, run, service_fn};
use settings::variables::Variables;
use signin::{App, config::Config};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let variables = Variables::of_process();
    init(&variables)?;
    let config = or_log(Config::from_variables(&variables))?;
    let aws = AwsEnvironment::from_variables(&variables)?;
    let app = or_log(App::new(config, &aws))?;
    run(service_fn(|request| app.answer(request, Timestamp::now()))).await
}
