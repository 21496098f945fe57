//! Tests of the operator's templates, and of the texts of the built-in ones.

use std::collections::BTreeSet;
use std::path::Path;

use domain::incident::Status;
use domain::incident::guardrail::{Guardrail, GuardrailOutcome};
use domain::incident::repair::{Repair, RepairOutcome};
use domain::notification::channels::Language;
use domain::notification::outbox::Trouble;
use domain::notification::words::card_words;

use crate::render::buttons::CardContext;
use crate::render::check;
use crate::render::kind::{Kind, file};
use crate::render::templates::Templates;
use crate::render::templates::tests::{english, templates};
use crate::render::view::{self, Names};
use crate::samples;

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
fn operators_template_cannot_turn_values_into_markup() {
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
        let context = CardContext {
            silence_possible: true,
            ..CardContext::default()
        };
        let text = templates
            .card(Language::English, &incident, &context)
            .text
            .plain();
        let note = format!(
            "\n⚠ This message's own template is broken, the built-in one is shown: templates/en/incident.html:{line}"
        );
        assert_eq!(text, format!("{whole}{note}"), "{source}");
        let (own, errors) = check::errors(directory.path());
        assert_eq!((own, errors.len()), (1, 1), "{errors:?}");
        assert_eq!(
            (errors[0].file.as_str(), errors[0].line),
            ("templates/en/incident.html", line),
            "{errors:?}"
        );
        assert!(errors[0].what.contains(what), "{errors:?}");
    }
    let (directory, _) = own(Kind::Incident, "{{ name }}");
    assert_eq!(check::errors(directory.path()), (1, vec![]));
    std::fs::write(directory.path().join("templates/en/incidents.html"), "x").expect("written");
    assert!(
        check::errors(directory.path()).1[0]
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
        Status::Expired,
        Status::Announced,
        Status::InStorm,
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
                    incident.guardrails =
                        vec![GuardrailOutcome::blocked(guardrail, "why".to_owned())];
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

#[test]
fn templates_and_tables_have_the_same_sentences() {
    let mut said = BTreeSet::from(["broken_template".to_owned()]);
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("templates");
    for file in std::fs::read_dir(directory).expect("the templates") {
        let source = std::fs::read_to_string(file.expect("a file").path()).expect("text");
        for call in source.split("say(").skip(1) {
            let call = call.split_once(')').map_or(call, |(call, _)| call);
            let choice = call.split(" if ").chain(call.split(" else ").skip(1));
            let names = choice.filter_map(|part| part.trim().strip_prefix('"')?.split('"').next());
            said.extend(names.map(str::to_owned));
        }
    }
    // The ends of these names are values of fields, and so are whole names.
    for (begin, ends) in [
        ("repair_silence_", &["holds", "not_made", "not_removed"][..]),
        ("cannot_be_approved_", &["no_rule", "too_few"]),
    ] {
        assert!(said.remove(begin), "{begin}");
        said.extend(ends.iter().map(|end| format!("{begin}{end}")));
    }
    let troubles = [
        Trouble::ChannelRefuses(String::new()),
        Trouble::ChannelUnreachable(String::new()),
        Trouble::NoRoute,
        Trouble::NoApprover,
    ];
    said.extend(troubles.map(|trouble| view::notices::Trouble::of(&trouble).problem.to_owned()));
    let sentences = card_words(Language::English).table()["say"].as_object();
    let known: BTreeSet<String> = sentences.expect("sentences").keys().cloned().collect();
    assert_eq!(said, known);
}

#[test]
fn copy_of_a_built_in_template_is_a_template() {
    for kind in Kind::ALL {
        let (directory, _) = own(kind, kind.built_in());
        assert_eq!(check::errors(directory.path()), (1, vec![]), "{kind:?}");
    }
}
