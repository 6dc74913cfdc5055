//! What every part of one server shares.

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use room::LegId;
use store::Account;
use tokio::sync::Semaphore;
use world::{Rng, World};

use crate::config::{Policy, Setup};
use crate::core::{Gruus, Neighbours, Nonces, Replies, Shards};
use crate::count::Counters;
use crate::focus::Credit;
use crate::imps::Imps;
use crate::keeper::Keeper;
use crate::net::{Connection, Flow, Streams, Tls, UdpPort};
use crate::rooms::Rooms;
use crate::ssp::Ssp;
use crate::switch::Switch;
use crate::tap::Tap;

/// One server: what is fixed, and the ways to its parts.
pub(crate) struct House {
    pub(crate) setup: Setup,
    pub(crate) world: World,
    pub(crate) shards: Shards,
    pub(crate) keeper: Keeper,
    pub(crate) replies: Arc<Replies>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) nonces: Nonces,
    pub(crate) gruus: Gruus,
    pub(crate) streams: Streams,
    pub(crate) rooms: Rooms,
    pub(crate) switch: Arc<Switch>,
    pub(crate) credit: Credit,
    /// The face for handsets.
    pub(crate) imps: Imps,
    /// The domains that are reached over SIP.
    pub(crate) neighbours: Neighbours,
    /// The links to other domains.
    pub(crate) ssp: Ssp,
    /// Who this server is over TLS, if it has a certificate.
    pub(crate) tls: Option<Tls>,
    /// Where handsets connect to be told that something waits, with the port it got.
    pub(crate) cir_tcp: Option<SocketAddr>,
    /// What writes down all that is sent and received.
    pub(crate) tap: Option<Arc<Tap>>,
    /// Where SIP listens, with the ports it got.
    pub(crate) udp: Option<Arc<UdpPort>>,
    pub(crate) sip_udp: Option<SocketAddr>,
    pub(crate) sip_tcp: Option<SocketAddr>,
    /// Procedures that may wait at the same time.
    pub(crate) procedures: Arc<Semaphore>,
    pub(crate) policy: RwLock<Arc<Policy>>,
    pub(crate) next_leg: AtomicU64,
    /// Signs the tokens of forwarded dialogs.
    pub(crate) proxy_key: [u8; 32],
}

/// Procedures under way at a time: INVITEs, REGISTERs and invitations that wait for somebody. Each
/// is a few kilobytes.
pub(crate) const PROCEDURES: usize = 20_000;

impl House {
    /// The rules as they are now.
    pub(crate) fn policy(&self) -> Arc<Policy> {
        Arc::clone(&self.policy.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// A generator for one task.
    pub(crate) fn rng(&self) -> Rng {
        self.world.rng.fork()
    }

    /// A fresh tag: 64 random bits.
    pub(crate) fn tag(&self) -> String {
        self.rng().token(64)
    }

    /// A name for a leg that no other leg of this process has.
    pub(crate) fn leg_id(&self) -> LegId {
        LegId(self.next_leg.fetch_add(1, Ordering::Relaxed))
    }

    /// The account of a user part, as it was written; `Some(None)` if there is no such user, and
    /// `None` if that could not be found out.
    pub(crate) async fn account(&self, user: &str) -> Option<Option<Account>> {
        let name = sip::unescape(user).into_owned();
        let domain = self.setup.domain.clone();
        let asked = self
            .keeper
            .read(move |reader| reader.account(&name, &domain))
            .await;
        match asked {
            Ok(Ok(account)) => Some(account),
            Ok(Err(error)) => {
                tracing::error!(%error, "an account could not be read");
                None
            }
            Err(_) => None,
        }
    }

    /// Milliseconds since 1970.
    pub(crate) fn unix_ms(&self) -> i64 {
        i64::try_from(self.world.clock.unix().as_millis()).unwrap_or(i64::MAX)
    }

    /// Now, as the Date header writes it (RFC 3261 section 20.17).
    pub(crate) fn date(&self) -> String {
        let seconds = i64::try_from(self.world.clock.unix().as_secs()).unwrap_or_default();
        let now = jiff::Timestamp::from_second(seconds).unwrap_or_default();
        now.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
    }

    /// The address by which the peer at the other end of a flow reaches us.
    pub(crate) fn address(&self, flow: &Flow) -> SocketAddr {
        let bound = match flow {
            Flow::Udp { port, .. } => port.local,
            // A connection that the peer opened ends at our listener; one that we opened leaves
            // from any port, and answers to our requests come back over it.
            Flow::Stream(connection) => self.sip_tcp.or(self.sip_udp).unwrap_or(connection.local),
        };
        SocketAddr::new(self.reachable(bound.ip(), flow), bound.port())
    }

    /// How the peer at the other end of a flow reaches us with a request of its own: the transport,
    /// as a URI writes it, and the address.
    pub(crate) fn entrance(&self, flow: &Flow) -> (&'static str, SocketAddr) {
        let transport = match flow {
            // One that we opened, where nobody listens for theirs.
            Flow::Stream(_) if self.sip_tcp.is_none() && self.sip_udp.is_some() => "udp",
            Flow::Stream(_) => "tcp",
            Flow::Udp { .. } => "udp",
        };
        (transport, self.address(flow))
    }

    /// The connection to the server of another domain that listens there.
    pub(crate) fn dial(&self, remote: SocketAddr) -> Option<Arc<Connection>> {
        // From where the other side expects it: it believes us by our address.
        let bound = self.sip_tcp.or(self.sip_udp).map(|bound| bound.ip());
        let from = bound.filter(|ip| !ip.is_unspecified() && ip.is_ipv4() == remote.is_ipv4());
        self.streams.dial(from, remote)
    }

    fn reachable(&self, bound: IpAddr, flow: &Flow) -> IpAddr {
        match self.setup.advertise {
            Some(advertised) => advertised,
            None if bound.is_unspecified() => match flow {
                Flow::Stream(connection) if !connection.local.ip().is_unspecified() => {
                    connection.local.ip()
                }
                // Bound to all addresses and told nothing: right on this machine at least.
                _ if bound.is_ipv6() => IpAddr::V6(std::net::Ipv6Addr::LOCALHOST),
                _ => IpAddr::V4(std::net::Ipv4Addr::LOCALHOST),
            },
            None => bound,
        }
    }

    /// A Via for a request of ours over this flow.
    pub(crate) fn via(&self, flow: &Flow, branch: &str) -> String {
        format!(
            "SIP/2.0/{} {};branch={branch};rport",
            flow.transport(),
            self.address(flow)
        )
    }

    /// The Record-Route by which requests inside a dialog come back to this node: its address,
    /// never the domain.
    pub(crate) fn record_route(&self, flow: &Flow) -> String {
        let (transport, address) = self.entrance(flow);
        format!("<sip:{address};transport={transport};lr>")
    }

    /// Does this host and port name this node?
    pub(crate) fn is_me(&self, host: &str, port: Option<u16>) -> bool {
        let Ok(ip) = host.trim_matches(['[', ']']).parse::<IpAddr>() else {
            return false;
        };
        let port = port.unwrap_or(5060);
        [self.sip_udp, self.sip_tcp]
            .into_iter()
            .flatten()
            .any(|bound| {
                bound.port() == port
                    && (bound.ip() == ip
                        || bound.ip().is_unspecified()
                        || self.setup.advertise == Some(ip))
            })
    }

    /// Is it the domain that lives here?
    pub(crate) fn is_domain(&self, host: &str) -> bool {
        host.eq_ignore_ascii_case(&self.setup.domain)
    }
}
