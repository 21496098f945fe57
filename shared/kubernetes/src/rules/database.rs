//! Rules on databases, from logs of clients and events of servers: connections, read-only mode, credentials, address.

use crate::cause::Cause;
use crate::finding::{Finding, ObjectRef, Support};
use crate::model::address::service_name;
use crate::model::cluster::Cluster;
use crate::model::database::{Product, Told, Words, product, servers, told};
use crate::rules::Rule;

pub(crate) const RULES: &[Rule] = &[
    Rule {
        causes: &[Cause::DatabaseConnections],
        look: |cluster| at_server(cluster, Cause::DatabaseConnections, NO_CONNECTION_LEFT),
    },
    Rule {
        causes: &[Cause::DatabaseReadOnly],
        look: |cluster| at_server(cluster, Cause::DatabaseReadOnly, READ_ONLY),
    },
    Rule {
        causes: &[Cause::DatabaseCredentials],
        look: credentials,
    },
    Rule {
        causes: &[Cause::DatabasePort, Cause::DatabaseAddress],
        look: wrong_address,
    },
];

/// MySQL's error 1040 (<https://dev.mysql.com/doc/refman/8.4/en/too-many-connections.html>), PostgreSQL's `max_connections`
/// (<https://www.postgresql.org/docs/current/runtime-config-connection.html>) and Redis' `maxclients`
/// (<https://redis.io/docs/latest/develop/reference/clients/#maximum-concurrent-connected-clients>).
const NO_CONNECTION_LEFT: Words = &[
    ("Too many connections", Product::Mysql),
    ("sorry, too many clients already", Product::Postgres),
    ("remaining connection slots are reserved", Product::Postgres),
    ("max number of clients reached", Product::Redis),
];

/// MySQL's error 1290 (<https://dev.mysql.com/doc/refman/8.4/en/server-system-variables.html#sysvar_read_only>), a PostgreSQL standby
/// (<https://www.postgresql.org/docs/current/hot-standby.html>) and a Redis replica
/// (<https://redis.io/docs/latest/operate/oss_and_stack/management/replication/#read-only-replica>).
const READ_ONLY: Words = &[
    ("read-only option so it cannot execute", Product::Mysql),
    ("in a read-only transaction", Product::Postgres),
    (
        "READONLY You can't write against a read only replica",
        Product::Redis,
    ),
];

/// MySQL's error 1045 (<https://dev.mysql.com/doc/refman/8.4/en/error-access-denied.html>), PostgreSQL's client authentication
/// (<https://www.postgresql.org/docs/current/client-authentication-problems.html>) and Redis' `AUTH`
/// (<https://redis.io/docs/latest/commands/auth/>).
const LOGIN_REFUSED: Words = &[
    ("Access denied for user", Product::Mysql),
    ("password authentication failed for user", Product::Postgres),
    ("WRONGPASS", Product::Redis),
    ("NOAUTH Authentication required", Product::Redis),
];

/// Nothing listens where the client connects: MySQL's clients
/// (<https://dev.mysql.com/doc/refman/8.4/en/can-not-connect-to-server.html>) and PostgreSQL's
/// (<https://www.postgresql.org/docs/current/server-start.html#CLIENT-CONNECTION-PROBLEMS>).
const CONNECTION_REFUSED: Words = &[
    ("Communications link failure", Product::Mysql),
    ("Can't connect to MySQL server", Product::Mysql),
    ("connection to server at", Product::Postgres),
    ("could not connect to server", Product::Postgres),
];

/// A server that refuses what its clients want: told by an event of its own pods, or by a client's log that leads to it.
fn at_server(cluster: &Cluster<'_>, cause: Cause, words: Words) -> Vec<Finding> {
    let events = cluster
        .events(&["Unhealthy", "Failed", "BackOff"])
        .filter(|event| product(words, &event.message).is_some())
        .map(|event| {
            let source = format!("event {} of {}", event.reason, event.object);
            let server = cluster.workload_of(&event.object);
            Finding::new(server, cause, Support::Stated).seen(source, &event.message)
        });
    let logs = cluster.snapshot.logs.iter().flat_map(|log| {
        let said = log
            .lines
            .iter()
            .find_map(|line| Some((product(words, line)?, line)));
        let client = cluster.workload_of(&log.object);
        said.into_iter().flat_map(move |(product, line)| {
            let servers = servers(cluster, &client, product).into_iter();
            servers.map(move |server| {
                Finding::new(server, cause, Support::Logged)
                    .seen(format!("log of {}", log.object), line)
            })
        })
    });
    events.chain(logs).collect()
}

/// A client that does not come up because its database refuses its user or password. What a server writes about such attempts is not
/// read: it does not say whose they are.
fn credentials(cluster: &Cluster<'_>) -> Vec<Finding> {
    broken_clients(cluster, LOGIN_REFUSED)
        .into_iter()
        .map(|client| {
            Finding::new(client.workload, Cause::DatabaseCredentials, Support::Logged)
                .seen(client.source, client.line)
        })
        .collect()
}

/// A client that does not come up because nothing answers where it looks for its database: its Service has another port, or there is
/// no Service of that name.
fn wrong_address(cluster: &Cluster<'_>) -> Vec<Finding> {
    broken_clients(cluster, CONNECTION_REFUSED)
        .into_iter()
        .filter_map(|client| {
            let (cause, setting) = told(cluster, &client.workload)
                .iter()
                .find_map(|told| misled(cluster, &client.workload, told))?;
            Some(
                Finding::new(client.workload, cause, Support::Compared)
                    .seen(client.source, client.line)
                    .seen("settings", setting),
            )
        })
        .collect()
}

fn misled(cluster: &Cluster<'_>, client: &ObjectRef, told: &Told) -> Option<(Cause, String)> {
    let from = client.namespace.as_str();
    let Some(service) = told.service(cluster, from) else {
        let (name, namespace) = service_name(&told.host, from)?;
        return cluster.is_absent("Service", namespace, name).then(|| {
            (
                Cause::DatabaseAddress,
                format!("{}={}", told.key, told.host),
            )
        });
    };
    let port: i64 = told.port.as_ref()?.parse().ok()?;
    let offered = service.ports();
    offered.iter().all(|one| one.number != port).then(|| {
        let numbers: Vec<_> = offered.iter().map(|one| one.number.to_string()).collect();
        let of = service.0.reference();
        let setting = format!("{}:{port}, {of} has {}", told.host, numbers.join(", "));
        (Cause::DatabasePort, setting)
    })
}

/// A workload that is broken, with the line of its own log that says why.
struct Client<'a> {
    workload: ObjectRef,
    source: String,
    line: &'a str,
}

fn broken_clients<'a>(cluster: &Cluster<'a>, words: Words) -> Vec<Client<'a>> {
    cluster
        .workloads()
        .map(|workload| workload.reference())
        .filter(|workload| cluster.is_broken(workload))
        .filter_map(|workload| {
            let (log, line) = cluster.logs_of(&workload).find_map(|log| {
                let mut lines = log.lines.iter();
                Some((log, lines.find(|line| product(words, line).is_some())?))
            })?;
            Some(Client {
                source: format!("log of {}", log.object),
                line,
                workload,
            })
        })
        .collect()
}
