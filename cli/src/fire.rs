//! `quell fire`: sends a test alert, signed as a sender signs it, and explains the answer.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use domain::primitives::safe_text::sanitize;
use ingress::authentication::{SIGNED, sign};
use jiff::Timestamp;
use outbound::client;
use reqwest::header::CONTENT_TYPE;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use crate::aws::Environment;
use crate::exit::{Answer, Failure};
use crate::http::{self, ANSWER_BYTES};
use crate::input;
use crate::secret::{self, SenderSecret};

#[derive(Debug, Args)]
pub(crate) struct Fire {
    /// The route: the stack's output AlertmanagerWebhookUrl (signed, or with a bearer token), or the same with `alerts` at its end (signed)
    #[arg(long, value_name = "URL")]
    url: String,
    #[command(flatten)]
    secret: SenderSecret,
    /// The file with the bearer token, for the route of Alertmanager
    #[arg(long, value_name = "FILE", conflicts_with_all = ["secret_file", "secret_id"])]
    bearer_file: Option<PathBuf>,
    /// The alert's name
    #[arg(
        long,
        value_name = "NAME",
        default_value = "QuellTest",
        conflicts_with = "file"
    )]
    alertname: String,
    /// A label of the alert, such as component=checkout or severity=warning
    #[arg(long = "label", value_name = "NAME=VALUE", value_parser = pair, conflicts_with = "file")]
    labels: Vec<(String, String)>,
    /// Say that it has ended
    #[arg(long, conflicts_with = "file")]
    resolved: bool,
    /// Send this body instead; `-` reads the standard input
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
}

pub(crate) fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("has to be NAME=VALUE")?;
    if name.is_empty() {
        Err("has no name before the =".to_owned())
    } else {
        Ok((name.to_owned(), value.to_owned()))
    }
}

impl Fire {
    pub(crate) async fn answer(
        self,
        variables: &Environment,
        out: &mut dyn Write,
    ) -> Result<Answer, Failure> {
        let now = Timestamp::now();
        let bytes = self.body(now)?;
        let mut request = client()?
            .post(&self.url)
            .header(CONTENT_TYPE, "application/json");
        match (&self.bearer_file, self.secret.read(variables).await?) {
            (Some(file), _) => {
                request = request.bearer_auth(secret::in_file(file)?.expose_secret())
            }
            (None, Some(secret)) => {
                for (name, value) in sign(SIGNED, &secret, &self.url, &bytes, now) {
                    request = request.header(name, value);
                }
            }
            (None, None) => {
                return Err(Failure::wrong(
                    "No secret given: pass --secret-file, --secret-id or --bearer-file.",
                ));
            }
        }
        let (status, told) = http::answered(request.body(bytes)).await?;
        writeln!(out, "{status}")?;
        let (text, means) = match serde_json::from_slice::<Value>(&told) {
            Ok(answer) => (format!("{answer:#}"), meaning(status.as_u16(), &answer)),
            Err(_) => (
                String::from_utf8_lossy(&told).into_owned(),
                meaning(status.as_u16(), &Value::Null),
            ),
        };
        writeln!(out, "{}\n=> {means}", sanitize(&text, ANSWER_BYTES))?;
        Ok(Answer::of(status.is_success()))
    }

    /// The body: a file's, or one alert in the shape that the route takes.
    fn body(&self, now: Timestamp) -> Result<Vec<u8>, Failure> {
        if let Some(file) = &self.file {
            return input::bytes(file);
        }
        let path = self.url.trim_end_matches('/');
        if path.ends_with("/webhooks/alertmanager") {
            Ok(self.for_alertmanager(now).to_string().into_bytes())
        } else if path.ends_with("/webhooks/alerts") {
            Ok(self.for_alerts(now).to_string().into_bytes())
        } else {
            let routes = "/api/v1/webhooks/alerts or /api/v1/webhooks/alertmanager";
            Err(Failure::wrong(format!(
                "--url has to end with {routes}; for another route give the body with --file"
            )))
        }
    }

    fn status(&self) -> &'static str {
        if self.resolved { "resolved" } else { "firing" }
    }

    fn label(&self, name: &str) -> Option<&str> {
        self.labels
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    fn for_alertmanager(&self, now: Timestamp) -> Value {
        let mut labels = json!({ "severity": "warning" });
        for (name, value) in &self.labels {
            labels[name] = json!(value);
        }
        labels["alertname"] = json!(self.alertname);
        let ends_at = if self.resolved {
            now.to_string()
        } else {
            "0001-01-01T00:00:00Z".to_owned()
        };
        json!({
            "version": "4", "receiver": "quell-fire", "status": self.status(), "truncatedAlerts": 0,
            "alerts": [{
                "status": self.status(), "labels": labels, "startsAt": now, "endsAt": ends_at,
                "annotations": { "summary": "A test alert, sent by hand with `quell fire`" },
            }],
        })
    }

    /// Each says when it was sent: the same request twice would be a replay.
    fn for_alerts(&self, now: Timestamp) -> Value {
        let mut labels = json!({ "alertname": self.alertname });
        for (name, value) in &self.labels {
            labels[name] = json!(value);
        }
        let target = ["component", "target", "instance", "pod"]
            .into_iter()
            .find_map(|name| self.label(name));
        json!({
            "alert_type": self.label("alert_type").unwrap_or("custom"), "severity": self.label("severity").unwrap_or("warning"),
            "source": "quell-fire", "target_resource": target.unwrap_or("quell-test"),
            "namespace": self.label("namespace").unwrap_or("default"),
            "message": format!("A test alert, sent by hand with `quell fire` at {now}"), "labels": labels, "status": self.status(),
        })
    }
}

/// What to do with an answer.
fn meaning(status: u16, answer: &Value) -> String {
    let one = answer
        .get("results")
        .and_then(|results| results.get(0))
        .unwrap_or(answer);
    let incident = one.get("incident_id").and_then(Value::as_str);
    match (status, incident) {
        (200..=299, Some(id)) => format!("counted in incident {id}: see its card, or run `quell verify-log {id} --table NAME`"),
        (200..=299, None) => "accepted".to_owned(),
        (401 | 403, _) => {
            "wrong secret or clock: compare --secret-id with the stack's output WebhookSecretArn, and this machine's time".to_owned()
        }
        (404, _) => "nothing is at this URL: take it from the stack's outputs".to_owned(),
        (400..=428 | 430..=499, _) => "change the body as the answer says: ingress refuses the same body again".to_owned(),
        (429 | 500..=599, _) => "temporary failure: send it again; the log of the ingress function says why".to_owned(),
        _ => "not an answer of Quell: check --url".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{meaning, pair};

    #[test]
    fn a_label_has_a_name_and_a_value() {
        let pair_of = |name: &str, value: &str| Ok((name.to_owned(), value.to_owned()));
        assert_eq!(pair("component=web"), pair_of("component", "web"));
        assert_eq!(pair("query=a=b"), pair_of("query", "a=b"));
        assert_eq!(pair("empty="), pair_of("empty", ""));
        for wrong in ["component", "=web", ""] {
            assert!(pair(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn every_class_of_answer_says_what_to_do() {
        let opened = json!({ "incident_id": "01ARZ3NDEKTSV4RRFFQ69G5FAV" });
        for (status, answer, says) in [
            (200, opened.clone(), "01ARZ3NDEKTSV4RRFFQ69G5FAV"),
            (
                200,
                json!({ "results": [opened] }),
                "01ARZ3NDEKTSV4RRFFQ69G5FAV",
            ),
            (200, json!({ "success": true }), "accepted"),
            (401, Value::Null, "secret"),
            (404, Value::Null, "outputs"),
            (400, Value::Null, "change the body"),
            (503, Value::Null, "again"),
            (302, Value::Null, "--url"),
        ] {
            assert!(
                meaning(status, &answer).contains(says),
                "{status}: {}",
                meaning(status, &answer)
            );
        }
    }
}
