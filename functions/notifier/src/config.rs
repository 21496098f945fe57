//! What the notifier is told by its environment.

use shared::variables::{InvalidVariable, Variables};

/// The configuration of the notifier; `template.yaml` sets every variable.
#[derive(Debug, Clone)]
pub struct Config {
    /// `TABLE_NAME`.
    pub table: String,
    /// `NOTIFICATIONS_QUEUE_URL`: its own queue, for what is better looked at later.
    pub notifications_queue: String,
    /// `TELEGRAM_API_BASE_URL`.
    pub telegram_base_url: String,
    /// `TELEGRAM_BOT_TOKEN_SECRET_ID`.
    pub telegram_token_secret: String,
    /// `TELEGRAM_CHAT_ID`; none turns Telegram off.
    pub telegram_chat: Option<String>,
}

impl Config {
    /// Reads the configuration.
    ///
    /// # Errors
    /// The first variable that is missing or not what it has to be.
    pub fn from_variables<F: Fn(&str) -> Option<String>>(variables: &Variables<F>) -> Result<Self, InvalidVariable> {
        let base_url = variables.optional("TELEGRAM_API_BASE_URL").unwrap_or_else(|| "https://api.telegram.org".to_owned());
        Ok(Self {
            table: variables.required("TABLE_NAME", "the name of the table")?,
            notifications_queue: variables.required("NOTIFICATIONS_QUEUE_URL", "the URL of a queue")?,
            telegram_base_url: base_url.trim_end_matches('/').to_owned(),
            telegram_token_secret: variables.required("TELEGRAM_BOT_TOKEN_SECRET_ID", "the ARN or name of a secret")?,
            telegram_chat: variables.optional("TELEGRAM_CHAT_ID"),
        })
    }
}
