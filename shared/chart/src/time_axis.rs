//! The axis of the times: full hours, or what is round for a window of another length, by the readers' clock.

use domain::primitives::local_time::Zone;
use jiff::Timestamp;

/// Distances between two times on the axis, in seconds; the first with few enough times is taken.
const STEPS: [i64; 10] = [
    60, 300, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200, 86_400,
];
/// The most times on the axis: with more they would touch each other.
const MOST_TIMES: i64 = 7;
const DAY: i64 = 86_400;

#[derive(Debug)]
pub(crate) struct TimeAxis<'a> {
    start: Timestamp,
    end: Timestamp,
    zone: Option<&'a Zone>,
}

/// A round time, with its text.
#[derive(Debug)]
pub(crate) struct Tick {
    pub(crate) at: Timestamp,
    pub(crate) label: String,
}

impl<'a> TimeAxis<'a> {
    pub(crate) fn of(start: Timestamp, end: Timestamp, zone: Option<&'a Zone>) -> Self {
        Self { start, end, zone }
    }

    /// Round times from the start to the end. Round by the readers' clock: some zones are half an hour from the others. Where a clock is
    /// set in between, the times behind that are as round as the change is.
    pub(crate) fn ticks(&self) -> Vec<Tick> {
        let length = self.end.duration_since(self.start).as_secs();
        let longest = STEPS[STEPS.len() - 1];
        let fits = |step: &&i64| length / **step < MOST_TIMES;
        let step = STEPS.iter().find(fits).copied();
        let step = step.unwrap_or_else(|| (length / MOST_TIMES / DAY + 1) * longest);
        let behind = self.second_of_day(self.end).rem_euclid(step);
        let last = self.end.as_second() - behind;
        let times = (0..=MOST_TIMES).map(|n| Timestamp::from_second(last - n * step));
        let mut ticks: Vec<Tick> = times
            .filter_map(Result::ok)
            .take_while(|at| *at >= self.start)
            .map(|at| Tick {
                at,
                label: self.label(at),
            })
            .collect();
        ticks.reverse();
        ticks
    }

    /// A time by the readers' clock: `03:14`.
    pub(crate) fn label(&self, at: Timestamp) -> String {
        match self.zone {
            Some(zone) => zone.time(at).strftime("%H:%M").to_string(),
            None => at.strftime("%H:%M").to_string(),
        }
    }

    /// How far the readers' clock is from UTC at the end of the window: `UTC+1`.
    pub(crate) fn zone(&self) -> String {
        self.zone
            .map_or_else(|| "UTC".to_owned(), |zone| zone.offset(self.end))
    }

    /// Where a time is between the two sides of the plot.
    pub(crate) fn place(&self, at: Timestamp, left: f64, right: f64) -> f64 {
        let length = self.end.duration_since(self.start).as_secs_f64();
        let share = at.duration_since(self.start).as_secs_f64() / length.max(1.0);
        left + share.clamp(0.0, 1.0) * (right - left)
    }

    fn second_of_day(&self, at: Timestamp) -> i64 {
        let second = |time: jiff::civil::Time| {
            i64::from(time.hour()) * 3_600
                + i64::from(time.minute()) * 60
                + i64::from(time.second())
        };
        match self.zone {
            Some(zone) => second(zone.time(at)),
            None => at.as_second().rem_euclid(DAY),
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::primitives::local_time::Zone;
    use jiff::{SignedDuration, Timestamp};

    use super::TimeAxis;

    fn labels(end: &str, minutes: i64, zone: Option<&str>) -> (Vec<String>, String) {
        let end: Timestamp = end.parse().expect("a time");
        let zone = zone.map(|name| Zone::try_from(name.to_owned()).expect("a zone"));
        let start = end - SignedDuration::from_mins(minutes);
        let axis = TimeAxis::of(start, end, zone.as_ref());
        let labels = axis.ticks().into_iter().map(|tick| tick.label).collect();
        (labels, axis.zone())
    }

    #[test]
    fn times_are_round_by_the_readers_clock() {
        let at = "2026-11-22T03:14:05Z";
        let hours = ["22:00", "23:00", "00:00", "01:00", "02:00", "03:00"];
        assert_eq!(
            labels(at, 360, None),
            (hours.map(str::to_owned).into(), "UTC".to_owned())
        );
        let taipei = labels(at, 360, Some("Asia/Taipei"));
        assert_eq!(
            (taipei.0[0].as_str(), taipei.0.len(), &*taipei.1),
            ("06:00", 6, "UTC+8")
        );
        // Half an hour from the others.
        let kolkata = labels(at, 360, Some("Asia/Kolkata"));
        assert_eq!((kolkata.0[5].as_str(), &*kolkata.1), ("08:00", "UTC+5:30"));
        // The clock is set back at 01:00 UTC.
        let berlin = labels("2026-10-25T03:30:00Z", 360, Some("Europe/Berlin"));
        assert_eq!(
            berlin.0,
            ["00:00", "01:00", "02:00", "02:00", "03:00", "04:00"]
        );
        for (minutes, most) in [(0, 1), (5, 6), (60, 5), (24 * 60, 7), (100 * 24 * 60, 8)] {
            let (labels, _) = labels(at, minutes, None);
            assert!(labels.len() <= most, "{minutes}: {labels:?}");
        }
    }
}
