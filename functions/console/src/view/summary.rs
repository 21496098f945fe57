//! View of an incident in a list.

use domain::incident::Incident;
use domain::notification::board::{Members, Row};
use domain::notification::channels::Channels;
use domain::primitives::id::IncidentId;
use jiff::Timestamp;
use serde::Serialize;

use crate::say::{Moment, Say};

/// An incident in a few words.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Summary {
    pub(crate) id: IncidentId,
    /// `alert`, `pipeline`, `storm` or `storm_member`.
    pub(crate) kind: &'static str,
    pub(crate) status: &'static str,
    pub(crate) open: bool,
    /// `P0` to `P3`.
    pub(crate) severity: String,
    /// The name of the worst of its alerts.
    pub(crate) name: String,
    /// What that is about.
    pub(crate) target: String,
    /// The service in the registry, where there is a plan for one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) service: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) namespace: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cluster: Option<String>,
    /// The teams that the routes of channels.json give it to.
    pub(crate) teams: Vec<String>,
    pub(crate) message: String,
    pub(crate) opened_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ended_at: Option<Timestamp>,
    pub(crate) hit_count: u64,
    pub(crate) flaps: u64,
    /// Who works on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) responder: Option<String>,
    /// Until when a plan waits for a decision.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) decide_until: Option<Timestamp>,
    /// How many incidents a storm has, and how many of them are open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) members: Option<Members>,
    /// The storm that shows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) storm: Option<IncidentId>,
    #[serde(skip)]
    waits: bool,
}

impl Summary {
    pub(crate) fn of(incident: &Incident, channels: &Channels) -> Self {
        let closed_at = incident.response.closed.as_ref().map(|closed| closed.at);
        Self {
            ended_at: incident.resolved_at.or(closed_at),
            storm: incident.storm_id().cloned(),
            ..Self::from(Row::of(incident, channels))
        }
    }

    pub(crate) fn opened(&self) -> Moment {
        Moment(self.opened_at)
    }

    pub(crate) fn ended(&self) -> Option<Moment> {
        self.ended_at.map(Moment)
    }

    /// The shape of its urgency: none is told by its colour alone.
    pub(crate) fn shape(&self) -> &'static str {
        shape(&self.severity)
    }

    pub(crate) fn urgency(&self, say: &Say) -> &str {
        say.word("urgency", &self.severity)
    }

    pub(crate) fn status_words(&self, say: &Say) -> &'static str {
        say.word("status", self.status)
    }

    pub(crate) fn status_icon(&self, say: &Say) -> &'static str {
        say.word("status_icon", self.status)
    }

    /// The parts of its name between which a line may end.
    pub(crate) fn name_parts(&self) -> Vec<&str> {
        parts(&self.name)
    }

    /// What people look for first: those that wait for them.
    pub(crate) fn waits_for_people(&self) -> bool {
        self.waits
    }
}

/// The shape of an urgency.
pub(crate) fn shape(severity: &str) -> &'static str {
    match severity {
        "P0" => "◆",
        "P1" => "▲",
        "P2" => "■",
        _ => "●",
    }
}

/// Parts of a name such as `NodeFilesystemAlmostOutOfSpace`, which is wider than a phone: a line ends between its words, and not within one.
pub(crate) fn parts(name: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut begin, mut before) = (0, None::<char>);
    for (at, letter) in name.char_indices() {
        let begins = letter.is_uppercase() && before.is_some_and(|before| before.is_lowercase());
        if begins || before == Some('_') {
            parts.push(&name[begin..at]);
            begin = at;
        }
        before = Some(letter);
    }
    parts.push(&name[begin..]);
    parts
}

/// A row of the board, which has open incidents alone.
impl From<Row> for Summary {
    fn from(row: Row) -> Self {
        Self {
            waits: row.waits_for_people(),
            id: row.id,
            kind: row.kind.as_str(),
            status: row.status.as_str(),
            open: row.status.is_open(),
            severity: format!("{:?}", row.severity),
            name: row.name,
            target: row.target,
            service: row.service,
            namespace: row.namespace,
            cluster: row.cluster,
            teams: row.teams,
            message: row.message,
            opened_at: row.opened_at,
            ended_at: None,
            hit_count: row.hit_count,
            flaps: row.flaps,
            responder: row.responder,
            decide_until: row.decide_until,
            members: row.members,
            storm: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::parts;

    #[test]
    fn a_line_ends_between_the_words_of_a_name() {
        for (name, expected) in [
            (
                "NodeFilesystemAlmostOutOfSpace",
                &["Node", "Filesystem", "Almost", "Out", "Of", "Space"][..],
            ),
            ("KubePVCFull", &["Kube", "PVCFull"]),
            ("disk_full", &["disk_", "full"]),
            ("磁碟已滿", &["磁碟已滿"]),
            ("<b>Bold", &["<b>Bold"]),
            ("", &[""]),
        ] {
            assert_eq!(parts(name), expected, "{name}");
            assert_eq!(parts(name).concat(), name);
        }
    }
}
