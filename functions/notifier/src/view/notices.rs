//! What the notices show: the budget that is used up, and the decision that nobody makes.

use jiff::civil::Date;
use serde::Serialize;
use shared::domain::budget::Spending;
use shared::domain::incident::Incident;
use shared::domain::price::dollars;

use super::plan::{Part, Planned};
use super::{NAME_CHARACTERS, first, moment, short};

/// How many providers are named. Their names are the operator's, 32 characters at most.
const PROVIDERS_SHOWN: usize = 10;
/// How many people are named.
const PEOPLE_SHOWN: usize = 20;

/// What `budget.html` is given.
#[derive(Debug, Clone, Serialize)]
pub struct Budget {
    /// The day, such as `2026-11-22` (UTC).
    pub day: String,
    /// What is spent or reserved.
    pub committed: String,
    /// What each provider was paid.
    pub providers: Vec<Paid>,
    /// What is reserved for calls that have not ended, or nothing.
    pub open: String,
    /// How much of it is a guess, or nothing.
    pub unsettled: String,
}

/// What one provider was paid.
#[derive(Debug, Clone, Serialize)]
pub struct Paid {
    /// Its name.
    pub name: String,
    /// How much.
    pub price: String,
    /// For how many calls.
    pub calls: u64,
    /// For how many tokens.
    pub tokens: u64,
}

impl Budget {
    /// What is told of a day's spending.
    #[must_use]
    pub fn of(day: Date, spending: &Spending) -> Self {
        let some = |price| if price > 0 { dollars(price) } else { String::new() };
        let paid = spending.providers.iter().take(PROVIDERS_SHOWN).map(|(name, paid)| Paid {
            name: short(name, NAME_CHARACTERS),
            price: dollars(paid.price),
            calls: paid.calls,
            tokens: paid.usage.total(),
        });
        Self {
            day: day.to_string(),
            committed: dollars(spending.committed),
            providers: paid.collect(),
            open: some(spending.open()),
            unsettled: some(spending.unsettled),
        }
    }
}

/// What `escalation.html` is given.
#[derive(Debug, Clone, Serialize)]
pub struct Escalation {
    /// For how many minutes nobody has decided; 0 if that is not known.
    pub minutes: i64,
    /// Who is asked now.
    pub people: String,
    /// How many more.
    pub people_more: usize,
    /// Until when it can be decided.
    pub expires_at: String,
    /// `P0` to `P3`.
    pub severity: String,
    /// The alert's name.
    pub name: String,
    /// What is affected.
    pub resource: String,
    /// Where.
    pub namespace: String,
    /// The playbook that waits.
    pub playbook: String,
    /// The service's name in the registry.
    pub plan_target: String,
    /// The exact steps, part by part, as on the card: whoever is called to help decides on them.
    pub parts: Vec<Part>,
    /// The incident's id.
    pub id: String,
}

impl Escalation {
    /// What people are told whom the first ones did not answer.
    #[must_use]
    pub fn of(incident: &Incident, people: &[String]) -> Self {
        let approval = incident.approval.as_ref();
        let waited = approval.and_then(|approval| Some(approval.escalated_at?.duration_since(approval.requested_at).as_mins()));
        let Planned { playbook, plan_target, parts, .. } = Planned::of(incident);
        let (people, people_more) = first(people.iter().map(|name| short(name, NAME_CHARACTERS)).collect(), PEOPLE_SHOWN);
        Self {
            minutes: waited.unwrap_or_default().max(0),
            people: people.join(", "),
            people_more,
            expires_at: approval.map(|approval| moment(approval.expires_at)).unwrap_or_default(),
            severity: format!("{:?}", incident.severity),
            name: short(&incident.alert.name, NAME_CHARACTERS),
            resource: short(&incident.alert.target, NAME_CHARACTERS),
            namespace: short(&incident.alert.namespace, NAME_CHARACTERS),
            playbook,
            plan_target,
            parts,
            id: incident.id.to_string(),
        }
    }
}
