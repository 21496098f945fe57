use proptest::prelude::{Just, Strategy, any, prop_assert, prop_assert_eq, prop_oneof, proptest};

use super::{Budget, Paid, Settlement, Spending, Spent, room};
use crate::analysis::price::{MicroUsd, Usage};

const USAGE: Usage = Usage {
    input: 7,
    output: 3,
};

#[test]
fn a_call_fits_as_long_as_its_worst_price_does() {
    for (limit, most, expected) in [
        (100, 30, Some(70)),
        (100, 100, Some(0)),
        (100, 101, None),
        (0, 1, None),
        (0, 0, Some(MicroUsd::MAX)),
        (100, 0, Some(MicroUsd::MAX)),
    ] {
        assert_eq!(room(limit, most), expected, "{most} of {limit}");
    }
}

#[test]
fn a_settlement_replaces_the_reserved_price() {
    let paid = Settlement {
        calls: 1,
        usage: USAGE,
        ..Settlement::default()
    };
    for (spent, expected) in [
        (
            Spent::Exactly(20, USAGE),
            Settlement {
                committed: -10,
                price: 20,
                ..paid
            },
        ),
        (
            Spent::Exactly(45, USAGE),
            Settlement {
                committed: 15,
                price: 45,
                ..paid
            },
        ),
        (
            Spent::Exactly(0, USAGE),
            Settlement {
                committed: -30,
                price: 0,
                ..paid
            },
        ),
        (
            Spent::Nothing,
            Settlement {
                committed: -30,
                ..Settlement::default()
            },
        ),
        (
            Spent::Unknown,
            Settlement {
                unsettled: 30,
                calls: 1,
                price: 30,
                ..Settlement::default()
            },
        ),
    ] {
        assert_eq!(spent.settlement(30), expected, "{spent:?}");
    }
}

#[test]
fn an_operator_writes_dollars() -> Result<(), serde_json::Error> {
    let read = |json: &str| serde_json::from_str::<Budget>(json);
    assert_eq!(
        read(r#"{ "day_usd": 0.5, "incident_usd": 0 }"#)?,
        Budget {
            day: 500_000,
            incident: 0
        }
    );
    assert_eq!(read("{}")?, Budget::default());
    assert!(read(r#"{ "day_usd": -1 }"#).is_err());
    Ok(())
}

/// A table in memory that does what the store's conditions and additions do.
#[derive(Debug, Default)]
struct Ledger {
    spending: Spending,
    open: Vec<MicroUsd>,
}

impl Ledger {
    fn reserve(&mut self, limit: MicroUsd, most: MicroUsd) -> bool {
        let fits = room(limit, most).is_some_and(|room| self.spending.committed <= room);
        if fits {
            self.spending.committed += most;
            self.open.push(most);
        }
        fits
    }

    fn settle(&mut self, nth: usize, spent: Spent) {
        let settlement = spent.settlement(self.open.swap_remove(nth));
        let committed = i128::from(self.spending.committed) + settlement.committed;
        self.spending.committed = committed.try_into().expect("never below nothing");
        self.spending.unsettled += settlement.unsettled;
        let paid = self.spending.providers.entry("one".to_owned()).or_default();
        *paid = Paid {
            calls: paid.calls + settlement.calls,
            price: paid.price + settlement.price,
            ..*paid
        };
    }
}

/// What can happen to a budget. A worker that dies does nothing: its reservation stays open.
#[derive(Debug, Clone)]
enum Act {
    Reserve(MicroUsd),
    Settle(usize, Spent),
}

fn act(overrun: MicroUsd) -> impl Strategy<Value = Act> {
    let spent = prop_oneof![
        // As a part of what was reserved, in hundredths.
        (0..=100 + overrun).prop_map(|part| Spent::Exactly(part, USAGE)),
        Just(Spent::Nothing),
        Just(Spent::Unknown)
    ];
    prop_oneof![
        (0..60_u64).prop_map(Act::Reserve),
        (any::<usize>(), spent).prop_map(|(nth, spent)| Act::Settle(nth, spent))
    ]
}

/// Does it all, and says by how much real prices were above what was reserved for them.
fn play(acts: Vec<Act>, limit: MicroUsd, mut look: impl FnMut(&Ledger, MicroUsd)) {
    let (mut ledger, mut overrun) = (Ledger::default(), 0);
    for act in acts {
        match act {
            Act::Reserve(most) => drop(ledger.reserve(limit, most)),
            Act::Settle(..) if ledger.open.is_empty() => {}
            Act::Settle(nth, spent) => {
                let nth = nth % ledger.open.len();
                let most = ledger.open[nth];
                let spent = match spent {
                    Spent::Exactly(part, usage) => Spent::Exactly(most * part / 100, usage),
                    other => other,
                };
                if let Spent::Exactly(price, _) = spent {
                    overrun += price.saturating_sub(most);
                }
                ledger.settle(nth, spent);
            }
        }
        look(&ledger, overrun);
    }
}

proptest! {
    #[test]
    fn in_any_order_a_budget_is_never_overdrawn(acts in proptest::collection::vec(act(0), 0..80), limit in 0..500_u64) {
        let mut committed = Vec::new();
        play(acts, limit, |ledger, _| committed.push(ledger.spending.committed));
        prop_assert!(committed.iter().all(|committed| *committed <= limit), "{committed:?} of {limit}");
    }

    #[test]
    fn what_is_committed_is_what_was_paid_and_what_is_open(acts in proptest::collection::vec(act(80), 0..80), limit in 0..500_u64) {
        let mut seen = Vec::new();
        play(acts, limit, |ledger, overrun| {
            seen.push((ledger.spending.clone(), ledger.open.iter().sum::<MicroUsd>(), overrun));
        });
        for (spending, open, overrun) in seen {
            prop_assert_eq!(spending.open(), open);
            // Only a price above its reservation gets past the limit, and only by what it is above.
            prop_assert!(spending.committed <= limit + overrun, "{:?} of {}", spending, limit);
        }
    }
}
