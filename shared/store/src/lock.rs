//! The lock of a host, or of a service that has one of its own: at most one repair at a time holds it
//! (`one-hand`). It stands in the control table, where the repair function alone writes it.

use aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure;
use aws_sdk_dynamodb::types::builders::PutBuilder;
use jiff::Timestamp;

use super::StoreError;
use super::attributes::{Reader, millis, text};
use super::control::ControlTable;
use super::keys;
use super::request::{Written, put};
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
/// The condition under which a worker may leave or release a lock. Where it fails, the lock was taken over or is gone,
/// and there is nothing to leave.
const STILL_HELD: &str = "incident_id = :incident AND worker = :worker";

impl ControlTable {
    /// Takes or renews a lock until `until`. Another repair can take it once it has
    /// expired by every worker's clock. The next worker of the same repair can take it if the last
    /// one left it, or once it has expired, because its message is not delivered before that.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn lock(
        &self,
        name: &str,
        holder: Holder<'_>,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Held, StoreError> {
        let write = put_lock(name, holder.incident, holder.worker, until)
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
        // The refusal carries the item: the answer needs no second read.
        let Written::Refused(held) = self.0.put(write).await? else {
            return Ok(Held::Mine);
        };
        let reader = Reader::new(&held);
        let (incident_id, until) = (reader.string("incident_id")?, reader.millis("until")?);
        // Another repair may run on a worker whose clock is behind, so it keeps the lock for longer.
        let until = if incident_id == holder.incident.as_str() {
            until
        } else {
            until + CLOCKS_APART
        };
        Ok(Held::By { incident_id, until })
    }

    /// Leaves the lock to the next worker of the same repair until `until`. A lock that another
    /// worker has taken over stays with that worker.
    ///
    /// # Errors
    /// If the table does not answer; the next worker then waits until the lock ends.
    pub async fn leave_lock(
        &self,
        name: &str,
        holder: Holder<'_>,
        until: Timestamp,
    ) -> Result<(), StoreError> {
        let write = put_lock(name, holder.incident, NOBODY, until)
            .condition_expression(STILL_HELD)
            .expression_attribute_values(":incident", text(holder.incident.as_str()))
            .expression_attribute_values(":worker", text(holder.worker));
        self.0.put(write).await.map(drop)
    }

    /// The repair that holds a lock now, and until when; none if it is free.
    ///
    /// # Errors
    /// If the table does not answer or the item cannot be read.
    pub async fn lock_holder(
        &self,
        name: &str,
        now: Timestamp,
    ) -> Result<Option<(IncidentId, Timestamp)>, StoreError> {
        let Some(held) = self.0.get(keys::lock(name)).await? else {
            return Ok(None);
        };
        let reader = Reader::new(&held);
        let (incident, until) = (reader.incident_id("incident_id")?, reader.millis("until")?);
        Ok((now < until).then_some((incident, until)))
    }

    /// Releases the lock. A lock that another worker has taken over stays with that worker. The item
    /// stays, with a time that is over for everybody: nobody may delete from this table.
    ///
    /// # Errors
    /// If the table does not answer; the lock then ends with its time.
    pub async fn unlock(&self, name: &str, holder: Holder<'_>) -> Result<(), StoreError> {
        self.leave_lock(name, holder, Timestamp::UNIX_EPOCH).await
    }
}

fn put_lock(name: &str, incident: &IncidentId, worker: &str, until: Timestamp) -> PutBuilder {
    let fields = [
        ("incident_id", text(incident.as_str())),
        ("worker", text(worker)),
        // No time to live: DynamoDB must not delete a lock that has not expired for every worker, and
        // there is one item for each host.
        ("until", millis(until)),
    ];
    put(keys::lock(name).item(fields))
}
