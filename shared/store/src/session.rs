//! Sessions of the console in the control table. Ingress writes and ends them, and `signin` writes those that were begun at the identity
//! provider; ingress and the console read them.

use domain::notification::session::{AT_PROVIDER, Session};
use jiff::{SignedDuration, Timestamp};

use super::StoreError;
use super::attributes::{Reader, json, seconds};
use super::control::ControlTable;
use super::keys;
use super::request::{all_pages, delete, put};

/// How long a session that is over is known.
const KEPT_AFTER: SignedDuration = SignedDuration::from_hours(30 * 24);
/// How long it is known that an answer was used: longer than a browser's cookie for it is taken.
const CAME_BACK_KEPT_FOR: SignedDuration = SignedDuration::from_hours(1);

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

    /// Notes that the identity provider's answer with the `state` of this digest is used. False if it was used before.
    ///
    /// # Errors
    /// If the table does not answer; whether it is noted is unknown then.
    pub async fn comes_back(&self, state_digest: &str, now: Timestamp) -> Result<bool, StoreError> {
        let fields = [("expires_at", seconds(now + CAME_BACK_KEPT_FOR))];
        let item = keys::came_back(state_digest).item(fields);
        let once = put(item).condition_expression("attribute_not_exists(pk)");
        Ok(self.0.put(once).await?.is_done())
    }

    /// The sessions of a person that were begun at the identity provider, the oldest first. Operators alone may list them.
    ///
    /// # Errors
    /// If the table does not answer or an item is not a session.
    pub async fn provider_sessions_of(&self, person: &str) -> Result<Vec<Session>, StoreError> {
        let first = keys::session(AT_PROVIDER, "");
        let items = all_pages(self.0.query_prefix(first.pk, &first.sk)).await?;
        let sessions = items.iter().map(|item| Reader::new(item).json("doc"));
        let sessions: Vec<Session> = sessions.collect::<Result<_, _>>()?;
        let is_theirs = |session: &Session| {
            let grant = session.grant.as_ref();
            grant.is_some_and(|grant| grant.person == person)
        };
        Ok(sessions.into_iter().filter(is_theirs).collect())
    }

    /// Deletes the sessions of a person that were begun at the identity provider, which name the person, and says how many there were.
    /// Operators alone may.
    ///
    /// # Errors
    /// If the table does not answer or an item is not a session.
    pub async fn delete_provider_sessions_of(&self, person: &str) -> Result<usize, StoreError> {
        let theirs = self.provider_sessions_of(person).await?;
        for session in &theirs {
            let key = keys::session(&session.token, &session.id);
            self.0.delete(delete(key)).await?;
        }
        Ok(theirs.len())
    }
}
