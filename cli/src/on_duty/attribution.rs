//! Whose shift an event of a calendar is: by an address among its attendees, by one in its title, or by a name in its title.

use std::collections::{BTreeMap, BTreeSet};

use domain::notification::channels::Person;

use super::event::Event;

/// Why an event is no shift of one person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Unattributed {
    /// It names nobody of channels.json.
    NoOne,
    /// It names these.
    Several(Vec<String>),
}

/// The person whose shift it is. An address goes before a name: it was given to one person, and a name may be that of another.
///
/// # Errors
/// If it names no person, or more than one.
pub(super) fn person<'a>(
    event: &Event,
    people: &'a BTreeMap<String, Person>,
) -> Result<&'a str, Unattributed> {
    let title = event.title.to_lowercase();
    let addresses = |text: &str| {
        let words = text.split(|c: char| !is_address(c));
        let words = words.map(|word| word.trim_matches('.').to_owned());
        words.filter(|word| word.contains('@')).collect::<Vec<_>>()
    };
    let attendees = event.attendees.iter().map(|one| one.trim().to_lowercase());
    let attendees: Vec<String> = attendees.collect();
    let in_title = addresses(&title);
    let by_address = |given: &[String]| {
        let has = |person: &Person| {
            let email = person.email.as_ref().map(|email| email.to_lowercase());
            email.is_some_and(|email| given.contains(&email))
        };
        found(people, |_, person| has(person))
    };
    let by_name = || found(people, |name, _| names(&title, &name.to_lowercase()));
    for found in [by_address(&attendees), by_address(&in_title), by_name()] {
        match found.as_slice() {
            [] => {}
            [one] => return Ok(one),
            several => {
                let names = several.iter().map(|name| (*name).to_owned());
                return Err(Unattributed::Several(names.collect()));
            }
        }
    }
    Err(Unattributed::NoOne)
}

fn found(people: &BTreeMap<String, Person>, is: impl Fn(&str, &Person) -> bool) -> Vec<&str> {
    let people = people.iter().filter(|(name, person)| is(name, person));
    people.map(|(name, _)| name.as_str()).collect()
}

/// True if a title has a name as a word of its own. A name in a script that puts no spaces between words may stand anywhere.
fn names(title: &str, name: &str) -> bool {
    if name.chars().any(|c| c >= '\u{2e80}') {
        return title.contains(name);
    }
    let words: BTreeSet<&str> = title
        .split(|c: char| !is_address(c))
        // The first part of somebody else's address is no name.
        .filter(|word| !word.contains('@'))
        .map(|word| word.trim_matches(['.', '-', '_']))
        .collect();
    words.contains(name)
}

/// True for what may be in an address, or in the name of a person.
fn is_address(c: char) -> bool {
    c.is_alphanumeric() || "@._+-".contains(c)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use domain::notification::channels::Person;
    use jiff::Timestamp;
    use serde_json::json;

    use super::{Unattributed, person};
    use crate::on_duty::event::Event;

    fn people() -> BTreeMap<String, Person> {
        serde_json::from_value(json!({
            "ada": { "email": "Ada.Lovelace@example.com" }, "bob": { "email": "bob@example.com" },
            "carol": {}, "王小明": {}, "ada.king": {},
        }))
        .expect("the shape of the file")
    }

    fn event(title: &str, attendees: &[&str]) -> Event {
        Event {
            title: title.to_owned(),
            attendees: attendees.iter().map(|one| (*one).to_owned()).collect(),
            from: Timestamp::UNIX_EPOCH,
            until: Timestamp::UNIX_EPOCH,
            all_day: false,
        }
    }

    #[test]
    fn an_address_goes_before_a_name() {
        let people = people();
        for (title, attendees, expected) in [
            ("On Call - Carol", &["ADA.LOVELACE@EXAMPLE.COM"][..], "ada"),
            (
                "On call",
                &["room-4@resource.example.com", "bob@example.com"],
                "bob",
            ),
            ("bob@example.com", &[], "bob"),
            ("On Call - Ada Lovelace - Payments", &[], "ada"),
            ("carol's week", &["guest@elsewhere.example"], "carol"),
            ("CAROL", &[], "carol"),
            ("值班：王小明", &[], "王小明"),
            ("王小明值班", &[], "王小明"),
            ("duty: ada.king.", &[], "ada.king"),
        ] {
            assert_eq!(
                person(&event(title, attendees), &people),
                Ok(expected),
                "{title}"
            );
        }
    }

    #[test]
    fn what_names_no_one_or_several_is_no_shift() {
        let people = people();
        for title in [
            "",
            "Team lunch",
            "canada",
            "ada@elsewhere.example",
            "bob-1",
            "carol_x",
        ] {
            assert_eq!(
                person(&event(title, &[]), &people),
                Err(Unattributed::NoOne),
                "{title}"
            );
        }
        let several = |one: &str, other: &str| {
            Err(Unattributed::Several(vec![
                one.to_owned(),
                other.to_owned(),
            ]))
        };
        assert_eq!(
            person(&event("ada, carol", &[]), &people),
            several("ada", "carol")
        );
        let both = event("On call", &["bob@example.com", "ada.lovelace@example.com"]);
        assert_eq!(person(&both, &people), several("ada", "bob"));
    }
}
