//! Tests of who is let in after signing in at the identity provider, and of what is refused in `sign-in.json`.

use serde_json::json;

use super::{Claims, PersonClaim, SignIn, SignInRefusal};
use crate::notification::channels::Channels;
use crate::notification::person_token::Right;
use crate::notification::session::Grant;

fn channels() -> Channels {
    let mut channels: Channels = serde_json::from_value(json!({
        "people": { "ada": { "api": true }, "bob": {} },
    }))
    .expect("the shape of channels.json");
    channels.duty = serde_json::from_value(json!({
        "teams": { "shop": { "levels": [{ "people": ["ada"] }] }, "web": { "levels": [{ "people": ["bob"] }] } },
    }))
    .expect("the shape of people.json");
    channels
}

fn file(more: serde_json::Value) -> SignIn {
    let mut fields = json!({
        "groups": {
            "everyone": { "may": ["look"] },
            "sre": { "may": ["look", "decide"], "teams": ["shop"] },
            "boss": { "may": ["administer"] },
        },
        "people": { "248289761001": "ada", "248289761002": "bob", "ada@example.com": "ada", "9": "gone" },
    });
    let (fields_of, more) = (fields.as_object_mut(), more.as_object().cloned());
    fields_of
        .expect("an object")
        .extend(more.unwrap_or_default());
    serde_json::from_value(fields).expect("the shape of sign-in.json")
}

fn claims(subject: &str, groups: &[&str]) -> Claims {
    Claims {
        subject: subject.to_owned(),
        groups: groups.iter().map(|&group| group.to_owned()).collect(),
        ..Claims::default()
    }
}

fn granted(person: &str, may: &[Right]) -> Result<Grant, SignInRefusal> {
    Ok(Grant {
        person: person.to_owned(),
        may: may.to_vec(),
    })
}

#[test]
fn rights_follow_from_the_groups_that_count_for_the_person() {
    let (file, channels) = (file(json!({})), channels());
    let (ada, bob) = ("248289761001", "248289761002");
    let (look, decide, administer) = (Right::Look, Right::Decide, Right::Administer);
    for (subject, groups, expected) in [
        (ada, &["everyone"][..], granted("ada", &[look])),
        (ada, &["sre"], granted("ada", &[look, decide])),
        (
            ada,
            &["boss", "sre", "sre", "unknown"],
            granted("ada", &[look, decide, administer]),
        ),
        // The group counts for the team alone.
        (bob, &["sre"], Err(SignInRefusal::NoGroup)),
        (bob, &["sre", "everyone"], granted("bob", &[look])),
        // Nothing can be done by who may not look.
        (ada, &["boss"], Err(SignInRefusal::NoGroup)),
        (ada, &[], Err(SignInRefusal::NoGroup)),
        (ada, &["Everyone"], Err(SignInRefusal::NoGroup)),
        ("1", &["everyone"], Err(SignInRefusal::NotAPerson)),
        ("", &["everyone"], Err(SignInRefusal::NotAPerson)),
        // The account is listed, and channels.json does not have its person any more.
        ("9", &["everyone"], Err(SignInRefusal::NotAPerson)),
    ] {
        let found = file.grant(&claims(subject, groups), &channels);
        assert_eq!(found, expected, "{subject} {groups:?}");
    }
}

#[test]
fn an_email_counts_only_if_the_provider_has_verified_it() {
    let channels = channels();
    let by_email = file(json!({ "person_claim": "email" }));
    assert_eq!(by_email.person_claim, PersonClaim::Email);
    let mut claims = claims("248289761001", &["everyone"]);
    assert_eq!(
        by_email.grant(&claims, &channels),
        Err(SignInRefusal::NoEmail)
    );
    claims.email = Some("ada@example.com".to_owned());
    assert_eq!(
        by_email.grant(&claims, &channels),
        Err(SignInRefusal::EmailNotVerified)
    );
    claims.email_verified = true;
    assert_eq!(
        by_email.grant(&claims, &channels),
        granted("ada", &[Right::Look])
    );
    // By `sub`, an address means nothing, verified or not.
    claims.subject = "ada@example.org".to_owned();
    assert_eq!(
        file(json!({})).grant(&claims, &channels),
        Err(SignInRefusal::NotAPerson)
    );
}

#[test]
fn without_the_file_no_one_is_let_in() {
    let nothing = SignIn::default();
    let found = nothing.grant(&claims("248289761001", &["everyone"]), &channels());
    assert_eq!(found, Err(SignInRefusal::NotAPerson));
    assert!(nothing.errors(&channels()).is_empty());
}

#[test]
fn what_is_wrong_with_the_file_has_its_field() {
    let file = file(json!({
        "groups_claim": "",
        "scopes": ["groups", "two words"],
        "groups": { "everyone": { "may": [], "teams": ["shop", "shoop"] } },
    }));
    let errors = file.errors(&channels());
    let fields: Vec<&str> = errors.iter().map(|(field, _)| field.as_str()).collect();
    assert_eq!(
        fields,
        [
            "groups_claim",
            "scopes[1]",
            "groups.everyone.may",
            "groups.everyone.teams[1]",
            "people.9",
        ]
    );
}
