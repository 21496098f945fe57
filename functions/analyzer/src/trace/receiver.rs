//! Test double of an OTLP receiver on loopback, and a capture of everything that is logged.

use std::sync::{Arc, Mutex};

use loopback::{Reply, Request, answer};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use reqwest::{StatusCode, Url};
use tracing_subscriber::filter::LevelFilter;

/// The credential that tests send and then look for where it must not be.
pub(super) const SECRET: &str = "Basic bm90LWEtcmVhbC1rZXk=";

/// What a server does with a request once it has been read.
#[derive(Debug, Clone)]
pub(super) enum Manner {
    Accept,
    AcceptInJson,
    Reject(i64),
    Fail(StatusCode),
    Redirect(String),
    Hang,
}

#[derive(Debug)]
pub(super) struct Delivery {
    pub(super) http: Request,
    pub(super) request: ExportTraceServiceRequest,
}

impl Delivery {
    pub(super) fn spans(&self) -> Vec<&Span> {
        self.request
            .resource_spans
            .iter()
            .flat_map(|resource| &resource.scope_spans)
            .flat_map(|scope| &scope.spans)
            .collect()
    }

    pub(super) fn span(&self, name: &str) -> &Span {
        self.spans()
            .into_iter()
            .find(|span| span.name == name)
            .unwrap_or_else(|| panic!("no span {name} in {:?}", self.request))
    }
}

/// A receiver of OTLP on loopback.
pub(super) struct Server {
    address: String,
    deliveries: Arc<Mutex<Vec<Delivery>>>,
}

impl Server {
    pub(super) fn start(manner: Manner) -> Self {
        let deliveries: Arc<Mutex<Vec<Delivery>>> = Arc::default();
        let kept = Arc::clone(&deliveries);
        let address = loopback::serve(move |http: Request| {
            let request = ExportTraceServiceRequest::decode(&*http.body).expect("OTLP");
            let mut kept = kept.lock().expect("nobody panics with it");
            kept.push(Delivery { http, request });
            std::future::ready(manner.reply())
        });
        Self {
            address,
            deliveries,
        }
    }

    pub(super) fn url(&self) -> Url {
        Url::parse(&format!(
            "http://{}/api/public/otel/v1/traces?project=secret-in-the-url",
            self.address
        ))
        .expect("a URL")
    }

    pub(super) fn deliveries(&self) -> Vec<Delivery> {
        std::mem::take(&mut self.deliveries.lock().expect("nobody panics with it"))
    }

    pub(super) fn only_delivery(&self) -> Delivery {
        let mut deliveries = self.deliveries();
        assert_eq!(deliveries.len(), 1, "{deliveries:?}");
        deliveries.remove(0)
    }
}

impl Manner {
    fn reply(&self) -> Reply {
        let echo = format!("you sent {SECRET}");
        match self {
            Self::Accept => answer(200, &[], ""),
            Self::AcceptInJson => answer(200, &[], "{}"),
            Self::Reject(rejected_spans) => {
                let partial = ExportTracePartialSuccess {
                    rejected_spans: *rejected_spans,
                    error_message: echo,
                };
                let response = ExportTraceServiceResponse {
                    partial_success: Some(partial),
                };
                answer(200, &[], response.encode_to_vec())
            }
            Self::Fail(status) => answer(status.as_u16(), &[], echo),
            Self::Redirect(target) => answer(307, &[("location", target)], ""),
            Self::Hang => Reply::Silent(Vec::new()),
        }
    }
}

/// Everything that is logged, from everywhere, while the value lives.
pub(super) struct Logged {
    text: Arc<Mutex<Vec<u8>>>,
    _guard: tracing::subscriber::DefaultGuard,
}

impl Logged {
    pub(super) fn start() -> Self {
        let text = Arc::new(Mutex::new(Vec::new()));
        let writer = Arc::clone(&text);
        let subscriber = tracing_subscriber::fmt()
            .json()
            .flatten_event(true)
            .without_time()
            .with_max_level(LevelFilter::TRACE)
            .with_writer(move || Writer(Arc::clone(&writer)))
            .finish();
        Self {
            text,
            _guard: tracing::subscriber::set_default(subscriber),
        }
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8(self.text.lock().expect("nobody panics with it").clone()).expect("text")
    }

    pub(super) fn warnings(&self) -> Vec<String> {
        self.text()
            .lines()
            .filter(|line| line.contains("\"WARN\""))
            .map(str::to_owned)
            .collect()
    }
}

struct Writer(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("nobody panics with it").write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
