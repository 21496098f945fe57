//! Texts of the replies to button presses, in the language of the channel.

use jiff::Timestamp;

use crate::incident::approval::{Refusal, Taken, Verdict};
use crate::notification::channels::Language;
use crate::primitives::identity::DecidedBy;

/// Result of a press, for the person who pressed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ButtonReply {
    /// The plan is approved.
    Approved,
    /// The approval counts, and so many more people have to give theirs.
    ApprovedFirst {
        more: u8,
    },
    /// The plan is rejected.
    Rejected,
    /// The presser is not on the list of people.
    NotListed,
    /// They may not decide on this service at this risk.
    NotAllowed,
    /// The incident has another plan now.
    WrongPlan,
    /// It was decided before.
    Decided {
        verdict: Verdict,
        by: DecidedBy,
    },
    /// It cannot be decided on any more.
    Void {
        why: String,
    },
    /// It was not decided in time.
    Expired {
        /// When its time was over.
        at: Timestamp,
    },
    /// Two people have to approve, by a way that proves who they are.
    NeedsPress,
    /// The button is none of ours.
    UnknownButton,
    /// The press came from a chat that is none of the channels.
    OtherChat,
    /// The evidence and the log follow.
    DetailsComing,
    /// The earlier incidents follow.
    HistoryComing,
    /// The alert is being silenced.
    SilenceComing,
    SilenceRefused {
        why: String,
    },
    /// A new analysis begins.
    ReanalysisComing,
    ReanalysisRefused {
        why: String,
    },
    /// There is no such incident.
    NoIncident,
    /// There is, and it never asked for a decision.
    NoApproval,
    /// It can be asked for in a channel only.
    InChannelOnly,
}

impl From<Taken> for ButtonReply {
    fn from(taken: Taken) -> Self {
        match taken {
            Taken::Approved => Self::Approved,
            Taken::Given { more } => Self::ApprovedFirst { more },
            Taken::Rejected => Self::Rejected,
        }
    }
}

impl From<Refusal> for ButtonReply {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NotListed => Self::NotListed,
            Refusal::NotAllowed => Self::NotAllowed,
            Refusal::OtherChat => Self::OtherChat,
            Refusal::NotThisPlan => Self::WrongPlan,
            Refusal::NeedsPress => Self::NeedsPress,
            Refusal::Decided { verdict, by } => Self::Decided { verdict, by },
            Refusal::Void { why } => Self::Void { why },
            Refusal::Expired { at } => Self::Expired { at },
        }
    }
}

impl ButtonReply {
    /// The sentence. Channels cut it to what they show.
    #[must_use]
    pub fn words(&self, language: Language) -> String {
        match language {
            Language::English => self.english(),
            Language::TraditionalChinese => self.chinese(),
        }
    }

    fn english(&self) -> String {
        match self {
            Self::Approved => "Approved: the repair starts now.",
            Self::ApprovedFirst { more: 1 } => "Your approval counts. One more person has to approve before anything runs.",
            Self::ApprovedFirst { more } => {
                return format!("Your approval counts. {more} more people have to approve before anything runs.");
            }
            Self::Rejected => "Rejected: nothing will run.",
            Self::NotListed => "You are not on the list of people who may decide.",
            Self::NotAllowed => "The rules do not let you decide on this plan.",
            Self::WrongPlan => "This button belongs to an earlier plan: look at the newest state of the card.",
            Self::Decided { verdict, by } => {
                let word = match verdict {
                    Verdict::Approve => "approved",
                    Verdict::Reject => "rejected",
                };
                return format!("{by} has already decided: {word}.");
            }
            Self::Void { why } => return format!("This plan is void: {why}."),
            Self::Expired { at } => return format!("The time for a decision was over at {}.", short(*at)),
            Self::NeedsPress => {
                "Two different people have to approve, and a link or the API's token does not prove who approves. \
                 Press the button on the card in Telegram or Slack."
            }
            Self::UnknownButton => "This button is not known here.",
            Self::OtherChat => "Buttons work in the configured channels only.",
            Self::DetailsComing => "The details follow.",
            Self::HistoryComing => "The earlier incidents follow.",
            Self::SilenceComing => "This alert is being silenced for one hour.",
            Self::SilenceRefused { why } => return format!("No silence: {why}."),
            Self::ReanalysisComing => "A new analysis begins. The card will show it.",
            Self::ReanalysisRefused { why } => return format!("No new analysis: {why}."),
            Self::NoIncident => "There is no such incident.",
            Self::NoApproval => "There is no approval with this id.",
            Self::InChannelOnly => "This can be asked for in a channel only.",
        }
        .to_owned()
    }

    fn chinese(&self) -> String {
        match self {
            Self::Approved => "已核准，立即開始修復。",
            Self::ApprovedFirst { more } => return format!("已記錄您的核准，還需要 {more} 位人員核准才會執行。"),
            Self::Rejected => "已駁回，不會執行任何動作。",
            Self::NotListed => "您不在可決定人員的名單中。",
            Self::NotAllowed => "依目前規則，您無權決定這項計畫。",
            Self::WrongPlan => "這個按鈕屬於先前的計畫，請看卡片的最新狀態。",
            Self::Decided { verdict, by } => {
                let word = match verdict {
                    Verdict::Approve => "核准",
                    Verdict::Reject => "駁回",
                };
                return format!("{by} 已經決定：{word}。");
            }
            Self::Void { why } => return format!("這項計畫已失效：{why}。"),
            Self::Expired { at } => return format!("決定期限已於 {} 截止。", short(*at)),
            Self::NeedsPress => "需要兩位不同的人員核准，而連結或 API 權杖無法證明核准者是誰，請在 Telegram 或 Slack 的卡片上按按鈕。",
            Self::UnknownButton => "無法識別這個按鈕。",
            Self::OtherChat => "按鈕只能在已設定的頻道中使用。",
            Self::DetailsComing => "詳細資料稍後送上。",
            Self::HistoryComing => "歷史事件稍後送上。",
            Self::SilenceComing => "這個告警將靜音一小時。",
            Self::SilenceRefused { why } => return format!("無法靜音：{why}。"),
            Self::ReanalysisComing => "已開始重新分析，結果會顯示在卡片上。",
            Self::ReanalysisRefused { why } => return format!("無法重新分析：{why}。"),
            Self::NoIncident => "找不到這個事件。",
            Self::NoApproval => "找不到這項核准要求。",
            Self::InChannelOnly => "這項要求只能在頻道中提出。",
        }
        .to_owned()
    }
}

/// A time as people read it, to the minute.
fn short(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::ButtonReply;
    use crate::incident::approval::Verdict;
    use crate::notification::channels::Language;
    use crate::primitives::identity::{DecidedBy, Identity};

    #[test]
    fn replies_differ_in_every_language_and_fit_a_phone() {
        let answers = [
            ButtonReply::Approved,
            ButtonReply::ApprovedFirst { more: 1 },
            ButtonReply::Rejected,
            ButtonReply::NotListed,
            ButtonReply::NotAllowed,
            ButtonReply::WrongPlan,
            ButtonReply::Decided {
                verdict: Verdict::Approve,
                by: DecidedBy::Person(Identity::Telegram(7)),
            },
            ButtonReply::Decided {
                verdict: Verdict::Reject,
                by: DecidedBy::Person(Identity::Telegram(7)),
            },
            ButtonReply::Void {
                why: "the alert resolved".into(),
            },
            ButtonReply::Expired {
                at: Timestamp::UNIX_EPOCH,
            },
            ButtonReply::NeedsPress,
            ButtonReply::UnknownButton,
            ButtonReply::OtherChat,
            ButtonReply::DetailsComing,
            ButtonReply::HistoryComing,
            ButtonReply::SilenceComing,
            ButtonReply::SilenceRefused {
                why: "it is silenced until 1970-01-01T01:00:00Z".into(),
            },
            ButtonReply::ReanalysisComing,
            ButtonReply::ReanalysisRefused {
                why: "it was analysed a minute ago".into(),
            },
            ButtonReply::NoIncident,
            ButtonReply::NoApproval,
            ButtonReply::InChannelOnly,
        ];
        let mut said = std::collections::BTreeSet::new();
        for answer in &answers {
            for language in Language::ALL {
                let words = answer.words(language);
                assert!((4..=200).contains(&words.chars().count()), "{words}");
                assert_eq!(words.is_ascii(), language == Language::English, "{words}");
                assert!(said.insert(words.clone()), "said twice: {words}");
            }
        }
        assert_eq!(
            ButtonReply::Expired {
                at: Timestamp::UNIX_EPOCH
            }
            .words(Language::English),
            "The time for a decision was over at 1970-01-01 00:00 UTC."
        );
    }
}
