//! Tests of what messages say about repairs.

use domain::incident::approval::Verdict;
use domain::incident::change::IncidentChange;
use domain::incident::repair::{OutputEnd, RepairOutcome};
use domain::incident::{Incident, Status};
use domain::notification::channels::{Identity, Language};
use domain::phrase;
use domain::transition::decision::{Pressed, decide};

use crate::render::buttons::CardContext;
use crate::render::templates::tests::{channels, english, templates};
use crate::render::view::Names;
use crate::samples;

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
        &after(Err("it is down".into())),
        [
            "could not be removed, it ends at 2026-11-",
            "修復期間的靜音無法解除，將於 2026-11-",
        ],
    );
    for text in shown(&after(Ok(()))) {
        assert!(
            !text.contains("Alertmanager"),
            "there is nothing to say any more: {text}"
        );
    }
    let mut without = IncidentChange::new(Incident {
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
    without.repair_silenced(
        &hash,
        Err("it is <down>".into()),
        without.incident.opened_at,
    );
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
            "Ran and checked in 9.0 s, but the alert still fires",
            "修復於 9.0 秒內完成並通過驗證，但告警仍在觸發",
        ],
    );
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
    let reject = Pressed {
        verdict: Verdict::Reject,
        by: Identity::Telegram(7),
        press: "p",
    };
    let decision = decide(change.incident.clone(), &id, &reject, &channels, now);
    decision.answer.expect("taken");
    change.append(decision.change);
    for language in Language::ALL {
        assert!(!says_nothing_ran(language, &change.incident));
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

fn says_nothing_ran(language: Language, incident: &Incident) -> bool {
    let card = templates().card(language, incident, &CardContext::default());
    let said = match language {
        Language::English => "\nNothing was run.\n",
        Language::TraditionalChinese => "\n未執行任何動作。\n",
    };
    card.text.plain().contains(said)
}

#[test]
fn a_plan_that_ended_says_that_nothing_was_run_only_if_so() {
    let waiting = samples::waiting();
    let mut void = waiting.clone();
    void.resolved(20, waiting.incident.opened_at);
    let mut stopped = samples::repaired();
    let repair = stopped.incident.repair.as_mut().expect("it ran");
    repair.outcome = Some(RepairOutcome::Stopped);
    let mut before = stopped.clone();
    before.incident.repair.as_mut().expect("it ran").steps = Vec::new();
    for (incident, nothing_ran) in [
        (waiting.incident, false),
        (void.incident, true),
        (stopped.incident, false),
        (before.incident, true),
        (samples::failed().incident, false),
    ] {
        for language in Language::ALL {
            let says = says_nothing_ran(language, &incident);
            assert_eq!(says, nothing_ran, "{:?} {language:?}", incident.status);
        }
    }
}

#[test]
fn output_of_a_failed_step_is_text_in_every_message() {
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
            details.plain().contains("line 1 <b>&\n") && details.plain().contains("line 40 <b>&\n"),
            "{}",
            details.plain()
        );
    }
}

#[test]
fn a_command_that_is_cut_says_so_and_where_the_whole_stands() {
    let mut incident = samples::waiting().incident;
    let mut shown = |characters: usize| {
        let plan = incident.plan.as_mut().expect("a plan");
        plan.steps[0].argv = vec!["purge".to_owned(), "x".repeat(characters)];
        let card = english(&incident).text.plain();
        let details = templates()
            .details(Language::English, &incident, &[], Names::default())
            .text
            .plain();
        (card, details)
    };
    const IN_DETAILS: &str = "a command that was cut: Details shows all of it";
    const ON_PAGE: &str = "a command that was cut: the page of the decision shows all of it";
    for (characters, on_card, in_details) in
        [(50, false, false), (300, true, false), (900, true, true)]
    {
        let (card, details) = shown(characters);
        assert_eq!(
            (card.contains(IN_DETAILS), card.contains("xx…")),
            (on_card, on_card),
            "{card}"
        );
        assert_eq!(
            (details.contains(ON_PAGE), details.contains("xx…")),
            (in_details, in_details),
            "{details}"
        );
    }
    // What a model or a rule suggests cannot be taken for a step.
    let (card, _) = shown(50);
    let suggested = card.lines().find(|line| line.contains("kubectl rollout"));
    let suggested = suggested.expect("the finding has a command");
    assert!(suggested.starts_with("💭 a suggestion to try by hand, no part of the plan: "));
}

#[test]
fn details_hold_the_steps_that_the_card_leaves_out() {
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
        card.contains("\nrun purge 'three four'\nrun and 2 more: Details shows all of them\n"),
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
fn what_became_of_a_step_is_said_in_the_reader_s_language() {
    let mut incident = samples::failed().incident;
    let repair = incident.repair.as_mut().expect("it ran");
    repair.steps[1].detail = phrase!(
        "{program} on {name} ended with exit status {status}.",
        program = "curl",
        name = "shop-1",
        status = 22
    );
    let shown = Language::ALL.map(|language| {
        templates()
            .card(language, &incident, &CardContext::default())
            .text
            .plain()
    });
    let sentences = [
        "curl on shop-1 ended with exit status 22.",
        "shop-1 上的 curl 以狀態碼 22 結束。",
    ];
    for (text, sentence) in shown.iter().zip(sentences) {
        assert!(text.contains(sentence), "{sentence}: {text}");
    }
}
