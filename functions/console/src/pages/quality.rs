//! The page of alert quality: which rules call people for nothing, why that is said, and what to change.

use askama::Template;
use jiff::Timestamp;

use super::{Frame, Main};
use crate::alert_quality::Window;
use crate::app::App;
use crate::refusal::Refusal;
use crate::say::Say;
use crate::view::quality::{QualityView, RuleView};

#[derive(Template)]
#[template(path = "quality.html")]
struct QualityPage<'a> {
    say: Say,
    root: &'a str,
    view: &'a QualityView,
    /// The rules with something to change, and all.
    noisy: Vec<&'a RuleView>,
}

/// The quality of the alert rules over a week or a month.
///
/// # Errors
/// If a parameter is wrong, or the table does not answer.
pub(super) async fn quality(
    app: &App,
    frame: &Frame,
    query: &str,
    now: Timestamp,
) -> Result<Main, Refusal> {
    let quality = app.quality(Window::read(query)?, now).await?;
    let view = QualityView::of(&quality, frame.say);
    let page = QualityPage {
        say: frame.say,
        root: &frame.root,
        noisy: view.noisy().collect(),
        view: &view,
    };
    Main::of(frame.say.page("quality"), &page, false)
}

#[cfg(test)]
mod tests {
    use askama::Template as _;
    use domain::alert::AlertSeverity;
    use domain::primitives::language::Language;
    use jiff::Timestamp;

    use super::{QualityPage, QualityView, RuleView, Say};
    use crate::view::quality::VerdictView;

    fn rule(name: &str, verdicts: Vec<VerdictView>) -> RuleView {
        RuleView {
            name: name.to_owned(),
            source: "alertmanager".to_owned(),
            severity: AlertSeverity::Warning,
            incidents: 9,
            open: 1,
            alerts: 54,
            flaps: 2,
            acknowledged: 1,
            acted_on: 1,
            untouched: 8,
            false_alarms: 0,
            wrong_causes: 0,
            ended: 8,
            ended_by_itself: 7,
            median_open_seconds: Some(1_080),
            too_new: false,
            verdicts,
        }
    }

    #[test]
    fn a_hostile_name_of_a_rule_is_text() {
        let name = "<img src=x onerror=alert(1)> & \"Down\"";
        let verdict = VerdictView {
            verdict: "always_with",
            why: format!("Always with {name}"),
            advice: "Let it.".to_owned(),
            change: Some(format!("inhibit_rules: {name}")),
        };
        let view = QualityView {
            since: "7d",
            from: Timestamp::UNIX_EPOCH,
            as_of: Timestamp::UNIX_EPOCH,
            looked_at: 17,
            complete: false,
            rules: vec![rule(name, vec![verdict]), rule("Good", Vec::new())],
            left_out: 3,
        };
        for (language, said) in [
            (
                Language::English,
                [
                    "5 alert rules.",
                    "Ended by itself",
                    "87 %",
                    "18 min",
                    "nothing to change",
                ],
            ),
            (
                Language::TraditionalChinese,
                ["告警規則 5 條。", "自行解除", "87 %", "18 分鐘", "無須調整"],
            ),
        ] {
            let page = QualityPage {
                say: Say { language },
                root: "../",
                noisy: view.noisy().collect(),
                view: &view,
            };
            let page = page.render().expect("a page");
            for text in said {
                assert!(page.contains(text), "{text}: {page}");
            }
            assert!(!page.contains("<img"), "{page}");
            let search = "href=\"../console/history?text=%3Cimg+src%3Dx+onerror%3Dalert%281%29%3E+%26+%22Down%22\"";
            assert!(page.contains(search), "{page}");
        }
    }
}
