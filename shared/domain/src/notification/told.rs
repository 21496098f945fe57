//! Which notices of an incident a channel is told: all but those that its routes or its kind leave out.

use crate::incident::Incident;
use crate::notification::channels::{Channel, Channels, Updates};
use crate::notification::notice::{Notice, What};

/// Those of an incident's notices that are told in a channel.
pub fn told_in(
    mut notices: Vec<Notice>,
    incident: &Incident,
    channel: &Channel,
    channels: &Channels,
) -> Vec<Notice> {
    let quiet = !channels.tells_repaired(incident, &channel.name);
    // Where nothing can be edited, the end is a message already.
    let tells_ends = channel.to.updates() == Updates::End;
    notices.retain(|notice| {
        let told = quiet && notice.what.is_approved_success();
        let ended = tells_ends && notice.what == What::EndedUnattended;
        !told && !ended
    });
    notices
}
