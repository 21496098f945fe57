//! Tests of storms, reports of pipelines, the budget, and of what has no room.

use domain::alert::{Alert, AlertSeverity, Texts};
use domain::analysis::budget::Spending;
use domain::incident::Incident;
use domain::incident::parts::{IncidentKind, Storm, StormMember, WorseAlert};
use domain::notification::channels::Language;

use crate::render::buttons::CardContext;
use crate::render::markup::MESSAGE_UNITS;
use crate::render::presenter::Presenter;
use crate::render::templates::tests::{channels, english, templates};
use crate::render::view::Names;
use crate::samples;

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
            let members = rest.split(' ').next().unwrap_or_default();
            (
                open.parse::<u64>().expect("a number"),
                members.parse::<u64>().expect("a number"),
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
        kind: IncidentKind::Storm(Storm::summarise(&(0..lines).map(line).collect::<Vec<_>>())),
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
fn every_message_names_the_worst_alert() {
    let mut incident = samples::waiting().incident;
    let first = incident.alert.clone();
    incident.worse.push(WorseAlert {
        severity: AlertSeverity::Critical,
        name: "CheckoutDown".to_owned(),
        target: "checkout-2".to_owned(),
        message: "nothing answers".to_owned(),
    });
    let (templates, names) = (templates(), Names::default());
    for language in Language::ALL {
        let shown = [
            english(&incident),
            templates.details(language, &incident, &[], names),
            templates.history(language, &incident, &[], names),
            templates.escalation(language, &incident, &["ada".to_owned()], names),
        ];
        for text in shown.map(|content| content.text.plain()) {
            let begins: Vec<&str> = text.lines().take(2).collect();
            let begins = begins.join("\n");
            assert!(
                begins.contains("CheckoutDown") && begins.contains("checkout-2"),
                "{text}"
            );
            assert!(!begins.contains(&first.name), "{text}");
        }
    }
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
fn facts_hold_no_namespace_that_was_not_sent() {
    let (templates, channels) = (templates(), channels());
    let presenter = Presenter {
        templates: &templates,
        language: Language::English,
        zone: None,
        silences: false,
        channels: &channels,
    };
    let mut incident = samples::waiting().incident;
    let facts = |incident: &Incident| presenter.incident(incident, incident.opened_at).facts;
    assert_eq!(facts(&incident)["namespace"], incident.alert.namespace);
    incident.alert.namespace = Alert::NO_NAMESPACE.to_owned();
    assert_eq!(facts(&incident).get("namespace"), None);
}

#[test]
fn times_of_the_log_have_a_date_where_it_changes() {
    let change = samples::half_approved();
    let mut entry = change.entries[0].clone();
    let at = [
        "2026-11-22T23:59:58Z",
        "2026-11-22T23:59:59Z",
        "2026-11-23T00:00:01Z",
    ];
    let entries = at.map(|at| {
        entry.at = at.parse().expect("a time");
        entry.clone()
    });
    let details = templates().details(
        Language::English,
        &change.incident,
        &entries,
        Names::default(),
    );
    let text = details.text.plain();
    let times: Vec<&str> = text
        .lines()
        .filter_map(|line| Some(line.split_once(" UTC ")?.0))
        .collect();
    assert_eq!(
        times,
        ["2026-11-22 23:59:58", "23:59:59", "2026-11-23 00:00:01"],
        "{text}"
    );
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
