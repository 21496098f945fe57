//! Functions in this process, against the deployed table; a test chooses the queues that they send
//! to.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use aws::AwsEnvironment;
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::{SignedDuration, Timestamp};
use lambda_http::http::{HeaderMap, HeaderName, HeaderValue};
use lambda_http::{Body, Context, Request, RequestExt as _, http};
use serde_json::Value;
use settings::variables::Variables;
use sha2::Sha256;

use crate::stack::{Stack, project};

/// The time that a function leaves itself for its answer, in milliseconds: what is begun is begun before.
pub const RESERVE: u64 = 2_000;

/// Until when a call in this process may begin something.
#[must_use]
pub fn deadline() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

impl Stack {
    fn variables<'a>(
        &'a self,
        changed: &'a [(&'a str, &'a str)],
    ) -> Variables<impl Fn(&str) -> Option<String> + 'a> {
        Variables::from_fn(move |name| {
            let replaced = changed.iter().find(|(variable, _)| *variable == name);
            replaced.map_or_else(
                || self.variable(name),
                |(_, value)| Some((*value).to_owned()),
            )
        })
    }

    /// Signals in this process; `changed` replaces variables.
    ///
    /// # Panics
    /// If a variable is wrong.
    #[must_use]
    pub fn signals(&self, changed: &[(&str, &str)]) -> signals::App {
        let config = signals::config::Config::from_variables(&self.variables(changed))
            .expect("the variables");
        signals::App::new(config, &self.environment())
    }

    /// The analyzer in this process; `changed` replaces variables.
    ///
    /// # Panics
    /// If a variable is wrong.
    #[must_use]
    pub fn analyzer(&self, changed: &[(&str, &str)]) -> analyzer::App {
        self.analyzer_at(&self.environment(), changed)
    }

    /// The analyzer in this process, at another AWS.
    ///
    /// # Panics
    /// If a variable is wrong.
    #[must_use]
    pub fn analyzer_at(&self, aws: &AwsEnvironment, changed: &[(&str, &str)]) -> analyzer::App {
        let config = analyzer::config::Config::from_variables(&self.variables(changed))
            .expect("the variables");
        analyzer::App::new(config, &aws.sdk_config(Duration::from_secs(5)))
            .expect("the operator's files")
    }

    /// Ingress in this process, at another AWS.
    ///
    /// # Panics
    /// If a variable is wrong.
    #[must_use]
    pub fn ingress_at(&self, aws: &AwsEnvironment, changed: &[(&str, &str)]) -> ingress::App {
        let config = ingress::config::Config::from_variables(&self.variables(changed))
            .expect("the variables");
        ingress::App::new(config, aws)
    }

    /// The notifier in this process, which knows of no chat.
    ///
    /// # Panics
    /// If a variable is wrong.
    #[must_use]
    pub fn notifier_without_chat(&self) -> notifier::App {
        let nowhere = std::env::temp_dir();
        self.notifier_with(&[("CONFIG_DIR", nowhere.to_str().expect("a path"))])
    }

    /// The notifier in this process, with the stack's chat.
    ///
    /// # Panics
    /// If a variable is wrong.
    #[must_use]
    pub fn notifier(&self) -> notifier::App {
        self.notifier_with(&[])
    }

    /// The notifier in this process, with other variables.
    ///
    /// # Panics
    /// If a variable or the operator's file is wrong.
    #[must_use]
    pub fn notifier_with(&self, changed: &[(&str, &str)]) -> notifier::App {
        self.notifier_at(&self.environment(), changed)
    }

    /// The notifier in this process, at another AWS.
    ///
    /// # Panics
    /// If a variable or the operator's file is wrong.
    #[must_use]
    pub fn notifier_at(&self, aws: &AwsEnvironment, changed: &[(&str, &str)]) -> notifier::App {
        let config = notifier::config::Config::from_variables(&self.variables(changed))
            .expect("the variables");
        notifier::App::new(config, aws).expect("a client")
    }

    /// The console in this process, which has kept nothing yet; `changed` replaces variables.
    ///
    /// # Panics
    /// If a variable is wrong.
    #[must_use]
    pub fn console(&self, changed: &[(&str, &str)]) -> console::App {
        let config = console::config::Config::from_variables(&self.variables(changed))
            .expect("the variables");
        console::App::new(config, &self.environment())
    }

    /// A delivery of Alertmanager as ingress gets it.
    ///
    /// # Panics
    /// Never: it is built here.
    #[must_use]
    pub fn delivery(&self, body: &Value) -> Request {
        http::Request::post("https://api.test/api/v1/webhooks/alertmanager")
            .header(
                "authorization",
                format!("Bearer {}", self.facts.secrets["alertmanager"]),
            )
            .body(Body::from(body.to_string()))
            .expect("a request")
    }

    /// Sends a signed body to a route of the deployed API; status and answer.
    ///
    /// # Panics
    /// If there is no answer.
    pub async fn send_signed(&self, path: &str, body: &Value) -> (u16, Value) {
        let body = body.to_string();
        let headers = signed(&self.facts.secrets["webhook"], path, body.as_bytes());
        let request = self.http.post(self.url(path)).headers(headers).body(body);
        let response = request.send().await.expect("an answer");
        (
            response.status().as_u16(),
            response.json().await.expect("JSON"),
        )
    }
}

/// The signature of a signed sender, in hex.
///
/// # Panics
/// Never: a key of any length will do.
#[must_use]
pub fn hmac(secret: &str, bytes: impl AsRef<[u8]>) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("a key of any length");
    mac.update(bytes.as_ref());
    hex::encode(mac.finalize().into_bytes())
}

/// The headers of a sender that signs a body for a route, such as `webhooks/alerts`. Each has a time of
/// its own, since one that comes again is a replay.
///
/// # Panics
/// Never: they are ASCII.
#[must_use]
pub fn signed(secret: &str, route: &str, body: &[u8]) -> HeaderMap {
    static FIRST: LazyLock<Timestamp> = LazyLock::new(Timestamp::now);
    static SIGNED: AtomicI64 = AtomicI64::new(0);
    let since = SIGNED.fetch_add(1, Ordering::Relaxed) % 240 - 120;
    let at = *FIRST + SignedDuration::from_secs(since);
    signed_at(secret, route, body, at)
}

/// The same at a time.
///
/// # Panics
/// Never: they are ASCII.
#[must_use]
pub fn signed_at(secret: &str, route: &str, body: &[u8], at: Timestamp) -> HeaderMap {
    let seconds = at.as_second();
    let text = [format!("v2:{seconds}:/api/v1/{route}:").as_bytes(), body].concat();
    let value = |text: String| HeaderValue::from_str(&text).expect("ASCII");
    HeaderMap::from_iter([
        (
            HeaderName::from_static("x-signature-256"),
            value(format!("v2={}", hmac(secret, text))),
        ),
        (
            HeaderName::from_static("x-signature-timestamp"),
            value(seconds.to_string()),
        ),
    ])
}

/// A recorded event of API Gateway, with a delivery of Alertmanager.
///
/// # Panics
/// If the file is not there.
#[must_use]
pub fn recorded_event() -> Value {
    let recorded = std::fs::read_to_string(project().join("events/alertmanager-single.json"))
        .expect("the event");
    serde_json::from_str(&recorded).expect("JSON")
}

/// The same request, with Lambda's word that the function is ended so many milliseconds from now.
#[must_use]
pub fn ending_in(request: Request, milliseconds: u64) -> Request {
    let mut context = Context::default();
    context.deadline =
        u64::try_from(Timestamp::now().as_millisecond()).unwrap_or_default() + milliseconds;
    request.with_lambda_context(context)
}

/// What ingress answers: the status and the body.
///
/// # Panics
/// If the answer is not JSON.
pub async fn answer(app: &ingress::App, request: Request, now: Timestamp) -> (u16, Value) {
    let response = app.answer(request, now).await.expect("always an answer");
    (
        response.status().as_u16(),
        serde_json::from_slice(response.body()).expect("JSON"),
    )
}
