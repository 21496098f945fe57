//! Tokens of people in the control table. Operators make and end them; ingress reads the one that it
//! is shown.

use domain::notification::person_token::PersonToken;
use jiff::SignedDuration;

use super::StoreError;
use super::attributes::{Reader, json, seconds};
use super::control::ControlTable;
use super::keys;
use super::request::{all_pages, delete, put};

/// How long a token that is accepted no more is known: people ask whose it was.
const KEPT_AFTER: SignedDuration = SignedDuration::from_hours(400 * 24);

impl ControlTable {
    /// The token with this id.
    ///
    /// # Errors
    /// If the table does not answer or the item is not a token.
    pub async fn person_token(&self, id: &str) -> Result<Option<PersonToken>, StoreError> {
        let item = self.0.get(keys::person_token(id)).await?;
        item.map(|item| Reader::new(&item).json("doc")).transpose()
    }

    /// Every token, the oldest first.
    ///
    /// # Errors
    /// If the table does not answer or an item is not a token.
    pub async fn person_tokens(&self) -> Result<Vec<PersonToken>, StoreError> {
        let first = keys::person_token("");
        let items = all_pages(self.0.query_prefix(first.pk, &first.sk)).await?;
        let tokens = items.iter().map(|item| Reader::new(item).json("doc"));
        tokens.collect()
    }

    /// Deletes every token of a person, and says how many there were: nothing is left to look up. Operators
    /// alone may.
    ///
    /// # Errors
    /// If the table does not answer or an item is not a token.
    pub async fn delete_tokens_of(&self, person: &str) -> Result<usize, StoreError> {
        let tokens = self.person_tokens().await?;
        let theirs: Vec<_> = tokens
            .iter()
            .filter(|token| token.person == person)
            .collect();
        for token in &theirs {
            self.0.delete(delete(keys::person_token(&token.id))).await?;
        }
        Ok(theirs.len())
    }

    /// Writes a token, over the one with its id.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn save_person_token(&self, token: &PersonToken) -> Result<(), StoreError> {
        let fields = [
            ("doc", json(token)?),
            ("expires_at", seconds(token.expires_at + KEPT_AFTER)),
        ];
        let item = keys::person_token(&token.id).item(fields);
        self.0.put(put(item)).await.map(drop)
    }
}
