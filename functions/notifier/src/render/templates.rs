//! Messages made by templates: the built-in ones, and the operator's own in their place.

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
use domain::notification::words::card_words;
use domain::primitives::id::IncidentId;
use jiff::civil::Date;
use minijinja::Environment;
use minijinja::value::{Serde, Value};
use serde::Serialize;
use tracing::error;

use crate::render::buttons;
use crate::render::content::Content;
use crate::render::engine::{self, Broken};
use crate::render::kind::{Kind, every, file};
use crate::render::markup::{CAPTION_UNITS, MESSAGE_UNITS, Markup};
use crate::render::view::Names;
use crate::render::view::chart::ChartCaption;
use crate::render::view::details::Details;
use crate::render::view::history::History;
use crate::render::view::incident::{ApprovalsPossible, Card, Pipeline};
use crate::render::view::notices::{Budget, Escalation, Notice, Trouble};
use crate::render::view::pipeline_run::{PipelineRunNoticeView, PipelineRunView};

/// How many entries of a log are shown, if they fit: fewer where they are long.
const ENTRIES_SHOWN: [usize; 6] = [20, 15, 10, 7, 4, 2];
/// How many earlier incidents.
const EARLIER_SHOWN: [usize; 4] = [15, 10, 5, 2];

pub struct Templates {
    environment: Environment<'static>,
    words: BTreeMap<Language, Value>,
    /// The operator's, with what is wrong with those that cannot be used.
    own: BTreeMap<(Language, Kind), Result<(), Broken>>,
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
    pub fn load(config_dir: &Path) -> Self {
        let mut environment = engine::environment();
        let mut own = BTreeMap::new();
        for (language, kind) in every() {
            let file = file(language, kind);
            let path = config_dir.join(&file);
            if !path.exists() {
                continue;
            }
            let loaded = engine::add(&mut environment, &path, &file);
            if let Err(broken) = &loaded {
                tell(broken);
            }
            own.insert((language, kind), loaded);
        }
        let table = |language| (language, Value::from(Serde(card_words(language).table())));
        Self {
            environment,
            words: Language::ALL.map(table).into(),
            own,
        }
    }

    /// The card of an incident, of a storm, or of a report of a delivery pipeline, with its buttons.
    pub fn card(
        &self,
        language: Language,
        incident: &Incident,
        context: &CardContext<'_>,
    ) -> Content {
        let names = context.names.in_language(language);
        let card = || Card {
            approvals_possible: ApprovalsPossible::of(context.no_approver),
            ..Card::of(incident, context.silenced_until, names)
        };
        let text = match incident.kind {
            IncidentKind::Pipeline => self.text(language, Kind::Pipeline, &Pipeline::of(incident)),
            IncidentKind::Storm(_) => self.text(language, Kind::Storm, &card()),
            IncidentKind::Alert | IncidentKind::StormMember { .. } => {
                self.text(language, Kind::Incident, &card())
            }
        };
        Content {
            text,
            buttons: buttons::of(language, incident, context),
        }
    }

    /// The card of a run of a delivery pipeline.
    pub fn pipeline_run(&self, language: Language, run: &pipeline_run::PipelineRun) -> Content {
        without_buttons(self.text(language, Kind::PipelineRun, &PipelineRunView::of(run)))
    }

    /// The message of what keeps people from being told, or from deciding.
    pub fn trouble(&self, language: Language, view: &Trouble) -> Content {
        without_buttons(self.text(language, Kind::Trouble, view))
    }

    /// The notice that a day's budget for models is used up.
    pub fn budget(&self, language: Language, day: Date, spending: &Spending) -> Content {
        without_buttons(self.text(language, Kind::Budget, &Budget::of(day, spending)))
    }

    /// The evidence, the guardrails, the plan, and as many of the last entries of the log as fit. Its buttons ask whether the cause is
    /// the right one.
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
                &Details::of(incident, entries, most, names.in_language(language)),
            )
        };
        Content {
            text: fitting(&ENTRIES_SHOWN, text),
            buttons: buttons::cause(language, incident),
        }
    }

    /// As many of the earlier incidents of the fingerprint as fit, in the order in which they are given.
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
                &History::of(incident, earlier, most, names.in_language(language)),
            )
        };
        without_buttons(fitting(&EARLIER_SHOWN, text))
    }

    /// The notice of an undecided plan, for the people who are asked next. It has the buttons of
    /// the decision.
    pub fn escalation(
        &self,
        language: Language,
        incident: &Incident,
        people: &[String],
        names: Names<'_>,
    ) -> Content {
        let text = self.text(
            language,
            Kind::Escalation,
            &Escalation::of(incident, people, names.in_language(language)),
        );
        Content {
            text,
            buttons: buttons::decision(language, incident).into_iter().collect(),
        }
    }

    /// The result of a repair, or whatever else of an incident people have to hear. While a decision can be made it has the buttons for it.
    pub fn notice(
        &self,
        language: Language,
        incident: &Incident,
        notice: &notice::Notice,
        names: Names<'_>,
    ) -> Content {
        let text = self.text(
            language,
            Kind::Notice,
            &Notice::of(incident, notice, names.in_language(language)),
        );
        Content {
            text,
            buttons: buttons::decision(language, incident).into_iter().collect(),
        }
    }

    /// That stages of a run of a delivery pipeline have failed, which are known by their reports.
    pub fn pipeline_run_notice(
        &self,
        language: Language,
        run: &pipeline_run::PipelineRun,
        failed: &[IncidentId],
    ) -> Content {
        without_buttons(self.text(
            language,
            Kind::PipelineRunNotice,
            &PipelineRunNoticeView::of(run, failed),
        ))
    }

    /// The caption of a chart, which is no longer than Telegram takes it.
    pub fn chart(&self, language: Language, view: &ChartCaption) -> Content {
        without_buttons(self.text(language, Kind::Chart, view).cut(CAPTION_UNITS))
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
        Some(match self.own.get(&(language, kind))? {
            Ok(()) => self.render(language, &file(language, kind), view),
            Err(broken) => Err(broken.clone()),
        })
    }

    fn render(
        &self,
        language: Language,
        name: &str,
        view: &impl Serialize,
    ) -> Result<Markup, Broken> {
        engine::render(&self.environment, name, &self.words[&language], view)
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
        let built_in = engine::built_in(kind);
        let text = self
            .render(language, &built_in, view)
            .unwrap_or_else(|broken| {
                error!(file = %broken.file, line = broken.line, what = %broken.what, "a built-in template failed");
                Markup::text(&broken.file)
            });
        let Some(broken) = broken else { return text };
        tell(&broken);
        let place = [
            ("file", broken.file.as_str()),
            ("line", &broken.line.to_string()),
        ];
        let note = card_words(language).fill("say", "broken_template", &place);
        let note = Markup::text(&note);
        let room = MESSAGE_UNITS.saturating_sub(note.units() + 1);
        text.cut(room).then(note)
    }
}

fn tell(broken: &Broken) {
    error!(file = %broken.file, line = broken.line, what = %broken.what, "a template is broken: the built-in one takes its place");
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

#[cfg(test)]
#[path = "templates_tests.rs"]
pub(crate) mod tests;
