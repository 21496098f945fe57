//! Samples for tests.

use domain::alert::AlertSeverity;
use domain::alert::labels::Texts;
use jiff::{SignedDuration, Timestamp};

use crate::companion::Companion;
use crate::sample::{Ending, Hands, Place, Rule, Sample};

/// A moment, in minutes from the first one.
pub(crate) fn minute(minutes: i64) -> Timestamp {
    let first = Timestamp::from_second(1_790_000_000).expect("a time");
    first + SignedDuration::from_mins(minutes)
}

/// A warning of a rule about a service, opened at a minute and still open.
pub(crate) fn sample(name: &str, service: &str, opened: i64) -> Sample {
    sample_of(name, AlertSeverity::Warning, service, opened)
}

pub(crate) fn sample_of(name: &str, severity: AlertSeverity, service: &str, opened: i64) -> Sample {
    Sample {
        rule: rule(name),
        place: Place {
            cluster: None,
            namespace: "shop".to_owned(),
            service: service.to_owned(),
        },
        labels: Texts::from([
            ("alertname".to_owned(), name.to_owned()),
            ("namespace".to_owned(), "shop".to_owned()),
        ]),
        severity,
        opened_at: minute(opened),
        ending: Ending::Open,
        alerts: 1,
        flaps: 0,
        hands: Hands::default(),
        closed: None,
        cause_is_wrong: false,
    }
}

/// The same with more labels.
pub(crate) fn labelled(mut sample: Sample, labels: &[(&str, &str)]) -> Sample {
    let labels = labels
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    sample.labels.extend(labels);
    sample
}

/// The same, resolved so many minutes after it was opened.
pub(crate) fn resolved(mut sample: Sample, after: i64) -> Sample {
    sample.ending = Ending::Resolved(sample.opened_at + SignedDuration::from_mins(after));
    sample
}

/// The same, on which a person acted so many minutes after it was opened.
pub(crate) fn acted(mut sample: Sample, after: i64) -> Sample {
    sample.hands.acted_at = Some(sample.opened_at + SignedDuration::from_mins(after));
    sample
}

/// A rule of this name.
pub(crate) fn rule(name: &str) -> Rule {
    Rule {
        name: name.to_owned(),
        source: "alertmanager".to_owned(),
    }
}

/// The rule NodeDown as another one's company, with these labels equal.
pub(crate) fn companion(equal: &[&str]) -> Companion {
    Companion {
        rule: rule("NodeDown"),
        times: 9,
        of: 10,
        equal: equal.iter().map(|name| (*name).to_owned()).collect(),
    }
}
