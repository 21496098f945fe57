//! Stored episodes: the write that every alert makes, and the slower ones behind it.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::types::{AttributeValue, Put};
use jiff::{SignedDuration, Timestamp};

use super::attributes::{Item, Reader, millis, number, text};
use super::{Store, StoreError, failed};
use domain::alert::AlertSeverity;
use domain::episode::{Advice, Episode, Members, Unsent, Windows};
use domain::primitives::id::{Fingerprint, IncidentId, MemberId};

/// Retention of an episode that accepts no more alerts, before DynamoDB may delete it.
const KEPT_AFTER: SignedDuration = SignedDuration::from_hours(7 * 24);

/// How often a small change is retried after a conflict with a transaction on the item.
const ATTEMPTS: u32 = 6;

impl Store {
    /// The episode of a fingerprint, if there is one.
    ///
    /// # Errors
    /// If the table does not answer or the item is not an episode.
    pub async fn episode(&self, fingerprint: &Fingerprint) -> Result<Option<Episode>, StoreError> {
        let request = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(key(fingerprint)))
            .consistent_read(true);
        let answer = request.send().await.map_err(|error| failed(&error))?;
        answer
            .item()
            .map(|item| read(fingerprint, item))
            .transpose()
    }

    /// Writes an episode over the version before it.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if the version before is not the one that is there.
    pub async fn save_episode(
        &self,
        episode: &Episode,
        windows: Windows,
    ) -> Result<(), StoreError> {
        let put = put(&self.table, episode, windows)?;
        let request = self
            .client
            .put_item()
            .table_name(put.table_name())
            .set_item(Some(put.item().clone()))
            .set_condition_expression(put.condition_expression)
            .set_expression_attribute_names(put.expression_attribute_names)
            .set_expression_attribute_values(put.expression_attribute_values);
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(|e| e.is_conditional_check_failed_exception()) =>
            {
                Err(StoreError::Conflict)
            }
            Err(error) => Err(failed(&error)),
        }
    }

    /// Records that an [`Unsent`] fact is on its queue now.
    ///
    /// # Errors
    /// If the table does not answer. The next delivery then sends again, which receivers tolerate.
    pub async fn mark_sent(&self, episode: &Episode, sent: Unsent) -> Result<(), StoreError> {
        self.touch(
            &episode.fingerprint,
            &episode.incident_id,
            "ADD #version :one DELETE #attribute :value",
            "unsent",
            set_of([sent]),
        )
        .await
    }

    /// Leaves the analyzer's advice on the episode, if it is still the incident's.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn advise(
        &self,
        fingerprint: &Fingerprint,
        incident: &IncidentId,
        advice: &Advice,
    ) -> Result<(), StoreError> {
        let json = serde_json::to_string(advice)
            .map_err(|error| StoreError::Unavailable(error.to_string()))?;
        self.touch(
            fingerprint,
            incident,
            "SET #attribute = :value ADD #version :one",
            "advice",
            text(json),
        )
        .await
    }

    /// Changes one attribute, if the episode still belongs to `incident`; if it does not, the change has lost its meaning.
    async fn touch(
        &self,
        fingerprint: &Fingerprint,
        incident: &IncidentId,
        update: &str,
        attribute: &str,
        value: AttributeValue,
    ) -> Result<(), StoreError> {
        let request = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key(fingerprint)))
            .update_expression(update)
            .condition_expression("#incident_id = :incident")
            .expression_attribute_names("#incident_id", "incident_id")
            .expression_attribute_names("#version", "version")
            .expression_attribute_names("#attribute", attribute)
            .expression_attribute_values(":incident", text(incident.as_str()))
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":value", value);
        for attempt in 0..ATTEMPTS {
            let failure = match request.clone().send().await {
                Ok(_) => return Ok(()),
                Err(error)
                    if error
                        .as_service_error()
                        .is_some_and(|e| e.is_conditional_check_failed_exception()) =>
                {
                    return Ok(());
                }
                Err(error) => failed(&error),
            };
            match failure {
                StoreError::Conflict => {
                    tokio::time::sleep(Duration::from_millis(10 << attempt)).await
                }
                other => return Err(other),
            }
        }
        Err(StoreError::Conflict)
    }
}

fn key(fingerprint: &Fingerprint) -> Item {
    HashMap::from([
        ("pk".to_owned(), text(format!("FP#{fingerprint}"))),
        ("sk".to_owned(), text("EPISODE")),
    ])
}

/// When DynamoDB may clean an episode up, in seconds since 1970.
pub(super) fn expires_at(last_seen: Timestamp, windows: Windows) -> i64 {
    (last_seen + windows.stale.max(windows.debounce) + KEPT_AFTER).as_second()
}

/// The conditional write of an episode, for use alone or in a transaction.
pub(super) fn put(table: &str, episode: &Episode, windows: Windows) -> Result<Put, StoreError> {
    let mut item = key(&episode.fingerprint);
    let mut set = |name: &str, value: AttributeValue| item.insert(name.to_owned(), value);
    set("incident_id", text(episode.incident_id.as_str()));
    set("open", AttributeValue::Bool(episode.open));
    set("members", members(&episode.members));
    set("departed", members(&episode.departed));
    set("overflowed", AttributeValue::Bool(episode.overflowed));
    if episode.left_out > 0 {
        set("left_out", number(episode.left_out));
    }
    if episode.forbids_repair {
        set("forbids_repair", AttributeValue::Bool(true));
    }
    set("hit_count", number(episode.hit_count));
    set("first_seen", millis(episode.first_seen));
    set("last_seen", millis(episode.last_seen));
    set("window_end", millis(episode.window_end));
    set("severity", number(episode.severity.rank()));
    set("flaps", number(episode.flaps));
    set("version", number(episode.version));
    set("expires_at", number(expires_at(episode.last_seen, windows)));
    if !episode.unsent.is_empty() {
        set("unsent", set_of(episode.unsent.iter().copied()));
    }
    if let Some(advice) = &episode.advice {
        set(
            "advice",
            text(
                serde_json::to_string(advice)
                    .map_err(|error| StoreError::Unavailable(error.to_string()))?,
            ),
        );
    }
    let put = Put::builder().table_name(table).set_item(Some(item));
    // The version before this one: what the decision was made on. Expiry never matters here: a stale item is replaced too.
    let put = match episode.version - 1 {
        0 => put.condition_expression("attribute_not_exists(pk)"),
        before => put
            .condition_expression("#version = :before")
            .expression_attribute_names("#version", "version")
            .expression_attribute_values(":before", number(before)),
    };
    put.build()
        .map_err(|error| StoreError::Unavailable(error.to_string()))
}

fn members(members: &Members) -> AttributeValue {
    AttributeValue::M(
        members
            .iter()
            .map(|(member, starts_at)| (member.as_str().to_owned(), number(starts_at)))
            .collect(),
    )
}

fn set_of(unsent: impl IntoIterator<Item = Unsent>) -> AttributeValue {
    let name = |unsent| match unsent {
        Unsent::Opened => "opened".to_owned(),
        Unsent::Changed => "changed".to_owned(),
    };
    AttributeValue::Ss(unsent.into_iter().map(name).collect())
}

pub(super) fn read(fingerprint: &Fingerprint, item: &Item) -> Result<Episode, StoreError> {
    let reader = Reader::new(item);
    let members = |name: &str| -> Result<Members, StoreError> {
        let map = reader.get(name, "a map", |value| value.as_m().ok())?;
        let pair = |(member, at): (&String, &AttributeValue)| {
            Some((
                MemberId::try_from(member.as_str()).ok()?,
                at.as_n().ok()?.parse().ok()?,
            ))
        };
        map.iter()
            .map(pair)
            .collect::<Option<Members>>()
            .ok_or_else(|| reader.unreadable(format!("{name} is not a map of members to times")))
    };
    let unsent = match item.get("unsent") {
        None => Vec::new(),
        Some(value) => value
            .as_ss()
            .map_err(|_| reader.unreadable("unsent is not a set of texts"))?
            .clone(),
    };
    let unsent = unsent.iter().map(|name| match name.as_str() {
        "opened" => Ok(Unsent::Opened),
        "changed" => Ok(Unsent::Changed),
        other => Err(reader.unreadable(format!("unsent holds {other}"))),
    });
    let advice = reader
        .optional_text("advice")
        .map(serde_json::from_str)
        .transpose();
    let id = reader.text("incident_id")?;
    Ok(Episode {
        fingerprint: fingerprint.clone(),
        incident_id: IncidentId::try_from(id)
            .map_err(|_| reader.unreadable("incident_id is not a ULID"))?,
        open: reader.flag("open")?,
        members: members("members")?,
        departed: members("departed")?,
        overflowed: reader.flag("overflowed")?,
        left_out: if item.contains_key("left_out") {
            reader.number("left_out")?
        } else {
            0
        },
        forbids_repair: item.contains_key("forbids_repair") && reader.flag("forbids_repair")?,
        hit_count: reader.number("hit_count")?,
        first_seen: reader.millis("first_seen")?,
        last_seen: reader.millis("last_seen")?,
        window_end: reader.millis("window_end")?,
        severity: AlertSeverity::of_rank(reader.number("severity")?)
            .ok_or_else(|| reader.unreadable("severity is not 0, 1 or 2"))?,
        flaps: reader.number("flaps")?,
        unsent: unsent.collect::<Result<_, _>>()?,
        advice: advice.map_err(|error| reader.unreadable(format!("advice: {error}")))?,
        version: reader.number("version")?,
    })
}
