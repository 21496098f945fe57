//! The identity provider: whether it answers as the issuer that the stack has, with keys that Quell takes. It signs in as no one.

use domain::notification::person_token::Right;
use domain::notification::sign_in::SignIn;
use reqwest::Client;
use signin::jwks::Keys;
use signin::provider::{Metadata, ProviderError, discover, read_keys};

use crate::doctor::finding::Finding;
use crate::doctor::stack::Deployed;

const CHECK: &str = "sign-in";

/// Asks the provider, if the stack has one.
pub(crate) async fn examine(http: &Client, stack: &Deployed, sign_in: &SignIn) -> Vec<Finding> {
    let issuer = stack.parameter("OidcIssuer");
    if issuer.is_empty() {
        return Vec::new();
    }
    let answered = match discover(http, issuer).await {
        Ok(metadata) => read_keys(http, &metadata)
            .await
            .map(|keys| (metadata, keys)),
        Err(error) => Err(error),
    };
    let mut findings = vec![judge(issuer, answered)];
    findings.extend(judge_file(sign_in));
    findings.push(of_redirect(stack.output("OidcRedirectUri")));
    findings
}

/// Whether the provider is the one that is configured, and can be used.
pub(crate) fn judge(issuer: &str, answered: Result<(Metadata, Keys), ProviderError>) -> Finding {
    match answered {
        Ok((_, keys)) if keys.has_any() => {
            Finding::ok(CHECK, format!("{issuer} answers, as itself"))
        }
        Ok((metadata, _)) => Finding::fault(
            CHECK,
            format!(
                "{} has no key for RS256, ES256 or EdDSA: no ID token is accepted",
                metadata.jwks_uri
            ),
            "have the provider sign the ID tokens of this client with one of them",
        ),
        Err(error @ ProviderError::OtherIssuer { .. }) => Finding::fault(
            CHECK,
            error.to_string(),
            "deploy with OidcIssuer exactly as the provider's discovery document has it, to the slash at its end",
        ),
        Err(error) => Finding::fault(
            CHECK,
            error.to_string(),
            "check OidcIssuer, and that the provider can be reached from the internet: Lambda asks it from outside of your network",
        ),
    }
}

/// Whether the file lets people in.
pub(crate) fn judge_file(sign_in: &SignIn) -> Option<Finding> {
    let mut groups = sign_in.groups.values();
    let may_look = groups.any(|group| group.may.contains(&Right::Look));
    let missing = match (may_look, sign_in.people.is_empty()) {
        (false, _) => "no group of sign-in.json may look",
        (true, true) => "sign-in.json has no people",
        (true, false) => return None,
    };
    let text = format!("{missing}: signing in at the identity provider is refused to everyone");
    let mend = "add groups and people to sign-in.json, and deploy";
    Some(Finding::fault(CHECK, text, mend))
}

/// What no provider tells to others.
fn of_redirect(uri: &str) -> Finding {
    let text = format!("whether {uri} is registered at the identity provider cannot be checked");
    Finding::unknown(
        CHECK,
        text,
        "look there: the redirect URI of the client has to be exactly this",
    )
}

#[cfg(test)]
mod tests {
    use domain::notification::sign_in::SignIn;
    use loopback::{Server, answer};
    use serde_json::json;

    use super::{examine, judge_file};
    use crate::doctor::finding::Verdict;
    use crate::doctor::stack::Deployed;

    fn file(text: serde_json::Value) -> SignIn {
        serde_json::from_value(text).expect("the shape of sign-in.json")
    }

    fn good_file() -> SignIn {
        file(json!({ "groups": { "sre": { "may": ["look"] } }, "people": { "1": "ada" } }))
    }

    async fn verdict(
        keys: serde_json::Value,
        issuer: impl Fn(&str) -> String,
    ) -> (Verdict, String) {
        let server = Server::start(move |request, _| {
            let own = format!("http://{}", request.header("host"));
            let body = match request.path.as_str() {
                "/keys" => json!({ "keys": keys }),
                _ => json!({
                    "issuer": own, "authorization_endpoint": format!("{own}/a"), "token_endpoint": format!("{own}/t"), "jwks_uri": format!("{own}/keys"),
                }),
            };
            answer(200, &[], body.to_string())
        });
        let parameters = [("OidcIssuer".to_owned(), issuer(&server.url))];
        let stack = Deployed {
            parameters: parameters.into(),
            ..Deployed::default()
        };
        let http = outbound::client().expect("a client");
        let mut findings = examine(&http, &stack, &good_file()).await;
        assert_eq!(findings.len(), 2, "{findings:?}");
        assert_eq!(findings[1].verdict, Verdict::Unknown);
        let first = findings.swap_remove(0);
        (first.verdict, first.text)
    }

    #[tokio::test]
    async fn a_provider_that_cannot_be_used_is_a_fault() {
        let key = json!([{ "kty": "OKP", "crv": "Ed25519", "x": "" }]);
        let own = |url: &str| url.to_owned();
        assert_eq!(verdict(key.clone(), own).await.0, Verdict::Ok);
        let (found, text) = verdict(json!([{ "kty": "oct" }]), own).await;
        assert!(found == Verdict::Fault && text.contains("no key"), "{text}");
        let slash = |url: &str| format!("{url}/");
        let (found, text) = verdict(key.clone(), slash).await;
        assert!(
            found == Verdict::Fault && text.contains("says that its issuer is"),
            "{text}"
        );
        let away = |_: &str| format!("http://{}", loopback::closed());
        let (found, text) = verdict(key, away).await;
        assert!(
            found == Verdict::Fault && text.contains("does not answer"),
            "{text}"
        );
    }

    #[tokio::test]
    async fn a_stack_without_a_provider_is_not_looked_at() {
        let http = outbound::client().expect("a client");
        let found = examine(&http, &Deployed::default(), &SignIn::default()).await;
        assert!(found.is_empty(), "{found:?}");
    }

    #[test]
    fn a_file_that_lets_no_one_in_is_a_fault() {
        assert_eq!(judge_file(&good_file()), None);
        for empty in [
            json!({}),
            json!({ "groups": { "sre": { "may": ["look"] } } }),
            json!({ "groups": { "sre": { "may": ["decide"] } }, "people": { "1": "ada" } }),
        ] {
            let found = judge_file(&file(empty.clone()));
            assert!(
                found.is_some_and(|one| one.verdict == Verdict::Fault),
                "{empty}"
            );
        }
    }
}
