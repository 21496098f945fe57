//! Leaves of the transparency log: what was done to one entry of the operation log.

use std::fmt;
use std::str::FromStr;

use domain::primitives::id::IncidentId;
use thiserror::Error;

/// A text that is no leaf.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a leaf says what was done, to which incident, entry and hash")]
pub struct InvalidLeaf;

/// A write to an entry of the operation log, as the table's stream told of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaf {
    pub incident: IncidentId,
    /// The entry's number.
    pub sequence: u64,
    pub act: Act,
}

/// What was done to an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// It was written, with this hash.
    Written { hash: String },
    /// It was written over, and has this hash now. No function does that.
    Changed { hash: String },
    /// Something was taken out of it (`quell erase`); its hash is the one that it was written with.
    Erased { hash: String },
    /// Somebody deleted it. No function does that.
    Deleted,
    /// DynamoDB deleted it, because it was kept for as long as it should.
    Expired,
}

/// One line of plain text, which is what the tree hashes.
impl fmt::Display for Leaf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            incident,
            sequence,
            act,
        } = self;
        match act {
            Act::Written { hash } => write!(f, "written {incident} {sequence} {hash}"),
            Act::Changed { hash } => write!(f, "changed {incident} {sequence} {hash}"),
            Act::Erased { hash } => write!(f, "erased {incident} {sequence} {hash}"),
            Act::Deleted => write!(f, "deleted {incident} {sequence}"),
            Act::Expired => write!(f, "expired {incident} {sequence}"),
        }
    }
}

impl FromStr for Leaf {
    type Err = InvalidLeaf;

    fn from_str(text: &str) -> Result<Self, InvalidLeaf> {
        let mut words = text.split(' ');
        let act = words.next().ok_or(InvalidLeaf)?;
        let incident = words.next().and_then(|id| IncidentId::try_from(id).ok());
        let incident = incident.ok_or(InvalidLeaf)?;
        let sequence = words.next().and_then(|word| word.parse().ok());
        let sequence = sequence.ok_or(InvalidLeaf)?;
        let hash = words.next().map(str::to_owned);
        let act = match (act, hash) {
            ("written", Some(hash)) => Act::Written { hash },
            ("changed", Some(hash)) => Act::Changed { hash },
            ("erased", Some(hash)) => Act::Erased { hash },
            ("deleted", None) => Act::Deleted,
            ("expired", None) => Act::Expired,
            _ => return Err(InvalidLeaf),
        };
        match words.next() {
            None => Ok(Self {
                incident,
                sequence,
                act,
            }),
            Some(_) => Err(InvalidLeaf),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Leaf;

    #[test]
    fn a_leaf_is_one_line_and_no_other() {
        let id = "01ARZ3NDEKTSV4RRFFQ69G5FAV";
        for text in [
            format!("written {id} 1 ab"),
            format!("changed {id} 7 cd"),
            format!("erased {id} 7 cd"),
            format!("deleted {id} 2"),
            format!("expired {id} 3"),
        ] {
            let leaf: Leaf = text.parse().expect("a leaf");
            assert_eq!(leaf.to_string(), text);
        }
        for text in [
            String::new(),
            format!("written {id} 1"),
            format!("deleted {id} 1 ab"),
            format!("written {id} -1 ab"),
            format!("written {id} 1 ab cd"),
            "written nobody 1 ab".to_owned(),
        ] {
            assert!(text.parse::<Leaf>().is_err(), "{text}");
        }
    }
}
