//! Playbook matching: the playbook for an alert, and the reasons for the choice.

use std::collections::BTreeMap;

use crate::alert::Alert;
use crate::analysis::FoundCause;
use crate::phrase;
use crate::playbook::Playbook;
use crate::playbook::plan::Plan;
use crate::playbook::service::{Level, NoService, Service};
use crate::policy::track_record::RunCounts;
use crate::primitives::phrase::Phrase;

/// What a playbook counts that is for the type of the alert alone.
const TYPE_ALONE: u32 = 2;
/// A playbook that surely held less often than this is a weak match, where the type of the alert is all that speaks for it.
const WEAK_BELOW: f64 = 0.5;

/// What is known of the past success of playbooks, by their ids. One that is not in it is one of which nothing is known.
pub type PastSuccess = BTreeMap<String, RunCounts>;

/// Result of the matching.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    Plan(Box<Plan>),
    /// None, for this reason: a human has to look.
    None(Phrase),
}

/// A playbook that fits.
#[derive(Debug)]
pub struct Fit<'a> {
    /// How well: see [`choose`].
    pub score: u32,
    pub reasons: Vec<Phrase>,
    pub playbook: &'a Playbook,
    /// The values of its parameters that come from the alert.
    said: BTreeMap<String, String>,
}

/// Chooses the playbook for an alert on a service: the alert's name counts 4, its type 2, a listed service 1. The best one wins. Between
/// those that fit equally well past success decides: the lower bound of runs that held, rounded down to a tenth, so that it is never worth
/// as much as a point, and a hair's breadth decides nothing. A tie is no choice, and neither is a weak match.
///
/// The cause that a recipe found takes out the playbooks that it speaks against, and goes before past success between equals: which cause it
/// is was measured at this incident.
pub fn choose(
    playbooks: &[Playbook],
    alert: &Alert,
    service: Result<&Service, NoService>,
    past: &PastSuccess,
    cause: Option<&FoundCause>,
) -> Choice {
    let service = match service
        .map_err(Phrase::from)
        .and_then(|service| repairable(alert, service))
    {
        Ok(service) => service,
        Err(why) => return Choice::None(why),
    };
    let counts = |fit: &Fit<'_>| {
        past.get(fit.playbook.id.as_str())
            .copied()
            .unwrap_or_default()
    };
    let Best {
        fits: mut best,
        spoken_against,
    } = best(playbooks, alert, service, cause);
    best.sort_by_key(|fit| std::cmp::Reverse(tenths(counts(fit))));
    let Some(one) = best.first() else {
        if let Some(cause) = cause.filter(|_| !spoken_against.is_empty()) {
            return Choice::None(phrase!(
                "the cause ({cause}) speaks against {playbooks}",
                cause => cause.said(),
                playbooks = spoken_against.join(", ")
            ));
        }
        return Choice::None(none_fits(playbooks, alert, service));
    };
    let (playbook, known) = (one.playbook, counts(one));
    if let Some(other) = best
        .get(1)
        .filter(|other| tenths(counts(other)) == tenths(known))
    {
        return Choice::None(phrase!(
            "the playbooks {one} and {other} fit equally well",
            one = playbook.id,
            other = other.playbook.id
        ));
    }
    // The upper bound: a record that is only short is no bad one.
    if one.score == TYPE_ALONE && known.at_most() < WEAK_BELOW {
        return Choice::None(phrase!(
            "only the type speaks for the playbook {playbook}, and {runs}",
            playbook = playbook.id,
            runs => known.phrase()
        ));
    }
    let mut reasons = one.reasons.clone();
    if known.counted > 0 {
        reasons.push(phrase!("of its runs {runs}", runs => known.phrase()));
    }
    if let Some(cause) = cause {
        if cause.speaks_for.contains(&playbook.id) {
            reasons.push(phrase!(
                "the cause ({cause}) speaks for it",
                cause => cause.said()
            ));
        }
        let against = |other: &&str| {
            phrase!(
                "the cause ({cause}) speaks against {playbooks}",
                cause => cause.said(),
                playbooks = other
            )
        };
        reasons.extend(spoken_against.iter().map(against));
    }
    match playbook.plan(service, &one.said, 1, reasons) {
        Ok(plan) => Choice::Plan(Box::new(Plan {
            score: one.score,
            ..plan
        })),
        Err(error) => Choice::None(phrase!(
            "the playbook {playbook} fits, but {error}",
            playbook = playbook.id,
            error => error.phrase()
        )),
    }
}

/// That no playbook fits, and why not those that would but for a parameter.
fn none_fits(playbooks: &[Playbook], alert: &Alert, service: &Service) -> Phrase {
    let unfit = playbooks.iter().filter_map(|playbook| {
        score(playbook, alert, service)?;
        let why = playbook.said_by(alert).err()?;
        Some(phrase!(
            "{playbook} does not, because {why}",
            playbook = playbook.id,
            why => why.phrase()
        ))
    });
    let unfit: Vec<Phrase> = unfit.collect();
    if unfit.is_empty() {
        return phrase!(
            "no playbook fits the alert {alert} on the service {service}",
            alert = alert.name,
            service = service.name
        );
    }
    phrase!(
        "no playbook fits the alert {alert} on the service {service}: {unfit}",
        alert = alert.name,
        service = service.name,
        unfit => Phrase::several(unfit)
    )
}

/// The playbooks whose past success decides about the choice: those that fit equally well, and one that fits by the type of the alert
/// alone. Of all others it need not be read.
pub fn undecided<'a>(
    playbooks: &'a [Playbook],
    alert: &Alert,
    service: Option<&Service>,
    cause: Option<&FoundCause>,
) -> Vec<&'a str> {
    let Some(service) = service.filter(|service| repairable(alert, service).is_ok()) else {
        return Vec::new();
    };
    let best = best(playbooks, alert, service, cause).fits;
    let decides = best.len() > 1 || best.first().is_some_and(|fit| fit.score == TYPE_ALONE);
    if decides {
        best.into_iter()
            .map(|fit| fit.playbook.id.as_str())
            .collect()
    } else {
        Vec::new()
    }
}

/// The service, if Quell may repair it at all because of this alert.
fn repairable<'a>(alert: &Alert, service: &'a Service) -> Result<&'a Service, Phrase> {
    if service.level == Level::Manual {
        return Err(phrase!(
            "the service {service} is repaired by hand only (level manual)",
            service = service.name
        ));
    }
    // Whoever looked the service up has asked this: it is asked again, because commands follow.
    service.mismatch(alert).map_or(Ok(service), Err)
}

/// The playbooks that fit, the best first; those that fit equally well in the order of the file.
pub fn fitting<'a>(playbooks: &'a [Playbook], alert: &Alert, service: &Service) -> Vec<Fit<'a>> {
    let mut fitting: Vec<Fit<'a>> = playbooks
        .iter()
        .filter_map(|playbook| fit(playbook, alert, service))
        .collect();
    fitting.sort_by_key(|fit| std::cmp::Reverse(fit.score));
    fitting
}

/// The playbooks between which it is chosen.
struct Best<'a> {
    /// Those that fit best, in the order of the file.
    fits: Vec<Fit<'a>>,
    /// The ids of those that fit, and are not proposed because of the cause.
    spoken_against: Vec<&'a str>,
}

fn best<'a>(
    playbooks: &'a [Playbook],
    alert: &Alert,
    service: &Service,
    cause: Option<&FoundCause>,
) -> Best<'a> {
    let is_against =
        |fit: &Fit<'_>| cause.is_some_and(|cause| cause.speaks_against.contains(&fit.playbook.id));
    let is_for =
        |fit: &Fit<'_>| cause.is_some_and(|cause| cause.speaks_for.contains(&fit.playbook.id));
    let (against, mut fits): (Vec<Fit<'a>>, Vec<Fit<'a>>) = fitting(playbooks, alert, service)
        .into_iter()
        .partition(is_against);
    let most = fits.first().map(|fit| fit.score);
    fits.retain(|fit| Some(fit.score) == most);
    if fits.iter().any(is_for) {
        fits.retain(is_for);
    }
    Best {
        fits,
        spoken_against: against.iter().map(|fit| fit.playbook.id.as_str()).collect(),
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it is between 0 and 10"
)]
fn tenths(counts: RunCounts) -> u32 {
    (counts.at_least() * 10.0).floor() as u32
}

/// A playbook that fits. One does not if the alert does not say what it needs to know.
fn fit<'a>(playbook: &'a Playbook, alert: &Alert, service: &Service) -> Option<Fit<'a>> {
    let (score, reasons) = score(playbook, alert, service)?;
    Some(Fit {
        score,
        reasons,
        playbook,
        said: playbook.said_by(alert).ok()?,
    })
}

/// How well a playbook's `match` fits, and why.
fn score(playbook: &Playbook, alert: &Alert, service: &Service) -> Option<(u32, Vec<Phrase>)> {
    let matches = &playbook.matches;
    let mut score = 0;
    let mut reasons = Vec::new();
    if matches.alertnames.contains(&alert.name) {
        score += 4;
        reasons.push(phrase!("it is for the alert {alert}", alert = alert.name));
    }
    if matches.alert_types.contains(&alert.alert_type) {
        score += TYPE_ALONE;
        let kind = alert.alert_type.as_str();
        reasons.push(phrase!("it is for the type {kind}", kind));
    }
    if score == 0 || !matches.allows(&service.name) {
        return None;
    }
    if matches
        .services
        .iter()
        .any(|name| service.name == name.as_str())
    {
        score += 1;
        reasons.push(phrase!(
            "it is for the service {service}",
            service = service.name
        ));
    }
    Some((score, reasons))
}

#[cfg(test)]
#[path = "matching_tests.rs"]
mod tests;
