//! Facts: what conditions and texts can name, and what is known of it about one alert.

use std::collections::BTreeMap;
use std::fmt;

use domain::alert::{AlertSeverity, Texts};
use domain::analysis::evidence::{Measurement, Trend};

use crate::expression::Value;

/// Words that no question can be called, because they mean something else.
pub(crate) const RESERVED: [&str; 11] = [
    "label",
    "annotation",
    "alert",
    "past",
    "open",
    "service",
    "and",
    "or",
    "not",
    "true",
    "false",
];

/// Something that a condition or a text names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fact {
    /// What a question was answered.
    Answer(String, Aspect),
    Label(String),
    Annotation(String),
    /// The number that the sender measured.
    AlertValue,
    /// `critical`, `warning` or `info`.
    Severity,
    /// For how many seconds it fires.
    FiringFor,
    /// How many earlier incidents of the fingerprint are known.
    Past,
    /// How many other incidents are open on the target or in its group.
    Open,
    ServiceKnown,
}

/// What of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Aspect {
    Newest,
    Least,
    Most,
    Oldest,
    Rising,
    Falling,
    Stable,
    /// It was answered, without a series.
    Empty,
}

impl Aspect {
    pub const ALL: [Self; 8] = [
        Self::Newest,
        Self::Least,
        Self::Most,
        Self::Oldest,
        Self::Rising,
        Self::Falling,
        Self::Stable,
        Self::Empty,
    ];

    /// What stands behind the question's name; nothing for the newest value.
    const fn suffix(self) -> &'static str {
        match self {
            Self::Newest => "",
            Self::Least => ".least",
            Self::Most => ".most",
            Self::Oldest => ".oldest",
            Self::Rising => ".rising",
            Self::Falling => ".falling",
            Self::Stable => ".stable",
            Self::Empty => ".empty",
        }
    }

    /// True where it is true or false, and no number.
    pub(crate) const fn is_truth(self) -> bool {
        matches!(
            self,
            Self::Rising | Self::Falling | Self::Stable | Self::Empty
        )
    }
}

impl Fact {
    /// The fact with this name, as `x.least` or `label.job`.
    pub fn read(name: &str) -> Option<Self> {
        match name {
            "alert.value" => return Some(Self::AlertValue),
            "alert.severity" => return Some(Self::Severity),
            "alert.firing_for" => return Some(Self::FiringFor),
            "past.count" => return Some(Self::Past),
            "open.count" => return Some(Self::Open),
            "service.known" => return Some(Self::ServiceKnown),
            _ => {}
        }
        match name.split_once('.') {
            Some(("label", label)) if is_name(label) => Some(Self::Label(label.to_owned())),
            Some(("annotation", annotation)) if is_name(annotation) => {
                Some(Self::Annotation(annotation.to_owned()))
            }
            _ => {
                let question = name.split_once('.').map_or(name, |(question, _)| question);
                let aspect = Aspect::ALL
                    .into_iter()
                    .find(|aspect| name[question.len()..] == *aspect.suffix())?;
                (is_name(question) && !RESERVED.contains(&question))
                    .then(|| Self::Answer(question.to_owned(), aspect))
            }
        }
    }
}

/// True for a name of a label or a question: letters, digits and `_`, no digit first.
pub(crate) fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

impl fmt::Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answer(question, aspect) => write!(f, "{question}{}", aspect.suffix()),
            Self::Label(name) => write!(f, "label.{name}"),
            Self::Annotation(name) => write!(f, "annotation.{name}"),
            Self::AlertValue => f.write_str("alert.value"),
            Self::Severity => f.write_str("alert.severity"),
            Self::FiringFor => f.write_str("alert.firing_for"),
            Self::Past => f.write_str("past.count"),
            Self::Open => f.write_str("open.count"),
            Self::ServiceKnown => f.write_str("service.known"),
        }
    }
}

/// What a question was answered: of its first series. What is not known is nothing.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Answer {
    pub newest: Option<f64>,
    pub least: Option<f64>,
    pub most: Option<f64>,
    pub oldest: Option<f64>,
    pub trend: Option<Trend>,
    pub empty: Option<bool>,
}

impl Answer {
    /// The answer of a series with these points, oldest first. Those that are no finite numbers are left out; a series of no others is
    /// there, and nothing more is known of it.
    pub fn of(points: &[f64]) -> Self {
        let there = Self {
            empty: Some(false),
            ..Self::default()
        };
        let Some(measured) = Measurement::of("", "", points) else {
            return there;
        };
        Self {
            newest: Some(measured.value),
            least: Some(measured.least),
            most: Some(measured.most),
            oldest: points.iter().copied().find(|point| point.is_finite()),
            trend: Some(measured.trend),
            ..there
        }
    }

    /// The answer without a series.
    pub fn nothing() -> Self {
        Self {
            empty: Some(true),
            ..Self::default()
        }
    }

    fn value(&self, aspect: Aspect) -> Option<Value> {
        let number = |number: Option<f64>| number.and_then(Value::number);
        let is = |trend| self.trend.map(|known| Value::Truth(known == trend));
        match aspect {
            Aspect::Newest => number(self.newest),
            Aspect::Least => number(self.least),
            Aspect::Most => number(self.most),
            Aspect::Oldest => number(self.oldest),
            Aspect::Rising => is(Trend::Rising),
            Aspect::Falling => is(Trend::Falling),
            Aspect::Stable => is(Trend::Stable),
            Aspect::Empty => self.empty.map(Value::Truth),
        }
    }
}

/// What is known about one alert. What is not there is unknown.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Facts {
    /// The answers by question: one that failed or was not asked is not there.
    pub answers: BTreeMap<String, Answer>,
    pub labels: Texts,
    pub annotations: Texts,
    /// The number that the sender measured.
    pub value: Option<f64>,
    pub severity: Option<AlertSeverity>,
    /// For how many seconds it fires.
    pub firing_for: Option<f64>,
    /// How many earlier incidents of the fingerprint there are, and how many others are open nearby.
    pub past: Option<usize>,
    pub open: Option<usize>,
    pub service_known: Option<bool>,
}

impl Facts {
    /// The value of a fact, if it is known.
    pub(crate) fn value(&self, fact: &Fact) -> Option<Value> {
        #[expect(
            clippy::cast_precision_loss,
            reason = "incidents are counted in dozens"
        )]
        let count = |count: Option<usize>| count.and_then(|count| Value::number(count as f64));
        let text = |texts: &Texts, name: &str| texts.get(name).cloned().map(Value::Text);
        match fact {
            Fact::Answer(question, aspect) => self.answers.get(question)?.value(*aspect),
            Fact::Label(name) => text(&self.labels, name),
            Fact::Annotation(name) => text(&self.annotations, name),
            Fact::AlertValue => self.value.and_then(Value::number),
            Fact::Severity => self
                .severity
                .map(|severity| Value::Text(word(severity).to_owned())),
            Fact::FiringFor => self.firing_for.and_then(Value::number),
            Fact::Past => count(self.past),
            Fact::Open => count(self.open),
            Fact::ServiceKnown => self.service_known.map(Value::Truth),
        }
    }
}

fn word(severity: AlertSeverity) -> &'static str {
    match severity {
        AlertSeverity::Critical => "critical",
        AlertSeverity::Warning => "warning",
        AlertSeverity::Info => "info",
    }
}

#[cfg(test)]
mod tests {
    use super::{Answer, Fact};

    #[test]
    fn a_fact_is_read_by_the_name_that_it_prints() {
        for name in [
            "x",
            "x.least",
            "x.most",
            "x.oldest",
            "x.rising",
            "x.falling",
            "x.stable",
            "x.empty",
            "label.job",
            "annotation.runbook_url",
            "alert.value",
            "alert.severity",
            "alert.firing_for",
            "past.count",
            "open.count",
            "service.known",
        ] {
            let fact = Fact::read(name).expect(name);
            assert_eq!(fact.to_string(), name);
        }
        for nothing in [
            "",
            "x.",
            "x.newest",
            "label",
            "label.",
            "label.a.b",
            "alert",
            "alert.x",
            "9x",
            "past",
            "not",
            ".x",
        ] {
            assert_eq!(Fact::read(nothing), None, "{nothing}");
        }
    }

    #[test]
    fn an_answer_of_no_numbers_is_there_and_unknown() {
        let odd = Answer::of(&[f64::NAN, f64::INFINITY]);
        assert_eq!(
            (odd.empty, odd.newest, odd.trend),
            (Some(false), None, None)
        );
        assert_eq!(Answer::of(&[f64::NAN, 2.0, 3.0]).oldest, Some(2.0));
    }
}
