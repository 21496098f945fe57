//! Stored episodes: the write that every alert makes, and the slower ones behind it.

use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_dynamodb::types::builders::PutBuilder;
use jiff::{SignedDuration, Timestamp};

use super::attributes::{Item, Reader, flag, json, millis, number, text};
use super::keys;
use super::request::{put_over_version, update};
use super::retry::past_transactions;
use super::{Store, StoreError};
use domain::alert::AlertSeverity;
use domain::episode::{Advice, Episode, Members, Unsent, Windows};
use domain::primitives::id::{Fingerprint, IncidentId, MemberId};

/// Retention of an episode that accepts no more alerts, before DynamoDB may delete it.
const KEPT_AFTER: SignedDuration = SignedDuration::from_hours(7 * 24);

impl Store {
    /// The episode of a fingerprint, if there is one.
    ///
    /// # Errors
    /// If the table does not answer or the item is not an episode.
    pub async fn episode(&self, fingerprint: &Fingerprint) -> Result<Option<Episode>, StoreError> {
        let item = self.get(keys::episode(fingerprint)).await?;
        item.map(|item| read(fingerprint, &item)).transpose()
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
        self.put(put(episode, windows)?).await?.or_conflict()
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
        self.touch(
            fingerprint,
            incident,
            "SET #attribute = :value ADD #version :one",
            "advice",
            json(advice)?,
        )
        .await
    }

    /// Changes one attribute, if the episode still belongs to `incident`; if it does not, the change has lost its meaning.
    async fn touch(
        &self,
        fingerprint: &Fingerprint,
        incident: &IncidentId,
        expression: &str,
        attribute: &str,
        value: AttributeValue,
    ) -> Result<(), StoreError> {
        let write = update(keys::episode(fingerprint), expression)
            .condition_expression("#incident_id = :incident")
            .expression_attribute_names("#incident_id", "incident_id")
            .expression_attribute_names("#version", "version")
            .expression_attribute_names("#attribute", attribute)
            .expression_attribute_values(":incident", text(incident.as_str()))
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":value", value);
        past_transactions(|| self.update(write.clone()))
            .await
            .map(drop)
    }
}

/// When DynamoDB may clean an episode up, in seconds since 1970.
pub(super) fn expires_at(last_seen: Timestamp, windows: Windows) -> i64 {
    (last_seen + windows.stale.max(windows.debounce) + KEPT_AFTER).as_second()
}

/// The conditional write of an episode, for use alone or in a transaction.
pub(super) fn put(episode: &Episode, windows: Windows) -> Result<PutBuilder, StoreError> {
    let fields = [
        ("incident_id", text(episode.incident_id.as_str())),
        ("open", flag(episode.open)),
        ("members", members(&episode.members)),
        ("departed", members(&episode.departed)),
        ("overflowed", flag(episode.overflowed)),
        ("hit_count", number(episode.hit_count)),
        ("first_seen", millis(episode.first_seen)),
        ("last_seen", millis(episode.last_seen)),
        ("window_end", millis(episode.window_end)),
        ("severity", number(episode.severity.rank())),
        ("flaps", number(episode.flaps)),
        ("version", number(episode.version)),
        ("expires_at", number(expires_at(episode.last_seen, windows))),
    ];
    let unsent = || set_of(episode.unsent.iter().copied());
    let advice = episode.advice.as_ref().map(json).transpose()?;
    // Written only where they say something.
    let optional = [
        (episode.left_out > 0).then(|| ("left_out", number(episode.left_out))),
        episode
            .forbids_repair
            .then(|| ("forbids_repair", flag(true))),
        (!episode.unsent.is_empty()).then(|| ("unsent", unsent())),
        advice.map(|advice| ("advice", advice)),
    ];
    let item = keys::episode(&episode.fingerprint)
        .item(fields.into_iter().chain(optional.into_iter().flatten()));
    // The version before this one: what the decision was made on. Expiry never matters here: a stale item is replaced too.
    Ok(put_over_version(item, episode.version - 1))
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
    let advice = reader.has("advice").then(|| reader.json("advice"));
    Ok(Episode {
        fingerprint: fingerprint.clone(),
        incident_id: reader.incident_id("incident_id")?,
        open: reader.flag("open")?,
        members: members("members")?,
        departed: members("departed")?,
        overflowed: reader.flag("overflowed")?,
        left_out: reader.number_or_zero("left_out")?,
        forbids_repair: reader.optional_flag("forbids_repair")?,
        hit_count: reader.number("hit_count")?,
        first_seen: reader.millis("first_seen")?,
        last_seen: reader.millis("last_seen")?,
        window_end: reader.millis("window_end")?,
        severity: AlertSeverity::of_rank(reader.number("severity")?)
            .ok_or_else(|| reader.unreadable("severity is not 0, 1 or 2"))?,
        flaps: reader.number("flaps")?,
        unsent: unsent.collect::<Result<_, _>>()?,
        advice: advice.transpose()?,
        version: reader.number("version")?,
    })
}
