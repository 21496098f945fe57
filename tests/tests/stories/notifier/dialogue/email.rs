//! Tests of e-mail: a thread for each incident, of messages that people have to hear.

use std::time::Duration;

use aws::signed::{SES_V2, SignedClient};
use domain::incident::operation_log::{Event, LogRecord};
use jiff::Timestamp;
use serde_json::{Value, json};
use tests::alert::{TestAlert, unique};
use tests::stack::Stack;

use super::own::Own;

/// A notifier that tells everything to two people, from an address that no other story has.
struct Mail<'a> {
    own: Own<'a>,
    stack: &'a Stack,
    from: String,
    channel: String,
}

impl<'a> Mail<'a> {
    async fn of(stack: &'a Stack) -> Self {
        let (from, channel) = (format!("{}@example.com", unique("quell")), unique("mail"));
        let place = json!({ "from": from, "to": ["ada@example.com", "bob@example.com"] });
        let content = json!({
            "channels": [{ "name": channel, "to": { "email": place } }], "routes": [{ "channels": [channel] }],
        });
        let own = Own::with(stack, &content).await;
        Self {
            own,
            stack,
            from,
            channel,
        }
    }

    /// Somebody verifies the sender's address in SES.
    async fn verify(&self) {
        let ses = SignedClient::new(&self.stack.environment(), &SES_V2, Duration::from_secs(10));
        let identity = json!({ "EmailIdentity": self.from });
        ses.call("/v2/email/identities", &identity.to_string())
            .await
            .expect("verified");
    }

    /// What SES has sent from this address.
    async fn sent(&self) -> Vec<Value> {
        let url = format!("{}/_ministack/ses/messages", self.stack.facts.endpoint_url);
        let answer = self.stack.http.get(url).send().await.expect("an answer");
        let all: Value = answer.json().await.expect("JSON");
        let of_accounts = all["messages"].as_object().expect("by account").values();
        let sent = of_accounts.filter_map(Value::as_array).flatten();
        sent.filter(|mail| {
            mail["Source"]
                .as_str()
                .is_some_and(|from| from.contains(&self.from))
        })
        .cloned()
        .collect()
    }
}

#[tokio::test]
async fn an_incident_is_a_thread_of_what_people_have_to_hear() {
    let stack = Stack::start();
    let mail = Mail::of(&stack).await;
    mail.verify().await;
    let id = mail.own.incident().await;
    mail.own.changed(&id).await;
    mail.own.changed(&id).await;
    let worse = LogRecord::new(Event::SeverityEscalated, "ingress", "it is worse");
    let record = stack.store.change(&id, |change| {
        change.record(Timestamp::now(), worse.clone());
    });
    record.await.expect("saved");
    mail.own.changed(&id).await;
    mail.own.resolve(&id).await;
    let sent = mail.sent().await;
    let subject = sent[0]["Subject"].as_str().expect("a subject").to_owned();
    assert!(subject.ends_with(id.as_str()), "{subject}");
    let subjects: Vec<&Value> = sent.iter().map(|mail| &mail["Subject"]).collect();
    let again = format!("Re: {subject}");
    assert_eq!(subjects, [&json!(subject), &json!(again), &json!(again)]);
    for (message, says) in sent.iter().zip(["P0", "worse", "Resolved"]) {
        assert_eq!(message["To"], json!(["ada@example.com", "bob@example.com"]));
        for body in ["BodyText", "BodyHtml"] {
            let text = message[body].as_str().expect("a text");
            assert!(text.contains(says) && text.contains(id.as_str()), "{text}");
        }
    }
    let log = stack.store.log(&id).await.expect("the log");
    let of = |event| log.iter().filter(|entry| entry.event == event).count();
    assert_eq!((of(Event::EmailSent), of(Event::EmailNoticeSent)), (1, 1));
}

#[tokio::test]
async fn an_email_has_the_addresses_of_decision_and_incident() {
    let stack = Stack::start();
    let mail = Mail::of(&stack).await;
    mail.verify().await;
    let incident = stack
        .awaiting_approval(&TestAlert::firing(&stack.facts.target.service))
        .await;
    mail.own.changed(&incident.id).await;
    let approval = incident.approval.expect("asked").id;
    let (api, id) = (&stack.facts.api_url, &incident.id);
    let pages = [
        format!("{api}/api/v1/approvals/{approval}/link"),
        format!("{api}/console/incidents/{id}"),
    ];
    let sent = mail.sent().await.remove(0);
    for body in ["BodyText", "BodyHtml"] {
        let text = sent[body].as_str().expect("a text");
        for page in &pages {
            assert!(text.contains(page), "{page}: {text}");
        }
    }
}

#[tokio::test]
async fn nothing_is_lost_until_the_address_is_verified() {
    let stack = Stack::start();
    let mail = Mail::of(&stack).await;
    let id = mail.own.incident().await;
    mail.own.changed(&id).await;
    let due = stack.store.due(&mail.channel, Timestamp::now()).await;
    let refused: Vec<u32> = due
        .expect("the outbox")
        .iter()
        .map(|due| due.refused)
        .collect();
    assert_eq!((refused, mail.sent().await.len()), (vec![1], 0));
    mail.verify().await;
    mail.own.later(901, &mail.channel).await;
    let sent = mail.sent().await;
    assert_eq!(sent.len(), 1);
    let text = sent[0]["BodyText"].as_str().expect("a text");
    assert!(text.contains(id.as_str()), "{text}");
}
