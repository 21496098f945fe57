//! Shared set-up of the AWS clients, read only from the environment that Lambda gives, which keeps
//! cold starts short.

use crate::dialer::CONNECT_TIMEOUT;
use std::fmt;
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_async::rt::sleep::{SharedAsyncSleep, TokioSleep};
use aws_smithy_runtime_api::client::behavior_version::BehaviorVersion;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::SdkConfig;
use aws_types::region::Region;
use aws_types::sdk_config::SharedHttpClient;

use settings::variables::{InvalidVariable, Variables};

use crate::connection::Connection;

/// The five roots under which AWS's own endpoints are certified (<https://www.amazontrust.com/repository/>).
///
/// Reading the system's hundred and fifty roots is most of what a start costs, and functions whose SDK clients only talk
/// to AWS need none of the others.
pub(crate) const AMAZON_ROOTS: &[u8] = include_bytes!("amazon-roots.pem");

/// The time limits of clients whose one try of a request may take `attempt`. Here, and in [`unhurried`], is the one place that sets any:
/// what a [`TimeoutConfig`] leaves out is taken from the configuration below it when a client is built, and a limit that was made for a
/// small request then cuts off one that is answered after minutes. `clippy.toml` sees to it.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place that sets time limits"
)]
pub fn time_limits(attempt: Duration) -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .operation_attempt_timeout(attempt)
        .build()
}

/// The same configuration for a client whose requests take as long as the work that they start,
/// such as the invocation of a function: the SDK neither times out nor retries them. The caller
/// bounds each request. Opening a connection is bounded all the same.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place that sets time limits"
)]
pub fn unhurried(aws: &SdkConfig) -> SdkConfig {
    aws.to_builder()
        .timeout_config(TimeoutConfig::disabled())
        .retry_config(RetryConfig::disabled())
        .build()
}

/// The AWS settings that Lambda gives a function.
///
/// Its `Debug` tells the region alone: it holds credentials, which must not reach a log (`secrets-stay`).
#[derive(Clone)]
pub struct AwsEnvironment {
    region: String,
    credentials: Credentials,
    endpoint_url: Option<String>,
    connection: Connection,
}

impl Connection {
    /// Connections to AWS, or to whom the certificates in `AWS_CA_BUNDLE` belong.
    ///
    /// # Errors
    /// If the bundle cannot be read.
    pub fn from_variables<F: Fn(&str) -> Option<String>>(
        variables: &Variables<F>,
    ) -> Result<Self, InvalidVariable> {
        let unfit = |_| InvalidVariable::Unfit {
            name: "AWS_CA_BUNDLE",
            expected: "the path of a file that can be read",
        };
        let bundle = variables.optional("AWS_CA_BUNDLE");
        let roots = bundle.map_or_else(
            || Ok(AMAZON_ROOTS.to_vec()),
            |file| std::fs::read(file).map_err(unfit),
        )?;
        Ok(Self::new(roots))
    }
}

impl fmt::Debug for AwsEnvironment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AwsEnvironment")
            .field("region", &self.region)
            .finish_non_exhaustive()
    }
}

impl AwsEnvironment {
    /// Reads `AWS_REGION`, the credentials of the function's role, and what is only set away from AWS: `AWS_ENDPOINT_URL`, and
    /// `AWS_CA_BUNDLE` (the AWS SDKs' name for a file of PEM certificates that replace the built-in roots).
    ///
    /// # Errors
    /// If the region or the credentials are not there, or the bundle cannot be read.
    pub fn from_variables<F: Fn(&str) -> Option<String>>(
        variables: &Variables<F>,
    ) -> Result<Self, InvalidVariable> {
        let expected = "set by Lambda";
        let credentials = Credentials::new(
            variables.required("AWS_ACCESS_KEY_ID", expected)?,
            variables.required("AWS_SECRET_ACCESS_KEY", expected)?,
            variables.optional("AWS_SESSION_TOKEN"),
            None,
            "Lambda",
        );
        let connection = Connection::from_variables(variables)?;
        let region = variables.required("AWS_REGION", expected)?;
        Ok(Self {
            region,
            credentials,
            endpoint_url: variables.optional("AWS_ENDPOINT_URL"),
            connection,
        })
    }

    /// Settings that were found otherwise, as on a person's machine.
    pub fn new(
        region: String,
        credentials: Credentials,
        endpoint_url: Option<String>,
        connection: Connection,
    ) -> Self {
        Self {
            region,
            credentials,
            endpoint_url,
            connection,
        }
    }

    /// The same with other credentials, over the same connections.
    #[must_use]
    pub fn with_credentials(&self, credentials: Credentials) -> Self {
        Self {
            credentials,
            ..self.clone()
        }
    }

    pub fn region(&self) -> &str {
        &self.region
    }

    /// The credentials of the function's role.
    pub fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// Where all services answer, away from AWS.
    pub fn endpoint_url(&self) -> Option<&str> {
        self.endpoint_url.as_deref()
    }

    /// The connection pool of all clients.
    pub fn connection(&self) -> Connection {
        self.connection.clone()
    }

    /// The configuration from which every client is built. `attempt` is how long one try of a request may take.
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that sets time limits"
    )]
    pub fn sdk_config(&self, attempt: Duration) -> SdkConfig {
        let mut config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(self.region.clone()))
            .credentials_provider(SharedCredentialsProvider::new(self.credentials.clone()))
            .http_client(SharedHttpClient::new(self.connection.clone()))
            .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
            .retry_config(
                RetryConfig::standard()
                    .with_max_attempts(3)
                    .with_initial_backoff(Duration::from_millis(50)),
            )
            .timeout_config(time_limits(attempt));
        config.set_endpoint_url(self.endpoint_url.clone());
        config.build()
    }
}
