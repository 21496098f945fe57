//! Checks the operator's templates before deployment: renders each with the samples.

use std::fs;
use std::path::Path;

use domain::notification::channels::Language;
use jiff::civil::date;
use serde::Serialize;

use crate::render::samples;
use crate::render::templates::{Broken, Kind, Templates, every, file};
use crate::render::view::Names;
use crate::render::view::details::Details;
use crate::render::view::flow::{Flow, FlowNotice};
use crate::render::view::history::History;
use crate::render::view::incident::{Card, Pipeline};
use crate::render::view::notices::{Budget, Escalation, Notice};

/// How many templates of the operator's there are, and what is wrong with them.
#[must_use]
pub fn faults(config_dir: &Path) -> (usize, Vec<Broken>) {
    let templates = Templates::load(config_dir);
    let own = every()
        .filter(|(language, kind)| config_dir.join(file(*language, *kind)).exists())
        .count();
    let mut faults = strangers(config_dir);
    for (language, kind) in every() {
        faults.extend(rendered(&templates, language, kind));
    }
    (own, faults)
}

/// The first thing that is wrong with a template.
fn rendered(templates: &Templates, language: Language, kind: Kind) -> Option<Broken> {
    let mut cards = samples::incidents();
    cards.push(samples::storm().incident);
    let names = Names::default();
    let (waiting, people) = (
        samples::half_approved(),
        ["ada".to_owned(), "mira".to_owned()],
    );
    match kind {
        Kind::Incident | Kind::Storm => {
            let views: Vec<Card> = cards
                .iter()
                .map(|incident| Card::of(incident, Some(incident.opened_at), names))
                .collect();
            views
                .iter()
                .find_map(|view| fault(templates, language, kind, view))
        }
        Kind::Pipeline => fault(
            templates,
            language,
            kind,
            &Pipeline::of(&samples::pipeline().incident),
        ),
        Kind::Flow => fault(templates, language, kind, &Flow::of(&samples::flow())),
        Kind::Budget => fault(
            templates,
            language,
            kind,
            &Budget::of(date(2026, 11, 22), &samples::spending()),
        ),
        Kind::Details => fault(
            templates,
            language,
            kind,
            &Details::of(&waiting.incident, &waiting.entries, 20, names),
        ),
        Kind::History => fault(
            templates,
            language,
            kind,
            &History::of(&waiting.incident, &samples::earlier(), 15, names),
        ),
        Kind::Escalation => fault(
            templates,
            language,
            kind,
            &Escalation::of(&waiting.incident, &people),
        ),
        Kind::Notice => {
            let told = samples::notices();
            told.iter().find_map(|(incident, notice)| {
                fault(
                    templates,
                    language,
                    kind,
                    &Notice::of(incident, notice, names),
                )
            })
        }
        Kind::FlowNotice => fault(
            templates,
            language,
            kind,
            &FlowNotice::of(&samples::flow(), &samples::flow().failed()),
        ),
    }
}

fn fault(
    templates: &Templates,
    language: Language,
    kind: Kind,
    view: &impl Serialize,
) -> Option<Broken> {
    templates.own(language, kind, view).and_then(Result::err)
}

/// Files that no message is made from: a misspelled name would never be noticed otherwise.
fn strangers(config_dir: &Path) -> Vec<Broken> {
    let known: Vec<String> = every()
        .map(|(language, kind)| file(language, kind))
        .collect();
    let names = |directory: &Path| -> Vec<String> {
        let entries = fs::read_dir(directory).into_iter().flatten().flatten();
        let mut names: Vec<String> = entries
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    };
    let root = config_dir.join("templates");
    let mut found = Vec::new();
    for name in names(&root) {
        let path = root.join(&name);
        let inside = if path.is_dir() {
            names(&path)
        } else {
            Vec::new()
        };
        found.extend(
            inside
                .into_iter()
                .map(|file| format!("templates/{name}/{file}")),
        );
        if path
            .extension()
            .is_some_and(|extension| extension == "html")
        {
            found.push(format!("templates/{name}"));
        }
    }
    let strange = found
        .into_iter()
        .filter(|file| file.ends_with(".html") && !known.contains(file));
    strange
        .map(|file| Broken {
            file,
            line: 1,
            what: format!(
                "no message is made from it: the files are {}",
                known.join(", ")
            ),
        })
        .collect()
}
