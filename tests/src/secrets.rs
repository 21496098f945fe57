//! Secrets of the stack: what a test adds, and the variables that name those of ingress.

use crate::stack::Stack;

/// The variables that name the secrets of ingress.
pub const INGRESS_SECRETS: [&str; 5] = [
    "WEBHOOK_SECRET_ID",
    "ALERTMANAGER_SECRET_ID",
    "TELEGRAM_WEBHOOK_SECRET_ID",
    "SLACK_SIGNING_SECRET_ID",
    "PAGERDUTY_WEBHOOK_SECRET_ID",
];

impl Stack {
    /// Puts a new secret into Secrets Manager.
    ///
    /// # Panics
    /// If it is not made.
    pub async fn create_secret(&self, name: &str, value: &str) {
        let client = aws_sdk_secretsmanager::Client::new(&self.aws());
        client
            .create_secret()
            .name(name)
            .secret_string(value)
            .send()
            .await
            .expect("a secret");
    }
}
