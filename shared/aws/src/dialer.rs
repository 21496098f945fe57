//! Connection set-up: name resolution, socket and TLS handshake, sometimes ahead of the first
//! request.

use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::Uri;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use tokio::task::JoinHandle;
use tower_service::Service;

/// How long making a connection may take.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// After how long in silence a connection shows that it is still used, how often then, and how often in vain. An invocation is silent
/// while its function works, and a NAT gateway, a network load balancer and an interface endpoint forget a connection that was silent
/// for 350 s (<https://docs.aws.amazon.com/vpc/latest/userguide/nat-gateway-troubleshooting.html#nat-gateway-troubleshooting-timeout>):
/// the answer would never come.
const KEEPALIVE_AFTER: Duration = Duration::from_secs(60);
const KEEPALIVE_EVERY: Duration = Duration::from_secs(30);
const KEEPALIVE_TRIES: u32 = 4;

type BoxError = Box<dyn Error + Send + Sync>;
type Stream = <HttpsConnector<HttpConnector> as Service<Uri>>::Response;
type Dialled = Pin<Box<dyn Future<Output = Result<Stream, BoxError>> + Send>>;

/// What handshakes are made with.
pub(super) struct Tls {
    roots: Vec<u8>,
    connector: OnceLock<HttpsConnector<HttpConnector>>,
}

impl Tls {
    pub(super) fn new(roots: Vec<u8>) -> Self {
        Self {
            roots,
            connector: OnceLock::new(),
        }
    }

    /// Made when it is first asked for. A root that cannot be read is left out: certificates under it are then refused.
    fn connector(&self) -> HttpsConnector<HttpConnector> {
        let made = self.connector.get_or_init(|| {
            let mut roots = RootCertStore::empty();
            roots.add_parsable_certificates(CertificateDer::pem_slice_iter(&self.roots).flatten());
            let provider = Arc::new(rustls::crypto::ring::default_provider());
            let Ok(config) =
                ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()
            else {
                unreachable!("ring has what TLS 1.2 and 1.3 need");
            };
            let mut sockets = HttpConnector::new();
            sockets.enforce_http(false);
            sockets.set_nodelay(true);
            sockets.set_keepalive(Some(KEEPALIVE_AFTER));
            sockets.set_keepalive_interval(Some(KEEPALIVE_EVERY));
            sockets.set_keepalive_retries(Some(KEEPALIVE_TRIES));
            let config = config.with_root_certificates(roots).with_no_client_auth();
            HttpsConnectorBuilder::new()
                .with_tls_config(config)
                .https_or_http()
                .enable_http1()
                .wrap_connector(sockets)
        });
        made.clone()
    }
}

/// A connection under way.
struct Begun {
    to: Uri,
    dialled: JoinHandle<Result<Stream, BoxError>>,
}

/// A connection that was begun before there was a request for it. Dropped, it is closed, unless a request has taken it.
#[derive(Debug)]
pub struct Ahead(Slot);

impl Drop for Ahead {
    fn drop(&mut self) {
        if let Some(begun) = self.0.take() {
            begun.dialled.abort();
        }
    }
}

/// Where the connection is that was begun ahead.
#[derive(Clone, Default)]
struct Slot(Arc<Mutex<Option<Begun>>>);

impl Slot {
    fn put(&self, begun: Begun) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(begun);
    }

    fn take(&self) -> Option<Begun> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Takes it, if it leads there.
    fn take_for(&self, uri: &Uri) -> Option<Begun> {
        let same = |begun: &mut Begun| {
            begun.to.scheme() == uri.scheme() && begun.to.authority() == uri.authority()
        };
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take_if(same)
    }
}

impl fmt::Debug for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Slot")
    }
}

/// Makes connections for a pool.
#[derive(Clone)]
pub(super) struct Dialer {
    tls: Arc<Tls>,
    slot: Slot,
}

impl fmt::Debug for Dialer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Dialer")
    }
}

impl Dialer {
    pub(super) fn new(tls: Arc<Tls>) -> Self {
        Self {
            tls,
            slot: Slot::default(),
        }
    }

    /// One for another pool.
    pub(super) fn apart(&self) -> Self {
        Self::new(Arc::clone(&self.tls))
    }

    pub(super) fn ahead(&self, to: Uri) -> Ahead {
        self.slot.put(Begun {
            dialled: tokio::spawn(dial(Arc::clone(&self.tls), to.clone())),
            to,
        });
        Ahead(self.slot.clone())
    }
}

impl Service<Uri> for Dialer {
    type Response = Stream;
    type Error = BoxError;
    type Future = Dialled;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, to: Uri) -> Dialled {
        let (begun, tls) = (self.slot.take_for(&to), Arc::clone(&self.tls));
        Box::pin(async move {
            if let Some(begun) = begun
                && let Ok(Ok(stream)) = begun.dialled.await
            {
                return Ok(stream);
            }
            dial(tls, to).await
        })
    }
}

async fn dial(tls: Arc<Tls>, to: Uri) -> Result<Stream, BoxError> {
    tokio::time::timeout(CONNECT_TIMEOUT, tls.connector().call(to)).await?
}
