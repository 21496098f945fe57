//! Endpoint URLs of AWS services. The SDKs read a table of all partitions and regions for this and
//! compile patterns from it, which would slow down a cold start.

/// The partitions that have a domain of their own, by the beginning of their regions' names
/// (<https://docs.aws.amazon.com/general/latest/gr/rande.html>, and `partitions.json` of the AWS SDKs). No region begins like two.
const DOMAINS: [(&str, &str); 6] = [
    ("cn-", "amazonaws.com.cn"),
    ("eusc-", "amazonaws.eu"),
    ("us-iso-", "c2s.ic.gov"),
    ("us-isob-", "sc2s.sgov.gov"),
    ("eu-isoe-", "cloud.adc-e.uk"),
    ("us-isof-", "csp.hci.ic.gov"),
];

/// The URL of a service in a region. An unknown region belongs to the commercial partition, as in
/// the SDKs.
pub(super) fn url(service: &str, region: &str) -> String {
    let domain = DOMAINS
        .iter()
        .find(|(beginning, _)| region.starts_with(beginning))
        .map_or("amazonaws.com", |(_, domain)| domain);
    format!("https://{service}.{region}.{domain}")
}

#[cfg(all(test, feature = "secrets-sdk"))]
mod tests {
    use super::url;

    /// One region of each partition, and two that are not there yet.
    const REGIONS: [&str; 13] = [
        "us-east-1",
        "eu-central-1",
        "ap-southeast-7",
        "mx-central-1",
        "cn-north-1",
        "eusc-de-east-1",
        "us-iso-east-1",
        "us-isob-east-1",
        "eu-isoe-west-1",
        "us-isof-south-1",
        "us-gov-west-1",
        "us-north-9",
        "mars-1",
    ];

    /// The URL that the SDK of a service would take.
    macro_rules! of_the_sdk {
        ($sdk:ident, $region:expr) => {{
            use $sdk::config::endpoint::{DefaultResolver, Params, ResolveEndpoint as _};
            let params = Params::builder().region($region).build().expect("a region");
            DefaultResolver::new()
                .resolve_endpoint(&params)
                .await
                .expect("an endpoint")
                .url()
                .to_owned()
        }};
    }

    #[tokio::test]
    async fn the_sdks_would_go_to_the_same_hosts() {
        for region in REGIONS {
            assert_eq!(
                url("dynamodb", region),
                of_the_sdk!(aws_sdk_dynamodb, region)
            );
            assert_eq!(
                url("secretsmanager", region),
                of_the_sdk!(aws_sdk_secretsmanager, region)
            );
        }
    }
}
