//! The kill switch: while it is on, nothing is repaired. Who switched it, when and why are for people; nothing is decided by them.

use std::fmt;

use jiff::Timestamp;

use super::visible::line;

/// How much of a reason is kept, in characters.
const WHY_CHARACTERS: usize = 200;
/// How much of a name is kept: an ARN of a role's session fits.
const BY_CHARACTERS: usize = 300;

/// What the item of a kill switch that is on says. It is on while the item is there, whatever it says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SwitchedOff {
    /// Who switched repairs off.
    pub by: Option<String>,
    /// Why.
    pub why: Option<String>,
    /// When.
    pub at: Option<Timestamp>,
}

impl SwitchedOff {
    /// A switch that somebody turns now. What people write is cut, and what cannot be seen is taken out: it stands on cards.
    #[must_use]
    pub fn now(by: &str, why: Option<&str>, at: Timestamp) -> Self {
        let short = |text: &str, most| Some(line(text, most)).filter(|text| !text.is_empty());
        Self { by: short(by, BY_CHARACTERS), why: why.and_then(|why| short(why, WHY_CHARACTERS)), at: Some(at) }
    }
}

impl fmt::Display for SwitchedOff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("it is on")?;
        if let Some(at) = self.at {
            write!(f, " since {}", at.strftime("%Y-%m-%dT%H:%M:%SZ"))?;
        }
        if let Some(by) = &self.by {
            write!(f, ", by {by}")?;
        }
        match &self.why {
            Some(why) => write!(f, ": {why}"),
            None => f.write_str(": nothing is repaired"),
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
        insta::assert_snapshot!(SwitchedOff::default(), @"it is on: nothing is repaired");
        insta::assert_snapshot!(SwitchedOff::now("ada", None, at), @"it is on since 1970-01-01T00:00:00Z, by ada: nothing is repaired");
        insta::assert_snapshot!(SwitchedOff::now("ada", Some("the disks move"), at), @"it is on since 1970-01-01T00:00:00Z, by ada: the disks move");
        let long = SwitchedOff::now("ada", Some(&"a".repeat(10_000)), at);
        assert_eq!(long.why.map(|why| why.chars().count()), Some(200));
        assert_eq!(SwitchedOff::now(" ", Some("\u{202e}\n"), at), SwitchedOff { at: Some(at), ..SwitchedOff::default() });
    }
}
