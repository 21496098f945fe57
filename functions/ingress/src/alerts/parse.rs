//! Parses the alerts of a request as the function does, but without authentication, for the `quell`
//! command.

use domain::alert::classification::AlertTables;
use intake::Delivery;
use jiff::Timestamp;
use lambda_http::http::Method;

use crate::alerts::alertmanager;
use crate::alerts::signals;
use crate::alerts::signed_alert;
use crate::rejection::Rejection;
use crate::routes::{Target, find};

/// The alerts of a body that was posted to a path. A route that takes no alerts has none.
///
/// # Errors
/// If there is no such route, or what is wrong with the body.
pub fn read(
    path: &str,
    bytes: &[u8],
    tables: &AlertTables,
    now: Timestamp,
) -> Result<Option<Delivery>, Rejection> {
    let route = find(&Method::POST, path)?.route;
    Ok(match route.to {
        Target::Alertmanager => {
            Some(alertmanager::read(bytes, "alertmanager", tables, now)?.delivery)
        }
        Target::Grafana => Some(alertmanager::read(bytes, "grafana", tables, now)?.delivery),
        Target::Alerts => Some(Delivery::single(signed_alert::read(bytes, tables, now)?)),
        Target::Signals => Some(Delivery::single(signals::read(bytes, tables, now)?.alert)),
        Target::Health
        | Target::Telegram
        | Target::Slack
        | Target::Approval(_)
        | Target::Stop
        | Target::Respond
        | Target::RespondToGroup
        | Target::SwitchRepairsOff
        | Target::LinkShown
        | Target::PagerDuty
        | Target::LinkUsed
        | Target::SessionBegun
        | Target::SessionEnded => None,
    })
}
