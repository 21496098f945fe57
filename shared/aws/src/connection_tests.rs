//! Tests of certificate trust and of connections that are opened ahead, against sockets of this
//! process.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use aws_smithy_runtime_api::client::http::HttpConnector as _;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::retry::ErrorKind;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::Connection;

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/// What happened to a connection, in order.
#[derive(Debug, PartialEq)]
enum Event {
    Opened,
    Asked,
    Closed,
}

/// Answers every request on every connection, and tells what happens.
fn listen(listener: TcpListener) -> Receiver<Event> {
    let (tell, told) = channel();
    thread::spawn(move || {
        for mut socket in listener.incoming().flatten() {
            let tell = tell.clone();
            let _ = tell.send(Event::Opened);
            thread::spawn(move || {
                let mut bytes = [0; 4096];
                while socket.read(&mut bytes).is_ok_and(|read| read > 0) {
                    let _ = tell.send(Event::Asked);
                    let _ = socket.write_all(ANSWER);
                }
                let _ = tell.send(Event::Closed);
            });
        }
    });
    told
}

fn listener() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/", listener.local_addr().expect("its address"));
    (listener, url)
}

async fn try_to_ask(connection: &Connection, url: &str) -> Result<u16, ConnectorError> {
    let mut request = HttpRequest::new(SdkBody::empty());
    request.set_uri(url).expect("a URL");
    Ok(connection
        .connector()
        .call(request)
        .await?
        .status()
        .as_u16())
}

async fn ask(connection: &Connection, url: &str) -> Result<u16, String> {
    try_to_ask(connection, url)
        .await
        .map_err(|error| format!("{error:?}"))
}

/// The next event. It is waited for on another thread, so that the connection's own task can go on.
async fn next(events: Receiver<Event>) -> (Event, Receiver<Event>) {
    tokio::task::spawn_blocking(move || (events.recv().expect("an event"), events))
        .await
        .expect("no panic")
}

#[tokio::test]
async fn the_first_request_takes_what_was_begun_ahead() {
    let (listener, url) = listener();
    let events = listen(listener);
    let connection = Connection::new(Vec::new());
    let _ahead = connection.ahead(&url).expect("begun");
    let (event, events) = next(events).await;
    assert_eq!(event, Event::Opened, "before there is a request");
    assert_eq!(ask(&connection, &url).await, Ok(200));
    assert_eq!(ask(&connection, &url).await, Ok(200));
    assert_eq!(
        events.try_iter().collect::<Vec<_>>(),
        [Event::Asked, Event::Asked],
        "no other connection was opened"
    );
}

#[tokio::test]
async fn nothing_is_begun_twice_or_behind_a_request() {
    let (listener, url) = listener();
    let _events = listen(listener);
    let connection = Connection::new(Vec::new());
    assert!(connection.ahead(&url).is_some());
    assert!(connection.ahead(&url).is_none());
    let apart = connection.apart();
    assert_eq!(ask(&apart, &url).await, Ok(200));
    assert!(apart.ahead(&url).is_none());
}

#[tokio::test]
async fn what_no_request_took_is_closed() {
    let (listener, url) = listener();
    let events = listen(listener);
    let connection = Connection::new(Vec::new());
    let ahead = connection.ahead(&url);
    let (_, events) = next(events).await;
    drop(ahead);
    assert_eq!(next(events).await.0, Event::Closed);
    assert_eq!(
        ask(&connection, &url).await,
        Ok(200),
        "a request makes a connection of its own"
    );
}

#[tokio::test]
async fn requests_to_elsewhere_and_of_another_pool_leave_it() {
    let ((listener, url), (other, elsewhere)) = (listener(), listener());
    let (events, others) = (listen(listener), listen(other));
    let connection = Connection::new(Vec::new());
    let _ahead = connection.ahead(&url);
    let (_, events) = next(events).await;
    assert_eq!(ask(&connection, &elsewhere).await, Ok(200));
    assert_eq!(
        others.try_iter().collect::<Vec<_>>(),
        [Event::Opened, Event::Asked]
    );
    assert_eq!(ask(&connection.apart(), &url).await, Ok(200));
    assert_eq!(
        events.try_iter().collect::<Vec<_>>(),
        [Event::Opened, Event::Asked]
    );
}

#[tokio::test]
async fn what_could_not_be_begun_is_tried_again() {
    let (listener, url) = listener();
    let address = listener.local_addr().expect("its address");
    drop(listener);
    let connection = Connection::new(Vec::new());
    let _ahead = connection.ahead(&url);
    // Its turns, in which it is refused: nobody listens.
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    let _events = listen(TcpListener::bind(address).expect("the port again"));
    assert_eq!(ask(&connection, &url).await, Ok(200));
}

/// The SDK tries again what is told to it as one of these.
#[tokio::test]
async fn faults_of_the_network_are_told_as_such() {
    let (nobody, url) = listener();
    drop(nobody);
    let error = try_to_ask(&Connection::new(Vec::new()), &url)
        .await
        .expect_err("nobody listens");
    assert!(error.is_io(), "{error:?}");

    let (cut, url) = listener();
    thread::spawn(move || {
        cut.incoming()
            .flatten()
            .for_each(|mut socket| drop(socket.read(&mut [0; 4096])))
    });
    let error = try_to_ask(&Connection::new(Vec::new()), &url)
        .await
        .expect_err("the answer does not come");
    assert_eq!(
        error.as_other(),
        Some(ErrorKind::TransientError),
        "{error:?}"
    );
}

/// A root, and a server on loopback with a certificate for `name` under it.
fn over_tls(name: &str) -> (Vec<u8>, String) {
    let mut ca = CertificateParams::default();
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca = CertifiedIssuer::self_signed(ca, KeyPair::generate().expect("a key")).expect("a root");
    let key = KeyPair::generate().expect("a key");
    let leaf = CertificateParams::new([name.to_owned()])
        .expect("a name")
        .signed_by(&key, &ca)
        .expect("a certificate");
    let key = PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
    let tls =
        ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![leaf.der().clone()], key)
            .expect("a certificate with its key");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!(
        "https://localhost:{}/",
        listener.local_addr().expect("its address").port()
    );
    let tls = Arc::new(tls);
    thread::spawn(move || {
        for socket in listener.incoming().flatten() {
            let mut stream = StreamOwned::new(
                ServerConnection::new(Arc::clone(&tls)).expect("a session"),
                socket,
            );
            if stream.read(&mut [0; 4096]).is_ok() {
                let _ = stream.write_all(ANSWER);
            }
        }
    });
    (ca.pem().into_bytes(), url)
}

#[tokio::test]
async fn only_a_certificate_for_the_host_under_our_roots_is_trusted() {
    let ((roots, url), (other_roots, _)) = (over_tls("localhost"), over_tls("localhost"));
    let (wrong_name_roots, wrong_name_url) = over_tls("example.com");
    let both = [b"not a certificate\n".as_slice(), &other_roots, &roots].concat();
    for (roots, url, expected) in [
        (roots, &url, Ok(200)),
        (both, &url, Ok(200)),
        // A root of the same name with another key.
        (other_roots, &url, Err("BadSignature")),
        (Vec::new(), &url, Err("UnknownIssuer")),
        (wrong_name_roots, &wrong_name_url, Err("NotValidForName")),
    ] {
        let answer = ask(&Connection::new(roots), url).await;
        match (&answer, expected) {
            (Ok(status), Ok(expected)) => assert_eq!(*status, expected),
            (Err(error), Err(expected)) => assert!(error.contains(expected), "{error}"),
            _ => panic!("{answer:?} is not {expected:?}"),
        }
    }
}

#[test]
fn amazons_roots_are_all_read() {
    use rustls::pki_types::pem::PemObject as _;
    let mut store = rustls::RootCertStore::empty();
    let certificates =
        rustls::pki_types::CertificateDer::pem_slice_iter(crate::environment::AMAZON_ROOTS);
    assert_eq!(
        store.add_parsable_certificates(certificates.flatten()),
        (5, 0)
    );
}

/// The timer of the connection from this port and its time in hundredths of a second, as Linux tells them
/// (<https://docs.kernel.org/networking/proc_net_tcp.html>).
#[cfg(target_os = "linux")]
fn timer_of(port: u16) -> Option<(u8, u64)> {
    let table = std::fs::read_to_string("/proc/self/net/tcp").expect("/proc");
    let row = table.lines().find(|row| {
        row.split_whitespace()
            .nth(1)
            .is_some_and(|local| local.ends_with(&format!(":{port:04X}")))
    })?;
    let (timer, time) = row.split_whitespace().nth(5)?.split_once(':')?;
    Some((
        u8::from_str_radix(timer, 16).ok()?,
        u64::from_str_radix(time, 16).ok()?,
    ))
}

/// An invocation is silent while its function works, and whatever keeps count of connections on the way forgets one after 350 s.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_connection_on_which_an_answer_is_waited_for_is_kept_alive() {
    const KEEPALIVE: u8 = 2;
    let (listener, url) = listener();
    let (tell, asked) = channel();
    let (answer, answered) = channel::<()>();
    thread::spawn(move || {
        let (mut socket, from) = listener.accept().expect("a connection");
        let _ = socket.read(&mut [0; 4096]);
        tell.send(from.port()).expect("told");
        let _ = answered.recv();
        let _ = socket.write_all(ANSWER);
    });
    let waiting = tokio::spawn(async move { ask(&Connection::new(Vec::new()), &url).await });
    let port = tokio::task::spawn_blocking(move || asked.recv().expect("asked"))
        .await
        .expect("no panic");
    // At first the timer can be the one for what was sent and not acknowledged yet.
    let mut timer = timer_of(port);
    for _ in 0..200 {
        if timer.is_some_and(|(timer, _)| timer == KEEPALIVE) {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        timer = timer_of(port);
    }
    let Some((KEEPALIVE, hundredths)) = timer else {
        panic!("it is silent for as long as it likes: {timer:?}")
    };
    assert!(
        (1..=6_000).contains(&hundredths),
        "the first sign comes after {hundredths} hundredths of a second"
    );
    answer.send(()).expect("it waits");
    assert_eq!(waiting.await.expect("no panic"), Ok(200));
}
