//! Tests of a responder's actions from the console's pages on the deployed stack, with a session and a page's one-time token.

use domain::primitives::id::IncidentId;
use reqwest::StatusCode;
use serde_json::{Value, json};
use tests::responding::{ASSIGNED, Act, Row, WHY, Way, try_everything};
use tests::stack::Stack;
use tests::visitor::{Visitor, is_session};

/// The page of an incident, read by Ada, and what its form sent last.
struct Page<'a> {
    visitor: Visitor<'a>,
    last: (String, Value, String),
}

impl Page<'_> {
    /// Reads the page of an incident, which has to have the form of an action, and gives its one-time token.
    async fn with_form(&self, act: Act, about: &IncidentId) -> String {
        let path = format!("console/incidents/{about}");
        let page = self.visitor.reads(&path).await;
        let form = match act {
            Act::Acknowledge => "acknowledge",
            Act::Assign => "assign",
            Act::Note => "note",
            Act::Snooze => "snooze",
            Act::CauseWrong => "cause-wrong",
            Act::CauseRight => "cause-right",
            Act::FixedByHand | Act::FalseAlarm | Act::Duplicate => "close",
            Act::Reopen => "reopen",
        };
        let to = format!("api/v1/incidents/{about}/respond\"");
        let form = format!("<form id=\"{form}\" data-act action=\"");
        let rest = page.split_once(&form).map(|(_, rest)| rest);
        let action = rest.and_then(|rest| rest.split('>').next());
        assert!(
            action.is_some_and(|action| action.contains(&to)),
            "{act:?}: {page}"
        );
        for choice in [
            format!("<option>{ASSIGNED}</option>"),
            "<option value=\"fixed_by_hand\">".to_owned(),
            "<option value=\"false_alarm\">".to_owned(),
            "<option value=\"duplicate\">".to_owned(),
        ] {
            assert!(act == Act::Reopen || page.contains(&choice), "{choice}");
        }
        self.visitor.one_time(&path).await
    }

    async fn sends(&self) -> (StatusCode, Value) {
        let (path, body, one_time) = &self.last;
        self.visitor.acts(path, body, one_time).await
    }
}

impl Way for Page<'_> {
    fn person(&self) -> &'static str {
        "ada"
    }

    fn actor(&self) -> String {
        "api:ada".to_owned()
    }

    async fn acts(&mut self, row: &Row, about: &IncidentId, other: &IncidentId) {
        let one_time = self.with_form(row.act, about).await;
        let path = format!("incidents/{about}/respond");
        self.last = (path, row.act.body(other), one_time);
        let (status, answer) = self.sends().await;
        assert_eq!(
            (status, &answer["changed"]),
            (StatusCode::OK, &json!(true)),
            "{answer}"
        );
    }

    async fn acts_on_group(&mut self, act: Act, about: &IncidentId) {
        let one_time = self.with_form(act, about).await;
        let page = self
            .visitor
            .reads(&format!("console/incidents/{about}"))
            .await;
        assert!(page.contains("id=\"whole-group\""), "{page}");
        let path = format!("incidents/{about}/group/respond");
        self.last = (path, act.body(about), one_time);
        let (status, answer) = self.sends().await;
        assert_eq!(
            (status, &answer["changed"]),
            (StatusCode::OK, &json!(2)),
            "{answer}"
        );
    }

    /// No page offers it, and a session adds nothing to what its token may.
    async fn stops_repairs(&mut self) -> Option<String> {
        let one_time = self.visitor.one_time("console").await;
        let body = json!({ "action": "stop_repairs", "why": WHY });
        for (path, expected) in [
            (
                "incidents/01ARZ3NDEKTSV4RRFFQ69G5FAV/respond",
                StatusCode::BAD_REQUEST,
            ),
            ("kill-switch", StatusCode::FORBIDDEN),
        ] {
            self.last = (path.to_owned(), body.clone(), one_time.clone());
            let (status, answer) = self.sends().await;
            assert_eq!(status, expected, "{answer}");
        }
        None
    }

    async fn again(&mut self) {
        let (status, answer) = self.sends().await;
        let is_same = answer["changed"] == false || answer["changed"] == 0;
        assert!(status == StatusCode::OK && is_same, "{answer}");
    }
}

#[tokio::test]
async fn a_session_does_all_that_a_responder_does() {
    let stack = Stack::start();
    let mut visitor = Visitor::new(&stack);
    visitor.signs_in(&stack.facts.tokens["ada"]).await;
    assert!(visitor.cookie().is_some_and(is_session));
    let last = (String::new(), Value::Null, String::new());
    let mut page = Page { visitor, last };
    try_everything(&stack, &mut page, false).await;
}
