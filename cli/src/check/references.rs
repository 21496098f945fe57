//! Names that one part of a file gives to another: people in approval rules, channels in routes, facts and parameters in commands.

use crate::check::document::Node;
use crate::check::words::{list, meant, shown, suggestion};

/// What a domain error turns out to be about.
pub(crate) enum Reference {
    /// No name of another part.
    None,
    /// A name that is not there: the sentence goes on so.
    Unknown(String),
    /// A name that may be there: the part that has the names could not be read whole.
    Uncertain,
}

/// What a domain error at this field is about. `elsewhere` has the names that another file gives to this one: models with a price to
/// `analyzer.yaml`, teams to `channels.json`, people to `people.json`, causes and playbooks to recipes.
pub(crate) fn reference(root: &Node, at: &Node, elsewhere: &[&str]) -> Reference {
    let path = at.path.as_str();
    let part = |part: &str| root.field(part);
    let of_rule =
        path.starts_with("approvals[") && (path.contains("].people[") || path.contains("].then["));
    if of_rule || path.starts_with("routes[") && path.contains("].people[") {
        return unknown("people", at.text(), part("people"), names_of_fields);
    }
    if (path.starts_with("routes[") || path.starts_with("approvals[")) && path.ends_with("].team") {
        return in_other_file("teams of people.json", at, elsewhere);
    }
    let of_list = path.contains("].people[") || path.contains(".rotation.members[");
    if path.starts_with("teams.") && (of_list || path.ends_with("].person")) {
        return in_other_file("people of channels.json", at, elsewhere);
    }
    if path.starts_with("routes[") && path.contains("].channels[") {
        return unknown("channels", at.text(), part("channels"), |node| {
            names_of_items(node, "name")
        });
    }
    if path.contains("].depends_on[") {
        return unknown("services", at.text(), Some(root), |node| {
            names_of_items(node, "name")
        });
    }
    if path.starts_with("causes[") && path.contains("].speaks_") {
        return in_other_file("playbooks", at, elsewhere);
    }
    if path.starts_with("causes[") && path.ends_with("].id") {
        return in_other_file("causes of causes.yaml", at, elsewhere);
    }
    if path.starts_with("providers[") && path.ends_with("].model") {
        return in_other_file("models with a price", at, elsewhere);
    }
    let Some(playbook) = path
        .split_once(']')
        .map(|(item, _)| root.deepest(&format!("{item}]")))
    else {
        return Reference::None;
    };
    if path.ends_with("].when") || path.contains("].when.") {
        let when = root.deepest(path.split(".when").next().unwrap_or_default());
        let fact = when.field("when").and_then(|when| when.field("fact"));
        return unknown(
            "facts",
            fact.and_then(Node::text),
            playbook.field("facts"),
            |node| names_of_items(node, "id"),
        );
    }
    if path.contains(".parameters.") && path.ends_with(".from") {
        let given = at.text().unwrap_or_default();
        return match source(given) {
            Some(near) => Reference::Unknown(format!(
                "{} is no place of values; did you mean {near}? It has to be service.name, service.unit, service.facts.<key> or alert.labels.<label>",
                shown(given)
            )),
            None => Reference::None,
        };
    }
    if path.contains("].run[") {
        let known = playbook
            .field("parameters")
            .map(names_of_fields)
            .unwrap_or_default();
        let given = at.text().unwrap_or_default();
        let named = placeholders(given).find(|name| !known.contains(name));
        return unknown(
            "parameters",
            named,
            playbook.field("parameters"),
            names_of_fields,
        );
    }
    Reference::None
}

fn in_other_file(what: &str, at: &Node, names: &[&str]) -> Reference {
    match at.text() {
        Some(given) if !names.contains(&given) => Reference::Unknown(sentence(what, given, names)),
        _ => Reference::None,
    }
}

/// The source of a parameter's value that was meant most likely: `service.facts.port` for `services.fact.port`.
fn source(given: &str) -> Option<String> {
    if let Some(whole) = meant(given, ["service.name", "service.unit"]) {
        return Some(whole.to_owned());
    }
    let (kind, key) = given.rsplit_once('.')?;
    let kind = meant(kind, ["service.facts", "alert.labels"])?;
    Some(format!("{kind}.{key}"))
}

fn unknown<'a>(
    what: &str,
    given: Option<&str>,
    part: Option<&'a Node>,
    names: impl Fn(&'a Node) -> Vec<&'a str>,
) -> Reference {
    let Some(given) = given else {
        return Reference::None;
    };
    if part.is_some_and(|part| !part.sound || part.items().iter().any(|item| !item.sound)) {
        return Reference::Uncertain;
    }
    let names = part.map(names).unwrap_or_default();
    if names.contains(&given) {
        return Reference::None;
    }
    Reference::Unknown(sentence(what, given, &names))
}

fn sentence(what: &str, given: &str, names: &[&str]) -> String {
    let near = suggestion(given, names.iter().copied());
    let near = if near.is_empty() {
        ".".to_owned()
    } else {
        near
    };
    let names = list(names.iter().copied());
    format!("{} is unknown{near} The {what}: {names}", shown(given))
}

pub(crate) fn names_of_fields(node: &Node) -> Vec<&str> {
    node.entries()
        .iter()
        .map(|entry| entry.name.as_str())
        .collect()
}

pub(crate) fn names_of_items<'a>(node: &'a Node, field: &str) -> Vec<&'a str> {
    let name = |item: &'a Node| item.field(field).and_then(Node::text);
    node.items().iter().filter_map(name).collect()
}

/// The names in braces, without the doubled braces that are text.
fn placeholders(argument: &str) -> impl Iterator<Item = &str> {
    let opened = argument.split('{').skip(1);
    opened.filter_map(|rest| rest.split_once('}').map(|(name, _)| name))
}
