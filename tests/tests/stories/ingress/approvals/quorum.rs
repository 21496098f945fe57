//! Tests of decisions that need two different people.

use domain::analysis::Risk;
use domain::incident::Status;
use domain::incident::approval::{ApprovalState, Vote};
use domain::incident::change::IncidentChange;
use domain::incident::operation_log::Event;
use domain::notification::channels::Identity;
use domain::playbook::plan::Plan;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use tests::alert::unique;
use tests::answer::assert_problem;
use tests::stack::Stack;

use super::{SECOND, all, press, refusals, say, waiting};

#[tokio::test]
async fn what_can_do_most_harm_needs_two_different_people() {
    let stack = Stack::start();
    let (_, incident) = waiting(&stack).await;
    let id = incident.id.as_str();
    let approval = incident.approval.as_ref().expect("asked").id.to_string();
    // No playbook of the stack is that risky: the plan is made riskier, and asked for anew.
    let worse = |change: &mut IncidentChange| {
        let plan = change.incident.plan.clone().expect("planned");
        let plan = Plan {
            risk: Risk::Critical,
            ..plan
        };
        change.propose(plan, Timestamp::now(), SignedDuration::from_hours(4));
    };
    let (incident, ()) = stack
        .store
        .change(&incident.id, worse)
        .await
        .expect("saved");
    assert_eq!(incident.approval.expect("asked").needed, 2);

    // One person with everything that one person can get hold of: their own account, other people's tokens.
    let (person, approve) = (
        stack.facts.telegram.approver_id,
        format!("approve:{approval}"),
    );
    let page = stack.url(&format!("approvals/{approval}/link"));
    let by_other_ways = async || {
        for name in ["ada", "bob"] {
            let token = &stack.facts.tokens[name];
            let (status, problem) = say(
                &stack,
                &approval,
                "approve",
                token,
                &json!({ "actor": name }),
            )
            .await;
            assert_problem("", (status, &problem), (403, "not-allowed"));
            let detail = problem["detail"].as_str().expect("a text");
            assert!(
                detail.contains("two different people")
                    && detail.contains("press the button on the card"),
                "{detail}"
            );
            let send = async |form: String| {
                let request = stack.http.post(&page).body(form);
                let response = request.send().await.expect("an answer");
                let status = response.status().as_u16();
                (status, response.text().await.expect("a page"))
            };
            let (status, shown) = send(format!("token={token}")).await;
            assert!(
                status == 200
                    && shown.contains("value=\"reject\"")
                    && !shown.contains("value=\"approve\""),
                "{status} {shown}"
            );
            let (status, told) = send(format!("token={token}&verdict=approve")).await;
            assert!(
                status == 403
                    && told.contains("Press the button on the card")
                    && !told.contains("<form"),
                "{status} {told}"
            );
        }
    };
    by_other_ways().await;
    let counts = "Your approval counts. One more person has to approve before anything runs.";
    assert_eq!(press(&stack, person, &unique("q"), &approve).await, counts);
    by_other_ways().await;
    assert_eq!(
        press(&stack, person, &unique("q"), &approve).await,
        counts,
        "twice is not two"
    );
    let log = stack.log_with(id, Event::ApprovalGiven).await;
    assert!(
        all(&log, Event::ApprovalDecided).is_empty() && all(&log, Event::StepStarted).is_empty(),
        "{log:#?}"
    );
    let refused: Vec<&str> = refusals(&log).into_iter().map(|(actor, _)| actor).collect();
    assert_eq!(
        refused,
        ["api:ada", "link:ada", "api:bob", "link:bob"].repeat(2),
        "each is in the log"
    );

    assert_eq!(
        press(&stack, SECOND, &unique("q"), &approve).await,
        "Approved: the repair starts in 10 seconds. Stop on the card keeps it from starting."
    );
    let repaired = stack.status(id, Status::Repaired).await;
    let people: Vec<String> = repaired
        .approval
        .expect("kept")
        .votes
        .into_iter()
        .map(|vote| vote.person)
        .collect();
    assert_eq!(people, ["oncall", "second"]);
}

#[tokio::test]
async fn a_vote_that_is_written_into_the_table_does_not_count() {
    let stack = Stack::start();
    let (_, incident) = waiting(&stack).await;
    let forge = |change: &mut IncidentChange| {
        let plan = change.incident.plan.clone().expect("planned");
        let plan = Plan {
            risk: Risk::Critical,
            ..plan
        };
        change.propose(plan, Timestamp::now(), SignedDuration::from_hours(4));
        let approval = change.incident.approval.as_mut().expect("asked");
        approval.votes.push(Vote {
            person: "second".to_owned(),
            by: Identity::Telegram(SECOND),
            at: Timestamp::now(),
            signature: None,
        });
    };
    let (incident, ()) = stack
        .store
        .change(&incident.id, forge)
        .await
        .expect("written");
    let approve = format!("approve:{}", incident.approval.expect("asked").id);
    let counts = "Your approval counts. One more person has to approve before anything runs.";
    let person = stack.facts.telegram.approver_id;
    assert_eq!(press(&stack, person, &unique("q"), &approve).await, counts);
    let approval = stack.read(&incident.id).await.approval.expect("asked");
    assert_eq!(
        (approval.given(), approval.state),
        (1, ApprovalState::Pending)
    );
}
