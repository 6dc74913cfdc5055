//! Other domains that are reached over SIP, and whose servers are believed about their own users.
//!
//! ```text
//!   sip.peers ──host, or NAPTR ▶ SRV ▶ A (RFC 3263)──▶ addresses, looked up again each REFRESH
//! ```
//!
//! What goes to a domain goes to the first of its addresses that answers, over the transport that
//! it prefers. What comes from any of them comes from that domain. A connection is opened to one of
//! them and to nothing else.

mod locate;

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use sip::{Request, Uri};

use self::locate::{Sought, locate};
use crate::config::{SipPeer, Transport};
use crate::core::ways::{self, Fault, Found, Goal, Stage, Way};
use crate::core::{Identity, auth};
use crate::house::House;
use crate::net::{Connection, Flow};

/// How long addresses are believed: a domain that moves is found again after this.
const REFRESH: Duration = Duration::from_secs(60);

/// How soon to look again for a domain of which no address is known.
const RETRY: Duration = Duration::from_secs(5);

/// How long an address that has failed is tried after the others. Whoever is the first to try it
/// again may wait for half a minute.
const AVOIDED: Duration = Duration::from_secs(5 * 60);

/// All domains that are reached over SIP.
#[derive(Debug, Default)]
pub(crate) struct Neighbours {
    all: Vec<Neighbour>,
    /// What was wrong with a place, and until when that counts.
    faults: Mutex<BTreeMap<(Fault, SocketAddr), Instant>>,
}

#[derive(Debug)]
struct Neighbour {
    domain: Arc<str>,
    host: Option<String>,
    over: Option<Transport>,
    found: RwLock<Found>,
}

/// Why nothing can be sent to a domain.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum NoWay {
    /// It is not among those that are reached.
    Unknown,
    /// Its server is not found.
    NotFound,
}

impl Neighbours {
    pub(crate) fn new(peers: &[SipPeer]) -> Self {
        let neighbour = |peer: &SipPeer| Neighbour {
            domain: peer.domain.as_str().into(),
            host: peer.host.clone(),
            over: peer.transport,
            found: RwLock::default(),
        };
        Self {
            all: peers.iter().map(neighbour).collect(),
            faults: Mutex::default(),
        }
    }

    /// Begins to look the domains up, and goes on doing so.
    pub(crate) fn run(house: &Arc<House>) {
        for number in 0..house.neighbours.all.len() {
            let of = Arc::clone(house);
            let tasks = &house.world.tasks;
            tasks.spawn("neighbour", async move { keep_found(&of, number).await });
        }
    }

    /// Is this domain among them?
    pub(crate) fn knows(&self, domain: &str) -> bool {
        self.named(domain).is_some()
    }

    /// The sender of a request, if it comes from the server of the sender's domain, which says so
    /// (RFC 3325): it is believed about its own users and nobody else's.
    ///
    /// A connection by which such a request came is one of that domain's server.
    pub(crate) fn vouched(&self, request: &Request, flow: &Flow) -> Option<Identity> {
        if self.all.is_empty() {
            return None;
        }
        let from = flow.remote().ip();
        let identity = auth::asserted(request)?;
        let neighbour = Uri::parse(&identity.aor)
            .ok()
            .and_then(|uri| self.named(uri.host()))
            .filter(|neighbour| neighbour.is_at(from));
        let Some(neighbour) = neighbour else {
            if self.all.iter().any(|neighbour| neighbour.is_at(from)) {
                tracing::info!(%from, who = %identity.aor, "a server vouches for a user of another domain");
            }
            return None;
        };
        if let Flow::Stream(connection) = flow {
            connection.is_of(&neighbour.domain);
        }
        Some(identity)
    }

    // ---- Ways ----

    /// Where a request for somebody of another domain goes first.
    pub(crate) fn way(&self, house: &House, domain: &str) -> Result<Goal, NoWay> {
        let neighbour = self.named(domain).ok_or(NoWay::Unknown)?;
        let now = house.world.clock.now();
        let plan = neighbour.plan(false, |fault, at| self.had(fault, at, now));
        let flow = plan.first().and_then(|stage| flow(house, stage.way));
        Ok(Goal {
            flow: flow.ok_or(NoWay::NotFound)?,
            domain: Some(Arc::clone(&neighbour.domain)),
        })
    }

    /// All ways to a domain, in the order in which they are to be gone.
    pub(crate) fn plan(&self, domain: &str, is_large: bool, now: Instant) -> Vec<Stage> {
        let neighbour = self.named(domain);
        neighbour.map_or_else(Vec::new, |neighbour| {
            neighbour.plan(is_large, |fault, at| self.had(fault, at, now))
        })
    }

    /// The ways for a large request that is to go as a datagram, if it is to go to one of them.
    pub(crate) fn plan_large(&self, to: SocketAddr, now: Instant) -> Option<Vec<Stage>> {
        let datagrams = Way {
            over: Transport::Udp,
            at: to,
        };
        let mut all = self.all.iter();
        let neighbour = all.find(|neighbour| neighbour.takes(datagrams))?;
        let connections = neighbour.listener(to)?;
        let plan = ways::large(connections, to, |fault, at| self.had(fault, at, now));
        Some(plan.collect())
    }

    /// The way to exactly this place, if the domain is there.
    pub(crate) fn exactly(&self, house: &House, domain: &str, way: Way) -> Option<Flow> {
        let neighbour = self.named(domain)?;
        neighbour.takes(way).then(|| flow(house, way))?
    }

    /// A connection to where this one led, if that was the server of another domain.
    pub(crate) fn again(&self, house: &House, lost: &Connection) -> Option<Flow> {
        let remote = lost.remote;
        let over = Transport::Tcp;
        if lost.is_dialled() {
            let way = Way { over, at: remote };
            let is_there = self.all.iter().any(|neighbour| neighbour.takes(way));
            return is_there.then(|| flow(house, way))?;
        }
        let neighbour = self.named(lost.domain()?)?;
        let at = neighbour.listener(remote)?;
        flow(house, Way { over, at })
    }

    /// Something is wrong there: for a while it is tried after the others.
    pub(crate) fn avoid(&self, fault: Fault, at: SocketAddr, now: Instant) {
        let mut faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        // So there are never more than the addresses found in that time.
        faults.retain(|_, until| *until > now);
        faults.insert((fault, at), now + AVOIDED);
    }

    /// Somebody has answered there.
    pub(crate) fn answers(&self, way: Way) {
        let mut faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        faults.remove(&(Fault::Failed, way.at));
        if way.over == Transport::Tcp {
            faults.remove(&(Fault::Refused, way.at));
        }
    }

    fn had(&self, fault: Fault, at: SocketAddr, now: Instant) -> bool {
        let faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        let until = faults.get(&(fault, at));
        until.is_some_and(|until| *until > now)
    }

    fn named(&self, domain: &str) -> Option<&Neighbour> {
        let is_it = |neighbour: &&Neighbour| neighbour.domain.eq_ignore_ascii_case(domain);
        self.all.iter().find(is_it)
    }
}

/// The flow of a way: a connection is opened if there is none.
pub(crate) fn flow(house: &House, way: Way) -> Option<Flow> {
    match way.over {
        Transport::Tcp => house.dial(way.at).map(Flow::Stream),
        Transport::Udp => {
            let port = house.udp.clone()?;
            let remote = way.at;
            Some(Flow::Udp { port, remote })
        }
    }
}

impl Neighbour {
    fn is_at(&self, ip: IpAddr) -> bool {
        self.with(|found| found.all().any(|address| address.ip() == ip))
    }

    fn is_found(&self) -> bool {
        self.with(|found| found.all().next().is_some())
    }

    /// Is this one of its ways?
    fn takes(&self, way: Way) -> bool {
        self.with(|found| match way.over {
            Transport::Tcp => found.listeners().contains(&way.at),
            Transport::Udp => found.udp.contains(&way.at),
        })
    }

    /// Where the server takes connections that is at this address: there, or at another port.
    fn listener(&self, place: SocketAddr) -> Option<SocketAddr> {
        self.with(|found| {
            let listeners = found.listeners().iter().copied();
            let near = listeners.filter(|at| at.ip() == place.ip());
            near.max_by_key(|at| *at == place)
        })
    }

    fn plan(&self, is_large: bool, had: impl Fn(Fault, SocketAddr) -> bool) -> Vec<Stage> {
        self.with(|found| found.plan(is_large, had))
    }

    fn with<T>(&self, look: impl FnOnce(&Found) -> T) -> T {
        look(&self.found.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn learn(&self, news: Found) {
        let mut found = self.found.write().unwrap_or_else(PoisonError::into_inner);
        *found = news;
    }
}

async fn keep_found(house: &House, number: usize) {
    let Some(neighbour) = house.neighbours.all.get(number) else {
        return;
    };
    let domain = &*neighbour.domain;
    let sought = Sought {
        host: neighbour.host.as_deref().unwrap_or(domain),
        over: neighbour.over,
        has_udp: house.udp.is_some(),
    };
    let mut rng = house.rng();
    let mut told = None;
    loop {
        match locate(&house.world, sought, &mut rng).await {
            Ok(found) => {
                neighbour.learn(found);
                told = None;
            }
            // Those that were found before may still be right.
            Err(why) => {
                if told.as_ref() != Some(&why) {
                    tracing::warn!(domain, why, "the server of another domain is not found");
                    told = Some(why);
                }
            }
        }
        let pause = match neighbour.is_found() {
            true => REFRESH,
            false => RETRY,
        };
        house.world.clock.sleep(pause).await;
    }
}
