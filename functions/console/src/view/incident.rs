//! View of one incident with all that is known about it.

use chart::Chart;
use domain::alert::AlertSeverity;
use domain::alert::labels::Texts;
use domain::analysis::Analysis;
use domain::analysis::evidence::{Evidence, Found, Measurement};
use domain::incident::guardrail::GuardrailOutcome;
use domain::incident::{Incident, Status};
use domain::notification::channels::Channels;
use domain::primitives::phrase::Phrase;
use jiff::Timestamp;
use serde::Serialize;

use crate::say::{Moment, Say};
use crate::view::people::{ApprovalView, ResponseView};
use crate::view::plan::PlanView;
use crate::view::repair::RepairView;
use crate::view::summary::Summary;

#[derive(Debug, Clone, Serialize)]
pub(crate) struct IncidentView {
    #[serde(flatten)]
    pub(crate) summary: Summary,
    pub(crate) fingerprint: String,
    pub(crate) alert: AlertView,
    /// Its sentences are said in the reader's language already.
    pub(crate) evidence: Vec<Evidence>,
    /// The same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) analysis: Option<Analysis>,
    /// What repaired its fingerprint before, and why no model answered.
    #[serde(skip)]
    pub(crate) remembered: Option<String>,
    #[serde(skip)]
    pub(crate) fell_back_because: Option<String>,
    #[serde(skip)]
    pub(crate) no_cause_because: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) plan: Option<PlanView>,
    /// Why there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) no_plan_because: Option<String>,
    pub(crate) guardrails: Vec<GuardrailView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) approval: Option<ApprovalView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) repair: Option<RepairView>,
    pub(crate) earlier_repairs: Vec<RepairView>,
    pub(crate) response: ResponseView,
    /// The end of its operation log: what a checkpoint of it has to agree with.
    pub(crate) log: LogEnd,
    pub(crate) version: u64,
}

/// What the alert itself says. All of it comes from outside.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct AlertView {
    pub(crate) name: String,
    pub(crate) severity: AlertSeverity,
    pub(crate) source: String,
    pub(crate) starts_at: Timestamp,
    pub(crate) labels: Texts,
    pub(crate) annotations: Texts,
    pub(crate) measurements: Texts,
    /// Other things that the alerts of the delivery that opened it are about.
    pub(crate) targets: Vec<String>,
}

#[derive(Debug, Clone, Serialize)]
pub(crate) struct GuardrailView {
    pub(crate) guardrail: &'static str,
    pub(crate) passed: bool,
    pub(crate) why: String,
}

#[derive(Debug, Clone, Serialize)]
pub(crate) struct LogEnd {
    pub(crate) entries: u64,
    pub(crate) hash: String,
}

impl IncidentView {
    pub(crate) fn of(incident: &Incident, channels: &Channels, say: Say) -> Self {
        let plan = incident.plan.as_ref();
        let no_plan = incident.no_plan_because.as_ref().filter(|_| plan.is_none());
        let analysis = incident
            .analysis
            .clone()
            .map(|found| said_analysis(found, say));
        let said = |phrase: &Option<Phrase>| phrase.as_ref().map(ToString::to_string);
        let earlier = incident.earlier_repairs.iter();
        Self {
            summary: Summary::of(incident, channels),
            fingerprint: incident.fingerprint.to_string(),
            alert: AlertView::of(incident),
            evidence: said_evidence(&incident.evidence, say),
            remembered: analysis.as_ref().and_then(|found| said(&found.remembered)),
            fell_back_because: analysis
                .as_ref()
                .and_then(|found| said(&found.fell_back_because)),
            no_cause_because: analysis
                .as_ref()
                .and_then(|found| said(&found.no_cause_because)),
            analysis,
            plan: plan.map(|plan| PlanView::of(plan, say)),
            no_plan_because: no_plan.map(|why| say.sentence(why)),
            guardrails: incident
                .guardrails
                .iter()
                .map(|one| GuardrailView::of(one, say))
                .collect(),
            approval: incident
                .approval
                .as_ref()
                .map(|approval| ApprovalView::of(approval, say)),
            repair: incident
                .repair
                .as_ref()
                .map(|repair| RepairView::of(repair, None, say)),
            earlier_repairs: earlier
                .map(|earlier| RepairView::of(&earlier.repair, Some(&earlier.playbook), say))
                .collect(),
            response: ResponseView::of(incident),
            log: LogEnd {
                entries: incident.log_head.sequence,
                hash: incident.log_head.hash.clone(),
            },
            version: incident.version,
        }
    }

    /// True while a decision can be made on the page.
    pub(crate) fn can_decide(&self) -> bool {
        let pending = self
            .approval
            .as_ref()
            .is_some_and(|approval| approval.state == "pending");
        pending && self.summary.status == Status::AwaitingApproval.as_str()
    }

    /// True while a repair can be stopped.
    pub(crate) fn can_stop(&self) -> bool {
        [Status::Approved.as_str(), Status::Repairing.as_str()].contains(&self.summary.status)
    }

    /// The measurements, with the number of the chart of those that have one.
    pub(crate) fn measurements(&self) -> Vec<(&Measurement, Option<usize>)> {
        let mut charts = 0;
        let measured = self.evidence.iter().flat_map(measurements);
        let numbered = measured.map(|measurement| {
            let number = measurement.series.as_ref().map(|_| charts);
            charts += usize::from(number.is_some());
            (measurement, number)
        });
        numbered.collect()
    }

    /// The cause and what to do, in the reader's language where the finding is a rule's that has it.
    pub(crate) fn cause_and_action(&self, say: &Say) -> Option<(&str, &str)> {
        let analysis = self.analysis.as_ref()?;
        Some(match analysis.translations.get(&say.language) {
            Some(texts) => (&texts.root_cause, &texts.action),
            None => (&analysis.root_cause, &analysis.suggested_action),
        })
    }

    /// The title of the cause that a recipe found, on what it rests, and the evidence that it cites, such as `E1, E2`.
    pub(crate) fn known_cause(&self, say: &Say) -> Option<(&str, &'static str, String)> {
        let cause = self.analysis.as_ref()?.cause.as_ref()?;
        let kind = say.word("evidence_kind", cause.evidence.as_str());
        Some((cause.title_in(say.language), kind, cause.cited()))
    }

    /// What decides the urgency, in the reader's language.
    pub(crate) fn urgency_because(&self) -> Option<String> {
        let deciding = self.analysis.as_ref()?.urgency.deciding();
        let because: Vec<String> = deciding.map(|ground| ground.why.to_string()).collect();
        (!because.is_empty()).then(|| because.join(" · "))
    }

    /// How often such causes were right, where that is known of any.
    pub(crate) fn right_of(&self, say: &Say) -> Option<String> {
        let counts = self.analysis.as_ref()?.confidence?.counts;
        let (right, known) = (counts.right.to_string(), counts.known().to_string());
        let fields = [("right", right.as_str()), ("judged", known.as_str())];
        (counts.known() > 0).then(|| say.filled("right_of", &fields))
    }

    /// The services that depend on its service, and the others of its redundancy group.
    pub(crate) fn blast_radius(&self) -> Vec<(&'static str, String)> {
        let Some(analysis) = &self.analysis else {
            return Vec::new();
        };
        let radius = &analysis.blast_radius;
        let dependents = radius.related_services.join(", ");
        let peers = radius.peers.as_ref();
        let peers =
            peers.map(|peers| format!("{}/{} ({})", peers.healthy, peers.members, peers.group));
        let rows = [
            ("needed_by", (!dependents.is_empty()).then_some(dependents)),
            ("healthy_peers", peers),
        ];
        rows.into_iter()
            .filter_map(|(name, value)| Some((name, value?)))
            .collect()
    }
}

fn said_evidence(evidence: &[Evidence], say: Say) -> Vec<Evidence> {
    let mut evidence = evidence.to_vec();
    for piece in &mut evidence {
        piece.change_phrases(|phrase| say.sentence(&phrase).into());
    }
    evidence
}

fn said_analysis(found: Analysis, say: Say) -> Analysis {
    let said = |phrase: Option<Phrase>| phrase.map(|phrase| say.sentence(&phrase).into());
    let mut urgency = found.urgency;
    for ground in &mut urgency.grounds {
        ground.why = say.sentence(&ground.why).into();
    }
    Analysis {
        urgency,
        deviation: said(found.deviation),
        remembered: said(found.remembered),
        fell_back_because: said(found.fell_back_because),
        ..found
    }
}

/// The measurements of a piece of evidence.
pub(crate) fn measurements(evidence: &Evidence) -> &[Measurement] {
    match &evidence.found {
        Found::Measured { measurements, .. } => measurements,
        _ => &[],
    }
}

/// The chart of this number of an incident.
pub(crate) fn chart(incident: &Incident, number: usize) -> Option<String> {
    let measured = incident.evidence.iter().flat_map(measurements);
    let mut charted = measured.filter_map(|measured| Some((measured, measured.series.as_ref()?)));
    let (measurement, series) = charted.nth(number)?;
    let chart = Chart {
        series,
        threshold: measurement.threshold(),
        unit: &measurement.unit,
        began: Some(incident.alert.starts_at),
        zone: None,
    };
    chart.svg()
}

impl AlertView {
    fn of(incident: &Incident) -> Self {
        let alert = &incident.alert;
        Self {
            name: alert.name.clone(),
            severity: alert.severity,
            source: alert.source.clone(),
            starts_at: alert.starts_at,
            labels: alert.labels.clone(),
            annotations: alert.annotations.clone(),
            measurements: alert.measurements.clone(),
            targets: incident.targets.clone(),
        }
    }

    pub(crate) fn began(&self) -> Moment {
        Moment(self.starts_at)
    }
}

impl GuardrailView {
    fn of(outcome: &GuardrailOutcome, say: Say) -> Self {
        Self {
            guardrail: outcome.guardrail.as_str(),
            passed: outcome.passed,
            why: say.sentence(&outcome.why),
        }
    }
}
