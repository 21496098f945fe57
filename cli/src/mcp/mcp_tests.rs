//! Tests of the server with clients that speak the protocol by hand, and an API that keeps what it is asked.

use std::time::Duration;

use domain::primitives::id::IncidentId;
use fastrand::Rng;
use loopback::{Reply, Server, answer};
use serde_json::{Value, json};
use tokio::io::{
    AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, DuplexStream, ReadHalf, WriteHalf,
};
use tokio::time::timeout;

use super::catalogue::TOOLS;
use super::serve;
use crate::api::Api;

const ID: &str = "01M8A90ZRTN0096VT64NKT1WDQ";
const REPAIRED: &str = "01M8A91580F560Z3W56RBNWNVF";
/// How long a reply may take.
const REPLY_WITHIN: Duration = Duration::from_secs(20);

/// A client of the server, and the API behind it.
struct Client {
    input: WriteHalf<DuplexStream>,
    output: BufReader<ReadHalf<DuplexStream>>,
    api: Server,
    sent: u64,
}

fn api() -> Server {
    Server::start(|request, _| -> Reply {
        let path = request.path.split('?').next().unwrap_or_default();
        let body = match path.trim_start_matches("/api/v1/") {
            "incidents" => include_str!("../../tests/api/incidents.json"),
            "playbooks" => include_str!("../../tests/api/playbooks.json"),
            path if path.ends_with(REPAIRED) => include_str!("../../tests/api/repaired.json"),
            path if path.ends_with("/log") => include_str!("../../tests/api/log.json"),
            path if path.starts_with("incidents/") => include_str!("../../tests/api/incident.json"),
            _ => return answer(404, &[], "{\"detail\":\"there is nothing here\"}"),
        };
        answer(200, &[], body)
    })
}

impl Client {
    async fn start() -> Self {
        let api = api();
        let (ours, theirs) = tokio::io::duplex(1 << 20);
        let (read, write) = tokio::io::split(theirs);
        let served = Api::new(&api.url, "quell_x".into()).expect("a client");
        tokio::spawn(async move { serve(served, read, write).await.map(drop) });
        let (output, input) = tokio::io::split(ours);
        let mut client = Self {
            input,
            output: BufReader::new(output),
            api,
            sent: 0,
        };
        let params = json!({
            "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": { "name": "test", "version": "1" },
        });
        let hello = client.asks("initialize", params).await;
        assert_eq!(hello["result"]["serverInfo"]["name"], "quell", "{hello}");
        client
            .sends(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }))
            .await;
        client
    }

    async fn sends(&mut self, message: &Value) {
        let line = format!("{message}\n");
        self.input
            .write_all(line.as_bytes())
            .await
            .expect("written");
    }

    /// Asks, and gives the next reply.
    async fn asks(&mut self, method: &str, params: Value) -> Value {
        self.sent += 1;
        let message =
            json!({ "jsonrpc": "2.0", "id": self.sent, "method": method, "params": params });
        self.sends(&message).await;
        let mut line = String::new();
        let read = timeout(REPLY_WITHIN, self.output.read_line(&mut line)).await;
        read.unwrap_or_else(|_| panic!("no reply to {message}"))
            .expect("a line");
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
    }

    async fn calls(&mut self, tool: &str, arguments: Value) -> Value {
        self.asks(
            "tools/call",
            json!({ "name": tool, "arguments": arguments }),
        )
        .await
    }
}

/// True for what the tools may read.
fn is_allowed(path: &str) -> bool {
    let path = path.split('?').next().unwrap_or_default();
    let Some(path) = path.strip_prefix("/api/v1/") else {
        return false;
    };
    let parts: Vec<&str> = path.split('/').collect();
    match parts[..] {
        ["incidents" | "playbooks"] => true,
        ["incidents", id] | ["incidents", id, "log"] => IncidentId::try_from(id).is_ok(),
        _ => false,
    }
}

/// Something that a hostile client would try in the place of an argument.
fn anything(random: &mut Rng) -> Value {
    match random.u8(..16) {
        0 => Value::Null,
        1 => json!(random.bool()),
        2 => json!(random.i64(..)),
        3 => json!([ID, "approve"]),
        4 => json!({ "id": ID, "$ref": "../approvals" }),
        5 => json!(format!("../approvals/{ID}-7145e68b0d603515/approve")),
        6 => json!(format!("{ID}/respond")),
        7 => json!(format!("{ID}/../../approvals/{ID}/approve?x=")),
        8 => json!(format!("{ID}%2f..%2f..%2fapprovals")),
        9 => json!("x".repeat(random.usize(..5_000))),
        10 => json!("a\r\nPOST /api/v1/kill-switch HTTP/1.1\r\n\r\n"),
        11 => json!("&status=open#?\u{0}\u{202e}"),
        12 => json!("restart-supervisor-program"),
        13 => json!("http://169.254.169.254/latest/meta-data"),
        14 => json!(1e300),
        _ => json!(ID),
    }
}

fn arguments(random: &mut Rng) -> Value {
    const NAMES: [&str; 18] = [
        "id",
        "id",
        "id",
        "text",
        "open",
        "status",
        "severity",
        "service",
        "from",
        "cursor",
        "limit",
        "after",
        "playbook",
        "playbook",
        "method",
        "url",
        "approve",
        "__proto__",
    ];
    if random.u8(..12) == 0 {
        return anything(random);
    }
    let names = (0..random.usize(..4)).map(|_| NAMES[random.usize(..NAMES.len())]);
    let names: Vec<&str> = names.collect();
    let fields = names
        .into_iter()
        .map(|name| (name.to_owned(), anything(random)));
    Value::Object(fields.collect())
}

fn tool(random: &mut Rng) -> String {
    const NONE: [&str; 9] = [
        "approve",
        "reject",
        "stop",
        "respond",
        "run",
        "get_incident/../approve",
        "",
        "tools/call",
        "propose_playbook\u{0}",
    ];
    match random.u8(..4) {
        0 => NONE[random.usize(..NONE.len())].to_owned(),
        _ => TOOLS[random.usize(..TOOLS.len())].name.to_owned(),
    }
}

#[tokio::test]
async fn a_thousand_hostile_calls_read_and_do_nothing_else() {
    let mut client = Client::start().await;
    let mut random = Rng::with_seed(18);
    let mut answered = 0;
    for _ in 0..1_000 {
        let (tool, arguments) = (tool(&mut random), arguments(&mut random));
        let reply = client.calls(&tool, arguments).await;
        answered += u32::from(reply["result"]["isError"] == false);
    }
    let asked = client.api.requests();
    assert!(
        answered > 50 && asked.len() > 50,
        "{answered} of {}",
        asked.len()
    );
    for request in &asked {
        assert!(
            request.method == "GET" && is_allowed(&request.path) && request.body.is_empty(),
            "{} {}",
            request.method,
            request.path
        );
        assert_eq!(request.header("authorization"), "Bearer quell_x");
    }
    let reply = client.calls("get_incident", json!({ "id": ID })).await;
    assert_eq!(
        reply["result"]["structuredContent"]["id"], ID,
        "it still serves"
    );
}

#[tokio::test]
async fn the_tools_only_read_and_say_so() {
    let mut client = Client::start().await;
    let reply = client.asks("tools/list", json!({})).await;
    let tools = reply["result"]["tools"].as_array().expect("tools").clone();
    let names: Vec<&str> = tools
        .iter()
        .filter_map(|tool| tool["name"].as_str())
        .collect();
    assert_eq!(
        names,
        [
            "search_incidents",
            "get_incident",
            "get_log",
            "similar_incidents",
            "list_playbooks",
            "propose_playbook"
        ]
    );
    for tool in &tools {
        assert_eq!(tool["annotations"]["readOnlyHint"], true, "{tool}");
        assert_eq!(tool["inputSchema"]["additionalProperties"], false, "{tool}");
    }
    for method in ["prompts/get", "resources/read", "logging/setLevel"] {
        let reply = client
            .asks(
                method,
                json!({ "name": "x", "uri": "file:///etc/passwd", "level": "debug" }),
            )
            .await;
        assert!(reply.get("error").is_some(), "{method}: {reply}");
    }
    assert!(client.api.requests().is_empty());
}

#[tokio::test]
async fn a_proposal_names_the_page_and_decides_nothing() {
    let mut client = Client::start().await;
    let asked = json!({ "id": ID, "playbook": "restart-supervisor-program" });
    let reply = client.calls("propose_playbook", asked).await;
    let said = &reply["result"]["structuredContent"];
    let page = format!("{}/console/incidents/{ID}", client.api.url);
    assert_eq!(
        (&said["planned"], &said["decided"], &said["page"]),
        (&json!(true), &json!(false), &json!(page)),
        "{reply}"
    );
    assert_eq!(
        said["plan"]["parts"][0]["steps"][0]["command"],
        "supervisorctl restart checkout-web"
    );
    let reply = client
        .calls("propose_playbook", json!({ "id": ID, "playbook": "rm-rf" }))
        .await;
    assert_eq!(reply["result"]["isError"], true, "{reply}");
    let text = reply["result"]["content"][0]["text"]
        .as_str()
        .expect("a text");
    assert!(text.contains("list_playbooks"), "{text}");
}

#[tokio::test]
async fn what_is_alike_is_compared() {
    let mut client = Client::start().await;
    let reply = client
        .calls("similar_incidents", json!({ "id": REPAIRED }))
        .await;
    let similar = reply["result"]["structuredContent"]["similar"]
        .as_array()
        .expect("some");
    let [one] = &similar[..] else {
        panic!("not the one with the same alert: {reply}")
    };
    assert_eq!(
        (&one["id"], &one["playbook"], &one["same_fingerprint"]),
        (
            &json!(ID),
            &json!("restart-supervisor-program"),
            &json!(true)
        )
    );
    let reply = client
        .calls("get_log", json!({ "id": ID, "after": 2 }))
        .await;
    assert_eq!(
        reply["result"]["structuredContent"]["incident_id"], ID,
        "{reply}"
    );
    let last = client.api.requests().pop().expect("one");
    assert_eq!(last.path, format!("/api/v1/incidents/{ID}/log?after=2"));
}
