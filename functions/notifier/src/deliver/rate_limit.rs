//! Rate limits of a channel: a sliding window that is never exceeded, wherever the span begins.

use domain::notification::channels::{Channel, Place, TelegramChat};
use jiff::{SignedDuration, Timestamp};

/// At most `most` messages in a span of length `within`, wherever the span begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    most: usize,
    within: SignedDuration,
}

const ONE_A_SECOND: Limit = Limit {
    most: 1,
    within: SignedDuration::from_secs(1),
};
const TEN_A_SECOND: Limit = Limit {
    most: 10,
    within: SignedDuration::from_secs(1),
};
/// Telegram's limit for a group
/// (<https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this>). The thirty
/// a second of one bot need no limit of their own: channels.json takes at most thirty chats, each
/// of which gets at most one a second.
const TWENTY_A_MINUTE: Limit = Limit {
    most: 20,
    within: SignedDuration::from_secs(60),
};

/// The limits of a channel.
pub fn limits(channel: &Channel) -> Vec<Limit> {
    match &channel.to {
        Place::Telegram(TelegramChat {
            messages_per_minute: Some(most),
            ..
        }) => vec![evenly(*most)],
        Place::Telegram(chat) if chat.chat_id < 0 => vec![ONE_A_SECOND, TWENTY_A_MINUTE],
        // Slack takes one message a second for a channel (<https://docs.slack.dev/apis/web-api/rate-limits>).
        Place::Telegram(_) | Place::Slack(_) => vec![ONE_A_SECOND],
        Place::Webhook(_) => vec![TEN_A_SECOND],
    }
}

/// `most` messages a minute, evenly spaced.
fn evenly(most: u16) -> Limit {
    Limit {
        most: 1,
        within: SignedDuration::from_millis(60_000 / i64::from(most.max(1))),
    }
}

/// Earliest time of the next message: `now` or later. `sent` are the times of the messages before,
/// oldest first.
pub fn free_at(sent: &[Timestamp], limits: &[Limit], now: Timestamp) -> Timestamp {
    let ends = limits.iter().filter_map(|limit| {
        // The message that is `most` sends ago begins a span that is full until it ends.
        let first = sent
            .len()
            .checked_sub(limit.most)
            .and_then(|place| sent.get(place))?;
        Some(*first + limit.within)
    });
    // The clock of the previous worker may have been ahead of this one's.
    ends.chain(sent.last().copied())
        .chain([now])
        .max()
        .unwrap_or(now)
}

/// Takes a slot for one message now. Returns the times of the sent messages, as many as the limits
/// look back.
///
/// # Errors
/// The time of the next slot, if there is none now.
pub fn take(
    sent: &[Timestamp],
    limits: &[Limit],
    now: Timestamp,
) -> Result<Vec<Timestamp>, Timestamp> {
    let at = free_at(sent, limits, now);
    if at > now {
        return Err(at);
    }
    let kept = limits
        .iter()
        .map(|limit| limit.most)
        .max()
        .unwrap_or_default();
    let first = (sent.len() + 1).saturating_sub(kept);
    Ok(sent.iter().copied().chain([now]).skip(first).collect())
}

/// Moves the time of the last message to that of its answer. The channel counts a message from its
/// arrival, which may be much later than its sending, and is not later than the answer: counted
/// from the sending, the next message would come too early.
pub fn answered(sent: &mut [Timestamp], now: Timestamp) {
    if let Some(last) = sent.last_mut() {
        *last = now.max(*last);
    }
}

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, Timestamp};
    use proptest::prelude::{Just, any, prop_assert, prop_oneof, proptest};

    use super::{Limit, ONE_A_SECOND, TEN_A_SECOND, TWENTY_A_MINUTE, answered, free_at, take};

    fn at(milliseconds: i64) -> Timestamp {
        Timestamp::from_millisecond(milliseconds).expect("a time")
    }

    /// Sends whenever it may, asking at these times or, where `waits`, as soon as it is told to.
    fn sent(limits: &[Limit], steps: &[(i64, bool)]) -> Vec<Timestamp> {
        let (mut state, mut all, mut now) = (Vec::new(), Vec::new(), at(0));
        for (step, waits) in steps {
            now += SignedDuration::from_millis(*step);
            if *waits {
                now = free_at(&state, limits, now);
            }
            if let Ok(next) = take(&state, limits, now) {
                state = next;
                all.push(now);
            }
        }
        all
    }

    fn most_within(sent: &[Timestamp], span: SignedDuration) -> usize {
        sent.iter()
            .map(|begin| {
                sent.iter()
                    .filter(|at| **at >= *begin && **at < *begin + span)
                    .count()
            })
            .max()
            .unwrap_or_default()
    }

    proptest! {
        #[test]
        fn no_span_holds_more_than_its_limit(steps in proptest::collection::vec((prop_oneof![0..50_i64, 0..5_000_i64, -500..500_i64, Just(60_000)], any::<bool>()), 0..200)) {
            for limits in [&[ONE_A_SECOND, TWENTY_A_MINUTE][..], &[ONE_A_SECOND], &[TEN_A_SECOND]] {
                let sent = sent(limits, &steps);
                prop_assert!(sent.is_sorted(), "a clock that goes back sends nothing before what was sent");
                for limit in limits {
                    prop_assert!(most_within(&sent, limit.within) <= limit.most);
                }
            }
        }

        #[test]
        fn rate_holds_in_every_span_whatever_the_latency(ways in proptest::collection::vec((0..3_000_i64, 0..3_000_i64), 1..100)) {
            let limits = [ONE_A_SECOND, TWENTY_A_MINUTE];
            let (mut state, mut came, mut now) = (Vec::new(), Vec::new(), at(0));
            for (there, back) in ways {
                now = free_at(&state, &limits, now);
                state = take(&state, &limits, now).expect("it is free");
                came.push(now + SignedDuration::from_millis(there));
                now += SignedDuration::from_millis(there + back);
                answered(&mut state, now);
            }
            for limit in limits {
                prop_assert!(most_within(&came, limit.within) <= limit.most);
            }
        }

        #[test]
        fn what_it_says_when_to_come_is_true_and_not_later_than_needed(steps in proptest::collection::vec(0..3_000_i64, 1..100)) {
            let limits = [ONE_A_SECOND, TWENTY_A_MINUTE];
            let (mut state, mut now) = (Vec::new(), at(0));
            for step in steps {
                now += SignedDuration::from_millis(step);
                match take(&state, &limits, now) {
                    Ok(next) => state = next,
                    Err(when) => {
                        prop_assert!(take(&state, &limits, when).is_ok() && take(&state, &limits, when - SignedDuration::from_millis(1)).is_err());
                    }
                }
            }
        }
    }

    #[test]
    fn twenty_go_one_a_second_and_the_next_waits_for_the_minute() {
        let all = sent(&[ONE_A_SECOND, TWENTY_A_MINUTE], &[(0, true); 21]);
        assert_eq!((all[19], all[20]), (at(19_000), at(60_000)));
    }
}
