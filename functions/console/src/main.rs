//! The console as a Lambda function: wiring only.

use aws::AwsEnvironment;
use aws::telemetry::{init, or_log};
use console::{App, config::Config};
use jiff::Timestamp;
use lambda_http::{Error, run, service_fn};
use settings::variables::Variables;

// One request at a time: a second thread would only cost CPU.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let variables = Variables::of_process();
    init(&variables)?;
    let config = or_log(Config::from_variables(&variables))?;
    let aws = AwsEnvironment::from_variables(&variables)?;
    let app = App::new(config, &aws);
    run(service_fn(|request| app.answer(request, Timestamp::now()))).await
}
