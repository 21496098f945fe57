//! `quell incidents`: lists incidents of the deployed stack, newest first.

use std::io::Write;

use clap::Args;
use domain::primitives::id::IncidentId;
use jiff::Timestamp;

use crate::api::lists::{LARGEST_PAGE, Query, all_incidents};
use crate::api::model::{Page, Summary};
use crate::api::{ApiOf, typed};
use crate::aws::Environment;
use crate::exit::{Answer, Failure};
use crate::respond::incident;
use crate::screen::{self, Cell, Column, Output, Screen, Style};

/// Which incidents, as the read API filters them.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Filter {
    /// Only those that people or Quell still have something to do about
    #[arg(long)]
    open: bool,
    /// Only those of a status, several with commas, such as awaiting_approval,needs_human
    #[arg(long, value_name = "STATUS")]
    status: Option<String>,
    /// Only those of a severity, several with commas, such as P0,P1
    #[arg(long, value_name = "SEVERITY")]
    severity: Option<String>,
    /// Only those of a service: the target of the plan, or what the alert is about
    #[arg(long, value_name = "NAME")]
    service: Option<String>,
    /// Only those of a namespace
    #[arg(long, value_name = "NAME")]
    namespace: Option<String>,
    /// Only those of a team that a route of channels.json names
    #[arg(long, value_name = "NAME")]
    team: Option<String>,
    /// Only those with this text in their id, name, subject, message, labels, cause or playbook
    #[arg(long, value_name = "TEXT")]
    text: Option<String>,
    /// Opened at this time or later, such as 2026-11-30T06:00:00Z, or on this day (UTC) or later
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// Opened at this time or earlier, or on this day or earlier
    #[arg(long, value_name = "TIME")]
    to: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Incidents {
    #[command(flatten)]
    filter: Filter,
    /// How many are listed at most
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u8).range(1..=100))]
    limit: u8,
    /// Go on behind this incident, as the last line of a list says
    #[arg(long, value_name = "INCIDENT", value_parser = incident)]
    cursor: Option<IncidentId>,
    /// List all, not only the first page
    #[arg(long, conflicts_with_all = ["limit", "cursor"])]
    all: bool,
    #[command(flatten)]
    api: ApiOf,
    /// How the answer is written
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    output: Output,
}

impl Filter {
    /// As parameters of `GET /api/v1/incidents`, which says what is wrong with one.
    pub(crate) fn query(&self) -> Query {
        let given = [
            ("status", &self.status),
            ("severity", &self.severity),
            ("service", &self.service),
            ("namespace", &self.namespace),
            ("team", &self.team),
            ("text", &self.text),
            ("from", &self.from),
            ("to", &self.to),
        ];
        let open = self.open.then(|| ("open", "true".to_owned()));
        let given = given
            .into_iter()
            .filter_map(|(name, value)| Some((name, value.clone()?)));
        open.into_iter().chain(given).collect()
    }

    pub(crate) fn only_open(mut self) -> Self {
        self.open = true;
        self
    }
}

impl Incidents {
    pub(crate) async fn answer(
        self,
        variables: &Environment,
        out: &mut dyn Write,
    ) -> Result<Answer, Failure> {
        let api = self.api.connect(variables).await?;
        let mut query = self.filter.query();
        let answer = if self.all {
            all_incidents(&api, &query).await?
        } else {
            query.push(("limit", self.limit.to_string()));
            query.extend(self.cursor.map(|cursor| ("cursor", cursor.to_string())));
            api.get("incidents", &query).await?
        };
        if self.output == Output::Json {
            writeln!(out, "{}", screen::json(&answer)?)?;
            return Ok(Answer::Yes);
        }
        let page: Page = typed(answer)?;
        write(&page, Screen::of(variables), out)?;
        Ok(Answer::Yes)
    }
}

fn write(page: &Page, screen: Screen, out: &mut dyn Write) -> Result<(), Failure> {
    if page.incidents.is_empty() && page.next.is_none() {
        writeln!(out, "no incidents")?;
        return Ok(());
    }
    for line in rows(&page.incidents, screen) {
        writeln!(out, "{line}")?;
    }
    if let Some(next) = &page.next {
        writeln!(out, "more: the same with --cursor {next}, or with --all")?;
    }
    Ok(())
}

/// The columns of a list.
const COLUMNS: [Column; 8] = [
    Column::whole("ID"),
    Column::whole("SEV"),
    Column::whole("STATUS"),
    Column::whole("OPENED (UTC)"),
    Column::number("HITS"),
    Column::text("ALERT", 12),
    Column::text("ABOUT", 12),
    Column::text("ON IT", 6),
];

/// A list, with its head.
pub(crate) fn rows(incidents: &[Summary], screen: Screen) -> Vec<String> {
    let rows: Vec<Vec<Cell>> = incidents.iter().map(row).collect();
    screen::table(&COLUMNS, &rows, screen)
}

fn row(one: &Summary) -> Vec<Cell> {
    let plain = |text: String| (text, Style::Plain);
    let about = match one.members {
        Some(members) => format!("{} ({} of {} open)", one.target, members.open, members.all),
        None => one.target.clone(),
    };
    vec![
        plain(one.id.to_string()),
        (one.severity.clone(), Style::of_severity(&one.severity)),
        (one.status.clone(), Style::of_status(&one.status)),
        plain(minute(one.opened_at)),
        plain(one.hit_count.to_string()),
        plain(one.name.clone()),
        plain(about),
        plain(one.responder.clone().unwrap_or_default()),
    ]
}

/// A time to the minute, in UTC.
fn minute(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M").to_string()
}

/// The page that `quell watch` shows: as many as one request gives.
pub(crate) fn first_page(filter: &Filter) -> Query {
    let mut query = filter.query();
    query.push(("limit", LARGEST_PAGE.to_string()));
    query
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Filter, write};
    use crate::api::model::Page;
    use crate::screen::Screen;

    #[test]
    fn a_filter_is_the_query_of_the_api() {
        let filter = Filter {
            severity: Some("P0,P1".to_owned()),
            text: Some("disk & 磁碟".to_owned()),
            ..Filter::default()
        };
        assert_eq!(
            filter.only_open().query(),
            [
                ("open", "true".to_owned()),
                ("severity", "P0,P1".to_owned()),
                ("text", "disk & 磁碟".to_owned())
            ]
        );
    }

    #[test]
    fn a_list_says_how_it_goes_on_and_what_storms_hold() {
        let page: Page = serde_json::from_value(json!({
            "incidents": [{
                "id": "01M8A90ZRTN0096VT64NKT1WDQ", "kind": "storm", "status": "needs_human", "open": true, "severity": "P0",
                "name": "警報風暴", "target": "shop", "teams": [], "message": "", "opened_at": "2026-11-25T21:15:49.376Z", "hit_count": 40, "flaps": 0,
                "members": { "all": 16, "open": 9, "critical_open": 2 },
            }],
            "next": "01M8A90ZRTN0096VT64NKT1WDQ", "looked_at": 1,
        }))
        .expect("a page");
        let mut out = Vec::new();
        write(&page, Screen::PLAIN, &mut out).expect("written");
        insta::assert_snapshot!(String::from_utf8(out).expect("text"), @r"
        ID                          SEV  STATUS       OPENED (UTC)      HITS  ALERT     ABOUT                ON IT
        01M8A90ZRTN0096VT64NKT1WDQ  P0   needs_human  2026-11-25 21:15    40  警報風暴  shop (9 of 16 open)
        more: the same with --cursor 01M8A90ZRTN0096VT64NKT1WDQ, or with --all
        ");
        let mut out = Vec::new();
        let none = Page {
            incidents: Vec::new(),
            next: None,
        };
        write(&none, Screen::PLAIN, &mut out).expect("written");
        assert_eq!(out, b"no incidents\n");
    }
}
