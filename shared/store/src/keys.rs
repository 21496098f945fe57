//! Keys of the table that more than one module needs.

use std::collections::HashMap;

use domain::primitives::id::IncidentId;

use super::attributes::{Item, text};

/// Open incidents are spread over this many keys of the index, so that a storm does not write to one key alone.
pub(crate) const OPEN_SHARDS: u32 = 8;

pub(crate) fn incident_key(id: &IncidentId, sort: &str) -> Item {
    HashMap::from([
        ("pk".to_owned(), text(format!("INC#{id}"))),
        ("sk".to_owned(), text(sort)),
    ])
}

/// The partition of the index of open incidents that an incident belongs to: the last character of
/// a ULID is random.
pub(crate) fn shard(id: &IncidentId) -> String {
    let last = id.as_str().bytes().last().unwrap_or_default();
    format!("OPEN#{}", u32::from(last) % OPEN_SHARDS)
}

pub(crate) fn minute_key(minute: i64) -> Item {
    HashMap::from([
        ("pk".to_owned(), text(format!("STORM#{minute}"))),
        ("sk".to_owned(), text("MINUTE")),
    ])
}
