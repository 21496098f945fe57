//! The lock of a target: at most one repair at a time holds it (`one-hand`).

use std::collections::HashMap;

use aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure;
use jiff::{SignedDuration, Timestamp};

use super::attributes::{Item, Reader, millis, number, text};
use super::{Store, StoreError, failed};
use crate::domain::id::IncidentId;
use crate::domain::ledger::CLOCKS_APART;

/// Who holds a lock.
#[derive(Debug, PartialEq, Eq)]
pub enum Held {
    /// The one who asked.
    Mine,
    /// Somebody else, until this time at the latest.
    By {
        /// The incident whose repair holds it.
        incident_id: String,
        /// Until when.
        until: Timestamp,
    },
}

impl Store {
    /// Takes the lock of a target for the repair of an incident, or takes it again. An expired lock is free once it is
    /// over by every worker's clock.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn lock(&self, target: &str, incident: &IncidentId, now: Timestamp, time: SignedDuration) -> Result<Held, StoreError> {
        let mut item = key(target);
        item.insert("incident_id".into(), text(incident.as_str()));
        item.insert("until".into(), millis(now + time));
        item.insert("expires_at".into(), number((now + time + CLOCKS_APART).as_second()));
        let request = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(pk) OR #until < :over OR incident_id = :me")
            .expression_attribute_names("#until", "until")
            .expression_attribute_values(":over", millis(now - CLOCKS_APART))
            .expression_attribute_values(":me", text(incident.as_str()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        match request.send().await {
            Ok(_) => Ok(Held::Mine),
            Err(error) => match error.as_service_error() {
                Some(aws_sdk_dynamodb::operation::put_item::PutItemError::ConditionalCheckFailedException(failed)) => {
                    let nothing = Item::new();
                    let reader = Reader::new(failed.item().unwrap_or(&nothing));
                    Ok(Held::By { incident_id: reader.text("incident_id")?.to_owned(), until: reader.millis("until")? })
                }
                _ => Err(failed(&error)),
            },
        }
    }

    /// Gives the lock back. If it is somebody else's by now, it stays theirs.
    ///
    /// # Errors
    /// If the table does not answer; the lock then ends with its time.
    pub async fn unlock(&self, target: &str, incident: &IncidentId) -> Result<(), StoreError> {
        let request = self
            .client
            .delete_item()
            .table_name(&self.table)
            .set_key(Some(key(target)))
            .condition_expression("incident_id = :me")
            .expression_attribute_values(":me", text(incident.as_str()));
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error) if error.as_service_error().is_some_and(|e| e.is_conditional_check_failed_exception()) => Ok(()),
            Err(error) => Err(failed(&error)),
        }
    }
}

fn key(target: &str) -> Item {
    HashMap::from([("pk".to_owned(), text(format!("TARGET#{target}"))), ("sk".to_owned(), text("LOCK"))])
}
