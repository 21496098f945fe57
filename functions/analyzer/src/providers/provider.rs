//! A provider as configured in `analyzer.yaml`: its API client and its time limit.

use std::time::Duration;

use aws_types::SdkConfig;
use domain::analysis::price::most_tokens;
use domain::analysis::settings::{Api, ProviderSettings};
use domain::primitives::safe_text::sanitize;
use reqwest::Client;
use secrecy::SecretString;
use tokio::time::{Instant, timeout_at};

use super::attempt::{FailedTry, with_one_retry};
use super::over_http::call;
use super::{Billed, CallFailed, Question, Reply, Trouble, anthropic, bedrock, openai};

/// What a provider puts around the messages, in tokens: markers of roles, its own instructions on the schema.
const OVERHEAD: u64 = 1000;
/// How long the name of a model may be that a provider answers, in characters.
const MODEL_CHARACTERS: usize = 100;

/// The most tokens that a question can be to a provider with these settings, its schema and instructions included: more than that is not
/// billed for what is sent.
pub fn prompt_tokens_at_most(settings: &ProviderSettings, question: &Question) -> u64 {
    let body = match settings.api {
        Api::Openai => openai::body(settings, question),
        // Bedrock is sent the same texts in another envelope.
        Api::Anthropic | Api::Bedrock => anthropic::body(settings, question),
    };
    most_tokens(&[&body.to_string()], OVERHEAD)
}

/// A model to ask.
#[derive(Debug)]
pub struct Provider {
    settings: ProviderSettings,
    interface: Interface,
}

#[derive(Debug)]
enum Interface {
    OpenAi(Client),
    Anthropic(Client),
    Bedrock(aws_sdk_bedrockruntime::Client),
}

impl Provider {
    /// A provider with these settings. `http` is made by [`outbound::client`]; of `aws`, Bedrock's client is made where it is asked.
    pub fn new(settings: &ProviderSettings, http: Client, aws: &SdkConfig) -> Self {
        let interface = match settings.api {
            Api::Openai => Interface::OpenAi(http),
            Api::Anthropic => Interface::Anthropic(http),
            Api::Bedrock => Interface::Bedrock(bedrock::client(aws)),
        };
        Self {
            settings: settings.clone(),
            interface,
        }
    }

    /// Asks a question. One try takes at most the provider's time and ends at the deadline. A provider that is busy or failed is asked
    /// once more, after the wait that it asks for, if that is over before the deadline.
    ///
    /// # Errors
    /// If there is no answer. A text that is not what was asked for is an answer here.
    pub async fn ask(
        &self,
        key: Option<&SecretString>,
        question: &Question,
        deadline: Instant,
    ) -> Result<Reply, CallFailed> {
        let mut reply = with_one_retry(deadline, || self.in_time(key, question, deadline)).await?;
        reply.model = sanitize(&reply.model, MODEL_CHARACTERS);
        if reply.model.is_empty() {
            reply.model.clone_from(&self.settings.model);
        }
        Ok(reply)
    }

    async fn in_time(
        &self,
        key: Option<&SecretString>,
        question: &Question,
        deadline: Instant,
    ) -> Result<Reply, FailedTry> {
        let begun = Instant::now();
        let end = deadline.min(begun + Duration::from_secs(self.settings.timeout.seconds()));
        let given = end.saturating_duration_since(begun);
        if given.is_zero() {
            return Err(FailedTry::last(Trouble::TimedOut(given), Billed::Nothing));
        }
        let answered = timeout_at(end, self.try_once(key, question)).await;
        answered.unwrap_or_else(|_| Err(FailedTry::last(Trouble::TimedOut(given), Billed::Unknown)))
    }

    async fn try_once(
        &self,
        key: Option<&SecretString>,
        question: &Question,
    ) -> Result<Reply, FailedTry> {
        let settings = &self.settings;
        match &self.interface {
            Interface::OpenAi(http) => {
                let request = openai::request(http, settings, key);
                openai::read(
                    &call(request, &openai::body(settings, question), key).await?,
                    question,
                )
            }
            Interface::Anthropic(http) => {
                let request = anthropic::request(http, settings, key);
                anthropic::read(
                    &call(request, &anthropic::body(settings, question), key).await?,
                    question,
                )
            }
            Interface::Bedrock(client) => bedrock::ask(client, settings, question).await,
        }
    }
}
