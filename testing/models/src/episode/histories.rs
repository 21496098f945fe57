//! Deliveries of a history, and the histories that are explored.

/// The moments of a history, in seconds: within the settling time, within the debounce window, after
/// it, and twice after an open episode has become stale. At the last one nothing arrives.
pub(super) const CLOCK: &[i64] = &[0, 10, 320, 20_000, 40_000];
/// The moments of a history in which nothing resolves.
pub(super) const SHORT_CLOCK: &[i64] = &[0, 20_000, 40_000];

/// What a sender delivers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Delivery {
    Fires {
        member: u8,
        critical: bool,
        /// Seconds after the beginning, by its sender.
        since: i64,
        left_out: u8,
        forbids_repair: bool,
    },
    Resolved {
        member: u8,
    },
}

pub(super) const fn fires(member: u8, critical: bool, since: i64) -> Delivery {
    Delivery::Fires {
        member,
        critical,
        since,
        left_out: 0,
        forbids_repair: false,
    }
}

/// What the messages say of an episode whose sender leaves alerts out and forbids repairs.
pub(super) const fn special(left_out: u8, forbids_repair: bool) -> Delivery {
    Delivery::Fires {
        member: 1,
        critical: false,
        since: -100,
        left_out,
        forbids_repair,
    }
}

/// The deliveries of a history, which may arrive in any order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct History {
    pub(super) deliveries: &'static [Delivery],
    pub(super) clock: &'static [i64],
    pub(super) crashes: u8,
}

const RESOLVED: Delivery = Delivery::Resolved { member: 1 };
pub(super) const SMALL: [History; 8] = [
    race(
        &[
            fires(1, false, -100),
            fires(1, false, -100),
            fires(2, true, -50),
        ],
        1,
    ),
    race(
        &[
            fires(2, true, -100),
            fires(1, false, -100),
            fires(1, true, -100),
        ],
        0,
    ),
    race(&[special(0, false), special(7, false), special(0, true)], 0),
    race(
        &[
            fires(1, false, -100),
            fires(2, true, -50),
            special(7, false),
        ],
        1,
    ),
    flap(&[fires(1, false, -100), RESOLVED, fires(1, false, 5)], 0),
    flap(&[fires(1, false, -100), RESOLVED, fires(2, false, 5)], 0),
    flap(&[fires(2, false, -100), RESOLVED, fires(1, false, -100)], 0),
    flap(&[fires(1, false, -100), RESOLVED, special(0, true)], 0),
];
pub(super) const LARGE: [History; 4] = [
    flap(&[fires(1, false, -100), RESOLVED, fires(1, false, 5)], 2),
    flap(
        &[
            fires(1, false, -100),
            RESOLVED,
            fires(1, true, -100),
            fires(2, false, -50),
        ],
        1,
    ),
    flap(
        &[
            fires(1, false, -100),
            fires(2, true, -100),
            RESOLVED,
            special(0, true),
        ],
        1,
    ),
    race(
        &[
            fires(1, false, -100),
            fires(1, true, -100),
            special(7, true),
            special(0, true),
        ],
        2,
    ),
];

pub(super) const fn race(deliveries: &'static [Delivery], crashes: u8) -> History {
    History {
        deliveries,
        clock: SHORT_CLOCK,
        crashes,
    }
}

pub(super) const fn flap(deliveries: &'static [Delivery], crashes: u8) -> History {
    History {
        deliveries,
        clock: CLOCK,
        crashes,
    }
}
