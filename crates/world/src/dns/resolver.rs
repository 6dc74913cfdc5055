//! Asking DNS servers.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hickory_resolver::config::{
    ConnectionConfig, LookupIpStrategy, NameServerConfig, ResolveHosts, ResolverConfig,
};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError, NoRecords};
use hickory_resolver::proto::op::{Query, ResponseCode};
use hickory_resolver::proto::rr::rdata::{NAPTR, SRV};
use hickory_resolver::proto::rr::{Name, RData, RecordType};
use hickory_resolver::{Hosts, ResolverBuilder, TokioResolver};

use super::{Naptr, Records, Srv};

/// How long a server may take to answer, and how often it is asked again. A datagram may be lost,
/// so twice; after four seconds in all there is still time for the servers that are found, within
/// the 32 s of a SIP transaction and the 10 s that another domain of IMPS is given.
const PATIENCE: Duration = Duration::from_secs(2);
const RETRIES: usize = 1;

/// Asks DNS servers over UDP, and over TCP when an answer is too long. What they say is kept as
/// long as they say; clones share it.
#[derive(Clone)]
pub struct Resolver(Arc<Inner>);

struct Inner {
    asks: TokioResolver,
    hosts: Hosts,
}

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resolver").finish_non_exhaustive()
    }
}

impl Resolver {
    /// Asks the servers that the machine asks (`/etc/resolv.conf`), in its search domains too.
    ///
    /// # Errors
    ///
    /// The machine does not say which they are.
    pub fn of_system() -> io::Result<Self> {
        Self::build(TokioResolver::builder_tokio().map_err(failure)?)
    }

    /// Asks these servers.
    ///
    /// # Errors
    ///
    /// What the resolver says about them; nothing today.
    pub fn of_servers(servers: &[SocketAddr]) -> io::Result<Self> {
        let reach = |server: &SocketAddr| {
            let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()];
            let connections = connections.map(|mut connection| {
                connection.port = server.port();
                connection
            });
            NameServerConfig::new(server.ip(), true, connections.into())
        };
        let servers = servers.iter().map(reach).collect();
        let config = ResolverConfig::from_parts(None, Vec::new(), servers);
        let provider = TokioRuntimeProvider::default();
        Self::build(TokioResolver::builder_with_config(config, provider))
    }

    fn build(mut builder: ResolverBuilder<TokioRuntimeProvider>) -> io::Result<Self> {
        let options = builder.options_mut();
        options.timeout = PATIENCE;
        options.attempts = RETRIES;
        // Those who try one address alone get further with the version that every network has.
        options.ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
        // We look there ourselves: a name with an address of one version is not asked about the
        // other.
        options.use_hosts_file = ResolveHosts::Never;
        Ok(Self(Arc::new(Inner {
            asks: builder.build().map_err(failure)?,
            hosts: Hosts::from_system().unwrap_or_default(),
        })))
    }

    pub(super) async fn addresses(&self, name: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        let near = self.near(name);
        if !near.is_empty() {
            return Ok(at(near, port));
        }
        match self.0.asks.lookup_ip(name).await {
            Ok(found) => Ok(at(found.iter().collect(), port)),
            Err(error) if is_missing(&error) => Err(io::Error::new(
                io::ErrorKind::NotFound,
                format!("no host is named {name}"),
            )),
            Err(error) => Err(failure(error)),
        }
    }

    pub(super) async fn srv(&self, name: &str) -> io::Result<Records<Srv>> {
        let read = |data: &RData| match data {
            RData::SRV(srv) => Some(Srv::from(srv)),
            _ => None,
        };
        self.records(name, RecordType::SRV, read).await
    }

    pub(super) async fn naptr(&self, name: &str) -> io::Result<Records<Naptr>> {
        let read = |data: &RData| match data {
            RData::NAPTR(naptr) => Some(Naptr::from(naptr)),
            _ => None,
        };
        self.records(name, RecordType::NAPTR, read).await
    }

    /// The records of a name that stands for itself: services are not looked for in the search
    /// domains of the machine. Answers bring aliases along, which `read` passes over.
    async fn records<T>(
        &self,
        name: &str,
        kind: RecordType,
        read: impl Fn(&RData) -> Option<T>,
    ) -> io::Result<Records<T>> {
        let no_name = |error| io::Error::new(io::ErrorKind::InvalidInput, error);
        let mut absolute = Name::from_utf8(name).map_err(no_name)?;
        absolute.set_fqdn(true);
        let answers = match self.0.asks.lookup(absolute, kind).await {
            Ok(found) => found,
            Err(error) if is_missing(&error) => return Ok(Records::Missing),
            Err(error) => return Err(failure(error)),
        };
        let records: Vec<T> = answers
            .answers()
            .iter()
            .filter_map(|record| read(&record.data))
            .collect();
        match records.is_empty() {
            true => Ok(Records::Missing),
            false => Ok(Records::Found(records)),
        }
    }

    /// The addresses that `/etc/hosts` gave a name when the resolver was made.
    fn near(&self, name: &str) -> Vec<IpAddr> {
        let Ok(name) = Name::from_utf8(name.to_ascii_lowercase()) else {
            return Vec::new();
        };
        [RecordType::A, RecordType::AAAA]
            .into_iter()
            .filter_map(|kind| {
                let query = Query::query(name.clone(), kind);
                self.0.hosts.lookup_static_host(&query)
            })
            .flat_map(|found| found.answers().to_vec())
            .filter_map(|record| record.data.ip_addr())
            .collect()
    }
}

impl From<&SRV> for Srv {
    fn from(srv: &SRV) -> Self {
        Self {
            priority: srv.priority,
            weight: srv.weight,
            port: srv.port,
            target: text(&srv.target),
        }
    }
}

impl From<&NAPTR> for Naptr {
    fn from(naptr: &NAPTR) -> Self {
        let string = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self {
            order: naptr.order,
            preference: naptr.preference,
            flags: string(&naptr.flags),
            service: string(&naptr.services),
            regexp: string(&naptr.regexp),
            replacement: text(&naptr.replacement),
        }
    }
}

fn at(ips: Vec<IpAddr>, port: u16) -> Vec<SocketAddr> {
    let ips = ips.into_iter();
    ips.map(|ip| SocketAddr::new(ip, port)).collect()
}

/// A name without the dot at its end; the root, which stands for nothing, is that dot.
fn text(name: &Name) -> String {
    let text = name.to_ascii();
    match text.strip_suffix('.') {
        Some(bare) if !bare.is_empty() => bare.to_owned(),
        _ => text,
    }
}

/// Whether a server has said that there is no such name, or no such record of it.
const fn is_missing(error: &NetError) -> bool {
    matches!(
        error,
        NetError::Dns(DnsError::NoRecordsFound(NoRecords {
            response_code: ResponseCode::NXDomain | ResponseCode::NoError,
            ..
        }))
    )
}

fn failure(error: NetError) -> io::Error {
    let kind = match &error {
        NetError::Timeout => io::ErrorKind::TimedOut,
        NetError::Io(error) => error.kind(),
        _ => io::ErrorKind::Other,
    };
    io::Error::new(kind, error)
}
