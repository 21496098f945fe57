//! Common interface of all kinds of channels, and their errors.

pub mod email;
mod error;
pub mod pagerduty;
#[cfg(test)]
mod post_fixture;
pub mod slack;
pub mod teams;
pub mod telegram;
pub mod webhook;

pub use self::error::{Audience, ChannelDeps, ChannelError};
use domain::notification::channels::{
    Channel, PagerDutyService, Place, SlackChannel, TeamsWorkflow, Webhook as WebhookSettings,
};
use domain::notification::outbox::Moved;
use jiff::Timestamp;
use secrecy::SecretString;

use crate::channel::email::Email;
use crate::channel::pagerduty::PagerDuty;
use crate::channel::slack::Slack;
use crate::channel::teams::Teams;
use crate::channel::telegram::Telegram;
use crate::channel::webhook::{Keys, Webhook};
use crate::render::content::{Picture, Post};

/// Sends in one channel.
#[derive(Debug)]
pub struct Sender<'a> {
    outside: &'a ChannelDeps,
    now: Timestamp,
    to: To<'a>,
}

#[derive(Debug)]
enum To<'a> {
    Telegram(Telegram<'a>),
    Slack(Slack, &'a SlackChannel),
    Webhook(Webhook, &'a WebhookSettings),
    PagerDuty(PagerDuty, &'a PagerDutyService),
    Teams(Teams, &'a TeamsWorkflow),
    Email(Email<'a>),
}

/// A client that can be called.
enum Client<'a> {
    Telegram(&'a Telegram<'a>),
    Slack(&'a Slack, SecretString),
    Webhook(&'a Webhook, Signers),
    PagerDuty(&'a PagerDuty, SecretString),
    Teams(&'a Teams, SecretString),
    Email(&'a Email<'a>),
}

/// The key of a webhook, and the one before it.
struct Signers(SecretString, Option<SecretString>);

impl Signers {
    fn keys(&self) -> Keys<'_> {
        Keys {
            current: &self.0,
            previous: self.1.as_ref(),
        }
    }
}

impl<'a> Sender<'a> {
    /// The sender of a channel, whose chat may have moved. `now` is the time that its signatures carry.
    pub fn of(
        channel: &'a Channel,
        outside: &'a ChannelDeps,
        moved: Option<Moved>,
        now: Timestamp,
    ) -> Self {
        let to = match &channel.to {
            Place::Telegram(chat) => To::Telegram(Telegram::new(chat, outside, moved)),
            Place::Slack(slack) => To::Slack(Slack::new(outside.client.clone(), slack), slack),
            Place::Webhook(webhook) => To::Webhook(
                Webhook::new(&outside.client, &outside.public, webhook),
                webhook,
            ),
            Place::PagerDuty(service) => {
                To::PagerDuty(PagerDuty::new(outside.client.clone(), service), service)
            }
            Place::Teams(workflow) => To::Teams(
                Teams::new(&outside.client, &outside.public, workflow),
                workflow,
            ),
            Place::Email(list) => To::Email(Email::new(list, &outside.ses)),
        };
        Self { outside, now, to }
    }

    /// The client of the channel, with its secrets as they are now.
    async fn client(&self) -> Result<Client<'_>, ChannelError> {
        let secrets = &self.outside.secrets;
        Ok(match &self.to {
            To::Telegram(telegram) => Client::Telegram(telegram),
            To::Slack(slack, settings) => {
                Client::Slack(slack, secrets.get(&settings.token_secret).await?)
            }
            To::Webhook(webhook, settings) => {
                let (current, previous) = secrets.with_previous(&settings.key_secret).await?;
                Client::Webhook(webhook, Signers(current, previous))
            }
            To::PagerDuty(service, settings) => {
                Client::PagerDuty(service, secrets.get(&settings.routing_key_secret).await?)
            }
            To::Teams(workflow, settings) => {
                Client::Teams(workflow, secrets.get(&settings.url_secret).await?)
            }
            To::Email(list) => Client::Email(list),
        })
    }

    /// Sends something; the channel's id of the message.
    ///
    /// # Errors
    /// If the channel did not take it, or did not say so.
    pub async fn send(&self, post: &Post) -> Result<String, ChannelError> {
        match self.client().await? {
            Client::Telegram(telegram) => telegram.send(post).await,
            Client::Slack(slack, token) => slack.send(&token, post).await,
            Client::Webhook(webhook, signers) => webhook.send(signers.keys(), self.now, post).await,
            Client::PagerDuty(service, key) => service.update(&key, post).await,
            Client::Teams(workflow, url) => workflow.send(&url, post).await,
            Client::Email(list) => list.send(post).await,
        }
    }

    /// Replaces what a message shows; the channel's id of the message, which is a new one where another takes its place. Where nothing can be
    /// replaced, it is a message of its own, and the first one stays the one that others refer to. A message that shows it already is a success.
    ///
    /// # Errors
    /// [`ChannelError::Gone`] if the message is not there any more; others if the channel did not take it.
    pub async fn edit(&self, message_id: &str, post: &Post) -> Result<String, ChannelError> {
        match self.client().await? {
            Client::Telegram(telegram) => telegram.edit(message_id, post).await?,
            Client::Slack(slack, token) => slack.edit(&token, message_id, post).await?,
            Client::Webhook(webhook, signers) => {
                webhook
                    .edit(signers.keys(), self.now, message_id, post)
                    .await?;
                return Ok(post.key.clone());
            }
            Client::PagerDuty(service, key) => drop(service.update(&key, post).await?),
            Client::Teams(workflow, url) => drop(workflow.send(&url, post).await?),
            Client::Email(list) => drop(list.reply(Some(message_id), post).await?),
        }
        Ok(message_id.to_owned())
    }

    /// Sends something below a message, if that is still there; the channel's id of the reply.
    ///
    /// # Errors
    /// As [`Sender::send`].
    pub async fn reply(
        &self,
        message_id: Option<&str>,
        post: &Post,
        audience: Audience,
    ) -> Result<String, ChannelError> {
        match self.client().await? {
            // A new message of a chat makes a sound for everybody in it, unless it says otherwise.
            Client::Telegram(telegram) => telegram.reply(message_id, post, audience).await,
            Client::Slack(slack, token) => slack.reply(&token, message_id, post, audience).await,
            Client::Webhook(webhook, signers) => {
                webhook
                    .reply(signers.keys(), self.now, message_id, post)
                    .await?;
                Ok(post.key.clone())
            }
            // Of all that is sent below cards, or alone, it is told the troubles only.
            Client::PagerDuty(service, key) => service.warn(&key, post).await,
            Client::Teams(workflow, url) => workflow.send(&url, post).await,
            Client::Email(list) => list.reply(message_id, post).await,
        }
    }

    /// Sends a picture below a message, without a sound, with the text of a post as its caption; the channel's id of it.
    ///
    /// # Errors
    /// As [`Sender::send`]; [`ChannelError::Refused`] by a kind of channel that takes no pictures.
    pub async fn picture(
        &self,
        message_id: Option<&str>,
        picture: &Picture,
        post: &Post,
    ) -> Result<String, ChannelError> {
        match self.client().await? {
            Client::Telegram(telegram) => telegram.picture(message_id, picture, post).await,
            Client::Slack(slack, token) => slack.picture(&token, message_id, picture, post).await,
            _ => Err(ChannelError::Refused {
                status: 0,
                why: "this kind of channel takes no pictures".to_owned(),
            }),
        }
    }

    /// Sends a message that only one person in the channel sees. Only Slack can do that.
    ///
    /// # Errors
    /// As [`Sender::send`].
    pub async fn whisper(&self, user: &str, words: &str) -> Result<(), ChannelError> {
        match self.client().await? {
            Client::Slack(slack, token) => slack.whisper(&token, user, words).await,
            _ => Ok(()),
        }
    }

    /// Looks for a message by the key of its post: its id, if the channel has it, or takes it once however often it comes.
    ///
    /// # Errors
    /// If the channel did not answer.
    pub async fn find(&self, key: &str) -> Result<Option<String>, ChannelError> {
        match self.client().await? {
            Client::Slack(slack, token) => slack.find(&token, key).await,
            // A bot cannot look back at a chat: https://core.telegram.org/bots/api#getting-updates is all that it sees. A webhook's server
            // may not have it: it is sent again under the same key, which is all that the server needs. PagerDuty drops what its alert is
            // already. Workflows of Teams and SES do not say what they have taken.
            _ => Ok(None),
        }
    }

    /// Whether something that is sent twice is seen twice: the channel neither finds nor drops it.
    pub fn repeats(&self) -> bool {
        matches!(self.to, To::Telegram(_) | To::Teams(..) | To::Email(_))
    }
}
