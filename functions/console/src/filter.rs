//! Filters of a list of incidents, as a query string has them.

use domain::analysis::Severity;
use domain::incident::{Incident, Status};
use domain::notification::channels::Channels;
use domain::primitives::id::IncidentId;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::refusal::Refusal;

/// How many incidents a page has where it is not said, and at most.
const PAGE: usize = 50;
const LARGEST_PAGE: usize = 100;
/// How long a text may be that is looked for.
pub(crate) const TEXT_CHARACTERS: usize = 200;

/// Which incidents are wanted. What is not given fits all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Filter {
    /// `open`: true for those that people or Quell still have something to do about, false for the others.
    pub(crate) open: Option<bool>,
    /// `status`, several with commas.
    pub(crate) statuses: Vec<Status>,
    /// `severity`, several with commas.
    pub(crate) severities: Vec<Severity>,
    /// `service`: the plan's target, or what the alert is about.
    pub(crate) service: Option<String>,
    pub(crate) namespace: Option<String>,
    /// `team`: one that a route of channels.json gives the incident to.
    pub(crate) team: Option<String>,
    /// `text`: a part of the alert's name, subject or message, of the cause, or an id.
    pub(crate) text: Option<String>,
    /// `from` and `to`: when it was opened. Times with their zone, or days (UTC), both included.
    pub(crate) from: Option<Timestamp>,
    pub(crate) to: Option<Timestamp>,
    /// `cursor`: the end of the page before.
    pub(crate) cursor: Option<IncidentId>,
    /// `limit`.
    pub(crate) limit: usize,
}

impl Filter {
    /// Reads a query string. A parameter without a value is none, as forms send it.
    ///
    /// # Errors
    /// The first parameter that is not known, or not what it has to be.
    pub(crate) fn read(query: &str) -> Result<Self, Refusal> {
        let mut filter = Self {
            limit: PAGE,
            ..Self::default()
        };
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let value = value.trim();
            if !value.is_empty() {
                filter.set(&name, value)?;
            }
        }
        Ok(filter)
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), Refusal> {
        let wrong = |expected: &str| Refusal::malformed(name, format!("has to be {expected}"));
        let text = || {
            let short = value.chars().count() <= TEXT_CHARACTERS;
            let text = short.then(|| value.to_owned());
            text.map(Some)
                .ok_or_else(|| wrong("200 characters or fewer"))
        };
        match name {
            "open" => self.open = Some(value.parse().map_err(|_| wrong("true or false"))?),
            "status" => self.statuses = listed(value, status).ok_or_else(|| wrong("a status"))?,
            "severity" => {
                self.severities = listed(value, severity).ok_or_else(|| wrong("P0 to P3"))?;
            }
            "service" => self.service = text()?,
            "namespace" => self.namespace = text()?,
            "team" => self.team = text()?,
            "text" => self.text = text()?.map(|text| text.to_lowercase()),
            "from" => self.from = Some(time(value, false).ok_or_else(|| wrong(TIME))?),
            "to" => self.to = Some(time(value, true).ok_or_else(|| wrong(TIME))?),
            "cursor" => {
                let id = IncidentId::try_from(value);
                self.cursor = Some(id.map_err(|_| wrong("what `next` of the page before says"))?);
            }
            "limit" => {
                let limit = value.parse().ok();
                let limit = limit.filter(|limit| (1..=LARGEST_PAGE).contains(limit));
                self.limit = limit.ok_or_else(|| wrong("a number from 1 to 100"))?;
            }
            _ => return Err(Refusal::malformed(name, "is not a parameter of this list")),
        }
        Ok(())
    }

    /// True if an incident is wanted. When it was opened is a part of its id, and so of the list.
    pub(crate) fn fits(&self, incident: &Incident, channels: &Channels) -> bool {
        let alert = &incident.alert;
        let service = incident.plan.as_ref().map(|plan| plan.target.as_str());
        let is_service = |wanted: &String| {
            [service, Some(&alert.target), Some(&alert.normalised_target)].contains(&Some(wanted))
        };
        self.open.is_none_or(|open| open == incident.is_open())
            && (self.statuses.is_empty() || self.statuses.contains(&incident.status))
            && (self.severities.is_empty() || self.severities.contains(&incident.severity))
            && self.service.as_ref().is_none_or(is_service)
            && self
                .namespace
                .as_ref()
                .is_none_or(|wanted| *wanted == alert.namespace)
            && self
                .team
                .as_ref()
                .is_none_or(|wanted| channels.teams_of(incident).any(|team| team == wanted))
            && self
                .text
                .as_ref()
                .is_none_or(|wanted| says(incident, wanted))
    }
}

const TIME: &str = "a time such as 2026-11-30T06:00:00Z, or a day";

/// True if the incident says this somewhere; `wanted` is in lower case.
fn says(incident: &Incident, wanted: &str) -> bool {
    let alert = &incident.alert;
    let cause = incident
        .analysis
        .as_ref()
        .map(|analysis| analysis.root_cause.as_str());
    let playbook = incident
        .plan
        .as_ref()
        .map(|plan| plan.playbook_name.as_str());
    let texts = [
        Some(incident.id.as_str()),
        Some(&alert.name),
        Some(&alert.target),
        Some(&alert.message),
        cause,
        playbook,
    ];
    let mut texts = texts
        .into_iter()
        .flatten()
        .chain(alert.labels.values().map(String::as_str));
    texts.any(|text| text.to_lowercase().contains(wanted))
}

fn listed<T>(value: &str, read: impl Fn(&str) -> Option<T>) -> Option<Vec<T>> {
    value.split(',').map(|part| read(part.trim())).collect()
}

fn status(name: &str) -> Option<Status> {
    Status::VARIANTS
        .into_iter()
        .find(|status| status.as_str() == name)
}

fn severity(name: &str) -> Option<Severity> {
    let all = [Severity::P0, Severity::P1, Severity::P2, Severity::P3];
    all.into_iter()
        .find(|severity| format!("{severity:?}") == name)
}

/// A moment, or the first or last one of a day.
fn time(text: &str, last: bool) -> Option<Timestamp> {
    if let Ok(at) = text.parse() {
        return Some(at);
    }
    let day: Date = text.parse().ok()?;
    let first = midnight(day)?;
    if !last {
        return Some(first);
    }
    let next = midnight(day.tomorrow().ok()?)?;
    Timestamp::from_millisecond(next.as_millisecond() - 1).ok()
}

/// The first moment of a day (UTC).
fn midnight(day: Date) -> Option<Timestamp> {
    TimeZone::UTC.to_timestamp(day.at(0, 0, 0, 0)).ok()
}

#[cfg(test)]
mod tests {
    use domain::analysis::Severity;
    use domain::incident::Status;

    use super::Filter;

    fn read(query: &str) -> Result<Filter, String> {
        Filter::read(query).map_err(|refusal| refusal.to_string())
    }

    #[test]
    fn a_query_string_is_read_whole() {
        let query = "open=true&status=needs_human,repairing&severity=P0,P1&service=sentry&namespace=&text=%20Disk+FULL&from=2026-11-30\
                     &to=2026-11-30&limit=7&cursor=01ARZ3NDEKTSV4RRFFQ69G5FAV";
        let filter = read(query).expect("a filter");
        assert_eq!(filter.open, Some(true));
        assert_eq!(filter.statuses, [Status::NeedsHuman, Status::Repairing]);
        assert_eq!(filter.severities, [Severity::P0, Severity::P1]);
        assert_eq!(filter.service.as_deref(), Some("sentry"));
        assert_eq!(filter.namespace, None);
        assert_eq!(filter.text.as_deref(), Some("disk full"));
        let (from, to) = (filter.from.expect("a time"), filter.to.expect("a time"));
        assert_eq!(from.to_string(), "2026-11-30T00:00:00Z");
        assert_eq!(to.to_string(), "2026-11-30T23:59:59.999Z");
        assert_eq!(filter.limit, 7);
    }

    #[test]
    fn a_wrong_parameter_is_named() {
        for (query, said) in [
            ("status=opne", "status: has to be a status"),
            ("severity=P9", "severity: has to be P0 to P3"),
            ("limit=0", "limit: has to be a number from 1 to 100"),
            ("limit=101", "limit: has to be a number from 1 to 100"),
            (
                "cursor=x",
                "cursor: has to be what `next` of the page before says",
            ),
            (
                "from=yesterday",
                "from: has to be a time such as 2026-11-30T06:00:00Z, or a day",
            ),
            ("colour=red", "colour: is not a parameter of this list"),
            ("open=1", "open: has to be true or false"),
        ] {
            assert_eq!(read(query), Err(said.to_owned()), "{query}");
        }
        assert!(read(&format!("text={}", "x".repeat(201))).is_err());
    }
}
