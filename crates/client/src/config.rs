//! What an agent is told at start: who it is, where its server is, how it behaves.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use sip::session_timer::SessionInterval;
use sip::transaction::Timers;

use crate::known::Known;

/// How SIP is carried to the server.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Transport {
    /// Datagrams.
    Udp,
    /// One connection, kept alive.
    #[default]
    Tcp,
}

impl Transport {
    /// The name in a Via.
    pub(crate) const fn in_via(self) -> &'static str {
        match self {
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
        }
    }

    /// The name in a URI parameter.
    pub(crate) const fn in_uri(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
        }
    }

    pub(crate) const fn is_reliable(self) -> bool {
        matches!(self, Self::Tcp)
    }
}

/// How the session of two is named in the list of people who are invited to extend it (IM 7.1.1.6).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Extending {
    /// By its dialog, in Replaces (RFC 3891).
    #[default]
    Replaces,
    /// By its identity, in Session-Replaces, as RCS clients do.
    SessionReplaces,
}

/// What an agent is told at start. [`Config::new`] gives the usual values.
#[derive(Clone)]
pub struct Config {
    /// The user's address of record, such as `sip:alice@localhost`.
    pub aor: String,
    /// The password for digest authentication.
    pub password: String,
    /// The outbound proxy: where every request goes.
    pub server: SocketAddr,
    /// How SIP is carried there.
    pub transport: Transport,
    /// The name shown to others.
    pub display: Option<String>,
    /// The device, as a URN (RFC 5626 section 4.1). Without one a random UUID is made.
    pub instance: Option<String>,
    /// The users whose presence and messages are marked as blocked (IM-7.1.1.11-NTFY-S3).
    pub block_list: Vec<String>,
    /// The session interval offered in an INVITE (IM-7.1.1.1-S7).
    pub session_interval: SessionInterval,
    /// MAX-ADHOC-GROUP-SIZE: the most people one invitation may name. `None` if the user's network
    /// provisioned none: then only the server counts.
    pub max_adhoc_group_size: Option<u32>,
    /// What a REFER for several people says in Refer-Sub (IM-7.1.1.7-S4c): `true` asks to be told
    /// how it goes on, which RFC 5368 advises against.
    pub refer_sub: bool,
    /// How the session of two is named that a conference extends.
    pub extending: Extending,
    /// The sessions that can be rejoined, as [`crate::Event::Known`] told an agent of this user
    /// before (IM 7.1.1.9).
    pub sessions: Vec<Known>,
    /// CONF-FCTY-URI: where conferences are made (IM-7.1.1.3-S2).
    pub factory: String,
    /// Ask for anonymity in everything (IM-7.1.1.1-S5).
    pub anonymous: bool,
    /// Subscribe to the state of each conference (IM-7.1.1.1-OK-S2).
    pub subscribe: bool,
    /// The address SIP is sent from; `None` leaves the choice to the system.
    pub local: Option<SocketAddr>,
    /// Where to wait for MSRP connections. With an address here offers say `actpass`, without they
    /// say `active`. With port 0 each session gets its own port; another port serves one session at
    /// a time.
    pub msrp_listen: Option<SocketAddr>,
    /// What follows the release version in User-Agent (IM-7.1.1.1-S2).
    pub product: String,
    /// How long a registration is asked for.
    pub registration: Duration,
    /// The durations that SIP's timers come from.
    pub timers: Timers,
}

impl Config {
    /// An agent for `aor` behind `server`, with everything else as usual.
    pub fn new(aor: &str, password: &str, server: SocketAddr) -> Self {
        let domain = aor
            .rsplit_once('@')
            .map_or("localhost", |(_, domain)| domain);
        Self {
            aor: aor.to_owned(),
            password: password.to_owned(),
            server,
            transport: Transport::default(),
            display: None,
            instance: None,
            block_list: Vec::new(),
            session_interval: SessionInterval::RECOMMENDED,
            max_adhoc_group_size: None,
            refer_sub: false,
            extending: Extending::default(),
            sessions: Vec::new(),
            factory: format!("sip:conference-factory@{domain}"),
            anonymous: false,
            subscribe: true,
            local: None,
            msrp_listen: None,
            product: concat!("Tertulia/", env!("CARGO_PKG_VERSION")).to_owned(),
            registration: Duration::from_secs(3600),
            timers: Timers::default(),
        }
    }
}

/// Says everything but the password.
impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("aor", &self.aor)
            .field("server", &self.server)
            .field("transport", &self.transport)
            .field("factory", &self.factory)
            .finish_non_exhaustive()
    }
}
