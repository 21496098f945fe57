//! Gathers the evidence for an incident: every source at once, each with its own deadline, none of them needed.

use domain::alert::Alert;
use domain::analysis::Peers;
use domain::analysis::evidence::{Evidence, Found, Source};
use domain::incident::Incident;
use domain::phrase;
use domain::playbook::dependencies;
use domain::playbook::service::{Criticality, Level, Service};
use domain::primitives::phrase::Phrase;
use jiff::Timestamp;
use recipes::Recipe;

use crate::app::App;
use crate::evidence::{at_once, kept};
use crate::recipe::{Consultation, Known, facts, open_count, past_count};
use crate::trace::Span;

/// How many services one fact names.
const NAMES_SHOWN: usize = 6;

/// What was found out about an incident.
#[derive(Debug)]
pub(crate) struct Gathered<'a> {
    /// Everything that was asked, and what came back.
    pub(crate) evidence: Vec<Evidence>,
    /// The recipe for the alert with what is known by it, where there is one and a server to ask.
    pub(crate) consultation: Option<Consultation<'a>>,
    /// The earlier incidents of its fingerprint, newest first; none if one of them could not be read, because nothing can be concluded then.
    pub(crate) past: Vec<Incident>,
    /// The other members of the service's redundancy group, where they were measured.
    pub(crate) peers: Option<Peers>,
}

impl App {
    /// Asks every source. A source that fails is evidence too: it says so.
    pub(crate) async fn gather(
        &self,
        incident: &Incident,
        service: Option<&Service>,
        now: Timestamp,
        span: &Span,
    ) -> Gathered<'_> {
        let settings = &self.analyzer.settings.evidence;
        let near = self.near(&incident.alert);
        let recipe = self.recipe(&incident.alert);
        let ((past, past_evidence), open, prometheus, signoz) = tokio::join!(
            self.past(incident, settings, now, span),
            self.open(incident, &near, settings, now, span),
            self.prometheus(incident, service, recipe, now, span),
            self.signoz(incident, service, now, span),
        );
        let known = Known {
            incident,
            service_known: service.is_some(),
            past: past_count(&past, past_evidence.as_ref()),
            open: open_count(open.as_ref()),
            now,
        };
        let consultation = recipe.map(|recipe| Consultation {
            recipe,
            facts: facts(&known, prometheus.answers),
            questions: prometheus.questions,
        });
        let registry = service.map(|service| registry(&self.files.services, service, now));
        let peers = prometheus.peers;
        let evidence = prometheus
            .evidence
            .into_iter()
            .chain(signoz)
            .chain(past_evidence)
            .chain(open)
            .chain(sender(&incident.alert, now))
            .chain(registry);
        Gathered {
            evidence: evidence.map(kept).collect(),
            consultation,
            past,
            peers,
        }
    }

    /// The recipe for an alert. Its questions are for Prometheus: without one there is nothing to consult.
    fn recipe(&self, alert: &Alert) -> Option<&Recipe> {
        self.prometheus.as_ref()?;
        recipes::choose(&self.recipes.recipes, alert)
    }
}

/// What the sender of an alert measured and calls it, if it says anything of that. All of it is text from outside.
fn sender(alert: &Alert, now: Timestamp) -> Option<Evidence> {
    // As one text, so that a secret is found by its name.
    let said = |(name, value): (&String, &String)| format!("{name}={value}").into();
    let id = alert.alert_id.as_ref();
    let facts: Vec<Phrase> = id
        .map(|id| format!("alert_id={id}").into())
        .into_iter()
        .chain(alert.measurements.iter().map(said))
        .collect();
    let found = Found::Known { facts };
    let has_any = id.is_some() || !alert.measurements.is_empty();
    has_any.then(|| at_once(Source::Sender, alert.source.clone(), now, found))
}

/// What the service registry says of a service.
fn registry(services: &[Service], service: &Service, now: Timestamp) -> Evidence {
    let name = &service.name;
    let level = match service.level {
        Level::Auto => phrase!("the service {name} may be repaired without a human", name),
        Level::Approval => phrase!("the service {name} is repaired with an approval", name),
        Level::Manual => phrase!("the service {name} is repaired by hand only", name),
    };
    let mut facts = vec![level];
    facts.extend(
        service
            .redundancy_group
            .as_ref()
            .map(|group| phrase!("it is a member of the redundancy group {group}", group)),
    );
    if service.criticality != Criticality::default() {
        let criticality = service.criticality.as_str();
        facts.push(phrase!("its criticality is {criticality}", criticality));
    }
    let needs = names(service.depends_on.iter().map(|name| name.as_str()));
    facts.extend(needs.map(|needs| phrase!("it depends on {services}", services = needs)));
    let dependents = dependencies::dependents(services, name).into_iter();
    let dependents = names(dependents.map(|dependent| dependent.name.as_str()));
    facts.extend(dependents.map(|all| phrase!("{services} depend on it", services = all)));
    let owner = service.owner.as_ref();
    facts.extend(owner.map(|owner| phrase!("{owner} looks after it", owner)));
    at_once(
        Source::Registry,
        service.name.to_string(),
        now,
        Found::Known { facts },
    )
}

/// The first names of a list, with how many more there are.
fn names<'a>(names: impl Iterator<Item = &'a str>) -> Option<String> {
    let names: Vec<&str> = names.collect();
    let more = names.len().saturating_sub(NAMES_SHOWN);
    let shown = names.get(..NAMES_SHOWN).unwrap_or(&names).join(", ");
    match (names.is_empty(), more) {
        (true, _) => None,
        (false, 0) => Some(shown),
        (false, more) => Some(format!("{shown} (+{more})")),
    }
}

#[cfg(test)]
mod tests {
    use domain::alert::Alert;
    use domain::analysis::evidence::{Found, Source};
    use jiff::Timestamp;

    use super::sender;
    use crate::evidence::kept;
    use crate::evidence::stand_in::alert;

    #[test]
    fn words_of_the_sender_are_evidence_without_secrets() {
        let silent = alert(&[]);
        assert_eq!(sender(&silent, Timestamp::UNIX_EPOCH), None);
        let pairs = [("cpu_percent", "97.2"), ("password", "hunter2hunter2")];
        let alert = Alert {
            source: "cron".to_owned(),
            alert_id: Some("a-17".to_owned()),
            measurements: pairs.map(|(k, v)| (k.to_owned(), v.to_owned())).into(),
            ..silent
        };
        let evidence = kept(sender(&alert, Timestamp::UNIX_EPOCH).expect("evidence"));
        assert_eq!(
            (evidence.source, evidence.asked.to_string().as_str()),
            (Source::Sender, "cron")
        );
        let Found::Known { facts } = evidence.found else {
            panic!("facts")
        };
        assert_eq!(facts[..2], ["alert_id=a-17", "cpu_percent=97.2"]);
        assert!(!format!("{facts:?}").contains("hunter2"), "{facts:?}");
    }
}
