//! Keys of the table's items. This is the only place that spells them; docs/architecture.md lists the items
//! with their attributes.

use std::collections::HashMap;
use std::fmt;

use jiff::civil::Date;

use aws_sdk_dynamodb::types::AttributeValue;

use super::attributes::{Item, text};
use domain::analysis::named_cause::NamedCause;
use domain::incident::parts::StormScope;
use domain::playbook::plan::Phase;
use domain::policy::precedent::Near;
use domain::primitives::id::{ApprovalId, Fingerprint, HeartbeatId, IncidentId, PipelineRunId};

/// Incidents are spread over this many keys of an index, so that a storm does not write to one key alone.
pub(crate) const SHARDS: u32 = 8;

/// An index of incidents, sorted by their ids, which is by time. Its items are keys alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IncidentList {
    /// Those that are open: the items that have the attribute `open_shard`.
    Open,
    /// All, ended or not: the items that have the attribute `list_shard`. It never changes, so that an incident is written
    /// to this index once.
    All,
}

impl IncidentList {
    /// The name of the index.
    pub(crate) fn index(self) -> &'static str {
        match self {
            Self::Open => "open-incidents",
            Self::All => "incidents",
        }
    }

    /// The attribute that puts an item into the index.
    pub(crate) fn attribute(self) -> &'static str {
        match self {
            Self::Open => "open_shard",
            Self::All => "list_shard",
        }
    }

    /// `OPEN#<0 to 7>` or `ALL#<0 to 7>`.
    pub(crate) fn partition(self, shard: u32) -> String {
        match self {
            Self::Open => format!("OPEN#{shard}"),
            Self::All => format!("ALL#{shard}"),
        }
    }

    /// The partition that an incident belongs to: the last character of a ULID is random.
    pub(crate) fn partition_of(self, id: &IncidentId) -> String {
        let last = id.as_str().bytes().last().unwrap_or_default();
        self.partition(u32::from(last) % SHARDS)
    }
}

/// Sort key of a pointer to an incident, before its id.
pub(crate) const POINTER: &str = "INC#";
/// Sort key of a card, before its channel.
pub(crate) const CARD: &str = "CARD#";
/// Sort key of an item of an outbox, before its rank.
pub(crate) const DUE: &str = "DUE#";
/// Sort key of a run of a playbook or of a report of a pipeline's run, before the incident.
pub(crate) const RUN: &str = "RUN#";
/// Sort key of a member of a storm, before its id.
pub(crate) const MEMBER: &str = "MEMBER#";
/// Sort key of a heartbeat in the list of them, before its id.
pub(crate) const LISTED_HEARTBEAT: &str = "HEARTBEAT#";
/// Behind every sort key of a log entry, whose number has digits only.
pub(crate) const LOG_END: &str = "LOG#:";

/// The key of one item.
#[derive(Debug, Clone)]
pub(crate) struct Key {
    pub(crate) pk: String,
    pub(crate) sk: String,
}

impl Key {
    fn new(pk: impl Into<String>, sk: impl Into<String>) -> Self {
        let (pk, sk) = (pk.into(), sk.into());
        Self { pk, sk }
    }

    /// True if it is the key of this item.
    pub(crate) fn is_of(&self, item: &Item) -> bool {
        let has = |name: &str, value: &str| {
            let found = item.get(name).and_then(|found| found.as_s().ok());
            found.is_some_and(|found| found == value)
        };
        has("pk", &self.pk) && has("sk", &self.sk)
    }

    /// The item of this key with these attributes.
    pub(crate) fn item(
        self,
        fields: impl IntoIterator<Item = (&'static str, AttributeValue)>,
    ) -> Item {
        let mut item = Item::from(self);
        let fields = fields.into_iter();
        item.extend(fields.map(|(name, value)| (name.to_owned(), value)));
        item
    }
}

/// As errors show it.
impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} / {}", self.pk, self.sk)
    }
}

impl From<Key> for Item {
    fn from(Key { pk, sk }: Key) -> Self {
        HashMap::from([("pk".to_owned(), text(pk)), ("sk".to_owned(), text(sk))])
    }
}

/// What a card is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CardOf<'a> {
    Incident(&'a IncidentId),
    /// A run of a delivery pipeline.
    PipelineRun(&'a PipelineRunId),
    /// The budget of a day that is used up.
    Budget(Date),
}

/// Purpose of a follow-up check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FollowUp<'a> {
    /// Whether the approval is decided.
    Decision(&'a ApprovalId),
    /// Whether the alert has resolved after the repair.
    Resolution(&'a ApprovalId),
    /// Whether anybody has heard of the episode of an incident.
    Episode(&'a IncidentId),
    /// Whether somebody has to be called to an incident.
    Attention(&'a IncidentId),
    /// Whether the checks of all open incidents are under way.
    LostEpisodes,
    /// Whether a sender's heartbeat is still heard.
    Heartbeat(&'a HeartbeatId),
}

/// `FP#<fingerprint>`: the episode of a fingerprint, and pointers to its incidents.
pub(crate) fn fingerprint_partition(fingerprint: &Fingerprint) -> String {
    format!("FP#{fingerprint}")
}

/// `INC#<id>`: everything about an incident.
pub(crate) fn incident_partition(id: &IncidentId) -> String {
    format!("INC#{id}")
}

/// `TARGET#<service>`: the ledger of a target, and pointers to its incidents.
pub(crate) fn target_partition(target: &str) -> String {
    format!("TARGET#{target}")
}

/// `GROUP#<name>`: the ledger of a redundancy group, and pointers to its incidents.
pub(crate) fn group_partition(group: &str) -> String {
    format!("GROUP#{group}")
}

/// `ALERTS#<digest>`: pointers to the incidents of a group of Alertmanager's.
pub(crate) fn alert_group_partition(group: &str) -> String {
    format!("ALERTS#{group}")
}

/// `PIPELINE_RUN#<run>`: the reports of a pipeline's run, and its cards.
pub(crate) fn pipeline_run_partition(run: &PipelineRunId) -> String {
    format!("PIPELINE_RUN#{run}")
}

/// `OUTPUT#<day>`: pointers to the incidents whose steps printed something on a day (UTC).
pub(crate) fn output_partition(day: Date) -> String {
    format!("OUTPUT#{day}")
}

/// `CHANNEL#<name>`: the state and the outbox of a channel.
pub(crate) fn channel_partition(channel: &str) -> String {
    format!("CHANNEL#{channel}")
}

/// `PLAYBOOK#<id>`: the record and the runs of a playbook.
pub(crate) fn playbook_partition(playbook: &str) -> String {
    format!("PLAYBOOK#{playbook}")
}

/// `BUDGET#<day>`: what models cost on a day (UTC), and the cards about it.
fn day_partition(day: Date) -> String {
    format!("BUDGET#{day}")
}

/// The partition of what a card is about.
pub(crate) fn card_partition(of: CardOf<'_>) -> String {
    match of {
        CardOf::Incident(incident) => incident_partition(incident),
        CardOf::PipelineRun(run) => pipeline_run_partition(run),
        CardOf::Budget(day) => day_partition(day),
    }
}

pub(crate) fn episode(fingerprint: &Fingerprint) -> Key {
    Key::new(fingerprint_partition(fingerprint), "EPISODE")
}

/// The members of an episode that its own item has no room for.
pub(crate) fn episode_members(fingerprint: &Fingerprint) -> Key {
    Key::new(fingerprint_partition(fingerprint), "MEMBERS")
}

pub(crate) fn incident(id: &IncidentId) -> Key {
    Key::new(incident_partition(id), "INCIDENT")
}

/// What seldom changes of an incident, once it is analysed.
pub(crate) fn details(id: &IncidentId) -> Key {
    Key::new(incident_partition(id), "DETAILS")
}

/// The incident whose partition an item lies in.
pub(crate) fn incident_of(item: &Item) -> Option<IncidentId> {
    let partition = item.get("pk")?.as_s().ok()?;
    IncidentId::try_from(partition.strip_prefix("INC#")?).ok()
}

/// The digits have a fixed width: sort keys are compared as text.
pub(crate) fn log_entry(id: &IncidentId, sequence: u64) -> Key {
    Key::new(incident_partition(id), format!("LOG#{sequence:010}"))
}

/// The last day whose output is erased.
pub(crate) fn output_erased() -> Key {
    Key::new("OUTPUT", "ERASED")
}

/// The pointer to an incident in the partition of its fingerprint, target, group, alert group or day.
pub(crate) fn pointer(list: String, id: &IncidentId) -> Key {
    Key::new(list, format!("{POINTER}{id}"))
}

pub(crate) fn near_partitions(near: &Near) -> (String, Option<String>) {
    let group = near.group.as_deref().map(group_partition);
    (target_partition(&near.target), group)
}

pub(crate) fn card(of: CardOf<'_>, channel: &str) -> Key {
    Key::new(card_partition(of), format!("{CARD}{channel}"))
}

/// `INC#<id>` / `WATCH#<approval>`, `RESOLUTION#<approval>`, `EPISODE_LOOK` or `ATTENTION_LOOK`; `LOST_EPISODES` / `EPISODE_LOOK`; `HEARTBEAT#<id>` / `LOOK`.
pub(crate) fn follow_up(purpose: FollowUp<'_>) -> Key {
    let of = |approval: &ApprovalId, kind: &str| {
        let incident = incident_partition(&approval.incident());
        Key::new(incident, format!("{kind}#{approval}"))
    };
    match purpose {
        FollowUp::Decision(approval) => of(approval, "WATCH"),
        FollowUp::Resolution(approval) => of(approval, "RESOLUTION"),
        FollowUp::Episode(incident) => Key::new(incident_partition(incident), "EPISODE_LOOK"),
        FollowUp::Attention(incident) => Key::new(incident_partition(incident), "ATTENTION_LOOK"),
        FollowUp::LostEpisodes => Key::new("LOST_EPISODES", "EPISODE_LOOK"),
        FollowUp::Heartbeat(heartbeat) => Key::new(heartbeat_partition(heartbeat), "LOOK"),
    }
}

/// The report of an incident about a pipeline's run.
pub(crate) fn report(run: &PipelineRunId, incident: &IncidentId) -> Key {
    Key::new(pipeline_run_partition(run), format!("{RUN}{incident}"))
}

/// `STORM#<minute since 1970>` / `MINUTE`: the incidents of a minute that are handled alone, and its storm;
/// `STORM#<group>` / `GROUP`: the storm of the many alerts of one rule.
pub(crate) fn storm_scope(scope: &StormScope) -> Key {
    match scope {
        StormScope::Minute(minute) => Key::new(format!("STORM#{minute}"), "MINUTE"),
        StormScope::Group(group) => Key::new(format!("STORM#{group}"), "GROUP"),
    }
}

/// The mark that announces a follow-up check of a storm.
pub(crate) fn storm_mark(storm: &IncidentId) -> Key {
    Key::new(incident_partition(storm), "STORM")
}

pub(crate) fn member(storm: &IncidentId, incident: &IncidentId) -> Key {
    Key::new(incident_partition(storm), format!("{MEMBER}{incident}"))
}

/// `HEARTBEAT#<id>`: when a sender's heartbeat was heard, and when it is looked at next.
fn heartbeat_partition(id: &HeartbeatId) -> String {
    format!("HEARTBEAT#{id}")
}

pub(crate) fn heartbeat(id: &HeartbeatId) -> Key {
    Key::new(heartbeat_partition(id), "HEARD")
}

/// The partition that lists the heartbeats.
pub(crate) fn heartbeats_partition() -> String {
    "HEARTBEATS".to_owned()
}

/// The pointer to a heartbeat in the list of them.
pub(crate) fn listed_heartbeat(id: &HeartbeatId) -> Key {
    Key::new(heartbeats_partition(), format!("{LISTED_HEARTBEAT}{id}"))
}

/// `MSG#<message id>` / `RECEIPT`.
pub(crate) fn receipt(message_id: &str) -> Key {
    Key::new(format!("MSG#{message_id}"), "RECEIPT")
}

/// What one repair at a time has to itself, in the control table: a host, or a service.
pub(crate) fn lock(name: &str) -> Key {
    Key::new(format!("LOCK#{name}"), "LOCK")
}

/// The ledger of a target or of a group.
pub(crate) fn ledger(partition: String) -> Key {
    Key::new(partition, "LEDGER")
}

/// A try of a step under a decision: the bridge runs each one once.
#[derive(Debug, Clone, Copy)]
pub struct StepTry<'a> {
    pub approval: &'a ApprovalId,
    pub phase: Phase,
    /// The step's place in its part, from 0.
    pub step: usize,
    /// Which try it is, from 1.
    pub number: u32,
}

/// In the control table.
pub(crate) fn kill_switch() -> Key {
    Key::new("SWITCH#REPAIRS", "KILL")
}

/// In the control table.
pub(crate) fn person_token(id: &str) -> Key {
    Key::new("TOKENS", format!("TOKEN#{id}"))
}

/// In the control table: a session of the console, under the token that it was begun with.
pub(crate) fn session(token: &str, id: &str) -> Key {
    Key::new("SESSIONS", format!("SESSION#{token}#{id}"))
}

/// In the control table: that an answer of the identity provider with this `state` was used. In the partition of sessions, the one that
/// `signin` may write.
pub(crate) fn came_back(state_digest: &str) -> Key {
    Key::new("SESSIONS", format!("CAME_BACK#{state_digest}"))
}

/// In the control table.
pub(crate) fn step_try(of: StepTry<'_>) -> Key {
    let phase = match of.phase {
        Phase::Facts => "facts",
        Phase::Steps => "steps",
        Phase::Verify => "verify",
        Phase::Rollback => "rollback",
    };
    let (step, number) = (of.step, of.number);
    Key::new(
        format!("STEP#{}", of.approval),
        format!("{phase}#{step}#{number}"),
    )
}

/// In the control table.
pub(crate) fn witnessed() -> Key {
    Key::new("WITNESS", "TREE")
}

/// Sort key of a part of the census, before the character with which the ids in it end.
pub(crate) const CENSUS: &str = "CENSUS#";
/// The partition of the board and of its census: its writer reaches no other.
pub(crate) const BOARD: &str = "BOARD";

pub(crate) fn board() -> Key {
    Key::new(BOARD, "BOARD")
}

/// A part of the census, by the character with which the ids in it end.
pub(crate) fn census(part: char) -> Key {
    Key::new(BOARD, format!("{CENSUS}{part}"))
}

/// `CAUSES#<source>` / `CAUSE#<cause>`: how often it was right.
pub(crate) fn named_cause(named: &NamedCause) -> Key {
    let partition = format!("CAUSES#{}", named.source.key());
    Key::new(partition, format!("CAUSE#{}", named.cause))
}

pub(crate) fn record(playbook: &str) -> Key {
    Key::new(playbook_partition(playbook), "RECORD")
}

/// `PLAYBOOK#<id>` / `RUN#<incident>#<round>`.
pub(crate) fn run(playbook: &str, incident: &IncidentId, round: u32) -> Key {
    let sk = format!("{RUN}{incident}#{round}");
    Key::new(playbook_partition(playbook), sk)
}

pub(crate) fn day_spending(day: Date) -> Key {
    Key::new(day_partition(day), "SPEND")
}

pub(crate) fn incident_spending(incident: &IncidentId) -> Key {
    Key::new(incident_partition(incident), "SPEND")
}

/// The state of a channel.
pub(crate) fn channel(channel: &str) -> Key {
    Key::new(channel_partition(channel), "STATE")
}

/// `sk` is a whole sort key: `DUE#<rank>#<subject>`.
pub(crate) fn due(channel: &str, sk: &str) -> Key {
    Key::new(channel_partition(channel), sk)
}
