//! The price list and what follows from it. Prices of us-east-1 in dollars, first tier, without the free tier, as AWS's
//! pricing pages had them in 2025: check them there before a bill depends on them.
//!
//! - <https://aws.amazon.com/lambda/pricing/>
//! - <https://aws.amazon.com/api-gateway/pricing/>
//! - <https://aws.amazon.com/dynamodb/pricing/on-demand/>
//! - <https://aws.amazon.com/cloudwatch/pricing/>

use serde_json::{Value, json};

/// Lambda on arm64, for each gigabyte-second.
const LAMBDA_GB_SECOND: f64 = 0.000_013_333_4;
/// Lambda, for a million invocations.
const LAMBDA_REQUESTS: f64 = 0.20;
/// An HTTP API, for a million requests of up to 512 KB.
const HTTP_API_REQUESTS: f64 = 1.00;
/// DynamoDB on demand, for a million write units. A transaction takes two for each kilobyte.
const WRITE_UNITS: f64 = 0.625;
/// SQS standard, for a million requests.
const SQS_REQUESTS: f64 = 0.40;
/// CloudWatch Logs, for a gigabyte taken in.
const LOG_GB: f64 = 0.50;

/// `MemorySize` of the functions in `template.yaml`, in GB.
const MEMORY_GB: f64 = 0.25;
/// At this much memory Lambda gives one whole CPU; below it a share (<https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html>).
const MEMORY_OF_ONE_CPU_GB: f64 = 1769.0 / 1024.0;
/// Assumed, not measured: how long AWS takes to answer a write of DynamoDB, a transaction, and SQS, in milliseconds.
const WAIT_MS: [(&str, f64); 3] = [("UpdateItem", 4.0), ("TransactWriteItems", 10.0), ("SendMessage", 8.0)];

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

/// Dollars for a million of these alerts, each in a request of its own, by service. Only what ingress itself spends.
pub(crate) fn million(alert: &Alert<'_>) -> Value {
    let waited: f64 = alert.operations.iter().filter_map(|name| WAIT_MS.iter().find(|(known, _)| known == name)).map(|(_, ms)| ms).sum();
    // Lambda bills started milliseconds; with a share of a CPU the work takes longer by as much.
    let billed_ms = (waited + alert.cpu_ms * MEMORY_OF_ONE_CPU_GB / MEMORY_GB).ceil();
    let messages = alert.operations.iter().filter(|name| **name == "SendMessage").count() as f64;
    let duration = billed_ms * 1e3 * MEMORY_GB * LAMBDA_GB_SECOND;
    let logs = alert.log_bytes * 1e6 / f64::from(1 << 30) * LOG_GB;
    let parts = [
        ("http_api", HTTP_API_REQUESTS),
        ("lambda_requests", LAMBDA_REQUESTS),
        ("lambda_duration", duration),
        ("dynamodb", alert.write_units * WRITE_UNITS),
        ("sqs", messages * SQS_REQUESTS),
        ("logs", logs),
    ];
    let total: f64 = parts.iter().map(|(_, dollars)| dollars).sum();
    let mut value = json!({ "billed_ms": billed_ms, "total": round(total) });
    for (name, dollars) in parts {
        value[name] = json!(round(dollars));
    }
    value
}

fn round(dollars: f64) -> f64 {
    (dollars * 1e4).round() / 1e4
}
