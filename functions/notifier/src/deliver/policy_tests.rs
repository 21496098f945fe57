//! Tests of the delivery policy.

use std::time::Duration;

use domain::analysis::Severity;
use domain::notification::channels::{Channels, Updates};
use domain::notification::outbox::{ChannelState, Due, LiveCard, Moved, Sending, Shown, Subject};
use domain::notification::progress::Progress;
use domain::primitives::id::IncidentId;
use jiff::{SignedDuration, Timestamp};

use super::{
    AfterError, DeliveryStep, Next, is_told, known_if_lost, next, record_error, short_wait, step,
    wake_in,
};
use crate::channel::ChannelError;
use crate::channel::pagerduty::{Action, actions};
use crate::deliver::rate_limit::{limits, take};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).expect("a time")
}

fn due(rank: u8) -> Due {
    let id = IncidentId::try_from("01ARZ3NDEKTSV4RRFFQ69G5FAV").expect("a ULID");
    let subject = Subject::Incident(id);
    Due {
        key: format!("DUE#{rank}#{subject}"),
        subject,
        version: 1,
        not_before: None,
        refused: 0,
        plain: false,
    }
}

fn group() -> domain::notification::channels::Channel {
    serde_json::from_str(r#"{ "name": "on-call", "to": { "telegram": { "chat_id": -42 } } }"#)
        .expect("a channel")
}

#[test]
fn the_first_that_does_not_wait_is_told() {
    let (channel, state) = (group(), ChannelState::default());
    let limits = &limits(&channel, &Channels::default());
    assert_eq!(next(&state, &[], limits, at(0)), Next::Nothing);
    let waits = Due {
        not_before: Some(at(20)),
        ..due(0)
    };
    let waits_longer = Due {
        not_before: Some(at(30)),
        ..due(0)
    };
    let list = [waits_longer, waits.clone(), due(2), due(3)];
    assert_eq!(next(&state, &list, limits, at(0)), Next::Tell(&list[2]));
    assert_eq!(next(&state, &list[..2], limits, at(0)), Next::Wait(at(20)));
    assert_eq!(next(&state, &list[..2], limits, at(20)), Next::Tell(&waits));
}

#[test]
fn nothing_is_told_before_the_channel_takes_it() {
    let (channel, mut state, list) = (group(), ChannelState::default(), [due(0)]);
    let limits = &limits(&channel, &Channels::default());
    for second in 0..20 {
        assert_eq!(
            next(&state, &list, limits, at(second)),
            Next::Tell(&list[0])
        );
        state.sent_at = take(&state.sent_at, limits, at(second)).expect("there is room");
    }
    assert_eq!(
        next(&state, &list, limits, at(20)),
        Next::Wait(at(60)),
        "twenty a minute"
    );
    state.blocked_until = Some(at(90));
    assert_eq!(
        next(&state, &list, limits, at(61)),
        Next::Wait(at(90)),
        "and what the channel asked for"
    );
    assert_eq!(next(&state, &list, limits, at(90)), Next::Tell(&list[0]));
}

#[test]
fn one_message_at_a_time_makes_a_channel_go_on() {
    let mut state = ChannelState::default();
    assert_eq!(wake_in(&state, at(40), at(0)), Some(40));
    assert_eq!(
        wake_in(&state, at(40) + SignedDuration::from_millis(1), at(0)),
        Some(41),
        "never too early"
    );
    assert_eq!(wake_in(&state, at(0), at(5)), Some(1));
    assert_eq!(
        wake_in(&state, at(5000), at(0)),
        Some(900),
        "a queue holds nothing back for longer"
    );
    state.wake_at = Some(at(40));
    assert_eq!(wake_in(&state, at(40), at(0)), None, "it is on its way");
    assert_eq!(
        wake_in(&state, at(10), at(0)),
        Some(10),
        "it would come too late"
    );
    assert_eq!(
        wake_in(&state, at(60), at(39)),
        Some(21),
        "it may have come already"
    );
    assert_eq!(wake_in(&state, at(60), at(41)), Some(19), "it has come");
}

#[test]
fn unreachable_channel_backs_off_and_never_gives_up() {
    let (mut state, mut due) = (ChannelState::default(), due(0));
    let waits: Vec<i64> = (0..9)
        .map(|_| {
            let after = record_error(
                &mut state,
                &mut due,
                &ChannelError::Unreachable("down".to_owned()),
                None,
                at(0),
            );
            assert_eq!(after, AfterError::Waits);
            state
                .blocked_until
                .expect("it waits")
                .duration_since(at(0))
                .as_secs()
        })
        .collect();
    assert_eq!(waits, [5, 10, 20, 40, 80, 160, 300, 300, 300]);
    state.failures = u32::MAX;
    record_error(
        &mut state,
        &mut due,
        &ChannelError::Unreachable("down".to_owned()),
        None,
        at(0),
    );
    assert_eq!(state.blocked_until, Some(at(300)));
    assert_eq!(due, self::due(0), "what is due is as it was");
}

#[test]
fn a_wait_that_is_asked_for_is_kept() {
    let (mut state, mut due) = (ChannelState::default(), due(0));
    record_error(
        &mut state,
        &mut due,
        &ChannelError::Busy { seconds: 37 },
        None,
        at(0),
    );
    assert_eq!((state.blocked_until, state.failures), (Some(at(37)), 0));
    record_error(
        &mut state,
        &mut due,
        &ChannelError::Busy { seconds: u64::MAX },
        None,
        at(0),
    );
    assert_eq!(state.blocked_until, Some(at(24 * 3600)));
}

#[test]
fn what_is_refused_lets_the_others_through() {
    let (channel, mut state, mut refused, other) =
        (group(), ChannelState::default(), due(0), due(3));
    let error = ChannelError::Refused {
        status: 400,
        why: "message is too long".to_owned(),
    };
    assert_eq!(
        record_error(&mut state, &mut refused, &error, None, at(0)),
        AfterError::Waits
    );
    let list = [refused.clone(), other];
    assert_eq!(
        next(
            &state,
            &list,
            &limits(&channel, &Channels::default()),
            at(4)
        ),
        Next::Wait(at(5))
    );
    assert_eq!(
        next(
            &state,
            &list,
            &limits(&channel, &Channels::default()),
            at(5)
        ),
        Next::Tell(&list[1])
    );
    for _ in 0..20 {
        record_error(&mut state, &mut refused, &error, None, at(0));
    }
    assert_eq!(
        (state.blocked_until, refused.not_before),
        (Some(at(900)), Some(at(900)))
    );
}

#[test]
fn what_can_be_told_differently_is_told_at_once_and_once() {
    let (mut state, mut due) = (ChannelState::default(), due(0));
    let markup = || ChannelError::Markup("can't parse entities".to_owned());
    assert_eq!(
        record_error(&mut state, &mut due, &markup(), None, at(0)),
        AfterError::Differently
    );
    assert!(due.plain && state.blocked_until.is_none());
    assert_eq!(
        record_error(&mut state, &mut due, &markup(), None, at(0)),
        AfterError::Waits,
        "without markup it is refused"
    );

    let mut state = ChannelState::default();
    let moved = ChannelError::Moved { chat_id: -100 };
    assert_eq!(
        record_error(&mut state, &mut due, &moved, Some(-42), at(0)),
        AfterError::Differently
    );
    assert_eq!(
        state.moved,
        Some(Moved {
            configured: -42,
            now: -100
        })
    );
    assert_eq!(
        record_error(&mut state, &mut due, &moved, Some(-42), at(0)),
        AfterError::Waits,
        "a chat that moves to where it is"
    );
    let further = ChannelError::Moved { chat_id: -200 };
    assert_eq!(
        record_error(&mut state, &mut due, &further, Some(-42), at(0)),
        AfterError::Differently
    );
}

fn shown(whole: &str, but_count: &str) -> Shown {
    Shown {
        whole: whole.to_owned(),
        but_count: but_count.to_owned(),
        result: false,
        sequence: 0,
        progress: None,
        failed: Vec::new(),
    }
}

#[test]
fn since_when_a_channel_is_out_of_reach_is_kept() {
    let (mut state, mut due) = (ChannelState::default(), due(0));
    let unreachable = ChannelError::Unreachable("down".to_owned());
    let busy = ChannelError::Busy { seconds: 1 };
    for (error, second, since) in [
        (&unreachable, 0, Some(0)),
        (&unreachable, 90, Some(0)),
        // Whoever asks to wait answers.
        (&busy, 100, None),
        (&unreachable, 120, Some(120)),
    ] {
        record_error(&mut state, &mut due, error, None, at(second));
        assert_eq!(state.unreachable_since, since.map(at), "{error:?}");
    }
}

#[test]
fn a_card_is_sent_once_and_edited_when_it_shows_something_else() {
    let show = shown("b2", "b");
    assert_eq!(step(&LiveCard::default(), &show, at(0)), DeliveryStep::Send);
    let sending = Sending {
        key: "k".to_owned(),
        shown: show.clone(),
        at: at(0),
    };
    let died = LiveCard {
        sending: Some(sending.clone()),
        ..LiveCard::default()
    };
    assert_eq!(step(&died, &show, at(0)), DeliveryStep::Find(&sending));

    let card = |shown| LiveCard {
        message_id: Some("7".to_owned()),
        shown: Some(shown),
        shown_at: Some(at(0)),
        ..LiveCard::default()
    };
    assert_eq!(
        step(&card(show.clone()), &show, at(1)),
        DeliveryStep::Nothing
    );
    assert_eq!(
        step(&card(shown("a1", "a")), &show, at(1)),
        DeliveryStep::Edit
    );
    assert_eq!(
        step(&card(shown("b1", "b")), &show, at(29)),
        DeliveryStep::Later(at(30)),
        "a higher count is no hurry"
    );
    assert_eq!(
        step(&card(shown("b1", "b")), &show, at(30)),
        DeliveryStep::Edit
    );
}

#[test]
fn a_short_wait_is_slept_through_if_there_is_time() {
    let second = Duration::from_secs(1);
    assert_eq!(short_wait(at(1), at(0), second), Some(second));
    assert_eq!(short_wait(at(1), at(0), Duration::from_millis(900)), None);
    assert_eq!(short_wait(at(2), at(0), 9 * second), None);
}

#[test]
fn a_channel_without_edits_is_told_the_beginning_and_the_end() {
    use Progress::{Expired, InHand, Resolved, Waits};
    let (waits, mut card) = (Some(Waits(Severity::P1)), LiveCard::default());
    let show = |progress| Shown {
        progress,
        ..shown("b", "b")
    };
    for progress in [waits, Some(Resolved), None] {
        assert!(
            is_told(Updates::End, &card, &show(progress)),
            "a first message"
        );
    }
    card.message_id = Some("1".to_owned());
    for (known, now, told) in [
        (waits, waits, false),
        (waits, Some(InHand), false),
        (waits, Some(Resolved), true),
        (Some(InHand), Some(Expired), true),
        (Some(Resolved), Some(Resolved), false),
        (Some(Resolved), waits, false),
        (None, None, false),
    ] {
        card.shown = Some(show(known));
        assert_eq!(
            is_told(Updates::End, &card, &show(now)),
            told,
            "{known:?} to {now:?}"
        );
        assert!(is_told(Updates::All, &card, &show(now)), "every edit");
    }
}

#[test]
fn a_service_that_pages_is_told_of_progress_alone() {
    use Progress::{InHand, Resolved, Waits};
    let (waits, mut card) = (Some(Waits(Severity::P1)), LiveCard::default());
    let show = |progress| Shown {
        progress,
        ..shown("b", "b")
    };
    for (known, now, told) in [
        (None, waits, true),
        (None, Some(InHand), false),
        (None, None, false),
        (waits, waits, false),
        (waits, Some(Waits(Severity::P0)), true),
        (waits, Some(InHand), true),
        (Some(InHand), Some(Resolved), true),
    ] {
        card.shown = known.map(|known| show(Some(known)));
        assert_eq!(
            is_told(Updates::Progress, &card, &show(now)),
            told,
            "{known:?} to {now:?}"
        );
    }
}

#[test]
fn events_after_a_lost_answer_are_right_either_way() {
    use Progress::{InHand, Resolved, Waits};
    let waits = Waits(Severity::P1);
    for (sent, now, expected) in [
        (waits, waits, &[Action::Trigger][..]),
        (waits, InHand, &[Action::Acknowledge]),
        (waits, Resolved, &[Action::Resolve]),
        (InHand, InHand, &[Action::Acknowledge]),
        (InHand, waits, &[Action::Resolve, Action::Trigger]),
        (Resolved, Resolved, &[Action::Resolve]),
        (Resolved, waits, &[Action::Trigger]),
    ] {
        let known = known_if_lost(sent, now);
        assert_eq!(actions(known, Some(now)), expected, "{sent:?} to {now:?}");
    }
}
