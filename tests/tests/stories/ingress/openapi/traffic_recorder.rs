//! Records requests of every kind and validates each answer against the document.

use std::collections::{BTreeMap, BTreeSet};

use domain::incident::{Incident, Status};
use jiff::Timestamp;
use lambda_http::http::Method;
use serde_json::{Value, json};
use tests::alert::TestAlert;
use tests::secrets::INGRESS_SECRETS;
use tests::stack::Stack;

use super::document::{Described, Document, Operation, content};
use super::traffic::{Answer, Call, NO_APPROVAL, fresh};

/// Sends requests, and holds each answer against the document.
pub(crate) struct TrafficRecorder<'a> {
    pub(super) stack: &'a Stack,
    pub(super) document: &'a Document,
    /// The answers that were given.
    pub(crate) seen: BTreeSet<Described>,
    /// The outcomes of alerts that were given.
    pub(crate) outcomes: BTreeSet<String>,
}

impl<'a> TrafficRecorder<'a> {
    pub(crate) fn new(stack: &'a Stack, document: &'a Document) -> Self {
        Self {
            stack,
            document,
            seen: BTreeSet::new(),
            outcomes: BTreeSet::new(),
        }
    }

    /// An answer of an operation is described, in full.
    pub(super) fn check(&mut self, operation: &Operation, answer: Answer) -> Answer {
        let Answer { status, body, .. } = &answer;
        let id = &operation.id;
        let response = self
            .document
            .response(operation, *status)
            .unwrap_or_else(|| panic!("{id}: {status} is not described: {body}"));
        self.fits(response, &answer);
        let problem = body["type"].as_str().map(ToOwned::to_owned);
        self.seen.insert((id.clone(), *status, problem));
        for result in body["results"]
            .as_array()
            .into_iter()
            .flatten()
            .chain([body])
        {
            self.outcomes
                .extend(result["outcome"].as_str().map(ToOwned::to_owned));
        }
        answer
    }

    /// The content type, the headers and the body are as a response of the document says.
    fn fits(&self, response: &Value, answer: &Answer) {
        let (kind, schema) = content(response);
        assert_eq!(answer.headers["content-type"], kind, "{answer:?}");
        let faults = self.document.faults(schema, &answer.body);
        assert!(faults.is_empty(), "{faults:#?} in {answer:#?}");
        for (name, header) in response["headers"].as_object().into_iter().flatten() {
            let given = answer
                .headers
                .get(name)
                .unwrap_or_else(|| panic!("the header {name} is missing: {answer:?}"));
            let faults = self.document.faults(
                &self.document.resolved(header)["schema"],
                &json!(given.to_str().expect("text")),
            );
            assert!(faults.is_empty(), "{name}: {faults:?}");
        }
    }

    /// Sends a call to the stack, and checks the answer and its status.
    pub(super) async fn send(&mut self, operation: &Operation, call: &Call, status: u16) -> Value {
        let answer = call.over_http(self.stack).await;
        let answer = self.check(operation, answer);
        assert_eq!(answer.status, status, "{}: {}", operation.id, answer.body);
        answer.body
    }

    /// Sends a body, let in, and checks that it is taken.
    pub(super) async fn take(&mut self, id: &str, body: &Value) -> Value {
        let operation = self.document.operation(id);
        let call = Call::of(self.document, self.stack, &operation, body.to_string());
        self.send(&operation, &call, 200).await
    }

    /// What every operation does in the same way.
    pub(crate) async fn in_common(&mut self, operation: &Operation) {
        let (document, stack) = (self.document, self.stack);
        let body = operation
            .example()
            .map(|example| fresh(&example).to_string())
            .unwrap_or_default();
        let good = Call::of(document, stack, operation, body.clone());
        let of_path = document
            .operations()
            .into_iter()
            .filter(|other| other.path == operation.path);
        let allowed: Vec<String> = of_path.map(|other| other.method.to_string()).collect();
        for method in [
            Method::GET,
            Method::POST,
            Method::PUT,
            Method::DELETE,
            Method::PATCH,
        ] {
            // The gateway gives what reads incidents to the console.
            let is_console_s = method == Method::GET && operation.path.contains("/incidents/");
            if !allowed.contains(&method.to_string()) && !is_console_s {
                let answer = Call {
                    method,
                    ..good.clone()
                }
                .over_http(stack)
                .await;
                assert_eq!(answer.headers["allow"], allowed.join(", "));
                self.check(operation, answer);
            }
        }
        if operation.ways_in().is_empty() {
            // The form's approval is not there.
            let status = if operation.takes_form() { 404 } else { 200 };
            self.send(operation, &good, status).await;
            return;
        }
        let nobody = Call {
            credentials: BTreeMap::new(),
            ..good.clone()
        };
        self.send(operation, &nobody, 401).await;
        let mut wrong = good.clone();
        wrong
            .credentials
            .values_mut()
            .for_each(|value| *value = "x".repeat(value.len()));
        self.send(operation, &wrong, 401).await;
        if operation.body().is_some() {
            self.send(
                operation,
                &Call::of(document, stack, operation, body[1..].to_owned()),
                400,
            )
            .await;
            let padded = format!("{}{body}", " ".repeat(5_500_001));
            self.send(
                operation,
                &Call::of(document, stack, operation, padded),
                413,
            )
            .await;
        }

        // Deployments in which the secrets were never put, and in which nothing behind ingress answers.
        let keys = ["PEOPLE_REPAIR_KEY_ID", "PEOPLE_BRIDGE_KEY_ID"];
        let secrets = INGRESS_SECRETS.into_iter().chain(keys);
        let never_put: Vec<_> = secrets.map(|name| (name, "no-such-secret")).collect();
        let bare = stack.ingress(&never_put);
        let queue = format!("{}/000000000000/no-such-queue", stack.facts.endpoint_url);
        let alone = stack.ingress(&[
            ("TABLE_NAME", "no-such-table"),
            ("CONTROL_TABLE_NAME", "no-such-table"),
            ("SIGNALS_QUEUE_URL", &queue),
        ]);
        for (app, problem) in [(bare, "no-secret"), (alone, "unavailable")] {
            // These take no secret but the person's own.
            let of_a_person = ["stop", "respond", "respondToGroup", "killSwitch"];
            if of_a_person.contains(&operation.id.as_str()) && problem == "no-secret" {
                continue;
            }
            let answer = self.check(operation, good.in_process(&app, Timestamp::now()).await);
            assert_eq!(answer.status, 503, "{}", operation.id);
            if answer.body.is_object() {
                assert_eq!(
                    answer.body["type"],
                    format!("urn:quell:problem:{problem}"),
                    "{}",
                    operation.id
                );
            }
        }
    }

    /// Telegram is told what to say, or nothing; PagerDuty what came of it.
    pub(crate) async fn presses(&mut self) {
        let telegram = self.document.operation("telegram");
        let press = telegram.example().expect("an example");
        let said = self.take("telegram", &press).await;
        assert_eq!(said["callback_query_id"], press["callback_query"]["id"]);
        let mut listed = press;
        listed["callback_query"]["from"]["id"] = json!(self.stack.facts.telegram.approver_id);
        assert_eq!(
            self.take("telegram", &listed).await["text"],
            "There is no approval with this id."
        );
        assert_eq!(
            self.take("telegram", &json!({ "update_id": 1 })).await,
            json!({})
        );
        let pagerduty = self.document.operation("pagerduty");
        let acknowledged = fresh(&pagerduty.example().expect("an example"));
        for message in ["There is no such incident.", "it was delivered before"] {
            let answer = self.take("pagerduty", &acknowledged).await;
            assert_eq!(
                (&answer["taken"], &answer["message"]),
                (&json!(false), &json!(message))
            );
        }
    }

    /// Slack's press is taken without a word, if its channel is known; a page is opened, and decides once.
    pub(crate) async fn links(&mut self) {
        let press = self
            .document
            .operation("slack")
            .example()
            .expect("an example");
        assert_eq!(self.take("slack", &press).await, "");
        let elsewhere = press.to_string().replace("C0123456789", "C9999999999");
        let slack = self.document.operation("slack");
        self.send(
            &slack,
            &Call::of(self.document, self.stack, &slack, elsewhere),
            403,
        )
        .await;

        let (_, incident) = self.waiting().await;
        let approval = approval(&incident);
        let page = self.document.operation("link");
        let opened = Call::of(self.document, self.stack, &page, String::new());
        self.send(&page, &opened.about(&approval), 200).await;
        let form = self.document.operation("linkUsed");
        for (about, token, verdict, status) in [
            (NO_APPROVAL, "ada", "", 404),
            (NO_APPROVAL, "eve", "", 403),
            (NO_APPROVAL, "nobody", "", 401),
            (approval.as_str(), "ada", "both", 400),
            (approval.as_str(), "ada", "", 200),
            (approval.as_str(), "ada", "reject", 200),
            (approval.as_str(), "bob", "approve", 409),
        ] {
            let token = self
                .stack
                .facts
                .tokens
                .get(token)
                .map_or("", String::as_str);
            let body = format!("token={token}&verdict={verdict}");
            let call = Call::of(self.document, self.stack, &form, body).about(about);
            self.send(&form, &call, status).await;
        }
        let broken = self
            .stack
            .ingress(&[("CONTROL_TABLE_NAME", "no-such-table")]);
        let call = Call::of(self.document, self.stack, &form, String::new());
        let answer = call.in_process(&broken, Timestamp::now()).await;
        assert_eq!(self.check(&form, answer).status, 503);
    }

    /// An alert about the service that has a playbook, and its incident once a plan waits for a decision.
    pub(super) async fn waiting(&mut self) -> (TestAlert, Incident) {
        let alert = TestAlert::firing(&self.stack.facts.target.service);
        let opened = self.take("alertmanager", &alert.delivery()).await;
        let id = opened["incident_id"]
            .as_str()
            .expect("an incident")
            .to_owned();
        let incident = self.stack.status(&id, Status::AwaitingApproval).await;
        // The card comes after the episode was told what the analysis says.
        self.stack.card(&id, "Waiting for a decision").await;
        (alert, incident)
    }

    /// A path that is not described has the answer that is described for all of them.
    pub(crate) async fn nothing_there(&mut self) {
        for path in [
            "/api/v1/webhooks/nothing",
            "/api/v1/approvals/1",
            "/api/v1/nothing",
        ] {
            let call = Call {
                method: Method::GET,
                path: path.to_owned(),
                credentials: BTreeMap::new(),
                body: String::new(),
            };
            let answer = call.over_http(self.stack).await;
            assert_eq!(answer.status, 404, "{path}");
            self.fits(
                &self.document.root["components"]["responses"]["NoRoute"],
                &answer,
            );
        }
    }
}

pub(super) fn approval(incident: &Incident) -> String {
    incident.approval.as_ref().expect("asked").id.to_string()
}
