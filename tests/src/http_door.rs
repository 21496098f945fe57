//! Ingress in this process behind a real HTTP server on loopback, with a queue that can fail.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, Uri};
use hyper_util::rt::TokioIo;
use ingress::App;
use jiff::Timestamp;
use lambda_http::Body;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::stack::Stack;

/// How long a sender may take to do what a story waits for.
const PATIENCE: Duration = Duration::from_secs(60);

/// One request that was answered.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// Who sent it: the first part of the path, which each sender has of its own.
    pub sender: String,
    pub body: Value,
    /// The status of the answer.
    pub status: u16,
    pub answer: Value,
}

impl Delivery {
    /// How many alerts of a component it holds, in `firing` or `resolved`.
    #[must_use]
    pub fn alerts(&self, component: &str, status: &str) -> u64 {
        let alerts = self.body["alerts"]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default();
        let counted = alerts
            .iter()
            .filter(|alert| alert["labels"]["component"] == component && alert["status"] == status);
        counted.count() as u64
    }
}

/// The server. It ends with this value.
#[derive(Debug)]
pub struct HttpDoor {
    address: SocketAddr,
    state: Arc<State>,
    server: JoinHandle<()>,
}

#[derive(Debug)]
struct State {
    healthy: App,
    broken: App,
    queue_is_out: AtomicBool,
    running: AtomicUsize,
    deliveries: Mutex<Vec<Delivery>>,
}

impl HttpDoor {
    /// Opens the door to a stack's table and queues; the queue of incidents works.
    ///
    /// # Panics
    /// If there is no free port.
    pub async fn open(stack: &Stack) -> Self {
        let nowhere = format!("{}/000000000000/no-such-queue", stack.facts.endpoint_url);
        let state = Arc::new(State {
            healthy: stack.ingress(&[]),
            broken: stack.ingress(&[("INCIDENTS_QUEUE_URL", &nowhere)]),
            queue_is_out: AtomicBool::new(false),
            running: AtomicUsize::new(0),
            deliveries: Mutex::default(),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("its address");
        let server = tokio::spawn(serve(listener, Arc::clone(&state)));
        Self {
            address,
            state,
            server,
        }
    }

    /// A route's URL for one sender.
    #[must_use]
    pub fn url(&self, sender: &str, path: &str) -> String {
        format!("http://{}/{sender}/api/v1/{path}", self.address)
    }

    /// Takes the queue of incidents away, or gives it back.
    pub fn take_queue_away(&self, away: bool) {
        self.state.queue_is_out.store(away, Ordering::SeqCst);
    }

    /// What was answered so far.
    ///
    /// # Panics
    /// If the server has panicked.
    #[must_use]
    pub fn deliveries(&self) -> Vec<Delivery> {
        self.state
            .deliveries
            .lock()
            .expect("no panic in the server")
            .clone()
    }

    /// Waits until what was answered is as wanted.
    ///
    /// # Panics
    /// If it does not come to that in time.
    pub async fn until(&self, what: &str, wanted: impl Fn(&[Delivery]) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let deliveries = self.deliveries();
            if wanted(&deliveries) {
                return;
            }
            let seen: Vec<(&str, u16)> = deliveries
                .iter()
                .map(|delivery| (delivery.sender.as_str(), delivery.status))
                .collect();
            assert!(Instant::now() < deadline, "waited for {what}: {seen:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until nothing is being answered, for when the senders have ended.
    ///
    /// # Panics
    /// If it does not come to that in time.
    pub async fn idle(&self) {
        self.until("the end of what is being answered", |_| {
            self.state.running.load(Ordering::SeqCst) == 0
        })
        .await;
    }
}

impl Drop for HttpDoor {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn serve(listener: TcpListener, state: Arc<State>) {
    loop {
        let (stream, _) = listener.accept().await.expect("a connection");
        let state = Arc::clone(&state);
        tokio::spawn(async move {
            let service = service_fn(move |request| answer(Arc::clone(&state), request));
            // A sender that goes away in the middle is not the story's concern: what it had sent whole is answered anyway.
            drop(
                http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service)
                    .await,
            );
        });
    }
}

async fn answer(
    state: Arc<State>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let (parts, body) = request.into_parts();
    let bytes = body.collect().await?.to_bytes();
    state.running.fetch_add(1, Ordering::SeqCst);
    // A task of its own: Lambda too goes on where the caller has gone away, and a write that counted has to be known here.
    let answered = tokio::spawn(async move {
        let response = state.answer(parts, bytes).await;
        state.running.fetch_sub(1, Ordering::SeqCst);
        response
    });
    Ok(answered.await.expect("no panic in ingress"))
}

impl State {
    async fn answer(
        &self,
        parts: hyper::http::request::Parts,
        bytes: Bytes,
    ) -> Response<Full<Bytes>> {
        let path = parts.uri.path().trim_start_matches('/').to_owned();
        let (sender, rest) = path.split_once('/').expect("a sender's path");
        let mut request = lambda_http::Request::new(Body::from(bytes.to_vec()));
        *request.method_mut() = parts.method;
        *request.headers_mut() = parts.headers;
        *request.uri_mut() = Uri::try_from(format!("https://api.test/{rest}")).expect("a URL");
        let app = if self.queue_is_out.load(Ordering::SeqCst) {
            &self.broken
        } else {
            &self.healthy
        };
        let response = app
            .answer(request, Timestamp::now())
            .await
            .expect("always an answer");
        let (head, body) = response.into_parts();
        let body = Bytes::copy_from_slice(body.as_ref());
        let delivery = Delivery {
            sender: sender.to_owned(),
            body: serde_json::from_slice(&bytes).unwrap_or_default(),
            status: head.status.as_u16(),
            answer: serde_json::from_slice(&body).expect("JSON"),
        };
        self.deliveries
            .lock()
            .expect("no panic in the server")
            .push(delivery);
        Response::from_parts(head, Full::new(body))
    }
}
