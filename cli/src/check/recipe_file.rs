//! The files of the recipes of a directory.

use std::path::Path;

use playbook_files::recipe_files::{RECIPES, names, stem};
use recipes::Recipe;

use crate::check::file::{Empty, File};

/// A recipe's file.
pub(crate) struct RecipeFile {
    /// Its name without the ending.
    pub(crate) stem: String,
    pub(crate) file: File<Recipe>,
}

impl RecipeFile {
    /// The recipes of a directory. One that cannot be listed is the functions' own reader's to refuse.
    pub(crate) fn all(directory: &Path, schema: &str) -> Vec<Self> {
        let files = names(directory).unwrap_or_default();
        let read = |path: &Path| {
            let name = path.file_name()?.to_str()?;
            let name = format!("{RECIPES}/{name}");
            Some(Self {
                stem: stem(path).to_owned(),
                file: File::read(directory, &name, schema, &Empty::Fields),
            })
        };
        files.iter().filter_map(|path| read(path)).collect()
    }
}
