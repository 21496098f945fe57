//! Price formula of a million alerts. The prices come from a file, `bench/prices.json` unless the
//! arguments name another.

use std::path::Path;

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::Failure;

/// `MemorySize` of the functions in `template.yaml`, in GB.
const MEMORY_GB: f64 = 0.25;
/// At this much memory Lambda gives one whole CPU; below it a share
/// (<https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html>).
const MEMORY_OF_ONE_CPU_GB: f64 = 1769.0 / 1024.0;
/// Assumed, not measured: how long AWS takes to answer a write of DynamoDB, a transaction, and SQS, in milliseconds.
const WAIT_MS: [(&str, f64); 3] = [
    ("UpdateItem", 4.0),
    ("TransactWriteItems", 10.0),
    ("SendMessage", 8.0),
];

/// A price list: what the formula takes, and where and when it was so.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PriceList {
    /// The region of AWS.
    pub(crate) region: String,
    /// Lambda's architecture, on which the price of its time depends.
    pub(crate) architecture: String,
    /// The day on which somebody last compared the list with what is public.
    pub(crate) checked: String,
    prices: Prices,
    /// What a month in which nothing happens costs: `make price` adds it up.
    #[serde(default, skip_serializing)]
    #[expect(
        dead_code,
        reason = "it is another program's, and the file has no unknown fields"
    )]
    months: IgnoredAny,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Prices {
    lambda_gb_second: Price,
    lambda_gb_second_x86_64: Price,
    lambda_request: Price,
    http_api_request: Price,
    dynamodb_write_unit: Price,
    dynamodb_read_unit: Price,
    sqs_request: Price,
    secret_request: Price,
    log_gb: Price,
    metric_month: Price,
}

/// So many dollars for so many units.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Price {
    #[serde(deserialize_with = "dollars")]
    dollars: f64,
    #[serde(deserialize_with = "count")]
    per: f64,
    unit: String,
    source: String,
    /// Where it was seen on the day of the check.
    checked_against: String,
}

impl Price {
    fn of(&self, units: f64) -> f64 {
        units * self.dollars / self.per
    }
}

fn dollars<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    let dollars = f64::deserialize(deserializer)?;
    if dollars >= 0.0 {
        Ok(dollars)
    } else {
        Err(serde::de::Error::custom(format!(
            "{dollars} is no price: give dollars, 0 or more"
        )))
    }
}

fn count<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    let count = f64::deserialize(deserializer)?;
    if count > 0.0 {
        Ok(count)
    } else {
        Err(serde::de::Error::custom(format!(
            "{count} is no number of units: give more than 0"
        )))
    }
}

impl PriceList {
    /// Reads a price list.
    pub(crate) fn read(file: &Path) -> Result<Self, Failure> {
        let text = std::fs::read_to_string(file).map_err(|error| {
            format!("the prices cannot be read from {}: {error}", file.display())
        })?;
        Self::parse(&text).map_err(|error| format!("{}: {error}", file.display()).into())
    }

    fn parse(text: &str) -> Result<Self, String> {
        let mut deserializer = serde_json::Deserializer::from_str(text);
        serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
            format!(
                "{}: {} (bench/prices.json shows the form)",
                error.path(),
                error.inner()
            )
        })
    }

    /// Dollars for a million of these alerts, each in a request of its own, by service. Only what ingress itself spends.
    pub(crate) fn million(&self, alert: &Alert<'_>) -> Value {
        let prices = &self.prices;
        let wait = |name| {
            WAIT_MS
                .iter()
                .find(|(known, _)| *known == name)
                .map_or(0.0, |(_, ms)| *ms)
        };
        let waited: f64 = alert.operations.iter().map(|name| wait(*name)).sum();
        // Lambda bills started milliseconds; with a share of a CPU the work takes longer by as much.
        let billed_ms = (waited + alert.cpu_ms * MEMORY_OF_ONE_CPU_GB / MEMORY_GB).ceil();
        let messages = alert
            .operations
            .iter()
            .filter(|name| **name == "SendMessage")
            .count() as f64;
        let million = 1e6;
        let parts = [
            ("http_api", prices.http_api_request.of(million)),
            ("lambda_requests", prices.lambda_request.of(million)),
            (
                "lambda_duration",
                prices
                    .lambda_gb_second
                    .of(million * billed_ms / 1e3 * MEMORY_GB),
            ),
            (
                "dynamodb",
                prices.dynamodb_write_unit.of(million * alert.write_units),
            ),
            ("sqs", prices.sqs_request.of(million * messages)),
            (
                "logs",
                prices
                    .log_gb
                    .of(million * alert.log_bytes / f64::from(1 << 30)),
            ),
        ];
        let total: f64 = parts.iter().map(|(_, dollars)| dollars).sum();
        let mut value = json!({ "billed_ms": billed_ms, "total": round(total) });
        for (name, dollars) in parts {
            value[name] = json!(round(dollars));
        }
        value
    }
}

/// What a warm alert takes.
#[derive(Debug)]
pub(crate) struct Alert<'a> {
    /// Its CPU time, in milliseconds.
    pub(crate) cpu_ms: f64,
    /// Its requests to AWS.
    pub(crate) operations: &'a [&'a str],
    /// Its units of writes.
    pub(crate) write_units: f64,
    /// The bytes that it logs.
    pub(crate) log_bytes: f64,
}

fn round(dollars: f64) -> f64 {
    (dollars * 1e4).round() / 1e4
}

#[cfg(test)]
mod tests {
    use super::{Alert, PriceList};

    const COMMITTED: &str = include_str!("../prices.json");

    #[test]
    fn a_million_alerts_by_service() {
        let prices = PriceList::parse(COMMITTED).expect("the committed list is well-formed");
        let alert = Alert {
            cpu_ms: 0.5,
            operations: &["TransactWriteItems", "SendMessage"],
            write_units: 11.0,
            log_bytes: 1_073.741_824,
        };
        let dollars = prices.million(&alert);
        // 10 + 8 ms of waiting, and half a millisecond at 256 of 1769 MB.
        assert_eq!(dollars["billed_ms"], 22.0);
        assert_eq!(dollars["lambda_duration"], 0.0733);
        assert_eq!(
            [
                &dollars["http_api"],
                &dollars["lambda_requests"],
                &dollars["sqs"],
                &dollars["logs"]
            ],
            [1.0, 0.2, 0.4, 0.5]
        );
        assert_eq!(dollars["dynamodb"], 6.875);
        assert_eq!(dollars["total"], 9.0483);
    }

    #[test]
    fn a_wrong_list_names_the_field() {
        let refused = |from: &str, to: &str| {
            let text = COMMITTED.replacen(from, to, 1);
            assert_ne!(text, COMMITTED, "{from} is in the list");
            PriceList::parse(&text).expect_err(to)
        };
        assert!(
            refused(r#""dollars": 0.20"#, r#""dollars": -1"#)
                .starts_with("prices.lambda_request.dollars: -1 is no price")
        );
        assert!(
            refused(r#""dollars": 0.20"#, r#""dollars": "a fifth""#)
                .starts_with("prices.lambda_request.dollars: invalid type")
        );
        assert!(
            refused(r#""per": 1000000"#, r#""per": 0"#)
                .starts_with("prices.lambda_request.per: 0 is no number of units")
        );
        assert!(refused(r#""region""#, r#""religion""#).contains("unknown field `religion`"));
        assert!(
            refused(r#""sqs_request""#, r#""sqs""#).starts_with("prices.sqs: unknown field `sqs`")
        );
    }
}
