//! Presenter: renders messages from the state in the store, the same for every kind of channel.

use domain::analysis::budget::Spending;
use domain::analysis::evidence::charted;
use domain::incident::Incident;
use domain::incident::operation_log::Entry;
use domain::notification::channels::{Channels, Language};
use domain::notification::notice::Notice;
use domain::notification::outbox::{Shown, Trouble};
use domain::notification::pipeline_run::PipelineRun;
use domain::notification::progress::Progress;
use domain::playbook::plan::PlannedStep;
use domain::primitives::digest::Digest;
use domain::primitives::id::IncidentId;
use domain::primitives::local_time::Zone;
use domain::transition::decision::quorum::without_approver;
use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::{Value, json};

use crate::render::buttons::CardContext;
use crate::render::content::Content;
use crate::render::markup::{MESSAGE_UNITS, Markup, Mention};
use crate::render::responsible::{mentioned, responsible};
use crate::render::templates::Templates;
use crate::render::view::about::named_namespace;
use crate::render::view::chart::ChartCaption;
use crate::render::view::{self, Names};

#[derive(Debug, Clone, PartialEq)]
pub struct Presented {
    /// What it is about, for machines (see [`crate::render::content::Post::about`]).
    pub about: &'static str,
    pub content: Content,
    /// The same for machines.
    pub facts: Value,
    /// What of it is compared with what a card shows already.
    pub shown: Shown,
}

/// Renders the messages of one channel.
#[derive(Debug, Clone, Copy)]
pub struct Presenter<'a> {
    pub templates: &'a Templates,
    pub language: Language,
    /// The time zone of its readers; none is UTC.
    pub zone: Option<&'a Zone>,
    /// Whether an Alertmanager is known that can be asked for silences.
    pub silences: bool,
    /// Who people are: names in place of ids, and mentions.
    pub channels: &'a Channels,
}

impl Presenter<'_> {
    /// The card of an incident as it is now.
    pub fn incident(&self, incident: &Incident, now: Timestamp) -> Presented {
        let silenced_until = incident.silenced_until(now);
        let context = CardContext {
            silence_possible: self.silences,
            silenced_until,
            no_approver: without_approver(self.channels, incident, now),
            names: self.names(),
        };
        let card = |incident: &Incident| self.templates.card(self.language, incident, &context);
        let content = card(incident);
        let shown = Shown {
            whole: digest(&content),
            but_count: digest(&card(&Incident {
                hit_count: 1,
                ..incident.clone()
            })),
            result: incident
                .repair
                .as_ref()
                .is_some_and(|repair| repair.outcome.is_some()),
            sequence: incident.log_head.sequence,
            progress: Progress::of(incident),
            failed: Vec::new(),
        };
        Presented {
            about: "incident",
            content,
            facts: facts(incident),
            shown,
        }
    }

    /// The card of a run of a delivery pipeline.
    pub fn pipeline_run(&self, run: &PipelineRun) -> Presented {
        let stages: Vec<Value> = run
            .stages
            .iter()
            .map(|stage| json!({ "name": stage.name, "state": stage.state.as_str() }))
            .collect();
        let facts = json!({ "pipeline": run.name, "commit": run.commit, "incident_id": run.newest, "stages": stages });
        let mut presented = told(
            "pipeline",
            self.templates.pipeline_run(self.language, run),
            facts,
        );
        presented.shown.failed = run.failed();
        presented
    }

    /// That the budget of a day is used up. What is spent later that day changes nothing for the reader.
    pub fn budget(&self, day: Date, spending: &Spending) -> Presented {
        let day_only = Digest::new().field(day.to_string()).hex();
        let shown = Shown {
            whole: day_only.clone(),
            but_count: day_only,
            result: false,
            sequence: 0,
            progress: None,
            failed: Vec::new(),
        };
        let facts = json!({ "day": day, "committed_micro_usd": spending.committed });
        Presented {
            about: "notice",
            content: self.templates.budget(self.language, day, spending),
            facts,
            shown,
        }
    }

    /// That people are not told something.
    pub fn trouble(&self, trouble: &Trouble) -> Presented {
        let view = view::notices::Trouble::of(trouble);
        let facts = json!({ "problem": view.problem, "channel": view.channel });
        let content = self.templates.trouble(self.language, &view);
        told("trouble", content, facts)
    }

    /// The evidence and the end of the operation log of an incident.
    pub fn details(&self, incident: &Incident, log: &[Entry]) -> Presented {
        told(
            "details",
            self.templates
                .details(self.language, incident, log, self.names()),
            facts(incident),
        )
    }

    /// The earlier incidents of an incident's fingerprint, newest first.
    pub fn history(&self, incident: &Incident, past: &[Incident]) -> Presented {
        let earlier: Vec<Value> =
            past.iter().map(|past| json!({ "incident_id": past.id, "status": past.status, "opened_at": past.opened_at })).collect();
        let mut facts = facts(incident);
        facts["earlier"] = Value::from(earlier);
        told(
            "history",
            self.templates
                .history(self.language, incident, past, self.names()),
            facts,
        )
    }

    /// The caption of the chart of an incident's own value; nothing where it has none.
    pub fn chart(&self, incident: &Incident) -> Option<Presented> {
        let (measurement, series) = charted(&incident.evidence)?;
        let caption = ChartCaption::of(measurement, series);
        let content = self.templates.chart(self.language, &caption);
        Some(told("chart", content, facts(incident)))
    }

    /// That more people may decide too: the second list, or the next level of a team.
    pub fn escalation(&self, incident: &Incident, people: &[String]) -> Presented {
        let mut facts = facts(incident);
        facts["people"] = json!(people);
        let content = self
            .templates
            .escalation(self.language, incident, people, self.names());
        told("escalation", self.mentioning(content, people), facts)
    }

    /// The result of a repair, or whatever else of an incident people have to hear, with a mention of those who are responsible
    /// at this moment.
    pub fn notice(&self, incident: &Incident, notice: &Notice, now: Timestamp) -> Presented {
        let responsible = responsible(self.channels, incident, notice, now);
        let people = mentioned(self.channels, responsible, incident, notice, now);
        let mut facts = facts(incident);
        facts["update"] = json!(notice.what.as_str());
        facts["at"] = json!(notice.at);
        facts["people"] = json!(people);
        let content = self
            .templates
            .notice(self.language, incident, notice, self.names());
        told("update", self.mentioning(content, &people), facts)
    }

    /// That stages of a run of a delivery pipeline have failed. Who started the run is mentioned, if they are one of the people.
    pub fn pipeline_run_notice(&self, run: &PipelineRun, failed: &[IncidentId]) -> Presented {
        let people: Vec<String> = self
            .channels
            .people
            .keys()
            .filter(|name| **name == run.by)
            .cloned()
            .collect();
        let told_now = run
            .stages
            .iter()
            .filter(|stage| failed.contains(&stage.incident_id));
        let stages: Vec<Value> = told_now
            .map(|stage| json!({ "name": stage.name, "message": stage.message }))
            .collect();
        let facts = json!({
            "pipeline": run.name, "commit": run.commit, "incident_id": run.newest, "failed": stages, "people": people,
        });
        let content = self
            .templates
            .pipeline_run_notice(self.language, run, failed);
        told("pipeline_failed", self.mentioning(content, &people), facts)
    }

    fn names(&self) -> Names<'_> {
        Names::of(self.channels, self.zone)
    }

    /// The same with a last line that mentions people, for which there is always room.
    fn mentioning(&self, content: Content, people: &[String]) -> Content {
        if people.is_empty() {
            return content;
        }
        let mention = |name: &String| {
            let person = self.channels.people.get(name);
            let (telegram, slack) = person
                .map(|person| (person.telegram, person.slack.clone()))
                .unwrap_or_default();
            Mention {
                name: name.clone(),
                telegram,
                slack,
            }
        };
        let before = |place| if place == 0 { MENTION } else { ", " };
        let shown = people
            .iter()
            .take(MENTIONED)
            .enumerate()
            .map(|(place, name)| (before(place), mention(name)));
        let line = Markup::mentions(shown);
        let room = MESSAGE_UNITS.saturating_sub(line.units() + 1);
        Content {
            text: content.text.cut(room).then(line),
            ..content
        }
    }
}

/// The text before the people who are mentioned.
const MENTION: &str = "👤 ";
/// How many people are mentioned: their names have 32 characters at most.
const MENTIONED: usize = 10;

/// What machines are told of an incident. Texts are what the alert and the finding say: data, whoever reads them.
fn facts(incident: &Incident) -> Value {
    let (name, target, message) = incident.worst_texts();
    let mut facts = json!({
        "incident_id": incident.id, "fingerprint": incident.fingerprint, "status": incident.status, "severity": incident.severity,
        "hit_count": incident.hit_count, "flaps": incident.flaps, "opened_at": incident.opened_at, "resolved_at": incident.resolved_at,
        "name": name, "target": target, "message": message, "no_plan_because": incident.no_plan_because.as_ref().map(ToString::to_string),
    });
    if let Some(namespace) = named_namespace(&incident.alert) {
        facts["namespace"] = json!(namespace);
    }
    if let Some(analysis) = &incident.analysis {
        let counts = analysis
            .confidence
            .map(|sure| sure.counts)
            .unwrap_or_default();
        facts["analysis"] = json!({
            "root_cause": analysis.root_cause, "suggested_action": analysis.suggested_action,
            "urgency": analysis.urgency.level, "risk": analysis.urgency.level.as_risk(),
            "confidence": analysis.confidence.map(|sure| sure.mean), "right": counts.right, "judged": counts.known(),
            "provider": analysis.provider,
        });
    }
    if let Some(plan) = &incident.plan {
        let argv = |steps: &[PlannedStep]| {
            steps
                .iter()
                .map(|step| step.argv.clone())
                .collect::<Vec<_>>()
        };
        facts["plan"] = json!({
            "playbook": plan.playbook, "target": plan.target, "risk": plan.risk,
            "steps": argv(&plan.steps), "verify": argv(&plan.verify), "rollback": argv(&plan.rollback),
        });
    }
    if let Some(approval) = &incident.approval {
        facts["approval"] = json!({
            "approval_id": approval.id, "plan_hash": approval.plan_hash, "expires_at": approval.expires_at,
            "state": approval.state, "needed": approval.needed, "given": approval.given(),
        });
    }
    if !incident.response.is_empty() {
        facts["response"] = json!(incident.response);
    }
    if let Some(repair) = &incident.repair {
        facts["repair"] = json!({ "outcome": repair.outcome, "started_at": repair.started_at, "finished_at": repair.finished_at });
    }
    facts
}

fn told(about: &'static str, content: Content, facts: Value) -> Presented {
    let whole = digest(&content);
    let shown = Shown {
        but_count: whole.clone(),
        whole,
        result: false,
        sequence: 0,
        progress: None,
        failed: Vec::new(),
    };
    Presented {
        about,
        content,
        facts,
        shown,
    }
}

fn digest(content: &Content) -> String {
    let buttons = content.buttons.iter().flatten();
    let buttons = buttons.fold(Digest::new(), |digest, button| {
        digest.field(&button.label).field(button.ask.to_string())
    });
    Digest::new()
        .field(content.text.telegram())
        .field(buttons.hex())
        .hex()
}
