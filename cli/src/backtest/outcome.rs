//! Outcome of an incident in a replay: as much of it as a comparison needs.

use std::collections::{BTreeMap, BTreeSet};

use domain::analysis::Severity;
use domain::analysis::price::MicroUsd;
use domain::incident::guardrail::blocking;
use domain::incident::parts::IncidentKind;
use domain::incident::{Incident, Status};
use domain::notification::channels::Channels;
use domain::transition::attention::rule_about;
use jiff::Timestamp;
use serde::Serialize;

/// How it was dealt with once it was analysed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Handling {
    /// A plan ran by itself.
    Automatic { playbook: String },
    /// A person was asked for a decision on a plan, because of these guardrails.
    Approval {
        playbook: String,
        because: Vec<&'static str>,
        /// Who may decide at that moment, by name, and how many of them it takes.
        deciders: Vec<String>,
        needed: u8,
    },
    /// There is no plan, for this reason.
    NoPlan { because: String },
    /// It is shown and not analysed.
    Announced,
    /// A storm has its card.
    InStorm,
    /// It was not analysed: it had ended before, or there is no rule for it.
    NotAnalysed,
}

impl Handling {
    /// That of an incident whose analysis has just been decided on.
    pub(crate) fn of(incident: &Incident, channels: &Channels, now: Timestamp) -> Self {
        let playbook = || {
            let plan = incident.plan.as_ref();
            plan.map(|plan| plan.playbook.to_string())
                .unwrap_or_default()
        };
        match (&incident.kind, incident.status) {
            (IncidentKind::Pipeline, _) => Self::Announced,
            (IncidentKind::StormMember { .. }, _) => Self::InStorm,
            (_, Status::Approved) => Self::Automatic {
                playbook: playbook(),
            },
            (_, Status::AwaitingApproval) => {
                let blocking = blocking(&incident.guardrails);
                let needed = incident.approval.as_ref().map_or(1, |asked| asked.needed);
                Self::Approval {
                    playbook: playbook(),
                    because: blocking.map(|outcome| outcome.guardrail.as_str()).collect(),
                    deciders: deciders(incident, channels, now),
                    needed,
                }
            }
            _ => match &incident.no_plan_because {
                Some(why) => Self::NoPlan {
                    because: why.to_string(),
                },
                None => Self::NotAnalysed,
            },
        }
    }
}

/// Who may decide on an incident's plan at a moment, by name.
fn deciders(incident: &Incident, channels: &Channels, now: Timestamp) -> Vec<String> {
    let rule = rule_about(channels, incident);
    let names = rule.zip(incident.approval.as_ref()).map(|(rule, asked)| {
        let mut names = rule.who(asked.reach(), asked.needed, &channels.duty, now);
        names.sort_unstable();
        names.into_iter().map(str::to_owned).collect()
    });
    names.unwrap_or_default()
}

/// One incident of a replay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// The alert that opened it, counted from 0 over the whole history; a storm has none.
    pub(crate) opened_by: Option<u64>,
    pub(crate) name: String,
    pub(crate) target: String,
    pub(crate) opened_at: Timestamp,
    /// How many firing alerts were counted.
    pub(crate) alerts: u64,
    /// P0 to P3, after the analysis.
    pub(crate) severity: Severity,
    pub(crate) service: Option<String>,
    pub(crate) handling: Handling,
    /// The channels that got a card of it, each with how often it made a sound there.
    pub(crate) rings: BTreeMap<String, u32>,
    /// The people who are named on its card, by the routes.
    pub(crate) people: BTreeSet<String>,
    /// How often it fired again after a resolve.
    pub(crate) flaps: u64,
    /// The most that the call of the first model may cost.
    pub(crate) dollars: MicroUsd,
    /// True if the day's budget may have had no room for it.
    pub(crate) beyond_budget: bool,
}

impl Outcome {
    pub(crate) fn opened(incident: &Incident, opened_by: Option<u64>) -> Self {
        Self {
            opened_by,
            name: incident.alert.name.clone(),
            target: incident.alert.target.clone(),
            opened_at: incident.opened_at,
            alerts: incident.hit_count,
            severity: incident.severity,
            service: None,
            handling: Handling::NotAnalysed,
            rings: BTreeMap::new(),
            people: BTreeSet::new(),
            flaps: 0,
            dollars: 0,
            beyond_budget: false,
        }
    }
}

/// The numbers of a replay.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Totals {
    /// Incidents of alerts, storms among them not counted.
    pub(crate) incidents: u64,
    /// Firing alerts that joined an incident that was there.
    pub(crate) merged: u64,
    /// Alerts that open nothing: heartbeats and noise.
    pub(crate) left_out: u64,
    pub(crate) storms: u64,
    pub(crate) in_storms: u64,
    pub(crate) cards: u64,
    /// New messages, which make a sound: cards, and what people have to hear below them.
    pub(crate) rings: u64,
    pub(crate) approvals: u64,
    pub(crate) repairs: u64,
    pub(crate) model_calls: u64,
    /// At most.
    pub(crate) micro_usd: MicroUsd,
    pub(crate) beyond_budget: u64,
}

impl Totals {
    /// Adds up the outcomes of a replay of so many firing alerts, and of those that opened nothing.
    pub(crate) fn of(outcomes: &[Outcome], firing: u64, left_out: u64) -> Self {
        let mut totals = Self {
            left_out,
            ..Self::default()
        };
        for outcome in outcomes {
            if outcome.opened_by.is_some() {
                totals.incidents += 1;
            } else {
                totals.storms += 1;
            }
            totals.cards += outcome.rings.len() as u64;
            totals.rings += outcome.rings.values().copied().map(u64::from).sum::<u64>();
            match outcome.handling {
                Handling::Automatic { .. } => totals.repairs += 1,
                Handling::Approval { .. } => totals.approvals += 1,
                Handling::InStorm => totals.in_storms += 1,
                Handling::NoPlan { .. } | Handling::Announced | Handling::NotAnalysed => {}
            }
            totals.model_calls += u64::from(outcome.dollars > 0);
            totals.micro_usd = totals.micro_usd.saturating_add(outcome.dollars);
            totals.beyond_budget += u64::from(outcome.beyond_budget);
        }
        totals.merged = firing.saturating_sub(totals.incidents);
        totals
    }
}
