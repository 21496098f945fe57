//! Identifier types: an incident id cannot be passed where a fingerprint is expected.

use std::fmt;
use std::ops::Deref;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::primitives::digest::Digest;

/// Why a text is not the id it claims to be.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("not {expected}")]
pub struct InvalidId {
    expected: &'static str,
}

impl InvalidId {
    pub(crate) const fn new(expected: &'static str) -> Self {
        Self { expected }
    }
}

/// Serde's conversions by way of `Display` and `FromStr`.
macro_rules! as_text {
    ($($name:ident),+) => {
        $(
            impl TryFrom<String> for $name {
                type Error = InvalidId;

                fn try_from(text: String) -> Result<Self, InvalidId> {
                    text.parse()
                }
            }

            impl From<$name> for String {
                fn from(value: $name) -> Self {
                    value.to_string()
                }
            }
        )+
    };
}

pub(crate) use as_text;

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $expected:literal, $valid:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;

            fn try_from(text: String) -> Result<Self, InvalidId> {
                let valid: fn(&str) -> bool = $valid;
                if valid(&text) { Ok(Self(text)) } else { Err(InvalidId { expected: $expected }) }
            }
        }

        impl TryFrom<&str> for $name {
            type Error = InvalidId;

            fn try_from(text: &str) -> Result<Self, InvalidId> {
                Self::try_from(text.to_owned())
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

/// A name that is any text, such as a file gives it: its own type, so that no other name takes its place.
macro_rules! name {
    ($($(#[$doc:meta])* $name:ident,)+) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
            #[serde(transparent)]
            #[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(inline))]
            pub struct $name(String);

            impl $name {
                /// The name as text.
                pub fn as_str(&self) -> &str {
                    &self.0
                }
            }

            impl Deref for $name {
                type Target = str;

                fn deref(&self) -> &str {
                    &self.0
                }
            }

            impl AsRef<str> for $name {
                fn as_ref(&self) -> &str {
                    &self.0
                }
            }

            impl PartialEq<str> for $name {
                fn eq(&self, other: &str) -> bool {
                    self.0 == other
                }
            }

            impl PartialEq<&str> for $name {
                fn eq(&self, other: &&str) -> bool {
                    self.0 == *other
                }
            }

            impl From<&str> for $name {
                fn from(text: &str) -> Self {
                    Self(text.to_owned())
                }
            }

            impl From<String> for $name {
                fn from(text: String) -> Self {
                    Self(text)
                }
            }

            impl From<$name> for String {
                fn from(name: $name) -> Self {
                    name.0
                }
            }

            impl fmt::Display for $name {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    self.0.fmt(f)
                }
            }
        )+
    };
}

name!(
    /// The identity of a plan: 64 characters of lower-case hex (see [`crate::playbook::plan::Plan::hash`]).
    PlanHash,
    /// A playbook's id in the operator's files.
    PlaybookId,
    /// A service's name in the registry.
    ServiceName,
    /// One delivery of a message to one invocation of a function; empty before a worker has claimed the run.
    WorkerId,
);

text_id!(
    /// An incident: a ULID (26 characters of Crockford's base 32, sortable by time), made by ingress.
    IncidentId,
    "a ULID (26 characters of 0-9 and A-Z without I, L, O, U)",
    is_ulid
);
text_id!(
    /// A fingerprint: 64 characters of lower-case hex (see [`crate::alert::fingerprint`]).
    Fingerprint,
    "64 characters of lower-case hex",
    |text| is_lower_hex(text, 64)
);
text_id!(
    /// One run of a delivery pipeline: 64 characters of lower-case hex (see [`crate::notification::pipeline_run`]).
    PipelineRunId,
    "64 characters of lower-case hex",
    |text| is_lower_hex(text, 64)
);
text_id!(
    /// The alerts of one rule in one group of their sender: 64 characters of lower-case hex.
    AlertGroupId,
    "64 characters of lower-case hex",
    |text| is_lower_hex(text, 64)
);
text_id!(
    /// The heartbeat of one sender: 64 characters of lower-case hex (see [`crate::alert::heartbeat`]).
    HeartbeatId,
    "64 characters of lower-case hex",
    |text| is_lower_hex(text, 64)
);
text_id!(
    /// One Alertmanager alert inside a fingerprint: 1 to 64 of `A-Za-z0-9_-`. Alertmanager's own is 16 of hex.
    MemberId,
    "1 to 64 of A-Z a-z 0-9 _ -",
    |text| (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
);
text_id!(
    /// One request for a decision on one plan: `<incident id>-<first 16 hex of the plan's hash>`.
    ///
    /// 43 bytes, so that `approve:<id>` fits Telegram's 64 bytes of callback data; the incident is found without an index.
    ApprovalId,
    "an incident id, a dash and 16 characters of lower-case hex",
    |text| text.split_once('-').is_some_and(|(incident, plan)| is_ulid(incident) && is_lower_hex(plan, 16))
);

impl ApprovalId {
    /// The approval of the plan with this hash (64 hex).
    pub fn for_plan(incident: &IncidentId, plan_hash: &PlanHash) -> Self {
        let short: String = plan_hash.chars().take(16).collect();
        Self(format!("{incident}-{short}"))
    }

    /// The incident that the approval belongs to.
    pub fn incident(&self) -> IncidentId {
        IncidentId(self.0.split('-').next().unwrap_or_default().to_owned())
    }
}

/// A digest is the id of what was hashed.
macro_rules! digest_id {
    ($($name:ident),+) => {
        $(impl From<Digest> for $name {
            fn from(digest: Digest) -> Self {
                Self(digest.hex())
            }
        })+
    };
}

digest_id!(
    AlertGroupId,
    Fingerprint,
    HeartbeatId,
    PipelineRunId,
    PlanHash
);

impl MemberId {
    /// The member of the alert that Quell itself raises about a storm.
    pub fn of_storm() -> Self {
        Self("storm".to_owned())
    }

    /// A member that no alert has.
    pub fn of_nobody() -> Self {
        Self("nobody".to_owned())
    }

    /// What the one alert of a sender is called that does not number its alerts.
    const UNNUMBERED: &str = "sender";

    /// The member of a sender that does not number its alerts: a signed alert, or a signal. Such a sender may never say that one has ended.
    pub fn unnumbered() -> Self {
        Self(Self::UNNUMBERED.to_owned())
    }

    /// True if it is that of a sender that does not number its alerts.
    pub fn is_unnumbered(&self) -> bool {
        self.0 == Self::UNNUMBERED
    }
}

fn is_ulid(text: &str) -> bool {
    text.len() == 26 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'A'..=b'H' | b'J' | b'K' | b'M' | b'N' | b'P'..=b'T' | b'V'..=b'Z'))
}

fn is_lower_hex(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::{ApprovalId, IncidentId, MemberId};

    const INCIDENT: &str = "01ARZ3NDEKTSV4RRFFQ69G5FAV";

    #[test]
    fn an_approval_names_its_incident_and_fits_a_telegram_button() -> Result<(), super::InvalidId> {
        let incident = IncidentId::try_from(INCIDENT)?;
        let approval = ApprovalId::for_plan(&incident, &"a1".repeat(32).into());
        assert_eq!(
            approval.as_str(),
            "01ARZ3NDEKTSV4RRFFQ69G5FAV-a1a1a1a1a1a1a1a1"
        );
        assert_eq!(approval.incident(), incident);
        assert_eq!(ApprovalId::try_from(approval.as_str())?, approval);
        assert!(format!("approve:{approval}").len() <= 64);
        Ok(())
    }

    #[test]
    fn hostile_ids_are_refused() {
        for text in [
            "",
            "01ARZ3NDEKTSV4RRFFQ69G5FA",
            "01ARZ3NDEKTSV4RRFFQ69G5FAU",
            "../../../../../../etc/passwd",
        ] {
            assert!(IncidentId::try_from(text).is_err(), "{text}");
            assert!(ApprovalId::try_from(text).is_err(), "{text}");
        }
        assert!(MemberId::try_from("a b").is_err());
        assert!(MemberId::try_from("é").is_err());
    }
}
