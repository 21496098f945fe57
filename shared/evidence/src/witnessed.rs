//! History of one entry in the anchors, leaf by leaf.

use jiff::SignedDuration;

use crate::finding::Finding;
use crate::leaf::{Act, Kept, Leaf, NO_HASH};

/// The shortest time that an entry is kept is a day. It begins when the entry was decided on, some retries before it was written.
const SHORTEST: SignedDuration = SignedDuration::from_hours(23);
/// By how much the stream's times may differ from the clock by which DynamoDB deletes: it calls them approximate.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_streams_StreamRecord.html>
const INEXACT: SignedDuration = SignedDuration::from_mins(5);

/// What the witness saw of an entry.
#[derive(Debug)]
pub(crate) struct Witnessed {
    /// The hash with which it was written first.
    pub(crate) hash: Option<String>,
    /// Until when it was to be kept when it was written first.
    kept: Kept,
    /// The digest of what was left after each erasure; none where an older leaf does not say it.
    pub(crate) erasures: Vec<Option<String>>,
    pub(crate) gone: Option<Gone>,
}

/// Why an entry is no longer in the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gone {
    /// It was kept for as long as was promised when it was written.
    AsPromised,
    /// It has expired, and older leaves do not say when it should.
    Expired,
    /// It should be there.
    Taken,
}

impl Default for Witnessed {
    fn default() -> Self {
        Self {
            hash: None,
            kept: Kept::Unknown,
            erasures: Vec::new(),
            gone: None,
        }
    }
}

impl Witnessed {
    /// Takes in the next leaf of the entry, in the order in which the stream told of them.
    pub(crate) fn take_in(&mut self, leaf: Leaf) -> Option<Finding> {
        let Leaf {
            incident,
            sequence,
            at,
            act,
        } = leaf;
        let what = match act {
            Act::Written { hash, .. } if hash == NO_HASH => {
                self.hash.get_or_insert(hash);
                Some("written with another hash than its own")
            }
            Act::Written { hash, kept } => self.written(hash, kept, at),
            Act::Changed { .. } => Some("changed"),
            Act::Erased { hash, .. } if self.hash.as_ref() != Some(&hash) => Some("changed"),
            Act::Erased { kept, left, .. } => {
                self.erasures.push(left);
                let is_known = self.kept != Kept::Unknown && kept != Kept::Unknown;
                (is_known && kept != self.kept).then_some("given another end")
            }
            Act::Deleted => {
                self.gone = Some(Gone::Taken);
                Some("deleted")
            }
            Act::Expired => {
                let too_early = self.expired(at)?;
                return Some(Finding::Expired {
                    incident,
                    sequence,
                    when: too_early,
                });
            }
        };
        what.map(|what| Finding::Tampered {
            incident,
            sequence,
            what,
        })
    }

    fn written(&mut self, hash: String, kept: Kept, at: Option<i64>) -> Option<&'static str> {
        let is_first = self.hash.is_none();
        let is_again = self.gone.take().is_some() || self.hash.as_ref().is_some_and(|h| *h != hash);
        // An older leaf of the same write tells no more than its hash, and the stream may tell of a write twice.
        let knows_no_more = at.is_none() || self.kept == Kept::Unknown;
        if is_again || !(is_first || knows_no_more) {
            return Some("written again");
        }
        self.hash = Some(hash);
        if self.kept == Kept::Unknown {
            self.kept = kept;
        }
        let is_short = |(end, at): (i64, i64)| end.saturating_sub(at) < SHORTEST.as_secs();
        let end = match kept {
            Kept::Until(end) => Some(end),
            Kept::Ever | Kept::Unknown => None,
        };
        end.zip(at)
            .is_some_and(is_short)
            .then_some("written to be kept for less than a day")
    }

    /// Why it should not have expired yet, if so.
    fn expired(&mut self, at: Option<i64>) -> Option<&'static str> {
        let (gone, too_early) = match (self.kept, at) {
            (Kept::Unknown, _) | (_, None) => (Gone::Expired, None),
            (Kept::Ever, Some(_)) => (Gone::Taken, Some("although it was to be kept for ever")),
            (Kept::Until(end), Some(at)) if at.saturating_add(INEXACT.as_secs()) < end => {
                (Gone::Taken, Some("before its time"))
            }
            (Kept::Until(_), Some(_)) => (Gone::AsPromised, None),
        };
        self.gone = Some(gone);
        too_early
    }
}
