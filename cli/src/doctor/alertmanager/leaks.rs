//! Routes of an `alertmanager.yml` whose alerts do not reach Quell, because another receiver takes them.

use super::file::{File, Route};

/// The routes at which alerts end without Quell, as they are called in findings.
pub(crate) fn find(file: &File) -> Vec<String> {
    let receiver = file.route.receiver.as_deref().unwrap_or_default();
    in_route(file, &file.route, receiver)
}

/// An alert goes to the first child that it fits, and on to the next ones after a `continue`; to the route itself where it fits none.
fn in_route(file: &File, route: &Route, receiver: &str) -> Vec<String> {
    let of = |child: &Route| in_route(file, child, child.receiver.as_deref().unwrap_or(receiver));
    let mut leaks = Vec::new();
    let (mut is_told, mut fits_a_child) = (false, false);
    for (index, child) in route.routes.iter().enumerate() {
        let of_child = of(child);
        let later = route.routes.iter().skip(index + 1);
        let told_later = child.goes_on
            && later
                .filter(|other| other.takes_all() || other.matchers == child.matchers)
                .any(|other| of(other).is_empty());
        let tells = of_child.is_empty() || told_later;
        if !tells && !is_told {
            leaks.extend(of_child);
        }
        if child.takes_all() {
            if !child.goes_on {
                return leaks;
            }
            fits_a_child = true;
            is_told |= tells;
        }
    }
    if !fits_a_child && !file.tells_quell(receiver) {
        leaks.push(route.name(receiver));
    }
    leaks
}
