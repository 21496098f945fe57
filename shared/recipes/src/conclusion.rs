//! The conclusion: the first cause whose condition is true, in the words of its recipe.

use std::collections::BTreeMap;

use domain::analysis::{EvidenceKind, Responsibility};
use domain::primitives::language::Language;

use crate::facts::{Fact, Facts};
use crate::file::{Cause, CauseTexts, Recipe};
use crate::template;
use crate::vocabulary::KnownCause;

/// A cause that holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Conclusion<'r> {
    pub cause: &'r Cause,
    /// Its title, in English and in other languages.
    pub title: String,
    pub titles: BTreeMap<Language, String>,
    /// What the values show, and what to do first.
    pub says: String,
    pub action: String,
    pub command: Option<String>,
    /// Both texts in other languages.
    pub translations: BTreeMap<Language, (String, String)>,
    /// The facts that its condition reads.
    pub reads: Vec<Fact>,
}

impl Conclusion<'_> {
    pub fn evidence(&self) -> EvidenceKind {
        self.cause.evidence
    }

    pub fn responsibility(&self) -> Responsibility {
        self.cause.responsibility
    }
}

impl Recipe {
    /// The cause that the facts show, if they show one.
    pub fn cause(&self, facts: &Facts) -> Option<&Cause> {
        self.causes.iter().find(|cause| cause.when.is_true(facts))
    }

    /// The same in words. `known` is the vocabulary.
    pub fn conclude(&self, facts: &Facts, known: &[KnownCause]) -> Option<Conclusion<'_>> {
        let cause = self.cause(facts)?;
        let of_vocabulary = known.iter().find(|known| known.id == cause.id);
        let sentence = |text: &str| template::sentence(text, &self.ask, facts);
        let translation = |(language, texts): (&Language, &CauseTexts)| {
            (*language, (sentence(&texts.says), sentence(&texts.action)))
        };
        let reads = cause.when.read.as_ref().ok();
        Some(Conclusion {
            cause,
            // A cause without an entry is a fault of the files; its id says nearly as much.
            title: of_vocabulary.map_or_else(|| cause.id.clone(), |known| known.title.clone()),
            titles: of_vocabulary
                .map(|known| known.translations.clone())
                .unwrap_or_default(),
            says: sentence(&cause.says),
            action: sentence(&cause.action),
            command: cause
                .command
                .as_ref()
                .map(|text| template::command(text, &self.ask, facts)),
            translations: cause.translations.iter().map(translation).collect(),
            reads: reads
                .map(|expression| expression.facts().into_iter().cloned().collect())
                .unwrap_or_default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use domain::analysis::EvidenceKind;
    use domain::primitives::language::Language;

    use crate::facts::{Answer, Fact, Facts};
    use crate::fixtures::{causes, recipes};

    #[test]
    fn the_first_cause_that_holds_is_said_with_its_values() {
        let recipe = &recipes()[0];
        let mut facts = Facts::default();
        facts.labels.insert("mountpoint".into(), "/var".into());
        let answers = [("space_free", 40.0), ("inodes_free", 0.5)];
        facts.answers = answers
            .map(|(id, value)| (id.to_owned(), Answer::of(&[value])))
            .into();
        let found = recipe.conclude(&facts, &causes()).expect("a cause");
        assert_eq!(found.cause.id, "inodes_used_up");
        assert_eq!(found.title, "Inodes are used up");
        assert_eq!(found.evidence(), EvidenceKind::Measured);
        assert_eq!(
            found.says,
            "Only 0.500 % of the inodes of /var are free, while 40 % of its space is."
        );
        assert_eq!(found.command.as_deref(), Some("df -i /var"));
        let (says, _) = &found.translations[&Language::TraditionalChinese];
        assert_eq!(says, "/var 的 inode 只剩 0.500 %，但空間仍有 40 %。");
        let read: Vec<String> = found.reads.iter().map(Fact::to_string).collect();
        assert_eq!(read, ["inodes_free", "space_free"]);

        facts.answers.remove("space_free");
        assert_eq!(
            recipe.conclude(&facts, &causes()),
            None,
            "unknown is no cause"
        );
    }
}
