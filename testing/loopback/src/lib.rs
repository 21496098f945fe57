//! HTTP servers on loopback for tests: each answers as its test says, also with bytes that no HTTP
//! library would send, and keeps what it was asked.
//!
//! On raw sockets, because most of these tests are about answers that are cut, too long, too slow or not HTTP at all: of those the
//! libraries for mock servers have none.

use std::future::Future;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// The names and values of headers; names are in lower case.
pub type Headers = Vec<(String, String)>;

#[derive(Debug, Clone, Default)]
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

    /// Its first line and its headers, a line each.
    #[must_use]
    pub fn head(&self) -> String {
        let first = format!("{} {} HTTP/1.1\r\n", self.method, self.path);
        self.headers.iter().fold(first, |head, (name, value)| {
            head + &format!("{name}: {value}\r\n")
        })
    }

    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// An answer of HTTP. The connection stays open, unless a header says that it closes.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    /// Its headers, without the length.
    pub headers: Headers,
    pub body: Vec<u8>,
}

impl Answer {
    fn bytes(&self) -> Vec<u8> {
        let (status, length) = (self.status, self.body.len());
        let mut head = format!("HTTP/1.1 {status} Status\r\ncontent-length: {length}\r\n");
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        [head.as_bytes(), b"\r\n", &self.body].concat()
    }
}

/// What a server does once it has read a request.
#[derive(Debug, Clone)]
pub enum Reply {
    Answer(Answer),
    /// It sends these bytes and hangs up; nothing but that, if there are none.
    Cut(Vec<u8>),
    /// It sends these bytes, and nothing more.
    Silent(Vec<u8>),
    /// It sends these bytes, then a space each 20 ms until the caller goes away.
    Drip(Vec<u8>),
}

impl From<Answer> for Reply {
    fn from(answer: Answer) -> Self {
        Self::Answer(answer)
    }
}

/// An answer after which the connection ends.
#[must_use]
pub fn answer(status: u16, headers: &[(&str, &str)], body: impl AsRef<[u8]>) -> Reply {
    let headers = headers.iter().chain(&[("connection", "close")]);
    Reply::Answer(Answer {
        status,
        headers: headers
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        body: body.as_ref().to_vec(),
    })
}

/// A server that keeps its requests. It ends with the test's runtime.
#[derive(Debug, Clone)]
pub struct Server {
    /// Its address with its port.
    pub address: String,
    /// `http://` and its address.
    pub url: String,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    /// A server that gets each request with its place, from 0, and replies.
    ///
    /// # Panics
    /// If there is no port.
    pub fn start<R: Into<Reply>>(
        reply: impl Fn(&Request, usize) -> R + Send + Sync + 'static,
    ) -> Self {
        let requests: Arc<Mutex<Vec<Request>>> = Arc::default();
        let (kept, reply) = (Arc::clone(&requests), Arc::new(reply));
        let address = serve(move |request: Request| {
            let mut kept = kept.lock().expect("nobody panics with it");
            let reply: Reply = reply(&request, kept.len()).into();
            kept.push(request);
            std::future::ready(reply)
        });
        let url = format!("http://{address}");
        Self {
            address,
            url,
            requests,
        }
    }

    /// A server that replies to its requests in this order, and to further ones as to the last.
    ///
    /// # Panics
    /// If there is no port, or no reply.
    #[must_use]
    pub fn playing(replies: Vec<Reply>) -> Self {
        Self::start(move |_, place| replies[place.min(replies.len() - 1)].clone())
    }

    /// The requests until now.
    ///
    /// # Panics
    /// If the server has panicked.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().expect("nobody panics with it").clone()
    }
}

/// An address on loopback at which nothing listens.
///
/// # Panics
/// If there is no port.
#[must_use]
pub fn closed() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").to_string()
}

/// Serves on a port of its own until the runtime ends; the address with its port.
///
/// # Panics
/// If there is no port.
pub fn serve<F, A, R>(reply: F) -> String
where
    F: Fn(Request) -> A + Clone + Send + 'static,
    A: Future<Output = R> + Send,
    R: Into<Reply> + Send,
{
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    listener.set_nonblocking(true).expect("a socket");
    let listener = TcpListener::from_std(listener).expect("a runtime");
    tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            let reply = reply.clone();
            // Who goes away breaks its connection; nothing is to be done about that.
            tokio::spawn(async move { converse(connection, reply).await });
        }
    });
    address
}

async fn converse<A, R>(connection: TcpStream, reply: impl Fn(Request) -> A) -> io::Result<()>
where
    A: Future<Output = R>,
    R: Into<Reply>,
{
    connection.set_nodelay(true)?;
    let mut connection = BufReader::new(connection);
    while let Some(request) = read(&mut connection).await? {
        match reply(request).await.into() {
            Reply::Answer(answer) => {
                connection.write_all(&answer.bytes()).await?;
                let closes = |(name, value): &(String, String)| {
                    name.eq_ignore_ascii_case("connection") && value == "close"
                };
                if answer.headers.iter().any(closes) {
                    break;
                }
            }
            Reply::Cut(bytes) => {
                connection.write_all(&bytes).await?;
                break;
            }
            Reply::Silent(bytes) => {
                connection.write_all(&bytes).await?;
                std::future::pending::<()>().await;
            }
            Reply::Drip(bytes) => {
                connection.write_all(&bytes).await?;
                loop {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    connection.write_all(b" ").await?;
                }
            }
        }
    }
    connection.shutdown().await
}

async fn read(connection: &mut BufReader<TcpStream>) -> io::Result<Option<Request>> {
    let mut line = String::new();
    if connection.read_line(&mut line).await? == 0 {
        return Ok(None);
    }
    let mut words = line.split(' ').map(str::to_owned);
    let mut request = Request {
        method: words.next().unwrap_or_default(),
        path: words.next().unwrap_or_default(),
        ..Request::default()
    };
    loop {
        let mut header = String::new();
        connection.read_line(&mut header).await?;
        let Some((name, value)) = header.trim_end().split_once(':') else {
            break;
        };
        let header = (name.to_ascii_lowercase(), value.trim().to_owned());
        request.headers.push(header);
    }
    let length = request.header("content-length").parse().unwrap_or(0);
    request.body.resize(length, 0);
    connection.read_exact(&mut request.body).await?;
    Ok(Some(request))
}
