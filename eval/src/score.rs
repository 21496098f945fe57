//! Scores of the answers, field by field.

use std::time::Duration;

use domain::analysis::Risk;
use serde_json::{Value, json};

/// The fields that have a right answer.
pub(crate) const FIELDS: [&str; 5] = ["alert_type", "severity", "target", "playbook", "risk"];

/// What somebody answered about one alert.
#[derive(Debug)]
pub(crate) struct Answer {
    /// Which fields were right, in the order of [`FIELDS`].
    pub(crate) right: [bool; 5],
    /// The risk that was expected, and the one that was said.
    pub(crate) risk: (Risk, Risk),
    /// Why a model gave no finding, so that the static analysis stood.
    pub(crate) fell_back: Option<String>,
    /// How long it took.
    pub(crate) took: Duration,
    pub(crate) tokens: u64,
    pub(crate) price: u64,
}

/// The answers of one analyzer.
#[derive(Debug)]
pub(crate) struct Score {
    pub(crate) name: String,
    /// Each answer, with the name of its case.
    pub(crate) answers: Vec<(String, Answer)>,
}

impl Score {
    fn share(&self, is: impl Fn(&Answer) -> bool) -> f64 {
        let count = self.answers.iter().filter(|(_, answer)| is(answer)).count();
        #[expect(clippy::cast_precision_loss, reason = "a few alerts")]
        let share = count as f64 / (self.answers.len().max(1)) as f64;
        share
    }

    /// The line of the table.
    pub(crate) fn line(&self) -> String {
        let accuracy = FIELDS
            .iter()
            .enumerate()
            .map(|(i, _)| format!("{:>11.1}%", 100.0 * self.share(|answer| answer.right[i])));
        let under = 100.0 * self.share(|answer| answer.risk.1 < answer.risk.0);
        let answered = 100.0 * self.share(|answer| answer.fell_back.is_none());
        let (median, tokens, price) = (
            self.median().as_secs_f64(),
            self.total(|answer| answer.tokens),
            self.total(|answer| answer.price),
        );
        #[expect(clippy::cast_precision_loss, reason = "far below 2⁵³")]
        let dollars = price as f64 / 1e6;
        format!(
            "{:<20}{}{under:>11.1}%{answered:>9.1}%{median:>10.3}{tokens:>10}{dollars:>10.4}",
            self.name,
            accuracy.collect::<String>()
        )
    }

    /// The figures by name.
    pub(crate) fn figures(&self) -> Value {
        let accuracy: serde_json::Map<String, Value> = FIELDS
            .iter()
            .enumerate()
            .map(|(i, field)| {
                (
                    (*field).to_owned(),
                    json!(self.share(|answer| answer.right[i])),
                )
            })
            .collect();
        let wrong = |answer: &Answer| -> Vec<&str> {
            FIELDS
                .iter()
                .zip(answer.right)
                .filter(|(_, right)| !right)
                .map(|(field, _)| *field)
                .collect()
        };
        let cases: Vec<Value> = self
            .answers
            .iter()
            .map(|(name, answer)| {
                json!({
                    "name": name, "wrong": wrong(answer), "risk_expected": answer.risk.0, "risk": answer.risk.1,
                    "fell_back": answer.fell_back, "seconds": answer.took.as_secs_f64(),
                })
            })
            .collect();
        json!({
            "analyzer": self.name, "alerts": self.answers.len(), "accuracy": accuracy,
            "risk_too_low": self.share(|answer| answer.risk.1 < answer.risk.0),
            "risk_too_high": self.share(|answer| answer.risk.1 > answer.risk.0),
            "answered": self.share(|answer| answer.fell_back.is_none()),
            "seconds_median": self.median().as_secs_f64(), "tokens": self.total(|answer| answer.tokens),
            "price_micro_usd": self.total(|answer| answer.price), "cases": cases,
        })
    }

    fn total(&self, of: impl Fn(&Answer) -> u64) -> u64 {
        self.answers.iter().map(|(_, answer)| of(answer)).sum()
    }

    fn median(&self) -> Duration {
        let mut took: Vec<Duration> = self.answers.iter().map(|(_, answer)| answer.took).collect();
        took.sort_unstable();
        took.get(took.len() / 2).copied().unwrap_or_default()
    }
}

/// The head of the table.
pub(crate) fn head() -> String {
    let fields = FIELDS.map(|field| format!("{field:>12}")).concat();
    format!(
        "{:<20}{fields}{:>12}{:>10}{:>10}{:>10}{:>10}",
        "", "risk too low", "answered", "median s", "tokens", "USD"
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use domain::analysis::Risk;

    use super::{Answer, Score};

    fn answer(
        expected: Risk,
        said: Risk,
        fell_back: Option<&str>,
        seconds: u64,
    ) -> (String, Answer) {
        let right = [true, true, false, true, expected == said];
        let fell_back = fell_back.map(str::to_owned);
        let took = Duration::from_secs(seconds);
        (
            "case".to_owned(),
            Answer {
                right,
                risk: (expected, said),
                fell_back,
                took,
                tokens: 10,
                price: 1_500,
            },
        )
    }

    #[test]
    fn shares_are_of_all_alerts_and_sums_of_all_calls() {
        let answers = vec![
            answer(Risk::High, Risk::High, None, 1),
            answer(Risk::High, Risk::Medium, None, 3),
            answer(Risk::Low, Risk::Medium, Some("it was busy"), 2),
            answer(Risk::Low, Risk::Low, None, 9),
        ];
        let figures = Score {
            name: "model".to_owned(),
            answers,
        }
        .figures();
        assert_eq!(
            (&figures["accuracy"]["risk"], &figures["accuracy"]["target"]),
            (&0.5.into(), &0.0.into())
        );
        assert_eq!(
            (&figures["risk_too_low"], &figures["risk_too_high"]),
            (&0.25.into(), &0.25.into())
        );
        assert_eq!(
            (&figures["answered"], &figures["seconds_median"]),
            (&0.75.into(), &3.0.into())
        );
        assert_eq!(
            (&figures["tokens"], &figures["price_micro_usd"]),
            (&40.into(), &6_000.into())
        );
        assert_eq!(figures["cases"][2]["fell_back"], "it was busy");
    }
}
