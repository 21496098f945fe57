//! Metrics without a call: a log line in CloudWatch's embedded metric format
//! (<https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>).

use std::io::Write as _;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// Under which namespace the metrics stand.
const NAMESPACE: &str = "Quell";

/// A line being made.
#[derive(Debug)]
pub struct MetricsLine {
    dimension: &'static str,
    metrics: Vec<Value>,
    fields: Map<String, Value>,
}

impl MetricsLine {
    /// A line whose metrics are told apart by one field. Its values must be few: each makes metrics of its own.
    #[must_use]
    pub fn new(dimension: &'static str, value: &str) -> Self {
        let fields = Map::from_iter([(dimension.to_owned(), Value::from(value))]);
        Self { dimension, metrics: Vec::new(), fields }
    }

    /// Adds a metric; `unit` is one of CloudWatch's.
    pub fn metric(&mut self, name: &str, value: impl Into<Value>, unit: &str) {
        self.metrics.push(json!({ "Name": name, "Unit": unit }));
        self.field(name, value);
    }

    /// Adds a field that is no metric.
    pub fn field(&mut self, name: &str, value: impl Into<Value>) {
        self.fields.insert(name.to_owned(), value.into());
    }

    /// The line as JSON.
    #[must_use]
    pub fn to_json(mut self, at: Timestamp) -> String {
        let directive = json!({ "Namespace": NAMESPACE, "Dimensions": [[self.dimension]], "Metrics": self.metrics });
        self.field("_aws", json!({ "Timestamp": at.as_millisecond(), "CloudWatchMetrics": [directive] }));
        Value::Object(self.fields).to_string()
    }

    /// Writes the line to standard output, from where Lambda takes it.
    pub fn write(self, at: Timestamp) {
        // Nobody is there to be told that the log is gone.
        let _ = writeln!(std::io::stdout().lock(), "{}", self.to_json(at));
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
        line.field("request_id", "r-1");
        let at = Timestamp::from_millisecond(1_793_527_200_123).expect("a time");
        insta::assert_snapshot!(
            line.to_json(at),
            @r#"{"_aws":{"CloudWatchMetrics":[{"Dimensions":[["route"]],"Metrics":[{"Name":"joined","Unit":"Count"}],"Namespace":"Quell"}],"Timestamp":1793527200123},"joined":1,"request_id":"r-1","route":"webhooks/alerts"}"#
        );
    }
}
