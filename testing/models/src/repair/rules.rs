//! Conditions of repair and bridge, each of which can be taken away.

use crate::check::Mutation;

use super::{
    ALONE, COMES_AGAIN, GROUP, IDEMPOTENT, ONE_HAND, ONE_HOST, ONE_IN_GROUP, RepairModel, SWITCHED,
    SWITCHED_OFF, TRUE_RESULT, TRY_ONCE,
};

/// What the code does, by where it stands.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// `store::lock`: the lock is free, or over, or of this repair.
    pub locks: bool,
    /// `store::lock`: over for every clock.
    pub lock_knows_clocks: bool,
    /// `repair::lease`: renewed before each step.
    pub renews: bool,
    /// `repair::lease`: kept where a command may still be at work.
    pub keeps_when_unsure: bool,
    /// `repair::handler`: and so is the place in the ledger of the group.
    pub keeps_its_place_when_unsure: bool,
    /// `repair::executor`: a step is given up under a lease of now.
    pub gives_up_under_its_lease: bool,
    /// `repair::handler`: the ledger of the group has room.
    pub enters_the_group: bool,
    /// `GroupLedger`: an entry is over only for every clock.
    pub group_knows_clocks: bool,
    /// `repair::admission`: a run that has ended does not run again.
    pub knows_its_end: bool,
    /// `repair::journal`: only the worker that has the run writes into it.
    pub own_run: bool,
    /// `repair::journal`: a step is recorded before it runs.
    pub records_first: bool,
    /// `repair::executor`: the switch is read before each step.
    pub worker_reads_the_switch: bool,
    /// `bridge::gate`: and again by the bridge.
    pub bridge_reads_the_switch: bool,
    /// `bridge::gate`: each try of a step passes once.
    pub each_try_once: bool,
    /// `repair::handler`: a worker that was overtaken leaves the message to the other.
    pub leaves_the_message: bool,
    /// `aws::queue`: the message comes back after the lease.
    pub message_outlasts_the_lease: bool,
    /// What lies between the renewal of a lease and the end of its step takes no longer.
    pub steps_fit_their_lease: bool,
}

impl Rules {
    pub(super) const fn of_the_code() -> Self {
        Self {
            locks: true,
            lock_knows_clocks: true,
            renews: true,
            keeps_when_unsure: true,
            keeps_its_place_when_unsure: true,
            gives_up_under_its_lease: true,
            enters_the_group: true,
            group_knows_clocks: true,
            knows_its_end: true,
            own_run: true,
            records_first: true,
            worker_reads_the_switch: true,
            bridge_reads_the_switch: true,
            each_try_once: true,
            leaves_the_message: true,
            message_outlasts_the_lease: true,
            steps_fit_their_lease: true,
        }
    }
}

/// Each condition is taken away in the histories that it is about.
pub(super) fn mutations() -> Vec<Mutation<RepairModel>> {
    vec![
        Mutation::breaks(
            "a lock is free, over or one's own",
            ONE_HAND,
            |m: &mut RepairModel| {
                m.rules.locks = false;
                m.histories = &[ONE_HOST];
            },
        ),
        Mutation::breaks("a lock is over for every clock", ONE_HAND, |m| {
            m.rules.lock_knows_clocks = false;
            m.histories = &[ONE_HOST];
        }),
        Mutation::breaks("a lock is renewed before each step", ONE_HAND, |m| {
            m.rules.renews = false;
            m.histories = &[ONE_HOST];
        }),
        Mutation::breaks(
            "a lock is kept while a command may be at work",
            ONE_HAND,
            |m| {
                m.rules.keeps_when_unsure = false;
                m.histories = &[ONE_HOST];
            },
        ),
        Mutation::breaks("a place in a group is kept likewise", ONE_IN_GROUP, |m| {
            m.rules.keeps_its_place_when_unsure = false;
            m.histories = &[GROUP];
        }),
        Mutation::covered("a step is given up under a lease of now", |m| {
            m.rules.gives_up_under_its_lease = false;
            m.histories = &[GROUP];
        }),
        Mutation::breaks("the ledger of the group has room", ONE_IN_GROUP, |m| {
            m.rules.enters_the_group = false;
            m.histories = &[GROUP];
        }),
        Mutation::breaks(
            "an entry of a group is over for every clock",
            ONE_IN_GROUP,
            |m| {
                m.rules.group_knows_clocks = false;
                m.histories = &[GROUP];
            },
        ),
        Mutation::covered("a run that has ended does not run again", |m| {
            m.rules.knows_its_end = false;
            m.histories = &[ALONE];
        }),
        Mutation::breaks(
            "only the worker of a run writes into it",
            TRUE_RESULT,
            |m| {
                m.rules.own_run = false;
                m.histories = &[ALONE];
            },
        ),
        Mutation::breaks("a step is recorded before it runs", TRUE_RESULT, |m| {
            m.rules.records_first = false;
            m.histories = &[ALONE];
        }),
        Mutation::covered("the worker reads the kill switch", |m| {
            m.rules.worker_reads_the_switch = false;
            m.histories = &[SWITCHED, IDEMPOTENT];
        }),
        Mutation::breaks("the bridge reads the kill switch", SWITCHED_OFF, |m| {
            m.rules.bridge_reads_the_switch = false;
            m.histories = &[SWITCHED];
        }),
        Mutation::breaks("each try of a step passes the bridge once", TRY_ONCE, |m| {
            m.rules.each_try_once = false;
            m.histories = &[SWITCHED];
        }),
        Mutation::breaks("who was overtaken leaves the message", COMES_AGAIN, |m| {
            m.rules.leaves_the_message = false;
            m.histories = &[ALONE];
        }),
        Mutation::covered("a message comes back after its lease", |m| {
            m.rules.message_outlasts_the_lease = false;
            m.histories = &[ALONE];
        }),
        Mutation::breaks("assumed: a step fits its lease", ONE_HAND, |m| {
            m.rules.steps_fit_their_lease = false;
            m.histories = &[ONE_HOST];
        }),
    ]
}
