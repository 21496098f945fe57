//! Tests of notices, details, history and escalation.

use domain::analysis::Severity;
use domain::analysis::evidence::Found;
use domain::incident::approval::Verdict;
use domain::notification::channels::{Channels, Identity, Language};
use domain::phrase;
use domain::transition::decision::{Pressed, decide};

use crate::render::buttons::CardContext;
use crate::render::presenter::Presenter;
use crate::render::templates::tests::{asks, channels, templates};
use crate::render::view::Names;
use crate::samples;

#[test]
fn details_history_and_escalation_say_what_they_are_for() {
    let change = samples::half_approved();
    let details = templates()
        .details(
            Language::English,
            &change.incident,
            &change.entries,
            Names::default(),
        )
        .text
        .plain();
    for part in [
        "Blast radius affected: 3",
        "Depends on it: postgres-shop",
        "Deviation: error rate 61",
        "Prometheus up: no answer, no answer in 2 s",
        "open incidents checkout-api: nothing",
        "✗ urgency: P1 never",
        "✓ cooldown: its first run here",
        "unit = checkout-api.service",
        "Approval requested",
    ] {
        assert!(details.contains(part), "{part} is missing in {details}");
    }
    let mut incident = change.incident.clone();
    incident.evidence[0].found = Found::Failed {
        why: phrase!("it was not asked: {why}", why => phrase!("there is no key")),
    };
    incident.evidence[1].asked =
        phrase!("the last {count} incidents of the fingerprint", count = 5);
    let in_chinese = templates()
        .details(
            Language::TraditionalChinese,
            &incident,
            &change.entries,
            Names::default(),
        )
        .text
        .plain();
    for part in [
        "：查詢失敗，未查詢：沒有金鑰",
        "同一指紋最近 5 起事件",
        "送出簽核",
    ] {
        assert!(
            in_chinese.contains(part),
            "{part} is missing in {in_chinese}"
        );
    }
    let history = templates()
        .history(
            Language::English,
            &change.incident,
            &samples::earlier(),
            Names::default(),
        )
        .text
        .plain();
    for part in [
        ", 4 min: repaired · Restart a systemd unit · ada",
        "1 h 35 min: the repair failed",
        "1 d 4 h [x14]: resolved without a repair",
        ": still open",
    ] {
        assert!(history.contains(part), "{part} is missing in {history}");
    }
    let in_chinese = templates()
        .history(
            Language::TraditionalChinese,
            &change.incident,
            &samples::earlier(),
            Names::default(),
        )
        .text
        .plain();
    for part in ["持續 4 分鐘", "持續 1 小時 35 分鐘", "持續 1 天 4 小時"] {
        assert!(
            in_chinese.contains(part),
            "{part} is missing in {in_chinese}"
        );
    }
    let alone = templates()
        .history(Language::English, &change.incident, &[], Names::default())
        .text
        .plain();
    assert!(alone.contains("None is known"), "{alone}");
    let escalation = templates().escalation(
        Language::English,
        &change.incident,
        &["ada".into(), "mira".into()],
        Names::default(),
    );
    assert!(
        escalation
            .text
            .plain()
            .starts_with("📣 No decision for 15 min\n🚨 P1 HighErrorRate · checkout-api in shop\n")
    );
    let shown = escalation.text.plain();
    for part in [
        "Restart a systemd unit on checkout-api waits",
        "\nrun sudo systemctl restart checkout-api.service\n",
        "\nundo sudo",
    ] {
        assert!(
            shown.contains(part),
            "who is asked sees on what: {part} is missing in {shown}"
        );
    }
    assert_eq!(asks(&escalation), [["approve", "reject"]]);
}

#[test]
fn people_have_names_and_details_keep_their_ids() {
    let channels = channels();
    let names = Names::of(&channels, None);
    let mut change = samples::waiting();
    let id = change.incident.approval.as_ref().expect("asked").id.clone();
    let reject = Pressed {
        verdict: Verdict::Reject,
        by: Identity::Telegram(7),
        press: "p",
    };
    let now = change.incident.opened_at;
    let decision = decide(change.incident.clone(), &id, &reject, &channels, now);
    decision.answer.expect("taken");
    change.append(decision.change);
    for language in Language::ALL {
        let card = templates()
            .card(
                language,
                &change.incident,
                &CardContext {
                    names,
                    ..CardContext::default()
                },
            )
            .text
            .plain();
        assert!(
            card.contains("ada") && !card.contains("telegram:7"),
            "{card}"
        );
        let history = templates()
            .history(
                language,
                &samples::repaired().incident,
                &[change.incident.clone()],
                names,
            )
            .text
            .plain();
        assert!(
            history.contains("ada") && !history.contains("telegram:7"),
            "{history}"
        );
        let details = templates()
            .details(language, &change.incident, &change.entries, names)
            .text
            .plain();
        assert!(details.contains("ada (telegram:7)"), "{details}");
    }
}

#[test]
fn a_notice_says_what_happened_first_and_whom_it_is_for_last() {
    let channels = channels();
    let templates = templates();
    let presenter = |language| Presenter {
        templates: &templates,
        language,
        zone: None,
        silences: false,
        channels: &channels,
    };
    let told: Vec<String> = samples::notices()
        .iter()
        .map(|(incident, notice)| {
            presenter(Language::English)
                .notice(incident, notice, notice.at)
                .content
                .text
                .plain()
        })
        .collect();
    let expected = [
        "✅ Repaired and verified · ran automatically\nP1 HighErrorRate [x",
        "❌ The repair failed: a human has to look\nP1 HighErrorRate",
        "❌ The repair was verified, but the alert still fires: a human has to look\n",
        "🔁 It fires again\n",
        "🔁 It fires again\nP1 AlertStorm · many targets in all\n800 of 1000 incidents still open\n",
        "⏫ It got worse\nP1 HighErrorRate [x14] · checkout-api in shop\n⏳ Waiting for a decision until ",
        "🚨 A decision is needed\n",
        "🙋 The plan does not run: a human has to look\nP2 CertificateExpiresSoon · shop.example.com in edge\nthere was no decision in time\n",
        "🙋 The repair found nothing to do, and changed nothing\nP1 HighErrorRate",
    ];
    assert_eq!(told.len(), expected.len());
    for (text, expected) in told.iter().zip(expected) {
        let expected = expected.replace(" [x", if text.contains(" [x") { " [x" } else { "" });
        assert!(text.starts_with(&expected), "{expected:?}: {text}");
        assert!(text.ends_with("\n👤 ada"), "{text}");
    }
    let failed = "Restart a systemd unit: the symptom is still there, after 35.0 s · approved by ada\n\
        ✗ check 1: exited with 22 after 30.0 s\ncurl: (22) The requested URL returned error: 503\n";
    assert!(told[1].contains(failed), "{}", told[1]);
    for language in Language::ALL {
        let (incident, notice) = &samples::notices()[5];
        let content = presenter(language)
            .notice(incident, notice, notice.at)
            .content;
        assert_eq!(
            asks(&content),
            [["approve", "reject"]],
            "whoever is called can decide here"
        );
        assert!(
            content
                .text
                .telegram()
                .ends_with("\n👤 <a href=\"tg://user?id=7\">ada</a>"),
            "{}",
            content.text.telegram()
        );
        assert!(
            content.text.mrkdwn().ends_with("\n👤 <@U7>"),
            "{}",
            content.text.mrkdwn()
        );
    }
    let nobody = Channels::default();
    let presenter = Presenter {
        templates: &templates,
        language: Language::English,
        zone: None,
        silences: false,
        channels: &nobody,
    };
    let (incident, notice) = &samples::notices()[1];
    assert!(
        !presenter
            .notice(incident, notice, notice.at)
            .content
            .text
            .plain()
            .contains('👤'),
        "nobody is known, and it is told all the same"
    );
    let run = samples::pipeline_run();
    let told = presenter
        .pipeline_run_notice(&run, &run.failed())
        .content
        .text
        .plain();
    assert!(
        told.starts_with("❌ checkout 4f0c2d9 failed · by mira\ntest: 2 of 311 tests failed\n"),
        "{told}"
    );
}

#[test]
fn who_is_on_duty_at_that_moment_is_mentioned() {
    let person = serde_json::json!({});
    let mut channels: Channels = serde_json::from_value(serde_json::json!({
        "channels": [{ "name": "all", "to": { "telegram": { "chat_id": 1 } } }],
        "routes": [{ "channels": ["all"], "team": "search" }],
        "people": { "amy": person, "ben": person, "carl": person, "dina": person },
        "approvals": [{ "team": "web", "people": ["dina"] }],
    }))
    .expect("the shape of channels.json");
    channels.duty = serde_json::from_value(serde_json::json!({ "teams": {
        "web": { "levels": [
            { "rotation": { "zone": "Asia/Taipei", "hand_over": "09:00", "first": "2026-01-05", "members": ["amy", "ben"] }, "wait_seconds": 60 },
            { "people": ["carl"] },
        ] },
        "search": { "levels": [{ "people": ["carl"] }] },
    } }))
    .expect("the shape of people.json");
    assert_eq!(channels.errors(), []);
    let templates = templates();
    let presenter = Presenter {
        templates: &templates,
        language: Language::English,
        zone: None,
        silences: false,
        channels: &channels,
    };
    // A plan waits for a decision: whoever has decided on the one before is not who has to hear it.
    let (incident, notice) = &samples::notices()[5];
    for (at, people) in [
        ("2026-01-06T00:59:59Z", "amy, dina, carl"),
        ("2026-01-06T01:00:00Z", "ben, dina, carl"),
    ] {
        let now = at.parse().expect("a time");
        let presented = presenter.notice(incident, notice, now);
        let text = presented.content.text.plain();
        assert!(text.ends_with(&format!("\n👤 {people}")), "{text}");
        let named: Vec<&str> = people.split(", ").collect();
        assert_eq!(presented.facts["people"], serde_json::json!(named));
    }
}

#[test]
fn who_sleeps_is_mentioned_for_what_is_urgent_and_times_are_the_readers() {
    let quiet = serde_json::json!({ "zone": "Asia/Taipei", "from": "22:00", "until": "07:00" });
    let channels: Channels = serde_json::from_value(serde_json::json!({
        "time_zone": "Asia/Taipei",
        "channels": [{ "name": "all", "to": { "telegram": { "chat_id": 1 } } }],
        "people": { "amy": { "quiet": quiet }, "ben": { "notify": ["repair_failed"] }, "dina": {} },
        "approvals": [{ "people": ["amy", "ben", "dina"] }],
    }))
    .expect("the shape of channels.json");
    let templates = templates();
    let presenter = Presenter {
        templates: &templates,
        language: Language::English,
        zone: channels.zone_of(&channels.channels[0]),
        silences: false,
        channels: &channels,
    };
    let (incident, notice) = &samples::notices()[5];
    let mut incident = incident.clone();
    for (severity, at, people) in [
        (Severity::P2, "2026-01-06T14:00:00Z", "dina"),
        (Severity::P2, "2026-01-06T23:00:00Z", "amy, dina"),
        (Severity::P1, "2026-01-06T14:00:00Z", "amy, dina"),
    ] {
        incident.severity = severity;
        let told = presenter.notice(&incident, notice, at.parse().expect("a time"));
        let text = told.content.text.plain();
        assert!(text.ends_with(&format!("\n👤 {people}")), "{text}");
        assert!(text.contains(" UTC+8\n"), "{text}");
    }
}
