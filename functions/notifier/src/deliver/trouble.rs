//! Troubles that keep people from being told, or from deciding: each is an `error` line, a metric, and, once a day, a message in every channel that works.

use aws::metrics::MetricsLine;
use domain::incident::{Incident, Status};
use domain::notification::channels::Channel;
use domain::notification::outbox::{ChannelState, Due, Rank, Subject, Trouble};
use domain::primitives::time::Clock;
use domain::primitives::time::utc_day;
use domain::transition::decision::quorum::without_approver;
use jiff::{SignedDuration, Timestamp};
use store::Receipt;
use tracing::error;
use wire::message::Message;

use crate::app::{App, Failure};
use crate::channel::{Audience, ChannelError};
use crate::deliver::worker::ChannelWorker;

/// After how many refusals in a row the other channels are told: one alone may be about one message.
const REFUSALS: u32 = 3;
/// After how long out of reach: a shorter outage ends by itself.
const UNREACHABLE_FOR: SignedDuration = SignedDuration::from_mins(30);

/// What the other channels are told of an error that this one goes on to have.
fn trouble_of(
    channel: &str,
    state: &ChannelState,
    error: &ChannelError,
    now: Timestamp,
) -> Option<Trouble> {
    let long = |since: Timestamp| now.duration_since(since) >= UNREACHABLE_FOR;
    match error {
        ChannelError::Refused { .. } => {
            (state.failures >= REFUSALS).then(|| Trouble::ChannelRefuses(channel.to_owned()))
        }
        ChannelError::Unreachable(_) => state
            .unreachable_since
            .is_some_and(long)
            .then(|| Trouble::ChannelUnreachable(channel.to_owned())),
        _ => None,
    }
}

impl ChannelWorker<'_> {
    /// Tells the other channels that this one refuses, or cannot be reached, once it has been so for a while.
    pub(super) async fn note_trouble(
        &self,
        state: &ChannelState,
        error: &ChannelError,
    ) -> Result<(), Failure> {
        let (name, now) = (&self.channel.name, (self.clock)());
        let trouble = trouble_of(name, state, error, now);
        let metric = match (error, &trouble) {
            (ChannelError::Refused { .. }, _) => "channel_refused",
            (_, Some(_)) => {
                error!(
                    channel = name,
                    since = state.unreachable_since.map(|since| since.to_string()),
                    "the channel cannot be reached for a long time: {error}"
                );
                "channel_unreachable"
            }
            (_, None) => return Ok(()),
        };
        let mut line = MetricsLine::new("channel_kind", self.channel.to.kind());
        line.metric(metric, 1, "Count");
        line.field("channel", name);
        line.write(now);
        // The message is sent once a day, however often this says so.
        let Some(trouble) = trouble else {
            return Ok(());
        };
        let subject = Subject::Trouble(trouble, utc_day(now));
        let others = self.channels.channels.iter();
        for other in others.filter(|other| other.name != *name) {
            self.store
                .put_due(&other.name, Rank::NOTICE, &subject, now)
                .await?;
            let message = Message::ChannelTimer {
                channel: other.name.clone(),
            };
            self.notifications.send(&message).await?;
        }
        Ok(())
    }

    /// Sends the message of a trouble, once.
    pub(super) async fn trouble(
        &self,
        state: &mut ChannelState,
        due: &mut Due,
        trouble: &Trouble,
    ) -> Result<(), Failure> {
        let presented = self.presenter.trouble(trouble);
        let key = self.key(&[presented.about, &due.subject.to_string()]);
        if self.store.receipt(&key).await? == Receipt::Closed {
            return Ok(self.store.told(&self.channel.name, due).await?);
        }
        let post = (key.clone(), presented);
        let alone = (None, Audience::Everybody);
        let sent = self.reply(state, due, post, None, alone).await?;
        if sent.is_some() {
            self.store.close_receipt(&key, (self.clock)()).await?;
            self.store.told(&self.channel.name, due).await?;
        }
        Ok(())
    }
}

impl App {
    /// Says that an incident needs people and no route leads to any: the channels that have to tell it.
    pub(crate) async fn without_route(
        &self,
        incident: &Incident,
        clock: Clock<'_>,
    ) -> Result<Vec<&Channel>, Failure> {
        if !needs_people(incident) {
            return Ok(Vec::new());
        }
        let now = clock();
        error!(
            incident_id = %incident.id, severity = ?incident.severity,
            "an incident needs people, and no route of channels.json leads to a channel"
        );
        let mut line = MetricsLine::new("status", incident.status.as_str());
        line.metric("without_route", 1, "Count");
        line.write(now);
        self.tell_everywhere(Trouble::NoRoute, clock).await
    }

    /// Says that a plan waits that can never be approved: the channels that have to tell it.
    pub(crate) async fn without_approver(
        &self,
        incident: &Incident,
        clock: Clock<'_>,
    ) -> Result<Vec<&Channel>, Failure> {
        let now = clock();
        let Some(why) = without_approver(&self.channels, incident, now) else {
            return Ok(Vec::new());
        };
        let service = incident.plan.as_ref().map(|plan| plan.target.as_str());
        error!(
            incident_id = %incident.id, severity = ?incident.severity, service, why = why.as_str(),
            "a plan waits that can never be approved by the approval rules of channels.json"
        );
        let mut line = MetricsLine::new("status", incident.status.as_str());
        line.metric("without_approver", 1, "Count");
        line.write(now);
        self.tell_everywhere(Trouble::NoApprover, clock).await
    }

    /// Puts a trouble into the outboxes of all channels: those that have to deliver it.
    async fn tell_everywhere(
        &self,
        trouble: Trouble,
        clock: Clock<'_>,
    ) -> Result<Vec<&Channel>, Failure> {
        let channels: Vec<&Channel> = self.channels.channels.iter().collect();
        let subject = Subject::Trouble(trouble, utc_day(clock()));
        self.put(&channels, Rank::NOTICE, &subject, clock).await?;
        Ok(channels)
    }
}

fn needs_people(incident: &Incident) -> bool {
    matches!(
        incident.status,
        Status::AwaitingApproval | Status::NeedsHuman | Status::RepairFailed
    )
}

#[cfg(test)]
mod tests {
    use domain::notification::outbox::{ChannelState, Trouble};
    use jiff::{SignedDuration, Timestamp};

    use super::trouble_of;
    use crate::channel::ChannelError;

    #[test]
    fn a_channel_is_a_trouble_once_it_goes_on() {
        let refused = ChannelError::Refused {
            status: 0,
            why: "the secret s has no value yet".to_owned(),
        };
        let unreachable = ChannelError::Unreachable("down".to_owned());
        let busy = ChannelError::Busy { seconds: 30 };
        let (refuses, is_away) = (
            Trouble::ChannelRefuses("ops".to_owned()),
            Trouble::ChannelUnreachable("ops".to_owned()),
        );
        for (error, failures, minutes, expected) in [
            (&refused, 2, None, None),
            (&refused, 3, None, Some(&refuses)),
            (&unreachable, 9, Some(29), None),
            (&unreachable, 1, Some(30), Some(&is_away)),
            (&busy, 9, None, None),
        ] {
            let now = Timestamp::UNIX_EPOCH + SignedDuration::from_hours(1);
            let state = ChannelState {
                failures,
                unreachable_since: minutes.map(|minutes| now - SignedDuration::from_mins(minutes)),
                ..ChannelState::default()
            };
            let trouble = trouble_of("ops", &state, error, now);
            assert_eq!(trouble.as_ref(), expected, "{error:?} {minutes:?}");
        }
    }
}
