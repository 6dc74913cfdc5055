//! Other domains that are reached over SIP, and whose servers are believed about their own users.
//!
//! ```text
//!   sip.peers ──host, or NAPTR ▶ SRV ▶ A (RFC 3263)──▶ addresses, looked up again each REFRESH
//! ```
//!
//! What goes to a domain goes to the first of its addresses, over UDP. What comes from any of them
//! comes from that domain.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use sip::{Request, Uri};
use world::{Records, Rng, Srv, World};

use crate::config::SipPeer;
use crate::core::{Device, Identity, auth};
use crate::house::House;
use crate::net::Flow;

/// How long addresses are believed: a domain that moves is found again after this.
const REFRESH: Duration = Duration::from_secs(60);

/// How soon to look again for a domain of which no address is known.
const RETRY: Duration = Duration::from_secs(5);

/// The port of SIP where nothing says another (RFC 3261 section 19.1.2).
const PORT: u16 = 5060;

/// The most addresses of one domain. Real ones have two or three; an answer can hold hundreds.
const ADDRESSES_MAX: usize = 16;

/// The service of a NAPTR record that leads to SIP over UDP (RFC 3263 section 4.1).
const OVER_UDP: &str = "SIP+D2U";

/// All domains that are reached over SIP.
#[derive(Debug, Default)]
pub(crate) struct Neighbours(Vec<Neighbour>);

#[derive(Debug)]
struct Neighbour {
    domain: String,
    host: Option<String>,
    found: RwLock<Vec<SocketAddr>>,
}

/// Why nothing can be sent to a domain.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum NoWay {
    /// It is not among those that are reached.
    Unknown,
    /// Its server is not found, or there is no SIP over UDP here.
    NotFound,
}

impl Neighbours {
    pub(crate) fn new(peers: &[SipPeer]) -> Self {
        let neighbour = |peer: &SipPeer| Neighbour {
            domain: peer.domain.clone(),
            host: peer.host.clone(),
            found: RwLock::default(),
        };
        Self(peers.iter().map(neighbour).collect())
    }

    /// Begins to look the domains up, and goes on doing so.
    pub(crate) fn run(house: &Arc<House>) {
        for number in 0..house.neighbours.0.len() {
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
    pub(crate) fn vouched(&self, request: &Request, from: IpAddr) -> Option<Identity> {
        if self.0.is_empty() {
            return None;
        }
        let identity = auth::asserted(request)?;
        let neighbour = Uri::parse(&identity.aor)
            .ok()
            .and_then(|uri| self.named(uri.host()));
        let vouches = neighbour.is_some_and(|neighbour| neighbour.is_at(from));
        if !vouches && self.0.iter().any(|neighbour| neighbour.is_at(from)) {
            tracing::info!(%from, who = %identity.aor, "a server vouches for a user of another domain");
        }
        vouches.then_some(identity)
    }

    /// Where a request for somebody of another domain goes, as if it were their only device.
    pub(crate) fn way(&self, house: &House, uri: &Uri<'_>, target: &str) -> Result<Device, NoWay> {
        let neighbour = self.named(uri.host()).ok_or(NoWay::Unknown)?;
        let remote = neighbour.first().ok_or(NoWay::NotFound)?;
        let port = house.udp.clone().ok_or(NoWay::NotFound)?;
        Ok(Device::elsewhere(
            uri.aor(),
            target.to_owned(),
            Flow::Udp { port, remote },
        ))
    }

    fn named(&self, domain: &str) -> Option<&Neighbour> {
        let is_it = |neighbour: &&Neighbour| neighbour.domain.eq_ignore_ascii_case(domain);
        self.0.iter().find(is_it)
    }
}

impl Neighbour {
    fn is_at(&self, ip: IpAddr) -> bool {
        let found = self.found.read().unwrap_or_else(PoisonError::into_inner);
        found.iter().any(|address| address.ip() == ip)
    }

    fn first(&self) -> Option<SocketAddr> {
        let found = self.found.read().unwrap_or_else(PoisonError::into_inner);
        found.first().copied()
    }

    fn learn(&self, addresses: Vec<SocketAddr>) {
        let mut found = self.found.write().unwrap_or_else(PoisonError::into_inner);
        *found = addresses;
    }
}

async fn keep_found(house: &House, number: usize) {
    let Some(neighbour) = house.neighbours.0.get(number) else {
        return;
    };
    let domain = &neighbour.domain;
    let mut rng = house.rng();
    let mut told = None;
    loop {
        match locate(&house.world, neighbour, &mut rng).await {
            Ok(addresses) => {
                neighbour.learn(addresses);
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
        let pause = match neighbour.first() {
            Some(_) => REFRESH,
            None => RETRY,
        };
        house.world.clock.sleep(pause).await;
    }
}

/// The addresses of a domain's server, the preferred first (RFC 3263 section 4).
async fn locate(
    world: &World,
    neighbour: &Neighbour,
    rng: &mut Rng,
) -> Result<Vec<SocketAddr>, String> {
    let host = neighbour.host.as_deref().unwrap_or(&neighbour.domain);
    let uri = format!("sip:{host}");
    let uri = Uri::parse(&uri).map_err(|_| format!("{host} is no host"))?;
    let name = uri.host();
    // Section 4.2: an address, or a name with a port, is not looked for any further.
    let is_address = name.trim_matches(['[', ']']).parse::<IpAddr>().is_ok();
    let mut all = Vec::new();
    if is_address || uri.port().is_some() {
        all = addresses(world, name, uri.port().unwrap_or(PORT)).await?;
    } else {
        let services = services(world, name, rng).await?;
        if services.is_empty() {
            all = addresses(world, name, PORT).await?;
        }
        for service in services {
            // Another one may still be found.
            let found = addresses(world, &service.target, service.port).await;
            all.extend(found.unwrap_or_default());
        }
    }
    all.truncate(ADDRESSES_MAX);
    match all.is_empty() {
        true => Err(format!("{name} leads to no address")),
        false => Ok(all),
    }
}

/// The hosts of a domain that speak SIP over UDP, in the order to be tried; none if it says
/// nothing of services.
async fn services(world: &World, domain: &str, rng: &mut Rng) -> Result<Vec<Srv>, String> {
    let dns = &world.dns;
    let naptr = dns.naptr(domain).await.map_err(|error| error.to_string())?;
    let name = match naptr {
        Records::Found(mut records) => {
            records.retain(|record| {
                record.flags.eq_ignore_ascii_case("s")
                    && record.service.eq_ignore_ascii_case(OVER_UDP)
            });
            let best = records
                .into_iter()
                .min_by_key(|record| (record.order, record.preference));
            best.ok_or_else(|| format!("{domain} offers no SIP over UDP"))?
                .replacement
        }
        Records::Missing | Records::Unsupported => format!("_sip._udp.{domain}"),
    };
    match dns.srv(&name).await.map_err(|error| error.to_string())? {
        Records::Found(records) => {
            let mut records = records;
            records.sort_by_key(|record| (record.priority, std::cmp::Reverse(record.weight)));
            let _ = rng;
            // RFC 2782: a service at the root is none.
            let is_there = |record: &Srv| !matches!(record.target.as_str(), "." | "");
            match records.iter().any(is_there) {
                true => Ok(records.into_iter().filter(is_there).collect()),
                false => Err(format!("{domain} has no server of SIP over UDP")),
            }
        }
        Records::Missing | Records::Unsupported => Ok(Vec::new()),
    }
}

async fn addresses(world: &World, name: &str, port: u16) -> Result<Vec<SocketAddr>, String> {
    let found = world.dns.lookup_host(name, port).await;
    found.map_err(|error| error.to_string())
}
