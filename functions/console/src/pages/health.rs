//! The page of Quell's own health.

use std::cmp::Reverse;

use askama::Template;
use jiff::Timestamp;

use super::{Frame, Main};
use crate::app::App;
use crate::health::{CheckView, Health, State};
use crate::refusal::Refusal;
use crate::say::Say;

#[derive(Template)]
#[template(path = "health.html")]
struct HealthPage<'a> {
    say: Say,
    root: &'a str,
    state: State,
    open: Option<(u64, usize)>,
    /// The worst first.
    checks: Vec<CheckView>,
    dashboard: Option<&'a str>,
    documents: Option<&'a str>,
}

/// What a person on call has to know about Quell itself.
///
/// # Errors
/// If a table does not answer, or a file of the operator cannot be read.
pub(super) async fn health(app: &App, frame: &Frame, now: Timestamp) -> Result<Main, Refusal> {
    let health = Health::read(app, app.channels()?, now).await?;
    let mut checks = health.said(frame.say);
    // Those of one state stay in their order.
    checks.sort_by_key(|check| Reverse(check.mark));
    let (dashboard, documents) = app.links();
    let page = HealthPage {
        say: frame.say,
        root: &frame.root,
        state: health.state(),
        open: health.open,
        checks,
        dashboard,
        documents,
    };
    Main::of(frame.say.page("health"), &page, false)
}

#[cfg(test)]
mod tests {
    use askama::Template as _;
    use domain::primitives::language::Language;
    use jiff::Timestamp;

    use super::{CheckView, HealthPage, Say, State};

    fn check(state: State, why: &str) -> CheckView {
        CheckView {
            check: "channel",
            about: Some("<b>ops</b>".to_owned()),
            state: state.as_str(),
            why: why.to_owned(),
            since: Some(Timestamp::UNIX_EPOCH),
            incidents: vec!["01ARZ3NDEKTSV4RRFFQ69G5FAV".to_owned()],
            section: "a-channel-refuses",
            title: "check_channel",
            mark: state,
        }
    }

    #[test]
    fn a_line_has_a_shape_a_word_and_where_to_read_on() {
        for (language, word) in [
            (Language::English, "bad"),
            (Language::TraditionalChinese, "異常"),
        ] {
            let page = |dashboard, documents| {
                let page = HealthPage {
                    say: Say { language },
                    root: "../",
                    state: State::Bad,
                    open: Some((9, 9)),
                    checks: vec![check(State::Bad, "It does <i>not</i>.")],
                    dashboard,
                    documents,
                };
                page.render().expect("a page")
            };
            let plain = page(None, None);
            for text in [
                word,
                "◆",
                "<code>docs/operations.md#a-channel-refuses</code>",
                "href=\"../console/incidents/01ARZ3NDEKTSV4RRFFQ69G5FAV\"",
                "datetime=\"1970-01-01T00:00:00Z\"",
            ] {
                assert!(plain.contains(text), "{text}: {plain}");
            }
            assert!(!plain.contains("<b>") && !plain.contains("<i>"), "{plain}");
            let linked = page(
                Some("https://aws.example/board"),
                Some("https://docs.example"),
            );
            for link in [
                "href=\"https://aws.example/board\"",
                "href=\"https://docs.example/operations.md#a-channel-refuses\"",
            ] {
                assert!(linked.contains(link), "{link}: {linked}");
            }
        }
    }
}
