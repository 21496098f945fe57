//! Test double of an OTLP receiver on loopback, and a capture of everything that is logged.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{HeaderMap, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use reqwest::Url;
use tokio::net::TcpListener;
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
    pub(super) path: String,
    pub(super) headers: HeaderMap,
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
    address: SocketAddr,
    deliveries: Arc<Mutex<Vec<Delivery>>>,
}

impl Server {
    pub(super) async fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("its address");
        let deliveries = Arc::new(Mutex::default());
        tokio::spawn(serve(listener, manner, Arc::clone(&deliveries)));
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

async fn serve(listener: TcpListener, manner: Manner, deliveries: Arc<Mutex<Vec<Delivery>>>) {
    while let Ok((stream, _)) = listener.accept().await {
        let (manner, deliveries) = (manner.clone(), Arc::clone(&deliveries));
        tokio::spawn(http1::Builder::new().serve_connection(
            TokioIo::new(stream),
            service_fn(move |request| {
                let (manner, deliveries) = (manner.clone(), Arc::clone(&deliveries));
                async move { Ok::<_, Infallible>(answer(request, manner, &deliveries).await) }
            }),
        ));
    }
}

async fn answer(
    request: Request<Incoming>,
    manner: Manner,
    deliveries: &Mutex<Vec<Delivery>>,
) -> Response<Full<Bytes>> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.expect("a body").to_bytes();
    let request = ExportTraceServiceRequest::decode(body).expect("a message of OTLP");
    deliveries
        .lock()
        .expect("nobody panics with it")
        .push(Delivery {
            path: head.uri.path().to_owned(),
            headers: head.headers,
            request,
        });
    let (status, location, body) = match manner {
        Manner::Accept => (StatusCode::OK, None, Vec::new()),
        Manner::AcceptInJson => (StatusCode::OK, None, b"{}".to_vec()),
        Manner::Reject(rejected_spans) => {
            let partial = ExportTracePartialSuccess {
                rejected_spans,
                error_message: format!("you sent {SECRET}"),
            };
            (
                StatusCode::OK,
                None,
                ExportTraceServiceResponse {
                    partial_success: Some(partial),
                }
                .encode_to_vec(),
            )
        }
        Manner::Fail(status) => (status, None, format!("you sent {SECRET}").into_bytes()),
        Manner::Redirect(target) => (StatusCode::TEMPORARY_REDIRECT, Some(target), Vec::new()),
        Manner::Hang => std::future::pending().await,
    };
    let mut response = Response::builder().status(status);
    if let Some(location) = location {
        response = response.header("location", location);
    }
    response.body(Full::from(body)).expect("a response")
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
