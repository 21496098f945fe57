//! Prints the built-in templates' renderings of the samples as JSON for `infra.local.pictures`.

use domain::notification::channels::Language;
use domain::notification::words::words;
use jiff::civil::date;
use notifier::render::buttons::CardContext;
use notifier::render::content::Content;
use notifier::render::templates::Templates;
use notifier::render::view::Names;
use serde_json::{Value, json};

#[path = "../tests/samples/mod.rs"]
mod samples;

#[expect(
    clippy::print_stdout,
    reason = "a command prints what it was asked for"
)]
fn main() {
    let templates = Templates::load("no directory".as_ref());
    let (names, context) = (
        Names::default(),
        CardContext {
            silence_possible: true,
            ..CardContext::default()
        },
    );
    let mut shown = serde_json::Map::new();
    for language in Language::ALL {
        // What leads to the incident's page is no part of a card's content: each kind of channel shows it in its own way.
        let led_on = |content: &Content| {
            let mut shown = as_json(content);
            let page = words(language).text("link", "page");
            if let Some(rows) = shown["buttons"].as_array_mut() {
                rows.push(json!([page]));
            }
            shown
        };
        let card = |change: domain::incident::change::IncidentChange| {
            led_on(&templates.card(language, &change.incident, &context))
        };
        let waiting = samples::half_approved();
        let failed = &samples::notices()[1];
        let people = ["ada".to_owned(), "mira".to_owned()];
        let cards = json!({
            "waiting": card(samples::waiting()),
            "half_approved": card(samples::half_approved()),
            "repairing": card(samples::repairing()),
            "repaired": card(samples::repaired()),
            "failed": card(samples::failed()),
            "notice_failed": led_on(&templates.notice(language, &failed.0, &failed.1, names)),
            "still_firing": card(samples::still_firing()),
            "needs_human": card(samples::needs_human()),
            "storm": card(samples::storm()),
            "pipeline": as_json(&templates.card(language, &samples::pipeline().incident, &context)),
            "details": led_on(&templates.details(language, &waiting.incident, &waiting.entries, names)),
            "history": as_json(&templates.history(language, &waiting.incident, &samples::earlier(), names)),
            "escalation": led_on(&templates.escalation(language, &waiting.incident, &people, Names::default())),
            "budget": as_json(&templates.budget(language, date(2026, 11, 22), &samples::spending())),
        });
        shown.insert(language.tag().to_owned(), cards);
    }
    println!("{}", Value::Object(shown));
}

fn as_json(content: &Content) -> Value {
    let buttons: Vec<Vec<&str>> = content
        .buttons
        .iter()
        .map(|row| row.iter().map(|button| button.label.as_str()).collect())
        .collect();
    json!({ "html": content.text.telegram(), "mrkdwn": content.text.mrkdwn(), "buttons": buttons })
}
