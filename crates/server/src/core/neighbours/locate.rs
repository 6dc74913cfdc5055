//! Where the server of a domain is: RFC 3263 section 4.
//!
//! ```text
//!   name ──NAPTR──▶ the transports, best first ──SRV──▶ hosts and ports ──A──▶ addresses
//!     ├─no NAPTR──▶ _sip._udp and _sip._tcp ──────┘
//!     └─a port, or an address, or no SRV──────────────────────────────▶ addresses
//! ```

use std::net::{IpAddr, SocketAddr};

use sip::Uri;
use world::{Naptr, Records, Rng, Srv, World};

use crate::config::Transport;
use crate::core::ways::Found;

/// The port of SIP where nothing says another (RFC 3261 section 19.1.2).
const PORT: u16 = 5060;

/// The most addresses of one domain and transport. Real ones have two or three; an answer can hold
/// hundreds.
pub(super) const ADDRESSES_MAX: usize = 16;

/// The most NAPTR records that are followed. There is one for each transport.
const SERVICES_MAX: usize = 4;

/// The server that is looked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sought<'a> {
    /// A name or an address, with or without a port.
    pub(super) host: &'a str,
    /// How the operator wants it to be reached.
    pub(super) over: Option<Transport>,
    /// Is there SIP over UDP here?
    pub(super) has_udp: bool,
}

/// The addresses of a domain's server.
pub(super) async fn locate(
    world: &World,
    sought: Sought<'_>,
    rng: &mut Rng,
) -> Result<Found, String> {
    let uri = format!("sip:{}", sought.host);
    let uri = Uri::parse(&uri).map_err(|_| format!("{} is no host", sought.host))?;
    let name = uri.host();
    // Section 4.2: an address, or a name with a port, is not looked for any further.
    let is_address = name.trim_matches(['[', ']']).parse::<IpAddr>().is_ok();
    let mut found = Vec::new();
    if is_address || uri.port().is_some() {
        let all = addresses(world, name, uri.port().unwrap_or(PORT)).await?;
        found.push((sought.default_transport(), all));
    } else {
        let services = services(world, name, sought, rng).await?;
        if services.is_empty() {
            // Section 4.2: no SRV records, so the addresses of the name itself.
            let all = addresses(world, name, PORT).await?;
            found.push((sought.default_transport(), all));
        }
        for (over, hosts) in services {
            let mut all = Vec::new();
            for host in hosts.into_iter().take(ADDRESSES_MAX) {
                // Another one may still be found.
                let some = addresses(world, &host.target, host.port).await;
                all.extend(some.unwrap_or_default());
            }
            found.push((over, all));
        }
    }
    chosen(found).ok_or_else(|| format!("{name} leads to no address"))
}

/// The first transport with an address is the one to be used; what there is for the other is kept
/// as well.
fn chosen(all: Vec<(Transport, Vec<SocketAddr>)>) -> Option<Found> {
    let mut found = Found::default();
    let mut chosen = None;
    for (over, mut places) in all {
        if places.is_empty() {
            continue;
        }
        places.truncate(ADDRESSES_MAX);
        found.over = *chosen.get_or_insert(over);
        match over {
            Transport::Tcp => found.tcp = places,
            Transport::Udp => found.udp = places,
        }
    }
    chosen.map(|_| found)
}

impl Sought<'_> {
    /// Section 4.1: UDP where nothing says otherwise.
    const fn default_transport(self) -> Transport {
        match self.over {
            Some(over) => over,
            None if self.has_udp => Transport::Udp,
            None => Transport::Tcp,
        }
    }

    /// Section 4.1: what this server does not speak is passed over.
    const fn speaks(self, over: Transport) -> bool {
        match over {
            Transport::Tcp => true,
            Transport::Udp => self.has_udp,
        }
    }
}

/// The transports of a domain in the order of preference, and for each the hosts that speak it in
/// the order to be tried; none if the domain says nothing of services.
async fn services(
    world: &World,
    domain: &str,
    sought: Sought<'_>,
    rng: &mut Rng,
) -> Result<Vec<(Transport, Vec<Srv>)>, String> {
    let mut found: Vec<(Transport, Vec<Srv>)> = Vec::new();
    let mut is_denied = false;
    for (over, name) in names(world, domain, sought).await? {
        if found.iter().any(|(other, _)| *other == over) {
            continue;
        }
        let records = world.dns.srv(&name).await;
        match records.map_err(|error| error.to_string())? {
            Records::Found(records) => match Srv::order(records, rng) {
                // RFC 2782: a target of "." says that the service is decidedly not there.
                hosts if hosts.is_empty() => is_denied = true,
                hosts => found.push((over, hosts)),
            },
            Records::Missing | Records::Unsupported => {}
        }
    }
    match found.is_empty() && is_denied {
        true => Err(format!("{domain} has no server of SIP")),
        false => Ok(found),
    }
}

/// The names of SRV records that are to be looked up, and the transport each is for.
async fn names(
    world: &World,
    domain: &str,
    sought: Sought<'_>,
) -> Result<Vec<(Transport, String)>, String> {
    // Section 4.1: a transport that is specified is not asked for.
    if let Some(over) = sought.over {
        return Ok(vec![(over, srv_name(over, domain))]);
    }
    let naptr = world.dns.naptr(domain).await;
    match naptr.map_err(|error| error.to_string())? {
        Records::Found(records) => {
            let names = in_order(records, sought);
            match names.is_empty() {
                true => Err(format!("{domain} offers no SIP that is spoken here")),
                false => Ok(names),
            }
        }
        // Section 4.1: a query for each transport that is spoken here.
        Records::Missing | Records::Unsupported => Ok([Transport::Udp, Transport::Tcp]
            .into_iter()
            .filter(|over| sought.speaks(*over))
            .map(|over| (over, srv_name(over, domain)))
            .collect()),
    }
}

/// Where NAPTR records lead, the most preferred first.
fn in_order(mut records: Vec<Naptr>, sought: Sought<'_>) -> Vec<(Transport, String)> {
    records.sort_by_key(|record| (record.order, record.preference));
    let leads = |record: Naptr| {
        let over = transport(&record.service)?;
        (record.flags.eq_ignore_ascii_case("s") && sought.speaks(over))
            .then_some((over, record.replacement))
    };
    let names = records.into_iter().filter_map(leads);
    names.take(SERVICES_MAX).collect()
}

/// The transport of a NAPTR record's service (RFC 3263 section 4.1).
fn transport(service: &str) -> Option<Transport> {
    let is = |name: &str| service.eq_ignore_ascii_case(name);
    match () {
        () if is("SIP+D2T") => Some(Transport::Tcp),
        () if is("SIP+D2U") => Some(Transport::Udp),
        () => None,
    }
}

fn srv_name(over: Transport, domain: &str) -> String {
    match over {
        Transport::Tcp => format!("_sip._tcp.{domain}"),
        Transport::Udp => format!("_sip._udp.{domain}"),
    }
}

async fn addresses(world: &World, name: &str, port: u16) -> Result<Vec<SocketAddr>, String> {
    let found = world.dns.lookup_host(name, port).await;
    found.map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
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
        for (domain, order, service, replacement) in [
            ("full.example", 3, "SIP+D2T", "_late.full.example"),
            ("full.example", 2, "SIP+D2U", "_other.full.example"),
            ("full.example", 1, "sip+d2u", "_best.full.example"),
            ("full.example", 0, "SIPS+D2T", "_tls.full.example"),
            ("stream.example", 1, "SIP+D2T", "_late.full.example"),
            ("stream.example", 2, "SIP+D2U", "_other.full.example"),
            ("bare.example", 1, "SIP+D2T", "_nothing.bare.example"),
            ("bare.example", 2, "SIP+D2U", "_best.full.example"),
            ("only-tls.example", 1, "SIPS+D2T", "_sips._tcp.h"),
        ] {
            names.add_naptr(domain, naptr(order, service, replacement));
        }
        for (name, priority, port, target) in [
            ("_best.full.example", 2, 5070, "one.example"),
            ("_best.full.example", 1, 5080, "two.example"),
            ("_best.full.example", 3, 5090, "nobody.example"),
            ("_other.full.example", 1, 1, "plain.example"),
            ("_late.full.example", 1, 2, "plain.example"),
            ("_sip._udp.some.example", 1, 5061, "one.example"),
            ("_sip._udp.both.example", 1, 5061, "one.example"),
            ("_sip._tcp.both.example", 1, 5062, "plain.example"),
            ("_sip._tcp.streams.example", 1, 5063, "plain.example"),
            ("_sip._udp.gone.example", 1, 5060, "."),
            ("_sip._udp.half.example", 1, 5060, "."),
            ("_sip._tcp.half.example", 1, 5060, "one.example"),
            ("_sip._udp.astray.example", 1, 5060, "nobody.example"),
            ("_sip._tcp.astray.example", 1, 5060, "one.example"),
            ("_sip._udp.one.example", 1, 5062, "plain.example"),
        ] {
            names.add_srv(name, srv(priority, port, target));
        }
        universe
    }

    /// `udp: 10.0.0.1:5060 tcp: 10.0.0.2:5060`, the transport to be used first.
    fn written(found: &Found) -> String {
        let list = |over, places: &[SocketAddr]| match places {
            [] => String::new(),
            places => places
                .iter()
                .fold(format!("{over}:"), |text, place| format!("{text} {place}")),
        };
        let lists = [list("udp", &found.udp), list("tcp", &found.tcp)];
        let [udp, tcp] = lists;
        let text = match found.over {
            Transport::Tcp => format!("{tcp} {udp}"),
            Transport::Udp => format!("{udp} {tcp}"),
        };
        text.trim().to_owned()
    }

    #[tokio::test(start_paused = true)]
    async fn rfc_3263_4_where_the_server_of_a_domain_is() {
        use Transport::{Tcp, Udp};
        let universe = universe();
        let world = universe.host("10.0.9.9".parse().unwrap());
        let mut rng = Rng::from_seed(1, 1);
        #[rustfmt::skip]
        let rows = [
            ("4.2, an address",                "192.0.2.1",        None,      Ok("udp: 192.0.2.1:5060")),
            ("4.2, an address with a port",    "192.0.2.1:5071",   None,      Ok("udp: 192.0.2.1:5071")),
            ("4.2, of the other family",       "[2001:db8::1]",    None,      Ok("udp: [2001:db8::1]:5060")),
            ("4.2, a name with a port",        "one.example:5072", None,      Ok("udp: 10.0.0.1:5072")),
            ("4.1, a transport is specified",  "192.0.2.1",        Some(Tcp), Ok("tcp: 192.0.2.1:5060")),
            ("4.1, specified, with a port",    "one.example:5072", Some(Tcp), Ok("tcp: 10.0.0.1:5072")),
            ("4.1, NAPTR, SRV, addresses",     "full.example",     None,
             Ok("udp: 10.0.0.2:5080 10.0.0.3:5080 10.0.0.1:5070 tcp: 10.0.0.4:2")),
            ("4.1, the order is the domain's", "stream.example",   None,      Ok("tcp: 10.0.0.4:2 udp: 10.0.0.4:1")),
            ("4.1, the first leads nowhere",   "bare.example",     None,
             Ok("udp: 10.0.0.2:5080 10.0.0.3:5080 10.0.0.1:5070")),
            ("4.1, no NAPTR",                  "some.example",     None,      Ok("udp: 10.0.0.1:5061")),
            ("4.1, no NAPTR, two SRV",         "both.example",     None,      Ok("udp: 10.0.0.1:5061 tcp: 10.0.0.4:5062")),
            ("4.1, no NAPTR, SRV of TCP",      "streams.example",  None,      Ok("tcp: 10.0.0.4:5063")),
            ("4.2, SRV of what is specified",  "both.example",     Some(Tcp), Ok("tcp: 10.0.0.4:5062")),
            ("4.2, and no NAPTR is asked for", "stream.example",   Some(Udp), Err("no host is named stream.example")),
            ("4.1, for a host as well",        "one.example",      None,      Ok("udp: 10.0.0.4:5062")),
            ("4.2, no SRV",                    "plain.example",    None,      Ok("udp: 10.0.0.4:5060")),
            ("4.2, no SRV, specified",         "plain.example",    Some(Tcp), Ok("tcp: 10.0.0.4:5060")),
            ("4.1, NAPTR for others alone",    "only-tls.example", None,
             Err("only-tls.example offers no SIP that is spoken here")),
            ("RFC 2782, decidedly not",        "gone.example",     None,      Err("gone.example has no server of SIP")),
            ("RFC 2782, over TCP it is",       "half.example",     None,      Ok("tcp: 10.0.0.1:5060")),
            ("its hosts have no address",      "astray.example",   None,      Ok("tcp: 10.0.0.1:5060")),
            ("nobody",                         "nobody.example",   None,      Err("no host is named nobody.example")),
        ];
        for (what, host, over, want) in rows {
            let has_udp = true;
            let sought = Sought {
                host,
                over,
                has_udp,
            };
            let found = locate(&world, sought, &mut rng).await;
            let found = found.map(|found| written(&found));
            assert_eq!(
                found,
                want.map(str::to_owned).map_err(str::to_owned),
                "{what}"
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn rfc_3263_4_1_without_udp_here_it_is_tcp() {
        let universe = universe();
        let world = universe.host("10.0.9.9".parse().unwrap());
        let mut rng = Rng::from_seed(1, 1);
        for (host, want) in [
            ("192.0.2.1:5071", "tcp: 192.0.2.1:5071"),
            ("full.example", "tcp: 10.0.0.4:2"),
            ("both.example", "tcp: 10.0.0.4:5062"),
            ("some.example", "no host is named some.example"),
            ("plain.example", "tcp: 10.0.0.4:5060"),
        ] {
            let sought = Sought {
                host,
                over: None,
                has_udp: false,
            };
            let found = locate(&world, sought, &mut rng).await;
            let found = found.map_or_else(|error| error, |found| written(&found));
            assert_eq!(found, want, "{host}");
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
        let sought = Sought {
            host: "many.example",
            over: None,
            has_udp: true,
        };
        let found = locate(&world, sought, &mut Rng::from_seed(1, 1)).await;
        assert_eq!(found.unwrap().udp.len(), ADDRESSES_MAX);
    }
}
