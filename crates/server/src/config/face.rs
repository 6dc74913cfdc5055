//! The keys of HTTP and of IMPS.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::value::{between, listen, text, url};
use super::{Imps, SspPeer};

/// The keys of `[http]`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "see Config")]
pub struct HttpKeys {
    #[serde(with = "listen")]
    pub listen: Option<SocketAddr>,
    #[serde(with = "listen")]
    pub tls: Option<SocketAddr>,
    #[serde(deserialize_with = "url", skip_serializing_if = "Option::is_none")]
    pub public_url: Option<String>,
}

/// The keys of `[imps]`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "see Config")]
pub struct ImpsKeys {
    #[serde(with = "listen")]
    pub cir_tcp: Option<SocketAddr>,
    #[serde(with = "listen")]
    pub cir_udp: Option<SocketAddr>,
    pub cir_to: Vec<IpAddr>,
    pub key_file: PathBuf,
    pub gateways: Vec<IpAddr>,
    #[serde(deserialize_with = "text")]
    pub service_name: String,
    #[serde(deserialize_with = "between::<1, 3600, _>")]
    pub extend_timeout_s: u32,
    #[serde(deserialize_with = "between::<0, 1_000_000, _>")]
    pub max_groups: u32,
    #[serde(deserialize_with = "between::<0, 10_000, _>")]
    pub max_groups_per_user: u32,
    #[serde(deserialize_with = "between::<2, 5000, _>")]
    pub max_group_size: u32,
    #[serde(deserialize_with = "between::<1, 1_000_000, _>")]
    pub max_sessions: u32,
    #[serde(deserialize_with = "between::<1, 100, _>")]
    pub max_sessions_per_user: u32,
    #[serde(deserialize_with = "between::<10, 86_400, _>")]
    pub session_s: u32,
    #[serde(deserialize_with = "between::<10, 604_800, _>")]
    pub max_session_s: u32,
    #[serde(deserialize_with = "between::<0, 3600, _>")]
    pub poll_min_s: u32,
    #[serde(deserialize_with = "between::<1, 100_000, _>")]
    pub max_waiting: u32,
    #[serde(deserialize_with = "between::<60, 31_536_000, _>")]
    pub keep_s: u32,
    #[serde(deserialize_with = "between::<1000, 1_000_000, _>")]
    pub max_message: u32,
    #[serde(deserialize_with = "text", skip_serializing_if = "String::is_empty")]
    pub welcome: String,
    #[serde(deserialize_with = "text", skip_serializing_if = "String::is_empty")]
    pub notice: String,
}

/// The keys of `[ssp]`.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "see Config")]
pub struct SspKeys {
    #[serde(deserialize_with = "text", skip_serializing_if = "String::is_empty")]
    pub secret: String,
    pub peers: Vec<SspPeer>,
}

impl ImpsKeys {
    /// What may change while the server runs.
    pub(super) fn policy(&self) -> Imps {
        let seconds = |value: u32| Duration::from_secs(value.into());
        let count = |value: u32| usize::try_from(value).unwrap_or(usize::MAX);
        let given = |text: &String| (!text.is_empty()).then(|| text.clone());
        Imps {
            cir_to: self.cir_to.clone(),
            gateways: self.gateways.clone(),
            service_name: self.service_name.clone(),
            extend_timeout: seconds(self.extend_timeout_s),
            max_groups: count(self.max_groups),
            max_groups_per_user: count(self.max_groups_per_user),
            max_group_size: self.max_group_size,
            max_sessions: count(self.max_sessions),
            max_sessions_per_user: count(self.max_sessions_per_user),
            session: seconds(self.session_s),
            max_session: seconds(self.max_session_s),
            poll_min: seconds(self.poll_min_s),
            max_waiting: self.max_waiting,
            keep: seconds(self.keep_s),
            max_message: count(self.max_message),
            welcome: given(&self.welcome),
            notice: given(&self.notice),
        }
    }
}

impl Default for HttpKeys {
    fn default() -> Self {
        Self {
            listen: Some(SocketAddr::from(([127, 0, 0, 1], 8080))),
            tls: None,
            public_url: None,
        }
    }
}

impl Default for ImpsKeys {
    fn default() -> Self {
        let cir = SocketAddr::from(([127, 0, 0, 1], 3717));
        Self {
            cir_tcp: Some(cir),
            cir_udp: Some(cir),
            cir_to: Vec::new(),
            key_file: PathBuf::from("tertulia.key"),
            gateways: Vec::new(),
            service_name: "Tertulia".to_owned(),
            extend_timeout_s: 60,
            max_groups: 10_000,
            max_groups_per_user: 50,
            max_group_size: 100,
            max_sessions: 100_000,
            max_sessions_per_user: 8,
            session_s: 1800,
            max_session_s: 86_400,
            poll_min_s: 5,
            max_waiting: 1000,
            keep_s: 604_800,
            max_message: 100_000,
            welcome: String::new(),
            notice: String::new(),
        }
    }
}
