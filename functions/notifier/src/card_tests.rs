//! Cards of incidents in every state.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use shared::domain::alert::{Alert, AlertStatus, Texts};
use shared::domain::analysis::Risk;
use shared::domain::approval::Verdict;
use shared::domain::decision::decide;
use shared::domain::draft::Draft;
use shared::domain::episode::Firing;
use shared::domain::fingerprint::fingerprint;
use shared::domain::id::{IncidentId, MemberId};
use shared::domain::plan::{Plan, PlannedStep};

use super::render;

fn incident(target: &str, message: &str) -> Draft {
    let labels = Texts::from([("alertname".into(), "TargetDown".into()), ("component".into(), target.into())]);
    let annotations = Texts::from([("summary".into(), message.into())]);
    let member = MemberId::try_from("m1").expect("a member id");
    let alert = Alert::from_labels(AlertStatus::Firing, "alertmanager", labels, annotations, Timestamp::UNIX_EPOCH, member);
    let id = IncidentId::try_from("01ARZ3NDEKTSV4RRFFQ69G5FAV").expect("a ULID");
    let fingerprint = fingerprint(&alert, &[]);
    let firing = Firing::of(&alert);
    Draft::open(id, fingerprint, alert, &firing, Timestamp::UNIX_EPOCH)
}

fn plan(argv: Vec<String>) -> Plan {
    let step = PlannedStep { argv, timeout_seconds: 60, retries: 0, every_seconds: 0 };
    Plan {
        playbook: "restart".into(),
        playbook_name: "Restart a program".into(),
        risk: Risk::Low,
        target: "web".into(),
        address: "ssh a@b:22 key".into(),
        parameters: BTreeMap::new(),
        steps: vec![step.clone(); 6],
        verify: vec![step],
        rollback: vec![],
        round: 1,
        reasons: vec![],
    }
}

#[test]
fn a_card_that_waits_shows_the_exact_steps_and_has_buttons_that_fit() {
    let mut draft = incident("web", "5 < 6 & <b>bold</b>");
    draft.propose(plan(vec!["restart".into(), "<web>".into()]), Timestamp::UNIX_EPOCH, SignedDuration::from_hours(1));
    let card = render(&draft.incident);
    assert!(card.html.contains("5 &lt; 6 &amp; &lt;b&gt;bold&lt;/b&gt;"));
    assert!(card.html.contains("run <code>restart &lt;web&gt;</code>") && card.html.contains("run and 2 more"));
    assert_eq!(card.buttons.len(), 2);
    assert!(card.buttons.iter().all(|button| button.data.len() <= 64));
}

#[test]
fn the_buttons_go_with_the_decision_and_the_card_names_the_person() {
    let now = Timestamp::UNIX_EPOCH;
    let mut draft = incident("web", "down");
    draft.propose(plan(vec!["restart".into()]), now, SignedDuration::from_hours(1));
    let id = draft.incident.approval.as_ref().expect("asked").id.clone();
    decide(&mut draft, &id, Verdict::Approve, "telegram:7", now).expect("pending");
    let card = render(&draft.incident);
    assert!(card.buttons.is_empty());
    assert!(card.html.contains("Approved by telegram:7 at 1970-01-01T00:00:00Z"), "{}", card.html);
    draft.resolved(5, now);
    assert!(render(&draft.incident).html.contains("<b>[x5]</b>"));
}

#[test]
fn the_longest_and_most_hostile_texts_still_make_a_message_that_telegram_takes() {
    for text in ["<".repeat(10_000), "🔥".repeat(10_000), "a\u{0}\u{202e}\r\n".repeat(3_000)] {
        let mut draft = incident(&text, &text);
        draft.incident.no_plan_because = Some(text.clone());
        draft.propose(plan(vec![text.clone(); 50]), Timestamp::UNIX_EPOCH, SignedDuration::from_hours(1));
        let html = render(&draft.incident).html;
        // Telegram counts after entity parsing: an escape is one character.
        let shown = html.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
        assert!(shown.chars().count() <= 4_096, "{}", shown.chars().count());
        assert_eq!(html.matches("<code>").count(), html.matches("</code>").count());
        assert!(!html.contains('\u{0}'));
    }
}
