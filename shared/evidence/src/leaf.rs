//! Leaves of the transparency log: what was done to one entry of the operation log.

use std::fmt;
use std::str::FromStr;

use domain::incident::operation_log::Entry;
use domain::primitives::id::IncidentId;
use jiff::Timestamp;
use thiserror::Error;

/// The hash of an item that is no entry as functions write them.
pub const NO_HASH: &str = "none";
/// The longest hash that a leaf repeats. Ours have 67 characters.
const LONGEST_HASH: usize = 80;

/// A text that is no leaf.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a leaf says what was done, to which incident, entry and hash")]
pub struct InvalidLeaf;

/// A write to an entry of the operation log, as the table's stream told of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Leaf {
    pub incident: IncidentId,
    /// The entry's number.
    pub sequence: u64,
    /// When it was done, in seconds since 1970. Older leaves do not say it.
    pub at: Option<i64>,
    pub act: Act,
}

/// What was done to an entry.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Act {
    /// It was written, with this hash.
    Written { hash: String, kept: Kept },
    /// It was written over, and has this hash now. No function does that.
    Changed { hash: String },
    /// Texts were taken out of it (`quell erase`); its hash is the one that it was written with.
    Erased {
        hash: String,
        kept: Kept,
        /// The digest of what is left of it. Older leaves do not have it.
        left: Option<String>,
    },
    /// Somebody deleted it. No function does that.
    Deleted,
    /// DynamoDB deleted it, because its time was over.
    Expired,
}

/// Until when an entry is kept, as its item says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kept {
    /// For ever.
    Ever,
    /// Until a time, in seconds since 1970.
    Until(i64),
    /// Older leaves do not say it.
    Unknown,
}

/// A write to an item of the operation log.
#[derive(Debug, Clone, Copy)]
pub enum Write<'a> {
    /// A new item; nothing if it cannot be read as an entry.
    Inserted(Option<Item<'a>>),
    /// An item as it is after it was written over; nothing if it cannot be read as an entry.
    Modified(Option<Item<'a>>),
    /// DynamoDB deleted it.
    Expired,
    /// Anybody else deleted it.
    Deleted,
}

/// An entry as its item has it.
#[derive(Debug, Clone, Copy)]
pub struct Item<'a> {
    pub entry: &'a Entry,
    pub expires_at: Option<Timestamp>,
}

impl Leaf {
    /// What a write to the item of this number is as a leaf. What is no entry as functions write them has no hash, so that it
    /// passes for none.
    pub fn of(incident: IncidentId, sequence: u64, at: i64, write: Write<'_>) -> Self {
        let kept = |item: Item<'_>| {
            let end = item.expires_at.map(Timestamp::as_second);
            end.map_or(Kept::Ever, Kept::Until)
        };
        let whole =
            |item: Item<'_>| item.entry.sequence == sequence && item.entry.is_as_written(&incident);
        let act = match write {
            Write::Inserted(Some(item)) if whole(item) && !item.entry.erased => Act::Written {
                hash: word(&item.entry.hash),
                kept: kept(item),
            },
            Write::Inserted(_) => Act::Written {
                hash: NO_HASH.to_owned(),
                kept: Kept::Ever,
            },
            Write::Modified(Some(item)) if whole(item) && item.entry.erased => Act::Erased {
                hash: word(&item.entry.hash),
                kept: kept(item),
                left: Some(item.entry.left(&incident)),
            },
            Write::Modified(item) => Act::Changed {
                hash: item.map_or_else(|| NO_HASH.to_owned(), |item| word(&item.entry.hash)),
            },
            Write::Expired => Act::Expired,
            Write::Deleted => Act::Deleted,
        };
        Self {
            incident,
            sequence,
            at: Some(at),
            act,
        }
    }

    /// True if no function of ours does this.
    pub fn is_tampering(&self) -> bool {
        match &self.act {
            Act::Changed { .. } | Act::Deleted => true,
            Act::Written { hash, .. } => hash == NO_HASH,
            Act::Erased { .. } | Act::Expired => false,
        }
    }
}

/// A hash that fits into a leaf. Another one is somebody's who wants to break the line, or to make it longer than what the witness
/// can keep.
fn word(hash: &str) -> String {
    let fits = (1..=LONGEST_HASH).contains(&hash.len());
    match fits && hash.chars().all(|c| c.is_ascii_graphic()) {
        true => hash.to_owned(),
        false => NO_HASH.to_owned(),
    }
}

/// One line of plain text, which is what the tree hashes.
impl fmt::Display for Leaf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (word, hash) = match &self.act {
            Act::Written { hash, .. } => ("written", Some(hash)),
            Act::Changed { hash } => ("changed", Some(hash)),
            Act::Erased { hash, .. } => ("erased", Some(hash)),
            Act::Deleted => ("deleted", None),
            Act::Expired => ("expired", None),
        };
        write!(f, "{word} {} {}", self.incident, self.sequence)?;
        if let Some(hash) = hash {
            write!(f, " {hash}")?;
        }
        let Some(at) = self.at else {
            return Ok(());
        };
        write!(f, " {at}")?;
        match &self.act {
            Act::Written { kept, .. } => write!(f, " {kept}"),
            Act::Erased { kept, left, .. } => {
                write!(f, " {kept} {}", left.as_deref().unwrap_or_default())
            }
            Act::Changed { .. } | Act::Deleted | Act::Expired => Ok(()),
        }
    }
}

impl fmt::Display for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ever => f.write_str("ever"),
            Self::Until(end) => write!(f, "{end}"),
            Self::Unknown => f.write_str("unknown"),
        }
    }
}

impl FromStr for Kept {
    type Err = InvalidLeaf;

    fn from_str(text: &str) -> Result<Self, InvalidLeaf> {
        match text {
            "ever" => Ok(Self::Ever),
            "unknown" => Ok(Self::Unknown),
            end => end.parse().map(Self::Until).map_err(|_| InvalidLeaf),
        }
    }
}

impl FromStr for Leaf {
    type Err = InvalidLeaf;

    fn from_str(text: &str) -> Result<Self, InvalidLeaf> {
        let words: Vec<&str> = text.split(' ').collect();
        let [act, incident, sequence, rest @ ..] = &words[..] else {
            return Err(InvalidLeaf);
        };
        let own = |text: &str| text.to_owned();
        let (at, act) = match (*act, rest) {
            ("written", [hash, at, kept]) => {
                let (hash, kept) = (own(hash), kept.parse()?);
                (Some(*at), Act::Written { hash, kept })
            }
            ("changed", [hash, at]) => (Some(*at), Act::Changed { hash: own(hash) }),
            ("erased", [hash, at, kept, left]) => {
                let (hash, kept, left) = (own(hash), kept.parse()?, Some(own(left)));
                (Some(*at), Act::Erased { hash, kept, left })
            }
            ("deleted", [at]) => (Some(*at), Act::Deleted),
            ("expired", [at]) => (Some(*at), Act::Expired),
            // Older ones.
            ("written", [hash]) => {
                let (hash, kept) = (own(hash), Kept::Unknown);
                (None, Act::Written { hash, kept })
            }
            ("changed", [hash]) => (None, Act::Changed { hash: own(hash) }),
            ("erased", [hash]) => {
                let (hash, kept, left) = (own(hash), Kept::Unknown, None);
                (None, Act::Erased { hash, kept, left })
            }
            ("deleted", []) => (None, Act::Deleted),
            ("expired", []) => (None, Act::Expired),
            _ => return Err(InvalidLeaf),
        };
        let at = at.map(|at| at.parse().map_err(|_| InvalidLeaf));
        Ok(Self {
            incident: IncidentId::try_from(*incident).map_err(|_| InvalidLeaf)?,
            sequence: sequence.parse().map_err(|_| InvalidLeaf)?,
            at: at.transpose()?,
            act,
        })
    }
}

#[cfg(test)]
#[path = "leaf_tests.rs"]
mod tests;
