//! Subnets without a way out, and how route tables are read.

use roxmltree::Document;

use super::named::names;
use crate::doctor::finding::Verdict;
use crate::doctor::functions::{Function, Vpc};
use crate::doctor::network::{self, Network, RouteTable, WayOut};

pub(super) fn subnets_without_a_way_out() -> Vec<String> {
    let mut broken = Vec::new();
    let vpc = Vpc {
        id: "vpc-1".into(),
        subnets: vec!["subnet-1".into()],
    };
    let bridge = Function {
        role: "Bridge",
        name: "quell-Bridge".into(),
        ..Function::default()
    };
    let notifier = Function {
        role: "Notifier",
        name: "quell-Notifier".into(),
        ..Function::default()
    };
    let network = |way_out: WayOut, endpoints: &[&str]| Network {
        tables: vec![RouteTable {
            is_main: true,
            subnets: Vec::new(),
            way_out,
        }],
        endpoints: endpoints.iter().map(ToString::to_string).collect(),
    };
    let nat = network(WayOut::Through("nat-1".into()), &[]);
    assert_eq!(network::judge(&bridge, &vpc, &nat), []);
    let public = network::judge(&bridge, &vpc, &network(WayOut::InternetGateway, &[]));
    names(
        &mut broken,
        "a public subnet without addresses",
        &public,
        Verdict::Fault,
        &[
            "quell-Bridge does not reach dynamodb",
            "no public address",
            "NAT gateway",
        ],
    );
    let some = network::judge(
        &bridge,
        &vpc,
        &network(WayOut::Nowhere, &["dynamodb", "secretsmanager"]),
    );
    names(
        &mut broken,
        "a subnet without endpoints",
        &some,
        Verdict::Fault,
        &[
            "does not reach sts, ssm from subnet-1",
            "endpoints for: sts, ssm",
        ],
    );
    let every = ["dynamodb", "secretsmanager", "sts", "ssm", "sqs"];
    assert_eq!(
        network::judge(&bridge, &vpc, &network(WayOut::Nowhere, &every)),
        []
    );
    let closed = network::judge(&notifier, &vpc, &network(WayOut::Nowhere, &every));
    names(
        &mut broken,
        "a notifier without a way out",
        &closed,
        Verdict::Warning,
        &["reaches AWS", "and nothing else", "chat"],
    );
    broken
}

/// The shape of <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeRouteTables.html>.
#[test]
fn route_tables_are_read_as_ec2_writes_them() {
    let text = r#"<DescribeRouteTablesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><routeTableSet>
        <item><routeTableId>rtb-1</routeTableId>
            <routeSet><item><destinationCidrBlock>10.0.0.0/16</destinationCidrBlock><gatewayId>local</gatewayId><state>active</state></item>
                <item><destinationCidrBlock>0.0.0.0/0</destinationCidrBlock><natGatewayId>nat-1</natGatewayId><state>active</state></item></routeSet>
            <associationSet><item><main>false</main><subnetId>subnet-1</subnetId></item></associationSet></item>
        <item><routeTableId>rtb-2</routeTableId>
            <routeSet><item><destinationCidrBlock>0.0.0.0/0</destinationCidrBlock><gatewayId>igw-1</gatewayId><state>active</state></item></routeSet>
            <associationSet><item><main>true</main></item></associationSet></item>
        <item><routeTableId>rtb-3</routeTableId>
            <routeSet><item><destinationCidrBlock>0.0.0.0/0</destinationCidrBlock><natGatewayId>nat-2</natGatewayId><state>blackhole</state></item></routeSet>
            <associationSet/></item>
        </routeTableSet></DescribeRouteTablesResponse>"#;
    let document = Document::parse(text).expect("XML");
    let table = |is_main, subnets: &[&str], way_out| RouteTable {
        is_main,
        subnets: subnets.iter().map(ToString::to_string).collect(),
        way_out,
    };
    assert_eq!(
        network::route_tables(&document),
        [
            table(false, &["subnet-1"], WayOut::Through("nat-1".into())),
            table(true, &[], WayOut::InternetGateway),
            table(false, &[], WayOut::Nowhere),
        ]
    );
}
