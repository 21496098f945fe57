//! What people are told: made of the state in the store, the same for every kind of channel.

use jiff::civil::Date;
use serde_json::{Value, json};
use shared::domain::ask::Ask;
use shared::domain::budget::Spending;
use shared::domain::channels::Language;
use shared::domain::digest::Digest;
use shared::domain::flow::Flow;
use shared::domain::incident::Incident;
use shared::domain::operation_log::Entry;
use shared::domain::outbox::Shown;

use crate::budget_notice;
use crate::card::{self, Card, NAME_CHARACTERS, TEXT_CHARACTERS, escaped};
use crate::content::{Button, Content};
use crate::flow_card;
use crate::rich::Rich;

/// How many of the newest log entries and how many earlier incidents are told.
const LINES: usize = 10;

/// Something to tell.
#[derive(Debug, Clone, PartialEq)]
pub struct Presented {
    /// What it is about, for machines (see [`crate::content::Post::about`]).
    pub about: &'static str,
    /// What people see.
    pub content: Content,
    /// The same for machines.
    pub facts: Value,
    /// What of it is compared with what a card shows already.
    pub shown: Shown,
}

/// The card of an incident as it is now.
#[must_use]
pub fn incident(_language: Language, incident: &Incident) -> Presented {
    let content = content(card::render(incident));
    let uncounted = self::content(card::render(&Incident { hit_count: 1, ..incident.clone() }));
    let shown = Shown {
        whole: digest(&content),
        but_count: digest(&uncounted),
        result: incident.repair.as_ref().is_some_and(|repair| repair.outcome.is_some()),
    };
    let facts = json!({
        "incident_id": incident.id, "status": incident.status, "severity": incident.severity, "hit_count": incident.hit_count,
        "name": incident.alert.name, "target": incident.alert.target, "namespace": incident.alert.namespace,
    });
    Presented { about: "incident", content, facts, shown }
}

/// The card of a run of a delivery pipeline.
#[must_use]
pub fn flow(_language: Language, flow: &Flow) -> Presented {
    let content = content(flow_card::render(flow));
    let whole = digest(&content);
    let facts = json!({ "pipeline": flow.name, "commit": flow.commit, "incident_id": flow.newest });
    Presented { about: "pipeline", content, facts, shown: Shown { but_count: whole.clone(), whole, result: false } }
}

/// That the budget of a day is used up. What is spent later that day changes nothing for the reader.
#[must_use]
pub fn budget(_language: Language, day: Date, spending: &Spending) -> Presented {
    let day_only = Digest::new().field(day.to_string()).hex();
    let shown = Shown { whole: day_only.clone(), but_count: day_only, result: false };
    let facts = json!({ "day": day, "committed_micro_usd": spending.committed });
    Presented { about: "notice", content: content(budget_notice::render(day, spending)), facts, shown }
}

/// The evidence and the end of the operation log of an incident.
#[must_use]
pub fn details(_language: Language, incident: &Incident, log: &[Entry]) -> Presented {
    let mut lines = vec![format!("<b>Details</b> of <code>{}</code>", incident.id)];
    lines.push(format!("evidence: {} pieces", incident.evidence.len()));
    for entry in log.iter().skip(log.len().saturating_sub(LINES)) {
        let detail = escaped(&entry.detail, TEXT_CHARACTERS);
        lines.push(format!("{:.0} {} {} {detail}", entry.at, entry.event.as_str(), escaped(&entry.actor, NAME_CHARACTERS)));
    }
    answer("details", incident, lines)
}

/// The earlier incidents of an incident's fingerprint, newest first.
#[must_use]
pub fn history(_language: Language, incident: &Incident, past: &[Incident]) -> Presented {
    let mut lines = vec![format!("<b>History</b> of {}", escaped(&incident.alert.name, NAME_CHARACTERS))];
    for earlier in past.iter().take(LINES) {
        lines.push(format!("{:.0} {} <code>{}</code>", earlier.opened_at, earlier.status.as_str(), earlier.id));
    }
    if past.is_empty() {
        lines.push("It has not happened before".to_owned());
    }
    answer("history", incident, lines)
}

/// That the second list of people may decide too.
#[must_use]
pub fn escalation(_language: Language, incident: &Incident, people: &[String]) -> Presented {
    let people: Vec<String> = people.iter().map(|name| escaped(name, NAME_CHARACTERS)).collect();
    let line = format!("⏰ Nobody has decided: {} may decide as well", people.join(", "));
    answer("escalation", incident, vec![line])
}

fn answer(about: &'static str, incident: &Incident, lines: Vec<String>) -> Presented {
    let content = content(Card { html: lines.join("\n"), buttons: Vec::new() });
    let whole = digest(&content);
    Presented {
        about,
        content,
        facts: json!({ "incident_id": incident.id }),
        shown: Shown { but_count: whole.clone(), whole, result: false },
    }
}

fn content(card: Card) -> Content {
    let button = |button: card::Button| Some(Button { label: button.label.to_owned(), ask: Ask::read(&button.data)? });
    let row: Vec<Button> = card.buttons.into_iter().filter_map(button).collect();
    Content { text: Rich::from_html(card.html), buttons: if row.is_empty() { Vec::new() } else { vec![row] } }
}

fn digest(content: &Content) -> String {
    let buttons = content.buttons.iter().flatten();
    let buttons = buttons.fold(Digest::new(), |digest, button| digest.field(&button.label).field(button.ask.to_string()));
    Digest::new().field(content.text.telegram()).field(buttons.hex()).hex()
}
