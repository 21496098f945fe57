//! Gathers the evidence for an incident: every source at once, each with its own deadline, none of them needed.

use domain::analysis::evidence::{Evidence, Found, Source};
use domain::incident::Incident;
use domain::playbook::service::{Level, Service};
use jiff::Timestamp;

use crate::app::App;
use crate::evidence::{at_once, kept};
use crate::trace::Span;

/// What was found out about an incident.
#[derive(Debug)]
pub(crate) struct Gathered {
    /// Everything that was asked, and what came back.
    pub(crate) evidence: Vec<Evidence>,
    /// The earlier incidents of its fingerprint, newest first; none if one of them could not be read, because nothing can be concluded then.
    pub(crate) past: Vec<Incident>,
}

impl App {
    /// Asks every source. A source that fails is evidence too: it says so.
    pub(crate) async fn gather(
        &self,
        incident: &Incident,
        service: Option<&Service>,
        now: Timestamp,
        span: &Span,
    ) -> Gathered {
        let settings = &self.analyzer.settings.evidence;
        let near = self.near(&incident.alert);
        let ((past, past_evidence), open, prometheus, signoz) = tokio::join!(
            self.past(incident, settings, now, span),
            self.open(incident, &near, settings, now, span),
            self.prometheus(incident, service, now, span),
            self.signoz(incident, service, now, span),
        );
        let registry = service.map(|service| registry(service, now));
        let evidence = prometheus
            .into_iter()
            .chain(signoz)
            .chain(past_evidence)
            .chain(open)
            .chain(registry);
        Gathered {
            evidence: evidence.map(kept).collect(),
            past,
        }
    }
}

/// What the service registry says of a service.
fn registry(service: &Service, now: Timestamp) -> Evidence {
    let level = match service.level {
        Level::Auto => "may be repaired without a human",
        Level::Approval => "is repaired with an approval",
        Level::Manual => "is repaired by hand only",
    };
    let mut facts = vec![format!("the service {} {level}", service.name)];
    facts.extend(
        service
            .redundancy_group
            .as_ref()
            .map(|group| format!("it is a member of the redundancy group {group}")),
    );
    at_once(
        Source::Registry,
        service.name.to_string(),
        now,
        Found::Known { facts },
    )
}
