//! Exploration of a model: all states within its bounds, or a way to a broken promise.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::hash::Hash;

use stateright::{Checker as _, Expectation, HasDiscoveries, Model};

/// How much of a protocol is explored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// On every run of the tests.
    Small,
    /// With `cargo run -p protocol-models -- --bound large`.
    Large,
}

impl Bound {
    /// The histories that are explored.
    pub(crate) fn of<T>(self, small: &'static [T], large: &'static [T]) -> &'static [T] {
        match self {
            Self::Small => small,
            Self::Large => large,
        }
    }
}

/// A model of one protocol of the code.
pub trait Protocol:
    Model<
        State: Clone + Debug + PartialEq + Hash + Send + Sync + 'static,
        Action: Clone + Debug + PartialEq,
    > + Send
    + Sync
    + 'static
{
    const NAME: &'static str;

    /// The model with every condition of the code.
    fn new(bound: Bound) -> Self;

    /// The conditions, each with what breaks without it.
    fn mutations() -> Vec<Mutation<Self>>;
}

/// One condition of the code, or one assumption about what lies around it, that can be taken away.
#[derive(Debug)]
pub struct Mutation<M> {
    /// The condition, in words.
    pub condition: &'static str,
    /// The property that is broken without it; none where another condition already covers it.
    pub breaks: Option<&'static str>,
    pub take_away: fn(&mut M),
}

impl<M> Mutation<M> {
    /// A condition without which this property does not hold.
    pub const fn breaks(
        condition: &'static str,
        property: &'static str,
        take_away: fn(&mut M),
    ) -> Self {
        Self {
            condition,
            breaks: Some(property),
            take_away,
        }
    }

    /// A condition without which every property still holds, because of others.
    pub const fn covered(condition: &'static str, take_away: fn(&mut M)) -> Self {
        Self {
            condition,
            breaks: None,
            take_away,
        }
    }
}

/// Result of an exploration.
#[derive(Debug)]
pub struct Explored {
    /// How many different states there are.
    pub states: usize,
    /// The most actions on a shortest way to a state.
    pub depth: usize,
    /// The properties that do not hold, each with the actions that lead there.
    pub broken: BTreeMap<&'static str, Vec<String>>,
    /// What should happen in some state, and in none does.
    pub never: Vec<&'static str>,
}

/// Explores all states of a model.
pub fn explore<M: Protocol>(model: M) -> Explored {
    run(model, HasDiscoveries::AllFailures)
}

/// Explores a model until a property is broken, or all of it.
pub fn explore_until<M: Protocol>(model: M, broken: &'static str) -> Explored {
    run(model, HasDiscoveries::AllOf(BTreeSet::from([broken])))
}

fn run<M: Protocol>(model: M, until: HasDiscoveries) -> Explored {
    // One thread: only then the depth is the same each time.
    let checker = model.checker().finish_when(until).spawn_bfs().join();
    let discoveries = checker.discoveries();
    let properties = checker.model().properties();
    let (failures, examples): (Vec<_>, Vec<_>) = properties
        .iter()
        .partition(|property| property.expectation != Expectation::Sometimes);
    let way = |name: &'static str| {
        let path = discoveries.get(name)?.clone();
        let actions = path.into_actions().into_iter();
        Some((name, actions.map(|action| format!("{action:?}")).collect()))
    };
    Explored {
        states: checker.unique_state_count(),
        depth: checker.max_depth(),
        broken: failures.iter().filter_map(|it| way(it.name)).collect(),
        never: examples
            .iter()
            .map(|it| it.name)
            .filter(|name| !discoveries.contains_key(name))
            .collect(),
    }
}

/// True if nothing can happen any more. The models have no cycles, because everything that repeats
/// is counted: each history ends in such a state, and what holds in all of them holds in the end.
pub fn rests<M: Model>(model: &M, state: &M::State) -> bool {
    let mut actions = Vec::new();
    model.actions(state, &mut actions);
    let mut next = actions.into_iter();
    next.all(|action| model.next_state(state, action).is_none())
}

/// The row of a model in `docs/models.md`.
pub fn row<M: Protocol>(explored: &Explored) -> String {
    let (name, states, depth) = (M::NAME, explored.states, explored.depth);
    format!("| {name} | {states} | {depth} |")
}

/// The rows of a model's mutations in `docs/models.md`.
pub fn mutation_rows<M: Protocol>() -> Vec<String> {
    let row = |it: &Mutation<M>| {
        let breaks = it.breaks.unwrap_or("nothing: see below");
        format!("| {} | {} | {breaks} |", M::NAME, it.condition)
    };
    M::mutations().iter().map(row).collect()
}

/// The properties of a model as `docs/models.md` lists them.
pub fn property_rows<M: Protocol>() -> Vec<String> {
    let properties = M::new(Bound::Small).properties();
    let row = |name| format!("| {} | {name} |", M::NAME);
    let named = properties.iter().map(|property| row(property.name));
    named.collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::{
        Bound, Explored, Protocol, explore, explore_until, mutation_rows, property_rows, row,
    };

    const DOCUMENT: &str = include_str!("../../../docs/models.md");

    /// A model keeps every promise, in as many states as its document says, and is not empty.
    pub(crate) fn holds<M: Protocol>() {
        let explored = explore(M::new(Bound::Small));
        let Explored { broken, never, .. } = &explored;
        assert!(broken.is_empty() && never.is_empty(), "{explored:#?}");
        let mut rows = vec![row::<M>(&explored)];
        rows.extend(mutation_rows::<M>());
        rows.extend(property_rows::<M>());
        let missing: Vec<_> = rows
            .iter()
            .filter(|row| !DOCUMENT.contains(row.as_str()))
            .collect();
        assert!(missing.is_empty(), "docs/models.md lacks {missing:#?}");
    }

    /// Without each condition in turn the promise is broken that it is there for.
    pub(crate) fn each_condition_counts<M: Protocol>() {
        let mut wrong = Vec::new();
        for mutation in M::mutations() {
            let mut model = M::new(Bound::Small);
            (mutation.take_away)(&mut model);
            let found = match mutation.breaks {
                Some(property) => explore_until(model, property).broken,
                None => explore(model).broken,
            };
            let expected = match mutation.breaks {
                Some(property) => found.contains_key(property),
                None => found.is_empty(),
            };
            if !expected {
                wrong.push((mutation.condition, mutation.breaks, found));
            }
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
    }
}
