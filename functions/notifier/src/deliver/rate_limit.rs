//! Rate limits of a channel: a sliding window that is never exceeded, wherever the span begins.

use domain::notification::channels::{Channel, Channels, Place, TelegramChat};
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
/// a second of one bot need no limit of their own: channels.json takes at most thirty channels there,
/// each of which sends at most one a second.
const TWENTY_A_MINUTE: Limit = Limit {
    most: 20,
    within: SignedDuration::from_secs(60),
};

impl Limit {
    /// Half of it: what charts may use, so that a card that comes next finds room.
    pub fn halved(self) -> Self {
        Self {
            most: (self.most / 2).max(1),
            ..self
        }
    }

    /// What one of so many senders may send, so that all of them together keep the limit in every
    /// span: they do not know when the others send. Where each gets less than a message, they send
    /// that much more seldom, and may still meet once.
    fn shared_by(self, senders: usize) -> Self {
        let senders = senders.max(1);
        match self.most / senders {
            0 => Self {
                most: 1,
                within: self.within
                    * i32::try_from(senders.div_ceil(self.most)).unwrap_or(i32::MAX),
            },
            most => Self { most, ..self },
        }
    }
}

/// The limits of a channel. Telegram counts the messages of a chat, whatever their topic, so that
/// the channels of one chat share what it takes.
pub fn limits(channel: &Channel, channels: &Channels) -> Vec<Limit> {
    let of_place = match &channel.to {
        Place::Telegram(TelegramChat {
            messages_per_minute: Some(most),
            ..
        }) => vec![evenly(*most)],
        Place::Telegram(chat) if chat.chat_id < 0 => vec![ONE_A_SECOND, TWENTY_A_MINUTE],
        // Slack takes one message a second for a channel (<https://docs.slack.dev/apis/web-api/rate-limits>).
        Place::Telegram(_) | Place::Slack(_) => vec![ONE_A_SECOND],
        // PagerDuty does not say how many events it takes; one card needs two at most. Webhooks of Teams
        // take four a second (<https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/add-incoming-webhook>),
        // and SES takes one in its sandbox (<https://docs.aws.amazon.com/ses/latest/dg/manage-sending-quotas.html>).
        Place::PagerDuty(_) | Place::Teams(_) | Place::Email(_) => vec![ONE_A_SECOND],
        Place::Webhook(_) => vec![TEN_A_SECOND],
    };
    let senders = match &channel.to {
        Place::Telegram(chat) => channels.of_chat(chat.chat_id).count(),
        _ => 1,
    };
    of_place
        .into_iter()
        .map(|limit| limit.shared_by(senders))
        .collect()
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
    use domain::notification::channels::Channels;
    use jiff::{SignedDuration, Timestamp};
    use proptest::prelude::{Just, any, prop_assert, prop_oneof, proptest};

    use super::{
        Limit, ONE_A_SECOND, TEN_A_SECOND, TWENTY_A_MINUTE, answered, free_at, limits, take,
    };

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
    fn topics_of_a_group_share_its_twenty_a_minute() {
        for topics in [1, 2, 3, 7, 20, 30] {
            let channel = |topic| serde_json::json!({ "name": format!("t-{topic}"), "to": { "telegram": { "chat_id": -1, "message_thread_id": topic } } });
            let all: Vec<_> = (1..=topics).map(channel).collect();
            let file: Channels =
                serde_json::from_value(serde_json::json!({ "channels": all })).expect("a file");
            // All of them send whenever they may, for three minutes.
            let mut in_group: Vec<Timestamp> = file
                .channels
                .iter()
                .flat_map(|channel| {
                    let all = sent(&limits(channel, &file), &[(0, true); 90]);
                    all.into_iter().filter(|sent| *sent < at(180_000))
                })
                .collect();
            in_group.sort();
            let least = usize::try_from(topics).expect("a number");
            assert!(in_group.len() >= least, "each of {topics} topics sends");
            // Thirty topics get less than one message a minute each, and may meet.
            let most = TWENTY_A_MINUTE.most.max(least);
            assert!(
                most_within(&in_group, TWENTY_A_MINUTE.within) <= most,
                "{topics} topics"
            );
        }
    }

    #[test]
    fn twenty_go_one_a_second_and_the_next_waits_for_the_minute() {
        let all = sent(&[ONE_A_SECOND, TWENTY_A_MINUTE], &[(0, true); 21]);
        assert_eq!((all[19], all[20]), (at(19_000), at(60_000)));
    }
}
