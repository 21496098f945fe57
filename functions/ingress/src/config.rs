//! Configuration of ingress from its environment variables.

use std::net::IpAddr;
use std::path::PathBuf;

use aws::decision_keys::SigningKeyIds;
use aws::secrets::PREVIOUS_ACCEPTED_SECONDS;
use intake::IntakeSettings;
use ipnet::IpNet;
use jiff::SignedDuration;
use settings::variables::{InvalidVariable, Variables};

use crate::authentication::Covered;

/// The variable with the ranges, and what it has to be.
const INTERNAL_CIDRS: &str = "INTERNAL_CIDRS";
const RANGES: &str =
    "address ranges such as 10.0.0.0/8, with no bit behind the mask and commas between them";

/// The configuration of ingress; `template.yaml` sets every variable.
#[derive(Debug, Clone)]
pub struct Config {
    pub intake: IntakeSettings,
    /// `REPAIRS_QUEUE_URL`.
    pub repairs_queue: String,
    /// `SIGNALS_QUEUE_URL`.
    pub signals_queue: String,
    /// `CONFIG_DIR`: where the operator's alert-tables.json and channels.json are.
    pub config_dir: PathBuf,
    /// `WEBHOOK_SECRET_ID`: the key of the HMAC signatures.
    pub webhook_secret: String,
    /// `ALERTMANAGER_SECRET_ID`: the bearer token and basic password of Alertmanager.
    pub alertmanager_secret: String,
    /// `CONTROL_TABLE_NAME`: the table with people's tokens.
    pub control_table: String,
    /// `TELEGRAM_WEBHOOK_SECRET_ID`: the token that Telegram sends with every update.
    pub telegram_secret: String,
    /// `SLACK_SIGNING_SECRET_ID`: the signing secret of the Slack app.
    pub slack_secret: String,
    /// `PAGERDUTY_WEBHOOK_SECRET_ID`: the secret of the webhook subscription at PagerDuty.
    pub pagerduty_secret: String,
    /// `PEOPLE_REPAIR_KEY_ID` and `PEOPLE_BRIDGE_KEY_ID`: with which people's decisions are signed.
    pub signing_keys: SigningKeyIds,
    /// `INTERNAL_CIDRS`: sources that may send Alertmanager deliveries without a credential.
    pub internal: Vec<IpNet>,
    /// `PREVIOUS_SECRET_ACCEPTED_SECONDS`: for how long after a rotation the version before is still accepted.
    pub previous_secret: SignedDuration,
    /// `ENVIRONMENT` is `dev`: alerts then pass where their secret has no value. Decisions never do.
    pub development: bool,
    /// `REQUIRE_SIGNATURE_TIMESTAMP` and `REQUIRE_SIGNED_ROUTE`: both unless the variable says `false`.
    pub signatures_cover: Covered,
}

impl Config {
    /// Reads the configuration.
    ///
    /// # Errors
    /// The first variable that is missing or not what it has to be.
    pub fn from_variables<F: Fn(&str) -> Option<String>>(
        variables: &Variables<F>,
    ) -> Result<Self, InvalidVariable> {
        let queue = "the URL of a queue";
        let secret = "the ARN or name of a secret";
        let environment = variables.required("ENVIRONMENT", "prod or dev")?;
        if !["prod", "dev"].contains(&environment.as_str()) {
            return Err(InvalidVariable::Unfit {
                name: "ENVIRONMENT",
                expected: "prod or dev",
            });
        }
        let previous_secret = variables.parsed(
            "PREVIOUS_SECRET_ACCEPTED_SECONDS",
            "a number of seconds",
            PREVIOUS_ACCEPTED_SECONDS,
        )?;
        Ok(Self {
            intake: IntakeSettings::from_variables(variables)?,
            repairs_queue: variables.required("REPAIRS_QUEUE_URL", queue)?,
            signals_queue: variables.required("SIGNALS_QUEUE_URL", queue)?,
            config_dir: variables
                .required("CONFIG_DIR", "the directory with alert-tables.json")?
                .into(),
            webhook_secret: variables.required("WEBHOOK_SECRET_ID", secret)?,
            alertmanager_secret: variables.required("ALERTMANAGER_SECRET_ID", secret)?,
            control_table: variables
                .required("CONTROL_TABLE_NAME", "the name of the control table")?,
            telegram_secret: variables.required("TELEGRAM_WEBHOOK_SECRET_ID", secret)?,
            slack_secret: variables.required("SLACK_SIGNING_SECRET_ID", secret)?,
            pagerduty_secret: variables.required("PAGERDUTY_WEBHOOK_SECRET_ID", secret)?,
            signing_keys: SigningKeyIds::from_variables(
                variables,
                ["PEOPLE_REPAIR_KEY_ID", "PEOPLE_BRIDGE_KEY_ID"],
            )?,
            internal: internal_ranges(variables)?,
            previous_secret: SignedDuration::from_secs(i64::from(previous_secret)),
            development: environment == "dev",
            signatures_cover: Covered {
                time: variables.parsed("REQUIRE_SIGNATURE_TIMESTAMP", "true or false", true)?,
                route: variables.parsed("REQUIRE_SIGNED_ROUTE", "true or false", true)?,
            },
        })
    }
}

/// `INTERNAL_CIDRS`, of ranges that can mean one thing only. Whoever is in one needs no credential: `10.1.2.3/8` could be meant to
/// be one address, and `010.0.0.0/8` could be octal.
///
/// # Errors
/// If one of them is something else.
pub fn internal_ranges<F: Fn(&str) -> Option<String>>(
    variables: &Variables<F>,
) -> Result<Vec<IpNet>, InvalidVariable> {
    let texts: Vec<String> = variables.list(INTERNAL_CIDRS, RANGES)?;
    let range = |text: &String| {
        let address = text.split('/').next()?.parse::<IpAddr>().ok()?;
        text.parse::<IpNet>()
            .ok()
            .filter(|range| range.network() == address)
    };
    texts
        .iter()
        .map(|text| {
            range(text).ok_or(InvalidVariable::Unfit {
                name: INTERNAL_CIDRS,
                expected: RANGES,
            })
        })
        .collect()
}
