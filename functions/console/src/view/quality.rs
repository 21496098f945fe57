//! View of the quality of alert rules.

use domain::alert::AlertSeverity;
use domain::primitives::safe_text::line;
use jiff::{SignedDuration, Timestamp};
use quality::{RuleQuality, Verdict};
use serde::Serialize;

use crate::alert_quality::Quality;
use crate::filter::TEXT_CHARACTERS;
use crate::say::{Moment, Say};
use crate::view::summary::parts;

/// How many rules are listed.
const LISTED: usize = 200;
/// How much of a name is shown.
const NAME_CHARACTERS: usize = 256;

#[derive(Debug, Clone, Serialize)]
pub(crate) struct QualityView {
    /// `7d` or `30d`.
    pub(crate) since: &'static str,
    /// From when on incidents were looked at.
    pub(crate) from: Timestamp,
    pub(crate) as_of: Timestamp,
    pub(crate) looked_at: usize,
    /// False if the window has more incidents than were looked at.
    pub(crate) complete: bool,
    /// Those with a verdict first.
    pub(crate) rules: Vec<RuleView>,
    /// How many rules are not listed.
    pub(crate) left_out: usize,
}

#[derive(Debug, Clone, Serialize)]
pub(crate) struct RuleView {
    pub(crate) name: String,
    pub(crate) source: String,
    pub(crate) severity: AlertSeverity,
    pub(crate) incidents: usize,
    pub(crate) open: usize,
    pub(crate) alerts: u64,
    pub(crate) flaps: u64,
    pub(crate) acknowledged: usize,
    pub(crate) acted_on: usize,
    pub(crate) untouched: usize,
    pub(crate) false_alarms: usize,
    pub(crate) wrong_causes: usize,
    /// Of how many incidents it is known when they ended.
    pub(crate) ended: usize,
    pub(crate) ended_by_itself: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) median_open_seconds: Option<i64>,
    /// True if it has too few incidents to be judged.
    pub(crate) too_new: bool,
    pub(crate) verdicts: Vec<VerdictView>,
}

#[derive(Debug, Clone, Serialize)]
pub(crate) struct VerdictView {
    pub(crate) verdict: &'static str,
    /// What it rests on.
    pub(crate) why: String,
    pub(crate) advice: String,
    /// What to write into Alertmanager's configuration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) change: Option<String>,
}

impl QualityView {
    pub(crate) fn of(quality: &Quality, say: Say) -> Self {
        let rules = quality.rules.iter().take(LISTED);
        Self {
            since: quality.window.as_str(),
            from: quality.from,
            as_of: quality.as_of,
            looked_at: quality.looked_at,
            complete: quality.complete,
            rules: rules.map(|of| RuleView::of(of, say)).collect(),
            left_out: quality.rules.len().saturating_sub(LISTED),
        }
    }

    /// The rules with something to change.
    pub(crate) fn noisy(&self) -> impl Iterator<Item = &RuleView> {
        self.rules.iter().filter(|rule| !rule.verdicts.is_empty())
    }

    /// How many rules there are.
    pub(crate) fn all(&self) -> usize {
        self.rules.len() + self.left_out
    }

    pub(crate) fn beginning(&self) -> Moment {
        Moment(self.from)
    }

    pub(crate) fn read_at(&self) -> Moment {
        Moment(self.as_of)
    }
}

impl RuleView {
    fn of(of: &RuleQuality, say: Say) -> Self {
        let verdicts = of.verdicts.iter();
        Self {
            name: line(&of.rule.name, NAME_CHARACTERS),
            source: line(&of.rule.source, NAME_CHARACTERS),
            severity: of.severity,
            incidents: of.incidents,
            open: of.open,
            alerts: of.alerts,
            flaps: of.flaps,
            acknowledged: of.acknowledged,
            acted_on: of.acted_on,
            untouched: of.untouched,
            false_alarms: of.false_alarms,
            wrong_causes: of.wrong_causes,
            ended: of.ended(),
            ended_by_itself: of.by_itself,
            median_open_seconds: of.open_for.map(|lengths| lengths.median_seconds),
            too_new: of.is_too_new(),
            verdicts: verdicts
                .map(|verdict| VerdictView::of(verdict, of, say))
                .collect(),
        }
    }

    /// How long half of its incidents were open at most.
    pub(crate) fn median(&self, say: &Say) -> Option<String> {
        let seconds = self.median_open_seconds?;
        Some(say.lasted(SignedDuration::from_secs(seconds)))
    }

    pub(crate) fn name_parts(&self) -> Vec<&str> {
        parts(&self.name)
    }

    /// Its name as the search of the history takes it.
    pub(crate) fn search(&self) -> String {
        let short: String = self.name.chars().take(TEXT_CHARACTERS).collect();
        form_urlencoded::byte_serialize(short.as_bytes()).collect()
    }

    /// How many of a hundred ended by themselves.
    pub(crate) fn percent_by_itself(&self) -> Option<usize> {
        (self.ended_by_itself * 100).checked_div(self.ended)
    }
}

impl VerdictView {
    fn of(verdict: &Verdict, of: &RuleQuality, say: Say) -> Self {
        Self {
            verdict: verdict.as_str(),
            why: say.sentence(&verdict.why()),
            advice: say.sentence(&verdict.advice()),
            change: verdict.change(&of.rule),
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::primitives::language::Language;
    use jiff::Timestamp;
    use quality::{RuleQuality, Samples, measured};
    use serde_json::json;

    use super::{LISTED, QualityView};
    use crate::alert_quality::{Quality, Window};
    use crate::say::Say;

    /// A rule that flaps, and many that do not.
    fn rules() -> Vec<RuleQuality> {
        let mut samples = Samples::default();
        for number in 0..=LISTED {
            let incident = json!({
                "id": "01ARZ3NDEKTSV4RRFFQ69G5FAV", "kind": { "type": "alert" }, "fingerprint": "a1".repeat(32), "status": "resolved",
                "severity": "P2", "hit_count": 4, "flaps": if number == 7 { 5 } else { 0 }, "opened_at": "2026-11-30T06:00:00Z",
                "resolved_at": "2026-11-30T07:12:00Z", "log_head": { "sequence": 1, "hash": "" }, "version": 1,
                "alert": {
                    "name": format!("Rule{number}"), "alert_type": "custom", "severity": "warning", "status": "firing",
                    "source": "alertmanager", "namespace": "shop", "target": "web", "normalised_target": "web", "message": "",
                    "labels": {}, "annotations": {}, "starts_at": "2026-11-30T06:00:00Z", "member": "m1",
                },
            });
            samples.take_in(&serde_json::from_value(incident).expect("an incident"));
        }
        measured(&samples.into_samples())
    }

    #[test]
    fn a_rule_is_shown_with_its_verdict_in_the_readers_language() {
        let quality = Quality {
            window: Window::Week,
            from: Timestamp::UNIX_EPOCH,
            as_of: Timestamp::UNIX_EPOCH,
            looked_at: 201,
            complete: true,
            rules: rules(),
        };
        for (language, said, lasted) in [
            (Language::English, "Flaps: in 1 incidents", "1 h 12 min"),
            (Language::TraditionalChinese, "反覆觸發", "1 小時 12 分鐘"),
        ] {
            let say = Say { language };
            let view = QualityView::of(&quality, say);
            assert_eq!((view.rules.len(), view.left_out), (LISTED, 1));
            let [rule] = view.noisy().collect::<Vec<_>>()[..] else {
                panic!("one flaps: {view:?}")
            };
            assert_eq!(rule.name, "Rule7");
            assert!(rule.verdicts[0].why.contains(said), "{rule:?}");
            assert_eq!(rule.median(&say).as_deref(), Some(lasted));
            assert_eq!(rule.percent_by_itself(), Some(100));
            assert!(view.rules[1].too_new);
        }
    }
}
