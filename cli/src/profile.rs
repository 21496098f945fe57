//! Profiles of `~/.config/quell/config.toml`: named stacks, with the address of each and where its token comes from.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use secrecy::SecretString;
use serde::Deserialize;

use crate::aws::Environment;
use crate::check::words::suggestion;
use crate::doctor::stack::{Account, Deployed};
use crate::exit::Failure;
use crate::secret;

/// The file, below the directory of configurations.
const FILE: &str = "quell/config.toml";
/// What a file looks like, for who has none.
const EXAMPLE: &str = "[profiles.prod]\nurl = \"https://….execute-api.eu-central-1.amazonaws.com\"   # the stack's output ApiUrl\ntoken_file = \"~/.quell-token\"   # from `quell tokens make NAME --may look --may decide`";

/// The file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Profiles {
    /// The profile that is meant where none is named.
    default: Option<String>,
    #[serde(default)]
    profiles: BTreeMap<String, Profile>,
}

/// A stack, by the name that a person gives it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Profile {
    /// The stack's output ApiUrl. Without it, CloudFormation is asked for the outputs of `stack`.
    url: Option<String>,
    /// The file with the person's token.
    token_file: Option<PathBuf>,
    /// A program that prints the token, with its arguments: a password manager. No shell runs it.
    #[serde(default)]
    token_command: Vec<String>,
    /// The region of the stack.
    region: Option<String>,
    /// The name of the stack in CloudFormation.
    stack: Option<String>,
}

/// The profile of this name; without one, that of `QUELL_PROFILE`, the file's default, or its only one. None if there is no file, or it
/// leaves open which is meant.
///
/// # Errors
/// If the file cannot be read, or has no profile of that name.
pub(crate) fn named(
    name: Option<&str>,
    variables: &Environment,
) -> Result<Option<Profile>, Failure> {
    let wanted = name.map(str::to_owned);
    let wanted = wanted.or_else(|| variables.optional("QUELL_PROFILE"));
    let file = file(variables);
    let text = match &file {
        Some(file) if file.exists() => {
            std::fs::read_to_string(file).map_err(|error| Failure::unread(file, &error))?
        }
        _ => String::new(),
    };
    let shown = shown(file.as_deref());
    let profiles = Profiles::read(&text, &shown)?;
    profiles.pick(wanted, &shown)
}

/// `$XDG_CONFIG_HOME/quell/config.toml`, or the same below `~/.config`
/// (<https://specifications.freedesktop.org/basedir-spec/latest/>, which ignores relative paths).
fn file(variables: &Environment) -> Option<PathBuf> {
    let given = variables.optional("XDG_CONFIG_HOME").map(PathBuf::from);
    let directory = given.filter(|path| path.is_absolute());
    let directory = directory.or_else(|| Some(home(variables)?.join(".config")));
    Some(directory?.join(FILE))
}

fn home(variables: &Environment) -> Option<PathBuf> {
    variables.optional("HOME").map(PathBuf::from)
}

fn shown(file: Option<&Path>) -> String {
    let shown = file.map(|file| file.display().to_string());
    shown.unwrap_or_else(|| format!("~/.config/{FILE}"))
}

impl Profiles {
    fn read(text: &str, file: &str) -> Result<Self, Failure> {
        toml::from_str(text).map_err(|error| {
            // Its message has the line and the column, and shows the line.
            Failure::wrong(format!("{file} cannot be read: {error}"))
        })
    }

    fn pick(mut self, wanted: Option<String>, file: &str) -> Result<Option<Profile>, Failure> {
        let only = self
            .profiles
            .first_key_value()
            .map(|(name, _)| name.clone());
        let only = only.filter(|_| self.profiles.len() == 1);
        let Some(name) = wanted.or_else(|| self.default.take()).or(only) else {
            return match self.profiles.len() {
                0 => Ok(None),
                _ => Err(Failure::wrong(format!(
                    "{file} has several profiles: name one of {} with --profile or QUELL_PROFILE, or write default = \"…\"",
                    self.names()
                ))),
            };
        };
        if let Some(profile) = self.profiles.remove(&name) {
            return Ok(Some(profile));
        }
        let known = self.profiles.keys().map(String::as_str);
        let similar = suggestion(&name, known);
        Err(Failure::wrong(match self.profiles.len() {
            0 => format!(
                "there is no profile {name}: {file} names none; write into it:\n\n{EXAMPLE}"
            ),
            _ => format!(
                "{file} has no profile {name}{similar}; it has {}",
                self.names()
            ),
        }))
    }

    fn names(&self) -> String {
        let names: Vec<&str> = self.profiles.keys().map(String::as_str).collect();
        names.join(", ")
    }
}

impl Profile {
    /// The URL of the API.
    ///
    /// # Errors
    /// If neither it nor a stack is named, or CloudFormation does not answer.
    pub(crate) async fn api_url(&self, variables: &Environment) -> Result<String, Failure> {
        if let Some(url) = &self.url {
            return Ok(url.clone());
        }
        let shown = shown(file(variables).as_deref());
        let outputs = self.outputs(variables).await?.ok_or_else(|| {
            Failure::wrong(format!(
                "no stack is named: give --url and --token-file, or write into {shown}:\n\n{EXAMPLE}"
            ))
        })?;
        match outputs.output("ApiUrl") {
            "" => Err(Failure::wrong(format!(
                "the stack {} has no output ApiUrl: it is no stack of Quell",
                outputs.name
            ))),
            url => Ok(url.to_owned()),
        }
    }

    /// The stack as CloudFormation describes it, if one is named.
    async fn outputs(&self, variables: &Environment) -> Result<Option<Deployed>, Failure> {
        let Some(stack) = &self.stack else {
            return Ok(None);
        };
        let account = Account::in_region(variables, self.region.as_deref()).await?;
        Deployed::read(&account, stack).await.map(Some)
    }

    /// The person's token.
    ///
    /// # Errors
    /// If none is named, or it cannot be had.
    pub(crate) fn token(&self, variables: &Environment) -> Result<SecretString, Failure> {
        match (&self.token_file, &self.token_command[..]) {
            (Some(_), [_, ..]) => Err(Failure::wrong(
                "the profile has a token_file and a token_command: leave one out",
            )),
            (Some(file), []) => secret::in_file(&in_home(file, variables)),
            (None, [program, arguments @ ..]) => printed(program, arguments),
            (None, []) => Err(Failure::wrong(
                "no token is named: give --token-file, or write token_file or token_command into the profile; \
                 `quell tokens make NAME --may look --may decide` makes one",
            )),
        }
    }
}

/// A path that may begin with `~/`.
fn in_home(path: &Path, variables: &Environment) -> PathBuf {
    match (path.strip_prefix("~"), home(variables)) {
        (Ok(rest), Some(home)) => home.join(rest),
        _ => path.to_owned(),
    }
}

/// The secret that a program prints. It gets no standard input, which may be a protocol (`quell mcp`), and asks on the terminal itself.
fn printed(program: &str, arguments: &[String]) -> Result<SecretString, Failure> {
    let ran = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output();
    let output = ran.map_err(|error| {
        Failure::wrong(format!("token_command: {program} cannot be run: {error}"))
    })?;
    if !output.status.success() {
        let ended = output.status;
        return Err(Failure::wrong(format!(
            "token_command: {program} ended with {ended}"
        )));
    }
    let text = String::from_utf8(output.stdout);
    let text = text.map_err(|_| Failure::wrong("token_command prints no UTF-8 text"))?;
    match text.trim() {
        "" => Err(Failure::wrong(format!(
            "token_command: {program} printed nothing"
        ))),
        token => Ok(SecretString::from(token)),
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::{Profile, Profiles, printed};

    const TWO: &str = "[profiles.prod]\nurl = \"https://a.test\"\ntoken_command = [\"pass\", \"quell\"]\n\n[profiles.stage]\nstack = \"quell\"\nregion = \"eu-central-1\"\n";

    fn pick(text: &str, wanted: Option<&str>) -> Result<Option<Profile>, String> {
        let profiles = Profiles::read(text, "config.toml");
        let picked = profiles.and_then(|all| all.pick(wanted.map(str::to_owned), "config.toml"));
        picked.map_err(|failure| failure.to_string())
    }

    #[test]
    fn a_profile_is_picked_by_name_default_or_because_it_is_alone() {
        let url = |picked: Result<Option<Profile>, String>| {
            picked.expect("picked").and_then(|one| one.url)
        };
        let prod = Some("https://a.test".to_owned());
        assert_eq!(url(pick(TWO, Some("prod"))), prod);
        assert_eq!(url(pick(&format!("default = \"prod\"\n{TWO}"), None)), prod);
        assert_eq!(
            url(pick("[profiles.one]\nurl = \"https://b.test\"", None)).as_deref(),
            Some("https://b.test")
        );
        assert_eq!(pick("", None), Ok(None));
        let stage = pick(TWO, Some("stage")).expect("picked").expect("there");
        assert_eq!(
            (stage.stack.as_deref(), stage.region.as_deref()),
            (Some("quell"), Some("eu-central-1"))
        );
    }

    #[test]
    fn what_is_wrong_with_the_file_is_said() {
        for (text, wanted, says) in [
            (TWO, None, "several profiles: name one of prod, stage"),
            (TWO, Some("prdo"), "has no profile prdo; did you mean prod?"),
            ("", Some("prod"), "names none; write into it:"),
            ("[profiles.prod]\nurll = \"x\"", None, "urll"),
            ("[profiles", None, "config.toml cannot be read"),
        ] {
            let said = pick(text, wanted).expect_err(text);
            assert!(said.contains(says), "{text}: {said}");
        }
    }

    #[test]
    fn a_token_is_what_the_program_prints() {
        let token = printed("echo", &["quell_x".to_owned()]).expect("a token");
        assert_eq!(token.expose_secret(), "quell_x");
        for (program, arguments, says) in [
            ("false", vec![], "ended with exit status: 1"),
            ("true", vec![], "printed nothing"),
            ("/nowhere/at/all", vec![], "cannot be run"),
        ] {
            let said = printed(program, &arguments).expect_err(program).to_string();
            assert!(said.contains(says), "{said}");
        }
    }
}
