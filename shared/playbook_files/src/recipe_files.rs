//! Recipes and the vocabulary of causes: `recipes/*.yaml` and `causes.yaml`. Only the analyzer reads them. Both may be missing.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use recipes::validation;
use recipes::{KnownCause, Recipe, vocabulary};
use settings::config_error::{ConfigError, ConfigErrors};

use crate::yaml;

/// The name of the directory with the recipes.
pub const RECIPES: &str = "recipes";
/// The name of the file with the vocabulary of causes.
pub const CAUSES: &str = "causes.yaml";
/// How a recipe's file ends.
const ENDING: &str = "yaml";

/// What the files say.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RecipeFiles {
    /// In the order of their files' names.
    pub recipes: Vec<Recipe>,
    pub causes: Vec<KnownCause>,
}

impl RecipeFiles {
    /// Reads the files from a directory. The tests in the recipes are not run: `quell check` does that before a deployment.
    ///
    /// # Errors
    /// Everything that is wrong with any of them.
    pub fn load(directory: &Path) -> Result<Self, ConfigErrors> {
        let mut errors = Vec::new();
        let file = directory.join(CAUSES);
        let causes = if file.exists() {
            keep(&mut errors, yaml::read::<Vec<KnownCause>>(&file, "[]"))
        } else {
            Some(Vec::new())
        };
        if let Some(causes) = &causes {
            let wrong = vocabulary::errors(causes);
            errors.extend(wrong.into_iter().map(|wrong| error(&file, wrong)));
        }
        let files = keep(&mut errors, names(directory)).unwrap_or_default();
        let mut read: Vec<(PathBuf, Recipe)> = Vec::new();
        for file in files {
            let Some(recipe) = keep(&mut errors, yaml::read::<Recipe>(&file, "{}")) else {
                continue;
            };
            let wrong = validation::errors(&recipe, stem(&file), causes.as_deref());
            errors.extend(wrong.into_iter().map(|wrong| error(&file, wrong)));
            read.push((file, recipe));
        }
        let all: Vec<&Recipe> = read.iter().map(|(_, recipe)| recipe).collect();
        for (place, field, text) in validation::claimed_twice(&all) {
            errors.push(error(&read[place].0, (field, text)));
        }
        if !errors.is_empty() {
            return Err(ConfigErrors(errors));
        }
        Ok(Self {
            recipes: read.into_iter().map(|(_, recipe)| recipe).collect(),
            causes: causes.unwrap_or_default(),
        })
    }
}

/// The files of the recipes, in the order of their names; none where there is no directory.
///
/// # Errors
/// If the directory is there and cannot be read.
pub fn names(directory: &Path) -> Result<Vec<PathBuf>, ConfigErrors> {
    let directory = directory.join(RECIPES);
    let unread = |why: std::io::Error| {
        let text = format!("cannot be read: {why}");
        ConfigErrors(vec![ConfigError {
            file: directory.clone(),
            line: None,
            field: None,
            text,
        }])
    };
    let entries = match std::fs::read_dir(&directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(unread(error)),
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(unread)?.path();
        if path.extension().is_some_and(|ending| ending == ENDING) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// The name of a recipe's file without its ending.
pub fn stem(file: &Path) -> &str {
    file.file_stem()
        .and_then(|stem| stem.to_str())
        .unwrap_or_default()
}

fn keep<T>(errors: &mut Vec<ConfigError>, read: Result<T, ConfigErrors>) -> Option<T> {
    match read {
        Ok(value) => Some(value),
        Err(ConfigErrors(more)) => {
            errors.extend(more);
            None
        }
    }
}

fn error(file: &Path, (field, sentence): (String, String)) -> ConfigError {
    ConfigError {
        file: file.to_owned(),
        line: None,
        text: format!("{field} {sentence}"),
        field: Some(field),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use recipes::trial;
    use recipes::validation::unknown_playbooks;
    use tempfile::TempDir;

    use super::{CAUSES, RECIPES, RecipeFiles};
    use crate::operator_files::OperatorFiles;

    fn shipped() -> &'static Path {
        Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../config"))
    }

    fn directory(files: &[(&str, &str)]) -> TempDir {
        let directory = tempfile::tempdir().expect("a directory");
        for (name, text) in files {
            let path = directory.path().join(name);
            fs::create_dir_all(path.parent().expect("a directory")).expect("made");
            fs::write(path, text).expect("written");
        }
        directory
    }

    #[test]
    fn shipped_recipes_have_no_fault_and_pass_their_tests() {
        let playbooks = OperatorFiles::load(shipped()).expect("playbooks").playbooks;
        let ids: Vec<&str> = playbooks.iter().map(|one| one.id.as_str()).collect();
        let files = RecipeFiles::load(shipped()).unwrap_or_else(|errors| panic!("{errors}"));
        for recipe in &files.recipes {
            assert_eq!(unknown_playbooks(recipe, &ids), [], "{}", recipe.id);
        }
        let failures: Vec<String> = files
            .recipes
            .iter()
            .flat_map(|recipe| {
                let failed = trial::failures(recipe).into_iter();
                failed.map(|(field, text)| format!("{}: {field} {text}", recipe.id))
            })
            .collect();
        assert!(failures.is_empty(), "{}", failures.join("\n"));
    }

    #[test]
    fn a_configuration_without_recipes_is_one() {
        let none = directory(&[]);
        assert_eq!(RecipeFiles::load(none.path()), Ok(RecipeFiles::default()));
    }

    #[test]
    fn faults_of_all_files_are_found_at_once() {
        let recipe = "id: a\nname: A\nfor: { alertnames: [A] }\ncauses: []\ntests: []\n";
        let wrong = directory(&[
            (
                CAUSES,
                "- { id: A, class: host, title: T, translations: { zh-TW: 題 } }",
            ),
            (&format!("{RECIPES}/a.yaml"), recipe),
            (&format!("{RECIPES}/b.yaml"), recipe),
            (&format!("{RECIPES}/c.yaml"), "id: c\nnam: C\n"),
            (&format!("{RECIPES}/notes.md"), "not read"),
        ]);
        let errors = RecipeFiles::load(wrong.path()).expect_err("faults");
        let text = errors
            .to_string()
            .replace(&format!("{}/", wrong.path().display()), "");
        for expected in [
            "causes.yaml: [0].id has to begin",
            "recipes/a.yaml: causes has 0 causes",
            "recipes/b.yaml: id is a, and the file is called b",
            "recipes/c.yaml:2: ",
        ] {
            assert!(text.contains(expected), "{expected}: {text}");
        }
        assert!(!text.contains("notes"), "{text}");
    }
}
