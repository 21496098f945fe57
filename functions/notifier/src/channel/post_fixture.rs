//! A post for the tests of channels: with two links, and a text of the test's own.

use serde_json::Value;

use crate::render::content::{Content, Envelope, Link, Post};
use crate::render::markup::Markup;

pub(crate) fn post(text: Markup, facts: Value) -> Post {
    let links = [
        ("Decide", "https://api.test/a"),
        ("Open", "https://api.test/p"),
    ];
    Post {
        key: "ab".repeat(32),
        about: "incident",
        content: Content {
            text,
            buttons: vec![],
        },
        facts,
        envelope: Envelope {
            links: links
                .map(|(label, url)| Link {
                    label: label.to_owned(),
                    url: url.to_owned(),
                })
                .into(),
            ..Envelope::default()
        },
    }
}
