//! Budgets of model calls: reserved before each call for the day and the incident, settled after it
//! (`capped-spend`).
//!
//! Both budgets are items of the same shape: `committed`, `unsettled`, and for each provider
//! `calls_`, `input_`, `output_` and `price_` with its name. Every write is one transaction over
//! both, so that they never disagree. The incident's item also holds each reservation that is not
//! settled, as `open_<reservation>`. Settling removes that attribute, under the condition that it
//! is still there: a second settlement has no effect. One attribute remains for each worker that
//! died during a call, and a message leaves no more than five of those.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::builders::UpdateBuilder;
use aws_sdk_dynamodb::types::{TransactWriteItem, Update};
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use ulid::Ulid;

use super::attributes::{Item, Reader, millis, number, text};
use super::keys::incident_key;
use super::transaction::{Transacted, patiently};
use super::{Store, StoreError, failed};
use domain::analysis::budget::{Budget, Paid, Settlement, Spending, Spent, day, room};
use domain::analysis::price::{MicroUsd, Usage};
use domain::primitives::id::IncidentId;

/// How long the figures are kept: people compare a month with the same month of the year before.
pub(super) const KEPT_FOR: SignedDuration = SignedDuration::from_hours(400 * 24);

/// The sort key of a budget.
const SPEND: &str = "SPEND";
/// The figures that are kept for each provider.
const CALLS: &str = "calls_";
const INPUT: &str = "input_";
const OUTPUT: &str = "output_";
const PRICE: &str = "price_";

/// The right to make one call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reservation {
    id: String,
    day: Date,
    incident: IncidentId,
    provider: String,
    most: MicroUsd,
}

/// Result of a reservation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reserved {
    /// The call may be made; afterwards the reservation has to be settled.
    Granted(Reservation),
    /// The budget of the day has no room for it.
    DayUsedUp,
    /// The budget of the incident has no room for it.
    IncidentUsedUp,
}

impl Store {
    /// Reserves the worst price of a call against the budgets of the day and of the incident, or of neither. `provider` is its name in the
    /// settings, 1 to 32 of `a-z 0-9 _ -`.
    ///
    /// # Errors
    /// If the table does not answer. The price may then be reserved all the same, and stays so: the budget is never overdrawn by it.
    pub async fn reserve(
        &self,
        incident: &IncidentId,
        provider: &str,
        most: MicroUsd,
        limits: Budget,
        now: Timestamp,
    ) -> Result<Reserved, StoreError> {
        let Some(day_room) = room(limits.day, most) else {
            return Ok(Reserved::DayUsedUp);
        };
        let Some(incident_room) = room(limits.incident, most) else {
            return Ok(Reserved::IncidentUsedUp);
        };
        let id = Ulid::generate().to_string();
        let reservation = Reservation {
            id,
            day: day(now),
            incident: incident.clone(),
            provider: provider.to_owned(),
            most,
        };
        let write = |key: Item, also: &str, room: MicroUsd| {
            Update::builder()
                .set_key(Some(key))
                .update_expression(format!(
                    "ADD committed :most SET expires_at = :expires_at{also}"
                ))
                .condition_expression("attribute_not_exists(committed) OR committed <= :room")
                .expression_attribute_values(":most", number(most))
                .expression_attribute_values(":room", number(room))
                .expression_attribute_values(":expires_at", number((now + KEPT_FOR).as_second()))
        };
        let day = write(day_key(reservation.day), "", day_room);
        let incident = write(
            incident_key(incident, SPEND),
            ", #open = :most",
            incident_room,
        );
        let incident = incident.expression_attribute_names("#open", reservation.attribute());
        Ok(match self.write_both(day, incident).await? {
            Transacted::Done => Reserved::Granted(reservation),
            Transacted::Refused(unmet) if unmet.first() == Some(&true) => Reserved::DayUsedUp,
            Transacted::Refused(_) => Reserved::IncidentUsedUp,
        })
    }

    /// Replaces the reserved price of a call by its real one. A second settlement changes nothing.
    ///
    /// # Errors
    /// If the table does not answer. The worst price then stays reserved, until it is settled.
    pub async fn settle(&self, reservation: &Reservation, spent: Spent) -> Result<(), StoreError> {
        let settlement = spent.settlement(reservation.most);
        let day = settling(day_key(reservation.day), reservation, settlement, "");
        let incident = settling(
            incident_key(&reservation.incident, SPEND),
            reservation,
            settlement,
            " REMOVE #open",
        )
        .condition_expression("attribute_exists(#open)")
        .expression_attribute_names("#open", reservation.attribute());
        self.write_both(day, incident).await.map(drop)
    }

    /// What the models cost on one day (UTC).
    ///
    /// # Errors
    /// If the table does not answer or the item cannot be read.
    pub async fn spending(&self, day: Date) -> Result<Spending, StoreError> {
        self.day_item(day)
            .await?
            .map_or_else(|| Ok(Spending::default()), |item| read(&item))
    }

    /// True once people were told that the budget of a day is used up.
    ///
    /// Who finds it used up asks this, then sends the message, and then marks it as sent. So a crash in between sends it again, and none
    /// is lost; the notifier shows it once.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn notice_is_sent(&self, day: Date) -> Result<bool, StoreError> {
        Ok(self
            .day_item(day)
            .await?
            .is_some_and(|item| item.contains_key("notice_sent")))
    }

    /// Records that the message is on its queue.
    ///
    /// # Errors
    /// If the table does not answer: the next one who finds the budget used up then sends the message again.
    pub async fn mark_notice_sent(&self, day: Date, now: Timestamp) -> Result<(), StoreError> {
        let request = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(day_key(day)))
            .update_expression(
                "SET notice_sent = if_not_exists(notice_sent, :now), expires_at = :expires_at",
            )
            .expression_attribute_values(":now", millis(now))
            .expression_attribute_values(":expires_at", number((now + KEPT_FOR).as_second()));
        patiently(async || {
            request
                .clone()
                .send()
                .await
                .map(drop)
                .map_err(|error| failed(&error))
        })
        .await
    }

    async fn day_item(&self, day: Date) -> Result<Option<Item>, StoreError> {
        let request = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(day_key(day)))
            .consistent_read(true);
        Ok(request.send().await.map_err(|error| failed(&error))?.item)
    }

    /// Many calls share the item of a day, and meet each other there.
    async fn write_both(
        &self,
        day: UpdateBuilder,
        incident: UpdateBuilder,
    ) -> Result<Transacted, StoreError> {
        let update = |update: UpdateBuilder| update.table_name(&self.table).build();
        let updates = [day, incident]
            .map(update)
            .into_iter()
            .collect::<Result<Vec<Update>, _>>();
        let updates = updates.map_err(|error| StoreError::Unavailable(error.to_string()))?;
        let writes: Vec<_> = updates
            .into_iter()
            .map(|update| TransactWriteItem::builder().update(update).build())
            .collect();
        patiently(async || self.transact(writes.clone()).await).await
    }
}

impl Reservation {
    /// Where the incident's item holds it.
    fn attribute(&self) -> String {
        format!("open_{}", self.id)
    }
}

fn day_key(day: Date) -> Item {
    HashMap::from([
        ("pk".to_owned(), text(format!("BUDGET#{day}"))),
        ("sk".to_owned(), text(SPEND)),
    ])
}

/// One item's part of a settlement.
fn settling(
    key: Item,
    reservation: &Reservation,
    settlement: Settlement,
    also: &str,
) -> UpdateBuilder {
    let Settlement {
        committed,
        unsettled,
        calls,
        usage,
        price,
    } = settlement;
    let update = Update::builder()
        .set_key(Some(key))
        .expression_attribute_values(":committed", number(committed));
    if calls == 0 {
        return update.update_expression(format!("ADD committed :committed{also}"));
    }
    let figures = [
        (CALLS, "calls", calls),
        (INPUT, "input", usage.input),
        (OUTPUT, "output", usage.output),
        (PRICE, "price", price),
    ];
    let mut add = "ADD committed :committed, unsettled :unsettled".to_owned();
    let mut update = update.expression_attribute_values(":unsettled", number(unsettled));
    for (prefix, name, figure) in figures {
        add.push_str(&format!(", #{name} :{name}"));
        update = update
            .expression_attribute_names(
                format!("#{name}"),
                format!("{prefix}{}", reservation.provider),
            )
            .expression_attribute_values(format!(":{name}"), number(figure));
    }
    update.update_expression(add + also)
}

fn read(item: &Item) -> Result<Spending, StoreError> {
    let reader = Reader::new(item);
    let figure = |name: &str| {
        if item.contains_key(name) {
            reader.number::<u64>(name)
        } else {
            Ok(0)
        }
    };
    let mut spending = Spending {
        committed: figure("committed")?,
        unsettled: figure("unsettled")?,
        ..Spending::default()
    };
    for provider in item.keys().filter_map(|name| name.strip_prefix(CALLS)) {
        let figure = |prefix: &str| figure(&format!("{prefix}{provider}"));
        let usage = Usage {
            input: figure(INPUT)?,
            output: figure(OUTPUT)?,
        };
        spending.providers.insert(
            provider.to_owned(),
            Paid {
                calls: figure(CALLS)?,
                usage,
                price: figure(PRICE)?,
            },
        );
    }
    Ok(spending)
}
