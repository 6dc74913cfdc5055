//! The configuration file, key by key.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sip::digest::Algorithm;

use crate::TlsFiles;

use super::value::{algorithms, between, domain, listen, node, senders, status, user_part};
use super::{Focus, FocusAnswer, HttpKeys, ImpsKeys, Policy, Registrar, Setup, SipPeer, SspKeys};

/// All that can be configured, as the file writes it. What each key means, and which values it
/// takes, stands in [`KEYS`](super::KEYS).
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
#[expect(
    missing_docs,
    reason = "KEYS says it, for people who do not read Rust too"
)]
pub struct Config {
    #[serde(deserialize_with = "domain")]
    pub domain: String,
    #[serde(deserialize_with = "node")]
    pub node: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advertise: Option<IpAddr>,
    pub store: StoreKeys,
    pub dns: DnsKeys,
    pub sip: SipKeys,
    pub msrp: MsrpKeys,
    pub core: CoreKeys,
    pub registrar: RegistrarKeys,
    pub focus: FocusKeys,
    pub notify: NotifyKeys,
    pub http: HttpKeys,
    pub imps: ImpsKeys,
    pub ssp: SspKeys,
    pub tls: TlsKeys,
    pub trace: TraceKeys,
}

/// The keys of `[store]`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "see Config")]
pub struct StoreKeys {
    pub path: PathBuf,
}

/// The keys of `[dns]`.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "see Config")]
pub struct DnsKeys {
    pub servers: Vec<SocketAddr>,
}

/// The keys of `[sip]`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "see Config")]
pub struct SipKeys {
    #[serde(with = "listen")]
    pub udp: Option<SocketAddr>,
    #[serde(with = "listen")]
    pub tcp: Option<SocketAddr>,
    #[serde(deserialize_with = "between::<10, 10_000, _>")]
    pub t1_ms: u32,
    #[serde(deserialize_with = "between::<0, 256, _>")]
    pub shards: u32,
    pub peers: Vec<SipPeer>,
}

/// The keys of `[msrp]`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "see Config")]
pub struct MsrpKeys {
    pub tcp: SocketAddr,
    pub connect_to: Vec<IpAddr>,
}

/// The keys of `[core]`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "see Config")]
pub struct CoreKeys {
    pub mode: CoreMode,
    pub trusted_peers: Vec<IpAddr>,
    #[serde(with = "algorithms")]
    pub digest: Vec<Algorithm>,
}

/// Who registers users and routes their requests.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CoreMode {
    /// This server does.
    #[default]
    Embedded,
}

/// The keys of `[registrar]`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "see Config")]
pub struct RegistrarKeys {
    #[serde(deserialize_with = "between::<1, 604_800, _>")]
    pub default_expires_s: u32,
    #[serde(deserialize_with = "between::<1, 604_800, _>")]
    pub min_expires_s: u32,
    #[serde(deserialize_with = "between::<1, 604_800, _>")]
    pub max_expires_s: u32,
    #[serde(deserialize_with = "between::<1, 100, _>")]
    pub max_contacts: u32,
}

/// The keys of `[focus]`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "see Config")]
pub struct FocusKeys {
    #[serde(deserialize_with = "user_part")]
    pub factory: String,
    #[serde(deserialize_with = "between::<1, 5000, _>")]
    pub max_adhoc_group_size: u32,
    pub answer: FocusAnswer,
    #[serde(deserialize_with = "between::<1, 3600, _>")]
    pub ring_s: u32,
    #[serde(deserialize_with = "between::<1, 86_400, _>")]
    pub media_s: u32,
    pub allow_anonymity: bool,
    #[serde(deserialize_with = "senders")]
    pub allowed_senders: Vec<String>,
    pub recipient_list_history: bool,
    #[serde(deserialize_with = "status")]
    pub unknown_session: u16,
    // RFC 4028 section 4: 90 seconds is the least that may be asked for or insisted on.
    #[serde(deserialize_with = "between::<90, 86_400, _>")]
    pub session_interval_s: u32,
    #[serde(deserialize_with = "between::<90, 86_400, _>")]
    pub min_session_interval_s: u32,
    #[serde(deserialize_with = "between::<1, 1_000_000, _>")]
    pub fan_out_credit: u32,
}

/// The keys of `[notify]`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "see Config")]
pub struct NotifyKeys {
    #[serde(deserialize_with = "between::<0, 60_000, _>")]
    pub min_interval_ms: u32,
}

/// The keys of `[trace]`.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "see Config")]
pub struct TraceKeys {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pcap: Option<PathBuf>,
}

/// The keys of `[tls]`.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "see Config")]
pub struct TlsKeys {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorities: Option<PathBuf>,
}

impl TlsKeys {
    /// The files, if there are those that it takes.
    pub fn files(&self) -> Option<TlsFiles> {
        Some(TlsFiles {
            certificate: self.certificate.clone()?,
            key: self.key.clone()?,
            authorities: self.authorities.clone(),
        })
    }
}

/// What is wrong with a configuration file or an assignment.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct ConfigError {
    /// What is wrong.
    pub message: String,
    /// What to write instead, if it is known.
    pub help: Option<String>,
    /// Where in the file, in bytes. `None` for an assignment.
    pub span: Option<Range<usize>>,
}

impl Config {
    /// Reads a configuration file. Keys that are not there have their default value.
    ///
    /// # Errors
    ///
    /// [`ConfigError`], for the first thing that is no TOML, an unknown key, or a value that its
    /// key does not take.
    pub fn load(text: &str) -> Result<Self, ConfigError> {
        toml::from_str(text).map_err(|error: toml::de::Error| ConfigError::in_file(&error, text))
    }

    /// The configuration of a server to try things with: reachable from this machine alone, for
    /// the domain `localhost`. Clients on this machine may ask to be connected to (MSRP), changes
    /// in a conference are told after half a second, and handsets may poll once a second.
    pub fn dev() -> Self {
        let mut config = Self::default();
        config.msrp.connect_to = vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
        // Whoever tries things wants to see them happen; five seconds is for networks.
        config.notify.min_interval_ms = 500;
        config.imps.poll_min_s = 1;
        config
    }

    /// What is fixed while the server runs, and what is not. Which store and which key it is stays
    /// here: the server is handed what was opened ([`Setup::seal`] is left to the caller).
    pub fn split(&self) -> (Setup, Policy) {
        (self.setup(), self.policy())
    }

    fn setup(&self) -> Setup {
        Setup {
            domain: self.domain.clone(),
            dns_servers: self.dns.servers.clone(),
            sip_udp: self.sip.udp,
            sip_tcp: self.sip.tcp,
            sip_peers: self.sip.peers.clone(),
            msrp_tcp: self.msrp.tcp,
            msrp_connect_to: self.msrp.connect_to.clone(),
            http: self.http.listen,
            http_tls: self.http.tls,
            tls: self.tls.files(),
            http_url: self.http.public_url.clone(),
            cir_tcp: self.imps.cir_tcp,
            cir_udp: self.imps.cir_udp,
            seal: None,
            ssp_secret: (!self.ssp.secret.is_empty()).then(|| self.ssp.secret.clone()),
            ssp_peers: self.ssp.peers.clone(),
            advertise: self.advertise,
            shards: usize::try_from(self.sip.shards).unwrap_or_default(),
            t1: Duration::from_millis(self.sip.t1_ms.into()),
            node: self.node.clone(),
            trace_pcap: self.trace.pcap.clone(),
        }
    }

    fn policy(&self) -> Policy {
        let seconds = |value: u32| Duration::from_secs(value.into());
        let (focus, registrar) = (&self.focus, &self.registrar);
        Policy {
            focus: Focus {
                factory: focus.factory.clone(),
                max_adhoc_group_size: focus.max_adhoc_group_size,
                answer: focus.answer,
                ring: seconds(focus.ring_s),
                media: seconds(focus.media_s),
                allow_anonymity: focus.allow_anonymity,
                allowed_senders: focus.allowed_senders.clone(),
                recipient_list_history: focus.recipient_list_history,
                unknown_session: focus.unknown_session,
                session_interval: seconds(focus.session_interval_s),
                min_session_interval: seconds(focus.min_session_interval_s),
                fan_out_credit: focus.fan_out_credit,
            },
            registrar: Registrar {
                default_expires: seconds(registrar.default_expires_s),
                min_expires: seconds(registrar.min_expires_s),
                max_expires: seconds(registrar.max_expires_s),
                max_contacts: usize::try_from(registrar.max_contacts).unwrap_or(usize::MAX),
            },
            imps: self.imps.policy(),
            notify_min_interval: Duration::from_millis(self.notify.min_interval_ms.into()),
            trusted_peers: self.core.trusted_peers.clone(),
            digest: self.core.digest.clone(),
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            domain: "localhost".to_owned(),
            node: "node-1".to_owned(),
            advertise: None,
            store: StoreKeys::default(),
            dns: DnsKeys::default(),
            sip: SipKeys::default(),
            msrp: MsrpKeys::default(),
            core: CoreKeys::default(),
            registrar: RegistrarKeys::default(),
            focus: FocusKeys::default(),
            notify: NotifyKeys::default(),
            http: HttpKeys::default(),
            imps: ImpsKeys::default(),
            ssp: SspKeys::default(),
            tls: TlsKeys::default(),
            trace: TraceKeys::default(),
        }
    }
}

impl Default for StoreKeys {
    fn default() -> Self {
        Self {
            path: PathBuf::from("tertulia.db"),
        }
    }
}

impl Default for SipKeys {
    fn default() -> Self {
        let local = SocketAddr::from((Ipv4Addr::LOCALHOST, 5060));
        Self {
            udp: Some(local),
            tcp: Some(local),
            t1_ms: 500,
            shards: 0,
            peers: Vec::new(),
        }
    }
}

impl Default for MsrpKeys {
    fn default() -> Self {
        Self {
            tcp: SocketAddr::from((Ipv4Addr::LOCALHOST, 2855)),
            connect_to: Vec::new(),
        }
    }
}

impl Default for CoreKeys {
    fn default() -> Self {
        Self {
            mode: CoreMode::Embedded,
            trusted_peers: Vec::new(),
            digest: Algorithm::ALL.to_vec(),
        }
    }
}

impl Default for RegistrarKeys {
    fn default() -> Self {
        Self {
            default_expires_s: 3600,
            min_expires_s: 60,
            max_expires_s: 7200,
            max_contacts: 10,
        }
    }
}

impl Default for FocusKeys {
    fn default() -> Self {
        Self {
            factory: "conference-factory".to_owned(),
            max_adhoc_group_size: 100,
            answer: FocusAnswer::Confirmed,
            ring_s: 120,
            media_s: 60,
            allow_anonymity: true,
            allowed_senders: Vec::new(),
            recipient_list_history: false,
            unknown_session: 403,
            session_interval_s: 1800,
            min_session_interval_s: 90,
            fan_out_credit: 1000,
        }
    }
}

impl Default for NotifyKeys {
    fn default() -> Self {
        Self {
            min_interval_ms: 5000,
        }
    }
}
