//! Public IP addresses, and a client that connects only to these: an operator's URL must not lead
//! into their own network.

use std::error::Error;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use domain::phrase;
use domain::primitives::phrase::Phrase;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{Client, Method, RequestBuilder, Url};
use thiserror::Error;

use super::{NoClient, builder, reason};

/// What is not reachable from everywhere, or was never given to anybody
/// (<https://www.iana.org/assignments/iana-ipv4-special-registry/>, <https://www.iana.org/assignments/multicast-addresses/>).
const NOT_PUBLIC_V4: [(Ipv4Addr, u32); 16] = [
    // This network (RFC 791), of which 0.0.0.0 is this host.
    (Ipv4Addr::new(0, 0, 0, 0), 8),
    // Private use (RFC 1918).
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    // Shared address space behind carriers' translators (RFC 6598).
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    // Loopback (RFC 1122).
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    // Link-local (RFC 3927): the metadata of cloud machines and of containers.
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    // IETF protocol assignments (RFC 6890).
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    // Documentation (RFC 5737).
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    // 6to4 relays, deprecated (RFC 7526).
    (Ipv4Addr::new(192, 88, 99, 0), 24),
    // Benchmarking (RFC 2544).
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    // Multicast (RFC 5771).
    (Ipv4Addr::new(224, 0, 0, 0), 4),
    // Reserved (RFC 1112), with the limited broadcast at its end.
    (Ipv4Addr::new(240, 0, 0, 0), 4),
    (Ipv4Addr::new(255, 255, 255, 255), 32),
];

/// What is not reachable from everywhere within 2000::/3, which is all that has been given out
/// (<https://www.iana.org/assignments/iana-ipv6-special-registry/>, <https://www.iana.org/assignments/ipv6-address-space/>).
const NOT_PUBLIC_V6: [(Ipv6Addr, u32); 4] = [
    // IETF protocol assignments (RFC 2928), with Teredo, benchmarking and ORCHID.
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
    // Documentation (RFC 3849, RFC 9637).
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20),
    // 6to4 (RFC 3056), in which any IPv4 address can hide.
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16),
];

/// Why nothing was sent: the address is for one network only.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{}", self.phrase())]
pub struct NotPublic {
    /// The host of the URL.
    pub host: String,
}

impl NotPublic {
    /// The same for people.
    pub fn phrase(&self) -> Phrase {
        phrase!(
            "{host} is no public address: a server in a network of your own needs `\"private\": true`",
            host = self.host
        )
    }
}

/// True for a public address.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => match inner(address) {
            Some(address) => is_public_v4(address),
            None => {
                in_v6(address, (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3))
                    && !NOT_PUBLIC_V6.iter().any(|range| in_v6(address, *range))
            }
        },
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    !NOT_PUBLIC_V4
        .iter()
        .any(|(start, bits)| (u32::from(address) ^ u32::from(*start)).leading_zeros() >= *bits)
}

fn in_v6(address: Ipv6Addr, (start, bits): (Ipv6Addr, u32)) -> bool {
    (u128::from(address) ^ u128::from(start)).leading_zeros() >= bits
}

/// The IPv4 address that a mapped address (RFC 4291) or one of NAT64's well-known prefix (RFC 6052)
/// represents.
fn inner(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let [a, b, c, d] = address.octets()[12..] else {
        return None;
    };
    let nat64 = in_v6(address, (Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0), 96));
    address
        .to_ipv4_mapped()
        .or(nat64.then_some(Ipv4Addr::new(a, b, c, d)))
}

/// A client that sends to public addresses only. It goes through no proxy and follows no redirect, so that the address that was
/// looked at is the one that is connected to.
#[derive(Debug, Clone)]
pub struct PublicClient(Client);

impl PublicClient {
    /// Builds it.
    ///
    /// # Errors
    /// If the system's certificates cannot be read.
    pub fn new() -> Result<Self, NoClient> {
        let client = builder().no_proxy().dns_resolver(PublicNames).build();
        client.map(Self).map_err(|error| NoClient(reason(error)))
    }

    /// Begins a call. A name is looked at when it is resolved: [`refusal`] finds the answer in the error of the call.
    ///
    /// # Errors
    /// If the URL's host is an address that is not public.
    pub fn request(&self, method: Method, url: &Url) -> Result<RequestBuilder, NotPublic> {
        // The parser has already turned other ways to write an address, such as 0x7f.1 or 2130706433, into the usual one.
        let host = url.host_str().unwrap_or_default();
        let address = host.trim_start_matches('[').trim_end_matches(']').parse();
        if address.is_ok_and(|address| !is_public(address)) {
            return Err(NotPublic {
                host: host.to_owned(),
            });
        }
        Ok(self.0.request(method, url.clone()))
    }
}

/// The client for a server that an operator names.
#[derive(Debug, Clone)]
pub enum Reach {
    /// It may be anywhere.
    Anywhere(Client),
    /// It has to be on a public address.
    PublicOnly(PublicClient),
}

impl Reach {
    /// The one of both clients that fits a server which is `private` or not.
    pub fn of(private: bool, anywhere: &Client, public: &PublicClient) -> Self {
        if private {
            Self::Anywhere(anywhere.clone())
        } else {
            Self::PublicOnly(public.clone())
        }
    }

    /// Begins a call.
    ///
    /// # Errors
    /// As [`PublicClient::request`], where it has to be public.
    pub fn request(&self, method: Method, url: &Url) -> Result<RequestBuilder, NotPublic> {
        match self {
            Self::Anywhere(client) => Ok(client.request(method, url.clone())),
            Self::PublicOnly(client) => client.request(method, url),
        }
    }
}

/// Resolves as the system does, and gives no addresses for a name that has one that is not public.
struct PublicNames;

impl Resolve for PublicNames {
    fn resolve(&self, name: Name) -> Resolving {
        let host = name.as_str().to_owned();
        Box::pin(async move {
            let found: Vec<SocketAddr> =
                tokio::net::lookup_host((host.as_str(), 0)).await?.collect();
            if found.iter().any(|address| !is_public(address.ip())) {
                return Err(NotPublic { host }.into());
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// The refusal behind a failed call, if its host's name leads to an address that is not public.
pub fn refusal(error: &reqwest::Error) -> Option<NotPublic> {
    let mut cause = error.source();
    while let Some(error) = cause {
        if let Some(refusal) = error.downcast_ref::<NotPublic>() {
            return Some(refusal.clone());
        }
        cause = error.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, TcpListener};

    use reqwest::{Method, Url};

    use super::{PublicClient, is_public, refusal};

    #[test]
    fn only_what_anybody_may_reach_is_public() {
        let refused = [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "10.255.255.255",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.254",
            "169.254.0.1",
            "169.254.169.254",
            "169.254.170.2",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.1",
            "192.0.0.192",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.0.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::127.0.0.1",
            "::8.8.8.8",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::7f00:1",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::1",
            "64:ff9b:1::808:808",
            "100::1",
            "100:0:0:1::1",
            "2001::1",
            "2001:2::1",
            "2001:10::1",
            "2001:20::1",
            "2001:db8::1",
            "2002:7f00:1::1",
            "2002:808:808::1",
            "3fff::1",
            "3fff:fff:ffff::1",
            "4000::1",
            "5f00::1",
            "fc00::1",
            "fd00:ec2::254",
            "fdff::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "ff0e::1",
        ];
        let taken = [
            "1.1.1.1",
            "8.8.8.8",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "169.253.255.255",
            "169.255.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.0",
            "192.0.3.0",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "2001:200::1",
            "2001:4860:4860::8888",
            "2606:4700::1111",
            "2a00:1450::1",
            "3fff:1000::1",
            "::ffff:8.8.8.8",
            "64:ff9b::808:808",
        ];
        let public = |text: &&str| is_public(text.parse::<IpAddr>().expect("an address"));
        assert_eq!(
            refused.into_iter().filter(public).collect::<Vec<_>>(),
            [""; 0]
        );
        assert_eq!(
            taken
                .into_iter()
                .filter(|text| !public(text))
                .collect::<Vec<_>>(),
            [""; 0]
        );
    }

    #[test]
    fn an_address_is_refused_however_it_is_written() {
        let client = PublicClient::new().expect("a client");
        let refused = [
            "http://127.0.0.1/",
            "http://127.1/",
            "http://0x7f.1/",
            "http://2130706433/",
            "http://0177.0.0.1/",
            "http://[::1]/",
            "http://[::ffff:127.0.0.1]/",
            "http://[::ffff:a9fe:a9fe]/",
            "http://169.254.169.254/latest/meta-data/",
            "http://127.0.0.1.:80/",
        ];
        for url in refused {
            assert!(
                client
                    .request(Method::POST, &Url::parse(url).expect("a URL"))
                    .is_err(),
                "{url}"
            );
        }
        assert!(
            client
                .request(
                    Method::POST,
                    &Url::parse("https://8.8.8.8/").expect("a URL")
                )
                .is_ok()
        );
    }

    #[tokio::test]
    async fn local_name_is_refused_before_a_connection() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        listener
            .set_nonblocking(true)
            .expect("it can be asked without waiting");
        let url = format!(
            "http://localhost:{}/hook",
            listener.local_addr().expect("an address").port()
        );
        let client = PublicClient::new().expect("a client");
        let call = client
            .request(Method::POST, &Url::parse(&url).expect("a URL"))
            .expect("a name")
            .send()
            .await;
        let error = call.expect_err("localhost is this machine");
        assert_eq!(
            refusal(&error).map(|refusal| refusal.host).as_deref(),
            Some("localhost"),
            "{error:?}"
        );
        assert!(listener.accept().is_err(), "nobody connected");
    }
}
