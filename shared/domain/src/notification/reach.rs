//! Warnings about parts of `channels.json` that nothing ever reaches: routes and rules behind wider ones, unused channels and people.

use crate::analysis::{Risk, Severity};
use crate::notification::channels::{ApprovalRule, Channels, Route};
use crate::notification::people::{Pattern, any};

/// Every severity, which an empty list means too.
const SEVERITIES: [Severity; 4] = [Severity::P0, Severity::P1, Severity::P2, Severity::P3];

impl Channels {
    /// What has no effect in a registry with these services: each a field and a sentence.
    pub fn warnings(&self, services: &[&str]) -> Vec<(String, String)> {
        let mut warnings = Vec::new();
        for (i, route) in self.routes.iter().enumerate() {
            let takes_all = |before: &&Route| !before.goes_on && before.covers(route);
            if let Some(first) = place(&self.routes[..i], takes_all) {
                let text = format!(
                    "is reached by no incident: routes[{first}] takes all that fit here. Move this route above it, or give that one \"continue\": true"
                );
                warnings.push((format!("routes[{i}]"), text));
            }
        }
        for (i, channel) in self.channels.iter().enumerate() {
            let leads_here = |route: &Route| route.channels.contains(&channel.name);
            if !self.routes.is_empty() && !self.routes.iter().any(leads_here) {
                warnings.push((
                    format!("channels[{i}]"),
                    format!("gets no message: no route names {}", channel.name),
                ));
            }
        }
        let server = self.alertmanager.as_ref();
        let secret = server.and_then(|server| server.token_secret.as_deref());
        if secret.is_some_and(|name| !name.contains("alertmanager")) {
            let text = "is not read by the repair function: its name has to begin with ChannelSecretPrefix and \"alertmanager\", \
                        such as quell/channels/alertmanager";
            warnings.push(("alertmanager.token_secret".to_owned(), text.to_owned()));
        }
        self.approval_warnings(services, &mut warnings);
        warnings
    }

    fn approval_warnings(&self, services: &[&str], warnings: &mut Vec<(String, String)>) {
        for (i, rule) in self.approvals.iter().enumerate() {
            let field = format!("approvals[{i}]");
            if let Some(first) = place(&self.approvals[..i], |before| before.covers(rule)) {
                let text = format!(
                    "is never used: approvals[{first}] comes first and fits whatever fits here. Move this rule above it"
                );
                warnings.push((field, text));
            } else if !services.iter().any(|service| any(&rule.services, service)) {
                let text = "fits no service of service-registry.yaml".to_owned();
                warnings.push((format!("{field}.services"), text));
            }
        }
        for name in self.people.keys() {
            let named = |rule: &ApprovalRule| {
                let teams = rule.team.iter();
                let mut on_duty = teams.flat_map(|team| self.duty.members(team));
                let mut people = rule.people.iter().chain(&rule.then);
                people.any(|person| person == name) || on_duty.any(|person| person == name)
            };
            // Whom a route names is mentioned, and need not decide.
            let is_mentioned = |route: &Route| {
                let teams = route.team.iter();
                let mut on_duty = teams.flat_map(|team| self.duty.members(team));
                route.people.contains(name) || on_duty.any(|person| person == name)
            };
            if !self.approvals.iter().any(named) && !self.routes.iter().any(is_mentioned) {
                let text = "may decide nothing: no approval rule has this name, nor a team of one";
                warnings.push((format!("people.{name}"), text.to_owned()));
            }
        }
    }
}

fn place<T>(before: &[T], test: impl Fn(&&T) -> bool) -> Option<usize> {
    before.iter().position(|one| test(&one))
}

impl Route {
    /// True if whatever fits the other route fits this one.
    fn covers(&self, other: &Self) -> bool {
        let labels = self.labels.iter().all(|(name, pattern)| {
            let theirs = other.labels.get(name);
            theirs.is_some_and(|theirs| pattern.covers(theirs))
        });
        has_all(&self.severities, &other.severities, &SEVERITIES)
            && cover(&self.namespaces, &other.namespaces)
            && cover(&self.services, &other.services)
            && labels
            && (self.cicd.is_none() || self.cicd == other.cicd)
    }
}

impl ApprovalRule {
    /// True if whatever fits the other rule fits this one.
    fn covers(&self, other: &Self) -> bool {
        cover(&self.services, &other.services) && has_all(&self.risks, &other.risks, &Risk::ALL)
    }
}

impl Pattern {
    /// True if each text that fits the other pattern fits this one. In doubt it is false: one character stands for no text of any length.
    fn covers(&self, other: &Self) -> bool {
        let (one, other) = (self.text(), other.text());
        self.fits(&other) && !(other.contains('*') && one.contains('?'))
    }
}

/// True if each text that fits one of `others` fits one of `patterns`; an empty list fits everything.
fn cover(patterns: &[Pattern], others: &[Pattern]) -> bool {
    let covered = |other: &Pattern| patterns.iter().any(|pattern| pattern.covers(other));
    patterns.is_empty() || (!others.is_empty() && others.iter().all(covered))
}

/// The same for values of which there are only these.
fn has_all<T: PartialEq>(values: &[T], others: &[T], all: &[T]) -> bool {
    let others = if others.is_empty() { all } else { others };
    values.is_empty() || others.iter().all(|other| values.contains(other))
}

#[cfg(test)]
#[path = "reach_tests.rs"]
mod tests;
