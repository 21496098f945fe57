//! Stored kill switch: one item, and repairs are off while it exists.

use jiff::Timestamp;

use super::attributes::{Item, Reader, text};
use super::ledger::key;
use super::{Store, StoreError, failed};
use domain::policy::kill_switch::SwitchedOff;

impl Store {
    /// True if repairs are switched off: the item `SWITCH#REPAIRS` / `KILL` exists, with any
    /// content.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn killed(&self) -> Result<bool, StoreError> {
        Ok(self.kill_switch().await?.is_some())
    }

    /// The contents of the kill switch's item, if it exists. Unreadable fields are left out: the
    /// switch is on all the same.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn kill_switch(&self) -> Result<Option<SwitchedOff>, StoreError> {
        let Some(item) = self.item(switch()).await? else {
            return Ok(None);
        };
        let reader = Reader::new(&item);
        let said = |name| reader.optional_text(name);
        let (by, why) = (
            said("by").map(str::to_owned),
            said("why").map(str::to_owned),
        );
        let at = said("at").and_then(|at| at.parse::<Timestamp>().ok());
        Ok(Some(SwitchedOff { by, why, at }))
    }

    /// Switches repairs off, with who did it and why; nothing switches them on again.
    ///
    /// # Errors
    /// If the table does not answer; whether it did is unknown then.
    pub async fn switch_repairs(&self, off: Option<&SwitchedOff>) -> Result<(), StoreError> {
        let Some(SwitchedOff { by, why, at }) = off else {
            let request = self
                .client
                .delete_item()
                .table_name(&self.table)
                .set_key(Some(switch()));
            return request
                .send()
                .await
                .map(drop)
                .map_err(|error| failed(&error));
        };
        let mut item = switch();
        let said = [
            ("by", by.clone()),
            ("why", why.clone()),
            ("at", at.map(|at| at.to_string())),
        ];
        item.extend(
            said.into_iter()
                .filter_map(|(name, value)| Some((name.to_owned(), text(value?)))),
        );
        let request = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item));
        request
            .send()
            .await
            .map(drop)
            .map_err(|error| failed(&error))
    }
}

fn switch() -> Item {
    key("SWITCH#REPAIRS", "KILL")
}
