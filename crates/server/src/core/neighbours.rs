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
            let services = Srv::order(records, rng);
            match services.is_empty() {
                false => Ok(services),
                true => Err(format!("{domain} has no server of SIP over UDP")),
            }
        }
        Records::Missing | Records::Unsupported => Ok(Vec::new()),
    }
}

async fn addresses(world: &World, name: &str, port: u16) -> Result<Vec<SocketAddr>, String> {
    let found = world.dns.lookup_host(name, port).await;
    found.map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use world::Naptr;
    use world::sim::Universe;

    fn naptr(order: u16, service: &str, replacement: &str) -> Naptr {
        Naptr {
            order,
            preference: 0,
            flags: "s".to_owned(),
            service: service.to_owned(),
            regexp: String::new(),
            replacement: replacement.to_owned(),
        }
    }

    fn srv(priority: u16, port: u16, target: &str) -> Srv {
        Srv {
            priority,
            weight: 0,
            port,
            target: target.to_owned(),
        }
    }

    /// A universe with the names of several domains.
    fn universe() -> Universe {
        let universe = Universe::new(1);
        let names = universe.names();
        for (name, ip) in [
            ("one.example", "10.0.0.1"),
            ("two.example", "10.0.0.2"),
            ("two.example", "10.0.0.3"),
            ("plain.example", "10.0.0.4"),
            ("gone.example", "10.0.0.5"),
            ("only-tls.example", "10.0.0.6"),
        ] {
            names.add_host(name, ip.parse().unwrap());
        }
        names.add_naptr("full.example", naptr(2, "SIP+D2U", "_other.full.example"));
        names.add_naptr(
            "full.example",
            naptr(1, "SIP+D2T", "_sip._tcp.full.example"),
        );
        names.add_naptr("full.example", naptr(1, "sip+d2u", "_best.full.example"));
        names.add_srv("_best.full.example", srv(2, 5070, "one.example"));
        names.add_srv("_best.full.example", srv(1, 5080, "two.example"));
        names.add_srv("_best.full.example", srv(3, 5090, "nobody.example"));
        names.add_srv("_other.full.example", srv(1, 1, "plain.example"));
        names.add_naptr("only-tls.example", naptr(1, "SIPS+D2T", "_sips._tcp.h"));
        names.add_srv("_sip._udp.some.example", srv(1, 5061, "one.example"));
        names.add_srv("_sip._udp.gone.example", srv(1, 5060, "."));
        names.add_srv("_sip._udp.one.example", srv(1, 5062, "plain.example"));
        universe
    }

    #[tokio::test(start_paused = true)]
    async fn rfc_3263_4_where_the_server_of_a_domain_is() {
        let universe = universe();
        let world = universe.host("10.0.9.9".parse().unwrap());
        let mut rng = Rng::from_seed(1, 1);
        #[rustfmt::skip]
        let rows = [
            ("4.2, an address",                "b.example", Some("192.0.2.1"),        Ok("192.0.2.1:5060")),
            ("4.2, an address with a port",    "b.example", Some("192.0.2.1:5071"),   Ok("192.0.2.1:5071")),
            ("4.2, of the other family",       "b.example", Some("[2001:db8::1]"),    Ok("[2001:db8::1]:5060")),
            ("4.2, a name with a port",        "b.example", Some("one.example:5072"), Ok("10.0.0.1:5072")),
            ("4.1, NAPTR, SRV, addresses",     "full.example", None, Ok("10.0.0.2:5080 10.0.0.3:5080 10.0.0.1:5070")),
            ("4.1, no NAPTR",                  "some.example", None,                  Ok("10.0.0.1:5061")),
            ("4.1, for a host as well",        "b.example", Some("one.example"),      Ok("10.0.0.4:5062")),
            ("4.2, no SRV",                    "plain.example", None,                 Ok("10.0.0.4:5060")),
            ("4.1, NAPTR for others alone",    "only-tls.example", None, Err("only-tls.example offers no SIP over UDP")),
            ("RFC 2782, decidedly not",        "gone.example", None,     Err("gone.example has no server of SIP over UDP")),
            ("nobody",                         "nobody.example", None,   Err("no host is named nobody.example")),
        ];
        for (what, domain, host, want) in rows {
            let neighbour = Neighbour {
                domain: domain.to_owned(),
                host: host.map(str::to_owned),
                found: RwLock::default(),
            };
            let found = locate(&world, &neighbour, &mut rng).await;
            let found = found.map(|all| {
                all.iter()
                    .map(ToString::to_string)
                    .collect::<Vec<_>>()
                    .join(" ")
            });
            assert_eq!(
                found,
                want.map(str::to_owned).map_err(str::to_owned),
                "{what}"
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_without_end_is_cut() {
        let universe = universe();
        let names = universe.names();
        for last in 0..200 {
            names.add_host("many.example", IpAddr::from([10, 1, 0, last]));
        }
        let world = universe.host("10.0.9.9".parse().unwrap());
        let neighbour = Neighbour {
            domain: "many.example".to_owned(),
            host: None,
            found: RwLock::default(),
        };
        let found = locate(&world, &neighbour, &mut Rng::from_seed(1, 1)).await;
        assert_eq!(found.unwrap().len(), ADDRESSES_MAX);
    }
}
