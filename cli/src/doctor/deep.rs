//! A test alert through the whole stack, down to a step on a host that changes nothing, with the time of each hop.

use std::path::Path;
use std::time::Duration;

use aws::secrets::Secrets;
use domain::incident::Incident;
use domain::incident::approval::ApprovalState;
use domain::incident::operation_log::{Entry, Event};
use domain::primitives::id::IncidentId;
use ingress::authentication::{SIGNED, sign};
use jiff::{SignedDuration, Timestamp};
use playbook_files::operator_files::OperatorFiles;
use reqwest::Client;
use reqwest::header::CONTENT_TYPE;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use store::Store;

use crate::doctor::finding::Finding;
use crate::doctor::stack::Deployed;
use crate::exit::Failure;
use crate::http;

const CHECK: &str = "deep";
/// The alert, and the playbook that is for it.
pub(crate) const ALERT: &str = "QuellDoctor";
/// How long it is waited for the next hop.
const HOP: Duration = Duration::from_secs(120);
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// The playbook, and a service that it fits, as the documents have them.
const PLAYBOOK: &str = "put this playbook into playbooks.yaml and deploy: { id: quell-doctor, name: Wait ten seconds, match: { alertnames: [QuellDoctor] }, risk: low, steps: [{ run: [sleep, '10'], timeout: 30s }], verify: [{ run: ['true'] }] }";

/// The hops in their order: the entry that ends each, what it is called, and the function to look at where it does not come.
const HOPS: [(&[Event], &str, &str); 6] = [
    (&[Event::AlertReceived], "counted", "ingress"),
    (&[Event::AnalysisCompleted], "analysed", "analyzer"),
    (
        &[Event::AutoRepairTriggered, Event::ApprovalDecided],
        "decided",
        "ingress",
    ),
    (&[Event::StepStarted], "step begun", "repair"),
    (&[Event::StepFinished], "step of ten seconds done", "bridge"),
    (&[Event::VerificationFinished], "checked", "repair"),
];

/// What the test needs.
pub(crate) struct Deep<'a> {
    pub(crate) stack: &'a Deployed,
    pub(crate) files: &'a OperatorFiles,
    pub(crate) store: &'a Store,
    pub(crate) secrets: &'a Secrets,
    pub(crate) http: &'a Client,
    /// The service on whose host the step runs.
    pub(crate) service: &'a str,
    pub(crate) labels: &'a [(String, String)],
    /// The token of a person who may decide.
    pub(crate) token: Option<&'a SecretString>,
}

impl Deep<'_> {
    /// Sends the alert, decides if it may, and follows it to its end.
    ///
    /// # Errors
    /// If something that it needs cannot be had.
    pub(crate) async fn run(&self, config: &Path) -> Result<Vec<Finding>, Failure> {
        let fits = |playbook: &domain::playbook::Playbook| {
            playbook.matches.alertnames.iter().any(|name| name == ALERT)
        };
        if !self.files.playbooks.iter().any(fits) {
            let text = format!("{} has no playbook for the alert {ALERT}", config.display());
            return Ok(vec![Finding::unknown(CHECK, text, PLAYBOOK)]);
        }
        let sent = Timestamp::now();
        let id = match self.send("firing").await? {
            Ok(id) => id,
            Err(finding) => return Ok(vec![finding]),
        };
        let findings = self.follow(&id, sent).await?;
        // Whatever came of it, its alert is over.
        self.send("resolved").await?.ok();
        Ok(findings)
    }

    async fn send(&self, status: &str) -> Result<Result<IncidentId, Finding>, Failure> {
        let secret = self
            .secrets
            .get(self.stack.output("WebhookSecretArn"))
            .await?;
        let url = format!(
            "{}/api/v1/webhooks/alerts",
            self.stack.output("ApiUrl").trim_end_matches('/')
        );
        let now = Timestamp::now();
        let mut labels = json!({ "alertname": ALERT, "component": self.service });
        for (name, value) in self.labels {
            labels[name] = json!(value);
        }
        let body = json!({
            "alert_type": "custom", "severity": "warning", "source": "quell-doctor", "target_resource": self.service,
            "message": format!("A test of the whole way, sent by `quell doctor --deep` at {now}"), "labels": labels, "status": status,
        });
        let bytes = body.to_string().into_bytes();
        let mut request = self
            .http
            .post(&url)
            .header(CONTENT_TYPE, "application/json");
        for (name, value) in sign(SIGNED, &secret, &url, &bytes, now) {
            request = request.header(name, value);
        }
        let (answered, told) = http::answered(request.body(bytes)).await?;
        let told: Value = serde_json::from_slice(&told).unwrap_or(Value::Null);
        let id = told["incident_id"]
            .as_str()
            .and_then(|id| IncidentId::try_from(id).ok());
        Ok(id.ok_or_else(|| {
            let detail = told["detail"]
                .as_str()
                .unwrap_or("no incident in the answer");
            Finding::fault(
                CHECK,
                format!("the test alert was answered {answered}: {detail}"),
                "read the log of the ingress function",
            )
        }))
    }

    async fn follow(&self, id: &IncidentId, sent: Timestamp) -> Result<Vec<Finding>, Failure> {
        let mut findings = Vec::new();
        let mut before = sent;
        let mut asked = false;
        for (events, hop, function) in HOPS {
            let until = Timestamp::now() + SignedDuration::try_from(HOP).unwrap_or_default();
            let entry = loop {
                let log = self.store.log(id).await?;
                if let Some(entry) = log.iter().find(|entry| events.contains(&entry.event)) {
                    break entry.clone();
                }
                let incident = self.store.known_incident(id).await?;
                if let Some(finding) = ended(&incident, &log) {
                    findings.push(finding);
                    return Ok(findings);
                }
                if !asked && self.waits(&incident) {
                    asked = true;
                    findings.extend(self.approve(&incident).await?);
                }
                if Timestamp::now() > until {
                    let text = format!("it was not {hop} within {} s", HOP.as_secs());
                    let mend = format!("read the log of the {function} function for {id}");
                    findings.push(Finding::fault(CHECK, text, mend));
                    return Ok(findings);
                }
                tokio::time::sleep(LOOK_EVERY).await;
            };
            if let Some(error) = &entry.error {
                let text = format!("{hop}, and it failed: {error}");
                let mend = format!("see the card of {id}, and the log of the {function} function");
                findings.push(Finding::fault(CHECK, text, mend));
                return Ok(findings);
            }
            findings.push(Finding::ok(CHECK, timed(hop, before, entry.at)));
            before = entry.at;
        }
        findings.extend(self.told(id, sent).await?);
        Ok(findings)
    }

    /// When the first card was sent, on which nothing else waits.
    async fn told(&self, id: &IncidentId, sent: Timestamp) -> Result<Option<Finding>, Failure> {
        let log = self.store.log(id).await?;
        let card = log
            .iter()
            .find(|entry| entry.event.as_str().ends_with("_SENT"));
        Ok(Some(match card {
            Some(card) => Finding::ok(CHECK, timed(&card.detail, sent, card.at)),
            None => Finding::warning(
                CHECK,
                "no card was sent: nothing in the chat",
                "see whether a route of channels.json takes it, and read the log of the notifier function",
            ),
        }))
    }

    fn waits(&self, incident: &Incident) -> bool {
        let approval = incident.approval.as_ref();
        approval.is_some_and(|approval| approval.state == ApprovalState::Pending)
    }

    async fn approve(&self, incident: &Incident) -> Result<Option<Finding>, Failure> {
        let (Some(token), Some(approval)) = (self.token, &incident.approval) else {
            let text = format!("the plan of {} waits for a decision", incident.id);
            let mend = "press Approve on its card within two minutes, or give --token-file";
            return Ok(Some(Finding::unknown(CHECK, text, mend)));
        };
        let api = self.stack.output("ApiUrl").trim_end_matches('/');
        let url = format!("{api}/api/v1/approvals/{}/approve", approval.id);
        let request = self.http.post(url).bearer_auth(token.expose_secret());
        let (status, told) = http::answered(request).await?;
        if status.is_success() {
            return Ok(None);
        }
        let told: Value = serde_json::from_slice(&told).unwrap_or(Value::Null);
        let detail = told["detail"].as_str().unwrap_or_default();
        Ok(Some(Finding::fault(
            CHECK,
            format!("the decision was refused: {status} {detail}"),
            "give the token of a person whom an approval rule of channels.json names",
        )))
    }
}

/// Why no further hop comes.
fn ended(incident: &Incident, log: &[Entry]) -> Option<Finding> {
    let analysed = log
        .iter()
        .any(|entry| entry.event == Event::AnalysisCompleted);
    if analysed && incident.plan.is_none() {
        let why = incident.no_plan_because.as_ref().map(ToString::to_string);
        return Some(Finding::fault(
            CHECK,
            format!(
                "there is no plan: {}",
                why.as_deref().unwrap_or("no playbook fits")
            ),
            "name a service that the playbook quell-doctor fits, with --label for where it lives (cluster=…)",
        ));
    }
    let approval = incident.approval.as_ref()?;
    match &approval.state {
        ApprovalState::Void { why, .. } => Some(Finding::fault(
            CHECK,
            format!("the plan became void: {}", why),
            "mend what it names, and ask again",
        )),
        _ => None,
    }
}

fn timed(hop: &str, from: Timestamp, to: Timestamp) -> String {
    format!("{hop} after {:.1} s", to.duration_since(from).as_secs_f64())
}
