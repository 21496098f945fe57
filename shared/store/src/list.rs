//! Lists of incidents by two sparse indexes of keys: the open ones, and all of them. Neither is a scan, and an incident costs one
//! write in each index for its whole life, and one more when it ends or opens again.

use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::Select;
use futures_util::FutureExt as _;
use futures_util::future::try_join_all;
use jiff::Timestamp;
use ulid::Ulid;

use super::attributes::{Item, Reader, text};
use super::error::failed;
use super::keys::{IncidentList, SHARDS};
use super::request::all_pages;
use super::{Store, StoreError};
use domain::primitives::id::IncidentId;

/// A part of a list, newest first.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Listed {
    pub ids: Vec<IncidentId>,
    /// False if the list goes on behind them.
    pub ends: bool,
}

impl Store {
    /// The ids of all open incidents, oldest first. An index follows the table by a moment: one that opens now may be missing.
    ///
    /// # Errors
    /// If the table does not answer or the index holds something else.
    pub async fn open_incidents(&self) -> Result<Vec<IncidentId>, StoreError> {
        let shards = (0..SHARDS).map(|shard| all_pages(self.query_list(IncidentList::Open, shard)));
        let items = try_join_all(shards).await?.into_iter().flatten();
        let ids: Result<Vec<IncidentId>, StoreError> = items.map(|item| id(&item)).collect();
        let mut ids = ids?;
        ids.sort_unstable();
        Ok(ids)
    }

    /// About `most` ids of a list from `last` back to `first`, both included, in one request to each key of its index. There are fewer
    /// where they are spread unevenly.
    ///
    /// # Errors
    /// If the table does not answer or the index holds something else.
    pub async fn list(
        &self,
        list: IncidentList,
        (first, last): (&IncidentId, &IncidentId),
        most: u32,
    ) -> Result<Listed, StoreError> {
        // Ids are spread at random: twice the mean and some are enough nearly always.
        let limit = most.div_ceil(SHARDS / 2) + SHARDS;
        let shards = (0..SHARDS).map(async |shard| {
            let query = between(self.client.query(), list, (first, last))
                .scan_index_forward(false)
                .limit(i32::try_from(limit).unwrap_or(i32::MAX));
            let query = self.of_list(query, list, shard);
            let page = query.send().boxed().await.map_err(failed)?;
            let goes_on = page.last_evaluated_key.is_some();
            let ids = page.items.unwrap_or_default();
            let ids: Result<Vec<IncidentId>, StoreError> = ids.iter().map(id).collect();
            ids.map(|ids| (ids, goes_on))
        });
        Ok(merged(try_join_all(shards).await?, most))
    }

    /// How many ids a list has from `last` back to `first`, both included. It reads the index, without its items being sent.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn count(
        &self,
        list: IncidentList,
        (first, last): (&IncidentId, &IncidentId),
    ) -> Result<u64, StoreError> {
        let shards = (0..SHARDS).map(async |shard| {
            let query = self.client.query().select(Select::Count);
            let query = between(query, list, (first, last))
                .table_name(&self.table)
                .index_name(list.index())
                .expression_attribute_values(":shard", text(list.partition(shard)));
            let mut pages = query.into_paginator().send();
            let mut count = 0;
            while let Some(page) = pages.next().await {
                count += u64::try_from(page.map_err(failed)?.count).unwrap_or_default();
            }
            Ok::<_, StoreError>(count)
        });
        Ok(try_join_all(shards).await?.into_iter().sum())
    }

    fn query_list(&self, list: IncidentList, shard: u32) -> QueryFluentBuilder {
        let query = self
            .client
            .query()
            .key_condition_expression(format!("{} = :shard", list.attribute()));
        self.of_list(query, list, shard)
    }

    fn of_list(
        &self,
        query: QueryFluentBuilder,
        list: IncidentList,
        shard: u32,
    ) -> QueryFluentBuilder {
        query
            .table_name(&self.table)
            .index_name(list.index())
            .projection_expression("pk, sk, incident_id")
            .expression_attribute_values(":shard", text(list.partition(shard)))
    }
}

fn between(
    query: QueryFluentBuilder,
    list: IncidentList,
    (first, last): (&IncidentId, &IncidentId),
) -> QueryFluentBuilder {
    query
        .key_condition_expression(format!(
            "{} = :shard AND incident_id BETWEEN :first AND :last",
            list.attribute()
        ))
        .expression_attribute_values(":first", text(first.as_str()))
        .expression_attribute_values(":last", text(last.as_str()))
}

/// What the parts of a list, each newest first, come to. Behind the last id of a part that goes on, ids of that part are missing:
/// what is older than the newest such end belongs to the next page.
fn merged(shards: Vec<(Vec<IncidentId>, bool)>, most: u32) -> Listed {
    let known_to = shards
        .iter()
        .filter(|(_, goes_on)| *goes_on)
        .filter_map(|(ids, _)| ids.last())
        .max()
        .cloned();
    let mut ids: Vec<IncidentId> = shards.into_iter().flat_map(|(ids, _)| ids).collect();
    ids.sort_unstable_by(|one, other| other.cmp(one));
    let all = ids.len();
    if let Some(known_to) = &known_to {
        ids.retain(|id| id >= known_to);
    }
    ids.truncate(usize::try_from(most).unwrap_or(usize::MAX));
    let ends = known_to.is_none() && ids.len() == all;
    Listed { ids, ends }
}

/// The least id that an incident of this moment can have.
pub fn first_id_of(at: Timestamp) -> IncidentId {
    id_of(at, 0)
}

/// The greatest id that an incident of this moment can have.
pub fn last_id_of(at: Timestamp) -> IncidentId {
    id_of(at, u128::MAX)
}

fn id_of(at: Timestamp, random: u128) -> IncidentId {
    let milliseconds = u64::try_from(at.as_millisecond()).unwrap_or_default();
    match IncidentId::try_from(Ulid::from_parts(milliseconds, random).to_string()) {
        Ok(id) => id,
        Err(_) => unreachable!("a ULID is an incident id"),
    }
}

fn id(item: &Item) -> Result<IncidentId, StoreError> {
    Reader::new(item).incident_id("incident_id")
}

#[cfg(test)]
mod tests {
    use domain::primitives::id::IncidentId;
    use jiff::Timestamp;

    use super::{Listed, first_id_of, last_id_of, merged};
    use crate::fresh_incident_id;

    fn id(second: i64) -> IncidentId {
        let at = Timestamp::from_second(second).expect("a time");
        first_id_of(at)
    }

    #[test]
    fn bounds_of_a_moment_hold_every_id_of_it() {
        let now = Timestamp::from_second(1_790_000_000).expect("a time");
        for _ in 0..100 {
            let fresh = fresh_incident_id(now);
            assert!(first_id_of(now) <= fresh && fresh <= last_id_of(now));
        }
        let later = Timestamp::from_millisecond(now.as_millisecond() + 1).expect("a time");
        assert!(last_id_of(now) < first_id_of(later));
    }

    #[test]
    fn parts_of_a_list_are_merged_newest_first() {
        let shards = vec![(vec![id(9), id(5)], false), (vec![id(7), id(6)], false)];
        let all = Listed {
            ids: vec![id(9), id(7), id(6), id(5)],
            ends: true,
        };
        assert_eq!(merged(shards.clone(), 10), all);
        let first = Listed {
            ids: vec![id(9), id(7)],
            ends: false,
        };
        assert_eq!(merged(shards, 2), first);
        assert_eq!(
            merged(Vec::new(), 2),
            Listed {
                ids: Vec::new(),
                ends: true
            }
        );
    }

    #[test]
    fn nothing_is_skipped_where_a_part_goes_on() {
        // The second part may go on with 6: 5 comes with the next page.
        let shards = vec![(vec![id(9), id(5)], false), (vec![id(8), id(7)], true)];
        let known = Listed {
            ids: vec![id(9), id(8), id(7)],
            ends: false,
        };
        assert_eq!(merged(shards, 10), known);
    }
}
