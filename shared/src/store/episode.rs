//! Episodes: the write that every alert makes, and the slower ones behind it.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::types::{AttributeValue, Put, ReturnValue, ReturnValuesOnConditionCheckFailure};
use jiff::{SignedDuration, Timestamp};

use super::attributes::{Item, Reader, millis, number, text};
use super::{Store, StoreError, failed};
use crate::domain::alert::AlertSeverity;
use crate::domain::episode::{Advice, Episode, FIRING_MEMBERS_KEPT, Firing, Members, Unsent, Windows};
use crate::domain::id::{Fingerprint, IncidentId, MemberId};

/// How long an episode that nobody can join any more stays readable before DynamoDB's clean-up may take it.
const KEPT_AFTER: SignedDuration = SignedDuration::from_hours(7 * 24);

/// How often a small change is tried again that met a transaction on the item.
const ATTEMPTS: u32 = 6;

/// What came of trying the plain join.
#[derive(Debug)]
pub enum Join {
    /// It joined; this is the episode now.
    Joined(Episode),
    /// It is not a plain join; this is the episode as it is, if there is one.
    NotPlain(Option<Episode>),
}

/// An episode to be written in place of the version before it.
#[derive(Debug)]
pub struct Change<'a>(pub &'a Episode);

impl Store {
    /// Joins firing alerts to an episode that is open, fresh, no milder, knows no later end of these members, has room
    /// for them, and knows of no fewer left out: one request, whatever it comes to. Everything else is for [`crate::domain::episode::on_firing`].
    ///
    /// # Errors
    /// If the table does not answer or the item is not an episode.
    pub async fn join(&self, fingerprint: &Fingerprint, firing: &Firing, now: Timestamp, windows: Windows) -> Result<Join, StoreError> {
        let mut set = String::from("SET #last_seen = :now, #window_end = :window_end, #expires_at = :expires_at");
        // Two functions' clocks differ by milliseconds: `last_seen` may step back by as much, which no rule minds.
        let mut condition = String::from("#open = :true AND #last_seen >= :stale AND #severity >= :severity");
        let mut names: HashMap<String, String> =
            ["last_seen", "window_end", "expires_at", "open", "severity", "hit_count", "version", "members", "departed"]
                .into_iter()
                .map(|name| (format!("#{name}"), name.to_owned()))
                .collect();
        let mut values: Item = HashMap::from([
            (":now".to_owned(), millis(now)),
            (":window_end".to_owned(), millis(now + windows.debounce)),
            (":expires_at".to_owned(), expires_at(now, windows)),
            (":stale".to_owned(), millis(now - windows.stale)),
            (":true".to_owned(), AttributeValue::Bool(true)),
            (":severity".to_owned(), number(firing.severity.rank())),
            (":count".to_owned(), number(firing.count)),
            (":one".to_owned(), number(1)),
        ]);
        for (i, (member, starts_at)) in firing.members.iter().enumerate() {
            set.push_str(&format!(", #members.#m{i} = :s{i}"));
            condition.push_str(&format!(
                " AND (attribute_not_exists(#departed.#m{i}) OR #departed.#m{i} < :s{i}) \
                 AND (#members.#m{i} <= :s{i} OR (attribute_not_exists(#members.#m{i}) AND size(#members) <= :room))"
            ));
            names.insert(format!("#m{i}"), member.as_str().to_owned());
            values.insert(format!(":s{i}"), number(starts_at));
        }
        if firing.left_out > 0 {
            // More left out than was known before is news for the card.
            condition.push_str(" AND #left_out >= :left_out");
            names.insert("#left_out".to_owned(), "left_out".to_owned());
            values.insert(":left_out".to_owned(), number(firing.left_out));
        }
        let Some(room) = FIRING_MEMBERS_KEPT.checked_sub(firing.members.len()) else {
            return Ok(Join::NotPlain(self.episode(fingerprint).await?));
        };
        values.insert(":room".to_owned(), number(room));
        let request = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key(fingerprint)))
            .update_expression(format!("{set} ADD #hit_count :count, #version :one"))
            .condition_expression(condition)
            .set_expression_attribute_names(Some(names))
            .set_expression_attribute_values(Some(values))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        match request.send().await {
            Ok(answer) => Ok(Join::Joined(read(fingerprint, &answer.attributes.unwrap_or_default())?)),
            Err(error) => match error.as_service_error() {
                Some(aws_sdk_dynamodb::operation::update_item::UpdateItemError::ConditionalCheckFailedException(failed)) => {
                    Ok(Join::NotPlain(failed.item().map(|item| read(fingerprint, item)).transpose()?))
                }
                _ => Err(failed(&error)),
            },
        }
    }

    /// The episode of a fingerprint, if there is one.
    ///
    /// # Errors
    /// If the table does not answer or the item is not an episode.
    pub async fn episode(&self, fingerprint: &Fingerprint) -> Result<Option<Episode>, StoreError> {
        let request = self.client.get_item().table_name(&self.table).set_key(Some(key(fingerprint))).consistent_read(true);
        let answer = request.send().await.map_err(|error| failed(&error))?;
        answer.item().map(|item| read(fingerprint, item)).transpose()
    }

    /// Writes an episode over the version before it.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if the version before is not the one that is there.
    pub async fn save_episode(&self, change: Change<'_>, windows: Windows) -> Result<(), StoreError> {
        let put = put(&self.table, change.0, windows)?;
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
            Err(error) if error.as_service_error().is_some_and(|e| e.is_conditional_check_failed_exception()) => Err(StoreError::Conflict),
            Err(error) => Err(failed(&error)),
        }
    }

    /// Notes that something that was [`Unsent`] is on its queue now.
    ///
    /// # Errors
    /// If the table does not answer. The next delivery then sends once more, which receivers stand.
    pub async fn mark_sent(&self, episode: &Episode, sent: Unsent) -> Result<(), StoreError> {
        self.touch(&episode.fingerprint, &episode.incident_id, "ADD #version :one DELETE #attribute :value", "unsent", set_of([sent])).await
    }

    /// Leaves the analyzer's advice on the episode, if it is still the incident's.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn advise(&self, fingerprint: &Fingerprint, incident: &IncidentId, advice: &Advice) -> Result<(), StoreError> {
        let json = serde_json::to_string(advice).map_err(|error| StoreError::Unavailable(error.to_string()))?;
        self.touch(fingerprint, incident, "SET #attribute = :value ADD #version :one", "advice", text(json)).await
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
                Err(error) if error.as_service_error().is_some_and(|e| e.is_conditional_check_failed_exception()) => return Ok(()),
                Err(error) => failed(&error),
            };
            match failure {
                StoreError::Conflict => tokio::time::sleep(Duration::from_millis(10 << attempt)).await,
                other => return Err(other),
            }
        }
        Err(StoreError::Conflict)
    }
}

fn key(fingerprint: &Fingerprint) -> Item {
    HashMap::from([("pk".to_owned(), text(format!("FP#{fingerprint}"))), ("sk".to_owned(), text("EPISODE"))])
}

fn expires_at(last_seen: Timestamp, windows: Windows) -> AttributeValue {
    number((last_seen + windows.stale.max(windows.debounce) + KEPT_AFTER).as_second())
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
    set("hit_count", number(episode.hit_count));
    set("first_seen", millis(episode.first_seen));
    set("last_seen", millis(episode.last_seen));
    set("window_end", millis(episode.window_end));
    set("severity", number(episode.severity.rank()));
    set("flaps", number(episode.flaps));
    set("version", number(episode.version));
    set("expires_at", expires_at(episode.last_seen, windows));
    if !episode.unsent.is_empty() {
        set("unsent", set_of(episode.unsent.iter().copied()));
    }
    if let Some(advice) = &episode.advice {
        set("advice", text(serde_json::to_string(advice).map_err(|error| StoreError::Unavailable(error.to_string()))?));
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
    put.build().map_err(|error| StoreError::Unavailable(error.to_string()))
}

fn members(members: &Members) -> AttributeValue {
    AttributeValue::M(members.iter().map(|(member, starts_at)| (member.as_str().to_owned(), number(starts_at))).collect())
}

fn set_of(unsent: impl IntoIterator<Item = Unsent>) -> AttributeValue {
    let name = |unsent| match unsent {
        Unsent::Opened => "opened".to_owned(),
        Unsent::Changed => "changed".to_owned(),
    };
    AttributeValue::Ss(unsent.into_iter().map(name).collect())
}

fn read(fingerprint: &Fingerprint, item: &Item) -> Result<Episode, StoreError> {
    let reader = Reader::new(item);
    let members = |name: &str| -> Result<Members, StoreError> {
        let map = reader.get(name, "a map", |value| value.as_m().ok())?;
        let pair =
            |(member, at): (&String, &AttributeValue)| Some((MemberId::try_from(member.as_str()).ok()?, at.as_n().ok()?.parse().ok()?));
        map.iter()
            .map(pair)
            .collect::<Option<Members>>()
            .ok_or_else(|| reader.unreadable(format!("{name} is not a map of members to times")))
    };
    let unsent = match item.get("unsent") {
        None => Vec::new(),
        Some(value) => value.as_ss().map_err(|_| reader.unreadable("unsent is not a set of texts"))?.clone(),
    };
    let unsent = unsent.iter().map(|name| match name.as_str() {
        "opened" => Ok(Unsent::Opened),
        "changed" => Ok(Unsent::Changed),
        other => Err(reader.unreadable(format!("unsent holds {other}"))),
    });
    let advice = reader.optional_text("advice").map(serde_json::from_str).transpose();
    let id = reader.text("incident_id")?;
    Ok(Episode {
        fingerprint: fingerprint.clone(),
        incident_id: IncidentId::try_from(id).map_err(|_| reader.unreadable("incident_id is not a ULID"))?,
        open: reader.flag("open")?,
        members: members("members")?,
        departed: members("departed")?,
        overflowed: reader.flag("overflowed")?,
        left_out: if item.contains_key("left_out") { reader.number("left_out")? } else { 0 },
        hit_count: reader.number("hit_count")?,
        first_seen: reader.millis("first_seen")?,
        last_seen: reader.millis("last_seen")?,
        window_end: reader.millis("window_end")?,
        severity: AlertSeverity::of_rank(reader.number("severity")?).ok_or_else(|| reader.unreadable("severity is not 0, 1 or 2"))?,
        flaps: reader.number("flaps")?,
        unsent: unsent.collect::<Result<_, _>>()?,
        advice: advice.map_err(|error| reader.unreadable(format!("advice: {error}")))?,
        version: reader.number("version")?,
    })
}
