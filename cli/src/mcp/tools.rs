//! The tools of the server: each reads, and none decides. Arguments are checked before anything is asked, so that they can name nothing but
//! what a tool is for.

use domain::primitives::id::IncidentId;
use domain::primitives::safe_text::line;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use wire::command_line;

use super::catalogue::TEXT_CHARACTERS;
use crate::api::Api;
use crate::api::lists::Query;
use crate::exit::Failure;

/// How many incidents one answer lists, and how many of the similar ones are read whole.
const LISTED: u64 = 20;
const COMPARED: usize = 5;
/// How many entries of a log one answer has.
const ENTRIES: usize = 100;
/// How much of a mistake is repeated.
const MISTAKE_CHARACTERS: usize = 300;

/// Why there is no answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NoAnswer {
    /// There is no such tool.
    Unknown,
    /// The arguments are wrong, or the API refuses.
    Wrong(String),
}

impl From<Failure> for NoAnswer {
    fn from(failure: Failure) -> Self {
        Self::Wrong(line(&failure.to_string(), MISTAKE_CHARACTERS))
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Search {
    text: Option<String>,
    open: Option<bool>,
    status: Option<String>,
    severity: Option<String>,
    service: Option<String>,
    namespace: Option<String>,
    team: Option<String>,
    from: Option<String>,
    to: Option<String>,
    cursor: Option<IncidentId>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct About {
    id: IncidentId,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct LogOf {
    id: IncidentId,
    #[serde(default)]
    after: u64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Proposal {
    id: IncidentId,
    playbook: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

/// Calls a tool.
///
/// # Errors
/// If there is none of this name, if its arguments are wrong, or if the API refuses.
pub(super) async fn call(
    api: &Api,
    tool: &str,
    arguments: Map<String, Value>,
) -> Result<Value, NoAnswer> {
    match tool {
        "search_incidents" => search(api, &read(arguments)?).await,
        "get_incident" => {
            let About { id } = read(arguments)?;
            Ok(incident(api, &id).await?)
        }
        "get_log" => log(api, &read(arguments)?).await,
        "similar_incidents" => {
            let About { id } = read(arguments)?;
            similar(api, &id).await
        }
        "list_playbooks" => {
            let Nothing {} = read(arguments)?;
            Ok(api.get("playbooks", &[]).await?)
        }
        "propose_playbook" => propose(api, &read(arguments)?).await,
        _ => Err(NoAnswer::Unknown),
    }
}

fn read<T: DeserializeOwned>(arguments: Map<String, Value>) -> Result<T, NoAnswer> {
    let read = serde_path_to_error::deserialize(Value::Object(arguments));
    read.map_err(|error| NoAnswer::Wrong(line(&error.to_string(), MISTAKE_CHARACTERS)))
}

async fn search(api: &Api, asked: &Search) -> Result<Value, NoAnswer> {
    let texts = [
        ("text", &asked.text),
        ("status", &asked.status),
        ("severity", &asked.severity),
        ("service", &asked.service),
        ("namespace", &asked.namespace),
        ("team", &asked.team),
        ("from", &asked.from),
        ("to", &asked.to),
    ];
    let mut query: Query = vec![("limit", LISTED.to_string())];
    for (name, value) in texts {
        let Some(value) = value else { continue };
        if value.chars().count() > TEXT_CHARACTERS {
            let most = format!("{name}: has to be {TEXT_CHARACTERS} characters or fewer");
            return Err(NoAnswer::Wrong(most));
        }
        query.push((name, value.clone()));
    }
    query.extend(asked.open.map(|open| ("open", open.to_string())));
    let cursor = asked.cursor.as_ref();
    query.extend(cursor.map(|cursor| ("cursor", cursor.to_string())));
    Ok(api.get("incidents", &query).await?)
}

async fn incident(api: &Api, id: &IncidentId) -> Result<Value, Failure> {
    api.get(&format!("incidents/{id}"), &[]).await
}

async fn log(api: &Api, asked: &LogOf) -> Result<Value, NoAnswer> {
    let path = format!("incidents/{}/log", asked.id);
    let mut part = api
        .get(&path, &[("after", asked.after.to_string())])
        .await?;
    if let Some(entries) = part["entries"].as_array_mut()
        && entries.len() > ENTRIES
    {
        entries.truncate(ENTRIES);
        let last = entries.last().map(|entry| entry["sequence"].clone());
        part["next"] = last.unwrap_or_default();
    }
    Ok(part)
}

/// Earlier incidents with the alert's name; those about the same subject first, a few of them with how they went.
async fn similar(api: &Api, id: &IncidentId) -> Result<Value, NoAnswer> {
    let this = incident(api, id).await?;
    let name = this["name"].as_str().unwrap_or_default();
    let text: String = name.chars().take(TEXT_CHARACTERS).collect();
    let query = [("text", text), ("limit", LISTED.to_string())];
    let mut found = api.get("incidents", &query).await?;
    let Value::Array(mut found) = found["incidents"].take() else {
        return Ok(json!({ "incident": id, "similar": [] }));
    };
    found.retain(|one| one.is_object() && one["id"] != this["id"] && one["name"] == this["name"]);
    found.sort_by_key(|one| one["target"] != this["target"]);
    let mut similar = Vec::new();
    for (at, mut one) in found.into_iter().enumerate() {
        let known = one["id"]
            .as_str()
            .and_then(|id| IncidentId::try_from(id).ok());
        if let Some(known) = known.filter(|_| at < COMPARED) {
            let whole = incident(api, &known).await?;
            for (field, place) in [
                ("root_cause", "/analysis/root_cause"),
                ("playbook", "/plan/playbook"),
                ("repair_outcome", "/repair/outcome"),
                ("cause_is_right", "/response/cause_is_right"),
                ("closed", "/response/closed"),
            ] {
                one[field] = whole.pointer(place).cloned().unwrap_or_default();
            }
            one["same_fingerprint"] = json!(whole["fingerprint"] == this["fingerprint"]);
        }
        similar.push(one);
    }
    Ok(json!({ "incident": id, "similar": similar }))
}

async fn propose(api: &Api, asked: &Proposal) -> Result<Value, NoAnswer> {
    let playbooks = api.get("playbooks", &[]).await?;
    let listed = playbooks["playbooks"].as_array();
    let listed = listed.and_then(|all| all.iter().find(|one| one["id"] == asked.playbook));
    let Some(playbook) = listed else {
        return Err(NoAnswer::Wrong(
            "no playbook of this deployment has that id: list_playbooks has all of them".to_owned(),
        ));
    };
    let this = incident(api, &asked.id).await?;
    let plan = &this["plan"];
    let planned = plan["playbook"] == asked.playbook;
    let says = if planned {
        "Quell has made this plan for the incident. A person decides on the page, or in a chat."
    } else {
        "Quell has made no plan with this playbook for the incident, so there is nothing to approve. A person can look at it with the command \
         in `preview`, which only reads, and do it by hand."
    };
    let target = plan["target"].as_str().or(this["service"].as_str());
    let preview = target.map(|target| {
        // A target comes from an alert: it is quoted as people and shells read it.
        let words = [
            "quell",
            "run",
            "--dry-run",
            "--playbook",
            &asked.playbook,
            "--target",
            target,
        ];
        command_line::shown(&words.map(str::to_owned))
    });
    Ok(json!({
        "incident": asked.id, "playbook": playbook, "planned": planned, "says": says,
        "plan": if planned { plan.clone() } else { Value::Null },
        "no_plan_because": this["no_plan_because"], "guardrails": if planned { this["guardrails"].clone() } else { json!([]) },
        "approval_state": this["approval"]["state"],
        "preview": if planned { None } else { preview },
        "decided": false, "page": api.page_of(asked.id.as_str()),
    }))
}
