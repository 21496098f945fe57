//! Metrics without an API call: log lines in CloudWatch's embedded metric format
//! (<https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>).

use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::OnceLock;

use jiff::Timestamp;
use serde::Serialize;

/// The namespace of the metrics where the template names none.
const NAMESPACE: &str = "Quell";
/// The namespace of the stack, so that the metrics of two stacks are not added up.
static OF_THE_STACK: OnceLock<String> = OnceLock::new();

/// Names the namespace of all lines from here on; the first one that is named holds.
pub(crate) fn use_namespace(name: String) {
    let _ = OF_THE_STACK.set(name);
}

/// A line being made: the fields so far, and the metrics among them, as JSON without the braces around them.
#[derive(Debug)]
pub struct MetricsLine {
    dimension: &'static str,
    metrics: String,
    fields: String,
}

impl MetricsLine {
    /// A line whose metrics have one field as their dimension. It must have few values: each of
    /// them creates metrics of its own.
    pub fn new(dimension: &'static str, value: &str) -> Self {
        let mut line = Self {
            dimension,
            metrics: String::with_capacity(256),
            fields: String::with_capacity(512),
        };
        line.field(dimension, value);
        line
    }

    /// Adds a metric; `unit` is one of CloudWatch's.
    pub fn metric(&mut self, name: &str, value: impl Serialize, unit: &str) {
        let comma = if self.metrics.is_empty() { "" } else { "," };
        let _ = write!(
            self.metrics,
            r#"{comma}{{"Name":"{name}","Unit":"{unit}"}}"#
        );
        self.field(name, value);
    }

    /// Adds a field that is no metric. Its name is one of ours; its value may be anything.
    pub fn field(&mut self, name: &str, value: impl Serialize) {
        if let Ok(json) = serde_json::to_string(&value) {
            let _ = write!(self.fields, r#","{name}":{json}"#);
        }
    }

    /// The line as JSON.
    pub fn to_json(&self, at: Timestamp) -> String {
        self.to_json_in(OF_THE_STACK.get().map_or(NAMESPACE, String::as_str), at)
    }

    fn to_json_in(&self, namespace: &str, at: Timestamp) -> String {
        let Self {
            dimension,
            metrics,
            fields,
        } = self;
        let at = at.as_millisecond();
        format!(
            r#"{{"_aws":{{"Timestamp":{at},"CloudWatchMetrics":[{{"Namespace":"{namespace}","Dimensions":[["{dimension}"]],"Metrics":[{metrics}]}}]}}{fields}}}"#
        )
    }

    /// Writes the line to standard output, from where Lambda takes it.
    pub fn write(&self, at: Timestamp) {
        let mut line = self.to_json(at);
        line.push('\n');
        // A log that cannot be written cannot be reported either.
        let _ = std::io::stdout().lock().write_all(line.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::MetricsLine;

    #[test]
    fn a_line_has_the_shape_of_the_embedded_format() {
        let mut line = MetricsLine::new("route", "webhooks/alerts");
        line.metric("joined", 1, "Count");
        line.field("request_id", "r-1\"\n");
        let at = Timestamp::from_millisecond(1_793_527_200_123).expect("a time");
        insta::assert_snapshot!(
            line.to_json_in("Quell/staging", at),
            @r#"{"_aws":{"Timestamp":1793527200123,"CloudWatchMetrics":[{"Namespace":"Quell/staging","Dimensions":[["route"]],"Metrics":[{"Name":"joined","Unit":"Count"}]}]},"route":"webhooks/alerts","joined":1,"request_id":"r-1\"\n"}"#
        );
    }
}
