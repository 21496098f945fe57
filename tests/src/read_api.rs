//! The read API as a person's tool asks it, with answers as docs/openapi-console.yaml has them.

use jsonschema::Draft;
use lambda_http::{Body, Request, http};
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::stack::{Stack, project};

/// The API, with the document that describes it.
#[derive(Debug)]
pub struct ReadApi<'a> {
    stack: &'a Stack,
    document: Value,
}

impl<'a> ReadApi<'a> {
    /// That of a stack.
    ///
    /// # Panics
    /// If the document cannot be read.
    #[must_use]
    pub fn of(stack: &'a Stack) -> Self {
        let file = project().join("docs/openapi-console.yaml");
        let text = std::fs::read_to_string(file).expect("the document");
        let document = serde_saphyr::from_str(&text).expect("YAML");
        Self { stack, document }
    }

    /// The answer to Ada's request, who has this tag already.
    ///
    /// # Panics
    /// If there is none.
    pub async fn answer(&self, path: &str, tag: Option<&str>) -> reqwest::Response {
        let request = self
            .stack
            .http
            .get(self.stack.url(path))
            .bearer_auth(&self.stack.facts.tokens["ada"]);
        let request = match tag {
            Some(tag) => request.header("if-none-match", tag),
            None => request,
        };
        request.send().await.expect("an answer")
    }

    /// The answer, which has to be as the document describes this operation.
    ///
    /// # Panics
    /// If it is not.
    pub async fn reads(&self, template: &str, path: &str) -> Value {
        let answer = self.answer(path, None).await;
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
        let body: Value = answer.json().await.expect("JSON");
        self.fits(template, &body);
        body
    }

    /// Compares an answer with what the document says of its operation.
    ///
    /// # Panics
    /// If it is another.
    pub fn fits(&self, template: &str, body: &Value) {
        let operation = &self.document["paths"][format!("/api/v1/{template}")]["get"];
        let schema = &operation["responses"]["200"]["content"]["application/json"]["schema"];
        let alone = json!({ "components": self.document["components"], "allOf": [schema] });
        let validator = jsonschema::options()
            .with_draft(Draft::Draft202012)
            .build(&alone)
            .expect("a schema");
        let faults: Vec<String> = validator
            .iter_errors(body)
            .map(|fault| fault.to_string())
            .collect();
        assert!(faults.is_empty(), "{template}: {faults:#?} in {body:#}");
    }

    /// Ada's request to a console in this process; the path is from the stack's root on.
    ///
    /// # Panics
    /// Never: it is built here.
    #[must_use]
    pub fn request(&self, path: &str, language: &str) -> Request {
        let token = &self.stack.facts.tokens["ada"];
        http::Request::get(format!("https://api.test/{path}"))
            .header("authorization", format!("Bearer {token}"))
            .header("accept-language", language)
            .body(Body::Empty)
            .expect("a request")
    }
}
