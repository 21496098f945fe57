//! Stored storms: the incidents of a minute that are handled alone, the storm that takes the rest,
//! and its members.

use super::keys::minute_key;

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{
    AttributeValue, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update,
};
use jiff::{SignedDuration, Timestamp};

use super::attributes::{Item, Reader, millis, number, text};
use super::keys::incident_key;
use super::{Store, StoreError, failed};
use domain::incident::Incident;
use domain::incident::change::IncidentChange;
use domain::incident::parts::StormMember;
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
        let request = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(minute_key(minute)))
            .update_expression("ADD #alone :incident SET expires_at = :expires_at")
            .condition_expression(
                "attribute_not_exists(#alone) OR size(#alone) < :limit OR contains(#alone, :id)",
            )
            .expression_attribute_names("#alone", if critical { "critical_alone" } else { "alone" })
            .expression_attribute_values(
                ":incident",
                AttributeValue::Ss(vec![incident.to_string()]),
            )
            .expression_attribute_values(":id", text(incident.as_str()))
            .expression_attribute_values(":limit", number(limit))
            .expression_attribute_values(":expires_at", number((now + KEPT_FOR).as_second()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        match request.send().await {
            Ok(_) => Ok(StormAdmission::Alone),
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(failed)) => {
                    let nothing = Item::new();
                    Ok(StormAdmission::InStorm(storm_of(
                        failed.item().unwrap_or(&nothing),
                    )?))
                }
                _ => Err(failed(&error)),
            },
        }
    }

    /// The storm of a minute, if it has one.
    ///
    /// # Errors
    /// If the table does not answer or the item cannot be read.
    pub async fn storm_of_minute(&self, minute: i64) -> Result<Option<IncidentId>, StoreError> {
        let request = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(minute_key(minute)))
            .consistent_read(true);
        let answer = request.send().await.map_err(|error| failed(&error))?;
        answer.item().map_or(Ok(None), storm_of)
    }

    /// Opens the incident of a minute's storm.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if the minute has one already; nothing is written then.
    pub async fn begin_storm(
        &self,
        minute: i64,
        change: IncidentChange,
    ) -> Result<Incident, StoreError> {
        let id = change.incident.id.clone();
        let update = Update::builder()
            .table_name(&self.table)
            .set_key(Some(minute_key(minute)))
            .update_expression("SET storm = :storm")
            .condition_expression("attribute_not_exists(storm)")
            .expression_attribute_values(":storm", text(id.as_str()))
            .build()
            .map_err(|error| StoreError::Unavailable(error.to_string()))?;
        self.commit(
            change,
            Some(TransactWriteItem::builder().update(update).build()),
        )
        .await
    }

    /// Lets the storm of the minute before go on in this minute.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if the minute has one already.
    pub async fn continue_storm(&self, minute: i64, storm: &IncidentId) -> Result<(), StoreError> {
        let request = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(minute_key(minute)))
            .update_expression("SET storm = :storm")
            .condition_expression("attribute_not_exists(storm)")
            .expression_attribute_values(":storm", text(storm.as_str()));
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

    /// Marks a storm as changed. True for the first caller, which has to schedule the follow-up
    /// check.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn mark_storm(&self, storm: &IncidentId, now: Timestamp) -> Result<bool, StoreError> {
        let request = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(incident_key(storm, "STORM")))
            .update_expression("SET marked = :now")
            .condition_expression("attribute_not_exists(marked) OR marked < :old")
            .expression_attribute_values(":now", millis(now))
            .expression_attribute_values(":old", millis(now - MARK_HOLDS));
        match request.send().await {
            Ok(_) => Ok(true),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(|e| e.is_conditional_check_failed_exception()) =>
            {
                Ok(false)
            }
            Err(error) => Err(failed(&error)),
        }
    }

    /// Removes the mark, before the check: later changes leave a new one.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn unmark_storm(&self, storm: &IncidentId) -> Result<(), StoreError> {
        let request = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(incident_key(storm, "STORM")));
        request
            .update_expression("REMOVE marked")
            .send()
            .await
            .map(drop)
            .map_err(|error| failed(&error))
    }

    /// Everything that is tied to a storm.
    ///
    /// # Errors
    /// If the table does not answer or a line cannot be read.
    pub async fn tied(&self, storm: &IncidentId) -> Result<Vec<StormMember>, StoreError> {
        let mut lines = Vec::new();
        let mut start = None;
        loop {
            let request = self
                .client
                .query()
                .table_name(&self.table)
                .key_condition_expression("pk = :pk AND begins_with(sk, :tied)")
                .expression_attribute_values(":pk", text(format!("INC#{storm}")))
                .expression_attribute_values(":tied", text("TIED#"))
                .consistent_read(true)
                .set_exclusive_start_key(start);
            let page = request.send().await.map_err(|error| failed(&error))?;
            for item in page.items() {
                lines.push(read(item)?);
            }
            start = page.last_evaluated_key;
            if start.is_none() {
                return Ok(lines);
            }
        }
    }
}

/// The line of a tied incident, to be written with the incident.
pub(super) fn line(table: &str, storm: &IncidentId, tied: &StormMember) -> Result<Put, StoreError> {
    let mut item = incident_key(storm, &format!("TIED#{}", tied.incident_id));
    item.insert("incident_id".to_owned(), text(tied.incident_id.as_str()));
    item.insert("name".to_owned(), text(&tied.name));
    item.insert("target".to_owned(), text(&tied.target));
    item.insert("open".to_owned(), AttributeValue::Bool(tied.open));
    item.insert("critical".to_owned(), AttributeValue::Bool(tied.critical));
    Put::builder()
        .table_name(table)
        .set_item(Some(item))
        .build()
        .map_err(|error| StoreError::Unavailable(error.to_string()))
}

fn read(item: &Item) -> Result<StormMember, StoreError> {
    let reader = Reader::new(item);
    let id = reader.text("incident_id")?;
    Ok(StormMember {
        incident_id: IncidentId::try_from(id)
            .map_err(|_| reader.unreadable("incident_id is not a ULID"))?,
        name: reader.text("name")?.to_owned(),
        target: reader.text("target")?.to_owned(),
        open: reader.flag("open")?,
        critical: reader.flag("critical")?,
    })
}

fn storm_of(item: &Item) -> Result<Option<IncidentId>, StoreError> {
    let reader = Reader::new(item);
    let id = reader
        .optional_text("storm")
        .map(IncidentId::try_from)
        .transpose();
    id.map_err(|_| reader.unreadable("storm is not a ULID"))
}
