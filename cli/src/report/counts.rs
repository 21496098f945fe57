//! The numbers of a report.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::io::Write;

use jiff::Timestamp;
use jiff::civil::Date;
use quality::lengths::Lengths;
use serde::Serialize;

use super::length::described;
use super::story::Story;
use super::week::Week;
use crate::api::model::Summary;
use crate::exit::Failure;
use crate::screen::{self, Column, Screen, Style, safe};

/// How many services and alerts are listed.
const LISTED: usize = 10;

/// An incident with its story.
#[derive(Debug, Clone)]
pub(super) struct Told {
    pub(super) summary: Summary,
    pub(super) story: Story,
}

/// A week in numbers.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    week: String,
    from: Date,
    to: Date,
    incidents: usize,
    /// Sightings of alerts.
    alerts: u64,
    by_severity: BTreeMap<String, usize>,
    /// By how far each has come until now.
    by_status: BTreeMap<String, usize>,
    by_service: Vec<Counted>,
    noisiest_alerts: Vec<Counted>,
    /// From the first alert to the first person.
    to_acknowledge: Option<Lengths>,
    /// From the first alert to the verified repair.
    to_repair: Option<Lengths>,
    /// From the first alert to the end.
    to_end: Option<Lengths>,
    /// By playbook and by how they ended.
    repairs: BTreeMap<String, BTreeMap<String, usize>>,
}

/// A name with how often it was there.
#[derive(Debug, Clone, Default, Serialize)]
struct Counted {
    name: String,
    incidents: usize,
    alerts: u64,
    flaps: u64,
}

impl Report {
    pub(super) fn of(week: &Week, told: &[Told]) -> Self {
        let (from, to) = week.days();
        let summaries = || told.iter().map(|one| &one.summary);
        let mut repairs: BTreeMap<String, BTreeMap<String, usize>> = BTreeMap::new();
        for (playbook, outcome) in told.iter().flat_map(|one| &one.story.repairs) {
            let of = repairs.entry(playbook.clone()).or_default();
            *of.entry(outcome.clone()).or_default() += 1;
        }
        Self {
            week: week.to_string(),
            from,
            to,
            incidents: told.len(),
            alerts: summaries().map(|one| one.hit_count).sum(),
            by_severity: count(summaries().map(|one| one.severity.clone())),
            by_status: count(summaries().map(|one| one.status.clone())),
            by_service: counted(
                summaries(),
                |one| one.service.as_ref().unwrap_or(&one.target),
                |one| one.incidents as u64,
            ),
            noisiest_alerts: counted(summaries(), |one| &one.name, |one| one.alerts),
            to_acknowledge: lengths(told, |one| one.story.acknowledged_at),
            to_repair: lengths(told, |one| one.story.repaired_at),
            to_end: lengths(told, |one| one.summary.ended_at),
            repairs,
        }
    }

    pub(super) fn write(&self, out: &mut dyn Write) -> Result<(), Failure> {
        writeln!(out, "{} ({} to {}, UTC)", self.week, self.from, self.to)?;
        writeln!(
            out,
            "{} incidents of {} alerts",
            self.incidents, self.alerts
        )?;
        for (name, counts) in [("severity", &self.by_severity), ("status", &self.by_status)] {
            if !counts.is_empty() {
                writeln!(out, "  {name:<15} {}", list(counts))?;
            }
        }
        for (name, lengths) in [
            ("to acknowledge", self.to_acknowledge),
            ("to repair", self.to_repair),
            ("to end", self.to_end),
        ] {
            let shown = lengths.map_or_else(|| "none".to_owned(), described);
            writeln!(out, "  {name:<15} {shown}")?;
        }
        ranked("SERVICE", &self.by_service, out)?;
        ranked("NOISIEST ALERT", &self.noisiest_alerts, out)?;
        if !self.repairs.is_empty() {
            writeln!(out, "\nrepairs")?;
            for (playbook, outcomes) in &self.repairs {
                writeln!(out, "  {}: {}", safe(playbook), list(outcomes))?;
            }
        }
        Ok(())
    }
}

fn count(names: impl Iterator<Item = String>) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for name in names {
        *counts.entry(name).or_default() += 1;
    }
    counts
}

/// The names with the most, the first [`LISTED`] of them.
fn counted<'a>(
    incidents: impl Iterator<Item = &'a Summary>,
    name: fn(&Summary) -> &String,
    most: fn(&Counted) -> u64,
) -> Vec<Counted> {
    let mut all: BTreeMap<&str, Counted> = BTreeMap::new();
    for one in incidents {
        let of = all.entry(name(one)).or_default();
        of.incidents += 1;
        of.alerts += one.hit_count;
        of.flaps += one.flaps;
    }
    let named = all.into_iter().map(|(name, of)| Counted {
        name: name.to_owned(),
        ..of
    });
    let mut named: Vec<Counted> = named.collect();
    // Those with as many stay in the order of their names.
    named.sort_by_key(|one| Reverse(most(one)));
    named.truncate(LISTED);
    named
}

/// How long it took from the opening until then, for those where it came that far.
fn lengths(told: &[Told], until: fn(&Told) -> Option<Timestamp>) -> Option<Lengths> {
    let took = |one: &Told| Some(until(one)?.duration_since(one.summary.opened_at));
    Lengths::of(told.iter().filter_map(took).collect())
}

fn list(counts: &BTreeMap<String, usize>) -> String {
    let each = counts
        .iter()
        .map(|(name, count)| format!("{count} {}", safe(name)));
    each.collect::<Vec<_>>().join(", ")
}

fn ranked(head: &'static str, counted: &[Counted], out: &mut dyn Write) -> Result<(), Failure> {
    if counted.is_empty() {
        return Ok(());
    }
    let columns = [
        Column::text(head, 20),
        Column::number("INCIDENTS"),
        Column::number("ALERTS"),
        Column::number("FLAPS"),
    ];
    let rows: Vec<Vec<_>> = counted
        .iter()
        .map(|one| {
            let numbers = [
                one.incidents.to_string(),
                one.alerts.to_string(),
                one.flaps.to_string(),
            ];
            let texts = std::iter::once(one.name.clone()).chain(numbers);
            texts.map(|text| (text, Style::Plain)).collect()
        })
        .collect();
    writeln!(out)?;
    for line in screen::table(&columns, &rows, Screen::PLAIN) {
        writeln!(out, "{line}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::{Report, Told};
    use crate::api::model::{Incident, Page};
    use crate::report::story::Story;
    use crate::report::story::tests::repaired;
    use crate::report::week::Week;

    fn told() -> Vec<Told> {
        let page: Page =
            serde_json::from_str(include_str!("../../tests/api/incidents.json")).expect("a page");
        let ended: Incident = serde_json::from_str(include_str!("../../tests/api/repaired.json"))
            .expect("an incident");
        let open = page.incidents.into_iter().map(|summary| Told {
            summary,
            story: Story::default(),
        });
        let ended = Told {
            summary: ended.summary,
            story: repaired(),
        };
        open.chain([ended]).collect()
    }

    fn week() -> Week {
        "2026-W48".parse().expect("a week")
    }

    #[test]
    fn a_week_is_counted() {
        let mut out = Vec::new();
        Report::of(&week(), &told())
            .write(&mut out)
            .expect("written");
        insta::assert_snapshot!(String::from_utf8(out).expect("text"), @r"
        2026-W48 (2026-11-23 to 2026-11-29, UTC)
        3 incidents of 18 alerts
          severity        1 P1, 2 P2
          status          1 awaiting_approval, 1 needs_human, 1 resolved
          to acknowledge  median 50 s, 90 % within 50 s (of 1)
          to repair       median 2 min 14 s, 90 % within 2 min 14 s (of 1)
          to end          median 15 min 22 s, 90 % within 15 min 22 s (of 1)

        SERVICE         INCIDENTS  ALERTS  FLAPS
        checkout-web            2       6      0
        10.0.0.31:9100          1      12      1

        NOISIEST ALERT  INCIDENTS  ALERTS  FLAPS
        磁碟空間不足            1      12      1
        TargetDown              2       6      0

        repairs
          restart-supervisor-program: 1 verified
        ");
    }

    #[test]
    fn a_quiet_week_has_a_report_too() {
        let mut out = Vec::new();
        let report = Report::of(&week(), &[]);
        report.write(&mut out).expect("written");
        let text = String::from_utf8(out).expect("text");
        assert!(
            text.contains("0 incidents of 0 alerts") && text.contains("to end          none"),
            "{text}"
        );
        let json: Value = serde_json::to_value(&report).expect("JSON");
        assert_eq!(
            (&json["to_end"], &json["from"]),
            (&Value::Null, &"2026-11-23".into())
        );
    }
}
