//! Model server on loopback that speaks OpenAI's Chat Completions: gives the answers that a test
//! sets, at the time it sets, and keeps the requests.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use domain::analysis::price::Usage;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::timeout;

use loopback::{Answer, Request, serve};

/// How long a story waits for a call. Generous: no story measures.
const PATIENCE: Duration = Duration::from_secs(60);

/// What each answer of the model says that it used.
pub const USAGE: Usage = Usage {
    input: 1000,
    output: 100,
};

/// The server. It also stands in for whatever else takes requests of HTTP, as a receiver of traces.
#[derive(Debug)]
pub struct ModelServer {
    address: String,
    calls: Arc<Mutex<Vec<Arc<Request>>>>,
    /// How many calls came in.
    count: watch::Receiver<usize>,
    held: watch::Sender<bool>,
}

impl ModelServer {
    /// Starts it: `answer` gets the place of a call, from 0.
    ///
    /// # Panics
    /// If there is no free port.
    pub async fn start(answer: impl Fn(usize) -> Answer + Send + Sync + 'static) -> Self {
        let calls: Arc<Mutex<Vec<Arc<Request>>>> = Arc::default();
        let (held, gate) = watch::channel(false);
        let (counted, count) = watch::channel(0);
        let (answer, counted, kept) = (Arc::new(answer), Arc::new(counted), Arc::clone(&calls));
        let address = serve(move |request| {
            let (answer, counted, kept, mut gate) = (
                Arc::clone(&answer),
                Arc::clone(&counted),
                Arc::clone(&kept),
                gate.clone(),
            );
            async move {
                let place = {
                    let mut calls = kept.lock().expect("nobody panics with it");
                    calls.push(Arc::new(request));
                    calls.len() - 1
                };
                counted.send_replace(place + 1);
                // The story that held it may be over.
                let _ = gate.wait_for(|held| !held).await;
                answer(place)
            }
        });
        Self {
            address,
            calls,
            count,
            held,
        }
    }

    /// What stands before `/chat/completions`.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// The calls so far, in order.
    ///
    /// # Panics
    /// If the server has panicked.
    #[must_use]
    pub fn calls(&self) -> Vec<Arc<Request>> {
        self.calls.lock().expect("nobody panics with it").clone()
    }

    /// Waits until so many calls came in.
    ///
    /// # Panics
    /// If they do not come in time.
    pub async fn called(&self, times: usize) {
        let mut count = self.count.clone();
        let came = timeout(PATIENCE, count.wait_for(|count| *count >= times)).await;
        drop(
            came.expect("the calls come in time")
                .expect("the server lives"),
        );
    }

    /// Keeps the answers back, or gives them.
    pub fn hold(&self, held: bool) {
        self.held.send_replace(held);
    }
}

/// An answer with a finding that fits.
#[must_use]
pub fn finding() -> Answer {
    let finding = json!({
        "action_title": "Restart the pod",
        "description": "The pod does not answer.",
        "root_cause": "The last release ends at its start.",
        "suggested_action": "Roll it back.",
        "suggested_command": null,
        "risk": "high",
        "confidence": 0.9,
        "blast_radius": { "affected_pods": 1, "estimated_downtime": "~1m", "related_services": [], "data_impact": "NONE" },
        "affected_services": ["web"],
        "primary_responsibility": "APP",
        "optimisation_suggestions": [],
        "deviation": null,
    });
    says(&finding.to_string())
}

/// An answer with a text, which used [`USAGE`].
#[must_use]
pub fn says(text: &str) -> Answer {
    let choice = json!({ "index": 0, "finish_reason": "stop", "message": { "role": "assistant", "content": text } });
    let usage = json!({ "prompt_tokens": USAGE.input, "completion_tokens": USAGE.output, "total_tokens": USAGE.total() });
    json_answer(
        200,
        &json!({ "id": "chatcmpl-1", "object": "chat.completion", "model": "model-2026", "choices": [choice], "usage": usage }),
    )
}

/// A refusal with this status, after which another try is welcome at once.
#[must_use]
pub fn refuses(status: u16) -> Answer {
    let mut answer = json_answer(
        status,
        &json!({ "error": { "message": "not now", "type": "overloaded" } }),
    );
    answer
        .headers
        .push(("retry-after-ms".to_owned(), "0".to_owned()));
    answer
}

/// What takes anything, and has nothing to say about it.
#[must_use]
pub fn accepts() -> Answer {
    Answer {
        status: 200,
        headers: Vec::new(),
        body: Vec::new(),
    }
}

/// An answer of JSON.
#[must_use]
pub fn json_answer(status: u16, body: &Value) -> Answer {
    let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
    Answer {
        status,
        headers,
        body: body.to_string().into_bytes(),
    }
}
