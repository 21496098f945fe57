//! Errors of channels, and the dependencies of their senders.

use aws::Chain;
use aws::secrets::{SecretError, Secrets};
use aws::signed::SignedClient;
use outbound::PublicClient;
use reqwest::Client;
use reqwest::header::HeaderValue;
use thiserror::Error;

/// The wait where a channel names none that can be read, in seconds.
pub(super) const DEFAULT_WAIT: u64 = 30;

/// The longest wait that is believed, in seconds.
pub(super) const LONGEST_WAIT: u64 = 3600;

/// Reasons why a channel did not accept a message. No text of it holds a token or a key
/// (`secrets-stay`).
#[derive(Debug, Error)]
pub enum ChannelError {
    /// It wants fewer messages.
    #[error("it asks to wait {seconds} s")]
    Busy { seconds: u64 },
    /// It could not be reached, or its answer is none of its own: tried again later, for as long as it takes.
    #[error("it did not answer: {0}")]
    Unreachable(String),
    /// The message to be edited is not there any more, or cannot be edited any more.
    #[error("the message is gone")]
    Gone,
    /// The markup was not understood: the same is sent without any.
    #[error("the markup was not understood: {0}")]
    Markup(String),
    /// The chat has another id now.
    #[error("the chat has moved to {chat_id}")]
    Moved { chat_id: i64 },
    /// It refuses, and the operator has to change something: a wrong token, a bot that is not in the chat. Tried again seldom.
    #[error("it refuses ({status}): {why}")]
    Refused {
        /// The HTTP status; 0 where nothing was sent.
        status: u16,
        why: String,
    },
}

/// A secret that is missing or that the function may not read is for the operator; every other error passes.
impl From<SecretError> for ChannelError {
    fn from(error: SecretError) -> Self {
        match error {
            SecretError::NoValue { .. }
            | SecretError::Unavailable {
                permanent: true, ..
            } => Self::Refused {
                status: 0,
                why: Chain(&error).to_string(),
            },
            SecretError::Unavailable { .. } => Self::Unreachable(Chain(&error).to_string()),
        }
    }
}

impl ChannelError {
    /// The same, of something that is no edit: there is no card then that another could take the place of.
    #[must_use]
    pub fn of_a_new_message(self) -> Self {
        match self {
            Self::Gone => Self::Refused {
                status: 404,
                why: "there is nowhere to send it".to_owned(),
            },
            other => other,
        }
    }

    /// True if it may be otherwise in some minutes, without anybody's doing.
    pub fn may_pass(&self) -> bool {
        matches!(self, Self::Busy { .. } | Self::Unreachable(_))
    }
}

/// Dependencies of the senders.
#[derive(Debug)]
pub struct ChannelDeps {
    /// The client for servers that an operator may have on an address of their own.
    pub client: Client,
    /// The client for all others.
    pub public: PublicClient,
    /// The tokens and keys.
    pub secrets: Secrets,
    /// The secret with the token of Telegram's bot, for chats that name none.
    pub telegram_token: String,
    /// For e-mail.
    pub ses: SignedClient,
    /// Where those links lead, without a slash at the end.
    pub api_url: String,
}

/// How long to wait, from the header `Retry-After`
/// (<https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3>): seconds. A date, which no server that
/// counts messages sends, is the default wait.
pub(super) fn wait(header: Option<&HeaderValue>) -> u64 {
    let seconds = header
        .and_then(|value| value.to_str().ok())
        .and_then(|text| text.trim().parse().ok());
    seconds.map_or(DEFAULT_WAIT, |seconds: u64| seconds.clamp(1, LONGEST_WAIT))
}

/// Whom a reply is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// Whoever asked for it, and looks at the card.
    Asker,
    /// Everybody in the channel.
    Everybody,
    /// Whoever looks: no phone makes a sound.
    Quiet,
}

#[cfg(test)]
mod tests {
    use aws::secrets::SecretError;

    use super::ChannelError;

    #[test]
    fn an_unreadable_secret_is_for_the_operator() {
        let unavailable = |permanent| SecretError::Unavailable {
            id: "quell/channels/slack".to_owned(),
            permanent,
            cause: "AccessDeniedException".into(),
        };
        let missing = SecretError::NoValue {
            id: "quell/channels/slack".to_owned(),
        };
        for (error, refused) in [
            (missing, true),
            (unavailable(true), true),
            (unavailable(false), false),
        ] {
            let error = ChannelError::from(error);
            assert_eq!(error.may_pass(), !refused, "{error:?}");
            assert!(error.to_string().contains("quell/channels/slack"));
        }
    }
}
