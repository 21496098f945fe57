//! Ratios of the report: the two programs of each, and the goal.

use std::fmt;

/// What a ratio should come to. It is printed beside what was measured; no run fails because of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Goal {
    /// Not more than this.
    AtMost(f64),
    /// Not less than this.
    AtLeast(f64),
}

impl fmt::Display for Goal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtMost(limit) => write!(f, "≤ {limit}"),
            Self::AtLeast(limit) => write!(f, "≥ {limit}"),
        }
    }
}

/// One figure of a program, divided by the same of another.
#[derive(Debug)]
pub(crate) struct Ratio {
    /// Its name in the report.
    pub(crate) name: String,
    /// The program above the line.
    pub(crate) one: &'static str,
    /// The program below it.
    pub(crate) other: &'static str,
    pub(crate) figure: &'static str,
    /// What it should come to.
    pub(crate) goal: Option<Goal>,
}

/// Another language with the job of `join`.
#[derive(Debug)]
pub(crate) struct Rival {
    /// Its name in ratios.
    pub(crate) name: &'static str,
    pub(crate) variant: &'static str,
    /// What to do where it is not there.
    pub(crate) install: &'static str,
    cold: Option<Goal>,
    warm_cpu: Option<Goal>,
}

pub(crate) const RIVALS: [Rival; 3] = [
    Rival {
        name: "python",
        variant: "python-join",
        install: "make venv",
        cold: None,
        warm_cpu: None,
    },
    Rival {
        name: "powertools",
        variant: "powertools-join",
        install: "make venv",
        cold: Some(Goal::AtLeast(60.0)),
        warm_cpu: Some(Goal::AtLeast(8.0)),
    },
    Rival {
        name: "node",
        variant: "node-join",
        install: "install Node.js 20 or newer with npm, then make bench",
        cold: Some(Goal::AtLeast(30.0)),
        warm_cpu: None,
    },
];

/// The ratios of ingress to what is written in Rust too.
///
/// The fastest of many starts is the one that the rest of the machine disturbed least: where it is busy, these ratios and those of
/// CPU time say more than those of the medians.
const OWN: [(&str, &str, &str, &str, Option<Goal>); 12] = [
    (
        "init_join_to_bare",
        "join",
        "bare",
        "init_ms",
        Some(Goal::AtMost(1.5)),
    ),
    ("init_join_to_door", "join", "door", "init_ms", None),
    (
        "cold_join_to_door",
        "join",
        "door",
        "cold_ms",
        Some(Goal::AtMost(1.5)),
    ),
    (
        "cold_join_internal_to_door",
        "join-internal",
        "door",
        "cold_ms",
        Some(Goal::AtMost(1.5)),
    ),
    (
        "cold_open_to_door",
        "open",
        "door",
        "cold_ms",
        Some(Goal::AtMost(1.5)),
    ),
    (
        "fastest_init_join_to_bare",
        "join",
        "bare",
        "init_ms_fastest",
        None,
    ),
    (
        "fastest_cold_join_to_door",
        "join",
        "door",
        "cold_ms_fastest",
        None,
    ),
    (
        "fastest_cold_open_to_door",
        "open",
        "door",
        "cold_ms_fastest",
        None,
    ),
    ("cold_cpu_join_to_door", "join", "door", "cold_cpu_ms", None),
    ("cold_cpu_open_to_door", "open", "door", "cold_cpu_ms", None),
    ("warm_cpu_join_to_door", "join", "door", "warm_cpu_us", None),
    // Everything but the model: the evidence is asked for, and its servers answer at once.
    (
        "warm_analyse_to_bare",
        "analyse",
        "bare",
        "warm_p50_ms",
        Some(Goal::AtMost(20.0)),
    ),
];

/// All ratios, in the order in which they are shown.
pub(crate) fn all() -> Vec<Ratio> {
    let own = OWN
        .into_iter()
        .map(|(name, one, other, figure, goal)| Ratio {
            name: name.to_owned(),
            one,
            other,
            figure,
            goal,
        });
    let of_rivals = RIVALS.into_iter().flat_map(
        |Rival {
             name,
             variant,
             cold,
             warm_cpu,
             ..
         }| {
            let figures = [
                ("cold", "cold_ms", cold),
                ("fastest_cold", "cold_ms_fastest", None),
                ("cold_cpu", "cold_cpu_ms", None),
                ("warm", "warm_p50_ms", None),
                ("warm_cpu", "warm_cpu_us", warm_cpu),
                ("peak", "peak_kib", None),
            ];
            figures.map(|(figure_name, figure, goal)| Ratio {
                name: format!("{figure_name}_{name}_to_join"),
                one: variant,
                other: "join",
                figure,
                goal,
            })
        },
    );
    own.chain(of_rivals).collect()
}
