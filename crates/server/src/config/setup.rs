//! What is fixed while the server runs.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::value::{domain, peer_host, peer_url};
use crate::{SealKey, TlsFiles};

/// Another domain that is reached over SSP.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SspPeer {
    /// The domain.
    #[serde(deserialize_with = "domain")]
    pub domain: String,
    /// Where its server takes what is posted: `https://host:port/ssp`, or `http://` without TLS.
    /// Without it that is found by the SRV records `_imps-server._tcp` of the domain.
    #[serde(
        default,
        deserialize_with = "peer_url",
        skip_serializing_if = "Option::is_none"
    )]
    pub url: Option<String>,
    /// The secret that it has to show. Without it whoever answers there is taken for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
    /// Both servers show each other certificates, and nothing passes between them without. Always
    /// so with a URL of `https://`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub tls: bool,
}

impl SspPeer {
    /// Is nothing to pass between the two servers but over TLS?
    pub fn is_secure(&self) -> bool {
        let url = self.url.as_deref().unwrap_or_default();
        self.tls || url.starts_with("https://")
    }
}

/// Another domain that is reached over SIP.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SipPeer {
    /// The domain.
    #[serde(deserialize_with = "domain")]
    pub domain: String,
    /// Its server: a name or an address, with or without a port. Without it the domain itself is
    /// looked up (RFC 3263).
    #[serde(
        default,
        deserialize_with = "peer_host",
        skip_serializing_if = "Option::is_none"
    )]
    pub host: Option<String>,
    /// How requests get there. Without it DNS says so, and where it does not it is UDP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transport: Option<Transport>,
}

/// A transport of SIP.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// A connection.
    Tcp,
    /// Datagrams.
    Udp,
}

/// Sockets, store and identity: changing one takes a restart.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Setup {
    /// The domain whose users, rooms and factory live here; also the realm of digest.
    pub domain: String,
    /// The DNS servers to ask; those of the machine if there are none here.
    pub dns_servers: Vec<SocketAddr>,
    /// Where SIP over UDP listens.
    pub sip_udp: Option<SocketAddr>,
    /// Where SIP over TCP listens.
    pub sip_tcp: Option<SocketAddr>,
    /// The other domains whose users and conferences are reached over SIP.
    pub sip_peers: Vec<SipPeer>,
    /// Where MSRP over TCP listens.
    pub msrp_tcp: SocketAddr,
    /// Peers that the MSRP switch may connect to. All others have to connect to it.
    pub msrp_connect_to: Vec<IpAddr>,
    /// Where HTTP listens.
    pub http: Option<SocketAddr>,
    /// Where HTTP over TLS listens.
    pub http_tls: Option<SocketAddr>,
    /// What TLS is made of.
    pub tls: Option<TlsFiles>,
    /// The URL by which clients reach that, if not by the one they used.
    pub http_url: Option<String>,
    /// Where handsets open the connections on which they are told that something waits for them.
    pub cir_tcp: Option<SocketAddr>,
    /// Where the datagrams come from by which handsets are told so.
    pub cir_udp: Option<SocketAddr>,
    /// The key under which passwords are sealed. Without it handsets can log in with the password
    /// alone, and not with a digest.
    pub seal: Option<SealKey>,
    /// The secret by which other domains know this server over SSP. Without it one is made up at
    /// each start, which only peers take that have none configured for us.
    pub ssp_secret: Option<String>,
    /// The other domains whose users and groups are reached over SSP.
    pub ssp_peers: Vec<SspPeer>,
    /// The address written into Via, Record-Route and MSRP paths; `None` for the one bound.
    pub advertise: Option<IpAddr>,
    /// How many shards the SIP core has; 0 for one a core.
    pub shards: usize,
    /// Timer T1 of RFC 3261.
    pub t1: Duration,
    /// The name of this node, in the store and in bindings.
    pub node: String,
    /// Where to write what is sent and received, for tshark.
    pub trace_pcap: Option<PathBuf>,
}

impl Default for Setup {
    fn default() -> Self {
        let local = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        Self {
            domain: "localhost".to_owned(),
            dns_servers: Vec::new(),
            sip_udp: Some(local(5060)),
            sip_tcp: Some(local(5060)),
            sip_peers: Vec::new(),
            msrp_tcp: local(2855),
            msrp_connect_to: Vec::new(),
            http: Some(local(8080)),
            http_tls: None,
            tls: None,
            http_url: None,
            cir_tcp: Some(local(3717)),
            cir_udp: Some(local(3717)),
            seal: None,
            ssp_secret: None,
            ssp_peers: Vec::new(),
            advertise: None,
            shards: 0,
            t1: Duration::from_millis(500),
            node: "node-1".to_owned(),
            trace_pcap: None,
        }
    }
}
