//! Stored counts of named causes: how often the causes that findings name were right and wrong.

use aws_sdk_dynamodb::types::builders::UpdateBuilder;

use super::attributes::{Reader, number};
use super::keys;
use super::request::update;
use super::{Store, StoreError};
use domain::analysis::named_cause::{NamedCause, OutcomeCounts};
use domain::incident::cause_outcome::OutcomeChange;

impl Store {
    /// How often claims like this one were right and wrong. One of which nothing is counted yet has no item.
    ///
    /// # Errors
    /// If the table does not answer or the item cannot be read.
    pub async fn cause_counts(&self, named: &NamedCause) -> Result<OutcomeCounts, StoreError> {
        let Some(item) = self.get(keys::named_cause(named)).await? else {
            return Ok(OutcomeCounts::default());
        };
        let reader = Reader::new(&item);
        Ok(OutcomeCounts {
            right: reader.number("was_right")?,
            wrong: reader.number("was_wrong")?,
        })
    }
}

/// Counts the outcome of a named cause; written in one transaction with the incident that shows it, so that it counts once.
pub(super) fn counted(change: &OutcomeChange) -> UpdateBuilder {
    update(
        keys::named_cause(&change.named_cause),
        "ADD was_right :right, was_wrong :wrong",
    )
    .expression_attribute_values(":right", number(change.right))
    .expression_attribute_values(":wrong", number(change.wrong))
}
