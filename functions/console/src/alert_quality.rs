//! Quality of the alert rules over a window, from the incidents that the history lists.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use domain::notification::channels::Channels;
use jiff::{SignedDuration, Timestamp};
use quality::{RuleQuality, Samples, measured};
use store::{Store, StoreError};

use crate::filter::Filter;
use crate::incidents;
use crate::refusal::Refusal;

/// How many incidents are looked at, the newest, about: what is behind them is said.
const READ: usize = 2_000;
/// How many of them are in memory at once.
const PAGE: usize = 500;
/// How long the figures are kept: everybody who looks meanwhile costs nothing.
const KEPT_FOR: SignedDuration = SignedDuration::from_mins(5);

/// How far back is looked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Window {
    Week,
    Month,
}

/// What a window's incidents say of the rules that opened them.
#[derive(Debug)]
pub(crate) struct Quality {
    pub(crate) window: Window,
    /// The beginning of the window, or where the looking ended before it.
    pub(crate) from: Timestamp,
    pub(crate) as_of: Timestamp,
    /// How many incidents were looked at.
    pub(crate) looked_at: usize,
    /// False if the window has more.
    pub(crate) complete: bool,
    /// Those with a verdict first, and of them those that call people most often.
    pub(crate) rules: Vec<RuleQuality>,
}

/// The figures of each window, once they were asked for.
#[derive(Debug, Default)]
pub(crate) struct Kept(Mutex<BTreeMap<Window, Arc<Quality>>>);

impl Window {
    pub(crate) const ALL: [Self; 2] = [Self::Week, Self::Month];

    /// As `since` says it.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Week => "7d",
            Self::Month => "30d",
        }
    }

    /// Reads a query string; a week, if it says nothing.
    ///
    /// # Errors
    /// If a parameter is wrong.
    pub(crate) fn read(query: &str) -> Result<Self, Refusal> {
        let mut window = Self::Week;
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            if name != "since" {
                return Err(Refusal::malformed(&name, "is not a parameter of this list"));
            }
            let mut known = Self::ALL.into_iter();
            let found = known.find(|window| window.as_str() == value);
            window = found.ok_or_else(|| Refusal::malformed("since", "has to be 7d or 30d"))?;
        }
        Ok(window)
    }

    const fn length(self) -> SignedDuration {
        let days = match self {
            Self::Week => 7,
            Self::Month => 30,
        };
        SignedDuration::from_hours(days * 24)
    }
}

impl Kept {
    pub(crate) fn get(&self, window: Window, now: Timestamp) -> Option<Arc<Quality>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = |quality: &&Arc<Quality>| now.duration_since(quality.as_of).abs() < KEPT_FOR;
        kept.get(&window).filter(fresh).cloned()
    }

    pub(crate) fn put(&self, quality: &Arc<Quality>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.insert(quality.window, Arc::clone(quality));
    }
}

impl Quality {
    /// Reads the incidents of a window, and judges their rules.
    ///
    /// # Errors
    /// If the table does not answer.
    pub(crate) async fn read(
        store: &Store,
        channels: &Channels,
        window: Window,
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        let mut from = now - window.length();
        let mut filter = Filter {
            from: Some(from),
            to: Some(now),
            limit: PAGE,
            ..Filter::default()
        };
        let (mut samples, mut looked_at, mut oldest) = (Samples::default(), 0, now);
        loop {
            let page = incidents::page(store, &filter, channels, now).await?;
            looked_at += page.looked_at;
            for incident in &page.incidents {
                samples.take_in(incident);
                oldest = oldest.min(incident.opened_at);
            }
            filter.cursor = page.next;
            if filter.cursor.is_none() || looked_at >= READ {
                break;
            }
        }
        let complete = filter.cursor.is_none();
        if !complete {
            from = oldest;
        }
        Ok(Self {
            window,
            from,
            as_of: now,
            looked_at,
            complete,
            rules: measured(&samples.into_samples()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Window;

    #[test]
    fn a_window_is_a_week_or_a_month() {
        let read = |query| Window::read(query).map_err(|refusal| refusal.to_string());
        assert_eq!(read(""), Ok(Window::Week));
        assert_eq!(read("since=7d"), Ok(Window::Week));
        assert_eq!(read("since=30d"), Ok(Window::Month));
        let wrong = "since: has to be 7d or 30d";
        assert_eq!(read("since=90d"), Err(wrong.to_owned()));
        assert_eq!(read("since="), Err(wrong.to_owned()));
        let unknown = "colour: is not a parameter of this list";
        assert_eq!(read("colour=red"), Err(unknown.to_owned()));
        let days = Window::ALL.map(|window| window.length().as_hours() / 24);
        assert_eq!(days, [7, 30]);
    }
}
