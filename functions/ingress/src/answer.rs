//! What a sender is told about each of its alerts.

use serde::Serialize;
use shared::domain::episode::{Advice, Episode, FiringOutcome, ResolvedOutcome};
use shared::domain::id::Fingerprint;

/// What became of an alert, as the answer shows it. The names are the original service's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AlertAnswer {
    /// True: what could not be counted is answered with a problem document instead.
    pub success: bool,
    /// One sentence for people.
    pub message: String,
    /// The sender's id of the alert.
    pub alert_id: String,
    /// The incident that it belongs to; none if a resolved alert belongs to none.
    pub incident_id: Option<String>,
    /// The fingerprint.
    pub fingerprint: Fingerprint,
    /// `opened`, `joined`, `escalated`, `reopened`, `late`, `resolved`, `member_left` or `ignored`.
    pub outcome: &'static str,
    /// True if this alert opened the incident; its approval, if it needs one, follows with the analysis.
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

/// The answer to alerts that fire.
pub(crate) fn firing(outcome: FiringOutcome, episode: &Episode) -> AlertAnswer {
    let (name, message) = match outcome {
        FiringOutcome::Opened => ("opened", "a new incident was opened and is being analysed".to_owned()),
        FiringOutcome::Joined => ("joined", format!("it joined the incident that is there ({} sightings)", episode.hit_count)),
        FiringOutcome::Escalated => ("escalated", "it joined the incident that is there and raised its severity".to_owned()),
        FiringOutcome::Reopened => ("reopened", "it fired again: its incident was reopened".to_owned()),
        FiringOutcome::Late => ("late", "an old delivery of an alert that has resolved: counted, nothing else".to_owned()),
    };
    answer(name, message, outcome == FiringOutcome::Opened, outcome != FiringOutcome::Opened, &episode.fingerprint, Some(episode))
}

/// The answer to alerts that have ended.
pub(crate) fn resolved(outcome: ResolvedOutcome, fingerprint: &Fingerprint, episode: Option<&Episode>) -> AlertAnswer {
    let (name, message) = match outcome {
        ResolvedOutcome::Resolved => ("resolved", "the incident is resolved"),
        ResolvedOutcome::MemberLeft => ("member_left", "noted; other alerts of the incident still fire"),
        ResolvedOutcome::Ignored => ("ignored", "nothing of this alert is open"),
    };
    answer(name, message.to_owned(), false, false, fingerprint, episode)
}

fn answer(
    outcome: &'static str,
    message: String,
    opened: bool,
    converged: bool,
    fingerprint: &Fingerprint,
    episode: Option<&Episode>,
) -> AlertAnswer {
    let advice: Option<&Advice> = episode.and_then(|episode| episode.advice.as_ref());
    AlertAnswer {
        success: true,
        message,
        alert_id: String::new(),
        incident_id: episode.map(|episode| episode.incident_id.to_string()),
        fingerprint: fingerprint.clone(),
        outcome,
        approval_created: opened,
        approval_id: advice.and_then(|advice| advice.approval_id.clone()),
        risk_level: advice.map(|advice| advice.risk_level.clone()),
        suggested_action: advice.map(|advice| advice.suggested_action.clone()),
        hit_count: episode.map_or(0, |episode| episode.hit_count),
        converged,
    }
}
