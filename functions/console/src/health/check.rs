//! A check of Quell's health: its kind, its state, and the ways in which one is made.

use domain::phrase;
use domain::primitives::id::IncidentId;
use domain::primitives::phrase::Phrase;
use domain::primitives::safe_text::line;
use jiff::Timestamp;

use super::facts::Late;

/// How much of a sender's name is shown.
const SENDER_CHARACTERS: usize = 200;
/// How many incidents a line names.
const NAMED: usize = 5;

/// The state of a line, from good to bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum State {
    Good,
    /// A person should look at it.
    Look,
    Bad,
}

/// What is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    KillSwitch,
    ChangeFreeze,
    Channel,
    Decisions,
    Messages,
    Analyses,
    Repairs,
    Budget,
    Heartbeat,
    Anchors,
    Version,
}

/// One line.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Check {
    pub(crate) kind: Kind,
    /// Which channel or sender, where there are several.
    pub(crate) about: Option<String>,
    pub(crate) state: State,
    pub(crate) why: Phrase,
    pub(crate) since: Option<Timestamp>,
    pub(crate) incidents: Vec<IncidentId>,
}

impl State {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Look => "look",
            Self::Bad => "bad",
        }
    }

    /// The key of its word.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Good => "state_good",
            Self::Look => "state_look",
            Self::Bad => "state_bad",
        }
    }

    /// Its shape: none is told by its colour alone.
    pub(crate) const fn shape(self) -> &'static str {
        match self {
            Self::Good => "●",
            Self::Look => "▲",
            Self::Bad => "◆",
        }
    }
}

impl Kind {
    /// Its name in the API, the key of its title, and its section of docs/operations.md.
    const fn names(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::KillSwitch => ("kill_switch", "check_kill_switch", "the-kill-switch"),
            Self::ChangeFreeze => ("change_freeze", "check_change_freeze", "health"),
            Self::Channel => ("channel", "check_channel", "a-channel-refuses"),
            Self::Decisions => ("decisions", "check_decisions", "age-of-the-oldest-message"),
            Self::Messages => ("messages", "check_messages", "health"),
            Self::Analyses => ("analyses", "check_analyses", "age-of-the-oldest-message"),
            Self::Repairs => ("repairs", "check_repairs", "a-repair-that-was-cut-off"),
            Self::Budget => ("budget", "check_budget", "the-budget-of-the-day-is-used-up"),
            Self::Heartbeat => ("heartbeat", "check_heartbeat", "a-heartbeat-stays-away"),
            Self::Anchors => ("log_checkpoint", "check_anchors", "the-witness-is-behind"),
            Self::Version => ("version", "check_version", "upgrading"),
        }
    }

    pub(crate) const fn as_str(self) -> &'static str {
        self.names().0
    }

    pub(crate) const fn title(self) -> &'static str {
        self.names().1
    }

    pub(crate) const fn section(self) -> &'static str {
        self.names().2
    }
}

impl Check {
    pub(super) fn new(kind: Kind, state: State, why: Phrase) -> Self {
        Self {
            kind,
            about: None,
            state,
            why,
            since: None,
            incidents: Vec::new(),
        }
    }

    pub(super) fn about(self, about: &str) -> Self {
        let about = Some(line(about, SENDER_CHARACTERS));
        Self { about, ..self }
    }

    pub(super) fn since(self, since: Option<Timestamp>) -> Self {
        Self { since, ..self }
    }

    /// What its item says cannot be read.
    pub(super) fn unreadable(kind: Kind) -> Self {
        let why =
            phrase!("What this is read from cannot be read: the console's log names the item.");
        Self::new(kind, State::Bad, why)
    }

    /// A line about incidents with which something is late, or the good one.
    pub(super) fn of_late(kind: Kind, late: &[Late], bad: Phrase, good: Phrase) -> Self {
        let Some((_, oldest)) = late.first() else {
            return Self::new(kind, State::Good, good);
        };
        let named = late.iter().take(NAMED).map(|(id, _)| id.clone());
        Self {
            incidents: named.collect(),
            ..Self::new(kind, State::Bad, bad).since(Some(*oldest))
        }
    }
}
