//! Test server on loopback that gives the same answer each time and keeps the requests.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

pub(super) struct Canned {
    /// Its address with its port.
    pub(super) address: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Canned {
    /// Starts it: `head` are further headers, each with its line end.
    pub(super) async fn start(status: u16, head: &str, body: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let requests: Arc<Mutex<Vec<String>>> = Arc::default();
        let answer = format!(
            "HTTP/1.1 {status} Status\r\nconnection: close\r\ncontent-length: {}\r\n{head}\r\n{body}",
            body.len()
        );
        let kept = Arc::clone(&requests);
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                let request = read(connection, &answer).await;
                kept.lock().expect("nobody panics with it").push(request);
            }
        });
        Self { address, requests }
    }

    /// What came in: head and body of each request.
    pub(super) fn requests(&self) -> Vec<String> {
        self.requests.lock().expect("nobody panics with it").clone()
    }
}

async fn read(connection: TcpStream, answer: &str) -> String {
    let mut connection = BufReader::new(connection);
    let mut request = String::new();
    while !request.ends_with("\r\n\r\n") {
        if connection.read_line(&mut request).await.expect("a line") == 0 {
            return request;
        }
    }
    let length = request
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .and_then(|length| length.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    connection.read_exact(&mut body).await.expect("the body");
    // Who has not read the whole answer goes away; nothing is to be done about that.
    let _ = connection.write_all(answer.as_bytes()).await;
    request + &String::from_utf8(body).expect("UTF-8")
}
