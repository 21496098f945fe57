//! Tests that each card shows the store's state in the end, whatever the order of events and
//! messages.

mod check;
mod random;
mod sequence;
mod world;

use std::collections::BTreeSet;

use jiff::SignedDuration;
use tests::alert::{TestAlert, unique};

use self::random::Random;
use self::sequence::Sequence;
use self::world::World;

/// How many sequences are tried.
const SEQUENCES: usize = 25;

/// How many things happen in each.
const STEPS: usize = 10;

/// The seed of a sequence that failed, to see it again; a new one for each without.
const SEED: Option<u64> = None;

/// The people who may decide, by their ids at Telegram, and the one who may late.
const PEOPLE: [i64; 3] = [71, 72, 73];

/// For how long a plan can be decided on.
const VALID_FOR: SignedDuration = SignedDuration::from_hours(2);

/// What a queue holds back for longer is a look at a decision: nothing waits for it that a card has to show now.
const SOON: SignedDuration = SignedDuration::from_mins(10);

#[tokio::test]
async fn in_the_end_each_card_shows_what_the_store_has() {
    let world = World::begin().await;
    for _ in 0..SEQUENCES {
        let seed = SEED.unwrap_or_else(|| {
            u64::try_from(ulid::Ulid::generate().random() >> 16).expect("64 bits")
        });
        let alert = TestAlert {
            starts_at: world.clock.now(),
            ..TestAlert::firing(unique("true"))
        };
        let (incidents, asked, presses) = (BTreeSet::new(), BTreeSet::new(), Vec::new());
        let mut sequence = Sequence {
            world: &world,
            random: Random::of(seed),
            alert,
            incidents,
            asked,
            presses,
        };
        // There is a card to begin with.
        Box::pin(sequence.deliver()).await;
        Box::pin(world.quiet()).await;
        for _ in 0..STEPS {
            Box::pin(sequence.step()).await;
        }
        Box::pin(world.quiet()).await;
        Box::pin(sequence.check()).await;
        // What is left are looks at its decisions.
        while world.queues.take_first().is_some() {}
    }
}
