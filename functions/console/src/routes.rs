//! Routes of the console. The OpenAPI document (docs/openapi-console.yaml) describes those of the API; a test compares them.

use lambda_http::http::Method;
use wire::route::{self, Found, NotFound, Route};

use crate::refusal::Refusal;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    Incidents,
    Incident,
    Log,
    Storm,
    Repairs,
    Playbooks,
    Stats,
    Quality,
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
    Quality,
    Health,
}

impl Target {
    /// True if a person in a browser reads the answer, also where it is a refusal.
    pub(crate) fn is_page(self) -> bool {
        matches!(self, Self::Page(_) | Self::SignIn)
    }
}

const fn get(path: &'static str, to: Target) -> Route<Target> {
    Route {
        method: "GET",
        path,
        to,
    }
}

const fn page(path: &'static str, page: Page) -> Route<Target> {
    get(path, Target::Page(page))
}

const ROUTES: [Route<Target>; 21] = [
    get("api/v1/incidents", Target::Incidents),
    get("api/v1/incidents/{id}", Target::Incident),
    get("api/v1/incidents/{id}/log", Target::Log),
    get("api/v1/storms/{id}", Target::Storm),
    get("api/v1/repairs", Target::Repairs),
    get("api/v1/playbooks", Target::Playbooks),
    get("api/v1/stats", Target::Stats),
    get("api/v1/quality", Target::Quality),
    get("api/v1/health", Target::Health),
    page("console", Page::Board),
    page("console/wall", Page::Wall),
    page("console/incidents/{id}", Page::Incident),
    get("console/incidents/{id}/charts/{number}", Target::Chart),
    page("console/storms/{id}", Page::Storm),
    page("console/history", Page::History),
    page("console/repairs", Page::Repairs),
    page("console/playbooks", Page::Playbooks),
    page("console/quality", Page::Quality),
    page("console/health", Page::Health),
    get("console/assets/{version}/{name}", Target::Asset),
    get("console/sign-in", Target::SignIn),
];

/// Finds the operation of a request.
///
/// # Errors
/// If there is nothing at the path, or not with this method.
pub(crate) fn find<'a>(method: &Method, path: &'a str) -> Result<Found<'a, Target>, Refusal> {
    let found = route::find(&ROUTES, method.as_str(), path.trim_matches('/'));
    found.map_err(|refused| match refused {
        NotFound::NoRoute => Refusal::NoRoute(path.to_owned()),
        NotFound::WrongMethod { allowed } => Refusal::WrongMethod {
            path: path.to_owned(),
            allowed,
        },
    })
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
            let values = [found.value(0).to_owned(), found.value(1).to_owned()];
            Ok::<_, String>((found.route.to, values))
        };
        let id = |id: &str| [id.to_owned(), String::new()];
        let get = Method::GET;
        assert_eq!(
            found(get.clone(), "/api/v1/incidents/a1"),
            Ok((Target::Incident, id("a1")))
        );
        assert_eq!(
            found(get.clone(), "/console/"),
            Ok((Target::Page(Page::Board), id("")))
        );
        assert_eq!(
            found(get.clone(), "/console/incidents/a1/charts/0"),
            Ok((Target::Chart, ["a1".to_owned(), "0".to_owned()]))
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
