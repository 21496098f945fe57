//! The kill switch in the control table: one item, and repairs are off while it exists.

use jiff::Timestamp;

use super::StoreError;
use super::attributes::{Reader, text};
use super::control::ControlTable;
use super::keys;
use super::request::{delete, put};
use domain::policy::kill_switch::SwitchedOff;

impl ControlTable {
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
        let Some(item) = self.0.get(keys::kill_switch()).await? else {
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
            return self.0.delete(delete(keys::kill_switch())).await.map(drop);
        };
        let at = at.map(|at| at.to_string());
        let said = [("by", by), ("why", why), ("at", &at)];
        let said = said.map(|(name, value)| Some((name, text(value.as_ref()?))));
        let item = keys::kill_switch().item(said.into_iter().flatten());
        self.0.put(put(item)).await.map(drop)
    }
}
