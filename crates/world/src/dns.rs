//! Names to addresses, and domains to services.

mod nameserver;
mod order;
mod resolver;

use std::{
    collections::BTreeMap,
    io,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

pub use nameserver::NameServer;
pub use resolver::Resolver;

/// Who answers questions about names.
#[derive(Clone, Debug)]
pub enum Dns {
    /// DNS servers.
    Resolver(Resolver),
    /// The functions of the machine, when it does not say which servers it asks: addresses only,
    /// no SRV and no NAPTR.
    System,
    /// A table kept in memory, for simulations and tests.
    Table(Table),
}

/// What a query for records brought.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Records<T> {
    /// These records, in no order that means anything; see [`Srv::order`].
    Found(Vec<T>),
    /// The name has no such record.
    Missing,
    /// This resolver cannot ask; go on as if there were none.
    Unsupported,
}

/// A service at a host (RFC 2782).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Srv {
    /// Lower is tried first.
    pub priority: u16,
    /// Share of the load within one priority.
    pub weight: u16,
    /// Port of the service.
    pub port: u16,
    /// Host that offers it.
    pub target: String,
}

/// Which services a domain has (RFC 3403 section 4).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Naptr {
    /// Lower is tried first; others only when no lower one fits.
    pub order: u16,
    /// Lower is preferred within one order.
    pub preference: u16,
    /// `s` leads to SRV, `a` to addresses.
    pub flags: String,
    /// For example `SIP+D2U`.
    pub service: String,
    /// A rewriting rule; empty in SIP's use (RFC 3263 section 4.1).
    pub regexp: String,
    /// The name to look up next.
    pub replacement: String,
}

impl Dns {
    /// Asks the servers that the machine asks; [`Self::System`] where it does not name any.
    #[must_use]
    pub fn of_system() -> Self {
        Resolver::of_system().map_or(Self::System, Self::Resolver)
    }

    /// The addresses of `name`, each with `port`. An IP address, in brackets or not, is its own
    /// answer.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::NotFound`] from servers and from a table that lack the name,
    /// [`io::ErrorKind::TimedOut`] when no server answers; whatever else the machine or a server
    /// says.
    pub async fn lookup_host(&self, name: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        if let Some(ip) = literal(name) {
            return Ok(vec![SocketAddr::new(ip, port)]);
        }
        match self {
            Self::Resolver(resolver) => resolver.addresses(name, port).await,
            Self::System => Ok(tokio::net::lookup_host((name, port)).await?.collect()),
            Self::Table(table) => table.addresses(name, port),
        }
    }

    /// The SRV records of `name`, such as `_sip._udp.example.com`.
    ///
    /// # Errors
    ///
    /// No server answers ([`io::ErrorKind::TimedOut`]), or one that does has failed.
    pub async fn srv(&self, name: &str) -> io::Result<Records<Srv>> {
        match self {
            Self::Resolver(resolver) => resolver.srv(name).await,
            Self::System => Ok(Records::Unsupported),
            Self::Table(table) => Ok(found(&table.lock().srv, name)),
        }
    }

    /// The NAPTR records of `name`.
    ///
    /// # Errors
    ///
    /// As for [`Self::srv`].
    pub async fn naptr(&self, name: &str) -> io::Result<Records<Naptr>> {
        match self {
            Self::Resolver(resolver) => resolver.naptr(name).await,
            Self::System => Ok(Records::Unsupported),
            Self::Table(table) => Ok(found(&table.lock().naptr, name)),
        }
    }
}

/// Names and their records, shared by all clones.
#[derive(Clone, Debug, Default)]
pub struct Table(Arc<Mutex<Zone>>);

#[derive(Debug, Default)]
struct Zone {
    hosts: BTreeMap<String, Vec<IpAddr>>,
    srv: BTreeMap<String, Vec<Srv>>,
    naptr: BTreeMap<String, Vec<Naptr>>,
}

impl Table {
    /// Gives `name` a further address.
    pub fn add_host(&self, name: &str, ip: IpAddr) {
        self.lock().hosts.entry(key(name)).or_default().push(ip);
    }

    /// Gives `name` a further SRV record.
    pub fn add_srv(&self, name: &str, record: Srv) {
        self.lock().srv.entry(key(name)).or_default().push(record);
    }

    /// Gives `name` a further NAPTR record.
    pub fn add_naptr(&self, name: &str, record: Naptr) {
        self.lock().naptr.entry(key(name)).or_default().push(record);
    }

    /// Forgets all records of `name`.
    pub fn remove(&self, name: &str) {
        let mut zone = self.lock();
        let name = key(name);
        zone.hosts.remove(&name);
        zone.srv.remove(&name);
        zone.naptr.remove(&name);
    }

    fn addresses(&self, name: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        let zone = self.lock();
        let Some(ips) = zone.hosts.get(&key(name)) else {
            return Err(io::Error::new(
                io::ErrorKind::NotFound,
                format!("no host is named {name}"),
            ));
        };
        Ok(ips.iter().map(|ip| SocketAddr::new(*ip, port)).collect())
    }

    fn lock(&self) -> MutexGuard<'_, Zone> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn found<T: Clone>(records: &BTreeMap<String, Vec<T>>, name: &str) -> Records<T> {
    match records.get(&key(name)) {
        Some(records) => Records::Found(records.clone()),
        None => Records::Missing,
    }
}

/// Names compare without case (RFC 4343) and with or without the root's dot.
fn key(name: &str) -> String {
    name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase()
}

/// The address that `name` itself is, if it is one. IPv6 may stand in brackets, as in URIs.
fn literal(name: &str) -> Option<IpAddr> {
    let bare = name
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(name);
    bare.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_table_answers_what_it_was_told() {
        let table = Table::default();
        table.add_host("im.example.com", "10.0.0.1".parse().unwrap());
        table.add_host("IM.example.com.", "10.0.0.2".parse().unwrap());
        let srv = Srv {
            priority: 1,
            weight: 2,
            port: 5060,
            target: "im.example.com".into(),
        };
        table.add_srv("_sip._udp.example.com", srv.clone());
        let dns = Dns::Table(table.clone());

        let got = dns.lookup_host("Im.Example.Com", 5060).await.unwrap();
        assert_eq!(
            got,
            [
                "10.0.0.1:5060".parse().unwrap(),
                "10.0.0.2:5060".parse().unwrap()
            ]
        );
        let got = dns.srv("_sip._udp.example.com.").await.unwrap();
        assert_eq!(got, Records::Found(vec![srv]));
        assert_eq!(dns.naptr("example.com").await.unwrap(), Records::Missing);

        table.remove("im.example.com");
        let gone = dns.lookup_host("im.example.com", 5060).await.unwrap_err();
        assert_eq!(gone.kind(), io::ErrorKind::NotFound);
    }

    #[tokio::test]
    async fn addresses_are_their_own_answer() {
        for dns in [Dns::System, Dns::Table(Table::default())] {
            for (name, want) in [
                ("127.0.0.1", "127.0.0.1:9"),
                ("::1", "[::1]:9"),
                ("[::1]", "[::1]:9"),
            ] {
                let got = dns.lookup_host(name, 9).await.unwrap();
                assert_eq!(got, [want.parse().unwrap()], "{name}");
            }
        }
    }

    #[tokio::test]
    async fn the_system_cannot_ask_for_services() {
        assert_eq!(
            Dns::System.srv("_sip._udp.example.com").await.unwrap(),
            Records::Unsupported
        );
    }
}
