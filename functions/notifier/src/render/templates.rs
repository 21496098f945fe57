//! Message templates: the built-in ones for every language, and the operator's own in their place.

use crate::render::buttons::CardContext;
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use domain::analysis::budget::Spending;
use domain::incident::Incident;
use domain::incident::operation_log::Entry;
use domain::incident::parts::IncidentKind;
use domain::notification::channels::Language;
use domain::notification::notice;
use domain::notification::pipeline_run;
use domain::primitives::id::IncidentId;
use jiff::civil::Date;
use minijinja::value::{Serde, Value, ValueKind};
use minijinja::{
    AutoEscape, Environment, Output, State, UndefinedBehavior, context, syntax::SyntaxConfig,
};
use serde::Serialize;
use thiserror::Error;
use tracing::error;

use crate::render::buttons;
use crate::render::content::Content;
use crate::render::markup::{MESSAGE_UNITS, Markup, RichError, escape};
use crate::render::view::Names;
use crate::render::view::details::Details;
use crate::render::view::flow::{Flow, FlowNotice};
use crate::render::view::history::History;
use crate::render::view::incident::{Card, Pipeline};
use crate::render::view::notices::{Budget, Escalation, Notice};
use crate::render::words::words;

/// How many steps a template may take: a large card takes a few thousand.
const FUEL: u64 = 200_000;
/// The longest template, in bytes.
const LONGEST_TEMPLATE: u64 = 64 * 1024;
/// How many entries of a log are shown, if they fit: fewer where they are long.
const ENTRIES_SHOWN: [usize; 6] = [20, 15, 10, 7, 4, 2];
/// How many earlier incidents.
const EARLIER_SHOWN: [usize; 4] = [15, 10, 5, 2];

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// The card of an incident.
    Incident,
    /// The card of a storm.
    Storm,
    /// A report of a delivery pipeline that names no run.
    Pipeline,
    /// The card of a run of a delivery pipeline.
    Flow,
    /// The notice that the budget for models is used up.
    Budget,
    /// The details of an incident.
    Details,
    /// The earlier incidents of its fingerprint.
    History,
    /// The notice of an undecided plan.
    Escalation,
    /// The result of a repair, and whatever else of an incident people have to hear.
    Notice,
    /// That a stage of a run of a delivery pipeline has failed.
    FlowNotice,
}

impl Kind {
    pub const ALL: [Self; 10] = [
        Self::Incident,
        Self::Storm,
        Self::Pipeline,
        Self::Flow,
        Self::Budget,
        Self::Details,
        Self::History,
        Self::Escalation,
        Self::Notice,
        Self::FlowNotice,
    ];

    /// The name of its template, without `.html`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Incident => "incident",
            Self::Storm => "storm",
            Self::Pipeline => "pipeline",
            Self::Flow => "flow",
            Self::Budget => "budget",
            Self::Details => "details",
            Self::History => "history",
            Self::Escalation => "escalation",
            Self::Notice => "notice",
            Self::FlowNotice => "flow_notice",
        }
    }
}

macro_rules! built_in {
    ($kind:expr, $tag:literal) => {
        match $kind {
            Kind::Incident => include_str!(concat!("../../templates/", $tag, "/incident.html")),
            Kind::Storm => include_str!(concat!("../../templates/", $tag, "/storm.html")),
            Kind::Pipeline => include_str!(concat!("../../templates/", $tag, "/pipeline.html")),
            Kind::Flow => include_str!(concat!("../../templates/", $tag, "/flow.html")),
            Kind::Budget => include_str!(concat!("../../templates/", $tag, "/budget.html")),
            Kind::Details => include_str!(concat!("../../templates/", $tag, "/details.html")),
            Kind::History => include_str!(concat!("../../templates/", $tag, "/history.html")),
            Kind::Escalation => include_str!(concat!("../../templates/", $tag, "/escalation.html")),
            Kind::Notice => include_str!(concat!("../../templates/", $tag, "/notice.html")),
            Kind::FlowNotice => {
                include_str!(concat!("../../templates/", $tag, "/flow_notice.html"))
            }
        }
    };
}

fn built_in(language: Language, kind: Kind) -> &'static str {
    match language {
        Language::English => built_in!(kind, "en"),
        Language::TraditionalChinese => built_in!(kind, "zh-TW"),
    }
}

/// What is wrong with an operator's template.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{file}:{line}: {what}")]
pub struct Broken {
    /// The file, from the directory of the configuration.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// What is wrong, in words.
    pub what: String,
}

pub struct Templates {
    built_in: Environment<'static>,
    own: BTreeMap<(Language, Kind), Result<Environment<'static>, Broken>>,
}

impl fmt::Debug for Templates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Templates")
            .field("own", &self.own.keys())
            .finish_non_exhaustive()
    }
}

impl Templates {
    /// The built-in templates, and those that the operator has put into `<config_dir>/templates/<language>/<name>.html` in their place.
    /// One that is broken is logged, and the built-in one speaks.
    #[must_use]
    pub fn load(config_dir: &Path) -> Self {
        let mut own = BTreeMap::new();
        for (language, kind) in every() {
            let file = file(language, kind);
            let path = config_dir.join(&file);
            if !path.exists() {
                continue;
            }
            let loaded = read(&path, &file).and_then(|source| environment(source, &file));
            if let Err(broken) = &loaded {
                error!(file = %broken.file, line = broken.line, what = %broken.what, "a template is broken: the built-in one takes its place");
            }
            own.insert((language, kind), loaded);
        }
        Self {
            built_in: built_ins(),
            own,
        }
    }

    /// The card of an incident, of a storm, or of a report of a delivery pipeline, with its buttons.
    #[must_use]
    pub fn card(
        &self,
        language: Language,
        incident: &Incident,
        extras: &CardContext<'_>,
    ) -> Content {
        let card = || Card::of(incident, extras.silenced_until, extras.names);
        let text = match incident.kind {
            IncidentKind::Pipeline => self.text(language, Kind::Pipeline, &Pipeline::of(incident)),
            IncidentKind::Storm(_) => self.text(language, Kind::Storm, &card()),
            IncidentKind::Alert | IncidentKind::StormMember { .. } => {
                self.text(language, Kind::Incident, &card())
            }
        };
        Content {
            text,
            buttons: buttons::of(language, incident, extras),
        }
    }

    /// The card of a run of a delivery pipeline.
    #[must_use]
    pub fn flow(&self, language: Language, run: &pipeline_run::PipelineRun) -> Content {
        without_buttons(self.text(language, Kind::Flow, &Flow::of(run)))
    }

    /// The notice that a day's budget for models is used up.
    #[must_use]
    pub fn budget(&self, language: Language, day: Date, spending: &Spending) -> Content {
        without_buttons(self.text(language, Kind::Budget, &Budget::of(day, spending)))
    }

    /// The evidence, the guardrails, the plan, and as many of the last entries of the log as fit.
    #[must_use]
    pub fn details(
        &self,
        language: Language,
        incident: &Incident,
        entries: &[Entry],
        names: Names<'_>,
    ) -> Content {
        let text = |most| {
            self.whole(
                language,
                Kind::Details,
                &Details::of(incident, entries, most, names),
            )
        };
        without_buttons(fitting(&ENTRIES_SHOWN, text))
    }

    /// As many of the earlier incidents of the fingerprint as fit, in the order in which they are given.
    #[must_use]
    pub fn history(
        &self,
        language: Language,
        incident: &Incident,
        earlier: &[Incident],
        names: Names<'_>,
    ) -> Content {
        let text = |most| {
            self.whole(
                language,
                Kind::History,
                &History::of(incident, earlier, most, names),
            )
        };
        without_buttons(fitting(&EARLIER_SHOWN, text))
    }

    /// The notice of an undecided plan, for the people who are asked next. It has the buttons of
    /// the decision.
    #[must_use]
    pub fn escalation(
        &self,
        language: Language,
        incident: &Incident,
        people: &[String],
    ) -> Content {
        let text = self.text(
            language,
            Kind::Escalation,
            &Escalation::of(incident, people),
        );
        Content {
            text,
            buttons: buttons::decision(language, incident).into_iter().collect(),
        }
    }

    /// The result of a repair, or whatever else of an incident people have to hear. While a decision can be made it has the buttons for it.
    #[must_use]
    pub fn notice(
        &self,
        language: Language,
        incident: &Incident,
        notice: &notice::Notice,
        names: Names<'_>,
    ) -> Content {
        let text = self.text(language, Kind::Notice, &Notice::of(incident, notice, names));
        Content {
            text,
            buttons: buttons::decision(language, incident).into_iter().collect(),
        }
    }

    /// That stages of a run of a delivery pipeline have failed, which are known by their reports.
    #[must_use]
    pub fn flow_notice(
        &self,
        language: Language,
        run: &pipeline_run::PipelineRun,
        failed: &[IncidentId],
    ) -> Content {
        without_buttons(self.text(language, Kind::FlowNotice, &FlowNotice::of(run, failed)))
    }

    /// What is wrong with the operator's templates, as far as it can be told without rendering.
    pub fn broken(&self) -> impl Iterator<Item = &Broken> {
        self.own.values().filter_map(|own| own.as_ref().err())
    }

    /// Renders the operator's template, if there is one.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn own(
        &self,
        language: Language,
        kind: Kind,
        view: &impl Serialize,
    ) -> Option<Result<Markup, Broken>> {
        let file = file(language, kind);
        Some(match self.own.get(&(language, kind))? {
            Ok(environment) => render(environment, &file, language, view),
            Err(broken) => Err(broken.clone()),
        })
    }

    fn text(&self, language: Language, kind: Kind, view: &impl Serialize) -> Markup {
        self.whole(language, kind, view).cut(MESSAGE_UNITS)
    }

    fn whole(&self, language: Language, kind: Kind, view: &impl Serialize) -> Markup {
        let broken = match self.own(language, kind, view) {
            Some(Ok(text)) => return text,
            Some(Err(broken)) => Some(broken),
            None => None,
        };
        let text = render(&self.built_in, &name(language, kind), language, view).unwrap_or_else(|broken| {
            error!(file = %broken.file, line = broken.line, what = %broken.what, "a built-in template failed");
            Markup::text(&broken.file)
        });
        let Some(broken) = broken else { return text };
        error!(file = %broken.file, line = broken.line, what = %broken.what, "a template is broken: the built-in one takes its place");
        let note = Markup::text(&format!(
            "⚠ {}: {}:{}",
            words(language).broken_template(),
            broken.file,
            broken.line
        ));
        let room = MESSAGE_UNITS.saturating_sub(note.units() + 1);
        text.cut(room).then(note)
    }
}

/// Every language with every kind.
pub(crate) fn every() -> impl Iterator<Item = (Language, Kind)> {
    Language::ALL
        .into_iter()
        .flat_map(|language| Kind::ALL.map(|kind| (language, kind)))
}

/// Where an operator's template is, from the directory of the configuration.
pub(crate) fn file(language: Language, kind: Kind) -> String {
    format!("templates/{}/{}.html", language.tag(), kind.name())
}

fn name(language: Language, kind: Kind) -> String {
    format!("built-in {}", file(language, kind))
}

fn without_buttons(text: Markup) -> Content {
    Content {
        text,
        buttons: Vec::new(),
    }
}

/// The first text that fits into a message; the last one is cut.
fn fitting(most: &[usize], text: impl Fn(usize) -> Markup) -> Markup {
    let mut last = Markup::default();
    for &most in most {
        last = text(most);
        if last.units() <= MESSAGE_UNITS {
            return last;
        }
    }
    last.cut(MESSAGE_UNITS)
}

fn read(path: &Path, file: &str) -> Result<String, Broken> {
    let broken = |what: String| Broken {
        file: file.to_owned(),
        line: 1,
        what,
    };
    let length = path
        .metadata()
        .map_err(|error| broken(format!("it cannot be read: {error}")))?
        .len();
    if length > LONGEST_TEMPLATE {
        return Err(broken(format!(
            "it has {length} bytes, and a template has {LONGEST_TEMPLATE} at most"
        )));
    }
    std::fs::read_to_string(path).map_err(|error| broken(format!("it cannot be read: {error}")))
}

/// The language of templates: Jinja without files, in which every value is escaped and an unknown field is an error.
fn bare() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.set_formatter(escaped);
    environment.set_fuel(Some(FUEL));
    let mut syntax = SyntaxConfig::default().to_builder();
    syntax.trim_blocks(true).lstrip_blocks(true);
    // Only delimiters can be in conflict, and they are the default ones.
    environment.set_syntax(syntax.build().unwrap_or_default());
    // What comes from outside stays text, whatever a template says. `{% autoescape %}` changes nothing either: `escaped` does not ask.
    environment.remove_filter("safe");
    environment
}

fn escaped(
    out: &mut Output<'_>,
    _: &mut State<'_, '_>,
    value: &Value,
) -> Result<(), minijinja::Error> {
    match value.kind() {
        ValueKind::None | ValueKind::Undefined => Ok(()),
        // What a macro or a `set` block has put together is escaped already.
        _ if value.is_safe() => Ok(out.write_str(value.as_str().unwrap_or_default())?),
        _ => {
            let mut html = String::new();
            escape(&value.to_string(), &mut html);
            Ok(out.write_str(&html)?)
        }
    }
}

fn built_ins() -> Environment<'static> {
    let mut environment = bare();
    for (language, kind) in every() {
        let source = built_in(language, kind);
        if let Err(error) = environment.add_template_owned(name(language, kind), source) {
            error!(%error, "a built-in template is broken");
        }
    }
    environment
}

fn environment(source: String, file: &str) -> Result<Environment<'static>, Broken> {
    let mut environment = bare();
    environment
        .add_template_owned(file.to_owned(), source)
        .map_err(|error| fault(file, &error))?;
    Ok(environment)
}

fn render(
    environment: &Environment<'_>,
    name: &str,
    language: Language,
    view: &impl Serialize,
) -> Result<Markup, Broken> {
    let template = environment
        .get_template(name)
        .map_err(|error| fault(name, &error))?;
    let view = Value::from(Serde(view));
    let known = |field: &str| {
        field == "words"
            || environment.globals().any(|(name, _)| name == field)
            || view.get_attr(field).is_ok_and(|v| !v.is_undefined())
    };
    let mut unknown: Vec<String> = template
        .undeclared_variables(false)
        .into_iter()
        .filter(|field| !known(field))
        .collect();
    unknown.sort();
    if let Some(field) = unknown.first() {
        return Err(Broken {
            file: name.to_owned(),
            line: line_of(template.source(), field),
            what: format!("there is no field {field}"),
        });
    }
    let html = template
        .render(context! { words => words(language).value(), ..view })
        .map_err(|error| fault(name, &error))?;
    Markup::parse(&tidy(&html)).map_err(|error| markup(name, template.source(), &error))
}

/// At most one empty line in a row, none at the ends, and no spaces at the ends of lines.
fn tidy(html: &str) -> String {
    let mut lines: Vec<&str> = Vec::new();
    for line in html.lines().map(str::trim_end) {
        if !(line.is_empty() && lines.last().is_none_or(|last| last.is_empty())) {
            lines.push(line);
        }
    }
    lines.join("\n").trim_end().to_owned()
}

fn fault(file: &str, error: &minijinja::Error) -> Broken {
    let what = match error.detail() {
        Some(detail) => format!("{}: {detail}", error.kind()),
        None => error.kind().to_string(),
    };
    Broken {
        file: file.to_owned(),
        line: error.line().unwrap_or(1),
        what,
    }
}

/// Every value is escaped, so that wrong markup is the template's own.
fn markup(file: &str, source: &str, error: &RichError) -> Broken {
    Broken {
        file: file.to_owned(),
        line: line_of(source, &error.found),
        what: error.to_string(),
    }
}

fn line_of(source: &str, found: &str) -> usize {
    source
        .lines()
        .position(|line| line.contains(found))
        .map_or(1, |line| line + 1)
}

#[cfg(test)]
#[path = "templates_tests.rs"]
mod tests;
