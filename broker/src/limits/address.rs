//! Whose address a request came from.

use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr as _;

use http::HeaderMap;
use ipnet::IpNet;

const FORWARDED_FOR: &str = "x-forwarded-for";
/// Hops that are looked at: a longer list is somebody's invention.
const MOST_HOPS: usize = 32;
const LOOPBACK: [&str; 2] = ["127.0.0.0/8", "::1/128"];
/// RFC 1918 and RFC 4193.
const PRIVATE: [&str; 4] = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"];

/// Whose requests are counted together: an IPv4 address, or the 64 bits of an IPv6 network, within which every customer of a provider
/// has 2^64 addresses to hop between.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct ClientAddress(IpAddr);

impl ClientAddress {
    pub(crate) fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self(IpAddr::V4(address)),
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments();
                Self(IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0)))
            }
        }
    }
}

/// An entry of `trusted_proxies` that is neither a network nor an address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is neither an address such as 10.0.0.7, a network such as 10.0.0.0/8, loopback nor private")]
pub struct InvalidProxy(String);

/// The proxies whose `X-Forwarded-For` is believed.
#[derive(Debug, Clone, Default)]
pub struct TrustedProxies(Vec<IpNet>);

impl TrustedProxies {
    /// Reads addresses, networks (CIDR), and the names `loopback` and `private` (RFC 1918, RFC 4193).
    ///
    /// # Errors
    /// The first entry that is none of these.
    pub fn parse<'a>(entries: impl IntoIterator<Item = &'a str>) -> Result<Self, InvalidProxy> {
        let mut networks = Vec::new();
        for entry in entries {
            match entry {
                "loopback" => networks.extend(LOOPBACK.iter().filter_map(|network| network.parse::<IpNet>().ok())),
                "private" => networks.extend(PRIVATE.iter().filter_map(|network| network.parse::<IpNet>().ok())),
                _ => networks.push(network(entry).ok_or_else(|| InvalidProxy(entry.to_owned()))?),
            }
        }
        Ok(Self(networks))
    }

    pub(crate) fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }

    /// The nearest address that is no trusted proxy's. Every proxy appends whom it got the request from, so the list is read from its
    /// end: what stands before the first stranger is the stranger's own writing.
    pub(crate) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = peer;
        if !self.contains(peer) {
            return client;
        }
        let values: Vec<&str> = headers.get_all(FORWARDED_FOR).iter().filter_map(|value| value.to_str().ok()).collect();
        let hops = values.iter().rev().flat_map(|value| value.rsplit(','));
        for hop in hops.take(MOST_HOPS) {
            let Some(address) = hop_address(hop) else { return client };
            client = address;
            if !self.contains(address) {
                return client;
            }
        }
        client
    }

    /// Whether the peer forwards for somebody and is not trusted to: most likely a proxy that the configuration does not name.
    pub(crate) fn is_unnamed_proxy(&self, peer: IpAddr, headers: &HeaderMap) -> bool {
        headers.contains_key(FORWARDED_FOR) && !self.contains(peer)
    }
}

fn network(entry: &str) -> Option<IpNet> {
    IpNet::from_str(entry).ok().or_else(|| IpAddr::from_str(entry).ok().map(IpNet::from))
}

/// An address with or without a port: some proxies write `203.0.113.7:4711` and `[2001:db8::1]:4711`.
fn hop_address(hop: &str) -> Option<IpAddr> {
    let hop = hop.trim();
    let bare = hop.strip_prefix('[').and_then(|hop| hop.strip_suffix(']')).unwrap_or(hop);
    let address = IpAddr::from_str(bare).ok().or_else(|| hop.parse::<std::net::SocketAddr>().ok().map(|address| address.ip()));
    address.map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn client(trusted: &[&str], peer: &str, forwarded: &[&str]) -> IpAddr {
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append(FORWARDED_FOR, HeaderValue::from_str(value).unwrap());
        }
        TrustedProxies::parse(trusted.iter().copied()).unwrap().client(ip(peer), &headers)
    }

    #[test]
    fn without_a_trusted_proxy_the_header_is_anybodys_writing() {
        assert_eq!(client(&[], "203.0.113.7", &["198.51.100.1"]), ip("203.0.113.7"));
        assert_eq!(client(&["10.0.0.0/8"], "203.0.113.7", &["198.51.100.1"]), ip("203.0.113.7"));
    }

    #[test]
    fn the_nearest_stranger_counts_whatever_it_wrote_itself() {
        assert_eq!(client(&["10.0.0.0/8"], "10.0.0.1", &["198.51.100.1"]), ip("198.51.100.1"));
        assert_eq!(client(&["10.0.0.0/8"], "10.0.0.1", &["1.1.1.1, 198.51.100.1"]), ip("198.51.100.1"));
        assert_eq!(client(&["10.0.0.0/8"], "10.0.0.1", &["1.1.1.1, 198.51.100.1, 10.2.2.2"]), ip("198.51.100.1"));
        assert_eq!(client(&["10.0.0.0/8"], "10.0.0.1", &["1.1.1.1", "198.51.100.1", "10.2.2.2"]), ip("198.51.100.1"));
        assert_eq!(client(&["10.0.0.0/8"], "10.0.0.1", &["10.9.9.9, 198.51.100.1"]), ip("198.51.100.1"));
    }

    #[test]
    fn a_hop_that_is_no_address_ends_the_walk_at_the_last_proxy() {
        assert_eq!(client(&["10.0.0.0/8"], "10.0.0.1", &["198.51.100.1, unknown"]), ip("10.0.0.1"));
        assert_eq!(client(&["10.0.0.0/8"], "10.0.0.1", &["198.51.100.1, , 10.3.3.3"]), ip("10.3.3.3"));
        assert_eq!(client(&["10.0.0.0/8"], "10.0.0.1", &[]), ip("10.0.0.1"));
        let endless = "10.0.0.2,".repeat(10_000) + "10.0.0.2";
        assert_eq!(client(&["10.0.0.0/8"], "10.0.0.1", &[&endless]), ip("10.0.0.2"));
    }

    #[test]
    fn ports_brackets_and_mapped_addresses_are_read() {
        for (hop, address) in [
            ("198.51.100.1:4711", "198.51.100.1"),
            ("[2001:db8::1]:4711", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("2001:db8::1", "2001:db8::1"),
            ("::ffff:198.51.100.1", "198.51.100.1"),
        ] {
            assert_eq!(client(&["loopback"], "::1", &[hop]), ip(address), "{hop}");
        }
        assert_eq!(client(&["10.0.0.1"], "::ffff:10.0.0.1", &["198.51.100.1"]), ip("198.51.100.1"));
    }

    #[test]
    fn names_and_networks_are_known_and_nothing_else() {
        let trusted = TrustedProxies::parse(["private", "loopback", "2001:db8::/32", "198.51.100.1"]).unwrap();
        for inside in ["192.168.1.1", "127.0.0.9", "2001:db8:1::1", "198.51.100.1", "fd00::1"] {
            assert!(trusted.contains(ip(inside)), "{inside}");
        }
        assert!(!trusted.contains(ip("198.51.100.2")));
        for wrong in ["", "everybody", "10.0.0.0/33", "proxy.example.org"] {
            assert!(TrustedProxies::parse([wrong]).is_err(), "{wrong}");
        }
    }

    #[test]
    fn addresses_of_one_64_bit_network_are_one_client() {
        let of = |text: &str| ClientAddress::of(ip(text));
        assert_eq!(of("2001:db8:1:2::1"), of("2001:db8:1:2:ffff:ffff:ffff:ffff"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_eq!(of("::ffff:198.51.100.1"), of("198.51.100.1"));
        assert_ne!(of("198.51.100.1"), of("198.51.100.2"));
    }
}
