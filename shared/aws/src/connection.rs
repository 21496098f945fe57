//! TLS connection pool, shared by every AWS client of the process.

#[cfg(test)]
#[path = "connection_tests.rs"]
mod tests;

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use aws_smithy_runtime_api::client::connection::{CaptureSmithyConnection, ConnectionMetadata};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::retry::ErrorKind;
use hyper::{Request, Uri};
use hyper_util::client::legacy::connect::capture_connection;
use hyper_util::client::legacy::{Client, Error};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::time::error::Elapsed;

use super::dialer::{Ahead, Dialer, Tls};

/// How many requests the clients of this process have sent, tries that failed included.
static REQUESTS_SENT: AtomicU64 = AtomicU64::new(0);

/// How many requests the clients of this process have sent so far, tries that failed included.
pub fn requests_sent() -> u64 {
    REQUESTS_SENT.load(Ordering::Relaxed)
}

/// One pool of connections for every client of the process, whatever client it is: a connection costs milliseconds.
#[derive(Clone)]
pub struct Connection {
    dialer: Dialer,
    connector: Arc<OnceLock<SharedHttpConnector>>,
    /// True when a connection has been begun ahead.
    began: Arc<AtomicBool>,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Connection")
    }
}

impl Connection {
    /// Connections to hosts whose certificates one of these roots (PEM) has signed.
    pub(super) fn new(roots: Vec<u8>) -> Self {
        Self {
            dialer: Dialer::new(Arc::new(Tls::new(roots))),
            connector: Arc::default(),
            began: Arc::default(),
        }
    }

    /// A pool of its own, with the same roots: what one pool has opened [ahead](Self::ahead) is not taken by requests of another,
    /// even where one host is all services.
    pub fn apart(&self) -> Self {
        Self {
            dialer: self.dialer.apart(),
            connector: Arc::default(),
            began: Arc::default(),
        }
    }

    /// Begins a connection for the first request to this URL, so that both sides shake hands while something else is waited for.
    /// Nothing is sent over it yet, and what is dropped before a request took it is closed: no connection waits through the time
    /// between two requests, in which Lambda freezes the process.
    ///
    /// Only the first call does something, and only before the first request: later requests find connections in the pool, and
    /// senders who are refused must not cost a handshake each.
    pub fn ahead(&self, url: &str) -> Option<Ahead> {
        if self.connector.get().is_some() || self.began.swap(true, Ordering::Relaxed) {
            return None;
        }
        Some(self.dialer.ahead(Uri::try_from(url).ok()?))
    }

    /// The connector that sends requests. It is built on first use: the root certificates are not
    /// read at init.
    pub fn connector(&self) -> &SharedHttpConnector {
        self.connector.get_or_init(|| {
            let pool = Client::builder(TokioExecutor::new())
                .pool_timer(TokioTimer::new())
                .build(self.dialer.clone());
            SharedHttpConnector::new(Pool(pool))
        })
    }
}

impl HttpClient for Connection {
    /// The settings are those of [`AwsEnvironment::sdk_config`](super::AwsEnvironment::sdk_config), which are the same for every client.
    fn http_connector(
        &self,
        _: &HttpConnectorSettings,
        _: &RuntimeComponents,
    ) -> SharedHttpConnector {
        self.connector().clone()
    }
}

/// The pool, as the SDK wants it. It counts what it sends.
#[derive(Debug)]
struct Pool(Client<Dialer, SdkBody>);

impl HttpConnector for Pool {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        REQUESTS_SENT.fetch_add(1, Ordering::Relaxed);
        let mut request = match request.try_into_http1x() {
            Ok(request) => request,
            Err(error) => {
                return HttpConnectorFuture::ready(Err(ConnectorError::user(error.into())));
            }
        };
        let_the_sdk_close(&mut request);
        let answer = self.0.request(request);
        HttpConnectorFuture::new(async move {
            let response = answer.await.map_err(failed)?;
            HttpResponse::try_from(response.map(SdkBody::from_body_1_x))
                .map_err(|error| ConnectorError::other(error.into(), None))
        })
    }
}

/// After a passing fault of a service the SDK tries again over another connection, which may lead to another of its machines.
fn let_the_sdk_close(request: &mut Request<SdkBody>) {
    let connection = capture_connection(request);
    let Some(captured) = request.extensions().get::<CaptureSmithyConnection>() else {
        return;
    };
    captured.set_connection_retriever(move || {
        let connection = connection.clone();
        let close = move || {
            if let Some(connected) = connection.connection_metadata().as_ref() {
                connected.poison();
            }
        };
        Some(
            ConnectionMetadata::builder()
                .proxied(false)
                .poison_fn(close)
                .build(),
        )
    });
}

/// Maps an error for the SDK, which retries after timeouts, network errors, and truncated answers.
fn failed(error: Error) -> ConnectorError {
    let inner = source::<hyper::Error>(&error);
    let is = |what: fn(&hyper::Error) -> bool| inner.is_some_and(what);
    if source::<Elapsed>(&error).is_some() || is(hyper::Error::is_timeout) {
        ConnectorError::timeout(error.into())
    } else if is(hyper::Error::is_user) {
        ConnectorError::user(error.into())
    } else if is(hyper::Error::is_incomplete_message) {
        ConnectorError::other(error.into(), Some(ErrorKind::TransientError))
    } else if error.is_connect()
        || is(hyper::Error::is_closed)
        || is(hyper::Error::is_canceled)
        || source::<std::io::Error>(&error).is_some()
    {
        ConnectorError::io(error.into())
    } else {
        ConnectorError::other(error.into(), None)
    }
}

/// True if a request was never sent because no connection could be made: what it asks for has not happened.
pub fn never_sent(error: &(dyn std::error::Error + 'static)) -> bool {
    source::<Error>(error).is_some_and(Error::is_connect)
}

/// The first cause of this type.
fn source<'a, E: std::error::Error + 'static>(
    error: &'a (dyn std::error::Error + 'static),
) -> Option<&'a E> {
    std::iter::successors(Some(error), |error| error.source())
        .find_map(|error| error.downcast_ref())
}
