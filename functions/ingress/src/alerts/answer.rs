//! Answers to a sender: the outcome of each of its alerts.

use domain::alert::Alert;
use domain::episode::{Advice, FiringOutcome, ResolvedOutcome};
use domain::primitives::id::Fingerprint;
use intake::{Counted, Outcome};
use serde::Serialize;

use crate::rejection::Rejection;

/// Lambda takes answers of 6 MB, in which each quotation mark of the body is two bytes; a larger
/// one would not reach the sender, and its sender would come again for ever.
const MOST_ANSWER_BYTES: usize = 5_000_000;

/// So many answers fit in any case: one is at most two kilobytes.
const ALWAYS_TOLD: usize = 2_000;

/// The outcome of an alert that says that monitoring works.
pub const HEARTBEAT: &str = "heartbeat";
/// The outcome of an alert that only serves Alertmanager.
pub const NOISE: &str = "noise";

/// The outcome of an alert of a signed request that was counted before.
pub const REPEATED: &str = "repeated";

/// Outcome of an alert, as the answer shows it. The names are the original service's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AlertAnswer {
    /// False for an alert that was refused beside others that are counted. A delivery of which nothing could be counted is answered
    /// with a problem document instead.
    pub success: bool,
    /// One sentence for people.
    pub message: String,
    /// The sender's id of the alert; none of one that could not be read.
    pub alert_id: Option<String>,
    /// The incident that it belongs to; none if a resolved alert belongs to none.
    pub incident_id: Option<String>,
    pub fingerprint: Option<Fingerprint>,
    /// `opened`, `joined`, `escalated`, `reopened`, `late`, `resolved`, `member_left`, `ignored`, `heartbeat`, `noise`,
    /// `repeated` or `refused`.
    pub outcome: &'static str,
    /// True if this alert opened an incident that is analysed; its approval, if it needs one, follows with the analysis.
    pub approval_created: bool,
    /// The approval that waits, once the analysis is there.
    pub approval_id: Option<String>,
    /// The risk, once the analysis is there.
    pub risk_level: Option<String>,
    /// What to do, once the analysis is there.
    pub suggested_action: Option<String>,
    /// The sightings so far.
    pub hit_count: u64,
    /// True if it joined an incident that was there.
    pub converged: bool,
}

impl AlertAnswer {
    /// The answer to one alert; `cicd` says that it only reports on a delivery pipeline.
    pub fn new(counted: Counted, cicd: bool) -> Self {
        let Counted {
            member,
            fingerprint,
            outcome,
        } = counted;
        let opened = matches!(outcome, Outcome::Firing(FiringOutcome::Opened, _));
        let episode = outcome.episode();
        let hit_count = episode.map_or(0, |episode| episode.hit_count);
        let advice: Option<&Advice> = episode.and_then(|episode| episode.advice.as_ref());
        Self {
            success: true,
            message: message(&outcome, hit_count, cicd),
            alert_id: Some(format!("alert-{member}")),
            incident_id: episode.map(|episode| episode.incident_id.to_string()),
            fingerprint: Some(fingerprint),
            outcome: outcome.name(),
            approval_created: opened && !cicd,
            approval_id: advice.and_then(|advice| advice.approval_id.clone()),
            risk_level: advice.map(|advice| advice.risk_level.clone()),
            suggested_action: advice.map(|advice| advice.suggested_action.clone()),
            hit_count,
            converged: matches!(outcome, Outcome::Firing(..)) && !opened,
        }
    }
}

impl AlertAnswer {
    /// The answer to an alert that was refused beside others that are counted.
    pub fn refused(why: &Rejection) -> Self {
        Self {
            message: why.to_string(),
            ..Self::of_no_incident(false, "refused")
        }
    }

    /// The answer to an alert that is not counted: a heartbeat, what only serves Alertmanager, or one of a
    /// request that was counted before.
    pub fn aside(alert: &Alert, outcome: &'static str) -> Self {
        let message = match outcome {
            HEARTBEAT => "a heartbeat: monitoring works",
            REPEATED => "this very request was counted before: nothing is counted",
            _ => "it only serves Alertmanager: nothing is counted",
        };
        Self {
            message: message.to_owned(),
            alert_id: Some(format!("alert-{}", alert.member)),
            ..Self::of_no_incident(true, outcome)
        }
    }

    /// The answer to an alert that belongs to no incident.
    fn of_no_incident(success: bool, outcome: &'static str) -> Self {
        Self {
            success,
            message: String::new(),
            alert_id: None,
            incident_id: None,
            fingerprint: None,
            outcome,
            approval_created: false,
            approval_id: None,
            risk_level: None,
            suggested_action: None,
            hit_count: 0,
            converged: false,
        }
    }
}

fn message(outcome: &Outcome, hit_count: u64, cicd: bool) -> String {
    let fixed = match outcome {
        Outcome::Firing(FiringOutcome::Joined, _) => {
            return format!("it joined the incident that is there ({hit_count} sightings)");
        }
        Outcome::Firing(FiringOutcome::Opened, _) if cicd => {
            "a report of a delivery pipeline: it is shown and not analysed"
        }
        Outcome::Firing(FiringOutcome::Opened, _) => {
            "a new incident was opened and is being analysed"
        }
        Outcome::Firing(FiringOutcome::Escalated, _) => {
            "it joined the incident that is there and raised its severity"
        }
        Outcome::Firing(FiringOutcome::Reopened, _) => "it fired again: its incident was reopened",
        Outcome::Firing(FiringOutcome::Late, _) => {
            "it may be an old delivery of an alert that has just resolved: counted, and settled within a minute"
        }
        Outcome::Resolved(ResolvedOutcome::Resolved, _) => "the incident is resolved",
        Outcome::Resolved(ResolvedOutcome::MemberLeft, _) => {
            "noted; other alerts of the incident still fire"
        }
        Outcome::Resolved(ResolvedOutcome::Ignored, _) => "nothing of this alert is open",
    };
    fixed.to_owned()
}

/// The answer to a delivery. The original answered for its first alert only: its clients find those fields where they were.
#[derive(Debug, Serialize)]
pub struct DeliveryAnswer<'a> {
    #[serde(flatten)]
    first: First<'a>,
    results: &'a [AlertAnswer],
    results_left_out: usize,
    truncated_alerts: u64,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum First<'a> {
    Alert(&'a AlertAnswer),
    None {
        success: bool,
        message: &'static str,
    },
}

impl<'a> DeliveryAnswer<'a> {
    /// The answer to these alerts, of which the sender left out others.
    pub fn new(answers: &'a [AlertAnswer], left_out: u64) -> Self {
        let told = told(answers);
        Self {
            first: answers.first().map_or(
                First::None {
                    success: true,
                    message: "the delivery holds no alerts",
                },
                First::Alert,
            ),
            results: &answers[..told],
            results_left_out: answers.len() - told,
            truncated_alerts: left_out,
        }
    }
}

/// Number of answers that fit into one body. All of the alerts are counted, also those without an
/// answer.
fn told(answers: &[AlertAnswer]) -> usize {
    if answers.len() <= ALWAYS_TOLD {
        return answers.len();
    }
    let bytes = |answer: &AlertAnswer| {
        let text = crate::reply::as_json(answer);
        text.len()
            + text
                .bytes()
                .filter(|byte| matches!(byte, b'"' | b'\\'))
                .count()
            + 1
    };
    let upto = answers.iter().scan(0, |sum, answer| {
        *sum += bytes(answer);
        Some(*sum)
    });
    upto.take_while(|sum| *sum <= MOST_ANSWER_BYTES).count()
}
