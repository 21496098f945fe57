//! Tests of a channel in Microsoft Teams, where no message can be edited: what people have to hear is
//! a message, and nothing else.

use domain::incident::operation_log::{Event, LogRecord};
use jiff::Timestamp;
use serde_json::json;
use tests::alert::{TestAlert, unique};
use tests::stack::Stack;
use tests::teams::{Teams, Workflow};
use wire::message::Message;

use super::own::{Own, secret};

/// A notifier that tells everything in Teams.
async fn in_teams<'a>(stack: &'a Stack, teams: &Teams) -> (Own<'a>, String) {
    let name = unique("teams");
    let place = json!({ "url_secret": secret(stack, &teams.url()).await, "private": true });
    let content = json!({
        "channels": [{ "name": name, "to": { "teams": place } }], "routes": [{ "channels": [name] }],
    });
    (Own::with(stack, &content).await, name)
}

#[tokio::test]
async fn what_people_have_to_hear_is_a_message_of_its_own() {
    let stack = Stack::start();
    let teams = Teams::start();
    let (own, name) = in_teams(&stack, &teams).await;
    let id = own.incident().await;
    own.changed(&id).await;
    let messages = teams.messages();
    assert_eq!(messages.len(), 1);
    assert!(messages[0].contains(id.as_str()), "{messages:?}");

    // A higher count is an edit elsewhere.
    let converged = Message::AlertsConverged {
        incident_id: id.clone(),
        hit_count: 8,
    };
    own.tell(&converged).await;
    own.later(60, &name).await;
    assert_eq!(teams.messages().len(), 1);

    let worse = LogRecord::new(Event::SeverityEscalated, "ingress", "it is worse");
    let record = stack.store.change(&id, |change| {
        change.record(Timestamp::now(), worse.clone());
    });
    record.await.expect("saved");
    own.changed(&id).await;
    let messages = teams.messages();
    assert_eq!(messages.len(), 2);
    assert!(
        messages[1].contains("worse") && messages[1].contains(id.as_str()),
        "{messages:?}"
    );

    own.resolve(&id).await;
    own.changed(&id).await;
    let messages = teams.messages();
    assert_eq!(messages.len(), 3, "the end is told, once");
    assert!(messages[2].contains("Resolved"), "{messages:?}");
    let log = stack.store.log(&id).await.expect("the log");
    let of = |event| log.iter().filter(|entry| entry.event == event).count();
    assert_eq!((of(Event::TeamsSent), of(Event::TeamsNoticeSent)), (1, 1));
}

#[tokio::test]
async fn a_decision_is_made_on_its_page() {
    let stack = Stack::start();
    let teams = Teams::start();
    let (own, _) = in_teams(&stack, &teams).await;
    let incident = stack
        .awaiting_approval(&TestAlert::firing(&stack.facts.target.service))
        .await;
    own.changed(&incident.id).await;
    let approval = incident.approval.expect("asked").id;
    let messages = teams.messages();
    let page = format!("{}/api/v1/approvals/{approval}/link", stack.facts.api_url);
    let (api, id) = (&stack.facts.api_url, &incident.id);
    let actions = format!(
        "[look at the plan and decide]({page})\n[open in the console]({api}/console/incidents/{id})"
    );
    assert!(messages[0].ends_with(&actions), "{messages:?}");
}

#[tokio::test]
async fn a_workflow_that_takes_nothing_gets_it_later() {
    let stack = Stack::start();
    let teams = Teams::start();
    let (own, name) = in_teams(&stack, &teams).await;
    teams.set(Workflow::Throttled);
    let id = own.incident().await;
    own.changed(&id).await;
    teams.set(Workflow::On);
    own.later(30, &name).await;
    assert_eq!(teams.messages().len(), 0, "it asked to wait for a minute");
    own.later(31, &name).await;
    assert_eq!(teams.messages().len(), 1);

    for workflow in [Workflow::Off, Workflow::Deleted] {
        teams.set(workflow);
        let before = teams.messages().len();
        let id = own.incident().await;
        own.changed(&id).await;
        let due = stack.store.due(&name, Timestamp::now()).await;
        let refused: Vec<u32> = due
            .expect("the outbox")
            .iter()
            .map(|due| due.refused)
            .collect();
        assert_eq!(refused, [1], "{workflow:?}: it waits for the operator");
        teams.set(Workflow::On);
        for _ in 0..2 {
            own.later(901, &name).await;
        }
        assert_eq!(teams.messages().len(), before + 1, "{workflow:?}");
    }
}
