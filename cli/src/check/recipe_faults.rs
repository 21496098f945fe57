//! Faults of the recipes and of the vocabulary of causes, and tests of recipes that fail.

use recipes::validation;
use recipes::{Recipe, trial, vocabulary};

use crate::check::files::Files;
use crate::check::recipe_file::RecipeFile;

impl Files {
    /// Checks the vocabulary, each recipe by itself and against the files that it names, and all against each other; then the tests of
    /// those without a fault.
    pub(crate) fn check_recipes(&mut self) {
        if let Some(causes) = self.causes.value() {
            let errors = vocabulary::errors(causes);
            self.causes.take(errors, &[]);
        }
        // What a file with faults would have listed is not known.
        let causes = self.causes.sound().cloned();
        let playbooks = self.playbooks.sound();
        let playbooks: Option<Vec<String>> =
            playbooks.map(|all| all.iter().map(|playbook| playbook.id.to_string()).collect());
        let ids: Option<Vec<&str>> = playbooks
            .as_ref()
            .map(|all| all.iter().map(String::as_str).collect());
        let known_causes: Vec<&str> = causes
            .iter()
            .flatten()
            .map(|cause| cause.id.as_str())
            .collect();
        for RecipeFile { stem, file } in &mut self.recipes {
            let Some(recipe) = file.value().cloned() else {
                continue;
            };
            file.take(
                validation::errors(&recipe, stem, causes.as_deref()),
                &known_causes,
            );
            if let Some(ids) = &ids {
                file.take_doubts(validation::unknown_playbooks(&recipe, ids), ids);
            }
        }
        self.check_claims();
        for RecipeFile { file, .. } in &mut self.recipes {
            if let Some(recipe) = file.sound() {
                let failures = trial::failures(recipe);
                file.take(failures, &[]);
            }
        }
    }

    /// Alerts that two recipes name.
    fn check_claims(&mut self) {
        let read = |place: usize| Some((place, self.recipes[place].file.value()?));
        let (places, read): (Vec<usize>, Vec<&Recipe>) =
            (0..self.recipes.len()).filter_map(read).unzip();
        let claims = validation::claimed_twice(&read);
        for (place, field, text) in claims {
            let file = &mut self.recipes[places[place]].file;
            file.take(vec![(field, text)], &[]);
        }
    }
}
