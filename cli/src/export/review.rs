//! The review of an incident as Markdown: every sentence of its story leads to its entry of the operation log.

use domain::analysis::evidence::Found;
use domain::analysis::named_cause::Confidence;
use jiff::{SignedDuration, Timestamp};

use crate::api::model::{Entry, Incident};
use crate::markdown::{block, code, text};
use crate::report::length::shown as length;
use crate::show::people::decision;
use crate::show::story::sentence;
use crate::show::{finding, time};

/// What a review asks, for people to fill in.
const FOLLOW_UPS: [&str; 5] = [
    "Was the cause right? What was it behind that?",
    "Who noticed it first, and what would have noticed it earlier?",
    "What made it longer or worse than it had to be?",
    "What would have kept it from happening? Owner, until when:",
    "Which playbook, alert or guardrail has to change? Owner, until when:",
];

/// The review of an incident; `page` is its page in the console.
pub(crate) fn review(incident: &Incident, entries: &[Entry], page: &str) -> String {
    let one = &incident.summary;
    let mut out = format!(
        "# Review: {} on {}\n\nIncident {}, {}, {}. [Its page]({page}). Numbers lead to the entries of its operation log, below.\n",
        text(&one.name),
        text(&one.target),
        code(one.id.as_str()),
        code(&one.severity),
        code(&one.status),
    );
    for part in [
        impact(incident),
        cause(incident),
        timeline(entries),
        actions(entries),
        repairs(incident),
        follow_ups(),
        log(incident, entries),
    ] {
        out.push('\n');
        out.push_str(&part);
    }
    out
}

/// A link to an entry: renderers give its heading this anchor.
fn link(entry: &Entry) -> String {
    format!("[{0}](#entry-{0})", entry.sequence)
}

fn impact(incident: &Incident) -> String {
    let (one, alert) = (&incident.summary, &incident.alert);
    let began = alert.starts_at.min(one.opened_at);
    let lasted = match one.ended_at {
        Some(ended) => format!(
            "{}, from the first alert ({}) until it ended ({})",
            length(ended.duration_since(began)),
            time(began),
            time(ended)
        ),
        None => format!("since the first alert ({}); it has not ended", time(began)),
    };
    let flaps = match one.flaps {
        0 => String::new(),
        flaps => format!(", and it fired again {flaps} times after it had resolved"),
    };
    let mut out = format!(
        "## Impact\n\n- Lasted: {lasted}\n- Alerts counted: {}{flaps}\n- Says: {}\n",
        one.hit_count,
        text(&one.message)
    );
    let place = [&one.service, &one.namespace, &one.cluster];
    let place: Vec<String> = place.into_iter().flatten().map(|name| code(name)).collect();
    if !place.is_empty() {
        out.push_str(&format!("- Where: {}\n", place.join(", ")));
    }
    if let Some(found) = &incident.analysis {
        let radius = &found.blast_radius;
        out.push_str(&format!(
            "- Expected: {} processes or hosts, {}\n",
            radius.affected_pods,
            text(&radius.estimated_downtime)
        ));
    }
    out
}

fn cause(incident: &Incident) -> String {
    let mut out = "## Cause\n\n".to_owned();
    let Some(found) = &incident.analysis else {
        out.push_str("- No analysis was made.\n");
        return out;
    };
    let verdict = match incident.response.cause_is_right {
        Some(true) => " (people say that it is right)",
        Some(false) => " (people say that it is wrong)",
        None => "",
    };
    out.push_str(&format!(
        "- Found: {}{verdict}\n- By: {}{}\n- Urgency: {}\n",
        text(&found.root_cause),
        code(&found.provider),
        found.confidence.map(counted).unwrap_or_default(),
        text(&finding::urgency(&found.urgency))
    ));
    for piece in &incident.evidence {
        let answers = finding::answers(&piece.found);
        let nothing = matches!(piece.found, Found::Nothing | Found::Failed { .. });
        let of = if nothing { "Without" } else { "Evidence of" };
        out.push_str(&format!(
            "- {of} {}, asked {}\n",
            code(piece.source.as_str()),
            code(&piece.asked.to_string())
        ));
        for answer in answers {
            out.push_str(&format!("  - says: {}\n", text(&answer)));
        }
    }
    out
}

/// How often such causes were right, where that is known of any.
fn counted(sure: Confidence) -> String {
    match sure.counts.known() {
        0 => String::new(),
        known => format!(", right {} of {known} times", sure.counts.right),
    }
}

fn timeline(entries: &[Entry]) -> String {
    let mut out = "## Timeline\n\n".to_owned();
    for entry in entries.iter().filter(|entry| entry.is_turn()) {
        let failed = if entry.success { "" } else { "**failed**: " };
        out.push_str(&format!(
            "- {}: {failed}{} ({})\n",
            time(entry.at),
            text(&sentence(entry)),
            link(entry)
        ));
    }
    out
}

/// What people did, and what was run, in the order of the log.
fn actions(entries: &[Entry]) -> String {
    let mut out = "## Actions\n\n".to_owned();
    let acts = entries.iter().filter(|entry| {
        // People's actors are a channel and a name; functions have none (docs/architecture.md).
        entry.actor.contains(':') || entry.event == "STEP_FINISHED"
    });
    let mut any = false;
    for entry in acts {
        any = true;
        let person = entry.context["person"].as_str();
        out.push_str(&format!(
            "- {}, {}: {} {} ({})\n",
            time(entry.at),
            code(person.unwrap_or(&entry.actor)),
            code(&entry.event),
            text(&sentence(entry)),
            link(entry)
        ));
    }
    if !any {
        out.push_str("- No person did anything, and nothing was run.\n");
    }
    out
}

fn repairs(incident: &Incident) -> String {
    let mut out = "## Plan and repair\n\n".to_owned();
    match (&incident.plan, &incident.no_plan_because) {
        (Some(plan), _) => {
            let (playbook, target) = (code(&plan.playbook), code(&plan.target));
            out.push_str(&format!(
                "- Plan: {playbook} on {target}, hash {}\n",
                code(&plan.hash)
            ));
            for step in plan.parts.iter().flat_map(|part| &part.steps) {
                out.push_str(&format!("  - runs: {}\n", code(&step.command)));
            }
        }
        (None, Some(why)) => out.push_str(&format!("- No plan: {}\n", text(why))),
        (None, None) => out.push_str("- No plan was made.\n"),
    }
    if let Some(approval) = &incident.approval {
        out.push_str(&format!("- Decision: {}\n", text(&decision(approval))));
    }
    for repair in incident.earlier_repairs.iter().chain(&incident.repair) {
        let outcome = repair.outcome.as_deref().unwrap_or("running");
        let took = repair
            .finished_at
            .map_or_else(SignedDuration::default, |end: Timestamp| {
                end.duration_since(repair.started_at)
            });
        out.push_str(&format!(
            "- Repair of {}: {} after {}\n",
            time(repair.started_at),
            code(outcome),
            length(took)
        ));
    }
    out
}

fn follow_ups() -> String {
    let asked = FOLLOW_UPS.iter().map(|asked| format!("- [ ] {asked}\n"));
    format!("## Follow-ups\n\n{}", asked.collect::<String>())
}

fn log(incident: &Incident, entries: &[Entry]) -> String {
    let end = &incident.log;
    let mut out = format!(
        "## Operation log\n\n{} entries; the chain ends with {}. `quell verify-log` checks it.\n",
        end.entries,
        code(&end.hash)
    );
    for entry in entries {
        let erased = if entry.erased {
            "; something of it was erased"
        } else {
            ""
        };
        out.push_str(&format!(
            "\n#### Entry {}\n\n- {} at {}, by {}{erased}\n- Says: {}\n- Hash: {}\n",
            entry.sequence,
            code(&entry.event),
            code(&entry.at.to_string()),
            code(&entry.actor),
            text(&sentence(entry)),
            code(&entry.hash)
        ));
        for (stream, printed) in entry.printed() {
            out.push_str(&format!(
                "- It printed on {stream}:\n\n{}",
                block(printed, "  ")
            ));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use pulldown_cmark::{Event, Tag};
    use serde_json::{Value, json};

    use super::review;
    use crate::api::model::LogPart;
    use crate::markdown::tests::events;

    const PAGE: &str = "https://api.test/console/incidents/01M8A91580F560Z3W56RBNWNVF";

    fn answers() -> (Value, Value) {
        let read = |text| serde_json::from_str(text).expect("JSON");
        (
            read(include_str!("../../tests/api/repaired.json")),
            read(include_str!("../../tests/api/repaired-log.json")),
        )
    }

    fn written((incident, log): (Value, Value)) -> String {
        let incident = serde_json::from_value(incident).expect("an incident");
        let log: LogPart = serde_json::from_value(log).expect("a log");
        review(&incident, &log.entries, PAGE)
    }

    #[test]
    fn a_review_has_the_story_and_asks_for_the_rest() {
        let review = written(answers());
        let (story, log) = review.split_once("## Operation log").expect("both");
        insta::assert_snapshot!(story);
        assert_eq!(log.matches("#### Entry ").count(), 14);
        assert!(
            log.contains("checkout-web: stopped\n  checkout-web: started\n"),
            "{log}"
        );
    }

    #[test]
    fn every_sentence_of_the_timeline_leads_to_an_entry() {
        let review = written(answers());
        let timeline = review.split("## Timeline").nth(1).expect("one");
        let timeline = timeline.split("\n## ").next().expect("its end");
        let sentences: Vec<&str> = timeline
            .lines()
            .filter(|line| line.starts_with("- "))
            .collect();
        assert_eq!(sentences.len(), 11, "{timeline}");
        for sentence in sentences {
            let (_, number) = sentence.rsplit_once("(#entry-").expect("a link");
            let number = number.trim_end_matches(')');
            assert!(
                review.contains(&format!("\n#### Entry {number}\n")),
                "{sentence}"
            );
        }
    }

    /// Puts a text in the place of every text of an answer that others write.
    fn hostile(answer: &mut Value, text: &str) {
        const OURS: [&str; 25] = [
            "id",
            "kind",
            "severity",
            "status",
            "opened_at",
            "ended_at",
            "starts_at",
            "at",
            "requested_at",
            "expires_at",
            "decided_at",
            "started_at",
            "finished_at",
            "since",
            "state",
            "risk",
            "primary_responsibility",
            "data_impact",
            "trend",
            "source",
            "outcome",
            "sequence",
            "event",
            "incident_id",
            "actor",
        ];
        match answer {
            Value::Object(fields) => {
                for (name, value) in fields {
                    if !OURS.contains(&name.as_str()) {
                        hostile(value, text);
                    }
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| hostile(item, text)),
            Value::String(said) => text.clone_into(said),
            _ => {}
        }
    }

    #[test]
    fn whatever_texts_say_the_review_is_built_the_same() {
        let built = |text: &str| -> Vec<String> {
            let (mut incident, mut log) = answers();
            hostile(&mut incident, text);
            hostile(&mut log, text);
            let review = written((incident, log));
            let tags = events(&review).into_iter().filter_map(|event| match event {
                Event::Start(Tag::Link { dest_url, .. }) => Some(format!("link {dest_url}")),
                // A block may be marked as one of a language: it is not.
                Event::Start(Tag::CodeBlock(_)) => Some("block".to_owned()),
                Event::Start(tag) => Some(format!("{tag:?}")),
                Event::Html(_) | Event::InlineHtml(_) | Event::TaskListMarker(_) | Event::Rule => {
                    Some(format!("{event:?}"))
                }
                _ => None,
            });
            tags.collect()
        };
        let plain = built("words");
        assert!(plain.iter().all(|tag| !tag.contains("Html")), "{plain:?}");
        for text in [
            "# h",
            "1. x",
            "- [ ] task",
            "```\nx",
            "</details><script>x</script>",
            "[a](javascript:x)",
            "![](//x.test)",
            "<https://x.test>",
            "https://x.test www.x.test @ada a@x.test",
            "| a | b |\n|---|---|",
            "***",
            "---",
            "\\",
            "&#60;b&#62;",
            "[^1]",
            "x\n\n## y",
            "    code",
            "> quote",
            "`",
            "``",
            "$$x$$",
            "[[wiki]]",
            "~~x~~",
            "<!--",
            "a\u{1b}[2J\u{202e}",
            "=== ",
            "+ x",
            ":smile:",
            "+++",
            "{.class}",
            "^x^",
        ] {
            assert_eq!(built(text), plain, "{text}");
        }
        let links: Vec<_> = plain
            .iter()
            .filter(|tag| tag.starts_with("link "))
            .collect();
        assert!(
            links
                .iter()
                .all(|link| link.starts_with("link #entry-") || link.ends_with(PAGE)),
            "{links:?}"
        );
    }

    #[test]
    fn an_incident_without_anything_has_a_review_too() {
        let (mut incident, mut log) = answers();
        for field in ["analysis", "plan", "approval", "repair", "ended_at"] {
            incident[field] = Value::Null;
        }
        incident["evidence"] = json!([]);
        log["entries"] = json!([]);
        let review = written((incident, log));
        for says in [
            "it has not ended",
            "No analysis was made",
            "No plan was made",
            "No person did anything",
        ] {
            assert!(review.contains(says), "{review}");
        }
    }
}
