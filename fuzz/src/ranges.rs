//! Properties of internal sources: lists of address ranges, and the addresses in them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ingress::authentication::is_internal;
use ingress::config::internal_ranges;
use ipnet::IpNet;
use settings::variables::Variables;

use crate::request::cut;

const NAME: &str = "INTERNAL_CIDRS";
const EXPECTED: &str =
    "address ranges such as 10.0.0.0/8, with no bit behind the mask and commas between them";

/// A range by the bits: family (4 or 6), address, how many of its first bits count.
type Range = (u8, u128, u32);

/// A list on the first line, and one address on each line after it.
pub(crate) fn check(bytes: &[u8]) {
    let (list, rest) = cut(bytes);
    let list = String::from_utf8_lossy(list).into_owned();
    let read = internal_ranges(&Variables::from_fn(|_| Some(list.clone())));
    let items = list
        .split(',')
        .map(str::trim)
        .filter(|item| !item.is_empty());
    let expected: Option<Vec<Range>> = items.map(range).collect();
    let (ranges, expected) = match (read, expected) {
        (Ok(ranges), Some(expected)) => (ranges, expected),
        (Err(error), None) => {
            // Word for word: the name of the variable, and nothing of its value.
            assert_eq!(
                error.to_string(),
                format!("the environment variable {NAME} is not {EXPECTED}")
            );
            return;
        }
        (read, expected) => panic!("{list}: read as {read:?}, by the bits {expected:?}"),
    };
    assert!(
        !is_internal(None, &ranges),
        "an unknown source is not internal"
    );
    for line in rest.split(|byte| *byte == b'\n') {
        // The same reading as of API Gateway's source address: a name, a port or a zone id is no address.
        let address = std::str::from_utf8(line)
            .ok()
            .and_then(|text| text.parse::<IpAddr>().ok());
        let text = String::from_utf8_lossy(line);
        assert!(
            address.is_none() || !text.contains(['%', '/', '[', ' ']),
            "{text} is no address"
        );
        let inside =
            address.is_some_and(|address| expected.iter().any(|range| holds(*range, address)));
        assert_eq!(is_internal(address, &ranges), inside, "{text} in {list}");
    }
    for range in &expected {
        borders(*range, &expected, &ranges);
    }
}

/// The first and last address of a range are internal in every dress; their outer neighbours only by another range.
fn borders(range: Range, all: &[Range], ranges: &[IpNet]) {
    let (family, address, prefix) = range;
    let (bits, most) = if family == 4 {
        (32, u128::from(u32::MAX))
    } else {
        (128, u128::MAX)
    };
    let mask = if prefix == 0 {
        0
    } else {
        (most << (bits - prefix)) & most
    };
    let (first, last) = (address & mask, address & mask | !mask & most);
    for (number, own) in [
        (first, true),
        (last, true),
        (first.wrapping_sub(1) & most, prefix == 0),
        (last.wrapping_add(1) & most, prefix == 0),
    ] {
        let plain = if family == 4 {
            IpAddr::V4(Ipv4Addr::from_bits(u32::try_from(number).expect("32 bits")))
        } else {
            IpAddr::V6(Ipv6Addr::from_bits(number))
        };
        let expected = all.iter().any(|range| holds(*range, plain));
        assert!(
            expected || !own || is_mapped(plain),
            "{plain} is in its own range"
        );
        assert_eq!(is_internal(Some(plain), ranges), expected, "{plain}");
        if let IpAddr::V4(address) = plain {
            assert_eq!(
                is_internal(Some(IpAddr::V6(address.to_ipv6_mapped())), ranges),
                expected,
                "{plain} in IPv6 clothes"
            );
        }
    }
}

/// An IPv4 address in IPv6 clothes counts as IPv4, so that a range of the other family cannot hold it.
fn holds((family, range, prefix): Range, address: IpAddr) -> bool {
    let (own, number, bits) = match address {
        IpAddr::V4(address) => (4, u128::from(address.to_bits()), 32),
        IpAddr::V6(v6) if is_mapped(address) => (4, v6.to_bits() & u128::from(u32::MAX), 32),
        IpAddr::V6(v6) => (6, v6.to_bits(), 128),
    };
    own == family && (0..prefix).all(|bit| (number ^ range) >> (bits - 1 - bit) & 1 == 0)
}

fn is_mapped(address: IpAddr) -> bool {
    matches!(address, IpAddr::V6(address) if address.to_bits() >> 32 == 0xffff)
}

/// `<address>/<prefix>`, the address as the standard library reads it, with no bit set behind the prefix.
fn range(item: &str) -> Option<Range> {
    let (address, prefix) = item.split_once('/')?;
    let (family, address, bits) = match address.parse().ok()? {
        IpAddr::V4(address) => (4, u128::from(address.to_bits()), 32),
        IpAddr::V6(address) => (6, address.to_bits(), 128),
    };
    let digits = if family == 4 { 1..=2 } else { 1..=3 };
    let is_number =
        digits.contains(&prefix.len()) && prefix.bytes().all(|byte| byte.is_ascii_digit());
    let prefix = if is_number {
        prefix.parse().ok()?
    } else {
        return None;
    };
    let prefix = Some(prefix).filter(|prefix: &u32| *prefix <= bits)?;
    // A bit behind the mask: was one address meant, or a range?
    let behind = (prefix..bits).any(|bit| address >> (bits - 1 - bit) & 1 == 1);
    (!behind).then_some((family, address, prefix))
}
