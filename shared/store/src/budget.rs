//! Budgets of model calls: reserved before each call for the day and the incident, settled after it
//! (`capped-spend`).
//!
//! Both budgets are items of the same shape: `committed`, `unsettled`, and for each provider
//! `calls_`, `input_`, `output_` and `price_` with its name. Every write is one transaction over
//! both, so that they never disagree. The incident's item also holds each reservation that is not
//! settled, as `open_<reservation>`. Settling removes that attribute, under the condition that it
//! is still there: a second settlement has no effect. One attribute remains for each worker that
//! died during a call, and a message leaves no more than five of those.

use aws_sdk_dynamodb::types::builders::UpdateBuilder;
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use ulid::Ulid;

use super::attributes::{Item, Reader, millis, number, seconds};
use super::keys::{self, Key};
use super::request::{Transacted, Write, update};
use super::retry::patiently;
use super::{Store, StoreError};
use domain::analysis::budget::{Budget, Paid, Settlement, Spending, Spent, room};
use domain::analysis::price::{MicroUsd, Usage};
use domain::primitives::id::IncidentId;
use domain::primitives::time::utc_day;

/// How long the figures are kept: people compare a month with the same month of the year before.
pub(super) const KEPT_FOR: SignedDuration = SignedDuration::from_hours(400 * 24);

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
            day: utc_day(now),
            incident: incident.clone(),
            provider: provider.to_owned(),
            most,
        };
        let write = |key: Key, also: &str, room: MicroUsd| {
            let expression = format!("ADD committed :most SET expires_at = :expires_at{also}");
            update(key, expression)
                .condition_expression("attribute_not_exists(committed) OR committed <= :room")
                .expression_attribute_values(":most", number(most))
                .expression_attribute_values(":room", number(room))
                .expression_attribute_values(":expires_at", seconds(now + KEPT_FOR))
        };
        let day = write(keys::day_spending(reservation.day), "", day_room);
        let incident = keys::incident_spending(incident);
        let incident = write(incident, ", #open = :most", incident_room);
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
        let day = keys::day_spending(reservation.day);
        let day = settling(day, reservation, settlement, "");
        let incident = settling(
            keys::incident_spending(&reservation.incident),
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
        self.get(keys::day_spending(day))
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
            .get(keys::day_spending(day))
            .await?
            .is_some_and(|item| item.contains_key("notice_sent")))
    }

    /// Records that the message is on its queue.
    ///
    /// # Errors
    /// If the table does not answer: the next one who finds the budget used up then sends the message again.
    pub async fn mark_notice_sent(&self, day: Date, now: Timestamp) -> Result<(), StoreError> {
        let write = update(
            keys::day_spending(day),
            "SET notice_sent = if_not_exists(notice_sent, :now), expires_at = :expires_at",
        )
        .expression_attribute_values(":now", millis(now))
        .expression_attribute_values(":expires_at", seconds(now + KEPT_FOR));
        patiently(|| self.update(write.clone())).await.map(drop)
    }

    /// Many calls share the item of a day, and meet each other there.
    async fn write_both(
        &self,
        day: UpdateBuilder,
        incident: UpdateBuilder,
    ) -> Result<Transacted, StoreError> {
        let writes = vec![Write::from(day), Write::from(incident)];
        patiently(|| self.transact(writes.clone())).await
    }
}

impl Reservation {
    /// Where the incident's item holds it.
    fn attribute(&self) -> String {
        format!("open_{}", self.id)
    }
}

/// One item's part of a settlement.
fn settling(
    key: Key,
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
    let committed = |expression: String| {
        update(key, expression).expression_attribute_values(":committed", number(committed))
    };
    if calls == 0 {
        return committed(format!("ADD committed :committed{also}"));
    }
    let figures = [
        (CALLS, "calls", calls),
        (INPUT, "input", usage.input),
        (OUTPUT, "output", usage.output),
        (PRICE, "price", price),
    ];
    let add: String = figures
        .iter()
        .map(|(_, name, _)| format!(", #{name} :{name}"))
        .collect();
    let mut update = committed(format!(
        "ADD committed :committed, unsettled :unsettled{add}{also}"
    ))
    .expression_attribute_values(":unsettled", number(unsettled));
    for (prefix, name, figure) in figures {
        let attribute = format!("{prefix}{}", reservation.provider);
        update = update
            .expression_attribute_names(format!("#{name}"), attribute)
            .expression_attribute_values(format!(":{name}"), number(figure));
    }
    update
}

fn read(item: &Item) -> Result<Spending, StoreError> {
    let reader = Reader::new(item);
    let figure = |name: &str| reader.number_or_zero::<u64>(name);
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
