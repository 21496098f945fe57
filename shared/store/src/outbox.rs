//! Stored outbox of a channel: items are durable until they are sent, and sorted in the order of
//! sending.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::{SignedDuration, Timestamp};
use tracing::error;

use super::attributes::{Item, Reader, millis, number, text};
use super::channel::partition;
use super::{Store, StoreError, failed};
use domain::notification::outbox::{Due, Rank, Subject};

/// Retention of an item that the channel never accepts: after that it is of no use.
const KEPT_FOR: SignedDuration = SignedDuration::from_hours(30 * 24);
/// Page size of a query.
const PAGE: i32 = 50;

impl Store {
    /// Puts an item into a channel's outbox. An item that exists already stays one item, and its
    /// wait ends. An incident whose rank has changed may be in the outbox twice: when the second
    /// item is sent, its card already shows the newest state.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn put_due(
        &self,
        channel: &str,
        rank: Rank,
        subject: &Subject,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let request = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key(channel, &format!("DUE#{rank}#{subject}"))))
            .update_expression(
                // The new version keeps a send that is under way from removing the item. The wait
                // and the refusals belonged to the older state.
                "ADD #version :one SET put_at = if_not_exists(put_at, :now), expires_at = :expires_at REMOVE not_before, refused, plain",
            )
            .expression_attribute_names("#version", "version")
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":now", millis(now))
            .expression_attribute_values(":expires_at", number((now + KEPT_FOR).as_second()));
        request
            .send()
            .await
            .map(drop)
            .map_err(|error| failed(&error))
    }

    /// The items of a channel in order: from the beginning to the first that does not wait, and
    /// maybe some behind it. Waiting items are included because the caller needs the time at which
    /// they end. An item that cannot be read is logged and left in the table: a newer version may
    /// have written it, and the items behind it must not wait for it.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn due(&self, channel: &str, now: Timestamp) -> Result<Vec<Due>, StoreError> {
        let mut due = Vec::new();
        let mut start = None;
        loop {
            let request = self
                .client
                .query()
                .table_name(&self.table)
                .key_condition_expression("pk = :pk AND begins_with(sk, :due)")
                .expression_attribute_values(":pk", text(partition(channel)))
                .expression_attribute_values(":due", text("DUE#"))
                .consistent_read(true)
                .limit(PAGE)
                .set_exclusive_start_key(start);
            let page = request.send().await.map_err(|error| failed(&error))?;
            due.extend(page.items().iter().filter_map(readable));
            start = page.last_evaluated_key;
            // One item that can be sent now is enough for the caller to go on.
            if start.is_none()
                || due
                    .iter()
                    .any(|due| due.not_before.is_none_or(|at| at <= now))
            {
                return Ok(due);
            }
        }
    }

    /// Removes an item that was sent, unless it was put again meanwhile.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn told(&self, channel: &str, due: &Due) -> Result<(), StoreError> {
        let request = self
            .client
            .delete_item()
            .table_name(&self.table)
            .set_key(Some(key(channel, &due.key)))
            .condition_expression("#version = :version")
            .expression_attribute_names("#version", "version")
            .expression_attribute_values(":version", number(due.version));
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(|e| e.is_conditional_check_failed_exception()) =>
            {
                // Put again meanwhile: the newer state still has to be sent.
                Ok(())
            }
            Err(error) => Err(failed(&error)),
        }
    }

    /// Saves that an item waits, was refused or is sent without markup, unless it was put again
    /// meanwhile.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn note_due(&self, channel: &str, due: &Due) -> Result<(), StoreError> {
        let (set, remove) = if due.not_before.is_some() {
            (", not_before = :at", "")
        } else {
            ("", " REMOVE not_before")
        };
        let mut request = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key(channel, &due.key)))
            .update_expression(format!(
                "SET refused = :refused, plain = :plain{set}{remove}"
            ))
            .condition_expression("#version = :version")
            .expression_attribute_names("#version", "version")
            .expression_attribute_values(":version", number(due.version))
            .expression_attribute_values(":refused", number(due.refused))
            .expression_attribute_values(":plain", AttributeValue::Bool(due.plain));
        if let Some(at) = due.not_before {
            request = request.expression_attribute_values(":at", millis(at));
        }
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(|e| e.is_conditional_check_failed_exception()) =>
            {
                // Put again meanwhile: the note was about the older state.
                Ok(())
            }
            Err(error) => Err(failed(&error)),
        }
    }
}

fn readable(item: &Item) -> Option<Due> {
    read(item)
        .inspect_err(|error| error!(%error, "what is due cannot be read: the others go on"))
        .ok()
}

fn read(item: &Item) -> Result<Due, StoreError> {
    let reader = Reader::new(item);
    let key = reader.text("sk")?;
    let subject = key
        // `DUE#<rank>#<subject>`, where the subject may contain `#` itself.
        .splitn(3, '#')
        .nth(2)
        .and_then(Subject::read)
        .ok_or_else(|| reader.unreadable("its key names nothing to tell"))?;
    let has = |name: &str| item.contains_key(name);
    Ok(Due {
        key: key.to_owned(),
        subject,
        version: reader.number("version")?,
        not_before: has("not_before")
            .then(|| reader.millis("not_before"))
            .transpose()?,
        refused: if has("refused") {
            reader.number("refused")?
        } else {
            0
        },
        plain: has("plain") && reader.flag("plain")?,
    })
}

fn key(channel: &str, sort: &str) -> Item {
    HashMap::from([
        ("pk".to_owned(), text(partition(channel))),
        ("sk".to_owned(), text(sort)),
    ])
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::{Item, key, number, readable};
    use domain::notification::outbox::Subject;

    fn item(sort: &str, version: Option<u64>) -> Item {
        let mut item = key("ops", sort);
        item.extend(version.map(|version| ("version".to_owned(), number(version))));
        item
    }

    #[test]
    fn what_a_newer_version_has_put_there_holds_up_nothing() {
        let items = [
            item("DUE#0#OMEN#of-tomorrow", Some(1)),
            item("DUE#0", Some(1)),
            item("DUE#0#BUDGET#2026-11-22", None),
            item("DUE#3#BUDGET#2026-11-22", Some(2)),
            HashMap::new(),
        ];
        let due: Vec<_> = items.iter().filter_map(readable).collect();
        let [due] = due.as_slice() else {
            panic!("one can be read: {due:?}")
        };
        assert_eq!(
            (due.version, due.subject.clone()),
            (2, Subject::Budget(jiff::civil::date(2026, 11, 22)))
        );
    }
}
