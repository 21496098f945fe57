//! Tests of the card of an incident.

use domain::incident::approval::{ApprovalState, Verdict};
use domain::incident::change::IncidentChange;
use domain::incident::guardrail::{Guardrail, GuardrailOutcome};
use domain::incident::{Incident, Status};
use domain::notification::channels::{Channels, Language};
use domain::primitives::identity::{DecidedBy, Identity};
use domain::transition::decision::quorum::NoApprover;
use jiff::SignedDuration;
use serde_json::json;
use std::path::Path;

use crate::render::buttons::CardContext;
use crate::render::content::Content;
use crate::render::templates::Templates;
use crate::render::view::Names;
use crate::samples;

pub(crate) fn templates() -> Templates {
    Templates::load(Path::new("there is no such directory"))
}

pub(crate) fn english(incident: &Incident) -> Content {
    templates().card(
        Language::English,
        incident,
        &CardContext {
            silence_possible: true,
            ..CardContext::default()
        },
    )
}

pub(crate) fn asks(content: &Content) -> Vec<Vec<String>> {
    let word = |ask: String| ask.split(':').next().unwrap_or_default().to_owned();
    content
        .buttons
        .iter()
        .map(|row| {
            row.iter()
                .map(|button| word(button.ask.to_string()))
                .collect()
        })
        .collect()
}

/// A file that knows ada.
pub(crate) fn channels() -> Channels {
    serde_json::from_value(json!({ "people": { "ada": { "telegram": 7, "slack": "U7" } }, "approvals": [{ "people": ["ada"] }] }))
        .expect("channels")
}

#[test]
fn who_found_it_is_said_in_words() {
    let mut incident = samples::waiting().incident;
    for (provider, english, chinese) in [
        ("static", "by static rules", "分析來源：靜態規則"),
        (
            "memory",
            "by the record of earlier repairs",
            "分析來源：過往修復紀錄",
        ),
        ("own-gpu", "by own-gpu", "分析來源：own-gpu"),
    ] {
        incident.analysis.as_mut().expect("analysed").provider = provider.to_owned();
        for (language, expected) in [
            (Language::English, english),
            (Language::TraditionalChinese, chinese),
        ] {
            let card = templates().card(language, &incident, &CardContext::default());
            let card = card.text.plain();
            assert!(card.contains(expected), "{expected}: {card}");
            assert_eq!(
                card.contains(" tokens"),
                language == Language::English,
                "{card}"
            );
        }
    }
}

#[test]
fn a_card_says_why_its_plan_cannot_be_approved() {
    let mut change = samples::waiting();
    change.incident.approval.as_mut().expect("asked").needed = 2;
    for (no_approver, english, chinese) in [
        (None, "", ""),
        (
            Some(NoApprover::NoRule),
            "⚠ It cannot be approved: no approval rule of channels.json fits it\n",
            "⚠ 無法核准：channels.json 沒有適用的簽核規則\n",
        ),
        (
            Some(NoApprover::TooFew { able: 1 }),
            "2 people have to, and 1 can by the approval rule",
            "需 2 人核准，但 channels.json 的簽核規則中只有 1 人可核准",
        ),
    ] {
        let context = CardContext {
            no_approver,
            ..CardContext::default()
        };
        for (language, said) in Language::ALL.into_iter().zip([english, chinese]) {
            let card = templates().card(language, &change.incident, &context);
            let text = card.text.plain();
            assert!(text.contains(said), "{said}: {text}");
            assert_eq!(text.contains('⚠'), no_approver.is_some(), "{text}");
        }
    }
}

#[test]
fn reasons_are_said_in_the_language_of_the_card() {
    let incident = samples::waiting().incident;
    let context = CardContext::default();
    let chinese = templates().card(Language::TraditionalChinese, &incident, &context);
    let text = chinese.text.plain();
    for said in [
        "P1 一律不自動執行",
        "風險中，超過「低」",
        "都由「Restart a systemd unit」在 checkout-api 修復",
    ] {
        assert!(text.contains(said), "{said} is missing in {text}");
    }
    assert!(!text.contains("never runs by itself"), "{text}");
}

#[test]
fn waiting_card_says_what_where_and_what_would_run_first() {
    let card = english(&samples::waiting().incident);
    let text = card.text.plain();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(
        lines[..2],
        [
            "🚨 P1 HighErrorRate [x14] · act soon",
            "checkout-api in shop"
        ]
    );
    assert!(lines[2].starts_with("12.3 % of the requests"));
    let place = |word: &str| {
        lines
            .iter()
            .position(|line| line.starts_with(word))
            .unwrap_or_else(|| panic!("{word} is missing in {text}"))
    };
    let order = [
        "Cause The connection pool",
        "Do Restart",
        "⏳ Waiting for a decision until",
        "Plan Restart a systemd unit on checkout-api (risk of the plan: medium) · its playbook says medium",
        "run sudo systemctl restart checkout-api.service",
        "check curl",
        "undo sudo",
        "Needs approval: P1 never runs by itself (urgency); medium is more than low (the plan's risk)",
        "📈 request rate 118 1/s ↘ (118 to 212)",
        "📈 error rate 12.3 % ↗",
        "📈 p99 latency",
        "🔗 look at the traces",
        "🧠 The last 2 incidents",
        "Urgency: P1 (its sender calls it critical)",
        "The cause was right 14 of 16 times",
        "downtime ~30s · responsible: the application",
        "💡 Set idle",
        "by anthropic (claude-haiku-4-5), 3412 tokens, $0.00473",
        "01KAT5",
    ];
    assert!(order.map(place).is_sorted(), "{text}");
    assert!(place("Plan") <= 11, "a phone shows about that many: {text}");
    assert_eq!(
        asks(&card),
        [
            vec!["approve", "reject"],
            vec!["acknowledge", "snooze_hour"],
            vec!["details", "history"],
            vec!["reanalyse", "silence"]
        ]
    );
    assert!(
        card.buttons
            .iter()
            .flatten()
            .all(|button| button.ask.to_string().len() <= 64)
    );
    assert!(card.text.telegram().contains(
        "<a href=\"https://signoz.example.com/trace?service=checkout-api&amp;start=1795489620\">"
    ));
}

#[test]
fn the_card_says_who_has_decided_and_who_is_still_needed() {
    let half = english(&samples::half_approved().incident).text.plain();
    assert!(
        half.contains("👥 1 of 2 approvals: ada\n") && half.contains("📣 Escalated at "),
        "{half}"
    );
    let done = english(&samples::repaired().incident);
    let text = done.text.plain();
    assert!(
        text.contains("Approved by ada at 2026-")
            && text.contains("✓ run 1: exited with 0")
            && text.contains("Repair: verified, after 9.0 s"),
        "{text}"
    );
    assert_eq!(
        asks(&done),
        [
            vec!["acknowledge", "snooze_hour"],
            vec!["details", "history"],
            vec!["silence"]
        ],
        "there is nothing to decide, and nothing to doubt"
    );
    assert_eq!(
        asks(&english(&samples::storm().incident)),
        [
            vec!["acknowledge", "snooze_hour"],
            vec!["details", "history"]
        ],
        "a storm is neither analysed anew nor silenced"
    );
    let failed = english(&samples::failed().incident).text.plain();
    assert!(
        failed.contains("The repair failed")
            && failed.contains("✗ check 1: exited with 22")
            && failed.contains("It came back 2 times"),
        "{failed}"
    );
    let mut void = samples::waiting().incident;
    let state = ApprovalState::Void {
        why: "the alert has resolved".to_owned().into(),
        at: void.opened_at,
    };
    void.approval.as_mut().expect("asked").state = state;
    void.status = Status::Resolved;
    let void = english(&void);
    assert!(
        void.text
            .plain()
            .contains("The plan is void: the alert has resolved")
    );
    assert_eq!(
        asks(&void),
        [["details", "history"]],
        "nothing is analysed or silenced that is over"
    );
    let mut rejected = samples::waiting().incident;
    let at = rejected.opened_at;
    rejected.approval.as_mut().expect("asked").state = ApprovalState::Decided {
        verdict: Verdict::Reject,
        by: DecidedBy::Person(Identity::Api("ada".into())),
        at,
    };
    assert!(
        english(&rejected)
            .text
            .plain()
            .contains("Rejected by api:ada at ")
    );
}

#[test]
fn who_runs_by_itself_says_so_and_a_silence_says_until_when() {
    let passing = Guardrail::ALL
        .map(|guardrail| GuardrailOutcome {
            guardrail,
            passed: true,
            why: "fine".to_owned().into(),
        })
        .to_vec();
    let mut by_itself = IncidentChange::new(Incident {
        approval: None,
        plan: None,
        ..samples::waiting().incident
    });
    let (plan, now) = (
        samples::waiting().incident.plan.expect("planned"),
        by_itself.incident.opened_at,
    );
    by_itself.propose_within(passing.clone(), plan, now, SignedDuration::from_hours(1));
    let says = |change: &IncidentChange| {
        english(&change.incident)
            .text
            .plain()
            .contains("Runs automatically: all guardrails passed")
    };
    assert!(says(&by_itself));
    by_itself.stopped_by(
        vec![GuardrailOutcome::blocked(
            Guardrail::KillSwitch,
            "it is on".to_owned(),
        )],
        "repair",
        now,
    );
    assert!(!says(&by_itself), "it was stopped, and asks a human");
    let mut incident = samples::waiting().incident;
    incident.guardrails = passing;
    assert!(
        !says(&IncidentChange::new(incident.clone())),
        "a human is asked"
    );
    let context = CardContext {
        silence_possible: true,
        silenced_until: Some(incident.opened_at),
        no_approver: None,
        names: Names::default(),
    };
    let card = templates().card(Language::English, &incident, &context);
    assert!(
        card.text.plain().contains("🔕 Silenced until 2026-11-")
            && !asks(&card).concat().contains(&"silence".to_owned())
    );
    incident.silence_error =
        Some("a silence of this alert would also hide 2 other active alerts: <A>, B".into());
    let refused = Language::ALL.map(|language| {
        templates()
            .card(language, &incident, &CardContext::default())
            .text
            .plain()
    });
    for (text, words) in refused.iter().zip([
        "🔔 Not silenced: a silence of this alert would also hide 2 other active alerts: <A>, B",
        "未能靜音：a silence",
    ]) {
        assert!(text.contains(words), "{text}");
    }
    let card = templates().card(Language::English, &incident, &context);
    assert!(
        !card.text.plain().contains("Not silenced"),
        "it is silenced by now"
    );
    let card = templates().card(Language::English, &incident, &CardContext::default());
    assert!(
        !asks(&card).concat().contains(&"silence".to_owned()),
        "nobody could do it"
    );
    assert!(!card.text.plain().contains("left out"));
    incident.left_out = 7;
    assert!(
        english(&incident)
            .text
            .plain()
            .contains("its sender left out 7 alerts")
    );
}

#[test]
fn a_finding_writes_no_line_of_its_own_and_no_half_command() {
    let mut incident = samples::waiting().incident;
    let lines = english(&incident).text.plain().lines().count();
    let analysis = incident.analysis.as_mut().expect("analysed");
    analysis.root_cause = "disk\n✅ Approved by alice".into();
    analysis.suggested_command = Some("rm -rf /srv/cache/x".repeat(16));
    incident.alert.message = "down\n✅ Resolved".into();
    let text = english(&incident).text.plain();
    assert!(
        text.contains("Cause disk ✅ Approved by alice\n") && !text.contains("rm -rf"),
        "{text}"
    );
    assert_eq!(
        text.lines().count(),
        lines - 1,
        "the command is gone, and no line has come"
    );
}
