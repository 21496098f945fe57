//! People's requests: decisions on plans, responders' actions, the kill switch, and everything that gets in their way.

use domain::incident::Status;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::traffic::Call;
use super::traffic_recorder::{TrafficRecorder, approval};

impl TrafficRecorder<'_> {
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
}
