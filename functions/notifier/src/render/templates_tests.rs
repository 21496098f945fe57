//! Tests of every template in every language, with realistic and with hostile input.

use std::path::Path;

use domain::alert::Texts;
use domain::analysis::budget::{Paid, Spending};
use domain::analysis::evidence::{Evidence, Found, Measurement, Source};
use domain::incident::approval::{ApprovalState, Verdict, Vote};
use domain::incident::change::IncidentChange;
use domain::incident::guardrail::{Guardrail, GuardrailOutcome};
use domain::incident::parts::Storm;
use domain::incident::parts::StormMember;
use domain::incident::repair::{
    EARLIER_KEPT, EarlierRepair, OutputEnd, Repair, RepairOutcome, StepRun,
};
use domain::incident::{Incident, Status};
use domain::notification::channels::{Channels, Identity};
use domain::notification::notice::{Notice, What};
use domain::playbook::plan::Phase;
use domain::transition::decision::{Pressed, decide};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::{Strategy, any, prop, prop_oneof, proptest};
use serde_json::json;

use super::{Kind, Language, MESSAGE_UNITS, Markup, Templates, every, file};
use crate::render::buttons::CardContext;
use crate::render::content::Content;
use crate::render::presenter::Presenter;
use crate::render::view::Names;
use crate::samples;

fn templates() -> Templates {
    Templates::load(Path::new("there is no such directory"))
}

fn english(incident: &Incident) -> Content {
    templates().card(
        Language::English,
        incident,
        &CardContext {
            silence_possible: true,
            ..CardContext::default()
        },
    )
}

fn asks(content: &Content) -> Vec<Vec<String>> {
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

#[test]
fn the_card_that_waits_says_what_where_why_and_what_would_run_in_its_first_lines() {
    let card = english(&samples::waiting().incident);
    let text = card.text.plain();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(
        lines[..2],
        ["🚨 P1 HighErrorRate [x14]", "checkout-api in shop"]
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
        "Plan Restart a systemd unit on checkout-api",
        "run sudo systemctl restart checkout-api.service",
        "check curl",
        "undo sudo",
        "Asks a human because: severity (P1 never runs by itself); playbook_risk",
        "📈 request rate 118 1/s ↘ (118 to 212)",
        "📈 error rate 12.3 % ↗",
        "📈 p99 latency",
        "🔗 look at the traces",
        "🧠 The last 2 incidents",
        "Risk high · confidence 87% · downtime ~30s · APP",
        "💡 Set idle",
        "by anthropic (claude-haiku-4-5), 3412 tokens, $0.00473",
        "01KAT5",
    ];
    assert!(order.map(place).is_sorted(), "{text}");
    assert!(place("Plan") <= 10, "a phone shows about that many: {text}");
    assert_eq!(
        asks(&card),
        [
            vec!["approve", "reject"],
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
        [vec!["details", "history"], vec!["silence"]],
        "there is nothing to decide, and nothing to doubt"
    );
    assert_eq!(
        asks(&english(&samples::storm().incident)),
        [["details", "history"]],
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
    let standing = ApprovalState::Void {
        why: "the alert has resolved".into(),
        at: void.opened_at,
    };
    void.approval.as_mut().expect("asked").standing = standing;
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
    rejected.approval.as_mut().expect("asked").standing = ApprovalState::Decided {
        verdict: Verdict::Reject,
        by: "api:ada".into(),
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
            why: "fine".into(),
        })
        .to_vec();
    let mut by_itself = IncidentChange::of(Incident {
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
            .contains("Runs by itself: all guardrails passed")
    };
    assert!(says(&by_itself));
    by_itself.stopped_by(
        vec![GuardrailOutcome::blocked(Guardrail::KillSwitch, "it is on")],
        "repair",
        now,
    );
    assert!(!says(&by_itself), "it was stopped, and asks a human");
    let mut incident = samples::waiting().incident;
    incident.guardrails = passing;
    assert!(
        !says(&IncidentChange::of(incident.clone())),
        "a human is asked"
    );
    let extras = CardContext {
        silence_possible: true,
        silenced_until: Some(incident.opened_at),
        names: Names::default(),
    };
    let card = templates().card(Language::English, &incident, &extras);
    assert!(
        card.text.plain().contains("🔕 Silenced until 2026-11-")
            && !asks(&card).concat().contains(&"silence".to_owned())
    );
    incident.silence_fault =
        Some("a silence of this alert would also hide 2 other active alerts: <A>, B".to_owned());
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
    let card = templates().card(Language::English, &incident, &extras);
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
fn a_repair_says_what_became_of_its_silence_and_of_its_alert() {
    let shown = |incident: &Incident| {
        Language::ALL.map(|language| {
            templates()
                .card(language, incident, &CardContext::default())
                .text
                .plain()
        })
    };
    let contains = |incident: &Incident, words: [&str; 2]| {
        for (text, words) in shown(incident).iter().zip(words) {
            assert!(text.contains(words), "{words}: {text}");
        }
    };
    let running = samples::repairing();
    contains(
        &running.incident,
        [
            "is silent about it while the repair runs, until 2026-11-",
            "修復期間 Alertmanager 靜音，最晚至 2026-11-",
        ],
    );
    let after = |removed| {
        let mut change = running.clone();
        change.repair_silence_ended(removed, change.incident.opened_at);
        change.incident
    };
    contains(
        &after(Err("it is down")),
        [
            "could not be taken away, it ends at 2026-11-",
            "修復靜音未能解除，將於 2026-11-",
        ],
    );
    for text in shown(&after(Ok(()))) {
        assert!(
            !text.contains("Alertmanager"),
            "there is nothing to say any more: {text}"
        );
    }
    let mut without = IncidentChange::of(Incident {
        repair_silence: None,
        ..running.incident
    });
    let hash = without
        .incident
        .repair
        .as_ref()
        .expect("it runs")
        .plan_hash
        .clone();
    without.repair_silenced(&hash, Err("it is <down>"), without.incident.opened_at);
    contains(
        &without.incident,
        [
            "was not silent during the repair: it is <down>",
            "未能靜音：it is <down>",
        ],
    );
    contains(
        &samples::still_firing().incident,
        [
            "The repair failed: a human has to look",
            "修復失敗，需要人工介入",
        ],
    );
    let mut idle = samples::repaired().incident;
    idle.status = Status::NeedsHuman;
    idle.repair.as_mut().expect("it ran").outcome = Some(RepairOutcome::NothingToDo);
    contains(
        &idle,
        [
            "Repair: nothing to do, every step was skipped and nothing was changed",
            "修復結果：無事可做",
        ],
    );
    contains(
        &samples::still_firing().incident,
        [
            "verified, but the alert has not resolved in time",
            "驗證通過，但告警未在時限內解除",
        ],
    );
}

#[test]
fn the_card_of_a_storm_accounts_for_every_incident() {
    let storm = samples::storm().incident;
    let text = english(&storm).text.plain();
    assert!(
        text.contains("\n800 of 1000 incidents still open\n"),
        "{text}"
    );
    let counts = text
        .lines()
        .filter_map(|line| line.strip_prefix("· ")?.split_once(" of "))
        .map(|(open, rest)| {
            let tied = rest.split(' ').next().unwrap_or_default();
            (
                open.parse::<u64>().expect("a number"),
                tied.parse::<u64>().expect("a number"),
            )
        });
    assert_eq!(
        counts.fold((0, 0), |sum, count| (sum.0 + count.0, sum.1 + count.1)),
        (800, 1_000),
        "{text}"
    );
    assert!(text.contains("TargetDown: node-"), "{text}");
}

#[test]
fn the_card_of_a_storm_names_the_critical_ones_first() {
    let id = samples::storm().incident.id;
    let line = |n: usize| {
        let (name, critical) = if n % 25 == 24 {
            ("DiskFull", true)
        } else {
            ("HighLatency", false)
        };
        StormMember {
            incident_id: id.clone(),
            name: name.to_owned(),
            target: format!("node-{n}"),
            open: true,
            critical,
        }
    };
    let storm = |lines: usize| Incident {
        storm: Some(Storm::of(&(0..lines).map(line).collect::<Vec<_>>())),
        ..samples::storm().incident
    };
    let texts = Language::ALL.map(|language| {
        templates()
            .card(language, &storm(100), &CardContext::default())
            .text
            .plain()
    });
    for text in &texts {
        let lines: Vec<&str> = text
            .lines()
            .filter(|line| !line.is_empty())
            .take(4)
            .collect();
        assert_eq!(
            lines.last(),
            Some(&"🔴 DiskFull: node-24, node-49, node-74, node-99"),
            "{text}"
        );
    }
    assert!(
        texts[0].contains("🔴 4 critical, without a card of their own:\n")
            && !texts[0].contains("🔴 and"),
        "{}",
        texts[0]
    );
    let many = english(&storm(1_000)).text.plain();
    assert!(
        many.contains("🔴 40 critical")
            && many.contains("node-24, node-49")
            && many.contains("\n🔴 and 20 more\n"),
        "{many}"
    );
    assert!(!english(&storm(10)).text.plain().contains('🔴'));
}

#[test]
fn a_report_of_a_pipeline_is_a_few_lines_without_buttons() {
    let mut change = samples::pipeline();
    let card = english(&change.incident);
    let id = change.incident.id.clone();
    let expected = format!(
        "✅ checkout-api 2.14.0 is deployed\nstage production · commit 4f0c2d9 · by mira\nhttps://ci.example.com/runs/5120\n{id}"
    );
    assert_eq!(card.text.plain(), expected);
    assert!(card.buttons.is_empty());
    change.incident.hit_count = 3;
    change.incident.alert.labels = Texts::new();
    change.incident.alert.annotations = Texts::new();
    assert_eq!(
        english(&change.incident).text.plain(),
        format!("✅ checkout-api 2.14.0 is deployed [x3]\n{id}"),
        "what is not told leaves no gap"
    );
}

#[test]
fn the_budget_notice_says_where_the_money_went() {
    let notice = |spending: &Spending| {
        templates()
            .budget(Language::English, jiff::civil::date(2026, 11, 22), spending)
            .text
            .plain()
    };
    let expected = "💸 The budget for models of 2026-11-22 is used up\nThe static analyzer answers until midnight UTC.\n\
        $4.99 are spent or reserved\n· one: $3.90 (calls: 12, tokens: 49000)\n· own: $0.00 (calls: 3, tokens: 1000)\n\
        · $1.09 for calls that have not ended\n$0.25 of it are the highest possible price of calls whose real price is unknown";
    assert_eq!(notice(&samples::spending()), expected);
    assert!(
        notice(&Spending::default()).ends_with("\n$0.00 are spent or reserved"),
        "a first call that is too dear for the whole budget"
    );
}

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
        "Related: postgres-shop",
        "Deviation: error rate 61",
        "Prometheus up: no answer, no answer in 2 s",
        "open incidents checkout-api: nothing",
        "✗ severity: P1 never",
        "✓ cooldown: fine",
        "unit = checkout-api.service",
        "APPROVAL_REQUESTED",
    ] {
        assert!(details.contains(part), "{part} is missing in {details}");
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
    let alone = templates()
        .history(Language::English, &change.incident, &[], Names::default())
        .text
        .plain();
    assert!(alone.contains("None is known"), "{alone}");
    let escalation = templates().escalation(
        Language::English,
        &change.incident,
        &["ada".into(), "mira".into()],
    );
    assert!(escalation.text.plain().starts_with(
        "📣 Nobody has decided for 15 min\n🚨 P1 HighErrorRate · checkout-api in shop\n"
    ));
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

/// A file that knows ada.
fn channels() -> Channels {
    serde_json::from_value(json!({ "people": { "ada": { "telegram": 7, "slack": "U7" } }, "approvals": [{ "people": ["ada"] }] }))
        .expect("channels")
}

#[test]
fn people_are_called_by_their_names_and_the_details_keep_what_they_came_with() {
    let channels = channels();
    let names = Names::of(&channels);
    let mut change = samples::waiting();
    let id = change.incident.approval.as_ref().expect("asked").id.clone();
    let reject = Pressed {
        verdict: Verdict::Reject,
        by: Identity::Telegram(7),
        press: "p",
    };
    let now = change.incident.opened_at;
    decide(&mut change, &id, &reject, &channels, now).expect("taken");
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
fn what_was_tried_stays_on_the_card_whatever_comes_after_it() {
    let mut change = samples::tried_before();
    let card = english(&change.incident).text.plain();
    assert!(
        card.contains("Waiting for a decision"),
        "another plan waits: {card}"
    );
    let tried = "Restart a systemd unit, the symptom is still there\n✗ check 1: exited with 22 after 30.0 s\n";
    assert!(
        card.contains("\nTried at 2026-") && card.contains(tried),
        "{card}"
    );
    let channels = channels();
    let id = change.incident.approval.as_ref().expect("asked").id.clone();
    let now = change.incident.opened_at;
    decide(
        &mut change,
        &id,
        &Pressed {
            verdict: Verdict::Reject,
            by: Identity::Telegram(7),
            press: "p",
        },
        &channels,
        now,
    )
    .expect("taken");
    for language in Language::ALL {
        let card = templates()
            .card(language, &change.incident, &CardContext::default())
            .text
            .plain();
        assert!(
            !card.contains("nothing was run") && !card.contains("未執行任何動作"),
            "something ran: {card}"
        );
    }
    change.resolved(20, now);
    let mut waiting = samples::tried_before();
    waiting.resolved(20, now);
    let history = templates()
        .history(
            Language::English,
            &samples::repaired().incident,
            &[waiting.incident],
            Names::default(),
        )
        .text
        .plain();
    assert!(
        history.contains("the repair failed · Restart a systemd unit"),
        "{history}"
    );
}

#[test]
fn the_end_of_what_a_failed_step_printed_is_text_on_card_notice_and_details() {
    let mut change = samples::failed();
    let lines: Vec<String> = (1..=40).map(|n| format!("line {n} <b>&")).collect();
    let output = OutputEnd {
        stdout: lines.join("\n"),
        stderr: "curl: (7) \u{202e}refused\n\n".to_owned(),
    };
    change.incident.repair.as_mut().expect("ran").steps[1].output = output;
    let (_, notice) = samples::notices().remove(1);
    for language in Language::ALL {
        let card = templates()
            .card(language, &change.incident, &CardContext::default())
            .text;
        let told = templates()
            .notice(language, &change.incident, &notice, Names::default())
            .text;
        let details = templates()
            .details(
                language,
                &change.incident,
                &change.entries,
                Names::default(),
            )
            .text;
        for text in [&card, &told, &details] {
            assert!(
                text.plain().contains("line 40 <b>&\n")
                    && text.plain().contains("curl: (7) refused\n"),
                "{}",
                text.plain()
            );
            assert!(
                text.telegram()
                    .contains("<code>line 40 &lt;b&gt;&amp;</code>"),
                "{}",
                text.telegram()
            );
        }
        assert!(
            card.plain().contains("line 36 <b>&\n") && !card.plain().contains("line 35 "),
            "the last five: {}",
            card.plain()
        );
        assert!(
            details.plain().contains("line 26 <b>&\n") && !details.plain().contains("line 25 "),
            "{}",
            details.plain()
        );
    }
}

#[test]
fn a_notice_says_what_happened_first_and_whom_it_is_for_last() {
    let channels = channels();
    let templates = templates();
    let presenter = |language| Presenter {
        templates: &templates,
        language,
        silences: false,
        channels: &channels,
    };
    let told: Vec<String> = samples::notices()
        .iter()
        .map(|(incident, notice)| {
            presenter(Language::English)
                .notice(incident, notice)
                .content
                .text
                .plain()
        })
        .collect();
    let expected = [
        "✅ Repaired and verified · it ran by itself\nP1 HighErrorRate [x",
        "❌ The repair failed: a human has to look\nP1 HighErrorRate",
        "❌ The repair was verified, but the alert still fires: a human has to look\n",
        "🔁 It fires again\n",
        "🔁 It fires again\nP1 AlertStorm · many targets in all\n800 of 1000 incidents still open\n",
        "⏫ It got worse\nP1 HighErrorRate [x14] · checkout-api in shop\n⏳ Waiting for a decision until ",
        "🚨 A decision is needed\n",
        "🙋 The plan does not run: a human has to look\nP2 CertificateExpiresSoon · shop.example.com in edge\nnobody decided in time\n",
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
        let content = presenter(language).notice(incident, notice).content;
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
        silences: false,
        channels: &nobody,
    };
    let (incident, notice) = &samples::notices()[1];
    assert!(
        !presenter
            .notice(incident, notice)
            .content
            .text
            .plain()
            .contains('👤'),
        "nobody is known, and it is told all the same"
    );
    let flow = samples::flow();
    let told = presenter
        .flow_notice(&flow, &flow.failed())
        .content
        .text
        .plain();
    assert!(
        told.starts_with("❌ checkout 4f0c2d9 failed · by mira\ntest: 2 of 311 tests failed\n"),
        "{told}"
    );
}

#[test]
fn what_of_a_plan_has_no_room_on_the_card_stands_whole_in_the_details() {
    let mut incident = samples::waiting().incident;
    let plan = incident.plan.as_mut().expect("a plan");
    let long = format!("--until-{}", "x".repeat(300));
    for word in ["one", "two", "three four", "five", &long] {
        let mut step = plan.steps[0].clone();
        step.argv = vec!["purge".to_owned(), word.to_owned()];
        plan.steps.push(step);
    }
    let card = english(&incident).text.plain();
    assert!(
        card.contains("\nrun purge 'three four'\nrun and 2 more: all of them are in the details\n"),
        "{card}"
    );
    for language in Language::ALL {
        let details = templates()
            .details(language, &incident, &[], Names::default())
            .text
            .plain();
        let steps = [
            "purge one\n",
            "purge 'three four'\n",
            "purge five\n",
            &format!("purge {long}\n"),
            "http://localhost:8080/healthz\n",
        ];
        for step in steps
            .into_iter()
            .chain(["checkout-api-previous.service\n", "ssh quell@10.0.4.12:22"])
        {
            assert!(details.contains(step), "{step} is missing in {details}");
        }
    }
}

#[test]
fn a_step_that_runs_stands_on_the_card_as_the_last_one() {
    let text = english(&samples::repairing().incident).text.plain();
    assert!(
        text.contains("🔧 Repairing\n")
            && text.contains("\n✓ run 1: exited with 0 after 4.1 s\n⏳ check 1\n"),
        "{text}"
    );
    assert!(!text.contains("Repair: "), "it has not ended: {text}");
}

#[test]
fn what_does_not_fit_is_left_out_and_counted() {
    let mut change = samples::half_approved();
    for n in 0..40 {
        let mut entry = change.entries[0].clone();
        entry.detail = format!("{n} {}", "long ".repeat(60));
        change.entries.push(entry);
    }
    let details = templates()
        .details(
            Language::English,
            &change.incident,
            &change.entries,
            Names::default(),
        )
        .text;
    assert!(
        details.units() <= MESSAGE_UNITS && details.plain().contains(" more before)\n"),
        "{}",
        details.plain()
    );
    assert!(details.plain().contains(": 39 long"), "the newest stay");
    let many = vec![samples::repaired().incident; 60];
    let history = templates()
        .history(Language::English, &change.incident, &many, Names::default())
        .text
        .plain();
    assert!(history.contains("\nand 45 more\n"), "{history}");
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

/// A directory with one template of the operator's.
fn own(kind: Kind, source: &str) -> (tempfile::TempDir, Templates) {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join(file(Language::English, kind));
    std::fs::create_dir_all(path.parent().expect("a parent")).expect("made");
    std::fs::write(path, source).expect("written");
    let templates = Templates::load(directory.path());
    (directory, templates)
}

#[test]
fn an_operators_template_takes_the_place_of_the_built_in_one() {
    let source = "{% macro loud(text) %}<b>{{ text|upper }}</b>{% endmacro %}\n{{ loud(name) }} {{ words.status[status] }}";
    let (_directory, templates) = own(Kind::Incident, source);
    let mut incident = samples::waiting().incident;
    incident.alert.name = "<i>x</i>".into();
    let card = templates.card(Language::English, &incident, &CardContext::default());
    assert_eq!(
        card.text.telegram(),
        "<b>&lt;I&gt;X&lt;/I&gt;</b> Waiting for a decision"
    );
    assert!(!card.buttons.is_empty(), "buttons are not the template's");
    let other = templates.card(
        Language::TraditionalChinese,
        &incident,
        &CardContext::default(),
    );
    assert!(
        other.text.plain().contains("等待簽核"),
        "{}",
        other.text.plain()
    );
}

#[test]
fn what_comes_from_outside_stays_text_whatever_the_template_says() {
    let mut incident = samples::waiting().incident;
    incident.alert.name = "<b>x</b>".into();
    for source in [
        "{% autoescape false %}{{ name }}{% endautoescape %}",
        "{% set x %}{{ name }}{% endset %}{{ x }}",
        "{{ [name]|join }}",
    ] {
        let (_directory, templates) = own(Kind::Incident, source);
        let text = templates
            .card(Language::English, &incident, &CardContext::default())
            .text;
        assert_eq!(text.telegram(), "&lt;b&gt;x&lt;/b&gt;", "{source}");
    }
}

#[test]
fn a_broken_template_gives_way_and_says_so() {
    let cases = [
        ("\n{% if %}", 2, "syntax error"),
        ("<b>x</b>\n{{ nobody }}", 2, "no field nobody"),
        (
            "{% if false %}{{ nobody }}{% endif %}",
            1,
            "no field nobody",
        ),
        (
            "\n\n{% for part in parts %}{{ part.nobody }}{% endfor %}",
            3,
            "undefined",
        ),
        ("x\n<u>y</u>", 2, "<u> is not allowed"),
        ("x\n<b>y", 2, "<b> is not closed"),
        ("{{ name|safe }}", 1, "unknown filter"),
        (
            "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
            1,
            "fuel",
        ),
        ("{% include 'x' %}", 1, ""),
    ];
    let incident = samples::waiting().incident;
    let whole = english(&incident).text.plain();
    for (source, line, what) in cases {
        let (directory, templates) = own(Kind::Incident, source);
        let extras = CardContext {
            silence_possible: true,
            ..CardContext::default()
        };
        let text = templates
            .card(Language::English, &incident, &extras)
            .text
            .plain();
        let note = format!(
            "\n⚠ This message's own template is broken, the built-in one is shown: templates/en/incident.html:{line}"
        );
        assert_eq!(text, format!("{whole}{note}"), "{source}");
        let (own, faults) = crate::render::check::faults(directory.path());
        assert_eq!((own, faults.len()), (1, 1), "{faults:?}");
        assert_eq!(
            (faults[0].file.as_str(), faults[0].line),
            ("templates/en/incident.html", line),
            "{faults:?}"
        );
        assert!(faults[0].what.contains(what), "{faults:?}");
    }
    let (directory, _) = own(Kind::Incident, "{{ name }}");
    assert_eq!(crate::render::check::faults(directory.path()), (1, vec![]));
    std::fs::write(directory.path().join("templates/en/incidents.html"), "x").expect("written");
    assert!(
        crate::render::check::faults(directory.path()).1[0]
            .what
            .contains("no message is made from it")
    );
}

#[test]
fn every_state_has_its_word_in_every_language() {
    let templates = templates();
    let mut incident = samples::waiting().incident;
    let statuses = [
        Status::Open,
        Status::AwaitingApproval,
        Status::NeedsHuman,
        Status::Approved,
        Status::Rejected,
        Status::Repairing,
        Status::Repaired,
        Status::RepairFailed,
        Status::Resolved,
        Status::Announced,
        Status::Tied,
    ];
    let outcomes = [
        RepairOutcome::Verified,
        RepairOutcome::StepFailed,
        RepairOutcome::NotVerified,
        RepairOutcome::Unknown,
        RepairOutcome::Stopped,
        RepairOutcome::StillFiring,
        RepairOutcome::Unreachable,
    ];
    for language in Language::ALL {
        for status in statuses {
            for guardrail in Guardrail::ALL {
                for outcome in outcomes {
                    incident.status = status;
                    incident.guardrails = vec![GuardrailOutcome::blocked(guardrail, "why")];
                    let mut repair = Repair::start("x".into(), incident.opened_at);
                    (repair.outcome, repair.finished_at) =
                        (Some(outcome), Some(incident.opened_at));
                    incident.repair = Some(repair);
                    let content = templates.card(language, &incident, &CardContext::default());
                    assert!(
                        content.text.plain().contains(incident.id.as_str()),
                        "{}",
                        content.text.plain()
                    );
                    assert!(
                        templates
                            .details(language, &incident, &[], Names::default())
                            .text
                            .plain()
                            .contains(incident.id.as_str())
                    );
                    assert!(
                        templates
                            .history(language, &incident, &[incident.clone()], Names::default())
                            .text
                            .plain()
                            .contains(incident.id.as_str())
                    );
                }
            }
        }
    }
}

/// The largest incident with this text wherever a text comes from outside.
fn hostile(text: &str) -> Incident {
    let text = text.to_owned();
    let mut incident = samples::half_approved().incident;
    let alert = &mut incident.alert;
    (alert.name, alert.target, alert.namespace, alert.message) =
        (text.clone(), text.clone(), text.clone(), text.clone());
    alert.labels = ["stage", "commit", "triggered_by"]
        .map(|name| (name.to_owned(), text.clone()))
        .into();
    alert.annotations = Texts::from([("workflow_url".to_owned(), text.clone())]);
    let finding = json!({
        "action_title": text, "description": text, "root_cause": text, "suggested_action": text, "suggested_command": text,
        "risk": "critical", "confidence": 0.6, "affected_services": vec![&text; 20], "primary_responsibility": "DATABASE",
        "optimisation_suggestions": [text], "deviation": text, "remembered": text, "fell_back_because": text, "provider": text,
        "model": text, "tokens": 1, "price_micro_usd": 1, "duration_ms": 1,
        "blast_radius": { "affected_pods": 1, "estimated_downtime": text, "related_services": vec![&text; 20], "data_impact": "DESTRUCTIVE" },
    });
    incident.analysis = Some(serde_json::from_value(finding).expect("a finding"));
    let number = |value| Measurement {
        name: text.clone(),
        unit: text.clone(),
        ..Measurement::of("", "", &[value]).expect("a number")
    };
    let link = Some(format!("https://a.test/?q=\"&{text}"));
    let found = [
        Found::Measured {
            measurements: vec![number(f64::MAX); 12],
            link,
        },
        Found::Known {
            facts: vec![text.clone(); 12],
        },
        Found::Failed { why: text.clone() },
    ];
    let piece = |found: &Found| Evidence {
        source: Source::Prometheus,
        asked: text.clone(),
        at: Timestamp::UNIX_EPOCH,
        duration_ms: 1,
        found: found.clone(),
    };
    incident.evidence = found.iter().cycle().take(9).map(piece).collect();
    incident.guardrails = Guardrail::ALL
        .map(|guardrail| GuardrailOutcome::blocked(guardrail, text.clone()))
        .into();
    let plan = incident.plan.as_mut().expect("a plan");
    (plan.playbook_name, plan.target) = (text.clone(), text.clone());
    plan.parameters = (0..20)
        .map(|n| (format!("{n}{text}"), text.clone()))
        .collect();
    plan.steps[0].argv = vec![text.clone()];
    (plan.steps, plan.verify) = (
        vec![plan.steps[0].clone(); 9],
        vec![plan.steps[0].clone(); 9],
    );
    let output = OutputEnd {
        stdout: text.clone(),
        stderr: text.clone(),
    };
    let step = |n| StepRun {
        detail: text.clone(),
        output: output.clone(),
        ..StepRun::ended(Phase::Verify, n, false)
    };
    let mut repair = Repair::start(text.clone(), Timestamp::UNIX_EPOCH);
    (repair.steps, repair.outcome, repair.finished_at) = (
        (0..30).map(step).collect(),
        Some(RepairOutcome::Unknown),
        Some(Timestamp::MAX),
    );
    incident.earlier_repairs = vec![
        EarlierRepair {
            playbook: text.clone(),
            repair: repair.clone()
        };
        EARLIER_KEPT
    ];
    incident.repair = Some(repair);
    let approval = incident.approval.as_mut().expect("asked");
    approval.votes = vec![
        Vote {
            person: text.clone(),
            by: text.clone(),
            at: Timestamp::UNIX_EPOCH
        };
        3
    ];
    incident.no_plan_because = Some(text);
    (incident.left_out, incident.flaps, incident.hit_count) = (u64::MAX, u64::MAX, u64::MAX);
    incident
}

/// Every message about an incident, in every language.
fn messages(incident: &Incident, text: &str) -> Vec<Content> {
    let templates = templates();
    let mut entry = samples::waiting().entries[0].clone();
    (entry.actor, entry.detail, entry.error) =
        (text.to_owned(), text.to_owned(), Some(text.to_owned()));
    let entries = vec![entry; 40];
    let line = |n: usize| StormMember {
        incident_id: incident.id.clone(),
        name: format!("{}{text}", n % 30),
        target: text.to_owned(),
        open: n.is_multiple_of(2),
        critical: n.is_multiple_of(3),
    };
    let storm = Incident {
        storm: Some(Storm::of(&(0..60).map(line).collect::<Vec<_>>())),
        ..incident.clone()
    };
    let mut report = incident.clone();
    report.alert.cicd = true;
    let spending = Spending {
        committed: u64::MAX,
        unsettled: u64::MAX,
        providers: (0..40)
            .map(|n| (format!("{n}{text}"), Paid::default()))
            .collect(),
    };
    let silenced_until = Some(Timestamp::UNIX_EPOCH + SignedDuration::from_hours(1));
    let extras = CardContext {
        silence_possible: true,
        silenced_until,
        names: Names::default(),
    };
    let mut run = samples::flow();
    (run.name, run.commit, run.by, run.url) = (
        text.to_owned(),
        text.to_owned(),
        text.to_owned(),
        text.to_owned(),
    );
    run.stages
        .iter_mut()
        .for_each(|stage| (stage.name, stage.message) = (text.to_owned(), text.to_owned()));
    let people = vec![text.to_owned(); 50];
    let what = What::Ended {
        outcome: RepairOutcome::StepFailed,
        automatic: false,
    };
    let notice = Notice {
        sequence: 1,
        at: Timestamp::MAX,
        what,
        deciders: people.clone(),
    };
    let all = Language::ALL.map(|language| {
        [
            templates.card(language, incident, &extras),
            templates.card(language, &storm, &extras),
            templates.card(language, &report, &extras),
            templates.flow(language, &run),
            templates.budget(language, jiff::civil::Date::MAX, &spending),
            templates.details(language, incident, &entries, Names::default()),
            templates.history(
                language,
                incident,
                &vec![incident.clone(); 3],
                Names::default(),
            ),
            templates.escalation(language, incident, &people),
            templates.notice(language, incident, &notice, Names::default()),
            templates.flow_notice(language, &run, &run.failed()),
        ]
    });
    all.into_iter().flatten().collect()
}

fn holds(contents: &[Content]) {
    assert_eq!(contents.len(), every().count());
    for content in contents {
        let html = content.text.telegram();
        assert!(
            content.text.units() <= MESSAGE_UNITS,
            "{}",
            content.text.units()
        );
        assert_eq!(
            Markup::parse(&html).expect("what is allowed").plain(),
            content.text.plain()
        );
        assert!(
            !html.contains(['\0', '\u{202e}', '\u{200b}']) && !html.contains("evil.test\">"),
            "{html}"
        );
        assert!(
            !content.text.plain().starts_with("built-in templates/"),
            "the template failed"
        );
        assert!(
            content
                .buttons
                .iter()
                .flatten()
                .all(|button| button.ask.to_string().len() <= 64)
        );
    }
}

#[test]
fn the_largest_texts_make_messages_that_every_channel_takes() {
    let long = 64 * 1024;
    for text in [
        "x",
        "<",
        "🔥",
        "&\0\r\n",
        "</b><a href=\"https://evil.test\">x</a>",
        "\u{202e}\u{5d0}\u{627}",
        "*_`~> <!here>",
        "a b\n",
    ] {
        let text = text.repeat(long / text.len());
        holds(&messages(&hostile(&text), &text));
    }
    let empty = hostile("");
    holds(&messages(&empty, ""));
}

fn outside() -> impl Strategy<Value = String> {
    const PIECES: [&str; 14] = [
        "<b>",
        "</b>",
        "<a href=\"https://evil.test\">",
        "&lt;",
        "&",
        "*",
        "_",
        "`",
        "\n",
        "🔥",
        "\u{202e}",
        "{{ id }}",
        "{% raw %}",
        "\u{5d0}",
    ];
    let piece = prop_oneof![
        prop::sample::select(&PIECES[..]).prop_map(str::to_owned),
        any::<char>().prop_map(String::from)
    ];
    prop::collection::vec(piece, 0..30).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(24))]

    #[test]
    fn any_text_makes_messages_that_every_channel_takes(text in outside(), times in 1_usize..40) {
        let text = text.repeat(times);
        holds(&messages(&hostile(&text), &text));
    }
}
