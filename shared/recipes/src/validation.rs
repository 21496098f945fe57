//! Validation of recipes: everything that is wrong with one, all at once, before it is deployed.

use std::collections::{BTreeMap, BTreeSet};

use domain::primitives::language::Language;

use crate::facts::RESERVED;
use crate::file::{Cause, Question, Recipe};
use crate::trial::NO_CAUSE;
use crate::vocabulary::{KnownCause, is_id, untranslated};
use crate::{query, template};

/// The most questions of a recipe. Each is a request while people wait.
pub const MOST_QUESTIONS: usize = 8;
/// How many causes a recipe has: with fewer it tells nothing apart, and more are two recipes.
const CAUSES: std::ops::RangeInclusive<usize> = 3..=8;
/// How long the id of a question may be.
const ID_CHARACTERS: usize = 32;

/// What is wrong with a recipe: each a field and a sentence. `file` is the name of its file without the ending; `causes` are those of
/// `causes.yaml`, which are not compared where they could not be read.
pub fn errors(recipe: &Recipe, file: &str, causes: Option<&[KnownCause]>) -> Vec<(String, String)> {
    let mut faults = Faults::default();
    if recipe.id != file {
        faults.add(
            "id",
            format!(
                "is {}, and the file is called {file}: give both one name",
                recipe.id
            ),
        );
    }
    faults.of_alerts(recipe);
    faults.of_questions(&recipe.ask);
    if !CAUSES.contains(&recipe.causes.len()) {
        let count = recipe.causes.len();
        faults.add("causes", format!("has {count} causes, and 3 to 8 are right: fewer tell nothing apart, more are two recipes"));
    }
    let questions: BTreeSet<&str> = recipe
        .ask
        .iter()
        .map(|question| question.id.as_str())
        .collect();
    for (index, cause) in recipe.causes.iter().enumerate() {
        faults.of_cause(index, cause, &recipe.causes[..index], &questions);
        faults.of_names(index, cause, causes);
    }
    faults.of_tests(recipe);
    faults.0
}

/// The playbooks that a recipe names and `playbooks.yaml` does not have: each a field and a sentence. They are no errors: whoever takes a
/// playbook out of the shipped ones keeps its recipes, and a name that fits none decides nothing.
pub fn unknown_playbooks(recipe: &Recipe, ids: &[&str]) -> Vec<(String, String)> {
    let mut unknown = Faults::default();
    for (index, cause) in recipe.causes.iter().enumerate() {
        for (list, names) in [
            ("speaks_for", &cause.speaks_for),
            ("speaks_against", &cause.speaks_against),
        ] {
            for (place, name) in names.iter().enumerate() {
                if !ids.contains(&name.as_str()) {
                    unknown.add(
                        format!("causes[{index}].{list}[{place}]"),
                        format!("{name} is no playbook of playbooks.yaml"),
                    );
                }
            }
        }
    }
    unknown.0
}

#[derive(Default)]
struct Faults(Vec<(String, String)>);

impl Faults {
    fn add(&mut self, field: impl Into<String>, text: impl Into<String>) {
        self.0.push((field.into(), text.into()));
    }

    fn of_alerts(&mut self, recipe: &Recipe) {
        let alerts = &recipe.alerts;
        if alerts.alertnames.is_empty() && alerts.alert_types.is_empty() {
            self.add(
                "for",
                "names no alert: give alertnames, alert_types or both",
            );
        }
        for (index, name) in alerts.alertnames.iter().enumerate() {
            if alerts.alertnames[..index].contains(name) {
                self.add(
                    format!("for.alertnames[{index}]"),
                    format!("{name} is there twice"),
                );
            }
        }
    }

    fn of_questions(&mut self, ask: &[Question]) {
        if ask.len() > MOST_QUESTIONS {
            self.add(
                "ask",
                format!(
                    "has {} questions, and {MOST_QUESTIONS} at most are asked",
                    ask.len()
                ),
            );
        }
        for (index, question) in ask.iter().enumerate() {
            let id = &question.id;
            let field = format!("ask[{index}].id");
            if !is_id(id, ID_CHARACTERS) {
                self.add(&field, format!("`{id}` has to begin with a-z and go on with a-z, 0-9 and _, at most {ID_CHARACTERS} characters"));
            }
            if RESERVED.contains(&id.as_str()) {
                self.add(
                    &field,
                    format!("{id} means something else in conditions: call it otherwise"),
                );
            }
            if ask[..index].iter().any(|other| other.id == *id) {
                self.add(&field, format!("{id} is the id of a question above"));
            }
            for fault in query::faults(&question.query) {
                self.add(format!("ask[{index}].query"), fault);
            }
            if question.query.trim().is_empty() {
                self.add(format!("ask[{index}].query"), "is empty");
            }
        }
    }

    fn of_cause(
        &mut self,
        index: usize,
        cause: &Cause,
        above: &[Cause],
        questions: &BTreeSet<&str>,
    ) {
        let field = |name: &str| format!("causes[{index}].{name}");
        if above.iter().any(|other| other.id == cause.id) {
            self.add(
                field("id"),
                format!("{} is the id of a cause above", cause.id),
            );
        }
        match &cause.when.read {
            Err(misread) => self.add(field("when"), misread.to_string()),
            Ok(expression) => {
                for fault in expression.faults(questions) {
                    self.add(field("when"), fault);
                }
                let same = |other: &&Cause| other.when.read.as_ref() == Ok(expression);
                if let Some(other) = above.iter().find(same) {
                    self.add(
                        field("when"),
                        format!(
                            "is the condition of {} above, so this cause is never reached",
                            other.id
                        ),
                    );
                }
            }
        }
        let mut texts = vec![
            ("says".to_owned(), &cause.says),
            ("action".to_owned(), &cause.action),
        ];
        texts.extend(
            cause
                .command
                .iter()
                .map(|command| ("command".to_owned(), command)),
        );
        for (language, translated) in &cause.translations {
            let place = |name: &str| format!("translations.{}.{name}", language.tag());
            texts.extend([
                (place("says"), &translated.says),
                (place("action"), &translated.action),
            ]);
        }
        for (name, text) in texts {
            for fault in faults_of_text(text, questions) {
                self.add(field(&name), fault);
            }
        }
        for language in untranslated(&cause.translations) {
            self.add(field("translations"), missing(language));
        }
    }

    /// The cause's name, which another file gives, and the playbooks that it names.
    fn of_names(&mut self, index: usize, cause: &Cause, causes: Option<&[KnownCause]>) {
        let is_known = |causes: &[KnownCause]| causes.iter().any(|known| known.id == cause.id);
        if causes.is_some_and(|causes| !is_known(causes)) {
            self.add(
                format!("causes[{index}].id"),
                format!("{} is no cause of causes.yaml", cause.id),
            );
        }
        for (place, name) in cause.speaks_against.iter().enumerate() {
            if cause.speaks_for.contains(name) {
                self.add(
                    format!("causes[{index}].speaks_against[{place}]"),
                    format!("{name} is in speaks_for too: keep one of the two"),
                );
            }
        }
    }

    /// Whether there is a test for each cause and one without. What they lead to is [`crate::trial`]'s.
    fn of_tests(&mut self, recipe: &Recipe) {
        let causes: Vec<&str> = recipe
            .causes
            .iter()
            .map(|cause| cause.id.as_str())
            .collect();
        for (index, trial) in recipe.tests.iter().enumerate() {
            if trial.cause != NO_CAUSE && !causes.contains(&trial.cause.as_str()) {
                self.add(
                    format!("tests[{index}].cause"),
                    format!(
                        "{} is none of its causes: {}, or none",
                        trial.cause,
                        causes.join(", ")
                    ),
                );
            }
        }
        for cause in causes.into_iter().chain([NO_CAUSE]) {
            if recipe.tests.iter().all(|trial| trial.cause != cause) {
                self.add("tests", format!("has no test with the cause {cause}"));
            }
        }
    }
}

fn faults_of_text(text: &str, questions: &BTreeSet<&str>) -> Vec<String> {
    if text.trim().is_empty() {
        return vec!["is empty".to_owned()];
    }
    let (unknown, facts) = template::named(text);
    let unknown = unknown.into_iter().map(|name| {
        format!("has {{{name}}}, which is no value; a brace that is text is doubled: {{{{")
    });
    unknown
        .chain(facts.iter().filter_map(|fact| fact.unknown(questions)))
        .collect()
}

fn missing(language: Language) -> String {
    format!("has no texts in {}", language.tag())
}

/// The alerts and types that more than one recipe is for: the place of the later recipe, a field of it, and a sentence.
pub fn claimed_twice(recipes: &[&Recipe]) -> Vec<(usize, String, String)> {
    let mut first: BTreeMap<&str, &str> = BTreeMap::new();
    let mut faults = Vec::new();
    for (place, recipe) in recipes.iter().enumerate() {
        let alerts = &recipe.alerts;
        let names = alerts.alertnames.iter().map(String::as_str);
        let names = names
            .enumerate()
            .map(|(index, name)| (format!("for.alertnames[{index}]"), name));
        let types = alerts.alert_types.iter().map(|kind| kind.as_str());
        let types = types
            .enumerate()
            .map(|(index, name)| (format!("for.alert_types[{index}]"), name));
        for (field, name) in names.chain(types) {
            match first.get(name) {
                // Twice in one recipe is that one's own fault.
                Some(other) if *other != recipe.id => {
                    faults.push((
                        place,
                        field,
                        format!("{name} is in the recipe {other} too: an alert has one recipe"),
                    ));
                }
                _ => {
                    first.insert(name, &recipe.id);
                }
            }
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::{claimed_twice, errors, unknown_playbooks};
    use crate::file::Recipe;
    use crate::fixtures::{FILE_SYSTEM, PLAYBOOKS, causes, recipe, recipes};

    fn faults_of(text: &str) -> Vec<String> {
        let recipe: Recipe = serde_saphyr::from_str(text).expect("a recipe");
        let mut said = errors(&recipe, "file-system", Some(&causes()));
        said.extend(unknown_playbooks(&recipe, &PLAYBOOKS));
        said.into_iter()
            .map(|(field, text)| format!("{field}: {text}"))
            .collect()
    }

    #[test]
    fn recipes_of_the_tests_have_no_faults() {
        let causes = causes();
        for recipe in recipes() {
            let faults = errors(&recipe, &recipe.id, Some(&causes));
            assert_eq!(faults, [], "{}", recipe.id);
            assert_eq!(unknown_playbooks(&recipe, &PLAYBOOKS), [], "{}", recipe.id);
        }
        let all = recipes();
        assert_eq!(claimed_twice(&all.iter().collect::<Vec<_>>()), []);
    }

    #[test]
    fn every_kind_of_fault_is_found() {
        let cases = [
            (
                "id: file-system",
                "id: other",
                "id: is other, and the file is called file-system",
            ),
            (
                "alertnames: [NodeFilesystemAlmostOutOfSpace]",
                "alertnames: []",
                "",
            ),
            (
                "alertnames: [NodeFilesystemAlmostOutOfSpace]",
                "alertnames: [A, A]",
                "for.alertnames[1]: A is there twice",
            ),
            (
                "- id: space_free",
                "- id: Space",
                "ask[0].id: `Space` has to begin with a-z",
            ),
            (
                "- id: space_free",
                "- id: label",
                "ask[0].id: label means something else",
            ),
            (
                "- id: space_free",
                "- id: inodes_free",
                "ask[1].id: inodes_free is the id of a question above",
            ),
            (
                "$matchers(instance, mountpoint)",
                "$matchers(in-stance)",
                "ask[0].query: has `in-stance` in $matchers",
            ),
            (
                "id: inodes_used_up",
                "id: inodes_usedup",
                "causes[0].id: inodes_usedup is no cause of causes.yaml",
            ),
            (
                "when: inodes_free < 3 and space_free > 10",
                "when: inodes_fre < 3",
                "causes[0].when: names `inodes_fre`",
            ),
            (
                "when: inodes_free < 3 and space_free > 10",
                "when: inodes_free <",
                "causes[0].when: cannot be read at column 14, where the end is",
            ),
            (
                "when: inodes_free < 3 and space_free > 10",
                "when: 'false'",
                "causes[0].when: reads nothing",
            ),
            (
                "when: inodes_free < 3 and space_free > 10",
                "when: space_free < 3 and label.mountpoint ~ \"^/var/lib/\"",
                "causes[1].when: is the condition of inodes_used_up above",
            ),
            (
                "of {label.mountpoint} are free",
                "of {mountpoint} are free",
                "causes[0].says: names `mountpoint`",
            ),
            (
                "of {label.mountpoint} are free",
                "of {label.a.b} are free",
                "causes[0].says: has {label.a.b}, which is no value",
            ),
            (
                "speaks_against: [free-disk-space]",
                "speaks_against: [free-disc-space]",
                "causes[0].speaks_against[0]: free-disc-space is no playbook",
            ),
            (
                "speaks_against: [free-disk-space]",
                "speaks_for: [rotate-log]\n    speaks_against: [rotate-log]",
                "causes[0].speaks_against[0]: rotate-log is in speaks_for too",
            ),
            (
                "zh-TW: { says: '{label.mountpoint} 的 inode",
                "en: { says: '{label.mountpoint} 的 inode",
                "causes[0].translations: has no texts in zh-TW",
            ),
            (
                "cause: none",
                "cause: nothing",
                "tests[3].cause: nothing is none of its causes",
            ),
        ];
        for (from, to, expected) in cases {
            assert!(FILE_SYSTEM.contains(from), "{from}");
            let found = faults_of(&FILE_SYSTEM.replacen(from, to, 1));
            match expected {
                "" => assert_eq!(found, [""; 0], "its type is enough"),
                expected => assert!(
                    found.iter().any(|fault| fault.starts_with(expected)),
                    "{expected}: {found:?}"
                ),
            }
        }
        let question = "  - { id: more_N, query: up }\n";
        let many: String = (0..8)
            .map(|n| question.replace('N', &n.to_string()))
            .collect();
        let found = faults_of(&FILE_SYSTEM.replacen("ask:\n", &format!("ask:\n{many}"), 1));
        assert!(found[0].starts_with("ask: has 10 questions"), "{found:?}");
    }

    #[test]
    fn an_alert_has_one_recipe() {
        let (one, mut other) = (recipe("file-system"), recipe("queue"));
        other.alerts = one.alerts.clone();
        let found = claimed_twice(&[&one, &other]);
        let fields: Vec<&str> = found.iter().map(|(_, field, _)| field.as_str()).collect();
        assert_eq!(fields, ["for.alertnames[0]", "for.alert_types[0]"]);
        assert!(
            found
                .iter()
                .all(|(place, _, text)| *place == 1 && text.contains("file-system"))
        );
    }

    #[test]
    fn too_few_causes_are_a_fault() {
        let mut few = recipe("file-system");
        few.causes.truncate(2);
        let found = errors(&few, "file-system", None);
        assert!(found[0].1.starts_with("has 2 causes"), "{found:?}");
    }
}
