//! Follow-up checks of an undecided plan: escalates to the second list of people and up the levels
//! of a team, reminds of it, and expires the approval in the end. Delayed messages trigger the checks, so that nothing runs or costs in
//! between. The outcome of its repair is checked in the same way.

use aws::queue::delay_until;
use domain::incident::Incident;
use domain::incident::approval::{Approval, Reach};
use domain::incident::change::IncidentChange;
use domain::notification::channels::Channels;
use domain::primitives::id::ApprovalId;
use domain::primitives::time::Clock;
use domain::transition::decision::expiry::look_again_at;
use jiff::{SignedDuration, Timestamp};
use store::FollowUp;
use wire::message::Message;

use crate::app::{App, Failure};

/// How late a look may be before another takes its place: its message is lost, or lies among those that failed too often.
const LATE: SignedDuration = SignedDuration::from_mins(30);
/// A look that is due sooner than this from now may be the one that is being made.
const THIS_ONE: SignedDuration = SignedDuration::from_secs(5);

impl App {
    /// Schedules a follow-up check of the incident's approval, if it is undecided. One check is
    /// under way at a time: its message is sent before it is noted, so that after a crash in
    /// between there are two at most.
    ///
    /// # Errors
    /// If the queue or the table does not answer.
    pub(crate) async fn watch(&self, incident: &Incident, now: Timestamp) -> Result<(), Failure> {
        let Some((approval, at)) = waits(&self.channels, incident) else {
            return Ok(());
        };
        // An incident that became P0 or P1 has levels to go up: the check that is under way may come too late for them.
        self.look_no_later(FollowUp::Decision(&approval.id), at, now)
            .await
    }

    /// Sends a look, unless one is under way that is not much later.
    pub(crate) async fn look_no_later(
        &self,
        look: FollowUp<'_>,
        at: Timestamp,
        now: Timestamp,
    ) -> Result<(), Failure> {
        let too_late = |due: Timestamp| at + THIS_ONE < due && now + THIS_ONE < due;
        if self.store.next_look(look).await?.is_some_and(too_late) {
            return self.look_later(look, at, now).await;
        }
        self.look_once(look, at, now).await.map(drop)
    }

    /// Sends a look, unless one is under way. True if it was sent.
    pub(crate) async fn look_once(
        &self,
        look: FollowUp<'_>,
        at: Timestamp,
        now: Timestamp,
    ) -> Result<bool, Failure> {
        if self
            .store
            .next_look(look)
            .await?
            .is_some_and(|due| now < due + LATE)
        {
            return Ok(false);
        }
        self.look_later(look, at, now).await.map(|()| true)
    }

    /// Checks an approval whose time may have come: lets the next people decide too, or makes it
    /// void. As long as it waits, the next check is sent. Returns the incident if more people than
    /// the first have to be notified, at each check of an escalated approval: they are notified once.
    ///
    /// # Errors
    /// If the queue or the table does not answer; looking again changes nothing twice.
    pub async fn decision_due(
        &self,
        id: &ApprovalId,
        clock: Clock<'_>,
    ) -> Result<Option<Incident>, Failure> {
        let Some(incident) = self.store.incident(&id.incident()).await? else {
            return Ok(None);
        };
        let now = clock();
        let (incident, ()) = self
            .store
            .change_loaded(incident, |change| look(change, id, &self.channels, now))
            .await?;
        let Some(approval) = incident
            .approval
            .as_ref()
            .filter(|approval| approval.id == *id)
        else {
            return Ok(None);
        };
        let escalated = approval.reach() != Reach::default();
        // Also if it was not this look that changed it: the one that did may have ended before it sent this.
        self.notifications
            .send(&Message::IncidentChanged {
                incident_id: incident.id.clone(),
            })
            .await?;
        let Some((_, at)) = waits(&self.channels, &incident) else {
            return Ok(None);
        };
        self.look_again(FollowUp::Decision(id), at, now).await?;
        Ok(escalated.then_some(incident))
    }

    /// Sends the look behind the one that is made, unless that has been done.
    pub(crate) async fn look_again(
        &self,
        look: FollowUp<'_>,
        at: Timestamp,
        now: Timestamp,
    ) -> Result<(), Failure> {
        if follows(self.store.next_look(look).await?, now) {
            return Ok(());
        }
        self.look_later(look, at, now).await
    }

    /// Sends a look that comes when it is due, or sooner if that is later than a queue can wait.
    pub(crate) async fn look_later(
        &self,
        look: FollowUp<'_>,
        at: Timestamp,
        now: Timestamp,
    ) -> Result<(), Failure> {
        let seconds = delay_until(at, now);
        let message = match look {
            FollowUp::Decision(approval) => Message::DecisionTimer {
                approval_id: approval.clone(),
            },
            FollowUp::Resolution(approval) => Message::ResolutionTimer {
                approval_id: approval.clone(),
            },
            FollowUp::Episode(incident) => Message::EpisodeTimer {
                incident_id: incident.clone(),
            },
            FollowUp::Attention(incident) => Message::AttentionTimer {
                incident_id: incident.clone(),
            },
            FollowUp::Heartbeat(heartbeat) => Message::HeartbeatTimer {
                heartbeat_id: heartbeat.clone(),
            },
            // It has no message: whoever starts the chain of an incident makes it.
            FollowUp::LostEpisodes => return Ok(()),
        };
        self.notifications.send_later(&message, seconds).await?;
        Ok(self
            .store
            .look_is_due(look, now + SignedDuration::from_secs(i64::from(seconds)))
            .await?)
    }
}

/// True if the look behind this one is on its way already. So a message that comes twice does not begin a second chain, and two chains
/// become one again.
fn follows(due: Option<Timestamp>, now: Timestamp) -> bool {
    due.is_some_and(|due| due > now + THIS_ONE)
}

/// The incident's approval that waits for a decision, and when to look at it.
fn waits<'a>(channels: &Channels, incident: &'a Incident) -> Option<(&'a Approval, Timestamp)> {
    let approval = incident.approval.as_ref()?;
    Some((approval, look_again_at(incident, channels)?))
}

/// What a look does to an incident whose approval is still this one.
fn look(change: &mut IncidentChange, id: &ApprovalId, channels: &Channels, now: Timestamp) {
    if change
        .incident
        .approval
        .as_ref()
        .is_none_or(|approval| approval.id != *id)
        || change.expire(now)
    {
        return;
    }
    // A late check may find the second list and a level due at once.
    while change.escalate(channels, now) {}
    change.remind(now);
}

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, Timestamp};

    use super::follows;

    #[test]
    fn a_look_that_comes_twice_sends_one_look_behind_it() {
        let now = Timestamp::UNIX_EPOCH;
        let in_seconds = |seconds| Some(now + SignedDuration::from_secs(seconds));
        for (due, on_its_way) in [
            (None, false),
            (in_seconds(-60), false),
            (in_seconds(0), false),
            (in_seconds(2), false),
            (in_seconds(900), true),
        ] {
            assert_eq!(follows(due, now), on_its_way, "{due:?}");
        }
    }
}
