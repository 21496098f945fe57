//! Delivery loop of one channel: sends what is due, one worker at a time, the most urgent first,
//! within the channel's rate.
//!
//! An item leaves the outbox only after it was sent and recorded. A worker that dies leaves its
//! message on the queue; it comes back with the visibility timeout, and its next worker finds the
//! rest still due. So does the next event in the channel.

use domain::primitives::time::Clock;
use std::time::{Duration, Instant};

use aws::Chain;
use aws::queue::Queue;
use domain::incident::Incident;
use domain::notification::channels::{Channel, Channels, Place, Updates};
use domain::notification::outbox::{ChannelState, Due, Subject};
use domain::primitives::digest::Digest;
use jiff::{SignedDuration, Timestamp};
use store::{CardOf, ChannelLease, Store, StoreError};
use tracing::{error, info, warn};
use wire::message::Message;

use crate::app::Failure;
use crate::channel::{Audience, ChannelDeps, ChannelError, Sender};
use crate::deliver::policy::{AfterError, Next, next, record_error, short_wait, wake_in};
use crate::deliver::rate_limit::{answered, limits, take};
use crate::render::presenter::{Presented, Presenter};

/// Time limit of one turn: longer than the function runs.
const TURN: SignedDuration = SignedDuration::from_secs(40);
/// Rounds of one worker because of marks that others left, before a new message continues.
const ROUNDS: u32 = 10;
/// Nothing is sent with less time left: a call may take this long, and its result has to be saved.
const A_CALL: Duration = Duration::from_secs(9);
/// Delay before an unreadable item is tried again.
const UNREADABLE: SignedDuration = SignedDuration::from_mins(15);

/// A message below a card, or alone, that the channel has.
pub(crate) struct Told {
    pub(crate) message_id: String,
    /// True if it may be there twice: it is unknown whether an earlier try arrived.
    pub(crate) again: bool,
}

/// A worker in one channel.
pub(crate) struct ChannelWorker<'a> {
    pub(crate) store: &'a Store,
    pub(crate) notifications: &'a Queue,
    pub(crate) outside: &'a ChannelDeps,
    pub(crate) channels: &'a Channels,
    pub(crate) channel: &'a Channel,
    pub(crate) presenter: Presenter<'a>,
    pub(crate) holder: &'a str,
    pub(crate) clock: Clock<'a>,
    pub(crate) until: Instant,
}

impl ChannelWorker<'_> {
    /// Sends what is due, as far as the time and the channel allow; a message on the queue
    /// continues with the rest.
    pub(crate) async fn run(&self) -> Result<(), Failure> {
        let name = &self.channel.name;
        for _ in 0..ROUNDS {
            let mut state = match self
                .store
                .take_channel(name, self.holder, (self.clock)(), TURN)
                .await?
            {
                // A mark was left: the holder of the turn reads the outbox again before it gives
                // the turn back.
                ChannelLease::Theirs => return Ok(()),
                ChannelLease::Mine(state) => state,
            };
            let before = state.clone();
            if let Err(failure) = self.round(&mut state).await {
                // The caller has the message come again, with or without marks. A turn that is not
                // given back expires.
                let given = self.store.give_channel_back(name, self.holder, None, true);
                let _ = given.await;
                return Err(failure);
            }
            let changed = (state != before).then_some(&state);
            if self
                .store
                .give_channel_back(name, self.holder, changed, false)
                .await?
            {
                return Ok(());
            }
            // The next round begins with what is in the table.
            if changed.is_some() {
                self.note(&state).await?;
            }
            if self.time_left().is_zero() {
                break;
            }
        }
        // Others left marks, and there is no time for another round: a new message continues.
        self.requeue(1).await?;
        self.store
            .give_channel_back(name, self.holder, None, true)
            .await?;
        Ok(())
    }

    /// Sends one item after the other, until nothing is due or a longer wait is needed. The caller saves the state.
    async fn round(&self, state: &mut ChannelState) -> Result<(), Failure> {
        let wait = self.tell_what_is_due(state).await?;
        if let Some(seconds) = wait.and_then(|at| wake_in(state, at, (self.clock)())) {
            // Sent before it is saved: a message too many finds nothing to do, one too few would
            // leave the channel waiting.
            self.requeue(seconds).await?;
            state.wake_at = Some((self.clock)() + SignedDuration::from_secs(seconds.into()));
        }
        Ok(())
    }

    async fn tell_what_is_due(
        &self,
        state: &mut ChannelState,
    ) -> Result<Option<Timestamp>, Failure> {
        let limits = &limits(self.channel, self.channels);
        loop {
            let now = (self.clock)();
            let due = self.store.due(&self.channel.name, now).await?;
            match next(state, &due, limits, now) {
                Next::Nothing => return Ok(None),
                Next::Wait(at) => match short_wait(at, now, self.time_left()) {
                    Some(short_wait) => tokio::time::sleep(short_wait).await,
                    None => return Ok(Some(at)),
                },
                Next::Tell(_) if self.time_left().is_zero() => return Ok(Some(now)),
                Next::Tell(due) => self.tell(state, due.clone()).await?,
            }
        }
    }

    async fn tell(&self, state: &mut ChannelState, mut due: Due) -> Result<(), Failure> {
        // A service that pages has people, escalations and words of its own. That others are not told is news there too.
        let pages = self.channel.to.updates() == Updates::Progress;
        if pages && !matches!(due.subject, Subject::Incident(_) | Subject::Trouble(..)) {
            return Ok(self.store.told(&self.channel.name, &due).await?);
        }
        let told = match due.subject.clone() {
            Subject::Incident(id) => Box::pin(self.incident(state, &mut due, &id)).await,
            Subject::PipelineRun(id) => Box::pin(self.pipeline_run(state, &mut due, &id)).await,
            Subject::Budget(day) => match self.store.spending(day).await {
                Ok(spending) => {
                    let notice = self.presenter.budget(day, &spending);
                    self.card(state, &mut due, CardOf::Budget(day), notice, None)
                        .await
                }
                Err(error) => Err(error.into()),
            },
            Subject::Escalation(approval) => self.escalation(state, &mut due, &approval).await,
            Subject::Notice(id) => Box::pin(self.notices(state, &mut due, &id)).await,
            Subject::Chart(id) => Box::pin(self.chart(state, &mut due, &id)).await,
            Subject::PipelineRunNotice(id) => {
                Box::pin(self.pipeline_run_notices(state, &mut due, &id)).await
            }
            Subject::Trouble(trouble, _) => self.trouble(state, &mut due, &trouble).await,
            Subject::More {
                what,
                incident_id,
                press,
            } => self.more(state, &mut due, what, &incident_id, &press).await,
        };
        match told {
            Err(Failure::Store(
                error @ (StoreError::Missing { .. } | StoreError::Unreadable { .. }),
            )) => {
                error!(channel = self.channel.name, due = due.key, error = %Chain(&error), "what is due cannot be read: the others go on");
                // One broken item must not block the others of the channel.
                due.not_before = Some((self.clock)() + UNREADABLE);
                Ok(self.store.note_due(&self.channel.name, &due).await?)
            }
            told => told,
        }
    }

    /// Sends a message below a card, or alone, as far as the rate allows: nothing while the item stays due.
    ///
    /// Its key is noted before the call. If the worker dies between the call and the receipt, or the channel does not answer, the next try
    /// looks for the message first; where nothing can be asked, it may come twice, and the log says so.
    pub(crate) async fn reply(
        &self,
        state: &mut ChannelState,
        due: &mut Due,
        (key, presented): (String, Presented),
        incident: Option<&Incident>,
        (under, audience): (Option<&str>, Audience),
    ) -> Result<Option<Told>, Failure> {
        let may_be_there = state.sending.contains(&key);
        if may_be_there {
            match self.sender(state).find(&key).await {
                Ok(Some(message_id)) => {
                    state.sent(&key);
                    let again = false;
                    return Ok(Some(Told { message_id, again }));
                }
                Ok(None) => {}
                Err(error) => return self.channel_error(state, due, error).await.map(|()| None),
            }
        }
        if !self.allowed_to_send(state, &key).await? {
            return Ok(None);
        }
        let again = may_be_there && self.repeats(state, due);
        let post = self.post(key.clone(), presented, due, incident);
        match self.sender(state).reply(under, &post, audience).await {
            Ok(message_id) => {
                taken(state, (self.clock)());
                // Saved with what comes next: until there is a receipt, a worker that takes over has to know of it.
                state.sent(&key);
                Ok(Some(Told { message_id, again }))
            }
            Err(error) => {
                let error = error.of_a_new_message();
                // Without an answer it may have arrived.
                if !matches!(error, ChannelError::Unreachable(_)) {
                    state.sent(&key);
                }
                self.channel_error(state, due, error).await.map(|()| None)
            }
        }
    }

    /// True if something that may have arrived, and cannot be looked for, may arrive a second time.
    pub(super) fn repeats(&self, state: &ChannelState, due: &Due) -> bool {
        let again = self.sender(state).repeats();
        if again {
            warn!(
                channel = self.channel.name,
                due = due.key,
                "it is unknown whether the message arrived: it is sent again"
            );
        }
        again
    }

    /// Takes a slot of the rate limit for one message. It is saved before the call, so that the
    /// rate also holds if the worker dies after it.
    pub(crate) async fn allowed(&self, state: &mut ChannelState) -> Result<bool, Failure> {
        if !self.takes_slot(state) {
            return Ok(false);
        }
        self.note(state).await?;
        Ok(true)
    }

    /// The same for a message of this key, which is noted with it.
    async fn allowed_to_send(&self, state: &mut ChannelState, key: &str) -> Result<bool, Failure> {
        if !self.takes_slot(state) {
            return Ok(false);
        }
        state.sends(key);
        self.note(state).await?;
        Ok(true)
    }

    fn takes_slot(&self, state: &mut ChannelState) -> bool {
        let limits = limits(self.channel, self.channels);
        let Ok(sent_at) = take(&state.sent_at, &limits, (self.clock)()) else {
            return false;
        };
        state.sent_at = sent_at;
        true
    }

    /// Records a fault: the item stays due, and the channel goes on when it can.
    pub(crate) async fn channel_error(
        &self,
        state: &mut ChannelState,
        due: &mut Due,
        error: ChannelError,
    ) -> Result<(), Failure> {
        let (channel, before) = (&self.channel.name, due.clone());
        // A refused message may count against the channel's limits too.
        answered(&mut state.sent_at, (self.clock)());
        let configured = match &self.channel.to {
            Place::Telegram(chat) => Some(chat.chat_id),
            _ => None,
        };
        let after = record_error(state, due, &error, configured, (self.clock)());
        let until = state
            .blocked_until
            .filter(|_| after == AfterError::Waits)
            .map(|at| at.to_string());
        match &error {
            ChannelError::Busy { .. } => {
                info!(channel, until, "the channel wants fewer messages: {error}")
            }
            ChannelError::Unreachable(_) => {
                warn!(channel, until, "the channel cannot be reached: {error}")
            }
            ChannelError::Gone => warn!(
                channel,
                due = due.key,
                "the card was deleted or is too old to be edited: a new one is sent"
            ),
            ChannelError::Moved { chat_id } => {
                warn!(
                    channel,
                    chat_id,
                    "the chat has another id now, which is used from here on: write it into channels.json"
                );
            }
            ChannelError::Markup(_) => error!(channel, due = due.key, "{error}"),
            ChannelError::Refused { .. } => error!(
                channel,
                due = due.key,
                until,
                "the channel refuses what is due: {error}"
            ),
        }
        if *due != before {
            self.store.note_due(channel, due).await?;
        }
        self.note(state).await?;
        self.note_trouble(state, &error).await
    }

    /// A key for a post in this channel.
    pub(crate) fn key(&self, fields: &[&str]) -> String {
        fields
            .iter()
            .fold(Digest::new().field(&self.channel.name), |digest, field| {
                digest.field(field)
            })
            .hex()
    }

    pub(crate) fn sender(&self, state: &ChannelState) -> Sender<'_> {
        Sender::of(self.channel, self.outside, state.moved, (self.clock)())
    }

    async fn note(&self, state: &ChannelState) -> Result<(), Failure> {
        Ok(self
            .store
            .note_channel(&self.channel.name, self.holder, state)
            .await?)
    }

    async fn requeue(&self, seconds: i32) -> Result<(), Failure> {
        let message = Message::ChannelTimer {
            channel: self.channel.name.clone(),
        };
        Ok(self
            .notifications
            .send_later(&message, seconds)
            .await
            .map(drop)?)
    }

    /// Time in which another call may still begin.
    fn time_left(&self) -> Duration {
        self.until
            .saturating_duration_since(Instant::now())
            .saturating_sub(A_CALL)
    }
}

/// Resets the failures of a channel that has accepted a message.
pub(crate) fn taken(state: &mut ChannelState, now: Timestamp) {
    answered(&mut state.sent_at, now);
    state.failures = 0;
    state.unreachable_since = None;
    state.blocked_until = None;
}
