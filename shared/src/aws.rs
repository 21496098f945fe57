//! One set-up of the AWS clients, made for a short cold start: what Lambda gives in the environment, and nothing else.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_async::rt::sleep::{SharedAsyncSleep, TokioSleep};
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::behavior_version::BehaviorVersion;
use aws_smithy_runtime_api::client::http::{HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::SdkConfig;
use aws_types::region::Region;
use aws_types::sdk_config::SharedHttpClient;

use crate::variables::{InvalidVariable, Variables};

/// The five roots under which AWS's own endpoints are certified (<https://www.amazontrust.com/repository/>).
///
/// Reading the system's hundred and fifty roots is most of what a start costs, and functions whose SDK clients only talk
/// to AWS need none of the others.
const AMAZON_ROOTS: &[u8] = include_bytes!("amazon-roots.pem");

/// What Lambda tells a function about AWS.
///
/// It has no `Debug`: it holds credentials.
#[expect(missing_debug_implementations, reason = "credentials must not reach a log (secrets-stay)")]
pub struct AwsEnvironment {
    region: String,
    credentials: Credentials,
    endpoint_url: Option<String>,
    roots: Vec<u8>,
}

impl AwsEnvironment {
    /// Reads `AWS_REGION`, the credentials of the function's role, and what is only set away from AWS: `AWS_ENDPOINT_URL`, and
    /// `AWS_CA_BUNDLE` (the AWS SDKs' name for a file of PEM certificates that replace the built-in roots).
    ///
    /// # Errors
    /// If the region or the credentials are not there, or the bundle cannot be read.
    pub fn from_variables<F: Fn(&str) -> Option<String>>(variables: &Variables<F>) -> Result<Self, InvalidVariable> {
        let expected = "set by Lambda";
        let credentials = Credentials::new(
            variables.required("AWS_ACCESS_KEY_ID", expected)?,
            variables.required("AWS_SECRET_ACCESS_KEY", expected)?,
            variables.optional("AWS_SESSION_TOKEN"),
            None,
            "Lambda",
        );
        let bundle = variables.optional("AWS_CA_BUNDLE");
        let unfit = |_| InvalidVariable::Unfit { name: "AWS_CA_BUNDLE", expected: "the path of a file that can be read" };
        let roots = bundle.map_or_else(|| Ok(AMAZON_ROOTS.to_vec()), |file| std::fs::read(file).map_err(unfit))?;
        let region = variables.required("AWS_REGION", expected)?;
        Ok(Self { region, credentials, endpoint_url: variables.optional("AWS_ENDPOINT_URL"), roots })
    }

    /// The configuration from which every client is built. `attempt` is how long one try of a request may take.
    #[must_use]
    pub fn sdk_config(self, attempt: Duration) -> SdkConfig {
        let timeouts = TimeoutConfig::builder().connect_timeout(Duration::from_secs(2)).operation_attempt_timeout(attempt).build();
        let mut config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(self.region))
            .credentials_provider(SharedCredentialsProvider::new(self.credentials))
            .http_client(http_client(self.roots))
            .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
            .retry_config(RetryConfig::standard().with_max_attempts(3).with_initial_backoff(Duration::from_millis(50)))
            .timeout_config(timeouts);
        config.set_endpoint_url(self.endpoint_url);
        config.build()
    }
}

/// How many requests the clients of this process have sent, tries that failed included.
static REQUESTS_SENT: AtomicU64 = AtomicU64::new(0);

/// How many requests the clients of this process have sent so far, tries that failed included.
#[must_use]
pub fn requests_sent() -> u64 {
    REQUESTS_SENT.load(Ordering::Relaxed)
}

/// A client that counts what it sends.
#[derive(Debug)]
struct Counting<T>(T);

impl HttpClient for Counting<SharedHttpClient> {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(Counting(self.0.http_connector(settings, components)))
    }
}

impl HttpConnector for Counting<SharedHttpConnector> {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        REQUESTS_SENT.fetch_add(1, Ordering::Relaxed);
        self.0.call(request)
    }
}

fn http_client(roots: Vec<u8>) -> SharedHttpClient {
    let roots = TrustStore::empty().with_pem_certificate(roots);
    let builder = Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring));
    match TlsContext::builder().with_trust_store(roots).build() {
        Ok(context) => SharedHttpClient::new(Counting(builder.tls_context(context).build_https())),
        // The context only carries the roots; they are read when the first connection is made.
        Err(error) => unreachable!("a context with roots can be built: {error}"),
    }
}
