//! Stored outbox of a channel: items are durable until they are sent, and sorted in the order of
//! sending.

use futures_util::FutureExt as _;
use jiff::{SignedDuration, Timestamp};
use tracing::error;

use super::attributes::{Item, Reader, flag, millis, number, seconds};
use super::error::failed;
use super::keys;
use super::request::{delete, newest, update};
use super::{Store, StoreError};
use aws::Chain;
use domain::notification::outbox::{Due, Rank, Subject};

/// Retention of an item that the channel never accepts: after that it is of no use.
const KEPT_FOR: SignedDuration = SignedDuration::from_hours(30 * 24);
/// Page size of a query.
const PAGE: i32 = 50;
/// Where this fails, the newer state still has to be sent, and what was done about the older one does not count.
const NOT_PUT_AGAIN: &str = "#version = :version";

/// What waits in a channel's outbox.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Backlog {
    /// How many items, as far as was looked.
    pub items: usize,
    /// When the oldest of them was put there.
    pub oldest: Option<Timestamp>,
}

impl Store {
    /// What waits in a channel's outbox, from a look at `most` items at most. It is one request.
    ///
    /// # Errors
    /// If the table does not answer or an item cannot be read.
    pub async fn backlog(&self, channel: &str, most: u32) -> Result<Backlog, StoreError> {
        let query = self
            .query_prefix(keys::channel_partition(channel), keys::DUE)
            .projection_expression("pk, sk, put_at");
        let items = newest(query, most).await?;
        let put: Result<Vec<Timestamp>, StoreError> = items
            .iter()
            .map(|item| Reader::new(item).millis("put_at"))
            .collect();
        Ok(Backlog {
            items: items.len(),
            oldest: put?.into_iter().min(),
        })
    }

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
        let key = keys::due(channel, &format!("{}{rank}#{subject}", keys::DUE));
        // The new version keeps a send that is under way from removing the item. The wait and the refusals belonged
        // to the older state.
        let write = update(
            key,
            "ADD #version :one SET put_at = if_not_exists(put_at, :now), expires_at = :expires_at REMOVE not_before, refused, plain",
        )
        .expression_attribute_names("#version", "version")
        .expression_attribute_values(":one", number(1))
        .expression_attribute_values(":now", millis(now))
        .expression_attribute_values(":expires_at", seconds(now + KEPT_FOR));
        self.update(write).await.map(drop)
    }

    /// The items of a channel in order: from the beginning to the first that does not wait, and
    /// maybe some behind it. Waiting items are included because the caller needs the time at which
    /// they end. An item that cannot be read is logged and left in the table: a newer version may
    /// have written it, and the items behind it must not wait for it.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn due(&self, channel: &str, now: Timestamp) -> Result<Vec<Due>, StoreError> {
        let mut due: Vec<Due> = Vec::new();
        let query = self.query_prefix(keys::channel_partition(channel), keys::DUE);
        let mut pages = query.into_paginator().page_size(PAGE).send();
        // One item that can be sent now is enough for the caller to go on.
        while due
            .iter()
            .all(|due| due.not_before.is_some_and(|at| at > now))
            && let Some(page) = pages.next().boxed().await
        {
            due.extend(page.map_err(failed)?.items().iter().filter_map(readable));
        }
        Ok(due)
    }

    /// Removes an item that was sent, unless it was put again meanwhile.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn told(&self, channel: &str, due: &Due) -> Result<(), StoreError> {
        let write = delete(keys::due(channel, &due.key))
            .condition_expression(NOT_PUT_AGAIN)
            .expression_attribute_names("#version", "version")
            .expression_attribute_values(":version", number(due.version));
        self.delete(write).await.map(drop)
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
        let expression = format!("SET refused = :refused, plain = :plain{set}{remove}");
        let mut write = update(keys::due(channel, &due.key), expression)
            .condition_expression(NOT_PUT_AGAIN)
            .expression_attribute_names("#version", "version")
            .expression_attribute_values(":version", number(due.version))
            .expression_attribute_values(":refused", number(due.refused))
            .expression_attribute_values(":plain", flag(due.plain));
        if let Some(at) = due.not_before {
            write = write.expression_attribute_values(":at", millis(at));
        }
        self.update(write).await.map(drop)
    }
}

fn readable(item: &Item) -> Option<Due> {
    read(item)
        .inspect_err(
            |error| error!(error = %Chain(error), "what is due cannot be read: the others go on"),
        )
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
    Ok(Due {
        key: key.to_owned(),
        subject,
        version: reader.number("version")?,
        not_before: reader.optional_millis("not_before")?,
        refused: reader.number_or_zero("refused")?,
        plain: reader.optional_flag("plain")?,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::{Item, keys, number, readable};
    use domain::notification::outbox::Subject;

    fn item(sort: &str, version: Option<u64>) -> Item {
        let mut item = Item::from(keys::due("ops", sort));
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
