//! Webhook receiver on loopback: checks signatures as Standard Webhooks says, gives the answers
//! that a test sets, and keeps the requests.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::watch;
use tokio::time::timeout;

use loopback::{Answer, Headers, Request, serve};

/// How long a story waits for a webhook. Generous: no story measures.
const PATIENCE: Duration = Duration::from_secs(60);

/// A webhook that came in.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// Its `webhook-id`.
    pub id: String,
    /// Its `webhook-timestamp`.
    pub timestamp: String,
    /// Its `webhook-signature`.
    pub signatures: String,
    /// Its body as it came.
    pub body: Vec<u8>,
}

impl Delivery {
    fn of(request: Request) -> Self {
        let [id, timestamp, signatures] = ["webhook-id", "webhook-timestamp", "webhook-signature"]
            .map(|name| request.header(name).to_owned());
        Self {
            id,
            timestamp,
            signatures,
            body: request.body,
        }
    }

    /// Whether one of its signatures was made with this key (`whsec_…`), as the library of Standard Webhooks says.
    ///
    /// # Panics
    /// If the key is none.
    #[must_use]
    pub fn is_signed_with(&self, key: &str) -> bool {
        let timestamp = self.timestamp.parse().expect("seconds");
        let expected = standardwebhooks::Webhook::new(key)
            .expect("a key")
            .sign(&self.id, timestamp, &self.body)
            .expect("a signature");
        self.signatures.split(' ').any(|given| given == expected)
    }

    /// Its body.
    ///
    /// # Panics
    /// If it is no JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("a webhook is JSON")
    }
}

#[derive(Debug)]
pub struct WebhookReceiver {
    address: String,
    deliveries: Arc<Mutex<Vec<Delivery>>>,
    /// How many came in.
    count: watch::Receiver<usize>,
}

impl WebhookReceiver {
    /// Starts it: `answer` gets the place of a webhook, from 0, and gives a status with further headers.
    ///
    /// # Panics
    /// If there is no free port.
    pub async fn start(answer: impl Fn(usize) -> (u16, Headers) + Send + Sync + 'static) -> Self {
        let deliveries: Arc<Mutex<Vec<Delivery>>> = Arc::default();
        let (counted, count) = watch::channel(0);
        let (answer, counted, kept) =
            (Arc::new(answer), Arc::new(counted), Arc::clone(&deliveries));
        let address = serve(move |request| {
            let (answer, counted, kept) =
                (Arc::clone(&answer), Arc::clone(&counted), Arc::clone(&kept));
            async move {
                let place = {
                    let mut deliveries = kept.lock().expect("nobody panics with it");
                    deliveries.push(Delivery::of(request));
                    deliveries.len() - 1
                };
                counted.send_replace(place + 1);
                let (status, headers) = answer(place);
                Answer {
                    status,
                    headers,
                    body: Vec::new(),
                }
            }
        });
        Self {
            address,
            deliveries,
            count,
        }
    }

    /// Where it gets webhooks.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    /// What came in so far, in order.
    ///
    /// # Panics
    /// If the server has panicked.
    #[must_use]
    pub fn deliveries(&self) -> Vec<Delivery> {
        self.deliveries
            .lock()
            .expect("nobody panics with it")
            .clone()
    }

    /// Waits until so many came in; what came in so far.
    ///
    /// # Panics
    /// If they do not come in time.
    pub async fn received(&self, times: usize) -> Vec<Delivery> {
        let mut count = self.count.clone();
        let came = timeout(PATIENCE, count.wait_for(|count| *count >= times)).await;
        drop(
            came.expect("the webhooks come in time")
                .expect("the server lives"),
        );
        self.deliveries()
    }
}
