//! Deliveries of alerts: everything that can become of one, and the routes that take one alert.

use jiff::SignedDuration;
use serde_json::{Value, json};
use tests::alert::{TestAlert, unique};

use super::document::Operation;
use super::traffic::{Call, ended, fresh};
use super::traffic_recorder::TrafficRecorder;

impl TrafficRecorder<'_> {
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
}
