//! Stored inputs of the guardrails: the ledgers of targets and groups, and the records of
//! playbooks.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::types::Update;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tracing::warn;

use super::attributes::{Item, Reader, millis, number, text};
use super::{Store, StoreError, failed};
use domain::policy::attempt_ledger::{Asked, Attempt, GroupLedger, GuardrailInputs, TargetLedger};
use domain::policy::playbook_run::{PlaybookRecord, PlaybookRun};
use domain::primitives::id::ApprovalId;

/// How often a ledger is read and changed again after a write conflict.
const ATTEMPTS: u32 = 20;
/// How long the ledger of a group is kept after its last change: longer than any repair runs.
const GROUP_KEPT_FOR: SignedDuration = SignedDuration::from_hours(24);

impl Store {
    /// Reads the inputs of the guardrails concurrently. An input that cannot be read is missing in
    /// the answer, which stops the repair.
    pub async fn readings(&self, asked: Asked<'_>) -> GuardrailInputs {
        let Asked {
            target,
            group,
            playbook,
            runs,
        } = asked;
        let of_group = async {
            match group {
                Some(group) => self.group_ledger(group).await,
                None => Ok(GroupLedger::default()),
            }
        };
        let of_runs = async {
            if runs {
                self.runs(playbook).await
            } else {
                Ok(Vec::new())
            }
        };
        let (switch, target, group, record, runs) = tokio::join!(
            self.kill_switch(),
            self.target_ledger(target),
            of_group,
            self.playbook_record(playbook),
            of_runs
        );
        let switch = known(switch);
        GuardrailInputs {
            killed: switch.as_ref().map(Option::is_some),
            switched_off: switch.flatten().unwrap_or_default(),
            target: known(target),
            group: known(group),
            record: known(record),
            runs: known(runs),
        }
    }

    /// The attempts on a target.
    ///
    /// # Errors
    /// If the table does not answer or the item cannot be read.
    pub async fn target_ledger(&self, target: &str) -> Result<TargetLedger, StoreError> {
        Ok(self.document(target_key(target)).await?.0)
    }

    /// Adds an attempt to the ledger of a target, once. The ledger never expires: there is one for
    /// each service of the registry.
    ///
    /// # Errors
    /// If the table does not answer or the item cannot be read.
    pub async fn enter_attempt(&self, target: &str, attempt: &Attempt) -> Result<(), StoreError> {
        self.revise(target_key(target), None, |ledger: &mut TargetLedger| {
            ledger.enter(attempt.clone())
        })
        .await
    }

    /// The ledger of a redundancy group.
    ///
    /// # Errors
    /// If the table does not answer or the item cannot be read.
    pub async fn group_ledger(&self, group: &str) -> Result<GroupLedger, StoreError> {
        Ok(self.document(group_key(group)).await?.0)
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
        let enter =
            |ledger: &mut GroupLedger| ledger.enter(target, approval_id, now, now + time, most);
        self.revise(group_key(group), Some(now + GROUP_KEPT_FOR), enter)
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
        let Some(item) = self.item(record_key(playbook)).await? else {
            return Ok(PlaybookRecord::default());
        };
        let reader = Reader::new(&item);
        Ok(PlaybookRecord {
            verified: reader.number("verified")?,
            failed: reader.number("failed")?,
            // Records from before recurrences were counted lack the attribute.
            recurred: if item.contains_key("recurred") {
                reader.number("recurred")?
            } else {
                0
            },
            last_run: Some(reader.millis("last_run")?),
        })
    }

    pub(super) async fn item(&self, key: Item) -> Result<Option<Item>, StoreError> {
        let request = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(key))
            .consistent_read(true);
        Ok(request.send().await.map_err(|error| failed(&error))?.item)
    }

    /// A document with its version: 0 and empty if it is not there.
    async fn document<T: DeserializeOwned + Default>(
        &self,
        key: Item,
    ) -> Result<(T, u64), StoreError> {
        let Some(item) = self.item(key).await? else {
            return Ok((T::default(), 0));
        };
        let reader = Reader::new(&item);
        let document = serde_json::from_str(reader.text("doc")?)
            .map_err(|error| reader.unreadable(format!("doc: {error}")))?;
        Ok((document, reader.number("version")?))
    }

    /// Reads a document, changes it, and writes it over the version that was read; repeats this
    /// after a write conflict.
    async fn revise<T, R>(
        &self,
        key: Item,
        expires_at: Option<Timestamp>,
        change: impl Fn(&mut T) -> R,
    ) -> Result<R, StoreError>
    where
        T: Serialize + DeserializeOwned + Default + Clone + PartialEq,
    {
        for attempt in 0..ATTEMPTS {
            let (loaded, version) = self.document::<T>(key.clone()).await?;
            let mut document = loaded.clone();
            let answer = change(&mut document);
            // The change had no effect, so there is nothing to write.
            if document == loaded {
                return Ok(answer);
            }
            match self
                .put_document(key.clone(), &document, version, expires_at)
                .await
            {
                Ok(()) => return Ok(answer),
                Err(StoreError::Conflict) => {
                    // Exponential, from 5 ms to 160 ms.
                    tokio::time::sleep(Duration::from_millis(5 << attempt.min(5))).await
                }
                Err(error) => return Err(error),
            }
        }
        Err(StoreError::Conflict)
    }

    async fn put_document(
        &self,
        key: Item,
        document: &impl Serialize,
        before: u64,
        expires_at: Option<Timestamp>,
    ) -> Result<(), StoreError> {
        let mut item = key;
        let doc = serde_json::to_string(document)
            .map_err(|error| StoreError::Unavailable(error.to_string()))?;
        item.insert("doc".to_owned(), text(doc));
        item.insert("version".to_owned(), number(before + 1));
        item.extend(expires_at.map(|at| ("expires_at".to_owned(), number(at.as_second()))));
        let request = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
            // Version 0 means that the item did not exist when it was read.
            .condition_expression(if before == 0 {
                "attribute_not_exists(pk)"
            } else {
                "#version = :before"
            });
        let request = if before == 0 {
            request
        } else {
            request
                .expression_attribute_names("#version", "version")
                .expression_attribute_values(":before", number(before))
        };
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
}

/// Counts the end of a run in its playbook's record; written in one transaction with the incident
/// that it ends, so that it counts once. With `after_all`, the run was counted as verified before
/// and has failed now.
pub(super) fn counted(
    table: &str,
    run: &PlaybookRun,
    after_all: bool,
) -> Result<Update, StoreError> {
    // A run that fails afterwards moves from one count to the other: −1 and +1.
    let verified = i32::from(run.verified) - i32::from(after_all);
    Update::builder()
        .table_name(table)
        .set_key(Some(record_key(&run.playbook)))
        .update_expression("ADD verified :verified, failed :failed SET last_run = :at")
        .expression_attribute_values(":verified", number(verified))
        .expression_attribute_values(":failed", number(u8::from(!run.verified)))
        .expression_attribute_values(":at", millis(run.at))
        .build()
        .map_err(|error| StoreError::Unavailable(error.to_string()))
}

fn known<T>(read: Result<T, StoreError>) -> Option<T> {
    read.inspect_err(
        |error| warn!(%error, "what a guardrail asks could not be read: it stops the repair"),
    )
    .ok()
}

fn target_key(target: &str) -> Item {
    key(&format!("TARGET#{target}"), "LEDGER")
}

fn group_key(group: &str) -> Item {
    key(&format!("GROUP#{group}"), "LEDGER")
}

pub(super) fn record_key(playbook: &str) -> Item {
    key(&format!("PLAYBOOK#{playbook}"), "RECORD")
}

pub(super) fn key(pk: &str, sk: &str) -> Item {
    HashMap::from([("pk".to_owned(), text(pk)), ("sk".to_owned(), text(sk))])
}
