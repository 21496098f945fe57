//! Cards of incidents in every state.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use shared::domain::alert::{AlertStatus, Texts};
use shared::domain::analysis::{Analysis, Risk};
use shared::domain::approval::Verdict;
use shared::domain::channels::Known;
use shared::domain::decision::{Pressed, decide};
use shared::domain::draft::Draft;
use shared::domain::episode::Firing;
use shared::domain::evidence::{Evidence, Found, Measurement, Source};
use shared::domain::fingerprint::fingerprint;
use shared::domain::guardrail::{Guardrail, Outcome};
use shared::domain::id::{IncidentId, MemberId};
use shared::domain::plan::{Plan, PlannedStep};
use shared::domain::storm::{Storm, Tied};
use shared::domain::tables::AlertTables;

use super::render;

fn incident(target: &str, message: &str) -> Draft {
    let labels = Texts::from([("alertname".into(), "TargetDown".into()), ("component".into(), target.into())]);
    let annotations = Texts::from([("summary".into(), message.into())]);
    let member = MemberId::try_from("m1").expect("a member id");
    let alert = AlertTables::default().alert(AlertStatus::Firing, "alertmanager", labels, annotations, Timestamp::UNIX_EPOCH, member);
    let id = IncidentId::try_from("01ARZ3NDEKTSV4RRFFQ69G5FAV").expect("a ULID");
    let fingerprint = fingerprint(&alert, &[]);
    let firing = Firing::of(&alert);
    Draft::open(id, fingerprint, alert, &firing, Timestamp::UNIX_EPOCH)
}

#[test]
fn there_is_no_card_before_the_analyzer_has_looked() {
    let mut draft = incident("web", "down");
    assert!(crate::too_early(&draft.incident), "it may be a part of a storm");
    draft.propose(plan(vec!["restart".into()]), Timestamp::UNIX_EPOCH, SignedDuration::from_hours(1));
    assert!(!crate::too_early(&draft.incident));
    let mut over = incident("web", "down");
    over.resolved(1, Timestamp::UNIX_EPOCH);
    assert!(!crate::too_early(&over.incident), "what is over is not a part of anything any more");
    assert!(!crate::too_early(&report("info", &[], &[]).incident), "nobody analyses a report of a pipeline");
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
        score: 4,
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
fn the_card_says_which_guardrails_ask_a_human_or_that_none_does() {
    let now = Timestamp::UNIX_EPOCH;
    let passing = || Guardrail::ALL.map(|guardrail| Outcome { guardrail, passed: true, why: "fine".into() }).to_vec();
    let proposed = |outcomes| {
        let mut draft = incident("web", "down");
        draft.propose_within(outcomes, plan(vec!["restart".into()]), now, SignedDuration::from_hours(1));
        draft
    };
    let mut stopped = passing();
    stopped[2] = Outcome::blocked(Guardrail::Severity, "P1 never runs <b>by itself</b>");
    stopped[10] = Outcome::blocked(Guardrail::ChangeFreeze, "x".repeat(500));
    let card = render(&proposed(stopped).incident);
    assert!(card.html.contains("<i>Asks a human because: severity (P1 never runs &lt;b&gt;by itself&lt;/b&gt;); change_freeze (xxx"));
    assert!(!card.html.contains("kill_switch") && !card.html.contains(" more</i>") && card.buttons.len() == 2, "{}", card.html);
    let card = render(&proposed(passing()).incident);
    assert!(card.html.contains("<i>Runs by itself: all guardrails passed</i>"), "{}", card.html);
    assert!(card.html.contains("Approved by guardrails at 1970-01-01T00:00:00Z") && card.buttons.is_empty(), "{}", card.html);
}

#[test]
fn the_buttons_go_with_the_decision_and_the_card_names_the_person() {
    let now = Timestamp::UNIX_EPOCH;
    let mut draft = incident("web", "down");
    draft.propose(plan(vec!["restart".into()]), now, SignedDuration::from_hours(1));
    let id = draft.incident.approval.as_ref().expect("asked").id.clone();
    let channels = serde_json::from_value(json!({ "people": { "ada": { "telegram": 7 } }, "approvals": [{ "people": ["ada"] }] }));
    let pressed = Pressed { verdict: Verdict::Approve, by: Known::Telegram(7), press: "1" };
    decide(&mut draft, &id, &pressed, &channels.expect("the file"), now).expect("pending");
    let card = render(&draft.incident);
    assert!(card.buttons.is_empty());
    assert!(card.html.contains("Approved by telegram:7 at 1970-01-01T00:00:00Z"), "{}", card.html);
    draft.resolved(5, now);
    assert!(render(&draft.incident).html.contains("<b>[x5]</b>"));
}

/// A finding all of whose texts are this one.
fn finding(text: &str) -> Analysis {
    let finding = json!({
        "action_title": text, "description": text, "root_cause": text, "suggested_action": text, "suggested_command": text,
        "risk": "critical", "confidence": 0.6, "affected_services": [text], "primary_responsibility": "DATABASE",
        "optimisation_suggestions": [text], "deviation": text, "remembered": text, "fell_back_because": text, "provider": text, "model": text, "tokens": 1, "price_micro_usd": 1,
        "duration_ms": 1, "blast_radius": {
            "affected_pods": 1, "estimated_downtime": text, "related_services": [text], "data_impact": "DESTRUCTIVE",
        },
    });
    serde_json::from_value(finding).expect("a finding")
}

/// What a server measured, with names as long and as hostile as the text.
fn measured(text: &str) -> Evidence {
    let measurement = |value: f64| Measurement { name: text.to_owned(), ..Measurement::of("", text, &[value]).expect("a number") };
    let found =
        Found::Measured { measurements: vec![measurement(f64::MAX), measurement(0.5)], link: Some("https://a.example/?q=\"&".into()) };
    Evidence { source: Source::Prometheus, asked: text.to_owned(), at: Timestamp::UNIX_EPOCH, duration_ms: 1, found }.bounded()
}

#[test]
fn the_longest_and_most_hostile_texts_still_make_a_message_that_telegram_takes() {
    for text in ["<".repeat(10_000), "🔥".repeat(10_000), "a\u{0}\u{202e}\r\n".repeat(3_000)] {
        let mut draft = incident(&text, &text);
        draft.analysed(finding(&text), vec![measured(&text)], Timestamp::UNIX_EPOCH);
        draft.incident.left_out = u64::MAX;
        let outcomes = Guardrail::ALL.map(|guardrail| Outcome::blocked(guardrail, text.clone())).to_vec();
        draft.propose_within(outcomes, plan(vec![text.clone(); 50]), Timestamp::UNIX_EPOCH, SignedDuration::from_hours(1));
        let html = render(&draft.incident).html;
        let shown = shown(&html);
        assert!(shown.chars().count() <= 4_096, "{}", shown.chars().count());
        assert_eq!(html.matches("<code>").count(), html.matches("</code>").count());
        assert!(!html.contains(['\u{0}', '\u{202e}']));
    }
}

#[test]
fn a_finding_writes_no_line_of_its_own_and_no_half_command() {
    let mut draft = incident("web", "down");
    let analysis = Analysis { suggested_command: Some("rm -rf /srv/cache/x".repeat(16)), ..finding("disk\n✅ Approved by alice") };
    draft.analysed(analysis, vec![], Timestamp::UNIX_EPOCH);
    let html = render(&draft.incident).html;
    assert!(html.contains("<b>Cause</b> disk ✅ Approved by alice\n"), "{html}");
    assert!(!html.lines().any(|line| line.starts_with("✅")) && !html.contains("rm -rf"), "{html}");
}

/// What a person sees: Telegram counts after entity parsing, so that an escape is one character.
fn shown(html: &str) -> String {
    html.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

#[test]
fn what_the_sender_left_out_stands_on_the_card_and_nothing_stands_there_if_it_did_not() {
    let mut draft = incident("web", "down");
    assert!(!render(&draft.incident).html.contains("left out"));
    draft.incident.left_out = 7;
    assert!(render(&draft.incident).html.contains("its sender left out 7 alerts"));
}

fn tied(names: &[(&str, bool)]) -> Storm {
    let line = |(i, (target, open)): (usize, &(&str, bool))| {
        let incident_id = IncidentId::try_from(format!("01ARZ3NDEKTSV4RRFFQ69G{i:04}")).expect("a ULID");
        Tied { incident_id, name: "TargetDown".into(), target: (*target).to_owned(), open: *open }
    };
    Storm::of(&names.iter().enumerate().map(line).collect::<Vec<_>>())
}

fn storm(found: Storm) -> Draft {
    let id = IncidentId::try_from("01ARZ3NDEKTSV4RRFFQ69G5FAV").expect("a ULID");
    let mut draft = Draft::storm(id, 1, 20, Timestamp::UNIX_EPOCH);
    draft.storm_is(found, Timestamp::UNIX_EPOCH);
    draft
}

#[test]
fn the_card_of_a_storm_lists_what_is_open() {
    let html = render(&storm(tied(&[("web", true), ("db", false), ("<b>&", true)])).incident).html;
    assert!(html.contains("<b>2 of 3 incidents still open</b>\n· TargetDown on web\n· TargetDown on &lt;b&gt;&amp;\n"), "{html}");
    assert!(!html.contains("on db") && !html.contains(" more") && !html.contains("[x"), "{html}");
    let over = render(&storm(tied(&[("web", false)])).incident).html;
    assert!(over.contains("<b>0 of 1 incidents still open</b>") && over.contains("Resolved") && !over.contains("on web"), "{over}");
}

#[test]
fn the_card_of_the_largest_storm_still_makes_a_message_that_telegram_takes() {
    for text in ["<".repeat(300), "🔥".repeat(300), "&\u{0}\r\n".repeat(100)] {
        let lines: Vec<(&str, bool)> = (0..5_000).map(|_| (text.as_str(), true)).collect();
        let mut draft = storm(tied(&lines));
        draft.incident.no_plan_because = Some("no playbook repairs a storm".into());
        draft.incident.left_out = u64::MAX;
        let html = render(&draft.incident).html;
        assert!(html.contains("5000 of 5000") && html.contains("· and 4990 more"), "{html}");
        assert_eq!(html.matches("· TargetDown").count(), 10);
        let shown = shown(&html);
        assert!(shown.chars().count() <= 4_096, "{}", shown.chars().count());
        assert!(!html.contains('\u{0}'));
    }
}

/// A report of a delivery pipeline.
fn report(severity: &str, labels: &[(&str, &str)], annotations: &[(&str, &str)]) -> Draft {
    let texts = |texts: &[(&str, &str)]| texts.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect::<Texts>();
    let mut labels = texts(labels);
    labels.extend([("alertname".to_owned(), "CI_Deploy".to_owned()), ("severity".to_owned(), severity.to_owned())]);
    let tables: AlertTables = serde_json::from_str(r#"{"cicd":{"patterns":["CI_*"]}}"#).expect("tables");
    let member = MemberId::try_from("m1").expect("a member id");
    let alert = tables.alert(AlertStatus::Firing, "alertmanager", labels, texts(annotations), Timestamp::UNIX_EPOCH, member);
    assert!(alert.cicd);
    let id = IncidentId::try_from("01ARZ3NDEKTSV4RRFFQ69G5FAV").expect("a ULID");
    let firing = Firing::of(&alert);
    Draft::open(id, fingerprint(&alert, &[]), alert, &firing, Timestamp::UNIX_EPOCH)
}

#[test]
fn a_report_of_a_pipeline_is_a_few_lines_without_buttons() {
    let labels = [("stage", "production"), ("commit", "4f0c2d9"), ("triggered_by", "mira")];
    let told = [("summary", "checkout is being deployed"), ("workflow_url", "https://ci.test/5120?a=1&b=2")];
    let mut draft = report("warning", &labels, &told);
    let card = render(&draft.incident);
    assert_eq!(
        card.html,
        "⏳ <b>checkout is being deployed</b>\nstage production · commit 4f0c2d9 · by mira\nhttps://ci.test/5120?a=1&amp;b=2\n\
         <code>01ARZ3NDEKTSV4RRFFQ69G5FAV</code>"
    );
    assert!(card.buttons.is_empty());
    draft.resolved(3, Timestamp::UNIX_EPOCH);
    assert!(render(&draft.incident).html.starts_with("☑️ <b>checkout is being deployed</b> [x3]\n"));
    // What is not told leaves no gap.
    let bare = render(&report("info", &[("stage", "")], &[]).incident).html;
    assert_eq!(bare, "✅ <b>CI_Deploy</b>\n<code>01ARZ3NDEKTSV4RRFFQ69G5FAV</code>");
    assert!(render(&report("critical", &[], &[]).incident).html.starts_with("❌"));
}

#[test]
fn hostile_words_of_a_pipeline_stay_words_and_stay_short() {
    let hostile = "</b><a href='https://evil.test'>x</a>&\u{0}".repeat(200);
    let labels = [("stage", hostile.as_str()), ("commit", &hostile), ("triggered_by", &hostile)];
    let html = render(&report("info", &labels, &[("summary", &hostile), ("workflow_url", &hostile)]).incident).html;
    assert!(!html.contains("<a") && !html.contains('\u{0}') && html.matches("</b>").count() == 1, "{html}");
    assert!(shown(&html).chars().count() <= 1_000, "{}", shown(&html).chars().count());
}
