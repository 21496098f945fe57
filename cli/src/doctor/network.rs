//! Networks of functions in a VPC: whether each subnet leads to the services and servers that its function calls.
//!
//! A function in a VPC has no public address: only a NAT gateway, or an endpoint for each service, leads out
//! (<https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc-internet.html>).

use std::collections::BTreeMap;

use aws::Chain;
use aws::signed::{Service, SignedClient};
use roxmltree::Document;

use crate::doctor::finding::{Finding, or_ok};
use crate::doctor::functions::{Function, Vpc};
use crate::doctor::xml::{all, items, query, text};

const CHECK: &str = "network";
pub(crate) const EC2: Service = Service::query("ec2");
const VERSION: &str = "2016-11-15";

/// Where packets to the internet go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum WayOut {
    Nowhere,
    /// An internet gateway, which wants a public address.
    InternetGateway,
    /// A NAT gateway, an instance, a transit gateway: something that can lead out.
    Through(String),
}

/// A route table, as far as it decides where a function gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RouteTable {
    pub(crate) is_main: bool,
    pub(crate) subnets: Vec<String>,
    pub(crate) way_out: WayOut,
}

/// A VPC with functions in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Network {
    pub(crate) tables: Vec<RouteTable>,
    /// The services that have an endpoint there, such as `sqs`.
    pub(crate) endpoints: Vec<String>,
}

/// The services that each function calls.
fn services(role: &str) -> &'static [&'static str] {
    match role {
        "Analyzer" => &["dynamodb", "sqs", "secretsmanager"],
        "Notifier" => &["dynamodb", "sqs", "secretsmanager"],
        "Repair" => &["dynamodb", "sqs", "secretsmanager", "lambda"],
        "Bridge" => &["dynamodb", "secretsmanager", "sts", "ssm"],
        _ => &[],
    }
}

pub(crate) async fn examine(client: &SignedClient, functions: &[Function]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut known: BTreeMap<&str, Network> = BTreeMap::new();
    for function in functions {
        let Some(vpc) = &function.vpc else { continue };
        if !known.contains_key(vpc.id.as_str()) {
            match read(client, &vpc.id).await {
                Ok(network) => drop(known.insert(&vpc.id, network)),
                Err(finding) => {
                    findings.push(finding);
                    continue;
                }
            }
        }
        if let Some(network) = known.get(vpc.id.as_str()) {
            findings.extend(judge(function, vpc, network));
        }
    }
    let inside = functions.iter().filter(|one| one.vpc.is_some()).count();
    let text = match inside {
        0 => "no function is in a VPC".to_owned(),
        count => format!("{count} functions in VPCs reach what they call"),
    };
    or_ok(findings, CHECK, text)
}

async fn read(client: &SignedClient, vpc: &str) -> Result<Network, Finding> {
    let filter = [("Filter.1.Name", "vpc-id"), ("Filter.1.Value.1", vpc)];
    let ask = |action| {
        let fields = [("Action", action), ("Version", VERSION)];
        [fields, filter].concat()
    };
    let unanswered = |action: &str, error| {
        let permission = format!("ec2:{action}");
        Finding::unanswered(CHECK, &permission, &Chain(&error).to_string())
    };
    let tables = query(client, &ask("DescribeRouteTables"), route_tables).await;
    let tables = tables.map_err(|error| unanswered("DescribeRouteTables", error))?;
    let endpoints = query(client, &ask("DescribeVpcEndpoints"), endpoints).await;
    let endpoints = endpoints.map_err(|error| unanswered("DescribeVpcEndpoints", error))?;
    Ok(Network { tables, endpoints })
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RouteTable.html>
pub(crate) fn route_tables(document: &Document<'_>) -> Vec<RouteTable> {
    let set = all(document.root(), "routeTableSet").next();
    let tables = set.into_iter().flat_map(|set| set.children());
    let tables = tables.filter(|node| node.is_element());
    tables
        .map(|table| {
            let associations = || items(table, "associationSet");
            let subnets = associations().filter_map(|one| text(one, "subnetId"));
            let default = items(table, "routeSet").find(|route| {
                text(*route, "destinationCidrBlock") == Some("0.0.0.0/0")
                    && text(*route, "state") != Some("blackhole")
            });
            let way_out = default.map_or(WayOut::Nowhere, |route| {
                let through = [
                    "natGatewayId",
                    "gatewayId",
                    "transitGatewayId",
                    "instanceId",
                    "networkInterfaceId",
                ];
                match through.into_iter().find_map(|name| text(route, name)) {
                    Some(gateway) if gateway.starts_with("igw-") => WayOut::InternetGateway,
                    Some(other) => WayOut::Through(other.to_owned()),
                    None => WayOut::Nowhere,
                }
            });
            RouteTable {
                is_main: associations().any(|one| text(one, "main") == Some("true")),
                subnets: subnets.map(str::to_owned).collect(),
                way_out,
            }
        })
        .collect()
}

fn endpoints(document: &Document<'_>) -> Vec<String> {
    let set = all(document.root(), "vpcEndpointSet").next();
    let there = set.into_iter().flat_map(|set| set.children());
    there
        .filter(|node| {
            text(*node, "state").is_none_or(|state| state.eq_ignore_ascii_case("available"))
        })
        .filter_map(|node| text(node, "serviceName")?.rsplit('.').next())
        .map(str::to_owned)
        .collect()
}

pub(crate) fn judge(function: &Function, vpc: &Vpc, network: &Network) -> Vec<Finding> {
    let name = &function.name;
    let missing: Vec<&str> = services(function.role)
        .iter()
        .copied()
        .filter(|service| !network.endpoints.iter().any(|there| there == service))
        .collect();
    let nat = "route 0.0.0.0/0 of its subnets to a NAT gateway";
    let mut findings = Vec::new();
    for subnet in &vpc.subnets {
        let own = network
            .tables
            .iter()
            .find(|table| table.subnets.contains(subnet));
        let table = own.or_else(|| network.tables.iter().find(|table| table.is_main));
        let way_out = table.map_or(&WayOut::Nowhere, |table| &table.way_out);
        let why = match way_out {
            WayOut::Through(_) => continue,
            WayOut::InternetGateway => {
                "its way out is an internet gateway, and functions have no public address"
            }
            WayOut::Nowhere => "it has no way out",
        };
        if missing.is_empty() {
            // The bridge needs AWS and hosts of the VPC; the others talk to chats and models as well.
            if function.role != "Bridge" {
                findings.push(Finding::warning(
                    CHECK,
                    format!(
                        "{name} reaches AWS from {subnet} by endpoints, and nothing else: {why}"
                    ),
                    format!("{nat}, if it talks to a chat, a model or a server outside"),
                ));
            }
            continue;
        }
        findings.push(Finding::fault(
            CHECK,
            format!(
                "{name} does not reach {} from {subnet}: {why}",
                missing.join(", ")
            ),
            format!("{nat}, or make VPC endpoints for: {}", missing.join(", ")),
        ));
    }
    findings
}
