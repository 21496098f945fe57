//! Results of counting the alerts of a delivery.

use domain::episode::{Episode, FiringOutcome, ResolvedOutcome};
use domain::primitives::id::{Fingerprint, MemberId};

/// Result of counting one alert.
#[derive(Debug, Clone)]
pub struct Counted {
    /// The sender's id of the alert.
    pub member: MemberId,
    pub fingerprint: Fingerprint,
    pub outcome: Outcome,
}

/// The result for the alerts of one fingerprint, with the episode as it is now.
#[derive(Debug, Clone)]
pub enum Outcome {
    Firing(FiringOutcome, Episode),
    /// They have ended; there may never have been an episode.
    Resolved(ResolvedOutcome, Option<Episode>),
}

impl Outcome {
    /// Its name, as answers, logs and metrics show it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Firing(FiringOutcome::Opened, _) => "opened",
            Self::Firing(FiringOutcome::Joined, _) => "joined",
            Self::Firing(FiringOutcome::Escalated, _) => "escalated",
            Self::Firing(FiringOutcome::Reopened, _) => "reopened",
            Self::Firing(FiringOutcome::Late, _) => "late",
            Self::Resolved(ResolvedOutcome::Resolved, _) => "resolved",
            Self::Resolved(ResolvedOutcome::MemberLeft, _) => "member_left",
            Self::Resolved(ResolvedOutcome::Ignored, _) => "ignored",
        }
    }

    /// The episode, if there is one.
    pub fn episode(&self) -> Option<&Episode> {
        match self {
            Self::Firing(_, episode) => Some(episode),
            Self::Resolved(_, episode) => episode.as_ref(),
        }
    }
}
