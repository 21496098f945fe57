//! Route table. The OpenAPI document (docs/openapi.yaml) describes the same routes of the API; a test compares them.

use lambda_http::http::Method;

use crate::refusal::Refusal;

/// One operation.
#[derive(Debug)]
pub struct Route {
    pub method: &'static str,
    /// Its path; a part in braces stands for any one part.
    pub path: &'static str,
    pub(crate) to: Target,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    Incidents,
    Incident,
    Log,
    Storm,
    Repairs,
    Playbooks,
    Stats,
    Health,
    Page(Page),
    /// A chart of an incident, as SVG.
    Chart,
    /// A script or a stylesheet of the pages.
    Asset,
    SignIn,
}

/// A page of the console.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Page {
    Board,
    Wall,
    Incident,
    Storm,
    History,
    Repairs,
    Playbooks,
}

impl Target {
    /// True if a person in a browser reads the answer, also where it is a refusal.
    pub(crate) fn is_page(self) -> bool {
        matches!(self, Self::Page(_) | Self::SignIn)
    }
}

const fn get(path: &'static str, to: Target) -> Route {
    Route {
        method: "GET",
        path,
        to,
    }
}

const fn page(path: &'static str, page: Page) -> Route {
    get(path, Target::Page(page))
}

pub const ROUTES: [Route; 18] = [
    get("api/v1/incidents", Target::Incidents),
    get("api/v1/incidents/{id}", Target::Incident),
    get("api/v1/incidents/{id}/log", Target::Log),
    get("api/v1/storms/{id}", Target::Storm),
    get("api/v1/repairs", Target::Repairs),
    get("api/v1/playbooks", Target::Playbooks),
    get("api/v1/stats", Target::Stats),
    get("api/v1/health", Target::Health),
    page("console", Page::Board),
    page("console/wall", Page::Wall),
    page("console/incidents/{id}", Page::Incident),
    get("console/incidents/{id}/charts/{number}", Target::Chart),
    page("console/storms/{id}", Page::Storm),
    page("console/history", Page::History),
    page("console/repairs", Page::Repairs),
    page("console/playbooks", Page::Playbooks),
    get("console/assets/{version}/{name}", Target::Asset),
    get("console/sign-in", Target::SignIn),
];

/// The operation of a request.
#[derive(Debug)]
pub(crate) struct Found<'a> {
    pub(crate) route: &'static Route,
    /// What stands in the place of the parts in braces.
    pub(crate) given: Vec<&'a str>,
}

impl Found<'_> {
    pub(crate) fn first(&self) -> &str {
        self.given.first().copied().unwrap_or_default()
    }

    pub(crate) fn second(&self) -> &str {
        self.given.get(1).copied().unwrap_or_default()
    }
}

/// Finds the operation of a request.
///
/// # Errors
/// If there is nothing at the path, or not with this method.
pub(crate) fn find<'a>(method: &Method, path: &'a str) -> Result<Found<'a>, Refusal> {
    let rest = path.trim_matches('/');
    let mut allowed = Vec::new();
    for route in &ROUTES {
        let Some(given) = fits(route.path, rest) else {
            continue;
        };
        if method.as_str() == route.method {
            return Ok(Found { route, given });
        }
        allowed.push(route.method);
    }
    if allowed.is_empty() {
        return Err(Refusal::NoRoute(path.to_owned()));
    }
    Err(Refusal::WrongMethod {
        path: path.to_owned(),
        allowed: allowed.join(", "),
    })
}

/// The values of the parts in braces; none if the path is another.
fn fits<'a>(template: &str, path: &'a str) -> Option<Vec<&'a str>> {
    let (mut parts, mut given) = (path.split('/'), Vec::new());
    for expected in template.split('/') {
        let part = parts.next()?;
        if expected.starts_with('{') {
            given.push(part);
        } else if expected != part {
            return None;
        }
    }
    parts.next().is_none().then_some(given)
}

#[cfg(test)]
mod tests {
    use lambda_http::http::Method;

    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::{Page, ROUTES, Target, find};

    #[test]
    fn the_document_has_the_routes_of_the_api() {
        let text = include_str!("../../../docs/openapi-console.yaml");
        let document: Value = serde_saphyr::from_str(text).expect("YAML");
        let paths = document["paths"].as_object().expect("paths");
        // Ingress takes the forms with which sessions begin and end.
        let described: BTreeSet<&str> = paths
            .keys()
            .filter(|path| !path.contains("/sessions"))
            .map(|path| path.trim_start_matches('/'))
            .collect();
        let api = ROUTES.iter().map(|route| route.path);
        assert_eq!(
            described,
            api.filter(|path| path.starts_with("api/")).collect()
        );
    }

    #[test]
    fn paths_and_methods_are_told_apart() {
        let found = |method, path| {
            let found = find(&method, path).map_err(|error| error.to_string())?;
            let given: Vec<String> = found.given.iter().map(|part| (*part).to_owned()).collect();
            Ok::<_, String>((found.route.to, given))
        };
        let id = |id: &str| vec![id.to_owned()];
        let get = Method::GET;
        assert_eq!(
            found(get.clone(), "/api/v1/incidents/a1"),
            Ok((Target::Incident, id("a1")))
        );
        assert_eq!(
            found(get.clone(), "/console/"),
            Ok((Target::Page(Page::Board), Vec::new()))
        );
        assert_eq!(
            found(get.clone(), "/console/incidents/a1/charts/0"),
            Ok((Target::Chart, vec!["a1".to_owned(), "0".to_owned()]))
        );
        assert_eq!(
            found(Method::PUT, "/console/sign-in"),
            Err("/console/sign-in takes GET only".to_owned())
        );
        for nothing in [
            "/",
            "/api/v1",
            "/console/x",
            "/console/incidents",
            "/incidents",
        ] {
            let said = format!("there is nothing at {nothing}");
            assert_eq!(found(get.clone(), nothing), Err(said));
        }
    }
}
