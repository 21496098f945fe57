//! The lock of a target: at most one repair at a time holds it (`one-hand`).

use std::collections::HashMap;

use aws_sdk_dynamodb::operation::put_item::builders::PutItemFluentBuilder;
use aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure;
use jiff::Timestamp;

use super::attributes::{Item, Reader, millis, number, text};
use super::{Store, StoreError, failed};
use domain::policy::attempt_ledger::CLOCKS_APART;
use domain::primitives::id::IncidentId;

/// The holder of a lock.
#[derive(Debug, PartialEq, Eq)]
pub enum Held {
    /// The applicant.
    Mine,
    /// Another worker or repair. This one can take the lock from this time on at the latest.
    By {
        /// The incident whose repair holds it.
        incident_id: String,
        until: Timestamp,
    },
}

/// The applicant for a lock: one worker of one incident's repair.
#[derive(Debug, Clone, Copy)]
pub struct Holder<'a> {
    /// The incident whose repair it is.
    pub incident: &'a IncidentId,
    /// The worker that runs it: another delivery of the same message is another one.
    pub worker: &'a str,
}

/// Placeholder for a worker: the next one that runs the same incident's repair may take the lock.
const NOBODY: &str = "-";

impl Store {
    /// Takes or renews the lock of a target until `until`. Another repair can take it once it has
    /// expired by every worker's clock. The next worker of the same repair can take it if the last
    /// one left it, or once it has expired, because its message is not delivered before that.
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
            // Free; or expired for every clock; or of this repair, and renewed, left or expired.
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
                    // The refusal carries the item: the answer needs no second read.
                    let nothing = Item::new();
                    let reader = Reader::new(failed.item().unwrap_or(&nothing));
                    let (by, until) = (reader.text("incident_id")?, reader.millis("until")?);
                    // Another repair may run on a worker whose clock is behind, so it keeps the
                    // lock for longer.
                    let until = if by == holder.incident.as_str() { until } else { until + CLOCKS_APART };
                    Ok(Held::By { incident_id: by.to_owned(), until })
                }
                _ => Err(failed(&error)),
            },
        }
    }

    /// Leaves the lock to the next worker of the same repair until `until`. A lock that another
    /// worker has taken over stays with that worker.
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
                // Taken over or gone: there is nothing to leave.
                Ok(())
            }
            Err(error) => Err(failed(&error)),
        }
    }

    /// Releases the lock. A lock that another worker has taken over stays with that worker.
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
                // Taken over or gone: there is nothing to release.
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
            // DynamoDB must not delete a lock that has not expired for every worker.
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
