//! Drafts as YAML: each is read back by the functions' own reader before it is written, and has to come to the same commands.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use domain::playbook::Playbook;
use domain::playbook::plan::Phase;
use serde_json::json;

use super::document::{Command, Refusal, Runbook};

/// How long a step may take where the runbook does not say.
const TIMEOUT: u64 = 60;
/// What only whoever reviews a draft can say.
const LEFT_TO_PEOPLE: [&str; 2] = ["draft", "match"];

/// A runbook as a draft.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Draft {
    pub(super) id: String,
    /// What it holds, in a line.
    pub(super) told: String,
    /// Its item of the list, with comments.
    pub(super) text: String,
}

/// The runbooks that can be drafted, and those that cannot.
pub(super) fn drafts(runbooks: Vec<Runbook>, origin: &str) -> (Vec<Draft>, Vec<Runbook>) {
    let (mut drafts, mut refused, mut ids) = (Vec::new(), Vec::new(), BTreeSet::new());
    for mut runbook in runbooks {
        if runbook.refused.is_empty() {
            let id = fresh(&mut ids, &slug(&runbook.name));
            match draft(&id, &runbook, origin) {
                Ok(draft) => {
                    drafts.push(draft);
                    continue;
                }
                Err(refusals) => runbook.refused = refusals,
            }
        }
        refused.push(runbook);
    }
    (drafts, refused)
}

fn draft(id: &str, runbook: &Runbook, origin: &str) -> Result<Draft, Vec<Refusal>> {
    let text = written(id, runbook, origin);
    let refusal = |place: &str, why: String| Refusal {
        place: place.to_owned(),
        why,
    };
    let read: Vec<Playbook> = serde_saphyr::from_str(&text).map_err(|error| {
        vec![refusal(
            "the draft",
            format!("it cannot be read back: {error}"),
        )]
    })?;
    let [playbook] = &read[..] else {
        return Err(vec![refusal(
            "the draft",
            "it is not one playbook".to_owned(),
        )]);
    };
    let wrong: Vec<Refusal> = playbook
        .errors()
        .into_iter()
        .filter(|(field, _)| !LEFT_TO_PEOPLE.contains(&field.as_str()))
        .map(|(field, text)| refusal(&field, text))
        .collect();
    if !wrong.is_empty() {
        return Err(wrong);
    }
    let argv = |commands: &[Command]| {
        commands
            .iter()
            .map(|one| one.argv.clone())
            .collect::<Vec<_>>()
    };
    let values = BTreeMap::new();
    let rendered = |phase| {
        let steps = playbook.render(phase, &values).unwrap_or_default();
        steps.into_iter().map(|step| step.argv).collect::<Vec<_>>()
    };
    let same = rendered(Phase::Steps) == argv(&runbook.steps)
        && rendered(Phase::Verify) == argv(&runbook.verify)
        && rendered(Phase::Rollback) == argv(&runbook.rollback);
    if !same {
        return Err(vec![refusal(
            "the draft",
            "it does not come to the same commands".to_owned(),
        )]);
    }
    let (steps, checks, undo) = (
        runbook.steps.len(),
        runbook.verify.len(),
        runbook.rollback.len(),
    );
    Ok(Draft {
        id: id.to_owned(),
        told: format!(
            "{}, {steps} steps, {checks} checks, {undo} to take it back",
            runbook.name
        ),
        text,
    })
}

fn written(id: &str, runbook: &Runbook, origin: &str) -> String {
    let mut out = String::new();
    let mut comment = |text: &str| {
        for line in text.lines() {
            // A comment ends with its line, whatever the text was.
            let line: String = line.chars().filter(|c| !c.is_control()).collect();
            writeln!(out, "# {line}").ok();
        }
    };
    comment(&format!("A draft of {origin}: {}.", runbook.name));
    for note in &runbook.notes {
        comment(&format!("Note: {note}."));
    }
    if runbook.alerts.is_empty() {
        comment("To do: name the alerts that it is for.");
    }
    if runbook.verify.is_empty() {
        comment(
            "To do: write checks that see the symptom gone. A repair without one counts as failed.",
        );
    }
    comment(
        "To do: see whether risk, data_impact and every timeout are right, then take the line `draft: true` away.",
    );
    let quoted = |text: &str| json!(text).to_string();
    writeln!(out, "- id: {id}").ok();
    writeln!(out, "  draft: true").ok();
    writeln!(out, "  name: {}", quoted(&runbook.name)).ok();
    writeln!(out, "  match: {{ alertnames: {} }}", json!(runbook.alerts)).ok();
    // The most careful: what it really is, only a person can say.
    writeln!(out, "  risk: high").ok();
    writeln!(out, "  data_impact: WRITE").ok();
    for (name, commands) in [
        ("steps", &runbook.steps),
        ("verify", &runbook.verify),
        ("rollback", &runbook.rollback),
    ] {
        if commands.is_empty() && name != "steps" {
            writeln!(out, "  {name}: []").ok();
            continue;
        }
        writeln!(out, "  {name}:").ok();
        for command in commands {
            let words: Vec<String> = command
                .argv
                .iter()
                .map(|word| quoted(&escaped(word)))
                .collect();
            writeln!(out, "    - run: [{}]", words.join(", ")).ok();
            writeln!(
                out,
                "      timeout: {}s",
                command.timeout_seconds.unwrap_or(TIMEOUT)
            )
            .ok();
            if command.idempotent && name != "verify" {
                writeln!(out, "      idempotent: true").ok();
            }
        }
    }
    out
}

/// An argument in which no brace names a parameter.
fn escaped(word: &str) -> String {
    word.replace('{', "{{").replace('}', "}}")
}

/// A name as an id: `a-z 0-9 -`.
fn slug(name: &str) -> String {
    let mut slug = String::new();
    for c in name.chars() {
        match c.to_ascii_lowercase() {
            c if c.is_ascii_lowercase() || c.is_ascii_digit() => slug.push(c),
            _ if slug.ends_with('-') || slug.is_empty() => {}
            _ => slug.push('-'),
        }
    }
    let slug: String = slug.chars().take(48).collect();
    match slug.trim_matches('-') {
        "" => "imported".to_owned(),
        slug => slug.to_owned(),
    }
}

fn fresh(ids: &mut BTreeSet<String>, wanted: &str) -> String {
    let numbered = (1..).map(|number| match number {
        1 => wanted.to_owned(),
        number => format!("{wanted}-{number}"),
    });
    let id = numbered
        .into_iter()
        .find(|id| !ids.contains(id))
        .unwrap_or_default();
    ids.insert(id.clone());
    id
}
