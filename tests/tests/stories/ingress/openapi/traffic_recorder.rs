//! Records requests of every kind and validates each answer against the document.

use std::collections::{BTreeMap, BTreeSet};

use domain::incident::{Incident, Status};
use jiff::{SignedDuration, Timestamp};
use lambda_http::http::Method;
use serde_json::{Value, json};
use tests::alert::{TestAlert, unique};
use tests::secrets::INGRESS_SECRETS;
use tests::stack::Stack;

use super::document::{Described, Document, Operation, content};
use super::traffic::{Answer, Call, NO_APPROVAL, ended, fresh};

/// Sends requests, and holds each answer against the document.
pub(crate) struct TrafficRecorder<'a> {
    stack: &'a Stack,
    document: &'a Document,
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
    fn check(&mut self, operation: &Operation, answer: Answer) -> Answer {
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
    async fn send(&mut self, operation: &Operation, call: &Call, status: u16) -> Value {
        let answer = call.over_http(self.stack).await;
        let answer = self.check(operation, answer);
        assert_eq!(answer.status, status, "{}: {}", operation.id, answer.body);
        answer.body
    }

    /// Sends a body, let in, and checks that it is taken.
    async fn take(&mut self, id: &str, body: &Value) -> Value {
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

    /// One alert through everything that can become of it, and deliveries without alerts.
    pub(crate) async fn deliveries(&mut self) {
        let mut alert = TestAlert::firing(unique("openapi"));
        let began = alert.starts_at;
        let later = |minutes| began + SignedDuration::from_mins(minutes);
        self.delivered(&alert, "opened").await;
        self.delivered(&alert, "joined").await;
        alert.severity = "critical";
        self.delivered(&alert, "escalated").await;
        let other = TestAlert {
            member: "77b1c2d3e4f50617",
            ..alert.clone()
        };
        self.delivered(&other, "joined").await;
        let mut one_ended = TestAlert {
            ends_at: Some(later(1)),
            ..other
        }
        .delivery();
        one_ended["status"] = json!("firing");
        assert_eq!(
            self.take("alertmanager", &one_ended).await["outcome"],
            "member_left"
        );
        let over = TestAlert {
            ends_at: Some(later(1)),
            ..alert.clone()
        };
        self.delivered(&over, "resolved").await;
        self.delivered(&over, "ignored").await;
        self.delivered(&alert, "late").await;
        self.delivered(
            &TestAlert {
                starts_at: later(2),
                ..alert
            },
            "reopened",
        )
        .await;

        let mut beside = TestAlert::firing(unique("beside")).delivery();
        let mut other = |name: &str| {
            let mut alert = beside["alerts"][0].clone();
            alert["labels"]["alertname"] = json!(name);
            beside["alerts"].as_array_mut().expect("a list").push(alert);
        };
        other("Watchdog");
        other("InfoInhibitor");
        beside["alerts"]
            .as_array_mut()
            .expect("a list")
            .push(json!({ "status": "on" }));
        let answer = self.take("alertmanager", &beside).await;
        for (at, outcome) in ["opened", "heartbeat", "noise", "refused"]
            .into_iter()
            .enumerate()
        {
            assert_eq!(answer["results"][at]["outcome"], outcome, "{answer}");
        }

        for id in ["alertmanager", "grafana", "grafanaPut"] {
            let delivery = fresh(&self.document.operation(id).example().expect("an example"));
            assert_eq!(self.take(id, &delivery).await["outcome"], "opened");
            let mut empty = delivery;
            empty["alerts"] = json!([]);
            empty["truncatedAlerts"] = json!(3);
            assert_eq!(self.take(id, &empty).await["truncated_alerts"], 3);
        }
    }

    /// A signed request that comes again.
    async fn repeated(&mut self, operation: &Operation, body: &Value) {
        let way = ["signature".to_owned(), "signatureTimestamp".to_owned()];
        let call = Call::by_way(self.document, self.stack, operation, &way, body.to_string());
        for outcome in ["opened", "repeated"] {
            let answer = self.send(operation, &call, 200).await;
            assert_eq!(answer["outcome"], outcome, "{answer}");
        }
    }

    async fn delivered(&mut self, alert: &TestAlert, outcome: &str) {
        let answer = self.take("alertmanager", &alert.delivery()).await;
        assert_eq!(answer["outcome"], outcome, "{answer}");
    }

    /// The two routes that take one alert; a signal also has to fit its queue.
    pub(crate) async fn single_alerts(&mut self) {
        let alerts = self.document.operation("alerts");
        let body = fresh(&alerts.example().expect("an example"));
        self.repeated(&alerts, &body).await;
        for id in ["alerts", "signals"] {
            let operation = self.document.operation(id);
            let body = fresh(&operation.example().expect("an example"));
            self.take(id, &body).await;
            self.take(id, &ended(&body)).await;
        }
        let signals = self.document.operation("signals");
        let mut large = fresh(&signals.example().expect("an example"));
        large["message"] = json!("x".repeat(300_000));
        self.send(
            &signals,
            &Call::of(self.document, self.stack, &signals, large.to_string()),
            413,
        )
        .await;
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

    /// One incident whose plan is rejected, one whose plan runs, and everything that gets in the way.
    pub(crate) async fn decisions(&mut self) {
        let (_, rejected) = self.waiting().await;
        let refused = approval(&rejected);
        let other_plan = format!("{}-0000000000000000", rejected.id);
        let in_a_week = Timestamp::now() + SignedDuration::from_hours(7 * 24);
        let app = self.stack.ingress(&[]);
        assert_eq!(
            self.decide("stop", &refused, "ada", 200).await["stopped"],
            "nothing"
        );
        for id in ["approve", "reject", "stop"] {
            self.decide(
                id,
                "01ARZ3NDEKTSV4RRFFQ69G5FAV-0000000000000000",
                "ada",
                404,
            )
            .await;
            self.decide(id, "not-an-id", "ada", 404).await;
            assert_eq!(
                self.decide(id, &other_plan, "ada", 409).await["type"],
                "urn:quell:problem:void"
            );
            assert_eq!(
                self.decide(id, &refused, "eve", 403).await["type"],
                "urn:quell:problem:not-allowed"
            );
            if id == "stop" {
                continue;
            }
            let operation = self.document.operation(id);
            let call =
                Call::of(self.document, self.stack, &operation, String::new()).about(&refused);
            let answer = self.check(&operation, call.in_process(&app, in_a_week).await);
            assert_eq!(answer.body["type"], "urn:quell:problem:expired");
        }
        assert_eq!(
            self.decide("reject", &refused, "ada", 200).await["status"],
            "rejected"
        );
        assert_eq!(
            self.decide("reject", &refused, "ada", 200).await["status"],
            "rejected"
        );
        for id in ["approve", "reject"] {
            assert_eq!(
                self.decide(id, &refused, "bob", 409).await["type"],
                "urn:quell:problem:already-decided"
            );
        }

        let (alert, approved) = self.waiting().await;
        // With the analysis there, an alert that joins is told what it said.
        let joined = self.take("alertmanager", &alert.delivery()).await;
        assert_eq!(joined["approval_id"], approval(&approved), "{joined}");
        assert!(
            joined["risk_level"].is_string() && joined["suggested_action"].is_string(),
            "{joined}"
        );
        self.decide("approve", &approval(&approved), "ada", 200)
            .await;
        self.stack
            .status(approved.id.as_str(), Status::Repaired)
            .await;
        assert_eq!(
            self.decide("approve", &approval(&approved), "ada", 200)
                .await["status"],
            "repaired"
        );
    }

    /// A responder's actions on an incident, and everything that gets in the way.
    pub(crate) async fn responses(&mut self) {
        let (_, incident) = self.waiting().await;
        let id = incident.id.as_str();
        let acknowledge = json!({ "action": "acknowledge" });
        for changed in [true, false] {
            let answer = self.respond(id, &acknowledge, "ada", 200).await;
            assert_eq!(
                (&answer["changed"], &answer["responder"]),
                (&json!(changed), &json!("ada"))
            );
        }
        for (id, actor, status) in [
            (id, "ada", 200),
            ("not-an-id", "ada", 404),
            (id, "eve", 403),
        ] {
            let of_group = "respondToGroup";
            self.act(of_group, id, &acknowledge, actor, status).await;
        }
        let snooze = json!({ "action": "snooze", "minutes": 0 });
        self.act("respondToGroup", id, &snooze, "ada", 409).await;
        for (id, body, actor, status) in [
            ("not-an-id", acknowledge.clone(), "ada", 404),
            (
                "01ARZ3NDEKTSV4RRFFQ69G5FAV",
                acknowledge.clone(),
                "ada",
                404,
            ),
            (id, acknowledge.clone(), "eve", 403),
            (
                id,
                json!({ "action": "assign", "to": "nobody" }),
                "ada",
                409,
            ),
            (id, json!({ "action": "assign", "to": "bob" }), "ada", 200),
            (id, json!({ "action": "note", "text": "seen" }), "bob", 200),
            (id, json!({ "action": "cause", "right": true }), "ada", 200),
            (
                id,
                json!({ "action": "close", "reason": "false_alarm" }),
                "ada",
                200,
            ),
            (id, acknowledge, "ada", 409),
            (id, json!({ "action": "reopen" }), "bob", 200),
        ] {
            self.respond(id, &body, actor, status).await;
        }
        let stored = self.stack.status(id, Status::NeedsHuman).await;
        assert_eq!(stored.responder(), None, "it begins again");
    }

    /// Who may administer and switch repairs off does so, and an operator switches them on again.
    pub(crate) async fn kill_switch(&mut self) {
        let operation = self.document.operation("killSwitch");
        let body = json!({ "why": "a test" }).to_string();
        let call = Call::of(self.document, self.stack, &operation, body);
        self.send(&operation, &call, 403).await;
        let token = &self.stack.facts.administrators["ada"];
        let call = call.by_bearer(token);
        let answer = self.send(&operation, &call, 200).await;
        assert_eq!(answer["by"], "ada (api:ada)");
        assert!(self.stack.control.killed().await.expect("read"));
        let on = self.stack.control.switch_repairs(None).await;
        on.expect("switched on");
    }

    async fn respond(&mut self, id: &str, body: &Value, actor: &str, status: u16) -> Value {
        self.act("respond", id, body, actor, status).await
    }

    async fn act(
        &mut self,
        operation: &str,
        id: &str,
        body: &Value,
        actor: &str,
        status: u16,
    ) -> Value {
        let operation = self.document.operation(operation);
        let call = Call::of(self.document, self.stack, &operation, body.to_string());
        let call = call.about(id).by_person(self.stack, actor);
        self.send(&operation, &call, status).await
    }

    async fn decide(&mut self, id: &str, approval: &str, actor: &str, status: u16) -> Value {
        let operation = self.document.operation(id);
        let call = Call::of(self.document, self.stack, &operation, String::new());
        let call = call.about(approval).by_person(self.stack, actor);
        self.send(&operation, &call, status).await
    }

    /// An alert about the service that has a playbook, and its incident once a plan waits for a decision.
    async fn waiting(&mut self) -> (TestAlert, Incident) {
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

fn approval(incident: &Incident) -> String {
    incident.approval.as_ref().expect("asked").id.to_string()
}
