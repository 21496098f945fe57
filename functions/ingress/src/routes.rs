//! Routes of ingress, under `/api/v1/`. The OpenAPI document (docs/openapi.yaml) describes the same ones; a test compares them.

use domain::incident::approval::Verdict;
use lambda_http::http::Method;
use wire::route::{self, Found, NotFound, Route};

use crate::rejection::Rejection;

/// What a route leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
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
    /// The same on every incident of its alert group.
    RespondToGroup,
    /// Switches all repairs off.
    SwitchRepairsOff,
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

const fn route(method: &'static str, path: &'static str, to: Target) -> Route<Target> {
    Route { method, path, to }
}

pub const ROUTES: [Route<Target>; 19] = [
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
    route(
        "POST",
        "incidents/{id}/group/respond",
        Target::RespondToGroup,
    ),
    route("POST", "kill-switch", Target::SwitchRepairsOff),
    route("POST", "sessions", Target::SessionBegun),
    route("POST", "sessions/end", Target::SessionEnded),
    route("GET", "approvals/{id}/link", Target::LinkShown),
    route("POST", "approvals/{id}/link", Target::LinkUsed),
];

/// Finds the operation of a request; its one value is that of `{id}`.
///
/// # Errors
/// If there is nothing at the path, or not with this method.
pub(crate) fn find<'a>(method: &Method, path: &'a str) -> Result<Found<'a, Target>, Rejection> {
    let rest = path.trim_end_matches('/').strip_prefix("/api/v1/");
    let found = rest
        .ok_or(NotFound::NoRoute)
        .and_then(|rest| route::find(&ROUTES, method.as_str(), rest));
    found.map_err(|refused| match refused {
        NotFound::NoRoute => Rejection::NoRoute(path.to_owned()),
        NotFound::WrongMethod { allowed } => Rejection::WrongMethod {
            path: path.to_owned(),
            allowed,
        },
    })
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
                .map(|found| (found.route.to, found.value(0).to_owned()))
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
