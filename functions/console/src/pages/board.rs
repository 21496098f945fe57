//! The board and the wall: the open incidents, the worst first.

use askama::Template;
use domain::analysis::Severity;
use domain::notification::board::Counts;
use jiff::Timestamp;

use super::{Frame, Main};
use crate::app::App;
use crate::incidents::Open;
use crate::refusal::Refusal;
use crate::say::Say;
use crate::view::repairs::SwitchView;
use crate::view::summary::{Summary, shape};

/// How many incidents a wall has room for: it is read from afar.
const ON_A_WALL: usize = 24;

#[derive(Template)]
#[template(path = "board.html")]
struct BoardPage<'a> {
    say: Say,
    root: &'a str,
    open: &'a Open,
    switched_off: Option<SwitchView>,
    counts: Vec<Count>,
    /// Those that wait for people, and those that somebody or Quell is on.
    waiting: Vec<Summary>,
    others: Vec<Summary>,
}

#[derive(Template)]
#[template(path = "wall.html")]
struct WallPage<'a> {
    say: Say,
    root: &'a str,
    open: &'a Open,
    switched_off: Option<SwitchView>,
    counts: Vec<Count>,
    incidents: Vec<Summary>,
    more: usize,
}

/// How many incidents of an urgency are listed.
struct Count {
    severity: &'static str,
    shape: &'static str,
    n: usize,
}

/// The board.
///
/// # Errors
/// If a table does not answer.
pub(super) async fn board(app: &App, frame: &Frame, now: Timestamp) -> Result<Main, Refusal> {
    let (open, switched_off, summaries) = read(app, now).await?;
    let moves = open.board.moves();
    let (waiting, others) = summaries.into_iter().partition(Summary::waits_for_people);
    let page = BoardPage {
        say: frame.say,
        root: &frame.root,
        open: &open,
        switched_off,
        counts: counts(&open.board.counts),
        waiting,
        others,
    };
    Main::of(frame.say.page("board"), &page, moves)
}

/// The wall: the same for a screen that people read from afar and do not touch.
///
/// # Errors
/// If a table does not answer.
pub(super) async fn wall(app: &App, frame: &Frame, now: Timestamp) -> Result<Main, Refusal> {
    let (open, switched_off, mut incidents) = read(app, now).await?;
    let more = incidents.len().saturating_sub(ON_A_WALL) + open.board.left_out();
    incidents.truncate(ON_A_WALL);
    let page = WallPage {
        say: frame.say,
        root: &frame.root,
        open: &open,
        switched_off,
        counts: counts(&open.board.counts),
        incidents,
        more,
    };
    Main::of(frame.say.page("wall"), &page, true)
}

type Shown = (std::sync::Arc<Open>, Option<SwitchView>, Vec<Summary>);

async fn read(app: &App, now: Timestamp) -> Result<Shown, Refusal> {
    let switch = async { Ok(app.control.kill_switch().await?) };
    let (open, switch) = tokio::try_join!(app.open(now), switch)?;
    let rows = open.board.rows.iter().cloned();
    let summaries = rows.map(Summary::from).collect();
    Ok((open, switch.map(SwitchView::from), summaries))
}

fn counts(counts: &Counts) -> Vec<Count> {
    let count = |(severity, name): (Severity, &'static str)| Count {
        severity: name,
        shape: shape(name),
        n: counts
            .by_severity
            .get(&severity)
            .copied()
            .unwrap_or_default(),
    };
    let all = [
        (Severity::P0, "P0"),
        (Severity::P1, "P1"),
        (Severity::P2, "P2"),
        (Severity::P3, "P3"),
    ];
    all.map(count).into()
}
