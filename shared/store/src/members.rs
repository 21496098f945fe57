//! Members of an episode, as its item and the one beside it hold them.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;

use super::StoreError;
use super::attributes::{Reader, number};
use domain::alert::AlertSeverity;
use domain::episode::{Departed, Episode, Member};
use domain::primitives::id::MemberId;

/// How many members an episode's own item holds, and how many that have resolved: with these bounds
/// it stays under 1 KB, the unit in which writes are billed. The others are in a further item, which
/// only the rarer writes touch.
pub(super) const MEMBERS_IN_ITEM: usize = 10;
const DEPARTED_IN_ITEM: usize = 3;
/// A member is one number, so that the join's condition can compare it: the rank of its severity,
/// then in fifteen digits the milliseconds at which it began.
const RANK: i64 = 1_000_000_000_000_000;

/// A member as one number.
pub(super) fn packed(member: Member) -> i64 {
    i64::from(member.severity.rank()) * RANK + member.starts_at.clamp(0, RANK - 1)
}

fn unpacked(number: i64) -> Option<Member> {
    let rank = u8::try_from(number.div_euclid(RANK)).ok()?;
    Some(Member {
        severity: AlertSeverity::of_rank(rank)?,
        starts_at: number.rem_euclid(RANK),
    })
}

type Numbers = BTreeMap<MemberId, i64>;

/// The members of an episode, as an item holds them.
#[derive(Default)]
pub(super) struct Kept {
    members: Numbers,
    /// When those that have resolved left.
    departed: Numbers,
    /// What was received since of those that are disputed.
    disputed: Numbers,
}

impl Kept {
    pub(super) fn from_episode(episode: &Episode) -> Self {
        let number = |(member, fires): (&MemberId, &Member)| (member.clone(), packed(*fires));
        let left = |(member, departed): (&MemberId, &Departed)| {
            (member.clone(), departed.left_at.as_millisecond())
        };
        let disputed = episode
            .departed
            .iter()
            .filter_map(|(member, departed)| Some((member, departed.disputed.as_ref()?)));
        Self {
            members: episode.members.iter().map(number).collect(),
            departed: episode.departed.iter().map(left).collect(),
            disputed: disputed.map(number).collect(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.members.is_empty() && self.departed.is_empty() && self.disputed.is_empty()
    }

    /// What the episode's own item holds, and the others.
    pub(super) fn split(self) -> (Self, Self) {
        let at = |mut all: Numbers, most: usize| {
            let first_other = all.keys().nth(most).cloned();
            let others = first_other.map(|first| all.split_off(&first));
            (all, others.unwrap_or_default())
        };
        let (members, other_members) = at(self.members, MEMBERS_IN_ITEM);
        let (departed, other_departed) = at(self.departed, DEPARTED_IN_ITEM);
        // A dispute is read together with the departure that it is about.
        let (disputed, other_disputed) = self
            .disputed
            .into_iter()
            .partition(|(member, _)| departed.contains_key(member));
        let kept = Self {
            members,
            departed,
            disputed,
        };
        let others = Self {
            members: other_members,
            departed: other_departed,
            disputed: other_disputed,
        };
        (kept, others)
    }

    pub(super) fn and(mut self, other: Self) -> Self {
        self.members.extend(other.members);
        self.departed.extend(other.departed);
        self.disputed.extend(other.disputed);
        self
    }

    pub(super) fn fields(self) -> Vec<(&'static str, AttributeValue)> {
        let map = |numbers: Numbers| {
            let pair = |(member, at): (MemberId, i64)| (member.to_string(), number(at));
            AttributeValue::M(numbers.into_iter().map(pair).collect())
        };
        let disputed = (!self.disputed.is_empty())
            .then_some(("disputed", self.disputed))
            .map(|(name, it)| (name, map(it)));
        [
            ("members", map(self.members)),
            ("departed", map(self.departed)),
        ]
        .into_iter()
        .chain(disputed)
        .collect()
    }

    pub(super) fn read(reader: &Reader<'_>) -> Result<Self, StoreError> {
        let numbers = |name: &str| -> Result<Numbers, StoreError> {
            let map = reader.get(name, "a map", |value| value.as_m().ok())?;
            let pair = |(member, at): (&String, &AttributeValue)| {
                Some((
                    MemberId::try_from(member.as_str()).ok()?,
                    at.as_n().ok()?.parse().ok()?,
                ))
            };
            map.iter()
                .map(pair)
                .collect::<Option<Numbers>>()
                .ok_or_else(|| {
                    reader.unreadable(format!("{name} is not a map of members to numbers"))
                })
        };
        let kept = Self {
            members: numbers("members")?,
            departed: numbers("departed")?,
            disputed: if reader.has("disputed") {
                numbers("disputed")?
            } else {
                Numbers::new()
            },
        };
        let fires = kept.members.values().chain(kept.disputed.values());
        let left = kept.departed.values();
        if fires.into_iter().all(|number| unpacked(*number).is_some())
            && left
                .into_iter()
                .all(|at| Timestamp::from_millisecond(*at).is_ok())
        {
            Ok(kept)
        } else {
            Err(reader.unreadable("a member is not a severity and a time"))
        }
    }

    pub(super) fn into_parts(self) -> (BTreeMap<MemberId, Member>, BTreeMap<MemberId, Departed>) {
        let members = self
            .members
            .into_iter()
            .filter_map(|(member, number)| Some((member, unpacked(number)?)));
        let departed = self.departed.into_iter().filter_map(|(member, at)| {
            let disputed = self.disputed.get(&member);
            let departed = Departed {
                left_at: Timestamp::from_millisecond(at).ok()?,
                disputed: disputed.and_then(|number| unpacked(*number)),
            };
            Some((member, departed))
        });
        (members.collect(), departed.collect())
    }
}
