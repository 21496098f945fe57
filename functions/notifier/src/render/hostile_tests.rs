//! Tests of every message with hostile texts.

use domain::alert::Texts;
use domain::analysis::budget::{Paid, Spending};
use domain::analysis::evidence::{Evidence, Found, Measurement, Source};
use domain::incident::Incident;
use domain::incident::approval::Vote;
use domain::incident::guardrail::{Guardrail, GuardrailOutcome};
use domain::incident::parts::{IncidentKind, Storm, StormMember};
use domain::incident::repair::{
    EARLIER_KEPT, EarlierRepair, OutputEnd, Repair, RepairOutcome, StepRun,
};
use domain::notification::channels::Language;
use domain::notification::notice::{Notice, What};
use domain::notification::outbox;
use domain::playbook::plan::Phase;
use domain::primitives::identity::Identity;
use domain::transition::decision::quorum::NoApprover;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::{Strategy, any, prop, prop_oneof, proptest};
use serde_json::json;

use crate::render::buttons::CardContext;
use crate::render::content::Content;
use crate::render::kind::every;
use crate::render::markup::{MESSAGE_UNITS, Markup};
use crate::render::templates::tests::templates;
use crate::render::view::Names;
use crate::render::view::chart::ChartCaption;
use crate::render::view::notices::Trouble;
use crate::samples;

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
        "risk": "critical", "confidence": { "mean": 0.8, "at_least": 0.7, "counts": { "right": 14, "wrong": 2 } }, "affected_services": vec![&text; 20], "primary_responsibility": "DATABASE",
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
            facts: vec![text.clone().into(); 12],
        },
        Found::Failed {
            why: text.clone().into(),
        },
    ];
    let piece = |found: &Found| Evidence {
        source: Source::Prometheus,
        asked: text.clone().into(),
        at: Timestamp::UNIX_EPOCH,
        duration_ms: 1,
        found: found.clone(),
    };
    incident.evidence = found.iter().cycle().take(9).map(piece).collect();
    incident.guardrails = Guardrail::ALL
        .map(|guardrail| GuardrailOutcome::blocked(guardrail, text.clone()))
        .into();
    let plan = incident.plan.as_mut().expect("a plan");
    (plan.playbook_name, plan.target) = (text.clone(), text.as_str().into());
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
        detail: text.clone().into(),
        output: output.clone(),
        ..StepRun::ended(Phase::Verify, n, false)
    };
    let mut repair = Repair::start(text.as_str().into(), Timestamp::UNIX_EPOCH);
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
            by: Identity::Link(text.clone()),
            at: Timestamp::UNIX_EPOCH,
            signature: None,
        };
        3
    ];
    incident.no_plan_because = Some(text.into());
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
        kind: IncidentKind::Storm(Storm::summarise(&(0..60).map(line).collect::<Vec<_>>())),
        ..incident.clone()
    };
    let mut report = incident.clone();
    report.kind = IncidentKind::Pipeline;
    let spending = Spending {
        committed: u64::MAX,
        unsettled: u64::MAX,
        providers: (0..40)
            .map(|n| (format!("{n}{text}"), Paid::default()))
            .collect(),
    };
    let silenced_until = Some(Timestamp::UNIX_EPOCH + SignedDuration::from_hours(1));
    let context = CardContext {
        silence_possible: true,
        silenced_until,
        no_approver: Some(NoApprover::TooFew { able: 1 }),
        names: Names::default(),
    };
    let mut run = samples::pipeline_run();
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
    let measurement = Measurement {
        name: text.to_owned(),
        unit: text.to_owned(),
        limit: Some(text.to_owned()),
        ..Measurement::of("", "", &[f64::MIN]).expect("a number")
    };
    let caption = ChartCaption::of(&measurement, &samples::series());
    let all = Language::ALL.map(|language| {
        [
            templates.card(language, incident, &context),
            templates.card(language, &storm, &context),
            templates.card(language, &report, &context),
            templates.pipeline_run(language, &run),
            templates.budget(language, jiff::civil::Date::MAX, &spending),
            templates.details(language, incident, &entries, Names::default()),
            templates.history(
                language,
                incident,
                &vec![incident.clone(); 3],
                Names::default(),
            ),
            templates.escalation(language, incident, &people, Names::default()),
            templates.notice(language, incident, &notice, Names::default()),
            templates.pipeline_run_notice(language, &run, &run.failed()),
            templates.trouble(
                language,
                &Trouble::of(&outbox::Trouble::ChannelRefuses(text.to_owned())),
            ),
            templates.chart(language, &caption),
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
        let email = content.text.html().replace("<br>\n", "\n");
        assert_eq!(
            Markup::parse(&email).expect("no other tags").plain(),
            content.text.plain()
        );
        assert!(
            !html.contains(['\0', '\u{202e}', '\u{200b}']) && !html.contains("evil.test\">"),
            "{html}"
        );
        assert!(
            !content.text.plain().starts_with("built-in "),
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
fn largest_texts_fit_every_channel() {
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
    fn any_text_fits_every_channel(text in outside(), times in 1_usize..40) {
        let text = text.repeat(times);
        holds(&messages(&hostile(&text), &text));
    }
}
