//! The lock of a target: at most one repair at a time holds it (`one-hand`).

use std::collections::HashMap;

use aws_sdk_dynamodb::operation::put_item::builders::PutItemFluentBuilder;
use aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure;
use jiff::Timestamp;

use super::attributes::{Item, Reader, millis, number, text};
use super::{Store, StoreError, failed};
use domain::policy::attempt_ledger::CLOCKS_APART;
use domain::primitives::id::IncidentId;

/// Who holds a lock.
#[derive(Debug, PartialEq, Eq)]
pub enum Held {
    /// The one who asked.
    Mine,
    /// Somebody else; this one may have it from this time on at the latest.
    By {
        /// The incident whose repair holds it.
        incident_id: String,
        until: Timestamp,
    },
}

/// Who asks for a lock: one worker of one incident's repair.
#[derive(Debug, Clone, Copy)]
pub struct Holder<'a> {
    /// The incident whose repair it is.
    pub incident: &'a IncidentId,
    /// The worker that runs it: another delivery of the same message is another one.
    pub worker: &'a str,
}

/// In place of a worker: the next one that runs the same incident's repair may have the lock.
const NOBODY: &str = "-";

impl Store {
    /// Takes the lock of a target, or renews it, until some time. Another repair may have it once it has expired by every worker's clock.
    /// The next worker of the same repair may have it if it has expired, because its message comes only then, and if it was left for it.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn lock(
        &self,
        target: &str,
        holder: Holder<'_>,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Held, StoreError> {
        let request = self
            .put_lock(target, holder.incident, holder.worker, until)
            .condition_expression(
                "attribute_not_exists(pk) OR #until < :over OR (incident_id = :incident AND (worker = :worker OR worker = :nobody OR #until < :now))",
            )
            .expression_attribute_names("#until", "until")
            .expression_attribute_values(":now", millis(now))
            .expression_attribute_values(":over", millis(now - CLOCKS_APART))
            .expression_attribute_values(":incident", text(holder.incident.as_str()))
            .expression_attribute_values(":worker", text(holder.worker))
            .expression_attribute_values(":nobody", text(NOBODY))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        match request.send().await {
            Ok(_) => Ok(Held::Mine),
            Err(error) => match error.as_service_error() {
                Some(aws_sdk_dynamodb::operation::put_item::PutItemError::ConditionalCheckFailedException(failed)) => {
                    let nothing = Item::new();
                    let reader = Reader::new(failed.item().unwrap_or(&nothing));
                    let (by, until) = (reader.text("incident_id")?, reader.millis("until")?);
                    let until = if by == holder.incident.as_str() { until } else { until + CLOCKS_APART };
                    Ok(Held::By { incident_id: by.to_owned(), until })
                }
                _ => Err(failed(&error)),
            },
        }
    }

    /// Leaves the lock for the next worker of the same repair, until some time. If it is somebody else's by now, it stays theirs.
    ///
    /// # Errors
    /// If the table does not answer; the next worker then waits until the lock ends.
    pub async fn leave_lock(
        &self,
        target: &str,
        holder: Holder<'_>,
        until: Timestamp,
    ) -> Result<(), StoreError> {
        let request = self
            .put_lock(target, holder.incident, NOBODY, until)
            .condition_expression("incident_id = :incident AND worker = :worker")
            .expression_attribute_values(":incident", text(holder.incident.as_str()))
            .expression_attribute_values(":worker", text(holder.worker));
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(|e| e.is_conditional_check_failed_exception()) =>
            {
                Ok(())
            }
            Err(error) => Err(failed(&error)),
        }
    }

    /// Gives the lock back. If it is somebody else's by now, it stays theirs.
    ///
    /// # Errors
    /// If the table does not answer; the lock then ends with its time.
    pub async fn unlock(&self, target: &str, holder: Holder<'_>) -> Result<(), StoreError> {
        let request = self
            .client
            .delete_item()
            .table_name(&self.table)
            .set_key(Some(key(target)))
            .condition_expression("incident_id = :incident AND worker = :worker")
            .expression_attribute_values(":incident", text(holder.incident.as_str()))
            .expression_attribute_values(":worker", text(holder.worker));
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(|e| e.is_conditional_check_failed_exception()) =>
            {
                Ok(())
            }
            Err(error) => Err(failed(&error)),
        }
    }

    fn put_lock(
        &self,
        target: &str,
        incident: &IncidentId,
        worker: &str,
        until: Timestamp,
    ) -> PutItemFluentBuilder {
        let mut item = key(target);
        item.insert("incident_id".into(), text(incident.as_str()));
        item.insert("worker".into(), text(worker));
        item.insert("until".into(), millis(until));
        item.insert(
            "expires_at".into(),
            number((until + CLOCKS_APART).as_second()),
        );
        self.client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
    }
}

fn key(target: &str) -> Item {
    HashMap::from([
        ("pk".to_owned(), text(format!("TARGET#{target}"))),
        ("sk".to_owned(), text("LOCK")),
    ])
}
