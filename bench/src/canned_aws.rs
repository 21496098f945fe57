//! AWS stand-in with canned answers, over TLS on loopback. It keeps no state and decides next to
//! nothing, so that the function is measured and not an emulator.

use std::collections::HashMap;
use std::io::{self, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose,
};
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value, json};

use crate::Failure;
use crate::http::{self, Request};
use crate::servers;

/// What the sender of the event shows, and what the function reads.
pub(crate) const SECRET: &str = "replace-with-the-alertmanager-secret";

/// What is in the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Table {
    /// An open episode: the alert joins it.
    Episode,
    /// Nothing: the alert opens an incident.
    Empty,
    /// An incident that is not analysed yet, and no other.
    Incident,
}

/// What a function asked for since [`CannedAws::expect`].
#[derive(Debug, Default, Clone)]
pub(crate) struct Asked {
    /// The operations, in order.
    pub(crate) operations: Vec<String>,
    /// Units of DynamoDB writes: one for each started kilobyte of an item, two in a transaction.
    pub(crate) write_units: u64,
}

#[derive(Debug)]
struct State {
    table: Table,
    /// The operations after which a connection is closed, each once. See [`CannedAws::expect`].
    closing: Vec<&'static str>,
    asked: Asked,
    /// The item that a read gives.
    item: Value,
    /// Secrets by their ids; every other one is [`SECRET`].
    secrets: HashMap<String, String>,
}

#[derive(Debug)]
pub(crate) struct CannedAws {
    /// `AWS_ENDPOINT_URL`.
    pub(crate) url: String,
    /// `AWS_CA_BUNDLE`.
    pub(crate) roots: PathBuf,
    state: Arc<Mutex<State>>,
}

impl CannedAws {
    /// Makes a root and a certificate of `localhost`, writes the root into `directory`, and starts listening.
    pub(crate) fn start(directory: &Path) -> Result<Self, Failure> {
        let (root, tls) = certificates()?;
        let roots = directory.join("root.pem");
        std::fs::write(&roots, root)?;
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let url = format!("https://localhost:{}", listener.local_addr()?.port());
        let (closing, asked, item, secrets) =
            (Vec::new(), Asked::default(), Value::Null, HashMap::new());
        let state = Arc::new(Mutex::new(State {
            table: Table::Episode,
            closing,
            asked,
            item,
            secrets,
        }));
        let (tls, shared) = (Arc::new(tls), Arc::clone(&state));
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let (tls, state) = (Arc::clone(&tls), Arc::clone(&shared));
                // A function that is stopped breaks its connections; nothing is to be done about that.
                thread::spawn(move || serve(connection, tls, &state));
            }
        });
        Ok(Self { url, roots, state })
    }

    /// Sets the scene for the function that is started next.
    ///
    /// The services of AWS have a host each, and this endpoint is one host for all of them. So the connection is closed once after
    /// each of the operations in `closing`: the function then makes as many TLS handshakes as it would with one host for each service.
    pub(crate) fn expect(&self, table: Table, closing: &[&'static str]) {
        let mut state = held(&self.state);
        (state.table, state.closing, state.asked) = (table, closing.to_vec(), Asked::default());
    }

    /// Puts in place what a read of [`Table::Incident`] gives.
    pub(crate) fn holds(&self, item: Value) {
        held(&self.state).item = item;
    }

    /// Puts a secret in place.
    pub(crate) fn keeps_secret(&self, id: &str, text: String) {
        held(&self.state).secrets.insert(id.to_owned(), text);
    }

    /// Changes what is in the table of the function that is running.
    pub(crate) fn show(&self, table: Table) {
        held(&self.state).table = table;
    }

    /// What was asked for so far; the count starts anew.
    pub(crate) fn asked(&self) -> Asked {
        std::mem::take(&mut held(&self.state).asked)
    }
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn certificates() -> Result<(String, ServerConfig), Failure> {
    let mut ca = CertificateParams::default();
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    ca.distinguished_name
        .push(DnType::CommonName, "Quell's bench, made for one run");
    let ca = CertifiedIssuer::self_signed(ca, KeyPair::generate()?)?;
    let key = KeyPair::generate()?;
    let mut leaf = CertificateParams::new(["localhost".to_owned()])?;
    leaf.use_authority_key_identifier_extension = true;
    let leaf = leaf.signed_by(&key, &ca)?;
    let key = PrivateKeyDer::try_from(key.serialize_der())?;
    let mut tls =
        ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![leaf.der().clone()], key)?;
    // Another host would not know the session of this one: every handshake is a whole one.
    tls.send_tls13_tickets = 0;
    tls.session_storage = Arc::new(rustls::server::NoServerSessionStorage {});
    Ok((ca.pem(), tls))
}

fn serve(connection: TcpStream, tls: Arc<ServerConfig>, state: &Mutex<State>) -> io::Result<()> {
    connection.set_nodelay(true)?;
    let session = ServerConnection::new(tls).map_err(io::Error::other)?;
    let mut stream = BufReader::new(StreamOwned::new(session, connection));
    while let Some(request) = http::read(&mut stream)? {
        let (status, body, close) = answer(&mut held(state), &request);
        let headers = [
            ("content-type", "application/x-amz-json-1.0"),
            ("connection", if close { "close" } else { "keep-alive" }),
        ];
        http::write(
            stream.get_mut(),
            status,
            &headers,
            body.to_string().as_bytes(),
        )?;
        if close {
            stream.get_mut().conn.send_close_notify();
            return stream.get_mut().flush();
        }
    }
    Ok(())
}

fn answer(state: &mut State, request: &Request) -> (&'static str, Value, bool) {
    if let Some(body) = servers::answer(&request.line) {
        state.asked.operations.push(
            request
                .line
                .split(['?', ' '])
                .nth(1)
                .unwrap_or_default()
                .to_owned(),
        );
        return ("200 OK", body, false);
    }
    let operation = request.target.rsplit('.').next().unwrap_or_default();
    let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    state.asked.operations.push(operation.to_owned());
    state.asked.write_units += write_units(operation, &body);
    let close = state
        .closing
        .iter()
        .position(|closing| *closing == operation)
        .map(|i| state.closing.remove(i))
        .is_some();
    let ok = |body| ("200 OK", body, close);
    match operation {
        "GetSecretValue" => {
            let text = body["SecretId"]
                .as_str()
                .and_then(|id| state.secrets.get(id))
                .map_or(SECRET, String::as_str);
            ok(
                json!({ "ARN": body["SecretId"], "Name": "bench", "VersionId": "1", "CreatedDate": 1_767_225_600, "SecretString": text }),
            )
        }
        "UpdateItem" if body["ReturnValues"] != "ALL_NEW" => ok(json!({})),
        "UpdateItem" if state.table == Table::Episode => ok(json!({ "Attributes": episode() })),
        "UpdateItem" => {
            let kind = "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException";
            (
                "400 Bad Request",
                json!({ "__type": kind, "message": "The conditional request failed" }),
                close,
            )
        }
        "TransactWriteItems" | "BatchWriteItem" => ok(json!({})),
        "GetItem" if state.table == Table::Incident => ok(json!({ "Item": state.item })),
        // The ledgers of the guardrails, which are empty.
        "BatchGetItem" => ok(json!({ "Responses": {}, "UnprocessedKeys": {} })),
        // The kill switch, which is off, and the try of a step.
        "GetItem" | "PutItem" => ok(json!({})),
        "Query" => ok(json!({ "Items": [], "Count": 0, "ScannedCount": 0 })),
        // The digest is that of an empty message: the SDKs that are measured do not look at it.
        "SendMessage" => ok(
            json!({ "MessageId": "7be5ed33-9c31-4c4f-ae40-9f3a2f3d1b55", "MD5OfMessageBody": "d41d8cd98f00b204e9800998ecf8427e" }),
        ),
        other => (
            "400 Bad Request",
            json!({ "__type": "UnknownOperationException", "message": format!("no answer is ready for {other}") }),
            close,
        ),
    }
}

/// One unit for each started kilobyte of an item; a transaction counts twice; an item with `open_shard` or `list_shard` is also
/// written to the index `open-incidents` or `incidents`, which hold keys only.
fn write_units(operation: &str, body: &Value) -> u64 {
    match operation {
        // The item is the canned episode, which is smaller than a kilobyte. A write whose condition fails costs the same.
        "UpdateItem" => 1,
        "TransactWriteItems" => {
            let puts = body["TransactItems"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|item| &item["Put"]["Item"]);
            puts.map(|item| {
                let indexes = ["open_shard", "list_shard"];
                let indexed = indexes.iter().filter(|name| item.get(name).is_some());
                2 * attributes_size(item).div_ceil(1024) + indexed.count() as u64
            })
            .sum()
        }
        _ => 0,
    }
}

/// The size of names and values as DynamoDB counts them
/// (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html>).
fn attributes_size(attributes: &Value) -> u64 {
    attributes
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, value)| name.len() as u64 + value_size(value))
        .sum()
}

fn value_size(value: &Value) -> u64 {
    let text = |value: &Value| value.as_str().map_or(1, |text| text.len() as u64);
    let typed = value
        .as_object()
        .into_iter()
        .flatten()
        .map(|(kind, value)| match kind.as_str() {
            "S" | "B" => text(value),
            "N" => text(value).div_ceil(2) + 1,
            "M" => 3 + attributes_size(value),
            "L" => {
                3 + value
                    .as_array()
                    .into_iter()
                    .flatten()
                    .map(value_size)
                    .sum::<u64>()
            }
            "SS" | "NS" | "BS" => value.as_array().into_iter().flatten().map(text).sum(),
            _ => 1,
        });
    typed.sum()
}

/// An open episode that has been seen before and is analysed. The count is far from a power of two, at which the notifier is told.
fn episode() -> Value {
    json!({
        "pk": { "S": "FP#0" },
        "sk": { "S": "EPISODE" },
        "incident_id": { "S": "01KB0000000000000000000000" },
        "open": { "BOOL": true },
        "members": { "M": { "8c3f1a6e9b2d4507": { "N": "1001793527200123" } } },
        "departed": { "M": {} },
        // Earlier builds write it always.
        "overflowed": { "BOOL": false },
        "latest_start": { "N": "0" },
        "hit_count": { "N": "42" },
        "first_seen": { "N": "1793527200500" },
        "last_seen": { "N": "1793527400500" },
        "window_end": { "N": "1793527700500" },
        "expires_at": { "N": "1794150000" },
        "severity": { "N": "1" },
        "flaps": { "N": "0" },
        "version": { "N": "44" },
        "advice": { "S": advice().to_string() },
    })
}

fn advice() -> Value {
    json!({ "approval_id": "approval-1", "risk_level": "medium", "suggested_action": "restart checkout-web" })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::write_units;

    #[test]
    fn a_transaction_counts_twice_and_each_index_once_more() {
        let put = |item| json!({ "Put": { "Item": item } });
        let small = json!({ "pk": { "S": "INC#1" }, "version": { "N": "17" }, "members": { "M": { "m": { "N": "1" } } } });
        let indexed = json!({ "pk": { "S": "INC#1" }, "open_shard": { "S": "OPEN#1" }, "list_shard": { "S": "ALL#1" } });
        let large = json!({ "pk": { "S": "x".repeat(1023) } });
        assert_eq!(write_units("UpdateItem", &json!({})), 1);
        assert_eq!(
            write_units(
                "TransactWriteItems",
                &json!({ "TransactItems": [put(small), put(indexed), put(large)] })
            ),
            2 + 4 + 4
        );
    }
}
