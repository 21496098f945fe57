//! Origin of a request that changes something: browsers name it in every POST, and no page can change what they say.

use http::HeaderMap;
use http::header::{HOST, ORIGIN};

use crate::header::single;

/// True if a page of the host that was asked made the request
/// (<https://cheatsheetseries.owasp.org/cheatsheets/Cross-Site_Request_Forgery_Prevention_Cheat_Sheet.html>). Without `Origin` it
/// is not known, and false.
pub fn is_same_origin(headers: &HeaderMap) -> bool {
    let text = |name: &str| single(headers, name).ok().flatten();
    let site = text("sec-fetch-site");
    if site.is_some_and(|site| site != "same-origin") {
        return false;
    }
    let asked = text(HOST.as_str()).filter(|host| !host.is_empty());
    let from = text(ORIGIN.as_str()).and_then(|origin| origin.split_once("://"));
    asked.is_some() && from.map(|(_, host)| host) == asked
}

#[cfg(test)]
mod tests {
    use http::header::{HOST, HeaderName, ORIGIN};
    use http::{HeaderMap, HeaderValue};

    use super::is_same_origin;

    fn asked(headers: &[(HeaderName, &'static str)]) -> bool {
        let headers = headers
            .iter()
            .map(|(name, value)| (name.clone(), HeaderValue::from_static(value)));
        is_same_origin(&HeaderMap::from_iter(headers))
    }

    #[test]
    fn only_the_pages_of_the_asked_host_are_same_origin() {
        let host = (HOST, "quell.example:8443");
        let site = |value| (HeaderName::from_static("sec-fetch-site"), value);
        let own = (ORIGIN, "https://quell.example:8443");
        assert!(asked(&[host.clone(), own.clone()]));
        assert!(asked(&[host.clone(), own.clone(), site("same-origin")]));
        for other in [
            vec![host.clone()],
            vec![own.clone()],
            vec![host.clone(), (ORIGIN, "null")],
            vec![host.clone(), (ORIGIN, "https://evil.example")],
            vec![host.clone(), (ORIGIN, "https://quell.example")],
            vec![
                host.clone(),
                (ORIGIN, "https://quell.example:8443.evil.example"),
            ],
            vec![host.clone(), own.clone(), site("cross-site")],
            vec![host, own, site("same-site")],
            vec![(HOST, ""), (ORIGIN, "https://")],
        ] {
            assert!(!asked(&other), "{other:?}");
        }
    }
}
