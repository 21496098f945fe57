//! Stored storms: the incidents of a minute that are handled alone, the storm that takes the rest,
//! and its members.

use aws_sdk_dynamodb::types::builders::{PutBuilder, UpdateBuilder};
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure};
use jiff::{SignedDuration, Timestamp};

use super::attributes::{Item, Reader, flag, millis, number, seconds, text};
use super::keys;
use super::request::{Written, all_pages, put, update};
use super::{Store, StoreError};
use domain::incident::Incident;
use domain::incident::change::IncidentChange;
use domain::incident::parts::{StormMember, StormScope};
use domain::primitives::id::IncidentId;

/// How long the count of a minute is kept: longer than a queue may hold a message back.
const KEPT_FOR: SignedDuration = SignedDuration::from_hours(15 * 24);
/// How long a mark announces a follow-up check: if its worker has died, another one takes over
/// after this time.
const MARK_HOLDS: SignedDuration = SignedDuration::from_secs(60);

/// The place of an incident among those that were opened in its minute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StormAdmission {
    /// It is one of the first, and is analysed by itself.
    Alone,
    /// There were enough before it. Its minute's storm takes it, if there is one yet.
    InStorm(Option<IncidentId>),
}

impl Store {
    /// Admits an incident to the places of its minute, counted separately for critical incidents
    /// and for others: a flood of one kind takes no place from the other. An incident that asks
    /// again keeps its place.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn place(
        &self,
        minute: i64,
        incident: &IncidentId,
        critical: bool,
        limit: u32,
        now: Timestamp,
    ) -> Result<StormAdmission, StoreError> {
        let write = update(
            keys::storm_scope(&StormScope::Minute(minute)),
            "ADD #alone :incident SET expires_at = :expires_at",
        )
        .condition_expression(
            "attribute_not_exists(#alone) OR size(#alone) < :limit OR contains(#alone, :id)",
        )
        .expression_attribute_names("#alone", if critical { "critical_alone" } else { "alone" })
        .expression_attribute_values(":incident", AttributeValue::Ss(vec![incident.to_string()]))
        .expression_attribute_values(":id", text(incident.as_str()))
        .expression_attribute_values(":limit", number(limit))
        .expression_attribute_values(":expires_at", seconds(now + KEPT_FOR))
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        Ok(match self.update(write).await? {
            Written::Done(_) => StormAdmission::Alone,
            Written::Refused(minute) => StormAdmission::InStorm(storm_of(&minute)?),
        })
    }

    /// The storm of a minute or of a group, if it has one.
    ///
    /// # Errors
    /// If the table does not answer or the item cannot be read.
    pub async fn storm_of(&self, scope: &StormScope) -> Result<Option<IncidentId>, StoreError> {
        let item = self.get(keys::storm_scope(scope)).await?;
        item.as_ref().map_or(Ok(None), storm_of)
    }

    /// Opens the incident of a storm; `before` is the one that is over.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if there is another one already; nothing is written then.
    pub async fn begin_storm(
        &self,
        scope: &StormScope,
        before: Option<&IncidentId>,
        change: IncidentChange,
        now: Timestamp,
    ) -> Result<Incident, StoreError> {
        let storm = storm_begins(scope, before, &change.incident.id, now);
        self.commit(change, [storm.into()]).await
    }

    /// Lets the storm of the minute before go on in this minute.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if the minute has one already.
    pub async fn continue_storm(
        &self,
        minute: i64,
        storm: &IncidentId,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let write = storm_begins(&StormScope::Minute(minute), None, storm, now);
        self.update(write).await?.or_conflict()
    }

    /// Marks a storm as changed. True for the first caller, which has to schedule the follow-up
    /// check.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn mark_storm(&self, storm: &IncidentId, now: Timestamp) -> Result<bool, StoreError> {
        let write = update(keys::storm_mark(storm), "SET marked = :now")
            .condition_expression("attribute_not_exists(marked) OR marked < :old")
            .expression_attribute_values(":now", millis(now))
            .expression_attribute_values(":old", millis(now - MARK_HOLDS));
        Ok(self.update(write).await?.is_done())
    }

    /// Removes the mark, before the check: later changes leave a new one.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn unmark_storm(&self, storm: &IncidentId) -> Result<(), StoreError> {
        let write = update(keys::storm_mark(storm), "REMOVE marked");
        self.update(write).await.map(drop)
    }

    /// The members of a storm.
    ///
    /// # Errors
    /// If the table does not answer or a line cannot be read.
    pub async fn storm_members(&self, storm: &IncidentId) -> Result<Vec<StormMember>, StoreError> {
        let query = self.query_prefix(keys::incident_partition(storm), keys::MEMBER);
        all_pages(query).await?.iter().map(read).collect()
    }
}

/// Gives a minute or a group its storm, unless it has another one than `before`.
fn storm_begins(
    scope: &StormScope,
    before: Option<&IncidentId>,
    storm: &IncidentId,
    now: Timestamp,
) -> UpdateBuilder {
    let write = update(
        keys::storm_scope(scope),
        "SET storm = :storm, expires_at = :expires_at",
    )
    .expression_attribute_values(":storm", text(storm.as_str()))
    .expression_attribute_values(":expires_at", seconds(now + KEPT_FOR));
    match before {
        None => write.condition_expression("attribute_not_exists(storm)"),
        Some(before) => write
            .condition_expression("storm = :before")
            .expression_attribute_values(":before", text(before.as_str())),
    }
}

/// The line of a member, to be written with the incident.
pub(super) fn member(storm: &IncidentId, members: &StormMember) -> PutBuilder {
    let fields = [
        ("incident_id", text(members.incident_id.as_str())),
        ("name", text(&members.name)),
        ("target", text(&members.target)),
        ("open", flag(members.open)),
        ("critical", flag(members.critical)),
    ];
    put(keys::member(storm, &members.incident_id).item(fields))
}

fn read(item: &Item) -> Result<StormMember, StoreError> {
    let reader = Reader::new(item);
    Ok(StormMember {
        incident_id: reader.incident_id("incident_id")?,
        name: reader.string("name")?,
        target: reader.string("target")?,
        open: reader.flag("open")?,
        critical: reader.flag("critical")?,
    })
}

fn storm_of(item: &Item) -> Result<Option<IncidentId>, StoreError> {
    let reader = Reader::new(item);
    let storm = reader.has("storm").then(|| reader.incident_id("storm"));
    storm.transpose()
}
