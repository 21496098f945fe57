//! Faults of the emulated AWS (`infra/local/aws_rules`), switched on for a part of one story.

use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;

use reqwest::{Client, RequestBuilder};
use serde_json::Value;

use crate::stack::Stack;

const PATH: &str = "/_quell/rules";

/// Rules that are switched on as long as this lives. The story has its stack alone.
#[derive(Debug)]
pub struct AwsRules<'a> {
    stack: &'a Stack,
}

impl<'a> AwsRules<'a> {
    /// Switches these rules on, and all others off. Their fields are those of `Rules` in
    /// `infra/local/aws_rules/state.py`.
    ///
    /// # Panics
    /// If the emulator does not know a rule.
    pub async fn switch_on(stack: &'a Stack, rules: &Value) -> Self {
        let (status, answer) = post(stack, rules).await;
        assert_eq!(status, 200, "{answer}");
        Self { stack }
    }

    /// How often a rule has refused or changed something since then.
    pub async fn seen(&self, rule: &str) -> u64 {
        seen(self.stack, rule).await
    }
}

impl Drop for AwsRules<'_> {
    fn drop(&mut self) {
        // Without the story's runtime, so that a story that fails ends its rules too. An emulator that does not answer has none.
        drop(switch_off(&self.stack.facts.endpoint_url));
    }
}

/// Posts something as rules: the status and the answer.
///
/// # Panics
/// If there is no answer.
pub async fn post(stack: &Stack, rules: &Value) -> (u16, Value) {
    answered(own_connection().post(url(stack)).json(rules)).await
}

/// How often a rule has refused or changed something since rules were switched on or off.
///
/// # Panics
/// If there is no answer.
pub async fn seen(stack: &Stack, rule: &str) -> u64 {
    let (_, answer) = answered(own_connection().get(url(stack))).await;
    answer["seen"][rule].as_u64().unwrap_or_default()
}

/// A rule may cut the connections that the story's own client keeps.
fn own_connection() -> Client {
    Client::new()
}

fn url(stack: &Stack) -> String {
    format!("{}{PATH}", stack.facts.endpoint_url)
}

async fn answered(request: RequestBuilder) -> (u16, Value) {
    let response = request.send().await.expect("an answer");
    let status = response.status().as_u16();
    (status, response.json().await.expect("JSON"))
}

fn switch_off(endpoint_url: &str) -> io::Result<()> {
    let address = endpoint_url.trim_start_matches("http://");
    let mut connection = TcpStream::connect(address)?;
    write!(
        connection,
        "DELETE {PATH} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n"
    )?;
    connection.read_to_end(&mut Vec::new()).map(drop)
}
