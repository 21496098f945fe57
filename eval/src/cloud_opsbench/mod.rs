//! `make eval ARGS='--cloud-opsbench DIR'`: the diagnosis of Kubernetes measured with the frozen cases of Cloud-OpsBench.
//!
//! The benchmark is public (<https://github.com/LLM4Ops/Cloud-OpsBench>) and is unpacked outside of the project. Each case has what
//! its tools would have answered (`tool_cache.json`), which is translated to the diagnosis' own input, and the right answer
//! (`metadata.json`), which only the score reads. As in its paper an answer is right if class, object and cause are.

mod case;
mod describe;
mod events;
mod metrics;
mod outline;
mod pods;
mod score;
mod tool_cache;
mod translate;
mod vocabulary;

use std::collections::BTreeSet;
use std::path::Path;

use kubernetes::cause::Cause;
use kubernetes::diagnose_without;
use serde_json::{Value, json};

use self::case::Case;
use self::score::{Judged, invented, table};

/// What is measured.
#[derive(Debug)]
pub(crate) struct Options<'o> {
    pub(crate) directory: &'o Path,
    /// Only cases whose name contains this.
    pub(crate) only: &'o str,
    /// Classes and causes whose rules are taken out; `each` takes them out one after the other.
    pub(crate) without: &'o [String],
    /// Whether wrong answers are listed.
    pub(crate) misses: bool,
}

/// The text to print, and the figures.
pub(crate) fn measure(options: &Options<'_>) -> Result<(String, Value), String> {
    let cases = Case::all(options.directory, options.only)?;
    if options.without.iter().any(|name| name == "each") {
        return Ok(without_each(&cases, options.misses));
    }
    let mut without = Vec::new();
    for name in options.without {
        let causes = vocabulary::causes(name);
        if causes.is_empty() {
            return Err(format!(
                "--without {name}: no class and no cause has this name"
            ));
        }
        without.extend(causes);
    }
    let judged = judge(cases.iter(), &without);
    let (mut text, figures) = table(&judged);
    if options.misses {
        text.push('\n');
        for judged in judged.iter().filter(|judged| !judged.is_right()) {
            text.push('\n');
            text.push_str(&judged.miss());
        }
    }
    let misses: Vec<String> = judged
        .iter()
        .filter(|judged| !judged.is_right())
        .map(Judged::miss)
        .collect();
    Ok((
        text,
        json!({ "without": options.without, "groups": figures, "misses": misses }),
    ))
}

fn judge<'c>(cases: impl Iterator<Item = &'c Case>, without: &[Cause]) -> Vec<Judged<'c>> {
    cases
        .map(|case| Judged::of(case, &diagnose_without(&case.snapshot, without)))
        .collect()
}

/// Takes out the rules of every class, and of every cause, one after the other, and counts what is said about its cases.
fn without_each(cases: &[Case], misses: bool) -> (String, Value) {
    let classes = cases.iter().map(|case| case.expected.class.as_str());
    let causes = cases.iter().map(|case| case.expected.cause.as_str());
    let mut lines = vec![format!("{:<45}{:>6}{:>10}", "without", "cases", "invented")];
    let mut figures = serde_json::Map::new();
    for names in [
        classes.collect::<BTreeSet<_>>(),
        causes.collect::<BTreeSet<_>>(),
    ] {
        let mut sum = (0, 0);
        for name in names {
            let affected = cases.iter().filter(|case| {
                [&case.expected.class, &case.expected.cause].contains(&&name.to_owned())
            });
            let judged = judge(affected, &vocabulary::causes(name));
            let (made_up, all) = invented(&judged);
            sum = (sum.0 + made_up, sum.1 + all);
            lines.push(format!("{name:<45}{all:>6}{made_up:>10}"));
            figures.insert(
                name.to_owned(),
                json!({ "cases": all, "invented": made_up }),
            );
            let said = judged
                .iter()
                .filter(|judged| misses && !judged.is_unknown());
            lines.extend(said.map(|judged| format!("  {}", judged.miss())));
        }
        lines.push(format!("{:<45}{:>6}{:>10}\n", "together", sum.1, sum.0));
    }
    (lines.join("\n"), Value::Object(figures))
}
