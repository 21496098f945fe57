//! Posts of a channel: what is presented, with what its kind of channel needs besides.

use domain::incident::Incident;
use domain::notification::outbox::Due;
use domain::notification::words::words;
use domain::primitives::safe_text::line;

use crate::deliver::worker::ChannelWorker;
use crate::render::content::{Content, Envelope, Link, Post};
use crate::render::links::decision_url;
use crate::render::presenter::Presented;

/// How much of an alert's name and target a title has.
const PART_CHARACTERS: usize = 50;

impl ChannelWorker<'_> {
    /// The post for this channel: with the address of the decision if its receiver has no buttons, and without markup if
    /// the channel did not understand it.
    pub(super) fn post(
        &self,
        key: String,
        presented: Presented,
        due: &Due,
        incident: Option<&Incident>,
    ) -> Post {
        let Presented {
            about,
            content,
            mut facts,
            shown,
        } = presented;
        let mut envelope = Envelope {
            title: title(about, &content, incident),
            progress: shown.progress,
            ..Envelope::default()
        };
        let url = incident
            .filter(|_| !self.channel.to.has_buttons())
            .and_then(|incident| decision_url(&self.outside.api_url, incident));
        if let Some(url) = url {
            facts["decide_at"] = url.clone().into();
            let label = words(self.presenter.language).text("link", "decide");
            envelope.decide = Some(Link {
                label: label.to_owned(),
                url,
            });
        }
        let post = Post {
            key,
            about,
            content,
            facts,
            envelope,
        };
        if due.plain {
            post.without_markup()
        } else {
            post
        }
    }
}

/// One line that is the same in every message about one incident. The card of a run of a pipeline goes on with other incidents.
fn title(about: &str, content: &Content, incident: Option<&Incident>) -> String {
    match incident.filter(|_| about != "pipeline") {
        Some(incident) => {
            // Short, so that the id is in every subject: it is what tells two incidents of one alert apart.
            let short = |text| line(text, PART_CHARACTERS);
            let (name, target) = (short(&incident.alert.name), short(&incident.alert.target));
            format!("{name} · {target} · {}", incident.id)
        }
        None => {
            let text = content.text.plain();
            text.lines().next().unwrap_or_default().to_owned()
        }
    }
}
