//! View of a finding: cause, action, evidence, and the cost of the analysis.

use domain::analysis::Analysis;
use domain::analysis::evidence::{Evidence, Found, Measurement, Trend, figure};
use domain::analysis::price::dollars;
use domain::incident::Incident;
use domain::primitives::safe_text::is_hidden;
use serde::Serialize;

use super::{NAME_CHARACTERS, Names, STEP_CHARACTERS, TEXT_CHARACTERS, short};

/// How many measurements are shown.
const MEASUREMENTS_SHOWN: usize = 4;
/// How many grounds of an urgency are shown.
const GROUNDS_SHOWN: usize = 2;
/// How many links are shown.
const LINKS_SHOWN: usize = 2;

/// The finding. Without an analysis every text is empty.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Finding {
    /// False until there is an analysis.
    pub analysed: bool,
    pub cause: String,
    pub action: String,
    /// A command to consider, only whole: one that is cut is another command, and people copy it.
    pub command: String,
    pub measurements: Vec<Measured>,
    /// Where to look further: the operator's own servers.
    pub links: Vec<Link>,
    /// What repaired it before.
    pub remembered: String,
    /// The urgency as a word of the original's interface: `critical` is P0, and `low` P3.
    pub risk: &'static str,
    /// What decides the urgency, in a few words each; empty where that is not known.
    pub urgency_because: String,
    /// How sure the cause is, in per cent; 0 where that is not known.
    pub confidence: u8,
    /// How often such causes were right, of so many whose outcome is known: 0 of 0 where nothing is.
    pub right: u32,
    pub judged: u32,
    /// How long users notice it, in words.
    pub downtime: String,
    /// `APP`, `INFRA`, `DATABASE`, `COLLAB` or `HUMAN`.
    pub responsibility: &'static str,
    /// Who found it: a provider's name, `static`, `recipe` or `memory`.
    pub provider: String,
    pub model: String,
    /// How many tokens it took.
    pub tokens: u64,
    /// What it cost, such as `$0.0012`; empty where it cost nothing.
    pub price: String,
    /// Why no model answered.
    pub fell_back_because: String,
    /// Why the recipe for the alert found no cause.
    pub no_cause_because: String,
    /// How to keep it from coming back: the first suggestion.
    pub tuning: String,
}

/// One value over a window of time.
#[derive(Debug, Clone, Serialize)]
pub struct Measured {
    /// `request_rate`, `error_rate`, `p99`, or the name of another query.
    pub name: String,
    pub value: String,
    /// Its unit, or nothing.
    pub unit: String,
    /// `↗`, `→` or `↘`.
    pub trend: &'static str,
    /// At what the alert fires, such as `> 90`; empty where that is not known.
    pub limit: String,
    /// The least value of the window.
    pub least: String,
    pub most: String,
}

/// A link to one of the operator's own servers.
#[derive(Debug, Clone, Serialize)]
pub struct Link {
    /// Whose: `prometheus` or `signoz`.
    pub source: &'static str,
    /// `http` or `https`.
    pub url: String,
}

impl Finding {
    /// What an incident's analysis says.
    pub fn of(incident: &Incident, names: Names<'_>) -> Self {
        let Some(analysis) = &incident.analysis else {
            return Self::default();
        };
        let text = |text: &str| short(text, TEXT_CHARACTERS);
        let translated = names.texts(analysis);
        let (cause, action, suggestions) = translated.map_or(
            (
                &analysis.root_cause,
                &analysis.suggested_action,
                &analysis.optimisation_suggestions,
            ),
            |texts| (&texts.root_cause, &texts.action, &texts.suggestions),
        );
        let counts = analysis
            .confidence
            .map(|sure| sure.counts)
            .unwrap_or_default();
        Self {
            analysed: true,
            cause: text(cause),
            action: text(action),
            command: whole(analysis.suggested_command.as_deref()),
            measurements: measurements(&incident.evidence),
            links: incident
                .evidence
                .iter()
                .filter_map(Link::of)
                .take(LINKS_SHOWN)
                .collect(),
            remembered: analysis
                .remembered
                .as_ref()
                .map(|sentence| names.say(sentence, TEXT_CHARACTERS))
                .unwrap_or_default(),
            risk: analysis.urgency.level.as_risk().as_str(),
            urgency_because: urgency_because(analysis, names),
            confidence: percent(analysis),
            right: counts.right,
            judged: counts.known(),
            downtime: short(&analysis.blast_radius.estimated_downtime, NAME_CHARACTERS),
            responsibility: analysis.primary_responsibility.as_str(),
            provider: short(&analysis.provider, NAME_CHARACTERS),
            model: analysis
                .model
                .as_deref()
                .map(|model| short(model, NAME_CHARACTERS))
                .unwrap_or_default(),
            tokens: analysis.tokens,
            price: if analysis.price_micro_usd > 0 {
                dollars(analysis.price_micro_usd)
            } else {
                String::new()
            },
            fell_back_because: analysis
                .fell_back_because
                .as_ref()
                .map(|why| names.say(why, TEXT_CHARACTERS))
                .unwrap_or_default(),
            no_cause_because: analysis
                .no_cause_because
                .as_ref()
                .map(|why| names.say(why, TEXT_CHARACTERS))
                .unwrap_or_default(),
            tuning: suggestions.first().map(|tip| text(tip)).unwrap_or_default(),
        }
    }
}

/// A command if all of it can be shown as it is.
fn whole(command: Option<&str>) -> String {
    let shown = command.map(str::trim).filter(|text| {
        text.chars().take(TEXT_CHARACTERS + 1).count() <= TEXT_CHARACTERS
            && !text.contains(|c| is_hidden(c) || c == '\n' || c == '\t')
    });
    shown.unwrap_or_default().to_owned()
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it is between 0 and 100"
)]
fn percent(analysis: &Analysis) -> u8 {
    let mean = analysis.confidence.map_or(0.0, |sure| sure.mean);
    (mean * 100.0).round().clamp(0.0, 100.0) as u8
}

/// The grounds that decide the urgency, the measured ones first: of those people do not know yet.
fn urgency_because(analysis: &Analysis, names: Names<'_>) -> String {
    let mut grounds: Vec<_> = analysis.urgency.deciding().collect();
    grounds.sort_by_key(|ground| !ground.basis.is_measured());
    let grounds = grounds.into_iter().take(GROUNDS_SHOWN);
    let said: Vec<String> = grounds
        .map(|ground| names.say(&ground.why, NAME_CHARACTERS))
        .collect();
    said.join(" · ")
}

fn measurements(evidence: &[Evidence]) -> Vec<Measured> {
    let measured = |evidence: &Evidence| match &evidence.found {
        Found::Measured { measurements, .. } => measurements.clone(),
        _ => Vec::new(),
    };
    // The value of the alert's own expression, which has a limit, and so not the whole expression as well.
    let compared: Vec<String> = evidence
        .iter()
        .filter(|piece| measured(piece).iter().any(|one| one.limit.is_some()))
        .map(|piece| piece.asked.to_string())
        .collect();
    let is_whole = |piece: &&Evidence| {
        let asked = piece.asked.to_string();
        compared
            .iter()
            .any(|value| asked.len() > value.len() && asked.trim_start().starts_with(value))
    };
    evidence
        .iter()
        .filter(|piece| !is_whole(piece))
        .flat_map(measured)
        .take(MEASUREMENTS_SHOWN)
        .map(|measurement| Measured::of(&measurement))
        .collect()
}

impl Measured {
    pub(super) fn of(measurement: &Measurement) -> Self {
        let trend = match measurement.trend {
            Trend::Rising => "↗",
            Trend::Falling => "↘",
            Trend::Stable => "→",
        };
        Self {
            name: short(&measurement.name, STEP_CHARACTERS),
            value: figure(measurement.value),
            unit: short(&measurement.unit, NAME_CHARACTERS),
            trend,
            limit: short(
                measurement.limit.as_deref().unwrap_or_default(),
                NAME_CHARACTERS,
            ),
            least: figure(measurement.least),
            most: figure(measurement.most),
        }
    }
}

impl Link {
    /// The link of a piece of evidence, if it leads to a web page.
    pub(super) fn of(evidence: &Evidence) -> Option<Self> {
        let Found::Measured {
            link: Some(url), ..
        } = &evidence.found
        else {
            return None;
        };
        let web = (url.starts_with("https://") || url.starts_with("http://"))
            && !url.contains(|c: char| c.is_whitespace() || c.is_control() || is_hidden(c));
        web.then(|| Self {
            source: evidence.source.as_str(),
            url: url.clone(),
        })
    }
}
