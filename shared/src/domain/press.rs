//! Presses of buttons that decide nothing, and come to nothing: the log keeps why, as it does for decisions.

use jiff::Timestamp;
use serde_json::json;

use super::ask::Ask;
use super::draft::Draft;
use super::operation_log::{Event, News};

/// How many of them the log of an incident takes: each is an item of the table and a save of the incident, and anybody in a chat can press
/// as often as they like. Who presses on after this many is only answered.
const LOGGED: usize = 30;

impl Draft {
    /// Keeps a refused press in the log, once however often it is delivered. `press` is its id, `by` who pressed.
    pub fn press_refused(&mut self, ask: &Ask, press: &str, by: &str, why: &str, now: Timestamp) {
        let refused = &mut self.incident.refused_presses;
        if refused.len() >= LOGGED || refused.iter().any(|before| before == press) {
            return;
        }
        refused.push(press.to_owned());
        let news = News::new(Event::PressRefused, by, "a press was refused").with(json!({ "asked": ask.to_string(), "press": press }));
        self.record(now, news.failed(why));
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use serde_json::json;

    use super::LOGGED;
    use crate::domain::ask::Ask;
    use crate::domain::decision::tests::waiting;

    #[test]
    fn a_refused_press_is_kept_once_and_nobody_fills_the_log() {
        let (mut draft, _) = waiting(1);
        draft.entries.clear();
        let ask = Ask::Details(draft.incident.id.clone());
        for _ in 0..2 {
            draft.press_refused(&ask, "q1", "telegram:1", "not you", Timestamp::UNIX_EPOCH);
        }
        let [entry] = draft.entries.as_slice() else { panic!("one entry: {:?}", draft.entries) };
        assert_eq!((entry.actor.as_str(), entry.success, entry.error.as_deref()), ("telegram:1", false, Some("not you")));
        assert_eq!(entry.context, json!({ "asked": ask.to_string(), "press": "q1" }));
        for place in 0..2 * LOGGED {
            draft.press_refused(&ask, &format!("more-{place}"), "telegram:1", "not you", Timestamp::UNIX_EPOCH);
        }
        assert_eq!(draft.entries.len(), LOGGED);
    }
}
