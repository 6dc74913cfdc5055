//! Values that are fine alone and do not go together.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use super::{Config, Transport};

/// Something about a configuration that its operator should know.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Problem {
    /// How much it matters.
    pub weight: Weight,
    /// The key to look at first.
    pub key: &'static str,
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    pub remedy: &'static str,
}

/// How much a problem matters.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Weight {
    /// It may be meant so. The server starts.
    Caution,
    /// It cannot work. The server does not start.
    Mistake,
}

impl fmt::Display for Weight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Caution => "caution",
            Self::Mistake => "mistake",
        })
    }
}

impl Config {
    /// What does not go together, mistakes and cautions as they come up in the file.
    pub fn problems(&self) -> Vec<Problem> {
        let mut found = Found(Vec::new());
        self.reach(&mut found);
        self.names(&mut found);
        self.sockets(&mut found);
        self.trust(&mut found);
        self.handsets(&mut found);
        self.neighbours(&mut found);
        self.domains(&mut found);
        self.tls(&mut found);
        self.times(&mut found);
        self.people(&mut found);
        found.0
    }

    /// Can peers reach what is advertised?
    fn reach(&self, found: &mut Found) {
        let listens = self.listens();
        let beyond_loopback = listens.iter().any(|(_, at)| !at.ip().is_loopback());
        if self.domain == "localhost" && beyond_loopback {
            found.caution(
                "domain",
                "other machines take localhost for themselves, and this server listens beyond loopback",
                "set domain to a name that leads here",
            );
        }
        let Some(advertise) = self.advertise else {
            for (key, at) in listens.iter().filter(|(_, at)| at.ip().is_unspecified()) {
                found.caution(
                    "advertise",
                    format!(
                        "{key} listens on {at}, and peers are not told by which address to reach it"
                    ),
                    "set advertise to the address by which peers reach this machine",
                );
            }
            return;
        };
        if advertise.is_unspecified() || is_multicast(advertise) {
            found.mistake(
                "advertise",
                format!("no peer can connect to {advertise}"),
                "set advertise to the address by which peers reach this machine",
            );
            return;
        }
        for (key, at) in listens {
            if at.ip().is_loopback() && !advertise.is_loopback() {
                found.caution(
                    key,
                    format!(
                        "{at} is reached from this machine alone, and peers are sent to {advertise}"
                    ),
                    "listen on that address or on 0.0.0.0, unless something forwards to it",
                );
            } else if at.ip().is_ipv4() != advertise.is_ipv4() && !at.ip().is_unspecified() {
                found.caution(
                    key,
                    format!("{at} and the advertised {advertise} are of different IP versions"),
                    "listen and advertise in the same version, unless something translates",
                );
            }
        }
    }

    fn names(&self, found: &mut Found) {
        let unsound =
            |at: &&SocketAddr| at.ip().is_unspecified() || is_multicast(at.ip()) || at.port() == 0;
        if let Some(at) = self.dns.servers.iter().find(unsound) {
            found.mistake(
                "dns.servers",
                format!("no server can be asked at {at}"),
                "list addresses of servers with their ports, such as 192.0.2.53:53",
            );
        }
    }

    fn sockets(&self, found: &mut Found) {
        if self.sip.udp.is_none() && self.sip.tcp.is_none() {
            found.mistake(
                "sip.udp",
                "SIP is off over UDP and over TCP: nobody can log in",
                "set sip.udp or sip.tcp to an address",
            );
        }
        let tcp = [
            ("sip.tcp", self.sip.tcp),
            ("msrp.tcp", Some(self.msrp.tcp)),
            ("http.listen", self.http.listen),
            ("http.tls", self.http.tls),
            ("imps.cir_tcp", self.imps.cir_tcp),
        ];
        let tcp: Vec<_> = tcp
            .into_iter()
            .filter_map(|(k, at)| Some((k, at?)))
            .collect();
        for (nth, (key, at)) in tcp.iter().enumerate() {
            if let Some((other, its)) = tcp.iter().take(nth).find(|(_, its)| clash(*its, *at)) {
                found.mistake(
                    key,
                    format!("{at} is the port of {other} ({its}) too"),
                    "choose another port for one of them",
                );
            }
        }
        if let Some(ip) = self
            .msrp
            .connect_to
            .iter()
            .find(|ip| ip.is_unspecified() || is_multicast(**ip))
        {
            found.mistake(
                "msrp.connect_to",
                format!("{ip} is not the address of one client"),
                "list the addresses of the clients",
            );
        }
        if self.trace.pcap.as_ref() == Some(&self.store.path) {
            found.mistake(
                "trace.pcap",
                "the trace would overwrite the store",
                "choose another path",
            );
        }
    }

    fn trust(&self, found: &mut Found) {
        for ip in &self.core.trusted_peers {
            if ip.is_unspecified() || is_multicast(*ip) {
                found.mistake(
                    "core.trusted_peers",
                    format!("{ip} is not the address of one peer, nor does it stand for all"),
                    "list the addresses of the peers",
                );
            } else if is_public(*ip) && self.sip.udp.is_some() {
                found.caution(
                    "core.trusted_peers",
                    format!("{ip} is a public address, and over UDP anybody can write it as the sender's"),
                    "reach the peer over a private network, or set sip.udp to \"off\"",
                );
            }
        }
    }

    /// Can other domains be reached over SIP?
    fn neighbours(&self, found: &mut Found) {
        let key = "sip.peers";
        let peers = &self.sip.peers;
        for peer in peers {
            if self.sip.udp.is_none() && peer.transport == Some(Transport::Udp) {
                let what = format!(
                    "SIP over UDP is off, and {} is reached over it",
                    peer.domain
                );
                let fix = "set sip.udp to an address, or its transport to \"tcp\"";
                found.mistake(key, what, fix);
            }
        }
        let domains: Vec<_> = peers.iter().map(|peer| peer.domain.as_str()).collect();
        self.others(key, &domains, found);
    }

    /// Other domains, each once.
    fn others(&self, key: &'static str, domains: &[&str], found: &mut Found) {
        for (at, domain) in domains.iter().enumerate() {
            if *domain == self.domain {
                let what = format!("{domain} is the domain of this server");
                found.mistake(key, what, "list other domains alone");
            }
            if domains.iter().take(at).any(|other| other == domain) {
                let what = format!("{domain} stands there twice");
                found.mistake(key, what, "keep one of them");
            }
        }
    }

    /// Can other domains be reached over SSP, and are they who they say?
    fn domains(&self, found: &mut Found) {
        let key = "ssp.peers";
        let peers = &self.ssp.peers;
        if self.http.listen.is_none() && peers.iter().any(|peer| !peer.is_secure()) {
            found.mistake(
                key,
                "HTTP is off: the servers of other domains cannot answer",
                "set http.listen to an address",
            );
        }
        let domains: Vec<_> = peers.iter().map(|peer| peer.domain.as_str()).collect();
        self.others(key, &domains, found);
        for peer in peers {
            if peer.secret.as_ref().is_none_or(String::is_empty) && !peer.is_secure() {
                let place = peer.url.as_deref().unwrap_or("the host that DNS names");
                let what = format!("whoever answers at {place} is taken for {}", peer.domain);
                found.caution(key, what, "agree on a secret");
            }
            let url = peer.url.as_deref().unwrap_or_default();
            if peer.is_secure() && url.starts_with("http://") {
                let what = format!("{} is asked for TLS, and its url has none", peer.domain);
                found.mistake(key, what, "begin the url with https://");
            }
            if peer.url.is_none() && peer.domain.parse::<IpAddr>().is_ok() {
                let what = format!("{} is an address, and has no SRV record", peer.domain);
                found.mistake(key, what, "give its url");
            }
        }
    }

    /// Is there all that TLS takes?
    fn tls(&self, found: &mut Found) {
        let tls = &self.tls;
        if tls.certificate.is_some() != tls.key.is_some() {
            let what = "a certificate and its key go together, and one of them is not there";
            let key = match tls.key {
                Some(_) => "tls.certificate",
                None => "tls.key",
            };
            found.mistake(key, what, "name the file of both");
        }
        if self.http.tls.is_some() && tls.files().is_none() {
            let what = "there is no certificate to show to clients";
            found.mistake("http.tls", what, "name it with tls.certificate and tls.key");
        }
        let Some(peer) = self.ssp.peers.iter().find(|peer| peer.is_secure()) else {
            return;
        };
        let key = "ssp.peers";
        let domain = &peer.domain;
        if self.http.tls.is_none() {
            let what = format!("{domain} has nowhere to answer: HTTP over TLS is off");
            found.mistake(key, what, "set http.tls to an address");
        }
        if tls.authorities.is_none() {
            let what = format!("no certificate of {domain} is believed: there is no authority");
            found.mistake(
                key,
                what,
                "name the file of the authorities with tls.authorities",
            );
        }
    }

    fn handsets(&self, found: &mut Found) {
        let imps = &self.imps;
        let keys = [
            ("imps.gateways", &imps.gateways),
            ("imps.cir_to", &imps.cir_to),
        ];
        for (key, list) in keys {
            let unsound = |ip: &&IpAddr| ip.is_unspecified() || is_multicast(**ip);
            if let Some(ip) = list.iter().find(unsound) {
                found.mistake(
                    key,
                    format!("{ip} is not the address of one host, nor does it stand for all"),
                    "list the addresses of the hosts",
                );
            }
        }
        if imps.session_s > imps.max_session_s {
            found.mistake(
                "imps.session_s",
                "a session that names no time lasts longer than the longest",
                "make it at most imps.max_session_s",
            );
        }
        if self.http.listen.is_none() && (imps.cir_tcp.is_some() || imps.cir_udp.is_some()) {
            found.caution(
                "http.listen",
                "HTTP is off: no handset can log in, and none will be told anything",
                "set http.listen to an address, or imps.cir_tcp and imps.cir_udp to \"off\"",
            );
        }
        if imps.key_file == self.store.path {
            found.mistake(
                "imps.key_file",
                "the key would overwrite the store",
                "choose another path",
            );
        }
    }

    fn times(&self, found: &mut Found) {
        let (focus, registrar) = (&self.focus, &self.registrar);
        if focus.min_session_interval_s > focus.session_interval_s {
            found.mistake(
                "focus.min_session_interval_s",
                "the least session interval is more than the one that is asked for",
                "make it at most focus.session_interval_s",
            );
        }
        if focus.ring_s > focus.session_interval_s {
            found.caution(
                "focus.ring_s",
                "a device may ring for longer than the session of its inviter lives without a refresh",
                "make it at most focus.session_interval_s",
            );
        }
        // RFC 3261 section 16.6, step 11: timer C of a proxy is more than three minutes.
        if focus.ring_s > 180 {
            found.caution(
                "focus.ring_s",
                "proxies on the way may give up after three minutes of ringing",
                "make it at most 180",
            );
        }
        if registrar.min_expires_s > registrar.default_expires_s {
            found.mistake(
                "registrar.min_expires_s",
                "the least time of a registration is more than that of one which names no time",
                "make it at most registrar.default_expires_s",
            );
        }
        if registrar.default_expires_s > registrar.max_expires_s {
            found.mistake(
                "registrar.default_expires_s",
                "a registration that names no time lasts longer than the longest",
                "make it at most registrar.max_expires_s",
            );
        }
    }

    fn people(&self, found: &mut Found) {
        if self.focus.max_adhoc_group_size > self.focus.fan_out_credit {
            found.caution(
                "focus.fan_out_credit",
                "nobody may invite as many users as one conference may have",
                "make it at least focus.max_adhoc_group_size",
            );
        }
        // Who is neither a user of ours nor vouched for by a peer is never authenticated.
        let home = format!("@{}", self.domain);
        let foreign = |sender: &&String| !sender.ends_with(&home);
        if self.core.trusted_peers.is_empty()
            && let Some(sender) = self.focus.allowed_senders.iter().find(foreign)
        {
            found.caution(
                "focus.allowed_senders",
                format!(
                    "{sender} is no user of {}, and no trusted peer can vouch for it",
                    self.domain
                ),
                "correct the address, or list the peer in core.trusted_peers",
            );
        }
    }

    /// The sockets with their keys.
    fn listens(&self) -> Vec<(&'static str, SocketAddr)> {
        let sip = [("sip.udp", self.sip.udp), ("sip.tcp", self.sip.tcp)];
        sip.into_iter()
            .filter_map(|(key, at)| Some((key, at?)))
            .chain([("msrp.tcp", self.msrp.tcp)])
            .chain(self.http.listen.map(|at| ("http.listen", at)))
            .chain(self.http.tls.map(|at| ("http.tls", at)))
            .chain(self.imps.cir_tcp.map(|at| ("imps.cir_tcp", at)))
            .chain(self.imps.cir_udp.map(|at| ("imps.cir_udp", at)))
            .collect()
    }
}

struct Found(Vec<Problem>);

impl Found {
    fn caution(&mut self, key: &'static str, what: impl Into<String>, remedy: &'static str) {
        self.add(Weight::Caution, key, what.into(), remedy);
    }

    fn mistake(&mut self, key: &'static str, what: impl Into<String>, remedy: &'static str) {
        self.add(Weight::Mistake, key, what.into(), remedy);
    }

    fn add(&mut self, weight: Weight, key: &'static str, what: String, remedy: &'static str) {
        self.0.push(Problem {
            weight,
            key,
            what,
            remedy,
        });
    }
}

/// Can two sockets of one transport not both be bound?
fn clash(a: SocketAddr, b: SocketAddr) -> bool {
    let overlap = a.ip() == b.ip() || a.ip().is_unspecified() || b.ip().is_unspecified();
    a.port() == b.port() && a.port() != 0 && overlap
}

fn is_multicast(ip: IpAddr) -> bool {
    ip.is_multicast() || ip == IpAddr::V4(std::net::Ipv4Addr::BROADCAST)
}

/// Not of a network that is private, of this link or of this machine.
fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            // RFC 6598: shared within one provider, as between the parts of an IMS core.
            let shared = matches!(ip.octets(), [100, 64..=127, _, _]);
            !(ip.is_private() || ip.is_loopback() || ip.is_link_local() || shared)
        }
        IpAddr::V6(ip) => !(ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local()),
    }
}
