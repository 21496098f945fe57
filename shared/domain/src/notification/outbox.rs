//! Outbox items and delivery state of a channel. The outbox makes notifications durable.

use std::fmt;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::analysis::Severity;
use crate::incident::approval::Reach;
use crate::notification::button_action::More;
use crate::notification::progress::Progress;
use crate::primitives::id::{ApprovalId, IncidentId, PipelineRunId};

/// The priority of an item: a smaller rank is sent first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rank(u8);

impl Rank {
    /// Of an answer to a person, who waits for it.
    pub const ANSWER: Self = Self(2);
    /// Of a notice that is about no incident.
    pub const NOTICE: Self = Self(4);
    /// Of a picture below a card: after everything that says something new.
    pub const CHART: Self = Self(5);

    /// Of an incident's card: criticals come first.
    pub fn for_card(severity: Severity) -> Self {
        Self(match severity {
            Severity::P0 | Severity::P1 => 1,
            Severity::P2 => 3,
            Severity::P3 => 4,
        })
    }

    /// Of what people have to hear about an incident: before the cards, whose edits make no sound.
    pub fn heard(severity: Severity) -> Self {
        Self(match severity {
            Severity::P0 | Severity::P1 => 0,
            Severity::P2 | Severity::P3 => 2,
        })
    }
}

/// One digit, as used in keys.
impl fmt::Display for Rank {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What is to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// The newest state of an incident, on its card.
    Incident(IncidentId),
    /// The newest state of a run of a delivery pipeline, on its card.
    PipelineRun(PipelineRunId),
    /// That the budget of a day is used up, once.
    Budget(Date),
    /// That the second list of people may decide too, once for each request.
    Escalation(ApprovalId),
    /// What of an incident people have to hear, each as a message of its own, once.
    Notice(IncidentId),
    /// The chart of an incident's own value, below its card, once.
    Chart(IncidentId),
    /// That stages of a run of a delivery pipeline have failed, once for each.
    PipelineRunNotice(PipelineRunId),
    /// That people are not told something, once a day.
    Trouble(Trouble, Date),
    /// What a person asked for beside a card, once for each press.
    More {
        /// What was asked for.
        what: More,
        incident_id: IncidentId,
        /// The id of the press.
        press: String,
    },
}

/// Why people are not told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// The channel of this name refuses what it is sent, and only its operator can change that.
    ChannelRefuses(String),
    /// The channel of this name could not be reached for a while.
    ChannelUnreachable(String),
    /// An incident needs people, and no route leads anywhere.
    NoRoute,
    /// A plan waits that can never be approved.
    NoApprover,
}

impl Subject {
    /// Reads what [`fmt::Display`] has written.
    pub fn read(text: &str) -> Option<Self> {
        let (kind, rest) = text.split_once('#')?;
        match kind {
            "INC" => IncidentId::try_from(rest).ok().map(Self::Incident),
            "PIPELINE_RUN" => PipelineRunId::try_from(rest).ok().map(Self::PipelineRun),
            "BUDGET" => rest.parse().ok().map(Self::Budget),
            "ESCALATED" => ApprovalId::try_from(rest).ok().map(Self::Escalation),
            "NOTICE" => IncidentId::try_from(rest).ok().map(Self::Notice),
            "CHART" => IncidentId::try_from(rest).ok().map(Self::Chart),
            "FAILED" => PipelineRunId::try_from(rest)
                .ok()
                .map(Self::PipelineRunNotice),
            "TROUBLE" => {
                let (day, what) = rest.split_once('#')?;
                let what = match what.split_once('#') {
                    Some(("channel", name)) => Trouble::ChannelRefuses(name.to_owned()),
                    Some(("unreachable", name)) => Trouble::ChannelUnreachable(name.to_owned()),
                    None if what == "route" => Trouble::NoRoute,
                    None if what == "approver" => Trouble::NoApprover,
                    _ => return None,
                };
                Some(Self::Trouble(what, day.parse().ok()?))
            }
            "MORE" => {
                let mut parts = rest.splitn(3, '#');
                let what = match parts.next()? {
                    "details" => More::Details,
                    "history" => More::History,
                    _ => return None,
                };
                let incident_id = IncidentId::try_from(parts.next()?).ok()?;
                Some(Self::More {
                    what,
                    incident_id,
                    press: parts.next()?.to_owned(),
                })
            }
            _ => None,
        }
    }
}

/// The form used in keys.
impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Incident(id) => write!(f, "INC#{id}"),
            Self::PipelineRun(id) => write!(f, "PIPELINE_RUN#{id}"),
            Self::Budget(day) => write!(f, "BUDGET#{day}"),
            Self::Escalation(id) => write!(f, "ESCALATED#{id}"),
            Self::Notice(id) => write!(f, "NOTICE#{id}"),
            Self::Chart(id) => write!(f, "CHART#{id}"),
            Self::PipelineRunNotice(id) => write!(f, "FAILED#{id}"),
            Self::Trouble(Trouble::ChannelRefuses(name), day) => {
                write!(f, "TROUBLE#{day}#channel#{name}")
            }
            Self::Trouble(Trouble::ChannelUnreachable(name), day) => {
                write!(f, "TROUBLE#{day}#unreachable#{name}")
            }
            Self::Trouble(Trouble::NoRoute, day) => write!(f, "TROUBLE#{day}#route"),
            Self::Trouble(Trouble::NoApprover, day) => write!(f, "TROUBLE#{day}#approver"),
            Self::More {
                what,
                incident_id,
                press,
            } => {
                let what = match what {
                    More::Details => "details",
                    More::History => "history",
                };
                write!(f, "MORE#{what}#{incident_id}#{press}")
            }
        }
    }
}

/// Something that is due in a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// Its place in the order: a rank, then the subject.
    pub key: String,
    /// What it is about.
    pub subject: Subject,
    /// Counts how often it was put: what was put again is not done with what was sent before.
    pub version: u64,
    /// It waits until then.
    pub not_before: Option<Timestamp>,
    /// How often the channel refused it since it was put.
    pub refused: u32,
    /// The channel did not understand its markup: it goes without.
    pub plain: bool,
}

/// The delivery state of a channel. Only the holder of the channel's turn changes it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ChannelState {
    /// When something was sent last, oldest first: as many times as the channel's limits look back.
    pub sent_at: Vec<Timestamp>,
    /// Nothing is sent before this time: the channel asked for it, or failed.
    pub blocked_until: Option<Timestamp>,
    /// How often it failed in a row.
    pub failures: u32,
    /// Since when it cannot be reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unreachable_since: Option<Timestamp>,
    /// When a message comes that makes the channel go on.
    pub wake_at: Option<Timestamp>,
    /// The chat has another id than the operator's file says.
    pub moved: Option<Moved>,
    /// The keys of the messages below a card, or alone, of which it is unknown whether they arrived: each is noted before it is sent,
    /// oldest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sending: Vec<String>,
}

/// How many of these keys are kept.
const SENDING_KEPT: usize = 20;

impl ChannelState {
    /// A message of this key is about to be sent.
    pub fn sends(&mut self, key: &str) {
        self.sent(key);
        self.sending.push(key.to_owned());
        let more = self.sending.len().saturating_sub(SENDING_KEPT);
        self.sending.drain(..more);
    }

    /// It is known of the message of this key whether it arrived.
    pub fn sent(&mut self, key: &str) {
        self.sending.retain(|known| known != key);
    }
}

/// A chat that has another id now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moved {
    /// The one in the operator's file.
    pub configured: i64,
    /// The one of now.
    pub now: i64,
}

/// What is known about a card that was sent, or about to be.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LiveCard {
    /// The channel's id of the message.
    pub message_id: Option<String>,
    pub shown: Option<Shown>,
    /// When it was sent or edited last.
    pub shown_at: Option<Timestamp>,
    /// A message is being sent, and its id is not known yet.
    pub sending: Option<Sending>,
    /// It was sent again, because it was unknown whether the first message arrived.
    pub again: bool,
    /// The operation log says that it was sent.
    pub told_sent: bool,
    /// Its message was new when it showed the result of a repair, and the operation log does not say so yet.
    pub new_result: bool,
    /// The entry of the operation log up to which all notices were sent here.
    pub heard: u64,
    /// The reports of failed stages that were told here, of a run of a delivery pipeline.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub heard_failed: Vec<IncidentId>,
    /// The last request for a decision whose escalation was sent here.
    pub escalated: Option<ApprovalId>,
    /// How far that one was escalated by then.
    pub escalated_to: Reach,
    /// Counts the messages that the card has had, as people delete them.
    pub generation: u32,
    /// What is known about the chart below it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chart: Option<ChartReceipt>,
}

/// What is known about the last chart that was sent below a card, or was about to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChartReceipt {
    /// How often the incident had fired again by then.
    pub flaps: u64,
    /// When the values that it shows end.
    pub end: Timestamp,
    pub progress: ChartProgress,
}

/// How far a chart is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChartProgress {
    /// It is on its way, for the first time.
    Sending,
    /// The same for the second and last time: it is unknown whether the first one arrived.
    SendingAgain,
    /// The channel refuses the picture: its caption is sent as a text.
    AsText,
    /// Nothing is to be sent any more.
    Done,
}

/// What a card shows, as digests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    /// Of all of it.
    pub whole: String,
    /// Of all but the count of alerts.
    pub but_count: String,
    /// Whether it shows the result of a repair.
    pub result: bool,
    /// The last entry of the operation log by then.
    pub sequence: u64,
    /// How far the work on the incident was by then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<Progress>,
    /// The reports of failed stages that it shows, of a run of a delivery pipeline.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failed: Vec<IncidentId>,
}

impl LiveCard {
    /// A message of this id is there, which is new. A new message makes a sound: what it shows was heard.
    pub fn arrived(&mut self, message_id: String, shown: Shown, at: Timestamp) {
        self.heard = self.heard.max(shown.sequence);
        self.heard_failed.clone_from(&shown.failed);
        self.new_result = shown.result;
        self.shows(message_id, shown, at);
    }

    /// How far the chart of this episode is, whose values end at this time; nothing where it has to be sent. An incident that fires again
    /// has another one once it was analysed again.
    pub fn chart_progress(&self, flaps: u64, end: Timestamp) -> Option<ChartProgress> {
        let receipt = self.chart?;
        (receipt.flaps == flaps || receipt.end == end).then_some(receipt.progress)
    }

    /// It shows this now.
    pub fn shows(&mut self, message_id: String, shown: Shown, at: Timestamp) {
        self.message_id = Some(message_id);
        self.shown = Some(shown);
        self.shown_at = Some(at);
        self.sending = None;
    }
}

/// A message on its way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sending {
    /// The key of its post.
    pub key: String,
    pub shown: Shown,
    pub at: Timestamp,
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use jiff::civil::date;

    use super::{ChannelState, ChartProgress, ChartReceipt, LiveCard, Rank, Subject, Trouble};
    use crate::analysis::Severity;
    use crate::notification::button_action::More;
    use crate::primitives::id::{ApprovalId, IncidentId, InvalidId, PipelineRunId};

    #[test]
    fn what_is_due_is_read_back_from_its_key() -> Result<(), InvalidId> {
        let id = IncidentId::try_from("01ARZ3NDEKTSV4RRFFQ69G5FAV")?;
        let more = |what| Subject::More {
            what,
            incident_id: id.clone(),
            press: "with#any#thing".to_owned(),
        };
        let approval = ApprovalId::for_plan(&id, &"a1".repeat(32).into());
        let run = PipelineRunId::try_from("a1".repeat(32).as_str())?;
        let subjects = [
            Subject::Incident(id.clone()),
            Subject::PipelineRun(run.clone()),
            Subject::PipelineRunNotice(run),
            Subject::Notice(id.clone()),
            Subject::Chart(id.clone()),
            Subject::Escalation(approval),
            Subject::Budget(date(2026, 11, 22)),
            Subject::Trouble(Trouble::NoRoute, date(2026, 11, 22)),
            Subject::Trouble(Trouble::NoApprover, date(2026, 11, 22)),
            Subject::Trouble(Trouble::ChannelRefuses("ops".into()), date(2026, 11, 22)),
            Subject::Trouble(
                Trouble::ChannelUnreachable("ops".into()),
                date(2026, 11, 22),
            ),
            more(More::Details),
            more(More::History),
        ];
        for subject in subjects {
            assert_eq!(Subject::read(&subject.to_string()), Some(subject));
        }
        for text in [
            "",
            "INC",
            "INC#x",
            "BUDGET#2026-02-30",
            "TROUBLE#2026-11-22#x",
            "MORE#details",
            "MORE#all#01ARZ3NDEKTSV4RRFFQ69G5FAV#1",
            "X#1",
        ] {
            assert_eq!(Subject::read(text), None, "{text}");
        }
        Ok(())
    }

    #[test]
    fn what_is_on_its_way_is_known_once_and_not_for_ever() {
        let mut state = ChannelState::default();
        for number in 0..30 {
            state.sends(&number.to_string());
        }
        state.sends("28");
        assert_eq!(state.sending.len(), 20);
        assert_eq!(
            (state.sending[0].as_str(), state.sending[19].as_str()),
            ("10", "28")
        );
        state.sent("28");
        assert!(!state.sending.iter().any(|key| key == "28"));
        // Of before there were such keys.
        let older: ChannelState = serde_json::from_str(r#"{"sent_at":[]}"#).expect("a state");
        assert_eq!(older, ChannelState::default());
    }

    #[test]
    fn criticals_come_first() {
        let ranks = [Severity::P0, Severity::P1, Severity::P2, Severity::P3]
            .map(|severity| Rank::for_card(severity).to_string());
        assert_eq!(ranks, ["1", "1", "3", "4"]);
        assert!(
            Rank::for_card(Severity::P1) < Rank::ANSWER
                && Rank::ANSWER < Rank::for_card(Severity::P2)
        );
        // What makes a sound goes before edits of cards of the same severity, which come as often as alerts do.
        for severity in [Severity::P0, Severity::P1, Severity::P2, Severity::P3] {
            assert!(Rank::heard(severity) < Rank::for_card(severity));
        }
        assert!(
            Rank::for_card(Severity::P1) < Rank::heard(Severity::P2),
            "a critical incident that nobody knows of goes before any result"
        );
    }

    #[test]
    fn a_chart_is_sent_once_for_each_episode_with_new_values() {
        let at = |second| Timestamp::from_second(second).expect("a time");
        let receipt = ChartReceipt {
            flaps: 1,
            end: at(10),
            progress: ChartProgress::Done,
        };
        let card = LiveCard {
            chart: Some(receipt),
            ..LiveCard::default()
        };
        let done = Some(ChartProgress::Done);
        for (flaps, end, expected) in [(1, 10, done), (1, 20, done), (2, 10, done), (2, 20, None)] {
            assert_eq!(
                card.chart_progress(flaps, at(end)),
                expected,
                "{flaps} {end}"
            );
        }
        assert_eq!(LiveCard::default().chart_progress(0, at(0)), None);
        let text = serde_json::to_string(&card).expect("JSON");
        assert_eq!(serde_json::from_str::<LiveCard>(&text).expect("read"), card);
        assert!(
            Rank::for_card(Severity::P3) < Rank::CHART && Rank::NOTICE < Rank::CHART,
            "a picture waits for everything else"
        );
    }
}
