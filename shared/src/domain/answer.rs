//! What somebody who pressed a button is told.

use super::approval::Verdict;
use super::channels::Language;

/// What a press came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// A decision was made.
    Decided(Verdict),
    /// Whoever pressed may not decide.
    NotListed,
    /// The button is none that is known.
    Unknown,
}

impl Answer {
    /// The sentence for the person who pressed.
    #[must_use]
    pub fn words(&self, language: Language) -> String {
        let (english, chinese) = match self {
            Self::Decided(Verdict::Approve) => ("Approved: the repair starts now.", "已核准：立即開始修復。"),
            Self::Decided(Verdict::Reject) => ("Rejected: nothing will run.", "已拒絕：不會執行任何動作。"),
            Self::NotListed => ("You are not on the list of people who may decide.", "您不在可以決定的人員名單中。"),
            Self::Unknown => ("This button is not known here.", "這裡不認得這個按鈕。"),
        };
        match language {
            Language::English => english,
            Language::TraditionalChinese => chinese,
        }
        .to_owned()
    }
}
