//! Queue messages: facts in the past tense, and timers, which are called so. They carry ids, never payloads, and the
//! receiver reads the state; only a signal carries its alert, because nothing is stored yet.

use domain::notification::button_action::More;
use jiff::civil::Date;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use domain::alert::Alert;
use domain::primitives::id::{ApprovalId, HeartbeatId, IncidentId, PlanHash};

/// The version that this build writes and reads.
const VERSION: u8 = 1;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Message {
    /// An incident was opened. Ingress to analyzer.
    IncidentOpened { incident_id: IncidentId },
    /// An incident changed, and its card with it. Anyone to notifier.
    IncidentChanged { incident_id: IncidentId },
    /// The sightings of an incident reached a power of two. Ingress to notifier.
    AlertsConverged {
        incident_id: IncidentId,
        /// How many sightings there were.
        hit_count: u64,
    },
    /// A model was not asked, because the budget of the day has no room for its price. Analyzer to notifier.
    BudgetUsedUp { day: Date },
    /// A channel has something to send, or may send again. Notifier to itself.
    #[serde(rename = "channel_due")]
    ChannelTimer { channel: String },
    /// It is time to look whether a plan was decided on: for the second list of people, or because it expires. Notifier to itself.
    #[serde(rename = "decision_due")]
    DecisionTimer {
        /// The request for the decision.
        approval_id: ApprovalId,
    },
    /// It is time to look whether the alert of a repair that has ended has resolved. Notifier to itself.
    #[serde(rename = "resolution_due")]
    ResolutionTimer {
        /// The request for the decision on the plan that ran.
        approval_id: ApprovalId,
    },
    /// It is time to look whether a sender's heartbeat is still heard. Ingress or notifier to notifier.
    #[serde(rename = "heartbeat_due")]
    HeartbeatTimer { heartbeat_id: HeartbeatId },
    /// It is time to look whether what an incident's episode says is still so. Ingress or notifier to notifier.
    #[serde(rename = "episode_due")]
    EpisodeTimer { incident_id: IncidentId },
    /// It is time to look whether somebody has to be called to an incident on which nobody is. Notifier to itself.
    #[serde(rename = "attention_due")]
    AttentionTimer { incident_id: IncidentId },
    /// It is time to erase what steps printed whose retention is over. A schedule, or the notifier itself, to the notifier.
    #[serde(rename = "output_retention_due")]
    OutputRetentionTimer {},
    /// A person asked in a channel for more about an incident. Ingress to notifier.
    MoreAsked {
        incident_id: IncidentId,
        /// What is asked for.
        what: More,
        /// Where: the channel's name.
        channel: String,
        /// The id of the press, so that one that comes twice is answered once.
        press: String,
        /// The identity of the presser, as in the log.
        by: String,
    },
    /// A press was answered, where only the person who pressed should read it. Ingress to notifier.
    PressAnswered {
        /// Where: the channel's name.
        channel: String,
        /// Who pressed: the member id at Slack.
        user: String,
        /// The reply to them, at most 200 characters.
        words: String,
    },
    /// A person asked for a silence of an incident's alert. Ingress to notifier.
    SilenceAsked { incident_id: IncidentId },
    /// A person asked for a new analysis. Ingress to analyzer.
    AnalysisAsked {
        incident_id: IncidentId,
        /// Counts the analyses of the incident.
        round: u32,
    },
    /// A plan was approved, by a human or by the guardrails. Ingress or analyzer to repair.
    RepairApproved {
        incident_id: IncidentId,
        /// The hash of the plan: another plan of the same incident is not meant.
        plan_hash: PlanHash,
    },
}

/// An alert that was accepted and not counted yet. Ingress to signals.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename = "signal_received")]
pub struct Signal {
    /// The alert, whole: its identity is taken where it is counted.
    pub alert: Alert,
    /// What tells the request from every other one, if its sender signed a time: a replay is not counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signed: Option<String>,
}

impl From<Alert> for Signal {
    fn from(alert: Alert) -> Self {
        Self {
            alert,
            signed: None,
        }
    }
}

/// A message that can be sent to a queue and received from it.
pub trait Queued: Serialize + DeserializeOwned {
    /// Its subject, as the name and the value of a field of a log line.
    fn subject(&self) -> (&'static str, String);

    /// The message as JSON, at the beginning of its chain.
    fn to_json(&self) -> String {
        self.to_json_at(0)
    }

    /// The message as JSON, at this place of its chain (`chain`).
    fn to_json_at(&self, place: u32) -> String {
        serde_json::json!(Envelope {
            v: VERSION,
            place,
            message: self
        })
        .to_string()
    }

    /// Reads a message.
    ///
    /// # Errors
    /// If the text is no message, or one of another version.
    fn from_json(text: &str) -> Result<Self, Unreadable> {
        Self::from_json_at(text).map(|(message, _)| message)
    }

    /// Reads a message with its place in its chain.
    ///
    /// # Errors
    /// As [`Queued::from_json`].
    fn from_json_at(text: &str) -> Result<(Self, u32), Unreadable> {
        let envelope: Envelope<Self> = serde_json::from_str(text)?;
        if envelope.v == VERSION {
            Ok((envelope.message, envelope.place))
        } else {
            Err(Unreadable::Version(envelope.v))
        }
    }
}

impl Queued for Message {
    fn subject(&self) -> (&'static str, String) {
        match self {
            Self::BudgetUsedUp { day } => ("day", day.to_string()),
            Self::OutputRetentionTimer {} => ("timer", "output_retention_due".to_owned()),
            Self::ChannelTimer { channel } | Self::PressAnswered { channel, .. } => {
                ("channel", channel.clone())
            }
            Self::DecisionTimer { approval_id } | Self::ResolutionTimer { approval_id } => {
                ("incident_id", approval_id.incident().to_string())
            }
            about_an_incident => {
                let id = about_an_incident.incident_id();
                (
                    "incident_id",
                    id.map(ToString::to_string).unwrap_or_default(),
                )
            }
        }
    }
}

impl Queued for Signal {
    fn subject(&self) -> (&'static str, String) {
        ("alertname", self.alert.name.clone())
    }
}

#[derive(Serialize, Deserialize)]
struct Envelope<M> {
    v: u8,
    #[serde(default, skip_serializing_if = "is_zero")]
    place: u32,
    #[serde(flatten)]
    message: M,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the signature that serde's skip_serializing_if calls"
)]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// Why a message cannot be read. Such a message ends in the dead-letter queue.
#[derive(Debug, Error)]
pub enum Unreadable {
    /// It is not one of ours.
    #[error("not a message of Quell: {0}")]
    Shape(#[from] serde_json::Error),
    /// It was written by a newer version.
    #[error("message version {0} is not known here")]
    Version(u8),
}

impl Message {
    /// The incident that the message is about, if it is about one.
    pub fn incident_id(&self) -> Option<&IncidentId> {
        match self {
            Self::IncidentOpened { incident_id }
            | Self::IncidentChanged { incident_id }
            | Self::AlertsConverged { incident_id, .. }
            | Self::EpisodeTimer { incident_id }
            | Self::AttentionTimer { incident_id }
            | Self::MoreAsked { incident_id, .. }
            | Self::SilenceAsked { incident_id }
            | Self::AnalysisAsked { incident_id, .. }
            | Self::RepairApproved { incident_id, .. } => Some(incident_id),
            Self::BudgetUsedUp { .. }
            | Self::ChannelTimer { .. }
            | Self::DecisionTimer { .. }
            | Self::ResolutionTimer { .. }
            | Self::HeartbeatTimer { .. }
            | Self::OutputRetentionTimer {}
            | Self::PressAnswered { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::{Message, Queued as _, Unreadable};
    use domain::primitives::id::{IncidentId, InvalidId};

    #[test]
    fn messages_keep_their_shape() -> Result<(), InvalidId> {
        let incident_id = IncidentId::try_from("01ARZ3NDEKTSV4RRFFQ69G5FAV")?;
        let message = Message::AlertsConverged {
            incident_id,
            hit_count: 4,
        };
        insta::assert_snapshot!(
            message.to_json(),
            @r#"{"hit_count":4,"incident_id":"01ARZ3NDEKTSV4RRFFQ69G5FAV","type":"alerts_converged","v":1}"#
        );
        assert_eq!(Message::from_json(&message.to_json()).ok(), Some(message));
        let message = Message::BudgetUsedUp {
            day: date(2026, 11, 22),
        };
        insta::assert_snapshot!(message.to_json(), @r#"{"day":"2026-11-22","type":"budget_used_up","v":1}"#);
        assert_eq!(message.subject(), ("day", "2026-11-22".to_owned()));
        assert_eq!(Message::from_json(&message.to_json()).ok(), Some(message));
        Ok(())
    }

    #[test]
    fn what_is_not_ours_is_refused() {
        for text in [
            "",
            "{}",
            r#"{"v":1,"type":"incident_opened"}"#,
            r#"{"v":1,"type":"incident_opened","incident_id":"x"}"#,
            r#"{"v":1,"type":"budget_used_up","day":"2026-02-30"}"#,
        ] {
            assert!(
                matches!(Message::from_json(text), Err(Unreadable::Shape(_))),
                "{text}"
            );
        }
        let newer =
            r#"{"v":2,"type":"incident_opened","incident_id":"01ARZ3NDEKTSV4RRFFQ69G5FAV"}"#;
        assert!(matches!(
            Message::from_json(newer),
            Err(Unreadable::Version(2))
        ));
    }
}
