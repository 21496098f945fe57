//! View of the notices: the result of a repair, what needs a human, an undecided plan, and a
//! used-up budget.

use domain::analysis::budget::Spending;
use domain::analysis::price::dollars;
use domain::incident::Incident;
use domain::incident::approval::ApprovalState;
use domain::incident::repair::Repair;
use domain::notification::notice::{self, What};
use domain::notification::outbox;
use domain::primitives::phrase::Phrase;
use jiff::civil::Date;
use serde::Serialize;

use super::about;
use super::incident::Card;
use super::plan::{Origin, Part, Planned};
use super::status::{Ran, failed};
use super::{NAME_CHARACTERS, Names, TEXT_CHARACTERS, first, short};

/// How many providers are named. Their names are the operator's, 32 characters at most.
const PROVIDERS_SHOWN: usize = 10;
/// How many people are named.
const PEOPLE_SHOWN: usize = 20;
/// How much of a failed step's output a notice shows of each stream: lines, and characters.
const OUTPUT_LINES: usize = 5;
const OUTPUT_CHARACTERS: usize = 400;

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
    pub name: String,
    pub price: String,
    /// For how many calls.
    pub calls: u64,
    /// For how many tokens.
    pub tokens: u64,
}

impl Budget {
    /// What is told of a day's spending.
    pub fn of(day: Date, spending: &Spending) -> Self {
        let some = |price| {
            if price > 0 {
                dollars(price)
            } else {
                String::new()
            }
        };
        let paid = spending
            .providers
            .iter()
            .take(PROVIDERS_SHOWN)
            .map(|(name, paid)| Paid {
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

/// What `trouble.html` is given.
#[derive(Debug, Clone, Serialize)]
pub struct Trouble {
    /// `channel_refuses`, `channel_unreachable`, `no_route` or `no_approver`.
    pub problem: &'static str,
    /// The channel that it is about, or nothing.
    pub channel: String,
}

impl Trouble {
    pub fn of(trouble: &outbox::Trouble) -> Self {
        let (problem, channel) = match trouble {
            outbox::Trouble::ChannelRefuses(channel) => ("channel_refuses", channel.as_str()),
            outbox::Trouble::ChannelUnreachable(channel) => {
                ("channel_unreachable", channel.as_str())
            }
            outbox::Trouble::NoRoute => ("no_route", ""),
            outbox::Trouble::NoApprover => ("no_approver", ""),
        };
        Self {
            problem,
            channel: short(channel, NAME_CHARACTERS),
        }
    }
}

/// What `escalation.html` is given.
#[derive(Debug, Clone, Serialize)]
pub struct Escalation {
    /// Minutes without a decision; 0 if that is not known.
    pub minutes: i64,
    /// Who is asked now.
    pub people: String,
    pub people_more: usize,
    /// Until when it can be decided.
    pub expires_at: String,
    /// `P0` to `P3`.
    pub severity: String,
    pub name: String,
    pub resource: String,
    pub namespace: String,
    /// The playbook that waits.
    pub playbook: String,
    /// The service's name in the registry.
    pub plan_target: String,
    /// The exact steps, part by part, as on the card: whoever is called to help decides on them.
    pub parts: Vec<Part>,
    #[serde(flatten)]
    pub origin: Origin,
    pub id: String,
}

impl Escalation {
    /// The notice to those who are asked because the people before them have not decided.
    pub fn of(incident: &Incident, people: &[String], names: Names<'_>) -> Self {
        let (name, target, _) = incident.worst_texts();
        let approval = incident.approval.as_ref();
        let waited = approval.and_then(|approval| {
            Some(
                approval
                    .last_escalation()?
                    .duration_since(approval.requested_at)
                    .as_mins(),
            )
        });
        let Planned {
            playbook,
            plan_target,
            parts,
            origin,
            ..
        } = Planned::of(incident, names);
        let (people, people_more) = first(
            people
                .iter()
                .map(|name| short(name, NAME_CHARACTERS))
                .collect(),
            PEOPLE_SHOWN,
        );
        Self {
            minutes: waited.unwrap_or_default().max(0),
            people: people.join(", "),
            people_more,
            expires_at: approval
                .map(|approval| names.moment(approval.expires_at))
                .unwrap_or_default(),
            severity: format!("{:?}", incident.severity),
            name: short(name, NAME_CHARACTERS),
            resource: short(target, NAME_CHARACTERS),
            namespace: about::namespace(&incident.alert),
            playbook,
            plan_target,
            parts,
            origin,
            id: incident.id.to_string(),
        }
    }
}

/// Why a plan is void, as the log says it, with the values of the incident's own sentence where that is the same.
fn void_phrase(incident: &Incident, why: &str) -> Phrase {
    let state = incident.approval.as_ref().map(|approval| &approval.state);
    match state {
        Some(ApprovalState::Void { why: phrase, .. }) if phrase == why => phrase.clone(),
        _ => why.to_owned().into(),
    }
}

/// What `notice.html` is given.
#[derive(Debug, Clone, Serialize)]
pub struct Notice {
    /// `repaired`, `repair_failed`, `nothing_to_do`, `still_firing`, `fires_again`, `severity_raised`, `decision_needed` or `plan_void`.
    pub what: &'static str,
    pub at: String,
    /// True if a repair ran without a human's decision.
    pub automatic: bool,
    /// Who had decided that it runs: names.
    pub approved_by: String,
    /// Of a repair, how it ended, as in `repair` of the card; else empty.
    pub outcome: &'static str,
    /// How long it took, in seconds with one decimal.
    pub seconds: String,
    /// The playbook that ran.
    pub ran_playbook: String,
    /// The last steps of it that failed.
    pub failed: Vec<Ran>,
    /// Of a plan that is void, why.
    pub why: String,
    /// What the card says by now.
    #[serde(flatten)]
    pub card: Card,
}

impl Notice {
    /// What is told. The steps are those of the very run that the notice is about, also where another one has taken its place.
    pub fn of(incident: &Incident, notice: &notice::Notice, names: Names<'_>) -> Self {
        let card = Card::of(incident, None, names);
        let mut told = Self {
            what: notice.what.as_str(),
            at: names.moment(notice.at),
            automatic: false,
            approved_by: String::new(),
            outcome: "",
            seconds: String::new(),
            ran_playbook: String::new(),
            failed: Vec::new(),
            why: String::new(),
            card,
        };
        let (outcome, automatic) = match &notice.what {
            What::Ended { outcome, automatic } => (outcome.as_str(), *automatic),
            What::StillFiring { automatic } => ("still_firing", *automatic),
            What::PlanVoid { why } => {
                told.why = names.say(&void_phrase(incident, why), TEXT_CHARACTERS);
                return told;
            }
            What::FiresAgain
            | What::Reopened
            | What::SeverityRaised
            | What::DecisionNeeded
            | What::DecisionExpiring
            | What::Assigned { .. }
            | What::SnoozeEnded { .. }
            | What::Called { .. }
            | What::EndedUnattended => return told,
        };
        (told.outcome, told.automatic) = (outcome, automatic);
        if !automatic {
            let people: Vec<String> = notice
                .deciders
                .iter()
                .map(|person| names.name(person))
                .collect();
            told.approved_by = short(&people.join(", "), TEXT_CHARACTERS);
        }
        if let Some((playbook, repair)) = run(incident, notice) {
            told.ran_playbook = short(playbook, NAME_CHARACTERS);
            told.seconds = seconds(repair);
            told.failed = failed(repair, (OUTPUT_LINES, OUTPUT_CHARACTERS), names);
        }
        told
    }
}

/// The run that a notice is about, with the name of its playbook.
fn run<'a>(incident: &'a Incident, notice: &notice::Notice) -> Option<(&'a str, &'a Repair)> {
    let now = incident.repair.as_ref().map(|repair| {
        (
            incident
                .plan
                .as_ref()
                .map_or("", |plan| plan.playbook_name.as_str()),
            repair,
        )
    });
    let before = incident
        .earlier_repairs
        .iter()
        .rev()
        .map(|tried| (tried.playbook.as_str(), &tried.repair));
    // The last one that had ended by then: times of the log have microseconds.
    let ended = |repair: &Repair| {
        repair
            .finished_at
            .is_some_and(|at| at.as_microsecond() <= notice.at.as_microsecond())
    };
    now.into_iter()
        .chain(before)
        .find(|(_, repair)| ended(repair))
}

fn seconds(repair: &Repair) -> String {
    let took = repair
        .finished_at
        .map(|at| at.duration_since(repair.started_at).as_secs_f64());
    took.map(|seconds| format!("{seconds:.1}"))
        .unwrap_or_default()
}
