//! The subset of Lambda's runtime API that a function needs: it polls for an event and posts its
//! answer (<https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>).

use std::io::{self, BufReader};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::Failure;
use crate::http;

/// The longest that a function may take to poll or to answer.
const PATIENCE: Duration = Duration::from_secs(30);
/// Lambda tells a function until when it may work.
const DEADLINE_MS: &str = "4102444800000";

/// An answer and its times.
#[derive(Debug)]
pub(crate) struct Answer {
    /// When the event was handed over.
    pub(crate) delivered: Instant,
    /// When the answer was there.
    pub(crate) answered: Instant,
    pub(crate) body: String,
}

/// What a running function and the bench say to each other.
#[derive(Debug)]
struct Wires {
    polled: Sender<Instant>,
    events: Mutex<Receiver<String>>,
    answers: Sender<Result<Answer, String>>,
    delivered: Mutex<Instant>,
}

/// The bench's end: one for each start of a function.
#[derive(Debug)]
pub(crate) struct Session {
    polled: Receiver<Instant>,
    events: Sender<String>,
    answers: Receiver<Result<Answer, String>>,
}

impl Session {
    /// Hands an event to the function, now or with its next poll.
    pub(crate) fn send(&self, event: &str) -> Result<(), Failure> {
        Ok(self.events.send(event.to_owned())?)
    }

    /// When the function polled. It has nothing to do from then until the next event.
    pub(crate) fn polled(&self) -> Result<Instant, Failure> {
        self.polled
            .recv_timeout(PATIENCE)
            .map_err(|_| "the function does not poll for an event".into())
    }

    /// The function's next answer.
    pub(crate) fn answer(&self) -> Result<Answer, Failure> {
        Ok(self
            .answers
            .recv_timeout(PATIENCE)
            .map_err(|_| "the function does not answer")??)
    }
}

/// The host. The newest session owns the connections that are made.
#[derive(Debug)]
pub(crate) struct RuntimeApi {
    /// Where it listens: `AWS_LAMBDA_RUNTIME_API`.
    pub(crate) address: SocketAddr,
    current: Arc<Mutex<Option<Arc<Wires>>>>,
}

impl RuntimeApi {
    pub(crate) fn start() -> Result<Self, Failure> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let current: Arc<Mutex<Option<Arc<Wires>>>> = Arc::default();
        let api = Self {
            address: listener.local_addr()?,
            current: Arc::clone(&current),
        };
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                if let Some(wires) = held(&current).clone() {
                    // A function that is stopped breaks its connections; nothing is to be done about that.
                    thread::spawn(move || serve(&connection, &wires));
                }
            }
        });
        Ok(api)
    }

    /// A session for the function that is started next.
    pub(crate) fn session(&self) -> Session {
        let ((polled, polls), (events, taken), (answers, given)) =
            (channel(), channel(), channel());
        let wires = Wires {
            polled,
            events: Mutex::new(taken),
            answers,
            delivered: Mutex::new(Instant::now()),
        };
        *held(&self.current) = Some(Arc::new(wires));
        Session {
            polled: polls,
            events,
            answers: given,
        }
    }
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn serve(connection: &TcpStream, wires: &Wires) -> io::Result<()> {
    connection.set_nodelay(true)?;
    let (mut reader, mut writer) = (BufReader::new(connection), connection);
    while let Some(request) = http::read(&mut reader)? {
        let arrived = Instant::now();
        if request.line.starts_with("GET ") {
            let _ = wires.polled.send(arrived);
            let Ok(event) = held(&wires.events).recv() else {
                return Ok(());
            };
            *held(&wires.delivered) = Instant::now();
            let headers = [
                ("content-type", "application/json"),
                (
                    "lambda-runtime-aws-request-id",
                    "8476a536-e9f4-11e8-9739-2dfe598c3fcd",
                ),
                ("lambda-runtime-deadline-ms", DEADLINE_MS),
                (
                    "lambda-runtime-invoked-function-arn",
                    "arn:aws:lambda:us-east-1:123456789012:function:bench",
                ),
                (
                    "lambda-runtime-trace-id",
                    "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=0",
                ),
            ];
            http::write(&mut writer, "200 OK", &headers, event.as_bytes())?;
        } else {
            let body = String::from_utf8_lossy(&request.body).into_owned();
            let answered = request
                .line
                .split(' ')
                .nth(1)
                .is_some_and(|path| path.ends_with("/response"));
            let answer = Answer {
                delivered: *held(&wires.delivered),
                answered: arrived,
                body,
            };
            let _ = wires.answers.send(if answered {
                Ok(answer)
            } else {
                Err(format!("the function failed: {}", answer.body))
            });
            http::write(
                &mut writer,
                "202 Accepted",
                &[("content-type", "application/json")],
                b"{\"status\":\"OK\"}",
            )?;
        }
    }
    Ok(())
}
