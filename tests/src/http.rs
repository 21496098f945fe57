//! Minimal HTTP server for stand-ins: requests with a length, on connections that stay open.

use std::future::Future;
use std::io;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// The names and values of headers; names are in lower case.
pub type Headers = Vec<(String, String)>;

#[derive(Debug)]
pub struct Request {
    pub method: String,
    /// Its path, with the query.
    pub path: String,
    pub headers: Headers,
    pub body: Vec<u8>,
}

impl Request {
    /// The value of a header; empty if it is not there.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .iter()
            .find(|(known, _)| known == name)
            .map_or("", |(_, value)| value)
    }
}

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    /// Its headers, without the length.
    pub headers: Headers,
    pub body: Vec<u8>,
}

/// Serves on a port of its own until the runtime ends; the address with its port.
///
/// # Panics
/// If there is no port.
pub async fn serve<F, A>(answer: F) -> String
where
    F: Fn(Request) -> A + Clone + Send + 'static,
    A: Future<Output = Answer> + Send,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            let answer = answer.clone();
            // Who goes away breaks its connection; nothing is to be done about that.
            tokio::spawn(async move { converse(connection, answer).await });
        }
    });
    address
}

async fn converse<A: Future<Output = Answer>>(
    connection: TcpStream,
    answer: impl Fn(Request) -> A,
) -> io::Result<()> {
    connection.set_nodelay(true)?;
    let mut connection = BufReader::new(connection);
    while let Some(request) = read(&mut connection).await? {
        let Answer {
            status,
            headers,
            body,
        } = answer(request).await;
        let mut head = format!(
            "HTTP/1.1 {status} Status\r\ncontent-length: {}\r\n",
            body.len()
        );
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        let whole = [head.as_bytes(), b"\r\n", &body].concat();
        connection.write_all(&whole).await?;
    }
    Ok(())
}

async fn read(connection: &mut BufReader<TcpStream>) -> io::Result<Option<Request>> {
    let mut line = String::new();
    if connection.read_line(&mut line).await? == 0 {
        return Ok(None);
    }
    let mut words = line.split(' ').map(str::to_owned);
    let (method, path) = (
        words.next().unwrap_or_default(),
        words.next().unwrap_or_default(),
    );
    let mut headers = Headers::new();
    loop {
        let mut header = String::new();
        connection.read_line(&mut header).await?;
        let Some((name, value)) = header.trim_end().split_once(':') else {
            break;
        };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let mut request = Request {
        method,
        path,
        headers,
        body: Vec::new(),
    };
    let length = request.header("content-length").parse().unwrap_or(0);
    request.body.resize(length, 0);
    connection.read_exact(&mut request.body).await?;
    Ok(Some(request))
}
