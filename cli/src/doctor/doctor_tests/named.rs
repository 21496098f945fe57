//! Assertions about a set-up's findings: nothing but `ok` of a good one, cause and mend of a broken one.

use crate::doctor::finding::{Finding, Verdict};

/// What is broken is found to be so, and named with these words: the cause, and what to do. Adds the name of the set-up to those that are.
pub(super) fn names(
    broken: &mut Vec<String>,
    name: &str,
    findings: &[Finding],
    verdict: Verdict,
    says: &[&str],
) {
    let named = findings.iter().any(|finding| {
        let Some(mend) = &finding.mend else {
            return false;
        };
        let text = format!("{} -> {mend}", finding.text);
        finding.verdict == verdict && says.iter().all(|says| text.contains(says))
    });
    assert!(
        named,
        "{name}: no {verdict:?} with {says:?} in {findings:#?}"
    );
    broken.push(name.to_owned());
}

pub(super) fn fine(findings: &[Finding]) {
    let others: Vec<_> = findings
        .iter()
        .filter(|one| one.verdict != Verdict::Ok)
        .collect();
    assert!(others.is_empty() && !findings.is_empty(), "{others:#?}");
}
