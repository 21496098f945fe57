//! The table of verdicts: from which figures on one holds.

use crate::rule::RuleQuality;
use crate::verdict::Verdict;

/// So many false alarms are a verdict, if they are a share of one in [`FALSE_ALARMS_IN`].
const FALSE_ALARMS: usize = 2;
const FALSE_ALARMS_IN: usize = 4;
/// A rule flaps if it fired again so often, and on average once in each incident.
const FLAPS: u64 = 3;
/// With fewer incidents nothing is said of how they end, or that no hand was put to them.
const ENDED: usize = 5;
/// Incidents end by themselves if nine of ten do, half of them within so many seconds.
const BY_ITSELF_OF_TEN: usize = 9;
const SHORT_SECONDS: i64 = 15 * 60;

/// The table of verdicts, from what wastes most of people's time.
pub(crate) fn verdicts(of: &RuleQuality) -> Vec<Verdict> {
    let RuleQuality {
        incidents,
        false_alarms,
        flaps,
        by_itself,
        untouched,
        ..
    } = *of;
    let ended = of.ended();
    let median = of
        .open_for
        .map_or(i64::MAX, |lengths| lengths.median_seconds);
    let table = [
        (
            false_alarms >= FALSE_ALARMS && false_alarms * FALSE_ALARMS_IN >= incidents,
            Verdict::FalseAlarms {
                count: false_alarms,
                of: incidents,
            },
        ),
        (
            flaps >= FLAPS && flaps >= incidents as u64,
            Verdict::Flaps { flaps, incidents },
        ),
        (
            ended >= ENDED && by_itself * 10 >= ended * BY_ITSELF_OF_TEN && median <= SHORT_SECONDS,
            Verdict::EndsByItself {
                count: by_itself,
                of: ended,
                minutes: median.saturating_add(59) / 60,
            },
        ),
        (
            untouched == incidents && ended >= ENDED,
            Verdict::NeverActedOn { count: incidents },
        ),
    ];
    let [false_alarms, flaps, by_itself, never] =
        table.map(|(holds, verdict)| holds.then_some(verdict));
    let companion = of.companion.clone().map(Verdict::AlwaysWith);
    [false_alarms, flaps, companion, by_itself, never]
        .into_iter()
        .flatten()
        .collect()
}

#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;
