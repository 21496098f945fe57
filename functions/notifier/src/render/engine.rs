//! Engine of the templates: Jinja without files, in which every value is escaped and an unknown field is an error.

use std::borrow::Cow;
use std::path::Path;

use domain::primitives::phrase::fill;
use minijinja::value::{Kwargs, Serde, Value, ValueKind};
use minijinja::{
    AutoEscape, Environment, Error, ErrorKind, Output, State, UndefinedBehavior, context,
    syntax::SyntaxConfig,
};
use serde::Serialize;
use tracing::error;

use crate::render::kind::Kind;
use crate::render::markup::{Markup, MarkupError, escape};

/// How many steps a template may take: a large card takes a few thousand.
const FUEL: u64 = 200_000;
/// The longest template, in bytes.
const LONGEST_TEMPLATE: u64 = 64 * 1024;
/// What the built-in templates share.
const SHARED: [(&str, &str); 7] = [
    (
        "_failures.html",
        include_str!("../../templates/_failures.html"),
    ),
    (
        "_finding.html",
        include_str!("../../templates/_finding.html"),
    ),
    ("_about.html", include_str!("../../templates/_about.html")),
    ("_parts.html", include_str!("../../templates/_parts.html")),
    (
        "_provider.html",
        include_str!("../../templates/_provider.html"),
    ),
    (
        "_response.html",
        include_str!("../../templates/_response.html"),
    ),
    ("_steps.html", include_str!("../../templates/_steps.html")),
];

/// What is wrong with an operator's template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {what}")]
pub struct Broken {
    /// The file, from the directory of the configuration.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// What is wrong, in words.
    pub what: String,
}

/// The name of a built-in template.
pub(crate) fn built_in(kind: Kind) -> String {
    format!("built-in {}.html", kind.name())
}

/// An environment with the built-in templates.
pub(crate) fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.set_formatter(escaped);
    environment.set_fuel(Some(FUEL));
    let mut syntax = SyntaxConfig::default().to_builder();
    syntax.trim_blocks(true).lstrip_blocks(true);
    // Only delimiters can be in conflict, and they are the default ones.
    environment.set_syntax(syntax.build().unwrap_or_default());
    // What comes from outside stays text, whatever a template says. `{% autoescape %}` changes nothing either: `escaped` does not ask.
    environment.remove_filter("safe");
    environment.add_function("say", say);
    // A template names the shared parts and nothing else: no other message, and no file.
    environment.set_path_join_callback(|name, _| match name.starts_with('_') {
        true => Cow::from(name),
        false => Cow::from(format!("{name}: only the shared parts can be named")),
    });
    let built_in = Kind::ALL.map(|kind| (built_in(kind), kind.built_in()));
    let shared = SHARED.map(|(name, source)| (name.to_owned(), source));
    for (name, source) in built_in.into_iter().chain(shared) {
        if let Err(error) = environment.add_template_owned(name, source) {
            error!(%error, "a built-in template is broken");
        }
    }
    environment
}

/// Reads an operator's template into an environment.
pub(crate) fn add(
    environment: &mut Environment<'static>,
    path: &Path,
    file: &str,
) -> Result<(), Broken> {
    environment
        .add_template_owned(file.to_owned(), read(path, file)?)
        .map_err(|error| broken(file, &error))
}

fn read(path: &Path, file: &str) -> Result<String, Broken> {
    let broken = |what: String| Broken {
        file: file.to_owned(),
        line: 1,
        what,
    };
    let length = path
        .metadata()
        .map_err(|error| broken(format!("it cannot be read: {error}")))?
        .len();
    if length > LONGEST_TEMPLATE {
        return Err(broken(format!(
            "it has {length} bytes, and a template has {LONGEST_TEMPLATE} at most"
        )));
    }
    std::fs::read_to_string(path).map_err(|error| broken(format!("it cannot be read: {error}")))
}

fn escaped(out: &mut Output<'_>, _: &mut State<'_, '_>, value: &Value) -> Result<(), Error> {
    match value.kind() {
        ValueKind::None | ValueKind::Undefined => Ok(()),
        // What a macro or a `set` block has put together is escaped already.
        _ if value.is_safe() => Ok(out.write_str(value.as_str().unwrap_or_default())?),
        _ => {
            let mut html = String::new();
            escape(&value.to_string(), &mut html);
            Ok(out.write_str(&html)?)
        }
    }
}

/// A sentence in the language of the channel: `say("until")`. Its fields are those that are given with it, or those of the message.
fn say(state: &State<'_, '_>, key: &str, given: Kwargs) -> Result<Value, Error> {
    let invalid = |what: String| Error::new(ErrorKind::InvalidOperation, what);
    let sentences = state.lookup("words").unwrap_or_default().get_attr("say")?;
    let sentence = sentences.get_attr(key)?;
    let sentence = sentence
        .as_str()
        .ok_or_else(|| invalid(format!("there is no sentence {key}")))?;
    let field = |path: &str| {
        let mut names = path.split('.');
        let first = names.next()?;
        let value = given.get(first).ok().or_else(|| state.lookup(first))?;
        let value = names.try_fold(value, |value, name| value.get_attr(name).ok())?;
        let mut html = String::new();
        match value.is_undefined() {
            true => return None,
            false if value.is_safe() => html.push_str(value.as_str().unwrap_or_default()),
            false => escape(&value.to_string(), &mut html),
        }
        Some(html)
    };
    let text = fill(sentence, field)
        .map_err(|field| invalid(format!("the sentence {key} has no field {field}")))?;
    given.assert_all_used()?;
    Ok(Value::from_safe_string(text))
}

/// The fields that a template names and a view has not, found without rendering: also those of a branch that is not taken.
fn unknown_field(
    template: &minijinja::Template<'_, '_>,
    environment: &Environment<'_>,
    view: &Value,
) -> Option<String> {
    let known = |field: &str| {
        field == "words"
            || environment.globals().any(|(name, _)| name == field)
            || view.get_attr(field).is_ok_and(|v| !v.is_undefined())
    };
    let fields = template.undeclared_variables(false);
    fields.into_iter().filter(|field| !known(field)).min()
}

/// Renders a template of an environment.
pub(crate) fn render(
    environment: &Environment<'_>,
    name: &str,
    words: &Value,
    view: &impl Serialize,
) -> Result<Markup, Broken> {
    let template = environment
        .get_template(name)
        .map_err(|error| broken(name, &error))?;
    let view = Value::from(Serde(view));
    // The built-in ones are tested with every view; to parse them each time would take longer than to render them.
    let own = !name.starts_with("built-in ");
    if let Some(field) = own
        .then(|| unknown_field(&template, environment, &view))
        .flatten()
    {
        return Err(Broken {
            file: name.to_owned(),
            line: line_of(template.source(), &field),
            what: format!("there is no field {field}"),
        });
    }
    let html = template
        .render(context! { words => words.clone(), ..view })
        .map_err(|error| broken(name, &error))?;
    Markup::parse(&tidy(&html)).map_err(|error| markup(name, template.source(), &error))
}

/// At most one empty line in a row, none at the ends, and no spaces at the ends of lines.
fn tidy(html: &str) -> String {
    let mut lines: Vec<&str> = Vec::new();
    for line in html.lines().map(str::trim_end) {
        if !(line.is_empty() && lines.last().is_none_or(|last| last.is_empty())) {
            lines.push(line);
        }
    }
    lines.join("\n").trim_end().to_owned()
}

fn broken(file: &str, error: &Error) -> Broken {
    let what = match error.detail() {
        Some(detail) => format!("{}: {detail}", error.kind()),
        None => error.kind().to_string(),
    };
    Broken {
        file: file.to_owned(),
        line: error.line().unwrap_or(1),
        what,
    }
}

/// Every value is escaped, so that wrong markup is the template's own.
fn markup(file: &str, source: &str, error: &MarkupError) -> Broken {
    Broken {
        file: file.to_owned(),
        line: line_of(source, &error.found),
        what: error.to_string(),
    }
}

fn line_of(source: &str, found: &str) -> usize {
    source
        .lines()
        .position(|line| line.contains(found))
        .map_or(1, |line| line + 1)
}
