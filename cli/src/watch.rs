//! `quell watch`: the open incidents as a live table. It asks with the tag of what it has, so that nothing is sent again that has not changed.

use std::io::Write;
use std::time::Duration;

use clap::Args;
use crossterm::QueueableCommand as _;
use crossterm::cursor::MoveTo;
use crossterm::terminal::{Clear, ClearType};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::api::model::{Page, Summary};
use crate::api::{Api, ApiOf, Tagged, typed};
use crate::aws::Environment;
use crate::exit::{Answer, Failure};
use crate::incidents::{Filter, first_page, rows};
use crate::screen::{self, Output, Screen, Style, safe};

/// How long between two looks while something moves, and else: as the pages of the console look.
const MOVING: Duration = Duration::from_secs(3);
const RESTING: Duration = Duration::from_secs(60);

#[derive(Debug, Args)]
pub(crate) struct Watch {
    #[command(flatten)]
    filter: Filter,
    /// End after so many looks; if not said, when it is interrupted
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    looks: Option<u32>,
    #[command(flatten)]
    api: ApiOf,
    /// How it is written; `json` is a line for each change
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    output: Output,
}

/// What is known, and since when.
#[derive(Debug, Default)]
struct View {
    list: Option<Tagged>,
    stats: Option<Tagged>,
    /// The open incidents, the worst first, without those that a storm shows.
    incidents: Vec<Summary>,
    /// True if there are more than one request gives.
    more: bool,
    as_of: Option<Timestamp>,
    /// Why the last looks were not answered, and how many they were.
    failed: Option<(String, u32)>,
}

impl Watch {
    pub(crate) async fn answer(
        self,
        variables: &Environment,
        out: &mut dyn Write,
    ) -> Result<Answer, Failure> {
        let api = self.api.connect(variables).await?;
        let filter = self.filter.only_open();
        let mut view = View::default();
        let mut looks = 0;
        loop {
            let changed = view.look(&api, &filter, Timestamp::now()).await?;
            match self.output {
                Output::Json if changed => {
                    writeln!(out, "{}", screen::json_line(&view.as_json())?)?;
                }
                Output::Json => {}
                Output::Table => {
                    let screen = Screen::of(variables);
                    if screen.lines.is_some() {
                        redraw(&view.lines(screen), screen, looks == 0, out)?;
                    } else if changed {
                        for line in view.lines(screen) {
                            writeln!(out, "{line}")?;
                        }
                    }
                }
            }
            out.flush()?;
            looks += 1;
            if self.looks == Some(looks) {
                return Ok(Answer::of(view.failed.is_none()));
            }
            tokio::time::sleep(view.pause()).await;
        }
    }
}

impl View {
    /// Asks for what has changed; true if something has. A passing failure is a change too, and is shown.
    ///
    /// # Errors
    /// If the API refuses in a way that another look does not change.
    async fn look(&mut self, api: &Api, filter: &Filter, now: Timestamp) -> Result<bool, Failure> {
        match self.ask(api, filter).await {
            Ok(changed) => {
                let recovered = self.failed.take().is_some();
                self.as_of = Some(now);
                Ok(changed || recovered)
            }
            Err(Failure::Refused(refused)) if refused.is_no() => Err(refused.into()),
            // Without any answer yet, it is more likely a wrong URL than a short outage.
            Err(failure) if self.as_of.is_none() => Err(failure),
            Err(failure) => {
                let times = self.failed.as_ref().map_or(0, |(_, times)| *times);
                self.failed = Some((failure.to_string(), times + 1));
                Ok(times == 0)
            }
        }
    }

    async fn ask(&mut self, api: &Api, filter: &Filter) -> Result<bool, Failure> {
        let tag = |known: &Option<Tagged>| known.as_ref().and_then(|known| known.tag.clone());
        let (list, stats) = (tag(&self.list), tag(&self.stats));
        let list = api
            .changed("incidents", &first_page(filter), list.as_deref())
            .await?;
        let stats = api.changed("stats", &[], stats.as_deref()).await?;
        let changed = list.is_some() || stats.is_some();
        if let Some(list) = list {
            let page: Page = typed(list.answer.clone())?;
            self.more = page.next.is_some();
            self.incidents = page.incidents;
            self.incidents.retain(|one| one.storm.is_none());
            self.incidents.sort_by(|one, other| {
                let worst = one.severity.cmp(&other.severity);
                worst.then_with(|| other.id.cmp(&one.id))
            });
            self.list = Some(list);
        }
        self.stats = stats.or_else(|| self.stats.take());
        Ok(changed)
    }

    fn pause(&self) -> Duration {
        match &self.failed {
            Some((_, times)) => MOVING.saturating_mul(1 << (*times).min(5)).min(RESTING),
            None if self.incidents.iter().any(Summary::moves) => MOVING,
            None => RESTING,
        }
    }

    fn counted(&self, name: &str) -> u64 {
        let stats = self.stats.as_ref();
        let counted = stats.and_then(|stats| stats.answer[name].as_u64());
        counted.unwrap_or_default()
    }

    fn as_json(&self) -> Value {
        let answer = |known: &Option<Tagged>| known.as_ref().map(|known| known.answer.clone());
        json!({
            "as_of": self.as_of, "stale_because": self.failed.as_ref().map(|(why, _)| why),
            "list": answer(&self.list), "stats": answer(&self.stats),
        })
    }

    fn lines(&self, screen: Screen) -> Vec<String> {
        let mut lines = vec![self.headline()];
        if let Some((why, _)) = &self.failed {
            let banner = format!("MAY BE OUT OF DATE: {}", safe(why));
            let banner = screen
                .columns
                .map_or(banner.clone(), |most| screen::cut(&banner, most));
            lines.push(screen.paint(Style::Red, &banner));
        }
        lines.push(String::new());
        if self.incidents.is_empty() {
            lines.push("nothing is open".to_owned());
        } else {
            lines.extend(rows(&self.incidents, screen));
        }
        if self.more {
            let shown = self.incidents.len();
            lines.push(format!(
                "only the newest are shown, {shown} of them: give a filter"
            ));
        }
        lines
    }

    fn headline(&self) -> String {
        let at = self.as_of.map(|at| at.strftime("%H:%M:%S UTC").to_string());
        format!(
            "as of {}: {} open, {} wait for people, {} in repair, {} opened in 24 h",
            at.unwrap_or_default(),
            self.counted("open"),
            self.counted("waiting_for_people"),
            self.counted("repairing"),
            self.counted("opened_in_24_hours"),
        )
    }
}

/// Writes the lines over those of the look before. Nothing of the terminal is changed that would have to be set back when the command is
/// interrupted: no other screen, no hidden cursor.
fn redraw(
    lines: &[String],
    screen: Screen,
    first: bool,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    if first {
        out.queue(Clear(ClearType::All))?;
    }
    out.queue(MoveTo(0, 0))?;
    // The last line stays free for the cursor.
    let fitting = screen.lines.unwrap_or(usize::MAX).saturating_sub(1);
    for line in lines.iter().take(fitting) {
        write!(out, "{line}")?;
        out.queue(Clear(ClearType::UntilNewLine))?;
        writeln!(out)?;
    }
    out.queue(Clear(ClearType::FromCursorDown))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::Timestamp;
    use loopback::{Reply, Server, answer};
    use serde_json::Value;

    use super::{View, redraw};
    use crate::api::Api;
    use crate::incidents::Filter;
    use crate::screen::Screen;

    const LIST: &str = include_str!("../tests/api/incidents.json");
    const STATS: &str = include_str!("../tests/api/stats.json");

    /// An API that answers with tags, and with 503 from its fifth request on.
    fn server() -> Server {
        Server::start(|request, place| -> Reply {
            if place >= 4 {
                return answer(503, &[], "{\"detail\":\"busy\"}");
            }
            let (tag, body) = if request.path.contains("/stats") {
                ("\"s\"", STATS)
            } else {
                ("\"l\"", LIST)
            };
            match request.header("if-none-match") == tag {
                true => answer(304, &[("etag", tag)], ""),
                false => answer(200, &[("etag", tag)], body),
            }
        })
    }

    #[tokio::test]
    async fn a_look_asks_with_the_tag_and_an_outage_keeps_the_list() {
        let server = server();
        let api = Api::new(&server.url, "quell_x".into()).expect("a client");
        let (mut view, filter) = (View::default(), Filter::default().only_open());
        let at: Timestamp = "2026-11-25T21:16:00Z".parse().expect("a time");
        let mut looked = Vec::new();
        for _ in 0..4 {
            let changed = view.look(&api, &filter, at).await.expect("looked");
            looked.push((changed, view.pause()));
        }
        let moving = Duration::from_secs(3);
        assert_eq!(
            looked,
            [
                (true, moving),
                (false, moving),
                (true, moving * 2),
                (false, moving * 4)
            ]
        );
        let asked = server.requests();
        assert_eq!(asked[0].path, "/api/v1/incidents?open=true&limit=100");
        assert_eq!(asked[0].header("authorization"), "Bearer quell_x");
        assert_eq!(
            (
                asked[0].header("if-none-match"),
                asked[2].header("if-none-match")
            ),
            ("", "\"l\"")
        );
        insta::assert_snapshot!(view.lines(Screen::PLAIN).join("\n"), @r"
        as of 21:16:00 UTC: 2 open, 1 wait for people, 0 in repair, 7 opened in 24 h
        MAY BE OUT OF DATE: the API cannot answer right now (busy): try again in some seconds; the log of its function says why

        ID                          SEV  STATUS             OPENED (UTC)      HITS  ALERT         ABOUT           ON IT
        01M8A8Z0M50B4S0C2H7V3Y6K1E  P1   needs_human        2026-11-25 20:58    12  磁碟空間不足  10.0.0.31:9100  mira
        01M8A90ZRTN0096VT64NKT1WDQ  P2   awaiting_approval  2026-11-25 21:15     3  TargetDown    checkout-web
        ");
    }

    #[tokio::test]
    async fn what_will_not_change_ends_the_watch() {
        let server = Server::playing(vec![answer(401, &[], "{\"detail\":\"unknown token\"}")]);
        let api = Api::new(&server.url, "quell_x".into()).expect("a client");
        let looked = View::default()
            .look(&api, &Filter::default(), Timestamp::UNIX_EPOCH)
            .await;
        assert!(looked.is_err_and(|failure| failure.to_string().contains("quell tokens make")));
        let api = Api::new(&format!("http://{}", loopback::closed()), "quell_x".into())
            .expect("a client");
        let looked = View::default()
            .look(&api, &Filter::default(), Timestamp::UNIX_EPOCH)
            .await;
        assert!(looked.is_err(), "nothing was ever answered");
    }

    #[test]
    fn what_rests_is_looked_at_each_minute() {
        let mut view = View::default();
        assert_eq!(view.pause(), Duration::from_secs(60));
        let list: Value = serde_json::from_str(LIST).expect("JSON");
        view.incidents = serde_json::from_value(list["incidents"].clone()).expect("incidents");
        view.incidents.retain(|one| one.status == "needs_human");
        assert_eq!(view.pause(), Duration::from_secs(60));
        view.failed = Some((String::new(), 30));
        assert_eq!(view.pause(), Duration::from_secs(60));
    }

    #[test]
    fn a_redraw_writes_over_what_was_there() {
        let mut out = Vec::new();
        let screen = Screen {
            lines: Some(3),
            ..Screen::PLAIN
        };
        let lines = ["one", "two", "three"].map(str::to_owned);
        redraw(&lines, screen, false, &mut out).expect("written");
        let text = String::from_utf8(out).expect("text");
        assert_eq!(text, "\u{1b}[1;1Hone\u{1b}[K\ntwo\u{1b}[K\n\u{1b}[J");
    }
}
