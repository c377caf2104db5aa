//! Notes the peers of all connections of a client, within bounds: an endpoint decides how many there are.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::evidence::{Answer, Peer, Peers};
use crate::suite::model::Scheme;

/// The most entries of each list of [`Peers`]; twice as many of `tls`, where they have different certificates.
const MAX_ENTRIES: usize = 256;

/// The peers of all clones of a client.
#[derive(Debug, Default)]
pub(super) struct PeerLog(Mutex<Noted>);

#[derive(Debug, Default)]
struct Noted {
    tls: BTreeSet<Arc<Peer>>,
    plain: BTreeSet<Arc<Peer>>,
    servers: BTreeSet<String>,
    more: bool,
}

impl PeerLog {
    fn noted(&self) -> MutexGuard<'_, Noted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes the peer of a new connection. Exchanges share the peer that is returned.
    pub fn connected(&self, scheme: Scheme, mut peer: Peer) -> Arc<Peer> {
        if scheme == Scheme::Plain {
            // It is that of a proxy.
            peer.certificate = None;
        }
        let mut noted = self.noted();
        let Noted { tls, plain, more, .. } = &mut *noted;
        let peers = if scheme == Scheme::Plain { plain } else { tls };
        if let Some(known) = peers.get(&peer) {
            return Arc::clone(known);
        }
        let is_new_certificate = peers.iter().all(|known| known.certificate != peer.certificate);
        let peer = Arc::new(peer);
        if peers.len() < MAX_ENTRIES || (is_new_certificate && peers.len() < 2 * MAX_ENTRIES) {
            peers.insert(Arc::clone(&peer));
        } else {
            *more = true;
        }
        peer
    }

    /// Notes the `Server` header of a response, secrets redacted.
    pub fn answered(&self, answer: &Answer) {
        let Some(server) = Peers::server_of(answer) else { return };
        let mut noted = self.noted();
        if noted.servers.len() < MAX_ENTRIES {
            noted.servers.insert(server);
        } else if !noted.servers.contains(&server) {
            noted.more = true;
        }
    }

    /// The peers so far.
    pub fn peers(&self) -> Peers {
        let noted = self.noted();
        Peers {
            tls: noted.tls.iter().map(|peer| Peer::clone(peer)).collect(),
            plain: noted.plain.iter().map(|peer| peer.address.clone()).collect(),
            servers: noted.servers.iter().cloned().collect(),
            more: noted.more,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::evidence::samples;

    fn peer(port: usize, certificate: Option<&str>) -> Peer {
        Peer { address: format!("127.0.0.1:{port}"), certificate: certificate.map(str::to_owned) }
    }

    #[test]
    fn equal_peers_are_one_and_a_plain_connection_has_no_certificate() {
        let log = PeerLog::default();
        let first = log.connected(Scheme::Tls, peer(1, Some("a")));
        assert!(Arc::ptr_eq(&first, &log.connected(Scheme::Tls, peer(1, Some("a")))));
        log.connected(Scheme::Tls, peer(1, Some("b")));
        assert_eq!(*log.connected(Scheme::Plain, peer(2, Some("proxy"))), peer(2, None));
        let expected = Peers {
            tls: vec![peer(1, Some("a")), peer(1, Some("b"))],
            plain: vec!["127.0.0.1:2".to_owned()],
            ..Peers::default()
        };
        assert_eq!(log.peers(), expected);
    }

    #[test]
    fn an_endpoint_fills_no_list_and_no_certificate_is_pushed_out_by_addresses() {
        let log = PeerLog::default();
        for port in 0..MAX_ENTRIES {
            log.connected(Scheme::Tls, peer(port, Some("a")));
        }
        assert!(!log.peers().more);
        log.connected(Scheme::Tls, peer(MAX_ENTRIES, Some("a")));
        assert!(log.peers().more && log.peers().tls.len() == MAX_ENTRIES);
        for number in 0..3 * MAX_ENTRIES {
            log.connected(Scheme::Tls, peer(1, Some(&format!("{number}"))));
            log.answered(&crate::evidence::Answer {
                headers: vec![("Server".to_owned(), format!("{number}{}", "x".repeat(9000)))],
                ..samples::answer(200)
            });
        }
        let Peers { tls, servers, more, .. } = log.peers();
        let certificates: BTreeSet<&Option<String>> = tls.iter().map(|peer| &peer.certificate).collect();
        assert_eq!((tls.len(), certificates.len(), more), (2 * MAX_ENTRIES, MAX_ENTRIES + 1, true));
        assert_eq!(servers.len(), MAX_ENTRIES);
        assert!(servers.iter().all(|server| server.len() <= 200));
    }
}
