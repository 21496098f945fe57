//! Fault-injecting proxy before the stack's AWS: refuses some requests as AWS would, and passes the
//! others on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use aws::AwsEnvironment;
use reqwest::Client;

use crate::stack::Stack;
use loopback::{Answer, Request, serve};

/// A refusal of DynamoDB: its code, and the reasons where a transaction is cancelled.
#[must_use]
pub fn refusal(code: &str, reasons: &[&str]) -> Answer {
    let reasons: Vec<_> = reasons
        .iter()
        .map(|reason| serde_json::json!({ "Code": reason }))
        .collect();
    let type_ = format!("com.amazonaws.dynamodb.v20120810#{code}");
    let body = serde_json::json!({ "__type": type_, "message": "injected", "CancellationReasons": reasons });
    let headers = vec![(
        "content-type".to_owned(),
        "application/x-amz-json-1.0".to_owned(),
    )];
    Answer {
        status: 400,
        headers,
        body: body.to_string().into_bytes(),
    }
}

/// When a worker dies of whose writes to the table none arrives any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dies {
    /// Before it writes what is looked for.
    Before,
    /// Right after it has written it.
    Behind,
}

/// An AWS for a worker that dies at a transaction with this text.
pub async fn dying(stack: &Stack, when: Dies, text: &'static str) -> AwsEnvironment {
    let dead = AtomicBool::new(false);
    let fault = move |request: &Request| {
        let target = request.header("x-amz-target");
        let is_it = target.ends_with(".TransactWriteItems") && request.text().contains(text);
        let was_dead = dead.fetch_or(is_it, Ordering::Relaxed);
        let dies = was_dead || (is_it && when == Dies::Before);
        (dies && target.starts_with("DynamoDB")).then(|| refusal("AccessDeniedException", &[]))
    };
    faulty(stack, fault).await
}

/// An AWS whose requests pass `fault` first: what it answers is the answer.
pub async fn faulty(
    stack: &Stack,
    fault: impl Fn(&Request) -> Option<Answer> + Send + Sync + 'static,
) -> AwsEnvironment {
    let (fault, http, endpoint) = (
        Arc::new(fault),
        stack.http.clone(),
        stack.facts.endpoint_url.clone(),
    );
    let address = serve(move |request| {
        let (fault, http, endpoint) = (Arc::clone(&fault), http.clone(), endpoint.clone());
        async move {
            match fault(&request) {
                Some(answer) => answer,
                None => pass_on(&http, &endpoint, request).await,
            }
        }
    });
    stack.environment_at(&format!("http://{address}"))
}

/// Passes a request on to the stack's AWS, unchanged.
pub(crate) async fn pass_on(http: &Client, endpoint: &str, request: Request) -> Answer {
    let method = request.method.parse().expect("a method");
    let mut passed = http.request(method, format!("{endpoint}{}", request.path));
    for (name, value) in &request.headers {
        if !["host", "content-length", "connection"].contains(&name.as_str()) {
            passed = passed.header(name, value);
        }
    }
    let response = passed
        .body(request.body)
        .send()
        .await
        .expect("the emulator answers");
    let status = response.status().as_u16();
    let kept = response.headers().iter().filter(|(name, _)| {
        !["content-length", "transfer-encoding", "connection"].contains(&name.as_str())
    });
    let headers = kept
        .map(|(name, value)| {
            (
                name.to_string(),
                value.to_str().unwrap_or_default().to_owned(),
            )
        })
        .collect();
    Answer {
        status,
        headers,
        body: response.bytes().await.expect("a body").to_vec(),
    }
}
