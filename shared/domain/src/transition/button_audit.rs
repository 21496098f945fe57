//! Audit of button presses that decide nothing: the log records them, including those without an
//! effect, as it does for decisions.

use jiff::Timestamp;
use serde_json::json;

use crate::incident::change::IncidentChange;
use crate::incident::operation_log::{Event, LogRecord};
use crate::incident::response::ResponderAction;
use crate::notification::button_action::ButtonAction;

/// Limit of these entries in the log of an incident, of the people on the list: each is an item of the table
/// and a save of the incident, and every member of a chat can press as often as they like. Presses beyond the
/// limit are answered but not logged.
const LOGGED: usize = 30;
/// The same of all strangers together, so that they cannot use up the limit of the people on the list.
const STRANGERS_LOGGED: usize = 10;

/// Who pressed, as the configuration knows them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Presser {
    Listed,
    Stranger,
}

impl IncidentChange {
    /// Keeps a refused press of a person in the log, once however often it is delivered. `press` is its id, `by` who pressed.
    pub fn press_refused(
        &mut self,
        ask: &ButtonAction,
        press: &str,
        by: &str,
        why: &str,
        now: Timestamp,
    ) {
        self.keep(
            &ask.to_string(),
            press,
            refused_press(by, why),
            Presser::Listed,
            now,
        );
    }

    /// The same of a press that came from outside of the configured people and channels.
    pub fn stranger_refused(
        &mut self,
        ask: &ButtonAction,
        press: &str,
        by: &str,
        why: &str,
        now: Timestamp,
    ) {
        self.keep(
            &ask.to_string(),
            press,
            refused_press(by, why),
            Presser::Stranger,
            now,
        );
    }

    /// Keeps a responder's action that was refused in the log, once however often it is sent.
    pub fn response_refused(
        &mut self,
        action: &ResponderAction,
        press: &str,
        by: &str,
        why: &str,
        now: Timestamp,
    ) {
        let news = LogRecord::new(Event::ResponseRefused, by, "an action was refused").failed(why);
        self.keep(action.name(), press, news, Presser::Listed, now);
    }

    /// Logs that a person requested more than the card shows, once however often the press is
    /// delivered. It shows later whether the evidence was looked at before a plan was approved.
    pub fn more_asked(&mut self, ask: &ButtonAction, press: &str, by: &str, now: Timestamp) {
        let what = if matches!(ask, ButtonAction::History(_)) {
            "the earlier incidents were asked for"
        } else {
            "the details were asked for"
        };
        let news = LogRecord::new(Event::MoreAsked, by, what);
        self.keep(&ask.to_string(), press, news, Presser::Listed, now);
    }

    fn keep(
        &mut self,
        asked: &str,
        press: &str,
        news: LogRecord,
        presser: Presser,
        now: Timestamp,
    ) {
        let (logged, limit) = match presser {
            Presser::Listed => (&mut self.incident.logged_presses, LOGGED),
            Presser::Stranger => (&mut self.incident.logged_stranger_presses, STRANGERS_LOGGED),
        };
        if logged.len() >= limit || logged.iter().any(|before| before == press) {
            return;
        }
        logged.push(press.to_owned());
        self.record(now, news.with(json!({ "asked": asked, "press": press })));
    }
}

fn refused_press(by: &str, why: &str) -> LogRecord {
    LogRecord::new(Event::PressRefused, by, "a press was refused").failed(why)
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use serde_json::json;

    use super::{LOGGED, STRANGERS_LOGGED};
    use crate::incident::operation_log::Event;
    use crate::notification::button_action::ButtonAction;
    use crate::transition::decision::tests::waiting;

    #[test]
    fn a_refused_press_is_kept_once_and_nobody_fills_the_log() {
        let (mut change, _) = waiting(1);
        change.entries.clear();
        let ask = ButtonAction::Details(change.incident.id.clone());
        for _ in 0..2 {
            change.press_refused(&ask, "q1", "telegram:1", "not you", Timestamp::UNIX_EPOCH);
        }
        let [entry] = change.entries.as_slice() else {
            panic!("one entry: {:?}", change.entries)
        };
        assert_eq!(
            (entry.actor.as_str(), entry.success, entry.error.as_deref()),
            ("telegram:1", false, Some("not you"))
        );
        assert_eq!(
            entry.context,
            json!({ "asked": ask.to_string(), "press": "q1" })
        );
        for place in 0..2 * LOGGED {
            change.press_refused(
                &ask,
                &format!("more-{place}"),
                "telegram:1",
                "not you",
                Timestamp::UNIX_EPOCH,
            );
        }
        assert_eq!(change.entries.len(), LOGGED);
    }

    #[test]
    fn strangers_cannot_use_up_the_log_of_people() {
        let (mut change, _) = waiting(1);
        change.entries.clear();
        let id = change.incident.id.clone();
        let (at, history) = (Timestamp::UNIX_EPOCH, ButtonAction::History(id.clone()));
        for nth in 0..500 {
            let (press, by) = (format!("s{nth}"), format!("telegram:{}", 1_000 + nth));
            change.stranger_refused(&history, &press, &by, "not you", at);
        }
        assert_eq!(change.entries.len(), STRANGERS_LOGGED);
        change.more_asked(&ButtonAction::Details(id), "mine", "telegram:7", at);
        let last = change.entries.last().map(|entry| entry.event);
        assert_eq!(last, Some(Event::MoreAsked));
    }

    #[test]
    fn who_wants_to_see_more_is_in_the_log_once() {
        let (mut change, _) = waiting(1);
        change.entries.clear();
        let id = change.incident.id.clone();
        for ask in [
            ButtonAction::Details(id.clone()),
            ButtonAction::Details(id.clone()),
            ButtonAction::History(id),
        ] {
            change.more_asked(
                &ask,
                &format!("press of {ask}"),
                "telegram:7",
                Timestamp::UNIX_EPOCH,
            );
        }
        let kept: Vec<_> = change
            .entries
            .iter()
            .map(|entry| (entry.event, entry.actor.as_str(), entry.detail.as_str()))
            .collect();
        let expected = [
            "the details were asked for",
            "the earlier incidents were asked for",
        ];
        assert_eq!(
            kept,
            expected.map(|detail| (Event::MoreAsked, "telegram:7", detail))
        );
        assert!(
            change.entries.iter().all(|entry| entry.success),
            "nothing failed"
        );
    }
}
