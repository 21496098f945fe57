//! The kill switch: while it is on, no repair runs. Its author, time and reason are shown to
//! people; no decision depends on them.

use jiff::Timestamp;

use crate::phrase;
use crate::primitives::phrase::Phrase;
use crate::primitives::safe_text::line;

/// How much of a reason is kept, in characters.
const WHY_CHARACTERS: usize = 200;
/// How much of a name is kept: an ARN of a role's session fits.
const BY_CHARACTERS: usize = 300;

/// What the item of a kill switch that is on says. It is on while the item is there, whatever it says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SwitchedOff {
    /// Who switched repairs off.
    pub by: Option<String>,
    pub why: Option<String>,
    pub at: Option<Timestamp>,
}

impl SwitchedOff {
    /// A switch that is turned on now. The texts are cut and stripped of invisible characters,
    /// because cards show them.
    pub fn now(by: &str, why: Option<&str>, at: Timestamp) -> Self {
        let short = |text: &str, most| Some(line(text, most)).filter(|text| !text.is_empty());
        Self {
            by: short(by, BY_CHARACTERS),
            why: why.and_then(|why| short(why, WHY_CHARACTERS)),
            at: Some(at),
        }
    }
}

impl SwitchedOff {
    /// What is known about it, in a sentence. The reason first: a card cuts what is long.
    pub fn phrase(&self) -> Phrase {
        let at = self
            .at
            .map(|at| at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string());
        match (self.why.as_ref(), self.by.as_ref(), at) {
            (Some(why), Some(by), Some(at)) => {
                phrase!("it is on: {why} (by {by}, since {at})", why, by, at)
            }
            (Some(why), Some(by), None) => phrase!("it is on: {why} (by {by})", why, by),
            (Some(why), None, _) => phrase!("it is on: {why}", why),
            (None, Some(by), Some(at)) => {
                phrase!(
                    "it is on: nothing is repaired (by {by}, since {at})",
                    by,
                    at
                )
            }
            (None, Some(by), None) => phrase!("it is on: nothing is repaired (by {by})", by),
            (None, None, _) => phrase!("it is on: nothing is repaired"),
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::SwitchedOff;

    #[test]
    fn it_says_what_is_known_and_no_more() {
        let at = Timestamp::UNIX_EPOCH;
        insta::assert_snapshot!(SwitchedOff::default().phrase(), @"it is on: nothing is repaired");
        insta::assert_snapshot!(SwitchedOff::now("ada", None, at).phrase(), @"it is on: nothing is repaired (by ada, since 1970-01-01T00:00:00Z)");
        insta::assert_snapshot!(SwitchedOff::now("ada", Some("the disks move"), at).phrase(), @"it is on: the disks move (by ada, since 1970-01-01T00:00:00Z)");
        let long = SwitchedOff::now("ada", Some(&"a".repeat(10_000)), at);
        assert_eq!(long.why.map(|why| why.chars().count()), Some(200));
        assert_eq!(
            SwitchedOff::now(" ", Some("\u{202e}\n"), at),
            SwitchedOff {
                at: Some(at),
                ..SwitchedOff::default()
            }
        );
    }
}
