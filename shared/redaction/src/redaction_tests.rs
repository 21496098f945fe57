//! Tests of redaction against `corpus/secrets`, which has one file for each form of secret and for
//! each lookalike.

#[path = "corpus.rs"]
mod corpus;

use super::predicates::{bits_per_character, is_no_state, is_no_word, is_random};
use super::{FORMS, redact};
use corpus::{Pieces, Sample, corpus};

/// What is wrong with how a sample comes out.
fn faults(sample: &Sample) -> Vec<String> {
    let text = sample.text.joined();
    let redacted = redact(&text);
    let mut faults = Vec::new();
    for secret in sample.secrets.iter().map(Pieces::joined) {
        if !text.contains(&secret) {
            faults.push(format!("the sample itself lacks {secret}"));
        }
        if redacted.contains(&secret) {
            faults.push(format!("{secret} is still there"));
        }
    }
    let lost = sample
        .keeps
        .iter()
        .filter(|part| !redacted.contains(part.as_str()));
    faults.extend(lost.map(|part| format!("{part} is gone")));
    if sample.secrets.is_empty() && redacted != text {
        faults.push("it was changed".to_owned());
    }
    if redact(&redacted) != redacted {
        faults.push(format!("redacted again it changes: {}", redact(&redacted)));
    }
    if !faults.is_empty() {
        faults.push(format!("it came out as: {redacted}"));
    }
    faults
}

#[test]
fn the_corpus_comes_out_without_its_secrets_and_with_the_rest() {
    let corpus = corpus();
    let bad: Vec<String> = corpus
        .iter()
        .filter_map(|(file, sample)| {
            let faults = faults(sample);
            (!faults.is_empty()).then(|| {
                format!(
                    "{} ({})\n    {}",
                    file.display(),
                    sample.about,
                    faults.join("\n    ")
                )
            })
        })
        .collect();
    assert!(
        bad.is_empty(),
        "{} of {} files:\n{}",
        bad.len(),
        corpus.len(),
        bad.join("\n")
    );
    assert!(corpus.len() >= 50, "only {} files", corpus.len());
}

#[test]
fn every_form_has_a_file_that_needs_it() {
    let corpus = corpus();
    for form in &FORMS {
        let needed = corpus
            .iter()
            .map(|(_, sample)| sample.text.joined())
            .any(|text| form.take_out(&text, &text.to_ascii_lowercase()).is_some());
        assert!(needed, "no file has {}", form.pattern);
    }
}

#[test]
fn all_forms_at_once_are_taken_out_of_one_text() {
    let corpus = corpus();
    let lines: Vec<String> = corpus
        .iter()
        .filter(|(file, _)| !file.ends_with("pem-cut.json"))
        .map(|(_, s)| s.text.joined())
        .collect();
    let redacted = redact(&lines.join("\n\n")).into_owned();
    for (file, sample) in &corpus {
        for secret in sample.secrets.iter().map(Pieces::joined) {
            assert!(
                !redacted.contains(&secret),
                "{}: {secret} is still there",
                file.display()
            );
        }
    }
}

#[test]
fn states_words_and_random_values_are_told_apart() {
    for (value, no_state, no_word) in [
        ("expired", false, false),
        ("Expired.", false, false),
        ("swordfish", true, false),
        ("authentication", true, false),
        ("hunter2", true, true),
        ("dXNlcjpwYXNz", true, true),
    ] {
        assert_eq!(
            (is_no_state(value), is_no_word(value)),
            (no_state, no_word),
            "{value}"
        );
    }
    for (value, random) in [
        ("0123456789abcdef0123456789abcdef", true),
        ("00000000000000000000000000000000", false),
        ("kR3vQ9xZ1mB7nC5tL2wY8pF4hJ6dS0gA", true),
        ("checkout-web-production-eu-central-1", false),
        ("CheckoutWebProductionEuCentralOneTwo", false),
    ] {
        assert_eq!(
            is_random(value),
            random,
            "{value}: {} bits",
            bits_per_character(value)
        );
    }
}
