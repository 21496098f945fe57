//! Compares `docs/openapi.yaml` with the running stack: every route is described, every described
//! answer is given, and no other. `make lint` checks that the document is OpenAPI 3.1.

mod document;
mod traffic;
mod traffic_of_alerts;
mod traffic_of_people;
mod traffic_recorder;

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::alert::AlertType;
use ingress::routes::ROUTES;
use jiff::Timestamp;
use serde_json::{Value, json};
use tests::stack::{Stack, project};

use self::document::{Described, Document, Operation};
use self::traffic::{Call, ended};
use self::traffic_recorder::TrafficRecorder;

/// Problems that are not provoked here. Time runs out only under a storm, which has stories of its own.
const ELSEWHERE: [&str; 1] = ["urn:quell:problem:out-of-time"];

#[test]
fn the_routes_of_the_document_are_those_of_ingress() {
    let document = Document::read();
    assert_eq!(document.root["info"]["version"], env!("CARGO_PKG_VERSION"));
    let described: BTreeSet<(String, String)> = document
        .operations()
        .into_iter()
        .map(|operation| (operation.method.to_string(), operation.path))
        .collect();
    // Sessions of the console stand in openapi-console.yaml, which has the story `console`.
    let routed = ROUTES
        .iter()
        .filter(|route| !route.path.starts_with("sessions"))
        .map(|route| (route.method.to_owned(), format!("/api/v1/{}", route.path)))
        .collect();
    assert_eq!(described, routed);
    let types = &document.root["components"]["schemas"]["AlertType"]["enum"];
    assert_eq!(*types, json!(AlertType::ALL));
}

#[test]
fn every_example_fits_its_schema() {
    let document = Document::read();
    let mut compared = 0;
    examples(&document, &document.root, &mut |schema, example| {
        let faults = document.faults(schema, example);
        assert!(faults.is_empty(), "{faults:#?} in {example:#}");
        compared += 1;
    });
    // Every operation has one in each direction, and every response of the components.
    assert!(compared > 30, "only {compared} examples were found");
}

/// Gives every example in a part of the document to `found`, with its schema.
fn examples(document: &Document, part: &Value, found: &mut impl FnMut(&Value, &Value)) {
    if let Some(schema) = part.get("schema") {
        let named = part["examples"]
            .as_object()
            .into_iter()
            .flat_map(|examples| examples.values());
        let named = named.map(|example| &document.resolved(example)["value"]);
        named
            .chain(part.get("example"))
            .for_each(|example| found(schema, example));
    }
    match part {
        Value::Array(items) => items
            .iter()
            .for_each(|item| examples(document, item, found)),
        Value::Object(fields) => fields
            .values()
            .for_each(|field| examples(document, field, found)),
        _ => {}
    }
}

#[test]
fn the_events_are_requests_that_the_document_describes() {
    let document = Document::read();
    let mut shown = BTreeSet::new();
    for entry in std::fs::read_dir(project().join("events")).expect("the events") {
        let file = entry.expect("an entry").path();
        let name = file
            .file_stem()
            .and_then(|name| name.to_str())
            .expect("a name")
            .to_owned();
        let event: Value =
            serde_json::from_str(&std::fs::read_to_string(&file).expect("the event"))
                .expect("JSON");
        let Some(path) = event["rawPath"].as_str() else {
            continue;
        };
        let fits = |operation: &Operation| {
            let parts = |path: &str| path.split('/').map(ToOwned::to_owned).collect::<Vec<_>>();
            let (template, given) = (parts(&operation.path), parts(path));
            let same = template
                .iter()
                .zip(&given)
                .all(|(part, given)| part == "{id}" || part == given);
            operation.method
                == *event["requestContext"]["http"]["method"]
                    .as_str()
                    .expect("a method")
                && template.len() == given.len()
                && same
        };
        let operation = document
            .operations()
            .into_iter()
            .find(fits)
            .unwrap_or_else(|| panic!("{name}: {path} is not described"));
        let text = body_of(&event, &operation);
        let Some(schema) = operation.body() else {
            let described = text.is_empty() || operation.takes_form();
            assert!(described, "{name}: no body is described");
            continue;
        };
        let body: Value = serde_json::from_str(&text).expect("JSON");
        let faults = document.faults(schema, &body);
        assert!(faults.is_empty(), "{name}: {faults:#?}");
        if let Some(example) = operation.examples().get(&name) {
            assert_eq!(
                example["value"], body,
                "the example {name} is the event of that name"
            );
            shown.insert(operation.id);
        }
    }
    for id in ["alertmanager", "alerts", "grafana", "telegram", "pagerduty"] {
        assert!(shown.contains(id), "{id} has no event as an example");
    }
}

/// The body of an event, as text; of a form, the JSON in it. API Gateway encodes what is neither text nor JSON.
fn body_of(event: &Value, operation: &Operation) -> String {
    let body = event["body"].as_str().expect("a body").to_owned();
    let text = if event["isBase64Encoded"] == true {
        String::from_utf8(STANDARD.decode(body).expect("base64")).expect("text")
    } else {
        body
    };
    if !operation.is_form() {
        return text;
    }
    let mut fields = form_urlencoded::parse(text.as_bytes());
    fields
        .find(|(name, _)| name == "payload")
        .expect("a payload")
        .1
        .into_owned()
}

#[tokio::test]
async fn bodies_are_taken_and_refused_as_their_schemas_say() {
    let stack = Stack::start();
    let app = stack.ingress(&[]);
    let document = Document::read();
    let as_read = document.as_read();
    let (mut taken, mut refused) = (0, 0);
    for operation in document.operations() {
        let Some(schema) = as_read
            .operation(&operation.id)
            .body()
            .map(|schema| as_read.validator(schema))
        else {
            continue;
        };
        for (name, example) in operation.examples() {
            for body in variants(&ended(&example["value"])) {
                let call = Call::of(&document, &stack, &operation, body.to_string());
                let answer = call.in_process(&app, Timestamp::now()).await;
                // One odd alert of several is refused by itself.
                let odd = answer.body["results"]
                    .as_array()
                    .is_some_and(|results| results.iter().any(|of| of["outcome"] == "refused"));
                let accepted = answer.status != 400 && !odd;
                assert!(
                    !accepted || got_through(&document, &operation, answer.status),
                    "{name}: {body}: {answer:?}"
                );
                assert_eq!(
                    accepted,
                    schema.is_valid(&body),
                    "{} ({name}): {body}: {}",
                    operation.id,
                    answer.body
                );
                if accepted { taken += 1 } else { refused += 1 }
            }
        }
    }
    assert!(
        taken > 100 && refused > 100,
        "{taken} taken, {refused} refused"
    );
}

/// True for the status of a request whose sender was let in and whose body was read. A channel and an
/// approval are looked for only then, and the examples name an approval that is not there.
fn got_through(document: &Document, operation: &Operation, status: u16) -> bool {
    status == 200 || [403, 404].contains(&status) && document.response(operation, status).is_some()
}

/// A body, and every body that differs from it in one place: by having nothing there, or one of these.
fn variants(body: &Value) -> Vec<Value> {
    let mut others = vec![
        json!(null),
        json!(true),
        json!(7),
        json!(-1),
        json!(1.5),
        json!([]),
        json!({}),
    ];
    let texts = [
        "",
        " ",
        " text\n",
        "te\u{0}xt",
        &"é".repeat(64),
        &"é".repeat(65),
    ];
    others.extend(texts.map(Value::from));
    let mut all = vec![body.clone()];
    for place in places(body) {
        for other in &others {
            let mut variant = body.clone();
            variant
                .pointer_mut(&place)
                .expect("it is there")
                .clone_from(other);
            all.push(variant);
        }
        let (parent, name) = place.rsplit_once('/').unwrap_or_default();
        let mut variant = body.clone();
        if let Some(fields) = variant.pointer_mut(parent).and_then(Value::as_object_mut)
            && fields.remove(name).is_some()
        {
            all.push(variant);
        }
    }
    all
}

/// The JSON pointers of everything in a value, itself included. No name in the examples needs escaping.
fn places(value: &Value) -> Vec<String> {
    let children: Vec<(String, &Value)> = match value {
        Value::Array(items) => items
            .iter()
            .enumerate()
            .map(|(i, item)| (i.to_string(), item))
            .collect(),
        Value::Object(fields) => fields
            .iter()
            .map(|(name, field)| (name.clone(), field))
            .collect(),
        _ => Vec::new(),
    };
    let below = children.into_iter().flat_map(|(name, child)| {
        places(child)
            .into_iter()
            .map(move |place| format!("/{name}{place}"))
    });
    std::iter::once(String::new()).chain(below).collect()
}

#[tokio::test]
async fn every_way_in_is_one_and_nothing_less() {
    let stack = Stack::start();
    let document = Document::read();
    let mut used = BTreeSet::new();
    for operation in document.operations() {
        let body = operation
            .example()
            .map(|example| ended(&example).to_string())
            .unwrap_or_default();
        for way in operation.ways_in() {
            let whole = Call::by_way(&document, &stack, &operation, &way, body.clone());
            let status = whole.over_http(&stack).await.status;
            assert!(
                got_through(&document, &operation, status),
                "{} by {way:?}: {status}",
                operation.id
            );
            for header in whole.credentials.keys() {
                let mut less = whole.clone();
                less.credentials.remove(header);
                assert_eq!(
                    less.over_http(&stack).await.status,
                    401,
                    "{} by {way:?} without {header}",
                    operation.id
                );
            }
            used.extend(way);
        }
    }
    let described = document.root["components"]["securitySchemes"]
        .as_object()
        .expect("schemes")
        .keys()
        .cloned()
        .collect();
    assert_eq!(used, described, "every scheme is used");
}

#[tokio::test]
async fn every_answer_is_described_and_each_described_one_is_given() {
    let stack = Stack::start();
    let document = Document::read();
    let mut recorder = TrafficRecorder::new(&stack, &document);
    for operation in document.operations() {
        recorder.in_common(&operation).await;
    }
    recorder.deliveries().await;
    recorder.single_alerts().await;
    recorder.presses().await;
    recorder.links().await;
    recorder.decisions().await;
    recorder.responses().await;
    recorder.kill_switch().await;
    recorder.nothing_there().await;

    let described = document.described();
    assert_eq!(
        recorder.seen.difference(&described).collect::<Vec<_>>(),
        Vec::<&Described>::new(),
        "seen and not described"
    );
    let unseen: Vec<&Described> = described.difference(&recorder.seen).collect();
    let unexplained: Vec<_> = unseen
        .iter()
        .filter(|(.., problem)| {
            !problem
                .as_deref()
                .is_some_and(|problem| ELSEWHERE.contains(&problem))
        })
        .collect();
    assert!(
        unexplained.is_empty(),
        "described and never seen: {unexplained:#?}"
    );
    let outcomes: BTreeSet<String> =
        serde_json::from_value(document.root["components"]["schemas"]["AlertAnswerFields"]["properties"]["outcome"]["enum"].clone())
            .expect("the outcomes");
    assert_eq!(recorder.outcomes, outcomes, "every outcome is given");
}
