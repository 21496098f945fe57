//! Delivery policy of a channel: the next action, from the channel's state, its outbox and the
//! time.

use std::time::Duration;

use domain::analysis::Severity;
use domain::notification::channels::Updates;
use domain::notification::outbox::{ChannelState, Due, LiveCard, Moved, Sending, Shown, Subject};
use domain::notification::progress::Progress;
use jiff::{SignedDuration, Timestamp};

use crate::channel::ChannelError;
use crate::channel::pagerduty::actions;
use crate::deliver::rate_limit::{Limit, free_at};

/// Shortest interval between edits of a card for nothing but a higher count of alerts.
const COUNTS_EVERY: SignedDuration = SignedDuration::from_secs(30);
/// The wait after the first failure in a row; each wait is twice the one before.
const FIRST_WAIT: SignedDuration = SignedDuration::from_secs(5);
/// The longest wait of a channel that cannot be reached.
const LONGEST_WAIT: SignedDuration = SignedDuration::from_secs(300);
/// The longest wait of a channel that refuses: only the operator can change that.
const LONGEST_REFUSAL: SignedDuration = SignedDuration::from_secs(900);
/// The longest that a message can be held back on a queue
/// (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-delay-queues.html>).
const LONGEST_DELAY: SignedDuration = SignedDuration::from_secs(900);
/// A wake-up message is relied on if it comes later than this from now: an earlier one may be under
/// way already.
const RELIED_ON: SignedDuration = SignedDuration::from_secs(2);

/// Next action of a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next<'a> {
    Tell(&'a Due),
    /// Nothing can be sent before this time.
    Wait(Timestamp),
    Nothing,
}

/// The next action: the first item in order that does not wait, once the channel accepts a message.
pub fn next<'a>(
    state: &ChannelState,
    due: &'a [Due],
    limits: &[Limit],
    now: Timestamp,
) -> Next<'a> {
    let Some(ready) = due
        .iter()
        .find(|due| due.not_before.is_none_or(|at| at <= now))
    else {
        return due
            .iter()
            .filter_map(|due| due.not_before)
            .min()
            .map_or(Next::Nothing, Next::Wait);
    };
    let of_charts: Vec<Limit>;
    let limits = if matches!(ready.subject, Subject::Chart(_)) {
        of_charts = limits.iter().map(|limit| limit.halved()).collect();
        of_charts.as_slice()
    } else {
        limits
    };
    let at = free_at(&state.sent_at, limits, now).max(state.blocked_until.unwrap_or(now));
    if at > now {
        Next::Wait(at)
    } else {
        Next::Tell(ready)
    }
}

/// Delay in seconds of the message that wakes a channel waiting until `at`; none if one that was
/// sent already comes early enough.
pub fn wake_in(state: &ChannelState, at: Timestamp, now: Timestamp) -> Option<i32> {
    if state
        .wake_at
        .is_some_and(|wake| wake > now + RELIED_ON && wake <= at + RELIED_ON)
    {
        return None;
    }
    let wait = at.duration_since(now).min(LONGEST_DELAY);
    // Rounded up: a message that comes too early would only have to wait again.
    let seconds = (wait.as_millis() + 999) / 1000;
    i32::try_from(seconds).ok().map(|seconds| seconds.max(1))
}

/// Reaction to a fault of a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AfterError {
    /// The channel waits; the item stays due.
    Waits,
    /// The item is sent in another way at once: without markup, to the chat's new id, on a new
    /// card.
    Differently,
}

/// Records a fault in the channel's state and on the item.
pub fn record_error(
    state: &mut ChannelState,
    due: &mut Due,
    error: &ChannelError,
    configured: Option<i64>,
    now: Timestamp,
) -> AfterError {
    if !matches!(error, ChannelError::Unreachable(_)) {
        state.unreachable_since = None;
    }
    match error {
        ChannelError::Busy { seconds } => {
            // The wait comes from outside, so that it is kept between a second and a day.
            let seconds = i64::try_from(*seconds)
                .unwrap_or(i64::MAX)
                .clamp(1, 24 * 3600);
            state.blocked_until = Some(now + SignedDuration::from_secs(seconds));
            AfterError::Waits
        }
        ChannelError::Moved { chat_id } => {
            // A second move to the same id has changed nothing: the channel counts as refusing.
            let already = state.moved.is_some_and(|moved| moved.now == *chat_id);
            match configured.filter(|_| !already) {
                Some(configured) => {
                    state.moved = Some(Moved {
                        configured,
                        now: *chat_id,
                    });
                    AfterError::Differently
                }
                None => refused(state, due, now),
            }
        }
        ChannelError::Markup(_) if !due.plain => {
            due.plain = true;
            AfterError::Differently
        }
        ChannelError::Gone => AfterError::Differently,
        ChannelError::Markup(_) | ChannelError::Refused { .. } => refused(state, due, now),
        ChannelError::Unreachable(_) => {
            state.unreachable_since.get_or_insert(now);
            state.failures = state.failures.saturating_add(1);
            state.blocked_until = Some(now + wait(state.failures, LONGEST_WAIT));
            AfterError::Waits
        }
    }
}

/// The channel waits, and what it refused waits twice as long: if it is refused for its content,
/// the other items get through.
fn refused(state: &mut ChannelState, due: &mut Due, now: Timestamp) -> AfterError {
    state.failures = state.failures.saturating_add(1);
    due.refused = due.refused.saturating_add(1);
    state.blocked_until = Some(now + wait(state.failures, LONGEST_REFUSAL));
    due.not_before = Some(now + wait(due.refused.saturating_add(1), LONGEST_REFUSAL));
    AfterError::Waits
}

/// The wait after `failures` failures in a row.
fn wait(failures: u32, longest: SignedDuration) -> SignedDuration {
    FIRST_WAIT
        .saturating_mul(1 << failures.saturating_sub(1).min(16))
        .min(longest)
}

/// Next action for a card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeliveryStep<'a> {
    /// It shows this already.
    Nothing,
    /// Only its count is higher: that is worth an edit at this time.
    Later(Timestamp),
    Edit,
    /// A worker died between sending it and saving its id: the channel is asked for it.
    Find(&'a Sending),
    Send,
}

/// The next action that lets a card show `show`.
pub fn step<'a>(card: &'a LiveCard, show: &Shown, now: Timestamp) -> DeliveryStep<'a> {
    if card.message_id.is_none() {
        return card
            .sending
            .as_ref()
            .map_or(DeliveryStep::Send, DeliveryStep::Find);
    }
    match &card.shown {
        Some(shown) if shown.whole == show.whole => DeliveryStep::Nothing,
        Some(shown) if shown.but_count == show.but_count => {
            match card.shown_at.map(|at| at + COUNTS_EVERY) {
                Some(at) if at > now => DeliveryStep::Later(at),
                _ => DeliveryStep::Edit,
            }
        }
        _ => DeliveryStep::Edit,
    }
}

/// True if a channel is told by a call that a card is to show `show`.
pub fn is_told(updates: Updates, card: &LiveCard, show: &Shown) -> bool {
    let known = card.shown.as_ref().and_then(|shown| shown.progress);
    match updates {
        Updates::All => true,
        Updates::End => {
            let ends = known != show.progress && show.progress.is_some_and(Progress::is_over);
            card.message_id.is_none() || ends
        }
        Updates::Progress => !actions(known, show.progress).is_empty(),
    }
}

/// What a channel is taken to know where a first message may have arrived that said `sent`: that from
/// which the events that follow are right, whether it did or not.
pub fn known_if_lost(sent: Progress, now: Progress) -> Option<Progress> {
    match (sent, now) {
        (Progress::InHand, Progress::Waits(_)) => Some(Progress::InHand),
        // What has arrived already changes nothing, and what has not pages.
        (_, Progress::Waits(_)) => None,
        // What has not arrived needs nobody any more.
        (_, _) => Some(Progress::Waits(Severity::P3)),
    }
}

/// A wait until `at` that is short enough to sleep through, if `left` has room for it.
pub fn short_wait(at: Timestamp, now: Timestamp, left: Duration) -> Option<Duration> {
    // A little longer than the second between two messages of one chat.
    const LONGEST_NAP: Duration = Duration::from_millis(1100);
    let wait = Duration::try_from(at.duration_since(now)).unwrap_or_default();
    (wait <= LONGEST_NAP && wait <= left).then_some(wait)
}

#[cfg(test)]
#[path = "policy_tests.rs"]
mod tests;
