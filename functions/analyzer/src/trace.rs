//! OpenTelemetry spans of an analysis: each piece of evidence, each model call and the decision,
//! sent before the handler answers.

mod export;
mod gen_ai;
#[cfg(test)]
mod receiver;

use std::borrow::Cow;
use std::fmt;
use std::time::SystemTime;

use domain::primitives::safe_text::cut;
use domain::primitives::server_url;
use jiff::Timestamp;
use opentelemetry::trace::{
    Span as _, SpanBuilder, Status, TraceContextExt as _, Tracer as _, TracerProvider as _,
};
use opentelemetry::{Array, Context, InstrumentationScope, KeyValue};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::resource::TelemetryResourceDetector;
use opentelemetry_sdk::trace::{Sampler, SdkTracer, SdkTracerProvider};
use redaction::redact;
use reqwest::header::HeaderName;
use reqwest::{Client, Url};
use secrecy::{ExposeSecret as _, SecretString};

use self::export::{Ended, Exporter};
pub use self::gen_ai::{ModelAnswer, ModelCall};
pub use opentelemetry::Value;
pub use opentelemetry::trace::SpanKind;

/// How long a text in a span may be, in characters. Longer ones are cut: names and messages come from outside.
const MOST_CHARACTERS: usize = 1024;

/// Where spans go. Langfuse and SigNoz both take OTLP over HTTP as protobuf:
///
/// - Langfuse: `https://cloud.langfuse.com/api/public/otel/v1/traces` with `Authorization: Basic …` (public and secret key), and
///   `x-langfuse-ingestion-version: 4` to be seen at once. <https://langfuse.com/integrations/native/opentelemetry>
/// - SigNoz Cloud: `https://ingest.<region>.signoz.cloud/v1/traces` with `signoz-ingestion-key`.
///   <https://signoz.io/docs/ingestion/signoz-cloud/overview/>
/// - SigNoz of one's own, and every OpenTelemetry collector: `http://<host>:4318/v1/traces`.
pub struct OtlpSettings {
    /// What is posted to, with its path: nothing is added.
    pub url: Url,
    /// What goes along, credentials among them.
    pub headers: Vec<(HeaderName, SecretString)>,
    /// The name of the Lambda function, where it is known (`AWS_LAMBDA_FUNCTION_NAME`).
    pub function_name: Option<String>,
}

impl OtlpSettings {
    /// The settings of an operator: a URL, and a secret with a header on each line, `Name: value`.
    ///
    /// # Errors
    /// If the URL is none, or a line is no header. The sentence shows neither a value nor the URL (`secrets-stay`).
    pub fn new(
        url: &str,
        headers: Option<&SecretString>,
        function_name: Option<String>,
    ) -> Result<Self, String> {
        let lines = headers
            .map_or("", |headers| headers.expose_secret())
            .lines()
            .enumerate()
            .filter(|(_, line)| !line.trim().is_empty());
        let header = |(i, line): (usize, &str)| {
            let (name, value) = line.split_once(':').ok_or_else(|| {
                format!(
                    "line {} of the headers of traces is not `Name: value`",
                    i + 1
                )
            })?;
            let name = name.trim().parse().map_err(|_| {
                format!(
                    "line {} of the headers of traces has no name of a header",
                    i + 1
                )
            })?;
            Ok((name, SecretString::from(value.trim())))
        };
        if let Some(reason) = server_url::problem(url) {
            return Err(format!("tracing.otlp_url {reason}"));
        }
        Ok(Self {
            url: url
                .parse()
                .map_err(|_| "tracing.otlp_url is not a URL".to_owned())?,
            headers: lines.map(header).collect::<Result<_, String>>()?,
            function_name,
        })
    }
}

impl fmt::Debug for OtlpSettings {
    /// Shows the host alone: a URL can hold credentials, as headers do.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OtlpSettings")
            .field("host", &self.url.host_str())
            .finish_non_exhaustive()
    }
}

/// Records spans and sends them; without settings it does neither and costs next to nothing.
///
/// Lambda freezes a function when it has answered, and it runs on one thread. So nothing is sent in the background: ended spans wait
/// in memory for [`Tracer::flush`]. And nothing is found through the thread: a span is begun on its parent, which makes spans safe
/// in futures that run together.
///
/// ```no_run
/// # use analyzer::trace::{SpanKind, Tracer};
/// # async fn example(tracer: Tracer, now: jiff::Timestamp) {
/// let mut root = tracer.begin("analyse", now);
/// root.set("quell.incident.id", "01JD3Y5W0000000000000000AA");
/// let trace_id = root.trace_id();
///
/// let mut evidence = root.child("evidence metrics", SpanKind::Client);
/// evidence.set("quell.evidence.series", 3);
/// evidence.end();
///
/// root.end();
/// tracer.flush().await;
/// # drop(trace_id);
/// # }
/// ```
pub struct Tracer(Option<Recorder>);

struct Recorder {
    spans: SdkTracer,
    ended: Ended,
    exporter: Exporter,
}

impl fmt::Debug for Tracer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Tracer")
            .field(&self.0.as_ref().map(|recorder| &recorder.exporter))
            .finish()
    }
}

impl Tracer {
    /// A tracer that posts with this client. The client must not follow redirects (`Policy::none()`): it would take the credentials
    /// along, wherever an answer points.
    pub fn new(settings: Option<OtlpSettings>, http: Client) -> Self {
        Self(settings.map(|settings| Recorder::new(settings, http)))
    }

    /// Begins a trace: its root span. The kind is that of work taken from a queue.
    /// <https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/#span-kind>
    pub fn begin(&self, name: &'static str, at: Timestamp) -> Span {
        Span(self.0.as_ref().map(|recorder| {
            let builder = recorder
                .spans
                .span_builder(name)
                .with_kind(SpanKind::Consumer)
                .with_start_time(SystemTime::try_from(at).unwrap_or(SystemTime::UNIX_EPOCH));
            Recording::begin(&recorder.spans, builder, &Context::new())
        }))
    }

    /// Sends the spans that have ended, within two seconds. Spans that cannot be sent are lost, with one warning: a trace is worth
    /// less than the analysis that it tells of.
    pub async fn flush(&self) {
        if let Some(recorder) = &self.0 {
            recorder.exporter.export(recorder.ended.take()).await;
        }
    }
}

impl Recorder {
    fn new(settings: OtlpSettings, http: Client) -> Self {
        let function = settings
            .function_name
            .iter()
            .map(|name| KeyValue::new("faas.name", name.clone()));
        let resource = Resource::builder_empty()
            .with_detector(Box::new(TelemetryResourceDetector))
            .with_service_name("quell-analyzer")
            .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
            .with_attribute(KeyValue::new("cloud.provider", "aws"))
            .with_attributes(function)
            .build();
        let ended = Ended::default();
        let exporter = Exporter::new(http, settings.url, settings.headers, &resource);
        // Sampler and resource are set, so that no OTEL_ variable, which a Lambda layer may bring along, changes what is recorded.
        let provider = SdkTracerProvider::builder()
            .with_sampler(Sampler::AlwaysOn)
            .with_resource(resource)
            .with_span_processor(ended.clone())
            .build();
        let scope = InstrumentationScope::builder("quell")
            .with_version(env!("CARGO_PKG_VERSION"))
            .build();
        Self {
            spans: provider.tracer_with_scope(scope),
            ended,
            exporter,
        }
    }
}

/// A span. It ends with [`Span::end`], with [`Span::fail`], or when it is dropped, as that of a future that ran out of time.
///
/// Its content goes to another company: names, numbers and redacted texts, never a prompt or a
/// secret.
#[derive(Debug)]
pub struct Span(Option<Recording>);

#[derive(Debug)]
struct Recording {
    tracer: SdkTracer,
    span: opentelemetry_sdk::trace::Span,
}

impl Recording {
    fn begin(tracer: &SdkTracer, builder: SpanBuilder, parent: &Context) -> Self {
        Self {
            tracer: tracer.clone(),
            span: tracer.build_with_context(builder, parent),
        }
    }
}

impl Span {
    /// The id of the whole trace, 32 lower-case hexadecimal digits; none if nothing is recorded.
    pub fn trace_id(&self) -> Option<String> {
        self.0
            .as_ref()
            .map(|recording| recording.span.span_context().trace_id().to_string())
    }

    /// Begins a part of this span, now.
    pub fn child(&self, name: impl Into<Cow<'static, str>>, kind: SpanKind) -> Self {
        Self(self.0.as_ref().map(|Recording { tracer, span }| {
            let parent = Context::new().with_remote_span_context(span.span_context().clone());
            Recording::begin(tracer, tracer.span_builder(name).with_kind(kind), &parent)
        }))
    }

    /// Sets an attribute; the last value of a key counts.
    pub fn set(&mut self, key: &'static str, value: impl Into<Value>) {
        if let Some(recording) = &mut self.0 {
            recording
                .span
                .set_attribute(KeyValue::new(key, bounded(value.into())));
        }
    }

    /// Ends the span as failed. `error_type` is one of few: a status, `timeout`, the name of an error; the words are for people, and leave
    /// redacted, because servers repeat what they were asked.
    /// <https://opentelemetry.io/docs/specs/semconv/general/recording-errors/>
    pub fn fail(mut self, error_type: impl Into<Cow<'static, str>>, words: &str) {
        self.set("error.type", error_type.into());
        if let Some(recording) = &mut self.0 {
            recording
                .span
                .set_status(Status::error(cut(&redact(words), MOST_CHARACTERS)));
        }
    }

    pub fn end(self) {
        drop(self);
    }
}

fn bounded(value: Value) -> Value {
    match value {
        Value::String(text) => cut(text.as_str(), MOST_CHARACTERS).into(),
        Value::Array(Array::String(texts)) => {
            let texts = texts
                .iter()
                .map(|text| cut(text.as_str(), MOST_CHARACTERS).into())
                .collect();
            Value::Array(Array::String(texts))
        }
        other => other,
    }
}

#[cfg(test)]
#[path = "trace_tests.rs"]
mod tests;
