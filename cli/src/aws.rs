//! AWS configuration on a person's machine: credentials and region as every AWS tool finds them.
//!
//! Functions read what Lambda gives them (`aws`), and nothing else of the chain is compiled into them. A person has profiles, SSO
//! and roles to assume, which only `aws-config` knows how to use; a cold start does not matter here.

use std::time::Duration;

use aws::secrets::Secrets;
use aws::{AwsEnvironment, Connection, time_limits};
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::provider::ProvideCredentials as _;
use clap::Args;
use settings::variables::Variables;
use store::{ControlTable, Store};

use crate::exit::Failure;

/// The environment variables of the process.
pub(crate) type Environment = Variables<fn(&str) -> Option<String>>;

/// How long one try of a request may take.
const ATTEMPT: Duration = Duration::from_secs(20);

/// Which table.
#[derive(Debug, Args)]
pub(crate) struct Table {
    /// The table of the deployment: the stack's output TableName
    #[arg(long, value_name = "NAME")]
    pub(crate) table: String,
}

/// Which control table.
#[derive(Debug, Args)]
pub(crate) struct Control {
    /// The table with the kill switch: the stack's output ControlTableName
    #[arg(long, value_name = "NAME")]
    pub(crate) control_table: String,
}

/// The configuration of clients. They share one connection with TLS by ring, as the functions do.
pub(crate) async fn config(variables: &Environment) -> Result<SdkConfig, Failure> {
    config_in(variables, None).await
}

/// The same for this region; without one, for that which every AWS tool finds.
pub(crate) async fn config_in(
    variables: &Environment,
    region: Option<&str>,
) -> Result<SdkConfig, Failure> {
    let connection = Connection::from_variables(variables)?;
    #[expect(
        clippy::disallowed_methods,
        reason = "the limits are those of the one place"
    )]
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .http_client(connection)
        .timeout_config(time_limits(ATTEMPT));
    if let Some(region) = region {
        loader = loader.region(Region::new(region.to_owned()));
    }
    let config = loader.load().await;
    if config.region().is_none() {
        return Err(Failure::wrong(
            "no region is set: set AWS_REGION, or `region` in the profile that AWS_PROFILE names",
        ));
    }
    Ok(config)
}

/// The region, credentials and connections of this configuration, for requests without an SDK.
pub(crate) async fn signing(
    config: &SdkConfig,
    variables: &Environment,
) -> Result<AwsEnvironment, Failure> {
    let provider = config.credentials_provider();
    let provider = provider.ok_or_else(|| Failure::wrong("no AWS credentials are set up"))?;
    let credentials = provider.provide_credentials().await;
    let credentials = credentials
        .map_err(|error| Failure::wrong(format!("no AWS credentials: {}", aws::Chain(&error))))?;
    let region = config.region().map(ToString::to_string).unwrap_or_default();
    let endpoint = config.endpoint_url().map(str::to_owned);
    Ok(AwsEnvironment::new(
        region,
        credentials,
        endpoint,
        Connection::from_variables(variables)?,
    ))
}

/// The table of this name.
pub(crate) async fn store(variables: &Environment, table: String) -> Result<Store, Failure> {
    Ok(Store::new(
        aws_sdk_dynamodb::Client::new(&config(variables).await?),
        table,
    ))
}

/// The control table of this name.
pub(crate) async fn control(
    variables: &Environment,
    table: String,
) -> Result<ControlTable, Failure> {
    Ok(ControlTable::new(
        aws_sdk_dynamodb::Client::new(&config(variables).await?),
        table,
    ))
}

/// Secrets Manager.
pub(crate) async fn secrets(variables: &Environment) -> Result<Secrets, Failure> {
    Ok(Secrets::new(aws_sdk_secretsmanager::Client::new(
        &config(variables).await?,
    )))
}

/// Who asks, as AWS knows them; where it does not answer, what this machine calls its user.
pub(crate) async fn caller(aws: &SdkConfig, variables: &Environment) -> String {
    let identity = aws_sdk_sts::Client::new(aws)
        .get_caller_identity()
        .send()
        .await;
    let arn = identity.ok().and_then(|identity| identity.arn);
    arn.unwrap_or_else(|| {
        format!(
            "{} on their machine",
            variables
                .optional("USER")
                .unwrap_or_else(|| "an unknown user".to_owned())
        )
    })
}
