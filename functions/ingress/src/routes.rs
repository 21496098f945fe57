//! Route table. The OpenAPI document (docs/openapi.yaml) describes the same routes; a test compares
//! them.

use domain::incident::approval::Verdict;
use lambda_http::http::Method;

use crate::rejection::Rejection;

/// One operation of the HTTP interface.
#[derive(Debug)]
pub struct Route {
    pub method: &'static str,
    /// Its path under `/api/v1/`; `{id}` stands for one part.
    pub path: &'static str,
    /// What it leads to.
    pub(crate) to: Target,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    Health,
    Alertmanager,
    Grafana,
    Alerts,
    Signals,
    Telegram,
    Slack,
    PagerDuty,
    Approval(Verdict),
    /// Stops a repair.
    Stop,
    /// A responder's action.
    Respond,
    /// A session of the console begins, or ends.
    SessionBegun,
    SessionEnded,
    /// Asks for the token of whoever wants to decide.
    LinkShown,
    LinkUsed,
}

impl Target {
    /// True if a person in a browser reads the answer, also where it is a refusal.
    pub(crate) fn is_page(self) -> bool {
        matches!(self, Self::LinkShown | Self::LinkUsed)
    }
}

const fn route(method: &'static str, path: &'static str, to: Target) -> Route {
    Route { method, path, to }
}

pub const ROUTES: [Route; 17] = [
    route("GET", "webhooks/health", Target::Health),
    route("POST", "webhooks/alertmanager", Target::Alertmanager),
    route("POST", "webhooks/grafana", Target::Grafana),
    // Grafana lets its user choose.
    route("PUT", "webhooks/grafana", Target::Grafana),
    route("POST", "webhooks/alerts", Target::Alerts),
    route("POST", "webhooks/signals", Target::Signals),
    route("POST", "webhooks/telegram", Target::Telegram),
    route("POST", "webhooks/slack", Target::Slack),
    route("POST", "webhooks/pagerduty", Target::PagerDuty),
    route(
        "POST",
        "approvals/{id}/approve",
        Target::Approval(Verdict::Approve),
    ),
    route(
        "POST",
        "approvals/{id}/reject",
        Target::Approval(Verdict::Reject),
    ),
    route("POST", "approvals/{id}/stop", Target::Stop),
    route("POST", "incidents/{id}/respond", Target::Respond),
    route("POST", "sessions", Target::SessionBegun),
    route("POST", "sessions/end", Target::SessionEnded),
    route("GET", "approvals/{id}/link", Target::LinkShown),
    route("POST", "approvals/{id}/link", Target::LinkUsed),
];

/// Finds the operation of a request, with the value of `{id}`.
///
/// # Errors
/// If there is nothing at the path, or not with this method.
pub(crate) fn find<'a>(
    method: &Method,
    path: &'a str,
) -> Result<(&'static Route, &'a str), Rejection> {
    let nothing = || Rejection::NoRoute(path.to_owned());
    let rest = path
        .trim_end_matches('/')
        .strip_prefix("/api/v1/")
        .ok_or_else(nothing)?;
    let mut allowed = Vec::new();
    for route in &ROUTES {
        let Some(id) = fits(route.path, rest) else {
            continue;
        };
        if method.as_str() == route.method {
            return Ok((route, id));
        }
        allowed.push(route.method);
    }
    if allowed.is_empty() {
        Err(nothing())
    } else {
        Err(Rejection::WrongMethod {
            path: path.to_owned(),
            allowed: allowed.join(", "),
        })
    }
}

/// The value of `{id}`, or nothing where the template has none; `None` if the path is another.
fn fits<'a>(template: &str, path: &'a str) -> Option<&'a str> {
    let (mut parts, mut id) = (path.split('/'), "");
    for expected in template.split('/') {
        let part = parts.next()?;
        if expected == "{id}" {
            id = part;
        } else if expected != part {
            return None;
        }
    }
    parts.next().is_none().then_some(id)
}

#[cfg(test)]
mod tests {
    use domain::incident::approval::Verdict;
    use lambda_http::http::Method;

    use super::{Target, find};

    #[test]
    fn paths_and_methods_are_told_apart() {
        let found = |method, path| {
            find(&method, path)
                .map(|(route, id)| (route.to, id.to_owned()))
                .map_err(|error| error.to_string())
        };
        assert_eq!(
            found(Method::POST, "/api/v1/webhooks/signals/"),
            Ok((Target::Signals, String::new()))
        );
        assert_eq!(
            found(Method::PUT, "/api/v1/webhooks/grafana"),
            Ok((Target::Grafana, String::new()))
        );
        assert_eq!(
            found(Method::POST, "/api/v1/approvals/a1/reject"),
            Ok((Target::Approval(Verdict::Reject), "a1".to_owned()))
        );
        assert_eq!(
            found(Method::GET, "/api/v1/webhooks/grafana"),
            Err("/api/v1/webhooks/grafana takes POST, PUT only".to_owned())
        );
        for nothing in [
            "/",
            "/api/v1",
            "/webhooks/health",
            "/api/v1/webhooks",
            "/api/v1/approvals/a1/approve/x",
            "/api/v1/{id}",
        ] {
            assert_eq!(
                found(Method::POST, nothing),
                Err(format!("there is nothing at {nothing}"))
            );
        }
    }
}
