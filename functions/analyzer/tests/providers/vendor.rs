//! Scripted vendor for tests: plays its answers byte for byte, half answers and cut connections
//! included.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// What is done with one connection, after its request was read.
#[derive(Debug, Clone)]
pub(crate) enum Play {
    /// These bytes are sent, and the connection is closed.
    Bytes(Vec<u8>),
    /// These bytes are sent, then one space each 20 ms until the caller goes away.
    Drip(Vec<u8>),
}

/// A request: its head and its body.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) head: String,
    pub(crate) body: String,
}

/// A vendor on a port of its own.
#[derive(Debug)]
pub(crate) struct Vendor {
    /// `http://` and its address.
    pub(crate) url: String,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Vendor {
    /// Starts one that answers its calls in this order, and further ones as the last.
    pub(crate) async fn playing(plays: Vec<Play>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let requests = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&requests);
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                let mut connection = BufReader::new(connection);
                let request = read(&mut connection).await;
                let made = {
                    let mut kept = kept.lock().expect("no panic");
                    kept.push(request);
                    kept.len()
                };
                let play = plays[made.min(plays.len()) - 1].clone();
                // Who goes away breaks its connection; that is part of the play.
                tokio::spawn(async move { perform(connection.into_inner(), play).await });
            }
        });
        Self { url, requests }
    }

    /// The requests so far.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.lock().expect("no panic").clone()
    }
}

async fn perform(mut connection: TcpStream, play: Play) -> std::io::Result<()> {
    match play {
        Play::Bytes(bytes) => {
            connection.write_all(&bytes).await?;
            connection.shutdown().await
        }
        Play::Drip(bytes) => {
            connection.write_all(&bytes).await?;
            loop {
                tokio::time::sleep(Duration::from_millis(20)).await;
                connection.write_all(b" ").await?;
            }
        }
    }
}

async fn read(connection: &mut BufReader<TcpStream>) -> Request {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") && connection.read_line(&mut head).await.expect("a head") > 0
    {
    }
    let length = head.lines().find_map(|line| {
        line.to_lowercase()
            .strip_prefix("content-length: ")?
            .parse()
            .ok()
    });
    let mut body = vec![0; length.unwrap_or_default()];
    connection.read_exact(&mut body).await.expect("a body");
    Request {
        head,
        body: String::from_utf8(body).expect("UTF-8"),
    }
}

pub(crate) fn answer(status: u16, headers: &str, body: &str) -> Play {
    let head = format!(
        "HTTP/1.1 {status} Status\r\ncontent-length: {}\r\nconnection: close\r\n{headers}\r\n",
        body.len()
    );
    Play::Bytes([head.as_bytes(), body.as_bytes()].concat())
}

/// The beginning of an answer whose body has this many bytes.
pub(crate) fn beginning(length: usize, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{body}").into_bytes()
}
