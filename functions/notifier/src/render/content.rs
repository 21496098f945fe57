//! Content of a message, independent of the kind of channel.

use domain::notification::button_action::ButtonAction;
use domain::notification::progress::Progress;
use serde_json::Value;

use crate::render::markup::Markup;

/// A text with its buttons.
#[derive(Debug, Clone, PartialEq)]
pub struct Content {
    pub text: Markup,
    /// The buttons, by rows. A channel without buttons leaves them out.
    pub buttons: Vec<Vec<Button>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Button {
    /// Its label, as people read it.
    pub label: String,
    /// The action of a press.
    pub ask: ButtonAction,
}

/// What a channel is to send, or to show in place of what it has sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Post {
    /// The same whenever the same thing is sent again, so that a receiver that can tell drops the second one: 64 hex.
    pub key: String,
    /// What it is about, for machines: `incident`, `pipeline`, `notice`, `details`, `history`, `escalation`, `update`,
    /// `pipeline_failed`, `trouble` or `chart`.
    pub about: &'static str,
    pub content: Content,
    /// The same for machines: an object. Only webhooks and PagerDuty carry it.
    pub facts: Value,
    /// What only some kinds of channels need besides.
    pub envelope: Envelope,
}

/// What of a post channels need that have subjects, no buttons, or events in place of messages.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Envelope {
    /// One line that is the same in every message about one thing.
    pub title: String,
    /// Pages to go on with: that of the decision that waits, for channels without buttons, and the incident's own.
    pub links: Vec<Link>,
    /// How far the work on the incident was when the channel was told last.
    pub known: Option<Progress>,
    /// How far it is now.
    pub progress: Option<Progress>,
}

/// A picture that is sent below a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// The name of its file, as people see it who save it.
    pub name: String,
    pub png: Vec<u8>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Its words, as people read them.
    pub label: String,
    pub url: String,
}

impl Post {
    /// The same without markup, for a channel that did not understand it ([`crate::channel::ChannelError::Markup`]).
    pub fn without_markup(&self) -> Self {
        let content = Content {
            text: Markup::text(&self.content.text.plain()),
            buttons: self.content.buttons.clone(),
        };
        Self {
            content,
            ..self.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Content, Envelope, Post};
    use crate::render::markup::Markup;

    #[test]
    fn without_markup_the_words_stay_what_they_were() {
        let text =
            Markup::parse("<b>web-1</b> &lt;b&gt; &amp;amp; <a href=\"https://a.test\">more</a>")
                .expect("markup");
        let post = Post {
            key: "k".into(),
            about: "incident",
            content: Content {
                text,
                buttons: vec![],
            },
            facts: json!({ "a": 1 }),
            envelope: Envelope::default(),
        };
        let plain = post.without_markup();
        assert_eq!(plain.content.text.plain(), post.content.text.plain());
        assert!(!plain.content.text.telegram().contains('<'), "{plain:?}");
        assert_eq!(
            (&plain.key, plain.about, &plain.facts),
            (&post.key, post.about, &post.facts)
        );
    }
}
