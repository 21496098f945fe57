//! What ingress is told by its environment.

use std::net::IpAddr;

use ipnet::IpNet;
use jiff::SignedDuration;
use shared::domain::episode::Windows;
use shared::variables::{InvalidVariable, Variables};

/// The configuration of ingress; `template.yaml` sets every variable.
#[derive(Debug, Clone)]
pub struct Config {
    /// `TABLE_NAME`.
    pub table: String,
    /// `INCIDENTS_QUEUE_URL`.
    pub incidents_queue: String,
    /// `NOTIFICATIONS_QUEUE_URL`.
    pub notifications_queue: String,
    /// `REPAIRS_QUEUE_URL`.
    pub repairs_queue: String,
    /// `WEBHOOK_SECRET_ID`: the key of the HMAC signatures.
    pub webhook_secret: String,
    /// `ALERTMANAGER_SECRET_ID`: the bearer token and basic password of Alertmanager.
    pub alertmanager_secret: String,
    /// `APPROVAL_SECRET_ID`: the bearer token of the approvals API.
    pub approval_secret: String,
    /// `TELEGRAM_WEBHOOK_SECRET_ID`: the token that Telegram sends with every update.
    pub telegram_secret: String,
    /// `TELEGRAM_APPROVER_IDS`: the numeric ids of the people who may press a button.
    pub telegram_approvers: Vec<i64>,
    /// `INTERNAL_CIDRS`: sources that may send Alertmanager deliveries without a credential.
    pub internal: Vec<IpNet>,
    /// `ENVIRONMENT` is `dev`: a secret without a value then lets requests through.
    pub development: bool,
    /// `DEBOUNCE_SECONDS` and `EPISODE_STALE_SECONDS`.
    pub windows: Windows,
    /// `REQUIRE_SIGNATURE_TIMESTAMP`.
    pub require_signature_timestamp: bool,
    /// `FINGERPRINT_LABELS`: labels that are part of the identity of what is wrong.
    pub fingerprint_labels: Vec<String>,
}

impl Config {
    /// Reads the configuration.
    ///
    /// # Errors
    /// The first variable that is missing or not what it has to be.
    pub fn from_variables<F: Fn(&str) -> Option<String>>(variables: &Variables<F>) -> Result<Self, InvalidVariable> {
        let queue = "the URL of a queue";
        let secret = "the ARN or name of a secret";
        let seconds = |name, default: u32| {
            let value = variables.parsed(name, "a number of seconds", default)?;
            Ok(SignedDuration::from_secs(i64::from(value)))
        };
        let environment = variables.required("ENVIRONMENT", "prod or dev")?;
        if !["prod", "dev"].contains(&environment.as_str()) {
            return Err(InvalidVariable::Unfit { name: "ENVIRONMENT", expected: "prod or dev" });
        }
        Ok(Self {
            table: variables.required("TABLE_NAME", "the name of the table")?,
            incidents_queue: variables.required("INCIDENTS_QUEUE_URL", queue)?,
            notifications_queue: variables.required("NOTIFICATIONS_QUEUE_URL", queue)?,
            repairs_queue: variables.required("REPAIRS_QUEUE_URL", queue)?,
            webhook_secret: variables.required("WEBHOOK_SECRET_ID", secret)?,
            alertmanager_secret: variables.required("ALERTMANAGER_SECRET_ID", secret)?,
            approval_secret: variables.required("APPROVAL_SECRET_ID", secret)?,
            telegram_secret: variables.required("TELEGRAM_WEBHOOK_SECRET_ID", secret)?,
            telegram_approvers: variables.list("TELEGRAM_APPROVER_IDS", "numeric ids with commas between them")?,
            internal: internal_ranges(variables)?,
            development: environment == "dev",
            windows: Windows { debounce: seconds("DEBOUNCE_SECONDS", 300)?, stale: seconds("EPISODE_STALE_SECONDS", 18_000)? },
            require_signature_timestamp: variables.parsed("REQUIRE_SIGNATURE_TIMESTAMP", "true or false", false)?,
            fingerprint_labels: variables.list("FINGERPRINT_LABELS", "names of labels with commas between them")?,
        })
    }
}

/// `INTERNAL_CIDRS`. An address that the standard library refuses is refused: `ipnet` reads 010.0.0.0 as 10.0.0.0, other
/// programs as 8.0.0.0, and who is internal must not depend on that.
///
/// # Errors
/// If one of them is not a range.
pub fn internal_ranges<F: Fn(&str) -> Option<String>>(variables: &Variables<F>) -> Result<Vec<IpNet>, InvalidVariable> {
    let (name, expected) = ("INTERNAL_CIDRS", "address ranges such as 10.0.0.0/8, with commas between them");
    let texts: Vec<String> = variables.list(name, expected)?;
    let range = |text: &String| {
        let (address, _) = text.split_once('/')?;
        address.parse::<IpAddr>().ok()?;
        text.parse().ok()
    };
    texts.iter().map(|text| range(text).ok_or(InvalidVariable::Unfit { name, expected })).collect()
}
