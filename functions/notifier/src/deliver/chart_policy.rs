//! Policy of charts: what follows from a picture or a caption that a channel did not accept.

use std::time::Duration;

use domain::notification::channels::Place;
use domain::notification::outbox::Due;

use crate::channel::ChannelError;

/// The wait before a picture whose answer was lost is sent again.
const AGAIN_AFTER: Duration = Duration::from_secs(60);

/// What follows from a picture that the channel did not accept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AfterPicture {
    /// It was not sent: the same later, as the channel says.
    Channel,
    /// It was not sent: the same after this time.
    Later(Duration),
    /// It may be there: once more after this time.
    Again(Duration),
    /// It may be there twice.
    GiveUp,
    /// The caption goes in its place.
    AsText,
}

/// True if a caption is not sent again: it is refused in every way in which it can be sent, or its fate is unknown.
pub(super) fn is_final(error: &ChannelError, due: &Due) -> bool {
    match error {
        // Where its answer was lost it may be there: the card has the figures, and no item of the channel waits for a caption.
        ChannelError::Refused { .. } | ChannelError::Unreachable(_) => true,
        // Without markup it is tried once.
        ChannelError::Markup(_) => due.plain,
        _ => false,
    }
}

/// What follows from an error of a picture that was sent for the first time, or for the second.
pub(super) fn after(error: &ChannelError, is_second: bool, place: &Place) -> AfterPicture {
    match (error, place) {
        // Telegram counts everything in a chat together, and the whole chat has moved.
        (ChannelError::Moved { .. } | ChannelError::Busy { .. }, Place::Telegram(_)) => {
            AfterPicture::Channel
        }
        // Slack counts each method by itself: cards may go on.
        (ChannelError::Busy { seconds }, _) => AfterPicture::Later(Duration::from_secs(*seconds)),
        (ChannelError::Unreachable(_), _) if is_second => AfterPicture::GiveUp,
        (ChannelError::Unreachable(_), _) => AfterPicture::Again(AGAIN_AFTER),
        _ => AfterPicture::AsText,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use domain::notification::channels::Place;
    use serde_json::json;

    use super::{AGAIN_AFTER, AfterPicture, after};
    use crate::channel::ChannelError;

    fn place(kind: serde_json::Value) -> Place {
        serde_json::from_value(kind).expect("a place")
    }

    #[test]
    fn a_picture_is_sent_twice_at_most_and_never_again_if_refused() {
        let telegram = place(json!({ "telegram": { "chat_id": -5 } }));
        let slack = place(json!({ "slack": { "channel_id": "C1", "token_secret": "t" } }));
        let unreachable = || ChannelError::Unreachable("502".to_owned());
        let refused = || ChannelError::Refused {
            status: 400,
            why: "IMAGE_PROCESS_FAILED".to_owned(),
        };
        for place in [&telegram, &slack] {
            let again = AfterPicture::Again(AGAIN_AFTER);
            assert_eq!(after(&unreachable(), false, place), again);
            assert_eq!(after(&unreachable(), true, place), AfterPicture::GiveUp);
            let markup = ChannelError::Markup("entities".to_owned());
            for error in [refused(), markup, ChannelError::Gone] {
                for is_second in [false, true] {
                    assert_eq!(after(&error, is_second, place), AfterPicture::AsText);
                }
            }
        }
        // Only where it says something about everything in the channel does the channel wait.
        let busy = ChannelError::Busy { seconds: 7 };
        assert_eq!(after(&busy, false, &telegram), AfterPicture::Channel);
        let later = AfterPicture::Later(Duration::from_secs(7));
        assert_eq!(after(&busy, false, &slack), later);
        let moved = ChannelError::Moved { chat_id: -7 };
        assert_eq!(after(&moved, true, &telegram), AfterPicture::Channel);
    }
}
