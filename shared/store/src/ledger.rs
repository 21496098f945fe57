//! Stored inputs of the guardrails: the ledgers of targets and groups, and the records of
//! playbooks.

use aws_sdk_dynamodb::types::builders::UpdateBuilder;
use jiff::{SignedDuration, Timestamp};
use serde::de::DeserializeOwned;
use tracing::warn;

use super::attributes::{Item, Reader, millis, number};
use super::document::Document;
use super::keys::{self, Key};
use super::request::update;
use super::{ControlTable, Store, StoreError};
use aws::Chain;
use domain::policy::attempt_ledger::{Asked, Attempt, GroupLedger, GuardrailInputs, TargetLedger};
use domain::policy::playbook_run::{PlaybookRecord, PlaybookRun};
use domain::primitives::id::ApprovalId;

/// How long the ledger of a group is kept after its last change: longer than any repair runs.
const GROUP_KEPT_FOR: SignedDuration = SignedDuration::from_hours(24);

impl Store {
    /// Reads the inputs of the guardrails: the kill switch from the control table, and in one request what is in this one. An input that
    /// cannot be read is missing in the answer, which stops the repair.
    pub async fn readings(&self, asked: Asked<'_>, control: &ControlTable) -> GuardrailInputs {
        let of_runs = async {
            if asked.runs {
                self.runs(asked.playbook).await
            } else {
                Ok(Vec::new())
            }
        };
        let target = target_key(asked.target);
        let group = asked.group.map(group_key);
        let record = keys::record(asked.playbook);
        let mut keys = vec![target.clone(), record.clone()];
        keys.extend(group.clone());
        let (switch, items, runs) =
            tokio::join!(control.kill_switch(), self.get_all(&keys, true), of_runs);
        let switch = known(switch);
        let inputs = GuardrailInputs {
            killed: switch.as_ref().map(Option::is_some),
            switched_off: switch.flatten().unwrap_or_default(),
            runs: known(runs),
            ..GuardrailInputs::default()
        };
        let Some(items) = known(items) else {
            return inputs;
        };
        let of = |key: &Key| items.iter().find(|item| key.is_of(item));
        let group = group.map_or_else(
            || Some(GroupLedger::default()),
            |group| known(document_in(of(&group))),
        );
        GuardrailInputs {
            target: known(document_in(of(&target))),
            group,
            record: known(record_in(of(&record))),
            ..inputs
        }
    }

    /// The attempts on a target.
    ///
    /// # Errors
    /// If the table does not answer or the item cannot be read.
    pub async fn target_ledger(&self, target: &str) -> Result<TargetLedger, StoreError> {
        Ok(self.document(target_key(target)).await?.document)
    }

    /// Adds an attempt to the ledger of a target, once. The ledger never expires: there is one for
    /// each service of the registry.
    ///
    /// # Errors
    /// If the table does not answer or the item cannot be read.
    pub async fn enter_attempt(&self, target: &str, attempt: &Attempt) -> Result<(), StoreError> {
        self.revise(target_key(target), None, |ledger: &mut TargetLedger| {
            ledger.record(attempt.clone())
        })
        .await
    }

    /// The ledger of a redundancy group.
    ///
    /// # Errors
    /// If the table does not answer or the item cannot be read.
    pub async fn group_ledger(&self, group: &str) -> Result<GroupLedger, StoreError> {
        Ok(self.document(group_key(group)).await?.document)
    }

    /// Adds a target to the ledger of its group for some time, or renews it; false if `most` others
    /// are being repaired (`one-hand`).
    ///
    /// # Errors
    /// If the table does not answer or the item cannot be read.
    pub async fn enter_group(
        &self,
        group: &str,
        target: &str,
        approval_id: &ApprovalId,
        now: Timestamp,
        time: SignedDuration,
        most: u32,
    ) -> Result<bool, StoreError> {
        let admit =
            |ledger: &mut GroupLedger| ledger.admit(target, approval_id, now, now + time, most);
        self.revise(group_key(group), Some(now + GROUP_KEPT_FOR), admit)
            .await
    }

    /// Removes a target from the ledger of its group.
    ///
    /// # Errors
    /// If the table does not answer or the item cannot be read; the entry then ends with its time.
    pub async fn leave_group(
        &self,
        group: &str,
        target: &str,
        approval_id: &ApprovalId,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.revise(
            group_key(group),
            Some(now + GROUP_KEPT_FOR),
            |ledger: &mut GroupLedger| ledger.leave(target, approval_id),
        )
        .await
    }

    /// The record of a playbook. One that never ran has an empty record.
    ///
    /// # Errors
    /// If the table does not answer or the item cannot be read.
    pub async fn playbook_record(&self, playbook: &str) -> Result<PlaybookRecord, StoreError> {
        let item = self.get(keys::record(playbook)).await?;
        record_in(item.as_ref())
    }
}

fn record_in(item: Option<&Item>) -> Result<PlaybookRecord, StoreError> {
    let Some(item) = item else {
        return Ok(PlaybookRecord::default());
    };
    let reader = Reader::new(item);
    Ok(PlaybookRecord {
        verified: reader.number("verified")?,
        failed: reader.number("failed")?,
        // Missing until one recurs.
        recurred: reader.number_or_zero("recurred")?,
        last_run: Some(reader.millis("last_run")?),
    })
}

fn document_in<T: DeserializeOwned + Default>(item: Option<&Item>) -> Result<T, StoreError> {
    Ok(Document::read(item)?.document)
}

/// Counts the end of a run in its playbook's record; written in one transaction with the incident
/// that it ends, so that it counts once. With `after_all`, the run was counted as verified before
/// and has failed now.
pub(super) fn counted(run: &PlaybookRun, after_all: bool) -> UpdateBuilder {
    // A run that fails afterwards moves from one count to the other: −1 and +1.
    let verified = i32::from(run.verified) - i32::from(after_all);
    update(
        keys::record(&run.playbook),
        "ADD verified :verified, failed :failed SET last_run = :at",
    )
    .expression_attribute_values(":verified", number(verified))
    .expression_attribute_values(":failed", number(u8::from(!run.verified)))
    .expression_attribute_values(":at", millis(run.at))
}

fn known<T>(read: Result<T, StoreError>) -> Option<T> {
    let tell = |error: &StoreError| warn!(error = %Chain(error), "what a guardrail asks could not be read: it stops the repair");
    read.inspect_err(tell).ok()
}

fn target_key(target: &str) -> Key {
    keys::ledger(keys::target_partition(target))
}

fn group_key(group: &str) -> Key {
    keys::ledger(keys::group_partition(group))
}
