//! Kinds of messages, each with its template.

use domain::notification::channels::Language;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// The card of an incident.
    Incident,
    /// The card of a storm.
    Storm,
    /// A report of a delivery pipeline that names no run.
    Pipeline,
    /// The card of a run of a delivery pipeline.
    PipelineRun,
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
    PipelineRunNotice,
    /// That people are not told something.
    Trouble,
    /// The caption of a chart.
    Chart,
}

macro_rules! templates {
    ($($kind:ident $name:literal),+ $(,)?) => {
        impl Kind {
            pub const ALL: [Self; 12] = [$(Self::$kind),+];

            /// The name of its template, without `.html`.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$kind => $name,)+
                }
            }

            /// The built-in template.
            pub(crate) fn built_in(self) -> &'static str {
                match self {
                    $(Self::$kind => include_str!(concat!("../../templates/", $name, ".html")),)+
                }
            }
        }
    };
}

templates! {
    Incident "incident",
    Storm "storm",
    Pipeline "pipeline",
    PipelineRun "pipeline_run",
    Budget "budget",
    Details "details",
    History "history",
    Escalation "escalation",
    Notice "notice",
    PipelineRunNotice "pipeline_run_notice",
    Trouble "trouble",
    Chart "chart",
}

/// Every language with every kind.
pub(crate) fn every() -> impl Iterator<Item = (Language, Kind)> {
    Language::ALL
        .into_iter()
        .flat_map(|language| Kind::ALL.map(|kind| (language, kind)))
}

/// Path of an operator's template, from the directory of the configuration.
pub(crate) fn file(language: Language, kind: Kind) -> String {
    format!("templates/{}/{}.html", language.tag(), kind.name())
}
