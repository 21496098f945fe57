//! Scene of the analyzer: an operator's files that name the endpoint as Prometheus and SigNoz, and
//! the message of a new incident.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::{Failure, servers};

/// What the analyzer is started with.
#[derive(Debug)]
pub(crate) struct AnalyzerScene {
    config: PathBuf,
    roots: PathBuf,
    /// The batch with the message.
    pub(crate) event: String,
    /// The item of the incident.
    pub(crate) item: Value,
}

impl AnalyzerScene {
    /// Writes the files. No model is configured: the rest is what is measured.
    pub(crate) fn make(
        project: &Path,
        directory: &Path,
        url: &str,
        roots: &Path,
    ) -> Result<Self, Failure> {
        let config = directory.join("config");
        fs::create_dir_all(&config)?;
        for file in fs::read_dir(project.join("config"))? {
            let file = file?;
            // The directory with the templates is for the notifier.
            if file.path().is_dir() {
                continue;
            }
            fs::copy(file.path(), config.join(file.file_name()))?;
        }
        let evidence = json!({ "prometheus": { "url": url }, "signoz": { "url": url, "key_secret": "signoz" } });
        fs::write(
            config.join("analyzer.yaml"),
            json!({ "evidence": evidence }).to_string(),
        )?;
        let incident = servers::opened(&format!(
            "{url}/graph?g0.expr=up%7Bjob%3D%22checkout%22%7D+%3D%3D+0"
        ))?;
        let body = json!({ "v": 1, "type": "incident_opened", "incident_id": servers::INCIDENT })
            .to_string();
        let record = json!({
            "messageId": "7be5ed33-9c31-4c4f-ae40-9f3a2f3d1b55", "receiptHandle": "r", "body": body, "attributes": {}, "messageAttributes": {},
            "eventSource": "aws:sqs", "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:incidents", "awsRegion": "us-east-1",
        });
        let event = json!({ "Records": [record] }).to_string();
        Ok(Self {
            config,
            roots: roots.to_owned(),
            event,
            item: servers::item(&incident)?,
        })
    }

    /// The variables that it needs beside those that all have.
    pub(crate) fn variables(&self) -> Vec<(&'static str, String)> {
        vec![
            ("CONFIG_DIR", self.config.display().to_string()),
            // Evidence comes from servers that the system's roots certify; here it is the endpoint.
            ("SSL_CERT_FILE", self.roots.display().to_string()),
        ]
    }
}
