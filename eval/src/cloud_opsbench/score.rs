//! Scores: the share of cases whose first answer, or one of the first three, has the right class, object and cause.

use std::collections::BTreeMap;

use kubernetes::finding::{Diagnosis, Finding};
use serde_json::{Value, json};

use super::case::{Case, Expected};
use super::vocabulary::{object, root_cause, taxonomy};

/// One answer about a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) class: &'static str,
    pub(crate) object: String,
    pub(crate) cause: &'static str,
}

impl Said {
    fn of(finding: &Finding, case: &Case) -> Self {
        Self {
            class: taxonomy(finding.class()),
            object: object(&finding.object, &case.snapshot.objects),
            cause: root_cause(finding.cause),
        }
    }
}

impl std::fmt::Display for Said {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} of {}", self.cause, self.object)
    }
}

/// What was said about a case, and what would be right.
#[derive(Debug)]
pub(crate) struct Judged {
    name: String,
    pub(crate) expected: Expected,
    /// The causes that are supported, the best first; none where the cause is unknown.
    pub(crate) said: Vec<Said>,
}

impl Judged {
    pub(crate) fn of(case: &Case, diagnosis: &Diagnosis) -> Self {
        let carried = diagnosis
            .findings
            .iter()
            .filter(|finding| finding.support.carries());
        Self {
            name: case.name.clone(),
            expected: case.expected.clone(),
            said: carried.map(|finding| Said::of(finding, case)).collect(),
        }
    }

    fn system(&self) -> &str {
        self.name.split('/').next().unwrap_or_default()
    }

    /// Class, object and cause of an answer.
    fn right(&self, said: &Said) -> [bool; 3] {
        let expected = &self.expected;
        [
            said.class == expected.class,
            said.object == expected.object,
            said.cause == expected.cause,
        ]
    }

    fn first(&self) -> [bool; 3] {
        self.said
            .first()
            .map_or([false; 3], |said| self.right(said))
    }

    pub(crate) fn is_right(&self) -> bool {
        self.first() == [true; 3]
    }

    fn in_first_three(&self) -> bool {
        self.said
            .iter()
            .take(3)
            .any(|said| self.right(said) == [true; 3])
    }

    pub(crate) fn is_unknown(&self) -> bool {
        self.said.is_empty()
    }

    /// The line of a wrong answer.
    pub(crate) fn miss(&self) -> String {
        let expected = &self.expected;
        let said: Vec<String> = self.said.iter().take(3).map(Said::to_string).collect();
        let said = if said.is_empty() {
            "unknown".to_owned()
        } else {
            said.join(", ")
        };
        format!(
            "{}: {} of {}; said: {said}",
            self.name, expected.cause, expected.object
        )
    }
}

/// Shares of a group of cases.
#[derive(Debug, Default, Clone, Copy)]
struct Counts {
    cases: u32,
    right: u32,
    parts: [u32; 3],
    in_three: u32,
    unknown: u32,
}

impl Counts {
    fn add(&mut self, judged: &Judged) {
        self.cases += 1;
        self.right += u32::from(judged.is_right());
        self.in_three += u32::from(judged.in_first_three());
        self.unknown += u32::from(judged.is_unknown());
        for (count, right) in self.parts.iter_mut().zip(judged.first()) {
            *count += u32::from(right);
        }
    }

    fn share(self, count: u32) -> f64 {
        f64::from(count) / f64::from(self.cases.max(1))
    }

    fn row(self, name: &str) -> String {
        let [class, object, cause] = self.parts.map(|count| self.share(count));
        format!(
            "{name:<55}{:>6}{:>9.3}{class:>9.3}{object:>9.3}{cause:>9.3}{:>9.3}{:>9.3}",
            self.cases,
            self.share(self.right),
            self.share(self.in_three),
            self.share(self.unknown)
        )
    }

    fn figures(self) -> Value {
        let [class, object, cause] = self.parts.map(|count| self.share(count));
        json!({
            "cases": self.cases, "all_right": self.share(self.right), "class": class, "object": object, "cause": cause,
            "all_right_in_first_three": self.share(self.in_three), "unknown": self.share(self.unknown),
        })
    }
}

/// The table: every system, every class of it, every cause.
pub(crate) fn table(all: &[Judged]) -> (String, Value) {
    let mut groups: BTreeMap<String, Counts> = BTreeMap::new();
    for judged in all {
        let (system, expected) = (judged.system(), &judged.expected);
        for name in [
            "all".to_owned(),
            system.to_owned(),
            format!("{system} {}", expected.class),
            format!("{system} {} {}", expected.class, expected.cause),
        ] {
            groups.entry(name).or_default().add(judged);
        }
    }
    let head = format!(
        "{:<55}{:>6}{:>9}{:>9}{:>9}{:>9}{:>9}{:>9}",
        "", "cases", "A@1", "class", "object", "cause", "A@3", "unknown"
    );
    let rows = groups.iter().map(|(name, counts)| {
        let depth = name.matches(' ').count();
        let last = name.rsplit(' ').next().unwrap_or_default();
        counts.row(&format!("{}{last}", "  ".repeat(depth)))
    });
    let text = std::iter::once(head)
        .chain(rows)
        .collect::<Vec<_>>()
        .join("\n");
    let figures = groups
        .iter()
        .map(|(name, counts)| (name.clone(), counts.figures()));
    (text, Value::Object(figures.collect()))
}
