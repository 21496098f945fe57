//! The tools as clients list them: what each is for, and the JSON Schema of its arguments.

use serde_json::{Map, Value, json};

/// How long a text may be that is looked for: as the API takes it.
pub(super) const TEXT_CHARACTERS: usize = 200;

/// A tool.
#[derive(Debug)]
pub(super) struct Tool {
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    /// The name, type, pattern and meaning of each argument; the first `required` of them have to be there.
    arguments: &'static [(&'static str, Kind, &'static str)],
    required: usize,
}

/// What an argument has to be.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Text,
    Incident,
    Number,
    Flag,
}

const ID: (&str, Kind, &str) = ("id", Kind::Incident, "The incident's id");

pub(super) const TOOLS: [Tool; 6] = [
    Tool {
        name: "search_incidents",
        about: "Lists incidents, newest first: all of them, or those that fit. `next` is the cursor of the next page.",
        arguments: &[
            (
                "text",
                Kind::Text,
                "A part of the id, name, subject, message, a label, the cause or the playbook",
            ),
            (
                "open",
                Kind::Flag,
                "True for those that are open, false for the others",
            ),
            (
                "status",
                Kind::Text,
                "One or several with commas, such as awaiting_approval,needs_human",
            ),
            (
                "severity",
                Kind::Text,
                "One or several with commas, from P0 to P3",
            ),
            (
                "service",
                Kind::Text,
                "The target of the plan, or what the alert is about",
            ),
            ("namespace", Kind::Text, "The namespace"),
            (
                "team",
                Kind::Text,
                "A team that a route of channels.json names",
            ),
            (
                "from",
                Kind::Text,
                "Opened at this time (RFC 3339) or later, or on this day",
            ),
            ("to", Kind::Text, "Opened at this time or earlier"),
            ("cursor", Kind::Incident, "`next` of the answer before"),
        ],
        required: 0,
    },
    Tool {
        name: "get_incident",
        about: "One incident with all that is known: alert, evidence, finding, plan with every argument, guardrails, decision, repair.",
        arguments: &[ID],
        required: 1,
    },
    Tool {
        name: "get_log",
        about: "The operation log of an incident, 100 entries at a time, with their hashes; `next` is the number to go on behind.",
        arguments: &[
            ID,
            (
                "after",
                Kind::Number,
                "The number of the entry to begin behind",
            ),
        ],
        required: 1,
    },
    Tool {
        name: "similar_incidents",
        about: "Earlier incidents of the same alert, those about the same subject first, with their causes and how their repairs ended.",
        arguments: &[ID],
        required: 1,
    },
    Tool {
        name: "list_playbooks",
        about: "The playbooks of the deployment: what each is for, its parameters, and how its runs ended.",
        arguments: &[],
        required: 0,
    },
    Tool {
        name: "propose_playbook",
        about: "Checks that a playbook is listed and what Quell says of it for an incident, and names the page where a person decides. It decides nothing and runs nothing.",
        arguments: &[
            ID,
            (
                "playbook",
                Kind::Text,
                "The playbook's id, as list_playbooks has it",
            ),
        ],
        required: 2,
    },
];

impl Tool {
    /// The JSON Schema of its arguments.
    pub(super) fn schema(&self) -> Map<String, Value> {
        let properties = self.arguments.iter().map(|(name, kind, about)| {
            let mut schema = match kind {
                Kind::Text => json!({ "type": "string", "maxLength": TEXT_CHARACTERS }),
                Kind::Incident => {
                    json!({ "type": "string", "pattern": "^[0-9A-HJKMNP-TV-Z]{26}$" })
                }
                Kind::Number => json!({ "type": "integer", "minimum": 0 }),
                Kind::Flag => json!({ "type": "boolean" }),
            };
            schema["description"] = json!(about);
            ((*name).to_owned(), schema)
        });
        let properties: Map<String, Value> = properties.collect();
        let required = self.arguments[..self.required].iter();
        let required: Vec<&str> = required.map(|(name, ..)| *name).collect();
        let schema = [
            ("type", json!("object")),
            ("properties", Value::Object(properties)),
            ("required", json!(required)),
            ("additionalProperties", json!(false)),
        ];
        schema
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect()
    }
}
