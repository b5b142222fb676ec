//! The address by which a phone on the same network reaches this machine.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};

/// This machine's address on the network of its default route; none without one. Nothing is sent: the address of the
/// other side is one that RFC 5737 keeps for documents.
pub(crate) fn network_address() -> Option<IpAddr> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9)).ok()?;
    let address = socket.local_addr().ok()?.ip();
    (!address.is_unspecified() && !address.is_loopback()).then_some(address)
}

/// `listening` as a client may use it: one address where it stands for all of this machine's.
#[must_use]
pub fn reachable(listening: SocketAddr) -> SocketAddr {
    if !listening.ip().is_unspecified() {
        return listening;
    }
    SocketAddr::new(network_address().unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST)), listening.port())
}

/// `host`, of a URI or a `Host` header without its port, where it is an address.
fn address(host: &str) -> Option<IpAddr> {
    host.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

/// Whether `host` is an address, and no name.
pub(crate) fn is_address(host: &str) -> bool {
    address(host).is_some()
}

/// Whether `host` is a name or address of the loopback interface. Names are the same in any case (RFC 9110, 4.2.3).
pub(crate) fn is_loopback_host(host: &str) -> bool {
    let host = host.to_ascii_lowercase();
    host == "localhost" || host.ends_with(".localhost") || address(&host).is_some_and(|address| address.is_loopback())
}

/// Whether `host` is a name or address by which this machine is meant.
pub(crate) fn is_this_machine(host: &str) -> bool {
    is_loopback_host(host) || network_address().is_some_and(|address| host == address.to_string())
}

/// Whether `address` is one of this machine's, as far as they are known.
pub(crate) fn is_own_address(address: IpAddr) -> bool {
    let address = address.to_canonical();
    address.is_loopback() || network_address() == Some(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_answered_as_it_was_bound() {
        let bound: SocketAddr = "127.0.0.1:1883".parse().unwrap();
        assert_eq!(reachable(bound), bound);
        let bound: SocketAddr = "192.168.1.5:1883".parse().unwrap();
        assert_eq!(reachable(bound), bound);
    }

    #[test]
    fn this_machine_is_named_in_any_case_and_by_nothing_that_only_begins_so() {
        for host in ["localhost", "LOCALHOST", "App.LocalHost", "127.0.0.1", "[::1]"] {
            assert!(is_loopback_host(host), "{host}");
        }
        for host in ["LOCALHOST.example.com", "notlocalhost", "192.0.2.9", ""] {
            assert!(!is_loopback_host(host), "{host}");
        }
    }

    #[test]
    fn all_addresses_are_answered_as_one_that_a_client_can_use() {
        for all in ["0.0.0.0:1883", "[::]:1883"] {
            let answered = reachable(all.parse().unwrap());
            assert!(!answered.ip().is_unspecified(), "{all} is answered as {answered}");
            assert_eq!(answered.port(), 1883);
        }
    }
}
