//! `quell completions` and `quell man`: what the command's own definition says, for shells and for `man`.

use std::io::Write;

use clap::{Args, Command};
use clap_complete::Shell;
use clap_mangen::Man;

use crate::exit::{Answer, Failure};

#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// For which shell
    #[arg(value_enum)]
    shell: Shell,
}

#[derive(Debug, Args)]
pub(crate) struct Manual {
    /// The page of a subcommand, such as `incidents`; the page of `quell` if not said
    #[arg(value_name = "SUBCOMMAND")]
    about: Option<String>,
}

impl Completions {
    /// `whole` is the command's definition.
    pub(crate) fn answer(self, mut whole: Command, out: &mut dyn Write) -> Result<Answer, Failure> {
        // It writes at once into memory: what it does where a pipe is closed is to panic.
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut whole, "quell", &mut script);
        out.write_all(&script)?;
        Ok(Answer::Yes)
    }
}

impl Manual {
    /// `whole` is the command's definition.
    pub(crate) fn answer(self, whole: Command, out: &mut dyn Write) -> Result<Answer, Failure> {
        let page = match &self.about {
            None => whole,
            Some(name) => subcommand(whole, name)?,
        };
        Man::new(page).render(out)?;
        Ok(Answer::Yes)
    }
}

/// The definition of a subcommand, by its name as it is typed.
fn subcommand(mut whole: Command, name: &str) -> Result<Command, Failure> {
    // It gives each subcommand its full name.
    whole.build();
    let found = whole.find_subcommand(name).cloned();
    found.ok_or_else(|| {
        Failure::wrong(format!(
            "there is no subcommand {name}: `quell --help` has all of them"
        ))
    })
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, ValueEnum as _};
    use clap_complete::Shell;

    use super::{Completions, Manual};
    use crate::Cli;

    fn page(about: Option<&str>) -> String {
        let mut out = Vec::new();
        let about = about.map(str::to_owned);
        Manual { about }
            .answer(Cli::command(), &mut out)
            .expect("a page");
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn every_shell_completes_every_subcommand() {
        for shell in Shell::value_variants() {
            let mut out = Vec::new();
            let shell = *shell;
            Completions { shell }
                .answer(Cli::command(), &mut out)
                .expect("a script");
            let script = String::from_utf8(out).expect("text");
            for subcommand in Cli::command().get_subcommands() {
                let name = subcommand.get_name();
                assert!(script.contains(name), "{shell}: {name}");
            }
        }
    }

    #[test]
    fn every_subcommand_has_its_page() {
        let all = page(None);
        assert!(
            all.contains(".TH quell") && all.contains("incidents"),
            "{all}"
        );
        for subcommand in Cli::command().get_subcommands() {
            let name = subcommand.get_name();
            assert!(page(Some(name)).contains(".TH "), "{name}");
        }
        let mut out = Vec::new();
        let about = Some("incidetns".to_owned());
        assert!(Manual { about }.answer(Cli::command(), &mut out).is_err());
    }

    #[test]
    fn the_definition_has_no_contradiction() {
        Cli::command().debug_assert();
    }
}
