//! Asks the models in their order until one answers. Each call's worst price is reserved before it is made (`capped-spend`).

use crate::providers::configured::Model;
use std::time::Duration;

use aws::Chain;
use domain::analysis::budget::Spent;
use domain::analysis::price::{MicroUsd, Price, Usage};
use domain::analysis::settings::{Api, ProviderSettings};
use domain::phrase;
use domain::primitives::language::Language;
use domain::primitives::phrase::Phrase;
use domain::primitives::time::utc_day;
use jiff::Timestamp;
use reqwest::Url;
use store::Reserved;
use thiserror::Error;
use tokio::time::Instant;
use tracing::warn;
use wire::message::Message;

use crate::app::{App, Failure};
use crate::finding::Finding;
use crate::prompt::{self, Subject};
use crate::providers::{Billed, CallFailed, Question, Reply, Trouble, prompt_tokens_at_most};
use crate::trace::{ModelAnswer, ModelCall, Span};

/// Shortest time for a call: with less, it would be paid for and hardly be answered.
const SHORTEST_TRY: Duration = Duration::from_secs(2);

/// Result of asking the models.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    /// The finding, and the model that made it.
    pub(crate) finding: Option<(Finding, String, String)>,
    /// What all calls used, those that failed included.
    pub(crate) tokens: u64,
    /// What all calls cost.
    pub(crate) price: MicroUsd,
    /// Reasons of the models that gave no finding, one sentence each.
    pub(crate) failures: Vec<Phrase>,
}

/// Reason why a model gave no finding.
#[derive(Debug, PartialEq, Eq, Error)]
enum ModelFailure {
    #[error("there was no time left to ask it")]
    NoTime,
    #[error("the day's budget has no room for a call")]
    DayUsedUp,
    #[error("the incident's budget has no room for a call")]
    IncidentUsedUp,
    /// In the words of the secret's reader, of the provider, or of the check of the answer.
    #[error("{0}")]
    Said(Phrase),
}

impl ModelFailure {
    /// The same with the name of the model, for people.
    fn phrase(&self, model: &str) -> Phrase {
        match self {
            Self::NoTime => phrase!("{model}: there was no time left to ask it", model),
            Self::DayUsedUp => {
                phrase!("{model}: the day's budget has no room for a call", model)
            }
            Self::IncidentUsedUp => {
                phrase!(
                    "{model}: the incident's budget has no room for a call",
                    model
                )
            }
            Self::Said(why) => phrase!("{model}: {why}", model, why => why.clone()),
        }
    }
}

impl Asked {
    /// Why no model answered.
    pub(crate) fn fell_back_because(self) -> Phrase {
        Phrase::several(self.failures)
    }

    /// Adds the cost of a call. An unknown cost counts as the most that the call can have cost.
    fn add(&mut self, spent: Spent, most: MicroUsd) {
        let (price, tokens) = match spent {
            Spent::Exactly(price, usage) => (price, usage.total()),
            Spent::Nothing => (0, 0),
            Spent::Unknown => (most, 0),
        };
        self.price = self.price.saturating_add(price);
        self.tokens = self.tokens.saturating_add(tokens);
    }
}

impl App {
    /// Asks one model after the other.
    ///
    /// # Errors
    /// If the store or the queue failed: without a reservation no model is asked.
    pub(crate) async fn ask(
        &self,
        subject: Subject<'_>,
        now: Timestamp,
        until: Instant,
        span: &Span,
    ) -> Result<Asked, Failure> {
        let mut asked = Asked::default();
        let mut day_is_used_up = false;
        for model in &self.models {
            let name = &model.settings.name;
            match self
                .ask_one(model, subject, &mut asked, now, until, span)
                .await?
            {
                Ok((finding, answered_by)) => {
                    asked.finding = Some((finding, name.clone(), answered_by));
                    return Ok(asked);
                }
                Err(why) => {
                    day_is_used_up |= why == ModelFailure::DayUsedUp;
                    warn!(incident_id = %subject.incident.id, provider = name, error = %why, "a model gave no finding");
                    asked.failures.push(why.phrase(name));
                }
            }
        }
        // Reached only if no model answered: otherwise the notice would be needless.
        if day_is_used_up {
            self.notice(now).await?;
        }
        Ok(asked)
    }

    /// Asks one model, if there is time, a key and room in the budgets. Returns its finding and the
    /// model's name by its own account. The usage of the call is added to `asked`.
    async fn ask_one(
        &self,
        model: &Model,
        subject: Subject<'_>,
        asked: &mut Asked,
        now: Timestamp,
        until: Instant,
        span: &Span,
    ) -> Result<Result<(Finding, String), ModelFailure>, Failure> {
        if until.saturating_duration_since(Instant::now()) < SHORTEST_TRY {
            return Ok(Err(ModelFailure::NoTime));
        }
        // Before the reservation, because a missing key costs nothing.
        let key = match self.key(model.settings.key_secret.as_deref()).await {
            Ok(key) => key,
            Err(why) => return Ok(Err(ModelFailure::Said(why))),
        };
        let (incident, name) = (&subject.incident.id, &model.settings.name);
        let question = prompt::question(subject, model.settings.max_output_tokens, &self.languages);
        // Reserved before the call, because a call without an answer may be billed too.
        let most = worst_price(&model.settings, model.price, &question);
        let reservation = match self
            .store
            .reserve(incident, name, most, self.analyzer.settings.budget, now)
            .await?
        {
            Reserved::Granted(reservation) => reservation,
            Reserved::DayUsedUp => return Ok(Err(ModelFailure::DayUsedUp)),
            Reserved::IncidentUsedUp => return Ok(Err(ModelFailure::IncidentUsedUp)),
        };
        let server = model
            .settings
            .base_url
            .as_deref()
            .and_then(|url| Url::parse(url).ok());
        let call_span = span.model_call(&ModelCall {
            provider: gen_ai_name(&model.settings),
            model: &model.settings.model,
            max_tokens: u64::from(question.max_output_tokens),
            server: server.as_ref(),
        });
        let reply = Box::pin(model.provider.ask(key.as_ref(), &question, until)).await;
        let spent = spent(&reply, model.price);
        // Added for failed calls too, because they may have been billed.
        asked.add(spent, most);
        if let Err(error) = self.store.settle(&reservation, spent).await {
            // The reservation stays: the budget has less room than it could have, never more.
            warn!(incident_id = %incident, provider = name, error = %Chain(&error), "a call's price could not be settled");
        }
        let read = read(reply, call_span, model.price, &self.languages);
        Ok(read.map_err(ModelFailure::Said))
    }

    /// Notifies people once a day that the budget is used up.
    async fn notice(&self, now: Timestamp) -> Result<(), Failure> {
        let day = utc_day(now);
        if !self.store.notice_is_sent(day).await? {
            self.notifications
                .send(&Message::BudgetUsedUp { day })
                .await?;
            // Marked after the send: a crash in between repeats the notice, and never loses it.
            self.store.mark_notice_sent(day, now).await?;
        }
        Ok(())
    }
}

/// Worst price of a call of a model with these settings: every byte of the question a token, and an answer as long as it may be.
pub fn worst_price(settings: &ProviderSettings, price: Price, question: &Question) -> MicroUsd {
    price.of(Usage {
        input: prompt_tokens_at_most(settings, question),
        output: u64::from(question.max_output_tokens),
    })
}

/// Cost of a call. If it is unknown, the reservation counts as its cost.
fn spent(reply: &Result<Reply, CallFailed>, price: Price) -> Spent {
    match reply {
        Ok(Reply { usage, .. })
        | Err(CallFailed {
            billed: Billed::Used(usage),
            ..
        }) => Spent::Exactly(price.of(*usage), *usage),
        Err(CallFailed {
            billed: Billed::Nothing,
            ..
        }) => Spent::Nothing,
        Err(CallFailed {
            billed: Billed::Unknown,
            ..
        }) => Spent::Unknown,
    }
}

/// The finding in a reply, and the model's name by its own account.
pub(crate) fn read(
    reply: Result<Reply, CallFailed>,
    mut span: Span,
    price: Price,
    languages: &[Language],
) -> Result<(Finding, String), Phrase> {
    let reply = match reply {
        Ok(reply) => reply,
        Err(failed) => {
            span.fail(error_type(&failed.trouble), &failed.to_string());
            return Err(failed.trouble.phrase());
        }
    };
    #[expect(
        clippy::cast_precision_loss,
        reason = "a price is far below 2⁵³ micro-dollars"
    )]
    let dollars = price.of(reply.usage) as f64 / 1e6;
    span.answered(&ModelAnswer {
        model: &reply.model,
        input_tokens: reply.usage.input,
        output_tokens: reply.usage.output,
        finish_reasons: &[&reply.finish],
        price: dollars,
    });
    match Finding::parse(&reply.text) {
        Ok(finding) => {
            span.end();
            Ok((finding.only_in(languages), reply.model))
        }
        Err(error) => {
            span.fail("unfit_answer", &error.to_string());
            Err(error.phrase())
        }
    }
}

fn error_type(trouble: &Trouble) -> String {
    match trouble {
        Trouble::Busy { status, .. }
        | Trouble::Failed { status, .. }
        | Trouble::Refused { status, .. } => status.to_string(),
        Trouble::Unreachable(_) => "unreachable".to_owned(),
        Trouble::TimedOut(_) => "timeout".to_owned(),
        Trouble::Filtered(_) => "content_filter".to_owned(),
        Trouble::Truncated(_) => "max_tokens".to_owned(),
        Trouble::Unreadable(_) => "unreadable".to_owned(),
    }
}

/// The name that the conventions have for a vendor; a server of one's own has the operator's name for it.
/// <https://opentelemetry.io/docs/specs/semconv/registry/attributes/gen-ai/>
fn gen_ai_name(settings: &ProviderSettings) -> &str {
    match (settings.api, &settings.base_url) {
        (Api::Openai, None) => "openai",
        (Api::Anthropic, None) => "anthropic",
        (Api::Bedrock, _) => "aws.bedrock",
        (Api::Openai | Api::Anthropic, Some(_)) => &settings.name,
    }
}
