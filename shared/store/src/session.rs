//! Sessions of the console in the control table. Ingress writes and ends them; ingress and the console read them.

use domain::notification::session::Session;
use jiff::{SignedDuration, Timestamp};

use super::StoreError;
use super::attributes::{Reader, json, seconds};
use super::control::ControlTable;
use super::keys;
use super::request::put;

/// How long a session that is over is known.
const KEPT_AFTER: SignedDuration = SignedDuration::from_hours(30 * 24);

impl ControlTable {
    /// The session with this id, begun with this token.
    ///
    /// # Errors
    /// If the table does not answer or the item is not a session.
    pub async fn session(&self, token: &str, id: &str) -> Result<Option<Session>, StoreError> {
        let item = self.0.get(keys::session(token, id)).await?;
        item.map(|item| Reader::new(&item).json("doc")).transpose()
    }

    /// Writes a session, over the one with its id.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn save_session(&self, session: &Session) -> Result<(), StoreError> {
        let fields = [
            ("doc", json(session)?),
            ("expires_at", seconds(session.expires_at + KEPT_AFTER)),
        ];
        let item = keys::session(&session.token, &session.id).item(fields);
        self.0.put(put(item)).await.map(drop)
    }

    /// Ends a session.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn end_session(&self, session: Session, now: Timestamp) -> Result<(), StoreError> {
        let ended = Session {
            ended_at: session.ended_at.or(Some(now)),
            ..session
        };
        self.save_session(&ended).await
    }
}
