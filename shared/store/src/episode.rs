//! Stored episodes: the write that every alert makes, and the slower ones behind it.

use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_dynamodb::types::builders::{PutBuilder, UpdateBuilder};
use jiff::{SignedDuration, Timestamp};

use super::attributes::{Item, Reader, flag, json, millis, number, seconds, text};
use super::keys;
use super::members::Kept;
use super::request::{Transacted, Write, delete, put, put_over_version, update};
use super::retry::past_transactions;
use super::{Store, StoreError};
use domain::alert::AlertSeverity;
use domain::episode::{Advice, Episode, Unsent, Windows};
use domain::primitives::id::{Fingerprint, IncidentId};

/// Retention of an episode that accepts no more alerts, before DynamoDB may delete it.
const KEPT_AFTER: SignedDuration = SignedDuration::from_hours(7 * 24);
/// Retention of the members that do not fit into an episode's item. A join does not write them, so
/// they have to outlast the longest time in which nothing but joins happens.
const SPILL_KEPT: SignedDuration = SignedDuration::from_hours(400 * 24);

/// The condition of what is written about an episode behind its decision.
const STILL_OF_INCIDENT: &str = "#incident_id = :incident";
/// The attribute with the version of the last write that left something to send.
const MARKED_IN: &str = "marked_in";

impl Store {
    /// The episode of a fingerprint, if there is one.
    ///
    /// # Errors
    /// If the table does not answer or the item is not an episode.
    pub async fn episode(&self, fingerprint: &Fingerprint) -> Result<Option<Episode>, StoreError> {
        let item = self.get(keys::episode(fingerprint)).await?;
        let Some(item) = item else { return Ok(None) };
        self.whole(read(fingerprint, &item)?).await.map(Some)
    }

    /// The episode with the members that its own item has no room for.
    ///
    /// They are written only together with the item, whose version then changes. What is decided on
    /// the two is saved over the version that was read, so it never mixes two states.
    ///
    /// # Errors
    /// If the table does not answer, or the further item is missing.
    pub async fn whole(&self, mut episode: Episode) -> Result<Episode, StoreError> {
        if !episode.spilled {
            return Ok(episode);
        }
        let key = keys::episode_members(&episode.fingerprint);
        let missing = || StoreError::Missing {
            key: key.to_string(),
        };
        let item = self.get(key.clone()).await?.ok_or_else(missing)?;
        let others = Kept::read(&Reader::new(&item))?;
        let kept = Kept::from_episode(&episode);
        let all = [kept, others].into_iter().fold(Kept::default(), Kept::and);
        (episode.members, episode.departed) = all.into_parts();
        Ok(episode)
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
        let (put, others) = writes(episode, windows)?;
        let Some(others) = others else {
            return self.put(put).await?.or_conflict();
        };
        match self.transact(vec![put.into(), others]).await? {
            Transacted::Done => Ok(()),
            Transacted::Refused(_) => Err(StoreError::Conflict),
        }
    }

    /// Records that an [`Unsent`] fact of an episode as it was read or written is on its queue now. What another writer has marked since
    /// stays marked: it is that writer's to send.
    ///
    /// # Errors
    /// If the table does not answer. The next delivery then sends again, which receivers tolerate.
    pub async fn mark_sent(&self, episode: &Episode, sent: Unsent) -> Result<(), StoreError> {
        let write = touch(
            &episode.fingerprint,
            &episode.incident_id,
            "ADD #version :one DELETE #attribute :value",
            "unsent",
            set_of([sent]),
        );
        let is_its_own = format!(
            "{STILL_OF_INCIDENT} AND (attribute_not_exists(#marked_in) OR #marked_in <= :known)"
        );
        let write = write
            .condition_expression(is_its_own)
            .expression_attribute_names("#marked_in", MARKED_IN)
            .expression_attribute_values(":known", number(episode.version));
        self.touched(write).await
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
        let write = touch(
            fingerprint,
            incident,
            "SET #attribute = :value ADD #version :one",
            "advice",
            json(advice)?,
        );
        self.touched(write).await
    }

    /// Makes a change that has lost its meaning where its condition does not hold any more.
    async fn touched(&self, write: UpdateBuilder) -> Result<(), StoreError> {
        past_transactions(|| self.update(write.clone()))
            .await
            .map(drop)
    }
}

/// A change of one attribute, if the episode still belongs to `incident`.
fn touch(
    fingerprint: &Fingerprint,
    incident: &IncidentId,
    expression: &str,
    attribute: &str,
    value: AttributeValue,
) -> UpdateBuilder {
    update(keys::episode(fingerprint), expression)
        .condition_expression(STILL_OF_INCIDENT)
        .expression_attribute_names("#incident_id", "incident_id")
        .expression_attribute_names("#version", "version")
        .expression_attribute_names("#attribute", attribute)
        .expression_attribute_values(":incident", text(incident.as_str()))
        .expression_attribute_values(":one", number(1))
        .expression_attribute_values(":value", value)
}

/// When DynamoDB may clean an episode up, in seconds since 1970.
pub(super) fn expires_at(last_seen: Timestamp, windows: Windows) -> i64 {
    (last_seen + windows.stale.max(windows.debounce) + KEPT_AFTER).as_second()
}

/// The conditional write of an episode, and that of the members that its item has no room for. Where
/// there is the second one, both have to be in one transaction.
pub(super) fn writes(
    episode: &Episode,
    windows: Windows,
) -> Result<(PutBuilder, Option<Write>), StoreError> {
    let (kept, others) = Kept::from_episode(episode).split();
    let fields = [
        ("incident_id", text(episode.incident_id.as_str())),
        ("open", flag(episode.open)),
        ("hit_count", number(episode.hit_count)),
        ("first_seen", millis(episode.first_seen)),
        ("last_seen", millis(episode.last_seen)),
        ("window_end", millis(episode.window_end)),
        ("latest_start", number(episode.latest_start)),
        ("severity", number(episode.severity.rank())),
        ("flaps", number(episode.flaps)),
        ("version", number(episode.version)),
        ("expires_at", number(expires_at(episode.last_seen, windows))),
    ];
    let set = |name, set: bool| set.then(|| (name, flag(true)));
    let unsent = || set_of(episode.unsent.iter().copied());
    let advice = episode.advice.as_ref().map(json).transpose()?;
    // Written only where they say something.
    let optional = [
        (episode.left_out > 0).then(|| ("left_out", number(episode.left_out))),
        set("forbids_repair", episode.forbids_repair),
        set("expired", episode.expired),
        set("overflowed", episode.overflowed),
        set("spilled", !others.is_empty()),
        (!episode.unsent.is_empty()).then(|| ("unsent", unsent())),
        (!episode.unsent.is_empty()).then(|| (MARKED_IN, number(episode.version))),
        advice.map(|advice| ("advice", advice)),
    ];
    let fields = fields.into_iter().chain(kept.fields());
    let item =
        keys::episode(&episode.fingerprint).item(fields.chain(optional.into_iter().flatten()));
    // The version before this one: what the decision was made on. Expiry never matters here: a stale item is replaced too.
    let item = put_over_version(item, episode.version - 1);
    let key = keys::episode_members(&episode.fingerprint);
    let others = if !others.is_empty() {
        let expires_at = ("expires_at", seconds(episode.last_seen + SPILL_KEPT));
        let fields = others.fields().into_iter().chain([expires_at]);
        Some(put(key.item(fields)).into())
    } else {
        episode.spilled.then(|| delete(key).into())
    };
    Ok((item, others))
}

fn set_of(unsent: impl IntoIterator<Item = Unsent>) -> AttributeValue {
    let name = |unsent| match unsent {
        Unsent::Opened => "opened".to_owned(),
        Unsent::Changed => "changed".to_owned(),
        Unsent::Disputed => "disputed".to_owned(),
    };
    AttributeValue::Ss(unsent.into_iter().map(name).collect())
}

/// Reads an episode's own item. [`Store::whole`] adds the members that it has no room for.
pub(super) fn read(fingerprint: &Fingerprint, item: &Item) -> Result<Episode, StoreError> {
    let reader = Reader::new(item);
    let (members, departed) = Kept::read(&reader)?.into_parts();
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
        "disputed" => Ok(Unsent::Disputed),
        other => Err(reader.unreadable(format!("unsent holds {other}"))),
    });
    let advice = reader.has("advice").then(|| reader.json("advice"));
    Ok(Episode {
        fingerprint: fingerprint.clone(),
        incident_id: reader.incident_id("incident_id")?,
        open: reader.flag("open")?,
        expired: reader.optional_flag("expired")?,
        members,
        departed,
        latest_start: reader.number("latest_start")?,
        overflowed: reader.optional_flag("overflowed")?,
        spilled: reader.optional_flag("spilled")?,
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
