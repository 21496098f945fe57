//! Posts of a channel: what is presented, with what its kind of channel needs besides.

use domain::incident::Incident;
use domain::notification::outbox::Due;
use domain::notification::words::words;
use domain::primitives::safe_text::line;

use crate::deliver::worker::ChannelWorker;
use crate::render::content::{Content, Envelope, Link, Post};
use crate::render::links::{decision_url, page_url};
use crate::render::presenter::Presented;

/// What is shown with the address of the incident's page. A run of a pipeline is about several incidents, and a chart or a history
/// stands below a card that has the address.
const LEADS_ON: [&str; 4] = ["incident", "update", "escalation", "details"];
/// How much of an alert's name and target a title has.
const PART_CHARACTERS: usize = 50;

impl ChannelWorker<'_> {
    /// The post for this channel: with the addresses of its pages, and without markup if the channel did not understand it.
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
        for (field, word, url) in self.pages(about, incident) {
            facts[field] = url.clone().into();
            let label = words(self.presenter.language).text("link", word);
            envelope.links.push(Link {
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

    /// The pages that a message leads to: the name of each for machines, that of its label, and its address.
    fn pages(
        &self,
        about: &str,
        incident: Option<&Incident>,
    ) -> Vec<(&'static str, &'static str, String)> {
        let Some(incident) = incident else {
            return Vec::new();
        };
        let api_url = &self.outside.api_url;
        let decision = decision_url(api_url, incident).filter(|_| !self.channel.to.has_buttons());
        let decision = decision.map(|url| ("decide_at", "decide", url));
        let page = page_url(api_url, incident).filter(|_| LEADS_ON.contains(&about));
        let page = page.map(|url| ("page", "page", url));
        decision.into_iter().chain(page).collect()
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
